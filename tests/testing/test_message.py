"""What a test can ask of what was sent."""

from typing import Any

import pytest

from rejoinder.testing import Answer, Head, Headers, Message, fetch, run

BACKENDS = ["asyncio", "trio"]


def test_headers_are_a_list_of_pairs() -> None:
    pairs = [(b"etag", b'"1"'), (b"x-name", b"\xe9")]
    headers = Headers(pairs)
    assert headers == pairs
    assert (b"etag", b'"1"') in headers
    assert (b"etag", b'"2"') not in headers


@pytest.mark.parametrize("name", ["etag", "ETag", "ETAG"])
def test_headers_are_found_in_any_case(name: Any) -> None:
    for field in b"etag", b"ETag":
        headers = Headers([(b"vary", b"x"), (field, b"\xe9")])
        assert (headers.get(name), headers.get_all(name), name in headers) == ("é", ["é"], True)


def test_headers_that_are_repeated_or_missing() -> None:
    etag: Any = "etag"
    date: Any = "date"
    headers = Headers([(b"vary", b"a"), (b"etag", b""), (b"vary", b"b")])
    assert (headers.get("vary"), headers.get_all("vary")) == ("a, b", ["a", "b"])
    assert (headers.get(etag), etag in headers) == ("", True)
    assert (headers.get(date), headers.get_all(date), date in headers) == (None, [], False)


def test_a_message_is_a_dict_with_a_time() -> None:
    message = Message({"type": "a"}, time=2.0)
    assert message == {"type": "a"}
    assert message.time == 2.0


def test_a_message_is_what_it_was_when_it_was_sent() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"a", b"1")]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        headers.append((b"b", b"2"))
        start["status"] = 500
        await send({"type": "http.response.body"})

    async def main() -> Answer:
        return await fetch(app)

    assert run(main).head == Head(200, Headers([(b"a", b"1")]))


def test_headers_given_as_lists_are_seen_as_pairs() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [[b"a", b"1"]]})
        await send({"type": "http.response.body"})

    async def main() -> Answer:
        return await fetch(app)

    assert run(main).headers == [(b"a", b"1")]


WEBSOCKET: dict[str, tuple[list[dict[str, Any]], int, list[Any], bytes]] = {
    "closed": ([{"type": "websocket.close", "code": 1008}], 403, [], b""),
    "accepted": (
        [
            {"type": "websocket.accept", "headers": [(b"a", b"1")]},
            {"type": "websocket.send", "text": "é"},
            {"type": "websocket.send", "bytes": b"!"},
            {"type": "websocket.close"},
        ],
        101,
        [(b"a", b"1")],
        "é!".encode(),
    ),
    "denied": (
        [
            {"type": "websocket.http.response.start", "status": 401, "headers": [(b"b", b"2")]},
            {"type": "websocket.http.response.body", "body": b"n", "more_body": True},
            {"type": "websocket.http.response.body", "body": b"o"},
        ],
        401,
        [(b"b", b"2")],
        b"no",
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("messages", "status", "headers", "body"), WEBSOCKET.values(), ids=WEBSOCKET.keys())
def test_the_head_of_a_websocket(
    messages: list[dict[str, Any]], status: int, headers: list[Any], body: bytes, backend: str
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def main() -> Answer:
        return await fetch(app, type="websocket", extensions=["websocket.http.response"])

    answer = run(main, backend=backend)
    assert (answer.status, answer.headers, answer.body, answer.complete) == (status, headers, body, True)


def test_no_head_was_sent() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.debug", "info": {}})

    async def main() -> Answer:
        return await fetch(app, disconnect_after=1, extensions=["http.response.debug"])

    answer = run(main)
    for ask in (lambda: answer.head, lambda: answer.status, lambda: answer.headers):
        with pytest.raises(AssertionError, match=r"sent no head; it sent \[.*http\.response\.debug"):
            ask()
