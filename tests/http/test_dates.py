"""RFC 9110, section 5.6.7: dates."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._http.dates import format_date


class Nowhere(tzinfo):
    """The data model: a datetime whose `utcoffset()` is None is naive, whatever its tzinfo."""

    def utcoffset(self, moment: datetime | None, /) -> None:
        return None

    def dst(self, moment: datetime | None, /) -> None:
        return None

    def tzname(self, moment: datetime | None, /) -> None:
        return None


NAIVE = datetime(2024, 1, 1)  # noqa: DTZ001


def zone(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        pytest.param(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC), "Sun, 06 Nov 1994 08:49:37 GMT", id="of the RFC"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), "Thu, 01 Jan 1970 00:00:00 GMT", id="the epoch"),
        pytest.param(datetime(2024, 1, 1, 3, tzinfo=zone(9)), "Sun, 31 Dec 2023 18:00:00 GMT", id="of another zone"),
        pytest.param(
            datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), "Thu, 29 Feb 2024 23:59:59 GMT", id="whole seconds"
        ),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "Mon, 01 Jan 0001 00:00:00 GMT", id="year 1"),
        pytest.param(datetime(9999, 12, 31, tzinfo=UTC), "Fri, 31 Dec 9999 00:00:00 GMT", id="year 9999"),
    ],
)
def test_imf_fixdate(moment: datetime, sent: str) -> None:
    assert format_date(moment) == sent


@pytest.mark.parametrize("moment", [1_700_000_000, "Sun, 06 Nov 1994 08:49:37 GMT", None])
def test_what_is_no_datetime_is_refused(moment: Any) -> None:
    with pytest.raises(TypeError, match="is no datetime; pass an aware one"):
        format_date(moment)


@pytest.mark.parametrize("moment", [NAIVE, NAIVE.replace(tzinfo=Nowhere())], ids=["no zone", "no offset"])
def test_a_naive_datetime_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"has no time zone; pass an aware datetime, for example datetime\.now\(UTC\)"):
        format_date(moment)


@pytest.mark.parametrize(
    "moment",
    [datetime.min.replace(tzinfo=zone(5)), datetime.max.replace(tzinfo=zone(-5))],
    ids=["before year 1", "after year 9999"],
)
def test_a_moment_that_four_digits_cannot_tell_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match="in UTC: date value out of range"):
        format_date(moment)


@given(st.datetimes(timezones=st.integers(-12, 14).map(zone)).filter(lambda moment: 1000 < moment.year < 9999))
def test_a_reader_gets_the_second_back(moment: datetime) -> None:
    assert parsedate_to_datetime(format_date(moment)) == moment.replace(microsecond=0)
