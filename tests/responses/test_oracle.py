"""Every answer against an oracle: one that slices bytes, and shares no code and no idea with the plan.

Requests are made from what they mean, so that the oracle reads no header: it knows which tags were listed, which moment
a date is, which octets a range asks for. The plan alone is held to it, and the whole of `FileResponse`, whatever its
content comes from: there the oracle is told the tag by a first answer, as every client is.
"""

import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rejoinder import FileResponse
from rejoinder._http.etags import ETag
from rejoinder._plan import Extent, Plan, Representation, plan
from rejoinder.testing import fetch, run

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
MAX_RANGES = 100


@dataclass(frozen=True)
class Request:
    """What a client means; None for a field that is not sent."""

    method: str
    if_match: "list[str] | str | None"
    if_none_match: "list[str] | str | None"
    if_modified_since: int | None  # seconds before now
    if_unmodified_since: int | None
    if_range: "str | int | None"
    ranges: "list[tuple[int | None, int | None]] | None"

    def fields(self) -> list[tuple[bytes, bytes]]:
        """The header section that says it."""
        said = {
            "if-match": tags(self.if_match),
            "if-none-match": tags(self.if_none_match),
            "if-modified-since": date(self.if_modified_since),
            "if-unmodified-since": date(self.if_unmodified_since),
            "if-range": date(self.if_range) if isinstance(self.if_range, int) else self.if_range,
            "range": spans(self.ranges),
        }
        return [(name.encode(), value.encode()) for name, value in said.items() if value is not None]


def tags(listed: "list[str] | str | None") -> str | None:
    """A list of tags as it is written."""
    return ", ".join(listed) if isinstance(listed, list) else listed


def spans(ranges: "list[tuple[int | None, int | None]] | None") -> str | None:
    """Ranges as they are written."""
    if ranges is None:
        return None
    return "bytes=" + ", ".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in ranges)


def date(ago: int | None) -> str | None:
    """A date as it is written."""
    return None if ago is None else format_datetime(NOW - timedelta(seconds=ago), usegmt=True)


@dataclass(frozen=True)
class Thing:
    """What there is."""

    content: bytes
    tag: str | None
    ago: int | None  # when it was changed
    seen: int = 0  # when that was found out; both in seconds before now
    status: int = 200
    by_handler: bool = False  # what the method asks for has been done, and an invalid range is told of
    content_type: str = "text/plain"

    def facts(self) -> Representation:
        """The same for the plan."""
        etag = self.tag and ETag(self.tag.removeprefix("W/").strip('"').encode(), self.tag.startswith("W/"))
        now = int(NOW.timestamp())
        return Representation(
            size=len(self.content),
            content_type=b"text/plain",
            etag=etag or None,
            last_modified=None if self.ago is None else now - self.ago,
            as_of=now,
        )


def oracle_status(request: Request, thing: Thing) -> int:
    """RFC 9110, 13.2.2, as naively as it goes."""
    reads = request.method in ("GET", "HEAD")
    heeded = thing.status < 300 and (reads or not thing.by_handler)
    if heeded and (thing.tag is not None or thing.ago is not None):
        if request.if_match is not None:
            strong = thing.tag is not None and not thing.tag.startswith("W/") and thing.tag in request.if_match
            if request.if_match != "*" and not strong:
                return 412
        elif compare(thing.ago, request.if_unmodified_since) == "newer":
            return 412
        if request.if_none_match is not None:
            bare = [tag.removeprefix("W/") for tag in request.if_none_match]
            if request.if_none_match == "*" or (thing.tag is not None and thing.tag.removeprefix("W/") in bare):
                return 304 if reads else 412
        elif reads and compare(thing.ago, request.if_modified_since) == "not newer":
            return 304
    return range_status(request, thing)


def compare(changed: int | None, named: int | None) -> str:
    """What was changed against a moment, both as seconds ago."""
    if changed is None or named is None:
        return "unknown"
    return "newer" if changed < named else "not newer"


def range_status(request: Request, thing: Thing) -> int:
    """206, 416, 400, or the whole."""
    of_parts = request.method == "GET" and thing.status == 200
    if not of_parts or request.ranges is None or not if_range(request.if_range, thing):
        return thing.status
    wanted = [octets(each, len(thing.content)) for each in request.ranges]
    inverted = any(a is not None and b is not None and b < a for a, b in request.ranges)
    suffix_of_nothing = not thing.content and any(a is None and b for a, b in request.ranges)
    costly = sum(map(len, wanted)) > 2 * len(thing.content) or len(wanted) > MAX_RANGES
    if inverted:
        return 400 if thing.by_handler else 200
    if suffix_of_nothing or costly:
        return 200
    return 206 if any(wanted) else 416


def if_range(value: "str | int | None", thing: Thing) -> bool:
    """Whether the client's part surely belongs to this thing."""
    match value:
        case None:
            return True
        case str():
            return value == thing.tag and not value.startswith("W/")
        case int():
            return value == thing.ago != thing.seen


