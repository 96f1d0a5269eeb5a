"""Litestar's responses without its router: `to_asgi_response` is the step that its handlers end with.

That method takes the request and, in these classes, does not look at it, so one request serves all calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import MediaType, Request, Response
from litestar.response import Redirect

from bench.asgi import request_scope
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

_request: Request[Any, Any, Any] = Request(request_scope("/"))  # type: ignore[arg-type]


async def _send(response: Response[Any], scope: Scope, receive: Receive, send: Send) -> None:
    await response.to_asgi_response(None, _request)(scope, receive, send)  # type: ignore[arg-type]


async def _text(scope: Scope, receive: Receive, send: Send) -> None:
    await _send(Response(TEXT, media_type=MediaType.TEXT), scope, receive, send)


def _json(content: Any) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _send(Response(content), scope, receive, send)

    return app


async def _redirect(scope: Scope, receive: Receive, send: Send) -> None:
    await _send(Redirect(TARGET, status_code=307), scope, receive, send)


async def _headers_and_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    response = Response(TEXT, media_type=MediaType.TEXT, headers=USER_HEADERS)
    response.set_cookie(COOKIE_NAME, COOKIE_VALUE, max_age=COOKIE_MAX_AGE, httponly=True)
    await _send(response, scope, receive, send)


PEER = Peer(
    name="litestar",
    label="Litestar",
    note="`Response(content).to_asgi_response(None, request)(scope, receive, send)`: the response alone, no routing",
    distributions=("litestar",),
    cases={
        "text": _text,
        "small_json": _json(SMALL),
        "ten_kib_json": _json(TEN_KIB),
        "one_mib_json": _json(ONE_MIB),
        "redirect": _redirect,
        "headers_and_cookie": _headers_and_cookie,
    },
)
