"""The client: it reads item by item, slowly, or not at all; it leaves; and it hears of everything that goes wrong."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from rejoinder.testing import Answer, Exchange, Head, fetch, run

BACKENDS = ["asyncio", "trio"]
both = pytest.mark.parametrize("backend", BACKENDS)
START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


def chunk(content: bytes, more_body: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more_body}


async def ticker(scope: Any, receive: Any, send: Any) -> None:
    """Ticks every ten seconds, and never looks whether anyone is there."""
    await send(START)
    tick = 0
    while True:
        await send(chunk(b"%d" % tick))
        await anyio.sleep(10)
        tick += 1


async def polite(scope: Any, receive: Any, send: Any) -> None:
    """Sends as fast as it can, until told that the client has left."""
    await send(START)

    async def stream() -> None:
        while True:
            await send(chunk(b"."))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stream)
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(chunk(b"hel"))
    await send(chunk(b""))
    await send(chunk(b"lo", more_body=False))


# Reading


@both
def test_an_endless_stream_is_read_item_by_item_and_left(backend: str) -> None:
    async def main() -> None:
        async with Exchange(ticker, patience=60, spec_version="2.4") as exchange:
            assert await exchange.start() == Head(200, exchange.headers)
            assert (exchange.status, exchange.headers, exchange.content) == (200, [], b"")
            assert [await exchange.read() for _ in range(3)] == [b"0", b"1", b"2"]
            assert anyio.current_time() == 20.0
        assert (exchange.content, exchange.complete) == (b"012", False)
        # One more was tried: that is how the ticker found out, at ASGI 2.4.
        assert exchange.messages == [START, chunk(b"0"), chunk(b"1"), chunk(b"2"), chunk(b"3")]
        assert [message.time for message in exchange.messages] == [0.0, 0.0, 10.0, 20.0, 30.0]

    run(main, backend=backend)


@both
def test_a_finite_body_is_read_in_the_portions_that_were_sent(backend: str) -> None:
    async def main() -> None:
        async with Exchange(hello) as exchange:
            assert [item async for item in exchange] == [b"hel", b"lo"]
            assert exchange.complete
            assert (await exchange.read(), await exchange.body()) == (b"", b"")
            assert (await exchange.start()).status == 200
        async with Exchange(hello) as exchange:
            assert (await exchange.read(), exchange.complete) == (b"hel", False)
            assert (await exchange.body(), exchange.content) == (b"lo", b"hello")

    run(main, backend=backend)


@both
def test_fetch_gives_the_whole_answer(backend: str) -> None:
    async def main() -> Answer:
        return await fetch(hello)

    answer = run(main, backend=backend)
    assert (answer.status, answer.headers, answer.body, answer.complete) == (200, [], b"hello", True)
    assert answer.messages == [START, chunk(b"hel"), chunk(b""), chunk(b"lo", more_body=False)]


@both
def test_start_waits_for_the_head_and_no_other_message(backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.debug", "info": {}})
        await anyio.sleep(5)
        await hello(scope, receive, send)

    async def main() -> None:
        async with Exchange(app, extensions=["http.response.debug"]) as exchange:
            assert (await exchange.start()).status == 200
            assert anyio.current_time() == 5.0

    run(main, backend=backend)


@both
def test_times_are_counted_from_the_beginning_of_the_exchange(backend: str) -> None:
    async def main() -> list[float]:
        await anyio.sleep(100)
        async with Exchange(ticker, spec_version="2.4", patience=60) as exchange:
            await exchange.read()
            await exchange.read()
        return [message.time for message in exchange.messages]

    assert run(main, backend=backend) == [0.0, 0.0, 10.0, 20.0]


@both
def test_the_app_is_one_message_ahead_of_the_reader(backend: str) -> None:
    async def main() -> None:
        async with Exchange(polite) as exchange:
            for taken in range(1, 4):
                await anyio.sleep(100)
                assert len(exchange.messages) == taken
                await (exchange.start() if taken == 1 else exchange.read())

    run(main, backend=backend)


SLOW = {
    "not slow": (0.0, [0.0, 0.0, 0.0, 0.0], 0.0),
    "two seconds": (2.0, [0.0, 2.0, 4.0, 6.0], 8.0),
}


@both
@pytest.mark.parametrize(("delay", "times", "end"), SLOW.values(), ids=SLOW.keys())
def test_a_slow_reader_holds_the_app_back(delay: float, times: list[float], end: float, backend: str) -> None:
    async def main() -> tuple[list[float], float]:
        answer = await fetch(hello, read_delay=delay)
        return [message.time for message in answer.messages], anyio.current_time()

    assert run(main, backend=backend) == (times, end)


@both
def test_a_reader_may_give_up_and_come_again(backend: str) -> None:
    async def main() -> None:
        async with Exchange(ticker, spec_version="2.4", patience=60) as exchange:
            assert await exchange.read() == b"0"
            with anyio.move_on_after(5) as waited:
                await exchange.read()
            assert waited.cancelled_caught
            assert await exchange.read() == b"1"

    run(main, backend=backend)


# Requests


async def echo(scope: Any, receive: Any, send: Any) -> None:
    scopes.append(scope)
    received.append(await receive())
    await send(START)
    await send(chunk(b"", more_body=False))
    received.append(await receive())


scopes: list[dict[str, Any]] = []
received: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    scopes.clear()
    received.clear()


def test_the_scope_of_a_request() -> None:
    async def main() -> None:
        await fetch(
            echo,
            "POST",
            "/é b",
            query=b"a=1",
            headers={"Accept": "*/*"},
            body=b"in",
            spec_version="2.1",
            extensions=["http.response.pathsend"],
        )
        await fetch(echo, headers=[(b"A", b"1"), (b"a", b"2")])

    run(main)
    assert scopes[0] == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": "/é b",
        "raw_path": b"/%C3%A9%20b",
        "query_string": b"a=1",
        "root_path": "",
        "headers": [(b"accept", b"*/*")],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "extensions": {"http.response.pathsend": {}},
    }
    assert received[0] == {"type": "http.request", "body": b"in", "more_body": False}
    assert (scopes[1]["method"], scopes[1]["path"], scopes[1]["headers"]) == ("GET", "/", [(b"a", b"1"), (b"a", b"2")])
    assert scopes[1]["asgi"]["spec_version"] == "2.3"
    assert "extensions" not in scopes[1]


def test_the_scope_may_be_changed_before_the_block() -> None:
    async def main() -> None:
        exchange = Exchange(echo)
        exchange.scope["state"] = {"a": 1}
        async with exchange:
            await exchange.body()

    run(main)
    assert scopes[0]["state"] == {"a": 1}


@both
def test_after_the_response_receive_gives_the_disconnect(backend: str) -> None:
    async def main() -> None:
        async with Exchange(echo) as exchange:
            assert await exchange.body() == b""
            assert exchange.complete
            await anyio.sleep(1)
            assert len(received) == 2

    run(main, backend=backend)
    assert received == [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]


@both
def test_before_that_receive_waits(backend: str) -> None:
    times: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            message = await receive()
            received.append(dict(message))
            message.clear()
            times.append(anyio.current_time())

    async def main() -> None:
        async with Exchange(app) as exchange:
            await anyio.sleep(50)
            await exchange.disconnect()

    run(main, backend=backend)
    assert [message["type"] for message in received] == ["http.request", "http.disconnect", "http.disconnect"]
    assert times == [0.0, 50.0, 50.0]


@both
def test_a_websocket_is_connected_and_disconnected(backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        received.extend([await receive(), await receive()])

    async def main() -> None:
        await fetch(app, type="websocket", disconnect_after=0)
        await fetch(app, type="websocket", disconnect_after=0, extensions=["websocket.http.response"])

    run(main, backend=backend)
    connect = {"type": "websocket.connect"}
    assert received == [connect, {"type": "websocket.disconnect", "code": 1006, "reason": ""}] * 2
    assert (scopes[0]["type"], scopes[0]["scheme"], scopes[0]["subprotocols"]) == ("websocket", "ws", [])
    assert "method" not in scopes[0]
    assert "extensions" not in scopes[0]
    assert scopes[1]["extensions"] == {"websocket.http.response": {}}


# Leaving


@both
@pytest.mark.parametrize("count", range(5))
def test_the_client_leaves_after_so_many_messages(count: int, backend: str) -> None:
    async def main() -> None:
        async with Exchange(polite, disconnect_after=count) as exchange:
            assert await exchange.body() == b"." * max(0, count - 1)
            assert await exchange.read() == b""
            assert not exchange.complete
        answer = await fetch(polite, disconnect_after=count)
        assert (answer.body, answer.complete) == (exchange.content, False)
        assert answer.messages[:count] == [START, *[chunk(b".")] * count][:count]

    run(main, backend=backend)


@both
def test_before_the_first_means_that_the_request_is_not_given_either(backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())

    async def main() -> None:
        async with Exchange(app, disconnect_after=0) as exchange:
            with pytest.raises(AssertionError, match=r"the app sent no head; it sent \[\]"):
                await exchange.start()

    run(main, backend=backend)
    assert received == [{"type": "http.disconnect"}]


@both
@pytest.mark.parametrize(
    ("spec_version", "raises"), [("2.0", False), ("2.3", False), ("2.4", True), ("2.10", True), ("3.0", True)]
)
def test_send_to_a_client_that_has_left(spec_version: str, raises: bool, backend: str) -> None:
    outcomes: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for content in b"blocked", b"late":
            try:
                await send(chunk(content))
            except OSError as error:
                outcomes.append(f"OSError: {error}")
            else:
                outcomes.append("silence")

    async def main() -> None:
        async with Exchange(app, spec_version=spec_version) as exchange:
            await exchange.start()
            await anyio.sleep(1)
            await exchange.disconnect()
            await anyio.sleep(1)
            assert anyio.current_time() == 2.0
        assert [message.time for message in exchange.messages] == [0.0, 0.0, 1.0]

    run(main, backend=backend)
    raised = "OSError: 'http.response.body' was sent, but the client has left (ASGI 2.4)"
    assert outcomes == [raised if raises else "silence"] * 2


@both
def test_the_oserror_of_send_may_be_let_out_and_no_other(backend: str) -> None:
    async def wraps(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(START)
        except OSError as error:
            raise OSError("another") from error

    async def main() -> None:
        await fetch(ticker, spec_version="2.4", disconnect_after=1)
        with pytest.raises(OSError, match="another"):
            await fetch(wraps, spec_version="2.4", disconnect_after=0)

    run(main, backend=backend)


@both
def test_the_reader_of_another_task_hears_that_the_client_has_left(backend: str) -> None:
    read: list[bytes] = []

    async def reader(exchange: Exchange) -> None:
        read.append(await exchange.body())

    async def main() -> None:
        async with Exchange(ticker, spec_version="2.4") as exchange, anyio.create_task_group() as tasks:
            tasks.start_soon(reader, exchange)
            await anyio.sleep(15)
            await exchange.disconnect()
            await exchange.disconnect()

    run(main, backend=backend)
    assert read == [b"01"]


# The end of the app


@both
def test_the_block_ends_when_the_app_has_ended(backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        await anyio.sleep(9)
        ended.append(anyio.current_time())

    async def main() -> float:
        await fetch(app)
        return anyio.current_time()

    ended: list[float] = []
    assert run(main, backend=backend) == 9.0
    assert ended == [9.0]


async def forever(scope: Any, receive: Any, send: Any) -> None:
    await anyio.sleep_forever()


async def after_the_response(scope: Any, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    await anyio.sleep_forever()


async def deaf_to_send(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    while True:
        with contextlib.suppress(OSError):
            await send(chunk(b"."))


async def deaf_to_receive(scope: Any, receive: Any, send: Any) -> None:
    while True:
        await receive()


async def slow_to_clean_up(scope: Any, receive: Any, send: Any) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(100)


async def turns_cancellation_into_an_error(scope: Any, receive: Any, send: Any) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        raise ValueError("from the clean-up")


LATE = {
    "waits": (forever, "the client had left"),
    "works on after the response": (after_the_response, "the response was complete"),
    "ignores send": (deaf_to_send, "the client had left"),
    "ignores receive": (deaf_to_receive, "the client had left"),
    "cleans up for long": (slow_to_clean_up, "the client had left"),
    "raises instead": (turns_cancellation_into_an_error, "the client had left"),
}


@both
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize(("app", "event"), LATE.values(), ids=LATE.keys())
def test_an_app_that_does_not_end_fails_the_test(app: Any, event: str, spec_version: str, backend: str) -> None:
    async def main() -> float:
        with pytest.raises(AssertionError, match=f"the app still ran 3 s after {event}; it had to be cancelled") as e:
            await fetch(
                app, patience=3, disconnect_after=None if app is after_the_response else 1, spec_version=spec_version
            )
        causes.append(e.value.__cause__)
        return anyio.current_time()

    causes: list[BaseException | None] = []
    if app in {deaf_to_send, after_the_response}:
        ended = run(main, backend=backend)
    else:
        ended = run(leave_at_once, app, event, causes, backend=backend)
    assert ended == pytest.approx(103 if app is slow_to_clean_up else 3, abs=0.01)
    traceback = causes[0] and causes[0].__traceback__
    assert (app is turns_cancellation_into_an_error) is (causes[0] is None)
    assert causes[0] is None or any(frame == app.__name__ for frame in names_of(traceback))


async def leave_at_once(app: Any, event: str, causes: list[BaseException | None]) -> float:
    with pytest.raises(AssertionError, match=f"the app still ran 3 s after {event}; it had to be cancelled") as e:
        async with Exchange(app, patience=3):
            await anyio.sleep(0)
    causes.append(e.value.__cause__)
    return anyio.current_time()


def names_of(traceback: Any) -> list[str]:
    names = []
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return names


@both
def test_an_app_has_its_patience_to_end(backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        await anyio.sleep(9.5)

    async def main() -> float:
        async with Exchange(app):
            pass
        return anyio.current_time()

    assert run(main, backend=backend) == 9.5


@both
def test_an_exchange_that_is_cancelled_takes_its_app_along(backend: str) -> None:
    async def main() -> float:
        with anyio.move_on_after(35) as scope:
            async with Exchange(ticker) as exchange:
                await exchange.body()
        assert scope.cancelled_caught
        assert exchange.content == b"0123"
        return anyio.current_time()

    assert run(main, backend=backend) == 35.0


# Errors


async def breaks_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError("broken")


async def breaks_midway(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(chunk(b"half"))
    raise KeyError("broken")


async def breaks_at_the_end(scope: Any, receive: Any, send: Any) -> None:
    await hello(scope, receive, send)
    raise KeyError("broken")


BROKEN = {"at once": breaks_at_once, "midway": breaks_midway, "at the end": breaks_at_the_end}


@both
@pytest.mark.parametrize("app", BROKEN.values(), ids=BROKEN.keys())
def test_an_error_of_the_app_is_raised_as_it_is(app: Any, backend: str) -> None:
    async def main() -> None:
        with pytest.raises(KeyError, match="broken") as caught:
            await fetch(app)
        assert not hasattr(caught.value, "__notes__")

    run(main, backend=backend)


@both
@pytest.mark.parametrize("app", BROKEN.values(), ids=BROKEN.keys())
def test_an_error_of_the_app_is_raised_without_a_read_too(app: Any, backend: str) -> None:
    async def main() -> None:
        with pytest.raises(KeyError, match="broken"):
            async with Exchange(app, disconnect_after=0):
                pass

    run(main, backend=backend)


@both
def test_an_error_of_the_app_is_raised_by_the_read_that_meets_it(backend: str) -> None:
    async def main() -> None:
        async with Exchange(breaks_midway) as exchange:
            assert await exchange.read() == b"half"
            with pytest.raises(KeyError):
                await exchange.read()
        # Expected once, it is not raised again.
        async with Exchange(breaks_at_once) as exchange:
            with pytest.raises(KeyError):
                await exchange.start()

    run(main, backend=backend)


@both
def test_an_error_of_the_test_wins_and_is_told_of_the_apps(backend: str) -> None:
    async def main() -> None:
        async with Exchange(breaks_midway) as exchange:
            assert await exchange.read() == b"wrong"

    with pytest.raises(AssertionError, match="wrong") as caught:
        run(main, backend=backend)
    assert caught.value.__notes__ == ["The app failed too: KeyError('broken')"]


@both
def test_an_error_of_the_test_alone_has_no_note(backend: str) -> None:
    async def main() -> None:
        async with Exchange(polite) as exchange:
            await exchange.read()
            raise LookupError

    with pytest.raises(LookupError) as caught:
        run(main, backend=backend)
    assert not hasattr(caught.value, "__notes__")


@both
def test_an_error_group_of_the_app_stays_one(backend: str) -> None:
    group = ExceptionGroup("two", [KeyError(), LookupError()])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise group

    async def main() -> None:
        with pytest.raises(ExceptionGroup) as caught:
            await fetch(app)
        assert caught.value is group

    run(main, backend=backend)


# Files


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    return path


@both
def test_a_path_is_read_as_its_content(digits: Path, backend: str) -> None:
    sent: dict[str, Any] = {"type": "http.response.pathsend", "path": str(digits)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"10")]})
        await send(sent)

    async def main() -> Answer:
        return await fetch(app, extensions=["http.response.pathsend"])

    answer = run(main, backend=backend)
    assert (answer.body, answer.complete, answer.messages[1]) == (b"0123456789", True, sent)


ZERO_COPY: dict[str, tuple[dict[str, Any], bytes]] = {
    "from where it is": ({}, b"23456789"),
    "offset": ({"offset": 4}, b"456789"),
    "offset zero": ({"offset": 0}, b"0123456789"),
    "count": ({"count": 3}, b"234"),
    "both": ({"offset": 8, "count": 1}, b"8"),
    "beyond": ({"offset": 8, "count": 9}, b"89"),
}


@both
@pytest.mark.parametrize(("where", "content"), ZERO_COPY.values(), ids=ZERO_COPY.keys())
def test_a_file_is_read_as_its_content(digits: Path, where: Any, content: bytes, backend: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with digits.open("rb", buffering=0) as file:
            file.seek(2)
            await send({**START, "headers": [(b"content-length", b"%d" % (len(content) + 1))]})
            await send({"type": "http.response.zerocopysend", "file": file, "more_body": True, **where})
            await send(chunk(b"!", more_body=False))
            assert not file.closed

    async def main() -> Answer:
        return await fetch(app, extensions=["http.response.zerocopysend"])

    assert run(main, backend=backend).body == content + b"!"


# A generator, as frameworks stream them


@both
def test_a_source_is_closed_when_the_client_leaves(backend: str) -> None:
    closed: list[float] = []

    async def source() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"item"
                await anyio.sleep(1)
        finally:
            closed.append(anyio.current_time())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        items = source()
        try:
            async for item in items:
                await send(chunk(item))
        finally:
            await items.aclose()  # type: ignore[attr-defined]

    async def main() -> None:
        async with Exchange(app, spec_version="2.4") as exchange:
            async for item in exchange:
                assert item == b"item"
                if anyio.current_time() == 5.0:
                    break

    run(main, backend=backend)
    assert closed == [6.0]
