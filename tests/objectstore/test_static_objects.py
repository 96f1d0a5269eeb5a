"""`StaticFiles` over an object store: which object a request means, and what is said where there is none."""

import logging
import re
from typing import Any

import anyio
import httpx
import pytest
from obstore.store import MemoryStore, S3Store
from starlette.exceptions import HTTPException
from tests.objectstore.conftest import BUCKET, Stored
from tests.objectstore.injector import Fault

from rejoinder import FileResponse, ObjectStoreDirectory, StaticFiles
from rejoinder.testing import Answer, fetch

BACKENDS = ["asyncio", "trio"]
SITE = {
    "index.html": b"<p>home",
    "404.html": b"<p>none",
    "app.3f2a1b9c.js": b"1",
    "film.mp4": bytes(range(256)) * 1024,
    "docs/index.html": b"<p>docs",
    "music/10 <3.ogg": b"10",
    "music/2.ogg": b"2",
    "music/live/1.ogg": b"1",
    ".env": b"secret",
    ".well-known/security.txt": b"Contact:",
}

pytestmark = pytest.mark.usefixtures("nothing_blocks")


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    """With the site below a prefix, and what is none of its business beside it."""
    store = MemoryStore()
    for name, content in SITE.items():
        store.put(f"sites/shop/{name}", content)
    store.put("sites/shop-secret", b"secret")
    store.put("sites/secret", b"secret")
    store.put("sites/shop", b"not the site")
    return store


@pytest.fixture
def site(store: MemoryStore) -> ObjectStoreDirectory:
    return ObjectStoreDirectory(store, "/sites/shop/")


