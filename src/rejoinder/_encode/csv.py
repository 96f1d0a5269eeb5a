"""Comma-separated values: RFC 4180, as the standard library's `csv` writes it.

A spreadsheet takes text that begins with certain characters for a formula, and a formula can read other cells, call
out, and start programs. The text may come from anybody, and the one who opens the file is another. So such text gets
an apostrophe in front, which spreadsheets take as "this is text". Numbers are left alone: "-1" as a number is one.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, TypeAlias

from rejoinder._encode.json import encode_json, plain

Dialect: TypeAlias = str | csv.Dialect | type[csv.Dialect]

_BOM = b"\xef\xbb\xbf"
# OWASP, CSV Injection; spreadsheets of East Asia read the full-width forms as the others.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class RowsEncoder:
    """Rows to CSV.

    Args:
        columns: the names of the columns, which choose and order them. None: those of the first row, if it has names.
        dialect: of the standard library's `csv`.
        bom: begin with a byte order mark, without which Excel does not read UTF-8.
        guard: keep text from being taken for a formula.

    Raises:
        csv.Error: there is no such dialect.
    """

    def __init__(self, columns: Sequence[str] | None, dialect: Dialect, *, bom: bool, guard: bool) -> None:
        self._write: Callable[[Iterable[object]], str] = csv.writer(_Echo(), dialect).writerow
        self._columns = columns
        self._chosen = columns is not None
        self._guard = guard
        self._begin = (_BOM if bom else b"") + (b"" if columns is None else self._line(columns))

    def begin(self) -> bytes:
        """The byte order mark, and the header where it is known."""
        return self._begin

    def encode(self, item: Any) -> bytes:
        """A row; before the first, the header, if that row tells the names.

        Raises:
            TypeError: it is no row, or has a cell of a type that JSON does not have either.
            ValueError: it has other columns than it should.
        """
        read = _reader_of(item.__class__)
        if read is None:
            return self._line(self._sequence(item))
        cells, header = read(item), b""
        if self._columns is None:
            self._columns = tuple(cells)
            header = self._line(self._columns)
        elif not self._chosen and not cells.keys() <= set(self._columns):
            raise ValueError(
                f"a row has columns that the first row did not have, {sorted(cells.keys() - set(self._columns))!r}; "
                "pass columns= with all that there are"
            )
        return header + self._line(cells.get(name) for name in self._columns)

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def fail(self, last: object) -> bytes:
        """One more row, of one cell."""
        return self._line([last])

    def _sequence(self, row: Any) -> list[object]:
        cells = list(row)
        if self._columns is not None and len(cells) != len(self._columns):
            raise ValueError(f"a row has {len(cells)} cells for {len(self._columns)} columns: {row!r}")
        return cells

    def _line(self, cells: Iterable[object]) -> bytes:
        return self._write([self._cell(cell) for cell in cells]).encode("utf-8", "replace")

    def _cell(self, value: Any) -> object:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int or value is None or (kind is float and isfinite(value)):  # most; the way below knows them, too
            return value
        if isinstance(value, Decimal):
            return str(value)
        return self._as_in_json(plain(value))

    def _as_in_json(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (dict, list, bool)):
            return encode_json(value).decode()
        return value

    def _text(self, text: str) -> str:
        return f"'{text}" if self._guard and text.startswith(_FORMULA) else text


class _Echo:
    """A file that gives back what is written to it: `writerow` returns what `write` does."""

    def write(self, text: str) -> str:
        return text


@lru_cache(maxsize=512)
def _reader_of(kind: type[Any]) -> Callable[[Any], dict[str, Any]] | None:
    """What gives the named cells of a row of this class; None if it is a sequence of cells without names."""
    if hasattr(kind, "keys"):  # mappings, and the rows of sqlite3 and asyncpg
        return dict
    if hasattr(kind, "_asdict"):  # named tuples, and the rows of SQLAlchemy
        return lambda row: row._asdict()
    names = _fields_of(kind)
    if names is not None:
        return lambda row: {name: getattr(row, name) for name in names}
    if issubclass(kind, (str, bytes, bytearray, memoryview)) or not hasattr(kind, "__iter__"):
        raise TypeError(f"a row must be a mapping, an object with fields or a sequence of cells, got {kind.__name__}")
    return None


def _fields_of(kind: type[Any]) -> tuple[str, ...] | None:
    """The names that dataclasses, pydantic, msgspec and attrs classes give to their fields."""
    for name in ("__dataclass_fields__", "model_fields", "__struct_fields__"):
        if hasattr(kind, name):
            return tuple(getattr(kind, name))
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else tuple(attribute.name for attribute in attributes)
