"""The load generator: `wrk`, on a core of its own, told by a script of three lines to print plain numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTIONS = 16
SECONDS = 1
SKIPPED = "" if shutil.which("wrk") else "wrk is not installed"
"""Why nothing can be measured with it, if so."""

_SCRIPT = """\
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("numbers %d %d %d %d\\n", summary.duration, summary.requests, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What was asked for and received."""

    requests: int
    """Answers that arrived whole."""
    octets: int
    """All that arrived, heads and unfinished answers too."""
    seconds: float


def run(
    url: str, headers: Mapping[str, str] | None = None, connections: int = CONNECTIONS, seconds: int = SECONDS
) -> Load:
    """One slice of wrk; failed or missing answers make it an error, not a figure."""
    options = [option for name, value in (headers or {}).items() for option in ("-H", f"{name}: {value}")]
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "numbers.lua")
        script.write_text(_SCRIPT, encoding="ascii")
        # Some answers of 100 MiB take longer than the two seconds after which wrk counts a request as lost.
        threads = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
        command = [*on_core(1), "wrk", *threads, "-s", str(script), *options, url]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60 + seconds).stdout
    _, _, numbers = printed.rpartition("numbers ")
    microseconds, requests, octets, errors = (int(number) for number in numbers.split())
    if errors or octets == 0:
        raise RuntimeError(f"wrk on {url} failed:\n{printed}")
    return Load(requests, octets, microseconds / 1e6)


def on_core(number: int) -> list[str]:
    """A command prefix that binds what follows to one core, where there are two and `taskset`."""
    cores = two_cores()
    return ["taskset", "--cpu-list", str(cores[number])] if cores and shutil.which("taskset") else []


def two_cores() -> list[int]:
    """One core for the servers and one for the load, or none where there are not two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return cores[:2] if len(cores) >= 2 else []
