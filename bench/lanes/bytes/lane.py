"""The bytes lane: responses whose body is in memory. Its cases, its targets, its report."""

from __future__ import annotations

import json
import statistics
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

from bench import machine, payloads, report
from bench.cases import Case
from bench.lanes.bytes import behind_uvicorn, import_time, in_process
from bench.lanes.bytes.peers import FIRST, discover
from bench.report import Target, ratio_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.asgi import Answer
    from bench.lanes.bytes.peers import Peer
    from bench.measure import Effort, Table

TABLES = ("in-process", "uvicorn", "import")
PURPOSE = "construct and send responses whose body is in memory"

SMALL_JSON = "small_json"
ONE_MIB_JSON = "one_mib_json"


def _check_status_and_length(answer: Answer, status: int) -> None:
    assert answer.status == status, f"expected {status}"
    assert int(answer.header("content-length")) == len(answer.body), "content-length is not the body's"


def _check_text(answer: Answer) -> None:
    _check_status_and_length(answer, 200)
    assert answer.body == payloads.TEXT.encode(), "another text"
    assert answer.header("content-type").lower() == "text/plain; charset=utf-8", answer.header("content-type")


def _check_json(content: Any) -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        _check_status_and_length(answer, 200)
        assert json.loads(answer.body) == content, "another JSON value"
        assert answer.header("content-type").startswith("application/json"), answer.header("content-type")

    return check


def _check_redirect(answer: Answer) -> None:
    _check_status_and_length(answer, 307)
    assert answer.header("location") == payloads.TARGET, answer.header("location")


def _check_headers_and_cookie(answer: Answer) -> None:
    _check_text(answer)
    for name, value in payloads.USER_HEADERS.items():
        assert answer.header(name) == value, name
    morsel = SimpleCookie(answer.header("set-cookie"))[payloads.COOKIE_NAME]
    assert morsel.value == payloads.COOKIE_VALUE, morsel
    attributes = (morsel["max-age"], morsel["path"], morsel["httponly"], morsel["samesite"].lower())
    assert attributes == (str(payloads.COOKIE_MAX_AGE), "/", True, "lax"), attributes


CASES = (
    Case("text", "text, 13 B", _check_text),
    Case(SMALL_JSON, "small JSON", _check_json(payloads.SMALL)),
    Case("ten_kib_json", "10 KiB JSON", _check_json(payloads.TEN_KIB), quick=False),
    Case(ONE_MIB_JSON, "1 MiB JSON", _check_json(payloads.ONE_MIB)),
    Case("redirect", "redirect", _check_redirect, quick=False),
    Case("headers_and_cookie", "3 headers and a cookie", _check_headers_and_cookie, quick=False),
)


def run(tables: Sequence[str], effort: Effort) -> str:
    """Measure the chosen tables and return the report."""
    peers, missing = discover()
    intro = machine.describe(peers, effort.name)
    measured: dict[str, Table] = {}
    if "in-process" in tables:
        measured["in-process"] = in_process.measure("In process", CASES, peers, effort, FIRST)
    if "uvicorn" in tables:
        measured["uvicorn"] = behind_uvicorn.measure("Behind uvicorn", CASES, peers, effort, FIRST)
    if "import" in tables:
        measured["import"] = import_time.measure("Import time", effort)
    return _report(intro, measured, peers, missing)


def _report(intro: list[str], measured: dict[str, Table], peers: Sequence[Peer], missing: dict[str, str]) -> str:
    headings = {peer.name: peer.heading for peer in peers}
    modules = {module: f"`{module}`" for module in import_time.MODULES}
    sections = [report.targets_section(_targets(measured))] if report.OURS in headings else []
    for name, table in measured.items():
        sections.append(report.table_section(table, modules if name == "import" else headings))
    if report.OURS in headings:
        compared = [table for name, table in measured.items() if name != "import"]
        sections.append(report.losses_section(compared, headings, _pairs(peers)))
    sections.append(report.peer_notes(peers, missing))
    return report.render("The bytes lane", intro, sections)


def _pairs(peers: Sequence[Peer]) -> list[tuple[str, str]]:
    """Like with like: our bare responses beside everyone's, and inside FastAPI beside FastAPI's own."""
    others = [peer.name for peer in peers if not peer.name.endswith(report.OURS)]
    return [*((report.OURS, name) for name in others), ("fastapi_rejoinder", "fastapi")]


def _targets(measured: dict[str, Table]) -> list[Target]:
    targets: list[Target] = []
    if "in-process" in measured:
        targets += _targets_in_process(measured["in-process"])
    for name in ("in-process", "uvicorn"):
        if name in measured and measured[name].rows:
            targets.append(_never_slower_than_starlette(measured[name]))
    if "import" in measured:
        targets.append(_import_target(measured["import"]))
    return targets


def _targets_in_process(table: Table) -> list[Target]:
    rows = table.rows
    return [
        ratio_target("text: at most 1.25 x the hand-written app", rows["text"], "handwritten", at_most=1.25),
        ratio_target("small JSON: at most 1.25 x the hand-written app", rows[SMALL_JSON], "handwritten", at_most=1.25),
        ratio_target("small JSON: at least 3.5 x as fast as Starlette", rows[SMALL_JSON], "starlette", at_most=1 / 3.5),
        ratio_target("1 MiB JSON: at least 8 x as fast as Starlette", rows[ONE_MIB_JSON], "starlette", at_most=1 / 8),
    ]


def _never_slower_than_starlette(table: Table) -> Target:
    row = max(table.rows.values(), key=lambda row: row.ratio(report.OURS, "starlette"))
    target = ratio_target(f"{table.title.lower()}: never slower than Starlette", row, "starlette", at_most=1)
    return Target(
        target.text,
        f"{target.figure} (the closest of {len(table.rows)} rows: {row.title})",
        target.reached,
        target.in_the_noise,
    )


def _import_target(table: Table) -> Target:
    more = import_time.milliseconds_more(table.rows["import"], report.OURS, "starlette.responses")
    lower, median, upper = statistics.quantiles(more, n=4, method="inclusive")
    return Target(
        "import at most 15 ms more than `starlette.responses`",
        f"{median:+.1f} ms",
        reached=median <= 15,
        in_the_noise=lower <= 15 < upper,
    )
