"""`rejoinder serve`, from another process: what it serves, says and refuses, and how it ends."""

import gzip
import hashlib
import os
import pty
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from tests.cli.conftest import COMMAND, ENVIRONMENT, Serving

from rejoinder import __version__

pytest.importorskip("uvicorn", reason="the command needs uvicorn")

pytestmark = pytest.mark.wire

Start = Callable[..., Serving]

CURL = shutil.which("curl")
MEBIBYTE = 1024 * 1024
NAMES = [b"plain.txt", "Zoë 서울.txt".encode(), b"a\nb", b"\xff\xfe", b"100%41?x#y", b"javascript:x", b"<b>&amp;"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a bit of everything."""
    site = tmp_path_factory.mktemp("site")
    (site / "page.html").write_text("<p>page")
    (site / "app.3f2a1b9c.js").write_text("1")
    (site / ".env").write_text("secret")
    (site / "big.js").write_text("x" * 5000)
    (site / "big.js.gz").write_bytes(gzip.compress(b"x" * 5000))
    with (site / "film.bin").open("wb") as film:
        film.truncate(100 * MEBIBYTE)
    (site / "app/assets").mkdir(parents=True)
    (site / "app/index.html").write_text("<p>app")
    (site / "odd").mkdir()
    for name in NAMES:
        (site / "odd" / os.fsdecode(name)).write_bytes(name)
    return site


@pytest.fixture(scope="module")
def serving(serve: Start, site: Path) -> Serving:
    return serve(site)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command where it is expected to end by itself."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=30)


def get(serving: Serving, path: str, **headers: str) -> httpx.Response:
    """The answer; and its line is taken off the log."""
    answer = httpx.get(serving.url + path, headers=headers)
    serving.line()
    return answer


def test_it_says_what_it_serves_and_where(serving: Serving, site: Path) -> None:
    assert serving.said == f"Serving {site} at http://127.0.0.1:{serving.port}/ (Ctrl-C ends it)"


@pytest.mark.parametrize(
    ("path", "headers", "status", "expected"),
    [
        pytest.param("page.html", {}, 200, {"cache-control": "no-cache", "accept-ranges": "bytes"}, id="file"),
        pytest.param("page.html", {"range": "bytes=3-4"}, 206, {"content-range": "bytes 3-4/7"}, id="range"),
        pytest.param("page.html", {"if-none-match": "*"}, 304, {"cache-control": "no-cache"}, id="not-modified"),
        pytest.param("app.3f2a1b9c.js", {}, 200, {"cache-control": "public, max-age=31536000, immutable"}, id="hashed"),
        pytest.param("big.js", {}, 200, {"content-encoding": "gzip", "vary": "Accept-Encoding"}, id="precompressed"),
        pytest.param(".env", {}, 404, {}, id="dotfile"),
        pytest.param("nothing", {}, 404, {}, id="nothing"),
        pytest.param("%2e%2e/%2e%2e/etc/passwd", {}, 404, {}, id="above"),
        pytest.param("app", {}, 307, {"location": "./app/"}, id="directory-without-slash"),
        pytest.param("app/", {}, 200, {"content-length": "6"}, id="index"),
        pytest.param("odd/", {}, 200, {"content-type": "text/html; charset=utf-8"}, id="listing"),
    ],
)
def test_files_are_served(
    serving: Serving, path: str, headers: dict[str, str], status: int, expected: dict[str, str]
) -> None:
    answer = get(serving, path, **headers)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in expected} == {
        name: value.lower() if name == "vary" else value for name, value in expected.items()
    }
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


def test_every_link_of_a_listing_leads_to_its_file(serving: Serving) -> None:
    page = get(serving, "odd/")
    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    links = re.findall(r'<th scope="row"><a href="([^"]+)">', page.text)
    assert {get(serving, urljoin("odd/", link)).content for link in links} == set(NAMES)
    assert ".env" not in get(serving, "").text


def test_dotfiles_when_asked_for(serve: Start, site: Path) -> None:
    serving = serve(site, "--dotfiles")
    assert get(serving, ".env").text == "secret"
    assert ".env" in get(serving, "").text


def test_a_request_is_a_line_that_no_client_writes(serving: Serving) -> None:
    httpx.get(serving.url + "%1b%5B2J%0A12:00:00%e2%80%ae?%1b=%20")
    line = serving.line()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  GET   404     9 B +[\d.]+ ms  /%1B\[2J%0A12:00:00%E2%80%AE\?%1b=%20", line)


@pytest.mark.parametrize(("no_color", "colour"), [("", "\x1b[32m"), ("1", "")], ids=["terminal", "NO_COLOR"])
def test_colours_are_for_terminals(serve: Start, site: Path, no_color: str, colour: str) -> None:
    reading, writing = pty.openpty()
    with os.fdopen(reading, encoding="utf-8") as terminal:
        command = [*COMMAND, "serve", str(site), "--port", "0"]
        environment = {**ENVIRONMENT, "NO_COLOR": no_color, "TERM": "xterm"}
        process = subprocess.Popen(command, env=environment, stdout=writing)
        os.close(writing)
        try:
            url = re.search(r"http://[^ ]+", terminal.readline())
            assert url is not None
            assert httpx.get(url[0] + "page.html").status_code == 200
            line = terminal.readline()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
    assert f"  GET   {colour}200" in line
    assert ("\x1b" in line) is bool(colour)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_whoever_is_connected(serve: Start, site: Path, number: int) -> None:
    serving = serve(site)
    address = ("127.0.0.1", serving.port)
    request = b"%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as connections:
        idle, kept_alive, downloading, half = (
            connections.enter_context(socket.create_connection(address, timeout=20)) for _ in range(4)
        )
        kept_alive.sendall(request % b"GET /page.html")
        assert kept_alive.recv(15) == b"HTTP/1.1 200 OK"
        assert serving.line().endswith("/page.html")
        downloading.sendall(request % b"GET /film.bin")
        assert downloading.recv(15) == b"HTTP/1.1 200 OK"
        half.sendall(b"GET /page.html HTTP/1.1\r\nHost: lo")
        status, output, errors = serving.end(number)
        assert (status, errors) == (0, "")
        assert re.fullmatch(r"[\d:]+  GET   200  .*  /film\.bin  \(cut off\)\n", output)
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""


INTERRUPTED = """
import os, signal, socket
from rejoinder.cli.server import serve
with socket.create_server(("127.0.0.1", 0)) as listener:
    serve(None, listener, lambda: os.kill(os.getpid(), signal.SIGINT), None)
"""


def test_it_ends_in_the_moment_in_which_it_is_reached() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED], check=True, capture_output=True, timeout=20, env=ENVIRONMENT
    )
    assert (ended.stdout, ended.stderr) == (b"", b"")


def test_it_serves_on_when_nobody_reads_its_log(serve: Start, site: Path) -> None:
    serving = serve(site)
    assert serving.process.stdout is not None
    serving.process.stdout.close()
    for _ in range(3):
        assert httpx.get(serving.url + "page.html").status_code == 200
    serving.process.stdout = None
    status, _, errors = serving.end()
    assert (status, errors) == (0, "")


NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html"}


def test_a_single_page_app_answers_navigations_and_nothing_else(serve: Start, site: Path) -> None:
    serving = serve(site / "app", "--spa")
    assert get(serving, "", **NAVIGATION).text == "<p>app"
    deep = get(serving, "users/5", **NAVIGATION)
    assert (deep.status_code, deep.text, deep.headers["cache-control"]) == (200, "<p>app", "no-cache")
    assert get(serving, "assets/", **NAVIGATION).text == "<p>app"
    assert get(serving, "assets/").status_code == 404
    assert get(serving, "missing.js", **{"sec-fetch-mode": "no-cors", "accept": "*/*"}).status_code == 404


def test_scripts_of_any_site_read_the_files_if_they_may(serve: Start, site: Path) -> None:
    serving = serve(site, "--cors")
    answer = get(serving, "page.html", origin="https://other.example", range="bytes=0-0")
    assert answer.status_code == 206
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "*"
    assert get(serving, "nothing", origin="null").headers["access-control-allow-origin"] == "*"
    assert get(serving, "page.html", host="anything.example").status_code == 200

    asked = {
        "origin": "https://other.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "range,if-range",
    }
    preflight = httpx.options(serving.url + "page.html", headers=asked)
    assert serving.line().split()[1:3] == ["OPTIONS", "200"]
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "range,if-range"
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"


def test_a_name_of_somebody_else_is_refused_on_loopback(serve: Start, site: Path, serving: Serving) -> None:
    refused = get(serving, "page.html", host=f"evil.example:{serving.port}")
    assert refused.status_code == 421
    assert "DNS rebinding" in refused.text
    assert get(serving, "page.html", host=f"localhost:{serving.port}").status_code == 200

    network = serve(site, "--host", "0.0.0.0")
    while f":{network.port}/" not in network.said:
        network.said = network.line()
    assert network.url == f"http://127.0.0.1:{network.port}/"
    assert httpx.get(network.url + "page.html", headers={"host": "files.example"}).status_code == 200


def test_the_next_free_port_is_taken(serve: Start, site: Path) -> None:
    with ExitStack() as taken:
        with suppress(OSError):  # then another program has it
            taken.enter_context(socket.create_server(("127.0.0.1", 8000)))
        serving = Serving(site)
        try:
            assert 8000 < serving.port < 8100
            assert serving.line() == "Port 8000 is taken."
        finally:
            assert serving.end() == (0, "", "")


def test_a_taken_port_that_was_asked_for_is_an_error(serving: Serving, site: Path) -> None:
    ended = run("serve", site, "--port", str(serving.port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"rejoinder serve: port {serving.port} is taken; pass another one, or leave --port out for the next free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        pytest.param(
            ["serve", "nowhere"],
            1,
            "rejoinder serve: cannot serve 'nowhere': No such file or directory",
            id="no-directory",
        ),
        pytest.param(
            ["serve", __file__], 1, f"rejoinder serve: cannot serve {__file__!r}: Not a directory", id="a-file"
        ),
        pytest.param(["serve", "/", "--spa"], 1, "rejoinder serve: --spa needs an index.html in '/'", id="no-index"),
        pytest.param(["serve", "--port", "65536"], 2, "'65536' is no port; pass a number from 0 to 65535", id="port"),
        pytest.param(["serve", "--port", "²"], 2, "'²' is no port; pass a number from 0 to 65535", id="superscript"),
        pytest.param([], 2, "the following arguments are required: COMMAND", id="no-command"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments: list[str], status: int, error: str) -> None:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.endswith(f"{error}\n")
    assert "Traceback" not in ended.stderr


def test_it_tells_its_version_and_every_option() -> None:
    assert run("--version").stdout == f"rejoinder {__version__}\n"
    help_text = run("serve", "--help").stdout
    assert len(help_text.splitlines()) < 20
    guide = (Path(__file__).parents[2] / "docs/serve.md").read_text()
    for option in re.findall(r"--[a-z]+", help_text):
        assert option == "--help" or option in guide


def test_the_browser_is_opened_if_asked(serve: Start, site: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    browser.chmod(0o700)
    serving = serve(site, "--open", env={**ENVIRONMENT, "BROWSER": f"{browser} %s"})
    assert told.read_text() == f"{serving.url}\n"


@pytest.mark.skipif(CURL is None, reason="no curl here")
def test_curl_resumes_a_download(serving: Serving, site: Path, tmp_path: Path) -> None:
    content = random.Random(0).randbytes(MEBIBYTE) * 100
    (site / "archive.bin").write_bytes(content)
    part = tmp_path / "part"
    part.write_bytes(content[: 37 * MEBIBYTE + 11])
    assert CURL is not None
    command: list[str | Path] = [
        CURL,
        "--silent",
        "--show-error",
        "--fail",
        "-C",
        "-",
        "-o",
        part,
        f"{serving.url}archive.bin",
    ]
    subprocess.run(command, check=True, timeout=50)
    assert re.search(r"  GET   206   66 MB .* /archive\.bin$", serving.line())
    assert hashlib.sha256(part.read_bytes()).digest() == hashlib.sha256(content).digest()
    (site / "archive.bin").unlink()
