"""The method.

Two figures taken at different times on a shared machine cannot be compared: its clock, its caches and its other users
have changed in between. So every figure here is taken in *rounds*. In a round each contestant gets one short slice of
work, one after the other, and the order changes from round to round (it rotates, and turns round every other time), so
that no one always follows the same neighbour. A slice yields the cost of one request, in seconds.

- A contestant's figure is the *median* of its rounds, its spread the distance between the quartiles.
- A ratio between two contestants is computed *within each round*, between neighbours in time, and the median of these
  ratios is reported. It moves far less than the quotient of the two medians.
- Slices are calibrated to last long enough for the clock (tens of milliseconds), the same for everyone.
- The garbage collector runs before a slice and is off during it, and what was alive before is frozen out of its sight.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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
    rounds_of_lag: int
    lag_seconds: int
    rounds_of_streams: int
    rounds_of_latency: int
    rounds_of_idle: int
    idle_clients: tuple[int, ...]
    rounds_of_broadcast: int
    rounds_of_exports: int
    rounds_of_broker: int
    exported_rows: int


FULL = Effort(
    "full",
    rounds_in_process=31,
    slice_seconds=0.03,
    rounds_behind_server=7,
    rounds_of_imports=15,
    rounds_of_files=3,
    rounds_of_lag=3,
    lag_seconds=3,
    rounds_of_streams=2,
    rounds_of_latency=5,
    rounds_of_idle=2,
    idle_clients=(1_000, 10_000),
    rounds_of_broadcast=2,
    rounds_of_exports=2,
    rounds_of_broker=3,
    exported_rows=1_000_000,
)
QUICK = Effort(
    "quick",
    rounds_in_process=7,
    slice_seconds=0.02,
    rounds_behind_server=2,
    rounds_of_imports=11,
    rounds_of_files=2,
    rounds_of_lag=2,
    lag_seconds=1,
    rounds_of_streams=2,
    rounds_of_latency=2,
    rounds_of_idle=2,
    idle_clients=(1_000,),
    rounds_of_broadcast=2,
    rounds_of_exports=2,
    rounds_of_broker=2,
    exported_rows=100_000,
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
    """Give every contestant one slice a round, in changing order; after the first round, only those that are `in_all`."""
    names = list(contestants)
    costs: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in order_of_round(names, number):
            if number == 0 or in_all is None or name in in_all:
                costs[name].append(contestants[name]())
    return Row(title, costs)


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
