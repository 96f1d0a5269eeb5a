"""The plan: each case for GET and for HEAD."""

import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.etags import ETag
from rejoinder._plan import Extent, Plan, Policy, Representation, Slice, plan

Fields: TypeAlias = list[tuple[bytes, bytes]]

CONTENT = b"0123456789"
THEN = 784111777
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = b"Sun, 06 Nov 1994 08:49:36 GMT"
FACTS = Representation(size=10, content_type=b"text/plain", etag=ETag(b"a"), last_modified=THEN, as_of=THEN + 1000)
UNKNOWN_SIZE = FACTS._replace(size=None)
NO_VALIDATOR = FACTS._replace(etag=None, last_modified=None)

USER = [
    (b"x-request-id", b"1"),
    (b"set-cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"cache-control", b"max-age=60"),
    (b"content-language", b"en"),
    (b"content-disposition", b"attachment"),
    (b"vary", b"accept-encoding"),
]
OWN = [(b"x-request-id", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"vary", b"accept-encoding")]
DESCRIBED = [
    *USER,
    (b"content-type", b"text/plain"),
    (b"content-length", b"10"),
    (b"accept-ranges", b"bytes"),
    (b"etag", b'"a"'),
    (b"last-modified", DATE),
]


def ask(**fields: bytes) -> Fields:
    """A request's header section."""
    return [(b"host", b"example"), *((name.replace("_", "-").encode(), value) for name, value in fields.items())]


def content(answer: Plan) -> bytes:
    """What the client gets."""
    parts = []
    for part in answer.body:
        assert part is not Extent.TO_END
        parts.append(part if isinstance(part, bytes) else CONTENT[part.start : part.stop])
    return b"".join(parts)


@dataclass
class Case:
    request: Fields
    status: int
    headers: Fields
    body: bytes
    facts: Representation = FACTS
    options: dict[str, Any] = field(default_factory=dict)
    # HEAD gets what GET gets without Range, unless the case has none.
    head: tuple[int, Fields] | None = None


WHOLE = (200, DESCRIBED)
NOT_MODIFIED = (
    304,
    [*OWN, (b"cache-control", b"max-age=60"), (b"content-disposition", b"attachment"), (b"etag", b'"a"')],
)
FAILED = (412, [*OWN, (b"content-length", b"0")])
UNSATISFIABLE = (
    416,
    [*OWN, (b"accept-ranges", b"bytes"), (b"content-range", b"bytes */10"), (b"content-length", b"0")],
)


def partial(start: int, stop: int) -> Fields:
    """The header section of a 206 with one range."""
    kept = [each for each in DESCRIBED if each[0] != b"content-length"]
    return [
        *kept,
        (b"content-range", b"bytes %d-%d/10" % (start, stop - 1)),
        (b"content-length", b"%d" % (stop - start)),
    ]


PARTS = (
    b"\r\n--X\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
    b"\r\n--X\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
    b"\r\n--X--\r\n"
)
SEVERAL = [
    *(each for each in DESCRIBED if each[0] not in {b"content-length", b"content-type"}),
    (b"content-type", b"multipart/byteranges; boundary=X"),
    (b"content-length", b"%d" % len(PARTS)),
]


def without(headers: Fields, *names: bytes) -> Fields:
    """The same without these."""
    return [each for each in headers if each[0] not in names]


def with_(headers: Fields, name: bytes, value: bytes) -> Fields:
    """The same with another value."""
    return [(name, value) if each[0] == name else each for each in headers]


CASES = {
    "plain": Case(ask(), *WHOLE, CONTENT),
    "one range": Case(ask(range=b"bytes=2-4"), 206, partial(2, 5), b"234", head=WHOLE),
    "several ranges": Case(ask(range=b"bytes=8-9,0-1"), 206, SEVERAL, PARTS, head=WHOLE),
    "several that are one": Case(ask(range=b"bytes=2-4,3-5"), 206, partial(2, 6), b"2345", head=WHOLE),
    "several without a boundary": Case(ask(range=b"bytes=8-9,0-1"), *WHOLE, CONTENT, options={"boundary": None}),
    "one without a boundary": Case(
        ask(range=b"bytes=2-4"), 206, partial(2, 5), b"234", options={"boundary": None}, head=WHOLE
    ),
    "too many ranges": Case(ask(range=b"bytes=8-9,0-1"), *WHOLE, CONTENT, options={"policy": Policy(max_ranges=1)}),
    "parts without a type": Case(
        ask(range=b"bytes=8-9,0-1"),
        206,
        with_(SEVERAL, b"content-length", b"%d" % (len(PARTS) - 2 * len("Content-Type: text/plain\r\n"))),
        PARTS.replace(b"Content-Type: text/plain\r\n", b""),
        facts=FACTS._replace(content_type=None),
        head=(200, without(DESCRIBED, b"content-type")),
    ),
    "unknown unit": Case(ask(range=b"items=0-1"), *WHOLE, CONTENT),
    "malformed range": Case(ask(range=b"bytes: 0-1"), *WHOLE, CONTENT),
    "invalid range": Case(ask(range=b"bytes=4-2"), *WHOLE, CONTENT),
    "no range in Range": Case(ask(range=b"bytes="), *WHOLE, CONTENT),
    "unsatisfiable": Case(ask(range=b"bytes=10-"), *UNSATISFIABLE, b"", head=WHOLE),
    "invalid range, rejected": Case(
        ask(range=b"bytes=4-2"),
        400,
        [*OWN, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"41")],
        b"Range header: start must be less than end",
        options={"policy": Policy(reject_invalid_ranges=True)},
        head=WHOLE,
    ),
    "no range in Range, rejected": Case(
        ask(range=b"bytes="),
        400,
        [*OWN, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"37")],
        b"Range header: range must be requested",
        options={"policy": Policy(reject_invalid_ranges=True)},
        head=WHOLE,
    ),
    "ranges not wanted": Case(
        ask(range=b"bytes=2-4"),
        200,
        without(DESCRIBED, b"accept-ranges"),
        CONTENT,
        options={"policy": Policy(ranges=False)},
    ),
    "If-Range true": Case(ask(range=b"bytes=2-4", if_range=b'"a"'), 206, partial(2, 5), b"234", head=WHOLE),
    "If-Range false": Case(ask(range=b"bytes=2-4", if_range=b'"b"'), *WHOLE, CONTENT),
    "If-Range false, unsatisfiable": Case(ask(range=b"bytes=10-", if_range=b'"b"'), *WHOLE, CONTENT),
    "If-Range alone": Case(ask(if_range=b'"b"'), *WHOLE, CONTENT),
    "not modified": Case(ask(if_none_match=b'"a"'), *NOT_MODIFIED, b""),
    "not modified, by date": Case(ask(if_modified_since=DATE), *NOT_MODIFIED, b""),
    "not modified, no tag": Case(
        ask(if_modified_since=DATE),
        304,
        [*without(NOT_MODIFIED[1], b"etag"), (b"last-modified", DATE)],
        b"",
        facts=FACTS._replace(etag=None),
    ),
    "not modified over range": Case(ask(if_none_match=b'"a"', range=b"bytes=2-4"), *NOT_MODIFIED, b""),
    "failed": Case(ask(if_match=b'"b"'), *FAILED, b""),
    "failed over unsatisfiable": Case(ask(if_match=b'"b"', range=b"bytes=10-"), *FAILED, b""),
    "tags on several lines": Case([*ask(if_none_match=b'"b"'), (b"if-none-match", b'"a"')], *NOT_MODIFIED, b""),
    "no validator": Case(
        ask(if_none_match=b"*", if_match=b'"b"'),
        200,
        without(DESCRIBED, b"etag", b"last-modified"),
        CONTENT,
        facts=NO_VALIDATOR,
    ),
    "not found": Case(
        ask(if_none_match=b'"a"', range=b"bytes=2-4"),
        404,
        without(DESCRIBED, b"accept-ranges"),
        CONTENT,
        options={"status": 404},
    ),
    "created": Case(
        ask(range=b"bytes=2-4"), 201, without(DESCRIBED, b"accept-ranges"), CONTENT, options={"status": 201}
    ),
    "created, not modified": Case(ask(if_none_match=b'"a"'), *NOT_MODIFIED, b"", options={"status": 201}),
    "no content": Case(
        ask(range=b"bytes=2-4"),
        204,
        without(DESCRIBED, b"content-type", b"content-length", b"accept-ranges"),
        b"",
        options={"status": 204},
    ),
    "empty": Case(
        ask(range=b"bytes=0-"),
        416,
        with_(UNSATISFIABLE[1], b"content-range", b"bytes */0"),
        b"",
        facts=FACTS._replace(size=0),
        head=(200, with_(DESCRIBED, b"content-length", b"0")),
    ),
    "future date": Case(
        ask(if_modified_since=DATE),
        *NOT_MODIFIED,
        b"",
        facts=FACTS._replace(last_modified=THEN + 10**9, as_of=THEN),
    ),
    "future date as told": Case(ask(), *WHOLE, CONTENT, facts=FACTS._replace(last_modified=THEN + 10**9, as_of=THEN)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_get(case: Any) -> None:
    """Status, each header, each octet."""
    answer = plan("GET", case.request, case.facts, USER, **{"boundary": b"X"} | case.options)
    assert answer.status == case.status
    assert sorted(answer.headers) == sorted(case.headers)
    assert content(answer) == case.body


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_head(case: Any) -> None:
    """The header section of GET, had it not had a Range, and no content."""
    status, headers = case.head or (case.status, case.headers)
    answer = plan("HEAD", case.request, case.facts, USER, **{"boundary": b"X"} | case.options)
    assert (answer.status, answer.body) == (status, ())
    assert sorted(answer.headers) == sorted(headers)


def test_unknown_size() -> None:
    """All that the source gives, without a length and without ranges; validators count as ever."""
    answer = plan("GET", ask(range=b"bytes=0-1"), UNKNOWN_SIZE, [(b"x", b"y")])
    assert answer == Plan(
        200,
        [(b"x", b"y"), (b"content-type", b"text/plain"), (b"etag", b'"a"'), (b"last-modified", DATE)],
        (Extent.TO_END,),
    )
    assert plan("GET", ask(if_none_match=b'"a"'), UNKNOWN_SIZE).status == 304
    assert plan("HEAD", ask(), UNKNOWN_SIZE).body == ()


WRITES = {
    "no condition": (ask(), 200),
    "range": (ask(range=b"bytes=2-4"), 200),
    "If-Match true": (ask(if_match=b'"a"'), 200),
    "If-Match false": (ask(if_match=b'"b"'), 412),
    "If-None-Match false": (ask(if_none_match=b"*"), 412),
    "If-Modified-Since false": (ask(if_modified_since=DATE), 200),
    "If-Unmodified-Since false": (ask(if_unmodified_since=EARLIER), 412),
}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "BREW"])
@pytest.mark.parametrize("case", WRITES.values(), ids=WRITES)
def test_other_methods(method: str, case: Any) -> None:
    """No ranges and no 304; a 412 only as long as nothing has been done."""
    request, status = case
    assert plan(method, request, FACTS).status == status
    assert plan(method, request, FACTS, policy=Policy(action_done=True)).status == 200


