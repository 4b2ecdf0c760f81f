"""How values read on a page: times, labels, and the texts of :mod:`paykit.service.shown`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from ..models import PaymentStatus
from ..provider import Outcome
from ..service import CommandState, MovementState, OutboxEntry
from ..service.shown import account_key, masked, memo, name, told_by, words

__all__ = [
    "account_key",
    "clock_time",
    "day",
    "distance",
    "masked",
    "memo",
    "name",
    "state_of",
    "times",
    "told_by",
    "tone",
    "words",
]

#: What a label says at a glance; its text says it, too.
Tone: TypeAlias = Literal["good", "wait", "held", "look", "bad", "quiet"]

_S, _O, _C, _M = PaymentStatus, Outcome, CommandState, MovementState
TONES: Final[Mapping[str, Tone]] = {
    _S.REQUIRES_ACTION: "wait",
    _S.PENDING: "wait",
    _S.AUTHORIZED: "held",
    _S.SUCCEEDED: "good",
    _S.PARTIALLY_REFUNDED: "held",
    _S.REFUNDED: "quiet",
    _S.FAILED: "bad",
    _S.CANCELED: "quiet",
    _S.EXPIRED: "quiet",
    _S.DISPUTED: "bad",
    _S.NEEDS_REVIEW: "look",
    _S.UNKNOWN: "look",
    _O.ACCEPTED: "good",
    _O.MISMATCH: "look",
    _O.UNKNOWN_REFERENCE: "look",
    _C.RESERVED: "wait",
    _C.WAITING: "wait",
    _C.DONE: "good",
    _C.REFUSED: "bad",
    _M.COUNTED: "good",
    _M.REVERSED: "bad",
    _M.UNSURE: "look",
    "published": "good",
    "dead": "bad",
    "due": "wait",
    "left to a person": "look",
}

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def tone(state: str) -> Tone:
    """How a label looks."""
    return TONES.get(state, "quiet")


def state_of(entry: OutboxEntry) -> str:
    """What became of an event."""
    if entry.published_at is not None:
        return "published"
    return "waiting" if entry.dead_at is None else "dead"


def day(moment: datetime) -> str:
    """The date in UTC: ``2026-03-01``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def clock_time(moment: datetime, *, fine: bool = False) -> str:
    """The time of day in UTC, to the second, or to the thousandth of one."""
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[: 12 if fine else 8]


def times(count: int) -> str:
    """How often: ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count} times"


def distance(moment: datetime, now: datetime) -> str:
    """How long ago that was, or how soon it will be: ``5 min ago``, ``in 3 h``."""
    seconds = int((now - moment).total_seconds())
    for size, unit in _UNITS:
        count = abs(seconds) // size
        if count:
            return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
    return "now"
