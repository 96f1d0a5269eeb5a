"""Digests of what is sent and of the whole (RFC 9530): a reader of any answer finds them right."""

import hashlib
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rejoinder import FileChangedError, FileResponse, JSONResponse, Response, StreamingResponse, _digest
from rejoinder._send import read_slice
from rejoinder.testing import Answer, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

TEXT = bytes(range(256)) * 1000
BOTH: dict[str, Any] = {"content_digest": True, "repr_digest": "sha-512"}
TRAILERS = {"extensions": ["http.response.trailers"]}


def sha256(content: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(content).digest()).decode()}:"


def sha512(content: bytes) -> str:
    return f"sha-512=:{b64encode(hashlib.sha512(content).digest()).decode()}:"


def get(response: Any, method: str = "GET", backend: str = "asyncio", **fields: str) -> Answer:
    headers = {name.replace("_", "-"): fields[name] for name in fields}
    return run(lambda: fetch(response, method, headers=headers), backend=backend)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT)
    return path


class Octets:
    """A source that gives them one after another."""

    size, etag, last_modified = 5, None, None

    async def open(self) -> "Octets":
        return self

    async def read(self, start: int, stop: int) -> bytes:
        return b"hello"[start : start + 1]

    def close(self) -> None:
        pass


@pytest.fixture(params=["bytes", "json", "lazy", "file", "path", "buffer", "source"])
def case(request: pytest.FixtureRequest, path: Path, tmp_path: Path) -> Iterator[tuple[Any, bytes]]:
    file = (tmp_path / "a.txt").open("rb")
    cases: dict[str, Callable[[], tuple[Any, bytes]]] = {
        "bytes": lambda: (Response(TEXT, etag="a", **BOTH), TEXT),
        "json": lambda: (JSONResponse([1], headers={"etag": '"a"', "repr-digest": "md5=:AA==:"}, **BOTH), b"[1]"),
        "lazy": lambda: (Response.lazy(lambda: TEXT, etag=lambda: "a", **BOTH), TEXT),
        "file": lambda: (FileResponse(file, etag="a", **BOTH), TEXT),
        "path": lambda: (FileResponse(path, etag="a", **BOTH), TEXT),
        "buffer": lambda: (FileResponse(BytesIO(TEXT), etag="a", **BOTH), TEXT),
        "source": lambda: (FileResponse(Octets(), etag="a", **BOTH), b"hello"),
    }
    yield cases[request.param]()
    file.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whole(case: tuple[Any, bytes], backend: str) -> None:
    response, content = case
    for _ in range(2):
        answer = get(response, backend=backend)
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers.get_all("content-digest") == [sha256(content)]
        assert answer.headers.get_all("repr-digest") == [sha512(content)]


def test_head(case: tuple[Any, bytes]) -> None:
    """RFC 9530, B.2: the content is empty, the representation is not. One that is not built has no digest."""
    response, content = case
    answer = get(response, "HEAD")
    assert answer.headers.get("content-digest") == sha256(b"")
    is_lazy = not isinstance(response, FileResponse) and response._body is None
    assert answer.headers.get("repr-digest") == (None if is_lazy else sha512(content))


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"if_none_match": '"a"'}, 304), ({"if_match": '"b"'}, 412), ({"if_match": '"b"', "range": "bytes=0-0"}, 412)],
)
def test_answers_without_the_content(case: tuple[Any, bytes], fields: Any, status: int) -> None:
    answer = get(case[0], **fields)
    assert answer.status == status
    assert [answer.headers.get(name) for name in ("content-digest", "repr-digest")] == [None, None]


@pytest.mark.parametrize("range_", ["bytes=1-3", "bytes=-2", "bytes=0-0,2-3", "bytes=0-"])
@pytest.mark.parametrize("case", ["file", "path", "buffer", "source"], indirect=True)
def test_ranges(case: tuple[Any, bytes], range_: str) -> None:
    """RFC 9530, B.3: of the part, and of the whole."""
    response, content = case
    answer = get(response, range=range_)
    assert answer.status == 206
    assert answer.headers.get("content-digest") == sha256(answer.body)
    assert answer.headers.get("repr-digest") == sha512(content)


