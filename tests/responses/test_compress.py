"""`compress=` and CompressionMiddleware: what the client gets, and what is left behind when it ends."""

import copy
import gc
import gzip
import os
import threading
import weakref
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse as StarletteFileResponse
from starlette.responses import PlainTextResponse as StarlettePlainTextResponse
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse as StarletteStreamingResponse
from starlette.routing import Route
from tests.codings import DECODE, brotli, decoder, zstd

from rejoinder import (
    CSVResponse,
    EventSourceResponse,
    FileResponse,
    HTMLResponse,
    JSONArrayResponse,
    JSONLinesResponse,
    JSONResponse,
    ORJSONResponse,
    Outcome,
    PlainTextResponse,
    Response,
    StaticFiles,
    StreamingResponse,
    UJSONResponse,
)
from rejoinder import _coded as coded_module
from rejoinder._coded import CodedSend
from rejoinder._sources.local import LocalFile
from rejoinder._sources.threads import in_thread
from rejoinder.middleware import Compression, CompressionMiddleware
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

MIB = 1024 * 1024
TEXT = "".join(f"{number:07d}\n" for number in range(1000))
THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
DATE = "Fri, 17 May 2024 12:00:00 GMT"
PATHSEND, ZERO_COPY = "http.response.pathsend", "http.response.zerocopysend"
CODINGS = ["zstd", "br", "gzip"]
each_coding = pytest.mark.parametrize("coding", CODINGS)
each_backend = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def get(
    app: Any, method: str = "GET", backend: str = "asyncio", /, extensions: Sequence[str] = (), **fields: str
) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return run(lambda: fetch(app, method, headers=headers, extensions=extensions), backend=backend)


def decoded(answer: Answer) -> bytes:
    assert answer.complete
    return DECODE[answer.headers.get("content-encoding")](answer.body)


def text(answer: Answer) -> str:
    return decoded(answer).decode()


MANY = [{"id": number} for number in range(500)]
RESPONSES: dict[str, Callable[[Any], Response]] = {
    "Response": lambda compress: Response(TEXT, media_type="text/plain", compress=compress),
    "HTMLResponse": lambda compress: HTMLResponse(TEXT, compress=compress),
    "PlainTextResponse": lambda compress: PlainTextResponse(TEXT, compress=compress),
    "JSONResponse": lambda compress: JSONResponse(MANY, compress=compress),
    "ORJSONResponse": lambda compress: ORJSONResponse(MANY, compress=compress),
    "UJSONResponse": lambda compress: UJSONResponse(MANY, compress=compress),
    "StreamingResponse": lambda compress: StreamingResponse([TEXT], media_type="text/plain", compress=compress),
    "EventSourceResponse": lambda compress: EventSourceResponse(MANY, compress=compress),
    "JSONLinesResponse": lambda compress: JSONLinesResponse(MANY, compress=compress),
    "JSONArrayResponse": lambda compress: JSONArrayResponse(MANY, compress=compress),
    "CSVResponse": lambda compress: CSVResponse(MANY, compress=compress),
    "FileResponse": lambda compress: FileResponse(TEXT.encode(), media_type="text/plain", compress=compress),
}


@pytest.mark.parametrize("make", RESPONSES.values(), ids=RESPONSES)
@each_backend
def test_each_class(make: Callable[[Any], Response], backend: str) -> None:
    plain = get(make(False), "GET", backend, accept_encoding="gzip, br, zstd")
    assert plain.headers.get("content-encoding") is None
    assert plain.headers.get("vary") is None
    for coding in CODINGS:
        outcomes: list[Outcome] = []
        response = make(True)
        response.on_finish = outcomes.append
        answer = get(response, "GET", backend, accept_encoding=coding)
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers.get("vary") == "accept-encoding"
        assert decoded(answer) == plain.body
        assert len(answer.body) < len(plain.body) * 0.6
        assert [outcome.bytes_sent for outcome in outcomes] == [len(answer.body)]
        wrapped = get(CompressionMiddleware(make(False)), "GET", backend, accept_encoding=coding)
        assert [field for field in wrapped.headers if field[0] != b"content-length"] == [
            field for field in answer.headers if field[0] != b"content-length"
        ]
        assert decoded(wrapped) == plain.body  # of a stream, the messages may be others, and so their octets
        head = get(make(coding), "HEAD", backend, accept_encoding=coding)
        assert head.body == b""
        assert set(answer.headers) - set(head.headers) <= {(b"content-length", b"%d" % len(answer.body))}
    identity = get(make(True), "GET", backend)
    assert identity.body == plain.body
    assert list(identity.headers) == [*plain.headers, (b"vary", b"accept-encoding")]


