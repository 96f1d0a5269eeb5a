"""What a proxy passes on: a line with path and query, then a header section."""

import posixpath
import re
from urllib.parse import unquote_to_bytes

from fuzz._requests import Fields, read_fields
from rejoinder._http.fields import checked
from rejoinder._http.forwarding import forward_request, forward_response, override, path_beneath

SEEDS = [
    b"/users/7?full=1\nhost: a\nconnection: x-hop, close\nx-hop: 1\naccept: */*",
    b"/a/%2e%2e%5c..;x/b\nConnection: a\nConnection: ,b;, Upgrade \na: 1\nb: 2\nvia: 1.0 x",
    b"//evil.example/..%2f\nte: trailers\ntransfer-encoding: chunked\ncontent-length: 5",
    b"/a b\xc3\xa9%zz#?q=\xc3 #?\r\nX: 1\nset-cookie: a=1\nset-cookie: b=2",
    b"/..%00/.\nx-accel-redirect: /secret\nX-Sendfile: /etc/passwd\ndate: x\nserver: y",
    b"\nkeep-alive: 1\nproxy-authorization: x\nexpect: 100-continue",
]
BASE = b"/api/v1"
OF_ONE_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-authorization"}
_is_target = re.compile(rb"/[!$-;=?@-Z_a-z~]*").fullmatch


def target(data: bytes) -> None:
    first, *lines = data.split(b"\n")
    path, _, query = first.partition(b"?")
    beneath = path_beneath(BASE, path, query)
    if beneath is not None:
        assert _is_target(beneath)
        asked, _, rest = beneath.partition(b"?")
        assert unquote_to_bytes(rest) == unquote_to_bytes(query)
        assert path_beneath(BASE, asked.removeprefix(BASE), rest) == beneath
        for read in (
            asked,
            unquote_to_bytes(asked),
            unquote_to_bytes(asked).replace(b"\\", b"/"),
            without_parameters(asked),
        ):
            assert (posixpath.normpath(read.replace(b"//", b"/")) + b"/").startswith(BASE + b"/")
    check_fields(read_fields(lines))


def check_fields(fields: Fields) -> None:
    options = [value.split(b",") for name, value in fields if name == b"connection"]
    named = {option.strip(b" \t").lower() for each in options for option in each}
    for forward in (forward_request, forward_response):
        try:
            passed = forward(fields, "2", "us")
        except ValueError:
            continue
        assert passed[-1] == (b"via", b"2 us") or b"via" in named
        assert is_in_order(passed[:-1], fields)
        assert {name for name, _ in passed}.isdisjoint(OF_ONE_HOP | named - {b"via"})
        assert checked(passed) == passed
        assert re.fullmatch(rb"[0-9]*", b"".join(value for name, value in passed if name == b"content-length"))
        assert forward is forward_request or not any(name.startswith(b"x-accel-") for name, _ in passed)
    assert override(fields, []) == fields
    assert [field for field in override([], fields) if field[0] == b"set-cookie"] == [
        field for field in fields if field[0] == b"set-cookie"
    ]


def is_in_order(some: Fields, all_of_them: Fields) -> bool:
    rest = iter(all_of_them)
    return all(field in rest for field in some)


def without_parameters(path: bytes) -> bytes:
    """As some servers read it."""
    return b"/".join(segment.partition(b";")[0] for segment in unquote_to_bytes(path).split(b"/"))
