"""How values read on a page: times, labels, and texts of others that are shown as what they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from ..cards import holds_card_number, looks_like_card_id
from ..events import TransferReceived
from ..models import PaymentStatus
from ..provider import Outcome
from ..service import CommandState, MovementState, OutboxEntry, PaymentRecord

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

_LONGEST: Final = 1000
_HIDDEN: Final = "[hidden: it may hold a card number]"
#: Account and telephone numbers, of payers too, are this long.
_LONG_NUMBER: Final = re.compile(r"\d{8,}")
#: Control characters, formatting that nobody sees, ends of lines, surrogates, and what is no
#: character at all.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"})
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def words(text: str | None) -> str:
    """A text of somebody else's: no card number, nothing invisible, and not endless."""
    if text is None:
        return ""
    return _HIDDEN if holds_card_number(text) else _visible(text)


def name(text: str | None) -> str:
    """An id or a reference, which may be long digits but no card number."""
    if text is None:
        return ""
    return masked(text) if looks_like_card_id(text) else _visible(text)


def masked(number: str | None) -> str:
    """The end of a number, by which its owner knows it."""
    return f"••••{_visible(number[-4:])}" if number else ""


def memo(transfer: TransferReceived) -> str:
    """A memo without the long numbers that banks write into it, but with its payment codes."""
    if holds_card_number(transfer.memo):
        return _HIDDEN
    codes = "|".join(re.escape(code) for code in transfer.codes if code)
    parts = re.split(f"({codes})", transfer.memo) if codes else [transfer.memo]
    return _visible(
        "".join(
            part if part in transfer.codes else _LONG_NUMBER.sub(lambda at: masked(at[0]), part)
            for part in parts
        )
    )


def account_key(one: PaymentRecord) -> str:
    """The name of a payment's account in settings: ``momo``, or ``momo-eu``."""
    return one.provider if one.account == "default" else f"{one.provider}-{one.account}"


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


def _visible(text: str) -> str:
    shown = "".join(
        f"‹U+{ord(letter):04X}›" if unicodedata.category(letter) in _UNSEEN else letter
        for letter in text[:_LONGEST]
    )
    return shown if len(text) <= _LONGEST else f"{shown}… ({len(text):,} characters)"
