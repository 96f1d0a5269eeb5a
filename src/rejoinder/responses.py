"""The names of `fastapi.responses`: change the import line and nothing else.

`StreamingResponse` is Starlette's own, and `EventSourceResponse` is FastAPI's, passed through so that a
whole import line can be changed at once. rejoinder replaces them one by one; see the changelog.
"""

from typing import TYPE_CHECKING, Any

from rejoinder._file import FileResponse
from rejoinder._json import JSONResponse, ORJSONResponse, UJSONResponse
from rejoinder._response import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from rejoinder._streaming import StreamingResponse

if TYPE_CHECKING:
    from fastapi.sse import EventSourceResponse as EventSourceResponse  # noqa: PLC0414 - a re-export

__all__ = [
    "FileResponse",
    "HTMLResponse",
    "JSONResponse",
    "ORJSONResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "Response",
    "StreamingResponse",
    "UJSONResponse",
]


def __getattr__(name: str) -> Any:
    if name == "EventSourceResponse":  # FastAPI's, which need not be installed for the rest
        try:
            from fastapi.sse import EventSourceResponse
        except ImportError as error:
            raise AttributeError("EventSourceResponse is still FastAPI's: pip install fastapi") from error
        return EventSourceResponse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
