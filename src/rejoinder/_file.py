"""The representation lane: a response from something that has a size, and can be read at any position."""

import contextlib
import io
import os
import time
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from secrets import token_hex
from typing import BinaryIO, Literal, TypeAlias, cast

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.types import Receive, Scope, Send

from rejoinder._http.dates import format_date, format_timestamp
from rejoinder._http.disposition import content_disposition
from rejoinder._http.etags import check_etag, coded_etag, format_etag
from rejoinder._http.fields import Field, Headers, checked, combine
from rejoinder._http.media import OCTET_STREAM, guess_media_type, is_compressible
from rejoinder._http.negotiation import ACCEPT_ENCODING, CONTENT_ENCODING, add_vary
from rejoinder._http.status import check_status
from rejoinder._lifecycle import Exchange, OnFinish, shielded
from rejoinder._plan import RANGE, SELECTING, Plan, Policy, Representation, Slice, plan, plan_missing
from rejoinder._response import OK, Response
from rejoinder._send import BODY, START, note_client_left, send_plan
from rejoinder._sources import OpenSource, Source
from rejoinder._sources.found import FoundPath, open_variant
from rejoinder._sources.local import LocalFile, NotAFileError, OpenFile, stat_etag
from rejoinder._sources.memory import BytesSource, FileObjectSource
from rejoinder._sources.objectstore import ObjectStoreFile, OpenObject
from rejoinder._starlette import StarletteFileResponse, sealed

Path: TypeAlias = str | os.PathLike[str]
Content: TypeAlias = Path | bytes | bytearray | memoryview | BinaryIO | Source
Missing: TypeAlias = Literal["raise", "404"]
# What the class says of its content; size, etag and time of last modification of what was opened, and when.
_Facts: TypeAlias = tuple[tuple[Field, ...], int, str | None, float | None, int]

_FARTHER = 4
_ACCEPT_RANGES: Field = (b"accept-ranges", b"bytes")


