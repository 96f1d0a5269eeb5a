"""One answer, to be checked; and a load of what wrk cannot do: HEAD (it waits for content that does not come), each file once.

The load is one thread, some connections that are kept alive, one epoll. It checks each answer's status and counts each octet of
its content, and can do some 50,000 small answers a second.
"""

from __future__ import annotations

import http.client
import os
import re
import selectors
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Self

from bench.asgi import Answer
from bench.cases import WrongAnswerError
from bench.measure import collector_at_rest
from bench.wrk import CONNECTIONS, Load, two_cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BUFFER = 256 * 1024
_PATIENCE = 60


def run(port: int, requests: Iterator[bytes], status: int, *, content: bool, connections: int = CONNECTIONS) -> Load:
    """Send all the requests, each connection one at a time, and receive the answers to their ends.

    Raises:
        RuntimeError: an answer has another status or no length, or its connection was closed.
        TimeoutError: nothing came for a minute.
    """
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        open_connections = [
            stack.enter_context(_Connection(port, requests, status, content=content)) for _ in range(connections)
        ]
        stack.enter_context(on_core_of_the_load())
        stack.enter_context(collector_at_rest())
        start = time.perf_counter()
        for connection in open_connections:
            if connection.ask():
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(_PATIENCE)
            if not ready:
                raise TimeoutError(f"nothing came for {_PATIENCE} seconds")
            for key, _ in ready:
                if key.data.take() and not key.data.ask():
                    selector.unregister(key.fileobj)
        seconds = time.perf_counter() - start
    return Load(sum(one.answers for one in open_connections), sum(one.octets for one in open_connections), seconds)


def request(method: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def ask(port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """One answer, whole.

    Raises:
        WrongAnswerError: the server closes the connection after it: its load would be one of new connections.
    """
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        if response.will_close:
            raise WrongAnswerError(f"the connection of {method} {path} at port {port} is not kept")
        return Answer(response.status, tuple(response.getheaders()), response.read())


class _Connection:
    def __init__(self, port: int, requests: Iterator[bytes], status: int, *, content: bool) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = 0
        self.octets = 0
        self._requests = requests
        self._expected = b"HTTP/1.1 %d" % status
        self._content = content
        self._head = b""
        self._left = 0
        self._buffer = bytearray(_BUFFER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self) -> bool:
        """Send the next request, if there is one."""
        following = next(self._requests, None)
        if following is not None:
            self.socket.sendall(following)
        return following is not None

    def take(self) -> bool:
        """Receive what there is; True when the answer has ended."""
        count = self.socket.recv_into(self._buffer)
        if count == 0:
            raise RuntimeError(f"the connection was closed in the middle of an answer, after {self._head!r}")
        self.octets += count
        if self._left == 0:
            self._head += self._buffer[:count]
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return False
            self._left = self._content_length(head)
            count, self._head = len(rest), b""
        self._left -= count
        if self._left < 0:
            raise RuntimeError(f"{-self._left} octets more than announced")
        self.answers += self._left == 0
        return self._left == 0

    def _content_length(self, head: bytes) -> int:
        found = _LENGTH.search(head)
        if not head.startswith(self._expected) or (self._content and found is None):
            raise RuntimeError(f"expected {self._expected.decode()} and a content-length, got {head!r}")
        return int(found[1]) if found and self._content else 0


def bind_to_core_of_servers(pid: int) -> None:
    """A process keeps off the core of the load, where there are two."""
    if cores := two_cores():
        os.sched_setaffinity(pid, {cores[0]})


@contextmanager
def on_core_of_the_load() -> Iterator[None]:
    """This process is the load, while the block lasts."""
    cores = two_cores()
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores[1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
