"""Bytes and file objects as sources."""

import gzip
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest

from rejoinder._http.etags import content_etag, format_etag
from rejoinder._sources import Source
from rejoinder._sources.local import stat_etag
from rejoinder._sources.memory import BytesSource, FileObjectSource
from rejoinder.testing import run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

CONTENT = bytes(range(256)) * 300


def tag(content: bytes) -> str:
    return format_etag(content_etag(content)).decode()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("content", [b"", b"abc", CONTENT, CONTENT * 10], ids=len)
def test_bytes(content: bytes, backend: str) -> None:
    async def main() -> None:
        source = BytesSource(content)
        assert isinstance(source, Source)
        for _ in range(2):
            opened = await source.open()
            assert (opened.size, opened.last_modified, opened.etag) == (len(content), None, tag(content))
            assert await opened.read(1, 3) == content[1:3]
            opened.close()

    run(main, backend=backend)


def spooled(directory: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(CONTENT)
    return file


def named(directory: Path) -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    file.write(CONTENT)
    return file


def zipped(directory: Path) -> Any:
    with gzip.open(directory / "a.gz", "wb") as file:
        file.write(CONTENT)
    return gzip.open(directory / "a.gz")


def plain(directory: Path, **options: Any) -> Any:
    (directory / "a").write_bytes(CONTENT)
    return (directory / "a").open("rb", **options)


class Mine(io.BytesIO):
    """Of a class that nobody knows."""


FILES: dict[str, Any] = {
    "BufferedReader": plain,
    "FileIO": lambda directory: plain(directory, buffering=0),
    "spooled": spooled,
    "named": named,
    "GzipFile": zipped,
    "BytesIO of a subclass": lambda directory: Mine(CONTENT),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", FILES)
def test_file_objects(kind: str, tmp_path: Path, backend: str) -> None:
    with FILES[kind](tmp_path) as file:

        async def main() -> None:
            opened = await FileObjectSource(file).open()
            assert opened.size == len(CONTENT)
            async with anyio.create_task_group() as group:
                for start in range(0, 1000, 100):
                    group.start_soon(check, opened, start)
            assert await opened.read(len(CONTENT), len(CONTENT) + 1) == b""
            opened.close()
            facts = (
                await anyio.to_thread.run_sync(os.stat, tmp_path / "a")
                if kind[-1] in "rO" and kind[0] in "BF"
                else None
            )
            if facts:
                assert (opened.etag, opened.last_modified) == (stat_etag(facts), facts.st_mtime)
            else:
                assert (opened.etag, opened.last_modified) == (None, None)

        run(main, backend=backend)
        assert not file.closed


async def check(opened: Any, start: int) -> None:
    assert await opened.read(start, start + 150) == CONTENT[start : start + 150]


def test_a_pipe_that_claims_to_be_a_file_has_no_validators(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("stat.S_ISREG", lambda mode: False)
    with plain(tmp_path) as file:
        assert run(FileObjectSource(file).open).etag is None
