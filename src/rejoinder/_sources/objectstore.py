"""Objects of S3, Google Cloud Storage, Azure and the like, through `obstore`; which speaks to them in threads of its own.

Theory of operation. A HEAD gives the facts, and what the plan then asks for is fetched with a GET for these very octets,
tied to the entity tag of the HEAD. Reads that follow each other are of one GET, whose content is taken from the network
when it is asked for: a client that takes its time has the store wait.

    open      HEAD                                    the facts
    expect    a slice is to be read from here to there
    read      GET, Range and If-Match                 the first of the slice; the others are of the same answer

A broken GET is mended twice. `obstore` asks anew for what is missing, as its `retry_config` says: by default ten times, and
three minutes after the GET began no more. When it has given up, the rest is a new GET, which may be broken again; but only
so often without anything coming of it. So a download may take hours, and a store that is gone ends it soon.

`obstore` has futures of asyncio and functions that block. On trio, these are called in threads.
"""

import asyncio
import errno
import re
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from posixpath import normpath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import anyio
import anyio.to_thread

from rejoinder._http.etags import check_etag, format_etag
from rejoinder._http.fields import Field, encode_field
from rejoinder._http.media import OCTET_STREAM
from rejoinder._sources.local import FileChangedError

if TYPE_CHECKING:
    from obstore import Attributes, BytesStream, GetOptions, GetResult, ListResult, ObjectMeta
    from obstore.store import ObjectStore

T = TypeVar("T")

_CHUNK = 256 * 1024  # octets at least, but for the last; with less, hops from obstore's threads cost more than the rest
_FAULTS = 2  # in a row: without a chunk between them
_LONGEST = 1024  # octets of a key, in S3 and Google's
_WITH_LIMIT = {"S3Store", "GCSStore"}
_STORED = {"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type"}
_MISSING = 'object stores need obstore: pip install "rejoinder[obstore]"'
# A list that is refused is an error of no kind, but for its text.
_refused = re.compile(r"status code: 40[13]\b").search
# What LocalStore says of a key that no file can have: ENOTDIR, ENAMETOOLONG, a name that it keeps for itself.
_no_such_name = re.compile(r"\(os error (20|36)\)|Filenames containing trailing").search


class ObjectStoreError(OSError):
    """An object store cannot be reached, or does not do what it was asked for; the cause is what `obstore` says of it.

    A gateway would answer 502. What `obstore` tries again and for how long is its `retry_config`.

    >>> from rejoinder import PlainTextResponse
    >>> from starlette.applications import Starlette
    >>> async def bad_gateway(request, error):
    ...     return PlainTextResponse("The store does not answer.", 502)
    >>> app = Starlette(exception_handlers={ObjectStoreError: bad_gateway})
    """


class ObjectAccessError(ObjectStoreError, PermissionError):
    """An object store refuses the credentials, or has none, or they may not read this.

    S3 also says so of what does not exist, to who may not list the bucket: with `s3:ListBucket`, absence is told as such.

    >>> issubclass(ObjectAccessError, PermissionError)
    True
    """


