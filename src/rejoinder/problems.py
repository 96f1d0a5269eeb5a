"""Problem details (RFC 9457) for all errors of an application: `problems.install(app)`.

The handlers are Starlette's kind, so they are found as all others are: those for a status code or a more special class
of exceptions come first. What an application has of its own stays, whether it was there before or comes later; what
FastAPI has put there in default of that is replaced.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rejoinder._http.problems import MEDIA_TYPE
from rejoinder._http.status import WITH_CONTENT, check_status, phrase_of
from rejoinder._problem import ProblemResponse
from rejoinder._response import Response

if TYPE_CHECKING:
    from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
    from fastapi.exceptions import RequestValidationError
else:
    try:
        from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
        from fastapi.exceptions import RequestValidationError
    except ImportError:
        http_exception_handler = request_validation_exception_handler = RequestValidationError = None

__all__ = ["ProblemResponse", "install", "responses"]

Handler: TypeAlias = Callable[[Any, Any], Any]

_SCHEMAS = "#/components/schemas/"
_MEMBERS: dict[str, Any] = {
    "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
    "title": {"type": "string"},
    "status": {"type": "integer"},
    "detail": {"type": "string"},
    "instance": {"type": "string", "format": "uri-reference"},
}
_PROBLEM = "ProblemDetails"
_TELLS = "tells_of_problems"  # an attribute of our `openapi`
_SCHEMA: dict[str, Any] = {
    _PROBLEM: {
        "title": "ProblemDetails",
        "description": "RFC 9457. There may be more members.",
        "type": "object",
        "properties": _MEMBERS,
    },
    "ValidationProblemDetails": {
        "title": "ValidationProblemDetails",
        "type": "object",
        "properties": {**_MEMBERS, "errors": {"type": "array", "items": {"$ref": _SCHEMAS + "ProblemDetailsError"}}},
    },
    "ProblemDetailsError": {
        "title": "ProblemDetailsError",
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            "msg": {"type": "string"},
            "type": {"type": "string"},
            "ctx": {"type": "object"},
        },
    },
}


def install(app: Starlette) -> None:
    """Have all errors of a FastAPI or Starlette application answered with problem details (RFC 9457).

    - `HTTPException`: its status and headers. A `detail` that is a text is that of the problem, any other an extension
      `details`.
    - `RequestValidationError` of FastAPI: 422, with an extension `errors`: what FastAPI tells, but for what the client
      sent, which may be a password.
    - any other exception: 500, without a word of it. The server logs it as before, and with `debug=True` the page with
      the traceback is shown as before.

    Handlers of the application's own win, set before or after this call. WebSockets are closed as before. FastAPI's
    OpenAPI schema tells what is sent. A second call changes nothing. A mounted application has errors of its own.

    Raises:
        RuntimeError: the application has answered requests already; what is set now would have no effect.

    >>> from starlette.applications import Starlette
    >>> from rejoinder.testing import fetch, run
    >>> app = Starlette()
    >>> install(app)
    >>> run(lambda: fetch(app, path="/none")).body
    b'{"type":"about:blank","title":"Not Found","status":404}'
    """
    handlers: dict[Any, Handler] = app.exception_handlers
    ours: dict[Any, Handler] = {HTTPException: _answer_http_exception}
    if RequestValidationError in handlers:  # as in each application of FastAPI
        ours[RequestValidationError] = _answer_validation_error
    if 500 not in handlers:  # noqa: PLR2004 - to Starlette, it is another name of Exception
        ours[Exception] = _answer_exception
    missing = {key: handler for key, handler in ours.items() if handlers.get(key) in _DEFAULTS}
    if missing and app.middleware_stack is not None:
        raise RuntimeError("problems.install(app) must be called before the application answers its first request")
    handlers.update(missing)
    if RequestValidationError in handlers and not getattr(getattr(app, "openapi", None), _TELLS, False):
        _tell_openapi(app)


def responses(*status_codes: int) -> dict[int | str, dict[str, Any]]:
    """What to pass as `responses=` of a route or router, so that the OpenAPI schema tells of these problems.

    For applications on which `install` was called, which adds the schema that is referred to.

    Raises:
        ValueError: a status code without content, or none at all.
        TypeError: no integer.

    >>> responses(404)[404]["description"]
    'Not Found'
    """
    told: dict[int | str, dict[str, Any]] = {}
    for status in status_codes:
        check_status(status)
        if status not in WITH_CONTENT:
            raise ValueError(f"a response with status {status} has no content, so no problem details")
        told[status] = {"description": phrase_of(status) or "Problem", "content": _content("ProblemDetails")}
    return told


async def _answer_http_exception(_: Request, error: HTTPException) -> Response:
    if error.status_code not in WITH_CONTENT:
        return Response(None, error.status_code, error.headers)
    detail: object = error.detail
    # What Starlette says where nothing was said, in the words of this Python; the title says it already.
    if any(detail == status.phrase for status in HTTPStatus if status == error.status_code):
        detail = None
    is_text = detail is None or isinstance(detail, str)
    return ProblemResponse(
        error.status_code,
        detail=str(detail) if isinstance(detail, str) else None,
        extensions=None if is_text else {"details": detail},
        headers=error.headers,
    )


async def _answer_validation_error(_: Request, error: Any) -> Response:
    errors = [_without_input(one) if isinstance(one, Mapping) else one for one in error.errors()]
    return ProblemResponse(
        422, detail="The request is not valid.", extensions={"errors": errors}, default=_speak_of_value
    )


async def _answer_exception(_: Request, __: Exception) -> Response:
    return ProblemResponse(500)


_DEFAULTS = (None, http_exception_handler, request_validation_exception_handler)


def _without_input(error: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in error.items() if name not in {"input", "url"}}


def _speak_of_value(value: object) -> str:
    """What no JSON has: of a validator's exception its message, which the client is told anyway, of others the type."""
    return str(value) if isinstance(value, Exception) else type(value).__name__


def _content(schema: str) -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + schema}}}


def _tell_openapi(app: Any) -> None:
    """Wrap the method that makes the schema, as FastAPI's documentation has it."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        schema: dict[str, Any] = make()
        _describe(schema, validation=app.exception_handlers.get(RequestValidationError) is _answer_validation_error)
        return schema

    setattr(openapi, _TELLS, True)
    app.openapi = openapi


def _describe(schema: dict[str, Any], *, validation: bool) -> None:
    """Put problem details where FastAPI has told of its own errors; in place, since the schema is kept.

    Without `validation`, the application answers those itself.
    """
    schemas: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.setdefault(_PROBLEM, deepcopy(_SCHEMA[_PROBLEM]))
    if not validation:
        return
    for operation in _operations(schema):
        told = operation.get("responses", {}).get("422", {})
        if told.get("content") == {"application/json": {"schema": {"$ref": _SCHEMAS + "HTTPValidationError"}}}:
            told["content"] = _content("ValidationProblemDetails")
    for name, one in _SCHEMA.items():
        schemas.setdefault(name, deepcopy(one))
    for name in ("HTTPValidationError", "ValidationError"):  # the first refers to the second
        if name in schemas and f'"{_SCHEMAS}{name}"' not in json.dumps(schema, default=str):
            del schemas[name]


def _operations(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for paths in (schema.get("paths", {}), schema.get("webhooks", {})):
        yield from _operations_of(paths)


def _operations_of(paths: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in paths.values():
        for operation in path.values():
            if isinstance(operation, dict):
                yield operation
                for callback in operation.get("callbacks", {}).values():
                    yield from _operations_of(callback)
