"""The page that shows what is in a directory."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple
from urllib.parse import quote

POLICY = "default-src 'none'"


class Entry(NamedTuple):
    """One line of the page; `name` as `os.fsdecode` gives it, `modified` in seconds since 1970."""

    name: str
    is_directory: bool
    size: int
    modified: float


def render(url_path: str, entries: Iterable[Entry]) -> str:
    """The page for the directory at this path."""
    names = [entry.name + "/" * entry.is_directory for entry in entries]
    links = (f'<li><a href="./{quote(name, errors="surrogateescape")}">{escape(_shown(name))}</a>' for name in names)
    return f"<!doctype html><meta charset=utf-8><title>{escape(_shown(url_path))}</title><ul>{''.join(links)}</ul>"


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")
