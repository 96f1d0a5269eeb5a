"""The representation lane: a response from something that has a size, and can be read at any position."""

import contextlib
import io
import os
import re
import time
from datetime import datetime
from functools import lru_cache
from secrets import token_hex
from typing import BinaryIO, Literal, NamedTuple, TypeAlias, Unpack, cast

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.types import Receive, Scope, Send

from rejoinder._coded import CODED, compressed, settle
from rejoinder._digest import add_digests
from rejoinder._http.dates import format_date, format_timestamp
from rejoinder._http.disposition import content_disposition
from rejoinder._http.etags import check_etag, coded_etag, format_etag
from rejoinder._http.fields import Field, Headers, checked, combine
from rejoinder._http.media import OCTET_STREAM, guess_media_type, is_compressible
from rejoinder._http.negotiation import ACCEPT_ENCODING, CONTENT_ENCODING, add_vary
from rejoinder._http.status import check_status
from rejoinder._lifecycle import Exchange, OnFinish, shielded
from rejoinder._offload import Offload
from rejoinder._options import ContentOptions, Options
from rejoinder._plan import (
    PARTIAL_CONTENT,
    RANGE,
    SELECTING,
    Extent,
    Plan,
    Policy,
    Prepared,
    Representation,
    Slice,
    decide,
    plan_missing,
    prepare,
)
from rejoinder._response import OK, Response
from rejoinder._send import BODY, START, note_client_left, send_plan
from rejoinder._sources import OpenSource, Source
from rejoinder._sources.found import Chosen, FoundPath, open_cached_variant, open_variant
from rejoinder._sources.local import LocalFile, NotAFileError, OpenFile, stat_etag
from rejoinder._sources.memory import BytesSource, FileObjectSource
from rejoinder._sources.objectstore import ObjectStoreFile, OpenObject
from rejoinder._sources.threads import in_thread
from rejoinder._starlette import StarletteFileResponse, sealed

Path: TypeAlias = str | os.PathLike[str]
Content: TypeAlias = Path | bytes | bytearray | memoryview | BinaryIO | Source
Missing: TypeAlias = Literal["raise", "404"]

