"""RFC 9110, sections 6.4.1, 8.6, 9.3.2, 15.3.5, 15.3.6, 15.4.5: what goes out for a method and a status."""

from typing import NamedTuple

import pytest

from rejoinder._http.fields import Field
from rejoinder._http.framing import check_length, frame

BODY = b"hello"
LENGTH, TYPE = (b"content-length", b"5"), (b"content-type", b"text/plain")
OTHER_LENGTH, OTHER_TYPE = (b"content-length", b"1234"), (b"content-type", b"image/png")
CHUNKED, ETAG, COOKIE = (b"transfer-encoding", b"chunked"), (b"etag", b'"1"'), (b"set-cookie", b"a=b")
ZERO = (b"content-length", b"0")


class Row(NamedTuple):
    """`given` are the fields of the user; a class adds `LENGTH` and `TYPE` of its own accord."""

    method: str
    status: int
    given: list[Field]
    sent: list[Field]
    content: bytes


FRAMED = {
    "content is sent as it is": Row("GET", 200, [ETAG, LENGTH, TYPE], [ETAG, LENGTH, TYPE], BODY),
    "an error has content too": Row("POST", 500, [LENGTH, TYPE], [LENGTH, TYPE], BODY),
    "a redirect has content too": Row("GET", 307, [LENGTH, TYPE], [LENGTH, TYPE], BODY),
    "chunked content has no length": Row("GET", 200, [CHUNKED], [CHUNKED], BODY),
    "9.3.2: HEAD gets the fields of GET and no content": Row("HEAD", 200, [ETAG, LENGTH], [ETAG, LENGTH], b""),
    "9.3.2: HEAD may tell a length that it does not have": Row("HEAD", 200, [OTHER_LENGTH], [OTHER_LENGTH], b""),
    "9.3.2: HEAD of an error": Row("HEAD", 404, [LENGTH, TYPE], [LENGTH, TYPE], b""),
    "6.4.1: a 1xx has no content": Row("GET", 103, [ETAG, LENGTH, TYPE], [ETAG], b""),
    "8.6: a 1xx has no length, not even the user's": Row("GET", 199, [OTHER_LENGTH], [], b""),
    "8.6: a 1xx is not chunked": Row("GET", 100, [CHUNKED], [], b""),
    "15.3.5: a 204 has no content": Row("DELETE", 204, [COOKIE, LENGTH, TYPE], [COOKIE], b""),
    "8.6: a 204 has no length, not even the user's": Row("GET", 204, [OTHER_LENGTH, ETAG], [ETAG], b""),
    "8.6: a 204 is not chunked": Row("GET", 204, [CHUNKED, ETAG], [ETAG], b""),
    "15.3.5: a 204 may describe the resource": Row("PUT", 204, [OTHER_TYPE, ETAG], [OTHER_TYPE, ETAG], b""),
    "HEAD of a 204": Row("HEAD", 204, [LENGTH], [], b""),
    "15.3.6: a 205 has length zero": Row("POST", 205, [COOKIE, LENGTH, TYPE], [COOKIE, ZERO], b""),
    "15.3.6: and no other": Row("POST", 205, [OTHER_LENGTH], [ZERO], b""),
    "15.3.6: and is not chunked": Row("POST", 205, [CHUNKED], [ZERO], b""),
    "15.4.5: a 304 has no content": Row("GET", 304, [ETAG, LENGTH, TYPE], [ETAG], b""),
    "8.6: a 304 may tell the length of the 200": Row("GET", 304, [ETAG, OTHER_LENGTH], [ETAG, OTHER_LENGTH], b""),
    "HEAD of a 304": Row("HEAD", 304, [ETAG, OTHER_LENGTH], [ETAG, OTHER_LENGTH], b""),
    "no field is lost where two are equal": Row("GET", 204, [COOKIE, COOKIE], [COOKIE, COOKIE], b""),
}


@pytest.mark.parametrize("row", FRAMED.values(), ids=FRAMED)
def test_frame(row: Row) -> None:
    given = list(row.given)
    assert frame(row.method, row.status, given, BODY, [LENGTH, TYPE]) == (row.sent, row.content)
    assert given == row.given, "the list of the response is not edited: it may be sent again"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param([], BODY, id="none"),
        pytest.param([TYPE], BODY, id="other fields"),
        pytest.param([LENGTH], BODY, id="right"),
        pytest.param([ZERO], b"", id="right for nothing"),
    ],
)
def test_section_8_6_a_true_length_passes(fields: list[Field], body: bytes) -> None:
    check_length(fields, body)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param([OTHER_LENGTH], "1234", id="too long"),
        pytest.param([ZERO], "0", id="too short"),
        pytest.param([LENGTH, LENGTH], "5, 5", id="twice"),
        pytest.param([LENGTH, OTHER_LENGTH], "5, 1234", id="right and wrong"),
        pytest.param([(b"content-length", b"05")], "05", id="not as others write it"),
        pytest.param([(b"content-length", b"")], "", id="empty"),
        pytest.param([(b"content-length", b"five")], "five", id="no number"),
    ],
)
def test_section_8_6_a_false_length_is_refused(fields: list[Field], said: str) -> None:
    with pytest.raises(ValueError, match=f"^content-length is {said}, but the content has 5 bytes$"):
        check_length(fields, BODY)
    with pytest.raises(ValueError, match="content-length"):
        frame("GET", 200, fields, BODY, [])
