"""Local files: opened and read on the loop where that does not wait, in threads elsewhere; beneath a root or not at all."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from rejoinder._sources import local, openat2
from rejoinder._sources.local import FileChangedError, LocalFile, NotAFileError, OpenFile
from rejoinder.testing import run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]
CONTENT = bytes(range(256)) * 1000


def failing(number: int) -> Callable[..., Any]:
    def call(*args: object, **kwargs: object) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def fail_when_cached(number: int) -> Callable[..., int]:
    """An openat2 that would have to wait."""
    real = openat2.openat2

    def call(directory: int, path: bytes, flags: int, resolve: int) -> int:
        if resolve & openat2.RESOLVE_CACHED:
            raise OSError(number, os.strerror(number))
        return real(directory, path, flags, resolve)

    return call


def without_pread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(local, "_NOWAIT", 0)
    patch.delattr(os, "pread")


# What a system may lack, and what an operation may have to wait for; each must give the same answers.
SYSTEMS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "Linux": lambda patch: None,
    "opening waits": lambda patch: patch.setattr(openat2, "openat2", fail_when_cached(errno.EAGAIN)),
    "no RESOLVE_CACHED": lambda patch: patch.setattr(openat2, "openat2", fail_when_cached(errno.EINVAL)),
    "openat2 forbidden": lambda patch: patch.setattr(openat2, "openat2", failing(errno.EPERM)),
    "no openat2": lambda patch: patch.setattr(openat2, "_syscall", None),
    "reading waits": lambda patch: patch.setattr(os, "preadv", failing(errno.EAGAIN)),
    "no RWF_NOWAIT here": lambda patch: patch.setattr(os, "preadv", failing(errno.EOPNOTSUPP)),
    "no RWF_NOWAIT": lambda patch: patch.setattr(local, "_NOWAIT", 0),
    "no pread": without_pread,
}


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    SYSTEMS[request.param](monkeypatch)
    return str(request.param)


async def contents(path: Any, root: Any = None, portion: int = 100_000) -> bytes:
    opened = await LocalFile(path, root).open()
    try:
        found = b""
        while data := await opened.read(len(found), len(found) + portion):
            found += data
        assert len(found) == opened.size
        return found
    finally:
        opened.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with everything in it that leads out of it, and its surroundings."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "file").write_bytes(CONTENT)
    (root / "sub/file").write_bytes(b"sub")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside/file").write_bytes(b"beside")
    (root / "link").symlink_to("sub/file")
    (root / "absolute").symlink_to(root / "sub/file")
    (root / "out").symlink_to("../secret")
    (root / "absolutely-out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    (root / "magic").symlink_to("/proc/self/cwd")
    os.mkfifo(root / "fifo")
    return root


@pytest.mark.parametrize("backend", BACKENDS)
def test_facts_and_octets(tree: Path, system: str, backend: str) -> None:
    async def main() -> None:
        opened = await LocalFile(tree / "file").open()
        facts = await anyio.to_thread.run_sync(os.stat, tree / "file")
        assert (opened.size, opened.last_modified) == (len(CONTENT), facts.st_mtime)
        assert opened.etag == local.stat_etag(facts)
        assert await opened.read(5, 9) == CONTENT[5:9]
        assert await opened.read(len(CONTENT) - 1, len(CONTENT) + 10) == CONTENT[-1:]
        opened.close()
        assert await contents(os.fspath(tree / "file")) == CONTENT

    run(main, backend=backend)


BENEATH = {
    "file": CONTENT,
    "./sub/../file": CONTENT,
    "sub//file": b"sub",
    "link": b"sub",
    "absolute": b"sub",
    "{root}/sub/file": b"sub",
}
NOT_THERE = [
    "missing",
    "file/below",
    "../secret",
    "sub/../../secret",
    "{root}/../secret",
    "{root}-beside/file",
    "../root-beside/file",
    "/etc/passwd",
    "out",
    "absolutely-out",
    "up/secret",
    "up/root/file/../../../secret",
    "loop",
    "dangling",
    "file\0",
    "x" * 300,
    "x/" * 3000,
    "\ud800",
    "..\\secret",
    "%2e%2e/secret",
]


@pytest.mark.parametrize("name", BENEATH)
def test_beneath_the_root(tree: Path, system: str, name: str) -> None:
    assert run(contents, name.format(root=tree), tree) == BENEATH[name]
    assert run(contents, Path(name.format(root=tree)), os.fspath(tree)) == BENEATH[name]


def test_a_root_that_is_a_link(tree: Path, system: str) -> None:
    """As with releases, of which the current one is linked."""
    (tree.parent / "current").symlink_to(tree)
    assert run(contents, "sub/file", tree.parent / "current") == b"sub"
    with pytest.raises(FileNotFoundError):
        run(contents, "out", tree.parent / "current")


def test_no_root_is_no_way_to_everything(tree: Path, system: str) -> None:
    """A "/" after it would make it one."""
    with pytest.raises(FileNotFoundError):
        run(contents, os.fspath(tree / "file").removeprefix("/"), "")


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="only openat2 takes more than PATH_MAX in two calls")
def test_a_long_root_before_a_long_path(tree: Path) -> None:
    """Together they are longer than what one call takes."""
    root, path = f"{tree}{'/.' * 1500}", f"{'./' * 1000}sub/file"
    assert run(contents, path, root) == b"sub"


@pytest.mark.parametrize("name", NOT_THERE)
def test_not_beneath_the_root(tree: Path, system: str, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        run(contents, name.format(root=tree), tree)


@pytest.mark.parametrize("name", [".", "", "sub", "fifo", "up/root", "magic"])
def test_no_file(tree: Path, system: str, name: str) -> None:
    with pytest.raises((NotAFileError, FileNotFoundError)):
        run(contents, name, tree)
    if name not in {"", "magic"}:
        with pytest.raises(NotAFileError):
            run(contents, tree / name)


def test_no_such_root(tree: Path, system: str) -> None:
    with pytest.raises(FileNotFoundError):
        run(contents, "file", tree / "nowhere")


def test_a_socket_is_no_file(tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(NotAFileError):
            run(contents, tmp_path / "socket")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_other_errors_are_what_they_are(tree: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openat2, "openat2", failing(number))
    with pytest.raises(OSError) as raised:
        run(contents, tree / "file")
    assert raised.value.errno == number


def test_a_drive_that_is_not_the_roots(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commonpath(paths: object) -> Any:
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr(openat2, "_syscall", None)
    monkeypatch.setattr(os.path, "commonpath", commonpath)
    with pytest.raises(FileNotFoundError):
        run(contents, "file", tree)


def test_the_kernel_has_the_last_word(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is changed between the look and the opening: the kernel refuses."""
    monkeypatch.setattr(local, "_resolve", lambda root, path: (root, b"out"))
    with pytest.raises(FileNotFoundError):
        run(contents, "absolute", tree)


