"""The application of `bench.lanes.bytes.peers.fastapi`, with handlers that return this library's responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

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
from rejoinder import JSONResponse, PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from bench.asgi import Receive, Scope, Send

_app = FastAPI(openapi_url=None)


@_app.get("/text", response_model=None)
async def _text() -> PlainTextResponse:
    return PlainTextResponse(TEXT)


@_app.get("/small_json", response_model=None)
async def _small_json() -> JSONResponse:
    return JSONResponse(SMALL)


@_app.get("/ten_kib_json", response_model=None)
async def _ten_kib_json() -> JSONResponse:
    return JSONResponse(TEN_KIB)


@_app.get("/one_mib_json", response_model=None)
async def _one_mib_json() -> JSONResponse:
    return JSONResponse(ONE_MIB)


@_app.get("/redirect", response_model=None)
async def _redirect() -> RedirectResponse:
    return RedirectResponse(TARGET)


@_app.get("/headers_and_cookie", response_model=None)
async def _headers_and_cookie() -> PlainTextResponse:
    response = PlainTextResponse(TEXT, headers=USER_HEADERS)
    response.set_cookie(COOKIE_NAME, COOKIE_VALUE, max_age=COOKIE_MAX_AGE, httponly=True)
    return response


async def _fresh_scope(scope: Scope, receive: Receive, send: Send) -> None:
    # A router writes into the scope, and a server makes a new one for each request.
    await _app(dict(scope), receive, send)


PEER = Peer(
    name="fastapi_rejoinder",
    label="FastAPI + rejoinder",
    note="the same whole application (†), its handlers returning rejoinder's responses",
    distributions=("fastapi", "rejoinder"),
    cases=dict.fromkeys(
        ("text", "small_json", "ten_kib_json", "one_mib_json", "redirect", "headers_and_cookie"), _fresh_scope
    ),
    framework=_app,
)
