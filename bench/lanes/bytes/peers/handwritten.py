"""The floor: what a careful engineer writes by hand for exactly this answer, without any library but msgspec.

The header list is built for each request, with the length of the body that is being sent; what does not change from
request to request is a bytes literal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bench.lanes.bytes.peers import Peer
from bench.payloads import COOKIE_MAX_AGE, COOKIE_VALUE, ONE_MIB, SMALL, TARGET, TEN_KIB, TEXT, USER_HEADERS

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

_encode = msgspec.json.Encoder().encode


async def _text(scope: Scope, receive: Receive, send: Send) -> None:
    body = TEXT.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _json(content: Any) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = _encode(content)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def _redirect(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"location", TARGET.encode("ascii")), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _headers_and_cookie(scope: Scope, receive: Receive, send: Send) -> None:
    body = TEXT.encode()
    cookie = f"session={COOKIE_VALUE}; HttpOnly; Max-Age={COOKIE_MAX_AGE}; Path=/; SameSite=lax"
    headers = [
        (b"cache-control", b"no-store"),
        (b"x-frame-options", b"DENY"),
        (b"x-request-id", USER_HEADERS["x-request-id"].encode("latin-1")),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"set-cookie", cookie.encode("latin-1")),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


PEER = Peer(
    name="handwritten",
    label="hand-written",
    note="a bare ASGI function per case, msgspec for JSON, headers built per request, no validation of anything",
    distributions=("msgspec",),
    cases={
        "text": _text,
        "small_json": _json(SMALL),
        "ten_kib_json": _json(TEN_KIB),
        "one_mib_json": _json(ONE_MIB),
        "redirect": _redirect,
        "headers_and_cookie": _headers_and_cookie,
    },
)
