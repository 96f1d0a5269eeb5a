"""This library's FileResponse."""

from __future__ import annotations

from bench.lanes.files.peers import FilePeer
from bench.lanes.files.response_classes import app_of
from rejoinder import FileResponse

PEER = FilePeer(
    name="rejoinder",
    label="rejoinder",
    note="`await FileResponse(path)(scope, receive, send)`: the response alone, no routing",
    distributions=("rejoinder",),
    app=app_of(FileResponse),
)
