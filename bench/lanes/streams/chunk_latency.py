"""How long a chunk takes from the generator to the client, when there is one a millisecond."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench.cases import WrongAnswerError
from bench.client import bind_to_core_of_servers
from bench.lanes.streams.cases import PACE_SECONDS, PACED, PACED_CHUNKS, PACED_OCTETS, parse_stamp
from bench.lanes.streams.client import follow, opened
from bench.lanes.streams.server import serving
from bench.measure import Effort, Row, Table, collector_at_rest, in_turns, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.streams.peers import StreamPeer
    from bench.lanes.streams.server import StreamServer

CLIENTS = 8
LATENCIES = {"p50": 0.5, "p99": 0.99}


def measure(title: str, peers: Sequence[StreamPeer], effort: Effort) -> Table:
    """A table of latencies in seconds."""
    method = (
        f"{CLIENTS} clients at once, each sent {PACED_CHUNKS} chunks of {PACED_OCTETS} B, with a sleep of "
        f"{PACE_SECONDS * 1000:.0f} ms before each. A chunk carries the time at which it was made, and its latency ends when "
        "the client, in Python, has it. The servers are bound to one core and the client to the other: on the same one, a "
        "server that has just woken its client is in its way, for milliseconds, and the system decides anew at each start. "
        f"Median of {effort.rounds_of_latency} alternating rounds; ± is the distance between the quartiles."
    )
    table = Table(title, method, unit="us")
    with ExitStack() as stack:
        servers = {peer.name: stack.enter_context(serving(peer)) for peer in peers if PACED in peer.cases}
        for server in servers.values():
            bind_to_core_of_servers(server.pid)
            _latencies(server)  # what the first answers need once
        slices = {name: partial(_latencies, server) for name, server in servers.items()}
        seen = in_turns(slices, effort.rounds_of_latency)
    for row, part in LATENCIES.items():
        costs = {name: [quantile(one, part) for one in all_rounds] for name, all_rounds in seen.items()}
        table.rows[row] = Row(f"latency of a chunk, {row}", costs)
    return table


def _latencies(server: StreamServer) -> list[float]:
    """Of each chunk; a chunk that is missing or out of order is an error."""
    latencies: list[float] = []
    pending = [b""] * CLIENTS
    following = [0] * CLIENTS

    def take(index: int, content: bytes, now: float) -> bool:
        content = pending[index] + content
        whole = len(content) - len(content) % PACED_OCTETS
        for position in range(0, whole, PACED_OCTETS):
            made, number = parse_stamp(content[position : position + PACED_OCTETS])
            if number != following[index]:
                raise WrongAnswerError(f"{server.peer.name}: chunk {number} in the place of {following[index]}")
            following[index] += 1
            latencies.append(now - made)
        pending[index] = content[whole:]
        return following[index] == PACED_CHUNKS

    with collector_at_rest(), opened(server, PACED, CLIENTS) as streams:
        follow(streams, take)
    time.sleep(0.05)  # for their tasks to end
    return latencies
