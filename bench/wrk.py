"""The load generator: `wrk`, on a core of its own, told by a short script to print plain numbers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONNECTIONS = 16
SECONDS = 0.5
SLICE = f"{SECONDS:g} s of `wrk -t1 -c{CONNECTIONS}`"
"""For the method of a table."""
SKIPPED = "" if shutil.which("wrk") else "wrk is not installed"
"""Why nothing can be measured with it, if so."""

_MOST_SECONDS = 60
_GRACE = 10
_LEAST_OCTETS = 256 * 1024
"""Of large answers; less may be no more than their heads."""

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

    answers: float
    octets: int
    """All that arrived, heads and unfinished answers too."""
    seconds: float

    @property
    def seconds_an_answer(self) -> float:
        return self.seconds / self.answers


def run(
    url: str,
    headers: Mapping[str, str] | None = None,
    connections: int = CONNECTIONS,
    seconds: float = SECONDS,
    octets: int = 0,
) -> Load:
    """A slice of wrk, or one of twice the time if hardly anything came in it; failed answers make it an error, not a figure.

    Args:
        octets: The size of one answer, of which too few come whole to be counted: what has arrived is divided by it.

    Raises:
        RuntimeError: answers failed, or none came.
    """
    options = [option for name, value in (headers or {}).items() for option in ("-H", f"{name}: {value}")]
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "numbers.lua")
        script.write_text(_SCRIPT, encoding="ascii")
        # Some answers of 100 MiB take longer than the two seconds after which wrk counts a request as lost.
        threads = ["-t1", f"-c{connections}", f"-d{2 * _MOST_SECONDS}s", "--timeout", f"{_MOST_SECONDS}s"]
        command = [*on_core(1), "wrk", *threads, "-s", str(script), *options, url]
        while True:
            loaded = _interrupted(command, seconds, octets)
            if loaded.octets >= min(octets, _LEAST_OCTETS) if octets else loaded.answers > 0:
                return loaded
            seconds *= 2
            if seconds > _MOST_SECONDS:
                raise RuntimeError(f"no answer from {url} in {seconds / 2:g} s")


def _interrupted(command: Sequence[str], seconds: float, octets: int) -> Load:
    """Wrk can be given whole seconds only; interrupted, it tells of the time that there was."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        # On a busy machine it was interrupted before it slept for the time that it was given, and sleeps now.
        return Load(0, 0, seconds)
    finally:
        end(process)
    found = re.search(r"^numbers (\d+) (\d+) (\d+) (\d+)$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{' '.join(command)} failed:\n{printed}")
    microseconds, requests, arrived, errors = map(int, found.groups())
    if errors:
        raise RuntimeError(f"{' '.join(command)} failed:\n{printed}")
    return Load(arrived / octets if octets else requests, arrived, microseconds / 1e6)


def on_core(number: int) -> list[str]:
    """A command prefix that binds what follows to one core, where there are two and `taskset`."""
    cores = two_cores()
    return ["taskset", "--cpu-list", str(cores[number])] if cores and shutil.which("taskset") else []


def two_cores() -> list[int]:
    """One core for the servers and one for the load, or none where there are not two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return cores[:2] if len(cores) >= 2 else []
