"""StaticFiles: what is said about a file, what is answered where there is none, and what a subclass may do."""

import gc
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import starlette.responses
import starlette.staticfiles
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from rejoinder import FileResponse, StaticFiles
from rejoinder._http.cache import IMMUTABLE
from rejoinder._listing import POLICY
from rejoinder._sources import openat2
from rejoinder._sources.found import FoundFile, FoundPath
from rejoinder._sources.local import OpenFile
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]
NAVIGATE = {"sec-fetch-mode": "navigate"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in (
        "index.html",
        "404.html",
        "app.3f2a1b9c.js",
        "style.css",
        "docs/index.html",
        "empty/.hidden",
        "empty/a",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def get(
    app: Any, path: str, method: str = "GET", headers: dict[str, str] | None = None, backend: str = "asyncio"
) -> Answer:
    """The answer, also where it is an HTTPException, which the application above turns into one."""
    routed = Starlette(routes=[Mount("/", app)])
    return run(lambda: fetch(routed, method, path, headers=headers or {}), backend=backend)


# ----------------------------------------------------------------------------------------------------- Cache-Control


@pytest.mark.parametrize(
    ("path", "headers", "value"),
    [
        pytest.param("/style.css", {}, "no-cache", id="a file"),
        pytest.param("/app.3f2a1b9c.js", {}, IMMUTABLE, id="a hash in the name"),
        pytest.param("/docs/", {}, "no-cache", id="an index"),
        pytest.param("/missing", {}, "no-cache", id="404.html"),
        pytest.param("/app.00ff00ff.js", {}, "no-cache", id="404.html in place of a hash"),
        pytest.param("/app.00ff00ff.js", NAVIGATE, "no-cache", id="the fallback in place of a hash"),
    ],
)
def test_cache_control(site: Path, path: str, headers: dict[str, str], value: str) -> None:
    app = StaticFiles(directory=site, html=True, fallback="index.html", cache_control="no-cache")
    assert get(app, path, headers=headers).headers.get("cache-control") == value
    assert get(StaticFiles(directory=site, html=True), path).headers.get("cache-control") is None


def test_cache_control_by_a_function_of_the_file_that_is_sent(site: Path) -> None:
    asked: list[str] = []

    def rule(path: str) -> str | None:
        asked.append(path)
        return "no-store" if path.endswith(".css") else None

    app = StaticFiles(directory=site, html=True, cache_control=rule)
    answers = [
        get(app, path).headers.get("cache-control") for path in ("/style.css", "/app.3f2a1b9c.js", "/docs/", "/", "/x")
    ]
    assert answers == ["no-store", None, None, None, None]
    assert asked == ["style.css", "app.3f2a1b9c.js", "docs/index.html", "index.html", "404.html"]


def test_cache_control_of_what_a_subclass_found(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.3f2a1b9c.css").write_text("elsewhere")
    asked: list[str] = []

    class Mine(StaticFiles):
        def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
            if path == "elsewhere":
                return str(elsewhere / "a.3f2a1b9c.css"), (elsewhere / "a.3f2a1b9c.css").stat()
            return super().lookup_path(path)

    app = Mine(directory=site, html=True, cache_control=asked.append)
    assert get(app, "/docs/").body == b"docs/index.html"
    assert get(app, "/elsewhere").body == b"elsewhere"
    assert asked == ["docs/index.html", "a.3f2a1b9c.css"]


@pytest.mark.parametrize(("value", "error"), [("a\nb", ValueError), (60, TypeError), (True, TypeError)])
def test_cache_control_refused(site: Path, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"cache.control"):
        StaticFiles(directory=site, cache_control=value)


# ----------------------------------------------------------------------------------------------------------- fallback


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/route/of/the/app", NAVIGATE, 200, id="a navigation"),
        pytest.param("/user/a.b", NAVIGATE, 200, id="with a dot"),
        pytest.param("/route", {"accept": "text/html,*/*;q=0.8"}, 200, id="a browser over HTTP"),
        pytest.param("/docs", NAVIGATE, 200, id="a directory without html"),
        pytest.param("/../secret", NAVIGATE, 200, id="nowhere"),
        pytest.param("/missing.js", {"sec-fetch-mode": "no-cors", "accept": "*/*"}, 404, id="a script"),
        pytest.param("/api/x", {"sec-fetch-mode": "cors", "accept": "text/html"}, 404, id="fetch"),
        pytest.param("/missing.png", {"accept": "image/avif,*/*"}, 404, id="an image over HTTP"),
        pytest.param("/route", {}, 404, id="curl"),
    ],
)
def test_fallback(site: Path, path: str, headers: dict[str, str], status: int) -> None:
    app = StaticFiles(directory=site, fallback="index.html")
    answer = get(app, path, headers=headers)
    assert (answer.status, answer.headers.get("vary")) == (status, "accept, sec-fetch-mode")
    assert answer.body == (b"index.html" if status == 200 else b"Not Found")
    if status == 200:
        assert get(app, path, "HEAD", headers).headers == answer.headers


def test_fallback_is_not_for_what_exists_or_other_methods(site: Path) -> None:
    app = StaticFiles(directory=site, html=True, fallback="index.html")
    style = get(app, "/style.css", headers=NAVIGATE)
    assert (style.body, style.headers.get("vary")) == (b"style.css", None)
    assert get(app, "/docs/", headers=NAVIGATE).body == b"docs/index.html"
    missing = get(app, "/missing.js")
    assert (missing.status, missing.body, missing.headers.get("vary")) == (404, b"404.html", "accept, sec-fetch-mode")
    assert get(app, "/route", "POST", NAVIGATE).status == 405


def test_a_fallback_that_does_not_exist(site: Path) -> None:
    app = StaticFiles(directory=site, fallback="app.html")
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"fallback 'app\.html' does not exist"):
            get(app, "/")
    (site / "app.html").write_text("there")
    assert get(app, "/route", headers=NAVIGATE).body == b"there"
    (site / "app.html").unlink()
    assert get(app, "/route", headers=NAVIGATE).status == 404


