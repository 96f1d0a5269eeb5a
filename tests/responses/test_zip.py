"""ZipResponse: what is in the archive, what is said of it, and what becomes of its contents on each way out."""

import io
import os
import threading
import zipfile
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from rejoinder import Ending, FileChangedError, Outcome, ZipEntry, ZipResponse
from rejoinder._sources.memory import BytesSource
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]
THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
BIG = bytes(range(256)) * 4096  # 1 MiB


def get(response: Any, method: str = "GET", backend: str = "asyncio", **fields: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return run(lambda: fetch(response, method, headers=headers), backend=backend)


def contents(answer: Answer) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.body)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


class Log:
    """A generator of either kind, that tells whether it was closed, and where."""

    def __init__(self) -> None:
        self.begun = self.closed = 0

    def sync(self, *chunks: bytes) -> Generator[bytes, None, None]:
        return _Watched(self, chunks)  # type: ignore[return-value]

    async def items(self, *chunks: bytes, wait: bool = False) -> AsyncGenerator[bytes, None]:
        self.begun += 1
        try:
            for chunk in chunks:
                yield chunk
            if wait:
                await anyio.sleep_forever()
        finally:
            self.closed += 1


class _Watched:
    """An iterator whose `close` is called in a thread."""

    def __init__(self, log: Log, chunks: tuple[bytes, ...]) -> None:
        self._log = log
        self._chunks = iter(chunks)

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        return next(self._chunks)

    def close(self) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self._log.closed += 1


