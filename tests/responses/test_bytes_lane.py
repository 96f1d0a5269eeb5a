"""What the seven classes of the bytes lane send, and what they refuse."""

import subprocess
import sys
from collections.abc import Callable
from email.message import Message
from enum import Enum
from http import HTTPStatus
from typing import Any, cast

import pytest
from starlette.datastructures import URL, Headers, MutableHeaders

from rejoinder import (
    HTMLResponse,
    JSONResponse,
    ORJSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    UJSONResponse,
)
from rejoinder.testing import Answer, fetch, run

BACKENDS = ["asyncio", "trio"]
JSON_CLASSES = [JSONResponse, ORJSONResponse, UJSONResponse]


def message_of(headers: dict[str, str]) -> Message:
    """What urllib and http.client give as headers: no Mapping."""
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


def answer(app: Any, method: str = "GET", backend: Any = "asyncio", **options: Any) -> Answer:
    async def main() -> Answer:
        return await fetch(app, method, **options)

    return run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spec_version", ["2.0", "2.1", "2.3", "2.4", "2.5"])
def test_two_messages_on_every_backend_and_version(backend: str, spec_version: str) -> None:
    sent = answer(PlainTextResponse("hi"), backend=backend, spec_version=spec_version)
    assert sent.messages == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"2"), (b"content-type", b"text/plain; charset=utf-8")],
        },
        {"type": "http.response.body", "body": b"hi"},
    ]


@pytest.mark.parametrize(
    ("content", "body"),
    [
        pytest.param(None, b"", id="None"),
        pytest.param("grüß", "grüß".encode(), id="str"),
        pytest.param(b"\x00\xff", b"\x00\xff", id="bytes"),
        pytest.param(bytearray(b"ab"), b"ab", id="bytearray"),
        pytest.param(memoryview(b"abc")[1:], b"bc", id="memoryview"),
        pytest.param(memoryview(b"abcdef")[::2], b"ace", id="memoryview with gaps"),
        pytest.param(memoryview(b"abcdefgh").cast("I"), b"abcdefgh", id="memoryview of integers"),
    ],
)
def test_content(content: Any, body: bytes) -> None:
    sent = answer(Response(content))
    assert (sent.body, sent.headers.get("content-length")) == (body, str(len(body)))
    assert type(Response(content).body) is bytes


def test_content_is_a_snapshot() -> None:
    content = bytearray(b"before")
    response = Response(content)
    content[:] = b"after!"
    assert answer(response).body == b"before"


@pytest.mark.parametrize(
    "content", [{"a": 1}, ["a"], 1, object(), iter("a")], ids=lambda content: type(content).__name__
)
@pytest.mark.parametrize("cls", [Response, HTMLResponse, PlainTextResponse])
def test_other_content_is_a_type_error_that_says_so(cls: type[Response], content: Any) -> None:
    with pytest.raises(TypeError, match=rf"{cls.__name__} must be str, bytes.* got {type(content).__name__}"):
        cls(content)


@pytest.mark.parametrize(
    ("response", "media_type"),
    [
        pytest.param(lambda: Response("a"), None, id="none"),
        pytest.param(lambda: Response("a", media_type="text/css"), "text/css; charset=utf-8", id="text gets a charset"),
        pytest.param(lambda: Response("a", media_type="text/css; Charset=x"), "text/css; Charset=x", id="but one"),
        pytest.param(lambda: Response(b"a", media_type="image/png"), "image/png", id="others get none"),
        pytest.param(lambda: HTMLResponse("a"), "text/html; charset=utf-8", id="HTML"),
        pytest.param(
            lambda: HTMLResponse("a", media_type="application/xhtml+xml"), "application/xhtml+xml", id="given"
        ),
        pytest.param(lambda: JSONResponse(1), "application/json", id="JSON"),
        pytest.param(
            lambda: JSONResponse(1, media_type="application/geo+json"), "application/geo+json", id="JSON given"
        ),
        pytest.param(lambda: HTMLResponse("a", headers={"Content-Type": "x/y"}), "x/y", id="the header wins"),
        pytest.param(lambda: Response("a", media_type="text/html; "), "text/html; charset=utf-8", id="open end"),
    ],
)
def test_content_type(response: Callable[[], Response], media_type: str | None) -> None:
    assert answer(response()).headers.get("content-type") == media_type


