"""What runs after a response: once, in order, isolated, shielded; whatever happened before."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest
from starlette.background import BackgroundTask, BackgroundTasks

from rejoinder import Ending, JSONResponse, Outcome, PlainTextResponse, RedirectResponse, Response, StreamingResponse

Send = Callable[[Any], Awaitable[None]]
BACKENDS = ["asyncio", "trio"]
GET: Any = {"type": "http", "method": "GET", "headers": []}
SCOPES: dict[str, Any] = {
    "GET": GET,
    "HEAD": {**GET, "method": "HEAD"},
    "denied WebSocket": {"type": "websocket", "headers": [], "extensions": {"websocket.http.response": {}}},
    "closed WebSocket": {"type": "websocket", "headers": []},
}
CLASSES: dict[str, Callable[..., Response]] = {
    "Response": lambda **given: Response("hello", **given),
    "JSONResponse": lambda **given: JSONResponse({"a": 1}, **given),
    "RedirectResponse": lambda **given: RedirectResponse("/", **given),
    "204": lambda **given: Response(status_code=204, **given),
    "304": lambda **given: Response(status_code=304, **given),
}


async def accept(message: Any) -> None:
    await anyio.lowlevel.checkpoint()


def refuse_at(number: int, error: Exception) -> Send:
    """A `send` that takes `number` messages, then raises."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if len(sent) == number:
            raise error
        sent.append(message)

    return send


async def receive() -> Any:
    await anyio.sleep_forever()


