"""What a client costs that listens for events and gets none: memory, and the time to let it in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.lanes.streams.cases import IDLE, TICK, event_text
from bench.lanes.streams.client import raise_descriptor_limit, served
from bench.lanes.streams.peers import FIRST
from bench.lanes.streams.server import serving
from bench.measure import Effort, Row, Table, in_turns, who_is_in_all
from bench.processes import CAN_WATCH_MEMORY, cpu_seconds, resident_memory, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.streams.peers import StreamPeer

MEMORY = "memory"
CPU = "cpu"
_SPARE = 500
"""Descriptors for all else."""
_FIRST = f"data: {event_text(TICK)}\n\n".encode()


@dataclass(frozen=True)
class _Seen:
    octets: float
    seconds: float


def row_of(kind: str, clients: int) -> str:
    """The key of a row."""
    return f"{kind}-{clients}"


def measure(title: str, peers: Sequence[StreamPeer], effort: Effort) -> Table:
    """A table of octets and seconds per connection."""
    shown = ", ".join(f"{rounds} of {clients:,} connections" for clients, rounds in effort.rounds_of_idle.items())
    method = (
        "Each client is sent one event, and the stream then waits. By how much the resident set of the server's process "
        "(uvicorn, one worker) grew, and how long it worked, from before the first connection until all clients have "
        f"their event and it rests: of one connection. Median of alternating rounds ({shown}), each with a fresh server; ± is "
        f"the distance between the quartiles; {who_is_in_all(max(effort.rounds_of_idle.values()))}."
    )
    table = Table(title, method, unit="KiB", baselines=())
    if not CAN_WATCH_MEMORY:
        table.skipped = "this system has no /proc to tell memory"
        return table
    limit = raise_descriptor_limit()
    for clients, rounds in effort.rounds_of_idle.items():
        if clients + _SPARE > limit:
            table.skipped = f"only {limit} descriptors are allowed, too few for {clients} connections"
            break
        turns = {peer.name: partial(_watch, peer, clients) for peer in peers if IDLE in peer.cases}
        seen = in_turns(turns, rounds, FIRST)
        octets = {name: [one.octets for one in all_rounds] for name, all_rounds in seen.items()}
        seconds = {name: [one.seconds for one in all_rounds] for name, all_rounds in seen.items()}
        table.rows[row_of(MEMORY, clients)] = Row(f"memory, {clients:,} connections", octets)
        table.rows[row_of(CPU, clients)] = Row(f"CPU time, {clients:,} connections", seconds, unit="us")
    return table


def _watch(peer: StreamPeer, clients: int) -> _Seen:
    with serving(peer) as server:
        with served(server, IDLE, 10, _FIRST):  # what the first answers need once
            pass
        settle(server.pid)
        octets, seconds = resident_memory(server.pid), cpu_seconds(server.pid)
        with served(server, IDLE, clients, _FIRST):
            settle(server.pid)
            grown, worked = resident_memory(server.pid) - octets, cpu_seconds(server.pid) - seconds
        return _Seen(max(1, grown) / clients, worked / clients)
