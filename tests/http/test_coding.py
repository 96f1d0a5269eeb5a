"""RFC 9110, sections 8.4, 8.8.3.3, 13 and 14: what becomes of an answer on its way through an encoder."""

import pytest

from rejoinder._http.coding import Coded, code, has_choice, plain_request, read_request, without_range
from rejoinder._http.fields import Field

OFFERED = (b"zstd", b"br", b"gzip")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
LONG = (b"content-length", b"1000")
VARY = (b"vary", b"accept-encoding")
GZIP = (b"content-encoding", b"gzip")
MINIMUM = 500


def asking(**fields: bytes) -> list[Field]:
    return [(name.replace("_", "-").encode(), value) for name, value in fields.items()]


def coded(accept: bytes | None, status: int, *fields: Field, if_none_match: bytes | None = None) -> Coded:
    request = [] if accept is None else asking(accept_encoding=accept)
    if if_none_match is not None:
        request += asking(if_none_match=if_none_match)
    return code(read_request(request, OFFERED), status, fields, MINIMUM)


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        pytest.param(None, None, id="12.5.3 no field"),
        pytest.param(b"", None, id="12.5.3 an empty field"),
        pytest.param(b"gzip, deflate, br, zstd", b"zstd", id="Chromium and Firefox: the server's order"),
        pytest.param(b"gzip, deflate, br", b"br", id="Safari"),
        pytest.param(b"gzip, deflate", b"gzip", id="Python's requests"),
        pytest.param(b"x-gzip", b"gzip", id="8.4.1.3 the old name"),
        pytest.param(b"gzip;q=1.0, zstd;q=0.5", b"gzip", id="12.4.2 by weight"),
        pytest.param(b"zstd;q=0, *", b"br", id="12.5.3 any other"),
        pytest.param(b"*", b"zstd", id="12.5.3 any"),
        pytest.param(b"*;q=0", None, id="12.5.3 none"),
        pytest.param(b"identity", None, id="12.5.3 the plain one"),
        pytest.param(b"identity;q=0", None, id="nothing named: what can be read is better than a 406"),
        pytest.param(b"identity;q=0, gzip;q=0.1", b"gzip", id="12.5.3 all but the plain one"),
        pytest.param(b"identity, gzip;q=0.5", None, id="rather the plain one"),
        pytest.param(b"deflate, compress", None, id="not offered"),
        pytest.param(b"gzipped", None, id="the beginning of a name"),
        pytest.param(b"gzip;q=0", None, id="12.4.2 not acceptable, though it is in the text"),
        pytest.param(b"gzip;q=2, \xff, br;q=", None, id="malformed"),
    ],
)
def test_accept_encoding(accept: bytes | None, coding: bytes | None) -> None:
    answer = coded(accept, 200, TEXT, LONG)
    assert answer.coding == coding
    fields = dict(answer.fields)
    assert fields[b"vary"] == b"accept-encoding"  # also where the choice fell on the plain one
    assert fields.get(b"content-encoding") == coding
    assert (b"content-length" in fields) == (coding is None)
    assert answer.size == (None if coding is None else 1000)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(200, [TEXT, (b"content-encoding", b"br")], id="8.4 coded already"),
        pytest.param(200, [TEXT, (b"content-encoding", b"identity")], id="and so told"),
        pytest.param(200, [TEXT, (b"Content-Encoding", b"br")], id="names in capitals"),
        pytest.param(200, [(b"content-type", b"image/png"), LONG], id="an image"),
        pytest.param(200, [(b"content-type", b"video/mp4")], id="a video"),
        pytest.param(200, [(b"content-type", b"application/zip")], id="an archive"),
        pytest.param(200, [(b"content-type", b"application/octet-stream")], id="anything"),
        pytest.param(200, [LONG], id="nobody knows what"),
        pytest.param(200, [TEXT, (b"content-length", b"499")], id="too short"),
        pytest.param(200, [TEXT, (b"content-length", b"x")], id="a length that is none"),
        pytest.param(200, [TEXT, (b"content-length", b"9" * 5000)], id="a length beyond all"),
        pytest.param(200, [TEXT, LONG, LONG], id="two lengths"),
        pytest.param(200, [TEXT, (b"cache-control", b"no-transform")], id="9111 5.2.2.6 no-transform"),
        pytest.param(200, [TEXT, (b"cache-control", b"public"), (b"cache-control", b"a,NO-Transform ,b")], id="in a list"),
        pytest.param(200, [TEXT, (b"content-range", b"bytes 0-9/10")], id="14.4 a range in a 200"),
        pytest.param(416, [TEXT, (b"content-range", b"bytes */10")], id="15.5.17"),
        pytest.param(204, [], id="15.3.5"),
        pytest.param(205, [(b"content-length", b"0")], id="15.3.6"),
        pytest.param(206, [(b"content-type", b"video/mp4"), (b"content-range", b"bytes 0-9/10")], id="15.3.7 of a video"),
        pytest.param(304, [TEXT, (b"cache-control", b"no-transform")], id="15.4.5 no choice"),
        pytest.param(304, [(b"content-type", b"image/png")], id="15.4.5 of an image"),
    ],
)  # fmt: skip
def test_left_alone(status: int, fields: list[Field]) -> None:
    expected = [(name.lower(), value) for name, value in fields]
    assert coded(b"gzip", status, *fields) == (None, expected, None)
    assert coded(None, status, *fields) == (None, expected, None)
    assert status == 304 or not has_choice(status, expected, MINIMUM)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(206, [TEXT, (b"content-range", b"bytes 0-9/10"), (b"etag", b'"a"')], id="15.3.7 the plain octets"),
        pytest.param(206, [(b"content-type", b"multipart/byteranges; boundary=a"), LONG], id="15.3.7.2 several"),
        pytest.param(304, [(b"etag", b'"a"')], id="15.4.5"),
        pytest.param(304, [(b"etag", b"a")], id="15.4.5 with a tag that is none"),
        pytest.param(304, [], id="15.4.5 without a tag"),
    ],
)
def test_only_the_choice_is_told(status: int, fields: list[Field]) -> None:
    assert coded(b"gzip", status, *fields) == (None, [*fields, VARY], None)
    assert coded(None, status, *fields) == (None, [*fields, VARY], None)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(304, [(b"etag", b'"a"')], id="15.4.5"),
        pytest.param(400, [TEXT, (b"content-length", b"40")], id="14.2 a Range that is none"),
        pytest.param(412, [(b"content-length", b"0")], id="15.5.13"),
        pytest.param(416, [(b"content-range", b"bytes */10"), (b"content-length", b"0")], id="15.5.17"),
    ],
)
def test_what_is_sent_in_place_of_the_whole_tells_whether_there_was_a_choice(status: int, fields: list[Field]) -> None:
    for accept in (b"gzip", None):
        asked = read_request([] if accept is None else asking(accept_encoding=accept), OFFERED)
        assert code(asked, status, fields, MINIMUM, varies=True).fields == [*fields, VARY]
        assert code(asked, status, fields, MINIMUM, varies=False).fields == fields


