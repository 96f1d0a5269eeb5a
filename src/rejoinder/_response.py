"""The bytes lane: responses whose content is in memory when they are made.

This is the hot path of every API, and the one place in the library that trades style for time: a response costs about
a microsecond, and a function call some 4 % of that. `make bench` shows what it buys. `__call__` sends the ordinary
response itself: status with content, GET or the like, nothing to run afterwards. All else goes the long way, through
`frame`, `Exchange` and `send_whole`.

The header list is made when somebody asks for it, or gives headers. Until then `_fields` is None, which says that the
header section is what the class implies. The list is live: any code may edit it until it is sent. `_checked` is what
it was when every field in it was known to be good; as long as the two are equal (of identical pairs, a fast question)
there is nothing to check again.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self, TypeAlias, Unpack, cast

from starlette.background import BackgroundTask
from starlette.datastructures import URL, MutableHeaders
from starlette.types import Receive, Scope, Send

from rejoinder._calls import Call, result_of
from rejoinder._coded import compressed, settle
from rejoinder._compression import Compression, check_compress
from rejoinder._http.cookies import Cookie, Quote, SameSite, format_set_cookie
from rejoinder._http.dates import format_date
from rejoinder._http.digests import CONTENT_DIGEST, Digest, check_digests
from rejoinder._http.disposition import content_disposition
from rejoinder._http.etags import check_etag, content_etag, format_etag
from rejoinder._http.fields import Field, Headers, checked, encode_headers, set_field
from rejoinder._http.framing import check_length, frame
from rejoinder._http.links import check_links
from rejoinder._http.location import format_location
from rejoinder._http.media import content_type
from rejoinder._http.status import WITH_CONTENT, check_redirect_status, check_status
from rejoinder._lifecycle import Exchange, OnFinish
from rejoinder._options import ContentOptions, LazyOptions, Options, SendingOptions, check_names, tell
from rejoinder._plan import SELECTING, Plan, Policy, Representation, plan
from rejoinder._send import BODY, START, note_client_left, send_early_hints, send_whole
from rejoinder._starlette import (
    StarletteHTMLResponse,
    StarlettePlainTextResponse,
    StarletteRedirectResponse,
    StarletteResponse,
    sealed,
)

Content: TypeAlias = str | bytes | bytearray | memoryview | None

# The handler that made the response has done what the method asked for.
_POLICY = Policy(ranges=False, action_done=True)
_EPOCH = datetime.fromtimestamp(0, UTC)
_LENGTH = frozenset({b"content-length", b"transfer-encoding"})
_VALIDATORS = frozenset({b"etag", b"last-modified"})
_LONG_WAY = _LENGTH | _VALIDATORS  # given by the user, they have to be held against the content or the request
OK = 200  # compared by identity, the cheapest of checks for the usual status
# Fields made beforehand: the lengths of small contents, and the type that is looked up most.
_WITHOUT_CHARSET: dict[str | None, Field] = {"application/json": content_type("application/json", "")}
_KNOWN_LENGTHS = 1024
_LENGTHS: list[Field] = [(b"content-length", b"%d" % size) for size in range(_KNOWN_LENGTHS)]


@sealed
class Response(StarletteResponse):
    """A response whose content is text or bytes.

    Args:
        content: `str` (encoded with `charset`), `bytes`, `bytearray`, `memoryview`, or None for no content.
        status_code: 100..599. Responses with 1xx, 204, 205 and 304 are sent without content (RFC 9110, 6.4.1).
        headers: a mapping, or pairs where a name repeats; values are `str` (latin-1), `int` or `bytes`.
        media_type: the content type; `text/*` gets the `charset` appended. Without it, the class attribute counts.
        background: a `BackgroundTask` or `BackgroundTasks`, run once after the response, however that ended. A task
            that fails is logged and loses no other; the first failure is raised when all have run.
        on_finish: called once with the `Outcome` when the sending has ended, before `background`. It may be `async`.
            It runs on the event loop, so it must not block.
        **options: what the response says of its content. Each wins over a field of its name among `headers`, but `filename`,
            and `vary`, which adds to it:

            - filename: the name to save the content under, as an attachment (RFC 6266); may come from a user.
            - etag: an entity tag, as `abc`, `"abc"` or `W/"abc"`; True for a hash of the content (RFC 9110, 8.8.3).
            - last_modified: when the content was last changed, an aware datetime (RFC 9110, 8.8.2). With this or `etag`,
              also as headers, conditional requests are answered with 304 or 412 where the status is 2xx (RFC 9110, 13).
            - cache_control: what caches may do, a `CacheControl` or a text (RFC 9111, 5.2).
            - expires: until when it is fresh: an aware datetime, or a timedelta from now on (RFC 9111, 5.3).
            - vary: a field of the request on which the answer depends, or several, or `"*"` (RFC 9110, 12.5.5).
            - server_timing: what took how long: `{"db": 53.2}` in milliseconds, or `ServerTiming` (W3C Server Timing).
            - content_digest, repr_digest: a digest of what is sent, and of the whole of which it is a part: True or
              `"sha-256"`, or `"sha-512"` (RFC 9530). It is made when the response is sent.
            - compress: compress the content, where the client likes that and the media type gets smaller by it (RFC 9110,
              8.4): True for all codings whose engines are installed, the name of one, `"zstd"`, `"br"` or `"gzip"`, a
              sequence of names, the best first, or a `Compression`. Digests are then left out.
            - early_hints: links for the client to follow while the content is made, such as
              `"</style.css>; rel=preload; as=style"`: a 103 where the server offers it (RFC 8297). For `lazy`.

    Raises:
        TypeError: content of another type, a status code that is no integer, an option that there is not.
        ValueError: a status code out of range, a header that cannot be sent (RFC 9110, 5.5), a content-length that
            contradicts the content; an option that says nothing that can be sent. For what was assigned later, when it is
            sent.
        ImportError: `compress` names a coding whose engine is not installed: `pip install "rejoinder[compress]"`.

    >>> Response("hello", media_type="text/plain").headers["content-type"]
    'text/plain; charset=utf-8'
    """

    media_type: str | None = None
    charset: str = "utf-8"

    # Defaults for a subclass that leaves `__init__` to itself and calls `init_headers` when it likes.
    background: BackgroundTask | None = None
    on_finish: OnFinish | None = None
    _body: bytes | None = None
    _fields: list[Field] | None = None
    _checked: list[Field] | None = None
    _compression: Compression | None = None
    _implied_names: frozenset[bytes] = _LONG_WAY | {b"content-type"}
    _described: bool = False  # `_fields` has what the class says of its content, beside what the user gave
    _hashed: bool = False
    _recipe: "_Recipe | None" = None
    _digests: tuple[Digest, ...] = ()
    _early_hints: tuple[bytes, ...] = ()
    _renders: bool = True  # its first argument is what `render` makes the content of
    _takes: frozenset[str] = ContentOptions.__optional_keys__

    def __init__(
        self,
        content: object = None,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        on_finish: OnFinish | None = None,
        **options: Unpack[ContentOptions],
    ) -> None:
        if status_code is not OK:
            check_status(status_code)
        self.status_code = status_code
        if media_type is not None:
            content_type(media_type, self.charset)  # refused here and not when sent
            self.media_type = media_type
        self.background = background
        self.on_finish = on_finish
        body = self.render(content)
        self._body = body if type(body) is bytes else Response.render(self, body)  # a subclass may render text
        self.init_headers(headers)
        if options:
            self._tell(options)

    @classmethod
    def lazy(
        cls,
        build: Call[object],
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        etag: str | Call[str | None] | None = None,
        last_modified: datetime | Call[datetime | None] | None = None,
        on_finish: OnFinish | None = None,
        **options: Unpack[LazyOptions],
    ) -> Self:
        """A response whose content is built when it is sent, and only then: not for a 304, a 412, or HEAD.

        What `build` raises is raised before anything is sent, as if the endpoint had raised it. For HEAD, the header
        section has no content-length (RFC 9110, 9.3.2).

        Args:
            build: returns what `render` takes; what a subclass's own constructor makes of its content is not done.
                `async def` runs on the event loop, and any other function in a thread.
            status_code: as for the constructor.
            headers: as for the constructor.
            media_type: as for the constructor.
            background: as for the constructor.
            etag: an entity tag, or a function that returns one, or None, of the current version. It is called, as
                `build` is, once for each request, and before.
            last_modified: an aware datetime, or a function that returns one.
            on_finish: as for the constructor.
            **options: as for the constructor.

        Raises:
            TypeError: `build` cannot be called; the class takes something else than content that is rendered.
            ValueError: as the constructor; `etag` is True, for which the content would have to be built.

        >>> PlainTextResponse.lazy(lambda: "a long text", etag="v1").headers["etag"]
        '"v1"'
        """
        if not callable(build):
            raise TypeError(f"build must be a function that returns the content, got {type(build).__name__}")
        if not cls._renders:
            raise TypeError(f"{cls.__name__} has no content that could be built; Response and JSONResponse have")
        if isinstance(etag, bool):
            raise ValueError("etag=True is a hash of the content, which is not there yet; pass what tells its version")
        response = cls.__new__(cls)
        vars(response)["render"] = _render_nothing  # a subclass may not know what to do with no content
        cls.__init__(
            response,
            None,
            status_code,
            headers,
            media_type,
            background,
            on_finish=on_finish,
            etag=None if callable(etag) else etag,
            last_modified=None if callable(last_modified) else last_modified,
            **options,
        )
        del vars(response)["render"]
        response._body = response._checked = None  # noqa: SLF001 - our own
        if response._fields is not None:
            response._fields = [field for field in response._fields if field[0] != b"content-length"]
        response._recipe = _Recipe(  # noqa: SLF001
            build, etag if callable(etag) else None, last_modified if callable(last_modified) else None
        )
        return response

    def render(self, content: Any) -> bytes:
        """The bytes of the content that the constructor was given. A subclass may override it."""
        if isinstance(content, str):
            return content.encode(self.charset)
        if content is None:
            return b""
        if isinstance(content, (bytes, bytearray, memoryview)):
            return bytes(content)
        raise TypeError(
            f"the content of {type(self).__name__} must be str, bytes, bytearray, memoryview or None, "
            f"got {type(content).__name__}; JSONResponse takes objects, StreamingResponse iterables"
        )

    def init_headers(self, headers: Any = None) -> None:  # Any, so that a subclass may be narrower
        """Make the header section: what the user gave, then content-length and content-type where it is silent.

        A subclass may override it, and call it when `status_code`, `media_type` and `body` are set.
        """
        if headers is None:
            self._fields = None
            return
        fields = encode_headers(headers)
        given = {name for name, _ in fields}
        self._fields, self._checked, self._described = fields, None, self.status_code in WITH_CONTENT
        if given.isdisjoint(self._implied_names):
            fields += self._implied_fields()
            self._checked = fields.copy()
            return
        fields += [field for field in self._implied_fields() if field[0] not in given]
        if given.isdisjoint(_LONG_WAY):
            self._checked = fields.copy()
        # Without content it may answer HEAD, and tell the length that GET would have; `frame` knows when it is sent.
        elif self._body and self.status_code in WITH_CONTENT:
            check_length(fields, self._body)

    def _implied_fields(self) -> list[Field]:
        """What the class says of its content without being asked; nothing where the status allows no content."""
        return self._describe_content() if self.status_code in WITH_CONTENT else []

    def _describe_content(self) -> list[Field]:
        body, media_type = self._body, self.media_type
        if body is None:
            return [] if media_type is None else [content_type(media_type, self.charset)]
        size = len(body)
        length = _LENGTHS[size] if size < len(_LENGTHS) else (b"content-length", b"%d" % size)
        if media_type is None:
            return [length]
        return [length, _WITHOUT_CHARSET.get(media_type) or content_type(media_type, self.charset)]

    def _tell(self, options: ContentOptions | SendingOptions) -> None:
        """Put into the headers what the options say. Of `headers=` and these, these win, but for the file name."""
        check_names(self, options, self._takes)
        fields = self.raw_headers
        is_checked = fields == self._checked  # an `init_headers` of a subclass may have edited them since
        filename, etag, last_modified = options.get("filename"), options.get("etag"), options.get("last_modified")
        if filename is not None and all(name != b"content-disposition" for name, _ in fields):
            fields.append((b"content-disposition", content_disposition(filename).encode()))
        if etag is True and self._body is None:
            raise ValueError("etag=True is a hash of the content, which is made while it is sent; pass an entity tag")
        if etag is not None:
            self._hashed = etag is True
            tag = content_etag(self.body) if etag is True else check_etag(etag)
            set_field(fields, (b"etag", format_etag(tag)))
        if last_modified is not None:
            set_field(fields, (b"last-modified", format_date(last_modified).encode()))
        tell(fields, options)
        if "content_digest" in options or "repr_digest" in options:
            self._digests = check_digests(options)
        if hints := options.get("early_hints"):
            self._early_hints = check_links(hints)
        if "compress" in options:
            self._compression = check_compress(options["compress"])
        # The short way knows nothing of conditions, digests, hints and codings.
        goes_long = (
            etag is not None or last_modified is not None or self._digests or self._early_hints or self._compression
        )
        self._checked = fields.copy() if is_checked and not goes_long else None

    @property
    def body(self) -> bytes:
        """The content. When another is assigned, an existing content-length header follows."""
        if self._body is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'body' yet")
        return self._body

    @body.setter
    def body(self, body: Content) -> None:
        self._body = Response.render(self, body)
        if self._fields is not None:
            length = (b"content-length", b"%d" % len(self._body))
            self._fields[:] = [length if field[0] == length[0] else field for field in self._fields]
        if self._hashed:
            set_field(self.raw_headers, (b"etag", format_etag(content_etag(self._body))))

    @property
    def raw_headers(self) -> list[Field]:
        """The header section as ASGI sends it: a live list of pairs of bytes, names in lower case."""
        if self._fields is None:
            self._fields = self._implied_fields()
            self._checked = self._fields.copy()
            self._described = self.status_code in WITH_CONTENT
        return self._fields

    @raw_headers.setter
    def raw_headers(self, fields: list[Field]) -> None:
        self._fields = fields

    @property
    def headers(self) -> MutableHeaders:
        """A live view of the header section. What is assigned here is checked when the response is sent."""
        return MutableHeaders(raw=self.raw_headers)

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: int | timedelta | None = None,
        expires: datetime | str | int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
        *,
        quote: Quote = "auto",
    ) -> None:
        """Have the browser keep a cookie (RFC 6265 and 6265bis).

        Args:
            key: the name, a token. `__Host-` and `__Secure-` names are held to their rules.
            value: written as `http.cookies` does, so that `request.cookies` reads it back; where that cannot (characters
                beyond latin-1), as percent-encoded UTF-8.
            max_age: seconds, or a timedelta. It wins over `expires`.
            expires: an aware datetime, seconds from now, or a date as text.
            path: percent-encoded where it is not ASCII.
            domain: also for the hosts below it; in Unicode or ASCII form.
            secure: only over HTTPS. `samesite="none"` and `partitioned` need it.
            httponly: not for JavaScript.
            samesite: `"lax"`, `"strict"`, `"none"`, or None to leave it to the browser.
            partitioned: one jar for each top-level site (CHIPS); on every Python version.
            quote: `"percent"` to percent-encode the value in any case, as `decodeURIComponent` reads it.

        Raises:
            ValueError: a browser would drop this cookie (a broken promise of its name, SameSite=None without Secure,
                more than 4096 octets), or a character could end an attribute and begin another, or `expires` is naive.
            TypeError: an argument of a wrong type.

        >>> response = Response()
        >>> response.set_cookie("theme", "dark", max_age=timedelta(days=1), secure=True)
        >>> response.headers["set-cookie"]
        'theme=dark; Max-Age=86400; Path=/; SameSite=lax; Secure'
        """
        if isinstance(expires, int):
            expires = _from_now(key, expires)
        cookie = Cookie(
            name=key,
            value=value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
            quote=quote,
        )
        self._append((b"set-cookie", format_set_cookie(cookie)))

    def _append(self, *fields: Field) -> None:
        self.raw_headers.extend(fields)
        if self._checked is not None:
            self._checked.extend(fields)

    def delete_cookie(
        self,
        key: str,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
    ) -> None:
        """Have the browser forget a cookie. Pass the attributes that it was set with: they are part of its identity.

        Raises:
            ValueError: as `set_cookie`: a browser ignores a deletion that it would not accept as a cookie.

        >>> response = Response()
        >>> response.delete_cookie("theme", secure=True)
        >>> response.headers["set-cookie"]
        'theme=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=lax; Secure'
        """
        self.set_cookie(
            key,
            max_age=0,
            expires=_EPOCH,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, to a request or as the denial of a WebSocket; the object may be called again.

        Raises:
            ValueError: a header or status that was assigned after construction cannot be sent.
            Exception: the first failure of `on_finish` and `background`, when all have run.
        """
        status, fields, body = self.status_code, self._fields, self._body
        if (
            self.background is None
            and self.on_finish is None
            and (status is OK or (status in WITH_CONTENT and isinstance(status, int)))
            and scope["type"] == "http"
            and scope.get("method") != "HEAD"
            and body is not None
            and (fields is None or fields == self._checked)
        ):
            if fields is not None:
                headers = fields.copy()  # middleware edits the list that it is sent, and this object may be sent again
            elif (kind := _WITHOUT_CHARSET.get(self.media_type)) is not None and len(body) < _KNOWN_LENGTHS:
                headers = [_LENGTHS[len(body)], kind]
            else:
                headers = self._describe_content()
            try:
                await send({"type": START, "status": status, "headers": headers})
                await send({"type": BODY, "body": body})
            except OSError as error:
                note_client_left(error)
            return
        async with Exchange(status, self.on_finish, self.background) as exchange:
            if self._compression is not None:
                has_size = self._recipe is None
                scope, send = compressed(self._compression, scope, send, exchange, has_size=has_size)
            check_status(status)
            fields = self._implied_fields() if fields is None else checked(fields)
            if body is None and self._recipe is not None:
                await self._recipe.tell_validators(fields)
            if (answer := evaluate(scope, status, fields)) is not None:
                exchange.status = answer.status
                await send_whole(scope, send, exchange, answer.headers, b"")
                return
            fields, content = await self._make(scope, send, fields)
            await send_whole(scope, send, exchange, fields, content)

    async def _make(self, scope: Scope, send: Send, fields: list[Field]) -> tuple[list[Field], bytes]:
        """The header section and the content of the ordinary answer, which is the time to build what is not yet there."""
        status, method, body = self.status_code, scope.get("method", "GET"), self._body
        if self._recipe is None:
            body = self.body
        has_content = status in WITH_CONTENT and method != "HEAD"
        if has_content and self._early_hints:
            await send_early_hints(scope, send, self._early_hints)
        if has_content and body is None and self._recipe is not None:
            body = self._rendered(await result_of(self._recipe.build))
            set_field(fields, (b"content-length", b"%d" % len(body)))
        implied = self._describe_content() if self._described else []
        # 9.3.2: "a server MAY omit header fields for which a value is determined only while generating the content."
        fields, content = frame("HEAD" if body is None else method, status, fields, body or b"", implied)
        if status in WITH_CONTENT:
            for digest in self._digests:
                if digest.name == CONTENT_DIGEST:
                    set_field(fields, digest.of(content))
                elif body is not None:
                    set_field(fields, digest.of(body))
        return fields, content

    def _rendered(self, content: object) -> bytes:
        body = self.render(content)
        return body if type(body) is bytes else Response.render(self, body)


