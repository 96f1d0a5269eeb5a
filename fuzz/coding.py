"""What compression makes of a request and an answer: a line of method and status, and two header sections."""

from fuzz._requests import read_fields
from rejoinder._http.coding import DIGESTS, Asked, code, has_choice, plain_request, read_request, without_range
from rejoinder._http.etags import AnyETag, ETag, parse_etag, parse_etags
from rejoinder._http.fields import checked, combine

SEEDS = [
    b'GET 200\naccept-encoding: gzip, br;q=0.5\nif-none-match: W/"a-gzip"\n\ncontent-type: text/plain\netag: "a"',
    b'GET 304\naccept-encoding: br\nif-none-match: W/"a-br", "b"\n\netag: "a"\nvary: origin',
    b"GET 206\naccept-encoding: gzip\nrange: bytes=0-1\nif-range: Sun, 06 Nov 1994 08:49:37 GMT\n\ncontent-range: bytes 0-1/9",
    b'PUT 200\naccept-encoding: zstd\nif-match: W/"a-zstd"\n\ncontent-type: a/b+json\ncontent-length: 501',
    b"GET 200\naccept-encoding: *\n\ncontent-type: text/a\ncache-control: a, no-transform\nvary: *",
    b"HEAD 200\naccept-encoding: gzip\n\ncontent-type: text/a\ncontent-length: 500\nrepr-digest: x\naccept-ranges: bytes",
    b'GET 200\naccept-encoding: gzip\nif-match: "a"\nif-unmodified-since: x\n\ncontent-type: text/a\netag: a\netag: b',
]
OFFERED = (b"zstd", b"br", b"gzip")
CONDITIONS = {b"if-match", b"if-none-match", b"if-range", b"range"}


def target(data: bytes) -> None:
    first, *lines = data.split(b"\n")
    method, _, digits = first.decode("latin-1").partition(" ")
    status = next((each for each in (204, 206, 304, 404, 416) if str(each) == digits), 200)
    cut = lines.index(b"") if b"" in lines else len(lines)
    request = read_fields(lines[:cut])
    asked = read_request(request, OFFERED)
    assert set(asked.codings) <= set(OFFERED)
    check_plain_request(method, request, asked)
    try:
        answer = checked(read_fields(lines[cut:]))
    except ValueError:  # no response of anybody's
        return
    check_answer(status, answer, asked)


def check_plain_request(method: str, request: list[tuple[bytes, bytes]], asked: Asked) -> None:
    """Nothing else is touched, and no tag is lost: plain ones are added."""
    plain = plain_request(method, request, asked, OFFERED)
    assert [field for field in plain if field[0] not in CONDITIONS] == [
        field for field in request if field[0] not in CONDITIONS
    ]
    before, after = combine(request, CONDITIONS), combine(plain, CONDITIONS)
    for name in (b"if-match", b"if-none-match"):
        assert after.get(name, b"").startswith(before.get(name, b"").rstrip(b", \t"))
    assert after.keys() <= before.keys()
    assert [field for field in request if field not in without_range(request)] in (
        [],
        [field for field in request if field[0] == b"range"],
    )


def check_answer(status: int, answer: list[tuple[bytes, bytes]], asked: Asked) -> None:
    coded = code(asked, status, answer, 500)
    assert checked(coded.fields) == coded.fields
    if coded.coding is None:
        assert {name for name, _ in coded.fields} <= {name for name, _ in answer} | {b"vary"}
        return
    fields = dict(coded.fields)
    assert has_choice(status, answer, 500)
    assert status not in {204, 206, 304, 416} or status == 416
    assert fields[b"content-encoding"] == coded.coding == asked.codings[0]
    assert fields.keys().isdisjoint(DIGESTS | {b"content-length", b"accept-ranges", b"content-range"})
    assert b"accept-encoding" in fields[b"vary"].lower() or b"*" in fields[b"vary"]
    if b"etag" in fields:
        check_tag(fields[b"etag"], coded.coding)


def check_tag(told: bytes, coding: bytes) -> None:
    """What the client is told it may ask with, and who made the tag knows it."""
    tag = parse_etag(told)
    assert tag is not None
    assert tag.weak
    request = [(b"accept-encoding", coding), (b"if-none-match", told)]
    plain = dict(plain_request("GET", request, read_request(request, OFFERED), OFFERED))[b"if-none-match"]
    found = parse_etags(plain)
    assert found is not AnyETag.ANY
    assert ETag(tag.opaque.removesuffix(b"-" + coding)) in tuple(found)
