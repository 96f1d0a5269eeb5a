"""Every kind of source, on every way out, on every ASGI version and both loops: closed once, nothing lost, nothing left."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.background import BackgroundTask

import rejoinder._pump
from rejoinder import Ending, Outcome, StreamingResponse
from rejoinder.testing import Exchange, ProtocolViolation, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BIG = 300_000  # octets: more than a portion, so that each item is a message of its own
ITEMS = [letter * BIG for letter in (b"a", b"b", b"c")]


class OddError(Exception):
    pass


class Log:
    """What happened to one source."""

    def __init__(self, *, fails: bool, waits: bool) -> None:
        self.fails = fails
        self.waits = waits
        self.started = False
        self.given: list[bytes] = []
        self.opened = 0  # context managers only
        self.closed = 0
        self.exits: list[type[BaseException] | None] = []

    def items(self) -> Iterator[bytes]:
        self.started = True
        for item in ITEMS:
            self.given.append(item)
            yield item
        if self.fails:
            raise OddError

    async def aitems(self) -> AsyncIterator[bytes]:
        for item in self.items():
            yield item
        if self.waits:
            await anyio.sleep(1000)

    def close(self) -> None:
        assert threading.current_thread() is not threading.main_thread() or not self.blocking
        self.closed += 1

    blocking = True


def generator(log: Log) -> Any:
    def items() -> Iterator[bytes]:
        try:
            yield from log.items()
        finally:
            log.close()

    return items()


def async_generator(log: Log) -> Any:
    async def items() -> AsyncIterator[bytes]:
        try:
            for item in log.items():
                yield item
            if log.waits:
                await anyio.sleep(1000)
        finally:
            await anyio.lowlevel.cancel_shielded_checkpoint()
            log.closed += 1

    return items()


class Iterates:
    """An iterator with a `close` of its own."""

    def __init__(self, log: Log) -> None:
        self.items = log.items()
        self.log = log

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        return next(self.items)

    def close(self) -> None:
        self.log.close()


class Iterable(Iterates):
    """Makes its iterators; what is closed is both."""

    def __iter__(self) -> Any:
        return self.log.items()

    __next__ = None  # type: ignore[assignment]


class AsyncIterates:
    def __init__(self, log: Log) -> None:
        self.items = log.items()
        self.log = log

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        for item in self.items:
            return item
        if self.log.waits:
            await anyio.sleep(1000)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.log.closed += 1


class File:
    def __init__(self, log: Log) -> None:
        self.items = log.items()
        self.log = log

    def read(self, size: int) -> bytes:
        assert size > 0
        return next(self.items, b"")

    def close(self) -> None:
        self.log.close()


class AsyncFile:
    def __init__(self, log: Log) -> None:
        self.items = log.items()
        self.log = log

    async def read(self, size: int) -> bytes:
        await anyio.lowlevel.checkpoint()
        for item in self.items:
            return item
        if self.log.waits:
            await anyio.sleep(1000)
        return b""

    async def close(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.log.closed += 1


def manager(log: Log) -> Any:
    @contextmanager
    def managed() -> Iterator[Any]:
        log.opened += 1
        try:
            yield log.items()
        except BaseException as error:
            log.exits.append(type(error))
            raise
        finally:
            log.close()

    return managed()


def async_manager(log: Log) -> Any:
    @asynccontextmanager
    async def managed() -> AsyncIterator[Any]:
        log.opened += 1
        try:
            yield log.aitems()
        except BaseException as error:
            log.exits.append(type(error))
            raise
        finally:
            await anyio.sleep(1)
            log.closed += 1

    return managed()


KINDS: dict[str, Callable[[Log], Any]] = {
    "generator": generator,
    "iterator": Iterates,
    "iterable": Iterable,
    "file": File,
    "context manager": manager,
    "async generator": async_generator,
    "async iterator": AsyncIterates,
    "async file": AsyncFile,
    "async context manager": async_manager,
}
MANAGERS = {"context manager", "async context manager"}


class Ran:
    """A response in an exchange, and what came of it."""

    def __init__(
        self, kind: str, method: str = "GET", *, fails: bool = False, waits: bool = False, **options: Any
    ) -> None:
        self.log = Log(fails=fails, waits=waits)
        self.outcomes: list[Outcome] = []
        self.background = 0
        self.response = StreamingResponse(
            KINDS[kind](self.log),
            background=BackgroundTask(self._run_background),
            on_finish=self.outcomes.append,
            **options,
        )
        self.method = method

    async def _run_background(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.background += 1

    def check(self, ending: Ending) -> None:
        assert [outcome.ending for outcome in self.outcomes] == [ending]
        assert self.background == 1


async def check_nothing_is_left(backend: str) -> None:
    await anyio.lowlevel.checkpoint()
    if backend == "asyncio":
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def no_open_generators() -> Iterator[None]:
    """An async generator that is left to the garbage collector is reported by its loop."""
    unraisable: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, unraisable.append
    yield
    gc.collect()
    sys.unraisablehook = before
    assert unraisable == []


async def never() -> Any:
    await asyncio.sleep(1000)


each_kind = pytest.mark.parametrize("kind", KINDS)
each_version = pytest.mark.parametrize("spec", ["2.0", "2.3", "2.4"])


@each_version
@each_kind
def test_end(kind: str, spec: str, backend: str) -> None:
    async def main() -> None:
        ran = Ran(kind)
        async with Exchange(ran.response, spec_version=spec) as exchange:
            assert await exchange.body() == b"".join(ITEMS)
        assert exchange.complete
        assert ran.log.closed == 1
        ran.check(Ending.COMPLETED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)


@each_version
@each_kind
def test_error(kind: str, spec: str, backend: str) -> None:
    async def main() -> None:
        ran = Ran(kind, fails=True)
        with pytest.raises(OddError):
            async with Exchange(ran.response, spec_version=spec) as exchange:
                await exchange.body()
        assert exchange.content == b"".join(ITEMS)
        assert not exchange.complete
        assert ran.log.closed == 1
        assert ran.log.exits == ([OddError] if kind in MANAGERS else [])
        ran.check(Ending.FAILED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
@each_version
@each_kind
def test_client_leaves(kind: str, spec: str, taken: int, backend: str) -> None:
    """While what it does not take is sent, or while the source waits."""

    async def main() -> None:
        ran = Ran(kind, waits=True)
        async with Exchange(ran.response, spec_version=spec, disconnect_after=taken) as exchange:
            await exchange.start() if taken else None
            await exchange.body()
        assert not exchange.complete
        begun = ran.log.opened or ran.log.started or not ("generator" in kind or kind in MANAGERS)
        assert ran.log.closed == (1 if begun else 0)
        if taken:
            assert ran.log.started
            assert len(ran.log.exits) == (1 if kind in MANAGERS else 0)
        ran.check(Ending.DISCONNECTED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)


@each_version
@each_kind
def test_cancelled(kind: str, spec: str, backend: str) -> None:
    """By a scope around it, while a message is sent that nobody takes."""

    async def main() -> None:
        ran = Ran(kind)

        async def app(*arguments: Any) -> None:
            with anyio.move_on_after(1):
                await ran.response(*arguments)

        with pytest.raises(ProtocolViolation, match="returned within the body"):  # noqa: PT012 - as an app does that is cancelled
            async with Exchange(app, spec_version=spec) as exchange:
                await exchange.read()
                await anyio.sleep(5)
                assert len(ran.outcomes) == 1
        assert ran.log.closed == 1
        ran.check(Ending.FAILED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)


@each_kind
@pytest.mark.parametrize("when", ["sends", "waits"])
def test_task_cancelled(kind: str, when: str) -> None:
    """By `Task.cancel`; again and again while it closes, but not while the source itself cleans up after the first."""

    async def main() -> None:
        ran = Ran(kind, waits=when == "waits")
        blocked = asyncio.Event()

        async def send(message: Any) -> None:
            if when == "sends" and "body" in message:
                blocked.set()
                await asyncio.sleep(1000)

        task = asyncio.create_task(ran.response(SCOPE, never, send))
        if when == "sends":
            await blocked.wait()
        else:
            await asyncio.sleep(1)
        for _ in range(20 if when == "sends" else 1):
            task.cancel()
            await asyncio.sleep(0)
        if when == "waits" and not kind.startswith("async"):
            await task  # it had ended before
            return
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran.log.closed == 1
        ran.check(Ending.FAILED)
        await check_nothing_is_left("asyncio")

    run(main)


SCOPE = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": "/", "headers": []}


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
@each_kind
def test_not_started(kind: str, method: str, status: int, backend: str) -> None:
    async def main() -> None:
        ran = Ran(kind, status_code=status)
        async with Exchange(ran.response, method) as exchange:
            assert await exchange.body() == b""
        assert exchange.status == status
        assert not ran.log.started
        # What was never entered, or never begun, has nothing to close.
        assert ran.log.closed == (0 if kind in MANAGERS or "generator" in kind else 1)
        ran.check(Ending.COMPLETED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)


@each_kind
def test_websocket_that_cannot_be_denied(kind: str, backend: str) -> None:
    async def main() -> None:
        ran = Ran(kind)
        async with Exchange(ran.response, type="websocket") as exchange:
            await exchange.body()
        assert [message["type"] for message in exchange.messages] == ["websocket.close"]
        assert not ran.log.started
        ran.check(Ending.COMPLETED)

    run(main, backend=backend)


@each_kind
def test_shutdown(kind: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Callable[[], None]] = []

    @contextmanager
    def listening(callback: Callable[[], None]) -> Iterator[None]:
        told.append(callback)
        yield
        told.clear()

    monkeypatch.setattr(rejoinder._pump, "listening", listening)

    async def main() -> None:
        ran = Ran(kind, waits=True, stop_on_shutdown=True, farewell=b"bye")
        async with Exchange(ran.response) as exchange:
            await exchange.read()
            told[0]()
            rest = await exchange.body()
        assert exchange.complete
        assert rest.endswith(b"bye")
        assert exchange.content.removesuffix(b"bye") == b"".join(ran.log.given)[: len(exchange.content) - 3]
        assert ran.log.closed == 1
        assert told == []
        ran.check(Ending.COMPLETED)
        await check_nothing_is_left(backend)

    run(main, backend=backend)