@sealed
class HTMLResponse(Response, StarletteHTMLResponse):
    """A `Response` with the media type `text/html`.

    >>> HTMLResponse("<h1>hello</h1>").headers["content-type"]
    'text/html; charset=utf-8'
    """

    media_type = "text/html"


@sealed
class PlainTextResponse(Response, StarlettePlainTextResponse):
    """A `Response` with the media type `text/plain`.

    >>> PlainTextResponse("hello").body
    b'hello'
    """

    media_type = "text/plain"


@sealed
class RedirectResponse(Response, StarletteRedirectResponse):
    """Sends the client to another URL (RFC 9110, 15.4).

    Args:
        url: where to; quoted where a URI must be, a Unicode host in its ASCII form. A path, or an absolute URL.
        status_code: 3xx other than 304. 307 and 308 keep method and content, 303 turns to GET; 301 and 308 are cached.
        headers: as for `Response`; a location among them is replaced.
        background: as for `Response`.
        allowed_hosts: for targets that come from users: the hosts that an absolute URL may lead to, on any port;
            `"*.example.com"` for all below one. A path on this site is always allowed, user information never.
        on_finish: as for `Response`.
        **options: `cache_control`, `expires`, `vary`, `server_timing` and the digests, as for `Response`.

    Raises:
        ValueError: a control character, `javascript:`, `data:` or `vbscript:`, no host name, a host that is not
            allowed, another status code. Where the target comes from a user, catch it and answer 400.
        TypeError: no URL at all.

    >>> RedirectResponse("/café", 303).headers["location"]
    '/caf%C3%A9'
    """

    _renders = False
    _takes = Options.__optional_keys__

    def __init__(
        self,
        url: str | URL,
        status_code: int = 307,
        headers: Headers | None = None,
        background: BackgroundTask | None = None,
        *,
        allowed_hosts: Collection[str] | None = None,
        on_finish: OnFinish | None = None,
        **options: Unpack[Options],
    ) -> None:
        location = (b"location", format_location(_text_of(url), allowed_hosts).encode("ascii"))
        super().__init__(
            b"", status_code, headers, None, background, on_finish=on_finish
        )  # `**` takes half as long again
        if options:
            self._tell(cast("ContentOptions", options))
        check_redirect_status(status_code)
        if headers is not None:
            self.raw_headers = [field for field in self.raw_headers if field[0] != b"location"]
        self._append(location)


