"""Streams of chunks that are there as soon as they are asked for, from async and from sync generators."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench import wrk
from bench.cases import WrongAnswerError
from bench.lanes.streams.cases import CHUNK, COUNT_OF
from bench.lanes.streams.client import whole
from bench.lanes.streams.peers import FIRST
from bench.lanes.streams.server import serving
from bench.measure import Effort, Table, interleave, who_is_in_all
from bench.processes import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.streams.peers import StreamPeer
    from bench.lanes.streams.server import StreamServer

_QUICK = {"one", "async-1000", "sync-1000"}
_TITLES = {"one": "one chunk"} | {
    case: f"{count:,} chunks, {case.partition('-')[0]}" for case, count in COUNT_OF.items() if count > 1
}
_COUNTED_WHOLE = 10
"""Up to so many chunks, whole answers are counted; of longer ones wrk may not see the end of a single one."""


def measure(title: str, peers: Sequence[StreamPeer], effort: Effort) -> Table:
    """A table of seconds per answer."""
    rounds = effort.rounds_of_streams
    method = (
        f"Chunks of {len(CHUNK)} B. Median of {rounds} alternating rounds of {wrk.SLICE} against one process per peer (uvicorn, "
        "one worker, httptools, uvloop, no access log, bound to no core); ± is the distance between the quartiles; "
        f"{who_is_in_all(rounds)}. The next one is loaded when the last one is idle again. Answers of 1,000 chunks and more "
        "are counted by the octets that arrived, beside those of one whole answer of that peer."
    )
    table = Table(title, method, unit="req/s")
    if wrk.SKIPPED:
        table.skipped = wrk.SKIPPED
        return table
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(peer)) for peer in peers]
        for case in COUNT_OF:
            if effort.name == "quick" and case not in _QUICK:
                continue
            contestants = {
                server.peer.name: partial(_load, server, case, _checked(server, case))
                for server in servers
                if case in server.peer.cases
            }
            table.rows[case] = interleave(_TITLES[case], contestants, rounds, FIRST)
    return table


def _checked(server: StreamServer, case: str) -> int:
    """The octets of a right answer on the wire."""
    content, octets = whole(server, case)
    if content != CHUNK * COUNT_OF[case]:
        raise WrongAnswerError(f"{server.peer.name}, {case}: another content, of {len(content)} octets")
    return octets


def _load(server: StreamServer, case: str, octets: int) -> float:
    loaded = wrk.run(server.url(case), octets=octets if COUNT_OF[case] > _COUNTED_WHOLE else 0)
    settle(server.pid)
    return loaded.seconds_an_answer