@pytest.mark.parametrize("status", [200, 201, 203, 300, 301, 400, 404, 500])
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        pytest.param([], [], id="a stream"),
        pytest.param([LONG], [], id="8.6 the length"),
        pytest.param([(b"etag", b'"a"')], [(b"etag", b'W/"a-gzip"')], id="8.8.3.3 a strong tag"),
        pytest.param([(b"etag", b'W/"a"')], [(b"etag", b'W/"a-gzip"')], id="8.8.3.3 a weak tag"),
        pytest.param([(b"etag", b"a")], [], id="a tag that is none"),
        pytest.param([(b"accept-ranges", b"bytes")], [], id="14.3 ranges would lie"),
        pytest.param([(b"content-digest", b"a=:b:"), (b"repr-digest", b"a=:b:")], [], id="9530 digests"),
        pytest.param([(b"digest", b"a=b"), (b"content-md5", b"a")], [], id="3230 and 1864 older digests"),
        pytest.param([(b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")], [(b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")], id="cookies"),
        pytest.param([(b"cache-control", b"no-transforms")], [(b"cache-control", b"no-transforms")], id="another directive"),
        pytest.param([(b"last-modified", b"x")], [(b"last-modified", b"x")], id="a date"),
    ],
)  # fmt: skip
def test_what_a_coded_answer_says(status: int, given: list[Field], sent: list[Field]) -> None:
    assert coded(b"gzip", status, TEXT, *given).fields == [TEXT, *sent, GZIP, VARY]
    assert coded(None, status, TEXT, *given).fields == [TEXT, *given, VARY]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([(b"vary", b"origin")], b"origin, accept-encoding"),
        ([(b"vary", b"Accept-Encoding")], b"Accept-Encoding"),
        ([(b"vary", b"*")], b"*"),
        ([(b"vary", b"a"), (b"vary", b"b")], b"a, b, accept-encoding"),
    ],
)
def test_vary(given: list[Field], sent: bytes) -> None:
    for accept in (b"gzip", None):
        assert [field for field in coded(accept, 200, TEXT, *given).fields if field[0] == b"vary"] == [(b"vary", sent)]


