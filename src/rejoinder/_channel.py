"""One publisher, many clients: an event is encoded once, and kept once for all who have not got it.

    publish -> backend -> deliver -> log -> a subscription, from its position on -> its client
                 |                               ^
                 +------ replay -----------------+

To publish is to add to the log, and to tell those who were waiting; it costs nothing more for a client that has yet to take
what it was told of. A client that is further behind than the log reaches has lost something. Clients that are at the same
position, as most are, are given the same octets.

A subscription takes its position first and asks for the replay then, so no event falls between the two. The backend
gives each event an id, by which clients name it, and a position; the replay says up to which position it reaches, and what
the log has from before that is skipped, so no event comes twice. This holds for a broker, too, where the two may overtake each other.

A subscription can be iterated; and it is a feed, which a response with server-sent events is told of and takes its
octets from, so that no generator is resumed for each event of each client. Who iterates waits for one event of the
loop together with all others: to wake them is one call. All of this happens in one event loop and needs no locks.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import Enum
from itertools import count
from secrets import token_hex
from typing import NamedTuple, Protocol, Self, TypeAlias

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from rejoinder._encode.sse import Draft, EncodedEvent, encode_draft, encode_gap
from rejoinder._lifecycle import clock
from rejoinder._pull import TURN, Feed

_LONGEST_TURN = 0.02  # seconds of a publisher that waits for nothing

Deliver: TypeAlias = Callable[[EncodedEvent, int], Awaitable[None]]


class SlowClient(Enum):
    """What becomes of a client that is more than `backlog` events behind.

    >>> prices = Channel(backlog=16, slow=SlowClient.KEEP_LATEST)
    """

    DROP_OLDEST = "drop oldest"
    """It loses the oldest of them, and is sent a gap event in their place."""
    DISCONNECT = "disconnect"
    """Its stream ends. A browser connects again, and goes on where it was, as far as the replay reaches."""
    KEEP_LATEST = "keep latest"
    """Of the events with the same key it gets the newest alone. Beyond the backlog, as DROP_OLDEST."""


class Replay(NamedTuple):
    """What a client has missed.

    >>> Replay(events=(), position=7, complete=True).position
    7
    """

    events: Sequence[EncodedEvent]
    """Oldest first."""
    position: int
    """Up to which the client knows everything when it has got them."""
    complete: bool
    """False if there were others that are gone."""


class PublishError(Exception):
    """An event could not be brought to the broker.

    Attributes:
        may_be_stored: it was sent, and the answer did not come: it may be delivered, and to publish it again may double it.
            If False, it is not stored and will not be.

    >>> PublishError("the broker is away", may_be_stored=False).may_be_stored
    False
    """

    def __init__(self, message: str, *, may_be_stored: bool) -> None:
        super().__init__(message)
        self.may_be_stored = may_be_stored


class Backend(Protocol):
    r"""Keeps the events of a channel, and carries them to it; in memory, or through a broker.

    Where it has lost some, it delivers an event `gap` without an id in their place, as a client is sent it.

    >>> class Logging(MemoryBackend):
    ...     async def publish(self, draft):
    ...         print(draft.lines)
    ...         return await super().publish(draft)
    >>> _ = anyio.run(Channel(Logging()).publish, {"price": 3})
    b'data: {"price":3}\n'
    """

    def listen(self, deliver: Deliver) -> None:
        """Called once, by the channel, with what is to be awaited with each event and its position.

        In ascending order, and in the event loop of the channel. It waits at times, so that the clients have a turn.
        """
        ...

    async def publish(self, draft: Draft) -> str:
        """Have the event delivered to all channels of this backend, as `draft.with_id(...)`; gives its id.

        Raises:
            PublishError: it could not be brought to where it is kept.
        """
        ...

    async def replay(self, last_event_id: str | None) -> Replay:
        """The events after the one with this id; all that there are if it is not known; none if it is None.

        What is published when this has returned will be delivered.
        """
        ...

    def close(self) -> None:
        """The channel is closed, and will publish no more; who waits for a replay is to be let go."""
        ...


class History:
    """The last events of a channel in this process, and their positions.

    Args:
        size: how many of them are replayed.

    Raises:
        ValueError: a negative number.
    """

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"history must be a number of events, at least 0, got {size!r}")
        self._size = size
        # One more than is replayed: who has seen that one has missed nothing.
        self.events: deque[EncodedEvent] = deque(maxlen=size + 1)
        self.position = 0

    def append(self, event: EncodedEvent) -> int:
        """Its position."""
        self.position += 1
        self.events.append(event)
        return self.position

    def replay(self, last_event_id: str | None) -> Replay:
        """See `Backend`."""
        if last_event_id is None:
            return Replay((), self.position, complete=True)
        events = [*self.events]
        for index in range(len(events), 0, -1):
            if events[index - 1].id == last_event_id:
                return Replay(events[index:], self.position, complete=True)
        kept = events[max(0, len(events) - self._size) :]
        return Replay(kept, self.position, complete=False)


class MemoryBackend:
    """The events of one channel in one process.

    Args:
        history: how many events are kept for clients that connect again.

    Raises:
        ValueError: a negative number.

    >>> channel = Channel(MemoryBackend(history=1000))
    """

    def __init__(self, history: int = 256) -> None:
        self._history = History(history)
        # An id of another channel, or of this one before a restart, is none of this channel.
        self._epoch = token_hex(6)
        self._numbers = count(1)
        self._deliver: Deliver | None = None

    def listen(self, deliver: Deliver) -> None:
        """See `Backend`.

        Raises:
            RuntimeError: it has a channel already.
        """
        if self._deliver is not None:
            raise RuntimeError("a MemoryBackend is for one channel; make another one")
        self._deliver = deliver

    async def publish(self, draft: Draft) -> str:
        """See `Backend`."""
        assert self._deliver is not None  # who else would publish
        event = draft.with_id(draft.id or f"{self._epoch}-{next(self._numbers)}")
        await self._deliver(event, self._history.append(event))
        return event.id

    async def replay(self, last_event_id: str | None) -> Replay:
        """See `Backend`."""
        return self._history.replay(last_event_id)

    def close(self) -> None:
        """See `Backend`."""


class Channel:
    """Events for any number of clients: each is encoded once, and replayed to clients that come back.

    A client that has missed events which nobody has any more is told so, by an event named `gap` with the data
    `{"after": ...}`, the id of the last event that it has: it should fetch the state as it is now.

    Args:
        backend: keeps and carries the events; a `MemoryBackend` by default, for the clients of this process. A
            `RedisBackend` is for those of several processes.
        backlog: how many events a client may be behind, at least 1.
        slow: what becomes of a client that is further behind.

    Raises:
        ValueError: a backlog below 1.

    >>> channel = Channel()
    >>> async def main():
    ...     first = await channel.publish({"price": 3})
    ...     await channel.publish({"price": 4})
    ...     channel.close()
    ...     return [event.encoded.splitlines()[0] async for event in channel.subscribe(first)]
    >>> anyio.run(main)
    [b'data: {"price":4}']
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        backlog: int = 256,
        slow: SlowClient = SlowClient.DROP_OLDEST,
    ) -> None:
        if backlog < 1:
            raise ValueError(f"backlog must be a number of events, at least 1, got {backlog!r}")
        self._backend = MemoryBackend() if backend is None else backend
        self._backlog = backlog
        self._slow = SlowClient(slow)
        self._log = _Log(backlog, by_key=self._slow is SlowClient.KEEP_LATEST)
        self._subscribers: set[_Subscriber] = set()
        self._waiting: dict[_Subscriber, Callable[[], None]] = {}
        self._news: anyio.Event | None = None
        self._closed = False
        self._thread = 0
        self._in_turn, self._turn_ends = 0, 0.0
        self._backend.listen(self._deliver)

    async def publish(self, event: object, *, key: str | None = None) -> str:
        """Send an event to all who are subscribed; gives its id.

        It does not wait for slow clients. A publisher that waits for nothing else lets the other tasks have a turn every
        few milliseconds, at the latest after a quarter of the backlog; what it publishes meanwhile leaves together.

        Args:
            event: a `ServerSentEvent`, with an id of its own if it has one, which then must be unique; or an object
                that is sent as JSON.
            key: what the event tells of, for `SlowClient.KEEP_LATEST`.

        Raises:
            TypeError: bytes, or an object that cannot be JSON.
            PublishError: the broker of the backend is away.
            RuntimeError: the channel is closed; or this is not the thread of its event loop: there, call
                `anyio.from_thread.run(channel.publish, event)`.
        """
        if self._closed:
            raise RuntimeError("the channel is closed")
        self._check_thread()
        return await self._backend.publish(encode_draft(event, key))

    def subscribe(self, last_event_id: str | None = None) -> "Subscription":
        """The events from now on; with an id, from the one after that. What `EventSourceResponse` takes as content.

        The subscription begins with the first step of the iteration, which raises RuntimeError if the channel has
        subscribers in another thread; and it ends with `aclose`.
        """
        return Subscription(self, _Subscriber(self._log, self._slow, last_event_id))

    def close(self) -> None:
        """End all streams, once their clients have got what was published before.

        Raises:
            RuntimeError: this is not the thread of its event loop.
        """
        self._check_thread()
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.join(over=True)
        self._wake()
        self._backend.close()

    async def _deliver(self, event: EncodedEvent, position: int) -> None:
        if self._closed:
            return
        self._log.add(event, position)
        waiting, self._waiting = self._waiting, {}
        for tell in waiting.values():
            tell()
        self._wake()
        # A publisher that never waits would outrun all its clients.
        self._in_turn += 1
        if self._in_turn >= self._backlog // 4 or clock() >= self._turn_ends:
            now = clock()
            await cancel_shielded_checkpoint()
            # It has as much time as they had: many clients take long, and gain most by what leaves together.
            self._in_turn, ended = 0, clock()
            self._turn_ends = ended + min(max(TURN, ended - now), _LONGEST_TURN)

    async def _join(self, subscriber: "_Subscriber") -> None:
        """Have it get what is published, if it does not already; what it has missed before."""
        if subscriber.joined:
            return
        self._check_thread()
        self._thread = threading.get_ident()
        subscriber.join(over=self._closed)
        self._subscribers.add(subscriber)
        try:
            subscriber.put_replay(await self._backend.replay(subscriber.last_event_id))
        except BaseException:
            self._leave(subscriber)
            raise

    def _leave(self, subscriber: "_Subscriber") -> None:
        subscriber.join(over=True)
        self._subscribers.discard(subscriber)
        self._waiting.pop(subscriber, None)
        if not self._subscribers:
            self._news = None  # it belongs to the event loop of those who waited

    def _tell(self, subscriber: "_Subscriber", tell: Callable[[], None]) -> None:
        """Have it told of the next event."""
        self._waiting[subscriber] = tell

    async def _iterate(self, subscriber: "_Subscriber") -> AsyncGenerator[EncodedEvent, None]:
        await self._join(subscriber)
        try:
            while True:
                while (event := subscriber.next_event()) is not None:
                    yield event
                if subscriber.is_over:
                    return
                await self._wait()
        finally:
            self._leave(subscriber)

    async def _wait(self) -> None:
        if self._news is None:
            self._news = anyio.Event()
        await self._news.wait()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

    def _check_thread(self) -> None:
        if self._subscribers and self._thread != threading.get_ident():
            raise RuntimeError(
                "a channel belongs to the event loop of its subscribers; "
                "from a worker thread, call anyio.from_thread.run(channel.publish, event)"
            )


