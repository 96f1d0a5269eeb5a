"""The gallery, started as `make demo` starts it, and looked at over sockets and in a browser."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

pytest.importorskip("fastapi", reason="the gallery needs FastAPI")
pytest.importorskip("uvicorn", reason="the gallery needs uvicorn")

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
CLASSES = {
    "Response",
    "HTMLResponse",
    "PlainTextResponse",
    "JSONResponse",
    "ORJSONResponse",
    "UJSONResponse",
    "RedirectResponse",
    "FileResponse",
    "StaticFiles",
    "StreamingResponse",
    "EventSourceResponse",
    "JSONLinesResponse",
    "JSONArrayResponse",
    "CSVResponse",
    "ZipResponse",
}


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "demo", "--no-open", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_url(process: subprocess.Popen[str]) -> str:
    """The URL from the one line that the demo prints when it listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found is not None, (line, process.stderr and process.stderr.read())
    return found[0]


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    try:
        output, errors = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, output, errors


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = start("--port", "0")
    try:
        yield read_url(process)
    finally:
        ended = interrupt(process)
    assert ended == (0, "", ""), "the demo warned, failed, or did not end on Ctrl-C"


@pytest.fixture(scope="module")
def page(url: str) -> str:
    return httpx.get(url).raise_for_status().text


def wire_paths(page: str) -> list[str]:
    return re.findall(r'data-wire="([^"]+)"', page)


def test_the_page_is_strict_about_what_it_loads(url: str) -> None:
    answer = httpx.get(url)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    tags = " ".join(re.findall(r"<[^>]*>", answer.text))
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|https?:", tags.replace("data-target=", ""))
    for asset in set(re.findall(r'(?:src|href)="(/page/[^"]+)"', answer.text)):
        assert httpx.get(url + asset[1:]).status_code == 200
    assert httpx.get(f"{url}page/nothing.css").status_code == 404


def test_every_class_has_a_card(page: str) -> None:
    shown = re.findall(r'<p class="class-name">(.*?)</p>', page)
    assert {name for line in shown for name in re.findall(r"<code>(\w+)</code>", line)} >= CLASSES


def test_the_code_is_that_of_the_endpoint(page: str) -> None:
    files = "".join(lane.read_text("utf-8") for lane in (ROOT / "demo/cards").glob("*.py"))
    for block in re.findall(r"<pre [^>]*><code>(.*?)</code></pre>", page, re.DOTALL):
        code = unescape(re.sub(r"</?span[^>]*>", "", block))
        assert "def " in code
        assert "@card" not in code
        for function in code.strip().split("\n\n"):
            assert function in files


def test_every_card_answers_on_the_wire(url: str, page: str) -> None:
    paths = wire_paths(page)
    assert len(paths) > len(CLASSES)
    with ThreadPoolExecutor(len(paths)) as together:  # streams take their time
        answers = list(together.map(lambda path: httpx.get(url + path[1:]).raise_for_status().text, paths))
    for path, answer in zip(paths, answers, strict=True):
        request, _, response = answer.partition("\r\n\r\n")
        assert re.match(r"(GET|HEAD|DELETE) /cards/\S+ HTTP/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n", request), path
        assert response.startswith("HTTP/1.1 "), path
        assert "\r\n\r\n" in response, path


def test_the_wire_shows_what_a_socket_gets(url: str) -> None:
    shown = httpx.get(f"{url}wire/greetings/0").text
    request, _, response = shown.partition("\r\n\r\n")
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as connection:
        connection.sendall(f"{request}\r\n\r\n".encode())
        received = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    date = re.compile(r"date: [^\r]+")
    assert date.sub("", response) == date.sub("", received)


