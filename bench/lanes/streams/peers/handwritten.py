"""The floor: what a careful engineer writes by hand for exactly this answer.

What is ready leaves at once in blocks of 64 KiB, as the source is known never to wait; a client that has left is noticed
by `receive` where the stream waits, and nowhere else.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.lanes.streams.cases import (
    BROADCAST,
    CSV,
    IDLE,
    JSONL,
    PACED,
    SOURCES,
    TICK,
    csv_lines,
    event_bytes,
    json_lines,
    paced,
)
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import QueueHub, one_and_wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bench.asgi import App, Receive, Scope, Send

_BLOCK = 64 * 1024
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")


async def _start(send: Send, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})


def _ready(make: Callable[[], Any]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _start(send)
        block = bytearray()
        source = make()
        if hasattr(source, "__aiter__"):
            async for chunk in source:
                block += chunk
                if len(block) >= _BLOCK:
                    await send({"type": "http.response.body", "body": bytes(block), "more_body": True})
                    block.clear()
        else:
            for chunk in source:  # it does not block
                block += chunk
                if len(block) >= _BLOCK:
                    await send({"type": "http.response.body", "body": bytes(block), "more_body": True})
                    block.clear()
        await send({"type": "http.response.body", "body": bytes(block)})

    return app


def _waiting(make: Callable[[], AsyncIterator[bytes]], *headers: tuple[bytes, bytes]) -> App:
    async def sending(send: Send) -> None:
        async for chunk in make():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _start(send, *headers)
        while (await receive()).get("more_body"):
            pass
        task = asyncio.ensure_future(sending(send))
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            gone.cancel()

    return app


_hub = QueueHub(event_bytes)

PEER = StreamPeer(
    name="handwritten",
    label="hand-written",
    note="a bare ASGI function: what never waits in blocks of 64 KiB, sync generators on the event loop, what waits "
    "beside a task that waits for `receive`; a queue a client, events encoded once",
    distributions=("msgspec",),
    cases={
        **{case: _ready(make) for case, make in SOURCES.items()},
        PACED: _waiting(paced),
        IDLE: _waiting(lambda: one_and_wait(event_bytes(TICK)), _EVENTS),
        BROADCAST: _waiting(_hub.subscribe, _EVENTS),
    },
    publish=_hub.publish,
    exports={
        JSONL: lambda count: _ready(partial(json_lines, count)),
        CSV: lambda count: _ready(partial(csv_lines, count)),
    },
)
