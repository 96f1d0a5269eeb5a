"""A soak: visitors of every kind for as long as you like, and then nothing is left of them.

    python -m tests.wire.soak 600 --server granian

The suite runs it for seconds. It asks the app in `app.py` for every answer it has, whole, in parts and in haste; it opens
streams whose sources end, tick, are hot, break or are silent; it leaves in the midst, by closing or by a reset. What the
server has of tasks, busy threads, descriptors and memory is looked at when all have gone.
"""

import argparse
import itertools
import json
import random
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

from tests.wire.conftest import SERVERS, serving

AT_ONCE = 20
WARM = 5000  # visits, until all that is made once is there
ROOM = 1.05  # times the memory at that time, of which an allocator may have more later
CROWD_AT_ONCE = 500  # connections on their way; a server lets some thousands wait to be accepted
CHUNK = 64 * 1024
WHOLE = [
    "response", "empty", "html", "text", "json", "orjson", "ujson", "redirect", "large", "headers", "204", "304", "404",
    "file", "memory", "missing", "stream", "waiting", "nothing", "long", "events", "lines", "array", "csv",
]  # fmt: skip
FIELDS = ["", "range: bytes=5-20\r\n", "range: bytes=0-0,5-6,-2\r\n", "if-none-match: *\r\n", "range: bytes=9-1\r\n"]
ENDLESS = {"ticking", "hot", "silent"}
KINDS = [*sorted(ENDLESS), "finite", "broken", "refusing", "broken at once"]

keys = map("soak-{}".format, itertools.count())


def get(port: int, path: str, content: bytes | None = None) -> Any:
    # Not httpx, whose short form makes a TLS context for each request: that would be most of the work.
    with urlopen(f"http://127.0.0.1:{port}{path}", content, timeout=30) as answer:
        return json.load(answer)


def settled(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """What there is to be seen when it is done, or after a long time."""
    deadline = time.monotonic() + 30
    while not done(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.05)  # between two looks
    return seen


def ask(port: int, path: str, fields: str = "") -> socket.socket:
    """A connection on which this has been asked for."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}\r\n".encode())
    return client


def read_until(client: socket.socket, mark: bytes) -> None:
    came = b""
    while mark not in came:
        chunk = client.recv(4096)
        assert chunk, came
        came += chunk


@contextmanager
def opened(port: int, path: str, fields: str = "", *, until: bytes = b"\r\n\r\n") -> Iterator[socket.socket]:
    """A connection on which an answer has begun."""
    with ask(port, path, fields) as client:
        read_until(client, until)
        yield client


def reset(client: socket.socket) -> None:
    """RST: as one whose network is lost."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def rest(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def visit_answer(port: int, chance: random.Random) -> str:
    """Ask for an answer of the app, and read it, or leave."""
    with opened(port, f"/answer/{chance.choice(WHOLE)}", chance.choice(FIELDS)) as client:
        return read_or_leave(client, chance, endless=False)


def visit_stream(port: int, chance: random.Random) -> str:
    """Open a stream; whatever becomes of it, its source is closed once and its background runs once."""
    kind = chance.choice(KINDS)
    made = "async" if kind == "silent" else chance.choice(["sync", "async"])  # nothing wakes a thread that sleeps
    key = next(keys)
    with opened(port, f"/stream/{made}/{kind.replace(' ', '%20')}/{key}") as client:
        how = read_or_leave(client, chance, endless=kind in ENDLESS)
    told = get(port, f"/finished/{key}")
    if "given" in told:  # a client may have left before the source has begun
        assert told["closed"] == [True], told
    assert told["ran"] == [True], told
    return f"{kind}, {how}"


def visit_channel(port: int, chance: random.Random) -> str:
    """Listen to a channel, and go."""
    key = next(keys)
    with opened(port, f"/channel/{key}") as client:
        assert get(port, "/channel", b'{"a":1}') > 0
        assert client.recv(CHUNK)
    assert get(port, f"/finished/{key}")["ran"] == [True]
    return "told"


def read_or_leave(client: socket.socket, chance: random.Random, *, endless: bool) -> str:
    way = chance.choice(["reset", "closed"] if endless else ["reset", "closed", "read"])
    if way == "reset":
        reset(client)
    elif way == "read":
        rest(client)
    return way


VISITS = [visit_answer] * 3 + [visit_stream] * 3 + [visit_channel]


def crowd(port: int, visits: Iterable[int]) -> Counter[str]:
    """Visitors, some at once. How many there were of each kind."""

    def come_and_go(number: int) -> str:
        chance = random.Random(number)  # the same again with the same number
        visit = chance.choice(VISITS)
        return f"{visit.__name__}: {visit(port, chance)}"

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(threads.map(come_and_go, visits))


def wait_for_an_event(port: int, clients: int) -> int:
    """So many clients of a channel wait, are all told of an event, and go. The server's kibibytes before they do."""
    with ExitStack() as waiting:
        crowd: list[socket.socket] = []
        for first in range(0, clients, CROWD_AT_ONCE):
            numbers = range(first, min(first + CROWD_AT_ONCE, clients))
            crowd += [waiting.enter_context(ask(port, f"/channel/waiting-{number}")) for number in numbers]
            for client in crowd[first:]:
                read_until(client, b"\r\n\r\n")
        assert get(port, "/channel", b'{"a":1}') == clients
        for client in crowd:
            read_until(client, b'data: {"a":1}')
        return int(get(port, "/memory"))


class Left(NamedTuple):
    """What is in the server's process."""

    state: dict[str, int]
    kibibytes: int


def look(port: int, before: Left | None = None) -> Left:
    """When all have gone; compared with what was there before, if it comes back to that."""

    def at_rest(state: dict[str, int]) -> bool:
        return state["threads"] == 0 if before is None else not grown(before.state, state)

    return Left(settled(lambda: get(port, "/state"), at_rest), get(port, "/memory"))


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] for name in after if after[name] > before[name]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Visitors for as long as you like.")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--waiting", type=int, default=10_000, help="clients of one channel, after all others")
    parser.add_argument("--server", choices=SERVERS, default="uvicorn-httptools")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, serving(options.server, Path(directory) / "log") as port:
        crowd(port, range(500))  # what is made once is there, and the allocator has its pages
        before = look(port)
        print(f"{options.server}: {before}", flush=True)  # noqa: T201 - what a command is for
        seen, began, warm, after = Counter[str](), time.monotonic(), before, before
        while time.monotonic() < began + options.seconds:
            seen += crowd(port, range(seen.total(), seen.total() + 1000))
            after = look(port, before)
            print(f"{seen.total():>8} visits: {after}", flush=True)  # noqa: T201 - as above
            warm = after if seen.total() <= WARM else warm
        # At the end: in the room that they leave behind, a leak would not be seen.
        each = (wait_for_an_event(port, options.waiting) - after.kibibytes) / options.waiting
        gone = look(port, before)
        print(f"{options.waiting:>8} waited, at {each:.1f} KiB each: {gone}", flush=True)  # noqa: T201 - as above
    for name, count in sorted(seen.items()):
        print(f"{count:>8} {name}")  # noqa: T201 - as above
    if grown(before.state, gone.state):
        sys.exit("something is left of them")
    if after.kibibytes > warm.kibibytes * ROOM:
        sys.exit(f"memory has grown from {warm.kibibytes} to {after.kibibytes} KiB")


if __name__ == "__main__":
    main()
