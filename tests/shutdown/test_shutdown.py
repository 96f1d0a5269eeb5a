"""Who is told that the process is to stop, when, and what becomes of the signal handlers."""

import asyncio
import gc
import multiprocessing.process
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import rejoinder._shutdown as module
from rejoinder import shutdown
from rejoinder._shutdown import listening
from rejoinder.testing import run as run_in_virtual_time

Main = Callable[[], Awaitable[None]]


def run_asyncio(main: Main) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


def run_uvloop(main: Main) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())  # type: ignore[arg-type]


def run_trio(main: Main) -> None:
    import trio

    trio.run(main)


LOOPS: dict[str, Callable[[Main], None]] = {"asyncio": run_asyncio, "uvloop": run_uvloop, "trio": run_trio}
SIGNALS = [pytest.param(number, id=number.name) for number in (signal.SIGINT, signal.SIGTERM)]


class Server:
    """What a server's signal handler is here: it counts."""

    def __init__(self) -> None:
        self.got: list[int] = []

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.got.append(number)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Main], None]:
    pytest.importorskip(request.param)
    return LOOPS[request.param]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_answered", {})
    monkeypatch.setattr(module, "_heeds_process", True)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def server() -> Server:
    """Has set the handlers."""
    serving = Server()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, serving.handle)
    return serving


async def settled() -> None:
    """What was posted to this loop so far has run."""
    posted = anyio.Event()
    module._post(module._running_loop(), posted.set)
    await posted.wait()


async def times_told() -> int:
    """How often a listener that comes now is told."""
    calls: list[None] = []
    with listening(lambda: calls.append(None)):
        await settled()
    return len(calls)


