"""Requests per second behind uvicorn.

Each peer runs in a process of its own, all of them up for the whole table and idle but for the one that wrk is
loading. With two or more cores, the servers share one and wrk has another. Only loopback is used; every process is
ended before this returns.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import wrk
from bench.asgi import Answer
from bench.cases import verify
from bench.measure import Effort, Table, interleave
from bench.peers import path_of
from bench.processes import end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.cases import Case
    from bench.peers import Peer

START_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A peer that answers at a loopback port."""

    peer: Peer
    port: int

    def get(self, case: str) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)) as connection:
            connection.request("GET", path_of(case))
            response = connection.getresponse()
            return Answer(response.status, tuple(response.getheaders()), response.read())


def measure(title: str, cases: Sequence[Case], peers: Sequence[Peer], effort: Effort) -> Table:
    """A table of seconds per request, as one over the requests per second."""
    method = (
        f"Median of {effort.rounds_behind_server} alternating rounds of `wrk -t1 -c{wrk.CONNECTIONS} -d{wrk.SECONDS}s` against one "
        "uvicorn process per peer (httptools, uvloop, no access log); ± is the distance between the quartiles. "
        "The server and the network stack are in every figure, so small responses are closer together than in process."
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
            loaded = [server for server in servers if case.name in server.peer.cases]
            for server in loaded:
                verify(server.peer.name, case, server.get(case.name))
            contestants = {server.peer.name: partial(load, server.port, path_of(case.name)) for server in loaded}
            table.rows[case.name] = interleave(case.title, contestants, effort.rounds_behind_server)
    return table


@contextmanager
def serving(peer: Peer) -> Iterator[Server]:
    """The peer's own uvicorn process, ready when the block is entered and gone when it is left."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port: int = listener.getsockname()[1]
        command = [sys.executable, "-m", "bench.serve", peer.name, str(listener.fileno())]
        process = subprocess.Popen([*wrk.on_core(0), *command], pass_fds=[listener.fileno()])
    try:
        server = Server(peer, port)
        wait_until_ready(server, process)
        yield server
    finally:
        end(process)


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; raise if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    case = next(iter(server.peer.cases))
    while True:
        try:
            server.get(case)
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server of {server.peer.name} did not start") from error
            time.sleep(0.05)
        else:
            return


def load(port: int, path: str) -> float:
    """The seconds that one request takes in a slice of wrk."""
    loaded = wrk.run(f"http://127.0.0.1:{port}{path}")
    if loaded.requests == 0:
        raise RuntimeError(f"no answer to {path} within the slice")
    return loaded.seconds / loaded.requests
