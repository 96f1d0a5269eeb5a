"""This library's FileResponse, set to let the server read the file where that offers it."""

from __future__ import annotations

from bench.lanes.files.peers import GRANIAN, FilePeer
from bench.lanes.files.response_classes import app_of
from rejoinder import FileResponse


class _PathSend(FileResponse):
    pathsend = True


PEER = FilePeer(
    name="rejoinder_pathsend",
    label="rejoinder, pathsend",
    note="the same with `pathsend = True`, behind granian, which offers that",
    distributions=("granian", "rejoinder"),
    app=app_of(_PathSend),
    servers=frozenset({GRANIAN}),
)
