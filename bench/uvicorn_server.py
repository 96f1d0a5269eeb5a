"""How uvicorn serves an app in all lanes: one process, httptools, uvloop, no log of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from bench.asgi import App


def serve(app: App, port: int) -> None:
    """Until the process is told to end."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )
