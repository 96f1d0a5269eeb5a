"""JSON Lines, JSON arrays and CSV as responses."""

import csv
import json
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from rejoinder import CSVResponse, JSONArrayResponse, JSONLinesResponse
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]


def answer(app: Any, method: str = "GET", **options: Any) -> Answer:
    return run(lambda: fetch(app, method, **options))


def sync_items() -> Iterator[Any]:
    yield from ({"a": 1}, {"a": None})


async def async_items() -> AsyncIterator[Any]:
    for item in sync_items():
        yield item


def broken_items() -> Iterator[Any]:
    yield from sync_items()
    raise OSError("broken")


CLASSES: list[Any] = [
    pytest.param(JSONLinesResponse, {}, "application/jsonl", b'{"a":1}\n{"a":null}\n', id="lines"),
    pytest.param(JSONArrayResponse, {}, "application/json", b'[{"a":1},{"a":null}]', id="array"),
    pytest.param(
        JSONArrayResponse, {"envelope": "é"}, "application/json", '{"é":[{"a":1},{"a":null}]}'.encode(), id="envelope"
    ),
    pytest.param(CSVResponse, {}, "text/csv; charset=utf-8", b'a\r\n1\r\n""\r\n', id="csv"),
    pytest.param(
        CSVResponse,
        {"columns": ["b", "a"], "dialect": csv.excel_tab, "bom": True},
        "text/csv; charset=utf-8",
        b"\xef\xbb\xbfb\ta\r\n\t1\r\n\t\r\n",
        id="csv-with-options",
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("items", [sync_items, async_items, lambda: [*sync_items()]], ids=["sync", "async", "list"])
@pytest.mark.parametrize(("cls", "options", "media_type", "body"), CLASSES)
def test_what_is_sent(cls: Any, options: Any, media_type: str, body: bytes, items: Any, backend: Any) -> None:
    async def main() -> None:
        sent = await fetch(cls(items(), **options))
        assert sent.headers == [(b"content-type", media_type.encode())]
        assert sent.body == body

    run(main, backend=backend)


@pytest.mark.parametrize(("cls", "options", "media_type", "body"), CLASSES)
def test_head(cls: Any, options: Any, media_type: str, body: bytes) -> None:
    sent = answer(cls(sync_items(), **options), "HEAD")
    assert (sent.headers.get("content-type"), sent.body) == (media_type, b"")


@pytest.mark.parametrize(("cls", "options", "media_type", "body"), CLASSES)
def test_a_list_can_be_sent_again(cls: Any, options: Any, media_type: str, body: bytes) -> None:
    response = cls([*sync_items()], **options)
    assert [answer(response).body, answer(response).body] == [body, body]


@pytest.mark.parametrize(
    ("cls", "options", "body"),
    [
        pytest.param(JSONLinesResponse, {}, b"", id="lines"),
        pytest.param(JSONArrayResponse, {}, b"[]", id="array"),
        pytest.param(JSONArrayResponse, {"envelope": "items"}, b'{"items":[]}', id="envelope"),
        pytest.param(CSVResponse, {}, b"", id="csv"),
        pytest.param(CSVResponse, {"columns": ["a"]}, b"a\r\n", id="csv-with-columns"),
    ],
)
def test_no_items(cls: Any, options: Any, body: bytes) -> None:
    assert answer(cls([], **options)).body == body


@pytest.mark.parametrize(
    ("cls", "options", "rest"),
    [
        pytest.param(JSONLinesResponse, {}, b'{"error":"broken"}\n', id="lines"),
        pytest.param(JSONArrayResponse, {}, b',{"error":"broken"}]', id="array"),
        pytest.param(JSONArrayResponse, {"envelope": "items"}, b'],"error":{"error":"broken"}}', id="envelope"),
    ],
)
def test_what_on_error_returns_comes_last(cls: Any, options: Any, rest: bytes) -> None:
    sent = answer(cls(broken_items(), on_error=lambda error: {"error": str(error)}, **options)).body
    assert sent.endswith(rest)
    if cls is JSONArrayResponse:
        json.loads(sent)


@pytest.mark.parametrize("cls", [JSONLinesResponse, JSONArrayResponse, CSVResponse])
def test_without_on_error_nothing_looks_complete(cls: Any) -> None:
    async def main() -> None:
        async with Exchange(cls(broken_items())) as exchange:
            with pytest.raises(OSError, match="broken"):
                await exchange.body()
        assert not exchange.complete

    run(main)


def test_csv_for_download() -> None:
    sent = answer(CSVResponse([["=1", -1]], filename="Zahlen.csv", guard_formulas=False))
    assert sent.headers.get("content-disposition") == 'attachment; filename="Zahlen.csv"'
    assert sent.body == b"=1,-1\r\n"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("cls", "body"),
    [
        pytest.param(JSONLinesResponse, b'{"a":1}\n\n\n{"a":2}\n', id="lines"),
        pytest.param(JSONArrayResponse, b'[{"a":1}  ,{"a":2}]', id="array"),
    ],
)
def test_keep_alives(cls: Any, body: bytes, backend: Any) -> None:
    async def source() -> AsyncIterator[Any]:
        yield {"a": 1}
        await anyio.sleep(25)
        yield {"a": 2}

    async def main() -> None:
        assert (await fetch(cls(source(), keepalive=10), patience=60)).body == body

    run(main, backend=backend)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        pytest.param(lambda: JSONArrayResponse([], envelope="error"), ValueError, "another name", id="envelope"),
        pytest.param(lambda: JSONLinesResponse([], keepalive=0), ValueError, "keepalive", id="keepalive"),
        pytest.param(lambda: CSVResponse([], columns="abc"), TypeError, "sequence of names", id="columns"),
        pytest.param(lambda: CSVResponse([], dialect="none"), csv.Error, "unknown dialect", id="dialect"),
    ],
)
def test_mistakes_are_told_at_once(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_stream_that_waits_does_not_keep_its_last_item() -> None:
    kept: list[object] = []

    async def items() -> AsyncIterator[Any]:
        large = Counter(range(1000))
        last = weakref.ref(large)
        yield [large]
        del large
        await anyio.sleep(0.001)
        kept.append(last())
        yield 2

    assert answer(JSONLinesResponse(items())).body.endswith(b"\n2\n")
    assert kept == [None]
