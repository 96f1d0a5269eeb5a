"""Content that is built when it is sent, and only if it is asked for."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import msgspec
import pytest
import starlette.responses
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

import rejoinder
from rejoinder import HTMLResponse, JSONResponse, Outcome, PlainTextResponse, Response
from rejoinder.testing import Answer, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks")

THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
DATE = "Fri, 17 May 2024 12:00:00 GMT"


def get(response: Any, method: str = "GET", backend: str = "asyncio", **fields: str) -> Answer:
    headers = {name.replace("_", "-"): fields[name] for name in fields}
    return run(lambda: fetch(response, method, headers=headers), backend=backend)


class Built:
    """Content, and how often it was built."""

    def __init__(self, content: object = "abc") -> None:
        self.content = content
        self.times = 0

    def __call__(self) -> object:
        self.times += 1
        return self.content


def anything(value: object) -> Any:
    """What no type checker holds against what is expected."""
    return value


async def told_async() -> str:
    await anyio.sleep(0)
    return "v1"


class Version:
    async def __call__(self) -> str:
        return "v1"


async def tell(tag: str) -> str:
    return tag


ETAGS: dict[str, Any] = {
    "text": "v1",
    "function": lambda: "v1",
    "async function": told_async,
    "lambda of an async function": lambda: tell("v1"),
    "partial": partial(tell, "v1"),
    "object": Version(),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("etag", ETAGS.values(), ids=ETAGS)
def test_etag(etag: Any, backend: str) -> None:
    build = Built()
    response = PlainTextResponse.lazy(build, etag=etag)
    whole = get(response, backend=backend)
    assert (whole.status, whole.body, build.times) == (200, b"abc", 1)
    assert whole.headers.get("etag") == '"v1"'
    assert whole.headers.get("content-length") == "3"
    assert whole.headers.get("content-type") == "text/plain; charset=utf-8"
    same = get(response, backend=backend, if_none_match='"v1"')
    assert (same.status, same.body, same.headers.get("etag"), build.times) == (304, b"", '"v1"', 1)


@pytest.mark.parametrize(
    ("method", "fields", "status", "times"),
    [
        pytest.param("GET", {}, 200, 1, id="no condition"),
        pytest.param("GET", {"if_none_match": '"v2", W/"v1"'}, 304, 0, id="the same"),
        pytest.param("GET", {"if_none_match": '"v2"'}, 200, 1, id="another"),
        pytest.param("GET", {"if_none_match": "*"}, 304, 0, id="any"),
        pytest.param("GET", {"if_match": '"v2"'}, 412, 0, id="If-Match of another"),
        pytest.param("GET", {"if_match": '"v1"'}, 200, 1, id="If-Match"),
        pytest.param("GET", {"if_modified_since": DATE}, 304, 0, id="not since"),
        pytest.param("GET", {"if_modified_since": "Fri, 17 May 2024 11:59:59 GMT"}, 200, 1, id="since"),
        pytest.param("GET", {"if_unmodified_since": "Fri, 17 May 2024 11:59:59 GMT"}, 412, 0, id="If-Unmodified-Since"),
        pytest.param("GET", {"range": "bytes=0-0"}, 200, 1, id="Range"),
        pytest.param("HEAD", {}, 200, 0, id="HEAD"),
        pytest.param("HEAD", {"if_none_match": '"v1"'}, 304, 0, id="HEAD of the same"),
        pytest.param("POST", {"if_none_match": '"v1"'}, 200, 1, id="POST"),
        pytest.param("GET", {"if_none_match": "nonsense"}, 200, 1, id="nonsense"),
    ],
)
def test_it_is_built_only_if_it_is_asked_for(method: str, fields: Any, status: int, times: int) -> None:
    build, outcomes = Built({"a": 1}), list[Outcome]()
    response = JSONResponse.lazy(
        build, etag=lambda: "v1", last_modified=lambda: THEN, headers={"x-a": "1"}, on_finish=outcomes.append
    )
    before = list(response.raw_headers)
    answer = get(response, method, **fields)
    assert (answer.status, build.times, outcomes[0].status) == (status, times, status)
    assert answer.body == (b'{"a":1}' if times else b"")
    assert answer.headers.get("x-a") == "1"
    assert answer.headers.get("content-length") == {304: None, 412: "0"}.get(status, "7" if times else None)
    assert (answer.headers.get("content-type") == "application/json") is (status == 200)
    assert (answer.headers.get("etag") == '"v1"') is (status != 412)
    assert response.raw_headers == before


def test_it_is_built_for_each_request() -> None:
    build = Built()
    response = Response.lazy(build)
    assert [get(response).body for _ in range(3)] == [b"abc"] * 3
    assert build.times == 3


@pytest.mark.parametrize("cls", [Response, HTMLResponse, PlainTextResponse, JSONResponse, rejoinder.ORJSONResponse])
def test_it_is_of_its_class(cls: type[Response]) -> None:
    response = cls.lazy(lambda: "abc")
    assert type(response) is cls
    assert isinstance(response, starlette.responses.Response)
    assert "render" not in vars(response)
    eager = cls("abc")
    assert get(response).messages == get(eager).messages or sorted(get(response).headers) == sorted(get(eager).headers)
    with pytest.raises(AttributeError, match="body"):
        _ = response.body


class PackResponse(Response):
    media_type = "application/msgpack"

    def __init__(self, content: object, *arguments: Any, **options: Any) -> None:
        super().__init__(content, *arguments, **options)
        self.headers["x-packed"] = "yes"

    def render(self, content: Any) -> bytes:
        return msgspec.msgpack.encode(content["all"])


class LoudResponse(Response):
    def render(self, content: Any) -> Any:
        return content.upper()


def test_a_class_of_your_own_is_honoured() -> None:
    answer = get(PackResponse.lazy(lambda: {"all": [1]}, headers={"X-A": "1"}))
    assert answer.body == b"\x91\x01"
    assert [answer.headers.get(name) for name in ("x-packed", "x-a", "content-length")] == ["yes", "1", "2"]
    assert get(LoudResponse.lazy(lambda: "abc")).body == b"ABC"


def test_json_takes_its_own_arguments() -> None:
    assert get(JSONResponse.lazy(lambda: [object()], default=lambda one: 3)).body == b"[3]"
    answer = JSONResponse.lazy(lambda: [float("nan")], nan="error")
    with pytest.raises(ValueError, match="nan"):
        get(answer)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_is_not_async_runs_in_a_thread(backend: str) -> None:
    threads: list[threading.Thread] = []

    def build() -> str:
        threads.append(threading.current_thread())
        return "abc"

    async def build_async() -> str:
        return build()

    for one in (build, build_async):
        assert get(Response.lazy(one), backend=backend).body == b"abc"
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


@pytest.mark.parametrize(
    ("which", "error"),
    [
        pytest.param("build", HTTPException(404), id="build"),
        pytest.param("etag", OSError("no database"), id="etag"),
        pytest.param("last_modified", KeyError("a"), id="last_modified"),
    ],
)
def test_an_error_is_an_error(which: str, error: Exception) -> None:
    def fail() -> Any:
        raise error

    ran: list[Any] = []
    arguments: dict[str, Any] = {"build": lambda: "abc", which: fail}
    response = Response.lazy(**arguments, background=BackgroundTask(ran.append, 1), on_finish=ran.append)
    messages: list[Any] = []

    async def main() -> None:
        async def send(message: Any) -> None:
            messages.append(message)

        await response({"type": "http", "method": "GET", "headers": []}, anyio.sleep_forever, send)  # type: ignore[arg-type]

    with pytest.raises(type(error)):
        run(main)
    assert messages == []
    assert [type(one) for one in ran] == [Outcome, int]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        pytest.param(lambda: Response.lazy(anything("abc")), TypeError, "build must be a function", id="no function"),
        pytest.param(lambda: Response.lazy(lambda: "", etag=anything(True)), ValueError, "not there yet", id="hash"),
        pytest.param(lambda: Response.lazy(lambda: "", etag="a b"), ValueError, "etag", id="no tag"),
        pytest.param(lambda: Response.lazy(lambda: "", 99), ValueError, "status_code", id="status"),
        pytest.param(lambda: Response.lazy(lambda: "", headers={"a b": ""}), ValueError, "token", id="header"),
        pytest.param(lambda: anything(Response).lazy(lambda: "", tag="a"), TypeError, "unexpected", id="option"),
        pytest.param(lambda: rejoinder.RedirectResponse.lazy(lambda: "/a"), TypeError, "could be built", id="redirect"),
        pytest.param(lambda: rejoinder.FileResponse.lazy(lambda: "/a"), TypeError, "could be built", id="file"),
        pytest.param(lambda: rejoinder.StreamingResponse.lazy(lambda: "/a"), TypeError, "could be built", id="stream"),
        pytest.param(lambda: rejoinder.ProblemResponse.lazy(lambda: "/a"), TypeError, "could be built", id="problem"),
    ],
)
def test_mistakes(make: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("etag", ["a b", 3, True])
def test_a_function_that_returns_no_entity_tag(etag: Any) -> None:
    with pytest.raises(ValueError, match="entity tag"):
        get(Response.lazy(lambda: "abc", etag=lambda: etag))


def test_a_function_may_know_no_validator() -> None:
    answer = get(Response.lazy(lambda: "abc", etag=lambda: None, last_modified=lambda: None), if_none_match="*")
    assert (answer.status, answer.headers.get("etag"), answer.headers.get("last-modified")) == (200, None, None)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_needs_none(status: int) -> None:
    build = Built()
    answer = get(Response.lazy(build, status, media_type="text/plain"))
    assert (answer.status, answer.body, build.times) == (status, b"", 0)
    assert answer.headers.get("content-type") is None


def test_the_length_of_a_user_is_held_against_the_content() -> None:
    answer = get(Response.lazy(lambda: "abc", headers={"content-length": "5"}))
    assert answer.headers.get_all("content-length") == ["3"]


def test_headers_and_cookies_of_later() -> None:
    response = JSONResponse.lazy(lambda: 1, etag=lambda: "a")
    response.set_cookie("a", "b")
    response.headers["x-a"] = "1"
    answer = get(response)
    assert (answer.headers.get("set-cookie"), answer.headers.get("x-a")) == ("a=b; Path=/; SameSite=lax", "1")
    response.body = b"2"
    assert get(response).body == b"2"


def test_a_websocket_that_is_denied() -> None:
    response = PlainTextResponse.lazy(lambda: "no", 403)
    answer = run(lambda: fetch(response, type="websocket", extensions=["websocket.http.response"]))
    assert (answer.status, answer.body) == (403, b"no")


def test_a_coroutine_that_nobody_awaits_is_closed() -> None:
    """The client has gone while a thread was about to return it."""
    made, go = threading.Event(), threading.Event()

    def build() -> Any:
        made.set()
        assert go.wait(10)
        return told_async()

    async def main() -> None:
        async def send(message: Any) -> None:
            raise AssertionError

        response = anything(Response.lazy(build))
        sending = asyncio.create_task(response({"type": "http", "method": "GET", "headers": []}, None, send))
        await asyncio.to_thread(made.wait)
        sending.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(main())


def test_a_policy_for_nan_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="nan must be"):
        JSONResponse.lazy(dict, nan="nul")  # type: ignore[arg-type]
