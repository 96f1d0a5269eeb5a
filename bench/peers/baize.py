"""baize's ASGI response classes, from its pure-Python wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baize.asgi import JSONResponse, PlainTextResponse, RedirectResponse

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
from bench.peers import Peer

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send


async def _text(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(TEXT)(scope, receive, send)


def _json(content: Any) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse(content)(scope, receive, send)

    return app


async def _redirect(scope: Scope, receive: Receive, send: Send) -> None:
    await RedirectResponse(TARGET)(scope, receive, send)


async def _headers_and_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    response = PlainTextResponse(TEXT, headers=USER_HEADERS)
    response.set_cookie(COOKIE_NAME, COOKIE_VALUE, max_age=COOKIE_MAX_AGE, httponly=True)
    await response(scope, receive, send)


PEER = Peer(
    name="baize",
    label="baize",
    note="`await JSONResponse(content)(scope, receive, send)`: the response alone, no routing",
    distributions=("baize",),
    cases={
        "text": _text,
        "small_json": _json(SMALL),
        "ten_kib_json": _json(TEN_KIB),
        "one_mib_json": _json(ONE_MIB),
        "redirect": _redirect,
        "headers_and_cookie": _headers_and_cookie,
    },
)
