"""Files of this machine, read without leaving the event loop where the kernel has them in memory.

A hop to a thread and back costs ten times what opening and reading a small cached file does. So each step is first
tried in a form that cannot wait: `openat2` with RESOLVE_CACHED, `preadv` with RWF_NOWAIT. Only when the kernel says
that it would have to wait (EAGAIN) is that step done in a thread. Where a system has no such form (ENOSYS, EINVAL,
EOPNOTSUPP), every step is.

    open    openat2 CACHED  --EAGAIN-->  thread: openat2 / realpath and open   -->  fstat (a descriptor's never waits)
    read    preadv NOWAIT   --EAGAIN-->  thread: pread

One descriptor serves the facts and the bytes, so a file that is replaced while it is sent is sent as it was. What a
descriptor cannot protect from is a file that is changed in place; `read` notices that, and raises.
"""

import errno
import os
import stat
from collections.abc import Callable
from typing import ParamSpec, Self, TypeVar

import anyio.to_thread

from rejoinder._http.etags import ETag, file_etag
from rejoinder._lifecycle import shielded
from rejoinder._sources import openat2

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 256 * 1024
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_NO_SUCH_CALL = {errno.ENOSYS, errno.EPERM, errno.EINVAL}  # another system, an old kernel, or a seccomp filter
_CANNOT_TELL = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # a file system without RWF_NOWAIT
_NO_SUCH_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EXDEV, errno.EINVAL}


class FileChangedError(OSError):
    """A file was truncated or rewritten while it was sent; what the client has is not to look complete."""


class LocalFile:
    """A source: the file at `path`, or, with `root`, the file at `path` beneath that directory and nowhere else."""

    def __init__(self, path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> None:
        self.path = os.fsencode(path)
        self.root = None if root is None else os.fsencode(root)

    async def open(self) -> "OpenFile":
        """Open it.

        Raises:
            FileNotFoundError: no such file, or not beneath the root.
            IsADirectoryError: a directory.
            OSError: it cannot be opened, or is no regular file.
        """
        if b"\0" in self.path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(self.path))
        descriptor = self._open_cached()
        if descriptor is None:
            descriptor = await in_thread(self._open_waiting)
        return OpenFile.adopt(descriptor, self.path)

    def _open_cached(self) -> int | None:
        """A descriptor, or None where only a thread may find out."""
        try:
            return self._openat2(openat2.RESOLVE_CACHED)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EACCES, errno.ENOTDIR}:
                raise
            return None

    def _open_waiting(self) -> int:
        try:
            return self._openat2(0)
        except OSError as error:
            if error.errno not in {errno.EXDEV, *_NO_SUCH_CALL}:
                raise
        # EXDEV: an absolute link that may well lead beneath the root. Elsewhere there is no openat2.
        return self._open_portably()

    def _openat2(self, resolve: int) -> int:
        if self.root is None:
            return openat2.openat2(openat2.AT_FDCWD, self.path, _FLAGS, resolve)
        root = openat2.openat2(openat2.AT_FDCWD, self.root, os.O_PATH | os.O_CLOEXEC, resolve)
        try:
            beneath = openat2.RESOLVE_BENEATH | openat2.RESOLVE_NO_MAGICLINKS
            return openat2.openat2(root, self.path, _FLAGS, resolve | beneath)
        finally:
            os.close(root)

    def _open_portably(self) -> int:
        if self.root is None:
            return os.open(self.path, _FLAGS)
        root = os.path.realpath(self.root)
        path = os.path.realpath(os.path.join(root, self.path))
        if os.path.commonpath((root, path)) != root:
            raise FileNotFoundError(errno.ENOENT, "not beneath the root", os.fsdecode(self.path))
        return os.open(path, _FLAGS | getattr(os, "O_NOFOLLOW", 0))


class OpenFile:
    """A regular file, open for reading: the facts of its descriptor, and its bytes."""

    def __init__(self, descriptor: int, facts: os.stat_result, path: bytes) -> None:
        self.descriptor = descriptor
        self.path = path
        self.size = facts.st_size
        self.last_modified: float | None = facts.st_mtime
        self.etag: ETag | None = file_etag(facts.st_mtime_ns, facts.st_size, facts.st_ino)
        self._version = facts.st_mtime_ns, facts.st_size
        self._buffer = bytearray(min(self.size, CHUNK))
        self._nowait = _NOWAIT != 0

    @classmethod
    def adopt(cls, descriptor: int, path: bytes) -> Self:
        """Own the descriptor from here on; raises as `LocalFile.open`."""
        try:
            facts = os.fstat(descriptor)
            if stat.S_ISDIR(facts.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
            if not stat.S_ISREG(facts.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, facts, path)

    async def read(self, start: int, stop: int) -> bytes:
        """Up to a chunk of the octets from `start`; none only at the end.

        Raises:
            FileChangedError: the file is not what it was when it was opened.
        """
        count = min(stop - start, CHUNK)
        data = self._read_cached(start, count)
        if data is None:
            data = await in_thread(os.pread, self.descriptor, count, start)
        self._check_unchanged()
        return data

    def _read_cached(self, start: int, count: int) -> bytes | None:
        if not self._nowait:
            return None
        try:
            view = memoryview(self._buffer)[:count]
            return bytes(view[: os.preadv(self.descriptor, [view], start, _NOWAIT)])
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in _CANNOT_TELL:
                raise
            self._nowait = False
            return None

    def _check_unchanged(self) -> None:
        """A file may grow while it is sent, as logs do: what was announced is still there. Nothing else may happen."""
        facts = os.fstat(self.descriptor)
        grown = facts.st_size > self.size
        if (facts.st_mtime_ns, facts.st_size) != self._version and not grown:
            raise FileChangedError(errno.ESTALE, "the file was changed while it was sent", os.fsdecode(self.path))

    async def aclose(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call that may block. Whoever is cancelled meanwhile still waits for its end.

    A thread cannot be cancelled: if its caller went on, a descriptor that it opens would have no owner, and one that
    it reads could be closed, and its number be another file's, under its hands.
    """
    result: list[T] = []

    async def call() -> None:
        result.append(await anyio.to_thread.run_sync(lambda: function(*args, **kwargs)))

    await shielded(call)
    return result[0]
