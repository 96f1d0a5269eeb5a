"""JSON Lines and JSON arrays, read back."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._encode.jsonarray import KEEPALIVE, ArrayEncoder
from rejoinder._encode.jsonl import LinesEncoder, encode_line
from rejoinder._encode.stream import Encoder

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def written(encoder: Encoder, items: list[Any]) -> bytes:
    return encoder.begin() + b"".join(map(encoder.encode, items)) + encoder.end()


@given(st.lists(JSON))
def test_lines_are_read_as_they_were_written(items: list[Any]) -> None:
    lines = written(LinesEncoder(), items).decode().split("\n")
    assert lines.pop() == ""
    assert list(map(json.loads, lines)) == items
    assert not any("\r" in line for line in lines)


@given(st.lists(JSON))
def test_arrays_are_read_as_they_were_written(items: list[Any]) -> None:
    assert json.loads(written(ArrayEncoder(None), items)) == items
    assert json.loads(written(ArrayEncoder('"a\n"'), items)) == {'"a\n"': items}


@given(st.lists(JSON), st.lists(st.booleans()), JSON)
def test_keep_alives_and_failures_leave_an_array_valid(items: list[Any], alive: list[bool], last: Any) -> None:
    bare, enveloped = ArrayEncoder(None), ArrayEncoder("items")
    for encoder, expected in ((bare, [*items, last]), (enveloped, {"items": items, "error": last})):
        stream = encoder.begin()
        for item, keep in zip(items, [*alive, *[True] * len(items)], strict=False):
            stream += KEEPALIVE * keep + encoder.encode(item)
        assert json.loads(stream + KEEPALIVE + encoder.fail(last)) == expected


@dataclass
class Point:
    x: int
    y: float


@pytest.mark.parametrize(
    ("item", "line"),
    [
        pytest.param(Point(1, float("nan")), b'{"x":1,"y":null}', id="dataclass"),
        pytest.param("a\u2028\r\n", '"a\u2028\\r\\n"'.encode(), id="text"),
        pytest.param(b"\xff", b'"/w=="', id="bytes"),
        pytest.param(msgspec.Raw(b'{"a":\r\n 1}\n'), b'{"a":   1} ', id="raw-json-with-line-ends"),
    ],
)
def test_an_item_is_one_line(item: object, line: bytes) -> None:
    assert encode_line(item) == line


def test_a_failure_is_one_more_line() -> None:
    encoder = LinesEncoder()
    assert encoder.encode(1) + encoder.fail({"error": "x"}) == b'1\n{"error":"x"}\n'
