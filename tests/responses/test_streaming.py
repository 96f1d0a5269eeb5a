"""StreamingResponse: when its head and its items leave, its limits, its last words, and what may be given to it."""

import asyncio
import contextlib
import gc
import inspect
import io
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import starlette.responses
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

import rejoinder._pump
from rejoinder import Ending, Outcome, StreamingResponse
from rejoinder._pull import PORTION, Puller
from rejoinder.testing import Answer, Exchange, ProtocolViolation, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks")


@pytest.fixture(params=["told", "not told"])
def scopes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as AnyIO's private table tells of the scopes around a task, and once as if there were none."""
    if request.param == "not told":
        monkeypatch.setattr("rejoinder._stepped._BACKEND", "anyio")  # which has no such table


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def never() -> Any:
    await anyio.sleep(1000)


KEEPALIVES: list[Any] = [5, (5, "data"), (5,), (5, b"a", b"b"), "ab", {5: b"a"}]
SCOPE: Any = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": "/", "headers": []}
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def runner(loop: str) -> asyncio.Runner:
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    return asyncio.Runner(loop_factory=factory)


def bodies(messages: Any) -> list[tuple[float, bytes]]:
    return [(message.time, message["body"]) for message in messages if message.get("body")]


async def steps(*script: Any) -> AsyncIterator[Any]:
    """Sleeps for a number, raises an exception, yields all else."""
    for step in script:
        if isinstance(step, (int, float)):
            await anyio.sleep(step)
        elif isinstance(step, Exception):
            raise step
        else:
            yield step


def of(*script: Any, **options: Any) -> Any:
    return StreamingResponse(steps(*script), **options)


def fetched(response: Any, backend: str = "asyncio", **options: Any) -> Answer:
    return run(lambda: fetch(response, **options), backend=backend)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        pytest.param("text: é", "text: é".encode(), id="str"),
        pytest.param(b"octets", b"octets", id="bytes"),
        pytest.param(bytearray(b"octets"), b"octets", id="bytearray"),
        pytest.param(memoryview(b"octets"), b"octets", id="memoryview"),
        pytest.param(["a", b"b", bytearray(b"c"), memoryview(b"d"), "", "é"], b"abcd\xc3\xa9", id="list"),
        pytest.param(("a", "b"), b"ab", id="tuple"),
        pytest.param([], b"", id="empty"),
        pytest.param(lambda: io.BytesIO(b"a\nb\n"), b"a\nb\n", id="BytesIO"),
        pytest.param(lambda: io.StringIO("a\nb\n"), b"a\nb\n", id="StringIO"),
        pytest.param({"a": 1, "b": 2}, b"ab", id="dict"),
    ],
)  # fmt: skip
def test_content(content: Any, body: bytes, backend: str) -> None:
    answer = fetched(StreamingResponse(content() if callable(content) else content), backend)
    assert (answer.status, answer.body, answer.complete) == (200, body, True)
    assert answer.headers.get("content-length") is None


@pytest.mark.parametrize("content", [None, 1, ..., StreamingResponse], ids=repr)
def test_content_that_is_none(content: Any) -> None:
    with pytest.raises(TypeError, match=f"got {type(content).__name__}"):
        StreamingResponse(content)


@pytest.mark.parametrize("item", [None, 1, ["a"]], ids=repr)
def test_item_that_is_none(item: Any, backend: str) -> None:
    with pytest.raises(TypeError, match=f"got {type(item).__name__}"):
        fetched(StreamingResponse([item]), backend)


def test_a_file_is_read_by_blocks(backend: str) -> None:
    answer = fetched(StreamingResponse(io.BytesIO(b"\n" * 100_000)), backend)
    assert [len(body) for _, body in bodies(answer.messages)] == [65536, 34464]


def test_items_that_are_ready_leave_together(backend: str) -> None:
    answer = fetched(of("a", "b", 1, "c", "d", 0.2, "e"), backend)
    assert bodies(answer.messages) == [(0, b"ab"), (1, b"cd"), (1.2, b"e")]


def test_one_chunk_is_two_messages_and_no_task() -> None:
    async def main() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            assert len(asyncio.all_tasks()) == 1
            sent.append(message)

        await of("a")(SCOPE, None, send)
        assert [message["type"].rpartition(".")[2] for message in sent] == ["start", "body"]

    asyncio.run(main())


def test_a_source_that_only_yields_to_others_does_not_wait() -> None:
    answer = fetched(of("a", 0, "b", 0, "c"))
    assert b"".join(body for _, body in bodies(answer.messages)) == b"abc"
    assert len(bodies(answer.messages)) < 3


