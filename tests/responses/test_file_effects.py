"""FileResponse: what it does to descriptors, threads, connections and files, however the response ends."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from starlette.background import BackgroundTask, BackgroundTasks

from rejoinder import Ending, FileChangedError, FileResponse, Outcome, _turns
from rejoinder._file import _prepare_file
from rejoinder._sources import local
from rejoinder._sources.local import LocalFile, OpenFile
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]
SPEC_VERSIONS = ["2.0", "2.3", "2.4", "2.5"]
MIB = 1024 * 1024
GIB = 1024 * MIB
PATHSEND, ZERO_COPY, DENIAL = "http.response.pathsend", "http.response.zerocopysend", "websocket.http.response"


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Some 3 MiB, with which no octet stands where it should not without being noticed."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"".join(b"%07d\n" % n for n in range(400_000)))
    return path


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """10 GiB of nothing."""
    path = tmp_path / "sparse.bin"
    path.touch()
    os.truncate(path, 10 * GIB)
    return path


async def never() -> Any:
    await anyio.sleep_forever()


class Log:
    """What happened to a response."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.ran: list[str] = []
        self.options: dict[str, Any] = {
            "on_finish": self.outcomes.append,
            "background": BackgroundTask(self.ran.append, "background"),
        }

    @property
    def outcome(self) -> Outcome:
        assert self.ran == ["background"]
        (outcome,) = self.outcomes
        return outcome


@pytest.mark.parametrize("version", SPEC_VERSIONS)
def test_long_content(file: Path, version: str, backend: str) -> None:
    log = Log()
    answer = run(
        lambda: fetch(FileResponse(file, **log.options), spec_version=version, read_delay=0.1), backend=backend
    )
    content = file.read_bytes()
    assert answer.body == content
    assert (log.outcome.ending, log.outcome.bytes_sent) == (Ending.COMPLETED, len(content))
    bodies = answer.messages[1:]
    assert [message["more_body"] for message in bodies] == [True] * (len(bodies) - 1) + [False]
    assert {len(message["body"]) for message in bodies[:-1]} == {FileResponse.chunk_size}


@pytest.mark.parametrize("version", SPEC_VERSIONS)
@pytest.mark.parametrize("taken", [0, 1, 2, 40])
def test_a_client_that_leaves_stops_the_reading(sparse: Path, version: str, taken: int, backend: str) -> None:
    log = Log()
    asked = run(
        lambda: fetch(FileResponse(sparse, **log.options), spec_version=version, disconnect_after=taken),
        backend=backend,
    )
    assert not asked.complete
    assert log.outcome.ending is Ending.DISCONNECTED
    assert log.outcome.bytes_sent <= (taken + 3) * FileResponse.chunk_size


def test_small_content_never_asks_whether_the_client_is_there(tmp_path: Path, backend: str) -> None:
    (tmp_path / "small").write_bytes(bytes(MIB))

    async def receive() -> Any:
        raise AssertionError("asked")

    async def main() -> int:
        sent = 0

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))

        await FileResponse(tmp_path / "small")({"type": "http", "method": "GET", "headers": []}, receive, send)
        return sent

    assert run(main, backend=backend) == MIB


@pytest.mark.parametrize("leaves", [True, False])
def test_a_send_that_is_stuck_is_cancelled(sparse: Path, leaves: bool, backend: str) -> None:
    """Servers whose `send` waits for ever once the client has left."""
    log = Log()
    stuck: list[bool] = []

    async def receive() -> Any:
        while not stuck:
            await anyio.sleep(1)
        if leaves:
            return {"type": "http.disconnect"}
        raise LookupError("server")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            stuck.append(True)
            await anyio.sleep_forever()

    async def main() -> None:
        await FileResponse(sparse, **log.options)({"type": "http", "method": "GET", "headers": []}, receive, send)

    if leaves:
        run(main, backend=backend)
        assert (log.outcome.ending, log.outcome.exception) == (Ending.DISCONNECTED, None)
    else:
        with pytest.raises(LookupError):
            run(main, backend=backend)
        assert log.outcome.ending is Ending.FAILED


