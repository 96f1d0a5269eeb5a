"""BlackSheep's responses without its router: `send_asgi_response` is the step that its application ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blacksheep.cookies import Cookie, CookieSameSiteMode
from blacksheep.scribe import send_asgi_response
from blacksheep.server.responses import json, temporary_redirect, text

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
    from bench.asgi import App, Receive, Scope, Send


async def _text(scope: Scope, receive: Receive, send: Send) -> None:
    await send_asgi_response(text(TEXT), send)


def _json(content: Any) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_asgi_response(json(content), send)

    return app


async def _redirect(scope: Scope, receive: Receive, send: Send) -> None:
    await send_asgi_response(temporary_redirect(TARGET), send)


async def _headers_and_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    response = text(TEXT)
    response.add_header(b"cache-control", b"no-store")
    response.add_header(b"x-frame-options", b"DENY")
    response.add_header(b"x-request-id", USER_HEADERS["x-request-id"].encode("latin-1"))
    response.set_cookie(
        Cookie(
            COOKIE_NAME,
            COOKIE_VALUE,
            path="/",
            max_age=COOKIE_MAX_AGE,
            http_only=True,
            same_site=CookieSameSiteMode.LAX,
        )
    )
    await send_asgi_response(response, send)


PEER = Peer(
    name="blacksheep",
    label="BlackSheep",
    note="`send_asgi_response(json(content), send)`: the response alone, no routing; compiled by Cython; "
    "its JSON is the standard library's unless set otherwise",
    distributions=("blacksheep",),
    cases={
        "text": _text,
        "small_json": _json(SMALL),
        "ten_kib_json": _json(TEN_KIB),
        "one_mib_json": _json(ONE_MIB),
        "redirect": _redirect,
        "headers_and_cookie": _headers_and_cookie,
    },
)
