"""Real servers that are told to stop while they stream: what is endless ends, a download is finished, the process exits.

The processes are waited for without a limit of a few seconds, which a busy machine would break: each of these servers
would wait for its stream for ever, or cut it without its end, if that were not told.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from bench.processes import free_port

pytestmark = pytest.mark.wire

APP = Path(__file__).with_name("shutdown_app.py")
UVICORN = ["uvicorn", "shutdown_app:app", "--port", "{port}"]
HYPERCORN = ["hypercorn", "shutdown_app:app", "--bind", "127.0.0.1:{port}"]
GRANIAN = ["granian", "shutdown_app:app", "--interface", "asgi", "--port", "{port}"]
SERVERS = {
    "uvicorn-asyncio": [*UVICORN, "--loop", "asyncio"],
    "uvicorn-uvloop": [*UVICORN, "--loop", "uvloop"],
    "uvicorn-workers": [*UVICORN, "--workers", "2"],
    "uvicorn-reload": [*UVICORN, "--reload"],
    "hypercorn-asyncio": [*HYPERCORN, "--worker-class", "asyncio"],
    "hypercorn-trio": [*HYPERCORN, "--worker-class", "trio"],
    "hypercorn-no-worker": [*HYPERCORN, "--workers", "0"],
    "granian-asyncio": [*GRANIAN, "--loop", "asyncio"],
    "granian-uvloop": [*GRANIAN, "--loop", "uvloop"],
    "granian-workers": [*GRANIAN, "--workers", "2"],
}
END = b"\r\n0\r\n\r\n"


class Server:
    def __init__(self, name: str, directory: Path, **environment: str) -> None:
        self.app = Path(shutil.copy(APP, directory))
        self.log = directory / "log"
        self.port = free_port()
        command = [part.format(port=self.port) for part in SERVERS[name]]
        paths = os.pathsep.join([str(directory), *sys.path[1:]])
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *command],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": paths, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)  # between two looks

    @contextmanager
    def stream(self, path: str) -> Iterator[socket.socket]:
        """A connection on which a stream has begun."""
        connections: list[socket.socket] = []
        self.wait_until(lambda: self.connect(connections))
        with connections[0] as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            head = b""
            while b"first" not in head:
                chunk = client.recv(65536)
                assert chunk, self.said()
                head += chunk
            yield client

    def connect(self, connections: list[socket.socket]) -> bool:
        with suppress(ConnectionRefusedError):
            connections.append(socket.create_connection(("127.0.0.1", self.port), timeout=20))
        return bool(connections)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # workers that outlived it; the session is ours


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def start(name: str, **environment: str) -> Server:
        for module in (SERVERS[name][0], "uvloop" if "uvloop" in name else "trio" if "trio" in name else "anyio"):
            if find_spec(module) is None:
                pytest.skip(f"{module} is not installed")
        server = Server(name, tmp_path, **environment)
        servers.append(server)
        # All workers: granian loses one that is told to stop before it has set its signal handlers.
        server.wait_until(lambda: server.said().count("lifespan.startup") >= 1 + name.endswith("workers"))
        return server

    yield start
    for server in servers:
        server.end()


def rest(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("name", SERVERS)
def test_stopping(start: Start, name: str, number: signal.Signals) -> None:
    server = start(name)
    with server.stream("/endless") as endless, server.stream("/endless") as other, server.stream("/download") as finite:
        server.process.send_signal(number)
        assert [rest(client).endswith(b"last" + END) for client in (endless, other)] == [True, True]
        downloaded = rest(finite)
    assert downloaded.count(b"more") == 5
    assert downloaded.endswith(b"last" + END)
    server.process.wait(20)
    assert "Traceback" not in server.said()


FAREWELL = b"event: bye\ndata: 1\n\n"


@pytest.mark.parametrize("name", SERVERS)
def test_event_streams_say_farewell(start: Start, name: str) -> None:
    """And the process ends while their clients are still there."""
    server = start(name)
    with server.stream("/events") as client, server.stream("/events") as other:
        server.process.send_signal(signal.SIGTERM)
        for came in (rest(client), rest(other)):
            assert came.endswith(FAREWELL + END)
        server.process.wait(20)
    said = server.said()
    assert (said.count("app: source closed"), said.count("app: events completed")) == (2, 2)
    assert "Traceback" not in said


def test_a_reload_is_not_held_up_by_event_streams(start: Start) -> None:
    server = start("uvicorn-reload")
    with server.stream("/events") as client:
        server.wait_until(lambda: bool(server.app.write_bytes(APP.read_bytes())) and "Reloading" in server.said())
        assert rest(client).endswith(FAREWELL + END)
    server.wait_until(lambda: server.said().count("lifespan.startup") >= 2)
    with server.stream("/events") as client:  # and nothing is left of it
        server.process.send_signal(signal.SIGTERM)
        assert rest(client).endswith(FAREWELL + END)
    server.process.wait(20)
    assert server.said().count("app: events completed") == 2


def test_a_reload_is_not_held_up(start: Start) -> None:
    server = start("uvicorn-reload")
    with server.stream("/endless") as client:
        # Again and again: the reloader serves before it watches.
        server.wait_until(lambda: bool(server.app.write_bytes(APP.read_bytes())) and "Reloading" in server.said())
        assert rest(client).endswith(b"last" + END)
    server.wait_until(lambda: server.said().count("lifespan.startup") >= 2)
    with server.stream("/endless") as client:  # the new process knows nothing of the old one's end
        server.process.send_signal(signal.SIGTERM)
        assert rest(client).endswith(b"last" + END)
    server.process.wait(20)


def test_the_end_of_the_lifespan_comes_too_late(start: Start) -> None:
    """Why the streams do not wait for it; and that switched off is off."""
    server = start("uvicorn-asyncio", DISABLED="1")
    with server.stream("/endless"):
        server.process.send_signal(signal.SIGTERM)
        server.wait_until(lambda: "Waiting for connections to close" in server.said())
    server.process.wait(20)
    said = server.said()
    waiting, left, ended = (said.index(text) for text in ("Waiting for conn", "app: client left", "lifespan.shutdown"))
    assert waiting < left < ended
    assert "app: told" not in said
