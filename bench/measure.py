"""The method.

Two figures taken at different times on a shared machine cannot be compared: its clock, its caches and its other users
have changed in between. So every figure here is taken in *rounds*. In a round each contestant gets one short slice of
work, one after the other, and the order changes from round to round (it rotates, and turns round every other time), so
that no one always follows the same neighbour. A slice yields the cost of one request, in seconds.

- A contestant's figure is the *median* of its rounds, its spread the distance between the quartiles.
- A ratio between two contestants is computed *within each round*, between neighbours in time, and the median of these
  ratios is reported. It moves far less than the quotient of the two medians.
- Who is in no target is in the first third of the rounds only: enough for a figure, and a run ends in time.
- Slices are calibrated to last long enough for the clock (tens of milliseconds), the same for everyone.
- The garbage collector runs before a slice and is off during it, and what was alive before is frozen out of its sight.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

Slice = Callable[[], float]
"""Does one slice of work and returns the seconds that one request took."""


@dataclass(frozen=True)
class Effort:
    """How much to measure: the full run, whose table is committed, or a quick look."""

    name: str
    rounds_in_process: int
    slice_seconds: float
    rounds_behind_server: int
    rounds_of_imports: int
    rounds_of_files: int
    rounds_of_archives: int
    rounds_of_lag: int
    lag_seconds: int
    rounds_of_streams: int
    rounds_of_latency: int
    rounds_of_idle: Mapping[int, int]
    """By the number of clients."""
    rounds_of_broadcast: int
    rounds_of_broker: int
    exported_rows: tuple[int, ...]
    """In each round."""


FULL = Effort(
    "full",
    rounds_in_process=31,
    slice_seconds=0.03,
    rounds_behind_server=7,
    rounds_of_imports=15,
    rounds_of_files=4,
    rounds_of_archives=6,
    rounds_of_lag=3,
    lag_seconds=3,
    rounds_of_streams=3,
    rounds_of_latency=5,
    rounds_of_idle={1_000: 3, 10_000: 1},
    rounds_of_broadcast=2,
    rounds_of_broker=3,
    exported_rows=(1_000_000, 100_000, 100_000),
)
QUICK = Effort(
    "quick",
    rounds_in_process=7,
    slice_seconds=0.02,
    rounds_behind_server=2,
    rounds_of_imports=11,
    rounds_of_files=2,
    rounds_of_archives=4,
    rounds_of_lag=2,
    lag_seconds=1,
    rounds_of_streams=2,
    rounds_of_latency=2,
    rounds_of_idle={1_000: 2},
    rounds_of_broadcast=2,
    rounds_of_broker=2,
    exported_rows=(100_000, 100_000),
)


@dataclass(frozen=True)
class Row:
    """The costs of all contestants in one case, round by round."""

    title: str
    costs: Mapping[str, Sequence[float]]
    unit: str = ""
    """How its costs are shown, if not as the table's other rows."""

    def median(self, name: str) -> float:
        return statistics.median(self.costs[name])

    def spread(self, name: str) -> float:
        """The distance between the quartiles, as a part of the median; 0 after a single round."""
        lower, upper = _quartiles(self.costs[name])
        return (upper - lower) / self.median(name)

    def ratios(self, name: str, baseline: str) -> list[float]:
        """Round by round, of those that both were in, how many times the baseline's cost this contestant's is."""
        return [mine / theirs for mine, theirs in zip(self.costs[name], self.costs[baseline], strict=False)]

    def ratio(self, name: str, baseline: str) -> float:
        return statistics.median(self.ratios(name, baseline))

    def ratio_quartiles(self, name: str, baseline: str) -> tuple[float, float]:
        return _quartiles(self.ratios(name, baseline))


@dataclass
class Table:
    """The rows of one kind of measurement."""

    title: str
    method: str
    unit: str
    """`us` (microseconds a request), `req/s`, `MB/s`, `MiB/s` (the cost of a MiB), `ms` or `KiB`: how a cost is shown."""
    rows: dict[str, Row] = field(default_factory=dict)
    baselines: Sequence[str] = ("handwritten", "starlette")
    """Beside whose costs the others' are shown, if they are in the table."""
    skipped: str = ""
    """Why there are no rows, if there are none."""


def interleave(title: str, contestants: Mapping[str, Slice], rounds: int, in_all: Collection[str] | None = None) -> Row:
    """The costs that `in_turns` finds."""
    return Row(title, in_turns(contestants, rounds, in_all))


def in_turns(
    contestants: Mapping[str, Callable[[], T]], rounds: int, in_all: Collection[str] | None = None
) -> dict[str, list[T]]:
    """Give every contestant one turn a round, in changing order; after the first third, only those that are `in_all`."""
    names = list(contestants)
    seen: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        for name in order_of_round(names, number):
            if in_all is None or name in in_all or number < _rounds_of_others(rounds):
                seen[name].append(contestants[name]())
    return seen


def _rounds_of_others(rounds: int) -> int:
    return max(1, rounds // 3)


def who_is_in_all(rounds: int) -> str:
    """For the method of a table: what the others' figures are of."""
    first = _rounds_of_others(rounds)
    return f"those that no target is about were in the first {f'{first} rounds' if first > 1 else 'round'} only"


def order_of_round(names: Sequence[str], number: int) -> list[str]:
    """The order rotates by one each round and runs backwards in every other."""
    shift = number % len(names)
    rotated = [*names[shift:], *names[:shift]]
    return rotated[::-1] if number % 2 else rotated


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, upper


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Collect now, and not again before the block is left."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
