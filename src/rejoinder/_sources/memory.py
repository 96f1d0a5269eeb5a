"""Sources that are there already: bytes, and seekable binary files that the user has opened."""

import io
import os
import stat
from threading import Lock
from typing import BinaryIO

from rejoinder._http.etags import content_etag, format_etag
from rejoinder._sources.local import stat_etag
from rejoinder._sources.threads import in_thread

_SOON_HASHED = 64 * 1024  # octets, in some 60 us; a hop to a thread is no faster
# Those whose descriptor has the very octets that `read` gives, which a GzipFile's has not, and SpooledTemporaryFile's
# has only from the moment when it is asked for.
_PLAIN = (io.FileIO, io.BufferedReader, io.BufferedRandom)


class BytesSource:
    """Bytes in memory; open as they are. The entity tag is a hash, made when they are first opened."""

    last_modified: float | None = None

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)
        self.etag: str | None = None

    async def open(self) -> "BytesSource":
        """Itself."""
        if self.etag is None:
            self.etag = self._hash() if self.size <= _SOON_HASHED else await in_thread(self._hash)
        return self

    def _hash(self) -> str:
        return format_etag(content_etag(self._content)).decode()

    async def read(self, start: int, stop: int) -> bytes:
        """The octets asked for."""
        return self._content[start:stop]

    def close(self) -> None:
        """Nothing was taken."""


class FileObjectSource:
    """A seekable binary file that belongs to the user, who also closes it. It is read in threads, one at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()

    async def open(self) -> "OpenFileObject":
        """Find out its size, and, of a plain file on a disk, its entity tag and time.

        Raises:
            OSError: it cannot be read.
        """
        return await in_thread(self._measure)

    def _measure(self) -> "OpenFileObject":
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            opened = OpenFileObject(self, self._file.tell())
            if type(self._file) in _PLAIN:
                facts = os.fstat(self._file.fileno())
                if stat.S_ISREG(facts.st_mode):
                    opened.etag, opened.last_modified = stat_etag(facts), facts.st_mtime
        return opened

    def read_at(self, start: int, count: int) -> bytes:
        """Some octets at a position; several responses may share the file."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(count)


class OpenFileObject:
    """A file object, and the size that it had when a response began."""

    etag: str | None = None
    last_modified: float | None = None

    def __init__(self, source: FileObjectSource, size: int) -> None:
        self._source = source
        self.size = size

    async def read(self, start: int, stop: int) -> bytes:
        """Octets from `start` on."""
        return await in_thread(lambda: self._source.read_at(start, stop - start))

    def close(self) -> None:
        """The file is the user's."""
