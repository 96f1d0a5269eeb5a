"""sse-starlette's EventSourceResponse, with a queue a client."""

from __future__ import annotations

from sse_starlette import EventSourceResponse

from bench.lanes.streams.cases import BROADCAST, IDLE, TICK, event_text
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import QueueHub, one_and_wait
from bench.lanes.streams.response_classes import app_of

_hub = QueueHub(lambda content: {"data": event_text(content)})

PEER = StreamPeer(
    name="sse_starlette",
    label="sse-starlette",
    note="`await EventSourceResponse(source)(scope, receive, send)`, no routing; a queue a client, the JSON text made once",
    distributions=("sse-starlette",),
    cases={
        IDLE: app_of(EventSourceResponse, lambda: one_and_wait({"data": event_text(TICK)})),
        BROADCAST: app_of(EventSourceResponse, _hub.subscribe),
    },
    publish=_hub.publish,
)
