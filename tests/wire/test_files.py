"""Files behind real servers, fetched by real clients: parts, resumed downloads, and connections that are cut."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

pytest.importorskip("fastapi")

pytestmark = pytest.mark.wire

MIB = 1024 * 1024
SIZE = 32 * MIB
GIB = 1024 * MIB
PARTIAL_FILE = 18  # curl(1): "Partial file. Only a part of the file was transferred."


def needs(client: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(client) is None, reason=f"{client} is not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "file.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


def url(port: int, path: Path, **query: str) -> str:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"http://127.0.0.1:{port}/file?path={quote(str(path))}{more}"


def curl(*arguments: str, code: int = 0) -> bytes:
    done = subprocess.run(["curl", "-sS", *arguments], capture_output=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@contextmanager
def slow_curl(got: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A client that has begun to receive, and does so at 8 MiB/s."""
    client = subprocess.Popen(["curl", "-sS", "--limit-rate", "8M", "-o", str(got), address])
    try:
        deadline = time.monotonic() + 10
        while not (got.exists() and got.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)  # between two looks at the file
        yield client
    finally:
        client.kill()
        client.wait()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@needs("curl")
@pytest.mark.parametrize("pathsend", ["false", "true"])
def test_curl(port: int, file: Path, tmp_path: Path, pathsend: str) -> None:
    curl(url(port, file, pathsend=pathsend), "-o", str(tmp_path / "got"))
    assert digest(tmp_path / "got") == digest(file)
    head = curl(url(port, file), "-I").decode().lower()
    assert f"content-length: {SIZE}\r\n" in head


@needs("curl")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("0-99", slice(0, 100)),
        ("-100", slice(SIZE - 100, None)),
        ("2000000-", slice(2000000, None)),
        ("5-6000000", slice(5, 6000001)),
    ],
)
def test_curl_range(port: int, file: Path, wanted: str, expected: slice) -> None:
    assert curl("--range", wanted, url(port, file)) == file.read_bytes()[expected]


@needs("curl")
def test_curl_several_ranges(port: int, file: Path) -> None:
    body, content = curl("--range", "100-199,5000000-5999999", url(port, file)), file.read_bytes()
    assert content[100:200] in body
    assert content[5000000:6000000] in body


@needs("curl")
def test_curl_resumes(port: int, file: Path, tmp_path: Path) -> None:
    got = tmp_path / "got"
    with slow_curl(got, url(port, file)):
        pass  # and the client is gone
    assert 0 < got.stat().st_size < SIZE
    curl("-o", str(got), "-C", "-", url(port, file))
    assert digest(got) == digest(file)


@needs("wget")
def test_wget_resumes(port: int, file: Path, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(file.read_bytes()[:3_000_001])
    subprocess.run(["wget", "-q", "-c", "-O", str(tmp_path / "got"), url(port, file)], timeout=60, check=True)
    assert digest(tmp_path / "got") == digest(file)


@needs("curl")
def test_a_file_that_is_truncated_does_not_look_complete(port: int, tmp_path: Path) -> None:
    path, got = tmp_path / "file", tmp_path / "got"
    path.touch()
    os.truncate(path, GIB)
    with slow_curl(got, url(port, path)) as client:
        os.truncate(path, 100)
        assert client.wait(30) == PARTIAL_FILE
    assert got.stat().st_size < GIB


def test_a_disconnect_stops_the_reading_within_a_second(port: int, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 10 * GIB)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        target = url(port, path, key="sparse").partition(str(port))[2]
        client.sendall(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        received = 0
        while received < 4 * MIB:
            received += len(client.recv(65536))
    left = time.monotonic()
    told: Any = json.loads(httpx.get(f"http://127.0.0.1:{port}/finished/sparse", timeout=10).content)
    assert time.monotonic() - left < 1
    ending, status, sent, _ = told["outcome"]
    assert (ending, status, told["ran"]) == ("disconnected", 200, [True])
    assert 4 * MIB <= sent < GIB
