"""Compression on the way to the server: one `send` for responses with `compress=` and for whole applications.

Theory of operation. What becomes of an answer is decided when its head comes (see `_http.coding`). A plain one goes its
way untouched. Of a coded one, each message goes through an encoder:

    all in one message     coded as a whole; the head has waited for it, and tells its new length
    several                each is flushed: a source that has more to say at once would have said it in the same one. Only
                           what is read from a file is known to go on
    no length announced    a stream: the head does not wait
    more than takes a      coded in a thread, a slice at a time, each of which is sent before the next: so memory is bounded,
    millisecond            a cancellation waits for one slice, and as many slices are coded at once as there are processors

The end of the coded content is written when the plain one has ended as announced, and in no other case.
"""

import os
from collections.abc import Callable
from functools import partial
from secrets import randbelow

import anyio
from anyio.lowlevel import RunVar
from starlette.types import Message, Scope, Send

from rejoinder._compression import Compression, Encoder
from rejoinder._http.coding import DIGESTS, code, has_choice, plain_request, read_request, without_range
from rejoinder._http.fields import Field
from rejoinder._lifecycle import Exchange
from rejoinder._send import BODY, PATH, START, TRAILERS, ZERO_COPY
from rejoinder._sources.threads import in_thread

CODED = "rejoinder.coded"
"""The key in a scope of whatever compresses the answer."""
_SLICE = 1024 * 1024
_PAST_THE_ENCODER = (PATH, ZERO_COPY)
_OURS = ("headers", "extensions", CODED)

_limiter: "RunVar[anyio.CapacityLimiter]" = RunVar("rejoinder.compressing")


