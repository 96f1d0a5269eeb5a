"""The seven points of the compatibility contract (DESIGN.md), for content in memory, and for streams."""

import inspect
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import starlette.responses
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import Message, Receive, Scope, Send

import rejoinder

Run = Callable[..., list[Message]]

ARGUMENTS: dict[type[rejoinder.Response], Any] = {
    rejoinder.Response: "x",
    rejoinder.HTMLResponse: "x",
    rejoinder.PlainTextResponse: "x",
    rejoinder.JSONResponse: "x",
    rejoinder.ORJSONResponse: "x",
    rejoinder.UJSONResponse: "x",
    rejoinder.RedirectResponse: "/x",
}
STREAMS: dict[type[Any], Any] = {
    rejoinder.StreamingResponse: ["x"],
    rejoinder.EventSourceResponse: ["x"],
    rejoinder.JSONLinesResponse: ["x"],
    rejoinder.JSONArrayResponse: ["x"],
    rejoinder.CSVResponse: [["x"]],
}
CONTENTS: dict[type[Any], Any] = {**ARGUMENTS, **STREAMS}
OCTETS: dict[type[rejoinder.Response], bytes] = {
    **{cls: cls(content).body for cls, content in ARGUMENTS.items()},
    rejoinder.StreamingResponse: b"x",
    rejoinder.EventSourceResponse: b'data: "x"\n\n',
    rejoinder.JSONLinesResponse: b'"x"\n',
    rejoinder.JSONArrayResponse: b'["x"]',
    rejoinder.CSVResponse: b"x\r\n",
}
NAMESAKES: dict[type[Any], Any] = {
    **{cls: getattr(starlette.responses, cls.__name__, starlette.responses.JSONResponse) for cls in ARGUMENTS},
    **dict.fromkeys(STREAMS, starlette.responses.StreamingResponse),
}
MEMBERS = (
    "charset", "status_code", "media_type", "body", "background", "headers", "raw_headers", "render", "init_headers",
    "set_cookie", "delete_cookie",
)  # fmt: skip
SPEC_VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5")

each_class = pytest.mark.parametrize("cls", ARGUMENTS, ids=lambda cls: cls.__name__)
each_stream = pytest.mark.parametrize("cls", STREAMS, ids=lambda cls: cls.__name__)
each_of_all = pytest.mark.parametrize("cls", CONTENTS, ids=lambda cls: cls.__name__)


def parameters(function: Callable[..., Any], *kinds: Any) -> list[tuple[str, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.default) for one in found if one.kind in kinds]


