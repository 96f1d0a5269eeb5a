"""A worker whose channel is over Redis: `python -m bench.lanes.broker.serve <port> <url of Redis>`.

`/broadcast` is the stream of events; `/publish/<first>/<count>/<milliseconds>` publishes so many, one a so many
milliseconds, or at once if that is 0, and answers when all are stored.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from bench.lanes.streams.cases import BROADCAST, TICK
from bench.lanes.streams.client import raise_descriptor_limit
from bench.uvicorn_server import serve
from rejoinder.sse import Channel, EventSourceResponse, RedisBackend

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

HISTORY = 10_000


def application(url: str) -> App:
    channel = Channel(RedisBackend(url, stream="bench", history=HISTORY, timeout=30), backlog=HISTORY)

    async def publish(first: int, count: int, milliseconds: int) -> None:
        waiting = []
        for number in range(first, first + count):
            event = {"number": number, "at": time.monotonic_ns(), **TICK}
            waiting.append(asyncio.create_task(channel.publish(event)))
            if milliseconds:
                await asyncio.sleep(milliseconds / 1000)
        await asyncio.gather(*waiting)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        case, *numbers = scope["path"][1:].split("/")
        if case == BROADCAST:
            # After an event that nobody has: the gap, which it is sent at once, tells that it has subscribed.
            await EventSourceResponse(channel.subscribe("0-0"))(scope, receive, send)
            return
        await publish(*map(int, numbers))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return dispatch


def main(port: str, url: str) -> None:
    raise_descriptor_limit()
    serve(application(url), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
