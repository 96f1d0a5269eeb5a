"""The streams lane: responses whose content is made while it is sent."""

from collections.abc import AsyncIterable, Callable, Sequence
from functools import lru_cache
from typing import Any, Unpack

from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from rejoinder._coded import compressed
from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Field, Headers, checked
from rejoinder._http.framing import frame
from rejoinder._http.status import WITH_CONTENT, check_status
from rejoinder._http.trailers import Trailers, TrailerValue, check_trailers
from rejoinder._lifecycle import Exchange, OnFinish
from rejoinder._options import SendingOptions
from rejoinder._pull import check_content, iterate
from rejoinder._pump import Stream, Terms, discard
from rejoinder._response import OK, Response, evaluate
from rejoinder._send import Outlet, send_early_hints
from rejoinder._starlette import StarletteStreamingResponse, sealed

_shared_terms = lru_cache(maxsize=64, typed=True)(Terms)
_NO_REQUEST: Scope = {"type": "http", "method": "GET", "headers": []}


class StreamOptions(SendingOptions, total=False):
    """What every stream takes by keyword, as `StreamingResponse` explains it."""

    on_finish: OnFinish | None
    prefetch: bool
    send_timeout: float | None
    idle_timeout: float | None
    max_duration: float | None
    on_error: Callable[[Exception], Any] | None
    stop_on_shutdown: bool