def test_what_is_cached_needs_no_thread(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_thread(*args: object) -> Any:
        raise AssertionError("a thread")

    monkeypatch.setattr(local, "in_thread", no_thread)
    opened = os.open(tree / "file", os.O_RDONLY)
    try:
        os.preadv(opened, [bytearray(1)], 0, os.RWF_NOWAIT)
        descriptor = openat2.openat2(openat2.AT_FDCWD, os.fsencode(tree), openat2.PLACE, openat2.RESOLVE_CACHED)
        os.close(descriptor)
    except OSError as error:
        pytest.skip(f"this system cannot: {error}")
    finally:
        os.close(opened)
    assert run(contents, tree / "file") == CONTENT
    assert run(contents, "sub/file", tree) == b"sub"


def test_an_error_of_the_disk(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", failing(errno.EIO))
    with pytest.raises(OSError) as raised:
        run(contents, tree / "file")
    assert raised.value.errno == errno.EIO


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, (1, 1))


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(b"new")
    path.with_name("new").replace(path)


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "grown": (append, True),
    "replaced": (replace, True),
    "deleted": (Path.unlink, True),
    "truncated": (lambda path: os.truncate(path, 10), False),
    "emptied": (lambda path: os.truncate(path, 0), False),
    "rewritten": (rewrite, False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes(tree: Path, system: str, name: str) -> None:
    change, harmless = CHANGES[name]

    async def main() -> bytes:
        opened = await LocalFile(tree / "file").open()
        try:
            first = await opened.read(0, 5)
            await anyio.to_thread.run_sync(change, tree / "file")
            return first + await opened.read(5, len(CONTENT))
        finally:
            opened.close()

    if harmless:
        assert run(main) == CONTENT
    else:
        with pytest.raises(FileChangedError, match="changed"):
            run(main)


@pytest.mark.parametrize("early", [1, 3])
def test_a_look_while_a_write_has_set_the_time_and_not_yet_the_size(
    tree: Path, early: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fstat
    looks: list[int] = []

    def look(descriptor: int) -> Any:
        looks.append(descriptor)
        found = real(descriptor)
        names = [name for name in dir(found) if name.startswith("st_")]
        size = len(CONTENT) if len(looks) <= early else found.st_size
        return SimpleNamespace(**{**{name: getattr(found, name) for name in names}, "st_size": size})

    async def main() -> bytes:
        opened = await LocalFile(tree / "file").open()
        await anyio.to_thread.run_sync(append, tree / "file")
        monkeypatch.setattr(os, "fstat", look)
        try:
            return await opened.read(0, len(CONTENT))
        finally:
            opened.close()

    assert run(main) == CONTENT
    assert len(looks) == early + 1


@pytest.mark.parametrize("how", ["scope, asyncio", "scope, trio", "task"])
@pytest.mark.parametrize("fails", [False, True])
def test_cancelled_while_a_thread_opens(tree: Path, how: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on = threading.Event(), threading.Event()
    real = LocalFile._open_waiting

    def slow(self: LocalFile, path: bytes) -> int:
        began.set()
        go_on.wait(10)
        return real(self, b"nowhere" if fails else path)

    monkeypatch.setattr(LocalFile, "open_cached", lambda self: None)
    monkeypatch.setattr(LocalFile, "_open_waiting", slow)
    opened: list[OpenFile] = []

    async def open_it() -> None:
        try:
            opened.append(await LocalFile(tree / "file").open())
            opened.pop().close()
        finally:
            assert go_on.is_set()  # nobody went on before the thread had ended

    async def by_scope() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(open_it)
            await anyio.to_thread.run_sync(began.wait)
            group.cancel_scope.cancel()
            go_on.set()

    async def by_task() -> None:
        task = asyncio.ensure_future(open_it())
        await anyio.to_thread.run_sync(began.wait)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises((asyncio.CancelledError, FileNotFoundError)):
            await task

    if how == "task":
        run(by_task)
    else:
        try:
            run(by_scope, backend=how.removeprefix("scope, "))
        except* FileNotFoundError:
            assert fails


def test_a_descriptor_that_has_no_facts_is_closed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_facts_of_file", failing(errno.EIO))
    with pytest.raises(OSError):
        run(contents, tree / "file")


def test_other_systems_have_no_openat2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert openat2._find() is None
