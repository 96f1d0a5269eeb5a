"""Variants of a file that lie beside it: which is sent, and what is said of it (RFC 9110, 12.5.3, 12.5.5, 8.8.3.3)."""

import os
from pathlib import Path
from typing import Any

import pytest

from rejoinder import FileResponse, StaticFiles
from rejoinder._sources.local import LocalFile, OpenFile
from rejoinder.testing import Answer, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed", "system")

PLAIN, BROTLI, ZSTD, GZIP = b"plain " * 10, b"brotli", b"zstd....", b"gzip......"
CONTENT = {None: PLAIN, "br": BROTLI, "zstd": ZSTD, "gzip": GZIP}
EXTENSIONS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
THEN = 1_700_000_000


def make(directory: Path, name: str = "app.js", codings: Any = EXTENSIONS, age: float = 0) -> Path:
    """A file, and these variants, so many seconds older."""
    path = directory / name
    path.write_bytes(PLAIN)
    os.utime(path, (THEN, THEN))
    for coding in codings:
        variant = path.with_name(name + EXTENSIONS[coding])
        variant.write_bytes(CONTENT[coding])
        os.utime(variant, (THEN - age, THEN - age))
    return path


def get(response: Any, accept: str | None = None, method: str = "GET", path: str = "/", **fields: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if accept is not None:
        headers["accept-encoding"] = accept
    return run(lambda: fetch(response, method, path, headers=headers))


ALL = tuple(EXTENSIONS)
ROWS = {
    "the server's order": (ALL, "gzip, deflate, br, zstd", "br"),
    "by weight": (ALL, "gzip;q=0.9, br;q=0.5", "gzip"),
    "what there is": (["gzip"], "gzip, deflate, br, zstd", "gzip"),
    "what is accepted": (ALL, "zstd", "zstd"),
    "any": (ALL, "*", "br"),
    "old name": (ALL, "x-gzip", "gzip"),
    "no field": (ALL, None, None),
    "empty field": (ALL, "", None),
    "none that there is": (["br"], "gzip", None),
    "none": (ALL, "deflate", None),
    "identity refused": (ALL, "identity;q=0", None),
    "identity refused, none that there is": (["br"], "identity;q=0, gzip", None),
    "identity refused, but one": (ALL, "identity;q=0, gzip", "gzip"),
    "identity rather": (ALL, "identity, gzip;q=0.5", None),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_which(tmp_path: Path, name: str, method: str) -> None:
    codings, accept, coding = ROWS[name]
    answer = get(FileResponse(make(tmp_path, codings=codings), precompressed=True), accept, method)
    content = CONTENT[coding]
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else content)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers.get("content-length") == str(len(content))
    assert answer.headers.get("content-type") == "text/javascript; charset=utf-8"
    assert answer.headers.get("vary") == "accept-encoding"


@pytest.mark.parametrize("accept", ["br", "gzip", None])
def test_without_variants_nothing_was_chosen(tmp_path: Path, accept: str | None) -> None:
    answer = get(FileResponse(make(tmp_path, codings=()), precompressed=True), accept)
    assert (answer.body, answer.headers.get("vary")) == (PLAIN, None)


def test_each_has_a_tag_and_a_time_of_its_own(tmp_path: Path) -> None:
    path = make(tmp_path)
    os.utime(f"{path}.br", (THEN + 60, THEN + 60))
    for facts in (None, path.stat()):
        response = FileResponse(path, stat_result=facts, precompressed=True)
        answers = {coding: get(response, coding) for coding in CONTENT}
        tags = {answer.headers.get("etag") for answer in answers.values()}
        assert len(tags) == 4
        assert answers["br"].headers.get("last-modified") != answers[None].headers.get("last-modified")
        assert answers["br"].headers.get("etag") == get(FileResponse(f"{path}.br")).headers.get("etag")


@pytest.mark.parametrize(
    ("etag", "coded"),
    [
        pytest.param('"v1"', '"v1-br"', id="strong"),
        pytest.param('W/"v1"', 'W/"v1"', id="weak: good for both"),
    ],
)
def test_a_tag_of_the_users(tmp_path: Path, etag: str, coded: str) -> None:
    response = FileResponse(make(tmp_path), etag=etag, precompressed=True)
    assert get(response, "br").headers.get("etag") == coded
    assert get(response).headers.get("etag") == etag
    assert get(response, "br", if_none_match=coded).status == 304
    assert get(response, if_none_match='"v1-br"').status == 200


def test_a_tag_that_is_none_is_left_alone(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), headers={"etag": "nonsense"}, precompressed=True)
    assert get(response, "br").headers.get("etag") == "nonsense"


def test_conditions_and_ranges_are_about_the_variant(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), precompressed=True)
    tag = get(response, "br").headers.get("etag") or ""
    fresh = get(response, "br", if_none_match=tag)
    assert (fresh.status, fresh.body, fresh.headers.get("vary")) == (304, b"", "accept-encoding")
    assert fresh.headers.get("content-encoding") is None
    assert get(response, "gzip", if_none_match=tag).status == 200
    part = get(response, "br", range="bytes=1-2")
    assert (part.status, part.body, part.headers.get("content-encoding")) == (206, BROTLI[1:3], "br")
    assert (part.headers.get("content-range"), part.headers.get("vary")) == ("bytes 1-2/6", "accept-encoding")
    assert get(response, "gzip", range="bytes=1-2", if_range=tag).body == GZIP
    past = get(response, "br", range="bytes=6-")
    assert (past.status, past.headers.get("content-range")) == (416, "bytes */6")
    assert (past.headers.get("content-encoding"), past.headers.get("vary")) == (None, "accept-encoding")
    failed = get(response, "br", if_match='"x"')
    assert (failed.status, failed.headers.get("vary")) == (412, "accept-encoding")


