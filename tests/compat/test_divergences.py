"""The divergences that no recorded message shows, one test each, named by its id; and the list, held to all its tests."""

import asyncio
import contextlib
import inspect
import os
import re
import runpy
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import anyio
import pytest
import starlette.staticfiles
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.requests import Request
from starlette.types import Message

import rejoinder
import rejoinder.testing

fastapi = pytest.importorskip("fastapi")

HERE = Path(__file__)
DOCS = HERE.parents[2] / "docs/divergences.md"
LINE = re.compile(r"^\| `([\w-]+)` \|(?:[^|\n]*\|){3} \[\w+\]\(\.\./tests/compat/([\w.]+)\) \|$", re.MULTILINE)
HTTP = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": "/", "headers": []}

Send = Callable[[Message], Any]


def call(response: Any, send: Send) -> None:
    anyio.run(response, HTTP, anyio.sleep_forever, send)


async def keep(message: Message) -> None:
    """A server that is content with everything."""


async def gone(message: Message) -> None:
    raise BrokenPipeError


def of_both(name: str) -> tuple[Any, Any]:
    return getattr(fastapi.responses, name), getattr(rejoinder, name)


def test_properties() -> None:
    theirs, ours = (cls("x") for cls in of_both("Response"))
    assert theirs.headers is theirs.headers
    assert ours.headers is not ours.headers
    assert {"body", "raw_headers"} <= vars(theirs).keys()
    assert {"body", "raw_headers"}.isdisjoint(vars(ours))
    for response in (theirs, ours):
        assert response.headers["content-length"] == "1"
        response.raw_headers = [(b"a", b"b")]
    assert "a" not in theirs.headers  # the view of the list that was
    assert ours.headers["a"] == "b"


def test_private() -> None:
    theirs, ours = of_both("Response")
    assert hasattr(theirs, "_wrap_websocket_denial_send")
    assert not hasattr(ours("x"), "_wrap_websocket_denial_send")


@pytest.mark.parametrize(("of", "same"), [(0, True), (1, False)], ids=["Starlette", "rejoinder"])
def test_context(of: int, same: bool) -> None:
    tasks: list[Any] = []
    variable: ContextVar[str] = ContextVar("variable", default="before")

    async def note() -> None:
        tasks.append(asyncio.current_task())
        variable.set("by the task")

    async def main() -> str:
        await of_both("Response")[of](background=BackgroundTask(note))(HTTP, anyio.sleep_forever, keep)
        tasks.append(asyncio.current_task())
        return variable.get()

    shared = same or sys.version_info >= (3, 12)
    assert anyio.run(main) == ("by the task" if shared else "before")
    assert (tasks[0] is tasks[1]) is same


@pytest.mark.parametrize(("of", "called"), [(0, True), (1, False)], ids=["Starlette", "rejoinder"])
def test_mixins(of: int, called: bool) -> None:
    calls = []

    class Mixin(of_both("Response")[of]):  # type: ignore[misc]
        def __init__(self, *args: Any, **given: Any) -> None:
            calls.append(args)
            super().__init__(*args, **given)

    type("Mixed", (of_both("JSONResponse")[of], Mixin), {})({})
    assert bool(calls) is called


def test_copies() -> None:
    edited, kept = [(b"x-b", b"2")], [(b"x-a", b"1"), (b"content-length", b"1")]
    for cls, left in zip(of_both("Response"), (edited, kept), strict=True):
        response = cls("x", headers={"x-a": "1"})

        async def middleware(message: Message) -> None:
            if "headers" in message:
                message["headers"][:] = [(b"x-b", b"2")]

        call(response, middleware)
        assert response.raw_headers == left


@pytest.mark.parametrize("options", [{}, {"background": BackgroundTask(print)}], ids=["short way", "long way"])
def test_disconnect(options: dict[str, Any]) -> None:
    theirs, ours = of_both("Response")
    with pytest.raises(BrokenPipeError):
        call(theirs("x", **options), gone)
    call(ours("x", **options), gone)


async def explode(message: Message) -> None:
    raise LookupError


async def hang(message: Message) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize(("send", "error"), [(gone, BrokenPipeError), (explode, LookupError), (hang, TimeoutError)])
def test_background(send: Send, error: type[Exception]) -> None:
    async def main(response: Any) -> None:
        with anyio.fail_after(0):  # already over: what awaits is cancelled
            await response(HTTP, anyio.sleep_forever, send)

    for cls, runs in zip(of_both("Response"), ([], [1]), strict=True):
        ran: list[int] = []
        with contextlib.suppress(error):
            anyio.run(main, cls("x", background=BackgroundTask(ran.append, 1)))
        assert ran == runs


