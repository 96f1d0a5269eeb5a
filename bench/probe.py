"""The lag of an event loop: how much later than a millisecond a timer of one millisecond comes, again and again.

The probe runs in the server's process beside the app. Asking for `PATH` gives what was seen since it was last asked
for, as JSON, and the first time starts it.
"""

from __future__ import annotations

import asyncio
import json
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

PATH = "/lag"
INTERVAL = 0.001


def probed(app: App) -> App:
    """The same app, watched."""
    lags: list[float] = []
    running: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while True:
            start = perf_counter()
            await asyncio.sleep(INTERVAL)
            # uvloop's clock has steps of a millisecond, so its timer may also come early.
            lags.append(max(0.0, perf_counter() - start - INTERVAL))

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != PATH:
            await app(scope, receive, send)
            return
        if not running:
            running.append(asyncio.create_task(watch()))
        body = json.dumps(lags).encode()
        lags.clear()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))],
            }
        )
        await send({"type": "http.response.body", "body": body})

    return watched
