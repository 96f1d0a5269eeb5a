"""Sources that are there already: bytes, and seekable binary files that the user has opened."""

import io
import os
from threading import Lock
from typing import BinaryIO

from rejoinder._http.etags import ETag
from rejoinder._sources.local import CHUNK, in_thread


class BytesSource:
    """Bytes in memory; open as they are."""

    etag: ETag | None = None
    last_modified: float | None = None

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    async def open(self) -> "BytesSource":
        """Itself."""
        return self

    async def read(self, start: int, stop: int) -> bytes:
        """The octets asked for, a chunk at most."""
        return self._content[start : min(stop, start + CHUNK)]

    async def aclose(self) -> None:
        """Nothing was taken."""


class FileObjectSource:
    """A seekable binary file that belongs to the user, who also closes it. It is read in threads, one at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()

    async def open(self) -> "OpenFileObject":
        """Find out its size.

        Raises:
            OSError: it cannot be read any more.
        """
        return OpenFileObject(self, await in_thread(self._measure))

    def _measure(self) -> int:
        with self._lock:
            return self._file.seek(0, os.SEEK_END)

    def read_at(self, start: int, count: int) -> bytes:
        """Some octets at a position; several responses may share the file."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(count)


class OpenFileObject:
    """A file object, and the size that it had when a response began."""

    etag: ETag | None = None
    last_modified: float | None = None

    def __init__(self, source: FileObjectSource, size: int) -> None:
        self._source = source
        self.size = size

    async def read(self, start: int, stop: int) -> bytes:
        """Up to a chunk of the octets from `start`."""
        return await in_thread(self._source.read_at, start, min(stop - start, CHUNK))

    async def aclose(self) -> None:
        """The file is the user's."""


def in_memory(content: bytes | bytearray | memoryview | io.BytesIO) -> BytesSource:
    """A source of a snapshot of the content."""
    return BytesSource(content.getvalue() if isinstance(content, io.BytesIO) else bytes(content))