def test_isolation(caplog: pytest.LogCaptureFixture) -> None:
    for cls, runs in zip(of_both("Response"), (["first"], ["first", "third"]), strict=True):
        ran: list[str] = []
        tasks = BackgroundTasks()
        tasks.add_task(ran.append, "first")
        tasks.add_task(divmod, 1, 0)
        tasks.add_task(ran.append, "third")
        with pytest.raises(ZeroDivisionError):
            call(cls("x", background=tasks), keep)
        assert ran == runs
    assert [record.name for record in caplog.records] == ["rejoinder"]


@pytest.mark.parametrize("name", ["ORJSONResponse", "UJSONResponse"])
def test_deprecated(name: str) -> None:
    theirs, ours = of_both(name)
    with pytest.warns(Warning, match=f"{name} is deprecated"):
        assert theirs([]).body == b"[]"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ours([]).body == b"[]"


@pytest.mark.parametrize("name", ["ORJSONResponse", "UJSONResponse"])
def test_ancestry(name: str) -> None:
    theirs, ours = of_both(name)
    assert not issubclass(ours, theirs)
    assert issubclass(ours, fastapi.responses.JSONResponse)
    assert not isinstance(fastapi.responses.HTMLResponse(), rejoinder.Response)
    assert isinstance(rejoinder.HTMLResponse(), fastapi.responses.HTMLResponse)


@pytest.mark.filterwarnings("ignore:.*JSONResponse is deprecated")
@pytest.mark.parametrize("engine", ["orjson", "ujson"])
def test_engines(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi.responses, engine, None)
    monkeypatch.setitem(sys.modules, engine, None)
    monkeypatch.delitem(sys.modules, f"rejoinder._encode.{engine}", raising=False)
    monkeypatch.delattr(f"rejoinder._encode.{engine}", raising=False)
    theirs, ours = of_both(f"{engine.upper()}Response")
    with pytest.raises(AssertionError):
        theirs([])
    with pytest.raises(ImportError, match=re.escape(f'pip install "rejoinder[{engine}]"')):
        ours([])


def test_injected() -> None:
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()

    def endpoint(response: rejoinder.Response) -> str:
        return f"{type(response).__module__}.{type(response).__name__}"

    app.get("/")(endpoint)
    assert TestClient(app).get("/").json() == "starlette.responses.Response"


async def request(response: Any, scope: dict[str, Any], at_body: Callable[[], object] = lambda: None) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            at_body()

    await response({**HTTP, **scope}, receive, send)
    return sent


def test_file_changed(tmp_path: Path) -> None:
    for cls, error in zip(of_both("FileResponse"), (None, rejoinder.FileChangedError), strict=True):
        file = tmp_path / "a"
        file.write_bytes(bytes(500_000))
        with pytest.raises(error) if error else contextlib.nullcontext():
            messages = anyio.run(request, cls(file), {}, lambda file=file: os.truncate(file, 300_000))
            assert messages[-1]["more_body"] is False  # 300,000 octets of 500,000, and that is all


def test_file_again(tmp_path: Path) -> None:
    for cls, same in zip(of_both("FileResponse"), (False, True), strict=True):
        file = tmp_path / "a"
        file.write_bytes(b"a")
        response = cls(file)
        before = list(response.raw_headers)
        anyio.run(request, response, {})
        assert (response.raw_headers == before) is same
        file.write_bytes(b"abc")
        length = dict(anyio.run(request, response, {})[0]["headers"])[b"content-length"]
        assert length == (b"3" if same else b"1")