class Remote:
    """A source, that is open in a counted way."""

    def __init__(self, content: bytes, last_modified: float | None = None) -> None:
        self.content = content
        self.size = len(content)
        self.etag: str | None = None
        self.last_modified = last_modified
        self.opened = self.closed = 0

    async def open(self) -> "Remote":
        self.opened += 1
        return self

    async def read(self, start: int, stop: int) -> bytes:
        return self.content[start : min(stop, start + 1000)]

    async def close(self) -> None:
        await anyio.sleep(0.1)
        self.closed += 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With what must not get into an archive, and what must not stop one."""
    root = tmp_path / "folder"
    (root / "inner/deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a.txt").write_bytes(b"a")
    (root / "inner/big").write_bytes(BIG)
    (root / "inner/deep/é").write_bytes(b"e")
    (tmp_path / "secret").write_bytes(b"hunter2")
    (root / "out").symlink_to("../secret")
    (root / "out-directory").symlink_to("..")
    (root / "nowhere").symlink_to("nothing")
    (root / "in").symlink_to("inner/big")
    (root / "inner/up").symlink_to("..")
    (root / "a-link-to-inner").symlink_to("inner")
    os.mkfifo(root / "fifo")
    return root


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_all_kinds_of_content(folder: Path, backend: str, deflate: bool) -> None:
    log, remote = Log(), Remote(b"r" * 5000)
    with (folder / "a.txt").open("rb") as file:
        response = ZipResponse(
            {
                "path": folder / "inner/big",
                "text": str(folder / "a.txt"),
                "bytes": BIG,
                "bytearray": bytearray(b"1"),
                "memory": io.BytesIO(b"2"),
                "file": file,
                "source": remote,
                "list": [b"3", b"4"],
                "sync": log.sync(b"5" * 100_000, b"6" * 100_000, b"7"),
                "async": log.items(b"8", b"9" * 5000),
                "empty": b"",
                "directory/": None,
            },
            deflate=deflate,
        )
        answer = get(response, backend=backend)
        assert not file.closed
    assert answer.complete
    assert answer.headers.get("content-type") == "application/zip"
    assert answer.headers.get("content-length") is None
    assert answer.headers.get("etag") is None
    assert contents(answer) == {
        "path": BIG, "text": b"a", "bytes": BIG, "bytearray": b"1", "memory": b"2", "file": b"a", "source": b"r" * 5000,
        "list": b"34", "sync": b"5" * 100_000 + b"6" * 100_000 + b"7", "async": b"8" + b"9" * 5000, "empty": b"",
        "directory/": b"",
    }  # fmt: skip
    assert (remote.opened, remote.closed, log.begun, log.closed) == (1, 1, 1, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_a_directory_all_that_is_in_it(folder: Path, backend: str) -> None:
    answer = get(ZipResponse({"photos/": folder}), backend=backend)
    assert answer.headers.get("content-length") == str(len(answer.body))
    assert contents(answer) == {
        "photos/": b"", "photos/a.txt": b"a", "photos/empty/": b"", "photos/in": BIG, "photos/inner/": b"",
        "photos/inner/big": BIG, "photos/inner/deep/": b"", "photos/inner/deep/é": b"e",
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="names there have none of these")
def test_names_of_files_that_no_archive_should_have_are_replaced(tmp_path: Path) -> None:
    for name in (b"a\\b", b"a_b", b"c\nd", b"\xff"):
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    found = contents(get(ZipResponse({"d/": tmp_path})))
    assert found.keys() == {"d/", "d/a_b", "d/a_b_", "d/c_d", "d/\ufffd"}
    assert {found["d/a_b"], found["d/a_b_"]} == {b"a\\b", b"a_b"}


def test_the_length_is_known_where_all_sizes_are(folder: Path) -> None:
    log = Log()
    entries: list[ZipEntry | tuple[str, Path]] = [
        ZipEntry("source", Remote(b"r" * 10), size=10),
        ZipEntry("items", log.items(b"ab", b"cd"), size=4, modified=THEN),
        ("path", folder / "inner/big"),
        ZipEntry("bytes", b"1", modified=THEN),
    ]
    answer = get(ZipResponse(entries))
    assert answer.headers.get("content-length") == str(len(answer.body))
    assert contents(answer)["items"] == b"abcd"


def test_head_tells_the_length_and_reads_nothing(folder: Path) -> None:
    log, remote = Log(), Remote(b"r")
    entries = [
        ZipEntry("a", folder / "a.txt"),
        ZipEntry("b", log.items(b"abc"), size=3),
        ZipEntry("c", log.sync(b""), size=0),
    ]
    response = ZipResponse([*entries, ZipEntry("d", remote, size=1)])
    answer = get(response, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get("content-length") == str(30 * 4 + 46 * 4 + 8 + 18 * 4 + 16 * 4 + 5 + 22)
    assert (remote.opened, log.begun, log.closed) == (0, 0, 1)
    with pytest.raises(RuntimeError, match="has been read already"):
        get(response)


def test_files_have_a_validator(folder: Path) -> None:
    response = ZipResponse({"d/": folder, "a": folder / "a.txt"}, filename="a.zip")
    first = get(response)
    etag = first.headers.get("etag")
    assert etag is not None
    assert etag.startswith('W/"')
    assert get(response).headers.get("etag") == etag
    again = get(response, if_none_match=etag)
    assert (again.status, again.body) == (304, b"")
    assert get(ZipResponse({"d/": folder, "a": folder / "a.txt"}, deflate=True)).headers.get("etag") != etag
    assert get(ZipResponse({"d/": folder, "b": folder / "a.txt"})).headers.get("etag") != etag
    (folder / "a.txt").write_bytes(b"ab")
    assert get(response).headers.get("etag") != etag
    of_a_year = [
        ZipResponse([ZipEntry("a", folder / "a.txt", modified=datetime(y, 1, 1, tzinfo=UTC))]) for y in (2000, 2020)
    ]
    assert len({get(dated).headers.get("etag") for dated in of_a_year}) == 2


@pytest.mark.parametrize(
    ("options", "etag"),
    [
        pytest.param({"etag": "abc"}, '"abc"', id="etag="),
        pytest.param({"headers": {"ETag": '"x"'}}, '"x"', id="headers="),
        pytest.param({"status_code": 404}, None, id="not of an error"),
    ],
)
def test_a_validator_that_was_given_wins(folder: Path, options: dict[str, Any], etag: str | None) -> None:
    answer = get(ZipResponse({"a": folder / "a.txt"}, **options))
    assert answer.headers.get("etag") == etag


def test_times(folder: Path) -> None:
    os.utime(folder / "a.txt", (THEN.timestamp(), THEN.timestamp()))
    entries = [
        ZipEntry("given", b"", modified=THEN),
        ZipEntry("file", folder / "a.txt"),
        ZipEntry("source", Remote(b"", THEN.timestamp())),
        ZipEntry("now", b""),
        ZipEntry("over", folder / "inner/big", modified=THEN),
    ]
    answer = get(ZipResponse(entries))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as opened:
        times = {info.filename: info.date_time for info in opened.infolist()}
    assert {name for name, time in times.items() if time == (2024, 5, 17, 12, 0, 0)} == {
        "given",
        "file",
        "source",
        "over",
    }


@pytest.mark.parametrize("odd", [-1e12, 2.0**62])
def test_a_file_may_be_of_any_time(tmp_path: Path, odd: float) -> None:
    answer = get(ZipResponse({"a": Remote(b"x", odd)}))
    assert contents(answer) == {"a": b"x"}


async def never() -> Any:
    await anyio.sleep_forever()


async def taken(message: Any) -> None:
    """A client that takes what it is sent."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", ["disconnect", "cancel", "failure"])
