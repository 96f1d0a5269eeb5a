"""HTTP dates: RFC 9110 section 5.6.7.

Inside, a moment is an `int`: whole seconds since 1970 in UTC, the resolution that HTTP has. Names of days and months
are spelled here, because `strftime` and `strptime` ask the locale.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_EPOCH = datetime.fromtimestamp(0, UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)

_day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_long_day = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_month = f"(?P<month>{'|'.join(_MONTHS)})"
_time = "(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
# "A recipient that parses a timestamp value in an HTTP field MUST accept all three HTTP-date formats." All of them are
# case-sensitive, and all end at a fixed column or nearly so: none of these can scan twice.
_FORMATS = tuple(
    re.compile(pattern.encode())
    for pattern in (
        f"{_day}, (?P<day>[0-9]{{2}}) {_month} (?P<year>[0-9]{{4}}) {_time} GMT",  # IMF-fixdate
        f"{_long_day}, (?P<day>[0-9]{{2}})-{_month}-(?P<year>[0-9]{{2}}) {_time} GMT",  # RFC 850
        f"{_day} {_month} (?P<day>[0-9 ][0-9]) {_time} (?P<year>[0-9]{{4}})",  # asctime
    )
)
_TWO_DIGITS = 2


def parse_date(value: bytes, now: int) -> int | None:
    """The moment that a date of any of the three formats means; None for anything else.

    `now` gives a year of two digits its century. The name of the day is not held against the date.

    >>> parse_date(b"Sunday, 06-Nov-94 08:49:37 GMT", now=1_700_000_000)
    784111777
    """
    for pattern in _FORMATS:
        if found := pattern.fullmatch(value):
            break
    else:
        return None
    month = _MONTHS.index(found["month"].decode()) + 1
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
    year = int(found["year"])
    try:
        if len(found["year"]) == _TWO_DIGITS:
            year += _century(year, month, int(found["day"]), now)
        return (date(year, month, int(found["day"])).toordinal() - _EPOCH_DAY) * 86400 + seconds
    except ValueError:  # 30 February, the year 0
        return None


def _century(year: int, month: int, day: int, now: int) -> int:
    today = utc_datetime(now)
    # "Recipients [...] MUST interpret a timestamp that appears to be more than 50 years in the future as representing
    # the most recent year in the past that had the same last two digits." It is in this century until then.
    century = today.year - today.year % 100
    if (century + year, month, day) > (today.year + 50, today.month, today.day):
        return century - 100
    return century


def format_date(moment: datetime) -> str:
    """The IMF-fixdate of an aware datetime, in whole seconds.

    Raises:
        ValueError: the datetime is naive: which moment it means depends on who reads it. Or it lies outside the years
            1 to 9999 of UTC, which a date of four digits cannot tell.
        TypeError: no datetime.

    >>> format_date(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    if not isinstance(moment, datetime):
        raise TypeError(f"{moment!r} is no datetime; pass an aware one, for example datetime.now(UTC)")
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime, for example datetime.now(UTC)")
    try:
        return _imf_fixdate(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError(f"{moment!r} in UTC: {error}") from None


@lru_cache(maxsize=1024)  # a server tells the dates of the same files again and again
def format_timestamp(seconds: int) -> bytes:
    """The IMF-fixdate of a moment in seconds since 1970; moments beyond the years 1 to 9999 become the nearest.

    >>> format_timestamp(784111777)
    b'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    return _imf_fixdate(utc_datetime(seconds)).encode()


def utc_datetime(seconds: int) -> datetime:
    """The datetime in UTC of a moment in seconds since 1970; moments beyond the years 1 to 9999 become the nearest."""
    return _EPOCH + timedelta(seconds=min(max(seconds, _FIRST), _LAST))


def _imf_fixdate(utc: datetime) -> str:
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return f"{day}, {utc.day:02} {month} {utc.year:04} {utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"
