"""What 50 downloads at once do to the event loop that serves them, and to the memory of its process."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import wrk
from bench.lanes.files.server import serving
from bench.measure import Effort, Row, Table, in_turns, quantile
from bench.probe import INTERVAL, PATH
from bench.processes import CAN_WATCH_MEMORY, forget_peak, peak_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.corpus import Corpus
    from bench.lanes.files.cases import FileCase
    from bench.lanes.files.peers import FilePeer

CLIENTS = 50
LAGS = ("p50", "p99", "max")
TRANSFERRED = "transferred"
MEMORY = "memory"
_RAMP = 0.5
"""Seconds for all clients to be served before it counts."""
_MARGIN = 0.3
"""Seconds that they are served when it counts no more."""
_LEAST = 1e-6
"""A lag below this is as good as none, and shall not divide."""


@dataclass(frozen=True)
class _Seen:
    lags: list[float]
    """Without the time in which the process had no processor."""
    seen: list[float]
    loaded: wrk.Load
    grown: int


def measure(
    title: str, server: str, case: FileCase, peers: Sequence[FilePeer], corpus: Corpus, effort: Effort
) -> Table:
    """A table of lags in seconds, and beside them what was sent meanwhile and what memory it took."""
    method = (
        f"{CLIENTS} clients (`wrk -c{CLIENTS}`) download files of {case.title} from one {server} process per peer, "
        f"fresh in each of {effort.rounds_of_lag} alternating rounds. In it a timer of {INTERVAL * 1000:.0f} ms is set "
        f"again and again for {effort.lag_seconds} s; how much too late it comes is the lag. Server and clients share the "
        "cores, so the time in which the server could have run and had no processor (the kernel's schedstat tells it) is "
        "subtracted; the rows `as seen` have it. Median of the rounds; ± is the distance between the quartiles. Memory is by how much the peak of the process's resident set grew, for each client."
    )
    table = Table(title, method, unit="ms", baselines=())
    if wrk.SKIPPED or not CAN_WATCH_MEMORY:
        table.skipped = wrk.SKIPPED or "this system has no /proc to tell memory"
        return table
    turns = {peer.name: partial(_watch, peer, server, case, corpus, effort.lag_seconds) for peer in peers}
    seen = in_turns(turns, effort.rounds_of_lag)
    for row, part in zip(LAGS, (0.5, 0.99, 1), strict=True):
        costs = {name: [max(_LEAST, quantile(one.lags, part)) for one in rounds] for name, rounds in seen.items()}
        table.rows[row] = Row(f"lag, {row}", costs)
        costs = {name: [max(_LEAST, quantile(one.seen, part)) for one in rounds] for name, rounds in seen.items()}
        table.rows[f"{row} as seen"] = Row(f"lag as seen, {row}", costs)
    sent = {name: [one.loaded.seconds_an_answer for one in rounds] for name, rounds in seen.items()}
    table.rows[TRANSFERRED] = Row(f"{case.title} files sent", sent, unit="req/s")
    grown = {name: [max(1, one.grown) / CLIENTS for one in rounds] for name, rounds in seen.items()}
    table.rows[MEMORY] = Row("memory of a transfer", grown, unit="KiB")
    return table


def _watch(peer: FilePeer, server: str, case: FileCase, corpus: Corpus, seconds: int) -> _Seen:
    with serving(peer, server, corpus, "probed") as watched:
        loaded: list[wrk.Load] = []
        load = threading.Thread(
            target=lambda: loaded.append(
                wrk.run(
                    watched.url(case.file),
                    connections=CLIENTS,
                    seconds=_RAMP + seconds + _MARGIN,
                    octets=corpus.size(case.file),
                )
            )
        )
        watched.can(case)  # and what the first answer needs once is not the transfers' memory
        watched.ask(PATH[1:])
        forget_peak(watched.pid)
        before = peak_memory(watched.pid)
        load.start()
        time.sleep(_RAMP)
        watched.ask(PATH[1:])
        time.sleep(seconds)
        lags: list[tuple[float, float]] = json.loads(watched.ask(PATH[1:]).body)
        grown = peak_memory(watched.pid) - before
        load.join()
    if not loaded or not lags:
        raise RuntimeError(f"{peer.name} was not loaded, or not watched")
    return _Seen([lag - waited for lag, waited in lags], [lag for lag, _ in lags], loaded[0], grown)
