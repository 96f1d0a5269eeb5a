"""Requests out of any octets: a line with method and target, then the lines of a header section; and their answers."""

import re
from collections.abc import Collection
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from rejoinder.testing import Answer, Exchange, run

Fields = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    method: str
    target: bytes
    fields: Fields


def read_request(data: bytes) -> Request:
    """What a server, however lenient, could make of it."""
    first, *lines = data.split(b"\n")
    method, _, target = first.partition(b" ")
    return Request(method.decode("latin-1").upper() or "GET", target, read_fields(lines))


def read_fields(lines: list[bytes]) -> Fields:
    pairs = (line.partition(b":") for line in lines)
    return [(name.strip().lower(), value.strip()) for name, colon, value in pairs if colon]


def check_coding(request: Request, answer: Answer) -> None:
    """No coding but one that the client has named, and others are told that there was a choice."""
    if (coding := answer.headers.get("content-encoding")) is not None:
        assert coding == "gzip"
        assert re.search(rb"gzip|\*", b",".join(value for _, value in request.fields), re.IGNORECASE)
        assert "accept-encoding" in (answer.headers.get("vary") or "")


async def fetch(app: Any, request: Request, content: bytes = b"", extensions: Collection[str] = ()) -> Answer:
    """The answer; AssertionError where it breaks a rule of ASGI or of HTTP's framing: see `rejoinder.testing`."""
    path, _, query = request.target.partition(b"?")
    exchange = Exchange(app, request.method, headers=request.fields, query=query, body=content, extensions=extensions)
    exchange.scope.update(path=unquote_to_bytes(path).decode(errors="replace"), raw_path=path)
    async with exchange:
        body = await exchange.body()
    return Answer(exchange.messages, body, exchange.complete)


def ask(app: Any, request: Request, content: bytes = b"", extensions: Collection[str] = ()) -> Answer:
    return run(fetch, app, request, content, extensions)