def test_a_whole_content_tells_its_length() -> None:
    for answer in (get(JSONResponse(MANY, compress=True), accept_encoding="gzip"),):
        assert answer.headers.get("content-length") == str(len(answer.body))


def test_what_is_not_compressed() -> None:
    small = get(JSONResponse({"a": 1}, compress=True), accept_encoding="gzip")
    assert (small.body, small.headers.get("vary")) == (b'{"a":1}', None)
    image = get(Response(b"x" * 1000, media_type="image/png", compress=True), accept_encoding="gzip")
    assert (image.body, image.headers.get("vary")) == (b"x" * 1000, None)
    coded = Response(b"x" * 1000, 200, {"content-encoding": "br"}, "text/plain", compress=True)
    assert get(coded, accept_encoding="gzip").body == b"x" * 1000
    for status in (204, 205, 304):
        answer = get(PlainTextResponse(TEXT, status, compress=True), accept_encoding="gzip")
        assert (answer.body, answer.headers.get("content-encoding")) == (b"", None)


def test_the_order_is_the_servers_among_what_the_client_likes_as_much() -> None:
    def coding(compress: Any, accept: str) -> str | None:
        return get(PlainTextResponse(TEXT, compress=compress), accept_encoding=accept).headers.get("content-encoding")

    assert coding(["gzip", "br"], "gzip, br, zstd") == "gzip"
    assert coding("br", "gzip, zstd") is None
    assert coding(Compression(minimum_size=8001), "gzip") is None
    assert coding(Compression(minimum_size=8000), "gzip") == "gzip"


def test_a_response_is_called_twice_and_edited() -> None:
    response = PlainTextResponse(TEXT, compress="gzip", headers={"x": "y"})
    assert text(get(response, accept_encoding="gzip")) == text(get(response)) == TEXT
    response.body = TEXT + TEXT
    response.set_cookie("a", "b")
    answer = get(response, accept_encoding="gzip")
    assert text(answer) == TEXT + TEXT
    assert (answer.headers.get("x"), answer.headers.get("content-encoding")) == ("y", "gzip")


class ToOldTimes(PlainTextResponse):
    def init_headers(self, headers: Any = None) -> None:
        super().init_headers({"x": "y"})


def test_a_subclass() -> None:
    assert get(ToOldTimes(TEXT, compress=True), accept_encoding="gzip").headers.get("content-encoding") == "gzip"


# ---------------------------------------------------------------------------------------------------- conditions


def tagged(compress: Any = False) -> Response:
    return PlainTextResponse(TEXT, etag="v1", last_modified=THEN, compress=compress)


async def tagged_stream(scope: Any, receive: Any, send: Any) -> None:
    response = StreamingResponse([TEXT], media_type="text/plain", etag="v1", last_modified=THEN)
    await response(scope, receive, send)


TAGGED = {
    "response": tagged(True),
    "middleware": CompressionMiddleware(tagged()),
    "around a stream": CompressionMiddleware(tagged_stream),
}


