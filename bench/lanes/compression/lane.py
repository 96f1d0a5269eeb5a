"""The compression lane: the same content, compressed on the way out."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bench import client, machine, report, wrk
from bench.asgi import event_loop, request_scope
from bench.cases import WrongAnswerError
from bench.lanes.compression.peers import CONTENT, ONE_MIB, STREAM, TEN_KIB, TEN_MIB, discover
from bench.measure import (
    Effort,
    Row,
    Slice,
    Table,
    collector_at_rest,
    in_turns,
    interleave,
    quantile,
    who_is_in_all,
)
from bench.probe import PATH
from bench.processes import CAN_WATCH_MEMORY, cpu_seconds, python, running
from bench.report import Target, ratio_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.asgi import App, Receive
    from bench.lanes.compression.peers import CompressionPeer

TABLES = ("process", "uvicorn", "lag")
PURPOSE = "compress what is sent"

_TITLES = {TEN_KIB: "JSON of 10 KiB", ONE_MIB: "JSON of 1 MiB", STREAM: "stream of 1,000 lines"}
_BASELINE = "starlette"
_ZSTD = "rejoinder_zstd"
_AIMED_AT = (report.OURS, _ZSTD, _BASELINE)
_ZSTD_TIMES = 3
_SECONDS = 1
_CLIENTS = 4
"""A slice is long and its clients are few, because answers that are made in threads end all at once: of sixteen of 1 MiB,
there would be no more than one or two times in it."""
_LAG_PART = 10
_LAG_ROUNDS = 2
_LAG_SECONDS = 2
_RAMP = 1
_MARGIN = 0.3
"""Seconds before and after those that count."""
_LEAST = 1e-6


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure the chosen tables and return the report."""
    peers, missing = discover()
    intro = machine.describe(peers, effort.name)
    measures: Mapping[str, Callable[[Sequence[CompressionPeer], Effort], list[Table]]] = {
        "process": lambda peers, effort: [_in_process(peers, effort)],
        "uvicorn": _behind_servers,
        "lag": lambda peers, _: [_lag(peers)],
    }
    measured = {name: measures[name](peers, effort) for name in tables}
    headings = {peer.name: peer.heading for peer in peers}
    pairs = [("rejoinder", name) for name in headings if not name.startswith("rejoinder")]
    all_tables = [table for found in measured.values() for table in found]
    sections = [
        report.targets_section(_targets(measured)),
        *(report.table_section(table, headings) for table in all_tables),
        report.losses_section(all_tables, headings, pairs),
        report.peer_notes(peers, missing),
    ]
    return report.render("The compression lane", intro, sections)


# ---------------------------------------------------------------------------------------------------- in process


def _in_process(peers: Sequence[CompressionPeer], effort: Effort) -> Table:
    rounds = effort.rounds_in_process
    method = (
        f"Processor time of an answer, threads included. Median of {rounds} alternating rounds, one answer after the other "
        "on one loop, `send` discards; ± is the distance between the quartiles. The rows of sizes tell the octets sent."
    )
    table = Table("In process", method, unit="us", baselines=(_BASELINE,))
    with asyncio.Runner(loop_factory=event_loop) as runner:
        gc.collect()
        gc.freeze()  # what the imports left behind need not be walked at each collection
        for case, title in _TITLES.items():
            slices: dict[str, Slice] = {}
            sizes: dict[str, list[float]] = {}
            for peer in peers:
                # Litestar's stream ends when its client has left, which is a server's to tell.
                if peer.application is not None and (case, peer.name) != (STREAM, "litestar"):
                    app = peer.application()
                    sizes[peer.name] = [_sent(runner, app, peer, case)] * 2
                    slices[peer.name] = _slice(runner, app, peer, case)
            table.rows[case] = interleave(title, slices, rounds)
            table.rows[_size_of(case)] = Row(f"{title}, size", sizes, unit="KiB")
        gc.unfreeze()
    return table


def _client() -> Receive:
    """The `receive` of a client that stays: it has no more to say, and who listens for its leaving has to wait."""
    said = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(said, None) or await asyncio.get_running_loop().create_future()

    return receive


