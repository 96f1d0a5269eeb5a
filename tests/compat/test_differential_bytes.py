"""Content, status, headers and what is assigned later: FastAPI's classes and ours send the same, but for what is listed.

A row is a name, a function that makes a response of a module with the names of `fastapi.responses`, and the ids of the
divergences (docs/divergences.md) that it shows. A row without ids must be equal to the last byte, one with ids must
differ, so that no entry of the list outlives its reason; "?" marks what only some versions of Starlette or Python do.
"""

from array import array
from collections.abc import Callable
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from starlette.datastructures import Headers

HEAD = {"method": "HEAD"}
SAME = {"headers": [(b"if-none-match", b'"a"')]}
WEBSOCKET = {"type": "websocket", "extensions": {}}
DENIAL = {"type": "websocket", "extensions": {"websocket.http.response": {}}}


def over(more: dict[str, Any], app: Any) -> Callable[..., Any]:
    return lambda scope, receive, send: app({**scope, **more}, receive, send)


def then(response: Any, *steps: Callable[[Any], object]) -> Any:
    for step in steps:
        step(response)
    return response


def assign(**attributes: object) -> Callable[[Any], None]:
    def step(response: Any) -> None:
        for name, value in attributes.items():
            setattr(response, name, value)

    return step


def put(name: Any, value: Any) -> Callable[[Any], None]:
    return lambda response: response.headers.__setitem__(name, value)


def header(name: Any, value: Any) -> Callable[[Any], Any]:
    return lambda m: m.Response("x", headers={name: value})


def custom(cls: Any, *arguments: Any, **members: Any) -> Any:
    return type("Custom", (cls,), members)(*arguments)


def bare(m: Any, **attributes: Any) -> Any:
    """An instance of a subclass with an `__init__` that leaves Starlette's alone."""

    def init(self: Any) -> None:
        assign(**attributes)(self)
        self.init_headers({"x-a": "1"})

    return custom(m.Response, __init__=init)


