"""The site, built as `make docs` builds it, and looked at in a browser."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("zensical", reason="the site is built with it")
pytest.importorskip("mkdocstrings_handlers", reason="the reference is built with it")

import docs.__main__ as build
from docs.reference import public_names, reference_pages

pytestmark = [pytest.mark.wire, pytest.mark.timeout(360)]

ROOT = Path(__file__).parents[2]
CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "docs", str(place)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return place / "site"


class Loaded(HTMLParser):
    """What a page has a browser fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        fetched = given.get("src") if tag != "link" else given.get("href") if given.get("rel") != "canonical" else None
        self.urls += [fetched] if fetched else []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for url in Loaded(page.read_text("utf-8")).urls:
            assert not re.match(r"(\w+:)?//", url), (page, url)
            assert "mermaid" not in page.read_text("utf-8"), "the theme would fetch what draws it"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text("utf-8")), style


def test_every_public_name_has_a_place(site: Path) -> None:
    for module, names in public_names().items():
        html = (site / "reference" / module / "index.html").read_text("utf-8")
        places = set(re.findall(r'id="([\w.]+)"', html))
        for name in names:
            if f"::: {module}.{name}\n" in reference_pages()[module]:
                assert f"{module}.{name}" in places
            else:
                assert re.search(rf'href="[^"]*#rejoinder[\w.]*\.{name}"', html)
        assert "&gt;&gt;&gt;" not in re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL), "an example that is none"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    html = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs").glob("[!i]*.md"):
        assert f'href="./{page.stem}/"' in html, page.name


def test_the_navigation_has_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DOCS", tmp_path)
    for name in ("index.md", "wanted.md", "new.md"):
        (tmp_path / name).touch()
    wanted: list[str | dict[str, list[str]]] = ["index.md", {"Guides": ["wanted.md", "not yet.md"]}, {"Facts": []}]
    assert build.navigation(wanted) == ["index.md", {"Guides": ["wanted.md", "new.md"]}, {"Facts": []}]


@pytest.mark.parametrize("link", ["missing.md", "index.md#nowhere", "../missing.py", "../../outside.md"])
def test_a_link_that_leads_nowhere_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(build.DOCS / build.SETTINGS, tmp_path / "docs")
    shutil.copytree(build.DOCS / "theme", tmp_path / "docs/theme")
    (tmp_path / "docs/index.md").write_text(f"# A page\n\n[A link]({link}).\n")
    monkeypatch.setattr(build, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "reference_pages", dict)
    monkeypatch.setattr(sys, "argv", ["docs", str(tmp_path / "build")])
    with pytest.raises(SystemExit) as raised:
        build.main()
    assert raised.value.code


def test_what_a_page_names_is_shown(site: Path) -> None:
    """The tests behind the claims, and the reports of the benchmarks, are pages of the site."""
    assert "test_no_text_can_forge_an_event" in (site / "tests/encode/test_sse.py/index.html").read_text("utf-8")
    assert "Where rejoinder loses" in (site / "bench/results/streams/index.html").read_text("utf-8")


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "rejoinder", "serve", str(site), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium drives the browser")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    quiet = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run", profile)
    for flag in ("--headless=new", "--no-sandbox", *quiet):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER))
    driver.set_script_timeout(100)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None or CHROMEDRIVER is None, reason="no chromium and chromedriver here")
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
@pytest.mark.parametrize("path", ["streams/", "security/", "reference/rejoinder.sse/", "bench/results/bytes/"])
def test_everybody_can_read_it(driver: Any, url: str, axe: str, path: str, scheme: str, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    driver.get(url + path)
    assert driver.get_log("browser") == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    fetched = driver.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in fetched if not name.startswith(url)] == []
    paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 192) == (scheme == "dark")
    colour = "return getComputedStyle(document.body).getPropertyValue(arguments[0])"
    link, accent = (driver.execute_script(colour, f"--md-{name}") for name in ("typeset-a-color", "accent-fg-color"))
    assert link == accent == {"light": "#0f6b5c", "dark": "#6fd3bf"}[scheme]
    driver.execute_script(axe)
    look = "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    faults = driver.execute_async_script(look)["violations"]
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in faults] == []