@pytest.mark.parametrize("app", TAGGED.values(), ids=TAGGED)
@each_coding
def test_conditions(app: Any, coding: str) -> None:
    first = get(app, accept_encoding=coding)
    tag = first.headers.get("etag")
    assert tag == f'W/"v1-{coding}"'
    again = get(app, accept_encoding=coding, if_none_match=tag)
    assert (again.status, again.body, again.headers.get("etag")) == (304, b"", tag)
    assert again.headers.get("vary") == "accept-encoding"
    assert get(app, "HEAD", accept_encoding=coding, if_none_match=tag).status == 304
    assert get(app, accept_encoding=coding, if_modified_since=DATE).status == 304
    assert get(app, accept_encoding=coding, if_none_match='W/"v0-gzip"').status == 200
    failed = get(app, accept_encoding=coding, if_match='"v0"')
    assert (failed.status, failed.headers.get("vary")) == (412, "accept-encoding")
    plain = get(app, if_none_match='"v1"')
    assert (plain.status, plain.headers.get("etag")) == (304, '"v1"')
    other = get(app, if_none_match=tag)
    assert (other.status, other.headers.get("etag")) == (200, '"v1"')


@pytest.mark.parametrize("coding", [*CODINGS, None])
def test_a_change_is_made_of_what_was_seen_in_any_coding(coding: str | None) -> None:
    async def endpoint(request: Request) -> StarletteResponse:
        changed = request.headers.get("if-match", "")
        return PlainTextResponse(TEXT, 200 if '"v1"' in changed.split(", ") else 412, etag="v1")

    app = CompressionMiddleware(Starlette(routes=[Route("/", endpoint, methods=["GET", "PUT"])]))
    seen = get(app, **{"accept_encoding": coding} if coding else {}).headers.get("etag")
    assert seen is not None
    assert get(app, "PUT", if_match=seen).status == 200
    assert get(app, "PUT", if_match='W/"v0-gzip"').status == 412


