"""ProblemResponse, and `problems.install` on an application of Starlette; FastAPI's are in tests/compat."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from rejoinder import JSONResponse, ProblemResponse, problems
from rejoinder.testing import Answer, fetch, run

PROBLEM = "application/problem+json"


def get(app: Any, method: str = "GET", path: str = "/", **options: Any) -> Answer:
    return run(lambda: fetch(app, method, path, **options))


def test_response() -> None:
    response = ProblemResponse(
        403,
        title="You do not have enough credit.",
        detail="Your balance is 30, but that costs 50.",
        type="https://example.com/probs/out-of-credit",
        instance="/account/12345/msgs/abc",
        extensions={"balance": 30, "ids": {1}},
        headers={"x-a": "1"},
        cache_control="no-store",
    )
    answer = get(response)
    assert (answer.status, answer.headers.get("content-type")) == (403, PROBLEM)
    assert (answer.headers.get("x-a"), answer.headers.get("cache-control")) == ("1", "no-store")
    assert list(json.loads(answer.body).items()) == [
        ("type", "https://example.com/probs/out-of-credit"),
        ("title", "You do not have enough credit."),
        ("status", 403),
        ("detail", "Your balance is 30, but that costs 50."),
        ("instance", "/account/12345/msgs/abc"),
        ("balance", 30),
        ("ids", [1]),
    ]
    assert isinstance(response, JSONResponse)
    assert get(response, "HEAD").body == b""


def test_the_default_is_a_500() -> None:
    assert json.loads(get(ProblemResponse()).body) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"status_code": 204}, ValueError, "has no content"),
        ({"status_code": 304}, ValueError, "has no content"),
        ({"status_code": 600}, ValueError, "status_code"),
        ({"status_code": "404"}, TypeError, "status_code"),
        ({"type": "relative"}, ValueError, "absolute URI"),
        ({"extensions": {"a": object()}}, TypeError, "object"),
        ({"extensions": {"type": 1}}, ValueError, "extensions has type"),
        ({"retry": 1}, TypeError, "unexpected"),
    ],
)
def test_mistakes(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ProblemResponse(**arguments)


def test_hooks_of_json() -> None:
    response = ProblemResponse(400, extensions={"a": object()}, default=lambda value: "b")
    assert json.loads(response.body)["a"] == "b"
    with pytest.raises(ValueError, match="nan"):
        ProblemResponse(400, extensions={"a": float("nan")}, nan="error")


# Applications


def raising(error: Exception) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Any:
        raise error

    return endpoint


RAISED: dict[str, tuple[Exception, dict[str, Any]]] = {
    "plain": (HTTPException(404), {"title": "Not Found", "status": 404}),
    "detail": (
        HTTPException(409, "Only 3 are left."),
        {"title": "Conflict", "status": 409, "detail": "Only 3 are left."},
    ),
    "object": (HTTPException(400, {"a": [1]}), {"title": "Bad Request", "status": 400, "details": {"a": [1]}}),  # type: ignore[arg-type]
    "renamed": (HTTPException(422), {"title": "Unprocessable Content", "status": 422}),
    "no-phrase": (HTTPException(499, "x"), {"status": 499, "detail": "x"}),
}


def app_of(errors: dict[str, Exception], **options: Any) -> Starlette:
    return Starlette(routes=[Route(f"/{name}", raising(error)) for name, error in errors.items()], **options)


@pytest.mark.parametrize("name", RAISED)
def test_http_exceptions(name: str) -> None:
    error, members = RAISED[name]
    app = app_of({name: error})
    problems.install(app)
    answer = get(app, path=f"/{name}")
    assert (answer.status, answer.headers.get("content-type")) == (members["status"], PROBLEM)
    assert json.loads(answer.body) == {"type": "about:blank", **members}


def test_headers_are_kept_and_a_status_without_content_has_none() -> None:
    app = app_of({"a": HTTPException(401, headers={"WWW-Authenticate": "Basic"}), "b": HTTPException(304)})
    problems.install(app)
    assert get(app, path="/a").headers.get("www-authenticate") == "Basic"
    answer = get(app, path="/b")
    assert (answer.status, answer.body, answer.headers.get("content-type")) == (304, b"", None)
    answer = get(app, "POST", "/a")
    assert (answer.status, answer.headers.get("content-type")) == (405, PROBLEM)
    assert answer.headers.get("allow") in {"GET, HEAD", "HEAD, GET"}


def test_an_error_tells_nothing() -> None:
    app = app_of({"a": OSError("the password is hunter2")})
    problems.install(app)
    client = TestClient(app, raise_server_exceptions=False)
    answer = client.get("/a")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}
    with pytest.raises(OSError, match="hunter2"):  # the server still gets to see it
        TestClient(app).get("/a")


def test_debug_shows_the_traceback() -> None:
    app = app_of({"a": OSError("what is wrong")}, debug=True)
    problems.install(app)
    answer = TestClient(app, raise_server_exceptions=False).get("/a", headers={"accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "what is wrong" in answer.text


def text(value: str) -> Callable[[Request, Exception], PlainTextResponse]:
    return lambda request, error: PlainTextResponse(value, 418)


class TeapotError(Exception):
    pass


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("key", "path"), [(HTTPException, "/a"), (404, "/a"), (Exception, "/b"), (500, "/b"), (TeapotError, "/c")]
)
def test_handlers_of_the_application_win(key: Any, path: str, first: bool) -> None:
    app = app_of({"a": HTTPException(404), "b": OSError(), "c": TeapotError()})
    if first:
        app.add_exception_handler(key, text("mine"))
    problems.install(app)
    if not first:
        app.add_exception_handler(key, text("mine"))
    answer = TestClient(app, raise_server_exceptions=False).get(path)
    assert (answer.status_code, answer.text) == (418, "mine")


def test_twice_is_as_good_as_once() -> None:
    app = app_of({"a": HTTPException(404)})
    problems.install(app)
    before = dict(app.exception_handlers)
    problems.install(app)
    assert app.exception_handlers == before
    assert get(app, path="/a").status == 404
    problems.install(app)


def test_too_late_is_an_error() -> None:
    app = app_of({"a": HTTPException(404)})
    get(app, path="/a")
    with pytest.raises(RuntimeError, match="before the application answers its first request"):
        problems.install(app)


def test_a_websocket_is_denied() -> None:
    async def deny(websocket: WebSocket) -> None:
        raise HTTPException(403, "no")

    app = Starlette(routes=[WebSocketRoute("/", deny)])
    problems.install(app)
    answer = get(app, type="websocket", extensions=["websocket.http.response"])
    assert (answer.status, json.loads(answer.body)["detail"]) == (403, "no")


def test_without_fastapi() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = sys.modules['fastapi.exceptions'] = None\n"
        "from starlette.applications import Starlette\n"
        "from rejoinder import problems\n"
        "from rejoinder.testing import fetch, run\n"
        "app = Starlette()\n"
        "problems.install(app)\n"
        "assert run(lambda: fetch(app)).headers.get('content-type') == 'application/problem+json'\n"
        "assert len(app.exception_handlers) == 2"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    ("statuses", "error"), [((204,), ValueError), ((600,), ValueError), (("404",), TypeError), ((True,), TypeError)]
)
def test_responses_refuses(statuses: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        problems.responses(*statuses)
