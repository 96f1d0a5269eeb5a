"""Files of this machine, read without leaving the event loop where the kernel has them in memory.

A hop to a thread and back costs ten times what opening and reading a small cached file does. So each step is first
tried in a form that does not wait: `openat2` with RESOLVE_CACHED, `preadv` with RWF_NOWAIT. Only where the kernel says
that it would have to wait (EAGAIN), or has no such form (ENOSYS, EINVAL, EOPNOTSUPP), is that step done in a thread.

    open    openat2 CACHED  --EAGAIN, EXDEV, ENOSYS-->  thread: openat2, or realpath and open  -->  fstat
    read    preadv NOWAIT   --EAGAIN, EOPNOTSUPP----->  thread: pread                          -->  fstat

One descriptor gives the facts and the octets, so a file that is replaced while it is sent is sent as it was. What a
descriptor does not protect from is a file that is changed in place; each `read` looks for that afterwards, and raises.
"""

import errno
import os
import stat
import threading
import time
from functools import lru_cache

from rejoinder._http.etags import file_etag, format_etag
from rejoinder._sources import openat2
from rejoinder._sources.threads import in_thread

# O_NONBLOCK: a FIFO is opened, and refused, without waiting for its writer. O_NOCTTY: nor may a terminal become ours.
_FLAGS = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT", "O_NONBLOCK", "O_NOCTTY")
)
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_BENEATH = openat2.RESOLVE_BENEATH | openat2.RESOLVE_NO_MAGICLINKS

_NO_SUCH_CALL = {errno.ENOSYS, errno.EPERM, errno.EINVAL}  # another system, an old kernel, a seccomp filter
_NO_NOWAIT = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # a file system, or a kernel, that cannot tell
_SURELY_NOT = {errno.ENOENT, errno.ENOTDIR, errno.EACCES}  # known from memory, no thread will find it
_NO_SUCH_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EXDEV, errno.EINVAL}
_MAYBE_BENEATH = {errno.ELOOP, errno.ENAMETOOLONG}  # a link, of the root or in it; a long root before a long path
_NO_FILE = {errno.ENXIO, errno.ENODEV}  # a socket, a device that is not there
_LOOKS, _BETWEEN_LOOKS = 10, 0.005  # seconds; a write that is not preempted copies its first page in a microsecond


class NotAFileError(OSError):
    """There is something, but no regular file: a directory, a FIFO, a device."""


class FileChangedError(OSError):
    """A file was truncated or rewritten while it was sent; what the client has must not look complete.

    It is raised to the server, which then cuts the connection, and `on_finish` is told. To replace a file while it is sent,
    rename another one to its name: what was opened is then sent to its end.

    >>> def finished(outcome):
    ...     if isinstance(outcome.exception, FileChangedError):
    ...         print("files are rewritten while they are sent")
    """


class LocalFile:
    """A source: the file at `path`; with `root`, the file at `path` beneath that directory, and nowhere else."""

    def __init__(self, path: str | os.PathLike[str], root: str | bytes | os.PathLike[str] | None = None) -> None:
        self.path = os.fspath(path)
        self.root = None if root is None else os.fsencode(root)

    async def open(self) -> "OpenFile":
        """Open it.

        Raises:
            FileNotFoundError: no such file, or not beneath the root.
            NotAFileError: no regular file.
            OSError: it cannot be opened.
        """
        try:
            opened = self.open_cached()
            if opened is not None:
                return opened
            descriptor = await in_thread(lambda: self._open_waiting(_encode(self.path)), os.close)
        except NotAFileError:
            raise
        except OSError as error:
            if error.errno in _NO_SUCH_FILE:
                raise _not_found(self.path) from error
            if error.errno in _NO_FILE:
                raise NotAFileError(error.errno, "not a regular file", self.path) from error
            raise
        return OpenFile(descriptor, self.path)

    def open_cached(self) -> "OpenFile | None":
        """Open it if the kernel knows in memory how; None where only a thread can find out.

        Raises:
            OSError: it cannot be opened.
        """
        try:
            descriptor = self._openat2(_encode(self.path), openat2.RESOLVE_CACHED)
        except OSError as error:
            if error.errno in _SURELY_NOT:
                raise
            return None
        return OpenFile(descriptor, self.path)

    def real_path(self) -> bytes:
        """Where it is, without links and `..`; for a thread.

        Raises:
            FileNotFoundError: not beneath the root.
        """
        path = _encode(self.path)
        if self.root is None:
            return os.path.realpath(path)
        return os.path.join(*_resolve(self.root, path))  # noqa: PTH118 - bytes

    def _open_waiting(self, path: bytes) -> int:
        try:
            return self._openat2(path, 0)
        except OSError as error:
            if error.errno != errno.EXDEV and error.errno not in _NO_SUCH_CALL:
                raise
        if self.root is None:
            return os.open(path, _FLAGS)
        # EXDEV is also the answer to an absolute path or link that does lead beneath the root.
        root, path = _resolve(self.root, path)
        try:
            return self._openat2(path, 0)  # no links are left, and the kernel has the last word
        except OSError as error:
            if error.errno not in _NO_SUCH_CALL:
                raise
        return os.open(os.path.join(root, path), _FLAGS | _NO_FOLLOW)  # noqa: PTH118 - bytes

    def _openat2(self, path: bytes, resolve: int) -> int:
        root = self.root
        if root is None:
            return openat2.openat2(openat2.AT_FDCWD, path, _FLAGS, resolve)
        # A name that goes down only, through no link, cannot leave: told by one call, where two are as good.
        if root and path and not path.startswith(b"/") and b".." not in path:
            try:
                return openat2.openat2(
                    openat2.AT_FDCWD, root + b"/" + path, _FLAGS, resolve | openat2.RESOLVE_NO_SYMLINKS
                )
            except OSError as error:
                if error.errno not in _MAYBE_BENEATH:
                    raise
        directory = openat2.openat2(openat2.AT_FDCWD, root, openat2.PLACE, resolve)
        try:
            return openat2.openat2(directory, path, _FLAGS, resolve | _BENEATH)
        finally:
            os.close(directory)