class _Log:
    """The newest events, oldest first.

    Args:
        size: how many.
        by_key: a newer event takes the place of an older one with the same key.
    """

    __slots__ = ("_by_key", "_entries", "_joined", "_joined_after", "_size", "dropped", "newest")

    def __init__(self, size: int, *, by_key: bool) -> None:
        self._size = size
        self._by_key = by_key
        self._entries: OrderedDict[object, _Entry] = OrderedDict()
        self._joined, self._joined_after = (b"", ""), -1
        self.newest = 0  # position
        self.dropped = 0  # position of the last that had to go

    def add(self, event: EncodedEvent, position: int) -> None:
        key: object = position
        if self._by_key and event.key is not None:
            key = event.key
            self._entries.pop(key, None)  # the newest comes last: ids are given back in the order of the events
        self._entries[key] = _Entry(event, position)
        self.newest = position
        self._joined_after = -1
        if len(self._entries) > self._size:
            self.dropped = self._entries.popitem(last=False)[1].position

    def after(self, position: int) -> list["_Entry"]:
        found: list[_Entry] = []
        for entry in reversed(self._entries.values()):
            if entry.position <= position:
                break
            found.append(entry)
        found.reverse()
        return found

    def joined_after(self, position: int) -> tuple[bytes, str]:
        """The octets of all of these, and the newest id among them; made once for those who ask for the same."""
        if self._joined_after != position:
            events = [entry.event for entry in self.after(position)]
            newest_id = next((event.id for event in reversed(events) if event.id), "")  # a gap has none
            self._joined, self._joined_after = (b"".join([event.encoded for event in events]), newest_id), position
        return self._joined

    def has(self, entry: "_Entry") -> bool:
        key = entry.event.key if self._by_key and entry.event.key is not None else entry.position
        return self._entries.get(key) is entry


