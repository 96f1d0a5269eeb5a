"""Static files: which file a request means, and what is said about it.

Theory of operation. `get_path` makes a relative path of the URL, `get_response` finds the file and `file_response` makes
the response; a subclass may override each of them, as with Starlette's class. To find a file is to open it, beneath its
directory, once: the path that `file_response` gets is a `FoundPath`, which has the open file with it, and the
`FileResponse` sends that. A path of any other origin is opened when it is sent.

    get_path  ->  may it be asked for?  ->  open it in each directory  ->  file_response
                       | no                     | a directory: index.html, or the listing; with a redirect to its slash
                       v                        v nothing
                  a page for navigations (`fallback`), 404.html (`html`), HTTPException(404)

An object store has no directories, but objects whose keys have a "/". Where one has no object of a name, only what is asked
for next tells whether there is a directory: its index.html, or its listing.
"""

import errno
import logging
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from functools import partial
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles as StarletteStaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from rejoinder._file import FileResponse
from rejoinder._http.cache import IMMUTABLE, is_fingerprinted
from rejoinder._http.etags import content_etag, format_etag
from rejoinder._http.fields import encode_field
from rejoinder._http.negotiation import PAGE_VARY, wants_page
from rejoinder._listing import POLICY, Entry, render
from rejoinder._response import HTMLResponse, RedirectResponse
from rejoinder._sources.directory import LocalDirectory
from rejoinder._sources.found import FoundFile, FoundPath
from rejoinder._sources.local import LocalFile, NotAFileError
from rejoinder._sources.objectstore import FoundObject, ObjectAccessError, ObjectStoreDirectory, ObjectStoreError
from rejoinder._sources.threads import in_thread
from rejoinder._starlette import StarletteResponse

Path: TypeAlias = str | os.PathLike[str]
CacheControl: TypeAlias = str | Callable[[str], str | None]

_LOOKUP_PATH = StarletteStaticFiles.lookup_path
_NOSNIFF = {"x-content-type-options": "nosniff"}
_separator = re.compile(r"[/\\]" if os.sep == "\\" else "/")
_IN_QUERY = "!$&'()*+,/:;=?@[]%"


class _NoFile(Enum):
    DIRECTORY = "there is a directory of this name"
    PERHAPS = "there is one, if there is something in it"
    NOTHING = "there is nothing that could be sent"


_Found: TypeAlias = tuple[str, os.stat_result]
_logger = logging.getLogger("rejoinder")


