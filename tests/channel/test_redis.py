"""A channel over a real Redis, and a network that fails: nothing is lost unnoticed, nothing is doubled, nothing leaks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from bench.redis_server import DURABLE, RedisServer, redis_server, why_no_redis
from redis import Redis
from tests.channel.proxy import Proxy, proxy_to

from rejoinder import testing
from rejoinder.sse import Channel, Draft, EncodedEvent, PublishError, RedisBackend, ServerSentEvent

if why := why_no_redis():
    pytest.skip(why, allow_module_level=True)

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("nothing_blocks", "all_closed", "short_rounds")]

STREAM = "events"


def content(event: EncodedEvent) -> Any:
    fields = dict(line.split(": ", 1) for line in event.encoded.decode().splitlines() if line)
    data = json.loads(fields["data"])
    return ("gap", data["after"]) if fields.get("event") == "gap" else data


class Client:
    """Takes what comes, in a task."""

    def __init__(self, channel: Channel, last_event_id: str | None = None) -> None:
        self.got: list[Any] = []
        self.ids: list[str] = []
        self.task = asyncio.get_running_loop().create_task(self._read(channel, last_event_id))

    async def _read(self, channel: Channel, last_event_id: str | None) -> None:
        async for event in channel.subscribe(last_event_id):
            self.got.append(content(event))
            self.ids.append(event.id)

    async def until(self, condition: Callable[[list[Any]], object]) -> list[Any]:
        async with asyncio.timeout(20):
            while not condition(self.got):
                await asyncio.sleep(0.002)  # between two looks at what has come over real sockets
        return self.got


@asynccontextmanager
async def channel_at(url: str, **options: Any) -> AsyncIterator[Channel]:
    backend = RedisBackend(url, stream=STREAM, **options)
    channel = Channel(backend)
    try:
        yield channel
    finally:
        channel.close()
        await backend.aclose()


async def ready(channel: Channel) -> None:
    """Its reader has what there is."""
    await channel._backend.replay(None)


@pytest.fixture
def server(redis: RedisServer) -> RedisServer:
    """With nothing in it."""
    with Redis.from_url(redis.url) as client:
        client.config_set("maxmemory", 0)
        client.flushall()
    return redis


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    """One that a test may kill; what it has answered is on the disk."""
    with redis_server(*DURABLE) as server:
        yield server


def runs(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


def command(server: RedisServer, *parts: str | int) -> Any:
    with Redis.from_url(server.url, decode_responses=True) as client:
        return client.execute_command(*parts)


def test_what_one_process_publishes_others_deliver_and_replay(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url) as one, channel_at(server.url) as other:
            here, there = Client(one), Client(other)
            await ready(one)
            await ready(other)
            ids = [await one.publish(number) for number in range(3)]
            ids += [await other.publish(number) for number in range(3, 6)]
            assert await there.until(lambda got: len(got) == 6) == [*range(6)]
            assert await here.until(lambda got: len(got) == 6) == [*range(6)]
            assert here.ids == there.ids == ids
            async with channel_at(server.url) as third:
                assert await Client(third, ids[1]).until(lambda got: len(got) == 4) == [2, 3, 4, 5]

    runs(main)


def test_an_id_that_this_process_has_not_read_yet_is_waited_for(server: RedisServer) -> None:
    async def main() -> None:
        async with (
            proxy_to(server.host, server.port) as proxy,
            channel_at(proxy.url) as slow,
            channel_at(server.url) as quick,
        ):
            await ready(slow)
            proxy.stall()
            ids = [await quick.publish(number) for number in range(3)]
            client = Client(slow, ids[1])
            await anyio.wait_all_tasks_blocked()
            assert client.got == []
            proxy.heal()
            await quick.publish(3)
            assert await client.until(lambda got: len(got) == 2) == [2, 3]

    runs(main)


@pytest.mark.parametrize("bogus", ["99999999999999-0", "x", "1-2-3", "1-", "-1", "٣-٣", "9" * 400 + "-0", "0-0"])
def test_an_id_that_redis_never_gave_is_a_gap(server: RedisServer, bogus: str) -> None:
    async def main() -> None:
        async with channel_at(server.url) as channel:
            await channel.publish(1)
            assert await Client(channel, bogus).until(lambda got: len(got) == 2) == [("gap", bogus), 1]

    runs(main)


def test_a_process_has_two_connections_however_many_clients_and_closes_them(server: RedisServer) -> None:
    async def main() -> None:
        async with proxy_to(server.host, server.port) as proxy:
            async with channel_at(proxy.url) as channel:
                assert proxy.connections == 0
                last = await channel.publish(0)
                assert proxy.connections == 1
                tasks = len(asyncio.all_tasks())
                clients = [Client(channel, last) for _ in range(200)]
                await asyncio.gather(*(channel.publish(number) for number in range(1, 50)))
                for client in clients:
                    assert await client.until(lambda got: len(got) == 49) == [*range(1, 50)]
                assert (proxy.connections, proxy.open) == (2, 2)
                reader_and_its_connection = 4
                assert len(asyncio.all_tasks()) <= tasks + len(clients) + reader_and_its_connection
            await asyncio.gather(*(client.task for client in clients))
            async with asyncio.timeout(5):
                while proxy.open:
                    await asyncio.sleep(0.002)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    runs(main)


LOSSES = [
    pytest.param([("XTRIM", STREAM, "MAXLEN", 1)], id="trimmed"),
    pytest.param([("DEL", STREAM)], id="deleted"),
    pytest.param([("FLUSHALL",)], id="flushed"),
    pytest.param([("DEL", STREAM), ("XADD", STREAM, "5-1", "event", 'data: "early"\n', "after", "")], id="smaller ids"),
]


@pytest.mark.parametrize("losses", LOSSES)
def test_a_gap_is_told_where_history_is_gone(server: RedisServer, losses: list[tuple[str | int, ...]]) -> None:
    """To who is connected, if something has passed it by; and to who comes back."""

    async def main() -> None:
        async with (
            proxy_to(server.host, server.port) as proxy,
            channel_at(proxy.url) as cut,
            channel_at(server.url) as other,
        ):
            client = Client(cut)
            await ready(cut)
            ids = [await other.publish(number) for number in range(3)]
            await client.until(lambda got: len(got) == 3)
            proxy.refuse()
            ids += [await other.publish(number) for number in range(3, 6)]
            for loss in losses:
                command(server, *loss)
            proxy.heal()
            early = "early" in str(losses)
            if not early:  # whose publisher would be below what it has, and wait
                await other.publish("after")
            last = "early" if early else "after"
            got = await client.until(lambda got: last in got)
            assert got[:4] == [0, 1, 2, ("gap", ids[2])]
            assert got.count(last) == 1
            async with channel_at(server.url) as fresh:
                back = await Client(fresh, ids[2]).until(lambda got: last in got)
                assert back[0] == ("gap", ids[2])

    runs(main)


def test_a_burst_beyond_the_history_is_a_gap_and_nothing_is_doubled(server: RedisServer) -> None:
    async def main() -> None:
        async with (
            proxy_to(server.host, server.port) as proxy,
            channel_at(proxy.url, history=10) as cut,
            channel_at(server.url, history=10) as other,
        ):
            client = Client(cut)
            await ready(cut)
            first = await other.publish(0)
            await client.until(lambda got: got == [0])
            proxy.stall()
            await asyncio.gather(*(other.publish(number) for number in range(1, 101)))
            proxy.heal()
            got = await client.until(lambda got: 100 in got)
            assert ("gap", first) in got or got == [*range(101)]
            numbers = [one for one in got if not isinstance(one, tuple)]
            assert numbers == sorted(set(numbers))
            assert numbers[-10:] == [*range(91, 101)]

    runs(main)


def test_a_redis_that_came_back_without_its_last_events_is_a_gap_and_doubles_nothing(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url) as channel:
            client = Client(channel)
            await ready(channel)
            ids = [await channel.publish(number) for number in range(4)]
            await client.until(lambda got: len(got) == 4)
            command(server, "XDEL", STREAM, *ids[2:])
            await anyio.sleep(0.1)  # quiet rounds, in which the reader finds older entries than it has read
            await channel.publish(4)
            assert await client.until(lambda got: 4 in got) == [0, 1, 2, 3, ("gap", ids[3]), 4]

    runs(main)


async def wild(proxy: Proxy, over: asyncio.Event) -> None:
    """A network that fails in every way, again and again."""
    number = 0
    while not over.is_set():
        await asyncio.sleep(0.03)
        failure = (proxy.cut, proxy.reset, proxy.mute, proxy.stall, proxy.refuse)[number % 5]
        failure()
        await asyncio.sleep(0.05)
        if number % 5 == 2:
            proxy.cut()  # what Redis has answered is gone
        proxy.heal()
        number += 1


def test_nothing_is_lost_or_doubled_in_a_wild_network(server: RedisServer) -> None:
    async def main() -> None:
        async with (
            proxy_to(server.host, server.port) as in_,
            proxy_to(server.host, server.port) as out,
            channel_at(in_.url, history=10_000, timeout=20) as one,
            channel_at(out.url, history=10_000) as two,
        ):
            client, over = Client(two), asyncio.Event()
            await ready(two)
            failing = [asyncio.create_task(wild(proxy, over)) for proxy in (in_, out)]
            ids = []
            for start in range(0, 600, 4):
                ids += await asyncio.gather(*(one.publish(number) for number in range(start, start + 4)))
            over.set()
            await asyncio.gather(*failing)
            assert await client.until(lambda got: len(got) >= 600) == [*range(600)]
            assert client.ids == ids
            assert in_.connections > 3
            assert command(server, "XLEN", STREAM) == 600

    runs(main)


def test_an_attempt_that_arrives_late_is_not_stored_again(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rejoinder._redis_client._PATIENCE", 0.2)

    async def main() -> None:
        async with proxy_to(server.host, server.port) as proxy, channel_at(proxy.url) as channel:
            await channel.publish(0)
            proxy.stall()  # holds what is sent from now on
            task = asyncio.create_task(channel.publish(1))
            await asyncio.sleep(0.5)  # an attempt has been given up, and others wait behind it
            proxy.heal()  # and all of them arrive
            await task
            await channel.publish(2)
            assert stored(server) == ["data: 0\n", "data: 1\n", "data: 2\n"]

    runs(main)


def stored(server: RedisServer) -> Any:
    with Redis.from_url(server.url, decode_responses=True) as client:
        entries: Any = client.xrange(STREAM)
        return [fields["event"] for _, fields in entries]


def test_publishing_when_redis_is_away_is_an_error_and_nothing_is_stored(server: RedisServer) -> None:
    async def main() -> None:
        async with proxy_to(server.host, server.port) as proxy, channel_at(proxy.url, timeout=0.2) as channel:
            proxy.refuse()
            with pytest.raises(PublishError, match=r"answered for 0\.2 s; the event was not stored") as caught:
                await channel.publish(1)
            assert not caught.value.may_be_stored
            assert isinstance(caught.value.__cause__, OSError)
            proxy.heal()
            await asyncio.sleep(0.3)
            assert command(server, "XLEN", STREAM) == 0
            await channel.publish(2)
            proxy.mute()
            with pytest.raises(PublishError, match="it is not known whether") as caught:
                await channel.publish(3)
            assert caught.value.may_be_stored
            assert command(server, "XLEN", STREAM) == 2

    runs(main)


REFUSALS = [
    pytest.param([("SET", STREAM, "x")], "WRONGTYPE", id="another kind of key"),
    pytest.param([("CONFIG", "SET", "maxmemory", 1)], "maxmemory", id="no memory"),
]


@pytest.mark.parametrize(("setting", "reason"), REFUSALS)
def test_what_redis_refuses_is_told_at_once(
    server: RedisServer, setting: list[tuple[str | int, ...]], reason: str
) -> None:
    for one in setting:
        command(server, *one)

    async def main() -> None:
        async with channel_at(server.url, timeout=30) as channel:
            with pytest.raises(PublishError, match=f"Redis refuses the event: .*{reason}") as caught:
                await channel.publish(1)
            assert not caught.value.may_be_stored
            command(server, "CONFIG", "SET", "maxmemory", 0)
            command(server, "DEL", STREAM)
            await channel.publish(1)

    runs(main)


def test_streams_live_on_when_redis_is_away_and_catch_up(server: RedisServer) -> None:
    async def main() -> None:
        async with (
            proxy_to(server.host, server.port) as proxy,
            channel_at(proxy.url) as cut,
            channel_at(server.url) as other,
        ):
            client = Client(cut)
            await ready(cut)
            first = await other.publish(0)
            await client.until(lambda got: got == [0])
            proxy.refuse()
            for number in range(1, 100):
                await other.publish(number)
            behind = Client(cut, first)  # what is read already can be replayed without Redis
            await anyio.wait_all_tasks_blocked()
            proxy.heal()
            assert await client.until(lambda got: len(got) == 100) == [*range(100)]
            assert await behind.until(lambda got: len(got) == 99) == [*range(1, 100)]

    runs(main)


def test_nothing_is_lost_or_doubled_when_redis_is_killed_again_and_again(mortal: RedisServer) -> None:
    async def main() -> None:
        async with (
            channel_at(mortal.url, timeout=20, history=10_000) as one,
            channel_at(mortal.url, history=10_000) as two,
        ):
            client, over = Client(two), asyncio.Event()
            await ready(two)

            async def kill() -> None:
                for _ in range(4):
                    await asyncio.sleep(0.15)
                    await asyncio.to_thread(mortal.kill)
                    await asyncio.to_thread(mortal.start)
                over.set()

            killing = asyncio.create_task(kill())
            ids: list[str] = []
            while not over.is_set():
                start = len(ids)
                ids += await asyncio.gather(*(one.publish(number) for number in range(start, start + 5)))
            await killing
            assert await client.until(lambda got: len(got) >= len(ids)) == [*range(len(ids))]
            assert client.ids == ids
            assert command(mortal, "XLEN", STREAM) == len(ids)

    runs(main)


def test_what_other_programs_add_is_delivered_or_passed_over(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url) as channel:
            client = Client(channel)
            await ready(channel)
            command(server, "XADD", STREAM, "*", "something", "else")
            command(server, "XADD", STREAM, "*", "event", "data: 1\n")
            await channel.publish(2, key="k")
            assert await client.until(lambda got: len(got) == 2) == [1, 2]

    runs(main)


def test_a_history_of_many_pages_is_loaded_whole(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url, history=1200) as one, channel_at(server.url, history=1200) as two:
            ids = [id_ for _ in range(3) for id_ in await asyncio.gather(*(one.publish(n) for n in range(500)))]
            assert len(await Client(two, ids[300]).until(lambda got: len(got) == 1199)) == 1199

    runs(main)


def test_closing_lets_go_who_waits(server: RedisServer) -> None:
    async def main() -> None:
        async with proxy_to(server.host, server.port) as proxy:
            proxy.refuse()
            backend = RedisBackend(proxy.url, stream=STREAM)
            channel = Channel(backend)
            client, publishing = Client(channel, "1-1"), asyncio.create_task(channel.publish(1))
            await anyio.wait_all_tasks_blocked()
            channel.close()
            await backend.aclose()
            async with asyncio.timeout(5):
                await client.task
                with pytest.raises(RuntimeError, match="closed"):
                    await publishing
            late = Client(channel, "1-1")
            await late.task
            with pytest.raises(RuntimeError, match="closed"):
                await backend.publish(Draft("", b"data: 1\n"))
            assert client.got == late.got == []
        await RedisBackend(server.url).aclose()

    runs(main)


def test_closing_at_once_lets_go_who_waits(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url) as channel:
            tasks = [asyncio.create_task(channel.publish(1)), Client(channel).task]
            await asyncio.sleep(0)
            channel.close()
            async with asyncio.timeout(5):
                await asyncio.wait(tasks)

    runs(main)


def test_what_is_too_much_to_be_read_in_time_is_read_piece_by_piece(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with channel_at(server.url) as one, channel_at(server.url) as other:
            ids = [await one.publish(number) for number in range(5)]
            backend: Any = other._backend
            backend._attach()
            client = backend._reader._client
            read_back = client.read_back

            async def impatient(end: str, count: int) -> Any:
                if count > 1:
                    raise TimeoutError
                return await read_back(end, count)

            monkeypatch.setattr(client, "read_back", impatient)
            assert await Client(other, ids[0]).until(lambda got: len(got) == 4) == [1, 2, 3, 4]

    runs(main)


def test_a_redis_that_asks_for_a_password_is_told_of(server: RedisServer) -> None:
    command(server, "CONFIG", "SET", "requirepass", "secret")
    try:

        async def main() -> None:
            async with channel_at(server.url, timeout=0.2) as channel:
                with pytest.raises(PublishError, match=r"not stored \(Authentication required") as caught:
                    await channel.publish(1)
                assert not caught.value.may_be_stored

        runs(main)
    finally:
        with Redis.from_url(server.url, password="secret") as client:
            client.config_set("requirepass", "")


def test_one_event_loop_at_a_time(server: RedisServer) -> None:
    channel = Channel(RedisBackend(server.url, stream=STREAM))
    for number in range(2):
        assert asyncio.run(channel.publish(number))

    async def main() -> None:
        await channel.publish(2)

        def elsewhere() -> None:
            with pytest.raises(RuntimeError, match="belongs to one event loop"):
                asyncio.run(channel.publish(3))

        await asyncio.to_thread(elsewhere)

    runs(main)
    channel.close()


def test_on_trio_it_is_an_error_that_says_so() -> None:
    pytest.importorskip("trio")

    async def main() -> None:
        channel = Channel(RedisBackend("redis://localhost"))
        with pytest.raises(RuntimeError, match="needs an event loop of asyncio"):
            await channel.publish(1)
        with pytest.raises(RuntimeError, match="needs an event loop of asyncio"):
            await anext(channel.subscribe())

    testing.run(main, backend="trio")


def test_an_id_of_ones_own_is_refused(server: RedisServer) -> None:
    async def main() -> None:
        async with channel_at(server.url) as channel:
            with pytest.raises(ValueError, match=r"gets its id from Redis.*got the id 'mine'"):
                await channel.publish(ServerSentEvent(data=1, id="mine"))
            assert command(server, "XLEN", STREAM) == 0

    runs(main)


MISTAKES: list[Any] = [
    pytest.param(lambda: RedisBackend("http://x"), "redis://", id="another scheme"),
    pytest.param(lambda: RedisBackend("redis://x:y"), "url must be", id="no port"),
    pytest.param(lambda: RedisBackend(5), "url must be", id="no text"),  # type: ignore[arg-type]
    pytest.param(lambda: RedisBackend("redis://x", history=-1), "history must be", id="negative history"),
    pytest.param(lambda: RedisBackend("redis://x", timeout=0), "timeout must be", id="no time"),
]


@pytest.mark.parametrize(("make", "message"), MISTAKES)
def test_mistakes_are_told_at_once(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_backend_is_for_one_channel() -> None:
    backend = RedisBackend("redis://localhost")
    Channel(backend)
    with pytest.raises(RuntimeError, match="for one channel"):
        Channel(backend)