class ObjectStoreFile:
    """The object with this key, as content of a `FileResponse`: `FileResponse(ObjectStoreFile(store, "film.mp4"))`.

    Its size, entity tag and time of last modification are the store's. Ranges and conditions cost what they say: a HEAD
    answers a 304, and of a range no octet more is fetched. The whole is read as fast as the client takes it, and in
    constant memory. An object that is replaced meanwhile is not mixed with the other: the connection is cut.

    Type, coding, language, disposition and Cache-Control that are stored with an object are sent where the response is
    silent; the type also where it is known by the extension of neither the key nor `filename`.

    Args:
        store: of `obstore`: `S3Store`, `GCSStore`, `AzureStore`, `LocalStore`, `MemoryStore`, `HTTPStore`.
        key: of the object; may come from a user, and one that no object can have is one that does not exist.

    Raises:
        ImportError: `obstore` is not installed.
        TypeError: `store` is not one of obstore's, or `key` no str.

    >>> from obstore.store import MemoryStore
    >>> from rejoinder import FileResponse
    >>> store = MemoryStore()
    >>> _ = store.put("reports/may.pdf", b"%PDF-1.7")
    >>> response = FileResponse(ObjectStoreFile(store, "reports/may.pdf"), missing="404")
    >>> response.media_type
    'application/pdf'
    """

    def __init__(self, store: "ObjectStore", key: str) -> None:
        check_store(store)
        if not isinstance(key, str):
            raise TypeError(f"key must be a str, got {type(key).__name__}")
        self.store = store
        self.key = key
        self.name = key.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.key!r} in {type(self.store).__name__}"  # the repr of some stores ends the process

    async def open(self) -> "OpenObject":
        """Ask the store for the facts.

        Raises:
            FileNotFoundError: there is no such object.
            ObjectAccessError: the store does not let us read it, or does not tell whether there is one.
            ObjectStoreError: the store cannot be reached, or failed.
        """
        # obstore drops outer slashes: another key would be this object, past whoever has looked at its beginning. Of the
        # bucket itself, S3 has something to say; of what is too long for it and for GCS, the same as of a fault.
        is_limited = type(self.store).__name__ in _WITH_LIMIT
        too_long = is_limited and len(self.key.encode(errors="replace")) > _LONGEST
        if not self.key or self.key != self.key.strip("/") or too_long:
            raise not_found(self.key)
        found = await _get(self.store, self.key, {"head": True})
        return OpenObject(self, found)


class ObjectStoreDirectory:
    """The objects whose keys begin with a prefix, as directory of `StaticFiles`.

    A directory is what keys have in common up to a "/"; the prefix is one, or empty for all of the store.

    Args:
        store: as for `ObjectStoreFile`.
        prefix: such as `"sites/shop"`; with a "/" at its end or without.

    Raises:
        ImportError, TypeError: as for `ObjectStoreFile`.

    >>> from obstore.store import MemoryStore
    >>> from rejoinder import StaticFiles
    >>> files = StaticFiles(directory=ObjectStoreDirectory(MemoryStore(), "sites/shop"), html=True)
    """

    def __init__(self, store: "ObjectStore", prefix: str = "") -> None:
        check_store(store)
        if not isinstance(prefix, str):
            raise TypeError(f"prefix must be a str, got {type(prefix).__name__}")
        self.store = store
        self.prefix = prefix.strip("/")

    def __str__(self) -> str:
        return f"{self.prefix!r} in {type(self.store).__name__}"

    async def find(self, path: str) -> "FoundObject":
        """The object at this path below the prefix, with the facts.

        Raises:
            OSError: as `ObjectStoreFile.open`.
        """
        key = self._key(path)
        if key == self.prefix:
            raise not_found(key)
        return FoundObject(await ObjectStoreFile(self.store, key).open())

    async def entries(self, path: str) -> list["ObjectEntry"]:
        """What there is in the directory at this path below the prefix; nothing if there is no such directory.

        Raises:
            ObjectStoreError: as `ObjectStoreFile.open`.
        """
        store, key = self.store, self._key(path)
        try:
            with _told_apart(store, key):
                found = await _call(
                    lambda: store.list_with_delimiter_async(key), lambda: store.list_with_delimiter(key)
                )
        except FileNotFoundError:
            return []
        return list(_entries(key, found))

    def _key(self, path: str) -> str:
        # Seen from "/", no ".." leads above the prefix.
        return "/".join(filter(None, (self.prefix, normpath(f"/{path}").strip("/"))))


class ObjectEntry(NamedTuple):
    """What is in a directory: an object with its size in octets and its time in seconds since 1970, or a directory."""

    name: str
    size: int | None
    modified: float | None