class _Entry(NamedTuple):
    event: EncodedEvent
    position: int


class _Subscriber:
    """What a client has not yet got."""

    __slots__ = ("_ahead", "_log", "_slow", "is_over", "joined", "last_event_id", "missed", "over", "position", "tell")

    def __init__(self, log: _Log, slow: SlowClient, last_event_id: str | None) -> None:
        self.over: anyio.Event  # set when there will be no more
        self.joined = False
        self.is_over = False
        self.tell: Callable[[], None] | None = None
        self.last_event_id = last_event_id
        self.missed: deque[EncodedEvent] | None = None
        self.position = 0  # of the last event that it has got, or need not get
        self._log = log
        self._slow = slow
        self._ahead: deque[_Entry] = _NOTHING

    def join(self, *, over: bool) -> None:
        if not self.joined:
            self.joined = True
            self.over = anyio.Event()
            self.position = self._log.newest
        if over:
            self.is_over = True
            self.over.set()

    def put_replay(self, replay: Replay) -> None:
        self.position = replay.position
        missed = deque(replay.events)
        if not replay.complete:
            missed.appendleft(encode_gap(self.last_event_id))
        self.missed = missed or None  # most have missed nothing, and an empty deque is not small

    @property
    def has_events(self) -> bool:
        return bool(self.missed) or self._log.newest > self.position

    def next_event(self) -> EncodedEvent | None:
        """The oldest that the client has not got; None if it has all."""
        if self.missed:
            event = self.missed.popleft()
            self.last_event_id = event.id or self.last_event_id
            return event
        log = self._log
        if log.dropped > self.position:
            return self._lose()
        while log.newest > self.position:
            if not self._ahead:
                self._ahead = deque(log.after(self.position))
            entry = self._ahead.popleft()
            if entry.position > self.position and log.has(entry):
                self.position = entry.position
                self.last_event_id = entry.event.id or self.last_event_id
                return entry.event
        return None

    def take(self) -> bytes:
        """The octets of all that it has not got."""
        first = b""
        while self.missed or self._log.dropped > self.position:
            event = self.next_event()
            if event is None:
                return first
            first += event.encoded
        if self._log.newest > self.position:
            rest, newest_id = self._log.joined_after(self.position)
            self.position, self.last_event_id = self._log.newest, newest_id or self.last_event_id
            return first + rest if first else rest
        return first

    def _lose(self) -> EncodedEvent | None:
        """What is in the place of the events that are gone."""
        if self._slow is not SlowClient.DISCONNECT:
            self.position = self._log.dropped
            return encode_gap(self.last_event_id)
        self._log = _Log(0, by_key=False)  # it gets no more
        self.join(over=True)
        return None