class StaticFiles(StarletteStaticFiles):
    """The files of directories, as an ASGI application: `app.mount("/static", StaticFiles(directory="static"))`.

    Nothing outside the directories is ever sent, whatever the URL says and whatever links are in them (an
    `ObjectStoreDirectory` of a local store follows links, as the store does). Answers have ranges, validators and 304, as
    those of `FileResponse` (RFC 9110, 13 and 14).

    Args:
        directory: where the files are; a path, or an `ObjectStoreDirectory`.
        packages: the names of packages that have files in `statics`, or pairs of a package and the name of that
            directory; looked through after `directory`, in this order.
        html: a directory is its `index.html`, and `404.html` is sent where there is nothing.
        check_dir: raise at once if there is no such directory, and not at the first request. An object store has none.
        follow_symlink: also links that lead out of the directory.
        precompressed: send `app.js.br`, `.zst` or `.gz` in place of `app.js`, as `FileResponse(precompressed=True)`. Not
            from an object store, which would be asked for each; it keeps a Content-Encoding with an object.
        cache_control: the Cache-Control of each file, a `CacheControl` or a text; but files with a hash of their content
            in the name, as `app.3f2a1b9c.js`, are kept for a year. Or a function of the path of the file that is sent,
            relative to its directory, with "/" between its parts, which returns the value, or None for no such header.
            None, the default: no such header.
        dotfiles: also files and directories whose name begins with ".". Without it, `.well-known` alone.
        fallback: the file, such as `index.html`, to answer with where nothing is found and a browser navigates: for
            applications that have their routes in the browser. Missing scripts and images stay 404.
        listing: show what is in a directory that has no `index.html` (with `html`) to show.

    Raises:
        RuntimeError: `directory` does not exist; at the first request: `fallback` does not.
        ValueError: `cache_control` has a character that no header can carry.
        TypeError: `cache_control` is neither a str nor a function.

    >>> files = StaticFiles(directory="dist", html=True, cache_control="no-cache", check_dir=False)
    """

    def __init__(
        self,
        *,
        directory: Path | ObjectStoreDirectory | None = None,
        packages: list[str | tuple[str, str]] | None = None,
        html: bool = False,
        check_dir: bool = True,
        follow_symlink: bool = False,
        precompressed: bool = True,
        cache_control: CacheControl | None = None,
        dotfiles: bool = False,
        fallback: str | None = None,
        listing: bool = False,
    ) -> None:
        self._objects = directory if isinstance(directory, ObjectStoreDirectory) else None
        super().__init__(
            directory=None if isinstance(directory, ObjectStoreDirectory) else directory,
            packages=packages,
            html=html,
            check_dir=check_dir,
            follow_symlink=follow_symlink,
        )
        if isinstance(cache_control, str):
            encode_field("cache-control", cache_control)
        elif cache_control is not None and not callable(cache_control):
            raise TypeError(f"cache_control must be a str or a function of a path, got {type(cache_control).__name__}")
        self.precompressed = precompressed
        self.cache_control = cache_control
        self.dotfiles = dotfiles
        self.fallback = fallback
        self.listing = listing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a WebSocket is closed."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def check_config(self) -> None:
        """Called before the first request is answered.

        Raises:
            RuntimeError: there is no such directory, or no such fallback.
        """
        await super().check_config()
        if self.fallback is not None:
            found = await self._find(self.fallback)
            if isinstance(found, _NoFile):
                raise RuntimeError(f"StaticFiles fallback {self.fallback!r} does not exist.")
            _release(found)

    def get_path(self, scope: Scope) -> str:
        """The path of the file that the URL names, relative to the directories. If it begins with "..", it is not found."""
        path = _decoded_path(scope)
        return super().get_path(scope if path is scope["path"] else {**scope, "path": path})

    async def get_response(self, path: str, scope: Scope) -> StarletteResponse:
        """The response with the file at this path.

        Raises:
            HTTPException: 404, there is none; 403, it may not be read; 405, the method is neither GET nor HEAD; 502, the
                object store cannot be reached, or fails. The reason is logged where it is one of an object store.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        path = os.path.normpath(path)  # noqa: ASYNC240 - does not look at the disk
        try:
            response = None if self._is_refused(path) else await self._respond(path, scope)
            return await self._respond_otherwise(scope) if response is None else response
        except ObjectStoreError as error:
            _logger.error("an object store does not give %r: %s", path, error.strerror)  # noqa: TRY400 - it says enough
            raise HTTPException(403 if isinstance(error, ObjectAccessError) else 502) from error
        except PermissionError as error:
            raise HTTPException(403) from error

    def file_response(
        self, full_path: Path, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> StarletteResponse:
        """The response with this file. Conditions and ranges of the request are answered when it is sent."""
        headers = dict(_NOSNIFF)
        if (cache_control := self._choose_cache_control(full_path)) is not None:
            headers["cache-control"] = cache_control
        # What a store tells of an object is no such thing: it has no inode to make an entity tag of.
        is_object = isinstance(full_path, FoundPath) and isinstance(full_path.file, FoundObject)
        told = None if is_object else stat_result
        return FileResponse(full_path, status_code, headers, stat_result=told, precompressed=self.precompressed)

    def _is_refused(self, path: str) -> bool:
        """Whether the path is none that may be asked for, be there what may."""
        names = _separator.split(path)
        # Not only what leads elsewhere: on Windows, to look at a path of another host sends it the user's password hash.
        if path.startswith(("/", "\\")) or os.path.splitdrive(path)[0] or names[0] == "..":
            return True
        return not self.dotfiles and any(_is_hidden(name) for name in names)

    async def _respond(self, path: str, scope: Scope) -> StarletteResponse | None:
        found = await self._find(path)
        if found is _NoFile.NOTHING:
            return None
        if not isinstance(found, _NoFile):
            return self._hand_over(found, scope)
        if self.html:
            index = await self._find(os.path.normpath(os.path.join(path, "index.html")))  # noqa: ASYNC240, PTH118 - a URL's
            if not isinstance(index, _NoFile):
                if (redirect := _redirect_to_slash(scope)) is None:
                    return self._hand_over(index, scope)
                _release(index)
                return redirect
        return await self._list(path, scope, found) if self.listing else None

    async def _respond_otherwise(self, scope: Scope) -> StarletteResponse:
        """What there is to say where nothing was found."""
        if self.fallback is not None and wants_page(scope.get("headers", ())):
            found = await self._find(self.fallback)
            if not isinstance(found, _NoFile):
                return self._tell_choice(self._hand_over(found, scope))
        if self.html:
            found = await self._find("404.html")
            if not isinstance(found, _NoFile):
                return self._tell_choice(StaticFiles.file_response(self, *found, scope, 404))
        raise HTTPException(404, headers=None if self.fallback is None else {"Vary": PAGE_VARY})

    def _hand_over(self, found: _Found, scope: Scope) -> StarletteResponse:
        """The response with this file, which is its own from now on. One that is not ours opens a file by its path."""
        response = self.file_response(*found, scope)
        if not isinstance(response, FileResponse) or response.path is not found[0]:
            _release(found)
        return response

    def _tell_choice(self, response: StarletteResponse) -> StarletteResponse:
        if self.fallback is not None:
            response.headers.add_vary_header(PAGE_VARY)
        return response

    async def _find(self, path: str) -> _Found | _NoFile:
        """The file at this path, open if it was we who looked for it, in the first directory that has something there."""
        if getattr(self.lookup_path, "__func__", None) is not _LOOKUP_PATH:
            return await self._look_up(path)
        nothing = _NoFile.NOTHING
        if self._objects is not None:
            try:
                found = await self._objects.find(path.replace(os.sep, "/"))
            except FileNotFoundError:
                nothing = _NoFile.PERHAPS
            else:
                return FoundPath.of(found.key, path, found), _facts_of(found)
        for directory in self.all_directories:
            full_path = os.path.join(directory, path)  # noqa: PTH118 - a hot path
            file = LocalFile(full_path) if self.follow_symlink else LocalFile(path, directory)
            try:
                opened = await file.open()
            except FileNotFoundError:
                continue
            except NotAFileError as error:
                return _NoFile.DIRECTORY if error.errno == errno.EISDIR else _NoFile.NOTHING
            except PermissionError:
                # A directory that cannot be read, or, on Windows, any: what is in it can be opened.
                if await in_thread(partial(os.path.isdir, full_path)):
                    return _NoFile.DIRECTORY
                raise
            return FoundPath.of(full_path, path, FoundFile(file, opened)), opened.facts
        return nothing

    async def _look_up(self, path: str) -> _Found | _NoFile:
        """As a subclass does it."""
        try:
            full_path, facts = await in_thread(partial(self.lookup_path, path))
        except ValueError:
            return _NoFile.NOTHING
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return _NoFile.NOTHING
        if facts is None or not stat.S_ISREG(facts.st_mode):
            return _NoFile.DIRECTORY if facts is not None and stat.S_ISDIR(facts.st_mode) else _NoFile.NOTHING
        return full_path, facts

    def _choose_cache_control(self, full_path: Path) -> str | None:
        if self.cache_control is None:
            return None
        path = self._relative(full_path)
        if callable(self.cache_control):
            return self.cache_control(path)
        return IMMUTABLE if is_fingerprinted(path) else self.cache_control

    def _relative(self, full_path: Path) -> str:
        """The path of a file seen from its directory; its name alone if it is in none of ours."""
        path = os.fspath(full_path)
        relative = os.path.basename(path)  # noqa: PTH119 - a hot path
        if isinstance(full_path, FoundPath):
            relative = full_path.relative
        else:
            for directory in self.all_directories:
                prefix = os.path.join(os.path.abspath(directory), "")  # noqa: PTH100, PTH118 - does not look at the disk
                if path.startswith(prefix):
                    relative = path.removeprefix(prefix)
                    break
        return relative.replace(os.sep, "/")

    async def _list(self, path: str, scope: Scope, found: _NoFile) -> StarletteResponse | None:
        entries = await self._entries(path)
        if found is _NoFile.PERHAPS and not entries and path != os.curdir:
            return None
        if (redirect := _redirect_to_slash(scope)) is not None:
            return redirect
        page, etag = await in_thread(partial(_render, path, entries))
        return HTMLResponse(page, headers={**_NOSNIFF, "content-security-policy": POLICY}, etag=etag)

    async def _entries(self, path: str) -> Collection[Entry]:
        """What is in this directory of any of the directories."""
        entries: dict[str, Entry] = {}
        if self._objects is not None:
            for name, size, modified in await self._objects.entries(path.replace(os.sep, "/")):
                if self.dotfiles or not _is_hidden(name):
                    entries.setdefault(name, Entry(name, size is None, size or 0, modified))
        if self.all_directories:
            await in_thread(partial(self._add_local_entries, path, entries))
        return entries.values()

    def _add_local_entries(self, path: str, entries: dict[str, Entry]) -> None:
        for directory in self.all_directories:
            full_path = os.path.join(directory, path)  # noqa: PTH118 - of a path in a URL
            place = LocalDirectory(full_path) if self.follow_symlink else LocalDirectory(path, directory)
            for name, facts in place.entries():
                if self.dotfiles or not _is_hidden(name):
                    entry = Entry(name, stat.S_ISDIR(facts.st_mode), facts.st_size, facts.st_mtime)
                    entries.setdefault(name, entry)


def _render(path: str, entries: Iterable[Entry]) -> tuple[bytes, str]:
    """The page, and its entity tag."""
    # Not the path of the URL: above the place where this is mounted, there is nothing of ours.
    page = render(path.replace(os.sep, "/"), entries).encode(errors="replace")
    return page, format_etag(content_etag(page)).decode()


def _facts_of(found: FoundObject) -> os.stat_result:
    """The facts of an object in the form of a file's, for `file_response`."""
    time = int(found.modified)
    exact = {"st_mtime": found.modified, "st_mtime_ns": int(found.modified * 1e9)}
    return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, found.size, time, time, time), exact)


