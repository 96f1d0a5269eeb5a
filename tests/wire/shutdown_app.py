"""What the servers of test_shutdown.py serve: a stream that ends when it is told, and a download that goes on."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from rejoinder import shutdown
from rejoinder._shutdown import listening

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

if "DISABLED" in os.environ:
    shutdown.disable()


def say(text: str) -> None:
    os.write(2, f"app: {text}\n".encode())  # in one piece, whoever else writes to the log


async def lifespan(receive: Receive, send: Send) -> None:
    for event in ("lifespan.startup", "lifespan.shutdown"):
        message = await receive()
        assert message["type"] == event
        say(event)
        await send({"type": f"{event}.complete"})


async def app(scope: Any, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    over = anyio.Event()

    def end(reason: str) -> None:
        say(reason)
        over.set()

    async def leave_with_client() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        end("client left")

    async with anyio.create_task_group() as group:
        group.start_soon(leave_with_client)
        with listening(lambda: end("told")):
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await over.wait()
        if scope["path"] == "/download":
            for _ in range(5):
                await anyio.sleep(0.1)  # the servers look whether they have to stop every 0.1 s: it outlasts that
                await send({"type": "http.response.body", "body": b"more", "more_body": True})
        await send({"type": "http.response.body", "body": b"last"})
        group.cancel_scope.cancel()