_NOTHING: deque[_Entry] = deque(maxlen=0)


class Subscription(Feed):
    """The events of a channel for one client: an async iterator, to be closed with `aclose`."""

    __slots__ = ("_channel", "_events", "_subscriber")

    def __init__(self, channel: Channel, subscriber: _Subscriber) -> None:
        self._channel = channel
        self._subscriber = subscriber
        self._events: AsyncGenerator[EncodedEvent, None] | None = None

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> EncodedEvent:
        """The next event; waits for it."""
        if self._events is None:
            self._events = self._channel._iterate(self._subscriber)  # noqa: SLF001
        return await anext(self._events)

    async def aclose(self) -> None:
        """End the subscription."""
        if self._events is None:
            self.leave()
        else:
            await self._events.aclose()

    async def open(self, tell: Callable[[], None]) -> None:
        """See `Feed`."""
        await self._channel._join(self._subscriber)  # noqa: SLF001
        self._subscriber.tell = tell
        self._channel._tell(self._subscriber, tell)  # noqa: SLF001

    @property
    def has_events(self) -> bool:
        """See `Feed`."""
        return self._subscriber.has_events

    def take(self) -> bytes:
        """See `Feed`."""
        subscriber = self._subscriber
        if subscriber.tell is not None and not subscriber.is_over:
            self._channel._tell(subscriber, subscriber.tell)  # noqa: SLF001
        return subscriber.take()

    async def wait_over(self) -> None:
        """See `Feed`."""
        await self._subscriber.over.wait()

    def leave(self) -> None:
        """See `Feed`."""
        self._channel._leave(self._subscriber)  # noqa: SLF001
