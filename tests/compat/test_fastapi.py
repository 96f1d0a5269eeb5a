"""The same FastAPI app twice, with `fastapi.responses` and with `rejoinder`: the same answers, also below middleware."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest

pytest.importorskip("orjson")
pytest.importorskip("ujson")

import fastapi.responses
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import WebSocketDenialResponse

import rejoinder

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*JSONResponse is deprecated",
    # BaseHTTPMiddleware leaves the request's stream to the garbage collector, and trio says so.
    "ignore:Async generator 'starlette.requests.Request.stream' was garbage collected:ResourceWarning",
)

CLASSES = ("Response", "HTMLResponse", "PlainTextResponse", "JSONResponse", "ORJSONResponse", "UJSONResponse")
BOTH = (fastapi.responses, rejoinder)


class Item(BaseModel):
    name: str
    price: float | None = None


class TeapotError(Exception):
    pass


def build(m: Any) -> FastAPI:
    app = FastAPI()
    log: list[str] = []
    app.state.log = log
    add_instances(app, m)
    add_response_classes(app, m)
    add_streams(app, m, log)
    add_injections(app, m, log)
    add_errors(app, m)
    return app


def returning_instance(cls: Any) -> Any:
    def endpoint() -> cls:
        return cls("grüße" * 500, 203, {"X-A": "1", "ETag": '"a"'})

    return endpoint


def returning(content: object) -> Any:
    def endpoint(response: Response) -> Any:
        response.headers["x-a"] = "1"
        return content

    return endpoint


def add_instances(app: FastAPI, m: Any) -> None:
    for name in CLASSES:
        for add_route in (app.get, app.head):
            add_route(f"/instance/{name}")(returning_instance(getattr(m, name)))

    @app.get("/instance/redirect")
    def redirect() -> Any:
        response = m.RedirectResponse("/grüße?a=b c", 303)
        response.set_cookie("seen", "yes", max_age=60, httponly=True)
        return response

    @app.get("/instance/cookies")
    async def cookies() -> Any:
        response = m.JSONResponse({"a": 1}, headers={"cache-control": "no-store"})
        response.set_cookie("a", "b c", secure=True)
        response.headers.append("vary", "cookie")
        return response


def add_response_classes(app: FastAPI, m: Any) -> None:
    for name in CLASSES:
        content = "<p>grüße</p>" if name in CLASSES[:3] else {"name": "grüße", "price": None}
        cls, endpoint = getattr(m, name), returning(content)
        app.get(f"/class/{name}", response_class=cls, status_code=202)(endpoint)
        router = APIRouter(prefix=f"/default/{name}", default_response_class=cls)
        router.get("/")(endpoint)
        router.delete("/", status_code=201, responses={404: {"description": "none"}})(endpoint)
        app.include_router(router)

    @app.get("/class/redirect", response_class=m.RedirectResponse)
    def redirect() -> str:
        return "/there"

    @app.get("/class/redirect/303", response_class=m.RedirectResponse, status_code=303)
    def see_other() -> str:
        return "/there"

    @app.post("/model", response_class=m.JSONResponse, response_model_exclude_none=True)
    def model(item: Item) -> Item:
        return item

    @app.delete("/204", status_code=204, response_class=m.Response)
    def no_content(response: Response) -> None:
        response.headers["x-a"] = "1"

    @app.delete("/204/json", status_code=204, response_class=m.JSONResponse)
    def no_json() -> None:
        pass

    @app.get("/304", status_code=304, response_class=m.Response)
    def not_modified() -> None:
        pass

    @app.get("/stream", response_class=m.StreamingResponse)
    def stream() -> Iterator[str]:
        yield from ("a", "b")


def add_streams(app: FastAPI, m: Any, log: list[str]) -> None:
    def items() -> Iterator[str | bytes]:
        yield from ("grüße ", b"", b"\xff", "x" * 70_000)

    async def aitems() -> AsyncIterator[str | bytes]:
        for item in items():
            yield item

    @app.get("/stream/async", response_class=m.StreamingResponse, status_code=202)
    async def stream_async(response: Response) -> AsyncIterator[str]:
        response.headers["x-a"] = "1"
        yield "a"
        yield "b"

    @app.get("/stream/refused", response_class=m.StreamingResponse)
    async def refused() -> Any:
        raise HTTPException(404)

    @app.get("/stream/returned/{kind}")
    def returned(kind: str) -> Any:
        content: Any = {"sync": items, "async": aitems}[kind]()
        background = BackgroundTask(log.append, "own task")
        return m.StreamingResponse(content, 206, {"x-a": "1"}, "text/csv", background)

    @app.get("/stream/injected")
    async def injected(request: Request, tasks: BackgroundTasks) -> Any:
        tasks.add_task(log.append, "injected task")
        return m.StreamingResponse(aitems(), headers={"x-url": request.url.path})


def add_injections(app: FastAPI, m: Any, log: list[str]) -> None:
    async def resource(response: Response) -> Any:
        response.set_cookie("dependency", "1")
        log.append("open")
        yield "resource"
        log.append("close")

    @app.get("/injected", response_class=m.JSONResponse)
    async def injected(response: Response, given: Annotated[str, Depends(resource)], tasks: BackgroundTasks) -> Any:
        response.status_code = 206
        response.headers["x-a"] = "1"
        response.set_cookie("a", "b", httponly=True)
        tasks.add_task(log.append, "injected task")
        return {"given": given}

    @app.get("/injected/instance")
    async def instance(given: Annotated[str, Depends(resource)], tasks: BackgroundTasks) -> Any:
        tasks.add_task(log.append, "injected task")
        return m.PlainTextResponse(given)

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> Any:
        tasks.add_task(log.append, "injected task: lost, as the response has its own")
        return m.PlainTextResponse("x", background=BackgroundTask(log.append, "own task"))

    @app.get("/session")
    async def session(request: Request) -> Any:
        request.session["count"] = request.session.get("count", 0) + 1
        return m.JSONResponse(dict(request.session))

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.send_denial_response(m.PlainTextResponse("no", 403, {"x-a": "1"}))


def add_errors(app: FastAPI, m: Any) -> None:
    @app.exception_handler(TeapotError)
    async def teapot(request: Request, error: Exception) -> Any:
        return m.JSONResponse({"error": "teapot"}, 418, {"x-a": "1"})

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Any:
        return m.HTMLResponse("<h1>nothing here</h1>", 404)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Any:
        return m.PlainTextResponse("invalid", 422)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Any:
        return m.PlainTextResponse("failed", 500)

    @app.get("/error/{kind}")
    def error(kind: str) -> None:
        raise {"teapot": TeapotError(), "http": HTTPException(404), "bug": LookupError()}[kind]


def stack(*middleware: Any) -> Callable[[FastAPI], None]:
    def add(app: FastAPI) -> None:
        for cls, options in middleware:
            app.add_middleware(cls, **options)

    return add


async def dispatch(request: Request, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-middleware"] = response.headers.get("content-length", "none")
    return response


async def replace(request: Request, call_next: Any) -> Any:
    response = await call_next(request)
    del response.headers["content-length"]
    before = response.body_iterator

    async def replaced() -> AsyncIterator[bytes]:
        async for chunk in before:
            yield bytes(chunk).swapcase()

    response.body_iterator = replaced()
    return response


BASE: tuple[Any, Any] = (BaseHTTPMiddleware, {"dispatch": dispatch})
REPLACING: tuple[Any, Any] = (BaseHTTPMiddleware, {"dispatch": replace})
GZIP: tuple[Any, Any] = (GZipMiddleware, {"minimum_size": 100})
STACKS = {
    "bare": stack(),
    "base": stack(BASE),
    "gzip": stack(GZIP),
    "base, gzip": stack(BASE, GZIP),
    "twice": stack(BASE, BASE),
    "replacing": stack(REPLACING, BASE),
}
REQUESTS = [
    *(("GET", f"/instance/{name}") for name in (*CLASSES, "redirect", "cookies")),
    *(("HEAD", f"/instance/{name}") for name in CLASSES),
    *(("GET", f"/class/{name}") for name in (*CLASSES, "redirect", "redirect/303")),
    *((method, f"/default/{name}/") for method in ("GET", "DELETE") for name in CLASSES),
    *(("POST", "/model"), ("POST", "/model?invalid"), ("DELETE", "/204"), ("DELETE", "/204/json"), ("GET", "/304"), ("GET", "/stream")),
    *(("GET", f"/stream/{kind}") for kind in ("async", "refused", "returned/sync", "returned/async", "injected")),
    *(("GET", path) for path in ("/injected", "/injected/instance", "/background")),
    *(("GET", path) for path in ("/error/teapot", "/error/http", "/error/bug", "/nothing", "/openapi.json")),
]  # fmt: skip
# What differs, and by which line of docs/divergences.md: `no-content`, the content type of nothing.
WITHOUT = {"/204/json": "content-type"}


def answers(m: Any, backend: Any, add: Callable[[FastAPI], None]) -> Iterator[Any]:
    app = build(m)
    add(app)
    with TestClient(app, backend=backend, raise_server_exceptions=False, follow_redirects=False) as client:
        for method, path in REQUESTS:
            options: Any = {"json": {"name": "grüße"}} if path == "/model" else {}
            response = client.request(method, path, **options)
            client.cookies.clear()
            fields = [field for field in response.headers.multi_items() if field[0] != WITHOUT.get(path)]
            yield method, path, response.status_code, fields, response.content
    yield app.state.log


@pytest.mark.parametrize("add", STACKS.values(), ids=STACKS)
def test_both_apps_answer_the_same(add: Callable[[FastAPI], None], backend: str) -> None:
    gzip = add in {STACKS["gzip"], STACKS["base, gzip"]}
    for theirs, ours in zip(*(answers(m, backend, add) for m in BOTH), strict=True):
        # HEAD: see the next test. A short stream is one message, which it leaves alone: `stream-messages`.
        if not (gzip and (ours[0] == "HEAD" or ours[1].startswith("/stream"))):
            assert ours == theirs


def test_gzip_middleware_sees_no_content_of_a_head() -> None:
    """By the divergence `head`: what is not sent cannot be compressed, so HEAD tells of the plain content."""
    theirs, ours = (
        {
            (method, path): {name for name, _ in fields if name in {"content-encoding", "vary"}}
            for method, path, _, fields, _ in list(answers(m, "asyncio", STACKS["gzip"]))[:-1]
        }
        for m in BOTH
    )
    for path in (f"/instance/{name}" for name in CLASSES):
        assert ours["GET", path] == theirs["GET", path] == theirs["HEAD", path] == {"content-encoding", "vary"}
        assert ours["HEAD", path] == set()


def test_what_is_compared_is_what_was_meant(backend: str) -> None:
    answered = list(answers(rejoinder, backend, STACKS["bare"]))
    assert {status for _, _, status, _, _ in answered[:-1]} == {
        200,
        201,
        202,
        203,
        204,
        206,
        303,
        304,
        307,
        404,
        418,
        422,
        500,
    }
    streams = ["own task", "own task", "injected task"]
    assert answered[-1] == [*streams, "open", "injected task", "close", "open", "injected task", "close", "own task"]


def test_both_document_the_same() -> None:
    theirs, ours = (build(m).openapi() for m in BOTH)
    assert ours == theirs
    assert "text/html" in ours["paths"]["/class/HTMLResponse"]["get"]["responses"]["202"]["content"]
    assert ours["paths"]["/class/redirect"]["get"]["responses"].keys() == {"307"}


@pytest.mark.parametrize("name", CLASSES)
def test_an_apps_default_response_class(name: str, backend: Any) -> None:
    got = []
    for m in BOTH:
        app = FastAPI(default_response_class=getattr(m, name))
        app.get("/", status_code=201)(lambda: "grüße")
        answer = TestClient(app, backend=backend).get("/")
        got.append((answer.status_code, answer.headers.multi_items(), answer.content, app.openapi()))
    assert got[0] == got[1]


def test_sessions(backend: Any) -> None:
    sessions = pytest.importorskip("starlette.middleware.sessions")
    app = build(rejoinder)
    app.add_middleware(sessions.SessionMiddleware, secret_key="secret")
    with TestClient(app, backend=backend) as client:
        assert [client.get("/session").json() for _ in range(3)] == [{"count": 1}, {"count": 2}, {"count": 3}]


def test_denial_of_a_websocket(backend: Any) -> None:
    got = []
    for m in BOTH:
        with TestClient(build(m), backend=backend) as client:
            with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/socket"):
                pass
            got.append((denied.value.status_code, denied.value.headers.multi_items(), denied.value.content))
    assert got[0] == got[1]
    assert got[0][0] == 403
