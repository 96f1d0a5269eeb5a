"""The plan: what a response says, decided before anything is read or sent.

Theory of operation. A response to a conditional or ranged request is a function of four things: the request, the facts
about the representation, the header section that the user wants, and a status. `plan` is that function. It reads no
content and has no effect, so it can be asked about every case in a table. What it returns is data: a status, fields,
and the content as a sequence of bytes and `Slice`s. A slice stands for bytes that somebody else will read; it has
their `len`, and so the content-length is the sum of the lengths, for one range or a hundred.

The decision goes down in steps, and the first that applies is the answer (RFC 9110, 13.2.2 and 14.2):

    1. the preconditions: 412 or 304
    2. Range: 206 or 416, if the method is GET, the status 200, and If-Range does not forbid it
    3. the whole representation with the user's status
    4. HEAD: the same without the content

Which representation it is (identity, .br, .gz; the file or the 404 page) has been chosen before, and each has its own
facts. What the user's fields say of the representation (an etag of their own, for instance) wins over the facts, and
the client's validators are compared with what it was told.

Clients cannot make `plan` raise: a field that makes no sense is ignored, as the RFC says.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

from rejoinder._http.byteranges import format_content_type, frame_parts
from rejoinder._http.conditions import (
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    SAFE,
    Outcome,
    Validators,
    evaluate,
    range_applies,
)
from rejoinder._http.dates import format_timestamp, parse_date
from rejoinder._http.etags import ETag, format_etag, parse_etag
from rejoinder._http.fields import Field, combine
from rejoinder._http.framing import frame
from rejoinder._http.ranges import NoSlices, Slice, format_content_range, parse_range
from rejoinder._http.status import WITH_CONTENT

__all__ = [
    "PARTIAL_CONTENT",
    "RANGE",
    "SELECTING",
    "Extent",
    "Part",
    "Plan",
    "Policy",
    "Prepared",
    "Representation",
    "Slice",
    "decide",
    "plan",
    "plan_failure",
    "plan_missing",
    "prepare",
]

OK, PARTIAL_CONTENT, NOT_MODIFIED = 200, 206, 304
BAD_REQUEST, NOT_FOUND, PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE = 400, 404, 412, 416
SUCCESSFUL = range(200, 300)

RANGE = b"range"
SELECTING = frozenset({RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE})
"""The request fields that a plan depends on."""

# 15.4.5: a 304 has the fields by which a cache finds and renews what it stored, and "a sender SHOULD NOT generate
# representation metadata other than the above listed fields". What remains is the response's own: cookies, CORS, ...
_NOT_IN_304 = frozenset(
    {
        b"accept-ranges",
        b"content-digest",
        b"content-encoding",
        b"content-language",
        b"content-length",
        b"content-range",
        b"content-type",
        b"repr-digest",
        b"transfer-encoding",
    }
)
# What the user says of all the content is not true of a part.
_NOT_IN_206 = frozenset({b"content-digest", b"content-length", b"content-range"})
_TEXT: Field = (b"content-type", b"text/plain; charset=utf-8")
# An answer that is not the representation must not describe it. Nor be kept in its place: a cache may store any status
# that comes with an explicit lifetime (RFC 9111, 3), and would then show one client's bad Range to all others.
_NOT_IN_REFUSAL = _NOT_IN_304 | {
    b"cache-control",
    b"cdn-cache-control",
    b"content-disposition",
    b"content-location",
    b"etag",
    b"expires",
    b"last-modified",
    b"surrogate-control",
}


class Extent(Enum):
    """How much, where it cannot be counted."""

    TO_END = "all that the source gives"


Part: TypeAlias = bytes | Slice | Literal[Extent.TO_END]


class Representation(NamedTuple):
    """The facts about what is to be sent, gathered before any decision."""

    size: int | None  # None: not known, so no ranges and no content-length
    as_of: int  # the moment of these facts, in seconds: no date is later, and dates of this very second are weak
    content_type: bytes | None = None
    etag: ETag | None = None
    last_modified: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a kind of response does where HTTP leaves it free."""

    ranges: bool = True
    max_ranges: int = 100
    # Answer 400 to an invalid set of byte ranges: 14.2 allows that beside ignoring it, and Starlette does it.
    reject_invalid_ranges: bool = False
    # The method has done its work, as when a handler made the response. 13.2.1 has preconditions evaluated "just before
    # it would [...] perform the action": afterwards, a 412 would deny what has happened, and what If-Match named is gone.
    action_done: bool = False


