"""Server-sent events: the text/event-stream format of the HTML standard, section 9.2.

Readers take each of CR LF, LF and CR for the end of a line, and an empty line for the end of an event. Text from
elsewhere must end neither, so it is cut into lines where it may have several (data, comment), and loses its line ends
where it may not (event, id). No other character ends a line: not U+2028, nor what else `str.splitlines` knows. A reader
removes one space after the colon, so there is always one, and text that begins with spaces keeps them.

JSON written by `encode_line` is one line, and goes out as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rejoinder._encode.jsonl import encode_line
from rejoinder._http.fields import Field, combine

KEEPALIVE = b": ping\n\n"
"""A comment, which readers skip."""

_LAST_EVENT_ID = b"last-event-id"


@dataclass(kw_only=True, slots=True)
class ServerSentEvent:
    r"""One event. Where FastAPI is installed, `rejoinder.sse.ServerSentEvent` is FastAPI's class, with the same fields.

    Args:
        data: what is sent as JSON; text, too, so `"a"` is sent with its quotes.
        raw_data: text that is sent as it is, in place of `data`. Line ends of every kind arrive as `\n`.
        event: the name that `addEventListener` is given in a browser; `message` by default.
        id: what a browser gives back as Last-Event-ID when it connects again.
        retry: milliseconds after which a browser connects again.
        comment: text that readers skip.

    An event without data is not seen by the page; its id and retry count all the same.

    Raises:
        ValueError: both kinds of data, a line end in `event` or `id`, NUL in `id`, a negative `retry`, a wrong type.

    >>> encode_event(ServerSentEvent(data={"price": 3}, id="7"))
    b'data: {"price":3}\nid: 7\n\n'
    """

    data: Any = None
    raw_data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        if self.data is not None and self.raw_data is not None:
            raise ValueError("an event has either data, sent as JSON, or raw_data, sent as it is; got both")
        for name in ("raw_data", "event", "id", "comment"):
            text = getattr(self, name)
            if text is not None and not isinstance(text, str):
                raise ValueError(f"{name} of an event must be str, got {type(text).__name__}")
        for name, text in (("event", self.event), ("id", self.id)):
            if text is not None and ("\r" in text or "\n" in text):
                raise ValueError(f"{name} of an event must be a single line, got {text!r}")
        if self.id is not None and "\0" in self.id:
            raise ValueError(f"id of an event must not contain NUL: a browser ignores such an id; got {self.id!r}")
        check_retry(self.retry)


class EncodedEvent:
    r"""An event as it is on the wire, for all who read it.

    No dataclass: where FastAPI encodes what an endpoint yields, that would become JSON; this is an error.

    Attributes:
        id: what a client gives back as Last-Event-ID; empty for an event that has none.
        encoded: its octets.
        key: of the thing that it tells of: a newer event of the same key makes this one obsolete.

    >>> EncodedEvent("7", b"data: 3\nid: 7\n\n").id
    '7'
    """

    __slots__ = ("encoded", "id", "key")

    def __init__(self, id: str, encoded: bytes, key: str | None = None) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.encoded = encoded
        self.key = key


class Draft:
    r"""An event that is encoded but for its id: what a channel gives to its backend.

    Attributes:
        id: the publisher's own; empty if the backend is to choose one.
        lines: its octets, without the id and the empty line that ends it.
        key: as of `EncodedEvent`.

    >>> Draft("", b"data: 3\n").with_id("7").encoded
    b'data: 3\nid: 7\n\n'
    """

    __slots__ = ("id", "key", "lines")

    def __init__(self, id: str, lines: bytes, key: str | None = None) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.lines = lines
        self.key = key

    def with_id(self, id: str) -> EncodedEvent:  # noqa: A002
        """The event, under this id, which has no line ends."""
        return EncodedEvent(id, b"%bid: %b\n\n" % (self.lines, id.encode()), self.key)


def check_retry(retry: object) -> None:
    """Refuse what is no reconnection time."""
    if retry is not None and (not isinstance(retry, int) or retry < 0):
        raise ValueError(f"retry must be milliseconds, an int of at least 0, got {retry!r}")


def parse_last_event_id(fields: Iterable[Field]) -> str | None:
    """The id of the last event that the client has seen; None if it has seen none with an id."""
    value = combine(fields, {_LAST_EVENT_ID}).get(_LAST_EVENT_ID)
    return value.decode("utf-8", "replace") if value else None  # a browser sends UTF-8


def format_event(
    *,
    data: bytes | None = None,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    r"""The event on the wire, whatever the text.

    >>> format_event(data=b"a\r\nb", event="a\nb")
    b'event: ab\ndata: a\ndata: b\n\n'
    """
    parts: list[bytes] = []
    if comment is not None:
        parts.append(_lines(b": ", _utf8(comment)))
    if event is not None:
        parts.append(b"event: " + _single_line(event))
    if data is not None:
        parts.append(_lines(b"data: ", data))
    if id is not None:
        parts.append(b"id: " + _id(id))
    if retry is not None:
        parts.append(b"retry: %d" % retry)
    return b"".join([part + b"\n" for part in parts]) + b"\n"


def encode_event(item: Any) -> bytes:
    r"""An item of a stream on the wire: an event; bytes as they are; all else is JSON data; raises as `encode_json`.

    Events are rejoinder's, FastAPI's and sse-starlette's, and what is derived from them.

    >>> encode_event({"price": 3}), encode_event("text"), encode_event(b": as it is\n\n")
    (b'data: {"price":3}\n\n', b'data: "text"\n\n', b': as it is\n\n')
    """
    if isinstance(item, EncodedEvent):
        return item.encoded
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    if not is_event(item.__class__):
        return b"data: " + encode_line(item) + b"\n\n"
    return format_event(data=_data_of(item), event=item.event, id=item.id, retry=item.retry, comment=item.comment)


def encode_draft(item: Any, key: str | None) -> Draft:
    """An item as an event that will have an id: its own, or else one by which it can be found again.

    Raises:
        TypeError: bytes, which cannot be told apart from an event with an id.
    """
    if isinstance(item, (bytes, bytearray, memoryview, EncodedEvent)):
        raise TypeError(f"an event to be published must be an object, which gets an id; got {type(item).__name__}")
    if not is_event(item.__class__):
        return Draft("", b"data: " + encode_line(item) + b"\n", key)
    encoded = format_event(data=_data_of(item), event=item.event, retry=item.retry, comment=item.comment)
    # The id as the client knows it; and without the empty line.
    return Draft(_id(item.id or "").decode(), encoded[:-1], key)


def encode_gap(after: str | None) -> EncodedEvent:
    """Tells that events after the one with this id are lost."""
    return EncodedEvent("", format_event(event="gap", data=encode_line({"after": after})))


@lru_cache(maxsize=512)
def is_event(kind: type[Any]) -> bool:
    """Whether it is a class of events: one by this name, whoever's it is, or one derived from such."""
    return any(base.__name__ == ServerSentEvent.__name__ for base in kind.__mro__)


