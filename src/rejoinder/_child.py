"""Streams on any loop but asyncio's: the source runs in a task of its own (see `_drive`)."""

import logging
import math
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
from starlette.types import Receive

from rejoinder._drive import CLOSING, HURRY, Watcher, listen
from rejoinder._lifecycle import clock
from rejoinder._pull import TURN, Puller
from rejoinder._sources.threads import in_thread

_logger = logging.getLogger("rejoinder")
T = TypeVar("T")


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

    def watch(self, receive: Receive, watcher: Watcher) -> None:
        self._group.start_soon(listen, receive, watcher)

    def wake(self) -> None:
        self._news.set()

    def interrupt(self) -> None:
        self.interrupted = True
        if self._sending is not None:
            self._sending.cancel()
        self.wake()

    def hurry(self) -> None:
        self._no_later = self.now() + HURRY
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
        self._puller.turn_ends = clock() + TURN  # it may have waited since it was told to advance
        self.wake()

    def notice(self) -> None:
        from anyio.from_thread import run_sync  # which is there, where there are threads

        run_sync(self.wake)

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
