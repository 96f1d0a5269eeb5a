"""A whole application: files, streams, redirects, cookies and errors, compressed.

The octets are read twice: as a request, whose query says of what; and each as a choice, so that what is rarely said together
is said together.
"""

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.routing import Mount, Route

from fuzz._requests import Fields, Request, ask, check_coding, read_request
from fuzz._site import PUBLIC, SECRET, site
from rejoinder import (
    EventSourceResponse,
    FileResponse,
    JSONLinesResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StaticFiles,
    StreamingResponse,
    problems,
)
from rejoinder.middleware import CompressionMiddleware
from rejoinder.testing import Answer

SEEDS = [
    b"GET /files/app.3f2a1b9c.js\naccept-encoding: gzip, br;q=0\nrange: bytes=0-4,9-12",
    b'GET /file?index.html\nif-none-match: W/"a-gzip", "b"\naccept-encoding: zstd, br',
    b'GET /data\nrange: bytes=1-3\nif-range: "a"',
    b'GET /json?caf\xc3\xa9\naccept-encoding: *;q=0.1\nif-match: "a"',
    b"GET /text\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\naccept-encoding: gzip",
    b"HEAD /stream\naccept-encoding: gzip",
    b"GET /stream?\xff\nte: trailers",
    b"GET /events\nlast-event-id: 7\xff\naccept-encoding: gzip",
    b"GET /lines\naccept-encoding: gzip",
    b"GET /raise?404\nsec-fetch-mode: navigate",
    b"GET /to?//evil.example",
    b"GET /cookie?a;b=c\ncookie: a",
    b'GET /file?app.3f2a1b9c.js\nif-range: "a"\nrange: bytes=-2000\naccept-encoding: gzip',
    b"GET /files/%2e%2e/secret.txt\nrange: bytes=9-",
]
DAY = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
TEXT = b"some text, " * 100
TARGETS = (
    *(
        b"/file?app.3f2a1b9c.js",
        b"/file?list/empty.txt",
        b"/file?404.html",
        b"/file?none",
        b"/data",
        b"/json?a",
        b"/text",
    ),
    *(
        b"/stream?a",
        b"/lines?",
        b"/events?a",
        b"/raise?404",
        b"/raise?416",
        b"/to?/a",
        b"/to?//b",
        b"/cookie?a",
        b"/cookie?\n",
    ),
    *(
        b"/files/app.3f2a1b9c.js",
        b"/files/sub",
        b"/files/list/",
        b"/files/none",
        b"/files/file.txt",
        b"/files/out.txt",
        b"/none",
    ),
)
FIELDS: Fields = [
    (name, value)
    for name, values in {
        b"range": b"bytes=0-4|bytes=-5|bytes=9-,0-1|bytes=99999-|bytes=5-1|lines=1-2|bytes=0-0,0-0,0-0,1-",
        b"if-range": b'"a"|W/"a"|"a-gzip"|Sun, 06 Nov 1994 08:49:37 GMT|Fri, 31 Dec 9999 23:59:59 GMT|x',
        b"if-none-match": b'"a"|W/"a-gzip"|W/"a-gzip", "a"|*|"b"|,|"a-br"',
        b"if-match": b'"a"|W/"a"|W/"a-gzip"|*|"b"|x',
        b"if-modified-since": b"Sun, 06 Nov 1994 08:49:37 GMT|Fri, 31 Dec 9999 23:59:59 GMT|x",
        b"if-unmodified-since": b"Sun, 06 Nov 1994 08:49:37 GMT|Fri, 31 Dec 9999 23:59:59 GMT|x",
        b"accept-encoding": b"gzip|gzip;q=0|*|br, gzip;q=0.5|identity, *;q=0|x-gzip|identity;q=0",
        b"accept": b"text/html|*/*",
        b"sec-fetch-mode": b"navigate|cors",
        b"te": b"trailers",
        b"last-event-id": b"7|\xff",
    }.items()
    for value in values.split(b"|")
]
EXTENSIONS = ("http.response.trailers", "http.response.early_hint", "http.response.zerocopysend")
_is_part = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)").fullmatch


async def pieces(query: str) -> AsyncIterator[str]:
    for piece in (query, "a\nb", "x" * 600):
        yield piece


