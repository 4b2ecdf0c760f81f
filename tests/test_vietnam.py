"""Vietnam's clock and times in milliseconds, whatever the zone that a moment is given in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit.vietnam import (
    GMT7,
    LAST_MILLISECOND,
    from_milliseconds,
    to_milliseconds,
    to_yymmdd,
)

MOMENTS = st.timedeltas(timedelta(days=1), timedelta(days=2_900_000)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-02T16:59:59.999999+00:00", "260102"),
        ("2026-01-02T17:00:00+00:00", "260103"),
        ("2026-01-02T23:59:59+07:00", "260102"),
        ("2026-01-03T02:00:00+09:00", "260103"),
        ("2025-12-31T09:30:00-08:00", "260101"),
        ("2028-02-28T17:00:00+00:00", "280229"),
    ],
)
def test_day(moment, day):
    assert to_yymmdd(datetime.fromisoformat(moment)) == day


@given(MOMENTS, ZONES)
def test_the_zone_of_the_server_does_not_matter(moment, zone):
    elsewhere = moment.astimezone(zone)
    assert to_yymmdd(elsewhere) == to_yymmdd(moment) == f"{moment.astimezone(GMT7):%y%m%d}"
    assert to_milliseconds(elsewhere) == to_milliseconds(moment)


@given(st.integers(0, LAST_MILLISECOND))
def test_milliseconds_there_and_back(value):
    moment = from_milliseconds(value)
    assert to_milliseconds(moment) == value
    assert moment.utcoffset() == timedelta(0)
    assert to_milliseconds(moment + timedelta(microseconds=999)) == value


def test_milliseconds():
    assert from_milliseconds(1_767_323_045_006) == datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC)
    assert from_milliseconds(LAST_MILLISECOND).year == 9999


@pytest.mark.parametrize("value", [-1, LAST_MILLISECOND + 1, 10**30])
def test_no_time(value):
    with pytest.raises(ValueError, match="milliseconds"):
        from_milliseconds(value)
