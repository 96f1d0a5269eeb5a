"""The peers of the archives lane: one file each, and adding one is adding a file.

A peer's module defines `PEER`, whose `pack` makes an ASGI app of a folder that sends it as a ZIP, deflated or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import contestant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.asgi import App


@dataclass(frozen=True)
class ArchivePeer(contestant.Contestant):
    """One column of the tables."""

    pack: Callable[[Path, bool], App]


def load(name: str) -> ArchivePeer:
    """Import one peer; an `ImportError` tells that it is not installed."""
    return contestant.load(__name__, name, ArchivePeer)


def discover() -> tuple[list[ArchivePeer], dict[str, str]]:
    """All peers that can be imported, and why the others cannot."""
    return contestant.discover(__name__, __path__, ArchivePeer)
