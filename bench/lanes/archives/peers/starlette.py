"""What one would write without this library: zipstream-ng in Starlette's StreamingResponse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zipstream
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from bench.lanes.archives.peers import ArchivePeer

if TYPE_CHECKING:
    from pathlib import Path

    from bench.asgi import App, Receive, Scope, Send


def _pack(folder: Path, deflate: bool) -> App:
    def survey() -> zipstream.ZipStream:
        method = zipstream.ZIP_DEFLATED if deflate else zipstream.ZIP_STORED
        return zipstream.ZipStream.from_path(folder, compress_type=method)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        archive = await run_in_threadpool(survey)
        headers = None if deflate else {"content-length": str(len(archive))}
        response = StreamingResponse(archive, headers=headers, media_type="application/zip")
        await response(scope, receive, send)

    return app


PEER = ArchivePeer(
    name="starlette",
    label="zipstream-ng in Starlette",
    note="`StreamingResponse(ZipStream.from_path(folder))`, surveyed in a thread, with its length where it is stored",
    distributions=("starlette", "zipstream-ng"),
    pack=_pack,
)