def test_the_head_does_not_wait_for_the_first_item(backend: str) -> None:
    answer = fetched(of(5, "a"), backend)
    assert answer.messages[0].time == pytest.approx(0, abs=0.1)
    assert fetched(of(5, "a", prefetch=True), backend).messages[0].time == 5


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: steps(HTTPException(403)), id="async"),
        pytest.param(lambda: map(divmod, [1], [0]), id="sync"),
        pytest.param(lambda: steps(0, HTTPException(403)), id="after a turn"),
    ],
)
def test_an_error_at_once_is_an_ordinary_one(content: Any, prefetch: bool, backend: str) -> None:
    async def main() -> None:
        with pytest.raises((HTTPException, ZeroDivisionError)):
            async with Exchange(
                StreamingResponse(content(), prefetch=prefetch, on_error=lambda error: "x")
            ) as exchange:
                await exchange.body()
        assert exchange.messages == []

    run(main, backend=backend)


def test_what_was_yielded_before_an_error_is_sent(backend: str) -> None:
    async def main() -> None:
        with pytest.raises(LookupError):
            async with Exchange(of("a", "b", LookupError())) as exchange:
                await exchange.body()
        assert (exchange.content, exchange.complete) == (b"ab", False)

    run(main, backend=backend)


@pytest.mark.parametrize("script", [("a", LookupError("x")), (1, LookupError("x"))], ids=["item", "head"])
def test_on_error_has_the_last_word(script: Any, backend: str) -> None:
    outcomes: list[Outcome] = []
    answer = fetched(of(*script, on_error=lambda error: f"<{error}>", on_finish=outcomes.append), backend)
    assert (answer.body.endswith(b"<x>"), answer.complete) == (True, True)
    assert [(outcome.ending, type(outcome.exception)) for outcome in outcomes] == [(Ending.FAILED, LookupError)]


def test_on_error_may_have_nothing_to_say(backend: str) -> None:
    with pytest.raises(LookupError):
        fetched(of("a", LookupError(), on_error=lambda error: None), backend)


@pytest.mark.parametrize(
    ("options", "script", "at", "name"),
    [
        pytest.param({"idle_timeout": 3}, ("a", 2, "b", 2, "c", 100), 7, "idle_timeout", id="idle"),
        pytest.param({"max_duration": 5}, ("a", 2, "b", 2, "c", 100), 5, "max_duration", id="duration"),
        pytest.param({"idle_timeout": 3, "prefetch": True}, (100,), 3, "idle_timeout", id="before the head"),
        pytest.param(
            {"idle_timeout": 3, "keepalive": (1, b".")}, (100,), 3, "idle_timeout", id="keep-alive is no item"
        ),
    ],
)
def test_limits(options: Any, script: Any, at: float, name: str, backend: str) -> None:
    outcomes: list[Outcome] = []

    async def main() -> float:
        with pytest.raises(TimeoutError, match=name):
            async with Exchange(of(*script, on_finish=outcomes.append, **options)) as exchange:
                await exchange.body()
        return anyio.current_time()

    assert run(main, backend=backend) == pytest.approx(at, abs=0.1)
    assert outcomes[0].ending is Ending.FAILED


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
def test_send_timeout(spec: str, backend: str) -> None:
    outcomes: list[Outcome] = []
    response = of("a", 1, "b", 1, "c", on_finish=outcomes.append, send_timeout=4)

    async def main() -> None:
        with pytest.raises(ProtocolViolation, match="returned within the body"):  # noqa: PT012
            async with Exchange(response, spec_version=spec) as exchange:
                await exchange.read()
                await anyio.sleep(10)
                assert len(outcomes) == 1

    run(main, backend=backend)
    assert (outcomes[0].ending, type(outcomes[0].exception)) == (Ending.DISCONNECTED, TimeoutError)
    assert outcomes[0].duration < 1  # of the real clock


def test_a_send_that_is_stuck_does_not_count_as_idle(backend: str) -> None:
    async def main() -> bytes:
        async with Exchange(of("a", 1, "b", 1, "c", idle_timeout=2), read_delay=5) as exchange:
            return await exchange.body()

    assert run(main, backend=backend) == b"abc"


def test_keepalive_while_the_source_waits(backend: str) -> None:
    answer = fetched(of("a", 25, "b", 5, "c", keepalive=(10, b".")), backend)
    assert bodies(answer.messages) == [(0, b"a"), (10, b"."), (20, b"."), (25, b"b"), (30, b"c")]


@pytest.mark.parametrize("option", ["send_timeout", "idle_timeout", "max_duration"])
@pytest.mark.parametrize("value", [0, -1, True, "1", float("nan")], ids=repr)
def test_limits_are_checked(option: str, value: Any) -> None:
    options: Any = {option: value}
    with pytest.raises(ValueError, match=option):
        StreamingResponse("", **options)


@pytest.mark.parametrize("keepalive", KEEPALIVES)
def test_a_keepalive_is_seconds_and_octets(keepalive: Any) -> None:
    with pytest.raises(TypeError, match=r"keepalive must be a pair .*; got "):
        StreamingResponse([], keepalive=keepalive)


def test_a_farewell_is_octets() -> None:
    farewell: Any = "bye"
    with pytest.raises(TypeError, match="farewell must be bytes, got 'bye'"):
        StreamingResponse([], farewell=farewell)


