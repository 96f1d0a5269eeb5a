"""The compression lane: the same content, compressed on the way out."""

from __future__ import annotations

import asyncio
import gc
import gzip
import http.client
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import machine, report, wrk
from bench.asgi import request_scope
from bench.cases import WrongAnswerError
from bench.compression_peers import CONTENT, ONE_MIB, STREAM, TEN_KIB, TEN_MIB, discover
from bench.in_process import event_loop
from bench.measure import Effort, Row, Slice, Table, collector_at_rest, interleave, order_of_round, quantile
from bench.probe import PATH
from bench.processes import CAN_WATCH_MEMORY, cpu_seconds, free_port, server_process
from bench.report import Target, ratio_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.asgi import App, Receive
    from bench.compression_peers import CompressionPeer

TABLES = ("process", "uvicorn", "lag")
PURPOSE = "compress what is sent"

_TITLES = {TEN_KIB: "JSON of 10 KiB", ONE_MIB: "JSON of 1 MiB", STREAM: "stream of 1,000 lines"}
_BASELINE = "starlette"
_ZSTD = "rejoinder_zstd"
_ZSTD_TIMES = 3
_LAG_PART = 10
_LAG_CLIENTS = 4
_LAG_ROUNDS = 2
_LAG_SECONDS = 2
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


def _check(peer: CompressionPeer, case: str, coding: str | None, body: bytes) -> None:
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

    def load(self, case: str, seconds: int = wrk.SECONDS, connections: int = wrk.CONNECTIONS) -> wrk.Load:
        headers = {"Accept-Encoding": self.peer.coding}
        return wrk.run(f"http://127.0.0.1:{self.port}/{case}", headers, connections, seconds)

    def get(self, path: str, **headers: str) -> tuple[str | None, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", f"/{path}", headers=headers)
            answer = connection.getresponse()
            return answer.getheader("content-encoding"), answer.read()


@contextmanager
def _serving(peer: CompressionPeer) -> Iterator[_Server]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-server-") as scratch:
        command = [sys.executable, "-m", "bench.serve_compression", peer.name, str(port)]
        with server_process(peer.name, command, port, Path(scratch, "log")) as process:
            yield _Server(peer, port, process.pid)


def _behind_servers(peers: Sequence[CompressionPeer], effort: Effort) -> list[Table]:
    rounds = max(2, effort.rounds_behind_server // 2)
    method = (
        f"Median of {rounds} alternating rounds of `wrk -t1 -c{wrk.CONNECTIONS} -d{wrk.SECONDS}s` against one process per "
        "peer (uvicorn, httptools, uvloop, no access log; aiohttp's own), bound to no core; ± is the distance between the "
        "quartiles."
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
            seconds: dict[str, list[float]] = {name: [] for name in servers}
            used: dict[str, list[float]] = {name: [] for name in servers}
            for server in servers.values():
                _check(server.peer, case, *server.get(case, **{"Accept-Encoding": server.peer.coding}))
            for number in range(rounds):
                for name in order_of_round(list(servers), number):
                    before = cpu_seconds(servers[name].pid)
                    loaded = servers[name].load(case)
                    seconds[name].append(loaded.seconds / loaded.requests)
                    used[name].append((cpu_seconds(servers[name].pid) - before) / loaded.requests)
            rates.rows[case], work.rows[case] = Row(title, seconds), Row(title, used)
    return [rates, work]


def _lag(peers: Sequence[CompressionPeer]) -> Table:
    method = (
        f"{_LAG_CLIENTS} clients ask for JSON of 10 MiB, from one uvicorn process per peer, fresh in each of "
        f"{_LAG_ROUNDS} alternating rounds. A timer of a millisecond is set again and again for "
        f"{_LAG_SECONDS} s; how much too late it comes is the lag, less the time in which the loop could have run "
        "and had no processor; the rows `as seen` have it. Median of the rounds; ± is the distance between the quartiles."
    )
    table = Table("Lag of the event loop", method, unit="ms", baselines=(_BASELINE,))
    if wrk.SKIPPED or not CAN_WATCH_MEMORY:
        table.skipped = wrk.SKIPPED or "this system has no /proc"
        return table
    # Litestar's answers nothing while it is loaded so, and what its timer tells then is not its lag.
    there = {peer.name: peer for peer in peers if peer.application is not None and peer.name != "litestar"}
    seen: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in there}
    for number in range(_LAG_ROUNDS):
        for name in order_of_round(list(there), number):
            with _serving(there[name]) as server:
                seen[name].append(_watch(server, _LAG_SECONDS))
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


def _watch(server: _Server, seconds: int) -> list[tuple[float, float]]:
    def keep_asking() -> None:
        server.load(TEN_MIB, seconds + 2, _LAG_CLIENTS)

    load = threading.Thread(target=keep_asking)
    load.start()
    time.sleep(1)
    server.get(PATH[1:])
    time.sleep(seconds)
    lags: list[tuple[float, float]] = json.loads(server.get(PATH[1:])[1])
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
