"""Compressed answers behind real servers, as curl, Chromium and nginx have them."""

import http.client
import shutil
import subprocess
import time
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium import webdriver

pytest.importorskip("fastapi")

from tests.codings import decoder

pytestmark = pytest.mark.wire

CODINGS = ["zstd", "br", "gzip"]
KINDS = ["whole", "stream", "file"]
each_kind = pytest.mark.parametrize(("kind", "padding"), [("whole", 0), ("whole", 100), ("stream", 0), ("file", 0)])
TEXT = "".join(f"{number:07d} grüße\n" for number in range(50_000)).encode()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "file.txt"
    path.write_bytes(TEXT)
    return path


def curl(*arguments: str) -> bytes:
    return subprocess.run(["curl", "-sS", *arguments], capture_output=True, timeout=60, check=True).stdout


def knows(coding: str) -> bool:
    names = {"br": "brotli", "gzip": "libz", "zstd": "zstd"}
    return shutil.which("curl") is not None and names[coding] in curl("--version").decode()


@each_kind
@pytest.mark.parametrize("coding", CODINGS)
def test_curl_reads_each_coding(port: int, kind: str, coding: str, padding: int, file: Path) -> None:
    if not knows(coding):
        pytest.skip(f"curl has no {coding} here")
    url = f"http://127.0.0.1:{port}/coded/{kind}?coding={coding}&path={file}&padding={padding}"
    told = curl("--compressed", "-w", "%{stderr}%header{content-encoding}", url)
    assert told == TEXT
    assert f"content-encoding: {coding}" in curl("--compressed", "-D", "-", "-o", "/dev/null", url).decode().lower()
    assert curl(url) == TEXT
    assert len(curl("-H", f"Accept-Encoding: {coding}", url)) < len(TEXT) / 2


def test_curl_resumes_what_was_cut_off(port: int, file: Path, tmp_path: Path) -> None:
    """As it does with `-C -`, with the guard of RFC 9110, 13.1.5."""
    url = f"http://127.0.0.1:{port}/coded/file?coding=gzip&path={file}"
    head = curl("-H", "Accept-Encoding: gzip", "-D", "-", "-o", "/dev/null", url).decode().lower()
    (tag,) = [line.partition(": ")[2] for line in head.splitlines() if line.startswith("etag")]
    assert tag.startswith("w/")
    assert "accept-ranges" not in head
    for accept in ("gzip", "identity"):
        resumed = curl("-H", f"Accept-Encoding: {accept}", "-H", f"If-Range: {tag}", "-r", "1000-", "--compressed", url)
        assert resumed == TEXT


READ = """
const [url, done] = arguments;
(async () => {
  const response = await fetch(url);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  done([response.headers.get("content-encoding"), bytes.length, [...hash]]);
})().catch(error => done(String(error)));
"""
LISTEN = """
const [url, done] = arguments;
const source = new EventSource(url), seen = [];
source.onmessage = event => { seen.push([performance.now(), event.data]); if (seen.length === 3) { source.close(); done(seen); } };
source.onerror = () => { source.close(); done("error"); };
"""


@pytest.mark.browser
@each_kind
@pytest.mark.parametrize("coding", CODINGS)
def test_chromium_reads_each_coding(
    browser: "webdriver.Chrome", uvicorn_port: int, kind: str, coding: str, padding: int, file: Path
) -> None:
    browser.get(f"http://127.0.0.1:{uvicorn_port}/page")
    url = f"/coded/{kind}?coding={coding}&path={file}&padding={padding}"
    told = browser.execute_async_script(READ, url)
    # Without TLS, a browser asks for br and zstd on localhost alone.
    assert told == [coding, len(TEXT), list(sha256(TEXT).digest())]


@pytest.mark.browser
@pytest.mark.parametrize("coding", CODINGS)
def test_chromium_gets_compressed_events_one_by_one(
    browser: "webdriver.Chrome", uvicorn_port: int, coding: str
) -> None:
    browser.get(f"http://127.0.0.1:{uvicorn_port}/page")
    seen = browser.execute_async_script(LISTEN, f"/coded/events?coding={coding}")
    assert [data for _, data in seen] == ['{"n":0}', '{"n":1}', '{"n":2}']
    assert seen[1][0] - seen[0][0] > 200
    assert seen[2][0] - seen[1][0] > 200


@pytest.mark.parametrize("coding", CODINGS)
def test_events_come_through_nginx_one_by_one(nginx_port: int, coding: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", nginx_port, timeout=10)
    connection.request("GET", f"/coded/events?coding={coding}", headers={"Accept-Encoding": coding})
    answer = connection.getresponse()
    assert answer.getheader("content-encoding") == coding
    decode, seen = decoder(coding), list[tuple[float, bytes]]()
    while piece := answer.read1(65536):
        if data := decode(piece):
            seen.append((time.monotonic(), data))
    connection.close()
    assert [data for _, data in seen] == [b'data: {"n":%d}\n\n' % number for number in range(3)]
    assert all(later - sooner > 0.2 for (sooner, _), (later, _) in pairwise(seen))


@pytest.mark.parametrize("kind", KINDS)
def test_nginx_hands_on_what_is_compressed(nginx_port: int, kind: str, file: Path) -> None:
    assert curl("--compressed", f"http://127.0.0.1:{nginx_port}/coded/{kind}?coding=gzip&path={file}") == TEXT
