"""JSON that is never in memory as a whole: a text a line, or the elements of an array."""

from typing import Unpack

from starlette.background import BackgroundTask

from rejoinder._encode import jsonarray, jsonl
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Headers
from rejoinder._streaming import StreamingResponse, StreamOptions


class JSONLinesResponse(StreamingResponse):
    """Items as JSON Lines: each is a line of its own, which a client can read before the next one is there.

    Args:
        content: as for `StreamingResponse`, of items that are what `JSONResponse` takes.
        status_code: as for `Response`.
        headers: as for `Response`.
        media_type: as for `Response`; `application/jsonl` by default.
        background: as for `Response`.
        keepalive: seconds without a byte after which a blank line is sent, which readers skip. None to send none.
        **options: as for `StreamingResponse`. `on_error` returns an item, which is the last line.

    Raises:
        TypeError: as `StreamingResponse`.
        ValueError: as `StreamingResponse`; a `keepalive` that is not positive.

    >>> response = JSONLinesResponse({"id": id} for id in range(1_000_000))
    >>> response.headers["content-type"]
    'application/jsonl'
    """

    media_type = "application/jsonl"

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        keepalive: float | None = None,
        **options: Unpack[StreamOptions],
    ) -> None:
        alive = None if keepalive is None else (keepalive, jsonl.KEEPALIVE)
        super().__init__(content, status_code, headers, media_type, background, keepalive=alive, **options)

    def _encoder(self) -> Encoder:
        return jsonl.LinesEncoder()


class JSONArrayResponse(StreamingResponse):
    """Items as the elements of a JSON array.

    What was sent is valid JSON if the stream ended: at its end, at the shutdown of the server, or with `on_error`. If it
    broke, the connection is cut, and the client knows.

    Args:
        content: as for `StreamingResponse`, of items that are what `JSONResponse` takes.
        status_code: as for `Response`.
        headers: as for `Response`.
        media_type: as for `Response`; `application/json` by default.
        background: as for `Response`.
        envelope: send an object, and the array as its member of this name.
        keepalive: seconds without a byte after which white space is sent, which JSON ignores. None to send none.
        **options: as for `StreamingResponse`. `on_error` returns an item: the last of the array, or in an envelope the
            member `error` beside it.

    Raises:
        TypeError: as `StreamingResponse`.
        ValueError: as `StreamingResponse`; an envelope named `error`, a `keepalive` that is not positive.

    >>> response = JSONArrayResponse(({"id": id} for id in range(1_000_000)), envelope="items")
    >>> response.headers["content-type"]
    'application/json'
    """

    media_type = "application/json"

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        envelope: str | None = None,
        keepalive: float | None = None,
        **options: Unpack[StreamOptions],
    ) -> None:
        if envelope == "error":
            raise ValueError("an envelope must have another name than 'error', which is that of the member of on_error")
        self._envelope = envelope
        alive = None if keepalive is None else (keepalive, jsonarray.KEEPALIVE)
        super().__init__(content, status_code, headers, media_type, background, keepalive=alive, **options)

    def _encoder(self) -> Encoder:
        return jsonarray.ArrayEncoder(self._envelope)
