"""The archives lane: many files in one answer."""

from __future__ import annotations

import http.client
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine, report
from bench.archive_cases import TITLES, check, make, octets
from bench.archive_peers import discover
from bench.measure import Table, collector_at_rest, interleave
from bench.processes import free_port, server_process, settle
from bench.report import ratio_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.archive_peers import ArchivePeer
    from bench.measure import Effort

TABLES = ("zip",)
PURPOSE = "pack files while they are sent"

_PIECE = 256 * 1024


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure, and return the report."""
    del tables  # there is one
    peers, missing = discover()
    intro = machine.describe(peers, effort.name)
    table = measure(peers, effort)
    targets = [
        ratio_target(
            f"{row.title}: no slower than zipstream-ng in Starlette",
            row,
            "starlette",
            at_most=1,
            shown="{fast:.2f} x as fast",
        )
        for row in table.rows.values()
        if "starlette" in row.costs
    ]
    headings = {peer.name: peer.heading for peer in peers}
    pairs = [(report.OURS, peer.name) for peer in peers if peer.name != report.OURS]
    sections = [
        report.targets_section(targets),
        report.table_section(table, headings),
        report.losses_section([table], headings, pairs),
        report.peer_notes(peers, missing),
    ]
    return report.render("The archives lane", intro, sections)


def measure(peers: Sequence[ArchivePeer], effort: Effort) -> Table:
    """A table of seconds per octet of content."""
    rounds = 2 * effort.rounds_of_files
    method = (
        "Content packed and received by one client, in MB of what is in the archive. Files are in the page cache; random "
        f"octets where they are stored. Median of {rounds} alternating rounds, each of one archive, against one process per "
        "peer (uvicorn, one worker, httptools, uvloop, no access log, bound to no core); ± is the distance between the "
        "quartiles. The first archive of each is checked, file by file."
    )
    table = Table("ZIP", method, unit="MB/s", baselines=("starlette",))
    with tempfile.TemporaryDirectory(prefix="bench-archives-") as scratch, ExitStack() as stack:
        root = Path(scratch)
        make(root)
        servers = {peer.name: stack.enter_context(_Server(peer.name, root)) for peer in peers}
        for case, title in TITLES.items():
            for server in servers.values():
                check(case, server.fetch(case))
            slices = {name: partial(server.timed, case) for name, server in servers.items()}
            table.rows[case] = interleave(title, slices, rounds)
    return table


class _Server(ExitStack):
    """A peer in a process of its own."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__()
        self._port = free_port()
        command = [sys.executable, "-m", "bench.serve_archives", name, str(self._port), str(root)]
        self._process = self.enter_context(server_process(name, command, self._port, root / f"{name}.log"))

    def fetch(self, case: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("GET", f"/{case}")
            return connection.getresponse().read()
        finally:
            connection.close()

    def timed(self, case: str) -> float:
        """Seconds per octet of content; the archive is thrown away as it comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        piece = bytearray(_PIECE)
        try:
            with collector_at_rest():
                start = time.perf_counter()
                connection.request("GET", f"/{case}")
                answer = connection.getresponse()
                while answer.readinto(piece):
                    pass
                seconds = time.perf_counter() - start
        finally:
            connection.close()
        settle(self._process.pid)
        return seconds / octets(case)
