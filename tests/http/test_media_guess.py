"""The media type of a file name: RFC 9110, 8.3."""

import mimetypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.media import content_type, guess_media_type

TYPES = {
    "page.html": "text/html",
    "style.css": "text/css",
    "app.js": "text/javascript",
    "app.mjs": "text/javascript",
    "app.js.map": "application/json",
    "data.json": "application/json",
    "module.wasm": "application/wasm",
    "site.webmanifest": "application/manifest+json",
    "a.webp": "image/webp",
    "a.avif": "image/avif",
    "a.svg": "image/svg+xml",
    "a.png": "image/png",
    "a.jpg": "image/jpeg",
    "favicon.ico": "image/vnd.microsoft.icon",
    "font.woff2": "font/woff2",
    "a.mp4": "video/mp4",
    "a.webm": "video/webm",
    "a.m4a": "audio/mp4",
    "a.mp3": "audio/mpeg",
    "a.opus": "audio/ogg",
    "README.md": "text/markdown",
    "a.csv": "text/csv",
    "a.txt": "text/plain",
    "a.pdf": "application/pdf",
    "a.zip": "application/zip",
    # Compressed: its own type, never the inner one
    "a.gz": "application/gzip",
    "a.tar.gz": "application/gzip",
    "a.tgz": "application/gzip",
    "a.svgz": "application/gzip",
    "app.js.br": "application/x-brotli",
    "app.js.zst": "application/zstd",
    "a.tar.xz": "application/x-xz",
    "a.tar.bz2": "application/x-bzip2",
    "a.html.Z": "application/x-compress",
    # Names
    "A.HTML": "text/html",
    "dir.html/file": "application/octet-stream",
    "dir.html\\file": "application/octet-stream",
    "dir/a.html": "text/html",
    "": "application/octet-stream",
    "html": "application/octet-stream",
    "file.": "application/octet-stream",
    ".gz": "application/octet-stream",
    "..gz": "application/octet-stream",
    ".bashrc": "application/octet-stream",
    ".config.json": "application/json",
    "a.unknownext": "application/octet-stream",
    "data:text/html,x": "application/octet-stream",
}


@pytest.mark.parametrize("filename", TYPES)
def test_guess(filename: str) -> None:
    """By the last extension alone."""
    assert guess_media_type(filename) == TYPES[filename]


def test_the_machine_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mime.types file or the registry of Windows says (.js as text/plain is a classic) changes nothing."""
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")
    monkeypatch.setitem(mimetypes.types_map, ".unknownext", "text/x-unknown")
    assert guess_media_type("a.js") == "text/javascript"
    assert guess_media_type("a.unknownext") == "application/octet-stream"


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(codec=None)))
def test_any_name(filename: str) -> None:
    """Any name has a media type of two parts."""
    assert guess_media_type(filename).count("/") == 1


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("text/plain", b"text/plain; charset=utf-8"),
        ("text/plain; Charset=latin-1", b"text/plain; Charset=latin-1"),
        ("image/png", b"image/png"),
    ],
)
def test_content_type(media_type: str, expected: bytes) -> None:
    """Texts get a charset, unless they have one."""
    assert content_type(media_type, "utf-8") == (b"content-type", expected)