class Kind(str, Enum):  # noqa: UP042 - a StrEnum's str() is its value; this one's is "Kind.HTML"
    HTML = "text/html"
    PATH = "/next"
    HOST = "example.com"


def test_a_member_of_a_text_enum_is_its_value() -> None:
    assert answer(Response("a", media_type=Kind.HTML)).headers.get("content-type") == "text/html; charset=utf-8"
    assert answer(RedirectResponse(Kind.PATH)).headers.get("location") == "/next"
    response = Response()
    response.set_cookie("a", Kind.HOST, domain=Kind.HOST)
    assert answer(response).headers.get("set-cookie") == "a=example.com; Domain=example.com; Path=/; SameSite=lax"


@pytest.mark.parametrize("media_type", [b"text/html", 5], ids=repr)
def test_a_media_type_is_text(media_type: Any) -> None:
    with pytest.raises(TypeError, match="media_type must be a str"):
        Response("a", media_type=media_type)


def test_charset_of_a_subclass() -> None:
    class Latin(PlainTextResponse):
        charset = "latin-1"

    sent = answer(Latin("é"))
    assert (sent.body, sent.headers.get("content-type")) == (b"\xe9", "text/plain; charset=latin-1")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-A": "1", "x-b": 2, "x-c": b"\xe2"}, id="mapping"),
        pytest.param([("X-A", "1"), (b"x-b", 2), ["x-c", b"\xe2"]], id="pairs"),
        pytest.param(Headers(raw=[(b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"\xe2")]), id="Headers"),
        pytest.param(MutableHeaders(raw=[(b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"\xe2")]), id="MutableHeaders"),
        pytest.param(message_of({"X-A": "1", "x-b": "2", "x-c": "\xe2"}), id="email.message.Message"),
        pytest.param((pair for pair in [("x-a", 1), ("x-b", 2), ("x-c", "\xe2")]), id="iterator"),
    ],
)
def test_headers_come_first_in_their_order(headers: Any) -> None:
    expected = [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-c", b"\xe2"), (b"content-length", b"0")]
    assert answer(Response(headers=headers)).headers == expected


def test_repeated_headers_are_kept() -> None:
    pairs = [("link", "</a>"), ("link", "</b>")]
    assert answer(Response(headers=pairs)).headers.get_all("link") == ["</a>", "</b>"]


BAD_HEADERS = [
    pytest.param({"x-a\r\nx-b": "1"}, id="line break in a name"),
    pytest.param({"x-a": "1\r\nx-b: 2"}, id="line break in a value"),
    pytest.param({"x-a": "1\0"}, id="NUL"),
    pytest.param({"x-a": "报"}, id="beyond latin-1"),
    pytest.param({"x-a": None}, id="None"),
    pytest.param({"x-a": ["1"]}, id="list"),
    pytest.param({"x-a": 1.5}, id="float"),
    pytest.param([("x-a", "1", "2")], id="triple"),
]


@pytest.mark.parametrize("headers", BAD_HEADERS)
@pytest.mark.parametrize("cls", [Response, JSONResponse, RedirectResponse], ids=lambda cls: cls.__name__)
def test_bad_headers_are_refused_by_name_at_construction(cls: Any, headers: Any) -> None:
    with pytest.raises(ValueError, match="x-a"):
        cls("/", headers=headers)


@pytest.mark.parametrize(
    ("name", "value"), [("x-a", "1\r\nx-b: 2"), ("x-a", "1\0"), ("x-a\n", "1"), ("x a", "1")], ids=repr
)
@pytest.mark.parametrize("how", ["item", "append", "raw", "raw_headers"])
def test_bad_headers_that_are_assigned_are_refused_when_sent(how: str, name: str, value: str) -> None:
    response = Response("hello")
    raw = (name.encode(), value.encode())
    match how:
        case "item":
            response.headers[name] = value
        case "append":
            response.headers.append(name, value)
        case "raw":
            response.headers.raw.append(raw)
        case _:
            response.raw_headers = [*response.raw_headers, raw]
    with pytest.raises(ValueError, match="header"):
        answer(response)


def test_headers_that_are_assigned_are_sent_as_asgi_wants_them() -> None:
    response = Response("hello")
    response.raw_headers.append((b"X-Mixed", b" padded "))
    assert answer(response).headers == [(b"content-length", b"5"), (b"x-mixed", b"padded")]


def test_media_type_is_a_header_too() -> None:
    with pytest.raises(ValueError, match="content-type"):
        Response("a", media_type="text/html\r\nset-cookie: a=b")


@pytest.mark.parametrize("status", [99, 600, 0, -1, 1000], ids=str)
def test_a_status_out_of_range_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match=f"100..599.* got {status}"):
        Response(status_code=status)


