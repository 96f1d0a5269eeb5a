"""Construct and send, in process.

Each peer's case is called as an ASGI app with one prebuilt scope and a `send` that discards. The calls of a slice are
awaited one after the other in one coroutine; none of them ever suspends, so the event loop costs nothing, for anyone.
"""

from __future__ import annotations

import asyncio
import gc
from itertools import repeat
from time import perf_counter
from typing import TYPE_CHECKING

from bench.asgi import collect, discard, event_loop, event_loop_name, receive_nothing, request_scope
from bench.cases import verify
from bench.lanes.bytes.peers import path_of
from bench.measure import Effort, Slice, Table, collector_at_rest, interleave, who_is_in_all

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bench.asgi import App
    from bench.cases import Case
    from bench.lanes.bytes.peers import Peer


def measure(title: str, cases: Sequence[Case], peers: Sequence[Peer], effort: Effort, in_all: Collection[str]) -> Table:
    """A table of seconds per construct-and-send."""
    method = (
        f"Median of {effort.rounds_in_process} alternating rounds of about {effort.slice_seconds * 1000:.0f} ms each, "
        f"one response after the other on one {event_loop_name()} loop, `send` discards; "
        f"± is the distance between the quartiles; {who_is_in_all(effort.rounds_in_process)}."
    )
    table = Table(title, method, unit="us")
    with asyncio.Runner(loop_factory=event_loop) as runner:
        # What the imports left behind need not be walked again at each of the many collections.
        gc.collect()
        gc.freeze()
        for case in cases:
            contestants: dict[str, Slice] = {}
            for peer in peers:
                if case.name in peer.cases:
                    app = peer.cases[case.name]
                    verify(peer.name, case, runner.run(collect(app, path_of(case.name))))
                    contestants[peer.name] = calibrated(runner, app, path_of(case.name), effort.slice_seconds)
            table.rows[case.name] = interleave(case.title, contestants, effort.rounds_in_process, in_all)
        gc.unfreeze()
    return table


def calibrated(runner: asyncio.Runner, app: App, path: str, seconds: float) -> Slice:
    """A slice with as many calls as fill `seconds`; finding that number also warms the app up."""
    scope = request_scope(path)
    calls = 1
    while (taken := runner.run(_calls(app, scope, calls))) < seconds / 4:
        calls *= 2
    calls = max(1, round(calls * seconds / taken))

    def one_slice() -> float:
        with collector_at_rest():
            return runner.run(_calls(app, scope, calls)) / calls

    return one_slice


async def _calls(app: App, scope: dict[str, object], calls: int) -> float:
    start = perf_counter()
    for _ in repeat(None, calls):
        await app(scope, receive_nothing, discard)
    return perf_counter() - start
