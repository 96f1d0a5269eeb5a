"""The peers: one file each, and adding one is adding a file.

A peer's module defines `PEER`. Its cases are ASGI apps, keyed by the case names of the lanes (`bench.bytes_lane` and
its later sisters); a case that a peer cannot do is left out and shows as a dash. Each case is written the leanest way
that the peer's own documentation shows.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.asgi import by_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.asgi import App

# The columns that every reader looks for first; others follow by name, whole frameworks last.
FIRST = ("handwritten", "rejoinder", "starlette")


@dataclass(frozen=True)
class Peer:
    """One column of the tables."""

    name: str
    """The name of its module."""
    label: str
    """The head of its column."""
    note: str
    """One line: what of this peer is measured."""
    distributions: tuple[str, ...]
    """What is installed for it; their versions go into the report."""
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
    peer = importlib.import_module(f"{__name__}.{name}").PEER
    if not isinstance(peer, Peer):
        raise TypeError(f"bench/peers/{name}.py: PEER must be a Peer, not {type(peer).__name__}")
    return peer


def discover() -> tuple[list[Peer], dict[str, str]]:
    """All peers that can be imported, in the order of their columns, and why the others cannot."""
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        try:
            peers.append(load(module.name))
        except ImportError as error:
            missing[module.name] = str(error)
    return sorted(peers, key=_column), missing


def _column(peer: Peer) -> tuple[int, bool, str]:
    position = FIRST.index(peer.name) if peer.name in FIRST else len(FIRST)
    return position, peer.framework is not None, peer.name
