"""A proxy between a request and an upstream's answer: a request, an empty line, and a line with a status and a header section."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.requests import Request as StarletteRequest

from fuzz._requests import Fields, ask, read_fields, read_request
from rejoinder import ProxyResponse

SEEDS = [
    b"GET /users/7?full=1\naccept-encoding: gzip\nrange: bytes=0-1\n\n206\ncontent-range: bytes 0-1/9\ncontent-length: 2",
    b"POST /a\ncontent-length: 5\nexpect: 100-continue\nte: trailers\n\n201\nlocation: /b\nset-cookie: a=b\nset-cookie: c=d",
    b"HEAD /%2e%2e/admin\n\n200\ncontent-length: 99",
    b'GET //evil.example\nif-none-match: "a"\n\n304\netag: "a"\ncontent-length: 9',
    b"GET /\n\n200\ncontent-length: x\nconnection: close, x-a\nx-a: 1\ntransfer-encoding: chunked",
    b"OPTIONS *\n\n204\ncontent-length: 0\nx: \x00",
    b"GET /\n\n99\nx y: z",
    b"GET /\n\n302\nlocation: mailto:a@b",
    b"GET /\n\n307\nlocation: http://xn--a@[::1]:80/",
    b"PUT /\ntransfer-encoding: chunked\n\n599\ncontent-length: 1, 1\ncontent-length: 2",
]
TARGET = "http://upstream.example:8080/api"
CONTENT = b"xxxxx"


class Content(httpx.AsyncByteStream):
    """As long as it was said to be, as the client of a real upstream would see to."""

    def __init__(self, fields: Fields) -> None:
        length = dict(fields).get(b"content-length", b"")
        self._size = int(length) if length.isdigit() and len(length) < 4 else len(CONTENT)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x" * self._size


def target(data: bytes) -> None:
    asked, _, answer = data.partition(b"\n\n")
    request = read_request(asked)
    digits, *lines = answer.split(b"\n")
    status = int(digits) if digits.isdigit() and len(digits) < 4 else 200
    fields, seen = read_fields(lines), list[httpx.Request]()

    async def upstream(forwarded: httpx.Request) -> httpx.Response:
        seen.append(forwarded)
        await forwarded.aread()
        return httpx.Response(status, headers=fields, stream=Content(fields))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(upstream)) as client:
            response = ProxyResponse.forward(StarletteRequest(scope, receive), TARGET, client, via="us")
            await response(scope, receive, send)

    told = ask(app, request, CONTENT)
    assert told.status in {status, 400, 502}
    assert not told.body.strip(b"x") or told.status in {400, 502}
    assert not set(dict(told.headers)) & {b"connection", b"transfer-encoding", b"te", b"keep-alive"}
    for forwarded in seen:
        assert (forwarded.url.host, forwarded.url.port) == ("upstream.example", 8080)
        assert forwarded.url.raw_path.startswith(b"/api/")
        assert forwarded.headers["host"] == "upstream.example:8080"
        assert "te" not in forwarded.headers