@sealed
class FileResponse(Response, StarletteFileResponse):
    r"""A file, or anything else that can be read at any position: with ranges, validators, 304, and resumable downloads.

    The file is opened when the response is sent, and its size, time and entity tag are those of what was opened. If it
    is truncated or rewritten while it is sent, the connection is cut, and the client knows that it has not got all.

    Args:
        path: of a file; or the content itself: bytes, a `BytesIO` (as it is now), a seekable binary file (which stays
            yours to close, after the response), an `ObjectStoreFile`, or an object with the methods of `Source`.
        status_code: as for `Response`; ranges are for 200.
        headers: as for `Response`; they win over what is known of the file.
        media_type: by default what the extension of `filename` or `path` says, else `application/octet-stream`.
        background: as for `Response`.
        filename: the name to save it under (RFC 6266); may come from a user.
        stat_result: for `headers` to tell size, time and entity tag before the file is opened.
        content_disposition_type: `"attachment"`, or `"inline"` to show what a browser can show. Only with `filename`.
        etag: an entity tag in place of the file's own, as `abc`, `"abc"` or `W/"abc"` (RFC 9110, 8.8.3).
        last_modified: an aware datetime in place of the file's own time (RFC 9110, 8.8.2).
        root: serve what is beneath this directory and nothing else, whatever links and `..` are in `path`, which may
            then come from a user.
        missing: if there is no such file: `"raise"` a RuntimeError, or answer `"404"`.
        precompressed: send `path` with `.br`, `.zst` or `.gz` added in place of the file, if there is such a variant, the
            client decodes it (RFC 9110, 12.5.3) and it is not older than the file. Only for types that compress.
        delete_after: delete the file when the response has ended, in whatever way, and its background has run.
        on_finish: as for `Response`.

    Raises:
        TypeError: `path` is nothing of the above.
        ValueError: as for `Response`; an etag or a time that cannot be sent; `root`, `precompressed` or `delete_after`
            for what has no path; `delete_after` with one of the others: what a user names is not to be deleted, and
            variants would be left behind.

    >>> response = FileResponse("report.pdf", filename="Übersicht.pdf")
    >>> response.headers["content-type"], response.headers["content-disposition"]
    ('application/pdf', 'attachment; filename="Ubersicht.pdf"; filename*=UTF-8\'\'%C3%9Cbersicht.pdf')
    """

    chunk_size: int = 64 * 1024
    """Octets in one message, at most; of an object in a store, four times as many, as each costs more to come by."""
    max_ranges: int = 100
    """A request for more ranges than this gets the whole."""
    pathsend: bool = False
    """Let a server that offers ASGI's path send, as granian does, read files of more than one message by itself, twice
    as fast. It opens the file by its name when this response has ended: for files that are not replaced or deleted."""

    _implied_names = Response._implied_names | {b"accept-ranges", b"content-disposition"}  # noqa: SLF001 - our base
    _root: Path | None = None
    _offers: list[Field] = [_ACCEPT_RANGES]  # noqa: RUF012 - never edited

    def __init__(
        self,
        path: Content,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        filename: str | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
        *,
        etag: str | None = None,
        last_modified: datetime | None = None,
        root: Path | None = None,
        missing: Missing = "raise",
        precompressed: bool = False,
        delete_after: bool = False,
        on_finish: OnFinish | None = None,
    ) -> None:
        if status_code is not OK:
            check_status(status_code)
        if missing not in {"raise", "404"}:
            raise ValueError(f'missing must be "raise" or "404", got {missing!r}')
        if precompressed and not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"precompressed is for a path, beside which variants lie; {type(path).__name__} is none")
        if delete_after and (root is not None or precompressed or not isinstance(path, (str, os.PathLike))):
            raise ValueError(
                "delete_after deletes what `path` names: it needs a path, and cannot be used with `root` or `precompressed`"
            )
        self.status_code = status_code
        self.background = background
        self.on_finish = on_finish
        self.filename = filename
        self.stat_result = stat_result
        self._root = root
        self._missing = missing
        self._precompressed = precompressed
        self._delete_after = delete_after
        self._from_stat: list[Field] = []
        self.path = path
        self.media_type = media_type or guess_media_type(filename or _name_of(path))
        if not media_type and self.media_type == OCTET_STREAM and isinstance(self._source, ObjectStoreFile):
            self.media_type = None  # the store may know it
        if filename is not None:
            disposition = content_disposition(filename, content_disposition_type)
            self._offers = [_ACCEPT_RANGES, (b"content-disposition", disposition.encode())]
        self.init_headers(headers)
        if etag is not None:
            self.headers["etag"] = format_etag(check_etag(etag)).decode()
        if last_modified is not None:
            self.headers["last-modified"] = format_date(last_modified)
        if stat_result is not None:
            self.set_stat_headers(stat_result)

    @property  # type: ignore[override]
    def path(self) -> Content:
        """What is sent; may be assigned."""
        return self._path

    @path.setter
    def path(self, path: Content) -> None:
        self._source = _source_of(path, self._root)
        self._path = path

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Tell size, time and entity tag in `headers`, where they are silent; what is sent is that of the open file."""
        given = {name for name, _ in self.raw_headers}
        told = (
            (b"content-length", b"%d" % stat_result.st_size),
            (b"last-modified", format_timestamp(int(stat_result.st_mtime))),
            (b"etag", stat_etag(stat_result).encode()),
        )
        for field in told:
            if field[0] not in given:
                self._from_stat.append(field)
                self._append(field)

    def _implied_fields(self) -> list[Field]:
        return [*super()._implied_fields(), *self._offers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, to a request or as the denial of a WebSocket; the object may be called again.

        Raises:
            RuntimeError: there is no such file, or it is none; the cause is the OSError that said so.
            OSError: the file cannot be read; FileChangedError: it was changed in place while it was sent.
            ValueError: a header or status that was assigned after construction cannot be sent.
            Exception: the first failure of `on_finish` and `background`, when all have run.
        """
        if (small := self._read_small(scope)) is not None:
            headers, body = small
            try:
                await send({"type": START, "status": OK, "headers": headers})
                await send({"type": BODY, "body": body})
            except OSError as error:
                note_client_left(error)
            return
        async with Exchange(self.status_code, self.on_finish, self._afterwards()) as exchange:
            check_status(self.status_code)
            method, portion = scope.get("method", "GET").upper(), self.chunk_size
            opened = await self._open()
            if opened is None:
                missing = plan_missing(method, self._checked_fields())
                await send_plan(scope, receive, send, exchange, missing, None, portion=portion)
                return
            try:
                fields = self._checked_fields()
                if self._varies and isinstance(opened, OpenFile):
                    opened, fields = await self._negotiate(scope["headers"], opened, fields)
                elif isinstance(opened, OpenObject):
                    portion *= _FARTHER
                    given = {name for name, _ in fields}
                    fields = [*fields, *(field for field in opened.fields if field[0] not in given)]
                answer = self._plan(method, scope["headers"], opened, fields)
                path = self._path_of(answer, opened)
                await send_plan(scope, receive, send, exchange, answer, opened, portion=portion, path=path)
            finally:
                closing = opened.close()
                if closing is not None:
                    await shielded(lambda: closing)

    def _read_small(self, scope: Scope) -> tuple[list[Field], bytes] | None:
        """The ordinary answer with a content of one message, if it can be had without waiting; else None.

        Most requests end here, at half of what the long way costs. No descriptor is open when it returns.
        """
        source = self._source
        if (
            self.background is not None
            or self.on_finish is not None
            or self._delete_after
            or self._varies
            or self.status_code is not OK
            or not isinstance(source, LocalFile)
            or scope["type"] != "http"
            or scope.get("method") != "GET"
            or not SELECTING.isdisjoint(dict(scope["headers"]))
        ):
            return None
        try:
            opened = source.open_cached()
        except OSError:
            return None
        if opened is None:
            return None
        try:
            body = opened.read_cached(0, opened.size) if 0 < opened.size <= self.chunk_size else None
        except OSError:
            return None
        finally:
            opened.close()
        if body is None or len(body) != opened.size:
            return None
        fields = tuple(self._checked_fields())
        # A cookie is one client's: it would outlive its response, and never be asked for again.
        plan_whole = _plan_whole.__wrapped__ if b"set-cookie" in dict(fields) else _plan_whole
        return plan_whole(fields, *self._facts(opened)).copy(), body

    def _checked_fields(self) -> list[Field]:
        fields = self._fields
        if fields is None:
            return self._implied_fields()
        return fields if fields == self._checked else checked(fields)

    async def _open(self) -> OpenSource | None:
        try:
            return await self._source.open()
        except (FileNotFoundError, NotAFileError) as error:
            if self._missing == "404":
                return None
            path = str(self.path)
            reason = "is not a file" if isinstance(error, NotAFileError) else "does not exist"
            raise RuntimeError(f"File at path {path} {reason}.") from error

    @property
    def _varies(self) -> bool:
        """Whether a variant may be sent in place of the file."""
        return self._precompressed and is_compressible(self.media_type or "")

    async def _negotiate(
        self, request: list[Field], plain: OpenFile, user: list[Field]
    ) -> tuple[OpenFile, list[Field]]:
        """The file or one of its variants, whichever the client would rather have, and the fields that tell which."""
        is_coded = any(name == CONTENT_ENCODING for name, _ in user)
        if is_coded or not isinstance(self._source, LocalFile):
            return plain, user
        accept = combine(request, {ACCEPT_ENCODING}).get(ACCEPT_ENCODING)
        opened, coding, had_choice = await open_variant(self._source, plain, accept)
        if had_choice:
            user = add_vary(user, ACCEPT_ENCODING)
        if coding is not None:
            # 8.8.3.3: a tag that the user gave is that of the file as it is; other octets need another.
            own = [field for field in user if field not in self._from_stat]
            user = [(name, coded_etag(value, coding) if name == b"etag" else value) for name, value in own]
            user.append((CONTENT_ENCODING, coding))
        return opened, user

    def _plan(self, method: str, request: list[Field], opened: OpenSource, user: list[Field]) -> Plan:
        facts, fields = _describe(user, *self._facts(opened))
        return plan(
            method,
            request,
            facts,
            fields,
            status=self.status_code,
            # As Starlette has it; and the handler that made the response has done what the method asked for.
            policy=Policy(max_ranges=self.max_ranges, reject_invalid_ranges=True, action_done=True),
            # Nobody who makes the content may be able to guess it; and it costs as much as the rest of the plan.
            boundary=token_hex(13).encode() if RANGE in dict(request) else None,
        )

    def _facts(self, opened: OpenSource) -> _Facts:
        implied = (*self._describe_content(), *self._from_stat)
        return implied, opened.size, opened.etag, opened.last_modified, int(time.time())

    def _path_of(self, answer: Plan, opened: OpenSource) -> str | None:
        """Where a server can read all that is to be sent, if it may."""
        if not self.pathsend or answer.body != (Slice(0, opened.size),) or not isinstance(opened, OpenFile):
            return None
        # By its name, nothing holds the file beneath a root. A surrogate is no character that another language knows.
        allowed = isinstance(self._source, LocalFile) and self._source.root is None and not self._delete_after
        speakable = os.path.isabs(opened.path) and opened.path.isprintable()  # noqa: PTH117 - it is a str
        return opened.path if allowed and speakable else None

    def _afterwards(self) -> BackgroundTask | None:
        # Not the path of the source: a file that `StaticFiles` has found is called as seen from its directory.
        path = self._path
        if not self._delete_after or not isinstance(path, (str, os.PathLike)):
            return self.background
        tasks = [] if self.background is None else [self.background]
        return BackgroundTasks([*tasks, BackgroundTask(_delete, path)])


