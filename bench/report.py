"""Markdown from tables: every figure, the targets with what was reached, and the rows that were lost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.contestant import Contestant
    from bench.measure import Row, Table

OURS = "rejoinder"


@dataclass(frozen=True)
class Target:
    """One figure that was to be reached."""

    text: str
    figure: str
    reached: bool
    in_the_noise: bool = False
    """The quartiles of the ratios lie on both sides of the limit, so another run may tell the other way."""

    @property
    def verdict(self) -> str:
        word = "reached" if self.reached else "**missed**"
        return f"{word} (within the noise)" if self.in_the_noise else word


def ratio_target(text: str, row: Row, baseline: str, *, at_most: float, shown: str = "", ours: str = OURS) -> Target:
    """`rejoinder` is to cost at most so many times what the baseline costs."""
    ratio = row.ratio(ours, baseline)
    lower, upper = row.ratio_quartiles(ours, baseline)
    figure = shown or ("{times:.2f} x its time" if at_most > 1 else "{fast:.2f} x as fast")
    return Target(
        text,
        figure.format(times=ratio, fast=1 / ratio),
        reached=ratio <= at_most,
        in_the_noise=lower <= at_most < upper,
    )


def render(title: str, intro: Sequence[str], sections: Iterable[str]) -> str:
    """A whole report."""
    head = [f"# {title}", "", *(f"- {line}" for line in intro)]
    return "\n".join(head) + "\n\n" + "\n\n".join(sections) + "\n"


def peer_notes(peers: Sequence[Contestant], missing: dict[str, str]) -> str:
    lines = ["## What is measured of each", ""]
    lines += [f"- {peer.label}: {peer.note}" for peer in peers]
    lines += [f"- {name}: not measured ({reason})" for name, reason in missing.items()]
    return "\n".join(lines)


def targets_section(targets: Sequence[Target]) -> str:
    lines = ["## Targets", "", "| target | measured | |", "|---|---|---|"]
    lines += [f"| {target.text} | {target.figure} | {target.verdict} |" for target in targets]
    return "\n".join(lines)


def table_section(table: Table, headings: dict[str, str]) -> str:
    """The figures of a table and, if more than one thing was compared in it, both kinds of ratio."""
    parts = [f"## {table.title}", (table.skipped and f"Skipped: {table.skipped}.") or table.method]
    if table.rows:
        parts.append(_grid(table, headings, partial(_figure, table)))
        for baseline in table.baselines:
            if any(baseline in row.costs for row in table.rows.values()):
                caption, cell = _COMPARISONS[baseline]
                parts.extend((caption, _grid(table, headings, partial(cell, baseline=baseline), baseline)))
    return "\n\n".join(parts)


def losses_section(tables: Sequence[Table], headings: dict[str, str], pairs: Sequence[tuple[str, str]]) -> str:
    """Every row in which, of a pair (ours, theirs), theirs cost less."""
    lines = [
        f"- {table.title}, {row.title}: {headings[theirs]} is {ratio:.2f} x as {_virtue(table, row)} as {headings[ours]}"
        f" ({_shown(table, row, theirs)} against {_shown(table, row, ours)}"
        f"{', within the noise' if row.ratio_quartiles(ours, theirs)[0] <= 1 else ''})"
        for table in tables
        for row in table.rows.values()
        for ours, theirs in pairs
        if ours in row.costs and theirs in row.costs and (ratio := row.ratio(ours, theirs)) > 1
    ]
    note = "By the ratio within each round; the medians in brackets may disagree where the spread is wide."
    return "\n\n".join(["## Where rejoinder loses", note, "\n".join(lines) or "In no row."])


def _microseconds(cost: float) -> str:
    return f"{cost * 1e6:,.2f} µs" if cost < 100e-6 else f"{cost * 1e6:,.0f} µs"


_SHOW: dict[str, Callable[[float], str]] = {
    "us": _microseconds,
    "ms": lambda cost: f"{cost * 1000:.1f} ms",
    "req/s": lambda cost: f"{1 / cost:,.0f}/s" if cost < 0.01 else f"{1 / cost:.1f}/s",
    "MB/s": lambda cost: f"{1 / cost / 1e6:,.0f} MB/s",
    "MiB/s": lambda cost: f"{1 / cost:,.0f} MiB/s",
    "KiB": lambda cost: f"{cost / 1024:,.0f} KiB",
}


def _virtue(table: Table, row: Row) -> str:
    return "light" if (row.unit or table.unit) == "KiB" else "fast"


def _shown(table: Table, row: Row, name: str) -> str:
    return _SHOW[row.unit or table.unit](row.median(name))


def _figure(table: Table, row: Row, name: str) -> str:
    shown = _shown(table, row, name)
    return f"{shown} ± {row.spread(name):.0%}" if len(row.costs[name]) > 1 else shown


def _times_its_cost(row: Row, name: str, *, baseline: str) -> str:
    return f"{row.ratio(name, baseline):.2f}"


def _times_as_fast(row: Row, name: str, *, baseline: str) -> str:
    return f"{1 / row.ratio(name, baseline):.2f}"


_COMPARISONS = {
    "handwritten": ("Time beside the hand-written app's (less is better):", _times_its_cost),
    "starlette": ("Times as fast as Starlette (more is better):", _times_as_fast),
    "starlette_static": ("Times as fast as Starlette's StaticFiles (more is better):", _times_as_fast),
    "sse_starlette": ("Times as fast as sse-starlette (more is better):", _times_as_fast),
    "loop": ("Times as fast as the loop (more is better):", _times_as_fast),
    "nginx": ("Times as fast as nginx (more is better):", _times_as_fast),
}


def _grid(table: Table, headings: dict[str, str], cell: Callable[[Row, str], str], baseline: str = "") -> str:
    names = [name for name in headings if any(name in row.costs for row in table.rows.values())]
    lines = [
        "| | " + " | ".join(headings[name] for name in names) + " |",
        "|---" + "|---:" * len(names) + "|",
    ]
    for row in table.rows.values():
        if not baseline or baseline in row.costs:
            cells = [cell(row, name) if name in row.costs else "-" for name in names]
            lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
