"""What a stream runs on: its source and its sending, side by side, in one event loop.

The source must not wait for the sending of what it gave, nor what it gave for the source; and when the client leaves,
both have to stop wherever they are. There are two ways to have that.

`Stepped`, on asyncio, costs no task. A coroutine is an iterator: `send(None)` runs it up to where it waits, and returns
the future it waits for, which asyncio's `Task` would then wait for. Here the task of the request does so itself, for
that future or for whatever else may happen: a timer, a client that left, a shutdown. Meanwhile it is free to send, and
what has been gathered leaves at the very moment in which the source begins to wait. The source sees no difference: it
runs in one task, is cancelled as that task is cancelled, and `Task.cancel` cancels what it waits for.

`Child`, on any other loop, runs the source in a task of its own.

Both own the watcher, a task that waits for the client to leave. They end all of it: the source is told by a
cancellation, is let do its clean-up whoever else cancels meanwhile, and is given up after `CLOSING` seconds.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from rejoinder._lifecycle import clock
from rejoinder._pull import TURN, Puller
from rejoinder._sources.threads import in_thread

_logger = logging.getLogger("rejoinder")
T = TypeVar("T")

CLOSING = 5.0  # seconds for a source to close
_GATHERING = 0.001  # seconds in which what a thread gives is gathered, if it gave something just before
_STUCK = 0.3  # seconds from which on a server that takes no message may do so because the client has left
_HURRY = 1.0  # seconds for what is being sent, when the process is told to stop

Watch: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Drive(Protocol):
    """Runs a source and what is sent; the methods are called by one task, the one that entered it."""

    interrupted: bool
    error: Exception | None

    @property
    def ended(self) -> bool:
        """Whether the source has ended; `error` tells what it raised."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the source is known to wait for something."""
        ...

    def now(self) -> float:
        """The time of the event loop."""
        ...

    async def advance(self) -> None:
        """Let the source run, until it waits, has gathered a portion, or its turn is over."""
        ...

    async def wait(self, until: float) -> None:
        """Wait for the source, not longer than that; or until `wake` is called."""
        ...

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        """Await it; but not longer than that, nor when this is interrupted. Whether it was done.

        `when_stuck` is called, once or never, before it is waited for long.
        """
        ...

    def watch(self, watch: Watch) -> None:
        """Run it in a task of its own, until it or this ends."""
        ...

    def wake(self) -> None:
        """Have `wait` return."""
        ...

    def interrupt(self) -> None:
        """Have `wait` and `send` return, now and later."""
        ...

    def hurry(self) -> None:
        """Have `wait` return, and `send` soon."""
        ...

    async def stop(self) -> None:
        """End the source; nothing is raised for what it does then, but a cancellation of the caller."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def drive(puller: Puller) -> Drive:
    """What fits the event loop that is running."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        return Stepped(puller)
    return Child(puller)


class _State(Enum):
    NEW = "not started"
    READY = "can go on in the next turn of the loop"
    WAITING = "waits for a future"
    ENDED = "has ended"


