"""Which names have a hash of the content in them. A name wrongly taken for one is not asked for again in a year."""

import pytest

from rejoinder._http.cache import is_fingerprinted

HASHED = [
    "app.3f2a1b9c.js",
    "index-BkH1x9aZ.css",
    "assets/index-Dx4a3k-Q.js",
    "main.8b1f3c9e2d4a5b6c7d8e.chunk.js",
    "main-3f2a1b9c.min.css",
    "logo.a1b2c3d4e5f60718.png",
    "chunk.3f2a1b9c.js.map",
    "index-BkH1x9aZ.js.map",
    "fonts/inter-3f2a1b9c0d1e2f3a.woff2",
    "data.3f2a1b9c.bin",
]
PLAIN = [
    "app.js",
    "index.html",
    "my-document.pdf",
    "style-override.css",
    "report-20241117.pdf",
    "main.20240101.css",
    "style-facadebb.css",
    "jquery-1.12.4.min.js",
    "avatar-550e8400-e29b-41d4-a716-44665544ab00.png",
    "guide-Chapter1.pdf",
    "slide-Picture1.png",
    "page-MyModule.js",
    "IMG-20240101-WA0001.jpg",
    "photo-DSC01234.jpg",
    "photo-Room-12B.jpg",
    "lesson-2ndDraft.js",
    "report-BkH1x9aZ.pdf",
    "3f2a1b9c.js",
    "assets/.3f2a1b9c.js",
    "app.3f2a1b9c",
    "app.3f2a1b9c.js/index.html",
    "app.3f2a1b9c.js\n",
    "app.3f2a1b9.js",
    "",
]


@pytest.mark.parametrize("name", HASHED)
def test_fingerprinted(name: str) -> None:
    assert is_fingerprinted(name)


@pytest.mark.parametrize("name", PLAIN)
def test_not_fingerprinted(name: str) -> None:
    assert not is_fingerprinted(name)


@pytest.mark.parametrize(
    "name", ["-" * 60_000, ".3f2a1b9c" * 7_000 + ".", "a-" + "f" * 60_000, "a-" + "0" * 60_000, "-A" * 30_000]
)
def test_long_names_are_read_in_linear_time(name: str) -> None:
    """Would not end, if they were not."""
    assert not is_fingerprinted(name)
