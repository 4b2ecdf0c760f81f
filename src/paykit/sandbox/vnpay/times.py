"""VNPay's times: fourteen digits of Vietnamese wall clock."""

from __future__ import annotations

import re
from datetime import datetime

from ..times import VIETNAM

_DIGITS = re.compile(r"[0-9]{14}", re.ASCII)


def to_digits(moment: datetime) -> str:
    """An aware moment as ``yyyyMMddHHmmss``."""
    return f"{moment.astimezone(VIETNAM):%Y%m%d%H%M%S}"


def from_digits(text: str) -> datetime | None:
    """The moment that ``yyyyMMddHHmmss`` means, or ``None`` if there is no such time."""
    if not _DIGITS.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return None
