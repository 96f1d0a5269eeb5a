"""A clock that costs no time: it stands while anything can happen, and jumps to the next deadline when nothing can.

On asyncio, the selector is where a loop would wait. It is called with a timeout above zero only if no callback is
ready, so that is the place to jump by the timeout instead of waiting for it. Trio has such a clock of its own.

Worker threads live in real time. A jump while one is at work would fire a timeout that in a real program had been
hours away, so before a jump the loop waits, for a real second at most, until a thread has reported:

- trio counts its threads: `trio.testing.active_thread_count`.
- asyncio: work given to an executor is counted here. AnyIO starts its threads itself, each with a `queue` of the work
  given to it; a `queue.Queue` knows how much of that is unfinished, from the moment it is put.

A thread that is not seen to end within that second is taken for one that waits for something of the future.
"""

import asyncio
import selectors
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

import anyio

T = TypeVar("T")
A = TypeVar("A")
Args = TypeVarTuple("Args")

LIMIT = 24 * 60 * 60.0
_REAL_SECOND = 1.0


def run(function: Callable[[*Args], Awaitable[T]], *args: *Args, backend: str = "asyncio") -> T:
    """Run an async function to its end on a loop whose clock is virtual, and give what it returns.

    Sleeping takes no time: when nothing is ready, the clock jumps to the next deadline. It starts at 0.0, and
    `anyio.current_time()` tells it. Threads are waited for before a jump; sockets, subprocesses and signals are not.
    `time.time()` and `datetime.now()` stay real. Tasks that are left at the end are cancelled, async generators closed.

    Args:
        function: what to run, on a new loop of its own.
        *args: what to call it with.
        backend: "asyncio" or "trio".

    Raises:
        TimeoutError: 24 virtual hours have passed: mostly, a task waits for something that never happens. The cause
            of the error shows where.
        ImportError: trio is asked for and not installed.
        ValueError: no such backend.

    >>> async def main():
    ...     await anyio.sleep(3600)
    ...     return anyio.current_time()
    >>> run(main), run(main, backend="trio")
    (3600.0, 3600.0)
    """
    match backend:
        case "asyncio":
            # Not anyio.run: older releases drop the options that make the clock virtual.
            with asyncio.Runner(loop_factory=_Loop) as runner:
                return runner.run(_limited(function, args))
        case "trio":
            return _run_on_trio(function, args)
        case _:
            raise ValueError(f'backend must be "asyncio" or "trio", got {backend!r}')


async def _limited(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    stuck: BaseException | None = None
    with anyio.move_on_after(LIMIT):
        try:
            return await function(*args)
        except anyio.get_cancelled_exc_class() as cancelled:
            stuck = cancelled
            raise
    raise TimeoutError(
        f"the test did not end within {LIMIT:g} s of virtual time; the cause shows where it is"
    ) from stuck


class _Loop(asyncio.SelectorEventLoop):
    """An asyncio loop in virtual time."""

    def __init__(self) -> None:
        self._virtual_time = 0.0
        self._executing = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._virtual_time

    def jump(self, seconds: float) -> None:
        self._virtual_time += seconds

    def waits_for_thread(self) -> bool:
        queues = (getattr(thread, "queue", None) for thread in threading.enumerate())
        return self._executing > 0 or any(getattr(queue, "unfinished_tasks", 0) for queue in queues)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Args], A], *args: *Args) -> asyncio.Future[A]:
        future = super().run_in_executor(executor, func, *args)
        self._executing += 1
        future.add_done_callback(self._executed)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        # Since 3.12 it has a timeout: without this, the clock would jump to it while the threads are being joined.
        self._executing += 1
        await super().shutdown_default_executor(*args)

    def _executed(self, _: object) -> None:
        self._executing -= 1


class _Selector(selectors.DefaultSelector):
    """A selector that does not wait for the time to pass, but makes it pass."""

    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(_REAL_SECOND if self._loop.waits_for_thread() else 0)
        if not events:
            self._loop.jump(timeout)
        return events


def _run_on_trio(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    try:
        import trio.testing
    except ImportError as error:
        raise ImportError('run(..., backend="trio") needs trio: pip install "trio>=0.26"') from error

    clock = trio.testing.MockClock(autojump_threshold=0)

    class WaitForThreads(trio.abc.Instrument):
        """The threshold is in real seconds. A thread is given work, and reports, in a step of a task."""

        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            del task
            clock.autojump_threshold = _REAL_SECOND if trio.testing.active_thread_count() else 0

    return trio.run(_limited, function, args, clock=clock, instruments=[WaitForThreads()])
