"""Whatever has a column in a table, and how a package of such is gathered: one module each, which defines `PEER`."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Contestant:
    """One column of the tables."""

    name: str
    """The name of its module."""
    label: str
    """The head of its column."""
    note: str
    """One line: what of this peer is measured."""
    distributions: tuple[str, ...]
    """What is installed for it; their versions go into the report."""

    @property
    def heading(self) -> str:
        return self.label


C = TypeVar("C", bound=Contestant)


def load(package: str, name: str, kind: type[C]) -> C:
    """Import one peer; an `ImportError` tells that it is not installed."""
    peer = importlib.import_module(f"{package}.{name}").PEER
    if not isinstance(peer, kind):
        raise TypeError(f"{package}.{name}: PEER must be a {kind.__name__}, not {type(peer).__name__}")
    return peer


def discover(package: str, path: Iterable[str], kind: type[C]) -> tuple[list[C], dict[str, str]]:
    """All peers that can be imported, by name, and why the others cannot."""
    peers: list[C] = []
    missing: dict[str, str] = {}
    for module in pkgutil.iter_modules(path):
        try:
            peers.append(load(package, module.name, kind))
        except ImportError as error:
            missing[module.name] = str(error).partition(" (")[0]  # in brackets there may be a path of this machine
    return peers, missing
