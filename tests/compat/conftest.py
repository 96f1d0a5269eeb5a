"""What the compatibility tests share: a server for one response, and the comparison of two implementations."""

import time
from collections.abc import Callable, MutableMapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

import rejoinder.responses

Message = MutableMapping[str, Any]
Row = tuple[Any, ...]

HTTP = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [],
}


def run(
    app: ASGIApp, more: dict[str, Any] | None = None, *, backend: str = "asyncio", into: list[Message] | None = None
) -> list[Message]:
    """The messages that `app` sends to a GET, or as `more` of a scope says; `into` has those sent before an exception."""
    sent: list[Message] = [] if into is None else into

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append({**message})

    async def main() -> None:
        with anyio.fail_after(10):
            await app({**HTTP, **(more or {})}, receive, send)

    anyio.run(main, backend=backend)
    return sent


def observe(make: Callable[[Any], ASGIApp], module: Any) -> tuple[list[Message], type[Exception] | None, type | None]:
    """What there is to see: the messages, the exception that ended it, the type of the content."""
    messages: list[Message] = []
    error = None
    try:
        run(make(module), into=messages)
    except Exception as raised:
        error = type(raised)
    return messages, error, type(messages[-1].get("body")) if messages else None


def compare(row: Row) -> None:
    fastapi_responses = pytest.importorskip("fastapi.responses")
    _, make, *divergences = row
    for _ in range(10):  # some cookies tell the time: both have to be made in the same second
        second = int(time.time())
        theirs, ours = (observe(make, module) for module in (fastapi_responses, rejoinder.responses))
        if int(time.time()) == second:
            break
    if not divergences:
        assert ours == theirs
    elif not all(name.endswith("?") for name in divergences):
        assert ours != theirs, f"the same, and yet listed as {divergences}"


@pytest.fixture(scope="session", name="compare")
def _compare() -> Callable[[Row], None]:
    return compare


@pytest.fixture(scope="session", name="run")
def _run() -> Callable[..., list[Message]]:
    return run


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `row` gets each of its module's ROWS, which begin with their names."""
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", metafunc.module.ROWS, ids=[row[0] for row in metafunc.module.ROWS])


async def send_leveled(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, without: bytes = b"") -> None:
    """The answer in two messages, its fields sorted, one of them left out; an entity tag is each one's own, and left empty."""
    start: Message = {}
    content = b""

    async def collect(message: Message) -> None:
        nonlocal content
        start.update(message if "status" in message else {})
        content += message.get("body", b"")

    try:
        await app(scope, receive, collect)
    finally:
        if start:
            fields = [(name, b"" if name == b"etag" else value) for name, value in start["headers"] if name != without]
            await send({**start, "headers": sorted(fields)})
            await send({"type": "http.response.body", "body": content})