@pytest.mark.parametrize("status", ["200", 200.0, None, True, b"200"], ids=repr)
@pytest.mark.parametrize("cls", [Response, JSONResponse, RedirectResponse], ids=lambda cls: cls.__name__)
def test_a_status_of_another_type_is_refused(cls: Any, status: Any) -> None:
    with pytest.raises(TypeError, match="status_code must be an int"):
        cls("/", status_code=status)


def test_a_status_of_another_type_that_is_assigned_is_refused_when_sent() -> None:
    response: Any = Response("a")
    response.status_code = 200.0
    with pytest.raises(TypeError, match="status_code must be an int"):
        answer(response)


def test_http_status_is_an_int() -> None:
    assert answer(Response(status_code=HTTPStatus.CREATED)).status == 201


@pytest.mark.parametrize(
    "cls", [Response, PlainTextResponse, HTMLResponse, *JSON_CLASSES], ids=lambda cls: cls.__name__
)
@pytest.mark.parametrize(
    ("status", "headers"), [(100, []), (199, []), (204, []), (304, []), (205, [(b"content-length", b"0")])], ids=str
)
@pytest.mark.parametrize("late", [False, True], ids=["given", "assigned later"])
def test_without_content(late: bool, status: int, headers: list[Any], cls: Any) -> None:
    response = cls("hello") if late else cls("hello", status_code=status)
    if late:
        assert response.headers["content-length"]
        response.status_code = status
    sent = answer(response)
    assert (sent.status, sent.headers, sent.body) == (status, headers, b"")


def test_a_304_may_tell_what_the_200_would_have_had() -> None:
    given = {"content-length": "10", "content-type": "text/plain", "etag": '"1"'}
    for response in (Response(status_code=304, headers=given), PlainTextResponse("a" * 10, 304, headers=given)):
        assert dict(answer(response).headers) == {name.encode(): value.encode() for name, value in given.items()}


@pytest.mark.parametrize(
    "cls", [Response, PlainTextResponse, HTMLResponse, *JSON_CLASSES], ids=lambda cls: cls.__name__
)
def test_head_has_the_headers_of_get_and_no_content(cls: Any) -> None:
    response = cls("hello")
    get, head = answer(response), answer(response, "HEAD")
    assert head.messages[0] == get.messages[0]
    assert (head.body, get.body != b"") == (b"", True)


def test_a_head_handler_may_tell_a_length_without_having_the_content() -> None:
    response = Response(headers={"content-length": 1000})
    assert answer(response, "HEAD").headers.get("content-length") == "1000"
    with pytest.raises(ValueError, match="content-length is 1000, but the content has 0 bytes"):
        answer(response)


@pytest.mark.parametrize("length", ["4", "6", "five", "5, 5", "+5"])
def test_a_content_length_that_lies_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="content-length is"):
        Response("hello", headers={"content-length": length})


def test_no_content_length_beside_a_transfer_encoding() -> None:
    for headers in ({"transfer-encoding": "chunked"}, {"content-length": "5", "transfer-encoding": "chunked"}):
        late = Response("hello")
        late.headers.update(headers)
        for response in (Response("hello", headers=headers), late):
            for method in ("GET", "HEAD"):
                assert answer(response, method).headers == [(b"transfer-encoding", b"chunked")]


def test_a_body_that_is_assigned_takes_its_length_along() -> None:
    for touch in (False, True):
        response = PlainTextResponse("hello")
        if touch:
            assert response.headers["content-length"] == "5"
        response.body = b"good bye"
        sent = answer(response)
        assert (sent.body, sent.headers.get("content-length")) == (b"good bye", "8")


