"""The page of a directory: a line with its path, and a line with each name that somebody gave a file."""

import os
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin

from rejoinder._listing import Entry, render

SEEDS = [
    b"/music/\n10 <3.ogg\n2.ogg",
    b"/a/../b/./\n</bdi><script>alert(1)</script>\n\"'><img src=x>",
    b"//evil.example/\njavascript:alert(1)\n\\\\evil",
    b"/\n\xff\xfe\n\xe2\x80\xaegpj.exe\n${css}$\n%41?#",
    b"\n&lt;\n.\n--><!--\n\0",
    b"/%\n" + b"9" * 400 + b"\n" + "\u0661".encode(),
]
URL = "http://site.example/a/"


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page.partition("<body>")[2].partition("<script>")[0])
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            assert [name for name, _ in attrs if name != "class"] == ["href"]
            self.links.append(dict(attrs)["href"] or "")


def target(data: bytes) -> None:
    first, *raw = data.split(b"\n")
    names = [os.fsdecode(name) for name in dict.fromkeys(each.replace(b"/", b"") for each in raw) if name]
    page, plain = (
        render(
            first.decode(errors="surrogateescape"),
            [Entry(each, is_directory=False, size=1, modified=0.0) for each in shown],
        )
        for shown in (names, ["x"] * len(names))
    )
    found = Page(page)
    assert found.tags == Page(plain).tags
    files = [link for link in found.links if link.startswith("./")]
    assert sorted(unquote_to_bytes(link[2:]) for link in files) == sorted(map(os.fsencode, names))
    assert all(urljoin(URL, link).startswith("http://site.example/") for link in found.links)
    page.encode()