@pytest.mark.parametrize("case", ["file", "path", "buffer", "source"], indirect=True)
def test_a_range_that_cannot_be_had(case: tuple[Any, bytes]) -> None:
    answer = get(case[0], range="bytes=999999999-")
    assert answer.status == 416
    assert [answer.headers.get(name) for name in ("content-digest", "repr-digest")] == [None, None]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, ["content-digest", "repr-digest"]),
        ({"range": "bytes=0-0"}, ["repr-digest"]),
        ({"range": "bytes=0-0,3-4"}, ["repr-digest"]),
        ({"if_none_match": '"a"'}, []),
        ({"if_match": '"b"'}, []),
        ({"range": "bytes=99-"}, []),
    ],
)
def test_those_among_the_headers_are_sent_where_they_are_true(fields: Any, kept: list[str]) -> None:
    told = {"Content-Digest": sha256(b"hello"), "Repr-Digest": sha256(b"hello")}
    answer = get(FileResponse(b"hello", headers=told, etag="a"), **fields)
    assert [name for name in ("content-digest", "repr-digest") if answer.headers.get(name)] == kept


def test_a_variant_has_its_own(path: Path) -> None:
    path.with_name("a.txt.gz").write_bytes(b"coded")
    response = FileResponse(path, precompressed=True, **BOTH)
    coded = get(response, accept_encoding="gzip")
    assert coded.headers.get("content-encoding") == "gzip"
    assert (coded.headers.get("content-digest"), coded.headers.get("repr-digest")) == (
        sha256(b"coded"),
        sha512(b"coded"),
    )
    assert get(response).headers.get("repr-digest") == sha512(TEXT)


def test_a_missing_file_has_none(tmp_path: Path) -> None:
    answer = get(FileResponse(tmp_path / "none", missing="404", **BOTH))
    assert (answer.status, answer.headers.get("repr-digest")) == (404, None)


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize(
    "make", [lambda status: Response("", status, **BOTH), lambda status: FileResponse(b"a", status, **BOTH)]
)
def test_a_status_without_content_has_none(make: Any, status: int) -> None:
    answer = get(make(status))
    assert [answer.headers.get(name) for name in ("content-digest", "repr-digest")] == [None, None]


def test_another_body_has_another() -> None:
    response = Response("a", repr_digest=True)
    assert get(response).headers.get("repr-digest") == sha256(b"a")
    response.body = b"b"
    assert get(response).headers.get("repr-digest") == sha256(b"b")


def test_a_file_is_read_once_for_each_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else a client that asks for one octet would make us read all of it, again and again."""
    monkeypatch.setattr(_digest, "_REMEMBERED", 2)
    _digest._remembered.clear()
    reads: list[int] = []
    read = read_slice

    async def counted(source: Any, start: int, stop: int) -> bytes:
        reads.append(start)
        return await read(source, start, stop)

    monkeypatch.setattr(_digest, "read_slice", counted)
    response = FileResponse(path, repr_digest=True)
    for _ in range(3):
        assert get(response, range="bytes=0-0").headers.get("repr-digest") == sha256(TEXT)
    assert reads == list(range(0, len(TEXT), FileResponse.chunk_size))
    path.write_bytes(b"other")
    assert get(response, range="bytes=0-0").headers.get("repr-digest") == sha256(b"other")
    for name in ("b", "c", "d"):
        (path.parent / name).write_text(name)
        assert get(FileResponse(path.parent / name, repr_digest=True)).headers.get("repr-digest") == sha256(
            name.encode()
        )
    assert len(_digest._remembered) == 2


def test_a_file_that_is_cut_off_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_slice

    async def cut(source: Any, start: int, stop: int) -> bytes:
        os.truncate(path, 0)
        return await read(source, start, stop)

    monkeypatch.setattr(_digest, "read_slice", cut)
    _digest._remembered.clear()
    with pytest.raises(FileChangedError):
        get(FileResponse(path, repr_digest=True))
    assert not _digest._remembered


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_stream_tells_them_at_the_end(backend: str) -> None:
    async def main() -> Answer:
        return await fetch(StreamingResponse(["a", b"b"], **BOTH), **TRAILERS)  # type: ignore[arg-type]

    answer = run(main, backend=backend)
    assert answer.headers.get("trailer") == "content-digest, repr-digest"
    assert answer.messages[-1] == {
        "type": "http.response.trailers",
        "headers": [(b"content-digest", sha256(b"ab").encode()), (b"repr-digest", sha512(b"ab").encode())],
        "more_trailers": False,
    }


def test_a_stream_has_none_where_there_are_no_trailers() -> None:
    answer = get(StreamingResponse(["a"], **BOTH))
    assert [answer.headers.get(name) for name in ("trailer", "content-digest")] == [None, None]
    assert "trailers" not in answer.messages[0]
