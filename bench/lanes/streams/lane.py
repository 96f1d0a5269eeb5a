"""The streams lane: content that is made while it is sent, and events for those who wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import machine, report
from bench.lanes.streams import broadcast, chunk_latency, chunk_rates, idle_events, row_exports
from bench.lanes.streams.cases import BROADCAST
from bench.lanes.streams.peers import FIRST, discover
from bench.report import Target, ratio_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.lanes.streams.peers import StreamPeer
    from bench.measure import Effort, Row, Table

TABLES = ("chunks", "latency", "idle", "broadcast", "exports")
PURPOSE = "send what is made meanwhile"

_MEASURES: Mapping[str, tuple[str, Callable[[str, Sequence[StreamPeer], Effort], Table]]] = {
    "chunks": ("Ready chunks", chunk_rates.measure),
    "latency": ("A chunk a millisecond", chunk_latency.measure),
    "idle": ("Idle event streams", idle_events.measure),
    "broadcast": ("Broadcast", broadcast.measure),
    "exports": ("Exports", row_exports.measure),
}
_IDLE_PEERS = (*FIRST, "fastapi")
"""Ten thousand connections take their time."""

_BESIDE_STARLETTE = {"one": 2, "async-1000": 10, "sync-1000": 100}
_BESIDE_SSE_STARLETTE = 5
_IDLE_OCTETS = 14 * 1024
_IDLE_SECONDS = 0.2e-3


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure the chosen tables and return the report."""
    peers, missing = discover()
    if effort.name == "quick":
        peers = [peer for peer in peers if peer.name in FIRST]
    intro = machine.describe(peers, effort.name)
    measured: dict[str, Table] = {}
    for name in tables:
        title, measure = _MEASURES[name]
        there = [peer for peer in peers if name != "idle" or peer.name in _IDLE_PEERS]
        measured[name] = measure(title, there, effort)
    headings = {peer.name: peer.heading for peer in peers}
    pairs = [(report.OURS, peer.name) for peer in peers if peer.name != report.OURS]
    sections = [
        report.targets_section(_targets(measured)),
        *(report.table_section(table, headings) for table in measured.values()),
        report.losses_section(list(measured.values()), headings, pairs),
        report.peer_notes(peers, missing),
    ]
    return report.render("The streams lane", intro, sections)


def _targets(measured: Mapping[str, Table]) -> list[Target]:
    def row(table: str, name: str) -> Sequence[Row]:
        return [found] if table in measured and (found := measured[table].rows.get(name)) else []

    targets = [
        ratio_target(f"{one.title}: at least {times} x as fast as Starlette", one, "starlette", at_most=1 / times)
        for case, times in _BESIDE_STARLETTE.items()
        for one in row("chunks", case)
    ]
    targets += [
        ratio_target(f"{one.title}: no worse than Starlette's", one, "starlette", at_most=1, shown="{times:.2f} of it")
        for one in row("latency", "p99")
    ]
    for name, one in measured["idle"].rows.items() if "idle" in measured else ():
        targets.append(_idle_target(name, one))
    return targets + [
        ratio_target(
            f"{one.title}: at least {_BESIDE_SSE_STARLETTE} x as fast as sse-starlette",
            one,
            "sse_starlette",
            at_most=1 / _BESIDE_SSE_STARLETTE,
        )
        for one in row("broadcast", BROADCAST)
    ]


def _idle_target(name: str, row: Row) -> Target:
    cost = row.median(report.OURS)
    costs = row.costs[report.OURS]
    is_memory = name.startswith(idle_events.MEMORY)
    limit = _IDLE_OCTETS if is_memory else _IDLE_SECONDS
    asked = "14 KiB" if is_memory else "0.2 ms"
    shown = f"{cost / 1024:.1f} KiB" if is_memory else f"{cost * 1000:.2f} ms"
    noise = min(costs) <= limit < max(costs)
    return Target(f"idle, {row.title}: at most {asked}", shown, reached=cost <= limit, in_the_noise=noise)
