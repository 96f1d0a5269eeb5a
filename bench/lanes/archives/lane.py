"""The archives lane: many files in one answer."""

from __future__ import annotations

import http.client
import tempfile
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import client, machine, report
from bench.lanes.archives.cases import TITLES, check, make, octets
from bench.lanes.archives.peers import discover
from bench.measure import Table, collector_at_rest, interleave
from bench.processes import python, running, settle
from bench.report import ratio_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lanes.archives.peers import ArchivePeer
    from bench.measure import Effort
    from bench.processes import Running

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
    rounds = effort.rounds_of_archives
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
        servers = {
            peer.name: stack.enter_context(
                running(peer.name, python("bench.lanes.archives.serve", peer.name, str(root)))
            )
            for peer in peers
        }
        for case, title in TITLES.items():
            for server in servers.values():
                check(case, client.ask(server.port, f"/{case}").body)
            slices = {name: partial(_timed, server, case) for name, server in servers.items()}
            table.rows[case] = interleave(title, slices, rounds)
    return table


def _timed(server: Running, case: str) -> float:
    """Seconds per octet of content; the archive is thrown away as it comes."""
    piece = bytearray(_PIECE)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection, collector_at_rest():
        start = time.perf_counter()
        connection.request("GET", f"/{case}")
        answer = connection.getresponse()
        while answer.readinto(piece):
            pass
        seconds = time.perf_counter() - start
    settle(server.pid)
    return seconds / octets(case)
