"""FastAPI's own JSON path: a route with a return annotation, whose result pydantic validates and writes as bytes.

That path exists inside a route only, so routing, dependency solving and the exception middlewares are measured with
it. `bench.lanes.bytes.peers.fastapi_rejoinder` is the same application with this library's responses: the two compare like with
like. `Any` is the leanest annotation; with a model, the 1 MiB list takes ten times as long to validate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from bench.lanes.bytes.peers import Peer
from bench.payloads import (
    COOKIE_MAX_AGE,
    COOKIE_NAME,
    COOKIE_VALUE,
    ONE_MIB,
    SMALL,
    TARGET,
    TEN_KIB,
    TEXT,
    USER_HEADERS,
)

if TYPE_CHECKING:
    from bench.asgi import Receive, Scope, Send

_app = FastAPI(openapi_url=None)


@_app.get("/text", response_class=PlainTextResponse)
async def _text() -> str:
    return TEXT


@_app.get("/small_json")
async def _small_json() -> Any:
    return SMALL


@_app.get("/ten_kib_json")
async def _ten_kib_json() -> Any:
    return TEN_KIB


@_app.get("/one_mib_json")
async def _one_mib_json() -> Any:
    return ONE_MIB


@_app.get("/redirect", response_class=RedirectResponse, status_code=307)
async def _redirect() -> str:
    return TARGET


@_app.get("/headers_and_cookie", response_class=PlainTextResponse)
async def _headers_and_cookie(response: Response) -> str:
    response.headers.update(USER_HEADERS)
    response.set_cookie(COOKIE_NAME, COOKIE_VALUE, max_age=COOKIE_MAX_AGE, httponly=True)
    return TEXT


async def _fresh_scope(scope: Scope, receive: Receive, send: Send) -> None:
    # A router writes into the scope, and a server makes a new one for each request.
    await _app(dict(scope), receive, send)


PEER = Peer(
    name="fastapi",
    label="FastAPI",
    note="a whole FastAPI application (†): routes annotated `-> Any`, so that pydantic writes the JSON (its fast path)",
    distributions=("fastapi", "pydantic"),
    cases=dict.fromkeys(
        ("text", "small_json", "ten_kib_json", "one_mib_json", "redirect", "headers_and_cookie"), _fresh_scope
    ),
    framework=_app,
)