def test_a_variant_that_is_older_than_the_file_is_not_sent(tmp_path: Path) -> None:
    answer = get(FileResponse(make(tmp_path, age=0.001), precompressed=True), "br, gzip, zstd")
    assert (answer.body, answer.headers.get("vary")) == (PLAIN, None)
    make(tmp_path, codings=["gzip"])
    assert get(FileResponse(tmp_path / "app.js", precompressed=True), "br, gzip, zstd").body == GZIP


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4", "a.zip", "a.gz", "a.woff2", "a.bin", "a"])
def test_what_does_not_compress_costs_no_look(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, name)
    opened: list[str] = []
    real = LocalFile.open

    async def note(self: LocalFile) -> OpenFile:
        opened.append(self.path)
        return await real(self)

    monkeypatch.setattr(LocalFile, "open", note)
    answer = get(FileResponse(path, precompressed=True), "br")
    assert (answer.body, answer.headers.get("vary"), opened) == (PLAIN, None, [str(path)])


@pytest.mark.parametrize(
    "name",
    [
        "a.html",
        "a.css",
        "a.svg",
        "a.json",
        "a.xml",
        "a.wasm",
        "a.txt",
        "a.webmanifest",
        "a.ttf",
        "a.map",
        "a.atom",
        "a.ico",
    ],
)
def test_what_compresses(tmp_path: Path, name: str) -> None:
    assert get(FileResponse(make(tmp_path, name), precompressed=True), "br").body == BROTLI


@pytest.mark.parametrize("media_type", ["Application/Problem+JSON", "text/x-c; charset=ascii"])
def test_the_type_that_was_given_counts(tmp_path: Path, media_type: str) -> None:
    response = FileResponse(make(tmp_path, "a.bin"), media_type=media_type, precompressed=True)
    assert get(response, "br").body == BROTLI


def test_only_when_asked_for(tmp_path: Path) -> None:
    assert get(FileResponse(make(tmp_path)), "br").body == PLAIN


def test_a_file_that_is_coded_already(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), headers={"content-encoding": "br"}, precompressed=True)
    answer = get(response, "gzip")
    assert (answer.body, answer.headers.get("content-encoding")) == (PLAIN, "br")


def test_the_users_vary_is_kept(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), headers=[("vary", "Origin"), ("vary", "cookie")], precompressed=True)
    assert [value for name, value in get(response, "br").headers if name == b"vary"] == [
        b"Origin, cookie, accept-encoding"
    ]
    assert [value for name, value in response.raw_headers if name == b"vary"] == [b"Origin", b"cookie"]
    response = FileResponse(tmp_path / "app.js", headers={"vary": "Accept-Encoding"}, precompressed=True)
    assert get(response, "br").headers.get("vary") == "Accept-Encoding"


def test_beneath_a_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    make(root, codings=["gzip"])
    (tmp_path / "secret").write_bytes(BROTLI)
    (root / "app.js.br").symlink_to("../secret")
    response = FileResponse("app.js", root=root, precompressed=True)
    assert get(response, "br, gzip").body == GZIP
    assert get(FileResponse("../secret", root=root, missing="404", precompressed=True), "gzip").status == 404


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling"])
def test_a_variant_that_is_no_file(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path, codings=["gzip"])
    variant = tmp_path / "app.js.br"
    match kind:
        case "directory":
            variant.mkdir()
        case "fifo":
            os.mkfifo(variant)
        case _:
            variant.symlink_to("nowhere")
    assert get(FileResponse(path, precompressed=True), "br, gzip").body == GZIP


def test_a_variant_without_the_file(tmp_path: Path) -> None:
    make(tmp_path).unlink()
    assert get(FileResponse(tmp_path / "app.js", missing="404", precompressed=True), "br").status == 404


def test_again_and_at_once(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), precompressed=True)
    before = response.headers.items()
    assert [get(response, accept).body for accept in ("br", None, "gzip", "br")] == [BROTLI, PLAIN, GZIP, BROTLI]
    assert response.headers.items() == before


def test_another_path_may_be_assigned(tmp_path: Path) -> None:
    response = FileResponse(make(tmp_path), precompressed=True)
    response.path = b"in memory"
    assert (get(response, "br").body, get(response, "br").headers.get("vary")) == (b"in memory", None)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"path": b"bytes", "precompressed": True}, id="no path"),
        pytest.param({"path": "a.js", "precompressed": True, "delete_after": True}, id="delete_after"),
    ],
)
def test_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="precompressed"):
        FileResponse(**arguments)


def test_static_files(tmp_path: Path) -> None:
    make(tmp_path)
    app = StaticFiles(directory=tmp_path)
    assert [get(app, accept, path="/app.js").body for accept in ("br", "zstd", None)] == [BROTLI, ZSTD, PLAIN]
    tag = get(app, "zstd", path="/app.js").headers.get("etag") or ""
    assert get(app, "zstd", path="/app.js", if_none_match=tag).status == 304
    assert get(StaticFiles(directory=tmp_path, precompressed=False), "br", path="/app.js").body == PLAIN
    variant = get(app, path="/app.js.br")
    assert (variant.body, variant.headers.get("content-encoding")) == (BROTLI, None)
    assert variant.headers.get("content-type") == "application/x-brotli"
