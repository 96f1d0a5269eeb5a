"""What an app may send, and when: the ASGI specification, and what RFC 9110 says of the framing of a response.

An exchange is always in one `State`. A message is legal in some states and moves the exchange to another one. All of
that is in `_RULES`; what is left to code is what a single message may contain and how many bytes there may be.

Nothing here does any I/O: `check` a message, then `add` the content it brings (a file, for pathsend, has to be read
first), then `end` when the app returns.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from rejoinder._testing.message import Message


class ProtocolViolation(AssertionError):  # noqa: N818 - what it is is not an error of ours
    """The app broke a rule of the ASGI specification or of HTTP; the text says what was sent, and which rule.

    Raised into the app by `send`, and again into the test: an app that swallows it does not get away with it.

    >>> from rejoinder.testing import fetch, run
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.body"})
    >>> run(fetch, app)
    Traceback (most recent call last):
    rejoinder._testing.protocol.ProtocolViolation: 'http.response.body' ...
    """


class State(Enum):
    """How far an exchange is, in the words of a violation's text."""

    START = "before the response was started"
    BODY = "between the start and the end of the body"
    TRAILERS = "between the body and the trailers"
    OPEN = "on an accepted WebSocket"
    END = "after the end of the response"


class _Rule(NamedTuple):
    states: tuple[State, ...]
    section: str
    extension: str | None = None


_HTTP, _WEBSOCKET, _EXTENSIONS = "ASGI, HTTP: ", "ASGI, WebSocket: ", "ASGI, Extensions: "
_DENIAL = "websocket.http.response"
_RULES = {
    "http.response.start": _Rule((State.START,), _HTTP + "Response Start"),
    "http.response.body": _Rule((State.BODY,), _HTTP + "Response Body"),
    "http.response.debug": _Rule((State.START,), _EXTENSIONS + "Debug", "http.response.debug"),
    # Not as the specification has it, "after the Response Start message", which no server takes: a 103 is an interim
    # response, and RFC 9110, 15.2, has those "prior to sending a final response".
    "http.response.early_hint": _Rule((State.START,), "RFC 9110, 15.2", "http.response.early_hint"),
    "http.response.pathsend": _Rule((State.BODY,), _EXTENSIONS + "Path Send", "http.response.pathsend"),
    "http.response.push": _Rule((State.BODY,), _EXTENSIONS + "HTTP/2 Server Push", "http.response.push"),
    "http.response.trailers": _Rule((State.TRAILERS,), _EXTENSIONS + "HTTP Trailers", "http.response.trailers"),
    "http.response.zerocopysend": _Rule((State.BODY,), _EXTENSIONS + "Zero Copy Send", "http.response.zerocopysend"),
    "websocket.accept": _Rule((State.START,), _WEBSOCKET + "Accept"),
    "websocket.send": _Rule((State.OPEN,), _WEBSOCKET + "Send"),
    "websocket.close": _Rule((State.START, State.OPEN), _WEBSOCKET + "Close"),
    _DENIAL + ".start": _Rule((State.START,), _EXTENSIONS + "WebSocket Denial Response", _DENIAL),
    _DENIAL + ".body": _Rule((State.BODY,), _EXTENSIONS + "WebSocket Denial Response", _DENIAL),
}
_STARTS = {"http.response.start", _DENIAL + ".start"}
_CONTENT = {"http.response.body", "http.response.pathsend", "http.response.zerocopysend", _DENIAL + ".body"}

_STATUSES, _INFORMATIONAL = range(100, 600), range(100, 200)
_EXCERPT = 40

# RFC 9110, 5.6.2: token, less the capitals, since "Header names must be lowercased" (ASGI, Response Start).
_is_lower_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
# 5.5: field-value has no CTL but HTAB. CR and LF split a response in two.
_has_control = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search
_is_length = re.compile(rb"[0-9]+").fullmatch


