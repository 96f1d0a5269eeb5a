"""What the servers of test_shutdown.py serve: streams that end when they are told, and a download that goes on."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio

from rejoinder import Outcome, shutdown
from rejoinder._shutdown import listening
from rejoinder.sse import EventSourceResponse, ServerSentEvent

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


async def events() -> AsyncIterator[str]:
    try:
        yield "first"
        await anyio.sleep(1000)
    finally:
        say("source closed")


def event_stream() -> EventSourceResponse:
    def told(outcome: Outcome) -> None:
        say(f"events {outcome.ending.value}")

    return EventSourceResponse(events(), farewell=ServerSentEvent(event="bye", data=1), on_finish=told)


async def app(scope: Any, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["path"] == "/events":
        await event_stream()(scope, receive, send)
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
