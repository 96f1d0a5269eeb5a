"""aiohttp's FileResponse, in its own server on asyncio's loop, where it can use sendfile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aiohttp import web

from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from pathlib import Path


def _command(directory: Path, port: int, scratch: Path) -> list[str]:
    return [sys.executable, "-m", "bench.lanes.files.peers.aiohttp", str(directory), str(port)]


PEER = FilePeer(
    name="aiohttp",
    label="aiohttp ‡",
    note="its own server (‡) with `web.FileResponse(path)` behind one route, on asyncio's loop, where it uses sendfile",
    distributions=("aiohttp",),
    command=_command,
    servers=frozenset({UVICORN}),
)


def main(directory: str, port: str) -> None:
    """Serve the directory until told to stop."""

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(f"{directory}/{request.match_info['name']}")

    app = web.Application()
    app.router.add_get("/{name}", file)
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