def test_validators_are_evaluated_before_the_source_is_started(backend: str) -> None:
    response = of(LookupError(), etag="a", last_modified=datetime(2026, 1, 1, tzinfo=UTC), filename="a.txt")
    answer = fetched(response, backend, headers={"if-none-match": '"a"'})
    assert (answer.status, answer.body, answer.headers.get("etag")) == (304, b"", '"a"')


def test_the_context_of_the_request() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")

    def items() -> Iterator[str]:
        yield variable.get()

    async def main() -> bytes:
        variable.set("set")
        return (await fetch(StreamingResponse(items()))).body

    assert run(main) == b"set"


@pytest.mark.usefixtures("scopes")
def test_scopes_and_timeouts_of_the_source_work() -> None:
    async def items() -> AsyncIterator[str]:
        task = asyncio.current_task()
        with anyio.move_on_after(1):
            await anyio.sleep(100)
        yield "a"
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(100)
        except TimeoutError:
            yield "b"
        async with asyncio.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(1, "c"))
        yield child.result()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 1)
        assert asyncio.current_task() is task
        yield "d"

    assert bodies(fetched(StreamingResponse(items())).messages) == [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("groups", ["anyio", "asyncio"])
def test_a_source_is_closed_within_a_task_group_of_its_own(
    groups: str, fails: bool, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In which it does not wait: it has given what nobody takes."""
    outcomes: list[Outcome] = []
    closed: list[str] = []

    async def child() -> None:
        try:
            await anyio.sleep(1000)
        finally:
            closed.append("child")
            if fails:
                raise LookupError("of the child")

    async def items() -> AsyncIterator[bytes]:
        if groups == "asyncio":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(child())
                await asyncio.sleep(1)
                yield bytes(70_000)
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(child)
                await anyio.sleep(1)
                yield bytes(70_000)

    async def main() -> None:
        async with Exchange(StreamingResponse(items(), on_finish=outcomes.append)) as exchange:
            await exchange.start()
            await anyio.sleep(2)
        assert closed == ["child"]
        assert anyio.current_time() == pytest.approx(2, abs=0.1)

    if (groups, backend) == ("asyncio", "trio"):
        pytest.skip("asyncio's are not for trio")
    run(main, backend=backend)
    assert [outcome.ending for outcome in outcomes] == [Ending.DISCONNECTED]
    assert ("of the child" in caplog.text) == fails


def test_a_source_that_awaits_what_is_not_for_asyncio() -> None:
    class Odd:
        def __await__(self) -> Any:
            yield 1

    async def items() -> AsyncIterator[str]:
        yield "a"
        await Odd()

    with pytest.raises(RuntimeError, match="awaits 1"):
        fetched(StreamingResponse(items()))


def test_a_source_that_cannot_be_stopped_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

    async def main() -> None:
        async with Exchange(StreamingResponse(items())) as exchange:
            await exchange.read()
        assert anyio.current_time() == pytest.approx(5, abs=0.1)

    run(main)
    assert "is given up" in caplog.text


def test_a_source_that_goes_on_when_it_is_cancelled_is_closed_at_its_next_item(
    caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    closed: list[str] = []

    async def items() -> AsyncIterator[str]:
        try:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    yield "a"
                    await anyio.sleep(1)
        finally:
            closed.append("a")

    async def main() -> None:
        async with Exchange(StreamingResponse(items())) as exchange:
            await exchange.read()
        assert closed == ["a"]
        assert anyio.current_time() < 2

    run(main, backend=backend)
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_source_that_raises_generator_exit(kind: str) -> None:
    """It is not to be taken for the end of the loop, at which nothing can be awaited."""
    outcomes: list[Outcome] = []
    ran: list[str] = []

    def items() -> Iterator[str]:
        yield "a"
        raise GeneratorExit

    async def aitems() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(1)
        raise GeneratorExit

    response = StreamingResponse(
        items() if kind == "sync" else aitems(),
        on_finish=outcomes.append,
        background=BackgroundTask(ran.append, "background"),
    )
    with pytest.raises(RuntimeError, match="GeneratorExit"):
        fetched(response)
    assert ([outcome.ending for outcome in outcomes], ran) == ([Ending.FAILED], ["background"])


def test_slow_sources_in_threads_take_turns(backend: str) -> None:
    """More of them than there are threads: each gives its thread back, so that they all go on."""
    over = threading.Event()
    begun: set[int] = set()

    def items(number: int) -> Iterator[str]:
        while not over.wait(0.001):
            begun.add(number)
            if len(begun) == 6:
                over.set()
            yield "a"

    def end() -> None:
        over.wait(10)
        over.set()

    async def main() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 3

        async def send(message: Any) -> None:
            await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, end)
            for number in range(6):
                group.start_soon(StreamingResponse(items(number)), SCOPE, never, send)

    anyio.run(main, backend=backend)
    assert len(begun) == 6


def test_a_source_that_fails_while_it_is_closed(caplog: pytest.LogCaptureFixture, backend: str) -> None:
    async def items() -> AsyncIterator[str]:
        try:
            yield "a"
            await anyio.sleep(1000)
        finally:
            raise LookupError("in the end")

    async def main() -> None:
        async with Exchange(StreamingResponse(items())) as exchange:
            await exchange.read()

    run(main, backend=backend)
    assert "in the end" in caplog.text


@LOOPS
def test_items_that_are_ready_early_do_not_wait(loop: str) -> None:
    """In real time: each item comes before the source is allowed to go on."""
    came: list[threading.Event] = [threading.Event() for _ in range(5)]

    def items() -> Iterator[str]:
        for i, event in enumerate(came):
            yield str(i)
            assert event.wait(10), f"item {i} did not come"

    async def aitems() -> AsyncIterator[str]:
        for i, event in enumerate(came):
            yield str(i)
            while not event.is_set():
                await asyncio.sleep(0.001)

    async def main(content: Any) -> None:
        for event in came:
            event.clear()

        async def send(message: Any) -> None:
            for digit in message.get("body", b"").decode():
                came[int(digit)].set()

        await StreamingResponse(content)(SCOPE, never, send)

    with runner(loop) as running:
        running.run(main(items()))
        running.run(main(aitems()))


@LOOPS
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hot_source_lets_the_others_run(kind: str, loop: str) -> None:
    over = threading.Event()

    def items() -> Iterator[bytes]:
        while not over.is_set():
            yield b"x"

    async def aitems() -> AsyncIterator[bytes]:
        for item in items():
            yield item

    async def main() -> None:
        async def send(message: Any) -> None:
            pass

        async def other() -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            over.set()

        task = asyncio.create_task(other())
        await StreamingResponse(items() if kind == "sync" else aitems())(SCOPE, never, send)
        await task

    with runner(loop) as running:
        running.run(main())


def test_a_slow_reader_holds_no_thread(backend: str) -> None:
    inside = 0

    def items() -> Iterator[bytes]:
        nonlocal inside
        for _ in range(4):
            inside += 1
            yield bytes(300_000)
            inside -= 1

    async def main() -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        async with Exchange(StreamingResponse(items())) as exchange:
            await exchange.read()
            await anyio.sleep(10)
            assert limiter.borrowed_tokens == 0
            assert len(await exchange.body()) == 900_000

    run(main, backend=backend)


class Wrapping:
    """What middleware does to `body_iterator`."""

    def __init__(self, response: Any) -> None:
        self.inner = response.body_iterator
        response.body_iterator = self.items()

    async def items(self) -> AsyncIterator[Any]:
        async for item in self.inner:
            yield item
            yield "|"


@pytest.mark.parametrize("kind", ["sync", "async", "list", "str"])
def test_body_iterator_is_read_and_replaced(kind: str, backend: str) -> None:
    closed: list[str] = []

    def items() -> Iterator[str]:
        try:
            yield from "abc"
        finally:
            closed.append("sync")

    async def aitems() -> AsyncIterator[str]:
        try:
            for item in "abc":
                yield item
        finally:
            closed.append("async")

    def make() -> Any:
        return {"sync": items(), "async": aitems(), "list": ["a", "b", "c"], "str": "abc"}[kind]

    async def read() -> list[Any]:
        return [chunk async for chunk in StreamingResponse(make()).body_iterator]

    assert run(read, backend=backend) == (["abc"] if kind == "str" else ["a", "b", "c"])
    closed.clear()
    response = StreamingResponse(make())
    Wrapping(response)

    async def leave() -> None:
        async with Exchange(response, disconnect_after=1) as exchange:
            await exchange.body()

    async def whole() -> bytes:
        return (await fetch(response)).body

    assert run(whole, backend=backend) == (b"abc|" if kind == "str" else b"a|b|c|")
    assert closed == ([kind] if kind in {"sync", "async"} else [])


def test_what_was_replaced_is_closed_when_the_client_leaves(backend: str) -> None:
    closed: list[int] = []

    async def items() -> AsyncIterator[str]:
        try:
            while True:
                yield "a" * 70_000
        finally:
            closed.append(1)

    async def main() -> None:
        response = StreamingResponse(items())
        Wrapping(response)
        async with Exchange(response, disconnect_after=2) as exchange:
            await exchange.body()
        assert closed == [1]

    run(main, backend=backend)


def test_the_same_response_again(backend: str) -> None:
    response = StreamingResponse(["a", "b"], media_type="text/plain")
    for _ in range(2):
        assert fetched(response, backend).body == b"ab"


def test_the_source_is_closed_when_a_header_cannot_be_sent(backend: str) -> None:
    closed: list[int] = []

    class Source:
        def __iter__(self) -> Iterator[str]:
            return iter("a")

        def close(self) -> None:
            closed.append(1)

    response = StreamingResponse(Source())
    response.headers["x-a"] = "\n"
    with pytest.raises(ValueError, match="x-a"):
        fetched(response, backend)
    assert closed == [1]


def test_it_is_starlettes_by_name_and_not_by_behaviour() -> None:
    assert issubclass(StreamingResponse, starlette.responses.StreamingResponse)
    theirs, ours = (
        [
            (one.name, one.default)
            for one in inspect.signature(cls).parameters.values()
            if one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD)
        ]
        for cls in (starlette.responses.StreamingResponse, StreamingResponse)
    )
    assert ours == theirs
    response = StreamingResponse("")
    for name in ("listen_for_disconnect", "stream_response", "body"):
        assert not hasattr(response, name)
    content = steps("a")
    assert StreamingResponse(content).body_iterator is content


@pytest.mark.filterwarnings(
    # BaseHTTPMiddleware leaves the request's stream to the garbage collector, and trio says so.
    "ignore:Async generator 'starlette.requests.Request.stream' was garbage collected:ResourceWarning",
)
@pytest.mark.parametrize("script", [("a",), ("a", 1, "b"), (1, "a")], ids=["at once", "waits", "waits first"])
def test_below_middleware(script: Any, backend: str) -> None:
    outcomes: list[Outcome] = []

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app = BaseHTTPMiddleware(of(*script, on_finish=outcomes.append), dispatch)
    answer = fetched(GZipMiddleware(app, minimum_size=10**6), backend)
    assert answer.complete
    assert [outcome.ending for outcome in outcomes] == [Ending.COMPLETED]


def test_a_receive_that_fails(backend: str) -> None:
    response = of("a", 10, "b")

    async def broken() -> Any:
        raise LookupError

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await response(scope, broken, send)

    with pytest.raises(LookupError):
        fetched(app, backend)


def test_a_send_that_is_stuck_until_the_stream_is_over(backend: str) -> None:
    outcomes: list[Outcome] = []

    async def main() -> None:
        with pytest.raises(TimeoutError, match="max_duration"):  # noqa: PT012
            async with Exchange(of("a", 1, "b", 1, "c", max_duration=3, on_finish=outcomes.append)) as exchange:
                await exchange.read()
                await anyio.sleep(10)
        assert outcomes[0].ending is Ending.FAILED

    run(main, backend=backend)


@pytest.mark.parametrize(
    ("script", "at"),
    [
        pytest.param(("a", 1000), 5, id="some message"),
        # Hypercorn tells of each client that it has left when it takes the last, and has something to do yet.
        pytest.param(("a",), 6, id="the last"),
    ],
)
def test_a_client_that_leaves_while_a_message_is_stuck_is_noticed(script: Any, at: float, backend: str) -> None:
    """On a server whose `send` says nothing of it."""
    outcomes: list[Outcome] = []

    async def main() -> float:
        gone = anyio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if "body" in message:
                await anyio.sleep(1000)

        async def leave() -> None:
            await anyio.sleep(5)
            gone.set()

        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            await of(*script, on_finish=outcomes.append)(SCOPE, receive, send)
        return anyio.current_time()

    assert run(main, backend=backend) == pytest.approx(at, abs=0.1)
    assert outcomes[0].ending is Ending.DISCONNECTED


def test_a_server_that_tells_of_the_end_while_it_takes_the_last_message(backend: str) -> None:
    outcomes: list[Outcome] = []
    taken: list[bytes] = []

    async def main() -> None:
        over = anyio.Event()

        async def receive() -> Any:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if not message.get("more_body", True):
                over.set()
                await anyio.sleep(0.5)
            taken.append(message.get("body"))

        await of("a", 1, "b", on_finish=outcomes.append)(SCOPE, receive, send)

    run(main, backend=backend)
    assert b"".join(body or b"" for body in taken) == b"ab"
    assert outcomes[0].ending is Ending.COMPLETED


def test_a_client_that_leaves_a_hot_stream_is_noticed(backend: str) -> None:
    """By who has sent much, on a server whose `send` neither waits nor says anything."""
    outcomes: list[Outcome] = []

    async def items() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        await anyio.lowlevel.checkpoint()

    run(lambda: StreamingResponse(items(), on_finish=outcomes.append)(SCOPE, receive, send), backend=backend)
    assert outcomes[0].ending is Ending.DISCONNECTED
    assert outcomes[0].bytes_sent < 5_000_000


def test_a_thread_that_does_not_return_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    inside, over, closed = threading.Event(), threading.Event(), threading.Event()

    def items() -> Iterator[str]:
        try:
            yield "a"
            inside.set()
            over.wait(30)
            yield "b"
        finally:
            closed.set()

    async def main() -> None:
        async with Exchange(StreamingResponse(items())) as exchange:
            await exchange.read()
            await asyncio.to_thread(inside.wait, 10)  # or it would be asked for no more
        assert not closed.is_set()
        over.set()  # and the thread closes what it was in
        await asyncio.to_thread(closed.wait, 10)
        assert closed.is_set()

    run(main)
    assert "is given up" in caplog.text


def test_a_loop_that_ends_under_it() -> None:
    closed: list[int] = []

    async def items() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.sleep(1000)
        finally:
            closed.append(1)

    async def main() -> Any:
        async def send(message: Any) -> None:
            pass

        coroutine = StreamingResponse(items())(SCOPE, never, send)
        future = coroutine.send(None)
        while future is None:
            future = coroutine.send(None)
        coroutine.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(main())
    assert closed == [1]


class Shouting:
    """An encoder."""

    def begin(self) -> bytes:
        return b"("

    def encode(self, item: object) -> bytes:
        return str(item).upper().encode()

    def end(self) -> bytes:
        return b")"

    def fail(self, last: object) -> bytes:
        return self.encode(last) + b"!"


class ShoutingResponse(StreamingResponse):
    def _encoder(self) -> Any:
        return Shouting()


@pytest.mark.parametrize(
    ("script", "body"),
    [
        pytest.param(("a", "b"), b"(AB)", id="end"),
        pytest.param((), b"()", id="empty"),
        pytest.param((1, "a"), b"(A)", id="head first"),
        pytest.param(("a", LookupError("x")), b"(AX!", id="error"),
    ],
)
def test_an_encoder(script: Any, body: bytes, backend: str) -> None:
    assert fetched(ShoutingResponse(steps(*script), on_error=str), backend).body == body


@pytest.mark.parametrize("kind", ["list", "async", "manager", "async manager"])
def test_body_iterator_of_an_encoded_stream_has_octets(kind: str, backend: str) -> None:
    @contextlib.contextmanager
    def manager() -> Iterator[Any]:
        yield ["a", "b"]

    @contextlib.asynccontextmanager
    async def async_manager() -> AsyncIterator[Any]:
        yield steps("a", "b")

    async def main() -> list[Any]:
        content = {
            "list": ["a", "b"],
            "async": steps("a", "b"),
            "manager": manager(),
            "async manager": async_manager(),
        }[kind]
        response = ShoutingResponse(content)
        chunks = [chunk async for chunk in response.body_iterator]
        response.body_iterator = chunks
        assert (await fetch(response)).body == b"(AB)"
        return chunks

    assert run(main, backend=backend) == [b"(", b"A", b"B", b")"]


@pytest.mark.parametrize("what", ["leaves", "shutdown"])
def test_news_that_come_while_a_message_is_sent(what: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not forgotten when the source waits next."""
    told: list[Any] = []
    outcomes: list[Outcome] = []

    @contextlib.contextmanager
    def listening(callback: Any) -> Iterator[None]:
        told.append(callback)
        yield

    monkeypatch.setattr(rejoinder._pump, "listening", listening)

    async def main() -> float:
        gone = anyio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body") == b"b":
                gone.set() if what == "leaves" else told[0]()
            await anyio.lowlevel.checkpoint()

        await of("a", 1, "b", 1000, stop_on_shutdown=True, on_finish=outcomes.append)(SCOPE, receive, send)
        return anyio.current_time()

    assert run(main, backend=backend) == pytest.approx(1, abs=0.1)
    assert outcomes[0].ending is (Ending.DISCONNECTED if what == "leaves" else Ending.COMPLETED)


def test_the_clean_up_of_a_source_is_not_cancelled_again() -> None:
    """By a scope around the response, which on asyncio cancels in each turn of the loop."""
    closed: list[float] = []

    async def items() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)
            closed.append(anyio.current_time())

    async def main() -> None:
        async def send(message: Any) -> None:
            pass

        with anyio.move_on_after(2):
            await StreamingResponse(items())(SCOPE, never, send)

    run(main)
    assert closed == [3]


@pytest.mark.timeout(20)  # or it turns for ever
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_stream_within_a_stream_in_one_task_waits(depth: int) -> None:
    """As when a source reads what another app answers, by a client that calls it."""

    async def relayed(content: Any) -> AsyncIterator[bytes]:
        got: list[bytes] = []

        async def send(message: Any) -> None:
            await asyncio.sleep(0.1)
            got.append(message.get("body", b""))

        await StreamingResponse(content, keepalive=(0.3, b"."))(SCOPE, never, send)
        yield b"".join(got)

    async def main() -> None:
        content: Any = steps("a", 1, "b", 1, "c")
        for _ in range(depth):
            content = relayed(content)
        assert (await fetch(StreamingResponse(content))).body.replace(b".", b"") == b"abc"
        assert anyio.current_time() == pytest.approx(2.2, abs=0.5)

    run(main)


async def fails() -> None:
    await anyio.sleep(1)
    raise TimeoutError


@contextlib.asynccontextmanager
async def a_second(kind: str) -> AsyncIterator[None]:
    """A scope of one's own, that ends after 1 s."""
    if kind == "asyncio.timeout":
        async with asyncio.timeout(1):
            yield
    elif kind == "fail_after":
        with anyio.fail_after(1):
            yield
    elif kind == "TaskGroup":
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fails())
            yield
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(fails)
            yield