@pytest.mark.parametrize(
    ("accept", "if_none_match", "told"),
    [
        pytest.param(b"gzip", b'W/"a-gzip"', b'W/"a-gzip"', id="the tag that the client has"),
        pytest.param(b"gzip", b'"b", W/"a-gzip", "c"', b'W/"a-gzip"', id="among others"),
        pytest.param(b"gzip", b'"a-gzip"', b'W/"a-gzip"', id="13.1.2 weakly compared"),
        pytest.param(b"gzip", b'"a"', b'"a"', id="that of the plain one"),
        pytest.param(b"gzip", b"*", b'"a"', id="any"),
        pytest.param(b"gzip", b'W/"ba-gzip"', b'"a"', id="that of another"),
        pytest.param(b"gzip", None, b'"a"', id="a date"),
        pytest.param(b"br, gzip", b'W/"a-gzip"', b'W/"a-gzip"', id="in another coding than it would get now"),
        pytest.param(b"br", b'W/"a-gzip"', b'"a"', id="in one that it does not accept"),
        pytest.param(None, b'W/"a-gzip"', b'"a"', id="in any"),
    ],
)
def test_the_tag_of_a_304(accept: bytes | None, if_none_match: bytes | None, told: bytes) -> None:
    answer = coded(accept, 304, (b"etag", b'"a"'), if_none_match=if_none_match)
    assert answer == (None, [(b"etag", told), VARY], None)


@pytest.mark.parametrize(
    ("method", "request_fields", "inner"),
    [
        pytest.param("GET", asking(accept=b"*"), asking(accept=b"*"), id="no condition"),
        pytest.param("POST", asking(content_encoding=b"gzip"), asking(content_encoding=b"gzip"), id="8.4 of the request"),
        pytest.param("GET", asking(if_none_match=b'W/"a-gzip"'), asking(if_none_match=b'W/"a-gzip", "a"'), id="13.1.2"),
        pytest.param("HEAD", asking(if_none_match=b'W/"a-gzip"'), asking(if_none_match=b'W/"a-gzip", "a"'), id="HEAD"),
        pytest.param("GET", asking(if_none_match=b"*"), asking(if_none_match=b"*"), id="any"),
        pytest.param("GET", asking(if_none_match=b'"a-gzip"'), asking(if_none_match=b'"a-gzip"'), id="not one of ours"),
        pytest.param("GET", asking(if_none_match=b'W/"a-br"'), asking(if_none_match=b'W/"a-br"'), id="not acceptable now"),
        pytest.param("GET", asking(if_match=b'W/"a-gzip"'), asking(if_match=b'W/"a-gzip"'), id="13.1.1 is for a range"),
        pytest.param("PUT", asking(if_match=b'W/"a-br"'), asking(if_match=b'W/"a-br", "a"'), id="13.1.1 before a change"),
        pytest.param("PUT", asking(if_match=b"*"), asking(if_match=b"*"), id="13.1.1 any"),
        pytest.param("PUT", asking(if_none_match=b'W/"a-br"'), asking(if_none_match=b'W/"a-br", "a"'), id="13.1.2 too"),
        pytest.param("GET", asking(range=b"bytes=0-"), asking(range=b"bytes=0-"), id="14.2 a range"),
        pytest.param("GET", asking(range=b"bytes=9-", if_range=b'"a"'), asking(range=b"bytes=9-", if_range=b'"a"'), id="13.1.5 a tag"),
        pytest.param("GET", asking(range=b"bytes=9-", if_range=b'W/"a-gzip"'), asking(range=b"bytes=9-", if_range=b'W/"a-gzip"'), id="13.1.5 ours, which is weak"),
        pytest.param("GET", asking(range=b"bytes=9-", if_range=b"Fri, 17 May 2024 12:00:00 GMT"), [], id="13.1.5 a date"),
        pytest.param("GET", asking(range=b"bytes=9-", if_unmodified_since=b"x"), asking(if_unmodified_since=b"x"), id="13.1.4 a date"),
        pytest.param("GET", asking(range=b"bytes=9-", if_unmodified_since=b"x", if_match=b'"a"'), asking(range=b"bytes=9-", if_unmodified_since=b"x", if_match=b'"a"'), id="13.1.4 beside a tag"),
    ],
)  # fmt: skip
def test_the_request_behind(method: str, request_fields: list[Field], inner: list[Field]) -> None:
    accept = asking(accept_encoding=b"gzip")
    request = [*accept, *request_fields]
    asked = read_request(request, OFFERED)
    assert sorted(plain_request(method, request, asked, OFFERED)) == sorted([*accept, *inner])


def test_a_field_that_repeats() -> None:
    request = asking(accept_encoding=b"gzip") + asking(accept_encoding=b"br") + asking(x=b"y")
    assert read_request(request, OFFERED).codings == (b"br", b"gzip")


@pytest.mark.parametrize(
    ("request_fields", "kept"),
    [
        pytest.param(asking(range=b"bytes=9-"), False, id="14.2 of what is coded"),
        pytest.param(asking(range=b"bytes=9-", if_range=b'"a"'), True, id="13.1.5 of the plain octets"),
        pytest.param(asking(range=b"bytes=9-", if_range=b'W/"a-gzip"'), True, id="13.1.5 which equals nothing"),
        pytest.param(asking(range=b"bytes=9-", if_range=b"x"), False, id="13.1.5 no tag"),
    ],
)
def test_a_range_of_the_plain_octets(request_fields: list[Field], kept: bool) -> None:
    assert (request_fields[0] in without_range(request_fields)) == kept
