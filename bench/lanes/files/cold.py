"""Files that the page cache does not hold: many, each asked for once, after its pages were dropped.

What is dropped is the content; the names and inodes stay in the kernel's memory, as they do on a server at work. That
no page is left is checked with mincore before each slice. Below the disk of a virtual machine there may be a cache of
its host's, which nobody here can empty: it is warm for everyone alike.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from bench import client, wrk
from bench.corpus import SIZES
from bench.lanes.files.peers import BASELINES
from bench.lanes.files.server import serving
from bench.measure import Effort, Table, interleave, who_is_in_all
from bench.processes import settle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bench.corpus import Corpus, Size
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
    numbers = ", ".join(f"{size.many} of {size.title}" for size in SIZES)
    method = (
        f"Median of {effort.rounds_of_files} alternating rounds, in each of which all files of a size ({numbers}) are asked "
        f"for once, over {wrk.CONNECTIONS} connections, by a client in Python; ± is the distance between the quartiles; "
        f"{who_is_in_all(effort.rounds_of_files)}. "
        "Before that, `posix_fadvise(POSIX_FADV_DONTNEED)` drops their pages, and mincore tells that none is left. "
        "A host's own cache below the disk of a virtual machine is not emptied."
    )
    table = Table(title, method, unit="req/s", baselines=BASELINES)
    if corpus.why_never_cold:
        table.skipped = corpus.why_never_cold
        return table
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(peer, server, corpus)) for peer in peers]
        for case in cases:
            if effort.name == "quick" and not case.quick:
                continue
            contestants = {
                server.peer.name: partial(load, server, size, corpus)
                for size in SIZES
                for server in servers
                if size.name == case.name and server.can(case)
            }
            table.rows[case.name] = interleave(case.title, contestants, effort.rounds_of_files, in_all)
    return table


def load(server: FileServer, size: Size, corpus: Corpus) -> float:
    """The seconds that one request takes, when each is for another file that is on the disk only."""
    corpus.drop(size.files)
    requests = (client.request("GET", f"/{file}") for file in size.files)
    loaded = client.run(server.port, requests, 200, content=True)
    settle(server.pid)
    if loaded.answers != size.many or loaded.octets < size.many * size.octets:
        raise RuntimeError(f"{server.peer.name} answered {loaded.answers} of {size.many} requests for {size.title}")
    return loaded.seconds_an_answer