@pytest.mark.parametrize("path", ["wire/nothing/0", "wire/greetings/9", "wire/greetings/-1"])
def test_the_wire_knows_only_cards(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code == 404


def test_the_next_free_port_is_taken(url: str) -> None:
    taken = urlsplit(url).port
    assert taken is not None
    process = start("--port", str(taken))
    try:
        port = urlsplit(read_url(process)).port
        assert port is not None
        assert port > taken
    finally:
        code, _, _ = interrupt(process)
    assert code == 0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    pytest.importorskip("selenium", reason="selenium drives the browser")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    try:
        yield browser
    finally:
        browser.driver.quit()


@pytest.mark.skipif(CHROMIUM is None or CHROMEDRIVER is None, reason="no chromium and chromedriver here")
@pytest.mark.browser
@pytest.mark.timeout(150)  # a busy machine takes half a minute to show a million rows
class TestInABrowser:
    """What a visitor sees and does."""

    @pytest.fixture(autouse=True)
    def visit(self, browser: "Browser", url: str) -> None:
        browser.visit(url)

    def test_every_card_shows_code_bytes_and_result(self, browser: "Browser") -> None:
        cards = browser.driver.find_elements("css selector", ".card")
        assert len(cards) >= len(CLASSES)
        for card in cards:
            slug = card.get_attribute("id")
            browser.see(slug)
            assert "def " in browser.text(slug, ".code pre"), slug
            assert browser.text(slug, ".response").startswith("HTTP/1.1 "), slug
            browser.wait(browser.find(slug, ".rendered > *").is_displayed)
            assert "Is the demo still running?" not in browser.text(slug, ".rendered"), slug

    @pytest.mark.parametrize(
        ("slug", "button", "expected"),
        [
            ("greetings", "Send again", "Grüß Gott. Καλημέρα."),
            ("invoice", "Send the invoice", '"total": "1499.90",\n  "discount": null,'),
            ("invoice", "The same with Starlette", "Object of type datetime is not JSON serializable"),
            ("temperatures", "Send again", '"2026-07-01T12:00:00+00:00": 31.5'),
            ("bookmark", "Send again", r'"Füße <\/script>"'),
            ("after-login", "https://bücher.example/straße", "Leads to https://xn--bcher-kva.example/stra%C3%9Fe"),
            ("after-login", "//evil.example", "Refused: it leads nowhere."),
            ("after-login", "https://bücher.example@evil.example", "Refused: it leads nowhere."),
            ("after-login", "javascript:alert(1)", "Refused: it leads nowhere."),
            ("order-coffee", "Order another coffee", "background: the coffee is ready"),
            ("poem", "The rest of this version", "Ist Ruh,"),
            ("poem", "The rest of an older one", "Über allen Gipfeln\nIst Ruh,"),
            ("settings", "With If-None-Match", "Nothing came: what the client has is up to date."),
            ("settings", "With another If-Match", "Refused: the client has another version than the server."),
            ("licence", "Beyond the end", "Refused: the file has no such part."),
            ("forecast", "Only gzip", "In gzip\n"),
            ("forecast", "No coding", "On the wire\n29,053 bytes"),
            ("forecast", "Who has it already", "On the wire\n0 bytes"),
            ("clock", "HEAD", "Content-Length\n268618976\nContent on the wire\n0 bytes"),
            ("packed", "HEAD", "Status\n200\nContent-Length\n2686"),
            ("shelf", "A folder without its slash", "location\n./photos/"),
            ("shelf", "The same to who takes gzip", "content-encoding\ngzip"),
            ("shelf", "An odd name", "status\n200"),
            ("shelf", ".env", "status\n404"),
            ("shelf", "../../etc/passwd", "status\n404"),
            ("catalogue", "At once", '"detail": "the database is gone"'),
            ("catalogue", "In the middle", '"error": "503: the database is gone"'),
            ("report", "HEAD", "Status\n200\nContent-Length\n13\nContent on the wire\n0 bytes"),
            ("report", "DELETE", "Status\n204\nContent-Length\nnone\nContent on the wire\n0 bytes"),
        ],
    )
    def test_a_button_shows_its_result(self, browser: "Browser", slug: str, button: str, expected: str) -> None:
        browser.press(slug, button)
        browser.wait(lambda: expected in browser.text(slug, ".rendered"))
        browser.wait(lambda: browser.announced().startswith("HTTP/1.1 "))

    def test_what_happened_after_the_answer_is_told(self, browser: "Browser") -> None:
        told = browser.text("order-coffee", ".rendered")
        assert re.search(r"on_finish: completed, status 202, \d+ bytes in .* ms", told)

    def test_the_image_is_drawn(self, browser: "Browser") -> None:
        image = browser.find("traffic-light", ".rendered img")
        browser.wait(lambda: int(image.get_property("naturalWidth")) > 0)

    def test_a_jump_in_the_video_asks_for_another_part(self, browser: "Browser") -> None:
        video = browser.find("clock", "video")
        browser.wait(lambda: video.get_property("readyState") > 0)
        assert video.get_property("duration") == pytest.approx(60, abs=0.5)
        browser.driver.execute_script("arguments[0].currentTime = 47", video)
        browser.wait(lambda: re.search(r"^bytes=2685\d{5}-\d*$", browser.text("clock", ".log"), re.MULTILINE))
        browser.wait(lambda: not video.get_property("seeking"))
        assert video.get_property("error") is None

    def test_the_wire_of_a_video_is_told_and_not_shown(self, browser: "Browser") -> None:
        browser.press("clock", "After a jump")
        browser.wait_for("clock", "After a jump")
        shown = browser.text("clock", ".response")
        assert "content-range: bytes 268435456-268618975/268618976" in shown
        assert shown.endswith("(183,520 bytes of video/mp4)")

    def test_a_clock_whose_connection_is_cut_misses_nothing(self, browser: "Browser") -> None:
        browser.see("ticking-clock")
        browser.wait(lambda: "received, 0 missed" in browser.text("ticking-clock", ".rendered"))
        browser.find("ticking-clock", ".rendered .action").click()
        again = re.compile(r"none\ndisconnected after \d+ bytes\nconnected; Last-Event-ID: \w+-(\d+)$")
        browser.wait(lambda: again.search(browser.text("ticking-clock", ".log")))
        browser.wait(lambda: not browser.text("ticking-clock", ".ticks").endswith("cut"))
        browser.wait(lambda: browser.announced().startswith("Connected again. "))
        before, after = browser.text("ticking-clock", ".ticks").split("\ncut\n")
        last, seen = int(before.split()[-1]), again.search(browser.text("ticking-clock", ".log"))
        assert seen is not None
        assert int(seen[1]) == last
        assert int(after.split()[0]) == last + 1
        assert "received, 0 missed" in browser.text("ticking-clock", ".rendered")
        (complaint,) = browser.driver.get_log("browser")  # the cut itself
        assert "ERR_INCOMPLETE_CHUNKED_ENCODING" in complaint["message"]

    @pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server here")
    def test_a_clock_goes_on_at_another_worker(self, browser: "Browser") -> None:
        browser.see("two-workers")
        browser.wait(lambda: "received, 0 missed" in browser.text("two-workers", ".rendered"))
        browser.find("two-workers", ".rendered .action").click()
        again = re.compile(
            r"worker A; .*none\ndisconnected after \d+ bytes\nconnected to worker B; Last-Event-ID: [\d-]+$"
        )
        browser.wait(lambda: again.search(browser.text("two-workers", ".log")))
        browser.wait(lambda: not browser.text("two-workers", ".ticks").endswith("cut"))
        assert "received, 0 missed" in browser.text("two-workers", ".rendered")
        browser.driver.get_log("browser")  # the cut itself

    def test_an_event_that_nobody_has_is_a_gap(self, browser: "Browser") -> None:
        browser.press("ticking-clock", "After an event that nobody has")
        browser.wait(lambda: 'event: gap\ndata: {"after":"long-ago"}' in browser.text("ticking-clock", ".response"))

    def test_the_source_is_closed_when_the_visitor_has_enough(self, browser: "Browser") -> None:
        browser.see("ask")
        browser.wait(lambda: "my friend;" in browser.text("ask", ".verses"))
        browser.find("ask", ".rendered .action").click()
        told = re.compile(r"closed after (\d+) tokens\non_finish: disconnected, \d+ bytes$")
        browser.wait(lambda: told.search(browser.text("ask", ".rendered")))
        assert not browser.text("ask", ".verses").endswith("wiles.")
        assert not browser.find("ask", ".rendered .action").is_enabled()

    def test_an_answer_that_is_read_to_its_end(self, browser: "Browser") -> None:
        browser.press("ask", "Ask again")
        browser.wait(browser.announced)
        assert browser.text("ask", ".verses").endswith("And with soft deceitful wiles.")
        assert "on_finish: completed" in browser.text("ask", ".rendered")

    def test_a_million_rows_arrive_and_take_no_memory(self, browser: "Browser") -> None:
        browser.press("export", "Send a million")
        browser.wait(browser.announced)
        told = browser.text("export", ".rendered")
        assert "1,000,000 of 1,000,000 rows, 23.4 MB: all of them." in told
        before, now = re.findall(r"(\d+) MB (?:before|now)", told)
        assert int(now) - int(before) < 12
        assert browser.find("export", "progress").get_property("value") == 1_000_000

    def test_an_archive_tells_how_far_it_is(self, browser: "Browser") -> None:
        browser.press("packed", "Send the archive")
        browser.wait(browser.announced)
        assert browser.text("packed", ".rendered").startswith("269 of 269 MB: all of it.")
        assert "content-length: 2686" in browser.text("packed", ".response")

    def test_the_bytes_that_a_coding_spares_are_seen(self, browser: "Browser") -> None:
        browser.press("forecast", "As browsers ask")
        browser.wait_for("forecast", "As browsers ask")
        coding, size = self._coding(browser, "forecast"), re.compile(r"content-length: (\d+)")
        found = size.search(browser.text("forecast", ".response"))
        assert found is not None
        came = int(found[1])
        assert browser.text("forecast", ".sizes") == f"As it is\n29,053 bytes\nIn {coding}\n{came:,} bytes"
        told = f"This browser asked for it, too, and got it in {coding}: {came:,} bytes, {came / 290.53:.0f} %."
        assert told in browser.text("forecast", ".rendered")
        assert f"{came:,} bytes of application/json, compressed with {coding}" in browser.text("forecast", ".response")
        assert f'etag: W/"v1-{coding}"' in browser.text("forecast", ".response")
        plain, coded = (bar.size["width"] for bar in browser.driver.find_elements("css selector", "#forecast .size"))
        assert coded / plain == pytest.approx(came / 29053, abs=0.02)

    def test_compressed_events_arrive_one_by_one(self, browser: "Browser") -> None:
        browser.press("board", "As browsers ask")
        browser.wait(lambda: 0 < len(browser.text("board", "ol").splitlines()) < 4)
        browser.wait(browser.announced)
        late = re.findall(r"platform \d after ([\d,]+) ms", browser.text("board", "ol"))
        assert len(late) == 6
        assert max(int(one.replace(",", "")) for one in late) < 1000, "an event waited for the next"
        plain, came = re.findall(r"(\d+) bytes", browser.text("board", ".sizes"))
        assert int(came) < int(plain) * 0.7
        assert f"To this browser, in {self._coding(browser, 'board')}" in browser.text("board", ".sizes")
        chunks = re.findall(r"\((\d+) bytes, compressed with", browser.text("board", ".response"))
        assert len(chunks) >= 6
        assert abs(sum(map(int, chunks)) - int(came)) < 12, "two answers with other times in them"

    def _coding(self, browser: "Browser", slug: str) -> str:
        (coding,) = re.findall(r"content-encoding: (\w+)", browser.text(slug, ".response"))
        return str(coding)

    def test_lines_are_shown_in_their_order(self, browser: "Browser") -> None:
        browser.see("progress")
        browser.wait(lambda: len(browser.text("progress", ".rendered ol").splitlines()) == 5)
        shown = browser.text("progress", ".rendered ol").splitlines()
        assert [line[:5] for line in shown] == ["build", "run 1", "uploa", "switc", "greet"]

    @pytest.mark.parametrize(
        ("slug", "expected"), [("today", "Found: no letters."), ("shelf", "50% off & more #1.txt")]
    )
    def test_a_frame_shows_its_page(self, browser: "Browser", slug: str, expected: str) -> None:
        browser.see(slug)
        browser.wait(lambda: browser.driver.find_elements("css selector", f"#{slug} iframe"))
        browser.driver.switch_to.frame(browser.find(slug, "iframe"))
        try:
            browser.wait(lambda: expected in browser.driver.find_element("tag name", "body").text)
        finally:
            browser.driver.switch_to.default_content()

    def test_the_html_is_rendered(self, browser: "Browser") -> None:
        browser.driver.switch_to.frame(browser.find("welcome", "iframe"))
        browser.wait(lambda: "Hello, Zoë <3" in browser.driver.find_element("tag name", "body").text)
        browser.driver.switch_to.default_content()

    def test_a_cookie_goes_when_deleted_with_its_attributes(self, browser: "Browser") -> None:
        steps = [
            ("Set the cookie", "__Host-theme = dark, café", True),
            ("Delete without “partitioned”", "__Host-theme = dark, café", True),
            ("Delete the cookie", "Your browser’s jar has no such cookie.", False),
        ]
        for button, expected, kept in steps:
            browser.press("keep-theme", button)
            browser.wait_for("keep-theme", button)
            assert expected in browser.text("keep-theme", ".rendered")
            jar = browser.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
            assert ("__Host-theme" in {cookie["name"] for cookie in jar}) is kept

    def test_the_code_is_copied(self, browser: "Browser", url: str) -> None:
        grant = {"origin": url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        browser.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
        copy = browser.find("report", ".copy")
        copy.click()
        browser.wait(lambda: copy.text == "Copied")
        copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        assert copied.startswith("def report() -> PlainTextResponse:\n    return ")

    @pytest.mark.parametrize("width", [320, 360, 390, 768, 1280])
    def test_nothing_is_wider_than_the_window(self, browser: "Browser", width: int) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        try:
            excess = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert browser.driver.execute_script(excess) == 0
        finally:
            browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    @pytest.mark.parametrize("width", [360, 1280])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_everybody_can_use_it(self, browser: "Browser", url: str, axe: str, scheme: str, width: int) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.command("Emulation.setDeviceMetricsOverride", size)
        browser.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        try:
            browser.visit(url)
            for slug in ("ticking-clock", "export", "forecast", "board"):
                browser.see(slug)
            browser.driver.execute_script(axe)
            look = "axe.run(document, {iframes: false, resultTypes: ['violations']}).then(arguments[0])"
            found = browser.driver.execute_async_script(look)
        finally:
            browser.command("Emulation.setEmulatedMedia", {"features": []})
            browser.command("Emulation.clearDeviceMetricsOverride", {})
        faults = [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found["violations"]]
        assert faults == []

    @pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
    def test_it_is_as_dark_as_the_visitor_likes(self, browser: "Browser", scheme: str, dark: bool) -> None:
        browser.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        try:
            papers = "return ['body', '.card', '.card pre'].map((one) => getComputedStyle(document.querySelector(one)).backgroundColor)"
            for paper in browser.driver.execute_script(papers):
                brightness = sum(map(int, re.findall(r"\d+", paper)[:3])) / 3
                assert (brightness < 64) if dark else (brightness > 192)
        finally:
            browser.command("Emulation.setEmulatedMedia", {"features": []})

    def test_the_keyboard_goes_from_above_to_below_and_is_seen(self, browser: "Browser") -> None:
        from selenium.webdriver.common.keys import Keys

        links = [link.text for link in browser.driver.find_elements("css selector", "nav a")]
        card = ["Copy", "The code Bytes you made", "Send again", "On the wire Bytes you made"]
        stops = []
        for _ in range(2 + len(links) + len(card)):
            browser.driver.switch_to.active_element.send_keys(Keys.TAB)
            stops.append(browser.driver.switch_to.active_element.accessible_name)
            outline = "return getComputedStyle(document.activeElement).outlineStyle"
            assert browser.driver.execute_script(outline) == "solid", stops[-1]
        assert stops == ["Skip to the cards", "The line to change", *links, *card]

    def test_the_keyboard_can_skip_to_the_cards_and_send(self, browser: "Browser") -> None:
        from selenium.webdriver.common.keys import Keys

        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
        for _ in range(3):
            browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        browser.driver.switch_to.active_element.send_keys(Keys.SPACE)
        browser.wait(lambda: browser.announced().startswith("HTTP/1.1 200 OK"))

    def test_a_screen_reader_finds_its_way(self, browser: "Browser") -> None:
        nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
        assert {("banner", ""), ("navigation", "Cards"), ("main", ""), ("status", "")} <= set(told)
        assert ("heading", "rejoinder") in told
        named = {"article", "button", "group", "Iframe", "image", "link", "Video"}
        assert [role for role, name in told if role in named and not name] == []
        levels = "return [...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))"
        found = browser.driver.execute_script(levels)
        assert found[:6] == [1, 2, 3, 4, 4, 4]
        assert all(after - before <= 1 for before, after in pairwise(found)), "a level is left out"

    def test_nothing_moves_for_who_does_not_like_that(self, browser: "Browser") -> None:
        assert (
            browser.driver.execute_script("return getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        )
        assert browser.driver.execute_script("return document.getAnimations().length") == 0

    def test_without_scripts_the_code_is_still_there(self, browser: "Browser", url: str) -> None:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            browser.driver.get(url)
            assert "def greetings" in browser.text("greetings", ".code pre")
            assert not browser.find("greetings", ".copy").is_displayed()
        finally:
            browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


class Browser:
    """Headless Chromium with the gallery open."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for flag in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
            "--window-size=1280,900",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
        self.driver: Any = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))

    def visit(self, url: str) -> None:
        """Open the page anew, wait until every card has its result, and make sure that nothing was complained of."""
        self.driver.get(url)
        filled = "return [...document.querySelectorAll('.rendered')].every((one) => one.children.length > 0)"
        self.wait(lambda: self.driver.execute_script(filled))
        assert self.driver.get_log("browser") == []

    def find(self, slug: str, selector: str) -> Any:
        return self.driver.find_element("css selector", f"#{slug} {selector}")

    def see(self, slug: str) -> None:
        """Scroll to the result of a card, and wait for its bytes: streams begin when they are seen."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.find(slug, ".rendered"))
        self.wait(lambda: self.driver.find_elements("css selector", f"#{slug} .response"))

    def text(self, slug: str, selector: str) -> str:
        from selenium.common.exceptions import StaleElementReferenceException

        while True:
            with suppress(StaleElementReferenceException):  # a stream may replace it between the two steps
                return str(self.find(slug, selector).text)

    def press(self, slug: str, label: str) -> None:
        self.driver.execute_script("document.getElementById('announcements').textContent = ''")
        button = self._button(slug, label)
        self.wait(lambda: self._click(button))

    def _click(self, button: Any) -> bool:
        """Whether it was clicked: a stream above it that is still growing may push it away meanwhile, even from the click."""
        from selenium.common.exceptions import ElementClickInterceptedException

        with suppress(ElementClickInterceptedException):
            button.click()
            return bool(button.get_attribute("aria-pressed") == "true")
        return False

    def announced(self) -> str:
        """What a screen reader was told last."""
        return self.driver.find_element("id", "announcements").get_attribute("textContent") or ""

    def command(self, name: str, options: dict[str, Any]) -> None:
        self.driver.execute_cdp_cmd(name, options)

    def wait_for(self, slug: str, label: str) -> None:
        """Until the result of this button has been shown and told."""
        self.wait(lambda: self.announced() and self._button(slug, label).get_attribute("aria-pressed") == "true")

    def wait(self, condition: Callable[[], object]) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 100, poll_frequency=0.05).until(lambda _: condition())

    def _button(self, slug: str, label: str) -> Any:
        buttons = self.driver.find_elements("css selector", f"#{slug} .tries button")
        return next(button for button in buttons if button.text == label)
