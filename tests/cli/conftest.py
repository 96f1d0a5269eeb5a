"""`rejoinder serve` as its user starts it: a process that tells on its standard output where it is."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import rejoinder

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(rejoinder.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
COMMAND = [sys.executable, "-W", "error", "-m", "rejoinder"]


class Serving:
    """The running command."""

    def __init__(self, *arguments: str | Path, **options: Any) -> None:
        command = [*COMMAND, "serve", *map(str, arguments)]
        options = {"env": ENVIRONMENT, "stdout": subprocess.PIPE, **options}
        self.process: subprocess.Popen[str] = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options
        )
        self.said = self.line()
        found = re.search(r"http://[^ /]+:(\d+)/", self.said)
        if found is None:
            _, errors = self.process.communicate()
            pytest.fail(f"said {self.said!r}, and {errors!r}")
        self.url, self.port = found[0], int(found[1])

    def line(self) -> str:
        """The next line of its output; waits for it."""
        assert self.process.stdout is not None
        line: str = self.process.stdout.readline()
        return line.rstrip("\n")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Its exit status, and what it has told since."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            output, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, output, errors


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Serving]]:
    """Starts the command at any port; each has to end without a complaint."""
    with ExitStack() as ends:

        def start(*arguments: str | Path, port: str = "0", **options: Any) -> Serving:
            serving = Serving(*arguments, "--port", port, **options)
            ends.callback(check_end, serving)
            return serving

        yield start


def check_end(serving: Serving) -> None:
    if serving.process.returncode is None:
        status, _, errors = serving.end()
        assert (status, errors) == (0, "")