async def time_out(kind: str) -> None:
    async with a_second(kind):
        await asyncio.sleep(100)


@pytest.mark.usefixtures("scopes")
@pytest.mark.parametrize("around", [False, True], ids=["no scope around", "in a scope"])
@pytest.mark.parametrize("kind", ["asyncio.timeout", "fail_after", "TaskGroup", "task group"])
def test_a_scope_of_the_source_that_ends_while_a_message_is_sent_is_its_own(kind: str, around: bool) -> None:
    """The client is slower than the source, which at 1 s leaves the scope that it waits in."""

    async def items() -> AsyncIterator[bytes]:
        yield b"a"
        try:
            await time_out(kind)
        except (TimeoutError, BaseExceptionGroup):
            assert anyio.current_time() == pytest.approx(1, abs=0.1)
            await asyncio.sleep(0.5)
            yield b"late"
        await asyncio.sleep(100)
        yield b"b"

    async def main() -> None:
        sent: list[tuple[float, bytes]] = []

        async def send(message: Any) -> None:
            if message.get("body"):
                await asyncio.sleep(3)
                sent.append((round(anyio.current_time()), message["body"]))

        with anyio.CancelScope() if around else contextlib.nullcontext():
            await StreamingResponse(items())(SCOPE, never, send)
        assert sent == [(3, b"a"), (6, b"late"), (106, b"b")]

    run(main)


