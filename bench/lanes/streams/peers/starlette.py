"""Starlette's StreamingResponse, which is also FastAPI's."""

from __future__ import annotations

from functools import partial

from starlette.responses import StreamingResponse

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
from bench.lanes.streams.response_classes import app_of

_hub = QueueHub(event_bytes)
_EVENTS = "text/event-stream"

PEER = StreamPeer(
    name="starlette",
    label="Starlette",
    note="`await StreamingResponse(source)(scope, receive, send)`: the response alone, no routing; events, JSON lines "
    "(msgspec) and CSV from a hand-written generator that yields each as bytes; a queue a client, events encoded once",
    distributions=("starlette",),
    cases={
        **{case: app_of(StreamingResponse, make) for case, make in SOURCES.items()},
        PACED: app_of(StreamingResponse, paced),
        IDLE: app_of(StreamingResponse, lambda: one_and_wait(event_bytes(TICK)), media_type=_EVENTS),
        BROADCAST: app_of(StreamingResponse, _hub.subscribe, media_type=_EVENTS),
    },
    publish=_hub.publish,
    exports={
        JSONL: lambda count: app_of(StreamingResponse, partial(json_lines, count)),
        CSV: lambda count: app_of(StreamingResponse, partial(csv_lines, count)),
    },
)
