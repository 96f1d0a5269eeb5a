"""FileResponse: what is answered. A row a case: from Starlette's behaviour, or where RFC 9110 has another opinion."""

import io
import os
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import starlette.responses
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile

from rejoinder import FileResponse, Outcome, Source
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)
BACKENDS = ["asyncio", "trio"]
THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
DATE = "Fri, 17 May 2024 12:00:00 GMT"


async def never() -> Any:
    await anyio.sleep_forever()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (THEN.timestamp(), THEN.timestamp()))
    return path


def get(response: Any, method: str = "GET", backend: str = "asyncio", **fields: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return run(lambda: fetch(response, method, headers=headers), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole(file: Path, backend: str) -> None:
    response = FileResponse(file)
    answer = get(response, backend=backend)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert dict(answer.headers).keys() == {
        b"content-type",
        b"accept-ranges",
        b"content-length",
        b"last-modified",
        b"etag",
    }
    assert answer.headers.get("content-type") == "application/octet-stream"
    assert answer.headers.get("accept-ranges") == "bytes"
    assert answer.headers.get("content-length") == str(SIZE)
    assert answer.headers.get("last-modified") == DATE
    assert [message["type"] for message in answer.messages] == ["http.response.start", "http.response.body"]
    assert answer.messages[-1].get("more_body", False) is False
    head = get(response, "HEAD", backend)
    assert (head.status, head.headers, head.body) == (200, answer.headers, b"")


def test_methods_in_lower_case(file: Path) -> None:
    """Starlette takes them; no server sends them."""

    async def main() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "head", "headers": []}
        await FileResponse(file)(scope, never, send)
        return sent

    assert run(main)[-1]["body"] == b""


RANGES: dict[str, tuple[str, int, Any]] = {
    "first": ("bytes=0-99", 206, (0, 100)),
    "last octet inclusive": (f"bytes=5-{SIZE - 1}", 206, (5, SIZE)),
    "clamped": (f"bytes=0-{SIZE + 1}", 206, (0, SIZE)),
    "open": ("bytes=100-", 206, (100, SIZE)),
    "suffix": ("bytes=-100", 206, (SIZE - 100, SIZE)),
    "unit in capitals": ("BYTES=0-0", 206, (0, 1)),
    "merged": ("bytes=0-100, 50-200", 206, (0, 201)),
    "without dash": ("bytes=100, 0-50", 206, (0, 51)),
    "empty start and end": ("bytes= - , 0-50", 206, (0, 51)),
    "non-numeric": ("bytes=abc-def, 0-50", 206, (0, 51)),
    "one satisfiable": (f"bytes={SIZE}-, 0-50", 206, (0, 51)),
    "other unit": ("items=0-100", 200, None),
    "malformed": ("bytes: 0-1000", 200, None),
    "too many": ("bytes=" + ",".join(f"{n * 10}-{n * 10}" for n in range(101)), 200, None),
    "none": ("bytes=", 400, b"Range header: range must be requested"),
    "inverted": ("bytes=100-50", 400, b"Range header: start must be less than end"),
    "inverted by one": ("bytes=5-4", 400, b"Range header: start must be less than end"),
    "past the end": (f"bytes={SIZE}-{SIZE + 1}", 416, b""),
}


@pytest.mark.parametrize("name", RANGES)
def test_range(file: Path, name: str) -> None:
    value, status, expected = RANGES[name]
    response = FileResponse(file, headers={"x-user": "1"})
    answer = get(response, range=value)
    assert (answer.status, answer.headers.get("x-user")) == (status, "1")
    match status:
        case 206:
            start, stop = expected
            assert answer.body == CONTENT[start:stop]
            assert answer.headers.get("content-range") == f"bytes {start}-{stop - 1}/{SIZE}"
        case 200:
            assert answer.body == CONTENT
        case 400:
            assert answer.body == expected
        case 416:
            assert answer.headers.get("content-range") == f"bytes */{SIZE}"
    assert answer.headers.get("content-length") == str(len(answer.body))
    for method in ("HEAD", "POST"):
        assert get(response, method, range=value).status == 200


def test_several_ranges(file: Path) -> None:
    response = FileResponse(file, media_type="text/plain")
    answers = [get(response, range="bytes=100-109, 0-9") for _ in range(2)]
    boundaries = {(answer.headers.get("content-type") or "").partition("boundary=")[2] for answer in answers}
    assert len(boundaries) == 2  # nobody can guess the next
    for answer, boundary in zip(answers, [each.headers.get("content-type") for each in answers], strict=True):
        mark = (boundary or "").partition("boundary=")[2]
        assert answer.status == 206
        parts = answer.body.decode("latin-1").split(f"\r\n--{mark}")
        assert parts[-1] == "--\r\n"
        assert [part.partition("\r\n\r\n")[2].encode("latin-1") for part in parts[1:3]] == [
            CONTENT[100:110],
            CONTENT[:10],
        ]
        assert f"Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 100-109/{SIZE}" in parts[1]


def test_max_ranges(file: Path) -> None:
    class Strict(FileResponse):
        max_ranges = 1

    assert get(Strict(file), range="bytes=0-0,2-2").status == 200
    assert get(Strict(file), range="bytes=0-0").status == 206


@pytest.mark.parametrize("portion", [1, 7, 100, SIZE, SIZE + 1])
@pytest.mark.parametrize("backend", BACKENDS)
def test_chunk_size(tmp_path: Path, portion: int, backend: str) -> None:
    class Small(FileResponse):
        chunk_size = portion

    (tmp_path / "a").write_bytes(CONTENT[:500])
    for value, expected in (("bytes=0-", CONTENT[:500]), ("bytes=3-202", CONTENT[3:203])):
        answer = get(Small(tmp_path / "a"), range=value, backend=backend)
        sizes = [len(message["body"]) for message in answer.messages[1:]]
        assert answer.body == expected
        assert max(sizes) == min(portion, len(expected))
        assert len(sizes) == -(-len(expected) // portion)
    multipart = get(Small(tmp_path / "a"), range="bytes=0-9,20-29", backend=backend)
    assert CONTENT[20:30] in multipart.body


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    answer = get(FileResponse(tmp_path / "a"))
    assert (answer.status, answer.body, answer.headers.get("content-length")) == (200, b"", "0")
    assert len(answer.messages) == 2
    assert get(FileResponse(tmp_path / "a"), range="bytes=0-").status == 416


def test_conditions(file: Path) -> None:
    response = FileResponse(file, headers={"set-cookie": "a=b"})
    etag = get(response).headers.get("etag") or ""
    for fields in ({"if_none_match": etag}, {"if_none_match": "*"}, {"if_modified_since": DATE}):
        for method in ("GET", "HEAD"):
            answer = get(response, method, **fields)
            assert (answer.status, answer.body, answer.headers.get("set-cookie")) == (304, b"", "a=b")
            assert answer.headers.get("etag") == etag
            assert answer.headers.get("content-length") is None
        assert get(response, "POST", **fields).status == 200  # the handler has done its work
    assert get(response, if_match='"other"').status == 412
    assert get(response, "PUT", if_match='"other"').status == 200
    assert get(response, range="bytes=0-0", if_range=etag).status == 206
    assert get(response, range="bytes=0-0", if_range=DATE).status == 206
    assert get(response, range="bytes=0-0", if_range='"other"').status == 200
    assert get(FileResponse(file, 404), if_none_match="*", range="bytes=0-0").status == 404


def test_the_callers_validators_win(file: Path) -> None:
    response = FileResponse(file, headers={"etag": '"header"'}, etag="mine", last_modified=THEN - timedelta(days=1))
    assert response.headers["etag"] == '"mine"'
    answer = get(response)
    assert (answer.headers.get("etag"), answer.headers.get("last-modified")) == (
        '"mine"',
        "Thu, 16 May 2024 12:00:00 GMT",
    )
    assert get(response, if_none_match='"mine"').status == 304
    header = FileResponse(file, headers={"ETag": '"header"'})
    assert get(header, range="bytes=0-4", if_range='"header"').body == CONTENT[:5]


def test_headers_before_sending(file: Path) -> None:
    response = FileResponse(file, filename="a b.txt", headers={"X-A": "1"})
    assert dict(response.headers) == {
        "x-a": "1",
        "content-type": "text/plain; charset=utf-8",
        "accept-ranges": "bytes",
        "content-disposition": 'attachment; filename="a b.txt"',
    }
    assert not hasattr(response, "body")
    response.headers["cache-control"] = "no-store"
    response.set_cookie("a", "b")
    before = list(response.raw_headers)
    answer = get(response)
    assert (answer.headers.get("cache-control"), "a=b" in (answer.headers.get("set-cookie") or "")) == (
        "no-store",
        True,
    )
    assert response.raw_headers == before


def test_stat_result(file: Path) -> None:
    response = FileResponse(file, stat_result=file.stat())
    told = {name: response.headers[name] for name in ("content-length", "last-modified", "etag")}
    answer = get(response)
    assert {name: answer.headers.get(name) for name in told} == told
    response.set_stat_headers(file.stat())
    assert len(response.raw_headers) == len(dict(response.headers))
    file.write_bytes(b"new")  # what is sent is what is there
    assert (get(response).body, get(response).headers.get("content-length")) == (b"new", "3")
    assert get(response).headers.get("etag") != told["etag"]
    assert dict(FileResponse(file, stat_result=file.stat(), headers={"etag": '"a"'}).headers)["etag"] == '"a"'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filename": "hello.txt"}, 'attachment; filename="hello.txt"'),
        (
            {"filename": "hello.txt", "content_disposition_type": "inline"},
            'inline; filename="hello.txt"',
        ),
        ({"filename": "你好.txt"}, "attachment; filename=\"__.txt\"; filename*=UTF-8''%E4%BD%A0%E5%A5%BD.txt"),
        ({"filename": '../a"\r\nx: y'}, "attachment; filename=\"a_x: y\"; filename*=UTF-8''a%22x%3A%20y"),
        ({"filename": "x", "headers": {"content-disposition": "inline"}}, "inline"),
        ({}, None),
    ],
)
def test_disposition(file: Path, options: dict[str, Any], expected: str | None) -> None:
    assert get(FileResponse(file, **options)).headers.get("content-disposition") == expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.png", {}, "image/png"),
        ("a.txt", {}, "text/plain; charset=utf-8"),
        ("a", {"filename": "b.html"}, "text/html; charset=utf-8"),
        ("a.tar.gz", {}, "application/gzip"),
        ("a.png", {"media_type": "video/mp4"}, "video/mp4"),
        ("a.png", {"headers": {"content-type": "x/y"}}, "x/y"),
        ("a", {}, "application/octet-stream"),
    ],
)
def test_media_type(tmp_path: Path, name: str, options: dict[str, Any], expected: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert get(FileResponse(tmp_path / name, **options)).headers.get_all("content-type") == [expected]


def test_a_header_that_was_deleted_stays_away(file: Path) -> None:
    response = FileResponse(file)
    del response.headers["content-type"]
    assert get(response).headers.get("content-type") is None


def test_no_ranges_where_the_user_says_so(file: Path) -> None:
    response = FileResponse(file, headers={"accept-ranges": "none"})
    assert get(response, range="bytes=0-0").status == 200


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_content(file: Path, status: int) -> None:
    answer = get(FileResponse(file, status))
    assert (answer.status, answer.body, answer.headers.get("content-type")) == (status, b"", None)
    late = FileResponse(file)
    late.status_code = status
    assert get(late).headers.get("content-type") is None


@pytest.mark.parametrize("missing", ["raise", "404"])
@pytest.mark.parametrize(
    ("name", "reason"), [("nothing", "does not exist"), ("file.bin/x", "does not exist"), ("", "is not a file")]
)
def test_missing(file: Path, name: str, reason: str, missing: Any) -> None:
    path = file.parent / name
    response = FileResponse(path, missing=missing, headers={"set-cookie": "a=b", "etag": '"a"'}, filename="x")
    if missing == "raise":
        with pytest.raises(RuntimeError) as raised:
            get(response)
        assert str(raised.value) == f"File at path {path} {reason}."
        assert isinstance(raised.value.__cause__, OSError)
        return
    answer = get(response, if_none_match='"a"', range="bytes=0-0")
    assert (answer.status, answer.body) == (404, b"Not Found")
    assert dict(answer.headers) == {
        b"set-cookie": b"a=b",
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": b"9",
    }
    head = get(response, "HEAD")
    assert (head.status, head.body, head.headers) == (404, b"", answer.headers)


def test_root(file: Path) -> None:
    (file.parent / "root").mkdir()
    (file.parent / "root/a").write_bytes(b"a")
    root = file.parent / "root"
    assert get(FileResponse("a", root=root)).body == b"a"
    for name in ("../file.bin", str(file), "a\0", "\ud800"):
        assert get(FileResponse(name, root=root, missing="404")).status == 404
        with pytest.raises(RuntimeError, match="does not exist"):
            get(FileResponse(name, root=root))


class Counting:
    """A source of one's own."""

    size, etag, last_modified = 5, 'W/"v1"', THEN.timestamp() + 0.7

    def __init__(self) -> None:
        self.opened = self.closed = 0

    async def open(self) -> "Counting":
        self.opened += 1
        return self

    async def read(self, start: int, stop: int) -> bytes:
        return b"hello"[start : min(stop, start + 2)]

    async def close(self) -> None:
        await anyio.sleep(1)
        self.closed += 1


def named(directory: Path) -> Any:
    path = directory / "opened.txt"
    path.write_bytes(b"hello")
    return path.open("rb")


def temporary(directory: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(b"hello")
    return file


CONTENTS: dict[str, Any] = {
    "bytes": lambda directory: b"hello",
    "bytearray": lambda directory: bytearray(b"hello"),
    "memoryview": lambda directory: memoryview(b"_h_e_l_l_o")[1::2],
    "BytesIO": lambda directory: io.BytesIO(b"hello"),
    "file": named,
    "spooled file": temporary,
    "source": lambda directory: Counting(),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CONTENTS)
def test_contents(tmp_path: Path, name: str, backend: str) -> None:
    content: Any = CONTENTS[name](tmp_path)
    response = FileResponse(content, filename="x.txt")
    assert id(response.path) == id(content)
    answer = get(response, backend=backend)
    assert (answer.status, answer.body, answer.headers.get("content-length")) == (200, b"hello", "5")
    assert get(response, "HEAD", backend).headers == answer.headers
    assert get(response, backend=backend, range="bytes=1-2").body == b"el"
    if etag := answer.headers.get("etag"):
        assert get(response, backend=backend, if_none_match=etag).status == 304
    else:
        assert name == "spooled file"
        assert get(FileResponse(content, etag="e"), backend=backend, if_none_match='"e"').status == 304
    if name == "file":
        assert FileResponse(content).headers["content-type"] == "text/plain; charset=utf-8"
    if isinstance(content, Counting):
        assert isinstance(content, Source)
        assert content.closed == content.opened == 4
        assert answer.headers.get("last-modified") == DATE
    elif hasattr(content, "closed"):
        assert not content.closed
        content.close()


def test_bytes_io_is_sent_as_it_was() -> None:
    buffer = io.BytesIO(b"hello")
    response = FileResponse(buffer)
    buffer.write(b"HELLO")
    assert get(response).body == b"hello"


def test_path_may_be_assigned(file: Path) -> None:
    response = FileResponse("nowhere")
    response.path = file
    assert get(response).body == CONTENT


class Unseekable(io.RawIOBase):
    def readable(self) -> bool:
        return True


MISTAKES: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "nothing": ((None,), {}, TypeError, "NoneType"),
    "text": ((io.StringIO("x"),), {}, TypeError, "binary"),
    "stream": ((Unseekable(),), {}, TypeError, "StreamingResponse"),
    "upload": ((UploadFile(io.BytesIO()),), {}, TypeError, "binary file .* got UploadFile"),
    "status": (("a", 99), {}, ValueError, "status_code"),
    "missing": (("a",), {"missing": "ignore"}, ValueError, "missing"),
    "etag": (("a",), {"etag": "a b"}, ValueError, "etag"),
    "time": (("a",), {"last_modified": THEN.replace(tzinfo=None)}, ValueError, "time zone"),
    "root of bytes": ((b"a",), {"root": "/"}, ValueError, "root"),
    "deleted bytes": ((b"a",), {"delete_after": True}, ValueError, "delete_after"),
    "deleted beneath": (("a",), {"delete_after": True, "root": "/"}, ValueError, "delete_after"),
    "header": (("a",), {"headers": {"a": "b\nc"}}, ValueError, "control"),
    "disposition": (("a",), {"filename": "a", "content_disposition_type": "a b"}, ValueError, "token"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    arguments, options, error, text = MISTAKES[name]
    with pytest.raises(error, match=text):
        FileResponse(*arguments, **options)


def test_contract(file: Path) -> None:
    ran: list[object] = []
    response = FileResponse(str(file), 203, {"a": "b"}, "x/y", BackgroundTask(ran.append, 1), "n", None, "inline")
    assert isinstance(response, starlette.responses.FileResponse)
    assert (response.path, response.filename, response.stat_result) == (str(file), "n", None)
    assert (response.chunk_size, response.max_ranges) == (128 * 1024, 100)
    for name in ("generate_multipart", "_parse_range_header", "_open_file"):
        assert not hasattr(response, name)
    get(response)
    assert ran == [1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_object_called_at_once(file: Path, backend: str) -> None:
    outcomes: list[Outcome] = []
    response = FileResponse(file, on_finish=outcomes.append)
    before = (list(response.raw_headers), dict(vars(response)))
    answers: list[tuple[str, str | None, Answer]] = []

    async def call(method: str, wanted: str | None) -> None:
        fields = {} if wanted is None else {"range": wanted}
        answers.append((method, wanted, await fetch(response, method, headers=fields)))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for n in range(20):
                group.start_soon(call, "HEAD" if n % 5 == 0 else "GET", None if n % 2 else f"bytes={n}-{n + 100}")

    run(main, backend=backend)
    assert len(outcomes) == len(answers) == 20
    for method, wanted, answer in answers:
        start = int(wanted.partition("=")[2].partition("-")[0]) if wanted and method == "GET" else None
        expected = CONTENT if start is None else CONTENT[start : start + 101]
        assert answer.body == (b"" if method == "HEAD" else expected)
    assert (list(response.raw_headers), dict(vars(response))) == before


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_object_called_at_once_while_the_file_is_replaced(file: Path, backend: str) -> None:
    """Each answer is of one version: its tag, its length and its octets, whatever was asked for and came in between."""
    response = FileResponse(file)
    response.chunk_size = 1000
    contents: dict[str | None, bytes] = {}
    requests: dict[str, tuple[str, dict[str, str]]] = {
        "whole": ("GET", {}),
        "head": ("HEAD", {}),
        "part": ("GET", {"range": "bytes=100-2599"}),
        "parts": ("GET", {"range": "bytes=0-9,-2000"}),
    }

    async def main() -> None:
        async with AsyncExitStack() as stack:
            begun: list[tuple[str, Exchange]] = []
            for version in range(4):
                content = bytes([version]) * (SIZE - version)
                await anyio.to_thread.run_sync(put_in_place, file, content)
                told = (await fetch(response, "HEAD")).headers.get("etag")
                assert told not in contents
                for tag in contents:
                    stale = await fetch(response, headers={"if-none-match": str(tag), "range": "bytes=5-9"})
                    assert (stale.status, stale.body) == (206, content[5:10])
                    mixed = await fetch(response, headers={"if-range": str(tag), "range": "bytes=5-9"})
                    assert (mixed.status, mixed.body) == (200, content)
                contents[told] = content
                assert (await fetch(response, headers={"if-none-match": str(told)})).status == 304
                for name, (method, fields) in requests.items():
                    exchange = await stack.enter_async_context(Exchange(response, method, headers=fields))
                    assert (await exchange.start()).headers.get("etag") == told
                    begun.append((name, exchange))
            # A message of each in turn, until all have all.
            while not all(exchange.complete for _, exchange in begun):
                for _, exchange in begun:
                    await exchange.read()
            for name, exchange in begun:
                check_version(name, exchange.content, contents[exchange.headers.get("etag")])

    run(main, backend=backend)
    assert len(contents) == 4


def put_in_place(path: Path, content: bytes) -> None:
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def check_version(name: str, received: bytes, content: bytes) -> None:
    match name:
        case "whole":
            assert received == content
        case "head":
            assert received == b""
        case "part":
            assert received == content[100:2600]
        case _:
            assert received.count(content[:1] * 10) >= 200
            assert set(received) & {0, 1, 2, 3} == {content[0]}
            assert f"bytes {len(content) - 2000}-{len(content) - 1}/{len(content)}".encode() in received