class _Recipe(NamedTuple):
    """How to make what is sent, and to find out which version of it there is."""

    build: Call[object]
    etag: Call[str | None] | None
    last_modified: Call[datetime | None] | None

    async def tell_validators(self, fields: list[Field]) -> None:
        """Put those of the current version into the header section."""
        if self.etag is not None and (etag := await result_of(self.etag)) is not None:
            set_field(fields, (b"etag", format_etag(check_etag(etag))))
        if self.last_modified is not None and (moment := await result_of(self.last_modified)) is not None:
            set_field(fields, (b"last-modified", format_date(moment).encode()))


def _render_nothing(_: object) -> bytes:
    return b""


def evaluate(scope: Scope, status: int, fields: list[Field]) -> Plan | None:
    """The 304 or 412 that the request's conditions ask for; None if they ask for nothing else than the response."""
    if not any(name in _VALIDATORS for name, _ in fields) or SELECTING.isdisjoint(dict(scope["headers"])):
        return None
    facts = Representation(size=None, as_of=int(time.time()))
    answer = plan(scope.get("method", "GET"), scope["headers"], facts, fields, status=status, policy=_POLICY)
    if answer.status == status:
        return None
    settle(scope, fields.copy)
    return answer


def _from_now(cookie: str, seconds: int) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"cookie {cookie!r}: expires is {seconds} seconds from now, which no date can tell") from None


def _text_of(url: object) -> str:
    if url is None or isinstance(url, (bytes, bytearray)):
        raise TypeError(f"url must be a str or a URL, got {type(url).__name__}")
    return str.__str__(url) if isinstance(url, str) else str(url)  # of an enum's member: its value
