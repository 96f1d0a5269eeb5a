"""What went over the wire: messages, the head of a response, its header fields."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Message(dict[str, Any]):
    """A message the app sent: a dict, equal to any dict with the same items, and the time it was sent.

    It is what it was when it was sent: a later change of the app's dict, or of its list of headers, is not seen.

    Attributes:
        time: seconds of the loop's clock from the beginning of the exchange to the app's call of `send`.

    >>> message = Message({"type": "http.response.body"}, time=1.5)
    >>> message == {"type": "http.response.body"}, message.time
    (True, 1.5)
    """

    def __init__(self, content: MutableMapping[str, Any], time: float) -> None:
        super().__init__(content)
        if "headers" in self:
            # A list in any case, since an iterator could be read only once.
            self["headers"] = list(self["headers"])
        self.time = time


class Headers(list[tuple[bytes, bytes]]):
    """Header fields: a list of pairs as they were sent, which can also be asked by name, in any case.

    >>> headers = Headers([(b"vary", b"accept"), (b"vary", b"cookie")])
    >>> headers.get("Vary"), headers.get_all("vary"), "etag" in headers
    ('accept, cookie', ['accept', 'cookie'], False)
    """

    def get(self, name: str) -> str | None:
        """The combined value (RFC 9110, 5.2: joined by a comma if the field was repeated); None without the field."""
        values = self.get_all(name)
        return ", ".join(values) if values else None

    def get_all(self, name: str) -> list[str]:
        """Every value of the field, in order; for Set-Cookie, which cannot be combined, and to see a field repeated."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for field, value in self if field.lower() == wanted]

    def __contains__(self, item: object) -> bool:
        return bool(self.get_all(item)) if isinstance(item, str) else super().__contains__(item)


class Head(NamedTuple):
    """Status and header fields of a response. A WebSocket has one too: 101 accepted, 403 closed before that.

    >>> Head(304, Headers([(b"etag", b'"v1"')])).headers.get("ETag")
    '"v1"'
    """

    status: int
    headers: Headers


def head_of(messages: Iterable[Message]) -> Head | None:
    """The head among the messages; None if none has been sent yet."""
    for message in messages:
        match message.get("type"):
            case "http.response.start" | "websocket.http.response.start":
                return Head(message["status"], _headers(message))
            case "websocket.accept":
                return Head(101, _headers(message))
            case "websocket.close":
                # ASGI, WebSocket, Close: sent before the socket is accepted, the server must answer 403.
                return Head(403, Headers())
            case _:
                pass
    return None


def _headers(message: Message) -> Headers:
    return Headers(map(tuple, message.get("headers", ())))