@pytest.mark.parametrize("offered", [True, False])
def test_websocket_denial(offered: bool) -> None:
    extensions = ["websocket.http.response"] if offered else []
    sent = answer(PlainTextResponse("no", 403), type="websocket", extensions=extensions)
    types = [message["type"] for message in sent.messages]
    assert types == (
        ["websocket.http.response.start", "websocket.http.response.body"] if offered else ["websocket.close"]
    )
    assert sent.status == 403
    assert offered or sent.messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_response_can_be_sent_again_though_middleware_edits_what_it_is_sent() -> None:
    response = PlainTextResponse("hello", headers={"x-a": "1"})
    first = answer(response)

    async def vandal(scope: Any, receive: Any, send: Any) -> None:
        async def edit(message: Any) -> None:
            if "headers" in message:
                message["headers"].append((b"x-b", b"2"))
            await send(message)

        await response(scope, receive, edit)

    assert answer(vandal).headers.get("x-b") == "2"
    assert answer(response).messages == first.messages


@pytest.mark.parametrize(
    ("url", "location"),
    [
        pytest.param("/next", "/next", id="path"),
        pytest.param(URL("https://example.com/a"), "https://example.com/a", id="URL"),
        pytest.param("/grüße an?q=a b#ü", "/gr%C3%BC%C3%9Fe%20an?q=a%20b#%C3%BC", id="quoted"),
        pytest.param("https://bücher.example/", "https://xn--bcher-kva.example/", id="IDNA"),
    ],
)
def test_redirect(url: Any, location: str) -> None:
    sent = answer(RedirectResponse(url))
    assert (sent.status, sent.body) == (307, b"")
    assert sent.headers == [(b"content-length", b"0"), (b"location", location.encode())]


def test_a_location_among_the_headers_is_replaced() -> None:
    headers = {"location": "/a", "x-b": "1"}
    expected = [(b"x-b", b"1"), (b"content-length", b"0"), (b"location", b"/b")]
    assert answer(RedirectResponse("/b", headers=headers)).headers == expected


@pytest.mark.parametrize("url", ["/a\r\nset-cookie: b=c", "/\0", "javascript:alert(1)", "DATA:text/html,a"], ids=repr)
def test_a_hostile_target_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="redirect target"):
        RedirectResponse(url)


@pytest.mark.parametrize("url", [None, b"/a"], ids=repr)
def test_no_target_is_a_type_error(url: Any) -> None:
    with pytest.raises(TypeError, match="url must be a str or a URL"):
        RedirectResponse(url)


@pytest.mark.parametrize("status", [200, 304, 404, 201], ids=str)
def test_only_3xx_redirects(status: int) -> None:
    with pytest.raises(ValueError, match="3xx"):
        RedirectResponse("/", status)


@pytest.mark.parametrize("cls", JSON_CLASSES, ids=lambda cls: cls.__name__)
def test_json_hooks_of_every_engine(cls: Any) -> None:
    sent = answer(cls({"a": 1j, "b": float("nan")}, default=lambda value: {"re": value.real}))
    assert sent.body.replace(b"0.0", b"0") == b'{"a":{"re":0},"b":null}'
    with pytest.raises(ValueError, match=r"NaN|nan"):
        cls(float("nan"), nan="error")


def test_an_unknown_nan_policy_is_refused() -> None:
    for cls in JSON_CLASSES:
        with pytest.raises(ValueError, match="nan must be 'null' or 'error', got 'sideways'"):
            cls({}, nan=cast("Any", "sideways"))


@pytest.mark.parametrize("cls", JSON_CLASSES)
@pytest.mark.parametrize("content", ["circular", "deep"])
def test_json_without_end_is_a_value_error_and_no_crash(content: str, cls: type[JSONResponse]) -> None:
    cls([])  # if its engine is there
    code = f"""
import rejoinder
content = []
{"content.append(content)" if content == "circular" else "for _ in range(500_000): content = [content]"}
try:
    rejoinder.{cls.__name__}(content)
except ValueError as error:
    print("refused:", error, flush=True)
import os; os._exit(0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.startswith("refused: the content cannot be JSON")) == (0, True), ran


@pytest.mark.parametrize("seconds", [10**12, -(10**12), 10**30])
def test_seconds_that_no_date_can_tell_are_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="cookie 'a': expires"):
        Response().set_cookie("a", "b", expires=seconds)
