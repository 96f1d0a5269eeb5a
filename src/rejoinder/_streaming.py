"""The streams lane: responses whose content is made while it is sent."""

from collections.abc import AsyncIterable, Callable
from datetime import datetime
from typing import Any, TypedDict

from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Headers, checked
from rejoinder._http.framing import frame
from rejoinder._http.status import WITH_CONTENT, check_status
from rejoinder._lifecycle import Exchange, OnFinish
from rejoinder._pull import check_content, iterate
from rejoinder._pump import Terms, pump
from rejoinder._response import Response, evaluate
from rejoinder._send import Outlet
from rejoinder._starlette import StarletteStreamingResponse, sealed

_NO_REQUEST: Scope = {"type": "http", "method": "GET", "headers": []}


class StreamOptions(TypedDict, total=False):
    """What every stream takes by keyword, as `StreamingResponse` explains it."""

    on_finish: OnFinish | None
    filename: str | None
    etag: str | None
    last_modified: datetime | None
    prefetch: bool
    send_timeout: float | None
    idle_timeout: float | None
    max_duration: float | None
    on_error: Callable[[Exception], Any] | None
    stop_on_shutdown: bool


@sealed
class StreamingResponse(Response, StarletteStreamingResponse):
    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        on_finish: OnFinish | None = None,
        filename: str | None = None,
        etag: str | None = None,
        last_modified: datetime | None = None,
        prefetch: bool = False,
        send_timeout: float | None = None,
        idle_timeout: float | None = None,
        max_duration: float | None = None,
        on_error: Callable[[Exception], Any] | None = None,
        stop_on_shutdown: bool = False,
        farewell: bytes = b"",
        keepalive: tuple[float, bytes] | None = None,
    ) -> None:
        check_status(status_code)
        self._check_content(content)
        self._terms = Terms(
            prefetch=prefetch,
            send_timeout=send_timeout,
            idle_timeout=idle_timeout,
            max_duration=max_duration,
            keepalive=keepalive,
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
        self._replaced = False
        self._iterated: object = None
        self._owned: list[object] = []
        self.init_headers(headers)
        if filename is not None or etag is not None or last_modified is not None:
            self._tell(filename, etag, last_modified)

    @property  # type: ignore[override]
    def body_iterator(self) -> Any:
        """The content as an async iterable; for an encoded stream, of its octets. What is assigned is sent as it is.

        Whatever was assigned or read here is closed when the response has been sent.
        """
        plain = self._replaced or type(self)._encoder is StreamingResponse._encoder
        if plain and isinstance(self._content, AsyncIterable):
            return self._content
        if self._iterated is None:
            self._iterated = iterate(self._source(_NO_REQUEST), None if plain else self._encoder())
            self._owned.append(self._iterated)
        return self._iterated

    @body_iterator.setter
    def body_iterator(self, content: object) -> None:
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
        async with Exchange(self.status_code, self.on_finish, self.background) as exchange:
            status, method = self.status_code, scope.get("method", "GET")
            check_status(status)
            implied = self._describe_content() if self._described else []
            # As for HEAD: there is a length that cannot be compared with that of the content.
            fields, _ = frame("HEAD", status, checked(self.raw_headers), b"", implied)
            if self._conditional:
                answer = evaluate(scope, status, fields)
                exchange.status, fields = answer.status, answer.headers
            has_content = method != "HEAD" and exchange.status in WITH_CONTENT and exchange.status == status
            outlet = Outlet(scope, send, exchange, fields, has_content=has_content)
            content: object = self._content
            encoder: Encoder = ChunkEncoder(self.charset)
            if not self._replaced:
                content, encoder = self._source(scope) if has_content else self._content, self._encoder()
            await pump(content, encoder, outlet, receive, self._terms, self._owned)
