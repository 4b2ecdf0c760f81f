"""Vietnamese wall clock: always seven hours ahead of UTC, no daylight saving time since 1975."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

VIETNAM: Final = timezone(timedelta(hours=7))


def local_text(moment: datetime) -> str:
    """An aware moment as ``2026-03-01 16:00:00``, the way banks and notifiers write it."""
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
