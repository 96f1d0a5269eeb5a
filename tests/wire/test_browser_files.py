"""Files in a real browser: a jump in a video asks for the part that is there, and a download gets the name it was given."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

pytest.importorskip("selenium")
pytest.importorskip("uvicorn")

from demo.film import make_film
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = [pytest.mark.wire, pytest.mark.browser]

CLIP = Path(__file__).parents[2] / "demo" / "media" / "clock.mp4"
HOLE = 64 * 1024 * 1024


def wait(browser: webdriver.Chrome, condition: Any) -> None:
    WebDriverWait(browser, 15, poll_frequency=0.02).until(lambda _: condition())


def log(port: int, key: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(httpx.get(f"http://127.0.0.1:{port}/log/{key}", timeout=10).content)
    return told


def test_seeking_in_a_video_asks_for_what_is_there_and_no_more(browser: webdriver.Chrome, uvicorn_port: int) -> None:
    film = make_film(CLIP, HOLE)
    source = f"/logged?{urlencode({'path': film, 'key': 'film'})}"
    browser.get(f"http://127.0.0.1:{uvicorn_port}/video?{urlencode({'src': source})}")
    wait(browser, lambda: browser.execute_script("return document.querySelector('video').readyState > 0"))
    where = browser.execute_async_script(
        "const done = arguments[0], video = document.querySelector('video');"
        "video.addEventListener('seeked', () => done([video.currentTime, video.duration, video.readyState]));"
        "video.currentTime = 58"
    )
    assert where == [58, pytest.approx(60, abs=0.5), pytest.approx(3, abs=1)]  # HAVE_CURRENT_DATA or more
    wait(browser, lambda: len(log(uvicorn_port, "film")) >= 2)
    answers = log(uvicorn_port, "film")
    assert {answer["status"] for answer in answers} == {206}
    assert any(answer["range"] == "bytes=0-" for answer in answers)
    starts = [int(answer["range"].removeprefix("bytes=").partition("-")[0]) for answer in answers]
    behind = [answer["sent"] for answer, start in zip(answers, starts, strict=True) if start > HOLE]
    assert behind
    assert sum(answer["sent"] for answer in answers) < HOLE / 2


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("报告.txt", "报告.txt", id="Chinese"),
        pytest.param("报告 “终稿”.txt", "报告 “终稿”.txt", id="Chinese, Chinese quotes"),
        # What a file on this or another system cannot be called becomes "_" (RFC 6266, 4.3): that is the browser's doing.
        pytest.param('报告 "终稿".txt', "报告 _终稿_.txt", id="Chinese, ASCII quotes"),
        pytest.param('a "b" 100%.txt', "a _b_ 100%.txt", id="ASCII quotes, per cent"),
        pytest.param("%41; filename=b.exe.txt", "%41; filename=b.exe.txt", id="no parameter, no escape"),
        pytest.param("../../etc/pass\r\nword 🎁.txt", "password 🎁.txt", id="directories, line ends, emoji"),
        pytest.param("it's ü.txt", "it's ü.txt", id="an apostrophe"),
    ],
)
def test_a_download_gets_its_name(
    browser: webdriver.Chrome, uvicorn_port: int, tmp_path: Path, filename: str, expected: str
) -> None:
    content, into = tmp_path / "content", tmp_path / "downloads"
    content.write_bytes(bytes(range(256)) * 1000)
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(into)})
    query = urlencode({"path": content, "key": "download", "filename": filename})
    browser.get(f"http://127.0.0.1:{uvicorn_port}/logged?{query}")
    wait(browser, lambda: into.exists() and [path for path in into.iterdir() if path.suffix == ".txt"])
    (downloaded,) = into.iterdir()
    assert (downloaded.name, downloaded.read_bytes()) == (expected, content.read_bytes())
