"""Troubles of a real machine: a file system that cannot tell, a directory that is gone, what is forbidden, a full disk."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from starlette.types import ASGIApp

from rejoinder import FileResponse, StaticFiles
from rejoinder.testing import Answer, fetch, run

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("nothing_blocks", "all_closed")]

SHARED_MEMORY = Path("/dev/shm")
FULL = Path("/dev/full")
CONTENT = bytes(range(256)) * 4096  # more than one message
NOBODY = 65534


def get(app: ASGIApp, path: str = "/", **headers: str) -> Answer:
    return run(lambda: fetch(app, path=path, headers=headers))


@pytest.fixture
def in_shared_memory() -> Iterator[Path]:
    """A file on tmpfs, which has no `RWF_NOWAIT`."""
    if not hasattr(os, "RWF_NOWAIT") or not SHARED_MEMORY.is_dir():
        pytest.skip("needs Linux, and a tmpfs at /dev/shm")
    with TemporaryDirectory(dir=SHARED_MEMORY) as directory:
        file = Path(directory) / "file.bin"
        file.write_bytes(CONTENT)
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
        except OSError:
            yield file
        else:
            pytest.skip("/dev/shm has RWF_NOWAIT")
        finally:
            os.close(descriptor)


def test_a_file_system_that_cannot_tell_whether_it_would_wait(in_shared_memory: Path) -> None:
    app = FileResponse(in_shared_memory)
    assert get(app).body == CONTENT
    part = get(app, range="bytes=100-200")
    assert (part.status, part.body) == (206, CONTENT[100:201])
    assert get(StaticFiles(directory=in_shared_memory.parent), "/file.bin").body == CONTENT


@pytest.mark.parametrize("options", [{}, {"html": True}, {"listing": True}], ids=["plain", "html", "listing"])
def test_a_directory_that_goes_and_comes_back(tmp_path: Path, options: Any) -> None:
    site = tmp_path / "site"
    app = StaticFiles(directory=site, check_dir=False, **options)

    def build() -> None:
        site.mkdir()
        (site / "a.txt").write_text("a")

    build()
    assert get(app, "/a.txt").status == 200
    shutil.rmtree(site)
    for path in ("/a.txt", "/", "/sub/"):
        with pytest.raises(Exception, match="404"):
            get(app, path)
    build()
    assert get(app, "/a.txt").body == b"a"


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """The rest of the test has the rights of nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A directory that all can enter, with a file and a directory that nobody else may read."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "file").write_text("secret")
        (directory / "sub").mkdir()
        (directory / "sub" / "file").write_text("secret")
        for path in (directory / "file", directory / "sub"):
            path.chmod(0)
        directory.chmod(0o755)
        yield directory
        (directory / "sub").chmod(0o755)


@pytest.mark.parametrize("path", ["file", "sub/file"])
def test_what_is_forbidden_is_not_said_to_be_missing(forbidden: Path, as_nobody: None, path: str) -> None:
    with pytest.raises(PermissionError):
        get(FileResponse(forbidden / path, missing="404"))
    with pytest.raises(PermissionError):
        get(FileResponse(path, root=forbidden, missing="404"))
    with pytest.raises(Exception, match="403"):
        get(StaticFiles(directory=forbidden, listing=True), f"/{path}")


def test_a_listing_that_is_forbidden(forbidden: Path, as_nobody: None) -> None:
    app = StaticFiles(directory=forbidden, listing=True)
    with pytest.raises(Exception, match="403"):
        get(app, "/sub/")
    assert b"secret" not in get(app, "/").body


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_log_on_a_full_disk(tmp_path: Path) -> None:
    """Nothing of ours writes but the log of `rejoinder serve`; that it cannot be written holds up no file."""
    import httpx
    from bench.processes import end, free_port, wait_until_ready

    pytest.importorskip("uvicorn")
    (tmp_path / "a.txt").write_text("a")
    port, log = free_port(), tmp_path / "errors"
    command = [sys.executable, "-m", "rejoinder", "serve", str(tmp_path), "--port", str(port)]
    with FULL.open("w") as full, log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=full, stderr=errors)
        try:
            wait_until_ready("rejoinder serve", port, process, log)
            for _ in range(3):
                assert httpx.get(f"http://127.0.0.1:{port}/a.txt").text == "a"
        finally:
            end(process)
    assert log.read_text() == ""
