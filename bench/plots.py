"""Pictures of the reports: `python -m bench.plots` draws those in `bench/results/` again.

What is drawn is read out of a report, so a picture shows what the table says and nothing else: how many times as fast as
the peer that the table compares with, on a logarithmic scale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
_OURS = re.compile(r"^(FastAPI \+ )?rejoinder")
_COMPARISON = re.compile(
    r"^Times as fast as (?P<baseline>.+) \(more is better\):\n\n(?P<grid>(?:\|.*\n?)+)", re.MULTILINE
)
_COLOURS = {True: "#0b6e4f", False: "#9aa5b1"}
_INCHES_A_BAR = 0.16


class Comparison(NamedTuple):
    """One table of a report."""

    title: str
    baseline: str
    rows: list[tuple[str, list[tuple[str, float]]]]
    """What was measured, and of each contestant how many times as fast it is."""


def comparisons(report: str) -> list[Comparison]:
    """The tables of a report that tell how many times as fast."""
    found = []
    for section in report.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for match in _COMPARISON.finditer(section):
            heads, _, *lines = [line.strip("| \n").split(" | ") for line in match["grid"].splitlines()]
            rows = [
                (name, [(head, float(cell)) for head, cell in zip(heads, cells, strict=False) if cell != "-"])
                for name, *cells in lines
            ]
            found.append(Comparison(title, match["baseline"], rows))
    return found


def draw(report: Path) -> Path | None:
    """The picture beside a report; None if there is nothing to compare in it."""
    tables = comparisons(report.read_text(encoding="utf-8"))
    if not tables:
        return None
    bars = [sum(len(cells) + 1 for _, cells in table.rows) for table in tables]
    figure = Figure(figsize=(8, sum(bars) * _INCHES_A_BAR + len(tables)), layout="constrained")
    axes = figure.subplots(len(tables), squeeze=False, height_ratios=bars)[:, 0]
    for table, axis in zip(tables, axes, strict=True):
        labels, lengths, colours, places = [], [], [], []
        place = 0
        for name, cells in table.rows:
            for head, times in cells:
                labels.append(f"{name}: {head}")
                lengths.append(times)
                colours.append(_COLOURS[bool(_OURS.match(head))])
                places.append(place)
                place += 1
            place += 1
        drawn = axis.barh(places, [times - 1 for times in lengths], left=1, color=colours, height=0.85)
        axis.bar_label(drawn, [f"{times:.3g}" for times in lengths], fontsize=7, padding=2)
        axis.set(yticks=places, xscale="log", title=f"{table.title}: times as fast as {table.baseline}")
        axis.set_yticklabels(labels, fontsize=7)
        axis.invert_yaxis()
        axis.axvline(1, color="black", linewidth=0.8)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.margins(x=0.12)
    picture = report.with_suffix(".svg")
    # Text stays text, and the same table gives the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": report.stem, "font.family": "sans-serif"}):
        figure.savefig(picture, metadata={"Date": None})
    return picture


if __name__ == "__main__":
    for path in sorted(RESULTS.glob("*.md")):
        print(draw(path), file=sys.stderr)