# ------------------------------------------------------------------------------------------------------------ listing


def test_listing(site: Path) -> None:
    app = StaticFiles(directory=site, html=True, listing=True)
    page = get(app, "/empty/")
    assert (page.status, page.headers.get("content-type")) == (200, "text/html; charset=utf-8")
    assert (page.headers.get("content-security-policy"), page.headers.get("x-content-type-options")) == (
        POLICY,
        "nosniff",
    )
    assert b'"./a"' in page.body
    assert b'"./.hidden"' not in page.body
    head = get(app, "/empty/", "HEAD")
    assert (head.headers, head.body) == (page.headers, b"")
    assert get(app, "/empty").status == 307
    assert get(app, "/docs/").body == b"docs/index.html"
    assert b"docs/" in get(StaticFiles(directory=site, listing=True), "/").body
    assert b'"./.hidden"' in get(StaticFiles(directory=site, listing=True, dotfiles=True), "/empty/").body


def test_a_mounted_listing_leads_no_higher_than_the_mount(site: Path) -> None:
    app = Starlette(routes=[Mount("/files", StaticFiles(directory=site, listing=True))])
    root, below = get(app, "/files/").body, get(app, "/files/docs/").body
    assert b'href="../"' not in root
    assert b'href="../"' in below
    assert b'href="../../"' not in below


def test_the_tag_of_a_listing_follows_what_is_shown(site: Path) -> None:
    app = StaticFiles(directory=site, listing=True)
    page = get(app, "/empty/")
    tag = page.headers.get("etag") or ""
    assert get(app, "/empty/", headers={"if-none-match": tag}).status == 304
    assert page.headers.get("last-modified") is None
    (site / "empty/b").write_text("b")
    assert get(app, "/empty/", headers={"if-none-match": tag}).status == 200


