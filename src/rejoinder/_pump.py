"""Streams: takes what a source gives, and sends it, until either of them ends.

A `Stream` is the one owner of a source, from the moment the response is called. All that may happen to it meets in the loop
of its `send`, in one task, one after the other; who has something to say (the watcher of the client, a shutdown) leaves a note and
wakes it:

    the source gives items      what it gave in one turn is sent in one message, the head with the first
    the source waits            the head is sent, if not yet; the client is watched from now on; keep-alive when it is due
    the source ends             the last message
    the source raises           what it gave before is sent; then `on_error` may have a last word, or else the exception
                                goes to the server, which cuts the connection. Before the head it is an ordinary error
    nothing, for too long       TimeoutError, as if the source had raised it
    the client leaves           ClientLeft; so does one who takes nothing for `send_timeout`
    the process is to stop      the source is closed, the farewell sent, and the content ends as it should

On each of these ways, and on a cancellation, the source is closed (see `_pull`) before the `Stream` is left.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

from starlette.types import Receive

from rejoinder._child import Child
from rejoinder._drive import Drive
from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._lifecycle import ClientLeft, asyncio_task
from rejoinder._pull import Puller
from rejoinder._send import Outlet
from rejoinder._shutdown import Listening, listening
from rejoinder._stepped import Stepped

_logger = logging.getLogger("rejoinder")

_MUCH = 1024 * 1024  # octets from which on it is worth a task to notice that nobody takes them any more
# Seconds for a source to fail as if nothing had been sent, where nothing tells whether it works or waits: in a thread.
_GRACE = 0.02


@dataclass(slots=True, kw_only=True, frozen=True)
class Terms:
    """What a stream is to keep to; times in seconds, None for no limit."""

    prefetch: bool = False
    send_timeout: float | None = None
    idle_timeout: float | None = None
    max_duration: float | None = None
    keepalive: float | None = None
    keepalive_data: bytes = b""
    on_error: Callable[[Exception], object] | None = None
    stop_on_shutdown: bool = False
    farewell: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what is no time, and no octets.

        Raises:
            TypeError: a farewell that is no bytes.
            ValueError: a limit that is not a positive number of seconds.
        """
        if not isinstance(self.farewell, bytes):
            raise TypeError(f"farewell must be bytes, got {self.farewell!r}")
        if self.send_timeout is self.idle_timeout is self.max_duration is self.keepalive is None:
            return
        for name in ("send_timeout", "idle_timeout", "max_duration", "keepalive"):
            limit = getattr(self, name)
            if limit is None:
                continue
            if not isinstance(limit, (int, float)) or isinstance(limit, bool) or not limit > 0:
                raise ValueError(f"{name} must be a positive number of seconds, or None; got {limit!r}")


async def discard(contents: Collection[object]) -> None:
    """Closes contents of which nothing is to be sent."""
    async with drive(Puller((), contents, ChunkEncoder("utf-8"))):
        pass


def drive(puller: Puller) -> Drive:
    """What fits the event loop that is running."""
    task = asyncio_task()
    return Child(puller) if task is None else Stepped(puller, task)