LATIN = {"charset": "latin-1"}
ROWS: list[tuple[Any, ...]] = [
    # Content.
    ("nothing", lambda m: m.Response()),
    ("text", lambda m: m.Response("grüße")),
    ("bytes", lambda m: m.Response(b"\x00\xff")),
    ("empty text", lambda m: m.PlainTextResponse("")),
    ("long", lambda m: m.Response(b"x" * 100_000)),
    ("plain text", lambda m: m.PlainTextResponse("grüße")),
    ("html", lambda m: m.HTMLResponse("<p>grüße</p>")),
    ("html positional", lambda m: m.HTMLResponse("x", 201, {"x-a": "1"}, "text/plain", None)),
    ("latin-1 class", lambda m: custom(m.HTMLResponse, "grüße", **LATIN)),
    ("media type of a subclass", lambda m: custom(m.Response, "x", media_type="application/pdf")),
    ("memoryview", lambda m: m.Response(memoryview(b"abc")), "body-type"),
    ("memoryview of ints", lambda m: m.Response(memoryview(array("I", [1, 2]))), "body-type"),
    ("memoryview with steps", lambda m: m.Response(memoryview(b"abcd")[::2]), "body-type?"),
    ("bytearray", lambda m: m.Response(bytearray(b"abc")), "content-types"),
    ("number", lambda m: m.Response(5), "errors"),
    ("dict", lambda m: m.HTMLResponse({"a": 1}), "errors"),
    ("what can only encode itself", lambda m: m.Response(SimpleNamespace(encode=str.encode)), "errors"),
    ("beyond the charset", lambda m: custom(m.Response, "€", **LATIN)),
    # Media types.
    ("media type", lambda m: m.Response("x", media_type="application/xml")),
    ("text gets a charset", lambda m: m.Response("x", media_type="text/csv")),
    ("text with a charset", lambda m: m.Response("x", media_type="text/csv; Charset=latin-1")),
    ("text with a semicolon", lambda m: m.Response("x", media_type="text/csv;"), "media-type-end"),
    ("media type and header", lambda m: m.Response("x", headers={"Content-Type": "text/x"}, media_type="text/y")),
    ("media type assigned", lambda m: then(m.Response("x"), assign(media_type="text/x")), "late"),
    ("media type assigned later", lambda m: then(m.Response("x"), put("x-a", "1"), assign(media_type="text/x"))),
    ("media type with a newline", lambda m: m.Response("x", media_type="text/x\r\nx-a: 1"), "header-characters"),
    # Status.
    ("status", lambda m: m.Response("x", status_code=404)),
    ("status enum", lambda m: m.PlainTextResponse("x", HTTPStatus.CREATED)),
    ("status assigned", lambda m: then(m.Response("x"), assign(status_code=418))),
    ("204", lambda m: m.Response(status_code=204)),
    ("204 with headers", lambda m: m.Response(status_code=204, headers={"X-A": "1"})),
    ("304 with a validator", lambda m: m.Response(status_code=304, headers={"ETag": '"a"'})),
    ("204 with content", lambda m: m.Response("x", status_code=204), "no-content"),
    ("204 with a type", lambda m: m.HTMLResponse(status_code=204), "no-content"),
    ("204 with a length", lambda m: m.Response(status_code=204, headers={"content-length": "0"}), "no-content"),
    ("204 in JSON", lambda m: m.JSONResponse(None, status_code=204), "no-content"),
    ("204 assigned", lambda m: then(m.Response("x"), assign(status_code=204)), "no-content"),
    ("204 left", lambda m: then(m.Response(status_code=204), assign(status_code=200)), "late"),
    ("205", lambda m: m.Response(status_code=205)),
    ("205 with content", lambda m: m.PlainTextResponse("x", status_code=205), "no-content"),
    ("304 with content", lambda m: m.Response("x", status_code=304), "no-content"),
    ("304 with the length of the 200", lambda m: m.Response(status_code=304, headers={"content-length": "9"})),
    ("103", lambda m: m.Response("x", status_code=103), "no-content"),
    ("status 42", lambda m: m.Response("x", status_code=42), "status"),
    ("status 600", lambda m: m.Response("x", status_code=600), "status"),
    ("status as text", lambda m: m.Response("x", status_code="200")),
    ("status as text, assigned", lambda m: then(m.Response("x"), assign(status_code="200")), "status"),
    ("status as a float, assigned", lambda m: then(m.Response("x"), assign(status_code=200.0)), "status"),
    ("status true", lambda m: m.Response("x", status_code=True), "status"),
    # Headers.
    ("headers", lambda m: m.Response("x", headers={"X-B": "1", "x-a": "", "X-C": "grüße"})),
    ("no headers", lambda m: m.HTMLResponse("x", headers={})),
    ("Headers with repeats", lambda m: m.Response("x", headers=Headers(raw=[(b"via", b"a"), (b"via", b"b")]))),
    ("content-length", header("Content-Length", "1")),
    ("content-length of what HEAD has not", lambda m: over(HEAD, m.Response(headers={"content-length": "9"}))),
    ("content-length that lies", header("content-length", "2"), "content-length"),
    ("content-length that lies, assigned", lambda m: then(m.Response("x"), put("content-length", "7")), "content-length"),
    ("transfer-encoding", header("Transfer-Encoding", "chunked"), "transfer-encoding"),
    ("header assigned", lambda m: then(m.Response("x"), put("X-A", "1"), put("x-a", "2"))),
    ("header appended", lambda m: then(m.Response("x"), lambda r: r.headers.append("Vary", "accept"))),
    ("vary", lambda m: then(m.Response("x"), lambda r: r.headers.add_vary_header("accept"))),
    ("headers updated", lambda m: then(m.HTMLResponse("x"), lambda r: r.headers.update({"content-type": "a/b"}))),
    ("header deleted", lambda m: then(m.HTMLResponse("x"), lambda r: r.headers.__delitem__("content-type"))),
    ("length deleted", lambda m: then(m.Response("x"), lambda r: r.headers.__delitem__("content-length"))),
    ("raw extended", lambda m: then(m.Response("x"), lambda r: r.headers.raw.extend([(b"a", b"1"), (b"a", b"2")]))),
    ("raw_headers assigned", lambda m: then(m.Response("x"), assign(raw_headers=[(b"a", b"1")]))),
    ("raw_headers in upper case", lambda m: then(m.Response(), assign(raw_headers=[(b"A", b"1")])), "header-case"),
    ("number as value", header("x-a", 1), "header-types"),
    ("bytes as value", header("x-a", b"\xff"), "header-types"),
    ("bytes as name", header(b"x-a", "1"), "header-types"),
    ("pairs", lambda m: m.Response("x", headers=[("x-a", "1")]), "header-types"),
    ("None as value", header("x-a", None), "errors"),
    ("true as value", header("x-a", True), "errors"),
    ("None as value, assigned", lambda m: then(m.Response("x"), put("x-a", None))),
    ("beyond latin-1", header("x-a", "€"), "errors"),
    ("white space around", header("x-a", " 1\t"), "header-space"),
    ("newline", header("x-a", "1\r\nset-cookie: a=b"), "header-characters"),
    ("NUL", header("x-a", "\0"), "header-characters"),
    ("DEL", header("x-a", "\x7f"), "header-characters"),
    ("newline, assigned", lambda m: then(m.Response("x"), put("x-a", "1\n2")), "header-characters"),
    ("name with a space", header("x a", "1"), "header-characters"),
    ("name beyond ASCII", header("ü", "1"), "header-characters"),
    ("no name", header("", "1"), "header-characters"),
    # What is assigned later, and subclasses.
    ("body assigned", lambda m: then(m.Response("long"), assign(body=b"x")), "late"),
    ("body assigned, headers seen", lambda m: then(m.Response("long"), put("a", "1"), assign(body=b"x")), "late"),
    ("body of the same length", lambda m: then(m.Response("long"), assign(body=b"size"))),
    ("body as text", lambda m: then(m.Response("a"), assign(body="b")), "body-type"),
    ("render to bytes", lambda m: custom(m.Response, "x", render=lambda self, content: b"<" + content.encode())),
    ("render to text", lambda m: custom(m.Response, "x", render=lambda self, content: "é"), "body-type"),
    ("render to memoryview", lambda m: custom(m.Response, "x", render=lambda *a: memoryview(b"a")), "body-type"),
    ("render to nothing", lambda m: custom(m.Response, "x", render=lambda *a: None), "body-type"),
    ("own init", lambda m: bare(m, status_code=201, body=b"x", background=None)),
    ("own init without body", lambda m: bare(m, status_code=200, background=None), "defaults"),
    ("own init without background", lambda m: bare(m, status_code=201, body=b"x"), "defaults"),
    ("own init without status", lambda m: bare(m, body=b"x", background=None)),
    ("own init without init_headers", lambda m: custom(m.Response, __init__=assign(status_code=200, body=b"x")), "defaults"),
    # Requests.
    ("HEAD", lambda m: over(HEAD, m.PlainTextResponse("x")), "head"),
    ("a tag, and no condition", header("ETag", '"a"')),
    ("a tag that the client has", lambda m: over(SAME, header("ETag", '"a"')(m)), "validators"),
    ("a tag that the client has, assigned", lambda m: over(SAME, then(m.Response("x"), put("etag", '"a"'))), "validators"),
    ("a tag that the client has, of an error", lambda m: over(SAME, m.Response("x", 404, {"ETag": '"a"'}))),
    ("HEAD of nothing", lambda m: over(HEAD, m.Response())),
    ("no method", lambda m: lambda scope, *channels: m.PlainTextResponse("x")({"type": "http"}, *channels)),
    ("old ASGI", lambda m: over({"asgi": {"version": "3.0"}}, m.PlainTextResponse("x"))),
    ("denial", lambda m: over(DENIAL, m.PlainTextResponse("x", 403, {"x-a": "1"}))),
    ("denial without the extension", lambda m: over(WEBSOCKET, m.PlainTextResponse("x", 403)), "websocket"),
]  # fmt: skip


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