class CodedSend:
    """Stands between an application and the server for one exchange; `scope` is the one for the application.

    Args:
        compression: the codings.
        scope: of the server.
        send: of the server.
        exchange: is told by how much more or less was sent than the application knows.
        has_size: False where HEAD does not tell the length that GET would: then no length decides.
    """

    __slots__ = (
        "_asked",
        "_compression",
        "_encoder",
        "_exchange",
        "_held",
        "_inline",
        "_is_coded",
        "_is_head",
        "_left",
        "_live",
        "_minimum",
        "_outer",
        "_send",
        "_varies",
        "scope",
    )

    def __init__(
        self,
        compression: Compression,
        scope: Scope,
        send: Send,
        exchange: Exchange | None = None,
        *,
        has_size: bool = True,
    ) -> None:
        self._compression = compression
        self._minimum = compression.minimum_size if has_size else 0
        self._send = send
        self._exchange = exchange
        self._outer = scope
        self._asked = read_request(scope["headers"], compression.offered)
        self._is_head = scope["method"] == "HEAD"
        self._live = True
        self._varies: bool | None = None
        self._is_coded = False
        self._encoder: Encoder | None = None
        self._inline = 0
        self._held: Message | None = None
        self._left: int | None = None
        headers = plain_request(scope["method"], scope["headers"], self._asked, compression.offered)
        self.scope: Scope = {**scope, "headers": headers, CODED: self}
        extensions = scope.get("extensions")
        if self._asked.codings and extensions and not extensions.keys().isdisjoint(_PAST_THE_ENCODER):
            self.scope["extensions"] = {
                name: value for name, value in extensions.items() if name not in _PAST_THE_ENCODER
            }

    async def __call__(self, message: Message) -> None:
        """Send a message of the application.

        Raises:
            RuntimeError: the content has not the length that was announced.
        """
        kind = message["type"]
        if kind == START:
            if (head := self._start(message)) is not None:
                await self._send(head)
        elif not self._is_coded:
            await self._send(message)
        elif kind == BODY and self._encoder is not None:
            await self._body(self._encoder, message)
        elif kind == TRAILERS:
            trailers = [field for field in message["headers"] if field[0].lower() not in DIGESTS]
            await self._send({**message, "headers": trailers})
        elif kind in _PAST_THE_ENCODER:
            raise RuntimeError(f"{kind} was not offered in the scope: the content has to be compressed")
        else:
            await self._send(message)

    def close(self) -> None:
        """Release what the encoder has, and whoever else was held."""
        self._share()
        self._encoder = self._held = self._exchange = None
        self.scope = self._outer

    def settle(self, scope: Scope, fields: list[Field]) -> Scope:
        """The scope for an application that knows what its whole answer to a plain GET would be: `fields`, a 200."""
        self._live = False
        headers, extensions = scope["headers"], scope.get("extensions")
        self._varies = has_choice(200, fields, self._minimum)
        if self._varies:
            return {**scope, "headers": without_range(headers)} if self._asked.codings else scope
        # It is coded for nobody, and so the application's and the server's alone; but others may be between the two.
        if headers is self.scope["headers"]:
            headers = self._outer["headers"]
        if extensions is self.scope.get("extensions"):
            extensions = self._outer.get("extensions")
        return {**scope, "headers": headers, "extensions": extensions}

    def _share(self) -> None:
        """What the application put into its scope, such as the route, is for those around it, too."""
        if self.scope is not self._outer:
            shared = {**self.scope}
            for name in _OURS:
                shared.pop(name, None)
            self._outer.update(shared)

    def _start(self, message: Message) -> Message | None:
        """The head to send; None if it waits for the content."""
        self._share()
        fields = message.get("headers", ())
        coding, fields, size = code(self._asked, message["status"], fields, self._minimum, varies=self._varies)
        head = {**message, "headers": fields}
        if coding is None:
            return head
        self._is_coded = True
        if self._is_head:
            return head
        padding = self._compression.padding
        length = randbelow(padding + 1) if padding else 0
        self._encoder, self._inline = self._compression.encoder(coding, size, length)
        self._left = size
        if size is None:
            return head
        self._held = head
        return None

    async def _body(self, encoder: Encoder, message: Message) -> None:
        data, more_body = message.get("body", b""), message.get("more_body", False)
        self._count(len(data), more_body=more_body)
        last = encoder.finish if not more_body else encoder.flush if self._live else encoder.add
        if len(data) <= self._inline:
            await self._put(last(data) if data or not more_body else b"", len(data), more_body=more_body)
            return
        begin, size, content = 0, len(data), memoryview(data)
        while begin < size:
            # Not a small one at the end: it would cost a message and a thread of its own.
            end = size if size - begin < _SLICE * 3 // 2 else begin + _SLICE
            step = partial(encoder.add if end < size else last, content[begin:end])
            coded = await in_thread(step, limiter=_one_for_each_processor())
            await self._put(coded, end - begin, more_body=more_body or end < size)
            begin = end

    def _count(self, size: int, *, more_body: bool) -> None:
        # The server, which does not get to see the length that was announced, cannot do this.
        if self._left is not None:
            self._left -= size
            if self._left < 0 or (self._left and not more_body):
                much = "less" if self._left > 0 else "more"
                raise RuntimeError(f"the content is {abs(self._left)} octets {much} than its content-length said")

    async def _put(self, coded: bytes, size: int, *, more_body: bool) -> None:
        """Send what became of so many octets."""
        if self._exchange is not None:
            self._exchange.bytes_sent += len(coded) - size
        if not more_body:
            self._encoder = None
        if (held := self._held) is not None:
            self._held = None
            if not more_body and not held.get("trailers"):  # those need a content without a length
                held["headers"].append((b"content-length", b"%d" % len(coded)))
            await self._send(held)
        if coded or not more_body:
            await self._send({"type": BODY, "body": coded, "more_body": more_body})


def compressed(
    compression: Compression, scope: Scope, send: Send, exchange: Exchange, *, has_size: bool = True
) -> tuple[Scope, Send]:
    """The scope and the `send` for a response that may be compressed; released when the exchange ends."""
    if scope["type"] != "http":
        return scope, send
    coded = CodedSend(compression, scope, send, exchange, has_size=has_size)
    exchange.release = coded.close
    return coded.scope, coded


def settle(scope: Scope, fields: Callable[[], list[Field]]) -> Scope:
    """The scope for a response whose whole header section would be `fields`, where something around it compresses."""
    coded = scope.get(CODED)
    return coded.settle(scope, fields()) if isinstance(coded, CodedSend) else scope


def _one_for_each_processor() -> "anyio.CapacityLimiter":
    try:
        return _limiter.get()
    except LookupError:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        limiter = anyio.CapacityLimiter(cores)
        _limiter.set(limiter)
        return limiter