_FARTHER = 2
_HOURS = 4 * 60 * 60
_ACCEPT_RANGES: Field = (b"accept-ranges", b"bytes")
_DIGESTS = frozenset({"content_digest", "repr_digest"})
_OF_THE_FRONT_SERVER = frozenset({b"accept-ranges", b"content-length", b"transfer-encoding"})
_has_control = re.compile(rb"[\x00-\x1f\x7f]").search


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
        offload: have a front server send the file: `AccelRedirect` for nginx, `XSendfile` for Apache and lighttpd. It
            answers ranges and conditions, and tells length and validators.
        delete_after: delete the file when the response has ended, in whatever way, and its background has run.
        on_finish: as for `Response`.
        **options: `cache_control`, `expires`, `vary`, `server_timing`, `compress` and the digests, as for `Response`. With
            `compress`, a client that accepts a coding gets the whole in place of a part, unless its If-Range has the tag of
            the plain file; a variant beside the file is better. For a digest, what is sent is read twice, and for
            `repr_digest` all of the file, once for each version of it.

    Raises:
        TypeError: `path` is nothing of the above.
        ValueError: as for `Response`; an etag or a time that cannot be sent; `root`, `precompressed`, `offload` or
            `delete_after` for what has no path; `delete_after` with one of the others: what a user names is not to be
            deleted, variants would be left behind, and the front server would come too late; `offload` with
            `precompressed`, a digest or another status than 200, of which front servers know nothing.
        ImportError: as for `Response`.
        RuntimeError: when it is sent: there is no such file, or it is none; with `missing="404"`, that is a 404.
        OSError: when it is sent: the file cannot be read; a `FileChangedError`, if it was changed meanwhile.

    >>> response = FileResponse("report.pdf", filename="Übersicht.pdf")
    >>> response.headers["content-type"], response.headers["content-disposition"]
    ('application/pdf', 'attachment; filename="Ubersicht.pdf"; filename*=UTF-8\'\'%C3%9Cbersicht.pdf')
    """

    chunk_size: int = 128 * 1024
    """Octets in one message, at most; of an object in a store, twice as many, as each costs more to come by."""
    max_ranges: int = 100
    """A request for more ranges than this gets the whole."""
    pathsend: bool = False
    """Let a server that offers ASGI's path send, as granian does, read files of more than one message by itself, half
    as fast again; only for the whole, and not beneath a `root`. It opens the file by its name when this response has ended:
    for files that are not replaced or deleted."""

    _implied_names = Response._implied_names | {b"accept-ranges", b"content-disposition"}  # noqa: SLF001 - our base
    _renders = False
    _takes = Options.__optional_keys__
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
        offload: Offload | None = None,
        delete_after: bool = False,
        on_finish: OnFinish | None = None,
        **options: Unpack[Options],
    ) -> None:
        if status_code is not OK:
            check_status(status_code)
        if missing != "raise" or precompressed or delete_after:
            _check_ways(path, root, missing, precompressed=precompressed, delete_after=delete_after)
        if offload is not None:
            needs_content = precompressed or delete_after or not _DIGESTS.isdisjoint(options)
            _check_offload(offload, path, status_code, needs_content=needs_content)
        self.status_code = status_code
        self.background = background
        self.on_finish = on_finish
        self.filename = filename
        self.stat_result = stat_result
        self._root = root
        self._missing = missing
        self._precompressed = precompressed
        self._offload = offload
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
        if options:
            self._tell(cast("ContentOptions", options))
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
        known = _stat_fields(stat_result.st_size, int(stat_result.st_mtime), stat_etag(stat_result))
        told = [field for field in known if field[0] not in given]
        self._from_stat += told
        self._append(*told)

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
        # The short way ends most requests, at a part of what the long one costs.
        opened = self._open_at_once(scope)
        begun = _Begun(scope) if opened is None else self._answer_at_once(scope, opened)
        if begun.answer is None or begun.content is None:
            await self._send_at_length(begun, receive, send)
            return
        try:
            # A copy: middleware edits the list that it is sent, and this one may be remembered.
            await send({"type": START, "status": begun.answer.status, "headers": begun.answer.headers.copy()})
            await send({"type": BODY, "body": begun.content})
        except OSError as error:
            note_client_left(error)

    def _open_at_once(self, scope: Scope) -> OpenFile | None:
        """The file, if there is nothing to do but to send it, and the kernel has in memory where it is."""
        source = self._source
        if (
            self.background is not None
            or self.on_finish is not None
            or self._delete_after
            or self._offload is not None
            or self._digests
            or self._compression is not None
            or not isinstance(source, LocalFile)
            or scope["type"] != "http"
        ):
            return None
        if self.status_code is not OK:
            check_status(self.status_code)
        try:
            return source.open_cached()
        except OSError:  # the long way tells what it means
            return None

    def _answer_at_once(self, scope: Scope, opened: OpenFile) -> "_Begun":
        """The answer and its content, where that is one message and in memory, and the file is then closed.

        It is left open, for the long way, where that has to read it, and so there is no content, or to find its variants,
        and so there is no answer.
        """
        is_done = True
        try:
            is_plain = self._fields is None and self.status_code is OK and not self._precompressed
            user = None if is_plain else self._checked_fields()
            source = self._source
            if user is not None and isinstance(source, LocalFile) and self._has_variants(user):
                if (choice := open_cached_variant(source, opened, _accept_encoding(scope))) is None:
                    is_done = False
                    return _Begun(scope, opened)
                opened, user = choice.opened, self._describe(choice, user)
            if CODED in scope:
                scope = self._settled(scope, opened, user)
            answer = self._plan(scope.get("method", "GET").upper(), scope["headers"], opened, user)
            parts = answer.body
            if not parts:
                return _Begun(scope, None, answer, b"")
            part = parts[0]
            if len(parts) > 1 or part is Extent.TO_END or (size := len(part)) > self.chunk_size:
                is_done = False
                return _Begun(scope, opened, answer)
            content = part if isinstance(part, bytes) else opened.read_cached(part.start, part.stop) if size else b""
        except OSError:
            return _Begun(scope)
        finally:
            if is_done:
                opened.close()
        if content is None or len(content) != size:
            return _Begun(scope)
        return _Begun(scope, None, answer, content)

    async def _send_at_length(self, begun: "_Begun", receive: Receive, send: Send) -> None:
        """The long way; what is open and planned already is used, and the file is closed."""
        scope, opened, answer, _ = begun
        async with Exchange(self.status_code, self.on_finish, self._afterwards()) as exchange:
            if self._compression is not None:
                scope, send = compressed(self._compression, scope, send, exchange)
            portion = self.chunk_size
            try:
                if answer is None:
                    check_status(self.status_code)
                    method = scope.get("method", "GET").upper()
                    if opened is None and (opened := await self._open()) is None:
                        missing = plan_missing(method, self._checked_fields())
                        await send_plan(scope, receive, send, exchange, missing, None, portion=portion)
                        return
                    fields = self._checked_fields()
                    if (order := await self._hand_over(scope, fields)) is not None:
                        await send_plan(scope, receive, send, exchange, order, None, portion=portion)
                        return
                    source = self._source
                    if isinstance(opened, OpenFile) and isinstance(source, LocalFile) and self._has_variants(fields):
                        choice = await open_variant(source, opened, _accept_encoding(scope))
                        opened, fields = choice.opened, self._describe(choice, fields)
                    elif isinstance(opened, OpenObject):
                        portion *= _FARTHER
                        given = {name for name, _ in fields}
                        fields = [*fields, *(field for field in opened.fields if field[0] not in given)]
                    scope = self._settled(scope, opened, fields)
                    answer = self._plan(method, scope["headers"], opened, fields)
                    if self._digests and answer.status in {self.status_code, PARTIAL_CONTENT}:
                        answer = await add_digests(answer, opened, self._digests, portion=portion)
                path = self._path_of(answer, opened)
                answer = answer._replace(headers=answer.headers.copy())
                await send_plan(scope, receive, send, exchange, answer, opened, portion=portion, path=path)
            finally:
                if opened is not None and (closing := opened.close()) is not None:
                    await shielded(lambda: closing)

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

    async def _hand_over(self, scope: Scope, user: list[Field]) -> Plan | None:
        """The order to the front server to send the file; None if it is sent from here."""
        offload, source = self._offload, self._source
        if offload is None or not isinstance(source, LocalFile) or scope["type"] != "http" or self.status_code != OK:
            return None
        path = await in_thread(source.real_path)
        if _has_control(path):
            return None  # a line end, even an encoded one, is not for another program's configuration and log
        field = await in_thread(lambda: offload.locate(path))
        # The front server describes what it sends, and would say it twice.
        kept = [one for one in user if one not in self._from_stat and one[0] not in _OF_THE_FRONT_SERVER]
        return Plan(OK, [*kept, field, (b"content-length", b"0")], ())

    def _has_variants(self, user: list[Field]) -> bool:
        """Whether a variant may be sent in place of the file."""
        return (
            self._precompressed
            and is_compressible(self.media_type or "")
            and not any(name == CONTENT_ENCODING for name, _ in user)
        )

    def _describe(self, choice: Chosen, user: list[Field]) -> list[Field]:
        """The fields that tell which variant it is, and that there was a choice."""
        if choice.had_choice:
            user = add_vary(user, ACCEPT_ENCODING)
        if (coding := choice.coding) is not None:
            # 8.8.3.3: a tag that the user gave is that of the file as it is; other octets need another.
            own = [field for field in user if field not in self._from_stat]
            user = [(name, coded_etag(value, coding) if name == b"etag" else value) for name, value in own]
            user.append((CONTENT_ENCODING, coding))
        return user

    def _plan(self, method: str, request: list[Field], opened: OpenSource, user: list[Field] | None) -> Plan:
        """The answer; its header section may be one that is remembered. None: the user said nothing."""
        described = (*self._describe_content(), *self._from_stat)
        fields = (*described, *self._offers) if user is None else tuple(user)
        # A cookie is one client's: it would outlive its response, and never be asked for again.
        prepare_file = _prepare_file.__wrapped__ if user and b"set-cookie" in dict(user) else _prepare_file
        modified = opened.last_modified
        facts = (opened.size, opened.etag, modified, _moment_after(modified))
        prepared = prepare_file(fields, described, self.status_code, self.max_ranges, *facts)
        asked = combine(request, SELECTING)
        # Nobody who makes the content may be able to guess it; and it costs as much as the rest of the plan.
        boundary = token_hex(13).encode() if b"," in asked.get(RANGE, b"") else None
        return decide(method, asked, prepared, boundary)

    def _settled(self, scope: Scope, opened: OpenSource, user: list[Field] | None) -> Scope:
        """The scope for this content, of which whatever compresses around it is told the whole header section."""
        return settle(scope, lambda: self._plan("GET", [], opened, user).headers)

    def _path_of(self, answer: Plan, opened: OpenSource | None) -> str | None:
        """Where a server can read all that is to be sent, if it may."""
        if not self.pathsend or not isinstance(opened, OpenFile) or answer.body != (Slice(0, opened.size),):
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


class _Begun(NamedTuple):
    """How far the short way came."""

    scope: Scope  # as whatever compresses around the response has it
    opened: OpenSource | None = None
    answer: Plan | None = None
    content: bytes | None = None


@lru_cache(maxsize=1024)  # of a pure function: servers are asked for the same again and again
def _prepare_file(
    fields: tuple[Field, ...],
    implied: tuple[Field, ...],
    status: int,
    max_ranges: int,
    size: int,
    etag: str | None,
    last_modified: float | None,
    as_of: int,
) -> Prepared:
    """The plan but for the request: of what the class implies, only what the user did not take out of the fields."""
    content_type = next((field[1] for field in implied if field[0] == b"content-type" and field in fields), None)
    tag = None if etag is None else check_etag(etag)
    seconds = None if last_modified is None else int(last_modified // 1)
    facts = Representation(size, as_of, content_type, tag, seconds)
    # As Starlette has it; and the handler that made the response has done what the method asked for.
    policy = Policy(max_ranges=max_ranges, reject_invalid_ranges=True, action_done=True)
    return prepare(facts, [field for field in fields if field not in implied], status=status, policy=policy)


@lru_cache(maxsize=1024)
def _stat_fields(size: int, seconds: int, etag: str) -> tuple[Field, ...]:
    return (
        (b"content-length", b"%d" % size),
        (b"last-modified", format_timestamp(seconds)),
        (b"etag", etag.encode()),
    )


def _accept_encoding(scope: Scope) -> bytes | None:
    return combine(scope["headers"], {ACCEPT_ENCODING}).get(ACCEPT_ENCODING)


def _moment_after(last_modified: float | None) -> int:
    """A moment that tells as much of these facts as the present: the same one for hours, once they are a second old."""
    now = int(time.time())
    recent = now - now % _HOURS
    return recent if last_modified is None or last_modified < recent else min(now, int(last_modified) + 1)


def _delete(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - as it was given


def _check_ways(path: object, root: Path | None, missing: object, *, precompressed: bool, delete_after: bool) -> None:
    if missing not in {"raise", "404"}:
        raise ValueError(f'missing must be "raise" or "404", got {missing!r}')
    if precompressed and not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"precompressed is for a path, beside which variants lie; {type(path).__name__} is none")
    if delete_after and (root is not None or precompressed or not isinstance(path, (str, os.PathLike))):
        raise ValueError(
            "delete_after deletes what `path` names: it needs a path, and cannot be used with `root` or `precompressed`"
        )


def _check_offload(offload: object, path: object, status_code: int, *, needs_content: bool) -> None:
    if not isinstance(offload, Offload):
        raise TypeError(f"offload must be an AccelRedirect or an XSendfile, got {offload!r}")
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"offload is for a path, which {type(path).__name__} is not: the front server opens it itself")
    if needs_content or status_code != OK:
        raise ValueError(
            "offload cannot be used with `precompressed`, `delete_after`, a digest, or another status than 200"
        )


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