def get(app: StaticFiles, path: str, *, backend: str = "asyncio", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def main() -> Answer:
        return await fetch(app, path=path, headers=fields)

    return anyio.run(main, backend=backend)


FOUND = {
    "a file": ("/film.mp4", SITE["film.mp4"]),
    "the index of the root": ("/", b"<p>home"),
    "an index": ("/docs/", b"<p>docs"),
    "a name with a space": ("/music/10 <3.ogg", b"10"),
    "well known": ("/.well-known/security.txt", b"Contact:"),
    "with steps that lead nowhere": ("/docs/.././music//2.ogg", b"2"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("path", "content"), FOUND.values(), ids=FOUND)
def test_what_is_found(site: ObjectStoreDirectory, path: str, content: bytes, backend: str) -> None:
    answer = get(StaticFiles(directory=site, html=True), path, backend=backend)
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers.get("x-content-type-options") == "nosniff"


ABSENT = [
    "/nothing", "/docs/nothing", "/film.mp4/below", "/../secret", "/..", "/../shop-secret", "/%2e%2e/secret", "/.env",
    "/a\0b", "/a\x01b", "/" + "a" * 1100, "/" + "\u00e9" * 600, "/a\\..\\b", "/music", "/music/",
]  # fmt: skip


@pytest.mark.parametrize("path", ABSENT, ids=ascii)
def test_what_is_not_there(site: ObjectStoreDirectory, path: str) -> None:
    for listing in (False, "music" not in path):
        with pytest.raises(HTTPException) as raised:
            get(StaticFiles(directory=site, listing=listing), path)
        assert raised.value.status_code == 404
    answer = get(StaticFiles(directory=site, html=True), path)
    assert (answer.status, answer.body) == (404, b"<p>none")


def test_the_directory_itself_keeps_what_is_above_it_out(site: ObjectStoreDirectory) -> None:
    async def find(path: str) -> None:
        with pytest.raises(FileNotFoundError):
            await site.find(path)

    for path in ("../secret", "..", "a/../../secret", "/../../sites/secret", ".", "", "/", "\udcff"):
        anyio.run(find, path)


def test_ranges_and_conditions(site: ObjectStoreDirectory) -> None:
    app = StaticFiles(directory=site)
    whole = get(app, "/film.mp4")
    assert whole.headers.get("content-type") == "video/mp4"
    part = get(app, "/film.mp4", range="bytes=65-66")
    assert (part.status, part.body) == (206, b"AB")
    assert get(app, "/film.mp4", if_none_match=whole.headers.get("etag") or "").status == 304


def test_headers(site: ObjectStoreDirectory) -> None:
    asked: list[str] = []
    app = StaticFiles(directory=site, html=True, cache_control=asked.append)
    for path in ("/", "/docs/", "/film.mp4", "/nothing"):
        get(app, path)
    assert asked == ["index.html", "docs/index.html", "film.mp4", "404.html"]
    app = StaticFiles(directory=site, cache_control="no-cache")
    assert get(app, "/film.mp4").headers.get("cache-control") == "no-cache"
    assert get(app, "/app.3f2a1b9c.js").headers.get("cache-control") == "public, max-age=31536000, immutable"


def test_a_directory_has_a_slash(site: ObjectStoreDirectory) -> None:
    app = StaticFiles(directory=site, html=True, listing=True)
    for path in ("/docs", "/music", "/music/live"):
        answer = get(app, path)
        assert (answer.status, answer.headers.get("location")) == (307, f"./{path.rpartition('/')[2]}/")


@pytest.mark.parametrize("backend", BACKENDS)
def test_listing(site: ObjectStoreDirectory, backend: str) -> None:
    app = StaticFiles(directory=site, listing=True)
    page = get(app, "/music/", backend=backend).body.decode()
    assert re.findall(r'<th scope="row"><a href="([^"]+)">', page) == ["./live/", "./2.ogg", "./10%20%3C3.ogg"]
    assert page.count("<time ") == 2  # a directory has none
    root = get(app, "/", backend=backend).body.decode()
    assert "./music/" in root
    assert ".env" not in root
    assert get(app, "/film.mp4/").body == SITE["film.mp4"]  # as of a directory of this machine
    for path in ("/nothing", "/nothing/", "/.hidden/"):
        with pytest.raises(HTTPException):
            get(app, path, backend=backend)


def test_an_empty_store_is_an_empty_page_and_nothing_below_it() -> None:
    app = StaticFiles(directory=ObjectStoreDirectory(MemoryStore()), html=True, listing=True)
    assert "This folder is empty." in get(app, "/").body.decode()
    with pytest.raises(HTTPException):
        get(app, "/a/")


def test_dotfiles(site: ObjectStoreDirectory) -> None:
    app = StaticFiles(directory=site, dotfiles=True, listing=True)
    assert get(app, "/.env").body == b"secret"
    assert "./.env" in get(app, "/").body.decode()


def test_fallback(site: ObjectStoreDirectory) -> None:
    app = StaticFiles(directory=site, fallback="index.html")
    assert get(app, "/users/7", sec_fetch_mode="navigate").body == b"<p>home"
    with pytest.raises(RuntimeError, match="fallback 'nothing' does not exist"):
        get(StaticFiles(directory=site, fallback="nothing"), "/")


def test_packages_are_looked_through_after_the_store(site: ObjectStoreDirectory) -> None:
    app = StaticFiles(directory=site, packages=[("rejoinder", "_listing")], html=True, listing=True)
    assert get(app, "/film.mp4").body == SITE["film.mp4"]
    assert b"use strict" in get(app, "/page.js").body
    assert get(app, "/music/").status == 200
    app = StaticFiles(directory=site, packages=[("rejoinder", "_listing")], listing=True)
    page = get(app, "/").body.decode()
    assert "./page.js" in page
    assert "./film.mp4" in page


def test_file_response_may_be_overridden(site: ObjectStoreDirectory) -> None:
    seen: list[tuple[str, int]] = []

    class Mine(StaticFiles):
        def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
            seen.append((full_path, stat_result.st_size))
            response = super().file_response(full_path, stat_result, scope, status_code)
            assert "etag" not in response.headers  # the store's is told when it is sent
            response.headers["x-mine"] = "1"
            return response

    answer = get(Mine(directory=site), "/film.mp4")
    assert (answer.headers.get("x-mine"), answer.body) == ("1", SITE["film.mp4"])
    assert seen == [("sites/shop/film.mp4", len(SITE["film.mp4"]))]


def test_a_response_of_ones_own_has_the_facts_of_the_store(site: ObjectStoreDirectory) -> None:
    class Mine(StaticFiles):
        def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Any:
            return FileResponse(full_path, status_code, stat_result=stat_result)

    answer, expected = (get(kind(directory=site), "/film.mp4") for kind in (Mine, StaticFiles))
    for name in ("etag", "last-modified", "content-length"):
        assert answer.headers.get(name) == expected.headers.get(name)


def test_a_response_may_be_sent_again(site: ObjectStoreDirectory) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def main() -> None:
        response = await StaticFiles(directory=site).get_response("docs/index.html", scope)
        for _ in range(2):
            assert (await fetch(response)).body == b"<p>docs"

    anyio.run(main)


@pytest.mark.wire
def test_what_is_asked_of_the_store(remote: Stored) -> None:
    for name in ("index.html", "a.css"):
        remote.direct.put(f"site/{name}", name.encode())
    app = StaticFiles(directory=ObjectStoreDirectory(remote.store, "site"), html=True)
    assert get(app, "/a.css", accept_encoding="br, gzip").body == b"a.css"
    assert [asked.method for asked in remote.injector.asked] == ["HEAD", "GET"]
    assert get(app, "/", if_none_match="*").status == 304
    assert len(remote.injector.asked) == 3


@pytest.mark.wire
@pytest.mark.parametrize(("status", "told"), [(403, 403), (401, 403), (503, 502), (400, 502)])
def test_a_store_that_refuses_or_fails_is_not_one_without_the_object(
    remote: Stored, status: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    app = StaticFiles(directory=ObjectStoreDirectory(remote.store, "site"), html=True, listing=True)
    for method, path in (("HEAD", "/a"), ("GET", "/b/")):
        remote.injector.always = {method: Fault(status=status)}
        with pytest.raises(HTTPException) as raised, caplog.at_level(logging.ERROR, "rejoinder"):
            get(app, path)
        assert raised.value.status_code == told
        assert caplog.messages[-1].startswith(f"an object store does not give '{path.strip('/')}': ")
    assert "secret" not in caplog.text


@pytest.mark.wire
def test_listing_of_a_real_store(remote: Stored) -> None:
    backend, prefix = remote.backend, f"listed-{remote.backend}"
    for name in ("a.txt", "Zoë 서울/b%41.txt"):
        remote.direct.put(f"{prefix}/{name}", name.encode())
    if isinstance(remote.direct, S3Store):  # as its console makes a folder
        httpx.put(f"http://127.0.0.1:{remote.injector.upstream}/{BUCKET}/{prefix}/").raise_for_status()
    app = StaticFiles(directory=ObjectStoreDirectory(remote.store, prefix), listing=True)
    page = get(app, "/", backend=backend).body.decode()
    links = re.findall(r'<th scope="row"><a href="([^"]+)">', page)
    assert links == ["./Zo%C3%AB%20%EC%84%9C%EC%9A%B8/", "./a.txt"]
    page = get(app, "/Zoë 서울/", backend=backend).body.decode()
    assert "./b%2541.txt" in page
    assert get(app, "/Zoë 서울/b%41.txt", backend=backend).body.decode() == "Zoë 서울/b%41.txt"
