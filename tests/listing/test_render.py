"""The page of a directory, as it is written: order, sizes, times, and names that anyone may have chosen."""

import html
import os
import re
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from types import FrameType
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._listing import POLICY, Entry, render
from rejoinder._listing.size import format_size

URL = "http://127.0.0.1:8000/a/b/"


def file(name: str, size: int = 1, modified: float = 0.0) -> Entry:
    return Entry(name, is_directory=False, size=size, modified=modified)


def folder(name: str) -> Entry:
    return Entry(name, is_directory=True, size=4096, modified=0.0)


def body(page: str) -> str:
    return page.partition("<body>")[2].partition("<script>")[0]


def links(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<th scope="row"><a href="([^"]*)"><bdi>(.*?)</bdi></a></th>', page, re.DOTALL)
    return [(href, html.unescape(text)) for href, text in found]


class Tags(HTMLParser):
    """The elements of a document with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, frozenset[str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, frozenset(name for name, _ in attrs)))


NAMES = [
    pytest.param("plain.txt", "./plain.txt", "plain.txt", id="plain"),
    pytest.param("javascript:alert(1)", "./javascript%3Aalert%281%29", "javascript:alert(1)", id="a-scheme"),
    pytest.param("\\\\evil.example", "./%5C%5Cevil.example", "\\\\evil.example", id="backslashes"),
    pytest.param("<script>x</script>", "./%3Cscript%3Ex%3C%2Fscript%3E", "<script>x</script>", id="markup"),
    pytest.param("\"'><img src=x>", "./%22%27%3E%3Cimg%20src%3Dx%3E", "\"'><img src=x>", id="out-of-the-attribute"),
    pytest.param("&lt;", "./%26lt%3B", "&lt;", id="an-entity"),
    pytest.param("a?b#c", "./a%3Fb%23c", "a?b#c", id="query-and-fragment"),
    pytest.param("100%41", "./100%2541", "100%41", id="percent"),
    pytest.param("${css} $js", "./%24%7Bcss%7D%20%24js", "${css} $js", id="a-placeholder-of-the-template"),
    pytest.param("Zoë 서울 😀", "./Zo%C3%AB%20%EC%84%9C%EC%9A%B8%20%F0%9F%98%80", "Zoë 서울 😀", id="unicode"),
    pytest.param("👨\u200d👩", "./%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9", "👨\u200d👩", id="joined"),
    pytest.param("a\nb\x1b\x7f", "./a%0Ab%1B%7F", "a␊b␛␡", id="controls"),
    pytest.param("\x85", "./%C2%85", "\ufffd", id="c1-control"),
    pytest.param("evil\u202egpj.exe", "./evil%E2%80%AEgpj.exe", "evil\ufffdgpj.exe", id="direction-override"),
    pytest.param(os.fsdecode(b"\xff\xfe"), "./%FF%FE", "\ufffd\ufffd", id="no-utf-8"),
    pytest.param("a  b", "./a%20%20b", "a  b", id="spaces"),
]


@pytest.mark.parametrize(("name", "href", "shown"), NAMES)
def test_a_name_is_text_and_its_link_leads_to_it(name: str, href: str, shown: str) -> None:
    assert links(render("/", [file(name)])) == [(href, shown)]
    assert links(render("/", [folder(name)])) == [(f"{href}/", f"{shown}/")]


FIRST_TAGS = Tags(render("/x/", [file("x")])).found


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("<>\"'&\udc80")))
def test_no_name_is_more_than_a_name(name: str) -> None:
    page = render(f"/{name or 'x'}/", [file(name)])
    page.encode()
    assert [tag for tag, _ in Tags(page).found] == [tag for tag, _ in FIRST_TAGS]
    if name not in {"", ".", ".."}:
        ((href, _),) = links(page)
        target = urljoin(URL, href)
        assert target.startswith(URL)
        assert unquote_to_bytes(urlsplit(target).path) == b"/a/b/" + os.fsencode(name)


def test_folders_are_first_and_names_in_natural_order() -> None:
    names = [
        "photo 10",
        "Photo 2",
        "photo 1",
        "photo 02",
        "photo " + "9" * 5000,
        "b",
        "A",
        "ä",
        "10",
        "9",
        "1.10",
        "1.9",
    ]
    page = render("/", [*map(file, names), folder("z"), folder("y")])
    expected = ["y/", "z/", "1.9", "1.10", "9", "10", "A", "b", "photo 1", "Photo 2", "photo 02", "photo 10"]
    assert [name for _, name in links(page)] == [*expected, "photo " + "9" * 5000, "ä"]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1 << 30, "1.1 GB"),
        (2**63 - 1, "9.2 EB"),
        (10**30, "1000000 YB"),
    ],
)
def test_sizes_have_two_or_three_digits(size: int, shown: str) -> None:
    assert format_size(size) == shown


def test_the_exact_size_is_there() -> None:
    assert '<data value="12345" title="12,345 bytes">12 kB</data>' in render("/", [file("a", 12345)])
    assert 'title="1 byte"' in render("/", [file("a", 1)])
    assert "<data" not in body(render("/", [folder("a")]))


@pytest.mark.parametrize(
    ("modified", "shown"),
    [
        pytest.param(1_700_000_000.9, '<time datetime="2023-11-14T22:13:20Z">2023-11-14 <span>22:13</span></time>', id="now"),
        pytest.param(-1.0, '<time datetime="1969-12-31T23:59:59Z">1969-12-31 <span>23:59</span></time>', id="before-1970"),
        pytest.param(1e15, '<time datetime="9999-12-31T23:59:59Z">9999-12-31 <span>23:59</span></time>', id="far"),
        pytest.param(-1e15, '<time datetime="0001-01-01T00:00:00Z">0001-01-01 <span>00:00</span></time>', id="long-ago"),
    ],
)  # fmt: skip
def test_times_are_read_by_machines_and_people(modified: float, shown: str) -> None:
    assert shown in render("/", [file("a", modified=modified)])


def test_what_has_no_time_is_given_none() -> None:
    assert "<time" not in render("/", [Entry("a", is_directory=True, size=0, modified=None)])


@pytest.mark.parametrize(
    ("entries", "summary"),
    [
        pytest.param([], "This folder is empty.", id="empty"),
        pytest.param([folder("a")], "1 folder", id="a-folder"),
        pytest.param([file("a", 1500), file("b", 500)], "2 files, 2.0 kB", id="files"),
        pytest.param([folder("a"), folder("b"), file("c", 0)], "2 folders, 1 file, 0 B", id="both"),
    ],
)
def test_it_is_told_how_much_there_is(entries: list[Entry], summary: str) -> None:
    page = render("/", entries)
    assert f"<p>{summary}</p>" in page
    assert ("<table>" in page) is bool(entries)


@pytest.mark.parametrize(
    ("url_path", "heading", "way"),
    [
        pytest.param("/", "Files", [], id="root"),
        pytest.param("", "Files", [], id="nothing"),
        pytest.param("/music/", "music", [("../", "Files")], id="one-down"),
        pytest.param("/a/<b>/c/", "c", [("../../../", "Files"), ("../../", "a"), ("../", "&lt;b&gt;")], id="markup"),
        pytest.param("//a/.//b/", "b", [("../../", "Files"), ("../", "a")], id="as-a-browser-sees-it"),
        pytest.param("/a/\udcff/", "\ufffd", [("../../", "Files"), ("../", "a")], id="no-utf-8"),
    ],
)
def test_the_way_back(url_path: str, heading: str, way: list[tuple[str, str]]) -> None:
    page = render(url_path, [])
    assert f"<h1><bdi>{heading}</bdi></h1>" in page
    assert re.findall(r'<li><a href="([^"]*)"><bdi>(.*?)</bdi></a></li>', page) == way
    assert ("<nav" in page) is ('<a class="up" href="../">Parent folder</a>' in page) is bool(way)


def test_the_policy_names_the_one_style_and_the_one_script() -> None:
    page = render("/", [file("a")])
    for kind, tag in ("style-src", "style"), ("script-src", "script"):
        ((attributes, content),) = re.findall(f"<{tag}([^>]*)>(.*?)</{tag}>", page, re.DOTALL)
        assert not attributes
        assert f"{kind} 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}';" in POLICY
    assert POLICY.startswith("default-src 'none';")
    assert POLICY.isascii()
    assert "unsafe" not in POLICY


def test_nothing_in_the_page_needs_more_than_the_policy_allows() -> None:
    for tag, attributes in Tags(render("/a/", [folder("b"), file("c")])).found:
        assert not {name for name in attributes if name.startswith("on") or name in {"style", "src"}}, tag


def cost(count: int, depth: int) -> tuple[int, int]:
    """Calls made, in Python and in C, and characters written, for so many entries and so many steps of the path."""
    entries = [file("photo 0123456789.jpg")] * count
    calls = 0

    def call(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(call)
    try:
        page = render("/" + "./" * depth, entries)
    finally:
        sys.setprofile(None)
    return calls, len(page)


@pytest.mark.parametrize(("count", "depth"), [(1_000, 0), (0, 20_000)], ids=["entries", "path"])
def test_the_cost_grows_with_what_is_shown_and_no_faster(count: int, depth: int) -> None:
    nothing, small, large = cost(0, 0), cost(count, depth), cost(8 * count, 8 * depth)
    for fixed, once, eight_times in zip(nothing, small, large, strict=True):
        assert eight_times - fixed <= 8 * (once - fixed) + 100