def test_on_each_way_out_all_is_closed(folder: Path, backend: str, way: str) -> None:
    done, now, later, remote = Log(), Log(), Log(), Remote(b"r")
    outcomes: list[Outcome] = []

    async def failing() -> AsyncGenerator[bytes, None]:
        now.begun += 1
        try:
            yield b"x" * 100_000
            raise OSError("gone")
        finally:
            now.closed += 1

    response = ZipResponse(
        {
            "remote": remote,
            "done": done.sync(b"a"),
            "path": folder / "inner/big",
            "now": failing() if way == "failure" else now.items(b"x" * 100_000, wait=True),
            "later": later.items(b"c"),
            "later still": later.sync(b"d"),
        },
        on_finish=outcomes.append,
    )

    async def main() -> None:
        if way == "cancel":
            with anyio.move_on_after(10):
                await response({"type": "http", "method": "GET", "headers": []}, never, taken)
        elif way == "disconnect":
            async with Exchange(response) as exchange:
                while b"xxx" not in exchange.content:
                    await exchange.read()
                await exchange.disconnect()
        else:
            with pytest.raises(OSError, match="gone"):
                await fetch(response)

    run(main, backend=backend)
    assert (remote.opened, remote.closed, done.closed, now.begun, now.closed) == (1, 1, 1, 1, 1)
    assert (later.begun, later.closed) == (0, 1)
    assert [outcome.ending for outcome in outcomes] == [Ending.DISCONNECTED if way == "disconnect" else Ending.FAILED]


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_one_thing_is_open_at_a_time(folder: Path, deflate: bool) -> None:
    remotes = [Remote(b"r" * 300_000) for _ in range(5)]
    most = 0

    async def main() -> None:
        nonlocal most
        async with Exchange(
            ZipResponse([(f"{n}", remote) for n, remote in enumerate(remotes)], deflate=deflate)
        ) as exchange:
            async for _ in exchange:
                most = max(most, sum(remote.opened - remote.closed for remote in remotes))

    run(main)
    assert most <= 1
    assert all(remote.closed == 1 for remote in remotes)


def changed_before(path: Path) -> None:
    path.write_bytes(BIG + b"more")


def shrunk(path: Path) -> None:
    os.truncate(path, 10)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(BIG)
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [changed_before, shrunk, replaced, os.unlink])
def test_a_file_that_is_not_what_was_announced_cuts_the_connection(tmp_path: Path, change: Any) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(BIG)
    second.write_bytes(BIG)

    async def main() -> None:
        async with Exchange(ZipResponse({"first": first, "second": second})) as exchange:
            await exchange.read()
            await anyio.to_thread.run_sync(change, second)
            with pytest.raises(OSError):
                await exchange.body()
            assert not exchange.complete

    run(main)


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_a_file_that_shrinks_while_it_is_sent_cuts_the_connection(tmp_path: Path, deflate: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(4 * len(BIG)))

    async def main() -> None:
        async with Exchange(ZipResponse({"file": path}, deflate=deflate)) as exchange:
            await exchange.read()
            await anyio.to_thread.run_sync(os.truncate, path, 10)
            with pytest.raises(FileChangedError):
                await exchange.body()
            assert not exchange.complete

    run(main)


def test_a_log_may_grow_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(BIG * 2)

    async def main() -> None:
        async with Exchange(ZipResponse({"log": path})) as exchange:
            first = await exchange.read()
            await anyio.to_thread.run_sync(grown, path)
            rest = await exchange.body()
            answer = Answer(exchange.messages, first + rest, exchange.complete)
        assert contents(answer) == {"log": BIG * 2}
        assert answer.headers.get("content-length") == str(len(answer.body))

    run(main)


