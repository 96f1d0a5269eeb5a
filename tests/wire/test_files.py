"""Files behind real servers, fetched by real clients: parts, resumed downloads, and connections that are cut."""

import contextlib
import hashlib
import json
import math
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

if TYPE_CHECKING:
    from io import BufferedRWPair

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


def logged(port: int, path: Path, key: str) -> str:
    return url(port, path, key=key).replace("/file?", "/logged?")


def log(port: int, key: str, at_least: int) -> list[dict[str, Any]]:
    """What was asked for with that key, and how its sending ended; a client may know its end before the server does."""
    deadline = time.monotonic() + 10
    while True:
        told: list[dict[str, Any]] = httpx.get(f"http://127.0.0.1:{port}/log/{key}", timeout=10).json()
        if len(told) >= at_least or time.monotonic() > deadline:
            return told
        time.sleep(0.01)  # between two looks at the log


def memory(port: int) -> int:
    """The octets that the server has in memory."""
    return 1024 * int(httpx.get(f"http://127.0.0.1:{port}/memory", timeout=10).text)


def sparse(directory: Path, size: int) -> Path:
    path = directory / "sparse"
    path.touch()
    os.truncate(path, size)
    return path


@contextmanager
def get(port: int, path: Path, fields: str = "", **query: str) -> Iterator[tuple[int, "BufferedRWPair"]]:
    """The length that is announced, and what comes: what is not read, the server has to keep."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        target = url(port, path, **query).partition(str(port))[2]
        client.sendall(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n".encode())
        with client.makefile("rwb") as received:
            head = iter(received.readline, b"\r\n")
            (length,) = (int(line.split()[1]) for line in head if line.lower().startswith(b"content-length:"))
            yield length, received


@contextmanager
def cutting_once(port: int, after: int) -> Iterator[int]:
    """The port of a network before the server, which cuts the first connection after so many octets, and no other."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        threads.submit(accept, listener, port, threads, after)
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def accept(listener: socket.socket, port: int, threads: ThreadPoolExecutor, after: int) -> None:
    allowance: float = after
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threads.submit(forward, client, server, math.inf)
            threads.submit(forward, server, client, allowance)
            allowance = math.inf


def forward(source: socket.socket, to: socket.socket, allowance: float) -> None:
    """Until one side ends, or the allowance is used up: then both end."""
    with source, to, contextlib.suppress(OSError):
        while allowance > 0 and (data := source.recv(65536)):
            to.sendall(data)
            allowance -= len(data)
        for side in (source, to):
            side.shutdown(socket.SHUT_RDWR)


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
        ("0-0", slice(0, 1)),
        ("0-99", slice(0, 100)),
        (f"{SIZE - 1}-", slice(SIZE - 1, None)),
        ("-1", slice(SIZE - 1, None)),
        ("-100", slice(SIZE - 100, None)),
        ("2000000-", slice(2000000, None)),
        ("5-6000000", slice(5, 6000001)),
    ],
)
def test_curl_range(port: int, file: Path, wanted: str, expected: slice) -> None:
    assert curl("--range", wanted, url(port, file)) == file.read_bytes()[expected]


@needs("curl")
def test_curl_several_ranges(port: int, file: Path) -> None:
    spans = [(100, 199), (5_000_000, 5_999_999), (SIZE - 7, SIZE - 1)]
    head, _, body = curl("-i", "--range", "100-199,5000000-5999999,-7", url(port, file)).partition(b"\r\n\r\n")
    frontier = head.partition(b"multipart/byteranges; boundary=")[2].split()[0]
    first, *parts, last = (b"\r\n" + body.removeprefix(b"\r\n")).split(b"\r\n--" + frontier)
    assert (first, last) == (b"", b"--\r\n")
    content = file.read_bytes()
    for (start, end), part in zip(spans, parts, strict=True):
        fields, _, octets = part.partition(b"\r\n\r\n")
        assert f"\r\nContent-Range: bytes {start}-{end}/{SIZE}".encode() in fields
        assert octets == content[start : end + 1]


@needs("curl")
def test_curl_resumes(port: int, file: Path, tmp_path: Path) -> None:
    got = tmp_path / "got"
    with slow_curl(got, url(port, file)):
        pass  # and the client is gone
    assert 0 < got.stat().st_size < SIZE
    curl("-o", str(got), "-C", "-", url(port, file))
    assert digest(got) == digest(file)


@needs("curl")
def test_curl_resumes_what_the_network_cut(port: int, file: Path, tmp_path: Path) -> None:
    got = tmp_path / "got"
    with cutting_once(port, after=5 * MIB) as relay:
        curl("-o", str(got), url(relay, file), code=PARTIAL_FILE)
        assert 0 < got.stat().st_size < SIZE
        assert file.read_bytes().startswith(got.read_bytes())
        curl("-o", str(got), "-C", "-", url(relay, file))
    assert digest(got) == digest(file)