@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        *[(kind, "asyncio") for kind in ("asyncio.timeout", "fail_after", "TaskGroup", "task group")],
        *[(kind, "trio") for kind in ("fail_after", "task group")],
    ],
)
@pytest.mark.parametrize("around", [False, True], ids=["no scope around", "in a scope"])
def test_a_scope_around_a_yield_that_ends_while_a_portion_is_sent_is_the_sources(
    kind: str, backend: str, around: bool
) -> None:
    """Which has given all that it may for now, and awaits nothing that could be cancelled."""

    async def items() -> AsyncIterator[bytes]:
        with contextlib.suppress(TimeoutError, BaseExceptionGroup):
            async with a_second(kind):
                for _ in range(100):
                    yield bytes(PORTION)
        assert anyio.current_time() < 4
        yield b"late"

    async def main() -> None:
        sent: list[bytes] = []

        async def send(message: Any) -> None:
            if message.get("body"):
                await anyio.sleep(3)
                sent.append(message["body"].strip(b"\0"))

        with anyio.CancelScope() if around else contextlib.nullcontext():
            await StreamingResponse(items())(SCOPE, never, send)
        assert sent[-1] == b"late"

    run(main, backend=backend)


@pytest.mark.parametrize("kind", ["asyncio.timeout", "fail_after"])
def test_a_cancellation_waits_until_a_source_has_left_the_scope_around_its_yield(kind: str) -> None:
    cleaned: list[float] = []

    async def items() -> AsyncIterator[bytes]:
        with contextlib.suppress(TimeoutError):
            async with a_second(kind):
                try:
                    yield bytes(PORTION)
                finally:
                    with anyio.CancelScope(shield=True):
                        await asyncio.sleep(1)
                    cleaned.append(anyio.current_time())
        yield b"late"
        await asyncio.sleep(100)

    async def main() -> None:
        async def send(message: Any) -> None:
            await asyncio.sleep(100 if message.get("body") else 0)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await StreamingResponse(items())(SCOPE, never, send)
        assert anyio.current_time() == pytest.approx(2, abs=0.1)

    run(main)
    assert cleaned == [pytest.approx(2, abs=0.1)]


