"""The object store lane: what is sent of objects, what is fetched for it, and how much memory it takes.

The store is nginx, which obstore's HTTPStore asks just as its other stores ask theirs; nginx is fast, and its log tells how
many octets it has sent. Servers, store and load share the machine, so all figures are of one busy machine.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine, report, wrk
from bench.corpus import KIB, MIB, Size, corpus
from bench.lanes.files.cases import RANGE, file_cases
from bench.lanes.files.server import FileServer
from bench.lanes.files.warm import load
from bench.lanes.objectstore.peers import discover
from bench.measure import Row, Table, interleave
from bench.processes import (
    CAN_WATCH_MEMORY,
    forget_peak,
    free_port,
    peak_memory,
    python,
    running,
    server_process,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.corpus import Corpus
    from bench.lanes.files.cases import FileCase
    from bench.lanes.files.peers import FilePeer
    from bench.measure import Effort

TABLES = ("uvicorn",)
PURPOSE = "send objects of a store"

_SIZES = (Size("1m", "1 MiB", MIB, 1), Size("100m", "100 MiB", 100 * MIB, 1))
_OCTETS = {"1m": MIB, "100m": 100 * MIB, RANGE: 64 * KIB}
_LOG = "access.log"
_BASELINE = "loop"
_MEMORY_SECONDS = 1
"""For all chunks that a client may have in wait to be there."""


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure, and return the report."""
    del tables  # there is one
    peers, missing = discover()
    intro = machine.describe(peers, effort.name)
    with corpus(_SIZES) as files:
        measured = _measure(peers, files, effort)
    headings = {peer.name: peer.heading for peer in peers}
    pairs = [(report.OURS, peer.name) for peer in peers if peer.name != report.OURS]
    sections = [
        *(report.table_section(table, headings) for table in measured),
        report.losses_section(measured, headings, pairs),
        report.peer_notes(peers, missing),
    ]
    return report.render("The object store lane", intro, sections)


def _measure(peers: Sequence[FilePeer], files: Corpus, effort: Effort) -> list[Table]:
    rates = Table("Behind uvicorn", _METHOD.format(rounds=effort.rounds_of_files), "MiB/s", baselines=(_BASELINE,))
    costs = Table("What it takes", _COSTS, "KiB", baselines=())
    try:
        from bench.lanes.files.peers import nginx
    except ImportError as error:
        rates.skipped = str(error)
    rates.skipped = rates.skipped or wrk.SKIPPED
    if rates.skipped:
        costs.skipped = rates.skipped
        return [rates, costs]
    cases = [case for case in file_cases(files) if case.name in _OCTETS]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-store-")))
        url = stack.enter_context(_store(nginx.PEER, files, scratch))
        servers = [stack.enter_context(_serving(peer, url)) for peer in peers]
        for case in cases:
            able = {server.peer.name: server for server in servers if server.can(case)}
            contestants = {name: partial(_seconds_a_mib, server, case) for name, server in able.items()}
            rates.rows[case.name] = interleave(case.title, contestants, effort.rounds_of_files)
            fetched = {name: [_fetched(server, case, scratch / _LOG)] * 2 for name, server in able.items()}
            costs.rows[case.name] = Row(f"fetched from the store for {case.title}", fetched)
        if CAN_WATCH_MEMORY:
            (large,) = (case for case in cases if case.name == _SIZES[-1].name)
            memory = {server.peer.name: partial(_memory, server, large) for server in servers}
            title = f"memory for {wrk.CONNECTIONS} clients of 100 MiB"
            costs.rows["memory"] = interleave(title, memory, effort.rounds_of_files)
    return [rates, costs]


_METHOD = (
    f"Median of {{rounds}} alternating rounds of {wrk.SLICE} against one uvicorn process per peer (httptools, uvloop, no access "
    "log), which fetch from one nginx; ± is the distance between the quartiles. Content sent in a second, of all connections "
    "together."
)
_COSTS = (
    "Content that nginx has sent for one request, by its log. Memory: the most that was resident at once in a round, the "
    "interpreter included."
)


@contextmanager
def _store(nginx: FilePeer, files: Corpus, scratch: Path) -> Iterator[str]:
    """The URL of the store, whose log is in the scratch directory."""
    port = free_port()
    assert nginx.command is not None
    command = nginx.command(files.directory, port, scratch)
    configuration = scratch / "nginx.conf"
    log = f"log_format sent '$request_method $body_bytes_sent'; access_log {scratch / _LOG} sent;"
    configuration.write_text(configuration.read_text("utf-8").replace("access_log off;", log), "utf-8")
    with server_process("the store", command, port, scratch / "store.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _serving(peer: FilePeer, url: str) -> Iterator[FileServer]:
    with running(peer.name, python("bench.lanes.objectstore.serve", peer.name, url)) as server:
        yield FileServer(peer, server.port, server.pid)


def _seconds_a_mib(server: FileServer, case: FileCase) -> float:
    return load(server, case, case.headers, _OCTETS[case.name]) / (_OCTETS[case.name] / MIB)


def _fetched(server: FileServer, case: FileCase, log: Path) -> float:
    """Octets of content that the store has sent for one request."""
    settle(server.pid)
    before = log.stat().st_size
    server.ask(case.file, case.method, case.headers)
    settle(server.pid)
    with log.open(encoding="ascii") as lines:
        lines.seek(before)
        return sum(int(line.split()[1]) for line in lines if line.startswith("GET"))


def _memory(server: FileServer, case: FileCase) -> float:
    """The most octets that were resident at once; the interpreter is among them."""
    settle(server.pid)
    forget_peak(server.pid)
    wrk.run(server.url(case.file), seconds=_MEMORY_SECONDS, octets=_OCTETS[case.name])
    settle(server.pid)
    return peak_memory(server.pid)