USERS_WORD = {
    "their etag is told": ([(b"etag", b'"u"')], ask(), 200, (b"etag", b'"u"')),
    "their etag counts": ([(b"etag", b'"u"')], ask(if_none_match=b'"u"'), 304, (b"etag", b'"u"')),
    "the fact does not": ([(b"etag", b'"u"')], ask(if_none_match=b'"a"'), 200, (b"etag", b'"u"')),
    "their etag in If-Range": ([(b"etag", b'"u"')], ask(range=b"bytes=0-0", if_range=b'"u"'), 206, (b"etag", b'"u"')),
    "their weak etag": ([(b"etag", b'W/"u"')], ask(range=b"bytes=0-0", if_range=b'W/"u"'), 200, (b"etag", b'W/"u"')),
    "an etag that is none": ([(b"etag", b"u")], ask(if_match=b'"a"'), 412, None),
    "their date is told": ([(b"last-modified", EARLIER)], ask(), 200, (b"last-modified", EARLIER)),
    "their date counts": ([(b"last-modified", EARLIER)], ask(if_modified_since=EARLIER), 304, None),
    "their type": ([(b"content-type", b"a/b")], ask(), 200, (b"content-type", b"a/b")),
    "their length, corrected": ([(b"content-length", b"5")], ask(), 200, (b"content-length", b"10")),
    "their content-range, corrected": (
        [(b"content-range", b"x")],
        ask(range=b"bytes=0-0"),
        206,
        (b"content-range", b"bytes 0-0/10"),
    ),
    "no ranges": ([(b"accept-ranges", b"none")], ask(range=b"bytes=0-0"), 200, (b"accept-ranges", b"none")),
    "ranges": ([(b"accept-ranges", b"bytes")], ask(range=b"bytes=0-0"), 206, (b"accept-ranges", b"bytes")),
}