def missed(query: str, after: str | None) -> AsyncIterator[str]:
    return pieces(after or query)


def fail(query: str) -> Response:
    raise HTTPException(int(query) if re.fullmatch("4[0-9][0-9]", query, re.ASCII) else 400, query or None)


def redirect(query: str) -> Response:
    try:
        return RedirectResponse(query, allowed_hosts={"good.example"})
    except ValueError as error:
        return Response(str(error), 400)


def cookie(query: str) -> Response:
    response = Response(TEXT, media_type="text/plain", etag="a")
    try:
        response.set_cookie("name", query)
    except ValueError:
        response.status_code = 400
    return response


MAKERS: dict[str, Callable[[str], Response]] = {
    "/file": lambda query: FileResponse(query, root=site(), missing="404", filename=query, precompressed=True),
    "/data": lambda _: FileResponse("file.txt", root=site(), etag="a", repr_digest=True, content_digest=True),
    "/json": lambda query: JSONResponse({"query": query, "more": [query] * 50}, etag="a", early_hints=["</a>"]),
    "/text": lambda _: Response(TEXT, media_type="text/plain", etag='W/"a"', last_modified=DAY),
    "/stream": lambda query: StreamingResponse(pieces(query), media_type="text/plain", trailers={"x-a": 1}),
    "/lines": lambda query: JSONLinesResponse(pieces(query), compress="gzip"),
    "/events": lambda query: EventSourceResponse(partial(missed, query)),
    "/raise": fail,
    "/to": redirect,
    "/cookie": cookie,
}


@cache
def app() -> Any:
    def route(path: str, make: Callable[[str], Response]) -> Route:
        async def answer(request: StarletteRequest) -> Response:
            return make(request.scope["query_string"].decode("utf-8", "replace"))

        return Route(path, answer)

    files = StaticFiles(directory=site(), html=True, fallback="index.html", listing=True)
    starlette = Starlette(routes=[*(route(*each) for each in MAKERS.items()), Mount("/files", files)])
    starlette.router.redirect_slashes = False
    problems.install(starlette)
    return CompressionMiddleware(starlette, "gzip")


def choose_request(data: bytes) -> Request:
    first, second, *rest = *data[:9], *bytes(2)
    method = "HEAD" if first >= 250 else "POST" if first >= 245 else "GET"
    return Request(method, TARGETS[second % len(TARGETS)], [FIELDS[each % len(FIELDS)] for each in rest])


def target(data: bytes) -> None:
    check(read_request(data))
    check(choose_request(data))


def check(request: Request) -> None:
    answer = ask(app(), request, extensions=EXTENSIONS if b"te" in dict(request.fields) else ())
    check_head(request, answer)
    if request.method == "GET":
        check_content(request, answer)
        # 9.3.2: the same header section, but for what is only known when there is content; and no ranges (14.2).
        head = ask(app(), request._replace(method="HEAD"))
        assert head.status == answer.status or {answer.status, head.status} <= {200, 206, 304, 400, 412, 416}
        assert head.headers.get("etag") == answer.headers.get("etag") or head.status != answer.status


def check_head(request: Request, answer: Answer) -> None:
    assert 200 <= answer.status < 500
    names = [name for name, _ in answer.headers if name != b"set-cookie"]
    assert len(names) == len(set(names)), "no field is told twice"
    assert answer.body == b"" or answer.status not in {204, 304}
    check_coding(request, answer)


def check_content(request: Request, answer: Answer) -> None:
    assert SECRET not in answer.body
    plain = answer.body
    if answer.headers.get("content-encoding") and answer.status != 206:
        plain = gzip.decompress(plain)
    if (answer.headers.get("content-type") or "") in {"application/json", "application/problem+json"}:
        json.loads(plain)
    place = request.target.partition(b"?")[0]
    if answer.status == 200 and place == b"/file":
        assert plain in PUBLIC.values()
    if answer.status == 206 and place == b"/data" and (part := _is_part(answer.headers.get("content-range") or "")):
        first, last, size = map(int, part.groups())
        assert answer.body == PUBLIC["file.txt"][first : last + 1]
        assert size == len(PUBLIC["file.txt"])