class FoundObject(ObjectStoreFile):
    """An object whose facts have been asked for. Whoever opens it first gets these, and all others what there is then."""

    def __init__(self, found: "OpenObject") -> None:
        super().__init__(found.file.store, found.file.key)
        self.size, self.modified = found.size, found.last_modified
        self._found: OpenObject | None = found

    async def open(self) -> "OpenObject":
        """What was found; for all but the first, as an `ObjectStoreFile` does."""
        found, self._found = self._found, None
        return found or await super().open()

    def release(self) -> None:
        """Nothing is held before something is read."""


class OpenObject:
    """One version of an object: its facts, what is stored beside it, and its octets as they are asked for."""

    def __init__(self, file: ObjectStoreFile, found: "GetResult") -> None:
        self.file = file
        self._meta = meta = found.meta
        self.size = meta["size"]
        self.etag = _entity_tag(meta["e_tag"])
        self.last_modified = meta["last_modified"].timestamp()
        self.fields = _stored_fields(found.attributes)
        self._stream: BytesStream | None = None
        self._position = self._stop = 0  # of the next octet to be read, and where the GET ends
        self._chunk, self._taken = b"", 0  # what has come last, and how much of it was read
        self._faults = 0

    def expect(self, start: int, stop: int) -> None:
        """All of this, and nothing else, will be read next: what is one GET."""
        if self._position != start or self._stop != stop:
            self.close()
            self._position, self._stop = start, stop

    async def read(self, start: int, stop: int) -> bytes:
        """One or more octets from `start` on.

        Raises:
            FileChangedError: the object is not what it was when it was opened, or is not there any more.
            ObjectAccessError: it may not be read any more.
            ObjectStoreError: the store has failed too often.
        """
        if not self._position == start <= stop <= self._stop:
            self.expect(start, stop)
        while self._taken == len(self._chunk):
            self._chunk, self._taken = await self._fetch_again_and_again(), 0
        data = self._chunk[self._taken : self._taken + stop - start]
        self._taken += len(data)
        self._position += len(data)
        return data

    async def _fetch_again_and_again(self) -> bytes:
        """The next octets, whatever happens on the way as long as it does not happen too often."""
        while True:
            try:
                data = await self._fetch()
            except ObjectStoreError as error:
                self._stream = None
                self._faults += 1
                if isinstance(error, ObjectAccessError) or self._faults > _FAULTS:
                    raise
            else:
                self._faults = 0
                return data

    async def _fetch(self) -> bytes:
        store, key = self.file.store, self.file.key
        stream = self._stream
        if stream is None:
            stream = self._stream = await self._get()
        with _told_apart(store, key):
            data = await _call(lambda: anext(stream, b""), lambda: next(stream, b""))
        if not data:
            raise ObjectStoreError(
                errno.EIO, f"the store has sent less than octets {self._position} to {self._stop}", key
            )
        return data

    async def _get(self) -> "BytesStream":
        """A GET for what is left, answered from the version that was opened."""
        tag = self._meta["e_tag"]
        options: GetOptions = {"range": (self._position, self._stop)}
        # 13.1.1: If-Match compares strongly, so a weak tag never passes.
        if tag is not None and not tag.startswith("W/"):
            options["if_match"] = tag
        try:
            found = await _get(self.file.store, self.file.key, options)
        except FileNotFoundError as error:
            raise _changed(self.file.key) from error
        # Not every store minds If-Match.
        if _version(found.meta) != _version(self._meta):
            raise _changed(self.file.key)
        return found.stream(min_chunk_size=_CHUNK)

    def close(self) -> None:
        """Let go of the GET, whose connection is closed if there is more to come from it."""
        self._stream = None
        self._chunk, self._taken = b"", 0