def names(app: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    shown: dict[str, Any] = {}

    def render(url_path: str, entries: Any) -> str:
        shown.update({entry.name: entry for entry in entries})
        return f"<title>{url_path}</title>\ud800"

    with monkeypatch.context() as patch:
        patch.setattr("rejoinder._static.render", render)
        assert get(app, path).status == 200
    return shown


@pytest.mark.usefixtures("system")
def test_a_listing_shows_what_could_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "file").write_text("12345")
    os.utime(root / "file", (1, 1))
    (tmp_path / "secret").write_text("secret")
    (root / "in").symlink_to("file")
    (root / "in-dir").symlink_to("sub")
    (root / "out").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    (root / os.fsdecode(b"\xff")).touch()
    os.mkfifo(root / "fifo")
    shown = names(StaticFiles(directory=root, listing=True), "/", monkeypatch)
    assert shown.keys() == {"sub", "file", "in", "in-dir", "\udcff"}
    assert shown["file"] == ("file", False, 5, 1.0) == ("file", *shown["in"][1:])
    assert shown["in-dir"].is_directory
    followed = names(StaticFiles(directory=root, listing=True, follow_symlink=True), "/", monkeypatch)
    assert followed.keys() == shown.keys() | {"out", "up"}


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("there", ["missing", "file", "link out", "link to itself"])
def test_a_listing_of_several_directories(tmp_path: Path, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one/sub/a", "two/sub/a", "two/sub/b", "three/x", "outside/secret"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    if there == "file":
        (tmp_path / "three/sub").touch()
    elif there != "missing":
        (tmp_path / "three/sub").symlink_to("../outside" if there == "link out" else "sub")
    app = StaticFiles(directory=tmp_path / "one", listing=True)
    app.all_directories += [tmp_path / "two", tmp_path / "three"]
    shown = names(app, "/sub/", monkeypatch)
    assert shown.keys() == {"a", "b"}
    assert shown["a"].size == len("one/sub/a")
    assert get(app, "/sub/b").body == b"two/sub/b"


def test_a_listing_where_descriptors_cannot_be_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a directory cannot even be opened."""
    real = os.open

    def refuse(path: Any, *arguments: Any) -> int:
        if Path(os.fsdecode(path)).is_dir():
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "supports_fd", set())
    monkeypatch.setattr(openat2, "_syscall", None)
    monkeypatch.setattr(os, "open", refuse)
    for follow in (False, True):
        app = StaticFiles(directory=site, html=True, listing=True, follow_symlink=follow)
        assert names(app, "/empty/", monkeypatch).keys() == {"a"}
        assert get(app, "/docs/").body == b"docs/index.html"


def test_a_listing_that_cannot_be_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(place: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        patch.setattr(os, "supports_fd", {refuse})
        assert get(StaticFiles(directory=site, listing=True), "/empty/").status == 403


# --------------------------------------------------------------------------------------------------------- subclasses


class SinglePage(StaticFiles):
    """As it is written everywhere."""

    async def get_response(self, path: str, scope: Any) -> Any:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 404:
                return await super().get_response("index.html", scope)
            raise


class WithHeaders(StaticFiles):
    async def get_response(self, path: str, scope: Any) -> Any:
        response = await super().get_response(path, scope)
        assert {"etag", "last-modified", "content-length", "content-type"} <= set(response.headers)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Path"] = path
        return response


class OwnFileResponse(StaticFiles):
    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["X-File"] = f"{Path(full_path).name} {stat_result.st_size}"
        return response


class Once(StaticFiles):
    """A file can be fetched once."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
        return FileResponse(full_path, delete_after=True)


class StarlettesFileResponse(StaticFiles):
    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
        return starlette.responses.FileResponse(full_path, stat_result=stat_result)


class Pretty(StaticFiles):
    """/docs is docs.html."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        full_path, facts = super().lookup_path(path)
        return (full_path, facts) if facts else super().lookup_path(f"{path}.html")


@pytest.mark.parametrize("backend", BACKENDS)
def test_subclasses(site: Path, backend: str) -> None:
    page = get(SinglePage(directory=site), "/a/route", backend=backend)
    assert (page.status, page.body) == (200, b"index.html")
    told = get(WithHeaders(directory=site, cache_control="no-cache"), "/style.css", backend=backend)
    assert (told.headers.get("cache-control"), told.headers.get("x-path")) == ("no-store", "style.css")
    own = get(OwnFileResponse(directory=site), "/style.css", backend=backend)
    assert (own.headers.get("x-file"), own.body) == ("style.css 9", b"style.css")
    if backend == "asyncio":  # Starlette's reads in threads that virtual time on trio does not wait for
        assert get(StarlettesFileResponse(directory=site), "/style.css").body == b"style.css"
    pretty = get(Pretty(directory=site, cache_control="no-cache"), "/index", backend=backend)
    assert (pretty.body, pretty.headers.get("cache-control")) == (b"index.html", "no-cache")
    assert get(Pretty(directory=site, html=True), "/docs/", backend=backend).body == b"docs/index.html"


def test_a_subclass_that_deletes_deletes_what_was_sent(
    site: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the file of that name in the working directory."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "style.css").write_text("precious")
    monkeypatch.chdir(elsewhere)
    assert get(Once(directory=site), "/style.css").body == b"style.css"
    assert (elsewhere / "style.css").exists()
    assert not (site / "style.css").exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, 404), (OSError(36, "File name too long"), 404), (PermissionError, 403), (TimeoutError, None)],
)
def test_a_look_up_that_fails(site: Path, error: Any, status: int | None) -> None:
    class Failing(StaticFiles):
        def lookup_path(self, path: str) -> Any:
            raise error

    if status is None:
        with pytest.raises(TimeoutError):
            get(Failing(directory=site), "/style.css")
    else:
        assert get(Failing(directory=site), "/style.css").status == status


def test_a_look_up_that_finds_no_file(site: Path) -> None:
    os.mkfifo(site / "fifo")
    assert get(Pretty(directory=site), "/fifo").status == 404
    assert get(Pretty(directory=site), "/empty").status == 404


def test_it_is_starlettes() -> None:
    assert issubclass(StaticFiles, starlette.staticfiles.StaticFiles)
    assert StaticFiles.__name__ == "StaticFiles"


# ---------------------------------------------------------------------------------------------------- the descriptors


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is opened."""
    names: list[str] = []
    real = OpenFile.__init__

    def note(self: OpenFile, descriptor: int, path: str) -> None:
        names.append(path)
        real(self, descriptor, path)

    monkeypatch.setattr(OpenFile, "__init__", note)
    return names


SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/index.html", "headers": []}


def test_a_file_is_opened_once(site: Path, opened: list[str]) -> None:
    assert get(StaticFiles(directory=site), "/style.css").body == b"style.css"
    assert opened == ["style.css"]


def test_a_response_may_be_sent_again(site: Path, opened: list[str]) -> None:
    async def main() -> None:
        response = await StaticFiles(directory=site).get_response("style.css", SCOPE)
        assert isinstance(response, FileResponse)
        assert response.path == str(site / "style.css")
        for _ in range(2):
            assert (await fetch(response)).body == b"style.css"

    run(main)
    assert opened == ["style.css", "style.css"]


def test_a_response_that_is_dropped_closes_the_file(site: Path, opened: list[str]) -> None:
    """The `all_closed` fixture counts."""

    async def main() -> None:
        response = await StaticFiles(directory=site).get_response("style.css", SCOPE)
        assert response.status_code == 200

    run(main)
    gc.collect()
    assert opened == ["style.css"]


def test_what_was_found_and_is_not_sent_is_closed_at_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not when it happens to be collected."""
    found: list[FoundPath] = []
    real = FoundPath.of

    def note(*arguments: Any) -> FoundPath:
        found.append(real(*arguments))
        return found[-1]

    monkeypatch.setattr(FoundPath, "of", note)
    assert get(StaticFiles(directory=site, html=True, fallback="index.html"), "/docs").status == 307
    assert get(StarlettesFileResponse(directory=site), "/style.css").body == b"style.css"
    assert found == [f"{site}/index.html", f"{site}/docs/index.html", f"{site}/style.css"]
    assert [path.file._opened for path in found if isinstance(path.file, FoundFile)] == [None] * 3


def test_what_is_sent_is_what_was_found(site: Path) -> None:
    """Replaced between the finding and the sending."""

    async def main() -> bytes:
        response = await StaticFiles(directory=site).get_response("style.css", SCOPE)
        response.headers["x-a"] = "b"
        os.replace(site / "index.html", site / "style.css")  # noqa: PTH105 - not by a thread
        return (await fetch(response)).body

    assert run(main) == b"style.css"


def test_cached_files_need_no_thread(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_thread(*args: object) -> Any:
        raise AssertionError("a thread")

    if sys.platform != "linux":
        pytest.skip("only Linux can open and read without waiting")
    app = StaticFiles(directory=site, cache_control="no-cache")
    try:
        first = get(app, "/style.css", headers={"accept-encoding": "br"})
        monkeypatch.setattr("rejoinder._static.in_thread", no_thread)
        monkeypatch.setattr("rejoinder._sources.local.in_thread", no_thread)
        again = get(app, "/style.css", headers={"accept-encoding": "br"})
    except AssertionError:
        pytest.skip("this system cannot")
    assert again.body == first.body


# ------------------------------------------------------------------------------------------------------- other scopes


def test_a_websocket_is_closed(site: Path) -> None:
    async def main() -> list[Any]:
        async with Exchange(StaticFiles(directory=site), type="websocket") as exchange:
            await exchange.read()
        return exchange.messages

    (message,) = run(main)
    assert message["type"] == "websocket.close"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods(site: Path, method: str) -> None:
    answer = get(StaticFiles(directory=site), "/style.css", method)
    assert (answer.status, answer.headers.get("allow")) == (405, "GET, HEAD")


def test_packages_come_after_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("static/a.txt", "package/statics/a.txt", "package/statics/b.txt", "package/other/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "package/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    app = StaticFiles(directory=tmp_path / "static", packages=["package", ("package", "other")])
    assert [get(app, f"/{name}.txt").body for name in "abc"] == [
        b"static/a.txt",
        b"package/statics/b.txt",
        b"package/other/c.txt",
    ]
