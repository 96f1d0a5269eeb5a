"""The sending of an archive: its members are surveyed first, then opened, read and closed, one at a time.

    survey      sizes and times of all files, and what is in the directories; in a thread, and nothing is opened
                  ->  the length of the archive, if all is stored and every size is known
                  ->  a validator, if it is known of every member when it was changed
    octets      open  ->  write, in a thread where it is deflated  ->  close; the directory of the archive at the end

What was surveyed may have changed when it is its turn. Of an archive with a length, that is an error, which cuts the
connection: what comes would not be what was announced. Others have the file as it is when it is opened.
"""

import errno
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import Any, TypeAlias

import anyio

from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.zip import ArchiveEncoder, Member, archive_length, safe_part
from rejoinder._lifecycle import clock
from rejoinder._pull import can_be_closed, close
from rejoinder._send import read_slice
from rejoinder._sources import Announced, Source
from rejoinder._sources.directory import LocalDirectory
from rejoinder._sources.local import FileChangedError, LocalFile, stat_etag
from rejoinder._sources.threads import in_thread

Items: TypeAlias = Iterable[object] | AsyncIterable[object]

_PORTION = 256 * 1024  # octets that are read, and deflated, at a time
_LAST_MOMENT = 2**37  # the year 6325; file systems may have any number
_STAY = 0.02  # seconds in which items are gathered in a thread, about
_SMALL = 2 * 1024  # octets that are deflated in less time than a thread is reached