class _Steps:
    """A coroutine, stepped by hand."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.coroutine = coroutine
        self.state = _State.NEW
        self.future: asyncio.Future[Any] | None = None
        self.cancelled = False  # and has not yet come to where it would have known that it is not its end
        self._thrown: BaseException | None = None

    def ready(self) -> bool:
        return self._thrown is not None or self.future is None or self.future.done()

    def step(self) -> None:
        """Run it until it waits; raises what it raises."""
        thrown, self._thrown, self.future = self._thrown, None, None
        try:
            yielded = self.coroutine.send(None) if thrown is None else self.coroutine.throw(thrown)
        except StopIteration:
            self.state = _State.ENDED
        except GeneratorExit as error:
            self.state = _State.ENDED
            raise RuntimeError(
                "a stream's source raised GeneratorExit"
            ) from error  # it would say that the loop has ended
        except BaseException:
            self.state = _State.ENDED
            raise
        else:
            if yielded is None:
                self.state = _State.READY
            elif getattr(yielded, "_asyncio_future_blocking", None):
                # The handshake of `Future.__await__` with the task that runs it.
                yielded._asyncio_future_blocking = False  # noqa: SLF001
                self.state, self.future = _State.WAITING, yielded
            else:
                self.state, self._thrown = (
                    _State.READY,
                    RuntimeError(f"a stream's source awaits {yielded!r}, which is not for asyncio"),
                )

    def cancel(self, error: BaseException) -> None:
        """Cancel it as `Task.cancel` does: by what it waits for, or else with the next step."""
        self.cancelled = True
        if self.future is None or not self.future.cancel(*error.args[:1]):
            self._thrown = error


class Stepped:
    """The drive on asyncio."""

    def __init__(self, puller: Puller) -> None:
        puller.where = self
        self.interrupted = False
        self.error: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._puller = puller
        self._source = _Steps(puller.run())
        self._tasks: list[asyncio.Task[None]] = []
        self._waker: asyncio.Future[None] | None = None
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
        return self._source.state is _State.WAITING and not self._source.ready()

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
            else:
                await self.stop()
        finally:
            self._scope.__exit__(kind, error, traceback)

    async def advance(self) -> None:
        source, puller = self._source, self._puller
        turn_ends = puller.turn_ends = clock() + TURN
        self._paused = False
        while source.ready():
            if source.state is _State.READY:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError as cancelled:
                    source.cancel(cancelled)
            try:
                source.step()
            except Exception as error:  # noqa: BLE001 - raised by the pump, when what was gathered has been sent
                self.error = error
            if puller.has_gathered and source.cancelled:
                source.cancelled = self._scope.shield = False  # it was a timeout of its own
            # One that only yields to the others, as `sleep(0)` does, does not wait.
            if source.state is not _State.READY or self._paused or clock() >= turn_ends:
                return

    async def wait(self, until: float) -> None:
        self._taken_at = clock()
        if not self._puller.has_gathered:
            await self._wait(self._source, until)
            # A scope around all this cancels again and again, and would cancel the clean-up, too.
            self._scope.shield = self._source.cancelled

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        steps = _Steps(sending)
        stuck_at = math.inf
        while True:
            steps.step()
            if steps.state is _State.ENDED:
                return True
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

    def watch(self, watch: Watch) -> None:
        self._tasks.append(self._loop.create_task(watch()))

    def wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def interrupt(self) -> None:
        self.interrupted = True
        self.wake()

    def hurry(self) -> None:
        self._no_later = self.now() + _HURRY
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
        return nullcontext()  # that is done by `_end`

    def gathered(self) -> None:
        pass  # the source runs in this task, which will see it

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
        waker = self._waker = self._loop.create_future()
        future.add_done_callback(self._wake_by)
        timer = None if until == math.inf else self._loop.call_at(until, self.wake)
        try:
            await waker
        except asyncio.CancelledError as cancelled:
            if shielded:
                raise
            steps.cancel(cancelled)
        finally:
            self._waker = None
            future.remove_done_callback(self._wake_by)
            if timer is not None:
                timer.cancel()

    def _wake_by(self, _: object) -> None:
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


class Child:
    """The drive on any other loop."""

    def __init__(self, puller: Puller) -> None:
        puller.where = self
        puller.opaque = True
        self.interrupted = False
        self.error: Exception | None = None
        self.ended = False
        self._puller = puller
        self._started = False
        self._group = anyio.create_task_group()
        self._pulling = anyio.CancelScope()
        # Entered before the source starts: one that is closed in the midst of a scope of its own could not leave that
        # from within another one that was entered after it.
        self._closing = anyio.CancelScope()
        self._news, self._taken, self._over = anyio.Event(), anyio.Event(), anyio.Event()
        self._sending: anyio.CancelScope | None = None
        self._no_later = math.inf

    @property
    def waits(self) -> bool:
        return not self._puller.has_gathered and not self.ended

    def now(self) -> float:
        return anyio.current_time()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            self._group.cancel_scope.cancel()
            await self._group.__aexit__(None, None, None)  # told of the error, it would wrap it

    async def advance(self) -> None:
        if not self._started:
            self._started = True
            self._group.start_soon(self._pull)
        self._puller.turn_ends = clock() + TURN
        self._taken.set()
        self._taken = anyio.Event()

    async def wait(self, until: float) -> None:
        if not self._puller.has_gathered and not self.ended:
            with anyio.CancelScope(deadline=until):
                await self._news.wait()
        self._news = anyio.Event()

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        when_stuck()
        with anyio.CancelScope(deadline=min(until, self._no_later)) as self._sending:
            await sending
            return True
        return False

    def watch(self, watch: Watch) -> None:
        self._group.start_soon(watch)

    def wake(self) -> None:
        self._news.set()

    def interrupt(self) -> None:
        self.interrupted = True
        if self._sending is not None:
            self._sending.cancel()
        self.wake()

    def hurry(self) -> None:
        self._no_later = self.now() + _HURRY
        if self._sending is not None:
            self._sending.deadline = min(self._sending.deadline, self._no_later)
        self.wake()

    async def stop(self) -> None:
        self._puller.stopped = True
        self._pulling.cancel()
        with anyio.move_on_after(CLOSING, shield=True):
            if self._started:
                await self._over.wait()
            else:
                self._started = True
                await self._pull()

    async def pause(self) -> None:
        self.wake()
        await self._taken.wait()

    @contextmanager
    def shield(self) -> Generator[None, None, None]:
        self._closing.shield, self._closing.deadline = True, self.now() + CLOSING
        try:
            yield
        finally:
            self._closing.shield, self._closing.deadline = False, math.inf

    def gathered(self) -> None:
        self.wake()

    def notice(self) -> None:
        anyio.from_thread.run_sync(self.wake)

    async def in_thread(self, function: Callable[[], T], /) -> T:
        return await in_thread(function)

    async def _pull(self) -> None:
        try:
            with self._pulling, self._closing:
                await self._puller.run()
        except Exception as error:  # raised by the pump, when what was gathered has been sent
            if self._puller.stopped:
                _logger.exception("a stream's source failed while it was closed")
            self.error = error
        finally:
            self.ended = True
            self._over.set()
            self.wake()
