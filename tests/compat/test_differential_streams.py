"""Streams: both send the same, but for what is listed; test_differential_bytes.py explains the rows.

How the content is cut into messages is not compared, but in the row for it.
"""

import io
from collections.abc import Callable
from typing import Any

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def leveled(app: ASGIApp, more: dict[str, Any]) -> ASGIApp:
    """The response with all its content in one message."""

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        try:
            await app({**scope, **more}, receive, collect)
        finally:
            if messages:
                await send(messages[0])
                content = b"".join(bytes(message["body"]) for message in messages[1:])
                more_body = not messages[1:] or messages[-1]["more_body"]
                await send(
                    {"type": messages[0]["type"].replace("start", "body"), "body": content, "more_body": more_body}
                )

    return asgi


async def aitems(*items: Any) -> Any:
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


def items(*given: Any) -> Any:
    for item in given:
        if isinstance(item, Exception):
            raise item
        yield item


class AsyncIterates:
    def __init__(self) -> None:
        self.number = 0

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> str:
        self.number += 1
        if self.number > 3:
            raise StopAsyncIteration
        return str(self.number)


class AsyncIterable:
    def __aiter__(self) -> Any:
        return AsyncIterates()


class Iterable:
    def __iter__(self) -> Any:
        return iter(["1", b"2", "3"])


def stream(make: Callable[[], Any], *arguments: Any, more: Any = None, **options: Any) -> Callable[[Any], Any]:
    return lambda m: leveled(m.StreamingResponse(make(), *arguments, **options), more or {})


def replaced(m: Any) -> ASGIApp:
    response = m.StreamingResponse(items("a", "b"))
    old = response.body_iterator

    async def new() -> Any:
        async for item in old:
            yield f"<{item}>"

    response.body_iterator = new()
    return leveled(response, {})


HEAD = {"method": "HEAD"}
DENIAL = {"type": "websocket", "extensions": {"websocket.http.response": {}}}

ROWS: list[tuple[Any, ...]] = [
    ("async", stream(lambda: aitems("é", b"b", memoryview(b"c")))),
    ("sync", stream(lambda: items("é", b"b", memoryview(b"c")))),
    ("async iterator", stream(AsyncIterates)),
    ("async iterable", stream(AsyncIterable)),
    ("iterable", stream(Iterable)),
    ("iterator", stream(lambda: iter(["1", b"2"]))),
    ("generator expression", stream(lambda: (str(number) for number in range(1000)))),
    (
        "body_iterator of another",
        lambda m: leveled(m.StreamingResponse(m.StreamingResponse(["a", b"b"]).body_iterator), {}),
    ),
    ("a lone surrogate", stream(lambda: aitems("a", "\ud800"))),
    ("list", stream(lambda: ["a", b"b"])),
    ("empty items", stream(lambda: aitems("", b"", "a"))),
    ("nothing", stream(list)),
    ("dict", stream(lambda: {"a": 1, "b": 2})),
    ("positional", stream(lambda: ["a"], 201, {"x-a": "1"}, "text/plain", BackgroundTask(print))),
    ("charset", stream(lambda: ["a"], media_type="text/plain; charset=latin-1")),
    ("media type among the headers", stream(lambda: ["a"], headers={"content-type": "text/x"}, media_type="text/y")),
    ("content-length", stream(lambda: ["abc"], headers={"content-length": "3"})),
    ("BytesIO", stream(lambda: io.BytesIO(b"a\nb\n"))),
    ("denial", stream(lambda: ["a"], 403, more=DENIAL)),
    ("body_iterator", replaced),
    ("error after an item", stream(lambda: aitems("a", LookupError()))),
    ("sync error after an item", stream(lambda: items("a", LookupError()))),
    ("error at once", stream(lambda: aitems(HTTPException(403))), "stream-head"),
    ("sync error at once", stream(lambda: items(HTTPException(403))), "stream-head"),
    ("str", stream(lambda: "abc")),
    ("bytes", stream(lambda: b"abc"), "stream-content"),
    ("bytearray among the items", stream(lambda: aitems(bytearray(b"a"))), "stream-content"),
    ("None", stream(lambda: None), "stream-content"),
    ("object with encode", stream(lambda: [type("Odd", (), {"encode": lambda self, charset: b"a"})()]), "errors"),
    ("HEAD", stream(lambda: aitems("a"), more=HEAD), "head"),
    ("204", stream(lambda: aitems("a"), 204), "no-content"),
    ("304", stream(lambda: aitems("a"), 304, media_type="text/plain"), "no-content"),
    ("header", stream(lambda: ["a"], headers={"x-a": "\r\n"}), "header-characters"),
    ("as it is", lambda m: m.StreamingResponse(aitems("a", "b")), "stream-messages"),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
