"""Streams on asyncio: the source is stepped by hand, in the task that sends what it gives (see `_drive`)."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from rejoinder._drive import CLOSING, HURRY, Watch
from rejoinder._lifecycle import clock
from rejoinder._pull import TURN, Puller

_logger = logging.getLogger("rejoinder")
T = TypeVar("T")

_NO_SHIELD = nullcontext()
_GATHERING = 0.001  # seconds in which what a thread gives is gathered, if it gave something just before
_STUCK = 0.3  # seconds from which on a server that takes no message may do so because the client has left


class _State(Enum):
    NEW = "not started"
    READY = "can go on in the next turn of the loop"
    WAITING = "waits for a future"
    ENDED = "has ended"


class _Steps:
    """A coroutine, stepped by hand."""

    __slots__ = ("_thrown", "cancelled", "coroutine", "future", "heard", "state")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.coroutine = coroutine
        self.state = _State.NEW
        self.future: asyncio.Future[Any] | None = None
        self.heard = False  # the future calls when it is done
        self.cancelled = False  # and has not yet come to where it would have known that it is not its end
        self._thrown: BaseException | None = None

    def ready(self) -> bool:
        return self._thrown is not None or self.future is None or self.future.done()

    def step(self) -> None:
        """Run it until it waits; raises what it raises."""
        thrown, self._thrown, self.future, self.heard = self._thrown, None, None, False
        try:
            yielded = self.coroutine.send(None) if thrown is None else self.coroutine.throw(thrown)
        except StopIteration:
            self.state = _State.ENDED
        except GeneratorExit as error:
            self.state = _State.ENDED
            # As it is, it would say that the loop has ended.
            raise RuntimeError("a stream's source raised GeneratorExit") from error
        except BaseException:
            self.state = _State.ENDED
            raise
        else:
            self.wait_for(yielded)

    def wait_for(self, yielded: Any) -> None:
        """It has run, and yielded this."""
        if yielded is None:
            self.state = _State.READY
        elif getattr(yielded, "_asyncio_future_blocking", None):
            # The handshake of `Future.__await__` with the task that runs it.
            yielded._asyncio_future_blocking = False  # noqa: SLF001
            self.state, self.future = _State.WAITING, yielded
        else:
            self.state = _State.READY
            self._thrown = RuntimeError(f"a stream's source awaits {yielded!r}, which is not for asyncio")

    def cancel(self, error: BaseException) -> None:
        """Cancel it as `Task.cancel` does: by what it waits for, or else with the next step."""
        self.cancelled = True
        if self.future is None or not self.future.cancel(*error.args[:1]):
            self._thrown = error


class Stepped:
    """The drive on asyncio."""

    __slots__ = (
        "_loop",
        "_no_later",
        "_paused",
        "_puller",
        "_scope",
        "_source",
        "_taken_at",
        "_tasks",
        "_timer",
        "_timer_at",
        "_waker",
        "error",
        "interrupted",
    )

    def __init__(self, puller: Puller) -> None:
        puller.where = self
        self.interrupted = False
        self.error: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._puller = puller
        self._source = _Steps(puller.run())
        self._tasks: list[asyncio.Task[None]] = []
        self._waker: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._no_later = math.inf
        self._taken_at = 0.0
        self._paused = False
        # Entered before the source starts, so that it is around all scopes of the source, and can shield its closing.
        self._scope = anyio.CancelScope()

    @property
    def ended(self) -> bool:
        return self._source.state is _State.ENDED

    @property
    def waits(self) -> bool:
        source = self._source
        return source.state is _State.WAITING and not source.ready() and not self._puller.has_gathered

    def now(self) -> float:
        return self._loop.time()

    async def __aenter__(self) -> Self:
        self._scope.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is GeneratorExit:
                _break_off(self._source.coroutine)  # the loop has ended, and nothing can be awaited any more
            elif self._tasks or not self.ended:
                await self.stop()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._scope.__exit__(kind, error, traceback)

    async def advance(self) -> None:
        source, puller = self._source, self._puller
        if not source.ready():
            return
        turn_ends = puller.turn_ends = clock() + TURN
        self._paused = False
        while source.ready():
            if source.state is _State.READY:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError as cancelled:
                    self._cancel_source(cancelled)
            try:
                source.step()
            except Exception as error:  # noqa: BLE001 - raised by the pump, when what was gathered has been sent
                self.error = error
            if puller.has_gathered and source.cancelled:
                source.cancelled = self._scope.shield = False  # it was a timeout of its own
            # One that only yields to the others, as `sleep(0)` does, does not wait.
            if source.state is not _State.READY or self._paused or clock() >= turn_ends:
                return

    def wait(self, until: float) -> Awaitable[None]:
        self._taken_at = clock()
        return self._wait(self._source, until)

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        try:
            yielded = sending.send(None)
        except StopIteration:
            return True
        steps, stuck_at = _Steps(sending), math.inf
        steps.wait_for(yielded)
        while True:
            if steps.state is _State.READY:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError as cancelled:
                    steps.cancel(cancelled)
            if stuck_at == math.inf:
                stuck_at = self.now() + _STUCK
            while not steps.ready():
                latest = min(until, self._no_later)
                await self._wait(steps, min(latest, stuck_at))
                now = self.now()
                if not steps.ready() and (self.interrupted or now >= latest):
                    _raise(await self._end(steps))
                    return False
                if now >= stuck_at:
                    stuck_at = math.inf
                    when_stuck()
            steps.step()
            if steps.state is _State.ENDED:
                return True

    def watch(self, watch: Watch) -> None:
        self._tasks.append(self._loop.create_task(watch()))

    def wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def interrupt(self) -> None:
        self.interrupted = True
        self.wake()

    def hurry(self) -> None:
        self._no_later = self.now() + HURRY
        self.wake()

    async def stop(self) -> None:
        self._scope.shield = True
        self._puller.stopped, self._puller.turn_ends = True, 0.0
        cancelled = await self._end(self._source)
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            cancelled = await self._end(_Steps(self._await_tasks()), cancel=False) or cancelled
            self._tasks.clear()
        self._scope.shield = False
        _raise(cancelled)

    def pause(self) -> Awaitable[object]:
        self._paused = True  # so `advance` does not go on
        return asyncio.sleep(0)

    def shield(self) -> AbstractContextManager[object]:
        return _NO_SHIELD  # that is done by `_end`

    def gathered(self) -> None:
        self.wake()  # of no effect when the source runs: that is in this task, which does not wait then

    def notice(self) -> None:
        self._loop.call_soon_threadsafe(self._noticed)

    async def in_thread(self, function: Callable[[], T], /) -> T:
        # Not awaited here: AnyIO has a cancel scope around it, which would be around what is sent meanwhile.
        task = self._loop.create_task(_call_in_thread(function))
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                self._puller.stopped = True
                cancelled = error
        if cancelled is not None and (task.cancelled() or task.exception() is None):
            raise cancelled
        return task.result()

    def _noticed(self) -> None:
        # Each time that a thread is listened to costs it its turn, so one that gives much is not listened to all the time.
        early = self._taken_at + _GATHERING - clock()
        if early > 0:
            self._loop.call_later(early, self.wake)
        else:
            self.wake()

    async def _wait(self, steps: _Steps, until: float, *, shielded: bool = False) -> None:
        future = steps.future
        if future is None or future.done():
            return
        if not steps.heard:
            steps.heard = True
            future.add_done_callback(self._wake_by)
        if until < self._timer_at:
            self._arm(until)
        self._waker = self._loop.create_future()
        try:
            await self._waker
        except asyncio.CancelledError as cancelled:
            if shielded:
                raise
            if steps is self._source:
                self._cancel_source(cancelled)
            else:
                steps.cancel(cancelled)
        finally:
            self._waker = None

    def _cancel_source(self, cancelled: asyncio.CancelledError) -> None:
        self._source.cancel(cancelled)
        # A scope around all this cancels again and again, and would cancel the clean-up, too.
        self._scope.shield = True

    def _wake_by(self, _: object) -> None:
        self.wake()

    def _arm(self, until: float) -> None:
        # It is left standing when what it was for comes first, as it mostly does: a wake too many in seconds costs less
        # than a timer for each event.
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(until, self._ring), until

    def _ring(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self.wake()

    async def _end(self, steps: _Steps, *, cancel: bool = True) -> asyncio.CancelledError | None:
        """Cancel a coroutine, and let it come to its end. Returns a cancellation that came meanwhile, to be raised."""
        if cancel and steps.state in {_State.READY, _State.WAITING}:
            steps.cancel(asyncio.CancelledError("the stream is over"))
        latest = self.now() + CLOSING
        interrupted: asyncio.CancelledError | None = None
        while steps.state is not _State.ENDED and self.now() < latest:
            try:
                if steps.state is _State.READY:
                    await asyncio.sleep(0)
                elif not steps.ready():
                    await self._wait(steps, latest, shielded=True)
            except asyncio.CancelledError as cancelled:
                if _is_of_a_scope(cancelled):
                    steps.cancel(cancelled)  # one of its own: those around are shielded off
                else:
                    interrupted = cancelled
            if steps.ready():
                _step_to_end(steps)
        if steps.state is not _State.ENDED:
            _logger.error("a stream's source has not closed within %g s, and is given up: %r", CLOSING, steps.coroutine)
            _break_off(steps.coroutine)
        return interrupted

    async def _await_tasks(self) -> None:
        await asyncio.wait(self._tasks)


def _is_of_a_scope(cancelled: asyncio.CancelledError) -> bool:
    # AnyIO itself tells its own from others by their text, which differs between versions.
    return any("cancel scope" in str(text) for text in cancelled.args)


def _raise(cancelled: asyncio.CancelledError | None) -> None:
    if cancelled is not None:
        raise cancelled


def _step_to_end(steps: _Steps) -> None:
    try:
        steps.step()
    except asyncio.CancelledError:
        pass  # as it was told
    except Exception:
        _logger.exception("a stream's source failed while it was closed")


def _break_off(coroutine: Coroutine[Any, Any, None]) -> None:
    """End a coroutine that cannot be awaited any more."""
    try:
        # `close` alone would not reach an async generator that awaits something (before Python 3.13).
        coroutine.throw(asyncio.CancelledError("the stream is over"))
        coroutine.close()
    except (asyncio.CancelledError, StopIteration):
        pass
    except Exception:
        _logger.exception("a stream's source failed while it was given up")


async def _call_in_thread(function: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(function)
