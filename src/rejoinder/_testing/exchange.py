"""A client and a server in one: what stands between a test and the app it drives.

The wire is a channel without a buffer: the app's `send` returns when the client has taken the message. That is
back-pressure at its plainest, and makes a test deterministic: the app is never more than one message ahead.

A client leaves in one of four ways, and all are `_leave`: by `disconnect()`, by `disconnect_after`, by the end of the
`async with` block, and by a failure of the app, after which a server would cut the connection too. From then on
`receive` gives the disconnect, and `send` does what servers do: it returns silently, as uvicorn's does, or raises
OSError, from ASGI 2.4 on.

The app runs in a task group whose host is the test. Its exceptions are kept and raised in the test, never in the task
group, which would wrap them in an ExceptionGroup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeAlias, TypedDict, Unpack
from urllib.parse import quote

import anyio
import anyio.to_thread
from anyio.lowlevel import checkpoint

from rejoinder._testing.message import App, Head, Headers, Message, Scope, head_of
from rejoinder._testing.protocol import Protocol, ProtocolViolation, State

Fields: TypeAlias = Mapping[str, str] | list[tuple[bytes, bytes]] | tuple[tuple[bytes, bytes], ...]

# How often an app may ask or tell a client that has left before virtual time passes: see Exchange._idle.
_FREE_CALLS = 100


class Options(TypedDict, total=False):
    """What `fetch` hands on to `Exchange`."""

    headers: Fields
    body: bytes
    query: bytes
    type: Literal["http", "websocket"]
    spec_version: str
    extensions: Iterable[str]
    disconnect_after: int | None
    read_delay: float
    patience: float


class _Sent(NamedTuple):
    """A message on the wire: its content, and whether the head and the end have been sent by now."""

    content: bytes
    started: bool
    ended: bool


class _ClientLeft(OSError):  # noqa: N818 - what it says is no error
    """What `send` raises from ASGI 2.4 on; the app may let it out."""


class Transcript:
    """What the app sent.

    Attributes:
        messages: every message, each a dict with a `time`; also the ones that no client got to see.
    """

    messages: list[Message]

    @property
    def head(self) -> Head:
        """Status and headers; AssertionError if the app has sent none."""
        head = head_of(self.messages)
        if head is None:
            raise AssertionError(f"the app sent no head; it sent {self.messages!r}")
        return head

    @property
    def status(self) -> int:
        """The status code; AssertionError if the app has sent none."""
        return self.head.status

    @property
    def headers(self) -> Headers:
        """The header fields; AssertionError if the app has sent no head."""
        return self.head.headers


@dataclass(frozen=True)
class Answer(Transcript):
    """What `fetch` gives.

    Attributes:
        messages: every message the app sent, each a dict with a `time`.
        body: the content as the client got it.
        complete: whether the client got it to the end, or had left before.

    >>> from rejoinder import PlainTextResponse
    >>> from rejoinder.testing import fetch, run
    >>> answer = run(fetch, PlainTextResponse("hello"))
    >>> answer.status, answer.body
    (200, b'hello')
    """

    messages: list[Message]
    body: bytes
    complete: bool


async def fetch(app: App, method: str = "GET", path: str = "/", **options: Unpack[Options]) -> Answer:
    """Send a request, read the whole answer, wait until the app has ended.

    Takes what `Exchange` takes and raises what it raises. An endless body is read without end: use `Exchange` there.

    >>> from rejoinder.testing import fetch, run
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"1"')]})
    ...     await send({"type": "http.response.body", "body": scope["path"].encode()})
    >>> async def main():
    ...     answer = await fetch(app, path="/a", headers={"Accept": "*/*"})
    ...     assert (answer.status, answer.headers.get("ETag"), answer.body) == (200, '"1"', b"/a")
    >>> run(main)
    """
    async with Exchange(app, method, path, **options) as exchange:
        body = await exchange.body()
    return Answer(exchange.messages, body, exchange.complete)


class Exchange(Transcript):
    """A request to an app, and its answer as it comes: `async with Exchange(app) as exchange`.

    The app runs in a task of the block. Its `send` returns when the client has taken the message, so nothing comes
    unless you read. Leaving the block, the client leaves: an app that is not done is told so, and has `patience`
    to end. What the app raises is raised in the block at the next read, as it is, or at the block's end.

    Args:
        app: any ASGI 3 app.
        method: of the request.
        path: decoded, without a query.
        headers: a mapping of str, or pairs of bytes; names are sent in lower case.
        body: of the request, given to the app in one message.
        query: what stands after the "?".
        type: "http", or "websocket" for a handshake; the client sends no frames.
        spec_version: which ASGI the scope announces. From "2.4" on, `send` raises OSError once the client has left.
        extensions: the names to offer in the scope, such as "http.response.pathsend".
        disconnect_after: the client leaves as soon as it has taken this many messages; 0: before the first.
        read_delay: seconds the client sleeps before it takes a message.
        patience: seconds the app has, once the client has left or has all, to end by itself.

    Attributes:
        scope: what the app is called with; may be changed before the block is entered.
        messages: every message the app has sent, each a dict with a `time`, in seconds since the block was entered.
        complete: whether the client has read the response to its end.

    Raises:
        ProtocolViolation: the app broke the ASGI specification or HTTP. Also raised in the app's `send`.
        AssertionError: the app did not end within `patience`, and was cancelled. The cause shows where it was.

    >>> import anyio
    >>> from rejoinder.testing import Exchange, run
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200})
    ...     while (await anyio.sleep(1)) is None:
    ...         await send({"type": "http.response.body", "body": b"tick", "more_body": True})
    >>> async def main():
    ...     async with Exchange(app, spec_version="2.4") as exchange:
    ...         await exchange.start()
    ...         assert exchange.status == 200
    ...         assert [await exchange.read(), await exchange.read()] == [b"tick", b"tick"]
    ...     return [message.time for message in exchange.messages[:3]]
    >>> run(main)
    [0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        app: App,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Fields = (),
        body: bytes = b"",
        query: bytes = b"",
        type: Literal["http", "websocket"] = "http",  # noqa: A002 - ASGI's name
        spec_version: str = "2.3",
        extensions: Iterable[str] = (),
        disconnect_after: int | None = None,
        read_delay: float = 0.0,
        patience: float = 10.0,
    ) -> None:
        self.scope: Scope = _connection(type, path, query, headers, spec_version, extensions)
        if type == "http":
            self.scope["method"] = method
            self._first: dict[str, Any] | None = {"type": "http.request", "body": body, "more_body": False}
            self._last: dict[str, Any] = {"type": "http.disconnect"}
        else:
            self._first = {"type": "websocket.connect"}
            self._last = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        self.messages: list[Message] = []
        self.complete = False
        self._app = app
        self._disconnect_after = disconnect_after
        self._read_delay = read_delay
        self._patience = patience
        self._raises = tuple(map(int, spec_version.split("."))) >= (2, 4)
        self._chunks: list[bytes] = []
        self._taken = 0
        self._idle_calls = 0
        self._started = False
        self._left = False
        self._failure: Exception | None = None
        self._surfaced = False
        self._cancelled: BaseException | None = None

    @property
    def content(self) -> bytes:
        """The bytes of the body that the client has read so far."""
        return b"".join(self._chunks)

    async def start(self) -> Head:
        """Wait for the head of the response; AssertionError if the client left and the app sent none."""
        while not self._started and await self._take() is not None:
            pass
        return self.head

    async def read(self) -> bytes:
        """The next bytes of the body, never empty, in the portions that the app sends; b"" at the end of it.

        Also b"" when the client has left: `complete` tells one from the other. What a WebSocket sends is read as the
        bytes of its frames.
        """
        while not self.complete:
            sent = await self._take()
            if sent is None:
                break
            if sent.content:
                self._chunks.append(sent.content)
                return sent.content
        return b""

    async def body(self) -> bytes:
        """All the rest of the body."""
        return b"".join([chunk async for chunk in self])

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self.read():
            return chunk
        raise StopAsyncIteration

    async def disconnect(self) -> None:
        """The client leaves, now. What the app has not yet got through to it is lost."""
        self._leave()
        await checkpoint()

    async def __aenter__(self) -> Self:
        self._began = anyio.current_time()
        self._protocol = Protocol(self.scope)
        self._over, self._ended = anyio.Event(), anyio.Event()
        self._wire_in, self._wire_out = anyio.create_memory_object_stream[_Sent](0)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        if self._disconnect_after == 0:
            self._leave()
        self._tasks.start_soon(self._run_app)
        return self

    async def __aexit__(self, exc_type: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        late: AssertionError | None = None
        try:
            late = await self._end()
        finally:
            # Not told of the error: it would wrap it in an ExceptionGroup.
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
        if late is not None:
            late.__cause__ = self._cancelled
        if error is None and not self._surfaced:
            self._raise_failure()
        elif error is not None and self._failure is not None and not self._surfaced:
            error.add_note(f"The app failed too: {self._failure!r}")

    async def _end(self) -> AssertionError | None:
        event = "the response was complete" if self.complete else "the client had left"
        self._leave()
        with anyio.move_on_after(self._patience):
            await self._ended.wait()
        if self._ended.is_set():
            return None
        late = AssertionError(f"the app still ran {self._patience:g} s after {event}; it had to be cancelled")
        self._fail(late)
        return late

    async def _run_app(self) -> None:
        try:
            await self._app(self.scope, self._receive, self._send)
            if not self._left:
                self._protocol.end()
        except _ClientLeft:
            # ASGI 2.4, Disconnected Client: the app may re-raise it, and the server must not report it.
            pass
        except anyio.get_cancelled_exc_class() as cancelled:
            self._cancelled = cancelled
            raise
        except Exception as error:  # noqa: BLE001 - raised in the test
            self._fail(error)
        finally:
            self._ended.set()
            self._wire_in.close()

    async def _receive(self) -> dict[str, Any]:
        await checkpoint()
        first, self._first = self._first, None
        # As uvicorn does: a request that nobody waits for is not read any more. A handshake always is.
        if first is not None and (not self._over.is_set() or first["type"] == "websocket.connect"):
            return first
        if self._over.is_set():
            await self._idle()
        await self._over.wait()
        return dict(self._last)

    async def _send(self, message: Scope) -> None:
        record = Message(message, anyio.current_time() - self._began)
        self.messages.append(record)
        try:
            self._protocol.check(record)
            content = await _content(record)
            self._protocol.add(record, content)
        except ProtocolViolation as violation:
            self._fail(violation)
            raise
        state = self._protocol.state
        try:
            await self._wire_in.send(_Sent(content, state is not State.START, state is State.END))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._idle()
            if self._raises:
                raise _ClientLeft(f"{record['type']!r} was sent, but the client has left (ASGI 2.4)") from None
        else:
            if state is State.END:
                self._over.set()

    async def _idle(self) -> None:
        # Virtual time stands while a task is ready to run. An app that asks or tells a client that has left, on and on,
        # would never come to the end of its time; so from some point on, each such call takes a part of it.
        self._idle_calls += 1
        await anyio.sleep(max(self._patience, 1) / 1000 if self._idle_calls > _FREE_CALLS else 0)

    async def _take(self) -> _Sent | None:
        await anyio.sleep(self._read_delay)
        try:
            sent = await self._wire_out.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._raise_failure()
            return None
        self._started, self.complete = sent.started, sent.ended
        self._taken += 1
        if self._taken == self._disconnect_after:
            self._leave()
        return sent

    def _leave(self) -> None:
        self._left = True
        self._over.set()
        self._wire_in.close()
        self._wire_out.close()

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._leave()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._surfaced = True
            raise self._failure


def _connection(
    type_: str, path: str, query: bytes, headers: Fields, spec_version: str, extensions: Iterable[str]
) -> Scope:
    pairs = (
        headers
        if isinstance(headers, list | tuple)
        else [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    )
    scope: Scope = {
        "type": type_,
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "scheme": "http" if type_ == "http" else "ws",
        "path": path,
        "raw_path": quote(path).encode("ascii"),
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in pairs],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
    }
    if type_ == "websocket":
        scope["subprotocols"] = []
    if offered := {name: dict[str, Any]() for name in extensions}:
        scope["extensions"] = offered
    return scope


async def _content(message: Message) -> bytes:
    """The bytes that a message brings; a file's are read in a thread, as a server would send them."""
    match message["type"]:
        case "http.response.pathsend":
            return await anyio.Path(message["path"]).read_bytes()
        case "http.response.zerocopysend":
            return await anyio.to_thread.run_sync(_read_zero_copy, message)
        case "websocket.send":
            text: str | None = message.get("text")
            return message["bytes"] if text is None else text.encode()
        case "http.response.body" | "websocket.http.response.body":
            content: bytes = message.get("body", b"")
            return content
        case _:
            return b""


def _read_zero_copy(message: Message) -> bytes:
    with open(message["file"].fileno(), "rb", closefd=False) as file:
        if "offset" in message:
            file.seek(message["offset"])
        return file.read(message.get("count", -1))
