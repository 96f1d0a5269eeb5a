"""Objects as content of a `FileResponse`, in every kind of store: facts, ranges, conditions, absence."""

import errno
import random
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import Any

import anyio
import pytest
from obstore.store import LocalStore, MemoryStore
from tests.objectstore.conftest import Stored

from rejoinder import FileResponse, ObjectStoreDirectory, ObjectStoreError, ObjectStoreFile, OpenSource, Source
from rejoinder._sources.objectstore import OpenObject
from rejoinder.testing import Answer, fetch

CONTENT = random.Random(0).randbytes(300_000)
BACKENDS = ["asyncio", "trio"]

pytestmark = pytest.mark.usefixtures("nothing_blocks")


def ask(response: FileResponse, method: str = "GET", *, backend: str = "asyncio", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def main() -> Answer:
        return await fetch(response, method, headers=fields)

    return anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_whole_with_the_facts_of_the_store(stored: Stored, backend: str) -> None:
    key = stored.put(CONTENT, "film.mp4")
    meta = stored.direct.head(key)
    answer = ask(FileResponse(ObjectStoreFile(stored.store, key)), backend=backend)
    assert (answer.status, answer.body, answer.complete) == (200, CONTENT, True)
    told = {name: answer.headers.get(name) for name in ("etag", "last-modified", "content-type", "content-length")}
    assert told == {
        "etag": '"{}"'.format((meta["e_tag"] or "").strip('"')),
        "last-modified": format_datetime(meta["last_modified"], usegmt=True),
        "content-type": "video/mp4",
        "content-length": "300000",
    }


RANGES = {
    "within": ("bytes=5-9", [slice(5, 10)]),
    "of several messages": ("bytes=1000-250999", [slice(1000, 251_000)]),
    "to the end": ("bytes=299990-", [slice(299_990, 300_000)]),
    "the last ones": ("bytes=-3", [slice(299_997, 300_000)]),
    "beyond the end": ("bytes=299999-400000", [slice(299_999, 300_000)]),
    "several": ("bytes=0-9,100000-299999", [slice(10), slice(100_000, 300_000)]),
    "backwards": ("bytes=200000-299999,0-9", [slice(200_000, 300_000), slice(10)]),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("asked", "parts"), RANGES.values(), ids=RANGES)
def test_ranges(stored: Stored, asked: str, parts: list[slice], backend: str) -> None:
    key = stored.put(CONTENT)
    answer = ask(FileResponse(ObjectStoreFile(stored.store, key)), backend=backend, range=asked)
    assert (answer.status, answer.complete) == (206, True)
    if len(parts) == 1:
        assert answer.body == CONTENT[parts[0]]
    else:
        boundary = (answer.headers.get("content-type") or "").partition("boundary=")[2]
        found = [part.partition(b"\r\n\r\n")[2] for part in answer.body.split(b"\r\n--" + boundary.encode())[1:-1]]
        assert found == [CONTENT[part] for part in parts]


@pytest.mark.parametrize("backend", BACKENDS)
def test_conditions_and_head_are_answered_from_the_facts(stored: Stored, backend: str) -> None:
    response = FileResponse(ObjectStoreFile(stored.store, stored.put(CONTENT)))
    head = ask(response, "HEAD", backend=backend)
    etag, modified = head.headers.get("etag") or "", head.headers.get("last-modified") or ""
    assert (head.status, head.body, head.headers.get("content-length")) == (200, b"", "300000")
    for status, size, headers in (
        (304, 0, {"if_none_match": etag}),
        (304, 0, {"if_modified_since": modified}),
        (412, 0, {"if_match": '"another"'}),
        (200, 300_000, {"if_match": etag}),
        (416, 0, {"range": "bytes=300000-"}),
        (206, 1, {"range": "bytes=0-0", "if_range": etag}),
        (200, 300_000, {"range": "bytes=0-0", "if_range": '"another"'}),
    ):
        answer = ask(response, backend=backend, **headers)
        assert (answer.status, len(answer.body)) == (status, size), headers


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_of_an_empty_object(stored: Stored, backend: str) -> None:
    answer = ask(FileResponse(ObjectStoreFile(stored.store, stored.put(b""))), backend=backend)
    assert (answer.status, answer.body, answer.complete) == (200, b"", True)


# What no object can be called is as absent as what none is called.
ABSENT = [
    "nothing",
    "",
    "a//b",
    "../a",
    "a/../b",
    "a\0b",
    "a\nb",
    "\udcff",
    "%2e%2e/a",
    "a" * 900,
    "b" * 1025,
    "\u00e9" * 600,
]


def test_an_object_has_one_key(stored: Stored) -> None:
    """obstore drops outer slashes: who denies what begins with "private/" must not be passed by."""
    only = stored.put(CONTENT, "film.mp4")
    for key in (f"/{only}", f"{only}/"):
        assert ask(FileResponse(ObjectStoreFile(stored.store, key), missing="404")).status == 404


@pytest.mark.parametrize("key", ABSENT, ids=ascii)
def test_absence(stored: Stored, key: str) -> None:
    answer = ask(FileResponse(ObjectStoreFile(stored.store, key), missing="404"))
    assert (answer.status, answer.body) == (404, b"Not Found")
    with pytest.raises(RuntimeError, match=r"^File at path .* does not exist\.$") as raised:
        ask(FileResponse(ObjectStoreFile(stored.store, key)))
    assert isinstance(raised.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("name", ["a#1", "object/below", "b" * 300], ids=["its own", "below an object", "too long"])
def test_what_a_directory_cannot_have_in_it_is_absent(tmp_path: Any, name: str) -> None:
    store = LocalStore(tmp_path)
    store.put("object", b"")
    assert ask(FileResponse(ObjectStoreFile(store, name), missing="404")).status == 404


@pytest.mark.parametrize("name", ["Zoë 서울.txt", "100%41", "a+b&c=d", "<b>'\"", "a\\b"])
def test_keys_of_any_characters(stored: Stored, name: str) -> None:
    key = stored.put(name.encode(), name)
    assert ask(FileResponse(ObjectStoreFile(stored.store, key))).body == name.encode()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_stored_with_an_object_is_sent_where_the_response_is_silent(stored: Stored, backend: str) -> None:
    if isinstance(stored.store, LocalStore):
        pytest.skip("a directory has no place for it")
    told = {
        "Content_Type": "text/html",
        "Content_Encoding": "gzip",
        "Content_Language": "de",
        "Cache_Control": "max-age=60",
        "Content_Disposition": "inline",
    }
    file = ObjectStoreFile(stored.store, stored.put(CONTENT, **told))
    names = [name.lower().replace("_", "-") for name in told]

    answer = ask(FileResponse(file), backend=backend)
    assert [answer.headers.get(name) for name in names] == list(told.values())

    own = FileResponse(file, media_type="application/octet-stream", filename="a", headers={"Cache-Control": "no-store"})
    answer = ask(own, backend=backend)
    assert [answer.headers.get(name) for name in names] == [
        "application/octet-stream",
        "gzip",
        "de",
        "no-store",
        'attachment; filename="a"',
    ]
    (part,) = {line for line in ask(FileResponse(file), range="bytes=0-0,9-9").body.split(b"\r\n") if b"-Type" in line}
    assert part == b"Content-Type: text/html"


def test_the_type_is_that_of_the_name_then_that_of_the_store(stored: Stored) -> None:
    has_types = not isinstance(stored.store, LocalStore)
    for name, content_type, expected in (
        ("a.css", "image/png", "text/css; charset=utf-8"),
        ("a", "image/png", "image/png" if has_types else "application/octet-stream"),
        ("a.unknown", "image/png", "image/png" if has_types else "application/octet-stream"),
    ):
        attributes = {"Content_Type": content_type} if has_types else {}
        response = FileResponse(ObjectStoreFile(stored.store, stored.put(b"1", name, **attributes)))
        assert response.media_type == (None if "image" in expected or "octet" in expected else "text/css")
        assert ask(response).headers.get("content-type") == expected


def test_a_stored_field_that_cannot_be_sent_is_none() -> None:
    store = MemoryStore()
    store.put("a", b"1", attributes={"Cache-Control": "a\r\nset-cookie: b=c", "Content-Type": "text/\u20ac"})
    answer = ask(FileResponse(ObjectStoreFile(store, "a")))
    assert answer.headers.get("content-type") == "application/octet-stream"
    assert answer.headers.get("cache-control") is None
    assert answer.headers.get("set-cookie") is None


class Tagged:
    """A store whose entity tags are others than those of the one behind it."""

    def __init__(self, tag: str | None) -> None:
        self.tag = tag
        self.asked: list[dict[str, Any]] = []
        self._store = MemoryStore()
        self._store.put("a", CONTENT)

    async def get_async(self, key: str, *, options: dict[str, Any]) -> Any:
        self.asked.append(options)
        others: Any = {name: value for name, value in options.items() if name != "if_match"}
        found = await self._store.get_async(key, options=others)
        return _Tagged(found, self.tag)


class _Tagged:
    def __init__(self, found: Any, tag: str | None) -> None:
        self.attributes, self.stream = found.attributes, found.stream
        self.meta = {**found.meta, "e_tag": tag}


@pytest.mark.parametrize(
    ("tag", "sent", "if_match"),
    [
        pytest.param('"a"', '"a"', '"a"', id="strong"),
        pytest.param("a", '"a"', "a", id="without quotes"),
        pytest.param('W/"a"', 'W/"a"', None, id="weak"),
        pytest.param('"a" b"', None, '"a" b"', id="none by the RFC"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_entity_tags(tag: str | None, sent: str | None, if_match: str | None) -> None:
    store: Any = Tagged(tag)
    answer = ask(FileResponse(ObjectStoreFile(store, "a")))
    assert answer.body == CONTENT
    assert answer.headers.get("etag") == sent
    assert store.asked[1].get("if_match") == if_match


def test_a_store_that_sends_less_than_it_said_is_given_up() -> None:
    class Short(Tagged):
        async def get_async(self, key: str, *, options: dict[str, Any]) -> Any:
            found = await super().get_async(key, options=options)
            start, stop = options.get("range", (0, 0))
            found.stream = lambda min_chunk_size: _chunks(CONTENT[start : min(stop, 1000)])
            return found

    store: Any = Short('"a"')
    with pytest.raises(ObjectStoreError, match="the store has sent less than octets 1000 to 300000"):
        ask(FileResponse(ObjectStoreFile(store, "a")))
    assert [options["range"][0] for options in store.asked[1:]] == [0, 1000, 1000]


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


def test_an_object_is_a_source_whose_facts_are_those_of_when_it_was_opened() -> None:
    store = MemoryStore()
    store.put("a/b.txt", b"old")
    file = ObjectStoreFile(store, "a/b.txt")
    assert isinstance(file, Source)

    async def main() -> None:
        opened: OpenSource = await file.open()
        assert isinstance(opened, OpenObject)
        store.put("a/b.txt", b"new one")
        assert opened.size == 3
        with pytest.raises(OSError, match="replaced or deleted") as raised:
            await opened.read(0, 3)
        assert raised.value.errno == errno.ESTALE
        opened.close()

    anyio.run(main)


@pytest.mark.parametrize("make", [ObjectStoreFile, ObjectStoreDirectory])
def test_mistakes_are_told_at_once(make: Any) -> None:
    with pytest.raises(TypeError, match=r"^store must be one of obstore, for example .*, got str$"):
        make("s3://bucket", "a")
    with pytest.raises(TypeError, match=r"^(key|prefix) must be a str, got bytes$"):
        make(MemoryStore(), b"a")


def test_without_obstore_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.exceptions", None)
    with pytest.raises(ImportError, match=r'^object stores need obstore: pip install "rejoinder\[obstore\]"$'):
        ObjectStoreFile(MemoryStore(), "a")


def test_it_says_which_object_and_asks_no_store_to_show_itself() -> None:
    assert str(ObjectStoreFile(MemoryStore(), "a/b")) == "'a/b' in MemoryStore"
    assert str(ObjectStoreDirectory(MemoryStore(), "/a/")) == "'a' in MemoryStore"