def _data_of(event: Any) -> bytes | None:
    if not hasattr(event, "raw_data"):  # sse-starlette's: all data is text
        return None if event.data is None else _utf8(str(event.data))
    if event.raw_data is not None:
        return _utf8(event.raw_data)
    if event.data is None:
        return None
    if hasattr(type(event.data), "model_dump_json"):
        return _utf8(
            event.data.model_dump_json()
        )  # by the names of its fields, as FastAPI writes it here, and only here
    return encode_line(event.data)


def _lines(prefix: bytes, text: bytes) -> bytes:
    return prefix + text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\n" + prefix)


def _single_line(text: str) -> bytes:
    return _utf8(text).replace(b"\r", b"").replace(b"\n", b"")


def _id(text: str) -> bytes:
    # HTML, 9.2.6: an id that contains U+0000 NULL is ignored as a whole.
    return _single_line(text).replace(b"\0", b"")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate, which JSON can bring in, must not end the stream


class EventEncoder:
    """Items to an event stream."""

    __slots__ = ("_retry",)

    def __init__(self, retry: int | None) -> None:
        self._retry = retry

    def begin(self) -> bytes:
        """The reconnection time, if there is one."""
        return b"" if self._retry is None else format_event(retry=self._retry)

    def encode(self, item: object) -> bytes:
        """An event."""
        return encode_event(item)

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def fail(self, last: object) -> bytes:
        """One more event."""
        return encode_event(last)