# -------------------------------------------------------------------------------------------------------- ranges


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Some 800 KiB of text."""
    path = tmp_path / "file.txt"
    path.write_text("".join(f"{number:07d}\n" for number in range(100_000)))
    return path


def resume(app: Any, held: Answer, count: int, **fields: str) -> tuple[bytes, dict[str, str]]:
    """What a client has that lost the connection after `count` octets, and asked for the rest by RFC 9110, 13.1.5 and
    15.3.7.3; but one that takes a weak tag for good enough, as some do. And the fields that describe it."""
    tag = held.headers.get("etag") or held.headers.get("last-modified") or ""
    answer = get(app, range=f"bytes={count}-", if_range=tag, **fields)
    if answer.status == 206 and held.headers.get("etag") == answer.headers.get("etag"):
        return held.body[:count] + answer.body, {"content-encoding": held.headers.get("content-encoding") or ""}
    return answer.body, {"content-encoding": answer.headers.get("content-encoding") or ""}


def is_whole(file: Path, got: tuple[bytes, dict[str, str]]) -> bool:
    try:
        return DECODE[got[1]["content-encoding"] or None](got[0]) == file.read_bytes()
    except (OSError, EOFError, zlib.error):
        return False


def test_a_resumed_download_is_corrupt_with_starlettes_middleware(file: Path) -> None:
    app = GZipMiddleware(StarletteFileResponse(file))
    held = get(app, accept_encoding="gzip")
    assert (held.headers.get("content-encoding"), held.headers.get("accept-ranges")) == ("gzip", "bytes")
    assert not is_whole(file, resume(app, held, 1000, accept_encoding="gzip"))


APPS: dict[str, Callable[[Path], Any]] = {
    "our response": lambda path: FileResponse(path, compress=True),
    "around our response": lambda path: CompressionMiddleware(FileResponse(path)),
    "around Starlette's": lambda path: CompressionMiddleware(StarletteFileResponse(path)),
    "around Starlette's base": lambda path: CompressionMiddleware(
        Starlette(
            routes=[Route("/", lambda _: FileResponse(path))],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))],
        )
    ),
}
each_app = pytest.mark.parametrize("make", APPS.values(), ids=APPS)


@each_app
@each_coding
def test_a_resumed_download_is_whole(make: Callable[[Path], Any], coding: str, file: Path) -> None:
    app = make(file)
    held = get(app, accept_encoding=coding)
    assert (held.headers.get("content-encoding"), held.headers.get("accept-ranges")) == (coding, None)
    for accept in (coding, "identity"):
        assert is_whole(file, resume(app, held, 1000, accept_encoding=accept))
    plain = get(app)
    assert plain.headers.get("accept-ranges") == "bytes"
    assert is_whole(file, resume(app, plain, 1000))
    assert is_whole(file, resume(app, plain, 1000, accept_encoding=coding))


@each_app
def test_a_date_is_no_guard_of_a_range(make: Callable[[Path], Any], file: Path) -> None:
    """Plain and coded octets have it in common."""
    app = make(file)
    date = get(app, accept_encoding="gzip").headers.get("last-modified") or ""
    for guard in ({"if_range": date}, {"if_unmodified_since": date}):
        for accept in ("gzip", "identity"):
            answer = get(app, range="bytes=1000-", accept_encoding=accept, **guard)
            assert answer.status == 200
            assert decoded(answer) == file.read_bytes()


@pytest.mark.parametrize("make", list(APPS.values())[:2])
def test_a_range_without_a_guard_is_of_what_the_client_would_get(make: Callable[[Path], Any], file: Path) -> None:
    app = make(file)
    coded = get(app, range="bytes=1000-", accept_encoding="gzip")
    assert (coded.status, decoded(coded)) == (200, file.read_bytes())
    part = get(app, range="bytes=8-15", accept_encoding="identity")
    assert (part.status, part.body, part.headers.get("vary")) == (206, b"0000001\n", "accept-encoding")
    guarded = get(app, range="bytes=8-15", accept_encoding="gzip", if_range=part.headers.get("etag") or "")
    assert (guarded.status, guarded.body) == (206, b"0000001\n")


REFUSED = {
    "304": (304, {"if_none_match": "*"}),
    "400": (400, {"range": "bytes=2-1"}),
    "412": (412, {"if_match": '"x"'}),
    "416": (416, {"range": "bytes=9999999-"}),
}


@pytest.mark.parametrize(("status", "fields"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("make", list(APPS.values())[:2])
def test_what_is_sent_in_place_of_a_file_tells_of_the_choice(
    make: Callable[[Path], Any], status: int, fields: dict[str, str], file: Path
) -> None:
    """RFC 9110, 12.5.5: of a file in text, and of none that does not compress."""
    image = file.with_name("image.png")
    image.write_bytes(bytes(1000))
    for path, told in ((file, "accept-encoding"), (image, None)):
        for accept in ("identity", "gzip"):
            answer = get(make(path), accept_encoding=accept, **fields)
            # Who accepts a coding gets the whole in place of a part.
            expected = 200 if accept == "gzip" and "range" in fields and path is file else status
            assert (answer.status, answer.headers.get("vary")) == (expected, told)


@pytest.mark.parametrize("make", list(APPS.values())[:2])
def test_a_file_that_does_not_compress_keeps_all_it_has(make: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0" * MIB)
    app = make(path)
    whole = get(app, extensions=[ZERO_COPY], accept_encoding="gzip")
    assert (whole.headers.get("accept-ranges"), whole.headers.get("vary")) == ("bytes", None)
    assert {message["type"] for message in whole.messages} == {"http.response.start", ZERO_COPY, "http.response.body"}
    os.utime(path, (0, 0))  # in the second of its last change, its date is no guard either
    date = get(app).headers.get("last-modified") or ""
    assert get(app, accept_encoding="gzip", range="bytes=0-9", if_range=date).status == 206


def test_whoever_is_between_keeps_what_it_has_changed(tmp_path: Path) -> None:
    """Middleware below that edits the request, above a file that is not compressed."""
    path = tmp_path / "image.png"
    path.write_bytes(bytes(MIB))
    inner = FileResponse(path)

    async def between(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "headers": [(b"range", b"bytes=0-9")], "extensions": {}}, receive, send)

    answer = get(CompressionMiddleware(between), extensions=[ZERO_COPY], accept_encoding="gzip")
    assert (answer.status, len(answer.body)) == (206, 10)
    assert {message["type"] for message in answer.messages} == {"http.response.start", "http.response.body"}


class SentByTheServer(FileResponse):
    pathsend = True


def test_path_send_only_past_no_encoder(file: Path) -> None:
    def kinds(app: Any, accept: str) -> set[str]:
        return {message["type"] for message in get(app, extensions=[PATHSEND], accept_encoding=accept).messages}

    for app in (SentByTheServer(file, compress=True), CompressionMiddleware(SentByTheServer(file))):
        assert kinds(app, "gzip") == {"http.response.start", "http.response.body"}
        assert kinds(app, "identity") == {"http.response.start", PATHSEND}
    starlettes = CompressionMiddleware(StarletteFileResponse(file))
    assert kinds(starlettes, "gzip") == {"http.response.start", "http.response.body"}
    assert kinds(starlettes, "identity") == {"http.response.start", PATHSEND}


def test_a_variant_on_the_disk_is_better_than_an_encoder(file: Path) -> None:
    Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes()))
    response = FileResponse(file, precompressed=True, compress=True)
    from_disk = get(response, accept_encoding="gzip")
    assert from_disk.body == Path(f"{file}.gz").read_bytes()
    assert from_disk.headers.get("etag") != get(response).headers.get("etag")
    assert from_disk.headers.get("accept-ranges") == "bytes"
    assert get(response, accept_encoding="gzip", range="bytes=0-9").status == 206
    made = get(response, accept_encoding="zstd")
    assert (made.headers.get("content-encoding"), decoded(made)) == ("zstd", file.read_bytes())
    assert made.headers.get("vary") == "accept-encoding"


def test_static_files(file: Path) -> None:
    app = CompressionMiddleware(StaticFiles(directory=file.parent))
    answer = run(lambda: fetch(app, path="/file.txt", headers={"accept-encoding": "br"}))
    assert decoded(answer) == file.read_bytes()
    tag = answer.headers.get("etag") or ""
    again = run(lambda: fetch(app, path="/file.txt", headers={"accept-encoding": "br", "if-none-match": tag}))
    assert (again.status, again.headers.get("etag")) == (304, tag)


@pytest.mark.parametrize("accept", ["identity", "zstd"])
@pytest.mark.parametrize("name", ["text.txt", "image.png"])
def test_a_small_file_goes_the_short_way(
    name: str, accept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text(TEXT)
    if (opened := LocalFile(path).open_cached()) is None:
        pytest.skip("this system opens files in threads alone")
    opened.close()
    monkeypatch.delattr(FileResponse, "_send_at_length")
    answer = get(CompressionMiddleware(FileResponse(path)), accept_encoding=accept)
    assert text(answer) == TEXT
    assert (answer.headers.get("vary") is None) == (name == "image.png")
    assert (answer.headers.get("content-encoding") == "zstd") == ((name, accept) == ("text.txt", "zstd"))


def test_a_missing_file() -> None:
    assert get(FileResponse("/nowhere.txt", missing="404", compress=True), accept_encoding="gzip").status == 404


# ------------------------------------------------------------------------------------------------------- streams


def events(compress: Any) -> Any:
    async def source() -> AsyncIterator[dict[str, int]]:
        for number in range(3):
            await anyio.sleep(20)
            yield {"n": number}

    return EventSourceResponse(source(), compress=compress)


@pytest.mark.parametrize("wrap", [lambda: events(True), lambda: CompressionMiddleware(events(False))])
@each_coding
@each_backend
def test_events_and_pings_arrive_at_once(wrap: Callable[[], Any], coding: str, backend: str) -> None:
    async def main() -> list[tuple[float, bytes]]:
        decode = decoder(coding)
        async with Exchange(wrap(), headers={"accept-encoding": coding}) as exchange:
            await exchange.start()
            seen = [(anyio.current_time(), b"head")]
            async for chunk in exchange:
                seen.append((anyio.current_time(), decode(chunk)))
        return seen

    seen = run(main, backend=backend)
    began = seen[0][0]
    assert [(round(at - began), what) for at, what in seen if what] == [
        (0, b"head"),
        (15, b": ping\n\n"),
        (20, b'data: {"n":0}\n\n'),
        (35, b": ping\n\n"),
        (40, b'data: {"n":1}\n\n'),
        (55, b": ping\n\n"),
        (60, b'data: {"n":2}\n\n'),
    ]


def test_each_message_of_another_stream_arrives_at_once() -> None:
    async def source() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number} "
            await anyio.sleep(1)

    async def main() -> list[tuple[int, bytes]]:
        decode = decoder("gzip")
        app = CompressionMiddleware(StarletteStreamingResponse(source(), media_type="text/plain"))
        async with Exchange(app, headers={"accept-encoding": "gzip"}) as exchange:
            return [(round(anyio.current_time()), decode(chunk)) async for chunk in exchange]

    assert run(main)[:3] == [(0, b"0 "), (1, b"1 "), (2, b"2 ")]


@each_coding
@each_backend
def test_a_source_that_fails_never_looks_complete(coding: str, backend: str) -> None:
    def source() -> Iterator[str]:
        yield TEXT
        yield TEXT
        raise LookupError

    async def main(app: Any) -> bytes:
        async with Exchange(app, headers={"accept-encoding": coding}) as exchange:
            with pytest.raises(LookupError):
                await exchange.body()
            assert not exchange.complete
            return exchange.content

    for app in (
        StreamingResponse(source(), media_type="text/plain", compress=True),
        CompressionMiddleware(StarletteStreamingResponse(source(), media_type="text/plain")),
    ):
        content = run(main, app, backend=backend)
        assert decoder(coding)(content) == (TEXT * 2).encode()
        with pytest.raises((EOFError, brotli.error, zstd.ZstdError)):
            DECODE[coding](content)


def test_what_fails_before_anything_is_sent_is_an_answer() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"1000"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise HTTPException(404)

    async def main() -> list[Any]:
        async with Exchange(CompressionMiddleware(failing), headers={"accept-encoding": "gzip"}) as exchange:
            with pytest.raises(HTTPException):
                await exchange.start()
        return exchange.messages

    assert run(main) == []


@pytest.mark.parametrize(
    ("announced", "pieces", "message"),
    [
        (1000, [b"x" * 999], "1 octets less"),
        (1000, [b"x" * 500, b"x" * 400], "100 octets less"),
        (1000, [b"x" * 500, b"x" * 501, b""], "1 octets more"),
    ],
)
def test_content_of_another_length_than_announced_never_looks_complete(
    announced: int, pieces: list[bytes], message: str
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % announced), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for left, piece in reversed(list(enumerate(reversed(pieces)))):
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})

    async def main() -> bool:
        async with Exchange(CompressionMiddleware(app), headers={"accept-encoding": "gzip"}) as exchange:
            with pytest.raises(RuntimeError, match=message):
                await exchange.body()
            return exchange.complete

    assert run(main) is False


@each_backend
def test_a_client_that_leaves(backend: str) -> None:
    outcomes: list[Outcome] = []
    closed: list[bool] = []

    async def source() -> AsyncIterator[str]:
        try:
            while True:
                yield TEXT
                await anyio.sleep(1)
        finally:
            closed.append(True)

    async def main() -> None:
        response = StreamingResponse(
            source(), media_type="text/plain", compress=True, on_finish=outcomes.append, stop_on_shutdown=True
        )
        async with Exchange(response, headers={"accept-encoding": "zstd"}) as exchange:
            await exchange.read()

    run(main, backend=backend)
    assert [(outcome.ending.value, closed) for outcome in outcomes] == [("disconnected", [True])]


# ------------------------------------------------------------------------------------------------- off the loop


def large(size: int) -> bytes:
    return b"".join(b"%07d\n" % number for number in range(size // 8))


@each_coding
@each_backend
def test_long_content_is_compressed_in_threads_a_slice_at_a_time(
    coding: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, inside, most = large(3 * MIB), [0], [0]
    original, counting = in_thread, threading.Lock()
    loop_thread, threads = threading.get_ident(), set[int]()

    async def counted(function: Callable[[], bytes], **options: Any) -> bytes:
        def work() -> bytes:
            with counting:
                threads.add(threading.get_ident())
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            result = function()
            with counting:
                inside[0] -= 1
            return result

        return await original(work, **options)

    monkeypatch.setattr(coded_module, "in_thread", counted)
    answers: list[Answer] = []

    async def one() -> None:
        compression = Compression(coding, levels={coding: 1})  # type: ignore[arg-type, dict-item]
        response = Response(content, media_type="text/plain", compress=compression)
        answers.append(await fetch(response, headers={"accept-encoding": coding}))

    async def main() -> None:
        limiter = anyio.CapacityLimiter(2)
        monkeypatch.setattr(coded_module, "_one_for_each_processor", lambda: limiter)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(one)

    run(main, backend=backend)
    assert [decoded(answer) == content for answer in answers] == [True] * 4
    assert loop_thread not in threads
    assert most[0] <= 2
    assert len([message for message in answers[0].messages if message["type"].endswith("body")]) >= 2
    assert answers[0].headers.get("content-length") is None


def test_the_loop_is_free_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that compresses is held; the loop goes on."""
    held, seen = threading.Event(), []

    class Slow:
        def finish(self, data: memoryview) -> bytes:
            assert held.wait(10)
            return bytes(data[:10])

        add = flush = finish

    async def main() -> None:
        compression = Compression("gzip")
        monkeypatch.setattr(compression, "encoder", lambda *_: (Slow(), 0))
        response = Response(b"x" * 1000, media_type="text/plain", compress=compression)
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                seen.append((await fetch(response, headers={"accept-encoding": "gzip"})).body)

            group.start_soon(ask)
            await anyio.sleep(0)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            assert not seen
            held.set()

    run(main)
    assert seen == [b"x" * 10]


