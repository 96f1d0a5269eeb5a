"""baize's streams, from its pure-Python wheel. Its ASGI responses take async sources alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baize.asgi import SendEventResponse, StreamResponse

from bench.lanes.streams.cases import BROADCAST, IDLE, PACED, SOURCES, TICK, event_text, paced
from bench.lanes.streams.peers import StreamPeer
from bench.lanes.streams.queue_hub import QueueHub, one_and_wait
from bench.lanes.streams.response_classes import app_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from baize.typing import ServerSentEvent

_hub = QueueHub(event_text)


async def _events() -> AsyncIterator[ServerSentEvent]:
    async for text in _hub.subscribe():
        yield {"data": text}  # of its own for each client, as the response takes it apart


PEER = StreamPeer(
    name="baize",
    label="baize",
    note="`StreamResponse`, and `SendEventResponse` with a ping of 15 s as the others have: the response alone, no routing",
    distributions=("baize",),
    cases={
        **{case: app_of(StreamResponse, make) for case, make in SOURCES.items() if not case.startswith("sync")},
        PACED: app_of(StreamResponse, paced),
        IDLE: app_of(SendEventResponse, lambda: one_and_wait({"data": event_text(TICK)}), ping_interval=15),
        BROADCAST: app_of(SendEventResponse, _events, ping_interval=15),
    },
    publish=_hub.publish,
)
