"""A channel over Redis: what one process publishes, all deliver, and each can replay.

    publish -> draft -> batch -> a script ----+           process that publishes: one connection
                                              v
                                     stream in Redis      entries: event, key, after
                                              |
    deliver <- history <- one XREAD for all <-+           process with clients: one connection

The id of an event is that of its entry, which means the same to all processes. Clients that come back are replayed to
from the history in this process, which is loaded once and then kept up by the reader: a thousand of them cost Redis
nothing, and there is one order of events here, so a replay and what is delivered cannot overtake each other.

Nothing is lost unnoticed: each entry names the one that was stored before it (`after`). Where that is not the one that was
read last, there were others: the process was away for longer than the history lasts, the stream was trimmed or deleted,
Redis came back without its last second. Then a gap is delivered in their place.

Nothing is doubled: the reader goes on after the entry that it read last, over however many connections; and a batch whose
answer did not come is sent again under its number, which the script knows. It keeps, beside the stream, the number of
each publisher's last batch and the ids that it got. An older number is one that was under way when its publisher gave
up, and is refused.

Redis may come back with a stream whose ids are below the one that was read last, after a loss or because its clock was
set back. XREAD would wait for ever, so after each quiet round the newest entry is looked at.
"""

import asyncio
import logging
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import count, takewhile
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from rejoinder._channel import Deliver, History, PublishError, Replay
from rejoinder._encode.sse import Draft, EncodedEvent, encode_gap

if TYPE_CHECKING:
    from rejoinder._redis_client import RedisClient

_logger = logging.getLogger("rejoinder")

_AT_ONCE = 64  # entries that are read together
_PAGE = 100  # entries of the history that are loaded together
_BATCH = 64 * 1024  # octets that are stored together, about
_OVERHEAD = 100  # octets of an event in a batch besides its lines
_LATEST = 3600  # seconds after which nothing arrives any more that was sent on a connection which is given up
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two attempts to connect
_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)


class Entry(NamedTuple):
    """An event in the stream; one that another program has put there may lack everything but the id."""

    id: str
    event: bytes | None
    key: str | None
    after: str | None
    """The id of the entry that was stored before; empty for the first."""