def _size_of(case: str) -> str:
    return f"{case}-size"


def _scope(peer: CompressionPeer, case: str) -> dict[str, Any]:
    scope = request_scope(f"/{case}")
    scope["headers"] = [*scope["headers"], (b"accept-encoding", peer.coding.encode())]
    return scope


def _sent(runner: asyncio.Runner, app: App, peer: CompressionPeer, case: str) -> int:
    """The octets of a right answer."""
    messages: list[Any] = []

    async def keep(message: Any) -> None:
        messages.append(dict(message))

    async def ask() -> None:
        await app(_scope(peer, case), _client(), keep)

    runner.run(ask())
    body = b"".join(message.get("body", b"") for message in messages)
    coding = dict(messages[0]["headers"]).get(b"content-encoding", b"").decode()
    _check(peer, case, coding, body)
    return len(body)


def _check(peer: CompressionPeer, case: str, coding: str, body: bytes) -> None:
    if coding != peer.coding or _decode(peer.coding, body) != CONTENT[case]:
        raise WrongAnswerError(f"{peer.name}, {case}: another content, or not in {peer.coding}")


def _decode(coding: str, body: bytes) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "br":
        import brotli

        return bytes(brotli.decompress(body))
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return bytes(zstd.decompress(body))


def _slice(runner: asyncio.Runner, app: App, peer: CompressionPeer, case: str) -> Slice:
    calls = 20 if case == TEN_KIB else 1
    scope = _scope(peer, case)

    async def discard(message: Any) -> None: ...

    async def ask() -> float:
        start = time.process_time()
        for _ in range(calls):
            await app(scope, _client(), discard)
        return (time.process_time() - start) / calls

    def one_slice() -> float:
        with collector_at_rest():
            return runner.run(ask())

    return one_slice


# ------------------------------------------------------------------------------------------------ behind servers


@dataclass(frozen=True)
class _Server:
    peer: CompressionPeer
    port: int
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept-Encoding": self.peer.coding}

    def load(self, case: str, seconds: float = _SECONDS) -> wrk.Load:
        return wrk.run(f"http://127.0.0.1:{self.port}/{case}", self.headers, _CLIENTS, seconds)

    def costs(self, case: str) -> tuple[float, float]:
        """Seconds of an answer in a slice, and of processor time in them."""
        before = cpu_seconds(self.pid)
        loaded = self.load(case)
        return loaded.seconds_an_answer, (cpu_seconds(self.pid) - before) / loaded.answers

    def check(self, case: str) -> None:
        answer = client.ask(self.port, f"/{case}", headers=self.headers)
        _check(self.peer, case, answer.header("content-encoding"), answer.body)

    def lags(self) -> list[tuple[float, float]]:
        """Those since it was last asked."""
        lags: list[tuple[float, float]] = json.loads(client.ask(self.port, PATH).body)
        return lags


@contextmanager
def _serving(peer: CompressionPeer) -> Iterator[_Server]:
    with running(peer.name, python("bench.lanes.compression.serve", peer.name)) as server:
        yield _Server(peer, server.port, server.pid)


