"""To the wire: the only file that knows the names of ASGI's response messages.

Whatever is sent, two rules hold. The server is told that the content is complete only with the last octet that was
announced: where a source has fewer, the exception goes to the server, which cuts the connection, and the client knows.
And an OSError of `send` says that the client has left (ASGI 2.4); an OSError of a source does not.

Before ASGI 2.4, a server tells of a client that left by `receive` alone, and its `send` then does nothing, or waits for
ever. Content of some length is therefore sent beside a task that listens, and is cancelled by it. But some tell it of
every client, in the midst of their `send` of the last message (hypercorn, which then makes the connection ready for the
next request): so once that has begun, it is given `LAST` seconds.
"""

import errno
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import Any

import anyio
from starlette.types import Message, Receive, Scope, Send

from rejoinder._http.fields import Field
from rejoinder._http.trailers import Trailers
from rejoinder._lifecycle import ClientLeft, Exchange
from rejoinder._plan import Extent, Plan, Slice
from rejoinder._sources import Announced, OpenSource
from rejoinder._sources.local import FileChangedError, OpenFile
from rejoinder._turns import turns

_logger = logging.getLogger("rejoinder")

START = "http.response.start"
BODY = "http.response.body"
TRAILERS = "http.response.trailers"
PATH = "http.response.pathsend"
ZERO_COPY = "http.response.zerocopysend"
# A TimeoutError without an errno is asyncio's.
_NOT_THE_CLIENT = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
_EARLY_HINT = "http.response.early_hint"
_DENIAL_EXTENSION = "websocket.http.response"

_LONG = 1024 * 1024  # octets from which on it is worth a task to notice that nobody takes them any more
_SEND_TELLS = (2, 4)
LAST = 1.0  # seconds for the server to take the last message of a client that has left, or is said to have


async def send_whole(scope: Scope, send: Send, exchange: Exchange, fields: list[Field], body: bytes) -> None:
    """Sends a response that is complete in memory: to a request, or as the denial of a WebSocket.

    Raises:
        ClientLeft: the server said that the client is gone.
    """
    prefix = await _send_start(scope, send, exchange, fields)
    if prefix is not None:
        await _send(send, {"type": prefix + BODY, "body": body})
        exchange.bytes_sent += len(body)


async def send_early_hints(scope: Scope, send: Send, links: tuple[bytes, ...]) -> None:
    """Sends a 103 before the response, where the server offers that.

    Raises:
        ClientLeft: the server said that the client is gone.
    """
    if scope["type"] == "http" and _EARLY_HINT in _extensions(scope):
        await _send(send, {"type": _EARLY_HINT, "links": list(links)})


async def send_plan(
    scope: Scope,
    receive: Receive,
    send: Send,
    exchange: Exchange,
    answer: Plan,
    source: OpenSource | None,
    *,
    portion: int,
    path: str | None = None,
) -> None:
    """Sends what was planned, with the slices read from the source, in messages of `portion` octets at most.

    `path` is where the server may read all of the content by itself.

    Raises:
        ClientLeft: the server said that the client is gone.
        OSError: the source cannot be read, or has less than it said.
    """
    exchange.status = answer.status
    if source is not None and 0 < len(only := _only_slice(answer)) <= portion:
        # What fits into one message is read before the head, so that a failure is a status of its own.
        data = _checked(await source.read(only.start, only.stop), only.start, only.stop)
        if len(data) == len(only):
            await send_whole(scope, send, exchange, answer.headers, data)
            return
        answer = answer._replace(body=(data, Slice(only.start + len(data), only.stop)))
    prefix = await _send_start(scope, send, exchange, answer.headers)
    if prefix is None:
        return
    extensions = {} if prefix else _extensions(scope)
    parts = [part for part in answer.body if part is not Extent.TO_END]  # every source knows its size
    content = _Content(send, exchange, prefix + BODY, source, portion, turns(), sum(map(len, parts)))
    work = partial(content.send, parts, zero_copy=ZERO_COPY in extensions)
    if path is not None and PATH in extensions:
        await _send(send, {"type": PATH, "path": path})
        exchange.bytes_sent += content.left
    elif prefix or content.left <= _LONG or _spec_version(scope) >= _SEND_TELLS:
        await work()
    else:
        await unless_client_leaves(receive, work, lambda: content.left == 0)


