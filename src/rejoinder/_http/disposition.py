"""Content-Disposition: RFC 6266, and RFC 8187 for names beyond ASCII.

A file name often comes from whoever uploaded the file, so it is taken as hostile: it must not end the header, add a
parameter, name a directory, or pretend to another extension. No name is refused, since whoever downloads the file
cannot choose another one.
"""

import re
from unicodedata import combining, normalize
from urllib.parse import quote

_DEFAULT = "download"
_MAX_OCTETS = 255  # what file systems take
_MAX_EXTENSION = 20

_separator = re.compile(r"[/\\]")
# C0, DEL and C1, line and paragraph separators; and the marks that turn the direction of writing, with which
# "exe.<mark>gpj" shows as "jpg.exe" or the other way round.
_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_surrogate = re.compile("[\ud800-\udfff]")
# RFC 6266, appendix D: some readers decode percent escapes in a quoted-string, and some do not undo backslashes.
# A slash is here for those that turn to one when simplified: U+FF0F and the like.
_unquotable = re.compile(r'[^ -~]|["\\%/]')
_is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1; quote() adds letters, digits and "_.-~"


def content_disposition(filename: str, type: str = "attachment") -> str:  # noqa: A002 - RFC 6266's name for it
    r"""The Content-Disposition that offers a download under this name; `type` is `"attachment"` or `"inline"`.

    Path parts, control characters and what else could harm are taken out of the name, so it may come from a user.
    Readers that know RFC 8187 get all of it; for others there is an ASCII name where the two differ.

    Raises:
        ValueError: the type is not a token.

    >>> content_disposition("a.txt")
    'attachment; filename="a.txt"'
    >>> content_disposition("naïve.txt", "inline")
    'inline; filename="naive.txt"; filename*=UTF-8\'\'na%C3%AFve.txt'
    """
    if not _is_token(type):
        raise ValueError(f"a disposition type must be a token such as 'attachment' or 'inline', got {type!r}")
    name = _safe_name(filename)
    fallback = _ascii_name(name)
    plain = f'{type}; filename="{fallback}"'
    return plain if fallback == name else f"{plain}; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"


def _safe_name(filename: str) -> str:
    """The name alone: no directories, nothing unprintable, not too long, and never empty or dots only."""
    name = _separator.split(filename)[-1]
    if not (name.isascii() and name.isprintable()):
        name = _unprintable.sub("", _surrogate.sub("\ufffd", name))
    name = name.strip(" ")
    name = _shorten(name).strip(" ")
    return name if name.strip(". ") else _DEFAULT


def _shorten(name: str) -> str:
    """At most 255 octets of UTF-8, with the extension kept."""
    if len(name.encode()) <= _MAX_OCTETS:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _MAX_EXTENSION:
        stem, dot, extension = name, "", ""
    room = _MAX_OCTETS - len((dot + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + extension


def _ascii_name(name: str) -> str:
    """The nearest name that any reader understands: letters lose their accents, the rest becomes "_"."""
    letters = name
    if not name.isascii():
        letters = "".join(character for character in normalize("NFKD", name) if not combining(character))
    letters = _unquotable.sub("_", letters)
    return letters if letters.strip(". ") else _DEFAULT
