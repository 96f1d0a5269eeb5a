"""Processes of ours, in the benchmark and in the tests: servers at a free port, what they use, and that they end."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CAN_WATCH_MEMORY = Path("/proc/self/clear_refs").exists()
_QUIET_SECONDS = 0.03
_SETTLE_SECONDS = 60
_START_SECONDS = 40


def free_port() -> int:
    """For servers that do not take a socket that is already bound."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass(frozen=True)
class Running:
    """A server of its own process, at a loopback port."""

    port: int
    pid: int


@contextmanager
def running(name: str, command: Callable[[int, Path], Sequence[str]]) -> Iterator[Running]:
    """The server that this command starts, given a free port and a directory for its log and whatever it writes."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-server-") as directory:
        scratch = Path(directory)
        with server_process(name, command(port, scratch), port, scratch / "log") as process:
            yield Running(port, process.pid)


def python(module: str, *arguments: str) -> Callable[[int, Path], list[str]]:
    """The command of a module of ours that serves."""
    return lambda port, _: [sys.executable, "-m", module, str(port), *arguments]


@contextmanager
def server_process(
    name: str,
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    host: str = "127.0.0.1",
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, ready when the block is entered and gone when it is left; that it ends by itself is an error.

    The environment is added to this process's own.
    """
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=directory, env={**os.environ, **(environment or {})}, stdout=written, stderr=written
        )
    try:
        wait_until_ready(name, port, process, log, host)
        yield process
        if process.poll() is not None:
            raise RuntimeError(f"the server of {name} ended early:\n{_tail(log)}")
    finally:
        end(process)


def wait_until_ready(
    name: str, port: int, process: subprocess.Popen[bytes], log: Path, host: str = "127.0.0.1"
) -> None:
    """Return once the server accepts connections; raise if it ends or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=_START_SECONDS).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server of {name} did not start:\n{_tail(log)}") from error
            time.sleep(0.02)
        else:
            return


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def end(process: subprocess.Popen[Any]) -> None:
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
    return _memory(pid, "VmHWM")


def resident_memory(pid: int) -> int:
    """The octets that are resident now."""
    return _memory(pid, "VmRSS")


def cpu_seconds(pid: int) -> float:
    """Time on a core, the process's own and the system's for it."""
    return _ticks(pid) / os.sysconf("SC_CLK_TCK")


def forget_peak(pid: int) -> None:
    """The peak is again what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _memory(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no {field} in the status of process {pid}")
    return int(found[1]) * 1024


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
