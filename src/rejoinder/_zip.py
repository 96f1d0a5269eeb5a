"""Archives, made while they are sent."""

import io
import os
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, TypeAlias, Unpack, cast

from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from rejoinder._archive import Archive, Entry, Items, Sending, check_unique
from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._encode.zip import check_name
from rejoinder._http.fields import Headers
from rejoinder._lifecycle import Exchange, OnFinish
from rejoinder._options import SendingOptions
from rejoinder._response import OK
from rejoinder._send import Outlet
from rejoinder._sources import Source
from rejoinder._sources.local import LocalFile
from rejoinder._sources.memory import FileObjectSource
from rejoinder._streaming import StreamingResponse

Octets: TypeAlias = bytes | bytearray | memoryview
ZipContent: TypeAlias = (
    str | os.PathLike[str] | Octets | BinaryIO | Source | Iterable[Octets] | AsyncIterable[Octets] | None
)


@dataclass(frozen=True, slots=True)
class ZipEntry:
    r"""A file or a directory in a `ZipResponse`, where there is more to say of it than its name and content.

    Args:
        name: in the archive, with "/" between its parts; at its end, for a directory.
        content: as for `ZipResponse`.
        size: of content that does not tell it: an iterable, or a `Source` that is not a path. If it has another, the
            connection is cut.
        modified: when it was changed, an aware datetime; programs show its time as it is there on the clock. By default
            that of the file, or now.

    Raises:
        TypeError: the name is no text.
        ValueError: a name that no program should extract; a negative size; a naive datetime.

    >>> ZipEntry("reports/may.csv", [b"id,total\r\n", b"1,2\r\n"], size=15).size
    15
    """

    name: str
    content: ZipContent
    size: int | None = None
    modified: datetime | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.size is not None and self.size < 0:
            raise ValueError(f"ZIP entry {self.name!r}: the size must not be negative, got {self.size}")
        if self.modified is not None and self.modified.utcoffset() is None:
            raise ValueError(f"ZIP entry {self.name!r}: modified must be an aware datetime, got {self.modified!r}")


Listed: TypeAlias = ZipEntry | tuple[str, ZipContent]


class ZipResponse(StreamingResponse):
    """Files, directories, bytes and streams in one ZIP archive, which is made while it is sent.

    Nothing is opened before it is its turn, and one thing is open at a time; however the response ends, all is closed.
    Where everything is stored and every size is known, there is a content-length, and browsers show how far they are. If a
    file is not what it was then, or any content breaks off, the connection is cut: an archive that looks complete, is.

    Args:
        entries: a mapping of names to contents, or a list of `ZipEntry` objects and such pairs. A content is a path,
            bytes, a seekable binary file (which stays yours to close), a `Source`, an iterable or async iterable of bytes
            (which is closed), or None for an empty directory. With a name that ends with "/", the path is that of a
            directory, and all that is in it is added, also in those in it; but no links to directories, or out of it.
        status_code: as for `Response`.
        headers: as for `Response`.
        media_type: as for `Response`; `application/zip` by default.
        background: as for `Response`.
        deflate: compress the contents, in a thread; without a content-length. For text and the like: pictures, videos and
            archives get no smaller.
        on_finish: as for `Response`.
        send_timeout: as for `StreamingResponse`.
        idle_timeout: as for `StreamingResponse`.
        max_duration: as for `StreamingResponse`.
        **options: as for `StreamingResponse`; `filename` among them. The default of `etag`, if all contents are paths, or
            have a size and a time, is a weak one of these facts: who has the archive already is answered with 304.

    Raises:
        TypeError: a name or content of another type.
        ValueError: as for `Response`; two entries of the same name; a name that no program should extract: absolute, or
            with `..`, a backslash, a control character.

    >>> response = ZipResponse({"hello.txt": b"hello", "empty/": None}, filename="archive.zip")
    >>> response.headers["content-disposition"]
    'attachment; filename="archive.zip"'
    """

    media_type = "application/zip"

    def __init__(
        self,
        entries: Mapping[str, ZipContent] | Sequence[Listed],
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        deflate: bool = False,
        on_finish: OnFinish | None = None,
        send_timeout: float | None = None,
        idle_timeout: float | None = None,
        max_duration: float | None = None,
        **options: Unpack[SendingOptions],
    ) -> None:
        pairs: Iterable[Listed] = entries.items() if isinstance(entries, Mapping) else entries
        known = [_entry(one if isinstance(one, ZipEntry) else ZipEntry(*one)) for one in pairs]
        check_unique(entry.name for entry in known)
        self._archive = Archive(known, deflate=deflate)
        super().__init__(
            self._archive,
            status_code,
            headers,
            media_type,
            background,
            on_finish=on_finish,
            send_timeout=send_timeout,
            idle_timeout=idle_timeout,
            max_duration=max_duration,
            **options,
        )

    async def _begin(
        self, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> tuple[Outlet, object, Encoder]:
        if self._replaced:
            return await super()._begin(scope, receive, send, exchange)
        survey = await self._archive.survey()
        fields = self.raw_headers
        if survey.length is not None:
            fields = [field for field in fields if field[0] != b"content-length"]
            fields.append((b"content-length", b"%d" % survey.length))
        if survey.etag is not None and self.status_code == OK and b"etag" not in dict(fields):
            fields = [*fields, (b"etag", survey.etag.encode())]
        outlet = self._outlet(scope, send, exchange, self.status_code, fields)
        await self._hint(scope, send, outlet)
        content = Sending(self._archive, survey) if outlet.takes_content else self._archive
        return outlet, content, ChunkEncoder(self.charset)


def _entry(entry: ZipEntry) -> Entry:
    content, size = _content(entry.name, entry.content)
    return Entry(entry.name, content, entry.size if size is None else size, entry.modified)


def _content(name: str, content: object) -> tuple[Source | Items | None, int | None]:
    """Where the content comes from, and its size, if it tells."""
    if isinstance(content, io.BytesIO):
        content = content.getvalue()
    if isinstance(content, (str, os.PathLike)):
        return LocalFile(content), None
    if name.endswith("/") or content is None:
        if not name.endswith("/") or content is not None:
            raise TypeError(f"ZIP entry {name!r}: a directory has a name that ends with '/', and is a path, or None")
        return None, 0
    if isinstance(content, (bytes, bytearray, memoryview)):
        octets = bytes(content)
        return (octets,), len(octets)
    if (source := _source(content)) is None:
        raise TypeError(
            f"ZIP entry {name!r}: the content must be a path, bytes, a seekable binary file, a source with an `open` method, "
            f"an iterable or async iterable of bytes, or None for a directory; got {type(content).__name__}"
        )
    return source, None


def _source(content: object) -> Source | Items | None:
    if isinstance(content, Source):
        return content
    if hasattr(content, "read"):
        file = cast("BinaryIO", content)
        is_binary = hasattr(file, "seekable") and file.seekable() and not hasattr(file, "encoding")
        return FileObjectSource(file) if is_binary else None
    return cast("Items", content) if isinstance(content, (Iterable, AsyncIterable)) else None
