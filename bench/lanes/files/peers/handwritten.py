"""The line that nothing in Python can pass: open, fstat and preadv without leaving the loop, and not a check too many.

It does what a file server has to and nothing of what makes one safe: no root, no second thought about the name, no
care for a file that changes. A read that would have to wait for the disk is done in a thread.
"""

from __future__ import annotations

import asyncio
import os
from email.utils import formatdate
from typing import TYPE_CHECKING

from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send

_CHUNK = 64 * 1024


def _app(directory: str) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        descriptor = os.open(directory + scope["path"], os.O_RDONLY | os.O_CLOEXEC)
        try:
            await _answer(descriptor, scope, send)
        finally:
            os.close(descriptor)

    return app


async def _answer(descriptor: int, scope: Scope, send: Send) -> None:
    facts = os.fstat(descriptor)
    etag = b'"%x-%x"' % (facts.st_mtime_ns, facts.st_size)
    request = dict(scope["headers"])
    status, start, stop = 200, 0, facts.st_size
    headers = [(b"etag", etag), (b"last-modified", formatdate(facts.st_mtime, usegmt=True).encode())]
    if request.get(b"if-none-match") == etag:
        status, stop = 304, 0
    elif b"range" in request:
        first, _, last = request[b"range"].removeprefix(b"bytes=").partition(b"-")
        status, start, stop = 206, int(first), int(last) + 1
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, facts.st_size)))
    if status != 304:
        headers += (
            (b"content-type", b"application/octet-stream"),
            (b"content-length", b"%d" % (stop - start)),
            (b"accept-ranges", b"bytes"),
        )
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        stop = start
    await _send(descriptor, start, stop, send)


async def _send(descriptor: int, start: int, stop: int, send: Send) -> None:
    buffer = memoryview(bytearray(min(_CHUNK, stop - start)))
    while start < stop:
        part = buffer[: stop - start]
        try:
            count = os.preadv(descriptor, [part], start, os.RWF_NOWAIT)
        except BlockingIOError:
            count = await asyncio.to_thread(os.preadv, descriptor, [part], start)
        start += count
        await send({"type": "http.response.body", "body": bytes(part[:count]), "more_body": start < stop})
    if not buffer:
        await send({"type": "http.response.body", "body": b""})


PEER = FilePeer(
    name="handwritten",
    label="hand-written",
    note="a bare ASGI function: `open`, `fstat`, `preadv(RWF_NOWAIT)`, and nothing that makes a file server safe",
    distributions=(),
    app=_app,
    servers=frozenset({UVICORN}),
)
