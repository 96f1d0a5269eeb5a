"""The names of `fastapi.responses`: change the import line and nothing else."""

from typing import TYPE_CHECKING, Any

from rejoinder._file import FileResponse
from rejoinder._json import JSONResponse, ORJSONResponse, UJSONResponse
from rejoinder._response import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from rejoinder._streaming import StreamingResponse

if TYPE_CHECKING:
    from rejoinder._events import EventSourceResponse as EventSourceResponse  # noqa: PLC0414 - a re-export

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
    if name == "EventSourceResponse":  # imports FastAPI where it is installed, which takes long
        from rejoinder._events import EventSourceResponse

        return EventSourceResponse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
