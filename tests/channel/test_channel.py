"""One publisher, many clients; in memory, in virtual time, on asyncio and trio; and over Redis."""

import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from rejoinder import testing
from rejoinder._channel import Backend, Channel, Deliver, MemoryBackend, Replay, SlowClient, Subscription
from rejoinder._encode.sse import Draft, EncodedEvent, ServerSentEvent, encode_gap

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")


def content(event: EncodedEvent) -> Any:
    """The data of an event; of a gap, what it says."""
    fields = dict(line.split(": ", 1) for line in event.encoded.decode().splitlines() if line)
    data = json.loads(fields["data"])
    return ("gap", data["after"]) if fields.get("event") == "gap" else data


async def take(subscription: Subscription, number: int) -> list[Any]:
    with anyio.fail_after(5):
        return [content(await anext(subscription)) for _ in range(number)]


async def rest(subscription: Subscription) -> list[Any]:
    """Of a channel that is closed."""
    with anyio.fail_after(5):
        return [content(event) async for event in subscription]


async def all_of(world: Any, channel: Channel, subscription: Subscription) -> list[Any]:
    """What it gets until the channel is closed, which is now."""
    got: list[Any] = []

    async def read() -> None:
        got.extend(await rest(subscription))

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await world.settled(channel)
        channel.close()
    return got


async def publish(channel: Channel, *events: object) -> list[str]:
    return [await channel.publish(event) for event in events]


class Reader:
    """A client that takes what comes, as fast as it comes."""

    def __init__(self, channel: Channel, last_event_id: str | None = None) -> None:
        self.got: list[Any] = []
        self.scope = anyio.CancelScope()
        self._subscription = channel.subscribe(last_event_id)

    async def read(self) -> None:
        with self.scope:
            async with aclosing(self._subscription):
                async for event in self._subscription:
                    self.got.append(content(event))


async def begun(world: Any, channel: Channel) -> tuple[Subscription, str]:
    """A subscription that has got one event and not yet asked for another: a slow client; and the id of that event."""
    subscription = channel.subscribe()
    async with anyio.create_task_group() as group:
        ids: list[str] = []

        async def first() -> None:
            ids.append((await anext(subscription)).id)

        group.start_soon(first)
        await world.settled(channel)
        await channel.publish("first")
    return subscription, ids[0]