@dataclass(slots=True)
class _Content:
    """What is left to be sent of the content that was announced."""

    _send: Send
    _exchange: Exchange
    _kind: str
    _source: OpenSource | None
    _portion: int
    _turn: Callable[[], Awaitable[None]]
    left: int

    async def send(self, parts: list[bytes | Slice], *, zero_copy: bool) -> None:
        """Send the parts; those that are slices as they are read, or by the server where it offers that."""
        source = self._source
        more_body = True
        for part in parts:
            if isinstance(part, bytes):
                more_body = await self._put(part)
            elif part and zero_copy and isinstance(source, OpenFile):
                await self._put_zero_copy(part, source)
            else:
                assert source is not None  # of which else would it be a slice
                more_body = await self._read(part, source)
        if more_body:
            await self._put(b"")

    async def _read(self, part: Slice, source: OpenSource) -> bool:
        if isinstance(source, Announced):
            source.expect(part.start, part.stop)
        position, stop, more_body = part.start, part.stop, True
        while position < stop:
            end = min(position + self._portion, stop)
            data = _checked(await source.read(position, end), position, end)
            position += len(data)
            more_body = await self._put(data)
        return more_body

    async def _put_zero_copy(self, part: Slice, file: OpenFile) -> None:
        """Have the server send a slice from the descriptor; that it was the last is said when it has been checked."""
        readable = FileIO(file.descriptor, closefd=False)
        message = {"type": ZERO_COPY, "file": readable, "offset": part.start, "count": len(part), "more_body": True}
        await _send(self._send, message)
        await file.check_unchanged()
        self._exchange.bytes_sent += len(part)
        self.left -= len(part)

    async def _put(self, data: bytes) -> bool:
        self.left -= len(data)
        more_body = self.left > 0
        try:  # as in `_send`: a call less for each message of a long file
            await self._send({"type": self._kind, "body": data, "more_body": more_body})
        except OSError as error:
            note_client_left(error)
            raise ClientLeft from error
        self._exchange.bytes_sent += len(data)
        if more_body:
            await self._turn()
        return more_body


def _only_slice(answer: Plan) -> Slice:
    """All of the content, if it is one slice; else an empty one."""
    match answer.body:
        case (Slice() as only,):
            return only
        case _:
            return Slice(0, 0)


async def read_slice(source: OpenSource, start: int, stop: int) -> bytes:
    """Some of the octets from `start` to `stop`.

    Raises:
        OSError: the source cannot be read, or has less than it said.
    """
    return _checked(await source.read(start, stop), start, stop)


def _checked(data: bytes, start: int, stop: int) -> bytes:
    """Octets that were announced; the source may give them one by one, but no more of them, and not none."""
    if not 0 < len(data) <= stop - start:
        raise FileChangedError(
            errno.ESTALE, f"octets {start} to {stop} were announced, and the source gave {len(data)} of them"
        )
    return data


