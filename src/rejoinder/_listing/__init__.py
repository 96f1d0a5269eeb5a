"""The page that shows what is in a directory.

The names on it were written by anyone who may put a file there. So a name is text and never markup, its link begins with
"./" and has every octet but letters, digits and `-._~` percent-encoded (no name is a scheme, a host or a query then), and
no name comes near the script, which finds them in the document. Under the content-security-policy to be sent with the
page, nothing runs or is loaded but the one style and the one script that have these hashes.
"""

import os
import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from pkgutil import get_data
from posixpath import normpath
from string import Template
from typing import NamedTuple
from urllib.parse import quote

from rejoinder._http.dates import utc_datetime
from rejoinder._listing.size import format_size


class Entry(NamedTuple):
    """What is in a directory: its name as `os.fsdecode` gives it, its size in octets, its time in seconds since 1970.

    Directories of an object store have no time.
    """

    name: str
    is_directory: bool
    size: int
    modified: float | None


def _read(name: str) -> str:
    content = get_data(__name__, name)
    assert content is not None  # only a loader that has no data returns None
    return content.decode()


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


_CSS = _read("page.css")
_JS = _read("page.js")
_PAGE = Template(_read("page.html"))

POLICY: str = (
    f"default-src 'none'; style-src {_hash(_CSS)}; script-src {_hash(_JS)}; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The content-security-policy to be sent with the page. The image is the icon, which is in the page."""

_TABLE_HEAD = (
    '<table>\n<thead><tr><th scope="col" aria-sort="ascending">Name</th><th scope="col">Size</th>'
    '<th scope="col">Modified <span>(UTC)</span></th></tr></thead>\n<tbody>\n'
)
_TABLE_FOOT = "</tbody>\n</table>\n"
_ROOT = "Files"
_PARENT = '<a class="up" href="../">Parent folder</a>\n'

# Controls, which no document may have or which would not show; overrides of the direction, which make "gpj.exe" of
# "exe.jpg"; halves of a surrogate pair, which stand for octets that are no UTF-8, and cannot be sent.
_odd = re.compile("[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_digits = re.compile("([0-9]+)")
_CONTROL_PICTURES = 0x2400


def render(url_path: str, entries: Iterable[Entry]) -> str:
    """The page for a directory: folders first, names in their natural order.

    `url_path` is the decoded path at which it is shown, seen from the uppermost directory there is. Links are relative: it has to end in "/" in the client's eyes.

    >>> page = render("/music/", [Entry("10 <3.ogg", False, 2_500_000, 0.0), Entry("2.ogg", False, 1, 0.0)])
    >>> page.index("2.ogg") < page.index('<a href="./10%20%3C3.ogg"><bdi>10 &lt;3.ogg</bdi></a>')
    True
    """
    ordered = sorted(entries, key=_natural_key)
    # As browsers see it; a path of many "./" is no deep one.
    parts = [part for part in normpath(f"/{url_path}").split("/") if part]
    table = [_TABLE_HEAD, *map(_row, ordered), _TABLE_FOOT]
    return _PAGE.substitute(
        css=_CSS,
        js=_JS,
        title=f"Index of {_text('/'.join(['', *parts, '']))}",
        way=_way(parts) if parts else "",
        heading=_name(parts[-1] if parts else _ROOT),
        summary=_summary(ordered),
        parent=_PARENT if parts else "",
        entries="".join(table) if ordered else "",
    )


def _way(parts: list[str]) -> str:
    """The way here from the root. Steps upwards are right below any prefix that a proxy or a mount has taken away."""
    above = zip(range(len(parts), 0, -1), [_ROOT, *parts[:-1]], strict=True)
    crumbs = "".join(f'<li><a href="{"../" * steps}">{_name(name)}</a></li>' for steps, name in above)
    return f'<nav aria-label="Breadcrumb"><ol>{crumbs}</ol></nav>\n'


def _summary(entries: list[Entry]) -> str:
    sizes = [entry.size for entry in entries if not entry.is_directory]
    folders = len(entries) - len(sizes)
    told = [_count(folders, "folder")] if folders else []
    if sizes:
        told.append(f"{_count(len(sizes), 'file')}, {format_size(sum(sizes))}")
    return ", ".join(told) or "This folder is empty."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _row(entry: Entry) -> str:
    slash, size = "/", ""
    if not entry.is_directory:
        slash = ""
        size = f'<data value="{entry.size}" title="{_count(entry.size, "byte")}">{format_size(entry.size)}</data>'
    href = f"./{quote(os.fsencode(entry.name), safe='')}{slash}"
    return (
        f'<tr><th scope="row"><a href="{href}">{_name(entry.name + slash)}</a></th>'
        f"<td>{size}</td><td>{'' if entry.modified is None else _time(entry.modified)}</td></tr>\n"
    )


def _time(modified: float) -> str:
    # Without an offset, and with the "Z" that a script reads in every browser.
    day, _, hour = utc_datetime(int(modified)).replace(tzinfo=None).isoformat(timespec="seconds").partition("T")
    return f'<time datetime="{day}T{hour}Z">{day} <span>{hour[:5]}</span></time>'


def _name(name: str) -> str:
    """A name, isolated: one that is written from right to left does not turn what is beside it."""
    return f"<bdi>{_text(name)}</bdi>"


def _text(text: str) -> str:
    return escape(_odd.sub(_picture, text))


def _picture(found: re.Match[str]) -> str:
    """A sign that can be seen: that of the control character, or that of what cannot be shown."""
    code = ord(found[0])
    if code < 0x20:  # noqa: PLR2004
        return chr(_CONTROL_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"  # noqa: PLR2004


def _natural_key(entry: Entry) -> tuple[bool, list[tuple[int, str]], str]:
    """Folders first; numbers by their value, however many digits they have; letters without regard to case."""
    parts = _digits.split(entry.name.casefold())
    for place in range(1, len(parts), 2):
        parts[place] = parts[place].lstrip("0")
    # Text and numbers take turns, so that like is compared with like. Of two numbers the one with more digits is greater.
    return (
        not entry.is_directory,
        [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)],
        entry.name,
    )
