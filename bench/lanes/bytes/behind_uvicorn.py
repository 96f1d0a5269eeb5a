"""Requests per second behind uvicorn.

Each peer runs in a process of its own, all of them up for the whole table and idle but for the one that wrk is
loading. With two or more cores, the servers share one and wrk has another. Only loopback is used; every process is
ended before this returns.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import client, wrk
from bench.cases import verify
from bench.lanes.bytes.peers import path_of
from bench.measure import Effort, Table, interleave, who_is_in_all
from bench.processes import python, running

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bench.asgi import Answer
    from bench.cases import Case
    from bench.lanes.bytes.peers import Peer

_COUNTED_WHOLE = 100 * 1024
"""Up to so many octets, whole answers are counted; of larger ones there may be few in a slice."""


@dataclass(frozen=True)
class Server:
    """A peer that answers at a loopback port."""

    peer: Peer
    port: int

    def get(self, case: str) -> Answer:
        return client.ask(self.port, path_of(case))


def measure(title: str, cases: Sequence[Case], peers: Sequence[Peer], effort: Effort, in_all: Collection[str]) -> Table:
    """A table of seconds per request, as one over the requests per second."""
    rounds = effort.rounds_behind_server
    method = (
        f"Median of {rounds} alternating rounds of {wrk.SLICE} against one uvicorn process per peer (httptools, uvloop, no "
        f"access log); ± is the distance between the quartiles; {who_is_in_all(rounds)}. Answers of 1 MiB are counted by the "
        "octets that arrived. The server and the network stack are in every figure, so small responses are closer together "
        "than in process."
    )
    table = Table(title, method, unit="req/s")
    if wrk.SKIPPED:
        table.skipped = wrk.SKIPPED
        return table
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(peer)) for peer in peers]
        for case in cases:
            if effort.name == "quick" and not case.quick:
                continue
            contestants = {
                server.peer.name: partial(load, server.port, path_of(case.name), _checked(server, case))
                for server in servers
                if case.name in server.peer.cases
            }
            table.rows[case.name] = interleave(case.title, contestants, rounds, in_all)
    return table


@contextmanager
def serving(peer: Peer) -> Iterator[Server]:
    """The peer's own uvicorn process, ready when the block is entered and gone when it is left."""
    serve = python("bench.lanes.bytes.serve", peer.name)
    with running(peer.name, lambda *place: [*wrk.on_core(0), *serve(*place)]) as server:
        yield Server(peer, server.port)


def _checked(server: Server, case: Case) -> int:
    """The octets of the content of a right answer."""
    answer = server.get(case.name)
    verify(server.peer.name, case, answer)
    return len(answer.body)


def load(port: int, path: str, octets: int) -> float:
    """The seconds that one request takes in a slice of wrk."""
    # The heads are less than a thousandth of what is counted by octets.
    return wrk.run(f"http://127.0.0.1:{port}{path}", octets=octets if octets > _COUNTED_WHOLE else 0).seconds_an_answer
