"""Server-sent events as a response."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from rejoinder.sse import Channel, EventSourceResponse, ServerSentEvent
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

PING = b": ping\n\n"


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Any:
    if request.param == "trio":
        pytest.importorskip("trio")
    return request.param


def answer(app: Any, method: str = "GET", **options: Any) -> Answer:
    return run(lambda: fetch(app, method, **options))


ITEMS = [{"a": 1}, "text", ServerSentEvent(data=1, event="e", id="7"), b": verbatim\n\n"]
SENT = b'data: {"a":1}\n\ndata: "text"\n\nevent: e\ndata: 1\nid: 7\n\n: verbatim\n\n'


async def asynchronously() -> AsyncIterator[object]:
    for item in ITEMS:
        yield item


@contextlib.contextmanager
def managed() -> Iterator[list[Any]]:
    yield ITEMS


SOURCES: list[Any] = [
    pytest.param(lambda: ITEMS, id="list"),
    pytest.param(lambda: iter(ITEMS), id="iterator"),
    pytest.param(asynchronously, id="async-generator"),
    pytest.param(managed, id="context-manager"),
    pytest.param(lambda: lambda last: ITEMS, id="function"),
    pytest.param(lambda: lambda last: asynchronously(), id="function-of-an-async-generator"),
]


@pytest.mark.parametrize("make", SOURCES)
def test_the_items_of_every_kind_of_source(make: Callable[[], object], backend: Any) -> None:
    async def main() -> None:
        assert (await fetch(EventSourceResponse(make()))).body == SENT

    run(main, backend=backend)


def test_the_head() -> None:
    sent = answer(EventSourceResponse(ITEMS))
    assert sent.status == 200
    assert sorted(sent.headers) == [
        (b"cache-control", b"no-cache"),
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-accel-buffering", b"no"),
    ]


def test_headers_of_the_user_win() -> None:
    sent = answer(EventSourceResponse([], headers={"Cache-Control": "no-store", "X-Accel-Buffering": "yes"}))
    assert sent.headers.get_all("cache-control") == ["no-store"]
    assert sent.headers.get_all("x-accel-buffering") == ["yes"]


@pytest.mark.parametrize("content", [ITEMS, asynchronously, lambda last: ITEMS], ids=["list", "async", "function"])
def test_the_body_iterator_gives_what_is_sent(content: Any, backend: Any) -> None:
    async def main() -> None:
        response = EventSourceResponse(content() if content is asynchronously else content)
        assert b"".join([chunk async for chunk in response.body_iterator]) == SENT

    run(main, backend=backend)


def test_a_body_iterator_that_was_replaced_is_sent_as_it_is() -> None:
    response = EventSourceResponse(lambda last: ITEMS)
    response.body_iterator = iter([b": as it is\n\n"])
    assert answer(response).body == b": as it is\n\n"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204)])
def test_head_and_204_ask_nobody_for_events(method: str, status: int) -> None:
    def explode(last_event_id: str | None) -> Any:
        raise AssertionError

    sent = answer(EventSourceResponse(explode, status), method)
    assert (sent.status, sent.body) == (status, b"")


def test_retry_comes_first() -> None:
    assert answer(EventSourceResponse([1], retry=0)).body == b"retry: 0\n\ndata: 1\n\n"


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(b"last-event-id", "größe\0".encode().rstrip(b"\0"))], "größe", id="utf-8"),
        pytest.param([(b"last-event-id", b"\xff\xfe")], "\ufffd\ufffd", id="not-utf-8"),
    ],
)
def test_a_function_is_given_the_last_event_id_once_a_request(headers: Any, given: str | None) -> None:
    asked: list[str | None] = []

    def source(last_event_id: str | None) -> list[str | None]:
        asked.append(last_event_id)
        return [last_event_id]

    response = EventSourceResponse(source)
    for number in (1, 2):
        assert answer(response, headers=headers).body.startswith(b"data: ")
        assert asked == [given] * number


def test_what_on_error_returns_is_the_last_event() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("broken")

    response = EventSourceResponse(source(), on_error=lambda error: ServerSentEvent(event="failed", data=str(error)))
    assert answer(response).body == b'data: 1\n\nevent: failed\ndata: "broken"\n\n'


def test_an_item_that_cannot_be_sent_cuts_the_connection_after_those_before_it() -> None:
    async def main() -> None:
        async with Exchange(EventSourceResponse([1, object()])) as exchange:
            assert await exchange.read() == b"data: 1\n\n"
            with pytest.raises(TypeError, match="not JSON"):
                await exchange.read()

    run(main)


def test_a_ping_after_a_while_without_events(backend: Any) -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep(10)
        yield 2
        await anyio.sleep(35)
        yield 3

    async def main() -> None:
        arrived = []
        async with Exchange(EventSourceResponse(source())) as exchange:
            async for chunk in exchange:
                arrived.append((round(anyio.current_time()), chunk))
        assert arrived == [
            (0, b"data: 1\n\n"),
            (10, b"data: 2\n\n"),
            (25, PING),
            (40, PING),
            (45, b"data: 3\n\n"),
        ]

    run(main, backend=backend)


def test_no_ping_where_it_is_off() -> None:
    async def source() -> AsyncIterator[int]:
        await anyio.sleep(3600)
        yield 1

    assert answer(EventSourceResponse(source(), ping=None), patience=7200).body == b"data: 1\n\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"ping": 0}, "keepalive", id="ping-of-nothing"),
        pytest.param({"ping": -1}, "keepalive", id="negative-ping"),
        pytest.param({"ping": float("nan")}, "keepalive", id="ping-of-no-number"),
        pytest.param({"retry": -1}, "retry", id="negative-retry"),
        pytest.param({"status_code": 99}, "status", id="status"),
    ],
)
def test_mistakes_are_told_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EventSourceResponse([], **options)


def test_clients_of_a_channel(backend: Any) -> None:
    async def main() -> None:
        channel = Channel()
        response = EventSourceResponse(channel.subscribe)
        first = await channel.publish("before")
        async with Exchange(response) as new, Exchange(response, headers={"last-event-id": "gone"}) as old:
            await new.start()
            await old.start()
            await anyio.wait_all_tasks_blocked()
            assert len(channel._subscribers) == 2
            second = await channel.publish({"a": 1})
            live = b'data: {"a":1}\nid: %s\n\n' % second.encode()
            assert await new.read() == live
            received = b""
            while not received.endswith(live):
                received += await old.read()
            assert received == (
                b'event: gap\ndata: {"after":"gone"}\n\ndata: "before"\nid: %s\n\n' % first.encode() + live
            )
            await new.disconnect()
        assert not channel._subscribers

    run(main, backend=backend)


def test_what_is_published_without_waiting_leaves_together(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rejoinder._channel.clock", lambda: 0.0)

    async def main() -> None:
        channel = Channel()
        async with Exchange(EventSourceResponse(channel.subscribe)) as exchange:
            await exchange.start()
            await anyio.wait_all_tasks_blocked()
            began = anyio.current_time()
            ids = [(await channel.publish(number)).encode() for number in range(4)]
            events = b"".join([b"data: %d\nid: %s\n\n" % event for event in enumerate(ids)])
            received = await exchange.read()
            if received != events:  # the first had a turn of its own
                received += await exchange.read()
            assert received == events
            assert anyio.current_time() == pytest.approx(began, abs=0.01)  # and not when the keep-alive is due

    run(main, backend=backend)


def test_a_subscription_that_was_begun_goes_on_as_a_stream(backend: Any) -> None:
    async def main() -> None:
        channel = Channel()
        first, second = await channel.publish(1), await channel.publish(2)
        subscription = channel.subscribe("unknown")
        assert b'"after"' in (await anext(subscription)).encoded
        assert (await anext(subscription)).id == first
        channel.close()
        answer = await fetch(EventSourceResponse(subscription))
        assert answer.body == b"data: 2\nid: %s\n\n" % second.encode()
        assert not channel._subscribers
        assert (await fetch(EventSourceResponse(subscription))).body == b""  # as a generator that has ended

    run(main, backend=backend)


@pytest.mark.parametrize("iterated", [pytest.param(False, id="new"), pytest.param(True, id="begun")])
def test_a_subscription_that_is_not_sent_ends(backend: Any, *, iterated: bool) -> None:
    async def main() -> None:
        channel = Channel()
        await channel.publish(1)
        subscription = channel.subscribe("unknown")
        if iterated:
            await anext(subscription)
        await fetch(EventSourceResponse(subscription), "HEAD")
        assert not channel._subscribers

    run(main, backend=backend)


def test_the_end_of_a_channel_is_the_end_of_the_streams(backend: Any) -> None:
    async def main() -> None:
        channel = Channel()
        async with Exchange(EventSourceResponse(channel.subscribe)) as exchange:
            await exchange.start()
            await channel.publish(1)
            channel.close()
            assert (await exchange.body()).startswith(b"data: 1\nid: ")

    run(main, backend=backend)


def test_a_shutdown_ends_the_stream_after_its_farewell(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    listeners: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def listening(callback: Callable[[], None]) -> Iterator[None]:
        listeners.append(callback)
        yield

    monkeypatch.setattr("rejoinder._pump.listening", listening)

    async def main() -> None:
        channel = Channel()
        bye = ServerSentEvent(event="bye", data=1)
        async with Exchange(EventSourceResponse(channel.subscribe, farewell=bye)) as exchange:
            await exchange.start()
            (stop,) = listeners
            stop()
            assert await exchange.body() == b"event: bye\ndata: 1\n\n"
            assert exchange.complete
        assert not channel._subscribers
        await fetch(EventSourceResponse([], stop_on_shutdown=False))
        assert listeners == [stop]

    run(main, backend=backend)


def test_what_was_missed_leaves_at_once_though_nothing_is_published(backend: str) -> None:
    """Also if the stream waits for its first event by then, and so has sent nothing."""

    async def main() -> bytes:
        channel = Channel()
        first = await channel.publish({"n": 1})
        await channel.publish({"n": 2})
        response = EventSourceResponse(channel.subscribe, prefetch=True, ping=None)
        async with Exchange(response, headers={"last-event-id": first}) as exchange:
            with anyio.fail_after(5):
                return bytes(await exchange.read())

    assert b'data: {"n":2}\n' in run(main, backend=backend)
