"""baize's FileResponse, from its pure-Python wheel."""

from __future__ import annotations

from baize.asgi import FileResponse

from bench.lanes.files.cases import NOT_MODIFIED
from bench.lanes.files.peers import UVICORN, FilePeer
from bench.lanes.files.response_classes import app_of

PEER = FilePeer(
    name="baize",
    label="baize",
    note="`await FileResponse(path)(scope, receive, send)`: the response alone, no routing",
    distributions=("baize",),
    app=app_of(FileResponse),
    servers=frozenset({UVICORN}),
    lacks={NOT_MODIFIED: "sends the file"},
)
