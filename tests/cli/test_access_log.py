"""One line for each request, whatever the request says."""

import io
import re
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from rejoinder import PlainTextResponse
from rejoinder.cli.access_log import AccessLog, printable, wants_colour
from rejoinder.testing import fetch, run


def lines_for(app: Any, *, path: str = "/", query: str = "", method: str = "GET", colour: bool = False) -> list[str]:
    lines: list[str] = []

    async def main() -> None:
        target = f"{path}?{query}" if query else path
        await fetch(AccessLog(app, lines.append, colour=colour), method, target)

    run(main)
    return lines


def test_a_line_tells_time_method_status_size_duration_and_path() -> None:
    (line,) = lines_for(PlainTextResponse("x" * 1500), path="/a/b", query="c=d")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  GET   200  1\.5 kB   +\d+\.\d ms  /a/b\?c=d", line), line


def test_head_sends_nothing() -> None:
    (line,) = lines_for(PlainTextResponse("x" * 1500), method="HEAD")
    assert "  HEAD  200     0 B  " in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("/Füße/서울 1.txt", "/Füße/서울 1.txt", id="letters"),
        pytest.param("/\x1b[2J\x1b]0;owned\x07", "/%1B[2J%1B]0;owned%07", id="escape-sequences"),
        pytest.param("/\n12:00:00  GET  200", "/%0A12:00:00  GET  200", id="a-line-of-its-own"),
        pytest.param("/\r\x08\x7f", "/%0D%08%7F", id="over-what-is-there"),
        pytest.param("/\x9b2J", "/%C2%9B2J", id="c1-control"),
        pytest.param("/\u202egpj.exe\u2066", "/%E2%80%AEgpj.exe%E2%81%A6", id="direction"),
        pytest.param("/\u2028\u2029", "/%E2%80%A8%E2%80%A9", id="separators"),
        pytest.param("/\udcff", "/%ED%B3%BF", id="surrogate"),
    ],
)
def test_nothing_but_characters_reaches_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown.isprintable()


def test_path_and_query_are_made_printable() -> None:
    lines: list[str] = []

    async def main() -> None:
        async def receive() -> Message:
            raise AssertionError

        async def send(message: Message) -> None: ...

        scope = {"type": "http", "method": "G\x1bT", "path": "/\x1b", "query_string": b"\x1b\xff", "headers": []}
        await AccessLog(PlainTextResponse(""), lines.append, colour=False)(scope, receive, send)

    run(main)
    assert lines[0].endswith("  /%1B?%1Bÿ")
    assert "  G%1BT  200  " in lines[0]


@pytest.mark.parametrize(("status", "code"), [(200, "32"), (304, "36"), (404, "33"), (500, "31")])
def test_a_status_has_the_colour_of_its_class(status: int, code: str) -> None:
    (line,) = lines_for(PlainTextResponse(status_code=status), colour=True)
    assert f"  \x1b[{code}m{status}\x1b[0m  " in line


def test_without_colours_there_is_no_escape() -> None:
    (line,) = lines_for(PlainTextResponse("x"))
    assert "\x1b" not in line


def test_what_broke_off_is_told() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"xyz", "more_body": True})
        raise OSError

    lines: list[str] = []

    async def main() -> None:
        with pytest.raises(OSError):
            await fetch(AccessLog(app, lines.append, colour=False))

    run(main)
    assert re.search(r"  200     3 B  .*  /  \(cut off\)$", lines[0])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        pytest.param(Terminal(), {}, True, id="terminal"),
        pytest.param(Terminal(), {"NO_COLOR": ""}, True, id="empty-no-color"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="no-color"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="dumb-terminal"),
        pytest.param(io.StringIO(), {}, False, id="file"),
    ],
)
def test_colours_are_for_terminals(
    stream: io.StringIO, environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(stream) is expected