@pytest.mark.parametrize("takes", [True, False])
def test_a_client_that_leaves_within_the_last_message(file: Path, takes: bool, backend: str) -> None:
    """Hypercorn says so of each; its `send` has something to do yet. One that has not done it in time is cancelled."""
    log = Log()
    taken: list[bool] = []

    async def main() -> float:
        over = anyio.Event()

        async def receive() -> Any:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if not message.get("more_body", True):
                over.set()
                await anyio.sleep(0.5 if takes else 1000)
                taken.append(True)

        await FileResponse(file, **log.options)({"type": "http", "method": "GET", "headers": []}, receive, send)
        return anyio.current_time()

    assert run(main, backend=backend) == pytest.approx(0.5 if takes else 1)
    assert taken == [True] * takes
    assert log.outcome.ending is (Ending.COMPLETED if takes else Ending.DISCONNECTED)


def test_what_is_left_of_a_request_is_no_disconnect(file: Path, backend: str) -> None:
    answer = run(lambda: fetch(FileResponse(file), "POST", body=b"x", spec_version="2.3"), backend=backend)
    assert answer.complete


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_an_error_of_the_disk_is_no_disconnect(
    file: Path, version: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, real = Log(), OpenFile.read

    async def read(self: OpenFile, start: int, stop: int) -> bytes:
        if start > MIB:
            raise OSError(errno.EIO, "disk")
        return await real(self, start, stop)

    monkeypatch.setattr(OpenFile, "read", read)
    with pytest.raises(OSError, match="disk"):
        run(lambda: fetch(FileResponse(file, **log.options), spec_version=version), backend=backend)
    assert (log.outcome.ending, log.outcome.bytes_sent) == (Ending.FAILED, MIB + FileResponse.chunk_size)


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(b"x" * 4_000_000)
    path.with_name("new").replace(path)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more" * 100_000)


def rewrite(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)
    os.utime(path, (1, 1))


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "grows": (grow, True),
    "replaced": (replace, True),
    "deleted": (Path.unlink, True),
    "truncated": (lambda path: os.truncate(path, MIB), False),
    "truncated before the read": (lambda path: os.truncate(path, 0), False),
    "rewritten": (rewrite, False),
}


