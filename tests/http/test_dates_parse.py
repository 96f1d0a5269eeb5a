"""HTTP dates: RFC 9110, 5.6.7."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.dates import format_date, format_timestamp, parse_date

NOW = int(datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp())
RFC_EXAMPLE = 784111777


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Seconds since 1970."""
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


DATES = {
    "IMF-fixdate": (b"Sun, 06 Nov 1994 08:49:37 GMT", RFC_EXAMPLE),
    "RFC 850": (b"Sunday, 06-Nov-94 08:49:37 GMT", RFC_EXAMPLE),
    "asctime": (b"Sun Nov  6 08:49:37 1994", RFC_EXAMPLE),
    "asctime, two digits": (b"Wed Nov 16 08:49:37 1994", RFC_EXAMPLE + 10 * 86400),
    "before 1970": (b"Wed, 31 Dec 1969 23:59:59 GMT", -1),
    "leap day": (b"Thu, 29 Feb 2024 00:00:00 GMT", moment(2024, 2, 29)),
    "leap second": (b"Sat, 31 Dec 2016 23:59:60 GMT", moment(2017, 1, 1)),
    "last": (b"Fri, 31 Dec 9999 23:59:59 GMT", moment(9999, 12, 31, 23, 59, 59)),
    "wrong day of the week": (b"Mon, 06 Nov 1994 08:49:37 GMT", RFC_EXAMPLE),
    "two digits, this century": (b"Monday, 15-Jun-26 12:00:00 GMT", NOW),
    "two digits, 50 years ahead": (b"Monday, 15-Jun-76 12:00:00 GMT", moment(2076, 6, 15, 12)),
    "two digits, more than 50 years ahead": (b"Tuesday, 16-Jun-76 12:00:00 GMT", moment(1976, 6, 16, 12)),
    "two digits, last century": (b"Friday, 31-Dec-99 12:00:00 GMT", moment(1999, 12, 31, 12)),
}


@pytest.mark.parametrize("case", DATES.values(), ids=DATES)
def test_parse(case: Any) -> None:
    """All three formats; a year of two digits is never more than 50 years ahead."""
    value, expected = case
    assert parse_date(value, NOW) == expected


NOT_DATES = [
    b"",
    b"0",
    b"yesterday",
    b"784111777",
    b"Sun, 06 Nov 1994 08:49:37",
    b"Sun, 06 Nov 1994 08:49:37 UTC",
    b"Sun, 06 Nov 1994 08:49:37 +0000",
    b"Sun, 06 Nov 1994 08:49:37 GMT ",
    b" Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sun, 06 Nov 1994 08:49:37 GMT\n",
    b"sun, 06 nov 1994 08:49:37 gmt",
    b"Sun, 6 Nov 1994 08:49:37 GMT",
    b"Sun, 06 Nov 94 08:49:37 GMT",
    b"Sun, 06-Nov-1994 08:49:37 GMT",
    b"Sun, 06-Nov-94 08:49:37 GMT",
    b"Son, 06 Nov 1994 08:49:37 GMT",
    b"Sun, 06 Okt 1994 08:49:37 GMT",
    b"Sun, 31 Feb 1994 08:49:37 GMT",
    b"Wed, 29 Feb 2023 08:49:37 GMT",
    b"Sun, 00 Nov 1994 08:49:37 GMT",
    b"Sun, 06 Nov 0000 08:49:37 GMT",
    b"Sun, 06 Nov 1994 24:00:00 GMT",
    b"Sun, 06 Nov 1994 08:60:00 GMT",
    b"Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, ٠٦ Nov 1994 08:49:37 GMT".encode(),
    b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sun Nov 0 08:49:37 1994",
    b"Sun Nov   08:49:37 1994",
    b'"etag"',
    b"Sun, " + b"0" * 65536,
    b"\x00\xff" * 32768,
]


@pytest.mark.parametrize("value", NOT_DATES)
def test_parse_refuses(value: bytes) -> None:
    """All else is no date."""
    assert parse_date(value, NOW) is None


@pytest.mark.parametrize("now", [-(10**30), -62135596800, 0, NOW, 10**30])
def test_any_clock(now: int) -> None:
    """No clock makes a date raise."""
    parse_date(b"Sunday, 06-Nov-94 08:49:37 GMT", now)


def test_format_in_any_zone() -> None:
    """A datetime is told in UTC, without its fraction."""
    local = datetime(1994, 11, 6, 9, 49, 37, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert format_date(local) == "Sun, 06 Nov 1994 08:49:37 GMT"
    with pytest.raises(ValueError, match="no time zone"):
        format_date(datetime(1994, 11, 6))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (RFC_EXAMPLE, b"Sun, 06 Nov 1994 08:49:37 GMT"),
        (0, b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, b"Wed, 31 Dec 1969 23:59:59 GMT"),
        (-(10**20), b"Mon, 01 Jan 0001 00:00:00 GMT"),
        (10**20, b"Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_format_timestamp(seconds: int, expected: bytes) -> None:
    """Every int has a date."""
    assert format_timestamp(seconds) == expected


@settings(deadline=None, derandomize=True)
@given(st.integers(-62135596800, 253402300799))
def test_round_trip(seconds: int) -> None:
    """Each second of 9999 years is read as it was written."""
    assert parse_date(format_timestamp(seconds), NOW) == seconds


@settings(deadline=None, derandomize=True)
@given(st.binary() | st.from_regex(rb"\A[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT\Z"))
def test_parse_is_total(value: bytes) -> None:
    """Whatever the client sends."""
    assert parse_date(value, NOW) is None or isinstance(parse_date(value, NOW), int)