@pytest.mark.parametrize("case", USERS_WORD.values(), ids=USERS_WORD)
def test_the_users_fields_win(case: Any) -> None:
    """What they say of the representation is what is told and what is compared with; once."""
    fields, request, status, expected = case
    answer = plan("GET", request, FACTS, fields)
    assert answer.status == status
    if expected:
        assert [each for each in answer.headers if each[0] == expected[0]] == [expected]


def test_parts_have_the_users_type() -> None:
    """The content-type of a part is that of the whole, whoever said it."""
    answer = plan("GET", ask(range=b"bytes=0-0,2-2"), FACTS, [(b"content-type", b"a/b")], boundary=b"X")
    assert b"Content-Type: a/b\r\n" in content(answer)


fields_of_request = st.lists(
    st.tuples(
        st.sampled_from(
            [b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"]
        ),
        st.binary() | st.sampled_from([b"bytes=0-1", b"bytes=0-1,4-5", b"bytes=99-", b'"a"', b"*", DATE, EARLIER]),
    ),
    max_size=5,
)
facts = st.builds(
    Representation,
    size=st.none() | st.integers(0, 10),
    content_type=st.none() | st.just(b"text/plain"),
    etag=st.none() | st.just(ETag(b"a")) | st.just(ETag(b"a", weak=True)),
    last_modified=st.none() | st.integers(THEN - 2, THEN + 2) | st.integers(),
    as_of=st.integers(THEN - 2, THEN + 2) | st.integers(),
)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "OPTIONS", ""]),
    fields_of_request,
    facts,
    st.sampled_from([200, 201, 204, 205, 206, 304, 404, 500]),
    st.builds(Policy, ranges=st.booleans(), max_ranges=st.integers(0, 3), reject_invalid_ranges=st.booleans()),
)
def test_any_request(method: str, request: Fields, representation: Representation, status: int, policy: Policy) -> None:
    """No exception, nothing changed, and the framing rules of every answer."""
    user = list(USER)
    before = copy.deepcopy((request, user))
    answer = plan(method, request, representation, user, status=status, policy=policy, boundary=b"X")
    assert (request, user) == before
    assert plan(method, request, representation, user, status=status, policy=policy, boundary=b"X") == answer
    lengths = [value for name, value in answer.headers if name == b"content-length"]
    assert len(lengths) <= 1
    if method == "HEAD" or answer.status in {204, 205, 304}:
        assert answer.body == ()
    elif Extent.TO_END in answer.body:
        assert not lengths
        assert len(answer.body) == 1
    else:
        assert lengths == [b"%d" % sum(len(part) for part in answer.body if part is not Extent.TO_END)]
    assert all(isinstance(part, (bytes, Slice, Extent)) for part in answer.body)
    if answer.status in {206, 416} and answer.status != status:
        assert (method, status) == ("GET", 200)
    assert [each for each in answer.headers if each[0] == b"set-cookie"] == [USER[1], USER[2]]


@pytest.mark.parametrize("name", [b"cache-control", b"cdn-cache-control", b"surrogate-control", b"expires"])
@pytest.mark.parametrize("request_", [ask(if_match=b'"b"'), ask(range=b"bytes=10-")], ids=["412", "416"])
def test_refusals_have_no_lifetime(name: bytes, request_: Fields) -> None:
    """A cache that kept one would answer everybody with what one client did wrong."""
    answer = plan("GET", request_, FACTS, [(name, b"max-age=60")])
    assert answer.status in {412, 416}
    assert name not in dict(answer.headers)
