"""What Vietnamese providers share: the country's clock, and times as Unix milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

#: Vietnam has no daylight saving. ("Etc/GMT+7" would be the other side of the world.)
GMT7: Final = timezone(timedelta(hours=7))

#: The last one of the year 9999.
LAST_MILLISECOND: Final = 253_402_300_799_999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def to_yymmdd(moment: datetime) -> str:
    """The day in Vietnam, whatever the zone of the server: ``260102``."""
    return moment.astimezone(GMT7).strftime("%y%m%d")


def to_milliseconds(moment: datetime) -> int:
    """Unix milliseconds; what is finer is cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(value: int) -> datetime:
    """Unix milliseconds as an aware time; raises :class:`ValueError` beyond the year 9999."""
    if not 0 <= value <= LAST_MILLISECOND:
        raise ValueError("not a time in milliseconds")
    seconds, milliseconds = divmod(value, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.replace(microsecond=milliseconds * 1000) if milliseconds else moment
