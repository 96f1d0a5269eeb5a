"""HTTP dates: RFC 9110 section 5.6.7."""

from datetime import UTC, datetime
from email.utils import format_datetime


def format_date(moment: datetime) -> str:
    """The IMF-fixdate of an aware datetime, in whole seconds.

    Raises:
        ValueError: the datetime is naive: which moment it means depends on who reads it. Or it lies outside the years
            1 to 9999 of UTC, which a date of four digits cannot tell.

    >>> format_date(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime, for example datetime.now(UTC)")
    try:
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    except OverflowError as error:
        raise ValueError(f"{moment!r} in UTC: {error}") from None
