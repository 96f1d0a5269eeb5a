"""The files lane: file servers, with a warm and a cold page cache, and what they do to the event loop."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from bench import machine, report
from bench.corpus import SIZES, corpus
from bench.lanes.files import cold, loop_lag, warm
from bench.lanes.files.cases import NOT_MODIFIED, RANGE, file_cases
from bench.lanes.files.peers import GRANIAN, UVICORN, discover
from bench.measure import Table
from bench.report import Target, ratio_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.corpus import Corpus
    from bench.lanes.files.peers import FilePeer
    from bench.measure import Effort

TABLES = ("uvicorn", "granian", "cold", "lag")
PURPOSE = "serve files"

_SIZES = tuple(size.name for size in SIZES)
_COLD = ("handwritten", "rejoinder", "rejoinder_static", "starlette", "starlette_static", "aiohttp", "nginx")
_LAG = ("rejoinder", "rejoinder_static", "starlette")
# Whose figures a target is computed from: they are in all rounds.
_AIMED_AT = {UVICORN: ("rejoinder", "starlette", "nginx"), GRANIAN: ("rejoinder", "rejoinder_pathsend", "starlette")}
_AIMED_AT_COLD = ("rejoinder", "starlette")

_BESIDE_STARLETTE = {UVICORN: {"1k": 10, "64k": 10, "1m": 4, "100m": 4}, GRANIAN: {"1k": 3, "64k": 3}}
"""How many times as fast."""
_BESIDE_NGINX = {"1k": 0.45, "64k": 0.6, "1m": 0.6, "100m": 0.6}
_LAG_BESIDE_STARLETTE = 1 / 5

_ASKED_FOR = {RANGE: "a range", NOT_MODIFIED: "the same again, with If-None-Match"}


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure the chosen tables and return the report."""
    peers, missing = discover()
    intro = machine.describe(peers, effort.name)
    with corpus() as files:
        measured = {name: _measure(name, peers, files, effort) for name in tables}
    headings = {peer.name: peer.heading for peer in peers}
    compared = [table for name, table in measured.items() if name != "lag"]
    sections = [
        report.targets_section(_targets(measured)),
        *(report.table_section(table, headings) for table in measured.values()),
        report.losses_section(compared, headings, _pairs(peers)),
        report.peer_notes(peers, missing),
        _what_they_lack(peers),
    ]
    return report.render("The files lane", intro, sections)


def _measure(name: str, peers: Sequence[FilePeer], files: Corpus, effort: Effort) -> Table:
    cases = file_cases(files)
    if name == "cold":
        whole = [case for case in cases if case.name in _SIZES]
        return cold.measure("With a cold cache", UVICORN, whole, _those(_COLD, peers), files, effort, _AIMED_AT_COLD)
    if name == "lag":
        (largest,) = (case for case in cases if case.name == SIZES[-1].name)
        return loop_lag.measure("Event-loop lag", UVICORN, largest, _those(_LAG, peers), files, effort)
    title = f"Behind {name}"
    if find_spec(name) is None:
        return Table(title, "", unit="req/s", skipped=f"{name} is not installed")
    there = [peer for peer in peers if name in peer.servers]
    return warm.measure(title, name, cases, there, files, effort, _AIMED_AT[name])


def _those(names: Sequence[str], peers: Sequence[FilePeer]) -> list[FilePeer]:
    return [peer for peer in peers if peer.name in names]


def _pairs(peers: Sequence[FilePeer]) -> list[tuple[str, str]]:
    """Like with like: FileResponse and StaticFiles beside everyone's, and inside FastAPI beside FastAPI's own."""
    others = [peer.name for peer in peers if report.OURS not in peer.name]
    ours = (report.OURS, "rejoinder_static", "rejoinder_pathsend")
    return [*((one, name) for one in ours for name in others), ("fastapi_rejoinder", "fastapi")]


def _targets(measured: dict[str, Table]) -> list[Target]:
    targets: list[Target] = []
    for server, asked in _BESIDE_STARLETTE.items():
        table = measured.get(server)
        targets += _at_least("Starlette", table, asked)
    targets += _at_least("nginx", measured.get(UVICORN), _BESIDE_NGINX)
    targets += _never_slower_than_starlette(measured.get(GRANIAN))
    targets += _never_slower_than_starlette(measured.get(GRANIAN), "rejoinder_pathsend", " with `pathsend = True`")
    targets += _never_slower_than_starlette(measured.get("cold"))
    return targets + _lag_targets(measured.get("lag"))


def _at_least(label: str, table: Table | None, asked: Mapping[str, float]) -> list[Target]:
    """One target a size, where it was measured for both."""
    baseline = label.lower()
    return [
        ratio_target(
            f"{table.title.lower()}, {row.title}: at least {times} x as fast as {label}",
            row,
            baseline,
            at_most=1 / times,
            shown="{fast:.2f} x as fast",
        )
        for size, times in asked.items()
        if table and (row := table.rows.get(size)) and baseline in row.costs
    ]


def _never_slower_than_starlette(table: Table | None, ours: str = report.OURS, how: str = "") -> list[Target]:
    """At any size; what they are not said to be faster at may be as fast."""
    rows = [row for name in _SIZES if table and (row := table.rows.get(name)) and ours in row.costs]
    if not table or not rows:
        return []
    row = max(rows, key=lambda row: row.ratio(ours, "starlette"))
    text = f"{table.title.lower()}{how}: never slower than Starlette at any size"
    shown = f"{{fast:.2f}} x as fast (the closest of {len(rows)} rows: {row.title})"
    return [ratio_target(text, row, "starlette", at_most=1, shown=shown, ours=ours)]


def _lag_targets(table: Table | None) -> list[Target]:
    return [
        ratio_target(
            f"{row.title}: at most a fifth of Starlette's",
            row,
            "starlette",
            at_most=_LAG_BESIDE_STARLETTE,
            shown="{times:.2f} of it",
        )
        for name in loop_lag.LAGS
        if table and (row := table.rows.get(name))
    ]


def _what_they_lack(peers: Sequence[FilePeer]) -> str:
    lines = [
        f"- {peer.label}: asked for {_ASKED_FOR[case]}, it {what}"
        for peer in peers
        for case, what in peer.lacks.items()
    ]
    return "\n".join(["## What is left out", "", *lines])
