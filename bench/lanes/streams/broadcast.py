"""One publisher, a thousand clients."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench import client
from bench.cases import WrongAnswerError
from bench.lanes.streams.cases import BROADCAST, BURST, PUBLISH, event_of
from bench.lanes.streams.client import follow, opened, raise_descriptor_limit
from bench.lanes.streams.peers import FIRST
from bench.lanes.streams.server import serving
from bench.measure import Effort, Table, collector_at_rest, interleave, who_is_in_all
from bench.processes import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.streams.client import Stream
    from bench.lanes.streams.peers import StreamPeer
    from bench.lanes.streams.server import StreamServer
    from bench.measure import Slice

CLIENTS = 1000
_FIELD = b"data: "
_WARM_UP = 2
"""Events before it counts: what the first ones need once."""


def measure(title: str, peers: Sequence[StreamPeer], effort: Effort) -> Table:
    """A table of seconds per event."""
    method = (
        f"{CLIENTS:,} clients listen to one process per peer (uvicorn, one worker). A task in it publishes {BURST} events of "
        "some 100 B, as fast as it can; each `await` gives the loop a turn, but for rejoinder's, which does so every few "
        "milliseconds and has what was published meanwhile leave in one message; the time ends when the last client, all in one process in Python, "
        f"has the last of them. What all have got is checked then. Median of {effort.rounds_of_broadcast} alternating rounds; "
        f"± is the distance between the quartiles; {who_is_in_all(effort.rounds_of_broadcast)}."
    )
    table = Table(title, method, unit="req/s", baselines=("handwritten", "starlette", "sse_starlette"))
    raise_descriptor_limit()
    with ExitStack() as stack:
        # All are up before the first stream is opened: a server that is started later would be bound to the client's core.
        servers = [stack.enter_context(serving(peer)) for peer in peers if peer.publish]
        contestants: dict[str, Slice] = {}
        for server in servers:
            streams = stack.enter_context(opened(server, BROADCAST, CLIENTS))
            settle(server.pid)  # and so all have subscribed
            _burst(server, streams, _WARM_UP)
            contestants[server.peer.name] = partial(_burst, server, streams, BURST)
        title_of_row = f"events, each to {CLIENTS:,} clients"
        table.rows[BROADCAST] = interleave(title_of_row, contestants, effort.rounds_of_broadcast, FIRST)
    return table


def _burst(server: StreamServer, streams: Sequence[Stream], count: int) -> float:
    expected = [event_of(number) for number in range(count)]
    got = [b""] * len(streams)
    left = [count] * len(streams)

    def take(index: int, content: bytes, now: float) -> bool:
        got[index] += content
        left[index] -= content.count(_FIELD)
        return left[index] <= 0

    publisher = threading.Thread(target=client.ask, args=(server.port, f"/{PUBLISH}/{count}", "POST"))
    with collector_at_rest():
        start = time.monotonic()
        publisher.start()
        follow(list(streams), take)
        seconds = time.monotonic() - start
    publisher.join()
    settle(server.pid)
    for content in got:
        events = [json.loads(line.removeprefix(_FIELD)) for line in content.splitlines() if line.startswith(_FIELD)]
        if events != expected:
            raise WrongAnswerError(f"{server.peer.name}: a client got {len(events)} of {count} events, or others")
    return seconds / count