class RedisBackend:
    """The events of a channel in a stream of Redis, for any number of processes on any number of machines.

    Each process has a backend with the same `url` and `stream`. A client may come back to any of them, and gets what it
    missed. The id of an event is chosen by Redis; an event with an id of its own is a ValueError.

    A process has at most two connections however many clients it has: one that reads, from its first client on, and one
    that publishes, from its first event on. They are opened in the event loop of the channel (asyncio; redis-py knows no
    other), and closed when the channel is. When Redis is away, clients stay connected, and get what they missed when it
    is back; if some of it is gone by then, they are told of a gap.

    Redis is 6.2 or newer, or what speaks like it, and one server (or its replicas), no cluster of them. It keeps what its
    configuration says: with `appendfsync always`, no event is lost for which `publish` has returned; with `everysec`, a
    crash may lose those of the last second, and clients are told of a gap where that can be known.

    Args:
        url: where Redis is, as redis-py writes it: `redis://`, `rediss://` or `unix://`.
        stream: the key of the stream in Redis: another one for each channel.
        history: how many events are kept, in Redis (which keeps up to a hundred more) and in each process with clients.
        timeout: seconds after which `publish` gives up.

    Raises:
        ImportError: redis-py is not installed: `pip install "rejoinder[redis]"`.
        ValueError: what is no such URL, a negative history, a timeout that is not above 0.

    >>> from rejoinder.sse import Channel
    >>> prices = Channel(RedisBackend("redis://localhost:6379/0", stream="prices"))
    """

    def __init__(self, url: str, *, stream: str = "rejoinder", history: int = 256, timeout: float = 5) -> None:
        try:
            from rejoinder._redis_client import RedisClient
        except ImportError as error:
            raise ImportError('RedisBackend needs redis: pip install "rejoinder[redis]"') from error
        if timeout <= 0:
            raise ValueError(f"timeout must be seconds, above 0, got {timeout!r}")
        RedisClient(url, stream)  # refuses what is wrong
        self._history = History(history)
        self._client = partial(RedisClient, url, stream)
        self._size = history
        self._timeout = timeout
        self._deliver: Deliver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def listen(self, deliver: Deliver) -> None:
        """See `Backend`.

        Raises:
            RuntimeError: it has a channel already.
        """
        if self._deliver is not None:
            raise RuntimeError("a RedisBackend is for one channel; make another one, with the same url and stream")
        self._deliver = deliver

    async def publish(self, draft: Draft) -> str:
        """See `Backend`.

        Raises:
            PublishError: Redis was away for `timeout` seconds, or refuses the event.
            ValueError: the event has an id of its own.
            RuntimeError: it is closed; or not in an event loop of asyncio, or in another one than that of the channel.
        """
        if self._closed:
            raise RuntimeError("the channel is closed")
        if draft.id:
            raise ValueError(
                f"an event of a RedisBackend gets its id from Redis, so that all processes know it; got the id {draft.id!r}: "
                "leave it out, and put it in the data"
            )
        self._attach()
        return await self._writer.store(draft)

    async def replay(self, last_event_id: str | None) -> Replay:
        """See `Backend`.

        Raises:
            RuntimeError: as of `publish`.
        """
        if not self._closed:
            self._attach()
            await self._reader.reach(last_event_id)
        if self._closed:  # maybe meanwhile: the stream ends at once, and its client goes on elsewhere
            return Replay((), self._history.position, complete=True)
        return self._history.replay(last_event_id)

    def close(self) -> None:
        """See `Backend`. The connections are closed soon after; `aclose` waits for that."""
        self._closed = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it the tasks
                self._loop.call_soon_threadsafe(self._reader.cancel)
                self._loop.call_soon_threadsafe(self._writer.cancel)

    async def aclose(self) -> None:
        """The same, and wait until the connections are closed."""
        self.close()
        if self._loop is asyncio.get_running_loop():
            await self._reader.wait_ended()
            await self._writer.wait_ended()

    def _attach(self) -> None:
        """To the running event loop; after its end, to another one."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("a RedisBackend needs an event loop of asyncio: redis-py knows no other") from None
        if self._loop is loop:
            return
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("a RedisBackend belongs to one event loop: that in which its channel was used first")
        assert self._deliver is not None  # who else would ask
        self._loop = loop
        self._history.events.clear()  # another loop reads anew; positions go on
        self._reader = _Reader(self._client(), self._history, self._size, self._deliver)
        self._writer = _Writer(self._client(), self._size, self._timeout)


class _Worker(ABC):
    """A task with a connection, from when it is first needed until it is cancelled."""

    def __init__(self, client: "RedisClient") -> None:
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self._pause = _FIRST_PAUSE

    @abstractmethod
    async def _work(self) -> None: ...

    @abstractmethod
    def _end(self) -> None:
        """Let go who waits."""

    def begin(self) -> None:
        """If it has not begun."""
        if self._task is None:  # not in the context of the first request
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
            self._task.add_done_callback(lambda _: self._end())  # also if it never ran

    def cancel(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()

    async def wait_ended(self) -> None:
        """Return when the connection is closed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            await self._client.drop()

    def _is_back(self) -> None:
        if self._away:
            _logger.info("Redis is back")
        self._away, self._pause = False, _FIRST_PAUSE

    async def _is_away(self, error: Exception) -> None:
        """Tell so, and wait a little."""
        if not self._away:
            _logger.warning("Redis is away; %s waits for it: %r", type(self).__name__.strip("_").lower(), error)
        self._away = True
        await self._client.drop()
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


