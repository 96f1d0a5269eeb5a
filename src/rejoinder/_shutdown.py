"""Tells endless streams that the process is to stop, so that its server can; no server is patched for it.

A server that is told to stop waits for the responses that are open, and only then ends the application's lifespan: a
stream that would wait for the end of the lifespan is waited for itself. So the news has to be got where the server
gets it, and that is one of two places:

    a signal, in the main thread   uvicorn, granian, gunicorn, hypercorn without workers: `_Chained` is put before the
                                   server's handler and calls it afterwards. A loop's `add_signal_handler` is no
                                   exception: the loop learns of the signal from its wakeup descriptor, to which the
                                   interpreter writes whatever handler is set.
    an event, in a worker process  hypercorn: its workers get no signal. They look at the event ten times a second, and
                                   so do we while something listens.

The handlers are ours only while something in the main thread's loop listens, because asyncio and trio take their own
handler away at their end only if they find it where they put it. A handler that is the system's or Python's own ends
the process at once or does nothing; there is nothing to be told of, and it is left alone.

A loop that was told stays so: a client that asks again on a connection that the server has not closed yet would hold it
up for ever. A new loop knows nothing of it; and if in the same loop the handler of the signal is another one than that
which answered it, then another server has been started there, and the loop is told no longer.
"""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from contextvars import Context
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import anyio

from rejoinder._lifecycle import asyncio_task

try:
    # What `signal.getsignal` calls before it looks for the handler in an enum: each client would wait for that.
    from _signal import getsignal  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]
except ImportError:  # pragma: no cover - another Python
    from signal import getsignal

if TYPE_CHECKING:
    from trio.lowlevel import TrioToken

_logger = logging.getLogger("rejoinder")

_Loop: TypeAlias = "asyncio.AbstractEventLoop | TrioToken"
_Handler: TypeAlias = Callable[[int, FrameType | None], Any]

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
_LOOK_EVERY = 0.1  # seconds, as hypercorn


class _Event(Protocol):
    def is_set(self) -> bool: ...


class _Watch:
    """What one event loop has to be told. It does not refer to the loop, which would then never be let go."""

    def __init__(self) -> None:
        self.told = False
        self.polling = False
        self.listeners: dict[object, Callable[[], None]] = {}

    def tell(self) -> None:
        for key in list(self.listeners):
            callback = self.listeners.pop(key, None)  # one callback may make another one leave
            if callback is None:
                continue
            try:
                callback()
            except Exception:
                _logger.exception("a stream could not be told of the shutdown")


_watches: WeakKeyDictionary[_Loop, _Watch] = WeakKeyDictionary()
_lock = threading.RLock()  # of _watches; a signal's handler may come while its own thread holds it
_answered: dict[int, _Handler] = {}  # the handlers that stood at the end of the last signal
_tasks: set[asyncio.Task[None]] = set()  # a loop refers to its own weakly
_heeds_process = True


def listening(callback: Callable[[], None]) -> "Listening":
    """Calls `callback`, once and in the running event loop, when the process is to stop; soon, if it already is.

    Entering and leaving cost the same however many listen, and none of them has a task.
    """
    return Listening(callback)


class Listening(AbstractContextManager[None]):
    """No generator, which every idle stream would keep."""

    __slots__ = ("_callback", "_watch")

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def __enter__(self) -> None:
        loop = _running_loop()
        watch = self._watch = _watch(loop)
        watch.listeners[self] = self._callback
        try:
            if _heeds_process:
                _heed_process(loop, watch)
            if watch.told:
                _post(loop, watch.tell)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._watch.listeners.pop(self, None)
        if not self._watch.listeners and _in_main_thread():
            _unchain()


def trigger() -> None:
    """Ends every endless stream of this process, in all its event loops, as SIGTERM would.

    For where no signal can be noticed: a server that runs in a thread, or one that is stopped by a method. It returns
    at once; call it before the server is told to stop, from any thread or a signal handler. A loop in which a stream
    has run stays told: an endless stream that starts there later ends at once.

    >>> trigger()
    """
    with _lock:
        watches = list(_watches.items())
    for loop, watch in watches:
        watch.told = True
        _post(loop, watch.tell)


def disable() -> None:
    """Leaves the signals of this process alone: endless streams end when `trigger` is called, and not before.

    Call it in the main thread before the server is started; it cannot be undone.

    Raises:
        RuntimeError: it was called outside the main thread, where signal handlers cannot be put back.
    """
    global _heeds_process  # noqa: PLW0603 - a switch of the process, as its signal handlers are
    if not _in_main_thread():
        raise RuntimeError("disable() puts signal handlers back: call it in the main thread, before the server starts")
    _heeds_process = False
    _unchain()


def _running_loop() -> _Loop:
    if (task := asyncio_task()) is not None:
        return task.get_loop()
    from trio.lowlevel import current_trio_token

    return current_trio_token()


def _watch(loop: _Loop) -> _Watch:
    with _lock:
        watch = _watches.get(loop)
        if watch is None:
            watch = _watches[loop] = _Watch()
        return watch


def _post(loop: _Loop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and what listened in it has too
        if isinstance(loop, asyncio.AbstractEventLoop):
            loop.call_soon_threadsafe(call)
        else:
            loop.run_sync_soon(call)


def _heed_process(loop: _Loop, watch: _Watch) -> None:
    if _in_main_thread() and _chain():
        watch.told = False
    if not watch.polling and (event := _event_of_hypercorn()) is not None:
        watch.polling = True
        if isinstance(loop, asyncio.AbstractEventLoop):
            task = loop.create_task(_poll(watch, event), context=Context())  # not in that of the first request
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            from trio.lowlevel import spawn_system_task

            spawn_system_task(_poll, watch, event)


async def _poll(watch: _Watch, event: _Event) -> None:
    try:
        while watch.listeners:
            if event.is_set():
                trigger()
            await anyio.sleep(_LOOK_EVERY)
    finally:
        watch.polling = False


def _event_of_hypercorn() -> _Event | None:
    """What the parent of this process sets when it is to stop, if that is hypercorn; the only trace of it there is."""
    processes = sys.modules.get("multiprocessing.process")  # a worker has it
    if processes is None:
        return None
    process = processes.current_process()
    target = getattr(process, "_target", None)
    if not getattr(target, "__module__", "").startswith("hypercorn."):
        return None
    return getattr(process, "_kwargs", {}).get("shutdown_event")


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class _Chained:
    """A signal handler that tells the streams, and then calls the one that was there before."""

    def __init__(self, previous: _Handler) -> None:
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        trigger()
        try:
            self.previous(number, frame)
        finally:
            handler = signal.getsignal(number)
            if callable(handler):
                _answered[number] = handler.previous if isinstance(handler, _Chained) else handler


def _chain() -> bool:
    """Puts ours before each handler; whether one of these has come since its signal was answered."""
    renewed = False
    for number in _SIGNALS:
        handler = getsignal(number)
        if isinstance(handler, _Chained) or not callable(handler) or handler is signal.default_int_handler:
            continue
        if number in _answered and _answered[number] != handler:
            del _answered[number]
            renewed = True
        signal.signal(number, _Chained(handler))
    return renewed


def _unchain() -> None:
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if isinstance(handler, _Chained):
            signal.signal(number, handler.previous)
