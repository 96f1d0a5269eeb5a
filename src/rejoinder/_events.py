"""Server-sent events as a response.

FastAPI knows its own `EventSourceResponse` and `ServerSentEvent` by their classes: endpoints with `yield` are event
streams if `response_class` derives from the one, and what they yield is an event if it is an instance of the other.
So where FastAPI is installed, the one is a base of the class here, and the other is used as it is. Nothing else of
rejoinder imports this file before somebody asks for these names, because importing FastAPI takes long.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeGuard, Unpack

from starlette.background import BackgroundTask
from starlette.types import Scope

from rejoinder._encode.sse import KEEPALIVE, EventEncoder, check_retry, encode_event, parse_last_event_id
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Field, Headers
from rejoinder._starlette import sealed
from rejoinder._streaming import StreamingResponse, StreamOptions

if TYPE_CHECKING:
    from rejoinder._encode.sse import ServerSentEvent
    from rejoinder._starlette import StarletteStreamingResponse as _Namesake
else:
    try:
        from fastapi.sse import EventSourceResponse as _Namesake
        from fastapi.sse import ServerSentEvent
    except ImportError:
        from rejoinder._encode.sse import ServerSentEvent
        from rejoinder._starlette import StarletteStreamingResponse as _Namesake

__all__ = ["EventSourceResponse", "ServerSentEvent"]

_AGAINST_BUFFERS: list[Field] = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
_OF_A_SOURCE = ("__iter__", "__aiter__", "__enter__", "__aenter__")


@sealed
class EventSourceResponse(StreamingResponse, _Namesake):  # pyright: ignore[reportIncompatibleVariableOverride]
    r"""A stream of server-sent events (HTML, 9.2), as `EventSource` in browsers reads it.

    It ends when the server shuts down: a stream of events has no other end. A browser then connects again.

    As the `response_class` of an endpoint with `yield`, it is for FastAPI to make, encode and send the stream; the
    keyword arguments are for responses that an endpoint returns.

    Args:
        content: as for `StreamingResponse`, of items that are `ServerSentEvent`, rejoinder's, FastAPI's or
            sse-starlette's; bytes, which are sent as they are; and all else, text too, as JSON in an event of its own. Or
            a function of the request's Last-Event-ID (None if there is none) that returns such content, called once
            for each request that is answered; `Channel.subscribe` is one.
        status_code: as for `Response`. 204, which has no content, tells a browser not to connect again.
        headers: as for `Response`. Where they are silent, cache-control is `no-cache`, and x-accel-buffering `no`, which
            keeps nginx from collecting events.
        media_type: as for `Response`; `text/event-stream` by default.
        background: as for `Response`.
        ping: seconds without a byte after which a comment is sent, so that no proxy takes the connection for dead. None
            to send none.
        retry: milliseconds after which a browser connects again; it uses some seconds if it is not told.
        farewell: an item to be sent when the server shuts down.
        **options: as for `StreamingResponse`. `on_error` returns an item; `stop_on_shutdown` is True by default.

    Raises:
        TypeError: as `StreamingResponse`.
        ValueError: as `StreamingResponse`; a `ping` that is not positive, a negative `retry`.

    >>> response = EventSourceResponse([{"price": 3}], retry=5000)
    >>> response.headers["content-type"], response.headers["cache-control"]
    ('text/event-stream; charset=utf-8', 'no-cache')
    """

    media_type = "text/event-stream"
    _implied_names = StreamingResponse._implied_names | {name for name, _ in _AGAINST_BUFFERS}  # noqa: SLF001

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        ping: float | None = 15,
        retry: int | None = None,
        farewell: object = None,
        **options: Unpack[StreamOptions],
    ) -> None:
        check_retry(retry)
        self._retry = retry
        options.setdefault("stop_on_shutdown", True)
        super().__init__(
            content,
            status_code,
            headers,
            media_type,
            background,
            keepalive=None if ping is None else (ping, KEEPALIVE),
            farewell=b"" if farewell is None else encode_event(farewell),
            **options,
        )

    def _implied_fields(self) -> list[Field]:
        return [*super()._implied_fields(), *_AGAINST_BUFFERS]

    def _encoder(self) -> Encoder:
        return EventEncoder(self._retry)

    def _check_content(self, content: object) -> None:
        if not _is_function(content):
            super()._check_content(content)

    def _source(self, scope: Scope) -> object:
        content = super()._source(scope)
        return content(parse_last_event_id(scope["headers"])) if _is_function(content) else content


def _is_function(content: object) -> TypeGuard[Callable[[str | None], object]]:
    # A context manager made of a generator function can be called, too: as a decorator.
    return callable(content) and not any(hasattr(content, name) for name in _OF_A_SOURCE)