@dataclass(frozen=True, slots=True)
class Entry:
    """A member, as it is known of: where its content comes from (None: it is a directory), and what was said of it.

    `version` tells one content from another; None if nothing does.
    """

    name: str
    content: Source | Items | None
    size: int | None = None
    modified: datetime | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of an archive before it is made."""

    entries: Sequence[Entry]
    length: int | None
    etag: str | None


class Archive:
    """The members of an archive; as an async iterable, its octets. To close it is to close what nobody has read."""

    def __init__(self, entries: Sequence[Entry], *, deflate: bool) -> None:
        self._entries = entries
        self._deflate = deflate
        # Of contents that are no sources: what is to be closed, and what can be read only once.
        items = [entry.content for entry in entries if not isinstance(entry.content, Source | None)]
        self._unclosed = {id(content): content for content in items if can_be_closed(content)}
        self._unread = {id(content) for content in items if isinstance(content, Iterator | AsyncIterator)}

    async def survey(self) -> Survey:
        """Look at the members.

        Raises:
            RuntimeError: there is no such file, or it is none.
            OSError: a directory cannot be read.
        """
        return await in_thread(self._survey)

    def _survey(self) -> Survey:
        now = datetime.now(UTC)
        entries = [found for entry in self._entries for found in _look_at(entry)]
        check_unique(entry.name for entry in entries)
        length = None
        if not self._deflate and all(entry.size is not None for entry in entries):
            length = archive_length(Member(entry.name, entry.size, entry.modified or now) for entry in entries)
        etag = None
        if all(entry.version is not None for entry in entries):
            facts = repr([(entry.name, entry.version, entry.modified) for entry in entries] + [self._deflate])
            # Weak: the same files, but perhaps not the same octets, if another version of zlib deflates them.
            etag = f'W/"{blake2b(facts.encode(errors="surrogatepass"), digest_size=12).hexdigest()}"'
        return Survey(entries, length, etag)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._all_octets()

    async def _all_octets(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.octets(await self.survey())) as octets:
            async for data in octets:
                yield data

    async def octets(self, survey: Survey) -> AsyncGenerator[bytes, None]:
        """The archive."""
        encoder = ArchiveEncoder(deflate=self._deflate)
        try:
            for entry in survey.entries:
                async with aclosing(self._begin(encoder, entry, strict=survey.length is not None)) as content:
                    async for data in content:
                        for start in range(0, len(data), _PORTION):
                            await self._write(encoder, data[start : start + _PORTION])
                            if written := encoder.take():
                                yield written
                encoder.end()
            encoder.finish()
            yield encoder.take()
        finally:
            encoder.abandon()

    async def _write(self, encoder: ArchiveEncoder, data: bytes) -> None:
        if self._deflate and len(data) > _SMALL:
            await in_thread(partial(encoder.write, data))
        else:
            encoder.write(data)

    def _begin(self, encoder: ArchiveEncoder, entry: Entry, *, strict: bool) -> AsyncGenerator[bytes, None]:
        """Begin a member; its content."""
        if isinstance(entry.content, Source):
            return _read_source(encoder, entry, entry.content, strict=strict)
        encoder.begin(_member(entry))
        return self._read_items(entry, () if entry.content is None else entry.content)

    async def _read_items(self, entry: Entry, content: Items) -> AsyncGenerator[bytes, None]:
        """What is no source is read from its beginning, and closed."""
        if isinstance(content, Iterator | AsyncIterator):
            if id(content) not in self._unread:
                raise RuntimeError(f"ZIP entry {entry.name!r}: its content has been read already, and cannot be again")
            self._unread.discard(id(content))
        iterator: object = content
        encode = ChunkEncoder("utf-8").encode
        try:
            if isinstance(content, AsyncIterable):
                iterator = items = aiter(content)
                async for item in items:
                    yield encode(item)
            elif isinstance(content, list | tuple):
                for item in content:
                    yield encode(item)
            else:
                iterator = waiting = await in_thread(partial(iter, content))
                while parts := await in_thread(partial(_gather, waiting)):
                    yield b"".join(parts)
        finally:
            with anyio.CancelScope(shield=True):
                given = self._unclosed.pop(id(content), None)
                await _close_all([given] if iterator is content else [given, iterator])

    async def aclose(self) -> None:
        """Close the contents that nobody has read."""
        self._unread -= self._unclosed.keys()
        unclosed, self._unclosed = self._unclosed, {}
        await _close_all(unclosed.values())


class Sending:
    """An archive, as one response sends it."""

    def __init__(self, archive: Archive, survey: Survey) -> None:
        self._archive = archive
        self._survey = survey

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._archive.octets(self._survey)

    async def aclose(self) -> None:
        """Close what nobody has read."""
        await self._archive.aclose()


def _member(entry: Entry) -> Member:
    return Member(entry.name, entry.size, entry.modified or datetime.now(UTC))


async def _read_source(
    encoder: ArchiveEncoder, entry: Entry, source: Source, *, strict: bool
) -> AsyncGenerator[bytes, None]:
    """Open a source, and begin the member of what was opened; its content.

    Raises:
        FileChangedError: it is not what was announced.
    """
    opened = await source.open()
    try:
        is_file = isinstance(source, LocalFile)
        is_promised = strict or (entry.size is not None and not is_file)
        if (is_promised and opened.size != entry.size) or (strict and is_file and opened.etag != entry.version):
            raise FileChangedError(errno.ESTALE, "the file was changed since its size was announced", entry.name)
        modified = entry.modified
        if modified is None and opened.last_modified is not None:
            modified = _moment(opened.last_modified)
        encoder.begin(_member(replace(entry, size=opened.size, modified=modified)))
        position = 0
        if isinstance(opened, Announced) and opened.size > _PORTION:
            opened.expect(0, opened.size)
        while position < opened.size:
            data = await read_slice(opened, position, min(position + _PORTION, opened.size))
            position += len(data)
            yield data
    finally:
        closing = opened.close()
        if closing is not None:
            with anyio.CancelScope(shield=True):
                await closing


def _gather(items: Iterator[Any]) -> list[bytes]:
    """In a thread: some of the items, and none only if there are no more."""
    encode, parts, left, until = ChunkEncoder("utf-8").encode, [], _PORTION, clock() + _STAY
    for item in items:
        parts.append(encode(item))
        left -= len(parts[-1])
        if left <= 0 or clock() >= until:
            break
    return parts


async def _close_all(contents: Iterable[object]) -> None:
    """Close what can be closed, the last first, whatever the others raise."""
    async with AsyncExitStack() as stack:
        for content in contents:
            if can_be_closed(content):
                stack.push_async_callback(close, content, in_thread)


def _look_at(entry: Entry) -> Iterator[Entry]:
    """In a thread: the entry, with what can be known of it without opening it; of a directory, all that is in it."""
    content = entry.content
    if not isinstance(content, LocalFile):
        facts_known = entry.size is not None and entry.modified is not None
        yield replace(entry, version=f"{entry.size} {entry.modified}") if facts_known else entry
        return
    try:
        facts = os.stat(content.path)  # noqa: PTH116 - as it was given
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RuntimeError(f"File at path {content.path} does not exist.") from error
    if stat.S_ISDIR(facts.st_mode) and entry.name.endswith("/"):
        yield from _look_into(entry.name, content.path, facts)
    elif stat.S_ISREG(facts.st_mode) and not entry.name.endswith("/"):
        modified = entry.modified or _moment(facts.st_mtime)
        yield replace(entry, size=facts.st_size, modified=modified, version=stat_etag(facts))
    elif stat.S_ISDIR(facts.st_mode):
        raise RuntimeError(f"File at path {content.path} is a directory; its name in the archive must end with '/'.")
    else:
        raise RuntimeError(
            f"File at path {content.path} is not a {'directory' if entry.name.endswith('/') else 'file'}."
        )


def _look_into(name: str, root: str, facts: os.stat_result) -> Iterator[Entry]:
    """What is in a directory, and in those in it, beneath it or not at all.

    Links to directories are left out: what is inside has a place of its own, and one could lead back to where it is.
    """
    waiting = [(name, ".", facts)]
    while waiting:
        name, path, facts = waiting.pop()
        modified = _moment(facts.st_mtime)
        if not name.endswith("/"):
            yield Entry(name, LocalFile(path, root), facts.st_size, modified, stat_etag(facts))
            continue
        yield Entry(name, None, 0, modified, str(facts.st_mtime_ns))
        taken: set[str] = set()
        for part, found in sorted(LocalDirectory(path, root).entries(), reverse=True):
            inner = os.path.join(path, part)  # noqa: PTH118 - relative to the root
            is_directory = stat.S_ISDIR(found.st_mode)
            if is_directory and os.path.islink(os.path.join(root, inner)):  # noqa: PTH114, PTH118
                continue
            safe = safe_part(os.fsencode(part))
            while safe in taken:
                safe += "_"
            taken.add(safe)
            waiting.append((f"{name}{safe}/" if is_directory else name + safe, inner, found))


def check_unique(names: Iterable[str]) -> None:
    """Refuse a name that is there twice.

    Raises:
        ValueError: there is one: which of the two were extracted, nobody knows.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"ZIP entry {name[:100]!r}: there are two of this name")
        seen.add(name)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_MOMENT), UTC)