class Plan(NamedTuple):
    """What to send. Unless the content is `TO_END`, its length is the sum of its parts' lengths."""

    status: int
    headers: list[Field]
    body: tuple[Part, ...]


class Prepared(NamedTuple):
    """All that does not depend on the request, to be shared by many, and so not to be edited.

    `whole` is the answer to a GET without conditions and ranges; the rest decides about the others.
    """

    whole: Plan
    size: int | None
    validators: Validators
    offers_ranges: bool
    policy: Policy


_DEFAULT = Policy()


def plan(
    method: str,
    request: Iterable[Field],
    representation: Representation,
    fields: Sequence[Field] = (),
    *,
    status: int = 200,
    policy: Policy = _DEFAULT,
    boundary: bytes | None = None,
) -> Plan:
    """What to answer to this method and these request fields.

    Args:
        method: in upper case.
        request: the request's header section, names in lower case.
        representation: the facts.
        fields: the user's header section, fit to be sent, names in lower case.
        status: what a request without conditions and ranges gets.
        policy: what is not up to HTTP.
        boundary: for several ranges, see `frame_parts`; without one, a request for several gets the whole.

    >>> facts = Representation(size=10, etag=ETag(b"a"), as_of=0)
    >>> plan("GET", [(b"range", b"bytes=2-4")], facts).body
    (Slice(start=2, stop=5),)
    >>> plan("GET", [(b"if-none-match", b'"a"')], facts)
    Plan(status=304, headers=[(b'etag', b'"a"')], body=())
    """
    prepared = prepare(representation, fields, status=status, policy=policy)
    return decide(method, combine(request, SELECTING), prepared, boundary)


def decide(method: str, asked: dict[bytes, bytes], prepared: Prepared, boundary: bytes | None = None) -> Plan:
    """The second half of `plan`: what follows from the request, of which `asked` has the selecting fields combined.

    The header section may be that of `prepared` itself.
    """
    return _finish(method, _decide(method, asked, prepared, boundary))


def plan_missing(method: str, fields: Sequence[Field] = ()) -> Plan:
    """The 404 of a representation that does not exist: those of the user's fields that do not describe it, and a text.

    >>> plan_missing("HEAD").status
    404
    """
    return _finish(method, _refuse(NOT_FOUND, fields, _TEXT, text=b"Not Found"))


def plan_failure(status: int, fields: Sequence[Field] = ()) -> Plan:
    """A status, and nothing else to say: those of the user's fields that do not describe a representation.

    >>> plan_failure(502, [(b"etag", b'"a"'), (b"x-id", b"7")])
    Plan(status=502, headers=[(b'x-id', b'7'), (b'content-length', b'0')], body=())
    """
    return _refuse(status, fields)


def _finish(method: str, decided: Plan) -> Plan:
    # 9.3.2: "identical to GET except that the server MUST NOT send content in the response".
    return Plan(decided.status, decided.headers, ()) if method == "HEAD" else decided


def prepare(
    facts: Representation, user: Sequence[Field] = (), *, status: int = 200, policy: Policy = _DEFAULT
) -> Prepared:
    """The first half of `plan`: the user's fields, those that follow from the facts, and the validators as sent."""
    given = dict(user)
    described: list[Field] = []
    if facts.content_type is not None and b"content-type" not in given:
        described.append((b"content-type", facts.content_type))
    if facts.size is not None:
        # A length that was counted wins over one that is claimed.
        user = _without(user, {b"content-length"})
        described.append((b"content-length", b"%d" % facts.size))
    fields = [*user, *described]
    if status not in WITH_CONTENT:
        fields, _ = frame("GET", status, fields, b"", described)
    # 14.3: a user who says "none" gets none.
    offers_ranges = (
        policy.ranges and status == OK and facts.size is not None and given.get(b"accept-ranges", b"bytes") == b"bytes"
    )
    if offers_ranges and b"accept-ranges" not in given:
        fields.append((b"accept-ranges", b"bytes"))
    validators = _add_validators(fields, given, facts)
    content: Part = Extent.TO_END if facts.size is None else Slice(0, facts.size)
    whole = Plan(status, fields, (content,) if status in WITH_CONTENT else ())
    return Prepared(whole, facts.size, validators, offers_ranges, policy)


