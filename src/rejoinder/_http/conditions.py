"""Conditional requests: RFC 9110 section 13.

A precondition compares what the client has with what there is. Each of the functions below the line is one of the
RFC's sections, True if its condition is true; `evaluate` is section 13.2.2, which says in which order they count.
A field that is absent, or that the RFC says to ignore, is neither true nor false: that is decided in `evaluate` too.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from rejoinder._http.dates import parse_date
from rejoinder._http.etags import AnyETag, ETag, parse_etag, parse_etags, strong_eq, weak_eq

IF_MATCH = b"if-match"
IF_NONE_MATCH = b"if-none-match"
IF_MODIFIED_SINCE = b"if-modified-since"
IF_UNMODIFIED_SINCE = b"if-unmodified-since"
IF_RANGE = b"if-range"

SAFE = frozenset({"GET", "HEAD"})
# 13.2.1: "A server MUST ignore the conditional request header fields [...] when received with a request method that
# does not involve the selection or modification of a selected representation, such as CONNECT, OPTIONS, or TRACE."
_WITHOUT_REPRESENTATION = frozenset({"CONNECT", "OPTIONS", "TRACE"})


class Outcome(Enum):
    """What the preconditions of a request come to."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


class Validators(NamedTuple):
    """What identifies the current state of a representation, and the moment `as_of` which that was found out."""

    etag: ETag | None
    last_modified: int | None
    as_of: int


def evaluate(method: str, request: Mapping[bytes, bytes], current: Validators) -> Outcome:
    """The answer of 13.2.2 to the preconditions among these fields; `request` has each name once, in lower case.

    >>> evaluate("GET", {b"if-none-match": b'"a"'}, Validators(ETag(b"a"), None, as_of=0))
    <Outcome.NOT_MODIFIED: 2>
    """
    if method in _WITHOUT_REPRESENTATION or (current.etag is None and current.last_modified is None):
        return Outcome.PROCEED
    # Steps 1 and 2. 13.1.4: "A recipient MUST ignore If-Unmodified-Since if the request contains an If-Match".
    if (tags := request.get(IF_MATCH)) is not None:
        if not _matches(tags, current.etag, strong_eq):
            return Outcome.FAILED
    elif (date := request.get(IF_UNMODIFIED_SINCE)) is not None and _modified_since(date, current) is True:
        return Outcome.FAILED
    # Steps 3 and 4. 13.1.3: "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match".
    if (tags := request.get(IF_NONE_MATCH)) is not None:
        if _matches(tags, current.etag, weak_eq):
            return Outcome.NOT_MODIFIED if method in SAFE else Outcome.FAILED
    elif (
        method in SAFE
        and (date := request.get(IF_MODIFIED_SINCE)) is not None
        and _modified_since(date, current) is False
    ):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def range_applies(request: Mapping[bytes, bytes], current: Validators) -> bool:
    """Step 5: whether If-Range, if there is one, lets Range count (13.1.5)."""
    value = request.get(IF_RANGE)
    if value is None:
        return True
    if tag := parse_etag(value):
        return current.etag is not None and strong_eq(tag, current.etag)
    return current.last_modified is not None and (
        # 8.8.2.2: a date is weak unless it is known that the representation "did not change twice during the second
        # covered by the presented validator". While that second lasts, nobody knows.
        current.last_modified < current.as_of
        # 13.1.5: "exactly matches", not "is no later than".
        and parse_date(value, current.as_of) == current.last_modified
    )


# ----------------------------------------------------------------------------------------------------------------------


def _matches(value: bytes, etag: ETag | None, equal: Callable[[ETag, ETag], bool]) -> bool:
    """13.1.1 and 13.1.2: whether the field lists the current tag; `*` is any, and there is a representation."""
    if etag is not None and not etag.weak and value == b'"%s"' % etag.opaque:
        return True  # what nearly all clients send, told at a glance
    tags = parse_etags(value)
    if tags is AnyETag.ANY:
        return True
    # A list without the octets of the tag does not have the tag, and is not read: some have 16,000 others.
    return etag is not None and etag.opaque in value and any(equal(tag, etag) for tag in tags)


def _modified_since(value: bytes, current: Validators) -> bool | None:
    """13.1.3 and 13.1.4; None if the field is to be ignored: no date in it, or none to compare with."""
    date = parse_date(value, current.as_of)
    if date is None or current.last_modified is None:
        return None
    return current.last_modified > date