def _describe(
    fields: Sequence[Field],
    implied: tuple[Field, ...],
    size: int,
    etag: str | None,
    last_modified: float | None,
    as_of: int,
) -> tuple[Representation, list[Field]]:
    """The facts, and what the user's header section says beside what is implied by them."""
    content_type = next((field[1] for field in implied if field[0] == b"content-type" and field in fields), None)
    tag = None if etag is None else check_etag(etag)
    seconds = None if last_modified is None else int(last_modified // 1)
    facts = Representation(size, as_of, content_type, tag, seconds)
    return facts, [field for field in fields if field not in implied]


@lru_cache(maxsize=256)  # of a pure function: servers are asked for the same again and again
def _plan_whole(fields: tuple[Field, ...], *facts: *_Facts) -> list[Field]:
    """The header section for a GET that asks for nothing special. Shared: not to be edited."""
    return plan("GET", (), *_describe(fields, *facts)).headers


def _delete(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - as it was given


def _source_of(path: object, root: Path | None) -> Source:
    if isinstance(path, FoundPath) and root is None:
        return path.file
    if isinstance(path, (str, os.PathLike)):
        return LocalFile(path, root)
    if root is not None:
        raise ValueError(f"root is for a path, which {type(path).__name__} is not")
    if isinstance(path, io.BytesIO):
        return BytesSource(path.getvalue())
    if isinstance(path, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(path))
    if isinstance(path, Source):
        return path
    # Text files have an encoding, whatever their class.
    if not hasattr(path, "read") or not hasattr(path, "seek") or hasattr(path, "encoding"):
        raise TypeError(
            "path must be a path, bytes, a binary file (mode 'rb') or a source with an `open` method, "
            f"got {type(path).__name__}"
        )
    file = cast("BinaryIO", path)
    if not file.seekable():
        raise TypeError(f"{path!r} is not seekable; StreamingResponse takes what can only be read from its beginning")
    return FileObjectSource(file)


def _name_of(path: object) -> str:
    """What could tell the media type; empty if nothing does."""
    if isinstance(path, (str, os.PathLike)):
        return os.fsdecode(path)
    name = getattr(path, "name", None)
    return name if isinstance(name, str) else ""
