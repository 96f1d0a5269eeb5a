"""CSV, read back by the standard library."""

import csv
import io
import sqlite3
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._encode.csv import Dialect, RowsEncoder


def written(
    rows: Sequence[Any],
    columns: Sequence[str] | None = None,
    dialect: Dialect = "excel",
    *,
    bom: bool = False,
    guard: bool = True,
) -> bytes:
    encoder = RowsEncoder(columns, dialect, bom=bom, guard=guard)
    return encoder.begin() + b"".join(map(encoder.encode, rows)) + encoder.end()


def read(encoded: bytes, dialect: Dialect = "excel") -> list[list[str]]:
    return list(csv.reader(io.StringIO(encoded.decode(), newline=""), dialect))


class Semicolons(csv.excel):
    delimiter = ";"


CELLS = st.lists(st.text(st.one_of(st.sampled_from("\r\n\",;\t='+"), st.characters(codec="utf-8"))), min_size=1)


@given(st.lists(CELLS), st.sampled_from(["excel", "excel-tab", "unix", Semicolons]))
def test_text_is_read_as_it_was_written(rows: list[list[str]], dialect: Dialect) -> None:
    assert read(written(rows, dialect=dialect, guard=False), dialect) == rows


@given(st.lists(CELLS))
def test_the_guard_takes_nothing_away_and_lets_no_formula_through(rows: list[list[str]]) -> None:
    for before, after in zip(rows, read(written(rows)), strict=True):
        for text, cell in zip(before, after, strict=True):
            assert cell in {text, "'" + text}
            assert not cell or cell[0] not in "=+-@\t\r\n"


class Color(Enum):
    RED = "=red"


class Level(IntEnum):
    LOW = -1


