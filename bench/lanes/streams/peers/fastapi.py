"""A whole FastAPI application: path operations that return streams, and endpoints with `yield` for events."""

from collections.abc import AsyncIterable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from bench.asgi import Receive, Scope, Send
from bench.lanes.streams.cases import BROADCAST, IDLE, PACED, SOURCES, TICK, paced
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import QueueHub, one_and_wait

_app = FastAPI(openapi_url=None)
_hub = QueueHub(lambda content: content)


def _add(case: str, make: Callable[[], Any]) -> None:
    @_app.get(f"/{case}", response_model=None)
    async def stream() -> StreamingResponse:
        return StreamingResponse(make())


for _case, _make in {**SOURCES, PACED: paced}.items():
    _add(_case, _make)


@_app.get(f"/{IDLE}", response_class=EventSourceResponse)
async def _idle() -> AsyncIterable[dict[str, Any]]:
    async for event in one_and_wait(TICK):
        yield event


@_app.get(f"/{BROADCAST}", response_class=EventSourceResponse)
async def _broadcast() -> AsyncIterable[dict[str, Any]]:
    async for event in _hub.subscribe():
        yield event  # type: ignore[misc]


async def _whole(scope: Scope, receive: Receive, send: Send) -> None:
    await _app(scope, receive, send)


PEER = StreamPeer(
    name="fastapi",
    label="FastAPI",
    note="a whole FastAPI application (†): path operations that return `StreamingResponse(source)`; events from endpoints "
    "with `yield` and `response_class=EventSourceResponse`, a queue a client",
    distributions=("fastapi",),
    cases=dict.fromkeys((*SOURCES, PACED, IDLE, BROADCAST), _whole),
    publish=_hub.publish,
    whole=True,
)
