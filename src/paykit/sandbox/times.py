"""Times as Vietnamese providers write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

#: Always seven hours ahead of UTC: Vietnam has had no daylight saving time since 1975.
VIETNAM: Final = timezone(timedelta(hours=7))


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds, without a detour over floating point."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def local_text(moment: datetime) -> str:
    """An aware moment as ``2026-03-01 16:00:00``, the way banks and notifiers write it."""
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