def _release(found: _Found) -> None:
    if isinstance(found[0], FoundPath):
        found[0].file.release()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in {".", ".well-known"}


def _decoded_path(scope: Scope) -> str:
    """The path of the URL, and where that is no UTF-8, as `os.fsdecode` has it, so that the file of that name is found.

    The server puts U+FFFD in place of what it cannot decode; `raw_path` counts only if it says the same but for that,
    since others, who may have decided whether this path is allowed, have looked at `path`.
    """
    path: str = scope["path"]
    if "\ufffd" in path:
        raw = unquote_to_bytes(scope.get("raw_path") or b"")
        if raw.decode(errors="replace") == path:
            return raw.decode(errors="surrogateescape")
    return path


def _redirect_to_slash(scope: Scope) -> RedirectResponse | None:
    """To the same URL with a "/" at its end, if it has none: what is relative on the page is relative to that.

    By its last segment alone, after a "./": so it can be neither another host, as "//evil" is, nor a scheme, as "a:b".
    """
    path = _decoded_path(scope)
    if not path or path.endswith("/"):
        return None
    segment = quote(path.rpartition("/")[2], safe="", errors="surrogateescape")
    query = quote(scope.get("query_string", b""), safe=_IN_QUERY)
    return RedirectResponse(f"./{segment}/?{query}" if query else f"./{segment}/")
