"""The ASGI side of a benchmark: a loop to run an app on, a request to hand to it, and the answer that came out of it.

An `Answer` is what a case is checked against before it is timed. It is the same type whether the messages were
collected in process or the bytes came over a socket, so one check serves both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """A response as its receiver sees it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The one value of a header; a header that is missing or repeated is an error."""
        values = [value for key, value in self.headers if key.lower() == name]
        if len(values) != 1:
            raise AssertionError(f"expected exactly one {name} header, got {values!r}")
        return values[0]


def event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's if it is installed, for all peers alike."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def event_loop_name() -> str:
    """Whose loop that is."""
    loop = event_loop()
    loop.close()
    return type(loop).__module__.partition(".")[0]


def request_scope(path: str) -> dict[str, Any]:
    """The scope of a plain GET, with the keys that uvicorn fills in."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "state": {},
    }


async def receive_nothing() -> Message:
    """The `receive` of a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(message: Message) -> None:
    """The `send` of a timed call: it costs the same for everyone and keeps nothing."""


async def collect(app: App, path: str) -> Answer:
    """Call the app once and return its answer; a message out of order is an error."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(request_scope(path), receive_nothing, keep)
    start, *bodies = messages
    if start["type"] != "http.response.start" or not bodies:
        raise AssertionError(f"expected a start and a body, got {[message['type'] for message in messages]}")
    more = [bool(message.get("more_body", False)) for message in bodies]
    if any(message["type"] != "http.response.body" for message in bodies) or more != [True] * (len(more) - 1) + [False]:
        raise AssertionError("the body messages do not end exactly once")
    return Answer(
        status=start["status"],
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]),
        body=b"".join(bytes(message.get("body", b"")) for message in bodies),
    )


def by_path(apps: dict[str, App]) -> App:
    """One app that serves each of `apps` at its path: the least that can stand between a server and a response."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await apps[scope["path"]](scope, receive, send)

    return dispatch
