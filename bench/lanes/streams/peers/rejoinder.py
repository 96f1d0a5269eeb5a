"""This library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.lanes.streams.cases import BROADCAST, CSV, IDLE, JSONL, PACED, SOURCES, TICK, paced, rows
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import one_and_wait
from bench.lanes.streams.response_classes import app_of
from rejoinder import CSVResponse, JSONLinesResponse, StreamingResponse
from rejoinder.sse import Channel, EventSourceResponse

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

_channel = Channel()


def _json_lines(count: int) -> App:
    return app_of(JSONLinesResponse, lambda: rows(count))


def _csv(count: int) -> App:
    return app_of(CSVResponse, lambda: rows(count))


async def _broadcast(scope: Scope, receive: Receive, send: Send) -> None:
    await EventSourceResponse(_channel.subscribe)(scope, receive, send)


PEER = StreamPeer(
    name="rejoinder",
    label="rejoinder",
    note="`await StreamingResponse(source)(scope, receive, send)`, `EventSourceResponse`, `Channel`, `JSONLinesResponse`, "
    "`CSVResponse` with its formula guard: the response alone, no routing",
    distributions=("rejoinder",),
    cases={
        **{case: app_of(StreamingResponse, make) for case, make in SOURCES.items()},
        PACED: app_of(StreamingResponse, paced),
        IDLE: app_of(EventSourceResponse, lambda: one_and_wait(TICK)),
        BROADCAST: _broadcast,
    },
    publish=_channel.publish,
    exports={JSONL: _json_lines, CSV: _csv},
)