class _Reader(_Worker):
    """Reads the stream, once for all clients of this process."""

    def __init__(self, client: "RedisClient", history: History, size: int, deliver: Deliver) -> None:
        super().__init__(client)
        self.history = history
        self._size = size
        self._deliver = deliver
        self._last: str | None = None  # the entry that was read last; empty if there was none; None before the history
        self._cursor = "0-0"  # what XREAD goes on after: the same, but where the stream has begun anew
        self._begun = self._current = 0  # rounds: of the last that has begun; of the last that has left nothing unread
        self._news = asyncio.Event()
        self._ended = False

    async def reach(self, event_id: str | None) -> None:
        """Return when there is the history, and in it what is in Redis up to this event."""
        self.begin()
        since = self._begun
        while not self._ended and (self._last is None or self._is_ahead(event_id, since)):
            await self._news.wait()

    def _is_ahead(self, event_id: str | None, since: int) -> bool:
        # A round that had begun before may have been answered before the event was stored.
        return (
            event_id is not None
            and self._current <= since
            and _ID.fullmatch(event_id) is not None
            and _order(event_id) > _order(self._cursor)
            and all(event.id != event_id for event in self.history.events)
        )

    async def _work(self) -> None:
        while True:
            try:
                await self._read()
                self._is_back()
            except Exception as error:  # noqa: BLE001 - whatever it is: without this task, all streams are dead
                await self._is_away(error)

    def _end(self) -> None:
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _read(self) -> None:
        self._begun += 1
        number = self._begun
        # What could not be read in time may have been too much.
        at_once, page = (1, 1) if self._away else (_AT_ONCE, _PAGE)
        if self._last is None:
            entries = await self._load(page)
            for entry in entries:
                await self._take(entry, deliver=False)  # who has come before gets it as a replay
            self._last = entries[-1].id if entries else ""
            self._current = number
        else:
            entries = await self._client.read_after(self._cursor, at_once)
            for entry in entries or await self._read_anew(page):
                await self._take(entry, deliver=True)
            if len(entries) < at_once:
                self._current = number
        self._tell()

    async def _take(self, entry: Entry, *, deliver: bool) -> None:
        events: list[EncodedEvent] = []
        if self._last is not None and entry.after not in {None, self._last}:
            events.append(encode_gap(self._last or None))
        if entry.event is not None:
            events.append(Draft("", entry.event, entry.key).with_id(entry.id))
        self._last = self._cursor = entry.id
        for event, position in [(event, self.history.append(event)) for event in events]:
            if deliver:
                await self._deliver(event, position)

    async def _load(self, page: int) -> list[Entry]:
        """The newest entries, as many as the history has, oldest first; read so many at a time."""
        entries: list[Entry] = []
        while missing := self._size + 1 - len(entries):
            end = f"({entries[-1].id}" if entries else "+"
            older = await self._client.read_back(end, min(missing, page))
            entries += older
            if not older:
                break
        return entries[::-1]

    async def _read_anew(self, page: int) -> list[Entry]:
        """What is new in a stream whose ids are below those that were read before."""
        newest = await self._client.read_back("+", 1)
        if not newest or _order(newest[0].id) >= _order(self._cursor):
            return []
        entries = await self._load(page)
        self._cursor = newest[0].id
        known = {event.id for event in self.history.events}
        return [*takewhile(lambda entry: entry.id not in known, reversed(entries))][::-1]


class _Waiting:
    """An event that is to be stored."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent = False

    def fail(self, error: Exception) -> None:
        if not self.id.done():
            self.id.set_exception(error)


class _Writer(_Worker):
    """Stores events in their order; those that come while others are under way go together."""

    def __init__(self, client: "RedisClient", size: int, timeout: float) -> None:
        super().__init__(client)
        self._size = size
        self._timeout = timeout
        self._known = int(timeout) + _LATEST
        self._queue: deque[_Waiting] = deque()
        self._batch: Sequence[_Waiting] = ()  # what is under way
        self._some = asyncio.Event()
        self._publisher = token_hex(8)
        self._numbers = count(1)
        self._error: Exception | None = None

    async def store(self, draft: Draft) -> str:
        """Its id."""
        self.begin()
        waiting = _Waiting(draft)
        self._queue.append(waiting)
        self._some.set()
        try:
            async with asyncio.timeout(self._timeout):
                return await waiting.id
        except TimeoutError:
            known = "it is not known whether the event was stored" if waiting.sent else "the event was not stored"
            why = f" ({self._error})" if self._error else ""
            message = f"Redis has not answered for {self._timeout:g} s; {known}{why}"
            raise PublishError(message, may_be_stored=waiting.sent) from self._error

    async def _work(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while batch := self._next_batch():
                self._batch = batch
                await self._store(batch, next(self._numbers))

    def _end(self) -> None:
        for waiting in (*self._batch, *self._queue):
            waiting.fail(RuntimeError("the channel is closed"))

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._queue and size < _BATCH:
            waiting = self._queue.popleft()
            if not waiting.id.done():  # or its publisher has given up
                batch.append(waiting)
                size += len(waiting.draft.lines) + _OVERHEAD
        return batch

    async def _store(self, batch: Sequence[_Waiting], number: int) -> None:
        """Until it is stored, or refused, or all have given up."""
        unanswered = False
        while not all(waiting.id.done() for waiting in batch):
            try:
                await self._client.connect()
                if not batch[0].sent:  # who has given up meanwhile was told that it is not stored
                    batch = [waiting for waiting in batch if not waiting.id.done()]
                    if not batch:
                        return
                for waiting in batch:
                    waiting.sent = True  # from now on, it may have been stored if there is no answer
                drafts = [waiting.draft for waiting in batch]
                ids = await self._client.store(self._publisher, number, drafts, self._size + 1, self._known)
                for waiting, id_ in zip(batch, ids, strict=True):
                    if not waiting.id.done():
                        waiting.id.set_result(id_)
                self._error = None
                self._is_back()
            except PublishError as error:
                for waiting in batch:
                    waiting.fail(PublishError(str(error), may_be_stored=unanswered))
            except Exception as error:  # noqa: BLE001 - whatever it is: without this task, nothing is published any more
                self._error, unanswered = error, batch[0].sent
                await self._is_away(error)


def _order(event_id: str) -> tuple[int, ...]:
    return tuple(map(int, event_id.split("-")))
