"""What a person sees of a directory, and does with it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Serving

pytest.importorskip("uvicorn", reason="the command needs uvicorn")
pytest.importorskip("selenium", reason="selenium drives the browser")

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from rejoinder._listing import Entry, render

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.wire,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM or not CHROMEDRIVER, reason="needs chromium and chromedriver"),
]

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip
NOON = 1_700_050_000  # 2023-11-15 12:06:40 UTC
FILES = {
    "photo 10.jpg": (2_500_000, NOON),
    "photo 9.jpg": (12, NOON - 86_400),
    "Zoë.vcf": (300, NOON + 86_400),
    "notes.md": (70_000, NOON - 9e7),
}
HOSTILE = [
    b"<img src=x onerror=owned=1>",
    b"<script>owned=1<",
    b'"onmouseover="owned=1',
    b"javascript:owned=1",
    b"' autofocus onfocus=owned=1 '",
    b"&lt;svg onload=owned=1&gt;",
    b"`${owned=1}`",
    b"\xff\x1b\n",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    for name, (size, modified) in FILES.items():
        (site / name).write_bytes(b"x" * size)
        os.utime(site / name, (modified, modified))
    for name in ("b folder", "a folder/deeper/still"):
        (site / name).mkdir(parents=True)
    for name in ("b folder", "a folder"):
        os.utime(site / name, (NOON, NOON))
    (site / "a folder/deeper/still/here.txt").write_text("found")
    (site / "hostile").mkdir()
    os.utime(site / "hostile", (NOON + 1, NOON + 1))
    for raw in HOSTILE:
        (site / "hostile" / os.fsdecode(raw)).write_text("x")
    return site


@pytest.fixture(scope="module")
def url(serve: Callable[..., Serving], site: Path) -> str:
    return serve(site).url


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(CHROMEDRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(driver: Any, url: str) -> Iterator["Browser"]:
    """At the root, in an English browser in Tokyo; nothing that it does may be complained of in the console."""
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    browser = Browser(driver, url)
    browser.visit()
    yield browser
    assert driver.get_log("browser") == []
    for command, options in (
        ("Emulation.setEmulatedMedia", {"features": []}),
        ("Emulation.clearDeviceMetricsOverride", {}),
        ("Emulation.setScriptExecutionDisabled", {"value": False}),
        ("Emulation.setLocaleOverride", {}),
    ):
        driver.execute_cdp_cmd(command, options)


class Browser:
    """A person before the page."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def visit(self, path: str = "") -> None:
        self.driver.get(self.url + path)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        found = self.driver.find_elements("css selector", selector)
        return [element.text for element in found if element.is_displayed()]

    def names(self) -> list[str]:
        """What is listed, from above to below."""
        return self.texts("tbody bdi")

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def sort(self, label: str) -> list[str]:
        """What is listed once the head of this column has been pressed."""
        heads = self.driver.find_elements("css selector", "thead button")
        next(head for head in heads if head.text == label).click()
        return self.names()

    def script(self, code: str, *arguments: object) -> Any:
        return self.driver.execute_script(f"return {code}", *arguments)

    def command(self, name: str, **options: object) -> Any:
        return self.driver.execute_cdp_cmd(name, options)

    def arrive(self, heading: str) -> None:
        """Waits for the page with this heading."""
        expected = expected_conditions.text_to_be_present_in_element(("css selector", "h1"), heading)
        WebDriverWait(self.driver, 15, poll_frequency=0.05).until(expected)


FOLDERS = ["a folder/", "b folder/", "hostile/"]
BY_NAME = ["notes.md", "photo 9.jpg", "photo 10.jpg", "Zoë.vcf"]


def test_it_is_listed_what_is_there(browser: Browser) -> None:
    assert browser.driver.title == "Index of /"
    assert browser.texts("h1") == ["Files"]
    assert browser.texts(".bar p") == ["3 folders, 4 files, 2.6 MB"]
    assert browser.names() == FOLDERS + BY_NAME
    assert browser.texts("td data") == ["70 kB", "12 B", "2.5 MB", "300 B"]
    assert browser.find("td data").get_attribute("title") == "70,000 bytes"