class Protocol:
    """The rules as they apply to one exchange."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.state = State.START
        self._type: str = scope["type"]
        self._method: str = scope.get("method", "GET")
        self._extensions: Mapping[str, Any] = scope.get("extensions") or {}
        self._announced: int | None = None
        self._counted = 0
        self._content_messages = 0
        self._trailers = False
        self._why_no_content: str | None = None

    def check(self, message: Message) -> None:
        """Whether the message may be sent now and says what it must; raises ProtocolViolation."""
        kind = message.get("type")
        rule = _RULES.get(kind) if isinstance(kind, str) else None
        if kind is None or rule is None or kind.partition(".")[0] != self._type:
            raise ProtocolViolation(f"{dict(message)!r} was sent: ASGI knows no such message in {self._type!r} scopes")
        if rule.extension is not None and rule.extension not in self._extensions:
            raise ProtocolViolation(
                f"{kind!r} was sent, but the scope does not offer the extension {rule.extension!r} ({rule.section})"
            )
        if self.state not in rule.states:
            allowed = " or ".join(state.value for state in rule.states)
            raise ProtocolViolation(
                f"{kind!r} was sent {self.state.value}; it may be sent only {allowed} ({rule.section})"
            )
        if "headers" in message:
            _check_headers(message)
        if kind in _STARTS:
            self._start(message)
        elif kind in _CONTENT:
            self._check_content(message)
        else:
            self._move(message)

    def add(self, message: Message, content: bytes) -> None:
        """Count the content that a checked message brings; raises ProtocolViolation."""
        if message["type"] not in _CONTENT:
            return
        self._content_messages += 1
        self._counted += len(content)
        if content and self._why_no_content is not None:
            raise ProtocolViolation(f"{_brief(content)} was sent as content; {self._why_no_content}")
        last = not message.get("more_body", False)
        if self._announced is not None and self._why_no_content is None:
            self._compare_length(last=last)
        if last:
            self.state = State.TRAILERS if self._trailers else State.END

    def end(self) -> None:
        """Whether the app may return now; raises ProtocolViolation."""
        match self.state:
            case State.START if self._type == "websocket":
                raise ProtocolViolation(
                    "the app returned without an answer to 'websocket.connect': it must be accepted or closed"
                    f" ({_WEBSOCKET}Connect)"
                )
            case State.START:
                raise ProtocolViolation(f"the app returned without a response ({_HTTP}Response Start)")
            case State.BODY:
                of = "" if self._announced is None else f" of the {self._announced} that content-length announces"
                raise ProtocolViolation(
                    f"the app returned within the body, after {self._counted} bytes{of};"
                    f" the last message has no more_body ({_HTTP}Response Body)"
                )
            case State.TRAILERS:
                raise ProtocolViolation(f"the app returned without the trailers it promised ({_EXTENSIONS}Trailers)")
            case _:
                pass

    def _start(self, message: Message) -> None:
        status = message.get("status")
        if not isinstance(status, int) or status not in _STATUSES:
            raise ProtocolViolation(f"status is {status!r}, not an int from 100 to 599 (RFC 9110, 15)")
        lengths = [value for name, value in message.get("headers", ()) if name == b"content-length"]
        if len(lengths) > 1:
            raise ProtocolViolation(f"content-length was sent {len(lengths)} times: {lengths!r} (RFC 9110, 8.6)")
        if lengths and not _is_length(lengths[0]):
            raise ProtocolViolation(f"content-length is {lengths[0]!r}, not decimal digits (RFC 9110, 8.6)")
        if lengths and (status in _INFORMATIONAL or status == HTTPStatus.NO_CONTENT):
            raise ProtocolViolation(f"content-length was sent with status {status}: MUST NOT (RFC 9110, 8.6)")
        self._trailers = bool(message.get("trailers", False))
        if self._trailers and "http.response.trailers" not in self._extensions:
            raise ProtocolViolation(
                "trailers were announced, but the scope does not offer the extension 'http.response.trailers'"
                f" ({_EXTENSIONS}HTTP Trailers)"
            )
        self._announced = int(lengths[0]) if lengths else None
        self._why_no_content = _why_no_content(self._method, status)
        self.state = State.BODY

    def _check_content(self, message: Message) -> None:
        if not isinstance(message.get("body", b""), bytes):
            raise ProtocolViolation(f"body is of type {_type(message['body'])}, not bytes ({_HTTP}Response Body)")
        if message["type"] != "http.response.pathsend":
            return
        path = message.get("path")
        if not isinstance(path, str) or not Path(path).is_absolute():
            raise ProtocolViolation(f"path is {path!r}, not an absolute path as a str ({_EXTENSIONS}Path Send)")
        if self._content_messages:
            raise ProtocolViolation(f"'http.response.pathsend' was sent after body messages ({_EXTENSIONS}Path Send)")

    def _compare_length(self, *, last: bool) -> None:
        announced, counted = self._announced or 0, self._counted
        if counted > announced or (last and counted < announced):
            so_far = "" if last else " already, and more is to come"
            raise ProtocolViolation(
                f"content-length announces {announced} bytes, the body has {counted}{so_far} (RFC 9110, 8.6)"
            )

    def _move(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self.state = State.OPEN
            case "websocket.send" if (message.get("bytes") is None) is (message.get("text") is None):
                raise ProtocolViolation(
                    f"{dict(message)!r} was sent: bytes or text, and one of them ({_WEBSOCKET}Send)"
                )
            case "websocket.close":
                self.state = State.END
            case "http.response.early_hint":
                _check_links(message)
            case "http.response.trailers":
                if "headers" not in message:
                    raise ProtocolViolation(f"{dict(message)!r} was sent without headers ({_EXTENSIONS}HTTP Trailers)")
                if not message.get("more_trailers", False):
                    self.state = State.END
            case _:
                pass


def _check_headers(message: Message) -> None:
    for field in message["headers"]:
        match field:
            case (bytes() as name, bytes() as value):
                pass
            case _:
                raise ProtocolViolation(
                    f"{message['type']!r} has the header {field!r}, not a pair of bytes (ASGI, HTTP: Response Start)"
                )
        if not _is_lower_token(name):
            raise ProtocolViolation(
                f"header name {name!r} is not a token in lower case (RFC 9110, 5.1; ASGI, HTTP: Response Start)"
            )
        if control := _has_control(value):
            raise ProtocolViolation(f"header {name!r} has {control[0]!r} in its value {value!r} (RFC 9110, 5.5)")


def _check_links(message: Message) -> None:
    links = message.get("links")
    if not isinstance(links, Sequence) or isinstance(links, str | bytes) or not links:
        raise ProtocolViolation(f"links is {links!r}, not some bytes ({_EXTENSIONS}Early Hints)")
    for link in links:
        if not isinstance(link, bytes) or _has_control(link):
            raise ProtocolViolation(f"links has {link!r}, which is no value of a header ({_EXTENSIONS}Early Hints)")


def _why_no_content(method: str, status: int) -> str | None:
    """The rule that forbids content; None where content is allowed."""
    if method == "HEAD":
        return "a response to HEAD has none (RFC 9110, 9.3.2)"
    if status in _INFORMATIONAL:
        return f"status {status} has none (RFC 9110, 15.2)"
    section = {204: "15.3.5", 205: "15.3.6", 304: "15.4.5"}.get(status)
    return section and f"status {status} has none (RFC 9110, {section})"


def _brief(content: bytes) -> str:
    return repr(content) if len(content) <= _EXCERPT else f"{content[:_EXCERPT]!r}... ({len(content)} bytes)"


def _type(value: object) -> str:
    return type(value).__name__
