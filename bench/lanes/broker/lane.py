"""The broker lane: one channel over Redis, a thousand clients on two workers; and a Redis that is killed meanwhile."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

from bench import client, machine, report
from bench.client import on_core_of_the_load
from bench.lanes.streams.cases import BROADCAST
from bench.lanes.streams.client import Stream, follow, raise_descriptor_limit
from bench.lanes.streams.peers import load
from bench.measure import Row, Table, collector_at_rest, quantile
from bench.processes import python, running, settle
from bench.redis_server import DURABLE, redis_server, why_no_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.measure import Effort
    from bench.processes import Running
    from bench.redis_server import RedisServer

TABLES = ("broker",)
PURPOSE = "events for the clients of several processes"

WORKERS = 2
CLIENTS = 1000
BURST = 50
PACED, PACE = 30, 100
"""Events, and milliseconds between two."""
_FIELD = b"data: "
_METHOD = (
    f"{CLIENTS:,} clients on {WORKERS} workers (uvicorn, one process each), one redis-server with `appendfsync always`, the "
    "client in Python: all on this machine, by loopback. The first worker publishes events of some 120 B. Rate: "
    f"{BURST} at once, until the last client has the last. Delay: from the call of `publish` until a client has the "
    f"event, of all clients, {PACED} events, one in {PACE} ms. Recovery: the same while Redis is killed with SIGKILL and "
    "started again; from when it takes connections until all clients have an event that was published after that. "
    "Lost and doubled: of all that was published in all rounds, as numbers of the events that each client got. ± is the "
    "distance between the quartiles of the rounds."
)


@dataclass
class _Fleet:
    """Workers, their clients, and what these have got."""

    redis: RedisServer
    workers: Sequence[Running]
    streams: Sequence[Stream]
    published: int = 0
    got: list[list[int]] = field(default_factory=lambda: [[] for _ in range(CLIENTS)])

    def round(self, count: int, milliseconds: int, meanwhile: Callable[[], object] = lambda: None) -> list[list[float]]:
        """Publish so many events, and wait until all have the last; of each client, when which event came after it was
        made, as pairs in one list."""
        first, self.published = self.published, self.published + count
        publisher = threading.Thread(target=self._publish, args=(first, count, milliseconds))
        other = threading.Thread(target=meanwhile)
        times: list[list[float]] = [[] for _ in self.streams]
        pending = [b""] * len(self.streams)

        def take(index: int, content: bytes, now: float) -> bool:
            *lines, pending[index] = (pending[index] + content).split(b"\n")
            for line in lines:
                if line.startswith(_FIELD):
                    event = json.loads(line.removeprefix(_FIELD))
                    if "number" in event:  # or a gap
                        self.got[index].append(event["number"])
                        times[index] += (event["at"] / 1e9, now)
            return bool(self.got[index]) and self.got[index][-1] >= self.published - 1

        with collector_at_rest():
            publisher.start()
            other.start()
            follow(list(self.streams), take)
        publisher.join()
        other.join()
        for worker in self.workers:
            settle(worker.pid)
        return times

    def _publish(self, *numbers: int) -> None:
        client.ask(self.workers[0].port, "/".join(("/publish", *map(str, numbers))), "POST")

    def rate(self) -> float:
        """Seconds an event."""
        times = self.round(BURST, 0)
        return (max(one[-1] for one in times) - min(one[0] for one in times)) / BURST

    def delays(self) -> list[float]:
        return [now - at for one in self.round(PACED, PACE) for at, now in zip(one[::2], one[1::2], strict=True)]

    def recovery(self) -> float:
        up: list[float] = []

        def restart() -> None:
            time.sleep(PACED * PACE / 4000)
            self.redis.kill()
            time.sleep(0.3)
            self.redis.start()
            up.append(time.monotonic())

        times = self.round(PACED, PACE, restart)
        arrivals = [
            min((now for at, now in zip(one[::2], one[1::2], strict=True) if at > up[0]), default=float("inf"))
            for one in times
        ]
        return max(arrivals) - up[0]

    @property
    def lost(self) -> int:
        return sum(len(set(range(self.published)) - set(one)) for one in self.got)

    @property
    def doubled(self) -> int:
        return sum(len(one) - len(set(one)) for one in self.got)

    @property
    def in_order(self) -> bool:
        return all(before < after for one in self.got for before, after in pairwise(one))


@contextmanager
def _fleet() -> Iterator[_Fleet]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(*DURABLE))
        command = python("bench.lanes.broker.serve", redis.url)
        workers = [stack.enter_context(running(report.OURS, command)) for _ in range(WORKERS)]
        stack.enter_context(on_core_of_the_load())
        streams: list[Stream] = []
        for number in range(CLIENTS):
            streams.append(stack.enter_context(Stream(workers[number % WORKERS].port, BROADCAST)))
            if number % 100 == 99:
                follow(streams[-100:], lambda *_: True)  # it has subscribed when it has its first event
        yield _Fleet(redis, workers, streams)


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure and return the report."""
    ours = load(report.OURS)
    intro = machine.describe([ours], effort.name)
    why = why_no_redis() or ("" if find_spec("redis") else "redis-py is not installed")
    table = Table("A channel over Redis", _METHOD, unit="ms", baselines=(), skipped=why)
    sections = [report.table_section(table, {})]
    if not why:
        raise_descriptor_limit()
        with _fleet() as fleet:
            fleet.rate()  # what the first events need once
            rates = [fleet.rate() for _ in range(effort.rounds_of_broker)]
            delays = [fleet.delays() for _ in range(effort.rounds_of_broker)]
            recoveries = [fleet.recovery() for _ in range(effort.rounds_of_broker)]
        clients = f"{CLIENTS:,} clients on {WORKERS} workers"
        rows = [Row(f"events, each to {clients}", {ours.name: rates}, "req/s")]
        rows += [
            Row(f"delay, {name}", {ours.name: [quantile(one, part) for one in delays]})
            for name, part in (("p50", 0.5), ("p99", 0.99))
        ]
        rows.append(Row("recovery after a restart of Redis", {ours.name: recoveries}))
        table.rows.update((row.title, row) for row in rows)
        sections = [report.table_section(table, {ours.name: ours.heading}), _balance(fleet)]
    return report.render("The broker lane", intro, sections)


def _balance(fleet: _Fleet) -> str:
    deliveries = fleet.published * CLIENTS
    order = "each client got them in the order of their publication" if fleet.in_order else "**not in order**"
    return (
        f"## Lost and doubled\n\nOf {fleet.published:,} events to {CLIENTS:,} clients, {deliveries:,} deliveries: "
        f"lost {fleet.lost:,}, doubled {fleet.doubled:,}; {order}."
    )
