"""A peer of the streams lane in a process of its own, bound to no core, as file servers are."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.processes import python, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.lanes.streams.peers import StreamPeer


@dataclass(frozen=True)
class StreamServer:
    """A peer that answers at a loopback port."""

    peer: StreamPeer
    port: int
    pid: int

    def url(self, case: str) -> str:
        return f"http://127.0.0.1:{self.port}/{case}"


@contextmanager
def serving(peer: StreamPeer) -> Iterator[StreamServer]:
    """The peer's own process, ready when the block is entered and gone when it is left."""
    with running(peer.name, python("bench.lanes.streams.serve", peer.name)) as server:
        yield StreamServer(peer, server.port, server.pid)
