"""Server-sent events beside FastAPI's: endpoints with `yield`, and responses that are returned."""

import json
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any

import fastapi.sse
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

import rejoinder
import rejoinder.sse

HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def made_of(content: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda m: m.EventSourceResponse(content, **options)


# Responses that are returned; test_differential_bytes.py explains the rows.
ROWS: list[tuple[Any, ...]] = [
    ("no events", made_of([], headers=HEADERS)),
    ("no headers", made_of([]), "events-head"),
    ("headers of the user", made_of([], headers={"X-Accel-Buffering": "yes", "cache-control": "no-store"})),
    ("a status and a type", made_of([], status_code=404, media_type="text/plain", headers=HEADERS)),
    ("text", made_of(["data: a\n\n"], headers=HEADERS), "events-items"),
    ("an object", made_of([{"a": 1}], headers=HEADERS), "events-items"),
    ("an event", made_of([rejoinder.sse.ServerSentEvent(data=1)], headers=HEADERS), "events-items"),
]


def test_the_messages(row: tuple[Any, ...], compare: Any) -> None:
    compare(row)


CLASSES = (fastapi.sse.EventSourceResponse, rejoinder.EventSourceResponse)


class Item(BaseModel):
    name: str
    price: float | None = Field(default=None, serialization_alias="cost")


def events(module: Any) -> list[Any]:
    """Items that are events, made with the class of this module."""
    return [
        module.ServerSentEvent(data={"a": "grüße"}, event="update", id="7", retry=100, comment="c"),
        module.ServerSentEvent(data="text"),
        module.ServerSentEvent(raw_data=" a\r\nb\rc\n", event=""),
        module.ServerSentEvent(data=Item(name="x")),
        module.ServerSentEvent(comment="a\nb"),
        module.ServerSentEvent(id="8"),
    ]


ITEMS: list[Any] = [Item(name="grüße", price=1.5), {"name": "y"}, Item(name="\u2028\n", price=float("nan"))]
ODD: list[Any] = ["text\r\n", "", 1, None, True, [1, {"a": "ü"}], {}, float("nan")]


def sync_endpoint(items: list[Any]) -> Any:
    def endpoint() -> Iterable[Item]:
        yield from items

    return endpoint


def async_endpoint(items: list[Any]) -> Any:
    async def endpoint() -> AsyncIterable[Item]:
        for item in items:
            yield item

    return endpoint


def untyped_endpoint(items: list[Any]) -> Any:
    def endpoint():  # type: ignore[no-untyped-def]
        yield from items

    return endpoint


def stream_of(endpoint: Any, response_class: Any) -> tuple[int, list[tuple[str, str]], bytes, Any]:
    app = FastAPI()
    app.get("/", response_class=response_class)(endpoint)
    with TestClient(app) as client:
        answer = client.get("/")
        return answer.status_code, sorted(answer.headers.items()), answer.content, client.get("/openapi.json").json()


def returned(items: list[Any]) -> Any:
    app = FastAPI()
    app.get("/")(lambda: rejoinder.EventSourceResponse(items))
    with TestClient(app) as client:
        return client.get("/").content


@pytest.mark.parametrize("make", [sync_endpoint, async_endpoint, untyped_endpoint])
@pytest.mark.parametrize("items", [ITEMS, events(fastapi.sse), events(rejoinder.sse)], ids=["items", "theirs", "ours"])
def test_an_endpoint_with_yield_sends_the_same_and_is_described_the_same(make: Any, items: list[Any]) -> None:
    theirs, ours = (stream_of(make(items), cls) for cls in CLASSES)
    assert ours == theirs
    assert ours[2].count(b"\n\n") == len(items)


def test_items_that_are_returned_are_sent_as_fastapi_sends_yielded_ones() -> None:
    (_, headers, theirs, _) = stream_of(sync_endpoint(ITEMS[:1] + ITEMS[2:]), CLASSES[0])
    assert returned(ITEMS[:1] + ITEMS[2:]) == theirs
    assert {("cache-control", "no-cache"), ("x-accel-buffering", "no")} <= set(headers)
    assert ("content-type", "text/event-stream; charset=utf-8") in headers


def parsed(stream: bytes) -> list[Any]:
    return [json.loads(event.removeprefix(b"data: ")) for event in stream.split(b"\n\n")[:-1]]


def test_items_without_a_type_differ_in_spaces_and_escapes_alone() -> None:
    (_, _, theirs, _) = stream_of(untyped_endpoint(ODD), CLASSES[0])
    assert parsed(returned(ODD)) == parsed(theirs)


def test_events_that_are_returned_are_sent_as_fastapi_sends_yielded_ones() -> None:
    (_, _, theirs, _) = stream_of(untyped_endpoint(events(fastapi.sse)[1:]), CLASSES[0])
    assert returned(events(rejoinder.sse)[1:]) == theirs


@pytest.mark.parametrize("cls", CLASSES, ids=["FastAPI", "rejoinder"])
def test_bytes_that_are_returned_go_out_as_they_are(cls: Any) -> None:
    app = FastAPI()
    app.get("/")(lambda: cls([b"data: a\n\n", b": c\n\n"]))
    with TestClient(app) as client:
        assert client.get("/").content == b"data: a\n\n: c\n\n"


def test_events_of_a_channel_are_an_error_where_fastapi_encodes_them() -> None:
    channel = rejoinder.sse.Channel()

    async def endpoint():  # type: ignore[no-untyped-def]
        first = await channel.publish(1)
        await channel.publish(2)
        channel.close()
        async for event in channel.subscribe(first):
            yield event

    with pytest.raises(ExceptionGroup) as raised:
        stream_of(endpoint, CLASSES[1])
    assert raised.group_contains(ValueError)