def open_bucket(url: str, needed: str | None = None) -> ObjectStoreDirectory:
    """What is below the prefix of a URL such as `s3://bucket/prefix`, with what the environment says of access.

    It blocks: after a future of obstore's, a process that ends at once may be aborted by the thread that made it.

    Raises:
        ImportError: `obstore` is not installed.
        FileNotFoundError: there is no object with the key that is needed.
        ObjectStoreError: the URL is none of a store, or what is there cannot be listed.
    """
    try:
        from obstore import exceptions

        stores = import_module("obstore.store")
    except ImportError as error:
        raise ImportError(_MISSING) from error
    # For somebody who waits at a terminal; by default it tries for three minutes.
    retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
    with _told_apart(None, url):
        try:
            store: ObjectStore = stores.from_url(url, retry_config=retries)
        except ValueError as error:
            raise ObjectStoreError(errno.EINVAL, str(error), url) from error
        with suppress(exceptions.InvalidPathError):  # it can be listed, and has a key that obstore cannot read
            next(store.list(chunk_size=1), None)
        if needed is not None:
            store.head(needed)
    return ObjectStoreDirectory(store)


def check_store(store: object) -> None:
    """That this is a store.

    Raises:
        ImportError: `obstore` is not installed.
        TypeError: it is none.
    """
    try:
        import_module("obstore.exceptions")
    except ImportError as error:
        raise ImportError(_MISSING) from error
    if not hasattr(store, "get_async"):
        raise TypeError(
            f"store must be one of obstore, for example obstore.store.S3Store('bucket'), got {type(store).__name__}"
        )


async def _get(store: "ObjectStore", key: str, options: "GetOptions") -> "GetResult":
    with _told_apart(store, key):
        return await _call(lambda: store.get_async(key, options=options), lambda: store.get(key, options=options))


async def _call(future: Callable[[], Awaitable[T]], function: Callable[[], T]) -> T:
    """What obstore gives, as a future of asyncio or, on another loop, from a thread. Neither holds up a cancellation.

    The thread is left to itself then; what comes of it too late is dropped, which closes it.
    """
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        return await future()
    return await anyio.to_thread.run_sync(function, abandon_on_cancel=True)


@contextmanager
def _told_apart(store: "ObjectStore | None", key: str) -> Generator[None, None, None]:
    """What obstore raises, as an OSError that says which of the three it is: not there, not for us, not working."""
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, ValueError) as error:  # of a key that no object can have: ValueError
        raise not_found(key) from error
    except exceptions.PreconditionError as error:
        raise _changed(key) from error
    except exceptions.BaseError as error:
        reason = str(error).partition("\n")[0]
        if isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)) or _refused(reason):
            raise ObjectAccessError(errno.EACCES, reason, key) from error
        if type(store).__name__ == "LocalStore" and _no_such_name(reason):
            raise not_found(key) from error
        raise ObjectStoreError(errno.EIO, reason, key) from error


def not_found(key: str) -> FileNotFoundError:
    """There is no object with this key."""
    return FileNotFoundError(errno.ENOENT, "no such object", key)


def _changed(key: str) -> FileChangedError:
    return FileChangedError(errno.ESTALE, "the object was replaced or deleted while it was sent", key)


def _version(meta: "ObjectMeta") -> tuple[object, ...]:
    """What differs between two versions of an object."""
    return (meta["e_tag"],) if meta["e_tag"] is not None else (meta["size"], meta["last_modified"])


def _entity_tag(text: str | None) -> str | None:
    """The store's entity tag as it can be sent; None if it cannot."""
    try:
        return None if text is None else format_etag(check_etag(text)).decode()
    except ValueError:
        return None


def _stored_fields(attributes: "Attributes") -> list[Field]:
    """The header fields that are stored with an object; one that cannot be sent is none."""
    stored = {b"content-type": OCTET_STREAM.encode()}
    for name, value in attributes.items():
        if name in _STORED:
            with suppress(ValueError):
                stored.update([encode_field(name.lower(), value)])
    return list(stored.items())


def _entries(directory: str, found: "ListResult[Sequence[ObjectMeta]]") -> Iterator[ObjectEntry]:
    for prefix in found["common_prefixes"]:
        yield ObjectEntry(prefix.rpartition("/")[2], None, None)
    for meta in found["objects"]:
        if meta["path"] == directory:  # an object called "directory/", which some tools make for it
            continue
        yield ObjectEntry(meta["path"].rpartition("/")[2], meta["size"], meta["last_modified"].timestamp())
