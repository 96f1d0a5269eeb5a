"""A million rows as JSON lines and as CSV: how fast, and how much of it is in memory at once."""

from __future__ import annotations

import time
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cases import WrongAnswerError
from bench.lanes.streams.cases import CSV, JSONL, export_checksum
from bench.lanes.streams.client import opened
from bench.lanes.streams.server import serving
from bench.measure import Effort, Row, Table, collector_at_rest, order_of_round
from bench.processes import CAN_WATCH_MEMORY, forget_peak, peak_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.streams.peers import StreamPeer
    from bench.lanes.streams.server import StreamServer

MEMORY = "memory"
_WARM_UP = 1000
_LEAST = 1024 * 1024
"""Less memory than this is as good as none."""
_TITLES = {JSONL: "JSON lines", CSV: "CSV"}


@dataclass(frozen=True)
class _Seen:
    seconds: float
    grown: float


def measure(title: str, peers: Sequence[StreamPeer], effort: Effort) -> Table:
    """A table of seconds per row, and beside them the memory that the export took."""
    most, *others = (f"{count:,}" for count in effort.exported_rows)
    method = (
        f"{most} rows (dicts of three) from an async generator, to one client, and again {' and '.join(others)}; all octets are "
        "checked as they come. Memory is by how much the peak of the server's resident set grew at the first time, or 1 MiB if "
        "that was less. The hand-written generators encode with msgspec "
        "and the standard library's csv, as rejoinder does, and guard against no formulas. "
        f"Median of {len(effort.exported_rows)} alternating rounds; ± is the distance between the quartiles."
    )
    table = Table(title, method, unit="req/s")
    if not CAN_WATCH_MEMORY:
        table.skipped = "this system has no /proc to tell memory"
        return table
    with ExitStack() as stack:
        servers = {peer.name: stack.enter_context(serving(peer)) for peer in peers if peer.exports}
        for case, shown in _TITLES.items():
            seen: dict[str, list[_Seen]] = {name: [] for name in servers}
            for server in servers.values():
                _export(server, case, _WARM_UP)
            for number, count in enumerate(effort.exported_rows):
                for name in order_of_round(list(servers), number):
                    seen[name].append(_export(servers[name], case, count))
            seconds = {name: [one.seconds for one in rounds] for name, rounds in seen.items()}
            grown = {name: [rounds[0].grown] for name, rounds in seen.items()}
            table.rows[case] = Row(f"{shown}, rows", seconds)
            table.rows[f"{case}-{MEMORY}"] = Row(f"{shown}, memory", grown, unit="KiB")
    return table


def _export(server: StreamServer, case: str, count: int) -> _Seen:
    expected = export_checksum(case, count)
    forget_peak(server.pid)
    before = peak_memory(server.pid)
    checksum = 0
    with collector_at_rest(), opened(server, f"{case}/{count}", 1) as (stream,):
        start = time.monotonic()
        while not stream.ended:
            checksum = zlib.crc32(stream.receive(), checksum)
        seconds = time.monotonic() - start
    if checksum != expected:
        raise WrongAnswerError(f"{server.peer.name}, {case}: another content")
    return _Seen(seconds / count, max(_LEAST, peak_memory(server.pid) - before))
