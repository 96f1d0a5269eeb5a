"""Streams on asyncio: the source is stepped by hand, in the task that sends what it gives (see `_drive`)."""

import asyncio
import logging
import math
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import anyio
import anyio.to_thread
from starlette.types import Message, Receive

from rejoinder._alarms import Alarm, alarm_at
from rejoinder._drive import CLOSING, HURRY, Watcher, listen
from rejoinder._lifecycle import clock
from rejoinder._pull import TURN, Puller
from rejoinder._send import tells_of_leaving

_logger = logging.getLogger("rejoinder")
T = TypeVar("T")

_NO_SHIELD = nullcontext()
_GATHERING = 0.001  # seconds in which what a thread gives is gathered, from when it is waited for
_STUCK = 0.3  # seconds from which on a server that takes no message may do so because the client has left
_BACKEND = "anyio._backends._asyncio"  # of which the import takes as long as that of all that is here
_SERVERS = {"uvicorn", "asyncio"}  # whose `receive` only waits; hypercorn's is that of a queue


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


class _Wait:
    """What the stream's task awaits: a future that stays the same, and is done again and again.

    A task that awaits a future of its own, set when the one that a coroutine waits for is done, is woken two turns of the
    loop later. This one has the task woken by the very callback of the other; and it is told of a cancellation, as any
    future that a task awaits is, where a future of asyncio would have it raised.
    """

    __slots__ = ("_asyncio_future_blocking", "_awaited", "_began", "_context", "_loop", "_wakeup", "_woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop = loop
        self._awaited: _Steps
        self._began = False
        self._wakeup: Callable[[object], object] | None = None
        self._woken = False
        self._context: Context | None = None

    def __await__(self) -> Generator[Any, None, None]:
        return self  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - an iterator will do

    def __next__(self) -> Self:
        if self._began:
            self._began = False
            raise StopIteration
        self._began = self._asyncio_future_blocking = True
        self._woken = False
        return self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Asked by the task."""
        return self._loop

    def add_done_callback(self, wakeup: Callable[[object], object], *, context: Context) -> None:
        """Called by the task that awaits this."""
        self._wakeup, self._context = wakeup, context
        self._hear(self._awaited)

    def _hear(self, steps: _Steps) -> None:
        if steps.future is not None and not steps.heard and self._context is not None:
            steps.heard = True
            # In the context of the task, because the task goes on within this call.
            steps.future.add_done_callback(self, context=self._context)

    def done(self) -> bool:
        """Asked by those who look at what tasks wait for; and by a stream around this one, whose source awaits this."""
        return self._woken or self._awaited.ready()

    def result(self) -> None:
        """Asked by the task that goes on."""

    def cancel(self, msg: object = None) -> bool:
        """Told by the task that it is cancelled: it goes on waiting, for what is then cancelled in its place."""
        self._cancelled(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))
        return True

    def _cancelled(self, error: asyncio.CancelledError) -> None:
        raise NotImplementedError

    def wake(self) -> None:
        self._woken = True
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            self._loop.call_soon(wakeup, self, context=self._context)

    def __call__(self, _: object) -> None:
        """The same, at once: what was waited for is done. Called by the loop."""
        if not self.done():
            return  # it is what was waited for before, and a stream around this one does not come again to be called
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            wakeup(self)


class Stepped(_Wait):
    """The drive on asyncio."""

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_cancelling",
        "_ending",
        "_holds",
        "_interrupting",
        "_listener",
        "_look",
        "_no_later",
        "_paused",
        "_puller",
        "_scope",
        "_source",
        "_task",
        "_tasks",
        "error",
        "interrupted",
    )

    def __init__(self, puller: Puller, task: asyncio.Task[Any]) -> None:
        super().__init__(task.get_loop())
        puller.where = self
        self.interrupted = False
        self.error: Exception | None = None
        self._puller = puller
        self._task, self._cancelling = task, task.cancelling()
        self._source = _Steps(puller.run())
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._listener: _Listener | None = None
        self._alarm: Alarm | None = None
        self._alarm_at = math.inf
        self._no_later = math.inf
        self._look: asyncio.TimerHandle | None = None
        self._paused = False
        self._ending = False
        self._holds = False
        self._interrupting: asyncio.CancelledError | None = None
        # Entered before the source starts, so that it is around all scopes of the source, and can shield its closing.
        self._scope = anyio.CancelScope() if _is_in_a_scope(task) else None

    @property
    def ended(self) -> bool:
        return self._source.state is _State.ENDED

    @property
    def waits(self) -> bool:
        source = self._source
        return source.state is _State.WAITING and not source.ready() and not self._puller.has_gathered

    def now(self) -> float:
        return self._loop.time()

    @property
    def _cancelled_source_goes_on(self) -> bool:
        """Whether a source that was cancelled while something is sent is to be resumed meanwhile."""
        source = self._source
        return source.cancelled and source.ready() and not self._ending and not self.ended

    @property
    def _source_waits_in_itself(self) -> bool:
        """Whether a cancellation could be of a scope within the source: not in a thread."""
        return not (self.ended or self._puller.opaque)

    def add_done_callback(self, wakeup: Callable[[object], object], *, context: Context) -> None:
        super().add_done_callback(wakeup, context=context)
        if self._source.cancelled:
            self._hear(self._source)

    def done(self) -> bool:
        return super().done() or self._cancelled_source_goes_on

    async def __aenter__(self) -> Self:
        if self._scope is not None:
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
            if self._listener is not None:
                self._listener.close()
            if self._alarm is not None:
                self._alarm.forget(self)
            if self._look is not None:
                self._look.cancel()
            del self._puller  # which knows this, and would be left to the garbage collector with it
            if self._scope is not None:
                self._scope.__exit__(kind, error, traceback)

    async def advance(self) -> None:
        source, puller = self._source, self._puller
        if self.ended or not source.ready():  # it may have ended while something was sent, if that was cancelled
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
            # Each scope, timeout or group takes back its own cancellation, when it is left.
            if source.cancelled and (puller.has_gathered or self._task.cancelling() <= self._cancelling):
                source.cancelled = self._holds = False  # it was a timeout of its own
                self._shield(on=False)
                if (interrupting := self._interrupting) is not None:
                    self._interrupting = None
                    self._cancel_source(interrupting)
            # One that only yields to the others, as `sleep(0)` does, does not wait.
            if source.state is not _State.READY or self._paused or clock() >= turn_ends:
                return

    def wait(self, until: float) -> Awaitable[None]:
        if self._puller.opaque:
            # Each time that a thread is listened to costs it its turn, so what it gives is gathered for a while.
            self._puller.quiet_until = clock() + _GATHERING
            if self._look is None:
                self._look = self._loop.call_later(2 * _GATHERING, self._look_for_gathered)
        return self._wait(self._source, until)

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        try:
            yielded = sending.send(None)
        except StopIteration:
            return True
        steps, stuck_at, interrupting = _Steps(sending), math.inf, None
        steps.wait_for(yielded)
        while True:
            if steps.state is _State.READY:
                await self._yield(steps)
            if stuck_at == math.inf:
                stuck_at = self.now() + _STUCK
            while not steps.ready():
                latest, now = min(until, self._no_later), self.now()
                if self.interrupted or now >= latest:
                    _raise(await self._end(steps) or interrupting)
                    return False
                if self._cancelled_source_goes_on:
                    interrupting = await self._advance_cancelled(steps)
                    continue
                if now >= stuck_at:
                    stuck_at = math.inf
                    when_stuck()
                else:
                    await self._wait(steps, min(latest, stuck_at))
            steps.step()
            if steps.state is _State.ENDED:
                _raise(interrupting)
                return True

    async def _advance_cancelled(self, sending: _Steps) -> asyncio.CancelledError | None:
        """Let the source leave what it was cancelled by; if that was nothing of its own, it is for what is sent, too."""
        try:
            await self.advance()
        except asyncio.CancelledError as cancelled:
            self._shield(on=False)
            sending.cancel(cancelled)
            return cancelled
        return None

    def watch(self, receive: Receive, watcher: Watcher) -> None:
        if _only_waits(receive):
            self._listener = _Listener(receive, watcher)
        else:
            self._tasks = (self._loop.create_task(listen(receive, watcher)),)

    def interrupt(self) -> None:
        self.interrupted = True
        self.wake()

    def hurry(self) -> None:
        self._no_later = self.now() + HURRY
        self.wake()

    async def stop(self) -> None:
        self._shield(on=True)
        self._puller.stopped, self._puller.turn_ends = True, 0.0
        cancelled = await self._end(self._source)
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            cancelled = await self._end(_Steps(self._await_tasks()), cancel=False) or cancelled
            self._tasks = ()
        self._shield(on=False)
        _raise(cancelled)

    def pause(self) -> Awaitable[object]:
        self._paused = True  # so `advance` does not go on
        return asyncio.sleep(0)

    def shield(self) -> AbstractContextManager[object]:
        return _NO_SHIELD  # that is done by `_end`

    def gathered(self) -> None:
        self.wake()  # of no effect when the source runs: that is in this task, which does not wait then

    def notice(self) -> None:
        self._loop.call_soon_threadsafe(self.wake)

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

    def _look_for_gathered(self) -> None:
        self._look = None
        if clock() < self._puller.quiet_until:
            self._look = self._loop.call_later(2 * _GATHERING, self._look_for_gathered)
        elif self._puller.has_gathered:
            self.wake()

    def _wait(self, steps: _Steps, until: float) -> Awaitable[None]:
        """To be awaited at once, and only if they are not ready."""
        self._awaited = steps
        if until < self._alarm_at:
            self._arm(until)
        return self

    def _cancelled(self, error: asyncio.CancelledError) -> None:
        if self._ending and not _is_of_a_scope(error):
            self._interrupting = error
        elif not self._ending and (self._awaited is self._source or self._source_waits_in_itself):
            # Also while something is sent: it may be a timeout of the source's own, or a scope, or a task group.
            self._cancel_source(error)
            if self._wakeup is not None:
                self._hear(self._source)
        else:
            self._awaited.cancel(error)  # while it ends, by a scope of its own: those around are shielded off
        if self.done():
            self.wake()

    def _cancel_source(self, cancelled: asyncio.CancelledError) -> None:
        if self._holds and not _is_of_a_scope(cancelled):
            self._interrupting = cancelled
            return
        # A source that is at a `yield` awaits nothing: it is told of this one, and then cleans up in peace.
        self._holds = self._holds or self._paused
        self._source.cancel(cancelled)
        # A scope around all this cancels again and again, and would cancel the clean-up, too.
        self._shield(on=True)

    def _shield(self, *, on: bool) -> None:
        if self._scope is not None:
            self._scope.shield = on

    def _arm(self, until: float) -> None:
        # It is left standing when what it was for comes first, as it mostly does: a wake too many in seconds costs less
        # than an alarm for each event.
        if self._alarm is not None:
            self._alarm.forget(self)
        self._alarm, self._alarm_at = alarm_at(until, self._loop, self), until

    def ring(self) -> None:
        """It is time; see `_alarms`."""
        self._alarm, self._alarm_at = None, math.inf
        self.wake()

    async def _end(self, steps: _Steps, *, cancel: bool = True) -> asyncio.CancelledError | None:
        """Cancel a coroutine, and let it come to its end. Returns a cancellation that came meanwhile, to be raised."""
        if cancel and steps.state in {_State.READY, _State.WAITING}:
            steps.cancel(asyncio.CancelledError("the stream is over"))
        # One that is held back has come meanwhile, too.
        latest, before = self.now() + CLOSING, self._task.cancelling() - (self._interrupting is not None)
        self._ending = True
        while steps.state is not _State.ENDED and self.now() < latest:
            if steps.state is _State.READY:
                await self._yield(steps)
            elif not steps.ready():
                await self._wait(steps, latest)
            if steps.ready():
                _step_to_end(steps)
        self._ending = False
        if steps.state is not _State.ENDED:
            _logger.error("a stream's source has not closed within %g s, and is given up: %r", CLOSING, steps.coroutine)
            _break_off(steps.coroutine)
            steps.state = _State.ENDED
        interrupting, self._interrupting = self._interrupting, None
        # Else it was a timeout of its own, in its clean-up, which has taken it back.
        return interrupting if self._task.cancelling() > before else None

    async def _yield(self, steps: _Steps) -> None:
        """Let the others run, as these steps do."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as cancelled:
            self._awaited = steps
            self._cancelled(cancelled)

    async def _await_tasks(self) -> None:
        await asyncio.wait(self._tasks)


class _Listener:
    """Calls `receive` until it tells that the client has left; in place of a task, which costs more than a stream."""

    __slots__ = ("_receive", "_receiving", "_watcher")

    def __init__(self, receive: Receive, watcher: Watcher) -> None:
        self._receive = receive
        self._watcher = watcher
        self._receiving: Coroutine[Any, Any, Message] = _started(receive)
        self()

    def close(self) -> None:
        self._receiving.close()

    def __call__(self, _: object = None) -> None:
        """Go on: what it waited for is done."""
        try:
            while True:
                try:
                    future = self._receiving.send(None)
                except StopIteration as received:
                    if tells_of_leaving(received.value):
                        break
                    self._receiving = _started(self._receive)
                else:
                    future._asyncio_future_blocking = False  # noqa: SLF001
                    future.add_done_callback(self)
                    return
        except Exception as error:  # noqa: BLE001 - raised by the stream's task
            self._watcher.client_left(error)
        else:
            self._watcher.client_left(None)


def _only_waits(receive: Receive) -> bool:
    """Whether it is known to do nothing but to wait for futures, so that it need not run in a task.

    A server's own is; one of a middleware may be in a task group.
    """
    return type(getattr(receive, "__self__", None)).__module__.partition(".")[0] in _SERVERS


def _started(receive: Receive) -> Coroutine[Any, Any, Message]:
    return cast("Coroutine[Any, Any, Message]", receive())


def _is_in_a_scope(task: asyncio.Task[Any]) -> bool:
    """Whether a cancel scope of AnyIO is, or may be, around the task."""
    if (backend := sys.modules.get(_BACKEND)) is None:
        return False  # nobody has needed it yet
    # AnyIO does not tell whether a task is in a scope; this is where it knows. In another AnyIO: there is always one.
    if (states := getattr(backend, "_task_states", None)) is None:
        return True
    state = states.get(task)
    return state is not None and state.cancel_scope is not None


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
