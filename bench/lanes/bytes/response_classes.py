"""The peers that share Starlette's constructors: the same cases for each, so that nothing but the library differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def peer_of(name: str, label: str, json_class: Any, text_class: Any, redirect_class: Any) -> Peer:
    """The peer whose distribution is called `name`, measured through three of its response classes."""

    # Plain functions: what is measured is the making and sending of a response, not a coroutine around that.
    def text(scope: Scope, receive: Receive, send: Send) -> Any:
        return text_class(TEXT)(scope, receive, send)

    def json(content: Any) -> App:
        def app(scope: Scope, receive: Receive, send: Send) -> Any:
            return json_class(content)(scope, receive, send)

        return app

    def redirect(scope: Scope, receive: Receive, send: Send) -> Any:
        return redirect_class(TARGET)(scope, receive, send)

    def headers_and_cookie(scope: Scope, receive: Receive, send: Send) -> Any:
        response = text_class(TEXT, headers=USER_HEADERS)
        response.set_cookie(COOKIE_NAME, COOKIE_VALUE, max_age=COOKIE_MAX_AGE, httponly=True)
        return response(scope, receive, send)

    return Peer(
        name=name,
        label=label,
        note="`await JSONResponse(content)(scope, receive, send)`: the response alone, no routing",
        distributions=(name,),
        cases={
            "text": text,
            "small_json": json(SMALL),
            "ten_kib_json": json(TEN_KIB),
            "one_mib_json": json(ONE_MIB),
            "redirect": redirect,
            "headers_and_cookie": headers_and_cookie,
        },
    )
