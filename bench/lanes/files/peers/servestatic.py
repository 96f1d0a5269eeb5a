"""ServeStatic, the ASGI successor of WhiteNoise: it knows the files since its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servestatic import ServeStaticASGI

from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from bench.asgi import App


def _app(directory: str) -> App:
    app: App = ServeStaticASGI(None, root=directory)
    return app


PEER = FilePeer(
    name="servestatic",
    label="ServeStatic",
    note="`ServeStaticASGI(None, root=directory)` as the whole application; it has looked at the files when it started",
    distributions=("servestatic",),
    app=_app,
    servers=frozenset({UVICORN}),
)
