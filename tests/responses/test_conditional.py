"""Validators and file names on the responses whose content is in memory."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from rejoinder import HTMLResponse, JSONResponse, ORJSONResponse, Outcome, PlainTextResponse, Response, UJSONResponse
from rejoinder.testing import Answer, fetch, run

THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
DATE = "Fri, 17 May 2024 12:00:00 GMT"
CLASSES: list[Callable[..., Response]] = [
    Response,
    HTMLResponse,
    PlainTextResponse,
    JSONResponse,
    ORJSONResponse,
    UJSONResponse,
]
each_class = pytest.mark.parametrize("cls", CLASSES)


def get(response: Any, method: str = "GET", **fields: str) -> Answer:
    return run(lambda: fetch(response, method, headers={name.replace("_", "-"): fields[name] for name in fields}))


@each_class
def test_hash(cls: Any) -> None:
    response = cls("abc", etag=True, headers={"set-cookie": "a=b"})
    etag = response.headers["etag"]
    assert etag == cls("abc", etag=True).headers["etag"] != cls("abd", etag=True).headers["etag"]
    outcomes: list[Outcome] = []
    response.on_finish = outcomes.append
    whole = get(response)
    assert (whole.status, whole.body) == (200, response.body)
    same = get(response, if_none_match=etag)
    assert (same.status, same.body, same.headers.get("set-cookie")) == (304, b"", "a=b")
    assert same.headers.get("content-length") is None
    assert [outcome.status for outcome in outcomes] == [200, 304]
    response.set_cookie("c", "d")
    response.body = b"other"
    assert response.headers["etag"] != etag
    assert get(response, if_none_match=etag).body == b"other"


@each_class
def test_time_and_name(cls: Any) -> None:
    response = cls("abc", last_modified=THEN, filename="a.txt")
    assert response.headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert get(response).headers.get("last-modified") == DATE
    assert get(response, if_modified_since=DATE).status == 304
    assert get(response, if_modified_since="Fri, 17 May 2024 11:59:59 GMT").status == 200


@pytest.mark.parametrize(
    ("status", "method", "fields", "expected"),
    [
        (200, "GET", {}, 200),
        (200, "HEAD", {"if_none_match": '"v1"'}, 304),
        (200, "GET", {"if_none_match": 'W/"v1"'}, 304),
        (200, "GET", {"if_none_match": '"v2"'}, 200),
        (201, "GET", {"if_none_match": '"v1"'}, 304),
        (404, "GET", {"if_none_match": '"v1"'}, 404),
        (200, "GET", {"if_match": '"v2"'}, 412),
        (200, "POST", {"if_match": '"v2"'}, 200),
        (200, "GET", {"range": "bytes=0-0"}, 200),
    ],
)
def test_conditions(status: int, method: str, fields: dict[str, str], expected: int) -> None:
    response = PlainTextResponse("abc", status, etag="v1", headers={"etag": '"v0"'})
    before = list(response.raw_headers)
    answer = get(response, method, **fields)
    assert answer.status == expected
    assert answer.body == (b"abc" if expected == status and method != "HEAD" else b"")
    assert answer.headers.get("accept-ranges") is None
    assert answer.headers.get("content-length") == {304: None, 412: "0"}.get(expected, "3")
    assert response.raw_headers == before


def late(response: Response, name: str, value: str) -> Response:
    response.headers[name] = value
    return response


@pytest.mark.parametrize(
    ("response", "fields", "status"),
    [
        pytest.param(Response("abc", headers={"ETag": '"a"'}), {"if_none_match": '"a"'}, 304, id="tag"),
        pytest.param(Response("abc", headers={"ETag": '"a"'}), {"if_match": '"b"'}, 412, id="tag of another"),
        pytest.param(Response("abc", headers={"Last-Modified": DATE}), {"if_modified_since": DATE}, 304, id="time"),
        pytest.param(late(Response("abc"), "etag", '"a"'), {"if_none_match": '"a"'}, 304, id="late"),
        pytest.param(Response("abc", 404, headers={"ETag": '"a"'}), {"if_none_match": '"a"'}, 404, id="status not 2xx"),
        pytest.param(Response("abc", headers={"ETag": "a"}), {"if_none_match": "*"}, 200, id="no entity tag"),
        pytest.param(Response("abc"), {"if_none_match": "*"}, 200, id="no validator"),
    ],
)
def test_validators_among_the_headers(response: Response, fields: dict[str, str], status: int) -> None:
    """13.1: whoever gave them, by whatever way."""
    answer = get(response, **fields)
    assert (answer.status, answer.body) == (status, b"abc" if status in {200, 404} else b"")


def test_a_name_alone_costs_no_detour() -> None:
    response = Response("abc", filename="a")
    assert response._checked == response.raw_headers
    assert (
        Response("a", filename="a", headers={"content-disposition": "inline"}).headers["content-disposition"]
        == "inline"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"etag": "a b"}, "etag"),
        ({"etag": False}, "etag"),
        ({"last_modified": THEN.replace(tzinfo=None)}, "time zone"),
    ],
)
def test_mistakes(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Response("a", **options)
