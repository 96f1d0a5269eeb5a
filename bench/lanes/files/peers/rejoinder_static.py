"""This library's StaticFiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.lanes.files.peers import FilePeer
from rejoinder import StaticFiles

if TYPE_CHECKING:
    from bench.asgi import App


def _app(directory: str) -> App:
    return StaticFiles(directory=directory)


PEER = FilePeer(
    name="rejoinder_static",
    label="rejoinder StaticFiles",
    note="`StaticFiles(directory=directory)` as the whole application",
    distributions=("rejoinder",),
    app=_app,
)
