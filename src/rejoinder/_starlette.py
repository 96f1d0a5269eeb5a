"""The meeting point with Starlette, and the only file that imports `starlette.responses`.

FastAPI, Starlette and middleware ask `isinstance(x, starlette.responses.Response)`, so each class here inherits from
its namesake there. The name is inherited, the behaviour is not: `@sealed` hides every method of the namesakes that a
class does not define itself, so that no call can end up in the other implementation by accident.
"""

from typing import Any, NoReturn, TypeVar

from starlette.responses import FileResponse as StarletteFileResponse
from starlette.responses import HTMLResponse as StarletteHTMLResponse
from starlette.responses import JSONResponse as StarletteJSONResponse
from starlette.responses import PlainTextResponse as StarlettePlainTextResponse
from starlette.responses import RedirectResponse as StarletteRedirectResponse
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse as StarletteStreamingResponse

__all__ = [
    "StarletteFileResponse",
    "StarletteHTMLResponse",
    "StarletteJSONResponse",
    "StarlettePlainTextResponse",
    "StarletteRedirectResponse",
    "StarletteResponse",
    "StarletteStreamingResponse",
    "sealed",
]

ResponseClass = TypeVar("ResponseClass", bound=type[StarletteResponse])


class _Sealed:
    """Stands where a method of Starlette's would be reached, and says that there is none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[Any]) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__!r} of rejoinder has no attribute {self._name!r}; Starlette's is an implementation detail"
        )


def sealed(cls: ResponseClass) -> ResponseClass:
    """Hides what only Starlette's classes define. Plain data, such as `chunk_size`, stays."""
    for base in cls.__mro__:
        if base.__module__ == StarletteResponse.__module__:
            for name, member in vars(base).items():
                is_code = callable(member) or isinstance(member, (property, classmethod, staticmethod))
                if is_code and _definer(cls, name) is base:
                    setattr(cls, name, _Sealed(name))
    return cls


def _definer(cls: type[Any], name: str) -> type[Any]:
    return next(base for base in cls.__mro__ if name in vars(base))
