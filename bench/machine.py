"""Where and with what the figures were taken; without it they say nothing."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lanes.archives.cases import SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.contestant import Contestant

COMMON = ("uvicorn", "uvloop", "httptools", "pydantic-core")
_SEEDS = f"Seeds of what is sent: of JSON its size, of files their number by size (0 to 3), of archives {SEED}"


def describe(peers: Sequence[Contestant], effort: str) -> list[str]:
    """Lines for the head of a report."""
    named = {name for peer in peers for name in peer.distributions}
    versions = ", ".join(f"{name} {version_of(name)}" for name in sorted({*named, *COMMON}))
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    machine = f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    caution = ["**A quick look: few rounds, on a machine with other work to do. Not a measurement.**"]
    return [
        *(caution if effort == "quick" else []),
        f"Machine: {machine}; load averages at the start: {load}",
        f"Python: {platform.python_implementation()} {platform.python_version()}",
        f"Versions: {versions}",
        _SEEDS,
        f"Date: {datetime.now(UTC):%Y-%m-%d}; command: `{command()}` ({effort})",
    ]


def version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        if distribution == "rejoinder":  # on the path, not installed
            from rejoinder._version import __version__

            return __version__
        return "(not installed)"


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else "unknown processor"


def command() -> str:
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])