def octets(asked: "tuple[int | None, int | None]", size: int) -> "list[int]":
    """The numbers of the octets that a range asks for, tried one by one."""
    first, last = asked
    if first is None:
        return [n for n in range(size) if n >= size - (last or 0)]
    return [n for n in range(size) if n >= first and (last is None or n <= last)]


TAGS = ['"a"', '"b"', 'W/"a"', 'W/"b"', '"a,b"']
lists = st.none() | st.just("*") | st.lists(st.sampled_from(TAGS), min_size=1, max_size=3)
moments = st.none() | st.integers(0, 3)
positions = st.integers(0, 40) | st.sampled_from([10**18, 10**30])
ranges = st.tuples(positions, st.none() | positions) | st.tuples(st.none(), positions)
usual = st.tuples(st.integers(0, 60), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair)))
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "PUT"]),
    if_match=lists,
    if_none_match=lists,
    if_modified_since=moments,
    if_unmodified_since=moments,
    if_range=st.none() | st.sampled_from(TAGS) | st.integers(0, 3),
    ranges=st.none() | st.lists(usual | ranges, min_size=1, max_size=4),
)
only_ranges = st.builds(
    Request,
    method=st.just("GET"),
    if_match=st.none(),
    if_none_match=st.none(),
    if_modified_since=st.none(),
    if_unmodified_since=st.none(),
    if_range=st.none() | st.just('"a"'),
    ranges=st.lists(usual, min_size=2, max_size=5) | st.lists(usual | ranges, min_size=1, max_size=5),
)
contents = st.binary(max_size=30) | st.just(bytes(range(60))) | st.just(b"\r\n--\r\n" * 10)
things = st.builds(Thing, content=contents, tag=st.none() | st.just('"a"') | st.sampled_from(TAGS), ago=moments)


@pytest.mark.timeout(240)  # two thousand examples
@settings(deadline=None, derandomize=True, max_examples=2000)
@given(requests | only_ranges, things)
def test_every_plan(request: Request, thing: Thing) -> None:
    """The status the oracle says, and the octets that were asked for: all, no more, each part where it says it is."""
    answer = plan(request.method, request.fields(), thing.facts(), boundary=b"frontier")
    check(request, thing, answer.status, dict(answer.headers), receive(answer, thing.content))


def check(request: Request, thing: Thing, status: int, headers: dict[bytes, bytes], received: bytes) -> None:
    """Whether the answer is the one that the oracle would have given."""
    assert status == oracle_status(request, thing)
    event(f"{request.method} {status}")
    if request.method == "HEAD" or status in {304, 412, 416}:
        assert received == b""
        return
    assert int(headers[b"content-length"]) == len(received)
    if status == 206:
        assert request.ranges
        check_parts(request.ranges, thing, split(thing, headers, received))
        return
    assert b"content-range" not in headers
    if status != 400:
        assert received == thing.content


def check_parts(ranges: "list[tuple[int | None, int | None]]", thing: Thing, parts: "list[tuple[int, bytes]]") -> None:
    event(f"parts: {len(parts)}")
    asked = [octets(each, len(thing.content)) for each in ranges]
    sent = [list(range(start, start + len(part))) for start, part in parts]
    assert sorted(n for part in sent for n in part) == sorted({n for each in asked for n in each})
    assert all(thing.content[start : start + len(part)] == part for start, part in parts)
    # In the order of the request: a part stands where the first range within it was asked for.
    places = [min(place for place, each in enumerate(asked) if set(each) & set(part)) for part in sent]
    assert places == sorted(places)


def receive(answer: Plan, content: bytes) -> bytes:
    """What comes over the wire."""
    received = b""
    for part in answer.body:
        assert part is not Extent.TO_END
        received += part if isinstance(part, bytes) else content[part.start : part.stop]
    return received


def split(thing: Thing, headers: dict[bytes, bytes], received: bytes) -> list[tuple[int, bytes]]:
    """The parts of a 206, with the numbers of their first octets; several as the standard library's parser sees them."""
    if b"content-range" in headers:
        assert not headers[b"content-type"].startswith(b"multipart/")
        return [(first_of(headers[b"content-range"].decode(), len(received)), received)]
    message = message_from_bytes(b"Content-Type: %s\r\n\r\n" % headers[b"content-type"] + received)
    assert not message.defects
    frontier = f"\r\n--{message.get_boundary()}".encode()
    parts = message.get_payload()
    assert isinstance(parts, list)
    return [part_of(thing, part, received, frontier) for part in parts if isinstance(part, Message)]