@pytest.fixture(params=["_signal", "signal"])
def looked_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the function that is private to Python, and by the public one."""
    monkeypatch.setattr(module, "getsignal", sys.modules[request.param].getsignal)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_told_in_the_loop_and_handled_as_before(
    run: Callable[[Main], None], server: Server, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    async def main() -> None:
        told = anyio.Event()
        with listening(told.set):
            signal.raise_signal(number)
            assert server.got == [number]
            await told.wait()
        assert signal.getsignal(number) is before

    run(main)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_handler_of_the_loop_is_called_too(loop: str) -> None:
    async def main() -> None:
        told, handled = anyio.Event(), anyio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handled.set)
        with listening(told.set):
            signal.raise_signal(signal.SIGTERM)
            await told.wait()
            await handled.wait()

    LOOPS[loop](main)


def test_a_second_signal_reaches_the_server_as_well(run: Callable[[Main], None], server: Server) -> None:
    async def main() -> None:
        calls: list[None] = []
        with listening(lambda: calls.append(None)):
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
                await settled()
        assert server.got == [signal.SIGINT] * 2
        assert calls == [None]

    run(main)


def test_a_handler_that_raises_has_told_the_streams_before(run: Callable[[Main], None]) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)

    async def main() -> None:
        told = anyio.Event()
        with listening(told.set):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            await told.wait()

    run(main)


@pytest.mark.usefixtures("looked_up")
@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(signal.SIG_DFL, id="the system's"),
        pytest.param(signal.SIG_IGN, id="none"),
        pytest.param(signal.default_int_handler, id="Python's"),
    ],
)
def test_a_default_handler_is_left_alone(run: Callable[[Main], None], handler: Any) -> None:
    signal.signal(signal.SIGTERM, handler)

    async def main() -> None:
        with listening(print):
            assert signal.getsignal(signal.SIGTERM) is handler

    run(main)


@pytest.mark.usefixtures("looked_up")
def test_the_loops_own_handler_is_taken_away_at_its_end(run: Callable[[Main], None]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)

    async def main() -> None:
        with listening(print), listening(print):
            assert isinstance(signal.getsignal(signal.SIGINT), module._Chained)

    run(main)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("looked_up")
def test_the_handlers_stay_while_one_listens(server: Server) -> None:
    async def main() -> None:
        with listening(print):
            ours = signal.getsignal(signal.SIGTERM)
            with listening(print):
                pass
            assert signal.getsignal(signal.SIGTERM) is ours
        assert signal.getsignal(signal.SIGTERM) == server.handle

    run_asyncio(main)


def test_one_that_leaves_in_another_thread_takes_no_handler_away(server: Server) -> None:
    async def elsewhere() -> None:
        with listening(print):
            pass

    async def main() -> None:
        told = anyio.Event()
        with listening(told.set):
            await anyio.to_thread.run_sync(run_asyncio, elsewhere)
            signal.raise_signal(signal.SIGTERM)
            await told.wait()

    run_asyncio(main)


def test_a_handler_that_came_later_is_not_taken_away(server: Server) -> None:
    later = Server()

    async def main() -> None:
        with listening(print):
            signal.signal(signal.SIGTERM, later.handle)
        assert signal.getsignal(signal.SIGTERM) == later.handle

    run_asyncio(main)


@pytest.mark.usefixtures("looked_up")
def test_a_handler_that_came_later_is_chained_when_the_next_one_listens(server: Server) -> None:
    later = Server()

    async def main() -> None:
        told = anyio.Event()
        with listening(told.set):
            signal.signal(signal.SIGTERM, later.handle)
            with listening(print):
                signal.raise_signal(signal.SIGTERM)
                await told.wait()

    run_asyncio(main)
    assert (server.got, later.got) == ([], [signal.SIGTERM])


@pytest.mark.usefixtures("looked_up")
def test_a_handler_that_wraps_ours_is_called_once(server: Server) -> None:
    calls: list[int] = []

    async def main() -> None:
        with listening(print):
            ours: Any = signal.getsignal(signal.SIGTERM)

            def wrapper(number: int, frame: FrameType | None) -> None:
                calls.append(number)
                ours(number, frame)

            signal.signal(signal.SIGTERM, wrapper)
            signal.raise_signal(signal.SIGTERM)
            await settled()
        assert await times_told() == 1  # the same handlers still stand: it is the same shutdown
        with listening(print):
            signal.raise_signal(signal.SIGTERM)
            await settled()
        assert await times_told() == 1
        assert signal.getsignal(signal.SIGTERM) is wrapper

    run_asyncio(main)
    assert calls == server.got == [signal.SIGTERM] * 2


def test_a_listener_is_told_once_and_not_after_it_has_left(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        stayed: list[None] = []
        left: list[None] = []
        with listening(lambda: stayed.append(None)):
            with listening(lambda: left.append(None)):
                shutdown.trigger()
            shutdown.trigger()
            await settled()
        assert (stayed, left) == ([None], [])

    run(main)


def test_one_that_leaves_because_another_was_told_is_not_told(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        calls: list[str] = []
        other = listening(lambda: calls.append("other"))

        def first() -> None:
            calls.append("first")
            other.__exit__(None, None, None)

        with listening(first):
            other.__enter__()
            shutdown.trigger()
            await settled()
        assert calls == ["first"]

    run(main)


def test_a_listener_that_fails_loses_no_other(run: Callable[[Main], None], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        told = anyio.Event()

        def fail() -> None:
            raise ValueError("no")

        with listening(fail), listening(told.set):
            shutdown.trigger()
            await told.wait()

    run(main)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["no"]


def test_a_loop_that_was_told_stays_so_and_a_new_one_is_not(run: Callable[[Main], None], server: Server) -> None:
    async def told() -> None:
        with listening(print):
            pass
        assert await times_told() == 0
        with listening(server.got.clear):
            signal.raise_signal(signal.SIGTERM)
            await settled()
        for _ in range(2):
            assert await times_told() == 1

    async def fresh() -> None:
        assert await times_told() == 0

    run(told)
    run(fresh)


def test_a_loop_in_which_nothing_listens_any_more_is_told(run: Callable[[Main], None]) -> None:
    async def main() -> None:
        assert await times_told() == 0
        shutdown.trigger()
        assert await times_told() == 1

    run(main)


def test_another_server_in_the_same_loop_is_not_told(run: Callable[[Main], None], server: Server) -> None:
    async def main() -> None:
        with listening(print):
            signal.raise_signal(signal.SIGTERM)
        assert await times_told() == 1
        signal.signal(signal.SIGTERM, Server().handle)
        assert await times_told() == 0
        shutdown.trigger()
        assert [await times_told(), await times_told()] == [1, 1]

    run(main)


def test_a_handler_that_replaces_itself_does_not_make_another_server(run: Callable[[Main], None]) -> None:
    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(number, Server().handle)  # the next signal shall be the last

    signal.signal(signal.SIGTERM, first)

    async def main() -> None:
        with listening(print):
            signal.raise_signal(signal.SIGTERM)
            await settled()
        assert await times_told() == 1

    run(main)


def test_trigger_tells_the_loops_of_all_threads(run: Callable[[Main], None], server: Server) -> None:
    ready = threading.Barrier(3)
    told: list[threading.Thread] = []

    async def main() -> None:
        event = anyio.Event()

        def callback() -> None:
            told.append(threading.current_thread())
            event.set()

        with listening(callback):
            assert signal.getsignal(signal.SIGTERM) == server.handle  # they are the main thread's
            ready.wait(10)
            await event.wait()

    threads = [threading.Thread(target=run, args=(main,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait(10)
    shutdown.trigger()
    for thread in threads:
        thread.join(10)
    assert set(told) == set(threads)


def test_a_loop_that_was_closed_under_its_listeners_is_passed_over() -> None:
    loop = asyncio.new_event_loop()

    async def enter() -> Any:
        context = listening(print)
        context.__enter__()
        return context

    context = loop.run_until_complete(enter())
    loop.close()
    shutdown.trigger()
    context.__exit__(None, None, None)


def test_a_loop_is_not_kept_alive() -> None:
    loops: list[weakref.ref[Any]] = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        assert await times_told() == 0

    run_asyncio(main)
    gc.collect()
    assert loops[0]() is None


def test_many_listeners_cost_no_task(server: Server) -> None:
    async def main() -> None:
        told = 0

        def count() -> None:
            nonlocal told
            told += 1

        contexts = [listening(count) for _ in range(10_000)]
        for context in contexts:
            context.__enter__()
        assert len(asyncio.all_tasks()) == 1
        signal.raise_signal(signal.SIGTERM)
        await settled()
        assert told == 10_000
        for context in contexts:
            context.__exit__(None, None, None)

    run_asyncio(main)
    assert signal.getsignal(signal.SIGTERM) == server.handle


@pytest.mark.parametrize("when", ["before", "while one listens"])
def test_switched_off_the_signals_are_left_alone(run: Callable[[Main], None], server: Server, when: str) -> None:
    if when == "before":
        shutdown.disable()

    async def main() -> None:
        calls: list[None] = []
        with listening(lambda: calls.append(None)):
            if when == "while one listens":
                shutdown.disable()
            assert signal.getsignal(signal.SIGTERM) == server.handle
            signal.raise_signal(signal.SIGTERM)
            await settled()
            assert not calls
            shutdown.trigger()
            await settled()
            assert calls

    run(main)


def test_switching_off_outside_the_main_thread_is_refused() -> None:
    errors: list[str] = []

    def disable() -> None:
        with pytest.raises(RuntimeError) as caught:
            shutdown.disable()
        errors.append(str(caught.value))

    thread = threading.Thread(target=disable)
    thread.start()
    thread.join(10)
    assert errors == ["disable() puts signal handlers back: call it in the main thread, before the server starts"]


def test_importing_sets_no_handler() -> None:
    code = (
        "import signal\n"
        "before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]\n"
        "import rejoinder.shutdown\n"
        "assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def worker(name: str, **kwargs: object) -> Callable[[], object]:
    """What `multiprocessing.current_process` is in a worker whose target is of the module `name`."""
    return lambda: SimpleNamespace(_target=SimpleNamespace(__module__=name), _kwargs=kwargs)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_worker_of_hypercorn_is_told_by_its_event(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    event = threading.Event()
    worker_of_hypercorn = worker("hypercorn.asyncio.run", shutdown_event=event)
    monkeypatch.setattr(multiprocessing.process, "current_process", worker_of_hypercorn)

    async def main() -> None:
        watch = module._watch(module._running_loop())
        told = anyio.Event()
        with listening(told.set), listening(print):
            await anyio.sleep(1)
            assert not told.is_set()
            assert len(module._tasks) == (backend == "asyncio")  # one for both
            event.set()
            await told.wait()
            assert anyio.current_time() < 1.2
        await anyio.sleep(1)
        assert not watch.polling

    run_in_virtual_time(main, backend=backend)


@pytest.mark.parametrize(
    "process",
    [
        pytest.param(worker("uvicorn._subprocess", shutdown_event=threading.Event()), id="another server's"),
        pytest.param(worker("hypercorn.asyncio.run"), id="hypercorn's without workers"),
        pytest.param(worker("hypercorn.asyncio.run", shutdown_event=None), id="hypercorn's without an event"),
    ],
)
def test_no_other_process_looks_at_an_event(monkeypatch: pytest.MonkeyPatch, process: Any) -> None:
    monkeypatch.setattr(multiprocessing.process, "current_process", process)
    assert module._event_of_hypercorn() is None


def test_multiprocessing_is_not_loaded_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "multiprocessing.process")
    assert module._event_of_hypercorn() is None
    assert "multiprocessing.process" not in sys.modules
