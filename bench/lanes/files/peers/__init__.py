"""The file servers: one file each, and adding one is adding a file.

A peer's module defines `PEER`: an ASGI app for a directory, which is put behind each ASGI server, or the command of a
server of its own. It serves the file `/NAME` of that directory, in the leanest way that its documentation shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import contestant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.asgi import App

UVICORN = "uvicorn"
GRANIAN = "granian"

# Ours, and whom it is measured against, then everyone else by name, and last what is no Python.
FIRST = ("handwritten", "rejoinder", "rejoinder_static", "rejoinder_pathsend", "starlette", "starlette_static")
LAST = ("aiohttp", "nginx")

BASELINES = ("handwritten", "starlette", "starlette_static", "nginx")


@dataclass(frozen=True)
class FilePeer(contestant.Contestant):
    """One column of the tables."""

    app: Callable[[str], App] | None = None
    """Makes the app that serves a directory."""
    command: Callable[[Path, int, Path], list[str]] | None = None
    """For one that brings its own server: serve this directory at this port, with that directory for scratch."""
    servers: frozenset[str] = frozenset({UVICORN, GRANIAN})
    """The tables that it is in; who brings a server stands beside uvicorn's."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """The cases that it cannot do, and what it does instead. That it is so is checked, too."""


def load(name: str) -> FilePeer:
    """Import one peer; an `ImportError` tells that it is not installed."""
    return contestant.load(__name__, name, FilePeer)


def discover() -> tuple[list[FilePeer], dict[str, str]]:
    """All peers that are installed, in the order of their columns, and why the others are not."""
    peers, missing = contestant.discover(__name__, __path__, FilePeer)
    return sorted(peers, key=_column), missing


def _column(peer: FilePeer) -> tuple[int, str]:
    order = [*FIRST, "", *LAST]
    return order.index(peer.name if peer.name in order else ""), peer.name