def part_of(thing: Thing, part: Message, received: bytes, frontier: bytes) -> tuple[int, bytes]:
    """A part; its octets by counting, since the parser of mail may not keep each CR as it is."""
    assert part["content-type"] == thing.content_type
    head = f"Content-Range: {part['content-range']}\r\n\r\n".encode()
    start = received.index(head) + len(head)
    octets_of_part = received[start : received.index(frontier, start)]
    return first_of(part["content-range"], len(octets_of_part)), octets_of_part


def first_of(content_range: str, length: int) -> int:
    """The number of the first octet, from `bytes first-last/size`."""
    first, last = content_range.removeprefix("bytes ").partition("/")[0].split("-")
    assert int(last) - int(first) + 1 == length
    return int(first)


# ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Library:
    """A source of one's own, which gives a few octets at a time."""

    thing: Thing
    etag: str | None = None
    last_modified: float | None = None

    async def open(self) -> "Library":
        return self

    @property
    def size(self) -> int:
        return len(self.thing.content)

    async def read(self, start: int, stop: int) -> bytes:
        return self.thing.content[start : min(stop, start + 7)]

    async def close(self) -> None:
        pass


def on_disk(thing: Thing, directory: Path) -> Path:
    path = directory / "file"
    path.write_bytes(thing.content)
    return path


def spooled(thing: Thing, directory: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - closed by the test
    file.write(thing.content)
    return file


CONTENTS: dict[str, Callable[[Thing, Path], Any]] = {
    "path": on_disk,
    "bytes": lambda thing, directory: thing.content,
    "BytesIO": lambda thing, directory: io.BytesIO(thing.content),
    "open file": lambda thing, directory: on_disk(thing, directory).open("rb"),
    "spooled file": spooled,
    "source": lambda thing, directory: Library(thing, '"source"', NOW.timestamp() - 1),
    "source without validators": lambda thing, directory: Library(thing),
}
COOKIE = (b"set-cookie", b"a=b")


def described(thing: Thing, how: str) -> dict[str, Any]:
    """What the user says: the thing's tag and time, in one way or another, or nothing of them."""
    headers: list[tuple[bytes, bytes]] = [COOKIE, (b"content-type", thing.content_type.encode())]
    options: dict[str, Any] = {"status_code": thing.status, "headers": headers}
    moment = None if thing.ago is None else NOW - timedelta(seconds=thing.ago)
    if how == "by parameters":
        options |= {"etag": thing.tag, "last_modified": moment}
    elif how == "by hand":
        # The wrong length is one that the user has counted in another version.
        told = {b"etag": thing.tag, b"last-modified": date(thing.ago), b"content-length": "7"}
        headers += [(name, value.encode()) for name, value in told.items() if value is not None]
    return options


@pytest.mark.parametrize("name", CONTENTS)
@settings(deadline=None, derandomize=True, max_examples=250)
@given(
    request=requests | only_ranges,
    thing=things,
    how=st.sampled_from(["by parameters", "by hand", "not"]),
    status=st.sampled_from([200, 200, 200, 203, 404]),
    portion=st.integers(1, 70),
)
def test_every_answer(name: str, request: Request, thing: Thing, how: str, status: int, portion: int) -> None:
    """As `test_every_plan`, from the constructor to the messages of ASGI, with the tag of whatever the content is."""
    thing = replace(thing, seen=-10_000_000, status=status, by_handler=True, content_type="text/x; a=b")
    with tempfile.TemporaryDirectory() as directory:
        content = CONTENTS[name](thing, Path(directory))
        if isinstance(content, Path):
            os.utime(content, (0, NOW.timestamp() - 2))
        response = FileResponse(content, **described(thing, how))
        response.chunk_size = portion
        first = run(lambda: fetch(response, "HEAD"))
        thing, request = learn(first.headers, thing, request)
        answer = run(lambda: fetch(response, request.method, headers=request.fields()))
        if hasattr(content, "close") and not isinstance(content, Library):
            content.close()
    check(request, thing, answer.status, dict(answer.headers), answer.body)
    assert COOKIE in list(answer.headers)
    if answer.status in {200, 206, 304}:
        assert answer.headers.get("etag") == thing.tag


def learn(headers: Any, thing: Thing, request: Request) -> tuple[Thing, Request]:
    """The thing as its first answer describes it; and the request, for that tag where it was for the thing's."""
    assert headers.get("content-length") == str(len(thing.content))
    tag, changed = headers.get("etag"), headers.get("last-modified")
    ago = None if changed is None else round((NOW - parsedate_to_datetime(changed)).total_seconds())
    known, opaque = replace(thing, tag=tag, ago=ago), (tag or '"none"').removeprefix("W/")

    def translated(listed: Any) -> Any:
        if isinstance(listed, list):
            return [translated(each) for each in listed]
        return listed.replace('"a"', opaque) if isinstance(listed, str) else listed

    return known, replace(
        request,
        if_match=translated(request.if_match),
        if_none_match=translated(request.if_none_match),
        if_range=translated(request.if_range),
    )
