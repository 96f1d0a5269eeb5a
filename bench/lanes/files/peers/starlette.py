"""Starlette's FileResponse, which is also FastAPI's."""

from __future__ import annotations

from starlette.responses import FileResponse

from bench.lanes.files.cases import NOT_MODIFIED
from bench.lanes.files.peers import FilePeer
from bench.lanes.files.response_classes import app_of

PEER = FilePeer(
    name="starlette",
    label="Starlette",
    note="`await FileResponse(path)(scope, receive, send)`: the response alone, no routing; "
    "behind granian it sends whole files by path send",
    distributions=("starlette",),
    app=app_of(FileResponse),
    lacks={NOT_MODIFIED: "sends the file"},
)