@pytest.mark.parametrize("extensions", [(), (ZERO_COPY,)], ids=["read", "zero copy"])
@pytest.mark.parametrize("wanted", ["", "bytes=10-3000000", "bytes=0-1999999,2500000-3000000"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_while_it_is_sent(
    file: Path, name: str, wanted: str, extensions: Any, backend: str
) -> None:
    log, (change, harmless) = Log(), CHANGES[name]
    original = file.read_bytes()

    async def main() -> tuple[bytes, bool]:
        app = FileResponse(file, **log.options)
        async with Exchange(app, headers={"range": wanted} if wanted else {}, extensions=extensions) as exchange:
            await exchange.start()
            if not extensions:
                await exchange.read()
            await anyio.to_thread.run_sync(change, file)
            await exchange.body()
            return exchange.content, exchange.complete

    if harmless:
        body, complete = run(main, backend=backend)
        assert complete
        expected = original[10:3000001] if wanted.startswith("bytes=10") else original
        if "," in wanted:
            assert original[:2000000] in body
            assert original[2500000:3000001] in body
        else:
            assert body == expected
    else:
        with pytest.raises(FileChangedError):
            run(main, backend=backend)
        assert log.outcome.ending is Ending.FAILED


class Short:
    """A source that has less, or more, than it says."""

    etag = last_modified = None
    size = 10

    def __init__(self, gives: bytes) -> None:
        self.gives = gives
        self.closed = False

    async def open(self) -> "Short":
        return self

    async def read(self, start: int, stop: int) -> bytes:
        return self.gives if start == 0 else b""

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("gives", [b"", b"12345", b"12345678901"])
def test_a_source_that_has_not_what_it_says(gives: bytes, backend: str) -> None:
    log, source = Log(), Short(gives)

    async def main() -> None:
        async with Exchange(FileResponse(source, **log.options)) as exchange:
            with pytest.raises(FileChangedError, match="announced"):
                await exchange.body()
            assert not exchange.complete
            assert all(message["more_body"] for message in exchange.messages[1:])

    run(main, backend=backend)
    assert source.closed
    assert log.outcome.ending is Ending.FAILED


# Extensions


def types(answer: Any) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in answer.messages]


class ByPath(FileResponse):
    pathsend = True


def test_path_send(file: Path, backend: str) -> None:
    log = Log()
    answer = run(lambda: fetch(ByPath(file, **log.options), extensions=[PATHSEND, ZERO_COPY]), backend=backend)
    assert types(answer) == ["start", "pathsend"]
    assert answer.messages[1] == {"type": PATHSEND, "path": str(file)}
    assert answer.body == file.read_bytes()
    assert log.outcome.bytes_sent == len(answer.body)


NOT_BY_PATH: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "not offered": ({}, {}),
    "range": ({}, {"headers": {"range": "bytes=5-2000000"}, "extensions": [PATHSEND]}),
    "several": ({}, {"headers": {"range": "bytes=0-1500000,1600000-"}, "extensions": [PATHSEND]}),
    "root": ({"root": "/"}, {"extensions": [PATHSEND]}),
    "deleted": ({"delete_after": True}, {"extensions": [PATHSEND]}),
    "WebSocket": ({"status_code": 403}, {"type": "websocket", "extensions": [PATHSEND, ZERO_COPY, DENIAL]}),
}


@pytest.mark.parametrize("name", NOT_BY_PATH)
def test_no_path_send(file: Path, name: str, backend: str) -> None:
    options, request = NOT_BY_PATH[name]
    answer = run(lambda: fetch(ByPath(file, **options), **request), backend=backend)
    assert answer.complete
    assert set(types(answer)) == {"start", "body"}