@pytest.mark.usefixtures("scopes")
@pytest.mark.parametrize("by", ["timeout", "scope"])
def test_a_cancellation_while_a_message_is_sent_is_of_both(by: str) -> None:
    closed: list[tuple[str, float]] = []

    async def items() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            closed.append(("source", round(anyio.current_time())))

    async def main() -> None:
        async def send(message: Any) -> None:
            if message.get("body"):
                try:
                    await asyncio.sleep(100)
                finally:
                    closed.append(("sending", round(anyio.current_time())))

        if by == "scope":
            with anyio.move_on_after(2) as scope:
                await StreamingResponse(items())(SCOPE, never, send)
            assert scope.cancelled_caught
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    await StreamingResponse(items())(SCOPE, never, send)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(main)
    assert closed == [("source", 3), ("sending", 3)]


def test_a_timeout_of_a_middleware_while_a_message_is_sent_is_raised() -> None:
    async def main() -> None:
        async def send(message: Any) -> None:
            async with asyncio.timeout(1):
                await asyncio.sleep(100 if message.get("body") else 0)

        with pytest.raises(TimeoutError):
            await of("a", 50, "b")(SCOPE, never, send)

    run(main)


@pytest.mark.usefixtures("scopes")
@pytest.mark.parametrize("kind", ["asyncio.timeout", "fail_after", "TaskGroup", "task group"])
def test_a_source_that_finds_nothing_in_a_time_of_its_own_can_be_cancelled(kind: str) -> None:
    """By a scope around the response, although it has given nothing since."""

    async def polls() -> AsyncIterator[bytes]:
        yield b"a"
        while True:
            with contextlib.suppress(TimeoutError, BaseExceptionGroup):
                await time_out(kind)

    async def main() -> None:
        async def send(message: Any) -> None:
            pass

        with anyio.move_on_after(3.5) as scope:
            await StreamingResponse(polls())(SCOPE, never, send)
        assert scope.cancelled_caught
        assert anyio.current_time() == pytest.approx(3.5, abs=0.1)

    run(main)