@each_backend
def test_a_cancellation_waits_for_one_slice_and_no_more(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[int] = []
    begun = threading.Event()

    class Encoder:
        def add(self, data: memoryview) -> bytes:
            slices.append(len(data))
            begun.set()
            return b"x"

        finish = flush = add

    compression = Compression("gzip")
    monkeypatch.setattr(compression, "encoder", lambda *_: (Encoder(), 0))

    async def main() -> None:
        response = Response(bytes(100 * MIB), media_type="text/plain", compress=compression)
        async with Exchange(response, headers={"accept-encoding": "gzip"}, spec_version="2.4") as exchange:
            await exchange.start()

    run(main, backend=backend)
    assert begun.is_set()
    assert len(slices) < 5


def test_encoders_are_released_on_every_way_out() -> None:
    made: list[weakref.ref[CodedSend]] = []

    class Watched(CodedSend):
        __slots__ = ("__weakref__",)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(weakref.ref(self))

    def failing() -> Iterator[str]:
        yield TEXT
        raise LookupError

    async def main() -> None:
        for content in ([TEXT], failing()):
            async with Exchange(
                StreamingResponse(content, media_type="text/plain", compress=True), headers={"accept-encoding": "gzip"}
            ) as exchange:
                try:
                    await exchange.body()
                except LookupError as error:
                    assert made[-1]() is None or made[-1]()._encoder is None  # type: ignore[union-attr]
                    del error
        for app in (JSONResponse(MANY, compress=True), CompressionMiddleware(JSONResponse(MANY))):
            await fetch(app, headers={"accept-encoding": "gzip"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded_module, "CodedSend", Watched)
        patch.setattr("rejoinder.middleware.CodedSend", Watched)
        gc.disable()
        try:
            run(main)
            assert len(made) == 4
            assert [one() for one in made[2:]] == [None, None]  # without a collection: there is no circle
        finally:
            gc.enable()


# -------------------------------------------------------------------------------------------- other messages


def test_hints_and_trailers_keep_their_order() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]})
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"8000"), (b"trailer", b"x, content-digest")]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
        await send({"type": "http.response.body", "body": TEXT.encode()})
        trailers = [(b"x", b"y"), (b"content-digest", b"a=:b:")]
        await send({"type": "http.response.trailers", "headers": trailers, "more_trailers": False})

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def main(accept: bytes) -> None:
        scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", accept)]}
        await CompressionMiddleware(app)(scope, None, send)  # type: ignore[arg-type]

    run(lambda: main(b"gzip"))
    kinds = ["http.response." + kind for kind in ("early_hint", "start", "body", "trailers")]
    assert [message["type"] for message in sent] == kinds
    assert b"content-length" not in dict(sent[1]["headers"])
    assert gzip.decompress(sent[2]["body"]) == TEXT.encode()
    assert sent[3]["headers"] == [(b"x", b"y")]
    sent.clear()
    run(lambda: main(b"identity"))
    assert [message["type"] for message in sent] == kinds
    assert len(sent[3]["headers"]) == 2


