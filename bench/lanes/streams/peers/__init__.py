"""The peers of the streams lane: one file each, and adding one is adding a file.

A peer's module defines `PEER`. Its cases are ASGI apps, keyed by the names in `bench.lanes.streams.cases`; a case that a peer
cannot do is left out and shows as a dash. All are given the same sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import contestant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bench.asgi import App

# The columns that every reader looks for first, and that targets are about.
FIRST = ("handwritten", "rejoinder", "starlette", "sse_starlette")


@dataclass(frozen=True)
class StreamPeer(contestant.Contestant):
    """One column of the tables."""

    cases: Mapping[str, App]
    publish: Callable[[object], Awaitable[object]] | None = None
    """Sends an object to all who listen to the case BROADCAST, and gives the loop one turn."""
    exports: Mapping[str, Callable[[int], App]] | None = None
    """Makes the app that sends so many rows."""
    whole: bool = False
    """It is a whole framework, with routing."""

    @property
    def heading(self) -> str:
        return f"{self.label} †" if self.whole else self.label


def load(name: str) -> StreamPeer:
    """Import one peer; an `ImportError` tells that it is not installed."""
    return contestant.load(__name__, name, StreamPeer)


def discover() -> tuple[list[StreamPeer], dict[str, str]]:
    """All peers that can be imported, in the order of their columns, and why the others cannot."""
    peers, missing = contestant.discover(__name__, __path__, StreamPeer)
    return sorted(peers, key=_column), missing


def _column(peer: StreamPeer) -> tuple[int, str]:
    return FIRST.index(peer.name) if peer.name in FIRST else len(FIRST), peer.name
