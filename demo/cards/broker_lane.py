"""More than one process.

The demo starts a redis-server of its own, if the machine has one, and ends it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count

from bench.redis_server import redis_server, why_no_redis

from demo.gallery import Try, View, card
from demo.journal import journal
from rejoinder import Outcome
from rejoinder.sse import Channel, EventSourceResponse, PublishError, RedisBackend

workers: dict[str, Channel] = {}


def open_workers(url: str) -> None:
    # Two processes in earnest: they share nothing but the address of Redis.
    workers.update({name: Channel(RedisBackend(url, stream="clock")) for name in "AB"})


async def publish_in_a() -> None:
    for number in count(1):
        with suppress(PublishError):  # Redis was away for some seconds, and nothing was stored
            await workers["A"].publish({"tick": number, "time": f"{datetime.now(UTC):%H:%M:%S}"})
        await asyncio.sleep(1)


async def tell(why: str) -> None:
    """Without Redis, there is one channel, on which nothing else is said."""
    workers.update(dict.fromkeys("AB", Channel()))
    for number in count(1):
        await workers["A"].publish({"tick": number, "time": f"Not here: {why}."})
        await asyncio.sleep(1)


def next_worker(visit: int) -> str:
    """The one and the other by turns, as a proxy before them might choose."""
    return "AB"[sum(of == visit for of, line in journal if line.startswith("connected")) % 2]


@card(
    title="Two workers, one channel",
    about="Worker A publishes, through Redis. Cut the connection: the browser comes back to the other worker, says which "
    "event it had last, and gets what it missed from there.",
    view=View.TICKS,
    uses=(open_workers, publish_in_a),
    tries=(
        Try(label="From now on"),
        Try(label="After an event that nobody has", headers={"Last-Event-ID": "long-ago"}),
    ),
)
async def two_workers(visit: int = 0) -> EventSourceResponse:
    name = next_worker(visit)

    def watch(last_event_id: str | None) -> AsyncIterator[object]:
        journal.append((visit, f"connected to worker {name}; Last-Event-ID: {last_event_id or 'none'}"))
        return workers[name].subscribe(last_event_id)

    def note(outcome: Outcome) -> None:
        journal.append((visit, f"{outcome.ending.value} after {outcome.bytes_sent:,} bytes"))

    return EventSourceResponse(watch, retry=2000, on_finish=note)


@asynccontextmanager
async def counting() -> AsyncIterator[None]:
    with ExitStack() as stack:
        if why := why_no_redis():
            publisher = asyncio.create_task(tell(why))
        else:
            server = await asyncio.to_thread(stack.enter_context, redis_server())
            open_workers(server.url)
            publisher = asyncio.create_task(publish_in_a())
        yield
        publisher.cancel()
        while workers:
            workers.popitem()[1].close()