def test_a_message_past_the_encoder_is_refused() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": PATHSEND, "path": "/"})

    with pytest.raises(RuntimeError, match=r"pathsend was not offered in the scope"):
        get(CompressionMiddleware(app), accept_encoding="gzip")


def test_other_messages_after_a_coded_head_pass() -> None:
    sent: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.debug"})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body"})

    async def send(message: Any) -> None:
        sent.append(message["type"].rpartition(".")[2])

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}
    run(lambda: CompressionMiddleware(app)(scope, None, send))  # type: ignore[arg-type]
    assert sent == ["start", "debug", "body"]


def test_other_scopes_pass() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    for kind in ("lifespan", "websocket"):
        scope = {"type": kind}
        run(CompressionMiddleware(app), scope, None, None)  # type: ignore[arg-type]
        assert seen.pop()[0] is scope
    denial = "websocket.http.response"
    response = PlainTextResponse(TEXT, 403, compress=True)
    answer = run(lambda: fetch(response, type="websocket", extensions=[denial], headers={"accept-encoding": "gzip"}))
    assert answer.body == TEXT.encode()


def test_nothing_is_compressed_twice() -> None:
    app = CompressionMiddleware(GZipMiddleware(CompressionMiddleware(tagged("br"), "zstd")))
    for accept in ("br", "zstd", "gzip"):
        answer = get(app, accept_encoding=accept)
        assert text(answer) == TEXT
        tag = answer.headers.get("etag") or ""
        assert get(app, accept_encoding=accept, if_none_match=tag).headers.get("etag") == tag


