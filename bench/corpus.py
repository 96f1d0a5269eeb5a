"""The files that are served: random octets on a disk, a day old, and the keeper of the page cache over them."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KIB = 1024
MIB = 1024 * KIB
DAY = 24 * 60 * 60
_DROP_SECONDS = 2


@dataclass(frozen=True)
class Size:
    """A size of file, and how many there are of it to be asked for one after the other with a cold cache."""

    name: str
    title: str
    octets: int
    many: int

    @property
    def file(self) -> str:
        """The one that is asked for again and again."""
        return f"{self.name}-0.bin"

    @property
    def files(self) -> list[str]:
        return [f"{self.name}-{number}.bin" for number in range(self.many)]


SIZES = (
    Size("1k", "1 KiB", KIB, 400),
    Size("64k", "64 KiB", 64 * KIB, 200),
    Size("1m", "1 MiB", MIB, 32),
    Size("100m", "100 MiB", 100 * MIB, 2),
)


@dataclass(frozen=True)
class Corpus:
    """A directory with all the files, flat."""

    directory: Path

    def content(self, file: str) -> bytes:
        return (self.directory / file).read_bytes()

    def size(self, file: str) -> int:
        return (self.directory / file).stat().st_size

    def drop(self, files: Iterable[str]) -> None:
        """Take their pages out of the page cache, and see that they are gone; their names stay known.

        Raises:
            RuntimeError: they are not gone.
        """
        for file in files:
            _drop(self.directory / file)

    @cached_property
    def why_never_cold(self) -> str:
        """Why the page cache cannot be emptied here, if so: a system without the calls, or files that live in memory."""
        if not hasattr(os, "posix_fadvise") or not hasattr(ctypes.CDLL(None), "mincore"):
            return "this system has no posix_fadvise or no mincore"
        try:
            self.drop([SIZES[0].file])
        except RuntimeError as error:
            return f"{error}; set TMPDIR to a directory on a disk"
        return ""


@contextmanager
def corpus(sizes: Sequence[Size] = SIZES) -> Iterator[Corpus]:
    """All files of these sizes, in a directory that is gone when the block is left."""
    with tempfile.TemporaryDirectory(prefix="bench-files-") as directory:
        for seed, size in enumerate(sizes):
            content = random.Random(seed).randbytes(size.octets)
            for file in size.files:
                _write(Path(directory, file), content)
        yield Corpus(Path(directory))


def _write(path: Path, content: bytes) -> None:
    """On the disk, since dirty pages cannot be dropped; and old, since some servers do not trust a time of just now."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.utime(path, (time.time() - DAY,) * 2)


def _drop(path: Path) -> None:
    deadline = time.monotonic() + _DROP_SECONDS
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        while left := resident(descriptor):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{left} pages of {path.name} stay in the page cache")
            _wake_network()
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _wake_network() -> None:
    """Let each core handle a packet.

    What sendfile has sent are the pages themselves, and a core that has sent some gives them back when it next has to do
    with the network, however long that takes.
    """
    cores = os.sched_getaffinity(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind(("127.0.0.1", 0))
        for core in cores:
            os.sched_setaffinity(0, {core})
            echo.sendto(b".", echo.getsockname())
            echo.recv(1)
    os.sched_setaffinity(0, cores)


def resident(descriptor: int) -> int:
    """How many pages of a file are in the page cache: mincore(2), which looks and does not touch."""
    size = os.fstat(descriptor).st_size
    pages = -(-size // mmap.PAGESIZE)
    answer = (ctypes.c_ubyte * pages)()
    # Private and writable, because ctypes takes the address of nothing else; nothing is written.
    with mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as view:
        start = (ctypes.c_char * size).from_buffer(view)
        mincore = ctypes.CDLL(None, use_errno=True).mincore
        failed = mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), answer)
        del start  # or the map cannot be closed
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(page & 1 for page in answer)
