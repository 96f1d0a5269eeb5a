"""Rows as comma-separated values, however many there are."""

from collections.abc import Sequence
from typing import Unpack

from starlette.background import BackgroundTask

from rejoinder._encode.csv import Dialect, RowsEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Headers
from rejoinder._streaming import StreamingResponse, StreamOptions


class CSVResponse(StreamingResponse):
    r"""Rows as CSV (RFC 4180), for programs and spreadsheets.

    A cell is what JSON has for the value: text, numbers, `true`, ISO 8601; nothing for None and NaN; JSON for lists and
    objects.

    Args:
        content: as for `StreamingResponse`, of rows: mappings, objects with fields (dataclass, pydantic, attrs, msgspec),
            named tuples and rows of databases, whose names become the header; or sequences of cells.
        status_code: as for `Response`.
        headers: as for `Response`.
        media_type: as for `Response`; `text/csv` by default.
        background: as for `Response`.
        columns: names that choose and order the columns, and are the header in any case. By default they are those of
            the first row; a later row that has others is a ValueError, which cuts the connection.
        dialect: of the standard library's `csv`, by name or as a class.
        bom: begin with a byte order mark, without which Excel takes UTF-8 for another encoding.
        guard_formulas: put an apostrophe before text that a spreadsheet would take for a formula: that begins with `=`,
            `+`, `-`, `@`, tab or a line end. Numbers are left as they are.
        **options: as for `StreamingResponse`; `filename` among them. `on_error` returns a last cell.

    Raises:
        TypeError: as `StreamingResponse`; `columns` is one text.
        ValueError: as `StreamingResponse`.
        csv.Error: there is no such dialect, or it cannot be.

    >>> response = CSVResponse([{"id": 1, "name": "=cmd()"}], filename="export.csv")
    >>> response.headers["content-type"]
    'text/csv; charset=utf-8'
    """

    media_type = "text/csv"

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Headers | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        columns: Sequence[str] | None = None,
        dialect: Dialect = "excel",
        bom: bool = False,
        guard_formulas: bool = True,
        **options: Unpack[StreamOptions],
    ) -> None:
        if isinstance(columns, str):
            raise TypeError(f"columns must be a sequence of names, got the text {columns!r}")
        self._columns = columns
        self._dialect = dialect
        self._bom = bom
        self._guard = guard_formulas
        self._encoder()  # refused here and not when sent
        super().__init__(content, status_code, headers, media_type, background, **options)

    def _encoder(self) -> Encoder:
        return RowsEncoder(self._columns, self._dialect, bom=self._bom, guard=self._guard)