def _add_validators(fields: list[Field], given: dict[bytes, bytes], facts: Representation) -> Validators:
    if b"etag" in given:
        etag = parse_etag(given[b"etag"])
    elif (etag := facts.etag) is not None:
        fields.append((b"etag", format_etag(etag)))
    if b"last-modified" in given:
        last_modified = parse_date(given[b"last-modified"], facts.as_of)
    elif (last_modified := facts.last_modified) is not None:
        # 8.8.2.1: "An origin server with a clock [...] MUST NOT generate a Last-Modified date that is later than the
        # server's time of message origination".
        last_modified = min(last_modified, facts.as_of)
        fields.append((b"last-modified", format_timestamp(last_modified)))
    return Validators(etag, last_modified, facts.as_of)


def _decide(method: str, asked: dict[bytes, bytes], prepared: Prepared, boundary: bytes | None) -> Plan:
    whole, policy = prepared.whole, prepared.policy
    if not asked:
        return whole
    # 13.2.1: "A server MUST ignore all received preconditions if its response to the same request without those
    # conditions [...] would have been a status code other than a 2xx (Successful) or 412 (Precondition Failed)."
    if whole.status in SUCCESSFUL and (method in SAFE or not policy.action_done):
        outcome = evaluate(method, asked, prepared.validators)
        if outcome is Outcome.NOT_MODIFIED:
            return _not_modified(whole.headers)
        if outcome is Outcome.FAILED:
            return _refuse(PRECONDITION_FAILED, whole.headers)
    # 14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for which
    # range handling is not defined. For this specification, GET is the only method for which range handling is defined."
    if method == "GET" and RANGE in asked and prepared.offers_ranges and range_applies(asked, prepared.validators):
        return _choose_ranges(asked[RANGE], prepared, boundary) or whole
    return whole


def _not_modified(fields: Sequence[Field]) -> Plan:
    has_etag = any(name == b"etag" for name, _ in fields)
    # 15.4.5: "Last-Modified might be useful if the response does not have an ETag field".
    dropped = _NOT_IN_304 | {b"last-modified"} if has_etag else _NOT_IN_304
    return Plan(NOT_MODIFIED, _without(fields, dropped), ())


def _choose_ranges(value: bytes, prepared: Prepared, boundary: bytes | None) -> Plan | None:
    """The 206, 416 or 400 to this Range field; None if it is to be ignored."""
    size, policy, fields = prepared.size or 0, prepared.policy, prepared.whole.headers
    slices = parse_range(value, size, 1 if boundary is None else policy.max_ranges)
    match slices:
        case NoSlices.IGNORED:
            return None
        case NoSlices.EMPTY | NoSlices.INVERTED:
            if not policy.reject_invalid_ranges:
                return None
            text = f"Range header: {slices.value}".encode()
            return _refuse(BAD_REQUEST, fields, _TEXT, text=text)
        case NoSlices.UNSATISFIABLE:
            unsatisfied = (b"content-range", format_content_range(None, size))
            return _refuse(RANGE_NOT_SATISFIABLE, fields, (b"accept-ranges", b"bytes"), unsatisfied)
        case (only,):
            content_range = (b"content-range", format_content_range(only, size))
            return _partial([*_without(fields, _NOT_IN_206), content_range], (only,))
        case _:
            return _several(slices, size, fields, boundary or b"")


def _several(slices: tuple[Slice, ...], size: int, user: Sequence[Field], boundary: bytes) -> Plan:
    content_type = dict(user).get(b"content-type")
    # 15.3.7.2: "a server MUST NOT generate a Content-Range header field in the HTTP header section of a multiple part
    # response (this field will be sent in each part instead)."
    fields = _without(user, _NOT_IN_206 | {b"content-type"})
    fields.append((b"content-type", format_content_type(boundary)))
    return _partial(fields, frame_parts(slices, size, content_type, boundary))


def _partial(fields: list[Field], content: tuple[bytes | Slice, ...]) -> Plan:
    length = (b"content-length", b"%d" % sum(map(len, content)))
    return Plan(PARTIAL_CONTENT, [*fields, length], content)


def _refuse(status: int, user: Iterable[Field], *fields: Field, text: bytes = b"") -> Plan:
    """An answer without the representation: the user's fields that do not speak of it, and these."""
    length = (b"content-length", b"%d" % len(text))
    headers = [*_without(user, _NOT_IN_REFUSAL), *fields, length]
    return Plan(status, headers, (text,) if text else ())


def _without(fields: Iterable[Field], names: Collection[bytes]) -> list[Field]:
    return [field for field in fields if field[0] not in names]