def test_file_path_send(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    for cls, kind in zip(of_both("FileResponse"), ("pathsend", "body"), strict=True):
        messages = anyio.run(request, cls(tmp_path / "a"), {"extensions": {"http.response.pathsend": {}}})
        assert messages[1]["type"] == f"http.response.{kind}"


STATIC = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": f"/{HERE.name}", "headers": []}


LATER = b"Sun, 06 Nov 2094 08:49:37 GMT"


def of_both_static() -> tuple[Any, Any]:
    return starlette.staticfiles.StaticFiles, rejoinder.StaticFiles


def found(app: Any, **request: bytes) -> Any:
    """What `get_response` gives for this file."""
    fields = [(name.replace("_", "-").encode(), value) for name, value in request.items()]
    return anyio.run(app.get_response, HERE.name, {**STATIC, "headers": fields})


def test_file_messages(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(512 * 1024))
    for cls, size in zip(of_both("FileResponse"), (64 * 1024, 128 * 1024), strict=True):
        sent = rejoinder.testing.run(rejoinder.testing.fetch, cls(tmp_path / "a")).messages
        assert {len(message["body"]) for message in sent[1:] if message["body"]} == {size}


def test_static_nosniff() -> None:
    theirs, ours = (found(cls(directory=HERE.parent)).headers for cls in of_both_static())
    assert "x-content-type-options" not in theirs
    assert ours["x-content-type-options"] == "nosniff"


def test_static_not_modified() -> None:
    theirs, ours = (found(cls(directory=HERE.parent), if_modified_since=LATER) for cls in of_both_static())
    assert (theirs.status_code, ours.status_code) == (304, 200)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(ours, {**STATIC, "headers": [(b"if-modified-since", LATER)]}, anyio.sleep_forever, send)
    assert sent[0]["status"] == 304


def test_static_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(HERE.parent)
    paths = []
    for cls in of_both_static():

        class Noting(cls):  # type: ignore[misc, valid-type]
            def file_response(self, full_path: Any, *arguments: Any) -> Any:
                paths.append(full_path)
                return super().file_response(full_path, *arguments)

        found(Noting(directory=tmp_path / "link"))
    assert paths == [str(HERE), str(tmp_path / "link" / HERE.name)]


@pytest.mark.parametrize(("of", "pings"), [(0, 0), (1, 6)], ids=["FastAPI", "rejoinder"])
def test_events_ping(of: int, pings: int) -> None:
    async def source() -> AsyncIterator[bytes]:
        await anyio.sleep(100)
        yield b"data: a\n\n"

    async def main() -> bytes:
        return (await rejoinder.testing.fetch(of_both("EventSourceResponse")[of](source()), patience=200)).body

    assert rejoinder.testing.run(main) == b": ping\n\n" * pings + b"data: a\n\n"


def test_stream_closed() -> None:
    for cls, state in zip(of_both("StreamingResponse"), (inspect.GEN_SUSPENDED, inspect.GEN_CLOSED), strict=True):
        source = (chunk for chunk in [b"a" * 70_000, b"b"])

        async def fail_later(message: Message) -> None:
            if message.get("body"):
                raise LookupError

        with pytest.raises(LookupError):
            anyio.run(
                cls(source),
                {**HTTP, "asgi": {"version": "3.0", "spec_version": "2.4"}},
                anyio.sleep_forever,
                fail_later,
            )
        assert inspect.getgeneratorstate(source) == state


def test_stream_request() -> None:
    async def content_of(cls: Any) -> bytes:
        sent: list[bytes] = []
        scope = {**HTTP, "method": "POST", "asgi": {"version": "3.0", "spec_version": "2.4"}}
        sender, receiver = anyio.create_memory_object_stream[Message](3)

        async def send(message: Message) -> None:
            sent.append(message.get("body", b""))

        async with sender, receiver, anyio.create_task_group() as group:
            group.start_soon(cls(Request(scope, receiver.receive).stream()), scope, receiver.receive, send)
            for body in (b"a", b"b", b"c"):
                await anyio.wait_all_tasks_blocked()
                sender.send_nowait({"type": "http.request", "body": body, "more_body": body != b"c"})
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        return b"".join(sent)

    theirs, ours = of_both("StreamingResponse")
    assert anyio.run(content_of, theirs) == b"abc"
    assert anyio.run(content_of, ours) == b"ac"


def listed() -> dict[str, str]:
    return dict(LINE.findall(DOCS.read_text("utf-8")))


def shown() -> Iterator[tuple[str, str]]:
    for file in HERE.parent.glob("test_differential_*.py"):
        for row in runpy.run_path(str(file))["ROWS"]:
            yield from ((name.removesuffix("?"), file.name) for name in row[2:])
    for name in globals():
        if name.startswith("test_") and not name.startswith("test_the_"):
            yield name.removeprefix("test_").replace("_", "-"), HERE.name


def test_the_list_is_what_the_tests_show() -> None:
    assert listed().keys() == dict(shown()).keys()
    assert set(listed().items()) <= set(shown())


def test_the_list_has_no_other_lines() -> None:
    text = DOCS.read_text("utf-8")
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(listed())


@pytest.mark.parametrize("file", sorted(HERE.parent.glob("test_differential_*.py")), ids=lambda file: file.stem)
def test_the_rows_have_names_of_their_own(file: Path) -> None:
    names = [row[0] for row in runpy.run_path(str(file))["ROWS"]]
    assert sorted(set(names)) == sorted(names)