CELL = [
    pytest.param(None, "", id="none"),
    pytest.param("", "", id="empty"),
    pytest.param("a", "a", id="text"),
    pytest.param("=1+1", "'=1+1", id="equals"),
    pytest.param("+1", "'+1", id="plus"),
    pytest.param("-1", "'-1", id="minus"),
    pytest.param("@a", "'@a", id="at"),
    pytest.param("\ta", "'\ta", id="tab"),
    pytest.param("\ra", "'\ra", id="carriage-return"),
    pytest.param("\na", "'\na", id="line-feed"),
    pytest.param("\uff1d1", "'\uff1d1", id="full-width-equals"),
    pytest.param("a=1", "a=1", id="equals-inside"),
    pytest.param("'=1", "'=1", id="guarded-already"),
    pytest.param(-1, "-1", id="negative-int"),
    pytest.param(-1.5, "-1.5", id="negative-float"),
    pytest.param(Decimal("-1.10"), "-1.10", id="negative-decimal"),
    pytest.param(Level.LOW, "-1", id="negative-enum"),
    pytest.param(float("nan"), "", id="nan"),
    pytest.param(float("inf"), "", id="infinity"),
    pytest.param(True, "true", id="true"),
    pytest.param(False, "false", id="false"),
    pytest.param(Color.RED, "'=red", id="enum"),
    pytest.param(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z", id="datetime"),
    pytest.param(datetime.fromisoformat("2026-01-02T03:04:05"), "2026-01-02T03:04:05", id="naive-datetime"),
    pytest.param(date(2026, 1, 2), "2026-01-02", id="date"),
    pytest.param(time(3, 4), "03:04:00", id="time"),
    pytest.param(timedelta(seconds=-1), "'-PT1S", id="timedelta"),
    pytest.param(UUID(int=1), str(UUID(int=1)), id="uuid"),
    pytest.param(Path("a/b"), "a/b", id="path"),
    pytest.param(type("Text", (str,), {})("=a"), "'=a", id="subclass-of-str"),
    pytest.param(["=a", 1], '["=a",1]', id="list"),
    pytest.param({"a": None}, '{"a":null}', id="dict"),
    pytest.param("\ud800", "?", id="surrogate"),
]


@pytest.mark.parametrize(("value", "cell"), CELL)
def test_a_cell(value: object, cell: str) -> None:
    assert read(written([["x", value]])) == [["x", cell]]


def test_the_guard_can_be_off() -> None:
    assert read(written([["=1+1", Color.RED]], guard=False)) == [["=1+1", "=red"]]


@dataclass
class Point:
    x: int
    y: str | None = None


class Struct(msgspec.Struct):
    x: int
    y: str | None = None


Named = namedtuple("Named", "x y")


def attrs_point() -> Any:
    attrs = pytest.importorskip("attrs")
    return attrs.make_class("Point", {"x": attrs.field(), "y": attrs.field(default=None)})(1)


def pydantic_point() -> Any:
    pydantic = pytest.importorskip("pydantic")
    return pydantic.create_model("Point", x=(int, 1), y=(str | None, None))()


def database_row() -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    try:
        connection.row_factory = sqlite3.Row
        row: sqlite3.Row = connection.execute("select 1 as x, null as y").fetchone()
        return row
    finally:
        connection.close()


NAMED = {
    "mapping": lambda: {"x": 1, "y": None},
    "dataclass": lambda: Point(1),
    "struct": lambda: Struct(1),
    "attrs": attrs_point,
    "pydantic": pydantic_point,
    "namedtuple": lambda: Named(1, None),
    "database": database_row,
}


@pytest.mark.parametrize("make", NAMED.values(), ids=NAMED)
def test_a_row_with_names_has_them_as_header(make: Any) -> None:
    assert written([make(), make()]) == b"x,y\r\n1,\r\n1,\r\n"
    assert written([make()], ["y", "x"]) == b"y,x\r\n,1\r\n"


@pytest.mark.parametrize(
    ("rows", "columns", "encoded"),
    [
        pytest.param([], None, b"", id="no-rows"),
        pytest.param([], ["x", "=y"], b"x,'=y\r\n", id="no-rows-but-columns"),
        pytest.param([[1, 2], (3,)], None, b"1,2\r\n3\r\n", id="sequences-without-names"),
        pytest.param([[1, 2]], ["x", "y"], b"x,y\r\n1,2\r\n", id="sequences-and-columns"),
        pytest.param([{"x": 1, "y": 2}, {"x": 3}], None, b"x,y\r\n1,2\r\n3,\r\n", id="a-name-less"),
        pytest.param([{"x": 1, "z": 2}], ["x", "y"], b"x,y\r\n1,\r\n", id="columns-choose"),
        pytest.param([{"x": 1}, [2]], None, b"x\r\n1\r\n2\r\n", id="mixed"),
        pytest.param([[None]], None, b'""\r\n', id="one-empty-cell"),
    ],
)
def test_header_and_rows(rows: list[Any], columns: list[str] | None, encoded: bytes) -> None:
    assert written(rows, columns) == encoded


@pytest.mark.parametrize(
    ("rows", "columns", "error", "message"),
    [
        pytest.param([{"x": 1}, {"x": 1, "y": 2}], None, ValueError, r"\['y'\]", id="a-name-more"),
        pytest.param([[1]], ["x", "y"], ValueError, "1 cells for 2 columns", id="a-cell-less"),
        pytest.param(["abc"], None, TypeError, "got str", id="text"),
        pytest.param([b"abc"], None, TypeError, "got bytes", id="bytes"),
        pytest.param([1], None, TypeError, "got int", id="number"),
        pytest.param([[object()]], None, TypeError, "object is not", id="unknown-cell"),
    ],
)
def test_what_is_no_row_of_this_table(rows: list[Any], columns: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        written(rows, columns)


def test_the_byte_order_mark_comes_first() -> None:
    assert written([{"ü": 1}], bom=True) == b"\xef\xbb\xbf\xc3\xbc\r\n1\r\n"


def test_a_dialect_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(csv.Error, match="unknown dialect"):
        RowsEncoder(None, "none", bom=False, guard=True)


def test_a_failure_is_a_row_of_one_cell() -> None:
    encoder = RowsEncoder(["x", "y"], "excel", bom=False, guard=True)
    assert encoder.fail("=broken") == b"'=broken\r\n"
