"""How long an import takes: in a fresh interpreter each time, measured inside it, so its own start does not count."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

from bench.measure import Effort, Row, Table, interleave

MODULES = ("rejoinder", "starlette.responses", "fastapi.responses")


def measure(title: str, effort: Effort) -> Table:
    """A table with one row: seconds per import of each module that can be imported."""
    method = (
        f"Median of {effort.rounds_of_imports} alternating rounds of `python -c 'import …'`, each in a fresh "
        "interpreter with warm byte code, timed inside it; ± is the distance between the quartiles."
    )
    table = Table(title, method, unit="ms")
    modules = [module for module in MODULES if importable(module)]
    table.rows["import"] = interleave(
        "import", {name: partial(seconds, name) for name in modules}, effort.rounds_of_imports
    )
    return table


def importable(module: str) -> bool:
    """Whether it can be; this import also writes the byte code that the timed ones read."""
    try:
        seconds(module)
    except subprocess.CalledProcessError:
        return False
    return True


def seconds(module: str) -> float:
    code = f"from time import perf_counter as now; start = now(); import {module}; print(now() - start)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60, env=environment
    )
    return float(done.stdout)


def milliseconds_more(row: Row, module: str, baseline: str) -> list[float]:
    """Round by round, how much longer a module takes than the baseline."""
    return [(mine - theirs) * 1000 for mine, theirs in zip(row.costs[module], row.costs[baseline], strict=True)]
