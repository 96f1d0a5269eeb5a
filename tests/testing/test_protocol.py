"""Every rule an app can break: a row that breaks it, and beside it the nearest thing that is legal."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rejoinder.testing import Answer, Exchange, ProtocolViolation, fetch, run

BACKENDS = ["asyncio", "trio"]
FILE = str(Path(__file__).resolve())
SIZE = str(Path(FILE).stat().st_size).encode()
DENIAL = "websocket.http.response"


def start(status: Any = 200, *headers: Any, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(content: Any = b"", more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more_body}


def message(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


def length(value: bytes) -> tuple[bytes, bytes]:
    return b"content-length", value


def offer(*extensions: str) -> dict[str, Any]:
    return {"extensions": extensions}


@dataclass
class Row:
    bad: list[Any]
    good: list[Any]
    text: str
    options: dict[str, Any] = field(default_factory=dict)
    good_options: dict[str, Any] | None = None


HEAD, WEBSOCKET = {"method": "HEAD"}, {"type": "websocket"}
DENY = {**WEBSOCKET, **offer(DENIAL)}
ALL = offer("http.response.early_hint", "http.response.push", "http.response.debug")
TRAILERS, PATH, ZERO = (offer(f"http.response.{name}") for name in ("trailers", "pathsend", "zerocopysend"))
HINT, PUSH = message("http.response.early_hint", links=[b"</a>"]), message("http.response.push", path="/a", headers=[])
DEBUG = message("http.response.debug", info={})
TRAILER = message("http.response.trailers", headers=[(b"x", b"1")])
PATHSEND = message("http.response.pathsend", path=FILE)
ACCEPT, CLOSE = message("websocket.accept"), message("websocket.close")
DENY_START, DENY_BODY = message(f"{DENIAL}.start", status=401, headers=[]), message(f"{DENIAL}.body", body=b"no")
MORE_TRAILERS = message("http.response.trailers", headers=[], more_trailers=True)

ORDER = {
    "two starts": Row(
        [start(), start()], [start(), body()], r"'http.response.start' was sent between .*HTTP: Response Start"
    ),
    "start after the end": Row([start(), body(), start()], [start(), body()], r"start' was sent after the end"),
    "body before start": Row([body()], [start(), body()], r"body' was sent before .*HTTP: Response Body"),
    "body after the end": Row([start(), body(b"a"), body()], [start(), body(b"a", True), body()], "after the end"),
    "nothing": Row([], [start(), body()], "returned without a response"),
    "start only": Row([start()], [start(), body()], "returned within the body, after 0 bytes;"),
    "no last body": Row([start(), body(b"ab", True)], [start(), body(b"ab", True), body()], "after 2 bytes;"),
    "no last body, length known": Row(
        [start(200, length(b"3")), body(b"ab", True)],
        [start(200, length(b"3")), body(b"ab", True), body(b"c")],
        "after 2 bytes of the 3 that content-length",
    ),
    "unknown message": Row([start(), message("http.response.end")], [start(), body()], "knows no such message"),
    "message without type": Row([{"status": 200}], [start(), body()], "knows no such message"),
    "type that is not a str": Row([{"type": b"http.response.start"}], [start(), body()], "knows no such message"),
    "WebSocket message": Row([CLOSE], [start(), body()], "no such message in 'http' scopes"),
}
EXTENSIONS = {
    "debug after start": Row([start(), DEBUG], [DEBUG, start(), body()], "debug' was sent between", ALL),
    "debug not offered": Row([DEBUG], [DEBUG, start(), body()], "not offer .*debug", {}, ALL),
    "hint after start": Row([start(), HINT], [HINT, HINT, start(), body()], "hint' was sent between .*15.2", ALL),
    "hint not offered": Row([HINT], [HINT, start(), body()], "not offer .*early_hint", {}, ALL),
    "hint without links": Row([{**HINT, "links": []}], [HINT, start(), body()], "not some bytes", ALL),
    "hint of one": Row([{**HINT, "links": b"</a>"}], [HINT, start(), body()], "not some bytes", ALL),
    "hint of text": Row([{**HINT, "links": ["</a>"]}], [HINT, start(), body()], "no value of a header", ALL),
    "hint of two lines": Row([{**HINT, "links": [b"</a>\r\nb: c"]}], [HINT, start(), body()], "no value", ALL),
    "push after the end": Row([start(), body(), PUSH], [start(), PUSH, body()], "push' was sent after", ALL),
    "push not offered": Row([start(), PUSH], [start(), PUSH, body()], "not offer .*push", {}, ALL),
    "push with bad header": Row([start(), {**PUSH, "headers": [(b"A", b"")]}], [start(), PUSH, body()], "lower", ALL),
    "path not offered": Row([start(), PATHSEND], [start(), PATHSEND], "not offer .*pathsend", {}, PATH),
    "path after body": Row([start(), body(b"a", True), PATHSEND], [start(), PATHSEND], "after body messages", PATH),
    "path twice": Row([start(), PATHSEND, PATHSEND], [start(), PATHSEND], "after the end", PATH),
    "path relative": Row([start(), {**PATHSEND, "path": "a"}], [start(), PATHSEND], "not an absolute", PATH),
    "path as bytes": Row([start(), {**PATHSEND, "path": b"/a"}], [start(), PATHSEND], "not an absolute", PATH),
    "path, wrong length": Row(
        [start(200, length(b"1")), PATHSEND],
        [start(200, length(SIZE)), PATHSEND],
        f"announces 1 bytes, the body has {SIZE.decode()} ",
        PATH,
    ),
    "zero copy not offered": Row(
        [start(), message("http.response.zerocopysend", file=None)], [start(), body()], "not offer .*zerocopysend"
    ),
    "trailers not offered": Row(
        [start(trailers=True)], [start(trailers=True), body(), TRAILER], "trailers were announced", {}, TRAILERS
    ),
    "trailers not announced": Row(
        [start(), body(), TRAILER], [start(trailers=True), body(), TRAILER], "trailers' was sent after", TRAILERS
    ),
    "trailers before the end of the body": Row(
        [start(trailers=True), TRAILER], [start(trailers=True), body(), TRAILER], "trailers' was sent betw", TRAILERS
    ),
    "trailers promised": Row(
        [start(trailers=True), body()], [start(trailers=True), body(), TRAILER], "without the trailers", TRAILERS
    ),
    "trailers unfinished": Row(
        [start(trailers=True), body(), MORE_TRAILERS],
        [start(trailers=True), body(), MORE_TRAILERS, TRAILER],
        "without the trailers",
        TRAILERS,
    ),
    "trailers without fields": Row(
        [start(trailers=True), body(), message("http.response.trailers")],
        [start(trailers=True), body(), TRAILER],
        "without headers",
        TRAILERS,
    ),
    "body instead of trailers": Row(
        [start(trailers=True), body(), body()], [start(trailers=True), body(), TRAILER], "body' was sent b", TRAILERS
    ),
}
FIELDS = {
    f"header {name}": Row([start(200, bad)], [start(200, good), body()], text)
    for name, bad, good, text in [
        ("name str", ("a", b"b"), (b"a", b"b"), "not a pair of bytes"),
        ("value str", (b"a", "b"), [b"a", b"b"], "not a pair of bytes"),
        ("value bytearray", (b"a", bytearray(b"b")), (b"a", b"b"), "not a pair of bytes"),
        ("triple", (b"a", b"b", b"c"), (b"a", b"b"), "not a pair of bytes"),
        ("not a pair", b"ab", (b"a", b"b"), "not a pair of bytes"),
        ("name capital", (b"Etag", b"b"), (b"etag", b"b"), "b'Etag' is not a token"),
        ("name empty", (b"", b"b"), (b"e", b"b"), "not a token"),
        ("name with space", (b"a b", b"b"), (b"a-b", b"b"), "not a token"),
        ("name with colon", (b":a", b"b"), (b"!#$%&'*+-.^_`|~09az", b"b"), "not a token"),
        ("name with newline", (b"a\n", b"b"), (b"a", b"b"), "not a token"),
        ("value CR", (b"a", b"b\rc"), (b"a", b"b c"), r"has b'\\r' in its value .*5\.5"),
        ("value LF", (b"a", b"b\n"), (b"a", b"b"), r"has b'\\n'"),
        ("value NUL", (b"a", b"\x00"), (b"a", b""), r"has b'\\x00'"),
        ("value DEL", (b"a", b"\x7f"), (b"a", b"\x80\xff~"), r"has b'\\x7f'"),
        ("value control", (b"a", b"\x1f"), (b"a", b"\t "), r"has b'\\x1f'"),
        ("length twice", length(b"0"), (b"x", b"0"), "sent 2 times"),
        ("length signed", length(b"+0"), length(b"0"), "not decimal digits"),
        ("length empty", length(b""), length(b"00"), "not decimal digits"),
        ("length of superscripts", length("²".encode("latin-1")), length(b"0"), "not decimal digits"),
    ]
}
FIELDS["header length twice"] = Row(
    [start(200, length(b"0"), length(b"0"))], [start(200, length(b"0"), (b"x", b"0")), body()], "sent 2 times"
)
STATUS = {
    f"status {bad!r}": Row([start(bad)], [start(good), body()], "not an int from 100 to 599")
    for bad, good in [(99, 100), (600, 599), ("200", 200), (200.0, 200), (None, 200), (True, 201)]
}
LENGTH = {
    "too many": Row([start(200, length(b"2")), body(b"abc")], [start(200, length(b"3")), body(b"abc")], "has 3 \\("),
    "too many at once": Row(
        [start(200, length(b"1")), body(b"ab", True)],
        [start(200, length(b"1")), body(b"a", True), body()],
        "has 2 already, and more",
    ),
    "too few": Row([start(200, length(b"4")), body(b"abc")], [start(200, length(b"3")), body(b"abc")], "announces 4"),
    "any at all": Row([start(200, length(b"0")), body(b"a")], [start(200, length(b"0")), body()], "announces 0"),
    "content for HEAD": Row(
        [start(200, length(b"3")), body(b"abc")], [start(200, length(b"3")), body()], "HEAD has none", HEAD
    ),
    "long content for HEAD": Row([start(), body(b"x" * 50)], [start(), body()], r"x{40}'\.\.\. \(50 bytes\)", HEAD),
    "content for 304": Row(
        [start(304, length(b"3")), body(b"abc")], [start(304, length(b"3")), body()], "304 has none .*15.4.5"
    ),
    "content for 204": Row([start(204), body(b"a")], [start(204), body()], "204 has none .*15.3.5"),
    "content for 205": Row([start(205), body(b"a")], [start(205, length(b"0")), body()], "205 has none .*15.3.6"),
    "content for 199": Row([start(199), body(b"a")], [start(199), body()], "199 has none .*15.2"),
    "content for 200": Row([start(204), body(b"a")], [start(200), body(b"a")], "204 has none"),
    "length for 204": Row([start(204, length(b"0"))], [start(204), body()], "with status 204: MUST NOT"),
    "length for 100": Row([start(100, length(b"0"))], [start(200, length(b"0")), body()], "with status 100"),
    "body str": Row([start(), body("a")], [start(), body(b"a")], "of type str, not bytes"),
    "body memoryview": Row([start(), body(memoryview(b"a"))], [start(), body(b"a")], "of type memoryview"),
    "body default": Row([start(), body(None)], [start(), message("http.response.body")], "of type NoneType"),
    "headers default": Row([start(), start()], [message("http.response.start", status=200), body()], "start"),
}
SOCKET = {
    "no answer": Row([], [CLOSE], "without an answer to 'websocket.connect'", WEBSOCKET),
    "HTTP message": Row([start()], [CLOSE], "no such message in 'websocket' scopes", WEBSOCKET),
    "denial not offered": Row([DENY_START], [DENY_START, DENY_BODY], "not offer .*Denial", WEBSOCKET, DENY),
    "denial cut": Row([DENY_START], [DENY_START, DENY_BODY], "returned within the body", DENY),
    "denial length": Row(
        [{**DENY_START, "headers": [length(b"1")]}, DENY_BODY],
        [{**DENY_START, "headers": [length(b"2")]}, DENY_BODY],
        "announces 1",
        DENY,
    ),
    "denial twice": Row([DENY_START, DENY_START], [DENY_START, DENY_BODY], "start' was sent between", DENY),
    "denial of what is accepted": Row([ACCEPT, DENY_START], [ACCEPT], "sent on an accepted WebSocket", DENY),
    "close after denial": Row([DENY_START, DENY_BODY, CLOSE], [DENY_START, DENY_BODY], "close' was sent after", DENY),
    "accept twice": Row([ACCEPT, ACCEPT], [ACCEPT, CLOSE], "accept' was sent on an", WEBSOCKET),
    "accept with bad header": Row(
        [{**ACCEPT, "headers": [(b"A", b"")]}], [{**ACCEPT, "headers": [(b"a", b"")]}], "not a token", WEBSOCKET
    ),
    "send before accept": Row(
        [message("websocket.send", text="a")],
        [ACCEPT, message("websocket.send", text="a"), message("websocket.send", bytes=b"a", text=None)],
        "send' was sent before",
        WEBSOCKET,
    ),
    "send nothing": Row(
        [ACCEPT, message("websocket.send")],
        [ACCEPT, message("websocket.send", bytes=b"")],
        "bytes or text, and one of them",
        WEBSOCKET,
    ),
    "send both": Row(
        [ACCEPT, message("websocket.send", bytes=b"", text="")],
        [ACCEPT, message("websocket.send", text="")],
        "bytes or text, and one of them",
        WEBSOCKET,
    ),
    "send after close": Row(
        [ACCEPT, CLOSE, message("websocket.send", text="a")], [ACCEPT, CLOSE], "send' was sent after", WEBSOCKET
    ),
}
ROWS = {**ORDER, **EXTENSIONS, **FIELDS, **STATUS, **LENGTH, **SOCKET}


def ask(messages: list[Any], options: dict[str, Any], backend: str = "asyncio", swallow: bool = False) -> Answer:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for one in messages:
            try:
                await send(one)
            except ProtocolViolation:
                if not swallow:
                    raise

    async def main() -> Answer:
        return await fetch(app, **options)

    return run(main, backend=backend)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_violation_fails_the_test_and_names_the_rule(row: Row) -> None:
    with pytest.raises(ProtocolViolation, match=row.text) as caught:
        ask(row.bad, row.options)
    assert "ASGI" in str(caught.value) or "RFC 9110, " in str(caught.value)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_its_legal_neighbour_passes(row: Row) -> None:
    answer = ask(row.good, row.options if row.good_options is None else row.good_options)
    assert [dict(message) for message in answer.messages] == row.good
    assert answer.complete or ACCEPT["type"] in row.good[0]["type"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.bad], ids=[n for n, row in ROWS.items() if row.bad]
)
def test_an_app_that_swallows_it_does_not_get_away_with_it(row: Row, backend: str) -> None:
    with pytest.raises(ProtocolViolation, match=row.text):
        ask(row.bad, row.options, backend, swallow=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_violation_is_raised_into_send_and_again_by_every_read(backend: str) -> None:
    raised: list[Exception] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        try:
            await send(start())
        except ProtocolViolation as violation:
            raised.append(violation)
        await send(body(b"never seen"))

    async def main() -> None:
        async with Exchange(app) as exchange:
            for _ in range(2):
                with pytest.raises(ProtocolViolation) as caught:
                    await exchange.read()
                assert raised == [caught.value]
        assert exchange.content == b""
        assert exchange.messages == [start(), start(), body(b"never seen")]

    run(main, backend=backend)


def test_violations_after_the_last_read_are_raised_at_the_end_of_the_block() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"all"))
        await send(body(b"more"))

    async def main() -> None:
        async with Exchange(app) as exchange:
            assert await exchange.body() == b"all"
            reached.append("the end of the block")

    reached: list[str] = []
    with pytest.raises(ProtocolViolation, match="after the end"):
        run(main)
    assert reached


def test_a_violation_is_found_though_the_client_has_left() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(start())

    async def main() -> None:
        await fetch(app, disconnect_after=0)

    with pytest.raises(ProtocolViolation, match="start' was sent between"):
        run(main)


def test_an_app_may_stop_where_it_is_once_the_client_has_left() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, length(b"3")))
        await send(body(b"a", more_body=True))

    async def main() -> Answer:
        return await fetch(app, disconnect_after=1)

    answer = run(main)
    assert (answer.status, answer.body, answer.complete) == (200, b"", False)


def test_headers_may_come_from_an_iterator_and_are_checked_all_the_same() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": iter([length(b"9")])})
        await send(body(b"short"))

    async def main() -> None:
        await fetch(app)

    with pytest.raises(ProtocolViolation, match="announces 9 bytes, the body has 5"):
        run(main)
