"""ZIP archives, written from front to back by the standard library's `zipfile` (PKWARE's APPNOTE.TXT).

Theory of operation. `zipfile` can write to what cannot seek: checksum and sizes of a member then follow its content, in a
data descriptor, and it knows when a member, or the archive, needs the ZIP64 form. It is told of members and given octets;
what it writes into the sink here is taken away by whoever sends it.

Of an archive in which all is stored, the length can be told beforehand. It is not computed, but counted, by the very same
writer in a rehearsal: what is stored passes through it as it is, so it is handed objects that have a length and no octets.
"""

import re
import struct
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import IO, NamedTuple, Self, cast

_FILE, _DIRECTORY = 0o100644 << 16, 0o040755 << 16 | 0x10  # permissions of Unix, and the directory bit of MS-DOS
_UNIX = 3
# 4.4.4, bit 11: "If this bit is set, the filename and comment fields for this file MUST be encoded using UTF-8."
_UTF_8 = 1 << 11
_FIRST_YEAR, _LAST_YEAR = 1980, 2107
_LAST_SECOND = 2**31 - 1
_LONGEST_NAME = 0xFFFF

_has_drive = re.compile(r"[A-Za-z]:").match
_has_control = re.compile(r"[\x00-\x1f\x7f]").search
_has_surrogate = re.compile(r"[\ud800-\udfff]").search
_unsafe = re.compile(r"[\x00-\x1f\x7f\\]")


class Member(NamedTuple):
    """What is said of a member before its content; it is a directory if its name ends with "/"."""

    name: str
    size: int | None  # None: nobody knows
    modified: datetime

    @property
    def is_directory(self) -> bool:
        """Whether it has no content."""
        return self.name.endswith("/")


def check_name(name: object) -> str:
    """Refuse a name that no program should extract, or that not all read alike (APPNOTE, 4.4.17.1).

    Raises:
        TypeError: no text.
        ValueError: it is absolute, leads upwards, has a drive, a backslash, a control character or an empty part, or is too
            long.

    >>> check_name("photos/Zürich.jpg")
    'photos/Zürich.jpg'
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a ZIP entry must be a str, got {type(name).__name__}")
    if reason := _wrong_with(name):
        raise ValueError(
            f"ZIP entry {name[:100]!r}: this name cannot be, {reason}; pass for example 'folder/file.txt', or 'folder/'"
        )
    return name


def _wrong_with(name: str) -> str | None:
    parts = set(name.removesuffix("/").split("/"))
    faults = {
        "it is absolute": name.startswith("/") or _has_drive(name),
        "it has a backslash, where ZIP has '/'": "\\" in name,
        "it has a control character": _has_control(name),
        "it has a part that is '.' or '..'": not parts.isdisjoint({".", ".."}),
        "it has an empty part": "" in parts,
        "it has a surrogate, which UTF-8 has not": _has_surrogate(name),
        "it is too long": len(name.encode(errors="replace")) > _LONGEST_NAME,
    }
    return next((fault for fault, found in faults.items() if found), None)


def safe_part(name: bytes) -> str:
    r"""The name of a file, as it can stand in an archive: characters that must not are replaced.

    >>> safe_part(b"a\\b\n.txt")
    'a_b_.txt'
    """
    return _unsafe.sub("_", name.decode(errors="replace"))


class ArchiveEncoder:
    """Makes the octets of an archive, member by member; used once. `abandon` ends it, whatever has happened."""

    def __init__(self, *, deflate: bool) -> None:
        self._sink = _Sink()
        self._method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
        self._archive = zipfile.ZipFile(cast("IO[bytes]", self._sink), "w")
        self._member: IO[bytes] | None = None
        self._announced: Member | None = None
        self._written = 0

    def begin(self, member: Member) -> None:
        """Begin a member."""
        info = _Info(member.name, _dos_time(member.modified))
        info.create_system = _UNIX
        info.extra = _exact_time(member.modified)
        if member.is_directory:
            info.external_attr = _DIRECTORY
            info.CRC = 0
            self._archive.mkdir(info)
            return
        info.external_attr = _FILE
        info.compress_type = self._method
        info.file_size = member.size or 0
        self._announced, self._written = member, 0
        self._member = self._archive.open(info, "w", force_zip64=member.size is None)

    def write(self, data: bytes) -> None:
        """Some of the content of the member that was begun.

        Raises:
            ValueError: that is more than was announced.
        """
        assert self._member is not None
        assert self._announced is not None
        self._written += len(data)
        if self._announced.size is not None and self._written > self._announced.size:
            raise _wrong_size(self._announced, f"{self._written} or more")
        self._member.write(data)

    def end(self) -> None:
        """The member is complete.

        Raises:
            ValueError: it is smaller than was announced.
        """
        if self._member is None or self._announced is None:
            return
        if self._announced.size not in {None, self._written}:
            raise _wrong_size(self._announced, str(self._written))
        self._member.close()
        self._member = None

    def finish(self) -> None:
        """All members are complete: write the directory of the archive."""
        self._archive.close()

    def take(self) -> bytes:
        """What has been written since it was last asked."""
        return self._sink.take()

    @property
    def size(self) -> int:
        """How many octets have been written."""
        return self._sink.size

    def abandon(self) -> None:
        """No more is to come. What `zipfile` has open it would close, and complete, when it is collected."""
        if self._member is not None:
            with suppress(struct.error):  # of a size that is beyond what was announced
                self._member.close()
        self._archive.fp = None
        self._sink.take()


def archive_length(members: Iterable[Member]) -> int:
    """How long the archive of these members is, stored; the size of each has to be known.

    >>> archive_length([Member("a", 2**40, datetime(2024, 5, 17))]) - 2**40
    258
    """
    rehearsal = ArchiveEncoder(deflate=False)
    for member in members:
        rehearsal.begin(member)
        if not member.is_directory:
            rehearsal.write(_Placeholder(member.size or 0))
        rehearsal.end()
        rehearsal.take()
    rehearsal.finish()
    return rehearsal.size


def _wrong_size(member: Member, size: str) -> ValueError:
    return ValueError(f"ZIP entry {member.name!r}: its size is {member.size}, and its content has {size} octets")


class _Placeholder(bytes):
    """Stands for octets that somebody else will write: it has their length."""

    size: int

    def __new__(cls, size: int) -> Self:
        placeholder = super().__new__(cls)
        placeholder.size = size
        return placeholder

    def __len__(self) -> int:
        return self.size


class _Sink:
    """A file that can only be written to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _Info(zipfile.ZipInfo):
    """The name is UTF-8, and says so, also where a version of Python would find another encoding for it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's
        return self.filename.encode(), self.flag_bits | _UTF_8


def _dos_time(modified: datetime) -> tuple[int, int, int, int, int, int]:
    """As it is on the clock where it was; in years that the format has."""
    if modified.year < _FIRST_YEAR:
        return _FIRST_YEAR, 1, 1, 0, 0, 0
    if modified.year > _LAST_YEAR:
        return _LAST_YEAR, 12, 31, 23, 59, 58
    return modified.year, modified.month, modified.day, modified.hour, modified.minute, modified.second


def _exact_time(modified: datetime) -> bytes:
    """Info-ZIP's extended timestamp: seconds since 1970, which are the same everywhere. Always of the same length."""
    return struct.pack("<HHBl", 0x5455, 5, 1, min(max(int(modified.timestamp() // 1), -_LAST_SECOND), _LAST_SECOND))