def _encode(path: str) -> bytes:
    """The name for the kernel; FileNotFoundError for what no file can be called."""
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise _not_found(path) from error
    if b"\0" in encoded:
        raise _not_found(path)
    return encoded


def _not_found(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _resolve(root: bytes, path: bytes) -> tuple[bytes, bytes]:
    """The real root, and the real path seen from there; FileNotFoundError where it is not beneath."""
    root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - bytes
    try:
        beneath = os.path.commonpath((root, path)) == root
    except ValueError:  # another drive
        beneath = False
    if not beneath:
        raise _not_found(os.fsdecode(path))
    return root, os.path.relpath(path, root)


class _Scratch(threading.local):
    """Where a thread reads to, before it makes bytes of it: always the same, so it is in the processor's cache."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(64 * 1024))


_scratch = _Scratch()


class OpenFile:
    """A regular file, open for reading: the facts of its descriptor, and its octets. It owns the descriptor."""

    _nowait = True

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path
        try:
            self.facts = facts = _facts_of_file(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        self.size = facts.st_size
        self.last_modified = facts.st_mtime
        self.etag = stat_etag(facts)

    async def read(self, start: int, stop: int) -> bytes:
        """Octets from `start` on; none only at the end.

        Raises:
            FileChangedError: the file is not what it was when it was opened.
        """
        data = self.read_cached(start, stop)
        if data is None:
            data = await in_thread(lambda: _read_at(self.descriptor, start, stop - start))
            await self.check_unchanged()
        return data

    def read_cached(self, start: int, stop: int) -> bytes | None:
        """What the kernel has in memory; None where it has to wait, or cannot tell, or the file seems to have changed."""
        if not (_NOWAIT and self._nowait):
            return None
        count = stop - start
        buffer = _scratch.buffer
        if len(buffer) != count:
            if len(buffer) < count:
                _scratch.buffer = buffer = memoryview(bytearray(count))
            buffer = buffer[:count]
        try:
            size = os.preadv(self.descriptor, (buffer,), start, _NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in _NO_NOWAIT:
                raise
            self._nowait = False
            return None
        if self._facts_if_changed() is not None:
            return None
        return bytes(buffer if size == count else buffer[:size])

    async def check_unchanged(self) -> None:
        """That a file grows while it is sent is what logs do: what was announced is still there. No other change is.

        Raises:
            FileChangedError: the file was changed in place since it was opened.
        """
        facts = self._facts_if_changed()
        # write(2) sets the time at its beginning, and the size when it has copied something: between the two, a file
        # that grows looks like one that was rewritten.
        if facts is not None and (facts.st_size < self.size or not await in_thread(self._soon_grows)):
            raise FileChangedError(errno.ESTALE, "the file was changed while it was sent", self.path)

    def _facts_if_changed(self) -> os.stat_result | None:
        facts = os.fstat(self.descriptor)
        if facts.st_size == self.size:
            return None if facts.st_mtime_ns == self.facts.st_mtime_ns else facts
        return None if facts.st_size > self.size else facts

    def _soon_grows(self) -> bool:
        for _ in range(_LOOKS):
            time.sleep(_BETWEEN_LOOKS)
            if os.fstat(self.descriptor).st_size > self.size:
                return True
        return False

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


def _facts_of_file(descriptor: int, path: str) -> os.stat_result:
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        number = errno.EISDIR if stat.S_ISDIR(facts.st_mode) else errno.EINVAL
        raise NotAFileError(number, "not a regular file", path)
    return facts


def stat_etag(facts: os.stat_result) -> str:
    """The entity tag of a file with these facts."""
    return _etag(facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=1024)  # as with dates: the same files again and again
def _etag(mtime_ns: int, size: int, inode: int) -> str:
    return format_etag(file_etag(mtime_ns, size, inode)).decode()


def _read_at(descriptor: int, start: int, count: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, start)
    os.lseek(descriptor, start, os.SEEK_SET)  # Windows; nobody else uses this descriptor
    return os.read(descriptor, count)
