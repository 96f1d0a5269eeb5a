"""Litestar's File without its router: `to_asgi_response` is the step that its handlers end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Request
from litestar.response import File

from bench.asgi import request_scope
from bench.lanes.files.cases import NOT_MODIFIED, RANGE
from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

_request: Request[Any, Any, Any] = Request(request_scope("/"))  # type: ignore[arg-type]


def _app(directory: str) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        file = File(directory + scope["path"])
        # As its HEAD handlers do; the method does not look at the request.
        response = file.to_asgi_response(None, _request, is_head_response=scope["method"] == "HEAD")
        await response(scope, receive, send)  # type: ignore[arg-type]

    return app


PEER = FilePeer(
    name="litestar",
    label="Litestar",
    note="`File(path).to_asgi_response(None, request)(scope, receive, send)`: the response alone, no routing",
    distributions=("litestar",),
    app=_app,
    servers=frozenset({UVICORN}),
    lacks={RANGE: "sends the whole file", NOT_MODIFIED: "sends the file"},
)