def _behind_servers(peers: Sequence[CompressionPeer], effort: Effort) -> list[Table]:
    rounds = max(2, effort.rounds_behind_server // 2)
    method = (
        f"Median of {rounds} alternating rounds of {_SECONDS} s of `wrk -t1 -c{_CLIENTS}` against one process per peer "
        "(uvicorn, httptools, uvloop, no access log; aiohttp's own), bound to no core; ± is the distance between the "
        f"quartiles; {who_is_in_all(rounds)}."
    )
    rates = Table("Behind uvicorn", method, unit="req/s", baselines=(_BASELINE,))
    work = Table(
        "Behind uvicorn, processor time",
        "Of the server, for an answer; of the same rounds.",
        "us",
        baselines=(_BASELINE,),
    )
    if wrk.SKIPPED:
        rates.skipped = work.skipped = wrk.SKIPPED
        return [rates, work]
    with ExitStack() as stack:
        servers = {peer.name: stack.enter_context(_serving(peer)) for peer in peers}
        for case, title in _TITLES.items():
            for server in servers.values():
                server.check(case)
            slices = {name: partial(server.costs, case) for name, server in servers.items()}
            seen = in_turns(slices, rounds, _AIMED_AT)
            rates.rows[case] = Row(title, {name: [seconds for seconds, _ in one] for name, one in seen.items()})
            work.rows[case] = Row(title, {name: [used for _, used in one] for name, one in seen.items()})
    return [rates, work]


def _lag(peers: Sequence[CompressionPeer]) -> Table:
    method = (
        f"{_CLIENTS} clients ask for JSON of 10 MiB, from one uvicorn process per peer, fresh in each of "
        f"{_LAG_ROUNDS} alternating rounds. A timer of a millisecond is set again and again for "
        f"{_LAG_SECONDS} s; how much too late it comes is the lag, less the time in which the loop could have run "
        "and had no processor; the rows `as seen` have it. Median of the rounds; ± is the distance between the quartiles."
    )
    table = Table("Lag of the event loop", method, unit="ms", baselines=(_BASELINE,))
    if wrk.SKIPPED or not CAN_WATCH_MEMORY:
        table.skipped = wrk.SKIPPED or "this system has no /proc"
        return table
    # Litestar's answers nothing while it is loaded so, and what its timer tells then is not its lag.
    there = [peer for peer in peers if peer.application is not None and peer.name != "litestar"]
    seen = in_turns({peer.name: partial(_watch, peer) for peer in there}, _LAG_ROUNDS)
    for row, part in {"p50": 0.5, "p99": 0.99, "max": 1.0}.items():
        own = {
            name: [max(_LEAST, quantile([lag - w for lag, w in one], part)) for one in all_]
            for name, all_ in seen.items()
        }
        full = {
            name: [max(_LEAST, quantile([lag for lag, _ in one], part)) for one in all_] for name, all_ in seen.items()
        }
        table.rows[row], table.rows[f"{row} as seen"] = Row(f"lag, {row}", own), Row(f"lag as seen, {row}", full)
    return table


def _watch(peer: CompressionPeer) -> list[tuple[float, float]]:
    with _serving(peer) as server:
        load = threading.Thread(target=server.load, args=(TEN_MIB, _RAMP + _LAG_SECONDS + _MARGIN))
        load.start()
        time.sleep(_RAMP)
        server.lags()
        time.sleep(_LAG_SECONDS)
        lags = server.lags()
        load.join()
    return lags


# ------------------------------------------------------------------------------------------------------- targets


def _targets(measured: Mapping[str, Sequence[Table]]) -> list[Target]:
    targets: list[Target] = []
    for name in ("process", "uvicorn"):
        for table in measured.get(name, ()):
            for case, title in _TITLES.items():
                if case not in table.rows or _BASELINE not in table.rows[case].costs:
                    continue
                row, where = table.rows[case], f"{table.title}, {title}"
                targets.append(ratio_target(f"{where}: gzip no slower than Starlette's", row, _BASELINE, at_most=1))
                if _ZSTD in row.costs:
                    text = f"{where}: zstd at least {_ZSTD_TIMES} x as fast as Starlette's gzip"
                    targets.append(ratio_target(text, row, _BASELINE, at_most=1 / _ZSTD_TIMES, ours=_ZSTD))
                if _ZSTD in row.costs and _size_of(case) in table.rows:
                    size = table.rows[_size_of(case)]
                    text = f"{title}: zstd no larger than Starlette's gzip"
                    targets.append(
                        ratio_target(text, size, _BASELINE, at_most=1, ours=_ZSTD, shown="{times:.3f} of it")
                    )
    for table in measured.get("lag", ()):
        rows = [table.rows[name] for name in ("p50", "p99", "max") if name in table.rows]
        targets += [
            ratio_target(f"{row.title}: at most a tenth of Starlette's", row, _BASELINE, at_most=1 / _LAG_PART)
            for row in rows
        ]
    return targets
