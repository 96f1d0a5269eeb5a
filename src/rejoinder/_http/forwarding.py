"""What an intermediary passes on, and what it keeps to itself: RFC 9110, 7.6; and where a forwarded request goes."""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

from rejoinder._http.fields import Field, checked, combine, set_field

_CONNECTION = b"connection"
# 7.6.1: "Intermediaries MUST parse a received Connection header field before a message is forwarded and, for each
# connection-option in this field, remove any header or trailer field(s) from the message with the same name as the
# connection-option, and then remove the Connection header field itself"; "Furthermore, intermediaries SHOULD remove or
# replace fields that are known to require removal before forwarding, whether or not they appear as a connection-option".
# Those of authentication with a proxy (11.7) are for the next one, which is this; a Trailer (6.6.2) speaks of fields that
# are not passed on.
_OF_ONE_HOP = frozenset(
    {
        _CONNECTION,
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# 7.2: Host is that of the next server; 10.1.1: the server that took this request has answered the expectation.
_OF_THIS_REQUEST = frozenset({b"expect", b"host"})
# The server that sends the response says when and who it is (6.6.1, 10.2.4), and would say it twice. The others are
# orders to a front server of ours: an upstream could have any file sent that the front server can read.
_OF_THIS_SERVER = frozenset({b"date", b"server", b"x-lighttpd-send-file", b"x-sendfile"})
_ORDER = b"x-accel-"
_COOKIE = b"cookie"
_MAX_FORWARDS = b"max-forwards"
_COUNTED = frozenset({"OPTIONS", "TRACE"})
_MOST_DIGITS = 9

_is_length = re.compile(rb"[0-9]++").fullmatch
_SEPARATOR = re.compile(rb"[/\\]")
_DOTS = frozenset({b".", b".."})
_IN_PATH = "!$&'()*+,/:;=@%"
_IN_QUERY = _IN_PATH + "?"


def forward_request(fields: Iterable[Field], version: str, via: str | None) -> list[Field]:
    """The fields of a request for the next server; with `via`, our name is among those of its intermediaries (7.6.3).

    Raises:
        ValueError: they cannot be passed on as they are.

    >>> forward_request([(b"host", b"a"), (b"connection", b"x-hop"), (b"x-hop", b"1"), (b"range", b"bytes=0-")], "1.1", None)
    [(b'range', b'bytes=0-')]
    """
    kept = [field for field in _pass_on(fields, version, via) if field[0] not in _OF_THIS_REQUEST]
    # RFC 9113, 8.2.3: "If there are multiple Cookie header fields after decompression, these MUST be concatenated into a
    # single octet string [...] before being passed into a non-HTTP/2 context, such as an HTTP/1.1 connection".
    if len(cookies := [value for name, value in kept if name == _COOKIE]) > 1:
        set_field(kept, (_COOKIE, b"; ".join(cookies)))
    return kept


def count_hop(method: str, fields: list[Field]) -> list[Field] | None:
    """The fields of a request with one hop less in Max-Forwards; None if there is none left, and the answer is ours.

    >>> count_hop("OPTIONS", [(b"max-forwards", b"3")])
    [(b'max-forwards', b'2')]
    """
    # 7.6.2: "Each intermediary that receives a TRACE or OPTIONS request containing a Max-Forwards header field MUST check and
    # update its value prior to forwarding the request. If the received value is zero (0), the intermediary MUST NOT forward
    # the request; instead, the intermediary MUST respond as the final recipient."
    if method not in _COUNTED:
        return fields
    value = combine(fields, {_MAX_FORWARDS}).get(_MAX_FORWARDS, b"")
    if not _is_length(value):
        return fields
    digits = value.lstrip(b"0")
    if not digits:
        return None
    left = int(digits) - 1 if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS - 1
    return override(fields, [(_MAX_FORWARDS, b"%d" % left)])


def forward_response(fields: Iterable[Field], version: str, via: str | None) -> list[Field]:
    """The fields of a response for the client; raises as `forward_request` does.

    >>> forward_response([(b"server", b"a"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], "1.1", None)
    [(b'set-cookie', b'a=1'), (b'set-cookie', b'b=2')]
    """
    return [
        field
        for field in _pass_on(fields, version, via)
        if field[0] not in _OF_THIS_SERVER and not field[0].startswith(_ORDER)
    ]


def override(fields: Iterable[Field], by: list[Field]) -> list[Field]:
    """The fields, with these in place of those of the same name; but each Set-Cookie is a field of its own (5.3).

    >>> override([(b"a", b"1"), (b"b", b"2")], [(b"a", b"3")])
    [(b'b', b'2'), (b'a', b'3')]
    """
    names = {name for name, _ in by if name != b"set-cookie"}
    return [*(field for field in fields if field[0] not in names), *by]


def _pass_on(fields: Iterable[Field], version: str, via: str | None) -> list[Field]:
    fields = [(name.lower(), value) for name, value in fields]
    # RFC 9112, 6.3: an intermediary that forwards what has both "MUST first remove the received Content-Length field".
    if any(name == b"transfer-encoding" for name, _ in fields):
        fields = [field for field in fields if field[0] != b"content-length"]
    named = {
        option.strip(b" \t").lower() for option in combine(fields, {_CONNECTION}).get(_CONNECTION, b"").split(b",")
    }
    kept = [field for field in fields if field[0] not in _OF_ONE_HOP and field[0] not in named]
    if via is not None:
        kept.append((b"via", f"{version} {via}".encode()))
    return _fit(kept)


def _fit(fields: list[Field]) -> list[Field]:
    # 8.6: "a sender MUST NOT forward a message with a Content-Length header field value that does not match the ABNF".
    lengths = [value for name, value in fields if name == b"content-length"]
    if lengths and (len(lengths) > 1 or not _is_length(lengths[0])):
        raise ValueError(f"content-length is {b', '.join(lengths)!r}")
    # 5.5: "a recipient of CR, LF, or NUL within a field value MUST either reject the message or replace each of those
    # characters with SP".
    return checked(fields)


def path_beneath(base: bytes, path: bytes, query: bytes) -> bytes | None:
    """Path and query of a request to what is beneath `base`; None if the path would lead out of it, however it is read.

    What comes from the client is percent-encoded, and stays as it is where it is so already.

    >>> path_beneath(b"/api/", b"/users/7", b"full=1")
    b'/api/users/7?full=1'
    >>> path_beneath(b"/api", b"/%2e%2e/admin", b"") is None
    True
    """
    # RFC 3986, 5.2.4: dot segments are removed by whoever resolves a URL. Servers differ in what they decode before, in
    # whether a backslash separates, and in whether a parameter (";") belongs to the segment.
    segments = _SEPARATOR.split(unquote_to_bytes(path))
    if any(segment.partition(b";")[0] in _DOTS for segment in segments):
        return None
    target = base.rstrip(b"/") + b"/" + quote(path.removeprefix(b"/"), safe=_IN_PATH).encode()
    return target + b"?" + quote(query, safe=_IN_QUERY).encode() if query else target