def test_deflated_it_is_the_file_as_it_is_when_it_is_its_turn(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(os.urandom(len(BIG)))
    second.write_bytes(b"old")

    async def main() -> None:
        async with Exchange(ZipResponse({"first": first, "second": second}, deflate=True)) as exchange:
            data = await exchange.read()
            await anyio.to_thread.run_sync(second.write_bytes, b"newer")
            data += await exchange.body()
        assert contents(Answer([], data, complete=True))["second"] == b"newer"

    run(main)


@pytest.mark.parametrize("content", [[b"abc"], [b"abcde"], [b"ab", b"cd", b"e"]])
def test_content_of_another_size_than_was_said_cuts_the_connection(content: list[bytes]) -> None:
    with pytest.raises(ValueError, match="its size is 4"):
        get(ZipResponse([ZipEntry("a", content, size=4)]))


@pytest.mark.parametrize("deflate", [False, True])
def test_a_source_of_another_size_than_was_said_cuts_the_connection(deflate: bool) -> None:
    with pytest.raises(FileChangedError):
        get(ZipResponse([ZipEntry("a", BytesSource(bytes(10)), size=5), ZipEntry("b", [b"c"])], deflate=deflate))


def test_chunks_of_another_type_cut_the_connection() -> None:
    with pytest.raises(TypeError, match="chunks must be"):
        get(ZipResponse({"a": [1]}))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        pytest.param({"a": "nothing"}, "nothing does not exist", id="no file"),
        pytest.param({"a/": "nothing"}, "nothing does not exist", id="no directory"),
        pytest.param({"a": "folder"}, "its name in the archive must end with '/'", id="a directory as a file"),
        pytest.param({"a/": "folder/a.txt"}, "is not a directory", id="a file as a directory"),
        pytest.param({"a": "folder/fifo"}, "is not a file", id="a FIFO"),
        pytest.param({"a": "folder/a.txt/b"}, "does not exist", id="beneath a file"),
    ],
)
def test_what_is_not_there_is_an_error_before_anything_is_sent(
    folder: Path, entries: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    log = Log()

    async def main() -> None:
        async with Exchange(ZipResponse({**dict[str, Any](entries), "z": log.sync(b"")})) as exchange:
            with pytest.raises(RuntimeError, match=text):
                await exchange.start()
            assert exchange.messages == []

    run(main)
    assert log.closed == 1


def test_a_name_that_a_directory_brings_as_well_is_an_error(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"'d/a\.txt': there are two"):
        get(ZipResponse({"d/": folder, "d/a.txt": b""}))


@pytest.mark.parametrize(
    ("entries", "error", "text"),
    [
        ({"../a": b""}, ValueError, "'..'"),
        ([("a", b""), ("a", b"")], ValueError, "two of this name"),
        ({"a/": b""}, TypeError, "a directory has a name that ends"),
        ({"a": None}, TypeError, "a directory has a name that ends"),
        ({"a": 1}, TypeError, "got int"),
        ({"a": io.StringIO("text")}, TypeError, "got StringIO"),
        ({1: b""}, TypeError, "must be a str"),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_once(entries: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ZipResponse(entries)


def test_mistakes_of_an_entry_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        ZipEntry("a", [], size=-1)
    with pytest.raises(ValueError, match="aware datetime"):
        ZipEntry("a", [], modified=THEN.replace(tzinfo=None))
    with pytest.raises(TypeError, match="on_error"):
        ZipResponse({}, on_error=str)  # type: ignore[call-arg]


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_a_large_chunk_leaves_in_pieces(deflate: bool) -> None:
    async def main() -> list[int]:
        async with Exchange(ZipResponse({"a": os.urandom(4 * len(BIG))}, deflate=deflate)) as exchange:
            return [len(chunk) async for chunk in exchange]

    assert max(run(main)) < len(BIG)


def test_what_a_slow_iterable_gives_is_not_kept_for_long() -> None:
    went_on = threading.Event()

    def slow() -> Generator[bytes, None, None]:
        yield b"a"
        threading.Event().wait(0.05)
        yield b"b"
        went_on.wait(10)
        yield b"c"

    async def main() -> None:
        async with Exchange(ZipResponse({"a": slow()})) as exchange:
            while b"ab" not in exchange.content:
                await exchange.read()
            went_on.set()
            await exchange.body()
            assert exchange.complete

    anyio.run(main)


def test_one_that_cannot_be_closed_keeps_no_other_open() -> None:
    class Broken:
        def __iter__(self) -> "Broken":
            return self

        def __next__(self) -> bytes:
            raise AssertionError("HEAD reads nothing")

        def close(self) -> None:
            raise OSError("cannot be closed")

    log = Log()
    response = ZipResponse({"a": log.sync(b""), "b": Broken(), "c": log.sync(b"")})
    run(lambda: fetch(response, "HEAD"))
    assert log.closed == 2


def test_it_may_be_sent_again_and_wrapped(folder: Path) -> None:
    response = ZipResponse({"a": folder / "a.txt"})
    assert get(response).body == get(response).body

    async def reversed_(chunks: Any) -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            yield chunk[::-1]

    expected = get(response).body
    response.body_iterator = reversed_(response.body_iterator)
    answer = get(response)
    assert answer.headers.get("content-length") is None
    assert len(answer.body) == len(expected)


def test_an_empty_archive_is_one() -> None:
    answer = get(ZipResponse({}))
    assert contents(answer) == {}
    assert answer.headers.get("content-length") == "22"


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_iterable_that_gives_another_iterator_is_closed_with_it(backend: str) -> None:
    log = Log()

    class Rows:
        def __aiter__(self) -> AsyncGenerator[bytes, None]:
            return log.items(b"a", b"b" * 100_000, wait=True)

    async def main() -> None:
        async with Exchange(ZipResponse({"a": Rows()})) as exchange:
            await exchange.read()

    run(main, backend=backend)
    assert (log.begun, log.closed) == (1, 1)
