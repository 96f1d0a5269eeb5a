"""Litestar's streams without its router: `to_asgi_response` is the step that its handlers end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Request
from litestar.response import ServerSentEvent, Stream

from bench.asgi import request_scope
from bench.lanes.streams.cases import BROADCAST, IDLE, PACED, SOURCES, TICK, event_text, paced
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import QueueHub, one_and_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.asgi import App, Receive, Scope, Send

_request: Request[Any, Any, Any] = Request(request_scope("/"))  # type: ignore[arg-type]


def _app(response_class: Any, make: Callable[[], Any]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response_class(make()).to_asgi_response(None, _request)(scope, receive, send)

    return app


_hub = QueueHub(event_text)

PEER = StreamPeer(
    name="litestar",
    label="Litestar",
    note="`Stream` and `ServerSentEvent`, by `to_asgi_response(None, request)(scope, receive, send)`: the response alone, "
    "no routing",
    distributions=("litestar",),
    cases={
        **{case: _app(Stream, make) for case, make in SOURCES.items()},
        PACED: _app(Stream, paced),
        IDLE: _app(ServerSentEvent, lambda: one_and_wait(event_text(TICK))),
        BROADCAST: _app(ServerSentEvent, _hub.subscribe),
    },
    publish=_hub.publish,
)