class Outlet:
    """Where a stream goes out: content as it comes, of a length that nobody knows.

    Args:
        scope: of the request, or of the WebSocket that is denied.
        send: of the server.
        exchange: is told what was sent.
        fields: the header section.
        has_content: False for HEAD and for a status without content.
        trailers: to follow the content, where the server offers that.
    """

    __slots__ = ("_fields", "_kind", "_scope", "_send", "_trailers", "begun", "exchange", "is_http", "takes_content")

    def __init__(
        self,
        scope: Scope,
        send: Send,
        exchange: Exchange,
        fields: list[Field],
        *,
        has_content: bool,
        trailers: Trailers | None = None,
    ) -> None:
        self.exchange = exchange
        self.is_http = scope["type"] == "http"
        self.takes_content = has_content and (self.is_http or _DENIAL_EXTENSION in _extensions(scope))
        self.begun = False
        self._scope = scope
        self._send = send
        self._fields = fields
        self._kind: str | None = None
        self._trailers = trailers if has_content and self.is_http and TRAILERS in _extensions(scope) else None
        if self._trailers is not None:
            self._fields = [*fields, self._trailers.names()]

    async def put(self, data: bytes, *, more_body: bool) -> None:
        """Send this, after the head if that was not sent yet.

        Raises:
            ClientLeft: the server said that the client is gone.
            Exception: of a function that tells a trailer: before the end, so that the connection is cut.
        """
        trailers, ending = self._trailers, None
        try:
            if not self.begun:
                if self.is_http and trailers is None:
                    await self._send({"type": START, "status": self.exchange.status, "headers": self._fields})
                    self._kind = BODY
                else:
                    prefix = await _send_start(
                        self._scope, self._send, self.exchange, self._fields, trailers=trailers is not None
                    )
                    self._kind = None if prefix is None else prefix + BODY
                del self._fields  # not kept by each idle stream
                self.begun = True
        except OSError as error:
            note_client_left(error)
            raise ClientLeft from error
        if self._kind is not None and (data or not more_body):
            if trailers is not None:
                trailers.feed(data)
                ending = None if more_body else trailers.end()
            try:
                await self._send({"type": self._kind, "body": data, "more_body": more_body})
            except OSError as error:
                note_client_left(error)
                raise ClientLeft from error
            self.exchange.bytes_sent += len(data)
            if ending is not None:
                await _send(self._send, {"type": TRAILERS, "headers": ending, "more_trailers": False})


async def client_leaves(receive: Receive) -> None:
    """Wait until the server tells that the client has left."""
    while not tells_of_leaving(await receive()):
        pass


def tells_of_leaving(message: Message) -> bool:
    """Whether it is the one that says that the client has left."""
    kind: str = message["type"]
    return kind == "http.disconnect"


async def unless_client_leaves(
    receive: Receive, work: Callable[[], Awaitable[None]], at_last: Callable[[], bool]
) -> None:
    """Does the work; stops it, and raises ClientLeft, when the server tells that the client has left.

    `at_last` tells whether the last message is being sent.
    """
    failure: Exception | None = None
    done = False

    async with anyio.create_task_group() as group:

        async def watch() -> None:
            nonlocal failure
            try:
                await client_leaves(receive)
            except Exception as error:  # noqa: BLE001 - raised below; the group would wrap it
                failure = error
            if at_last():
                group.cancel_scope.deadline = anyio.current_time() + LAST
            else:
                group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            await work()
            done = True
        except Exception as error:  # noqa: BLE001
            failure = error
        group.cancel_scope.cancel()
    if failure is not None and not done:
        raise failure
    if not done:
        raise ClientLeft


async def _send_start(
    scope: Scope, send: Send, exchange: Exchange, fields: list[Field], *, trailers: bool = False
) -> str | None:
    """Begins the response. What the types of its messages begin with; None if there cannot be a response."""
    prefix = ""
    if scope["type"] == "websocket":
        if _DENIAL_EXTENSION not in _extensions(scope):
            # The ASGI specification: closed before it was accepted, the server answers the handshake with a 403.
            await _send(send, {"type": "websocket.close", "code": 1008, "reason": ""})
            return None
        prefix = "websocket."
    message: dict[str, Any] = {"type": prefix + START, "status": exchange.status, "headers": fields}
    if trailers:
        message["trailers"] = True
    await _send(send, message)
    return prefix


def _extensions(scope: Scope) -> Mapping[str, Any]:
    return scope.get("extensions") or {}


def _spec_version(scope: Scope) -> tuple[int, ...]:
    return tuple(map(int, scope.get("asgi", {}).get("spec_version", "2.0").split(".")))


async def _send(send: Send, message: MutableMapping[str, Any]) -> None:
    try:
        await send(message)
    # ASGI 2.4: "If send() is called on a connection that is already closed, it should raise a server-specific
    # subclass of OSError."
    except OSError as error:
        note_client_left(error)
        raise ClientLeft from error


def note_client_left(error: OSError) -> None:
    """Leave a trace of a client that left.

    Raises:
        OSError: the same, where it is of a kind that no server raises for that: it is the business of middleware
            between here and the server.
    """
    if isinstance(error, _NOT_THE_CLIENT) or (isinstance(error, TimeoutError) and error.errno is None):
        raise error
    _logger.debug("the client has left: %r", error)
