"""Content codings applied on the way out: RFC 9110 sections 8.4, 8.8.3.3 and 14.

Theory of operation. Behind the point where content is compressed, a resource has one representation, the plain one; before
it, one for each coding. Three things have to be kept right between the two.

The choice is made from the request and the header section alone, never from the content: so HEAD has the header section
of GET, and a stream's head does not wait for its content. Vary tells of it whenever another client could get another
answer, also when this one gets the plain one.

Validators. The plain `"a"` is `W/"a-gzip"` in gzip. What a client has of such a tag is turned into the plain one for who
evaluates conditions behind this point, and the 304 that comes back names the tag that the client has.

Ranges. They are of the plain octets, and a client may have coded ones; put together they are neither. So a coded
answer offers no ranges, its weak tag cannot be used to ask for one (13.1.5), and a date, which both representations have in
common, does not guard a Range: the whole is sent.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from rejoinder._http.conditions import IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, SAFE
from rejoinder._http.etags import AnyETag, ETag, format_etag, parse_etag, parse_etags, recoded_etag, weak_eq
from rejoinder._http.fields import Field, combine
from rejoinder._http.media import is_compressible
from rejoinder._http.negotiation import ACCEPT_ENCODING, CONTENT_ENCODING, add_vary, rank_codings
from rejoinder._http.status import WITH_CONTENT

_RANGE, _CONTENT_RANGE = b"range", b"content-range"
_CONTENT_TYPE, _CONTENT_LENGTH, _ETAG = b"content-type", b"content-length", b"etag"
_CACHE_CONTROL, _VARY = b"cache-control", b"vary"
_DECISIVE = frozenset({_CONTENT_TYPE, _CONTENT_LENGTH, _CONTENT_RANGE, CONTENT_ENCODING, _CACHE_CONTROL, _ETAG, _VARY})
_CONDITIONAL = frozenset({IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, _RANGE})
_ASKED = _CONDITIONAL | {ACCEPT_ENCODING}
_PARTIAL_CONTENT, _NOT_MODIFIED = 206, 304
_VARIES: Field = (_VARY, ACCEPT_ENCODING)
_MOST_DIGITS = 18

DIGESTS = frozenset({b"content-digest", b"repr-digest", b"digest", b"content-md5"})
"""Fields that are of the octets before they were coded. RFC 9530, 2 and 3: both digests are taken after content codings;
Digest (RFC 3230) and Content-MD5 (RFC 1864) too."""
_NOT_CODED = DIGESTS | {_CONTENT_LENGTH, b"accept-ranges"}

_forbids = re.compile(rb"(?:\A|[\s,])no-transform(?:[\s,]|\Z)", re.IGNORECASE).search


class Asked(NamedTuple):
    """What a request asks of whoever compresses the answer."""

    codings: tuple[bytes, ...]  # those that it accepts, the best first
    conditions: Mapping[bytes, bytes]


class Coded(NamedTuple):
    """What becomes of an answer: its coding, None for none; its header section; the length of its plain content."""

    coding: bytes | None
    fields: list[Field]
    size: int | None


def read_request(request: Collection[Field], offered: tuple[bytes, ...]) -> Asked:
    """What there is to know of a request; `offered` are the codings in the server's order.

    >>> read_request([(b"accept-encoding", b"gzip, br;q=0.5")], (b"br", b"gzip")).codings
    (b'gzip', b'br')
    """
    asked = dict(request)
    # This is done for each request of an application: most are simple.
    if len(asked) != len(request) or not asked.keys().isdisjoint(_CONDITIONAL):
        asked = combine(request, _ASKED)
        return Asked(rank_codings(asked.pop(ACCEPT_ENCODING, None), offered), asked)
    return _without_conditions(asked.get(ACCEPT_ENCODING), offered)


@lru_cache(maxsize=64)  # as many as `rank_codings` keeps
def _without_conditions(accept_encoding: bytes | None, offered: tuple[bytes, ...]) -> Asked:
    return Asked(rank_codings(accept_encoding, offered), {})


def plain_request(method: str, request: Iterable[Field], asked: Asked, offered: tuple[bytes, ...]) -> list[Field]:
    """The request as it is for who knows nothing of codings: with plain tags beside the coded ones.

    >>> request = [(b"accept-encoding", b"gzip"), (b"if-none-match", b'W/"a-gzip"')]
    >>> plain_request("GET", request, read_request(request, (b"gzip",)), (b"gzip",))[1:]
    [(b'if-none-match', b'W/"a-gzip", "a"')]
    """
    conditions = asked.conditions
    if not conditions:
        return list(request)
    changed: dict[bytes, bytes] = {}
    is_safe = method in SAFE
    if tags := conditions.get(IF_NONE_MATCH):
        # A 304 has the client, or a cache on its behalf, use what it stored under that tag: no coding that this client
        # does not accept.
        changed[IF_NONE_MATCH] = _with_plain_tags(tags, asked.codings if is_safe else offered)
    # What a client is about to change has no coding. Of a safe method, If-Match is there for the sake of a Range.
    if not is_safe and (tags := conditions.get(IF_MATCH)):
        changed[IF_MATCH] = _with_plain_tags(tags, offered)
    dropped = {_RANGE, IF_RANGE} if _is_guarded_by_date(conditions) else frozenset[bytes]()
    kept = [field for field in request if field[0] not in changed and field[0] not in dropped]
    return [*kept, *changed.items()]


def without_range(request: Iterable[Field]) -> list[Field]:
    """The request for the whole of what is coded, unless its Range says by a tag that it is for the plain octets."""
    conditions = combine(request, _CONDITIONAL)
    if parse_etag(conditions.get(IF_RANGE, b"")):
        return list(request)
    return [field for field in request if field[0] != _RANGE]


def code(asked: Asked, status: int, fields: Iterable[Field], minimum: int, *, varies: bool | None = None) -> Coded:
    """What becomes of an answer with this status and header section.

    `varies` says whether there is a choice for the whole, where a 304 or a refusal is sent in place of it; None if nobody
    knows.

    >>> code(Asked((b"gzip",), {}), 200, [(b"content-type", b"text/plain"), (b"etag", b'"a"')], 500).fields
    [(b'content-type', b'text/plain'), (b'etag', b'W/"a-gzip"'), (b'content-encoding', b'gzip'), (b'vary', b'accept-encoding')]
    """
    fields = [(name.lower(), value) for name, value in fields]
    given = _decisive(fields)
    if status == _NOT_MODIFIED:
        return Coded(None, _not_modified(asked, fields, given, varies=varies), None)
    if not _has_choice(status, given, minimum):
        # 12.5.5: Vary tells what "might have influenced the origin server's process for selecting the content of this
        # response". Who accepts a coding gets the whole, also where others get a 416.
        return Coded(None, _tell_choice(fields, given) if varies else fields, None)
    if not asked.codings or status == _PARTIAL_CONTENT:
        return Coded(None, _tell_choice(fields, given), None)
    coding, length = asked.codings[0], given.get(_CONTENT_LENGTH)
    size = None if length is None else int(length)
    return Coded(coding, _tell_choice(_describe(fields, given, coding), given), size)


def has_choice(status: int, fields: Collection[Field], minimum: int) -> bool:
    """Whether the answer is one that some clients get in a coding."""
    return _has_choice(status, _decisive(fields), minimum)


def _decisive(fields: Collection[Field]) -> dict[bytes, bytes]:
    given = dict(fields)
    # If nothing repeats, nothing has to be combined.
    return given if len(given) == len(fields) else combine(fields, _DECISIVE)


def _has_choice(status: int, given: dict[bytes, bytes], minimum: int) -> bool:
    if status not in WITH_CONTENT or CONTENT_ENCODING in given or not _allows(given):
        return False
    if status == _PARTIAL_CONTENT:
        # It is sent as it is. 15.3.7: but with the Vary that "would have been sent in a 200 (OK) response".
        return is_compressible(given.get(_CONTENT_TYPE, b"").replace(b"multipart/byteranges", b"text/*"))
    if _CONTENT_RANGE in given or not is_compressible(given.get(_CONTENT_TYPE, b"")):
        return False
    length = given.get(_CONTENT_LENGTH)
    # Nothing is never smaller; and an order to a front server to send a file has no content of its own.
    return length is None or (length.isdigit() and len(length) <= _MOST_DIGITS and int(length) >= (minimum or 1))


def _allows(given: dict[bytes, bytes]) -> bool:
    # RFC 9111, 5.2.2.6: an intermediary "MUST NOT transform the content". We are at the origin, and do as if we were not.
    return _CACHE_CONTROL not in given or _forbids(given[_CACHE_CONTROL]) is None


def _tell_choice(fields: list[Field], given: dict[bytes, bytes]) -> list[Field]:
    return add_vary(fields, ACCEPT_ENCODING) if _VARY in given else [*fields, _VARIES]


def _describe(fields: list[Field], given: dict[bytes, bytes], coding: bytes) -> list[Field]:
    described = [field for field in fields if field[0] not in _NOT_CODED]
    if _ETAG in given:
        # What is no tag would be the same for all codings, and is compared as it is by some.
        described = [field for field in described if field[0] != _ETAG]
        if tag := parse_etag(given[_ETAG]):
            described.append((_ETAG, format_etag(recoded_etag(tag, coding))))
    described.append((CONTENT_ENCODING, coding))
    return described


def _not_modified(asked: Asked, fields: list[Field], given: dict[bytes, bytes], *, varies: bool | None) -> list[Field]:
    tag = parse_etag(given.get(_ETAG, b""))
    if tag is not None and (told := _stored(asked, tag)) is not None:
        fields = [(name, format_etag(told) if name == _ETAG else value) for name, value in fields]
    if varies is None:
        # A 304 mostly does not tell what it is of (15.4.5): better that one too many has it.
        varies = is_compressible(given.get(_CONTENT_TYPE, b"text/*")) and _allows(given)
    return _tell_choice(fields, given) if varies else fields


def _stored(asked: Asked, tag: ETag) -> ETag | None:
    """The coded form of this tag that the client has; None if it has none, but may have the plain one."""
    stored = asked.conditions.get(IF_NONE_MATCH, b"")
    for coding in asked.codings:
        coded = recoded_etag(tag, coding)
        if coded.opaque in stored:
            tags = parse_etags(stored)
            if tags is not AnyETag.ANY and any(weak_eq(one, coded) for one in tags):
                return coded
    return None


def _with_plain_tags(value: bytes, codings: Collection[bytes]) -> bytes:
    tags = parse_etags(value)
    if tags is AnyETag.ANY:
        return value
    plain = [
        format_etag(ETag(tag.opaque.removesuffix(b"-" + coding)))
        for tag in tags
        if tag.weak
        for coding in codings
        if tag.opaque.endswith(b"-" + coding)
    ]
    return b", ".join((value, *plain))


def _is_guarded_by_date(conditions: Mapping[bytes, bytes]) -> bool:
    """Whether all that keeps this Range from another version is a date, which the coded octets have as well."""
    if _RANGE not in conditions:
        return False
    if (validator := conditions.get(IF_RANGE)) is not None:
        return parse_etag(validator) is None
    return IF_UNMODIFIED_SINCE in conditions and IF_MATCH not in conditions
