"""A client of streams: many connections that are read as they come, in one epoll, with the time at which they came."""

from __future__ import annotations

import resource
import selectors
import socket
import struct
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Self

from bench.cases import WrongAnswerError
from bench.client import on_core_of_the_load, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.lanes.streams.server import StreamServer

PATIENCE = 60
_BUFFER = memoryview(bytearray(256 * 1024))  # one for all: a new one for each time would cost more than the call
_AT_ONCE = 200
"""Connections that are opened before the first of them must have been served: less than servers let wait."""


def raise_descriptor_limit() -> int:
    """Let this process have as many descriptors as it may; gives how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Stream:
    """One answer in the chunked coding (RFC 9112, 7.1), as far as it has come."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.sendall(request("GET", f"/{path}"))
        self.ended = False
        self.octets = 0
        """All that have come over the wire."""
        self._buffer = b""
        self._in_head = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # With a reset: ten thousand closed ones shall not keep their ports for a minute.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self) -> bytes:
        """The content that has come; waits for the first octet, which may be none of it."""
        received = bytes(_BUFFER[: self.socket.recv_into(_BUFFER)])
        if not received:
            raise WrongAnswerError(f"the connection was closed in the middle of an answer, after {self.octets} octets")
        self.octets += len(received)
        self._buffer += received
        if self._in_head:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return b""
            if not head.startswith(b"HTTP/1.1 200 ") or b"transfer-encoding: chunked" not in head.lower():
                raise WrongAnswerError(f"expected 200 and the chunked coding, got {head!r}")
            self._buffer, self._in_head = rest, False
        return self._content()

    def _content(self) -> bytes:
        buffer, position, parts = self._buffer, 0, list[bytes]()
        while (line := buffer.find(b"\r\n", position)) >= 0:
            stop = line + 2 + int(buffer[position:line], 16)
            if len(buffer) < stop + 2:
                break
            parts.append(buffer[line + 2 : stop])
            self.ended = not parts[-1]
            position = stop + 2
        self._buffer = buffer[position:]
        return b"".join(parts)


def whole(server: StreamServer, path: str) -> tuple[bytes, int]:
    """The content of an answer, and how many octets it took on the wire."""
    with Stream(server.port, path) as stream:
        parts: list[bytes] = []
        while not stream.ended:
            parts.append(stream.receive())
        return b"".join(parts), stream.octets


def follow(streams: list[Stream], take: Callable[[int, bytes, float], bool]) -> None:
    """Read them all, until `take(index, content, now)` has said of each that it has enough.

    Raises:
        TimeoutError: it takes a minute, whatever else comes meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    with ExitStack() as stack:
        selector = stack.enter_context(closing(selectors.DefaultSelector()))
        for index, stream in enumerate(streams):
            selector.register(stream.socket, selectors.EVENT_READ, (index, stream))
        while selector.get_map():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(selector.get_map())} streams have not got enough in {PATIENCE} seconds")
            for key, _ in selector.select(1):
                index, stream = key.data
                content = stream.receive()
                if content and take(index, content, time.monotonic()):
                    selector.unregister(key.fileobj)


@contextmanager
def opened(server: StreamServer, path: str, count: int) -> Iterator[list[Stream]]:
    """So many streams, not waiting for what they send."""
    with ExitStack() as stack:
        stack.enter_context(on_core_of_the_load())
        yield [stack.enter_context(Stream(server.port, path)) for _ in range(count)]


@contextmanager
def served(server: StreamServer, path: str, count: int, first: bytes) -> Iterator[list[Stream]]:
    """So many streams, of which each has got this content and nothing more.

    Raises:
        WrongAnswerError: the content is another.
    """

    def is_first(_: int, content: bytes, now: float) -> bool:
        if content.replace(b"\r\n", b"\n") != first:
            raise WrongAnswerError(f"{server.peer.name}, {path}: expected {first!r}, got {content!r}")
        return True

    with ExitStack() as stack:
        stack.enter_context(on_core_of_the_load())
        streams: list[Stream] = []
        while len(streams) < count:
            number = min(_AT_ONCE, count - len(streams))
            more = [stack.enter_context(Stream(server.port, path)) for _ in range(number)]
            follow(more, is_first)
            streams += more
        yield streams
