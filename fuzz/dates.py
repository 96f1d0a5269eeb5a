"""Dates: a line with the time it is now, then the field value."""

from rejoinder._http.dates import format_timestamp, parse_date

SEEDS = [
    b"1700000000\nSun, 06 Nov 1994 08:49:37 GMT",
    b"1700000000\nSunday, 06-Nov-94 08:49:37 GMT",
    b"1700000000\nSun Nov  6 08:49:37 1994",
    b"1700000000\nMon, 31 Dec 9999 23:59:60 GMT",
    b"1700000000\nMon, 30 Feb 0000 00:00:00 GMT",
    b"-99999999999999\nMonday, 29-Feb-00 00:00:00 GMT",
    b"99999999999999\nFriday, 31-Dec-99 23:59:60 GMT",
]
LAST = 253402300800  # a leap second may end the year 9999


def target(data: bytes) -> None:
    first, _, value = data.partition(b"\n")
    now = int(first) if first.removeprefix(b"-").isdigit() and len(first) < 19 else len(first)
    moment = parse_date(value, now)
    if moment is not None and moment < LAST:
        assert parse_date(format_timestamp(moment), now) == moment