@sealed
class StreamingResponse(Response, StarletteStreamingResponse):
    """A response whose content is made while it is sent.

    The source is closed as soon as the response has ended, in whatever way: by its end, an exception, a client that
    left, a cancellation, a HEAD request that needs no content. What it gives without waiting leaves in one message; what
    it gave is sent at once when it waits. An exception before its first item and its first wait is that of an endpoint,
    so `raise HTTPException(404)` is a 404; later, the items before it are sent, and the connection is cut. A source that is
    not async waits, as far as one can tell, when it takes more than 20 ms.

    Args:
        content: an iterable or async iterable of chunks: `str` (encoded with `charset`), `bytes`, `bytearray` or
            `memoryview`; a single one of these; a file, which is read by blocks; or a context manager of either kind
            that yields one of all that. What is not async is iterated in threads, many chunks at a time.
        status_code: as for `Response`. Without content (204, 304), and for HEAD, the source is not started.
        headers: as for `Response`.
        media_type: as for `Response`.
        background: as for `Response`.
        on_finish: as for `Response`.
        prefetch: send nothing before the first item is there, so that any exception before it is that of an endpoint.
        send_timeout: seconds for the server to take a message; after that, the client counts as gone. None for no limit,
            as of the next two.
        idle_timeout: seconds for the source to give something; after that, TimeoutError, as if it had raised it.
        max_duration: seconds for all of it; after that, TimeoutError, as if the source had raised it.
        on_error: called with an exception of the source, if that has given something or the head was sent. What it returns
            is sent as the last chunk, and the content ends as if complete; the exception is logged. With None, the
            connection is cut.
        stop_on_shutdown: for endless streams: when the process is told to stop, the source is closed, and the content
            ends as if complete. Others are finished.
        farewell: what is sent then, before the end.
        keepalive: a pair of seconds and octets: after so long without an octet, while the source waits, these are sent.
        **options: as for `Response`; but the digests are trailers, `etag` cannot be True, and there is

            - trailers: a mapping of the names of fields to values, or to functions that return one when all of the
              content is there; they follow it (RFC 9110, 6.5) where the server offers that. If a function fails, the
              connection is cut.

    Raises:
        TypeError: content of another type, a status code that is no integer, a keep-alive that is no such pair, a
            farewell that is no bytes.
        ValueError: as for `Response`; a time that is not a positive number.
        ImportError: as for `Response`.
        TimeoutError: when it is sent: `idle_timeout` or `max_duration` is over, and `on_error` made nothing of it.

    >>> async def numbers():
    ...     for number in range(3):
    ...         yield f"{number} "
    >>> StreamingResponse(numbers(), media_type="text/plain").headers["content-type"]
    'text/plain; charset=utf-8'
    """

    _renders = False
    _takes = SendingOptions.__optional_keys__
    _trailers: tuple[tuple[bytes, TrailerValue], ...] = ()
    _replaced: bool = False
    _iterated: object = None
    _owned: Sequence[object] = ()

    _evaluates = True  # the request's conditions

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        on_finish: OnFinish | None = None,
        prefetch: bool = False,
        send_timeout: float | None = None,
        idle_timeout: float | None = None,
        max_duration: float | None = None,
        on_error: Callable[[Exception], Any] | None = None,
        stop_on_shutdown: bool = False,
        farewell: bytes = b"",
        keepalive: tuple[float, bytes] | None = None,
        **options: Unpack[SendingOptions],
    ) -> None:
        if status_code is not OK:
            check_status(status_code)
        self._check_content(content)
        # Mostly the same for all, and ten thousand idle streams then share them; a function of the user's is not kept.
        make: Callable[..., Terms] = _shared_terms if on_error is None and not farewell else Terms
        seconds, octets = (None, b"") if keepalive is None else _checked_keepalive(keepalive)
        self._terms = make(
            prefetch=prefetch,
            send_timeout=send_timeout,
            idle_timeout=idle_timeout,
            max_duration=max_duration,
            keepalive=seconds,
            keepalive_data=octets,
            on_error=on_error,
            stop_on_shutdown=stop_on_shutdown,
            farewell=farewell,
        )
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = background
        self.on_finish = on_finish
        self._content = content
        self.init_headers(headers)
        if options:
            self._trailers = check_trailers(options.get("trailers") or {})
            self._tell(options)

    @property
    def body_iterator(self) -> Any:
        """The content as an async iterable; for an encoded stream, of its octets. What is assigned is sent as it is.

        Whatever was assigned or read here is closed when the response has been sent.
        """
        plain = self._replaced or type(self)._encoder is StreamingResponse._encoder  # noqa: SLF001
        if plain and isinstance(self._content, AsyncIterable):
            return self._content
        if self._iterated is None:
            self._iterated = iterate(self._source(_NO_REQUEST), None if plain else self._encoder())
            self._owned = [*self._owned, self._iterated]
        return self._iterated

    @body_iterator.setter
    def body_iterator(self, content: object) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._check_content(content)
        self._owned = [one for one in (*self._owned, self._content) if one is not content]
        self._content = content
        self._iterated = None
        self._replaced = True

    def _check_content(self, content: object) -> None:
        check_content(content)

    def _source(self, scope: Scope) -> object:
        """What is sent in answer to this request."""
        return self._content

    def _encoder(self) -> Encoder:
        """What makes octets of the items; a new one for each sending."""
        return ChunkEncoder(self.charset)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, to a request or as the denial of a WebSocket.

        It may be called again if the content can be iterated again; a generator cannot.

        Raises:
            ValueError: a header or status that was assigned after construction cannot be sent.
            TimeoutError: `idle_timeout` or `max_duration` is over, and `on_error` made nothing of it.
            Exception: what the source raised, if `on_error` made nothing of it; or else the first failure of
                `on_finish` and `background`, when all have run.
        """
        async with Exchange(self.status_code, self.on_finish, self.background) as exchange:
            try:
                if self._compression is not None:
                    scope, send = compressed(self._compression, scope, send, exchange)
                outlet, content, encoder = await self._begin(scope, receive, send, exchange)
            except BaseException:
                await discard((self._content, *self._owned))
                raise
            stream = Stream(content, encoder, outlet, receive, self._terms, self._owned)
            async with stream:
                await stream.send()

    async def _begin(
        self, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> tuple[Outlet, object, Encoder]:
        """Where this goes out, and what does. From then on, the content belongs to the pump."""
        outlet = self._outlet(scope, send, exchange, self.status_code, self._fields)
        await self._hint(scope, send, outlet)
        if outlet.takes_content and not self._replaced:
            return outlet, self._source(scope), self._encoder()
        return outlet, self._content, ChunkEncoder(self.charset)

    async def _hint(self, scope: Scope, send: Send, outlet: Outlet) -> None:
        if self._early_hints and outlet.takes_content:
            await send_early_hints(scope, send, self._early_hints)

    def _outlet(self, scope: Scope, send: Send, exchange: Exchange, status: int, fields: list[Field] | None) -> Outlet:
        exchange.status = status
        if fields is None and status in WITH_CONTENT:
            fields = self._implied_fields()
        else:
            fields = self._framed_fields(status, self.raw_headers if fields is None else fields)
            if self._evaluates and (answer := evaluate(scope, status, fields)) is not None:
                exchange.status, fields = answer.status, answer.headers
        has_content = scope.get("method") != "HEAD" and status in WITH_CONTENT and exchange.status == status
        trailers = Trailers(self._trailers, self._digests) if self._trailers or self._digests else None
        return Outlet(scope, send, exchange, fields, has_content=has_content, trailers=trailers)

    def _framed_fields(self, status: int, fields: list[Field]) -> list[Field]:
        if fields == self._checked and status in WITH_CONTENT:
            return fields.copy()  # middleware edits the list that it is sent
        check_status(status)
        implied = self._describe_content() if self._described else []
        # As for HEAD: if there is a length, nobody knows yet whether it is that of the content.
        fields, _ = frame("HEAD", status, checked(fields), b"", implied)
        return fields


def _checked_keepalive(given: object) -> tuple[object, bytes]:
    match given:
        case (seconds, bytes() as octets):
            return seconds, octets
        case _:
            raise TypeError(f'keepalive must be a pair of seconds and bytes, as `(15, b"\\n")`; got {given!r}')
