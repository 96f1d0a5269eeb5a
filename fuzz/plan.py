"""The whole decision: a line with method, size and status, then the lines of a request's header section."""

from rejoinder._http.etags import ETag
from rejoinder._http.fields import checked
from rejoinder._plan import Extent, Policy, Representation, Slice, plan

SEEDS = [
    b"GET 10 200\nrange: bytes=0-4",
    b'GET 10 200\nrange: bytes=0-1,5-6\nif-range: "a"',
    b'GET 10 200\nif-none-match: "b"\nif-none-match: W/"a"',
    b"HEAD 10 200\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT",
    b'PUT 10 200\nif-match: "b"',
    b"GET 10 404\nrange: bytes=99-",
    b"GET 10 204\nrange: bytes=99-",
    b"GET 10 200\nrange: bytes=99-",
    b"GET 10 200\nrange: bytes=9-1",
    b"GET x 200\nrange: bytes=0-",
]
STATUSES = (200, 203, 204, 205, 304, 404)
USER = [(b"set-cookie", b"a=b"), (b"content-language", b"eo")]


def target(data: bytes) -> None:
    first, *lines = data.split(b"\n")
    method, size, status = read_first(first)
    request = [(name.strip().lower(), value) for name, _, value in (line.partition(b":") for line in lines)]
    facts = Representation(
        size=size, content_type=b"a/b", etag=ETag(b"a"), last_modified=784111777, as_of=1_700_000_000
    )
    for policy in (Policy(), Policy(reject_invalid_ranges=True, action_done=True, max_ranges=3)):
        answer = plan(method, request, facts, USER, status=status, policy=policy, boundary=b"frontier")
        assert answer.status in {status, 206, 304, 400, 412, 416}
        assert checked(answer.headers) == answer.headers
        assert USER[0] in answer.headers
        check_content(method, size, answer.status, dict(answer.headers), answer.body)


def read_first(line: bytes) -> tuple[str, int | None, int]:
    method, _, rest = line.decode("latin-1").partition(" ")
    size, _, status = rest.partition(" ")
    known = int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None
    return method.upper(), known, next((each for each in STATUSES if str(each) == status), 200)


def check_content(
    method: str, size: int | None, status: int, headers: dict[bytes, bytes], body: tuple[object, ...]
) -> None:
    if method == "HEAD" or status in {204, 205, 304}:
        assert body == ()
        return
    if body == (Extent.TO_END,):
        assert size is None
        assert b"content-length" not in headers
        return
    lengths = [len(part) for part in body if isinstance(part, (bytes, Slice))]
    assert len(lengths) == len(body)
    assert int(headers[b"content-length"]) == sum(lengths)
    slices = [part for part in body if isinstance(part, Slice)]
    assert sum(map(len, slices)) <= 2 * (size or 0)
    assert all(0 <= part.start <= part.stop <= (size or 0) for part in slices)
    assert (status == 206) is (b"content-range" in headers or b"multipart" in headers.get(b"content-type", b"")) or (
        status == 416
    )
