"""The lag of an event loop: how much later than a millisecond a timer of one millisecond comes, again and again.

The probe runs in the server's process beside the app. Asking for `PATH` gives what was seen since it was last asked
for, as JSON, and the first time starts it. Each lag is told with the part of it in which the thread could have run and
had no processor: that part is the machine's doing, and the greater the busier the server keeps it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

PATH = "/lag"
INTERVAL = 0.001


def probed(app: App) -> App:
    """The same app, watched."""
    lags: list[tuple[float, float]] = []
    running: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while True:
            start, waited = perf_counter(), _waited_for_a_processor()
            await asyncio.sleep(INTERVAL)
            # uvloop's clock has steps of a millisecond, so its timer may also come early.
            lag = max(0.0, perf_counter() - start - INTERVAL)
            lags.append((lag, min(lag, _waited_for_a_processor() - waited)))

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


def _waited_for_a_processor() -> float:
    """Seconds in which this thread could have run and did not."""
    return int(Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[1]) / 1e9
