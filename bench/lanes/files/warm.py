"""Files that the page cache holds, asked for again and again.

Each peer runs in a process of its own, all of them up for the whole table and idle but for the one that is loaded. With
two or more cores, the load is bound to one, and the servers to none. Only loopback is used; every process is ended before
this returns.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench import client, wrk
from bench.lanes.files.peers import BASELINES
from bench.lanes.files.server import serving
from bench.measure import Effort, Table, interleave, who_is_in_all
from bench.processes import settle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bench.corpus import Corpus
    from bench.lanes.files.cases import FileCase
    from bench.lanes.files.peers import FilePeer
    from bench.lanes.files.server import FileServer


def measure(
    title: str,
    server: str,
    cases: Sequence[FileCase],
    peers: Sequence[FilePeer],
    corpus: Corpus,
    effort: Effort,
    in_all: Collection[str],
) -> Table:
    """A table of seconds per request."""
    method = (
        f"Median of {effort.rounds_of_files} alternating rounds of {wrk.SLICE} against one process per peer ({server}, one "
        "worker, uvloop, no access log, bound to no core); ± is the distance between the quartiles; "
        f"{who_is_in_all(effort.rounds_of_files)}. The next one is loaded when the last one is idle again. Answers of 1 MiB and "
        "more are counted by the octets that arrived. "
        "HEAD is asked by a client in Python with as many connections, because wrk waits for the content that an answer "
        "to HEAD does not have. A dash: the peer does not do that; the notes tell what it does."
    )
    table = Table(title, method, unit="req/s", baselines=BASELINES)
    if wrk.SKIPPED:
        table.skipped = wrk.SKIPPED
        return table
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(peer, server, corpus)) for peer in peers]
        for case in cases:
            if effort.name == "quick" and not case.quick:
                continue
            contestants = {
                server.peer.name: partial(load, server, case, server.headers_for(case), corpus.size(case.file))
                for server in servers
                if server.can(case)
            }
            table.rows[case.name] = interleave(case.title, contestants, effort.rounds_of_files, in_all)
    return table


def load(server: FileServer, case: FileCase, headers: Mapping[str, str], octets: int) -> float:
    """The seconds that one request takes, in a slice."""
    if case.method == "GET":
        # The heads are less than a thousandth of what is counted by octets.
        loaded = wrk.run(server.url(case.file), headers, octets=octets if case.counted_by_octets else 0)
    else:
        asked = client.request(case.method, f"/{case.file}", headers)
        loaded = client.run(server.port, _for_a_slice(asked), case.status, content=False)
    settle(server.pid)
    return loaded.seconds_an_answer


def _for_a_slice(request: bytes) -> Iterator[bytes]:
    """The same again and again; the time counts from the first on, when all are connected."""
    stop = time.monotonic() + wrk.SECONDS
    while time.monotonic() < stop:
        yield request