def test_around_starlettes_responses() -> None:
    app = CompressionMiddleware(StarlettePlainTextResponse(TEXT, headers={"etag": '"a"', "vary": "origin"}))
    answer = get(app, accept_encoding="gzip")
    assert text(answer) == TEXT
    assert (answer.headers.get("etag"), answer.headers.get("vary")) == ('W/"a-gzip"', "origin, accept-encoding")


def test_padding_hides_lengths() -> None:
    lengths = set()
    for coding in CODINGS:
        app = CompressionMiddleware(PlainTextResponse(TEXT), Compression(coding, padding=100))  # type: ignore[arg-type]
        answers = [get(app, accept_encoding=coding) for _ in range(20)]
        assert {text(answer) for answer in answers} == {TEXT}
        lengths.add(len({len(answer.body) for answer in answers}))
    assert min(lengths) > 5


def test_compress_false_is_no_middleware() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        CompressionMiddleware(PlainTextResponse(TEXT), compress=False)


def test_what_the_application_puts_into_its_scope_is_for_those_around_it() -> None:
    """As Starlette's routes do, of whom metrics and logs read the name of the route."""

    async def routed(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = "/items/{item}"
        await PlainTextResponse(TEXT)(scope, receive, send)

    async def observing(scope: Any, receive: Any, send: Any) -> None:
        headers = scope["headers"]
        await CompressionMiddleware(routed)(scope, receive, send)
        seen.append((scope["route"], scope["headers"] is headers))

    seen: list[Any] = []
    assert text(get(observing, accept_encoding="gzip")) == TEXT
    assert seen == [("/items/{item}", True)]


def test_head_of_lazy_content_is_as_get() -> None:
    response = JSONResponse.lazy(lambda: {"a": 1}, etag="v1", compress="gzip")
    found = [
        run(partial(fetch, response, method, headers={"accept-encoding": "gzip"})).headers for method in ("GET", "HEAD")
    ]
    names = ("etag", "vary", "content-encoding", "content-type")
    assert [found[0].get(name) for name in names] == [found[1].get(name) for name in names]


def test_a_response_with_it_can_be_copied() -> None:
    assert (
        text(get(copy.deepcopy(Response(TEXT, media_type="text/plain", compress=True)), accept_encoding="gzip")) == TEXT
    )