def test_no_path_send_by_default_and_for_what_is_small_or_relative(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    (file.parent / "small").write_bytes(b"x")
    (file.parent / "\udcff").write_bytes(file.read_bytes())
    for response in (
        FileResponse(file),
        ByPath(file.name),
        ByPath(file.parent / "small"),
        ByPath(file.parent / "\udcff"),
        ByPath(file.read_bytes()),
    ):
        answer = run(lambda app: fetch(app, extensions=[PATHSEND]), response)
        assert set(types(answer)) == {"start", "body"}


def test_zero_copy(file: Path, backend: str) -> None:
    content = file.read_bytes()
    log = Log()
    app = FileResponse(file, **log.options)
    answer = run(lambda: fetch(app, extensions=[ZERO_COPY]), backend=backend)
    assert types(answer) == ["start", "zerocopysend", "body"]
    assert {key: answer.messages[1][key] for key in ("offset", "count", "more_body")} == {
        "offset": 0,
        "count": len(content),
        "more_body": True,
    }
    assert answer.body == content
    assert log.outcome.bytes_sent == len(content)
    several = run(lambda: fetch(app, extensions=[ZERO_COPY], headers={"range": "bytes=5-9,100-199"}), backend=backend)
    assert types(several) == ["start", "body", "zerocopysend", "body", "zerocopysend", "body"]
    assert several.complete
    assert content[100:200] in several.body


def test_zero_copy_of_nothing_and_of_bytes(tmp_path: Path, backend: str) -> None:
    (tmp_path / "a").touch()
    for content in (tmp_path / "a", b"abc"):
        answer = run(lambda app: fetch(app, extensions=[ZERO_COPY]), FileResponse(content), backend=backend)
        assert types(answer) == ["start", "body"]


def test_websocket(file: Path, backend: str) -> None:
    log = Log()
    denied = run(
        lambda: fetch(FileResponse(file, 403, **log.options), type="websocket", extensions=[DENIAL]), backend=backend
    )
    assert (denied.status, denied.body) == (403, file.read_bytes())
    closed = run(lambda: fetch(FileResponse(file), type="websocket"), backend=backend)
    assert [message["type"] for message in closed.messages] == ["websocket.close"]


# Whatever the ending, descriptors are closed, the file is deleted if that was asked for, and the background runs.

ENDINGS: dict[str, tuple[Ending, dict[str, Any]]] = {
    "whole": (Ending.COMPLETED, {}),
    "HEAD": (Ending.COMPLETED, {"method": "HEAD"}),
    "304": (Ending.COMPLETED, {"headers": {"if-none-match": "*"}}),
    "412": (Ending.COMPLETED, {"headers": {"if-match": '"x"'}}),
    "416": (Ending.COMPLETED, {"headers": {"range": "bytes=9999999-"}}),
    "range": (Ending.COMPLETED, {"headers": {"range": "bytes=1-2"}}),
    "closed WebSocket": (Ending.COMPLETED, {"type": "websocket"}),
    "disconnect": (Ending.DISCONNECTED, {"disconnect_after": 2}),
    "disconnect at once": (Ending.DISCONNECTED, {"disconnect_after": 0, "spec_version": "2.4"}),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_deleted_after(file: Path, name: str, backend: str) -> None:
    ending, request = ENDINGS[name]
    log = Log()
    there: list[bool] = []
    background = BackgroundTasks([log.options["background"], BackgroundTask(lambda: there.append(file.exists()))])
    app = FileResponse(file, delete_after=True, on_finish=log.outcomes.append, background=background)
    run(lambda: fetch(app, **request), backend=backend)
    assert log.outcome.ending is ending
    assert there == [True]
    assert not file.exists()


def test_deleted_after_an_error(file: Path, backend: str) -> None:
    app = FileResponse(file, delete_after=True)
    app.headers["x-a"] = "a\nb"
    with pytest.raises(ValueError, match="x-a"):
        run(lambda: fetch(app), backend=backend)
    assert not file.exists()
    with pytest.raises(RuntimeError, match="does not exist"):
        run(lambda: fetch(FileResponse(file, delete_after=True)), backend=backend)


def test_deleted_although_the_background_fails(file: Path) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(lambda: fetch(FileResponse(file, delete_after=True, background=BackgroundTask(fail))))
    assert not file.exists()


def test_a_response_to_nothing_deletes_no_directory(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is not a file"):
        run(lambda: fetch(FileResponse(tmp_path, delete_after=True)))
    assert tmp_path.exists()


def test_a_source_in_place_of_the_path_is_not_deleted(file: Path) -> None:
    app = FileResponse(file, delete_after=True)
    app.path = b"abc"
    assert run(lambda: fetch(app)).body == b"abc"
    assert file.exists()


def test_a_fifo_is_refused_at_once(tmp_path: Path, backend: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(RuntimeError, match="is not a file"):
        run(lambda: fetch(FileResponse(tmp_path / "fifo")), backend=backend)


def test_cancelled_while_a_thread_reads(file: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """The descriptor is closed when the thread has done with it, and not before."""
    log, began, go_on = Log(), threading.Event(), threading.Event()
    real = local._read_at
    read: list[int] = []

    def slow(descriptor: int, start: int, count: int) -> bytes:
        began.set()
        go_on.wait(10)
        data = real(descriptor, start, count)
        read.append(len(data))
        return data

    monkeypatch.setattr(local, "_NOWAIT", 0)
    monkeypatch.setattr(local, "_read_at", slow)

    async def main() -> None:
        async with Exchange(FileResponse(file, **log.options)) as exchange:
            await exchange.start()
            await anyio.to_thread.run_sync(began.wait)
            await exchange.disconnect()
            go_on.set()

    run(main, backend=backend)
    assert log.outcome.ending is Ending.DISCONNECTED
    assert read == [FileResponse.chunk_size]


def test_the_loop_is_not_held_by_a_fast_client(file: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither reading nor sending waits, others get their turn all the same."""
    monkeypatch.setattr(_turns, "MOMENT", 0)
    turns = 0

    async def send(message: Any) -> None:
        pass

    async def other() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(other)
            scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}
            await FileResponse(file)(scope, never, send)
            group.cancel_scope.cancel()

    run(main, backend=backend)
    assert turns >= file.stat().st_size // FileResponse.chunk_size // 2  # trio takes tasks in any order


# The short way: what an ordinary GET of a small file takes. Whatever is not ordinary has to come out the same.

SMALL = b"small" * 100


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_bytes(SMALL)
    return path


def answers_of(
    small: Path, backend: str, request: dict[str, Any] | None = None, **options: Any
) -> tuple[Answer, Answer]:
    """Of the short way, and of the long way that something to do afterwards asks for."""
    short = run(lambda: fetch(FileResponse(small, **options), **(request or {})), backend=backend)
    long = run(lambda: fetch(FileResponse(small, on_finish=print, **options), **(request or {})), backend=backend)
    return short, long


REQUESTS: dict[str, dict[str, Any]] = {
    "HEAD": {"method": "HEAD"},
    "another method": {"method": "POST"},
    "304": {"headers": {"if-none-match": '"abc"'}},
    "304 by another spelling": {"headers": {"if-none-match": 'W/"abc", "b"'}},
    "412": {"headers": {"if-match": '"b"'}},
    "206": {"headers": {"range": "bytes=10-19"}},
    "206 of all": {"headers": {"range": "bytes=0-"}},
    "416": {"headers": {"range": "bytes=1000-"}},
    "400": {"headers": {"range": "bytes=5-2"}},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_both_ways_give_the_same_answer(small: Path, name: str, backend: str) -> None:
    short, long = answers_of(small, backend, REQUESTS[name], etag="abc")
    assert (short.status, sorted(short.headers), short.body) == (long.status, sorted(long.headers), long.body)
    assert name[:3] in {str(short.status), "HEA", "ano"}


def test_both_ways_send_several_ranges(small: Path, backend: str) -> None:
    for answer in answers_of(small, backend, {"headers": {"range": "bytes=0-4,10-14"}}):
        assert (answer.status, answer.body.count(b"small")) == (206, 2)


@pytest.mark.parametrize("late", ["a\nb", 700], ids=["header", "status"])
def test_what_cannot_be_sent_leaves_nothing_open(file: Path, late: Any, backend: str) -> None:
    response = FileResponse(file)
    if isinstance(late, int):
        response.status_code = late
    else:
        response.headers["x-a"] = late
    with pytest.raises(ValueError, match=r"x-a|700"):
        run(lambda: fetch(response), backend=backend)


def test_what_is_sent_may_be_edited(small: Path, file: Path, backend: str) -> None:
    """By middleware, for instance; the next answer with the same file is as the first one."""

    async def head(path: Path) -> Any:
        return (await fetch(FileResponse(path))).messages[0]["headers"]

    for path in (small, file):
        first = run(head, path, backend=backend)
        expected = first.copy()
        first.clear()
        assert run(head, path, backend=backend) == expected


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"headers": {"x-a": "1", "cache-control": "no-store"}}, id="headers"),
        pytest.param({"headers": {"content-type": "text/html"}}, id="own type"),
        pytest.param({"headers": {"accept-ranges": "none"}}, id="no ranges"),
        pytest.param({"headers": {"content-length": "7"}}, id="wrong length"),
        pytest.param({"filename": "ü.txt"}, id="filename"),
        pytest.param({"etag": "abc"}, id="etag"),
        pytest.param({"stat_result": Path(__file__).stat()}, id="facts of another"),
        pytest.param({"status_code": 203}, id="another status"),
        pytest.param({"root": "/"}, id="root"),
    ],
)
def test_both_ways_say_the_same(small: Path, options: dict[str, Any], backend: str) -> None:
    short, long = answers_of(small, backend, **options)
    assert (short.status, sorted(short.headers), short.body) == (long.status, sorted(long.headers), SMALL)


LATE: dict[str, Callable[[FileResponse], object]] = {
    "a tag": lambda response: response.headers.update({"etag": '"late"'}),
    "a length": lambda response: response.headers.update({"content-length": "3"}),
    "no type": lambda response: response.headers.__delitem__("content-type"),
    "upper case": lambda response: response.raw_headers.append((b"X-A", b" 1 ")),
    "other headers": lambda response: setattr(response, "raw_headers", [(b"x-a", b"1")]),
    "a cookie": lambda response: response.set_cookie("a", "b"),
    "small portions": lambda response: setattr(response, "chunk_size", 2),
}


@pytest.mark.parametrize("late", LATE)
def test_both_ways_say_the_same_of_what_is_assigned(small: Path, late: str) -> None:
    short, long = FileResponse(small), FileResponse(small, on_finish=print)
    for response in (short, long):
        LATE[late](response)
    answer, of_the_long_way = run(lambda: fetch(short)), run(lambda: fetch(long))
    assert (answer.headers, answer.body) == (of_the_long_way.headers, SMALL)


def test_cookies_are_not_remembered(small: Path) -> None:
    """They are secrets of one client."""
    response = FileResponse(small)
    response.set_cookie("session", "secret")
    remembered = _prepare_file.cache_info()
    assert "session=secret" in str(run(lambda: fetch(response)).headers)
    assert _prepare_file.cache_info() == remembered


STEPS_THAT_FAIL: dict[str, tuple[str, Any]] = {
    "opening would wait": ("open_cached", lambda self: None),
    "opening fails": ("open_cached", lambda self: _raise(PermissionError(errno.EACCES, "no"))),
    "reading would wait": ("read_cached", lambda self, start, stop: None),
    "reading fails": ("read_cached", lambda self, start, stop: _raise(OSError(errno.EIO, "no"))),
    "reading gives less": ("read_cached", lambda self, start, stop: SMALL[: stop - start - 1]),
}


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("name", STEPS_THAT_FAIL)
def test_where_the_short_way_ends_the_long_one_begins(
    small: Path, name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, fails = STEPS_THAT_FAIL[name]
    owner: Any = LocalFile if step == "open_cached" else OpenFile
    real = getattr(owner, step)
    failed: list[str] = []

    def once(self: Any, *arguments: int) -> Any:
        if failed:
            return real(self, *arguments)
        failed.append(step)
        return fails(self, *arguments)

    monkeypatch.setattr(owner, step, once)
    answer = run(lambda: fetch(FileResponse(small)), backend=backend)
    assert (answer.status, answer.body, failed) == (200, SMALL, [step])


def test_a_client_that_left_is_no_error_on_the_short_way(small: Path, backend: str) -> None:
    run(lambda: fetch(FileResponse(small), spec_version="2.4", disconnect_after=0), backend=backend)


def test_content_that_cannot_be_read_is_told_before_the_head(small: Path, backend: str) -> None:
    """What fits into one message is read first, so that the server can still send a 500."""

    class Broken:
        size, etag, last_modified = 10, None, None

        async def open(self) -> "Broken":
            return self

        async def read(self, start: int, stop: int) -> bytes:
            raise OSError(errno.EIO, "no")

        def close(self) -> None: ...

    sent: list[Any] = []

    async def main() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await FileResponse(Broken())({"type": "http", "method": "GET", "headers": []}, never, send)

    with pytest.raises(OSError, match="no"):
        run(main, backend=backend)
    assert sent == []
