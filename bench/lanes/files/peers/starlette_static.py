"""Starlette's StaticFiles, which is also FastAPI's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.staticfiles import StaticFiles

from bench.lanes.files.peers import FilePeer

if TYPE_CHECKING:
    from bench.asgi import App


def _app(directory: str) -> App:
    return StaticFiles(directory=directory)


PEER = FilePeer(
    name="starlette_static",
    label="Starlette StaticFiles",
    note="`StaticFiles(directory=directory)` as the whole application",
    distributions=("starlette",),
    app=_app,
)
