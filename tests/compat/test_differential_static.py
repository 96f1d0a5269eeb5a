"""Static files, after the cases of Starlette's own tests; test_differential_bytes.py explains the rows.

The order of headers, how the content is cut into messages, the entity tag and `x-content-type-options` are not compared;
rows of their own show that these differ.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any

import starlette.staticfiles
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.compat.conftest import send_leveled

import rejoinder
import rejoinder.staticfiles

THEN = 1_381_448_400
DATE, EARLIER, LATER = (formatdate(THEN + more, usegmt=True) for more in (0, -1000, 1000))


@cache
def site() -> Path:
    """A directory to serve, and one beside it."""
    around = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, around)
    for name in (
        "site/example.txt",
        "site/404.html",
        "site/dir/index.html",
        "site/empty/file.txt",
        "site/.dotfile",
        "site/page.html",
        "site/page.html.gz",
        "site-beside/index.html",
        "secret.txt",
        "static_package/__init__.py",
        "static_package/statics/packaged.txt",
        "static_package/other/other.txt",
    ):
        path = around / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (THEN, THEN))
    (around / "site" / os.fsdecode(b"caf\xe9.txt")).write_text("latin-1")
    (around / "site/inside.txt").symlink_to("example.txt")
    (around / "site/outside.txt").symlink_to("../secret.txt")
    (around / "linked").symlink_to("site")
    sys.path.append(str(around))
    return around / "site"


def leveled(app: ASGIApp, path: str, method: str, headers: dict[str, str]) -> ASGIApp:
    """The answer in a form in which what does not matter is always the same."""

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        told = {
            "path": path,
            "raw_path": path.replace("\ufffd", "%E9").encode(errors="replace"),
            "server": ("host", 80),
        }
        asked = {**scope, **told, "method": method, "headers": fields}
        await send_leveled(app, asked, receive, send, without=b"x-content-type-options")

    return asgi


def static_files(m: Any) -> Any:
    return rejoinder.staticfiles.StaticFiles if m is rejoinder.responses else starlette.staticfiles.StaticFiles


def get(
    path: str, method: str = "GET", request: dict[str, str] | None = None, directory: str = "", **options: Any
) -> Callable[[Any], Any]:
    """A request for this path to the site, or to a directory relative to it."""
    return lambda m: leveled(
        static_files(m)(directory=site() / directory, check_dir=False, **options), path, method, request or {}
    )


def packaged(path: str, *packages: Any) -> Callable[[Any], Any]:
    def make(m: Any) -> ASGIApp:
        site()
        return leveled(static_files(m)(packages=list(packages)), path, "GET", {})

    return make


def matching(etag: str) -> Callable[[Any], Any]:
    """With the tag that each has told."""

    def make(m: Any) -> Any:
        module = rejoinder if m is rejoinder.responses else starlette.responses
        path = site() / "example.txt"
        told = module.FileResponse(path, stat_result=path.stat()).headers["etag"]
        return leveled(static_files(m)(directory=site()), "/example.txt", "GET", {"if-none-match": etag.format(told)})

    return make


class Denied:
    """A path that nobody may read, for whatever reason."""

    def __init__(self, m: Any) -> None:
        class Failing(static_files(m)):  # type: ignore[misc]
            def lookup_path(self, path: str) -> Any:
                raise PermissionError

        self.app = leveled(Failing(directory=site()), "/example.txt", "GET", {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.middleware.exceptions import ExceptionMiddleware

        await ExceptionMiddleware(self.app)(scope, receive, send)


def websocket(m: Any) -> ASGIApp:
    app = static_files(m)(directory=site())

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "type": "websocket"}, receive, send)

    return asgi


ROWS: list[tuple[Any, ...]] = [
    ("file", get("/example.txt")),
    ("HEAD", get("/example.txt", "HEAD")),
    ("POST", get("/example.txt", "POST")),
    ("page", get("/dir/index.html")),
    ("packages", packaged("/packaged.txt", "static_package")),
    ("packages with a directory", packaged("/other.txt", ("static_package", "other"))),
    ("several packages", packaged("/other.txt", "static_package", ("static_package", "other"))),
    ("no such package", packaged("/x", "nowhere_package")),
    ("no such directory in a package", packaged("/x", ("static_package", "nowhere"))),
    ("directory", get("/dir/")),
    ("root", get("/")),
    ("missing", get("/404.txt")),
    ("missing in a directory", get("/foo/example.txt")),
    ("below a file", get("/example.txt/foo")),
    ("slash after a file", get("/example.txt/")),
    ("NUL", get("/example\0.txt")),
    ("too long", get("/" + "a" * 5000)),
    ("surrogate", get("/\ud800")),
    ("no such root", get("/example.txt", directory="../nowhere")),
    ("a file as root", get("/example.txt", directory="example.txt")),
    ("root is a link", get("/example.txt", directory="../linked")),
    ("breaking out", get("/../secret.txt")),
    ("breaking out, followed", get("/../secret.txt", follow_symlink=True)),
    ("breaking out to a sibling", get("/../site-beside/index.html")),
    ("breaking out of a link", get("/../secret.txt", directory="../linked", follow_symlink=True)),
    ("absolute", get("//etc/passwd")),
    ("backslash", get("/\\example.txt")),
    ("link inside", get("/inside.txt")),
    ("link outside", get("/outside.txt")),
    ("link outside, followed", get("/outside.txt", follow_symlink=True)),
    ("html: directory", get("/dir/", html=True)),
    ("html: index", get("/dir/index.html", html=True)),
    ("html: no index", get("/empty/", html=True)),
    ("html: no index, no slash", get("/empty", html=True)),
    ("html: missing", get("/missing", html=True)),
    ("html: missing, HEAD", get("/missing", "HEAD", html=True)),
    ("html: missing, without a page", get("/missing", directory="dir", html=True)),
    ("html: missing, fresh", get("/missing", request={"if-modified-since": LATER}, html=True)),
    ("fresh", get("/example.txt", request={"if-modified-since": LATER})),
    ("fresh to the second", get("/example.txt", request={"if-modified-since": DATE})),
    ("stale", get("/example.txt", request={"if-modified-since": EARLIER})),
    ("fresh date, other tag", get("/example.txt", request={"if-modified-since": LATER, "if-none-match": '"1"'})),
    ("no date", get("/example.txt", request={"if-modified-since": "yesterday"})),
    ("any tag", get("/example.txt", request={"if-none-match": "*"}), "static-conditions?"),
    ("other tag", get("/example.txt", request={"if-none-match": '"123"'})),
    ("same tag", matching("{}")),
    ("weak tag", matching('W/{}, "123"')),
    ("range", get("/example.txt", request={"range": "bytes=2-4"})),
    ("websocket", websocket, "websocket?"),
    ("If-Match", get("/example.txt", request={"if-match": '"1"'}), "static-conditions"),
    ("Range of HEAD", get("/example.txt", "HEAD", {"range": "bytes=2-4"}), "file-range-head"),
    ("html: directory without a slash", get("/dir", html=True), "static-redirect"),
    ("dotfile", get("/.dotfile"), "static-dotfiles"),
    ("precompressed", get("/page.html", request={"accept-encoding": "gzip"}), "static-precompressed"),
    ("precompressed, not wanted", get("/page.html"), "static-precompressed"),
    ("denied", Denied, "static-denied"),
    ("name that is no UTF-8", get("/caf\ufffd.txt"), "static-names"),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
