"""This library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.lanes.archives.peers import ArchivePeer
from rejoinder import ZipResponse

if TYPE_CHECKING:
    from pathlib import Path

    from bench.asgi import App, Receive, Scope, Send


def _pack(folder: Path, deflate: bool) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ZipResponse({"folder/": folder}, deflate=deflate)(scope, receive, send)

    return app


PEER = ArchivePeer(
    name="rejoinder",
    label="rejoinder",
    note='`await ZipResponse({"folder/": folder}, deflate=...)(scope, receive, send)`: the response alone, no routing',
    distributions=("rejoinder",),
    pack=_pack,
)