class Log:
    """Records what ran after a response."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.outcomes: list[Outcome] = []

    def on_finish(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.events.append("on_finish")

    def task(self, name: str, error: Exception | None = None) -> BackgroundTask:
        async def run() -> None:
            await anyio.lowlevel.checkpoint()
            self.events.append(name)
            if error is not None:
                raise error

        return BackgroundTask(run)

    @property
    def outcome(self) -> Outcome:
        (outcome,) = self.outcomes
        return outcome


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
@pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)
def test_on_finish_then_background_once_each(make: Callable[..., Response], scope: Any, backend: str) -> None:
    log = Log()
    response = make(on_finish=log.on_finish, background=log.task("background"))
    anyio.run(response, scope, receive, accept, backend=backend)
    assert log.events == ["on_finish", "background"]
    assert (log.outcome.ending, log.outcome.status) == (Ending.COMPLETED, response.status_code)
    assert log.outcome.exception is None
    assert log.outcome.duration >= 0


@pytest.mark.parametrize(
    ("make", "scope", "sent"),
    [
        pytest.param(lambda **given: Response("hello", **given), GET, 5, id="content is counted"),
        pytest.param(lambda **given: Response("hello", **given), SCOPES["HEAD"], 0, id="HEAD sends none"),
        pytest.param(lambda **given: JSONResponse("x", 204, **given), GET, 0, id="204 sends none"),
        pytest.param(lambda **given: Response("hello", **given), SCOPES["denied WebSocket"], 5, id="denial"),
        pytest.param(lambda **given: Response("hello", **given), SCOPES["closed WebSocket"], 0, id="closed"),
    ],
)
def test_bytes_sent(make: Callable[..., Response], scope: Any, sent: int) -> None:
    log = Log()
    anyio.run(make(on_finish=log.on_finish), scope, receive, accept)
    assert log.outcome.bytes_sent == sent


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", [0, 1])
def test_a_client_that_left_is_an_outcome_and_no_error(number: int, backend: str) -> None:
    log, gone = Log(), ConnectionResetError("gone")
    response = Response("hello", on_finish=log.on_finish, background=log.task("background"))
    anyio.run(response, GET, receive, refuse_at(number, gone), backend=backend)
    assert log.events == ["on_finish", "background"]
    assert (log.outcome.ending, log.outcome.exception) == (Ending.DISCONNECTED, gone)
    assert log.outcome.bytes_sent == 0


def test_a_task_that_fails_after_the_client_left_is_raised() -> None:
    response = Response("hello", background=Log().task("background", ValueError("task")))
    with pytest.raises(ValueError, match="task"):
        anyio.run(response, GET, receive, refuse_at(0, OSError("gone")))


@pytest.mark.parametrize("error", [FileNotFoundError(2, "x"), PermissionError(13, "x"), TimeoutError()], ids=repr)
@pytest.mark.parametrize("given", [{}, {"on_finish": lambda outcome: None}], ids=["short way", "long way"])
def test_an_oserror_that_no_server_raises_for_that_is_an_error(given: Any, error: OSError) -> None:
    with pytest.raises(type(error)) as raised:
        anyio.run(Response("hello", **given), GET, receive, refuse_at(1, error))
    assert raised.value is error


@pytest.mark.parametrize("given", [{}, {"on_finish": lambda outcome: None}], ids=["short way", "long way"])
def test_a_client_that_left_leaves_a_trace(given: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "rejoinder"):
        anyio.run(Response("hello", **given), GET, receive, refuse_at(1, ConnectionResetError("gone")))
    assert "the client has left: ConnectionResetError('gone')" in caplog.text


def test_duration_is_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 12.5])
    monkeypatch.setattr("rejoinder._lifecycle.clock", lambda: next(now))
    log = Log()
    anyio.run(Response("hello", on_finish=log.on_finish), GET, receive, accept)
    assert log.outcome.duration == 2.5


def test_the_end_of_the_loop_ends_the_tasks_that_have_not_begun() -> None:
    """`asyncio.run` cancels every task at its end, and waits for them."""
    log = Log()

    async def forever() -> None:
        log.events.append("began")
        await asyncio.Event().wait()

    async def main() -> None:
        tasks = BackgroundTasks([BackgroundTask(forever), log.task("never")])
        task = asyncio.ensure_future(Response(background=tasks)(GET, receive, accept))
        while not log.events:
            await asyncio.sleep(0)
        assert not task.done()

    asyncio.run(main())
    assert log.events == ["began"]


def test_a_closed_coroutine_awaits_nothing() -> None:
    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        coroutine = Response(on_finish=print)(GET, receive, never)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())


@pytest.mark.parametrize("number", [0, 1])
def test_a_client_that_left_is_no_error_without_anything_to_run_either(number: int) -> None:
    anyio.run(Response("hello"), GET, receive, refuse_at(number, OSError("gone")))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_of_the_server_is_raised_after_all_has_run(backend: str) -> None:
    log, error = Log(), RuntimeError("server")
    response = Response("hello", on_finish=log.on_finish, background=log.task("background"))
    with pytest.raises(RuntimeError) as raised:
        anyio.run(response, GET, receive, refuse_at(1, error), backend=backend)
    assert raised.value is error
    assert log.events == ["on_finish", "background"]
    assert (log.outcome.ending, log.outcome.exception) == (Ending.FAILED, error)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda response: response.headers.update({"x-a": "a\r\nb"}), id="header"),
        pytest.param(lambda response: setattr(response, "status_code", 99), id="status"),
    ],
)
def test_what_cannot_be_sent_is_a_failure_and_background_runs(spoil: Callable[[Response], None]) -> None:
    log = Log()
    response = Response("hello", on_finish=log.on_finish, background=log.task("background"))
    spoil(response)
    with pytest.raises(ValueError, match=r"x-a|status_code"):
        anyio.run(response, GET, receive, accept)
    assert log.events == ["on_finish", "background"]
    assert log.outcome.ending is Ending.FAILED


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failing_task_loses_no_other_one(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    log, first, second = Log(), ValueError("first"), KeyError("second")
    tasks = BackgroundTasks([log.task("a", first), log.task("b"), log.task("c", second), log.task("d")])
    with caplog.at_level(logging.ERROR, "rejoinder"), pytest.raises(ValueError, match="first") as raised:
        anyio.run(Response(background=tasks), GET, receive, accept, backend=backend)
    assert raised.value is first
    assert log.events == ["a", "b", "c", "d"]
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [first, second]


def test_a_task_may_add_another_and_tasks_may_nest() -> None:
    log = Log()
    tasks = BackgroundTasks()
    tasks.add_task(lambda: tasks.add_task(log.events.append, "added"))
    tasks.tasks.append(BackgroundTasks([log.task("nested", ValueError("nested")), log.task("sibling")]))
    with pytest.raises(ValueError, match="nested"):
        anyio.run(Response(background=tasks), GET, receive, accept)
    assert log.events == ["nested", "sibling", "added"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_tasks_that_fastapi_gives_an_endpoint_lose_no_other_one(backend: str) -> None:
    fastapi = pytest.importorskip("fastapi", reason="it has a class of its own, which runs them in a way of its own")
    log = Log()
    tasks = fastapi.BackgroundTasks([log.task("a", ValueError("a")), log.task("b")])
    tasks.add_task(lambda: tasks.add_task(log.events.append, "added"))
    tasks.tasks.append(fastapi.BackgroundTasks([log.task("nested", KeyError("nested")), log.task("sibling")]))
    with pytest.raises(ValueError, match="a"):
        anyio.run(Response(background=tasks), GET, receive, accept, backend=backend)
    assert log.events == ["a", "b", "nested", "sibling", "added"]


def test_a_subclass_of_background_tasks_that_runs_them_itself_is_left_to_it() -> None:
    log = Log()

    class Reversed(BackgroundTasks):
        async def __call__(self) -> None:
            for task in reversed(self.tasks):
                await task()

    anyio.run(Response(background=Reversed([log.task("a"), log.task("b")])), GET, receive, accept)
    assert log.events == ["b", "a"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_on_finish_may_be_async_and_its_failure_loses_no_task(backend: str) -> None:
    log = Log()

    async def on_finish(outcome: Outcome) -> None:
        await anyio.lowlevel.checkpoint()
        raise LookupError(outcome.status)

    with pytest.raises(LookupError):
        anyio.run(
            Response(on_finish=on_finish, background=log.task("background")), GET, receive, accept, backend=backend
        )
    assert log.events == ["background"]


def test_when_sending_failed_its_error_is_the_one_that_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    response = Response("hello", background=log.task("background", ValueError("task")))
    with pytest.raises(RuntimeError, match="server"):
        anyio.run(response, GET, receive, refuse_at(0, RuntimeError("server")))
    assert "background task" in caplog.text


def test_a_task_that_is_cancelled_within_loses_no_other_one() -> None:
    log = Log()

    async def cancelled_within() -> None:
        raise asyncio.CancelledError

    tasks = BackgroundTasks([BackgroundTask(cancelled_within), log.task("b")])
    with pytest.raises(asyncio.CancelledError):
        anyio.run(Response(background=tasks), GET, receive, accept)
    assert log.events == ["b"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("stage", ["sending", "on_finish", "background"])
def test_a_cancelled_scope_interrupts_nothing_that_runs_after(stage: str, backend: str) -> None:
    log = Log()

    async def main() -> None:
        with anyio.CancelScope() as scope:

            async def step(name: str) -> None:
                if name == stage:
                    scope.cancel()
                await anyio.sleep(0)
                log.events.append(name)

            async def send(message: Any) -> None:
                await step("sending")

            async def on_finish(outcome: Outcome) -> None:
                await step("on_finish")
                log.outcomes.append(outcome)

            background = BackgroundTasks([BackgroundTask(step, "background"), BackgroundTask(step, "last")])
            await Response("hello", on_finish=on_finish, background=background)(GET, receive, send)
        assert scope.cancel_called

    anyio.run(main, backend=backend)
    assert log.events[-3:] == ["on_finish", "background", "last"]
    assert log.outcome.ending is (Ending.FAILED if stage == "sending" else Ending.COMPLETED)


@pytest.mark.parametrize("stage", ["sending", "on_finish", "background"])
def test_a_cancelled_task_interrupts_nothing_that_runs_after(stage: str) -> None:
    """`Task.cancel`, as asyncio.timeout and servers use it, once and again."""
    log = Log()

    async def main() -> None:
        reached, released = asyncio.Event(), asyncio.Event()

        async def step(name: str) -> None:
            if name == stage:
                reached.set()
                await released.wait()
            log.events.append(name)

        async def send(message: Any) -> None:
            await step("sending")

        async def on_finish(outcome: Outcome) -> None:
            await step("on_finish")

        background = BackgroundTasks([BackgroundTask(step, "background"), BackgroundTask(step, "last")])
        response = Response("hello", on_finish=on_finish, background=background)
        task = asyncio.ensure_future(response(GET, receive, send))
        await reached.wait()
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log.events[-3:] == ["on_finish", "background", "last"]


@pytest.mark.timeout(20)  # or it never ends
@pytest.mark.parametrize("stage", ["on_finish", "background", "thread"])
def test_it_runs_where_tasks_start_eagerly(stage: str) -> None:
    log = Log()

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", None))  # from Python 3.12 on

        async def step(name: str) -> None:
            await asyncio.sleep(0)
            log.events.append(name)

        if stage == "on_finish":
            response = Response("hello", on_finish=lambda outcome: step(stage))
        elif stage == "background":
            response = Response("hello", background=BackgroundTask(step, stage))
        else:
            response = StreamingResponse(iter([b"hello"]), on_finish=lambda outcome: log.events.append(stage))
        await response(GET, receive, accept)

    asyncio.run(main())
    assert log.events == [stage]


def test_each_call_of_one_response_has_an_outcome_of_its_own() -> None:
    log = Log()
    response = PlainTextResponse("hello", on_finish=log.on_finish)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for scope in (GET, SCOPES["HEAD"]):
                group.start_soon(partial(response, scope, receive, accept))

    anyio.run(main)
    assert sorted(outcome.bytes_sent for outcome in log.outcomes) == [0, 5]