@needs("wget")
def test_wget_resumes(port: int, file: Path, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(file.read_bytes()[:3_000_001])
    subprocess.run(["wget", "-q", "-c", "-O", str(tmp_path / "got"), url(port, file)], timeout=60, check=True)
    assert digest(tmp_path / "got") == digest(file)


@needs("wget")
def test_wget_goes_on_where_the_network_cut(uvicorn_port: int, file: Path, tmp_path: Path) -> None:
    got = tmp_path / "got"
    with cutting_once(uvicorn_port, after=5 * MIB) as relay:
        command = ["wget", "-q", "-c", "--tries=3", "--waitretry=0", "-O", str(got), logged(relay, file, "wget")]
        subprocess.run(command, timeout=60, check=True)
    assert digest(got) == digest(file)
    _, resumed = log(uvicorn_port, "wget", at_least=2)
    assert resumed["range"].startswith("bytes=")
    assert (resumed["status"], resumed["ending"]) == (206, "completed")


@needs("aria2c")
def test_aria2c_over_eight_connections(port: int, file: Path, tmp_path: Path) -> None:
    command = ["aria2c", "-q", "-x8", "-s8", "-k1M", "--no-conf", "-d", str(tmp_path), "-o", "got"]
    subprocess.run([*command, logged(port, file, "aria2c")], timeout=60, check=True)
    assert digest(tmp_path / "got") == digest(file)
    answers = log(port, "aria2c", at_least=8)
    assert len({answer["range"] for answer in answers}) >= 8
    # The first request is for the whole, and given up when its part has come.
    assert all(answer["status"] == (206 if answer["range"] else 200) for answer in answers)


def grow(path: Path) -> None:
    with path.open("ab") as more:
        more.write(b"more" * MIB)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(bytes(SIZE))
    other.replace(path)


def rewrite(path: Path) -> None:
    with path.open("r+b") as same:
        same.seek(-MIB, os.SEEK_END)
        same.write(bytes(MIB))


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "grows": (grow, True),
    "replaced": (replace, True),
    "deleted": (Path.unlink, True),
    "shrinks": (lambda path: os.truncate(path, SIZE - 1), False),
    "truncated": (lambda path: os.truncate(path, 0), False),
    "rewritten": (rewrite, False),
}


@pytest.mark.parametrize("start", [0, 10])
@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_is_sent_as_it_was_or_does_not_look_complete(
    port: int, file: Path, tmp_path: Path, name: str, start: int
) -> None:
    change, harmless = CHANGES[name]
    path = tmp_path / "file"
    shutil.copyfile(file, path)
    os.utime(path, (1, 1))
    expected = file.read_bytes()[start:]
    with get(port, path, f"range: bytes={start}-\r\n") as (length, client):
        assert length == len(expected)
        received = client.read(MIB)
        change(path)
        with contextlib.suppress(ConnectionResetError):
            received += client.read(length - MIB)
        if harmless:  # the next answer begins where this one was said to end
            client.write(b"HEAD /answer/empty HTTP/1.1\r\nhost: localhost\r\n\r\n")
            client.flush()
            assert client.readline().startswith(b"HTTP/1.1 200 ")
    assert (received == expected) is harmless
    assert expected.startswith(received)


def test_a_disconnect_stops_the_reading_within_a_second(port: int, tmp_path: Path) -> None:
    path = sparse(tmp_path, 10 * GIB)
    with get(port, path, key="sparse") as (length, client):
        assert length == 10 * GIB
        client.read(4 * MIB)
    left = time.monotonic()
    told: Any = json.loads(httpx.get(f"http://127.0.0.1:{port}/finished/sparse", timeout=10).content)
    assert time.monotonic() - left < 1
    ending, status, sent, _ = told["outcome"]
    assert (ending, status, told["ran"]) == ("disconnected", 200, [True])
    assert 4 * MIB <= sent < GIB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells here what a process has in memory")
def test_slow_clients_cost_no_memory(port: int, tmp_path: Path) -> None:
    """Twenty downloads of 1 GiB, each as far as its client has read: what is not read is not in memory either."""
    path = sparse(tmp_path, GIB)
    with get(port, path) as (_, client):
        client.read(8 * MIB)
    before = memory(port)
    with ExitStack() as clients:
        readers = [clients.enter_context(get(port, path))[1] for _ in range(20)]
        for _ in range(8):
            for reader in readers:
                assert len(reader.read(MIB)) == MIB
        assert memory(port) - before < 32 * MIB