def test_each_client_gets_each_event_in_order(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        readers = [Reader(channel) for _ in range(3)]
        async with anyio.create_task_group() as group:
            for reader in readers:
                group.start_soon(reader.read)
            await world.settled(channel)
            await publish(channel, *range(10))
            await world.settled(channel)
            assert [reader.got for reader in readers] == [[*range(10)]] * 3
            channel.close()
        assert not channel._subscribers

    world.run(main)


def test_an_event_is_encoded_once(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        channel = world.channel()
        (first, _), (second, _) = await begun(world, channel), await begun(world, channel)
        await take(first, 1)  # what made the second begin
        await channel.publish({"a": 1})
        assert (await anext(first)) is (await anext(second))
        await first.aclose()
        await second.aclose()

    world.run(main)


def test_publishing_gives_the_id_and_without_clients_costs_nothing_more(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        ids = await publish(channel, 1, 2, ServerSentEvent(data=3))
        assert len(set(ids)) == 3
        assert await all_of(world, channel, channel.subscribe(ids[0])) == [2, 3]

    world.run(main)


def test_what_is_published_before_the_subscription_is_not_in_it(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        await channel.publish("before")
        subscription, _ = await begun(world, channel)
        assert await all_of(world, channel, subscription) == []

    world.run(main)


REPLAYS = [
    pytest.param(0, 5, 5, [], id="nothing-missed"),
    pytest.param(0, 5, 4, [("gap", 4)], id="no-history"),
    pytest.param(3, 5, 5, [], id="nothing-missed-of-some"),
    pytest.param(3, 5, 3, [4, 5], id="some-missed"),
    pytest.param(3, 5, 2, [3, 4, 5], id="all-that-is-kept"),
    pytest.param(3, 5, 1, [("gap", 1), 3, 4, 5], id="more-than-is-kept"),
    pytest.param(9, 5, 1, [2, 3, 4, 5], id="history-not-full"),
    pytest.param(9, 5, None, [("gap", None), 1, 2, 3, 4, 5], id="unknown-id"),
    pytest.param(9, 0, None, [("gap", None)], id="no-events-at-all"),
]


@pytest.mark.parametrize(("history", "published", "seen", "expected"), REPLAYS)
def test_replay(world: Any, history: int, published: int, seen: int | None, expected: list[Any]) -> None:
    async def main() -> None:
        channel = world.channel(history)
        ids = await publish(channel, *range(1, published + 1))
        last = "unknown" if seen is None else ids[seen - 1]
        told = [("gap", last) if isinstance(item, tuple) else item for item in expected]
        assert await all_of(world, channel, channel.subscribe(last)) == told

    world.run(main)


def test_an_id_of_another_channel_is_unknown(world: Any) -> None:
    async def main() -> None:
        one, other = world.channel(), world.channel()
        ids = await publish(one, 1, 2)
        await publish(other, 1, 2)
        assert (await all_of(world, other, other.subscribe(ids[0])))[0] == ("gap", ids[0])

    world.run(main)


def test_nothing_is_lost_or_doubled_whenever_a_client_leaves_and_comes_back(world: Any) -> None:
    async def main() -> None:
        for taken in range(6):
            channel = world.channel()
            subscription, last = await begun(world, channel)
            await publish(channel, *range(6))
            for _ in range(taken):
                last = (await anext(subscription)).id
            await subscription.aclose()
            resumed = channel.subscribe(last)
            await publish(channel, 6, 7)
            assert await take(resumed, 3) == [taken, taken + 1, taken + 2]  # in the midst of the replay
            await publish(channel, 8)
            assert await all_of(world, channel, resumed) == [*range(taken + 3, 9)]

    world.run(main)


class Broker:
    """A backend whose events take a while to come back, so that a replay can overtake them."""

    def __init__(self) -> None:
        self.events: list[EncodedEvent] = []
        self.delivered = 0
        self.closed = False
        self.asked = anyio.Event()
        self.answer = anyio.Event()

    def listen(self, deliver: Deliver) -> None:
        self.deliver = deliver

    async def pump(self, number: int) -> None:
        for event in self.events[self.delivered : self.delivered + number]:
            self.delivered += 1
            await self.deliver(event, self.delivered)

    async def publish(self, draft: Draft) -> str:
        self.events.append(draft.with_id(f"id {len(self.events)}"))
        return self.events[-1].id

    def close(self) -> None:
        self.closed = True

    async def replay(self, last_event_id: str | None) -> Replay:
        self.asked.set()
        await self.answer.wait()
        ids = [event.id for event in self.events]
        known = len(ids) if last_event_id is None else ids.index(last_event_id) + 1
        return Replay(self.events[known:], len(ids), complete=True)


@pytest.mark.parametrize("early", range(6))
@pytest.mark.parametrize("during", range(6))
def test_a_replay_and_the_events_that_it_overtakes_or_is_overtaken_by(early: int, during: int) -> None:
    async def main() -> None:
        broker = Broker()
        backend: Backend = broker
        channel = Channel(backend)
        ids = await publish(channel, *range(5))
        await broker.pump(early)
        reader = Reader(channel, ids[1])
        async with anyio.create_task_group() as group:
            group.start_soon(reader.read)
            await broker.asked.wait()
            await broker.pump(during)
            broker.answer.set()
            await anyio.wait_all_tasks_blocked()
            await broker.pump(9)
            await channel.publish(5)
            await broker.pump(1)
            await anyio.wait_all_tasks_blocked()
            assert reader.got == [2, 3, 4, 5]
            channel.close()
        assert broker.closed

    testing.run(main)


class CopiedOnce(bytes):
    def __radd__(self, other: bytes) -> bytes:
        raise AssertionError(f"{len(other)} octets are copied again for each event")


def coded_once(draft: Draft, given: str) -> EncodedEvent:
    return EncodedEvent(given, CopiedOnce(draft.lines + b"\n"), draft.key)


def test_what_a_client_has_missed_is_put_together_at_once(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may name any id, and is then sent the whole history; it is not to cost the square of that."""
    monkeypatch.setattr(Draft, "with_id", coded_once)

    async def main() -> None:
        channel = world.channel(history=5)
        await publish(channel, *range(5))
        subscription = channel.subscribe("of nobody")
        await subscription.open(lambda: None)
        await publish(channel, 5)
        await world.settled(channel)
        assert subscription.take().count(b"\n\n") == 7  # a gap, those that are kept, and the one since
        subscription.leave()

    world.run(main)


SLOW: list[Any] = [
    pytest.param(SlowClient.DROP_OLDEST, 3, ["gap", 2, 3, 4], id="drop-oldest"),
    pytest.param(SlowClient.DROP_OLDEST, 5, [0, 1, 2, 3, 4], id="drop-oldest-just-in-time"),
    pytest.param(SlowClient.DISCONNECT, 3, [], id="disconnect"),
    pytest.param(SlowClient.DISCONNECT, 5, [0, 1, 2, 3, 4], id="disconnect-just-in-time"),
    pytest.param(SlowClient.KEEP_LATEST, 3, [2, 3, 4], id="keep-latest"),
    pytest.param(SlowClient.KEEP_LATEST, 2, ["gap", 3, 4], id="keep-latest-with-more-keys-than-fit"),
]


@pytest.mark.parametrize(("slow", "backlog", "expected"), SLOW)
def test_a_slow_client(world: Any, slow: SlowClient, backlog: int, expected: Sequence[Any]) -> None:
    async def main() -> None:
        channel = world.channel(backlog=backlog, slow=slow)
        subscription, last = await begun(world, channel)
        for number in range(5):
            await channel.publish(number, key="abc"[number % 3])
        await world.settled(channel)
        channel.close()
        assert await rest(subscription) == [("gap", last) if item == "gap" else item for item in expected]
        assert not channel._subscribers

    world.run(main)


def test_what_comes_after_a_gap_in_a_stream_follows_without_another(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(backlog=1)
        subscription, last = await begun(world, channel)
        await publish(channel, 1, 2)
        await world.settled(channel)
        assert await take(subscription, 2) == [("gap", last), 2]
        await publish(channel, 3)
        assert await take(subscription, 1) == [3]
        await subscription.aclose()

    world.run(main)


def test_a_client_that_is_slow_in_the_replay_is_told_what_it_lost_after_it(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(backlog=1)
        ids = await publish(channel, 0, 1, 2)
        subscription = channel.subscribe(ids[0])
        assert await take(subscription, 1) == [1]
        await publish(channel, 3, 4)
        await world.settled(channel)
        channel.close()
        assert await rest(subscription) == [2, ("gap", ids[2]), 4]

    world.run(main)


LAST_IDS = [
    pytest.param([[1, 2]], "id 2", id="events"),
    pytest.param([[1, "gap"]], "id 1", id="a-gap-after-an-event"),
    pytest.param([[1, "gap", "gap"]], "id 1", id="gaps-after-an-event"),
    pytest.param([["gap", 1]], "id 2", id="an-event-after-a-gap"),
    pytest.param([[1], ["gap"]], "id 1", id="a-gap-after-what-it-has"),
    pytest.param([["gap"]], None, id="a-gap-alone"),
]


@pytest.mark.parametrize("whole", [True, False], ids=["at-once", "one-by-one"])
@pytest.mark.parametrize(("taken", "last"), LAST_IDS)
def test_a_gap_is_after_the_newest_event_that_the_client_has(
    taken: Sequence[Sequence[Any]], last: str | None, whole: bool
) -> None:
    """However many gaps, which have no ids, have come since from the backend itself."""

    async def main() -> None:
        broker = Broker()
        broker.answer.set()
        channel = Channel(broker, backlog=3)
        await channel.publish("before")
        await broker.pump(1)
        subscription = channel.subscribe()
        await subscription.open(lambda: None)

        def take() -> bytes:
            if whole:
                return subscription.take()
            events = iter(subscription._subscriber.next_event, None)
            return b"".join([event.encoded for event in events])

        for items in taken:
            for item in items:
                if item == "gap":
                    broker.events.append(encode_gap("of the backend"))
                else:
                    await channel.publish(item)
            await broker.pump(len(items))
            assert take().count(b"\n\n") == len(items)
        await publish(channel, *range(4))  # more than the backlog
        await broker.pump(4)
        assert take().startswith(encode_gap(last).encoded)
        subscription.leave()

    testing.run(main)


def test_without_a_key_every_event_is_kept(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(slow=SlowClient.KEEP_LATEST)
        subscription, _ = await begun(world, channel)
        await channel.publish(1, key="a")
        await publish(channel, 2, 3)
        await channel.publish(4, key="a")
        await world.settled(channel)
        channel.close()
        assert await rest(subscription) == [2, 3, 4]

    world.run(main)


def test_a_client_that_was_disconnected_comes_back_and_misses_nothing(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(backlog=2, slow=SlowClient.DISCONNECT)
        subscription, last = await begun(world, channel)
        await publish(channel, 1, 2, 3, 4)
        await world.settled(channel)
        assert await rest(subscription) == []
        assert await all_of(world, channel, channel.subscribe(last)) == [1, 2, 3, 4]

    world.run(main)


def test_a_slow_client_delays_nobody(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(backlog=2)
        slow, _ = await begun(world, channel)
        quick = Reader(channel)
        async with anyio.create_task_group() as group:
            group.start_soon(quick.read)
            await world.settled(channel)
            await publish(channel, *range(20))
            await world.settled(channel)
            assert quick.got == [*range(20)]
            channel.close()
        await slow.aclose()

    world.run(main)


@pytest.mark.parametrize("leave", ["cancelled", "closed", "never-begun"])
def test_a_client_that_leaves_leaves_nothing(world: Any, leave: str) -> None:
    async def main() -> None:
        channel = world.channel()
        if leave == "cancelled":
            reader = Reader(channel)
            async with anyio.create_task_group() as group:
                group.start_soon(reader.read)
                await world.settled(channel)
                assert len(channel._subscribers) == 1
                reader.scope.cancel()
        elif leave == "closed":
            subscription, _ = await begun(world, channel)
            await subscription.aclose()
        else:
            await channel.subscribe().aclose()
        assert not channel._subscribers

    world.run(main)


def test_a_publisher_that_waits_for_nothing_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    published: list[int] = []

    async def turn() -> None:
        turns.append(len(published))

    monkeypatch.setattr("rejoinder._channel.cancel_shielded_checkpoint", turn)
    monkeypatch.setattr("rejoinder._channel.clock", lambda: 0.002 * (len(published) >= 6))

    async def main() -> None:
        channel = Channel(backlog=16)
        for number in range(10):
            await channel.publish(number)
            published.append(number)

    testing.run(main)
    # The first; each fourth, a quarter of the backlog; when the time is over.
    assert turns == [0, 4, 6]


def test_closing_wakes_who_waits_and_ends_the_channel(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        reader = Reader(channel)
        async with anyio.create_task_group() as group:
            group.start_soon(reader.read)
            await world.settled(channel)
            channel.close()
        assert reader.got == []
        assert await rest(channel.subscribe()) == []
        with pytest.raises(RuntimeError, match="closed"):
            await channel.publish(1)
        channel.close()

    world.run(main)


def test_a_publisher_that_never_waits_lets_its_clients_have_a_turn(world: Any) -> None:
    async def main() -> None:
        channel = world.channel(backlog=4)
        reader = Reader(channel)
        async with anyio.create_task_group() as group:
            group.start_soon(reader.read)
            await world.settled(channel)
            await publish(channel, *range(50))
            await world.settled(channel)
            channel.close()
        assert reader.got == [*range(50)]

    world.run(main)


def test_publishing_from_a_worker_thread(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        subscription, _ = await begun(world, channel)
        await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(channel.publish, 1))
        assert await take(subscription, 1) == [1]

        def directly() -> None:
            with pytest.raises(RuntimeError, match=r"from_thread\.run"):
                channel.publish(2).send(None)
            with pytest.raises(RuntimeError, match=r"from_thread\.run"):
                channel.close()
            with pytest.raises(RuntimeError, match="event loop of its subscribers"):
                channel.subscribe().__anext__().send(None)

        await anyio.to_thread.run_sync(directly)
        await subscription.aclose()

    world.run(main)


def test_a_channel_may_serve_one_loop_after_the_other(world: Any) -> None:
    channel = world.channel()

    async def main() -> None:
        subscription, _ = await begun(world, channel)
        await subscription.aclose()

    for _ in range(2):
        world.run(main)


def test_who_waited_in_one_loop_leaves_nothing_for_the_next(world: Any) -> None:
    channel = world.channel()

    async def main() -> None:
        reader = Reader(channel)
        async with anyio.create_task_group() as group:
            group.start_soon(reader.read)
            await world.settled(channel)
            reader.scope.cancel()

    for _ in range(2):
        world.run(main)


MISTAKES = [
    pytest.param(lambda: Channel(backlog=0), ValueError, "backlog must be", id="no-backlog"),
    pytest.param(lambda: Channel(slow="x"), ValueError, "SlowClient", id="no-policy"),  # type: ignore[arg-type]
    pytest.param(lambda: MemoryBackend(-1), ValueError, "history must be", id="negative-history"),
    pytest.param(
        lambda: [Channel(b) for b in [MemoryBackend()] * 2], RuntimeError, "one channel", id="backend-used-twice"
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), MISTAKES)
def test_mistakes_are_told_at_once(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_what_cannot_be_an_event_is_not_published(world: Any) -> None:
    async def main() -> None:
        channel = world.channel()
        for wrong in (b"data: x\n\n", object()):
            with pytest.raises(TypeError):
                await channel.publish(wrong)
        assert await all_of(world, channel, channel.subscribe("")) == [("gap", "")]

    world.run(main)
