"""What runs after a response, however it ended: `on_finish`, then `background`; once each, shielded.

An `Exchange` surrounds one sending of one response. Its exit is the only place where that sending ends, so there is one
way out for success, an error, a client that left and a cancellation:

    body of `async with`       ->  Outcome       ->  on_finish(outcome)  ->  background tasks, one by one
    returns                        COMPLETED         |                       |
    raises ClientLeft              DISCONNECTED      |  each failure is logged and loses no other one;
    raises anything else           FAILED            |  the first is raised when all have run, unless
    is cancelled                   FAILED            |  the sending itself raised: then that is

A client that left is no error of the application: nothing is raised for it.
"""

import asyncio
import inspect
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from copy import copy
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeAlias

import anyio
from starlette.background import BackgroundTask, BackgroundTasks

_logger = logging.getLogger("rejoinder")
clock = time.perf_counter  # not the event loop's: uvloop's counts whole milliseconds


def asyncio_task() -> asyncio.Task[Any] | None:
    """The running task, if it is one of asyncio's; AnyIO knows it too, but takes ten times as long to tell."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class Ending(Enum):
    """How the sending of a response ended.

    >>> def has_left(outcome: "Outcome") -> bool:
    ...     return outcome.ending is Ending.DISCONNECTED
    """

    COMPLETED = "completed"
    """Every byte was handed to the server. Whether the client has got them is known to nobody here; most servers take an
    answer that is one message also where the client has left, and say nothing."""
    DISCONNECTED = "disconnected"
    """The server said that the client has left."""
    FAILED = "failed"
    """An exception or a cancellation ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What `on_finish` is told.

    >>> Outcome(ending=Ending.COMPLETED, status=200, bytes_sent=13, duration=0.001).ending.value
    'completed'
    """

    ending: Ending
    status: int
    """The status code of the response."""
    bytes_sent: int
    """Octets of content handed to the server; header section and framing not counted."""
    duration: float
    """Seconds from the call of the response to the end of its sending."""
    exception: BaseException | None = None
    """What ended it: the exception or cancellation when it failed; when the client left, the server's OSError, None where
    the server said so by a message, or a TimeoutError where the client took nothing for too long."""


OnFinish: TypeAlias = Callable[[Outcome], object]


class ClientLeft(Exception):  # noqa: N818 - an event, not an error
    """Raised by the sender out of an exchange; its cause is the OSError with which the server said so."""


class Exchange:
    """One sending of one response; the sender keeps `status` and `bytes_sent` true.

    `failure` is what broke the content, where the sender has told the client so and then ended it as it should; `release`
    gives back what the sending took, before anything else runs.
    """

    __slots__ = ("_background", "_on_finish", "_started", "bytes_sent", "failure", "release", "status")

    def __init__(self, status: int, on_finish: OnFinish | None, background: BackgroundTask | None) -> None:
        self.status = status
        self.bytes_sent = 0
        self.failure: Exception | None = None
        self.release: Callable[[], None] | None = None
        self._on_finish = on_finish
        self._background = background

    async def __aenter__(self) -> Self:
        self._started = clock()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self.release is not None:
            self.release()
        if self._on_finish is None and self._background is None:
            return isinstance(error, ClientLeft)
        if isinstance(error, GeneratorExit):
            return False  # the coroutine is closed: its loop has ended, and nothing can be awaited any more
        disconnected = isinstance(error, ClientLeft)
        failure = error or self.failure
        outcome = Outcome(
            ending=Ending.DISCONNECTED if disconnected else Ending.FAILED if failure else Ending.COMPLETED,
            status=self.status,
            bytes_sent=self.bytes_sent,
            duration=clock() - self._started,
            exception=error.__cause__ if disconnected and error else failure,
        )
        failures: list[BaseException] = []
        await shielded(lambda: _run_after(outcome, self._on_finish, self._background, failures))
        if failures and (error is None or disconnected):
            raise failures[0]
        return disconnected


async def shielded(work: Callable[[], Awaitable[None]]) -> None:
    """Awaits `work`, which no cancellation interrupts; one that came meanwhile is raised afterwards."""
    with anyio.CancelScope(shield=True):
        if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
            await work()
            return
        # The scope holds off cancellation by scopes. `Task.cancel`, which asyncio.timeout and servers use, reaches
        # into it, but no further than this task: so the work has a task of its own. What cancels all tasks, as the end
        # of asyncio.run does, ends the work too.
        task = _new_task(_await(work))
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None and (task.cancelled() or task.exception() is None):
            raise cancelled
        task.result()


async def _await(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def _new_task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task in the context of this one, where Python (from 3.12 on) tells it; so that context variables are shared."""
    if sys.version_info >= (3, 12) and (current := asyncio.current_task()) is not None:
        # Not by a factory of the loop's: a task that starts eagerly cannot enter the context that it is made in.
        return asyncio.Task(work, loop=asyncio.get_running_loop(), context=current.get_context())
    return asyncio.get_running_loop().create_task(work)


async def _run_after(
    outcome: Outcome, on_finish: OnFinish | None, background: BackgroundTask | None, failures: list[BaseException]
) -> None:
    """Runs everything, logs each failure, adds it to `failures`."""
    for name, work in _work(outcome, on_finish, background):
        try:
            result = work()
            if inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError) as error:
            if _is_cancelled():
                raise
            # A cancellation that nobody asked for is the work's own.
            _logger.exception("%s failed after a response with status %s", name, outcome.status)
            failures.append(error)


def _is_cancelled() -> bool:
    """Whether somebody cancelled this very task, on asyncio."""
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _work(
    outcome: Outcome, on_finish: OnFinish | None, background: BackgroundTask | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    if on_finish is not None:
        yield "on_finish", lambda: on_finish(outcome)
    if background is not None:
        yield from _tasks(background)


def _tasks(background: BackgroundTask) -> Iterator[tuple[str, Callable[[], object]]]:
    # A subclass with a `__call__` of its own knows better how to run its tasks. FastAPI's, though, which endpoints are
    # given, only puts a span of its telemetry around each: a copy with one task does so for that one. The list may grow
    # while they run.
    call = type(background).__call__
    has_spans = call.__module__ == "fastapi.background"
    if isinstance(background, BackgroundTasks) and (has_spans or call is BackgroundTasks.__call__):
        for task in background.tasks:
            if has_spans and not isinstance(task, BackgroundTasks):
                alone = copy(background)
                alone.tasks = [task]
                yield _name(task), alone
            else:
                yield from _tasks(task)
    else:
        yield _name(background), background


def _name(task: BackgroundTask) -> str:
    return f"background task {getattr(task, 'func', task)!r}"
