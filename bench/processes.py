"""Processes of ours: what they use, and that they end."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CAN_WATCH_MEMORY = Path("/proc/self/clear_refs").exists()
_QUIET_SECONDS = 0.03
_SETTLE_SECONDS = 60


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and make it."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def settle(pid: int) -> None:
    """Return once the process and its children have stopped working.

    A server whose client has left in the middle of a large file may go on reading it to its end, and would do so in
    the time of whoever is measured next.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    before = _ticks(pid)
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        now = _ticks(pid)
        if now == before:
            return
        before = now
    raise RuntimeError(f"process {pid} is still at work after {_SETTLE_SECONDS} seconds without a request")


def peak_memory(pid: int) -> int:
    """The most octets that were resident at once, since the start or `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no peak in the status of process {pid}")
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    """The peak is again what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _ticks(pid: int) -> int:
    """Time on a core, in clock ticks; 0 where the system does not tell."""
    return sum(_own_ticks(member) for member in _family(pid))


def _own_ticks(pid: int) -> int:
    try:
        # The name in brackets may contain anything; utime and stime are the 12th and 13th fields after it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path("/proc", str(pid), "task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            yield from _family(int(child))
