"""Streams behind real servers: clients that leave, that take nothing, that come in crowds; sources that break.

What the server did is asked of itself: `/finished` waits for the end of a response, and tells of it.
"""

import itertools
import shutil
import socket
import subprocess
from collections.abc import Callable

import httpx
import pytest

pytest.importorskip("fastapi")

from tests.wire.soak import CHUNK, crowd, get, grown, look, opened, reset, rest, settled

pytestmark = pytest.mark.wire

MIB = 1024 * 1024
CUT = {18, 56}  # curl(1): "Partial file", "Failure in receiving network data"
END = b"\r\n0\r\n\r\n"

each_make = pytest.mark.parametrize("made", ["async", "sync"])
keys = map(str, itertools.count())


@each_make
@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "closed"])
@pytest.mark.parametrize("kind", ["silent", "ticking", "hot"])
def test_a_client_that_leaves(port: int, kind: str, leave: Callable[[socket.socket], None], made: str) -> None:
    if (kind, made) == ("silent", "sync"):
        pytest.skip("nothing ends a thread that sleeps")
    key = next(keys)
    with opened(port, f"/stream/{made}/{kind}/{key}") as client:
        leave(client)
        told = get(port, f"/finished/{key}")
    assert (told["outcome"][0], told["closed"], told["ran"]) == ("disconnected", [True], [True])


@each_make
def test_a_client_that_is_done_with_sending(port: int, made: str) -> None:
    """Most servers take it for gone; those that do not send it all."""
    key = next(keys)
    with opened(port, f"/stream/{made}/finite/{key}", until=b"first") as client:
        client.shutdown(socket.SHUT_WR)
        complete = rest(client).endswith(END)
        told = get(port, f"/finished/{key}")
    assert told["outcome"][0] in ({"completed"} if complete else {"completed", "disconnected"})
    assert (told["closed"], told["ran"]) == ([True], [True])


@each_make
def test_a_reader_that_stops_reading(port: int, made: str) -> None:
    """The source is not pulled on, and nothing is heaped up for it."""
    key = next(keys)
    before = get(port, "/memory")
    with opened(port, f"/stream/{made}/hot/{key}", until=bytes(100)) as client:
        looks = [-1] * 10

        def look() -> int:
            looks.append(int(get(port, f"/seen/{key}")["given"]))
            return looks[-1]

        given = settled(look, lambda now: looks[-10:] == [now] * 10)
        assert looks[-10:] == [given] * 10
        assert given * CHUNK < 64 * MIB  # most of that is in the buffers of the system
        assert get(port, "/memory") - before < 64 * 1024
        reset(client)
        told = get(port, f"/finished/{key}")
    assert (told["outcome"][0], told["closed"], told["ran"]) == ("disconnected", [True], [True])


@each_make
def test_a_reader_that_stops_reading_for_too_long(port: int, server: str, made: str) -> None:
    if server == "hypercorn-trio":
        pytest.skip("its send cannot be cancelled, and waits for the client")
    key = next(keys)
    with opened(port, f"/stream/{made}/hot/{key}?send_timeout=0.5", until=bytes(100)) as client:
        told = get(port, f"/finished/{key}")
        assert not rest(client).endswith(END)
    assert (told["outcome"][0], told["closed"], told["ran"]) == ("disconnected", [True], [True])
    assert told["outcome"][3] == "TimeoutError"


@each_make
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_source_that_breaks_is_cut(port: int, made: str) -> None:
    key = next(keys)
    url = f"http://127.0.0.1:{port}/stream/{made}/broken/{key}"
    done = subprocess.run(["curl", "-sS", url], capture_output=True, timeout=60, check=False)
    assert done.returncode in CUT, done.stderr
    assert b"first012".startswith(done.stdout)
    told = get(port, f"/finished/{key}")
    assert told["outcome"][0] == "failed"
    assert told["outcome"][3] == "LookupError"
    assert (told["closed"], told["ran"]) == ([True], [True])


@each_make
@pytest.mark.parametrize(("kind", "status"), [("refusing", 403), ("broken at once", 500)])
def test_an_error_before_the_first_item_is_a_status(port: int, kind: str, status: int, made: str) -> None:
    key = next(keys)
    answer = httpx.get(f"http://127.0.0.1:{port}/stream/{made}/{kind}/{key}", timeout=20)
    assert answer.status_code == status
    told = get(port, f"/finished/{key}")
    assert (told["outcome"][0], told["closed"], told["ran"]) == ("failed", [True], [True])


@each_make
def test_head(port: int, made: str) -> None:
    key = next(keys)
    answer = httpx.head(f"http://127.0.0.1:{port}/stream/{made}/finite/{key}", timeout=20)
    assert (answer.status_code, answer.content) == (200, b"")
    told = get(port, f"/finished/{key}")
    assert (told["outcome"], told["ran"]) == (["completed", 200, 0, "NoneType"], [True])
    assert "given" not in told


@each_make
def test_one_connection_for_many_streams(port: int, made: str) -> None:
    """The server tells of the client's leaving while it takes the last message: what is sent then is still sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for _ in range(3):
            key = next(keys)
            client.sendall(f"GET /stream/{made}/finite/{key} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            came = b""
            while not came.endswith(END):
                chunk = client.recv(65536)
                assert chunk, came
                came += chunk
            assert get(port, f"/finished/{key}")["outcome"] == ["completed", 200, 8, "NoneType"]


def test_a_soak_leaves_nothing(port: int) -> None:
    crowd(port, range(100))  # so that what is made once is there
    before = look(port)
    crowd(port, range(100, 300))
    after = look(port, before)
    assert grown(before.state, after.state) == {}
    assert after.kibibytes - before.kibibytes < 16 * 1024
