"""What goes before and after a response: early hints (RFC 8297) and trailers (RFC 9110, 6.5), where the server can."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rejoinder import EventSourceResponse, JSONLinesResponse, Outcome, Response, ServerTiming, StreamingResponse
from rejoinder.testing import Answer, Exchange, fetch, run

HINT, TRAILERS = "http.response.early_hint", "http.response.trailers"
LINKS = ["</style.css>; rel=preload; as=style", "<https://cdn.example>; rel=preconnect"]
HINTED = {"type": HINT, "links": [link.encode() for link in LINKS]}
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def get(response: Any, method: str = "GET", *extensions: str, backend: str = "asyncio", **options: Any) -> Answer:
    return run(lambda: fetch(response, method, extensions=extensions, **options), backend=backend)


def kinds(answer: Answer) -> list[str]:
    return [message["type"].removeprefix("http.response.") for message in answer.messages]


@BACKENDS
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda **options: Response("a", **options), id="Response"),
        pytest.param(lambda **options: Response.lazy(lambda: "a", **options), id="lazy"),
        pytest.param(lambda **options: StreamingResponse(["a"], **options), id="StreamingResponse"),
        pytest.param(lambda **options: JSONLinesResponse(["a"], **options), id="JSONLinesResponse"),
    ],
)
def test_hints(make: Any, backend: str) -> None:
    answer = get(make(early_hints=LINKS), "GET", HINT, backend=backend)
    assert kinds(answer)[:3] == ["early_hint", "start", "body"]
    assert answer.messages[0] == HINTED
    assert answer.headers.get("link") is None


@pytest.mark.parametrize(
    ("method", "extensions", "options", "why"),
    [
        ("GET", [], {}, "not offered"),
        ("HEAD", [HINT], {}, "nothing to show"),
        ("GET", [HINT], {"headers": {"If-None-Match": '"a"'}}, "nothing to wait for"),
        ("GET", [HINT, "websocket.http.response"], {"type": "websocket"}, "a denial"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda **options: Response("a", **options),
        lambda **options: Response.lazy(lambda: "a", **options),
        lambda **options: StreamingResponse(["a"], **options),
    ],
)
def test_no_hints(make: Any, method: str, extensions: list[str], options: Any, why: str) -> None:
    answer = get(make(early_hints=LINKS, etag="a"), method, *extensions, **options)
    assert "early_hint" not in kinds(answer)


@BACKENDS
@pytest.mark.parametrize("kind", ["lazy", "stream"])
def test_hints_come_before_the_content_is_made(kind: str, backend: str) -> None:
    sent: list[Any] = []

    async def build() -> str:
        sent.extend(exchange.messages)
        return "a"

    async def items() -> AsyncIterator[str]:
        yield await build()

    response = (
        Response.lazy(build, early_hints=LINKS) if kind == "lazy" else StreamingResponse(items(), early_hints=LINKS)
    )
    exchange = Exchange(response, extensions=[HINT])

    async def main() -> None:
        async with exchange:
            assert await exchange.body() == b"a"

    run(main, backend=backend)
    assert sent == [HINTED]


@BACKENDS
@pytest.mark.parametrize("kind", ["lazy", "stream"])
def test_a_client_that_leaves_at_the_hints(kind: str, backend: str) -> None:
    closed: list[bool] = []
    outcomes: list[Outcome] = []

    class Items:
        def __aiter__(self) -> "Items":
            return self

        async def __anext__(self) -> str:
            raise AssertionError

        async def aclose(self) -> None:
            closed.append(True)

    async def build() -> str:
        raise AssertionError

    options: dict[str, Any] = {"early_hints": LINKS, "on_finish": outcomes.append}
    response = Response.lazy(build, **options) if kind == "lazy" else StreamingResponse(Items(), **options)

    async def main() -> None:
        async with Exchange(response, extensions=[HINT], spec_version="2.4", disconnect_after=0) as exchange:
            assert await exchange.read() == b""

    run(main, backend=backend)
    assert closed == ([] if kind == "lazy" else [True])
    assert [outcome.ending.value for outcome in outcomes] == ["disconnected"]


# Trailers


@BACKENDS
def test_trailers(backend: str) -> None:
    rows = 0

    async def items() -> AsyncIterator[str]:
        nonlocal rows
        for _ in range(3):
            rows += 1
            yield "a"

    response = StreamingResponse(
        items(), trailers={"X-Rows": lambda: rows, "server-timing": lambda: ServerTiming("db", 5)}
    )
    answer = get(response, "GET", TRAILERS, backend=backend)
    assert answer.body == b"aaa"
    assert answer.messages[0]["trailers"] is True
    assert answer.headers.get("trailer") == "x-rows, server-timing"
    assert answer.messages[-1] == {
        "type": TRAILERS,
        "headers": [(b"x-rows", b"3"), (b"server-timing", b"db;dur=5")],
        "more_trailers": False,
    }


@pytest.mark.parametrize(
    ("method", "extensions", "options"),
    [
        pytest.param("GET", [], {}, id="not offered"),
        pytest.param("HEAD", [TRAILERS], {}, id="HEAD"),
        pytest.param("GET", [TRAILERS], {"headers": {"If-None-Match": '"a"'}}, id="304"),
        pytest.param("GET", [TRAILERS, "websocket.http.response"], {"type": "websocket"}, id="a denial"),
    ],
)
def test_no_trailers(method: str, extensions: list[str], options: Any) -> None:
    called: list[int] = []

    def tell() -> str:
        called.append(1)
        return "b"

    response = StreamingResponse(["a"], etag="a", trailers={"x-a": tell})
    answer = get(response, method, *extensions, **options)
    assert "trailers" not in kinds(answer)
    assert "trailers" not in answer.messages[0]
    assert answer.headers.get("trailer") is None
    assert called == []


@BACKENDS
@pytest.mark.parametrize("value", ["a\r\nb: c", 1.5, ZeroDivisionError()])
def test_a_trailer_that_cannot_be_told_cuts_the_connection(value: Any, backend: str) -> None:
    """What is sent without the trailers that were promised must not look complete."""

    def tell() -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    outcomes: list[Outcome] = []
    response = StreamingResponse(["a"], trailers={"x-a": tell}, on_finish=outcomes.append)
    exchange = Exchange(response, extensions=[TRAILERS])

    async def main() -> None:
        async with exchange:
            await exchange.body()

    with pytest.raises((ValueError, ZeroDivisionError)):
        run(main, backend=backend)
    assert not any(message["type"] == TRAILERS or message.get("more_body") is False for message in exchange.messages)
    assert [outcome.ending.value for outcome in outcomes] == ["failed"]


def test_a_stream_that_on_error_ends_has_its_trailers() -> None:
    def items() -> Any:
        yield "a"
        raise OSError("gone")

    answer = get(StreamingResponse(items(), on_error=str, trailers={"x-a": "b"}), "GET", TRAILERS)
    assert answer.body == b"agone"
    assert answer.messages[-1]["headers"] == [(b"x-a", b"b")]


def test_a_response_sent_twice_has_its_own() -> None:
    response = EventSourceResponse([1], content_digest=True, trailers={"x-a": "b"})
    first, second = (get(response, "GET", TRAILERS).messages[-1] for _ in range(2))
    assert first == second


def test_a_stream_has_no_hash_to_begin_with() -> None:
    with pytest.raises(ValueError, match="made while it is sent"):
        StreamingResponse(["a"], etag=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("trailers", [{"content-type": "a"}, [("a", "b")], {"a": 1.5}])
def test_mistakes(trailers: Any) -> None:
    with pytest.raises(ValueError, match=r"trailers|trailer|meaning|header"):
        StreamingResponse(["a"], trailers=trailers)