@pytest.mark.usefixtures("scopes")
@pytest.mark.parametrize("kind", ["asyncio.timeout", "fail_after"])
def test_a_timeout_in_the_clean_up_of_a_source_cancels_nobody_else(kind: str) -> None:
    outcomes: list[Outcome] = []

    async def items() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.sleep(1000)
        finally:
            with contextlib.suppress(TimeoutError):
                await (limited() if kind == "asyncio.timeout" else time_out(kind))

    async def limited() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(2)  # not told apart from a cancellation from outside, which is to wait

    async def main() -> None:
        async def leaves() -> Any:
            await asyncio.sleep(1)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pass

        await StreamingResponse(items(), on_finish=outcomes.append)(SCOPE, leaves, send)

    run(main)
    assert [outcome.ending for outcome in outcomes] == [Ending.DISCONNECTED]


class Fragile:
    """An iterable whose iterators fail when they are closed."""

    def __init__(self, closed: list[str]) -> None:
        self.closed = closed

    def __iter__(self) -> Iterator[str]:
        return FragileIterator(self.closed)

    def close(self) -> None:
        self.closed.append("source")


class FragileIterator:
    def __init__(self, closed: list[str]) -> None:
        self.closed = closed
        self.items = iter("ab")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self.items)

    def close(self) -> None:
        self.closed.append("iterator")
        raise LookupError("of the iterator")


