"""The peers: one file each, and adding one is adding a file.

A peer's module defines `PEER`. Its cases are ASGI apps, keyed by the case names of `bench.lanes.bytes.lane`; a case that a
peer cannot do is left out and shows as a dash. Each case is written the leanest way that the peer's own documentation
shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import contestant
from bench.asgi import by_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.asgi import App

# The columns that every reader looks for first, and that targets are about; others follow by name, whole frameworks last.
FIRST = ("handwritten", "rejoinder", "starlette")


@dataclass(frozen=True)
class Peer(contestant.Contestant):
    """One column of the tables."""

    cases: Mapping[str, App]
    framework: App | None = None
    """Set if the cases go through a whole framework, with routing, which is then served as it is."""

    @property
    def heading(self) -> str:
        return f"{self.label} †" if self.framework else self.label

    def application(self) -> App:
        """What a server serves: each case at the path of its name."""
        return self.framework or by_path({path_of(case): app for case, app in self.cases.items()})


def path_of(case: str) -> str:
    return f"/{case}"


def load(name: str) -> Peer:
    """Import one peer; an `ImportError` tells that it is not installed."""
    return contestant.load(__name__, name, Peer)


def discover() -> tuple[list[Peer], dict[str, str]]:
    """All peers that can be imported, in the order of their columns, and why the others cannot."""
    peers, missing = contestant.discover(__name__, __path__, Peer)
    return sorted(peers, key=_column), missing


def _column(peer: Peer) -> tuple[int, bool, str]:
    position = FIRST.index(peer.name) if peer.name in FIRST else len(FIRST)
    return position, peer.framework is not None, peer.name
