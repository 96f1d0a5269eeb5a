"""Entity tags: RFC 9110 section 8.8.3."""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple, TypeAlias

# entity-tag = [ weak ] opaque-tag; weak = %s"W/"; opaque-tag = DQUOTE *etagc DQUOTE; commas are etagc, spaces are not.
_ETAGC = rb"[!#-~\x80-\xff]"
_ENTITY_TAG = rb'(W/)?"(' + _ETAGC + rb'*+)"'
_is_entity_tag = re.compile(_ENTITY_TAG).fullmatch
_is_bare = re.compile(_ETAGC + rb"+").fullmatch
# An element of a list, with the comma that ends it only looked at. Possessive, and a quote ends every scan that a quote
# began: no octet is visited more than a few times, whatever the client sends.
_list_element = re.compile(rb"(?:\A|,)[ \t]*+" + _ENTITY_TAG + rb"[ \t]*+(?=,|\Z)")


class ETag(NamedTuple):
    """An entity tag; `opaque` is what stands between the quotes."""

    opaque: bytes
    weak: bool = False


class AnyETag(Enum):
    """`*`, which stands for any representation at all."""

    ANY = "*"


ETags: TypeAlias = Literal[AnyETag.ANY] | Iterator[ETag]


def strong_eq(a: ETag, b: ETag) -> bool:
    """The same octets: both tags are strong and equal (8.8.3.2)."""
    return not a.weak and not b.weak and a.opaque == b.opaque


def weak_eq(a: ETag, b: ETag) -> bool:
    """As good as the same: equal, whether strong or weak (8.8.3.2)."""
    return a.opaque == b.opaque


def parse_etag(value: bytes) -> ETag | None:
    """The one entity tag that the value is, or None.

    >>> parse_etag(b'W/"a"')
    ETag(opaque=b'a', weak=True)
    """
    found = _is_entity_tag(value)
    return found and ETag(found[2], bool(found[1]))


def parse_etags(value: bytes) -> ETags:
    """The entity tags of If-Match or If-None-Match, read one by one. What is no entity tag is skipped: it equals none.

    >>> list(parse_etags(b'"a,b", nonsense, W/"c"'))
    [ETag(opaque=b'a,b', weak=False), ETag(opaque=b'c', weak=True)]
    """
    if value.strip(b" \t") == b"*":
        return AnyETag.ANY
    return (ETag(found[2], bool(found[1])) for found in _list_element.finditer(value))


def format_etag(etag: ETag) -> bytes:
    """The field value.

    >>> format_etag(ETag(b"a", weak=True))
    b'W/"a"'
    """
    return b'W/"%s"' % etag.opaque if etag.weak else b'"%s"' % etag.opaque


def check_etag(text: object) -> ETag:
    """The entity tag that a caller gave: `"abc"`, `W/"abc"`, or bare `abc`, which means `"abc"`.

    Raises:
        ValueError: none of these.

    >>> format_etag(check_etag("abc"))
    b'"abc"'
    """
    if isinstance(text, str) and (etag := _read_etag(text)):
        return etag
    raise ValueError(
        f"etag {text!r} is not an entity tag (RFC 9110, 8.8.3); pass for example 'abc', '\"abc\"', or 'W/\"abc\"' for a "
        "weak one; ASCII without spaces, control characters and quotes within"
    )


@lru_cache(maxsize=1024)  # a server tells the tags of the same files again and again
def _read_etag(text: str) -> ETag | None:
    if not text.isascii():
        return None
    raw = text.encode()
    if found := parse_etag(raw):
        return found
    # Bare W/abc would become a strong tag that looks weak.
    return ETag(raw) if _is_bare(raw) and not raw.startswith(b"W/") else None


def file_etag(mtime_ns: int, size: int, inode: int) -> ETag:
    """The strong entity tag of a file with these facts. Hashed, so that it tells no inode number."""
    return ETag(blake2b(b"%d-%d-%d" % (mtime_ns, size, inode), digest_size=12).hexdigest().encode())


def coded_etag(value: bytes, coding: bytes) -> bytes:
    """The entity tag of the same in a content coding; a weak one, which speaks of no octets, is good for all of them.

    >>> coded_etag(b'"a"', b"br")
    b'"a-br"'
    """
    tag = parse_etag(value)
    return value if tag is None or tag.weak else format_etag(ETag(tag.opaque + b"-" + coding))


def recoded_etag(tag: ETag, coding: bytes) -> ETag:
    """The entity tag of the same in a content coding that was applied on the way out.

    A tag of its own (8.8.3.3), so that a 304 tells which of the two is meant; and a weak one, since the next encoder, of
    another version or with other pauses, gives other octets (8.8.1).

    >>> format_etag(recoded_etag(ETag(b"a"), b"br"))
    b'W/"a-br"'
    """
    return ETag(tag.opaque + b"-" + coding, weak=True)


def content_etag(content: bytes) -> ETag:
    """The strong entity tag of these very octets."""
    return ETag(blake2b(content, digest_size=12).hexdigest().encode())