class AsyncFragile:
    def __init__(self, closed: list[str]) -> None:
        self.closed = closed

    def __aiter__(self) -> AsyncIterator[str]:
        return AsyncFragileIterator(self.closed)

    async def aclose(self) -> None:
        self.closed.append("source")


class AsyncFragileIterator(FragileIterator):
    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return next(self.items)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.close()


@pytest.mark.parametrize("make", [Fragile, AsyncFragile])
def test_what_fails_to_close_leaves_nothing_else_open(make: Any, backend: str) -> None:
    closed: list[str] = []
    with pytest.raises(LookupError, match="of the iterator"):
        fetched(StreamingResponse(make(closed)), backend)
    assert closed == ["iterator", "source"]


def test_contents_that_fail_to_close_leave_no_other_one_open(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []
    run(
        lambda: rejoinder._pump.discard([FragileIterator(closed), Fragile(closed), FragileIterator(closed)]),
        backend=backend,
    )
    assert closed == ["iterator", "source", "iterator"]
    assert "of the iterator" in caplog.text


def test_a_source_is_given_up_once(caplog: pytest.LogCaptureFixture) -> None:
    """When the stream is stopped, and not again when it is left."""
    stuck = 2

    async def items() -> AsyncIterator[str]:
        nonlocal stuck
        yield "a"
        while stuck:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                stuck -= 1

    with pytest.raises(TimeoutError, match="max_duration"):
        fetched(StreamingResponse(items(), max_duration=1))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "a stream's source has not closed within 5 s, and is given up"
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_a_source_that_ends_while_a_message_is_sent_has_ended(fails: bool) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"
        with anyio.move_on_after(1):
            await anyio.sleep(100)
        if fails:
            raise LookupError("of the source")

    async def main() -> bytes:
        sent: list[bytes] = []

        async def send(message: Any) -> None:
            await asyncio.sleep(3)
            sent.append(message.get("body", b""))

        await StreamingResponse(items(), on_error=str)(SCOPE, never, send)
        return b"".join(sent)

    assert run(main) == (b"aof the source" if fails else b"a")


def test_a_cancellation_while_a_send_only_yields_is_of_both() -> None:
    ended: list[str] = []

    async def items() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.sleep(100)
        finally:
            ended.append("source")

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        cancel = task.cancel

        async def send(message: Any) -> None:
            if message.get("body"):
                asyncio.get_running_loop().call_soon(cancel)
                try:
                    await asyncio.sleep(0)
                    await asyncio.sleep(50)
                finally:
                    ended.append("sending")

        with pytest.raises(asyncio.CancelledError):
            await StreamingResponse(items())(SCOPE, never, send)
        task.uncancel()
        assert anyio.current_time() < 1

    run(main)
    assert ended == ["source", "sending"]


@pytest.mark.parametrize("disconnect_after", [None, 2], ids=["complete", "client left"])
@pytest.mark.parametrize(
    "make",
    [lambda: [b"a", b"b"], lambda: steps(b"a", b"b"), lambda: steps(b"a", 0.001, b"b")],
    ids=["in memory", "ready", "waits"],
)
def test_a_stream_leaves_no_circle_to_the_garbage_collector(
    make: Any, disconnect_after: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Puller]] = []

    class Watched(Puller):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(weakref.ref(self))

    async def main() -> None:
        async with Exchange(StreamingResponse(make()), disconnect_after=disconnect_after) as exchange:
            await exchange.body()

    monkeypatch.setattr("rejoinder._pump.Puller", Watched)
    gc.disable()
    try:
        run(main, backend="asyncio")
        assert [one() for one in made] == [None]
    finally:
        gc.enable()