class Stream:
    """One stream, while it is sent: on the way in its source begins, and on the way out it is closed.

    Then, what is `owned` and not sent is closed, too. The frames of a coroutine that waits are most of what an idle stream
    costs, so there is none between this and the response.
    """

    __slots__ = (
        "_at_last",
        "_began",
        "_broken",
        "_drive",
        "_empty_items",
        "_encoder",
        "_head",
        "_item_at",
        "_limited",
        "_listening",
        "_octet_at",
        "_outlet",
        "_puller",
        "_receive",
        "_stopping",
        "_terms",
        "_watched",
    )

    def __init__(
        self,
        content: object,
        encoder: Encoder,
        outlet: Outlet,
        receive: Receive,
        terms: Terms,
        owned: Collection[object] = (),
    ) -> None:
        self._puller = Puller(content, owned, encoder)
        self._drive = drive(self._puller)
        self._encoder = encoder
        self._outlet = outlet
        self._receive = receive
        self._terms = terms
        self._head = encoder.begin()
        self._watched = not outlet.is_http
        self._limited = not (terms.send_timeout is terms.idle_timeout is terms.max_duration is None)
        self._at_last = False
        self._broken: Exception | None = None
        self._stopping = False
        self._listening: Listening | None = None
        self._empty_items = 0
        self._began = self._item_at = self._octet_at = self._drive.now()

    def __aenter__(self) -> Awaitable[object]:
        return self._drive.__aenter__()

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Awaitable[None]:
        ending = self._drive.__aexit__(kind, error, traceback)
        return ending if self._listening is None else self._listen_no_more(self._listening, ending)

    async def _listen_no_more(self, listening: Listening, ending: Awaitable[None]) -> None:
        try:
            listening.__exit__(None, None, None)
        finally:
            await ending

    def _stop(self) -> None:
        """The process is to stop."""
        self._stopping = True
        self._drive.hurry()

    async def send(self) -> None:
        """Send the content.

        Raises:
            ClientLeft: the client has left, or takes nothing any more.
            Exception: what the source raised; TimeoutError when it took too long.
        """
        drive, puller = self._drive, self._puller
        if not self._outlet.takes_content:
            await self._outlet.put(b"", more_body=False)
            return
        await drive.advance()
        self._listen()
        while not drive.ended:
            if puller.has_gathered:
                await self._put(puller.take())
                self._item_at = self._octet_at
            if puller.empty_items != self._empty_items:
                self._empty_items, self._item_at = puller.empty_items, drive.now()
            # Who woke this while it sent has left a note, and does not come again.
            if drive.waits and not drive.interrupted and not self._stopping:
                due, data = self._due()
                if drive.now() >= due:
                    await self._put(data)
                else:
                    self._watch()
                    self._heed()
                    await drive.wait(min(due, self._idle_until(), self._lasts_until()) if self._limited else due)
            self._heed()
            if self._limited and (late := self._too_late()) is not None:
                await drive.stop()
                await self._fail(late)
                return
            if self._stopping:
                break
            await drive.advance()
        await self._end()

    def _listen(self) -> None:
        if self._terms.stop_on_shutdown and not self._drive.ended:
            self._listening = listening(self._stop)
            self._listening.__enter__()

    async def _end(self) -> None:
        drive, farewell = self._drive, b""
        if not drive.ended:
            await drive.stop()
            drive.hurry()
            farewell = self._terms.farewell
        elif drive.error is not None:
            await self._fail(drive.error)
            return
        await self._put(self._puller.take() + farewell + self._encoder.end(), more_body=False)

    def _due(self) -> tuple[float, bytes]:
        """When something has to be sent even if the source gives nothing, and what."""
        if not self._outlet.begun:
            grace = _GRACE if self._puller.opaque else 0
            return (math.inf if self._terms.prefetch else self._began + grace), b""
        if self._terms.keepalive is None:
            return math.inf, b""
        return self._octet_at + self._terms.keepalive, self._terms.keepalive_data

    def _idle_until(self) -> float:
        limit = self._terms.idle_timeout
        return math.inf if limit is None else self._item_at + limit

    def _lasts_until(self) -> float:
        limit = self._terms.max_duration
        return math.inf if limit is None else self._began + limit

    def _too_late(self) -> TimeoutError | None:
        now = self._drive.now()
        if now >= self._lasts_until():
            return TimeoutError(f"the stream has lasted for {self._terms.max_duration:g} s (max_duration)")
        if now >= self._idle_until():
            return TimeoutError(f"the stream's source gave nothing for {self._terms.idle_timeout:g} s (idle_timeout)")
        return None

    async def _put(self, data: bytes, *, more_body: bool = True) -> None:
        drive, outlet, until = self._drive, self._outlet, math.inf
        self._heed()
        self._at_last = not more_body
        if not outlet.begun:
            data = self._head + data
        if self._limited:
            limit = self._terms.send_timeout
            until = self._lasts_until() if limit is None else min(drive.now() + limit, self._lasts_until())
        if not await drive.send(outlet.put(data, more_body=more_body), until, self._watch):
            self._raise_interruption()
        self._octet_at = drive.now()
        if not self._watched and outlet.exchange.bytes_sent > _MUCH:
            self._watch()

    def _heed(self) -> None:
        if self._drive.interrupted:
            self._raise_interruption()

    def _raise_interruption(self) -> NoReturn:
        if self._broken is not None:
            raise self._broken
        if self._drive.interrupted:
            raise ClientLeft
        if self._drive.now() >= self._lasts_until():
            raise TimeoutError(f"the stream has lasted for {self._terms.max_duration:g} s (max_duration)")
        raise ClientLeft from TimeoutError("the client takes nothing (send_timeout, or a shutdown)")

    async def _fail(self, error: Exception) -> None:
        data, on_error = self._puller.take(), self._terms.on_error
        last = on_error(error) if on_error is not None and (data or self._outlet.begun) else None
        if last is None:
            if data:
                await self._put(data)
            raise error
        _logger.error("a stream has failed, and its client was told", exc_info=error)
        self._outlet.exchange.failure = error
        await self._put(data + self._encoder.fail(last), more_body=False)

    def _watch(self) -> None:
        """From now on, notice when the client leaves."""
        if not self._watched:
            self._watched = True
            self._drive.watch(self._receive, self)

    def client_left(self, error: Exception | None) -> None:
        """Told by what `_watch` began; or of what `receive` raised."""
        self._broken = error
        if self._at_last:
            self._drive.hurry()  # see `_send`
        else:
            self._drive.interrupt()
