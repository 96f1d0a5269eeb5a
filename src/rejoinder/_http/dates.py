"""HTTP dates: RFC 9110 section 5.6.7."""

from datetime import UTC, datetime
from email.utils import format_datetime


def format_date(moment: datetime) -> str:
    """The IMF-fixdate of an aware datetime, in whole seconds.

    Raises:
        ValueError: the datetime is naive: which moment it means depends on who reads it.

    >>> format_date(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime, for example datetime.now(UTC)")
    return format_datetime(moment.astimezone(UTC), usegmt=True)
