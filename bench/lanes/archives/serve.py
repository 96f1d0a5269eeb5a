"""One peer behind uvicorn: `python -m bench.lanes.archives.serve <port> <peer> <folder of the cases>`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lanes.archives.cases import DEFLATED, TITLES
from bench.lanes.archives.peers import load
from bench.uvicorn_server import serve

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send


def application(peer: str, root: Path) -> App:
    apps = {case: load(peer).pack(root / case, case in DEFLATED) for case in TITLES}

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"][1:]](scope, receive, send)

    return dispatch


def main(port: str, peer: str, root: str) -> None:
    serve(application(peer, Path(root)), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
