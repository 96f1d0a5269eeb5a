"""A redis-server of our own, for the benchmark, the tests and the demo; it can be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import end, free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
"""What has been answered is on the disk."""


def why_no_redis() -> str:
    """Empty if there is one."""
    return "" if shutil.which("redis-server") else "there is no redis-server (of Debian's package redis-server)"


class RedisServer:
    """At a port that stays the same."""

    def __init__(self, directory: Path, options: Sequence[str], host: str = "127.0.0.1", prefix: Sequence[str] = ()):
        self.host = host
        self.port = free_port()
        self.log = directory / "log"
        self.command = [
            *(*prefix, "redis-server", "--bind", host, "--port", str(self.port), "--dir", str(directory)),
            *("--save", "", "--protected-mode", "no", *options),
        ]

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def launch(self) -> None:
        """Start it, without waiting until it answers."""
        with self.log.open("ab") as written:
            self.process = subprocess.Popen(self.command, stdout=written, stderr=written)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.launch()
        wait_until_ready("redis", self.port, self.process, self.log, self.host)

    def kill(self) -> None:
        """As a machine goes down: with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        end(self.process)


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """It answers when the block is entered, and is gone, with its files, when it is left."""
    with tempfile.TemporaryDirectory(prefix="redis-", ignore_cleanup_errors=True) as directory:
        server = RedisServer(Path(directory), options)
        server.start()
        try:
            yield server
        finally:
            server.stop()
