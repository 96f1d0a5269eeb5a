"""What sends the objects of a store: one file each, and adding one is adding a file.

A peer's module defines `PEER`, a `FilePeer` whose `app` makes the ASGI app for the URL of an HTTP store, and serves the
object `/NAME` of that.
"""

from __future__ import annotations

from bench import contestant
from bench.lanes.files.peers import FilePeer

FIRST = ("rejoinder", "loop", "loop_64k")


def load(name: str) -> FilePeer:
    """Import one peer; an `ImportError` tells that it is not installed."""
    return contestant.load(__name__, name, FilePeer)


def discover() -> tuple[list[FilePeer], dict[str, str]]:
    """All peers that are installed, in the order of their columns, and why the others are not."""
    peers, missing = contestant.discover(__name__, __path__, FilePeer)
    missing["baize"] = "0.23 has no response of fsspec's or of any other store's; its FileResponse takes paths"
    return sorted(peers, key=lambda peer: FIRST.index(peer.name)), missing