@pytest.mark.parametrize(
    ("label", "first", "second"),
    [
        pytest.param("Name", ["hostile/", "b folder/", "a folder/", *BY_NAME[::-1]], FOLDERS + BY_NAME, id="name"),
        pytest.param(
            "Size",
            [*FOLDERS, "photo 10.jpg", "notes.md", "Zoë.vcf", "photo 9.jpg"],
            [*FOLDERS, "photo 9.jpg", "Zoë.vcf", "notes.md", "photo 10.jpg"],
            id="size",
        ),
        pytest.param(
            "Modified",
            ["hostile/", "a folder/", "b folder/", "Zoë.vcf", "photo 10.jpg", "photo 9.jpg", "notes.md"],
            ["a folder/", "b folder/", "hostile/", "notes.md", "photo 9.jpg", "photo 10.jpg", "Zoë.vcf"],
            id="time",
        ),
    ],
)
def test_a_press_on_a_head_sorts(browser: Browser, label: str, first: list[str], second: list[str]) -> None:
    assert browser.sort(label) == first
    (head,) = browser.driver.find_elements("css selector", "thead th[aria-sort]")
    assert (head.text, head.get_attribute("aria-sort")) == (label, "descending")
    assert browser.sort(label) == second
    assert browser.find("thead th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_a_slash_begins_to_filter_and_escape_ends_it(browser: Browser) -> None:
    browser.press("/")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "filter"
    browser.press("PHOTO")
    assert browser.names() == ["photo 9.jpg", "photo 10.jpg"]
    assert browser.texts("#found[aria-live=polite]") == ["2 of 7"]
    browser.press(" 1")
    assert browser.names() == ["photo 10.jpg"]
    browser.press(Keys.CONTROL, "a")
    browser.press("zoe")
    assert browser.names() == ["Zoë.vcf"]
    browser.press("//")
    assert browser.names() == []
    assert browser.texts("#found") == ["0 of 7"]
    browser.press(Keys.ESCAPE)
    assert browser.names() == FOLDERS + BY_NAME
    assert browser.find("#filter").get_attribute("value") == ""


def test_what_is_filtered_stays_so_when_sorted(browser: Browser) -> None:
    browser.press("/")
    browser.press("o")
    browser.sort("Size")
    assert browser.sort("Size") == [*FOLDERS, "photo 9.jpg", "Zoë.vcf", "notes.md", "photo 10.jpg"]
    browser.find("#filter").send_keys("t")
    assert browser.names() == ["hostile/", "photo 9.jpg", "notes.md", "photo 10.jpg"][1:]


def test_return_opens_the_first_that_is_left(browser: Browser) -> None:
    for typed in "a folder", "deep", "still":
        browser.press("/")
        browser.press(typed, Keys.ENTER)
        browser.arrive({"deep": "deeper"}.get(typed, typed))
    assert browser.names() == ["here.txt"]
    assert browser.texts("nav li a") == ["Files", "a folder", "deeper"]
    browser.driver.find_element("link text", "a folder").click()
    browser.arrive("a folder")
    browser.find(".up").click()
    browser.arrive("Files")


def test_times_are_those_of_the_reader(browser: Browser) -> None:
    assert browser.texts("thead th") == ["Name", "Size", "Modified"]
    assert re.fullmatch(r"Nov 15, 2023 9:06\sPM", browser.texts("time")[0])
    browser.command("Emulation.setLocaleOverride", locale="de-DE")
    browser.visit()
    assert browser.texts("time")[0] == "15.11.2023 21:06"


def test_names_do_not_run(browser: Browser) -> None:
    browser.visit("hostile/")
    shown = browser.names()
    assert len(shown) == len(HOSTILE)
    assert {"<img src=x onerror=owned=1>", "javascript:owned=1", "\ufffd\u241b\u240a"} <= set(shown)
    for link in browser.driver.find_elements("css selector", "tbody a"):
        assert link.get_property("href").startswith(f"{browser.url}hostile/")
    for label in "Size", "Modified", "Name":
        browser.sort(label)
    browser.press("/")
    browser.press("owned", Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB)
    assert browser.script("typeof owned") == "undefined"
    assert browser.driver.find_elements("css selector", "img, svg, body script ~ script, [onerror], [onfocus]") == []
    for place in range(len(HOSTILE)):
        browser.visit("hostile/")
        browser.driver.find_elements("css selector", "tbody a")[place].click()
        if not browser.driver.current_url.endswith("hostile/"):  # a file of no known type is downloaded
            assert browser.texts("body") == ["x"]
    browser.visit("hostile/")
    assert browser.script("typeof owned") == "undefined"


def test_the_policy_stops_what_is_not_in_the_page(browser: Browser) -> None:
    blocked = browser.script(
        "(() => { const script = document.createElement('script'); script.textContent = 'owned = 1';"
        "document.body.append(script); return typeof owned; })()"
    )
    assert blocked == "undefined"
    (complaint,) = browser.driver.get_log("browser")
    assert "Content Security Policy" in complaint["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_by_day_and_by_night(browser: Browser, scheme: str) -> None:
    browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.visit("a%20folder/")
    paper = luminance(browser.script("getComputedStyle(document.body).backgroundColor"))
    assert (paper < 0.05) if scheme == "dark" else (paper > 0.9)
    row = "getComputedStyle(document.documentElement).getPropertyValue('--shade')"  # of the row below the pointer
    shade = luminance(hexadecimal(browser.script(row).strip()))
    for selector in ("h1", ".bar p", "thead button", "tbody a", "time", "nav a", ".up", "#filter", "#found"):
        ink = luminance(browser.script(f"getComputedStyle(document.querySelector('{selector}')).color"))
        assert contrast(ink, paper) >= 4.5, selector
        assert contrast(ink, shade) >= 4.5, selector
    hint = browser.script("getComputedStyle(document.querySelector('#filter'), '::placeholder').color")
    assert contrast(luminance(hint), paper) >= 4.5
    edge = browser.script("getComputedStyle(document.querySelector('#filter')).borderTopColor")
    assert contrast(luminance(edge), paper) >= 3


def hexadecimal(colour: str) -> str:
    return ", ".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_every_stop_of_the_keyboard_is_seen(browser: Browser) -> None:
    browser.visit("a%20folder/")
    stops = []
    for _ in range(7):
        browser.press(Keys.TAB)
        focused = "document.activeElement"
        stops.append(browser.script(f"{focused}.textContent || {focused}.id"))
        assert browser.script(f"getComputedStyle({focused}).outlineStyle") == "solid"
    assert stops == ["Files", "filter", "Parent folder", "Name", "Size", "Modified", "deeper/"]


def test_a_screen_reader_has_a_table_with_heads(browser: Browser) -> None:
    browser.visit("a%20folder/")
    nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
    told = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]}
    expected = {
        ("navigation", "Breadcrumb"),
        ("link", "Files"),
        ("heading", "a folder"),
        ("status", ""),
        ("searchbox", "Filter by name"),
        ("link", "Parent folder"),
        ("table", ""),
        ("columnheader", "Name"),
        ("button", "Name"),
        ("columnheader", "Size"),
        ("columnheader", "Modified"),
        ("rowheader", "deeper/"),
        ("link", "deeper/"),
    }
    assert expected <= told
    assert browser.find("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("path", ["", "hostile/", "a%20folder/deeper/still/"])
def test_nothing_is_wider_than_the_window(browser: Browser, path: str, width: int) -> None:
    mobile = width < 500
    browser.command("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=mobile)
    browser.visit(path)
    assert browser.script("document.documentElement.scrollWidth") <= width
    for cell in browser.driver.find_elements("css selector", "tbody a, td data, time"):
        assert 0 <= cell.rect["x"] <= cell.rect["x"] + cell.rect["width"] <= width
        assert browser.script("arguments[0].scrollWidth <= arguments[0].clientWidth || !arguments[0].clientWidth", cell)


def test_without_scripts_it_is_still_a_listing(browser: Browser) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.visit()
    assert browser.names() == FOLDERS + BY_NAME
    assert browser.texts("thead th") == ["Name", "Size", "Modified (UTC)"]
    assert browser.texts("time")[0] == "2023-11-15 12:06"
    assert not browser.find("#filter").is_displayed()
    browser.driver.find_element("link text", "a folder/").click()
    browser.arrive("a folder")


def test_an_empty_folder_says_so(browser: Browser) -> None:
    browser.visit("b%20folder/")
    assert browser.texts("body") == ["Files\nb folder\nThis folder is empty.\nParent folder"]


def test_folders_without_a_time_are_sorted_and_filtered_like_others(driver: Any, tmp_path: Path) -> None:
    """As those of an object store."""
    entries = [Entry("new", False, 1, NOON + 1.0), Entry("old", False, 1, NOON), Entry("folder", True, 0, None)]
    (tmp_path / "page.html").write_text(render("/", entries))
    driver.get((tmp_path / "page.html").as_uri())

    def shown() -> list[str]:
        return [row.text for row in driver.find_elements("css selector", "tbody th") if row.is_displayed()]

    assert shown() == ["folder/", "new", "old"]
    for expected in (["folder/", "new", "old"], ["folder/", "old", "new"]):
        driver.find_element("xpath", "//button[text()='Modified']").click()
        assert shown() == expected
    driver.find_element("id", "filter").send_keys("ol")
    assert shown() == ["folder/", "old"]
