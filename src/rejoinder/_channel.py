"""One publisher, many clients: an event is encoded once, and put into the queue of each.

    publish -> backend -> deliver -> queue of a subscription -> its client
                 |                        ^
                 +------ replay ----------+

A subscription puts its queue up first and asks for the replay then, so no event falls between the two. The backend
gives each event a position; the replay says up to which position it reaches, and what the queue has from before that is
skipped, so no event comes twice. This holds for a broker, too, where the two may overtake each other.

Clients wait for one event of the loop together: to wake them is one call, and those that have something to do already
are not concerned. All of this happens in one event loop and needs no locks.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from secrets import token_hex
from typing import NamedTuple, Protocol, TypeAlias

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint

from rejoinder._encode.jsonl import encode_line
from rejoinder._encode.sse import EncodedEvent, encode_for_all, format_event

Deliver: TypeAlias = Callable[[EncodedEvent, int], None]


class SlowClient(Enum):
    """What becomes of a client that is `backlog` events behind."""

    DROP_OLDEST = "drop oldest"
    """It loses the oldest of them, and is sent a gap event in their place."""
    DISCONNECT = "disconnect"
    """Its stream ends. A browser connects again, and goes on where it was, as far as the replay reaches."""
    KEEP_LATEST = "keep latest"
    """Of the events with the same key it gets the newest alone. Beyond the backlog, as DROP_OLDEST."""


class Replay(NamedTuple):
    """What a client has missed."""

    events: Sequence[EncodedEvent]
    """Oldest first."""
    position: int
    """Up to which the client knows everything when it has got them."""
    complete: bool
    """False if there were others that are gone."""


class Backend(Protocol):
    """Keeps the events of a channel, and carries them to it; in memory, or through a broker."""

    def listen(self, deliver: Deliver) -> None:
        """Called once, by the channel, with what is to be called with each event and its position.

        In ascending order, and in the event loop of the channel.
        """
        ...

    async def publish(self, event: EncodedEvent) -> None:
        """Have the event delivered to all channels of this backend."""
        ...

    async def replay(self, last_event_id: str) -> Replay:
        """The events after the one with this id; all that there are if it is not known."""
        ...


class MemoryBackend:
    """The events of one channel in one process.

    Args:
        history: how many events are kept for clients that connect again.

    Raises:
        ValueError: a negative number.
    """

    def __init__(self, history: int = 256) -> None:
        if history < 0:
            raise ValueError(f"history must be a number of events, at least 0, got {history!r}")
        self._size = history
        # One more than is replayed: who has seen that one has missed nothing.
        self._history: deque[EncodedEvent] = deque(maxlen=history + 1)
        self._position = 0
        self._deliver: Deliver | None = None

    def listen(self, deliver: Deliver) -> None:
        """See `Backend`.

        Raises:
            RuntimeError: it has a channel already.
        """
        if self._deliver is not None:
            raise RuntimeError("a MemoryBackend is for one channel; make another one")
        self._deliver = deliver

    async def publish(self, event: EncodedEvent) -> None:
        """See `Backend`."""
        assert self._deliver is not None  # who else would publish
        self._position += 1
        self._history.append(event)
        self._deliver(event, self._position)

    async def replay(self, last_event_id: str) -> Replay:
        """See `Backend`."""
        events = [*self._history]
        for index in range(len(events), 0, -1):
            if events[index - 1].id == last_event_id:
                return Replay(events[index:], self._position, complete=True)
        kept = events[max(0, len(events) - self._size) :]
        return Replay(kept, self._position, complete=False)


class Channel:
    """Events for any number of clients: each is encoded once, and replayed to clients that come back.

    A client that has missed events which nobody has any more is told so, by an event named `gap` with the data
    `{"after": ...}`, the id of the last event that it has: it should fetch the state as it is now.

    Args:
        backend: keeps and carries the events; a `MemoryBackend` by default, for the clients of this process.
        backlog: how many events a client may be behind.
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
        self._subscribers: set[_Subscriber] = set()
        self._news: anyio.Event | None = None
        self._closed = False
        self._thread = 0
        # An id of another channel, or of this one before a restart, is none of this channel.
        self._epoch = token_hex(6)
        self._numbers = count(1)
        self._backend.listen(self._deliver)

    async def publish(self, event: object, *, key: str | None = None) -> str:
        """Send an event to all who are subscribed; gives its id.

        It does not wait for slow clients. Each call lets the other tasks have a turn.

        Args:
            event: a `ServerSentEvent`, with an id of its own if it has one, which then must be unique; or an object
                that is sent as JSON.
            key: what the event tells of, for `SlowClient.KEEP_LATEST`.

        Raises:
            TypeError: bytes, or an object that cannot be JSON.
            RuntimeError: the channel is closed; or this is not the thread of its event loop: there, call
                `anyio.from_thread.run(channel.publish, event)`.
        """
        if self._closed:
            raise RuntimeError("the channel is closed")
        self._check_thread()
        encoded = encode_for_all(event, f"{self._epoch}-{next(self._numbers)}", key)
        await self._backend.publish(encoded)
        # A publisher that never waits would outrun all its clients.
        await cancel_shielded_checkpoint()
        return encoded.id

    async def subscribe(self, last_event_id: str | None = None) -> AsyncGenerator[EncodedEvent, None]:
        """The events from now on; with an id, from the one after that. What `EventSourceResponse` takes as content.

        The subscription begins with the first step of the iteration, and ends with `aclose`.

        Raises:
            RuntimeError: the channel has subscribers in another thread.
        """
        self._check_thread()
        self._thread = threading.get_ident()
        subscriber = _Subscriber(self._backlog, self._slow)
        self._subscribers.add(subscriber)
        try:
            reached = 0
            if last_event_id is not None:
                replay = await self._backend.replay(last_event_id)
                reached = replay.position
                if not replay.complete:
                    yield _gap(last_event_id)
                for event in replay.events:
                    yield event
                    last_event_id = event.id
            while True:
                while subscriber.queue:
                    if subscriber.lost:
                        subscriber.lost = False
                        yield _gap(last_event_id)
                    _, (event, position) = subscriber.queue.popitem(last=False)
                    if position > reached:
                        yield event
                        last_event_id = event.id
                if subscriber.ended or self._closed:
                    return
                await self._wait()
        finally:
            self._subscribers.discard(subscriber)

    def close(self) -> None:
        """End all streams, once their clients have got what was published before.

        Raises:
            RuntimeError: this is not the thread of its event loop.
        """
        self._check_thread()
        self._closed = True
        self._wake()

    def _deliver(self, event: EncodedEvent, position: int) -> None:
        for subscriber in self._subscribers:
            subscriber.put(event, position)
        self._wake()

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


@dataclass(slots=True, eq=False)
class _Subscriber:
    """What a client has not yet got."""

    backlog: int
    slow: SlowClient
    queue: OrderedDict[object, tuple[EncodedEvent, int]] = field(default_factory=OrderedDict)
    lost: bool = False
    ended: bool = False

    def put(self, event: EncodedEvent, position: int) -> None:
        if self.ended:
            return
        key: object = position
        if self.slow is SlowClient.KEEP_LATEST and event.key is not None:
            key = event.key
            self.queue.pop(key, None)  # the newest comes last: ids are given back in the order of the events
        self.queue[key] = event, position
        if len(self.queue) <= self.backlog:
            return
        if self.slow is SlowClient.DISCONNECT:
            self.queue.clear()
            self.ended = True
        else:
            self.queue.popitem(last=False)
            self.lost = True


def _gap(after: str | None) -> EncodedEvent:
    return EncodedEvent("", format_event(event="gap", data=encode_line({"after": after})))
