"""One peer behind uvicorn: `python -m bench.serve_archives <peer> <port> <folder of the cases>`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from bench.archive_cases import DEFLATED, TITLES
from bench.archive_peers import load

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send


def application(peer: str, root: Path) -> App:
    apps = {case: load(peer).pack(root / case, case in DEFLATED) for case in TITLES}

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"][1:]](scope, receive, send)

    return dispatch


def main(peer: str, port: str, root: str) -> None:
    uvicorn.run(
        application(peer, Path(root)),
        host="127.0.0.1",
        port=int(port),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
