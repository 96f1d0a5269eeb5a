"""JSON responses: the bytes lane with an encoder in front."""

from datetime import datetime
from typing import Any, Self, Unpack

from starlette.background import BackgroundTask

from rejoinder._calls import Call
from rejoinder._encode.json import Default, Nan, check_nan, encode, encode_json
from rejoinder._http.fields import Headers
from rejoinder._http.media import content_type
from rejoinder._http.status import check_status
from rejoinder._lifecycle import OnFinish
from rejoinder._options import ContentOptions, LazyOptions
from rejoinder._response import OK, Response
from rejoinder._starlette import StarletteJSONResponse, sealed

_USUAL: tuple[Default | None, Nan] = (None, "null")


@sealed
class JSONResponse(Response, StarletteJSONResponse):
    """Content as JSON (RFC 8259), with msgspec as the engine.

    Args:
        content: what `json.dumps` takes, and dataclass, pydantic, attrs and msgspec objects, Enum, datetime, date, time,
            timedelta, UUID, Decimal (as text, digits kept), set, Path, bytes (Base64), numpy arrays and scalars.
        status_code: as for `Response`.
        headers: as for `Response`.
        media_type: as for `Response`; `application/json` by default.
        background: as for `Response`.
        default: a function that turns a value of any other type into one that can be encoded.
        nan: what NaN and the infinities become: `"null"`, as in JavaScript, or `"error"`.
        on_finish: as for `Response`.
        **options: as for `Response`.

    Raises:
        TypeError: a value of a type that neither the list above nor `default` knows.
        ValueError: the content is circular or too deep, has NaN where that is an error, or an integer of more digits
            than Python agrees to write.

    >>> JSONResponse({"ids": {1}, "ratio": float("nan")}).body
    b'{"ids":[1],"ratio":null}'
    """

    media_type = "application/json"

    _terms: tuple[Default | None, Nan] = _USUAL

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        default: Default | None = None,
        nan: Nan = "null",
        on_finish: OnFinish | None = None,
        **options: Unpack[ContentOptions],
    ) -> None:
        self._terms = _USUAL if default is None and nan == "null" else (default, nan)
        # `Response.__init__`, line by line: the call would be a tenth of a small response.
        if status_code is not OK:
            check_status(status_code)
        self.status_code = status_code
        if media_type is not None:
            content_type(media_type, self.charset)
            self.media_type = media_type
        self.background = background
        self.on_finish = on_finish
        body = self.render(content)
        self._body = body if type(body) is bytes else Response.render(self, body)
        self.init_headers(headers)
        if options:
            self._tell(options)

    @classmethod
    def lazy(  # pyright: ignore[reportIncompatibleMethodOverride] # it takes more
        cls,
        build: Call[object],
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        default: Default | None = None,
        nan: Nan = "null",
        etag: str | Call[str | None] | None = None,
        last_modified: datetime | Call[datetime | None] | None = None,
        on_finish: OnFinish | None = None,
        **options: Unpack[LazyOptions],
    ) -> Self:
        """As `Response.lazy`, with `default` and `nan` of this class.

        >>> JSONResponse.lazy(lambda: {"all": "that there is"}, etag="v1").headers["content-type"]
        'application/json'
        """
        check_nan(nan)
        response = super().lazy(
            build,
            status_code,
            headers,
            media_type,
            background,
            etag=etag,
            last_modified=last_modified,
            on_finish=on_finish,
            **options,
        )
        if default is not None or nan != "null":
            response._terms = (default, nan)  # noqa: SLF001 - our own
        return response

    def render(self, content: Any) -> bytes:
        """The content as JSON. A subclass may override it."""
        if self._terms is _USUAL:
            try:
                return encode(content)
            except (TypeError, ValueError, RecursionError):
                pass  # not for the engine as it is: what `encode_json` is for
        return encode_json(content, *self._terms)


@sealed
class ORJSONResponse(JSONResponse):
    """Content as JSON, with orjson as the engine, for those who rely on how it writes things.

    It takes what `JSONResponse` takes, by the same arguments, but integers beyond 64 bits and lone surrogates: those are a
    TypeError.

    Raises:
        ImportError: orjson is not installed: `pip install "rejoinder[orjson]"`.
        TypeError, ValueError: as for `JSONResponse`.

    >>> ORJSONResponse({"id": 1}).body
    b'{"id":1}'
    """

    def render(self, content: Any) -> bytes:
        """The content as JSON. A subclass may override it."""
        try:
            from rejoinder._encode import orjson
        except ImportError as error:
            raise _missing(self, "orjson") from error
        return orjson.encode_json(content, *self._terms)


@sealed
class UJSONResponse(JSONResponse):
    r"""Content as JSON, with ujson as the engine, for those who rely on how it writes things (`/` as `\/`).

    It takes what `JSONResponse` takes, by the same arguments.

    Raises:
        ImportError: ujson is not installed: `pip install "rejoinder[ujson]"`.
        TypeError, ValueError: as for `JSONResponse`.

    >>> UJSONResponse({"path": "/"}).body
    b'{"path":"\\/"}'
    """

    def render(self, content: Any) -> bytes:
        """The content as JSON. A subclass may override it."""
        try:
            from rejoinder._encode import ujson
        except ImportError as error:
            raise _missing(self, "ujson") from error
        return ujson.encode_json(content, *self._terms)


def _missing(response: JSONResponse, engine: str) -> ImportError:
    return ImportError(f'{type(response).__name__} needs {engine}: pip install "rejoinder[{engine}]"')