def positional(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    return parameters(function, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


def start_of(messages: list[Message]) -> Message:
    return next(message for message in messages if message["type"].endswith("http.response.start"))


def body_of(messages: list[Message]) -> bytes:
    return b"".join(message["body"] for message in messages if message["type"].endswith("http.response.body"))


# 1. Same-named subclass; positional order of parameters unchanged; ours keyword-only after them.


@each_of_all
def test_subclass_with_the_same_parameters(cls: type[rejoinder.Response]) -> None:
    theirs = NAMESAKES[cls]
    assert issubclass(cls, theirs)
    assert cls.__name__ == theirs.__name__ or not hasattr(starlette.responses, cls.__name__)
    for name in ("__init__", "init_headers", "set_cookie", *(["render"] if cls in ARGUMENTS else [])):
        assert positional(getattr(cls, name)) == positional(getattr(theirs, name))
    for name, default in parameters(cls.__init__, inspect.Parameter.KEYWORD_ONLY):
        assert default is not inspect.Parameter.empty, name
    # Starlette 1.6 has no `partitioned` there yet.
    assert positional(cls.delete_cookie)[:7] == positional(theirs.delete_cookie)[:7]


@each_of_all
def test_members_of_the_reference(cls: type[rejoinder.Response]) -> None:
    response = cls(CONTENTS[cls])
    for name in MEMBERS:
        assert hasattr(response, name) or (cls in STREAMS and name == "body"), name
    assert isinstance(response.headers, MutableHeaders)
    assert hasattr(response, "body_iterator") if cls in STREAMS else type(response.body) is bytes


@each_of_all
def test_nothing_of_starlettes_is_reachable(cls: type[rejoinder.Response]) -> None:
    response = cls(CONTENTS[cls])
    for base in cls.__mro__:
        if base.__module__ != "starlette.responses":
            continue
        for name, member in vars(base).items():
            if callable(member) or isinstance(member, (property, classmethod, staticmethod)):
                for ours in (getattr(cls, name, None), getattr(response, name, None)):
                    function = getattr(ours, "__func__", ours)
                    assert function is not member, name
                    assert getattr(function, "__module__", None) != "starlette.responses", name
                assert inspect.getattr_static(cls, name) is not member, name


def test_the_module_mirrors_fastapis() -> None:
    theirs = pytest.importorskip("fastapi.responses")
    names = {
        name
        for name, member in vars(theirs).items()
        if inspect.isclass(member) and issubclass(member, starlette.responses.Response)
    }
    assert {*rejoinder.responses.__all__, "EventSourceResponse"} == names  # the latter comes with FastAPI
    for name in names:
        ours = getattr(rejoinder.responses, name)
        assert ours.__name__ == name
        assert issubclass(ours, getattr(starlette.responses, name, starlette.responses.Response))


# 2. Class attributes, and an integer default of `status_code`: FastAPI's OpenAPI reads them.


@each_class
def test_what_openapi_reads(cls: type[rejoinder.Response]) -> None:
    theirs = NAMESAKES[cls]
    assert (cls.media_type, cls.charset) == (theirs.media_type, theirs.charset)
    status = inspect.signature(cls.__init__).parameters["status_code"].default
    assert type(status) is int
    assert status == inspect.signature(theirs.__init__).parameters["status_code"].default


# 3. What may be assigned after construction; `headers` is live, and `.headers.raw` is `.raw_headers`.


@each_class
def test_assigned_late(cls: type[rejoinder.Response], run: Run) -> None:
    ran: list[int] = []
    response = cls(ARGUMENTS[cls])
    response.body = b"other"
    response.status_code = 202
    response.background = BackgroundTask(ran.append, 1)
    messages = run(response)
    assert start_of(messages)["status"] == 202
    assert (b"content-length", b"5") in start_of(messages)["headers"]
    assert body_of(messages) == b"other"
    assert ran == [1]


@each_class
def test_headers_are_live(cls: type[rejoinder.Response], run: Run) -> None:
    response = cls(ARGUMENTS[cls])
    assert response.headers.raw is response.raw_headers
    response.headers["X-A"] = "1"
    response.headers.raw.extend([(b"x-b", b"2"), (b"set-cookie", b"a=b")])  # as FastAPI does
    response.set_cookie("c", "d", samesite=None)
    del response.headers["x-b"]
    response.body = b"longer than it was"
    assert response.headers.raw is response.raw_headers
    expected = [(b"x-a", b"1"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d; Path=/")]
    assert start_of(run(response))["headers"][-3:] == expected
    assert (b"content-length", b"18") in start_of(run(response))["headers"]


@each_stream
def test_a_stream_assigned_late(cls: type[rejoinder.StreamingResponse], run: Run) -> None:
    ran: list[int] = []
    response = cls(STREAMS[cls])
    response.status_code = 202
    response.background = BackgroundTask(ran.append, 1)
    response.headers["X-A"] = "1"
    response.headers.raw.extend([(b"x-b", b"2"), (b"set-cookie", b"a=b")])  # as FastAPI does
    response.set_cookie("c", "d", samesite=None)
    del response.headers["x-b"]
    assert response.headers.raw is response.raw_headers
    messages = run(response)
    assert start_of(messages)["status"] == 202
    expected = [(b"x-a", b"1"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d; Path=/")]
    assert start_of(messages)["headers"][-3:] == expected
    assert body_of(messages) == OCTETS[cls]
    assert ran == [1]


# 4. `render` and `init_headers` of a subclass are honoured.


@pytest.mark.parametrize("rendered", ["<é>", "<é>".encode()], ids=["text", "bytes"])
@pytest.mark.parametrize("cls", [cls for cls in ARGUMENTS if cls is not rejoinder.RedirectResponse])
def test_render_overridden(cls: type[rejoinder.Response], rendered: str | bytes, run: Run) -> None:
    custom: Any = type("Custom", (cls,), {"render": lambda self, content: rendered})
    messages = run(custom(object()))
    assert body_of(messages) == "<é>".encode()
    assert (b"content-length", b"4") in start_of(messages)["headers"]


@each_class
def test_init_headers_overridden(cls: type[rejoinder.Response], run: Run) -> None:
    def init_headers(self: rejoinder.Response, headers: Any = None) -> None:
        cls.init_headers(self, headers)
        self.headers["x-size"] = str(len(self.body))

    custom: Any = type("Custom", (cls,), {"init_headers": init_headers})
    response = custom(ARGUMENTS[cls])
    assert (b"x-size", b"%d" % len(response.body)) in start_of(run(response))["headers"]


@each_stream
def test_init_headers_of_a_stream_overridden(cls: type[rejoinder.StreamingResponse], run: Run) -> None:
    def init_headers(self: rejoinder.StreamingResponse, headers: Any = None) -> None:
        cls.init_headers(self, headers)
        self.headers["x-a"] = str(self.status_code)

    custom: Any = type("Custom", (cls,), {"init_headers": init_headers})
    assert (b"x-a", b"200") in start_of(run(custom(STREAMS[cls])))["headers"]


class OwnInit(rejoinder.Response):
    media_type = "text/plain"

    def __init__(self, body: Any, headers: dict[str, str] | None) -> None:
        self.status_code = 202
        if body is not None:
            self.body = body
        self.init_headers(headers)


@pytest.mark.parametrize("headers", [None, {"x-a": "1"}], ids=["no headers", "headers"])
def test_own_init(headers: dict[str, str] | None, run: Run) -> None:
    messages = run(OwnInit(b"abc", headers))
    implied = [(b"content-length", b"3"), (b"content-type", b"text/plain; charset=utf-8")]
    assert start_of(messages)["status"] == 202
    assert start_of(messages)["headers"] == ([(b"x-a", b"1")] if headers else []) + implied
    assert body_of(messages) == b"abc"


@pytest.mark.parametrize("headers", [None, {"x-a": "1"}], ids=["no headers", "headers"])
def test_own_init_without_body_fails_before_anything_is_sent(headers: dict[str, str] | None, run: Run) -> None:
    messages: list[Message] = []
    with pytest.raises(AttributeError, match="body"):
        run(OwnInit(None, headers), into=messages)
    assert messages == []


# 5 and 6. Below middleware, which reads and replaces `body_iterator`; both event loops; every ASGI version.


@each_stream
def test_body_iterator(cls: type[rejoinder.StreamingResponse], run: Run, backend: str) -> None:
    response = cls(STREAMS[cls])
    old = response.body_iterator

    async def replaced() -> Any:
        async for chunk in old:
            yield b"<" + (chunk.encode() if isinstance(chunk, str) else bytes(chunk)) + b">"

    response.body_iterator = replaced()
    body = body_of(run(response, backend=backend))
    assert body.startswith(b"<")
    assert body.replace(b"<", b"").replace(b">", b"") == OCTETS[cls]


@each_of_all
def test_body_iterator_below_middleware(cls: type[rejoinder.Response], run: Run, backend: str) -> None:
    response = cls(CONTENTS[cls])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    async def dispatch(request: Any, call_next: Any) -> Any:
        answer = await call_next(request)
        content = b"".join([chunk async for chunk in answer.body_iterator])
        del answer.headers["content-length"]

        async def replaced() -> Any:
            yield b"<" + content + b">"

        answer.body_iterator = replaced()
        return answer

    messages = run(BaseHTTPMiddleware(app, dispatch), backend=backend)
    assert start_of(messages)["status"] == response.status_code
    assert body_of(messages) == b"<" + OCTETS[cls] + b">"


@pytest.mark.parametrize("asgi", [{}, *({"spec_version": version} for version in SPEC_VERSIONS)], ids=str)
@each_of_all
def test_every_asgi_version(cls: type[rejoinder.Response], asgi: dict[str, str], run: Run, backend: str) -> None:
    response = cls(CONTENTS[cls])
    messages = run(response, {"asgi": {"version": "3.0", **asgi}}, backend=backend)
    start = {"type": "http.response.start", "status": response.status_code, "headers": cls(CONTENTS[cls]).raw_headers}
    if cls in STREAMS:  # which may be cut anywhere
        last = {"type": "http.response.body", "body": messages[-1]["body"], "more_body": False}
        assert (messages[0], body_of(messages), messages[-1]) == (start, OCTETS[cls], last)
    else:
        assert messages == [start, {"type": "http.response.body", "body": OCTETS[cls]}]


# 7. As a WebSocket denial when the extension is offered; otherwise the socket is closed, not answered.


@each_of_all
def test_websocket(cls: type[rejoinder.Response], run: Run, backend: str) -> None:
    response = cls(CONTENTS[cls])
    denied = run(response, {"type": "websocket", "extensions": {"websocket.http.response": {}}}, backend=backend)
    head, *contents = [message["type"] for message in denied]  # one, unless a stream's turn was over meanwhile
    assert (head, {*contents}) == ("websocket.http.response.start", {"websocket.http.response.body"})
    assert start_of(denied)["headers"] == response.raw_headers
    assert body_of(denied) == OCTETS[cls]
    extensions: dict[str, Any]
    for extensions in ({}, {"extensions": {}}, {"extensions": None}):
        (closed,) = run(response, {"type": "websocket", **extensions}, backend=backend)
        assert closed["type"] == "websocket.close"


# Sending never changes the response: twice, at once, by GET and HEAD, below middleware that edits what it is sent.


@pytest.mark.parametrize("headers", [None, {"x-a": "1"}], ids=["no headers", "headers"])
@each_of_all
def test_called_twice_at_once(cls: type[rejoinder.Response], headers: dict[str, str] | None, backend: str) -> None:
    response = cls(CONTENTS[cls], headers=headers)
    expected = list(cls(CONTENTS[cls], headers=headers).raw_headers)
    seen: list[tuple[str, list[Any], bytes]] = []

    async def receive() -> Message:
        assert cls in STREAMS
        await anyio.sleep_forever()
        raise AssertionError

    async def call(method: str) -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append({**message, "headers": list(message.get("headers", ()))})
            if "headers" in message:
                message["headers"].append((b"x-middleware", method.encode()))
            await anyio.lowlevel.checkpoint()
            message.get("headers", []).clear()

        await response({"type": "http", "method": method, "headers": []}, receive, send)
        seen.append((method, sent[0]["headers"], body_of(sent)))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for method in ("GET", "HEAD", "GET", "HEAD"):
                group.start_soon(call, method)

    anyio.run(main, backend=backend)
    content = {"GET": OCTETS[cls], "HEAD": b""}
    assert sorted(method for method, _, _ in seen) == ["GET", "GET", "HEAD", "HEAD"]
    for method, fields, body in seen:
        assert (fields, body) == (expected, content[method])
    assert response.raw_headers == expected
