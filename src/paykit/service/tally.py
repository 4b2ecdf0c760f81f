"""Single captures and refunds, each counted once, and what they add up to.

A provider may tell of one movement several times, in any order. What is on record of it is one
state, and what was undone stays undone: a success that comes later is older news.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import attrs

from ..events import Movement, MovementKind, PaymentProcessed
from ..models import PaymentStatus
from ..money import Money

S = PaymentStatus

#: A notice with such a status says of no movement how it ended.
UNDECIDED: Final = frozenset({S.PENDING, S.REQUIRES_ACTION, S.UNKNOWN})
_MOVED: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED})


class MovementState(StrEnum):
    """What is on record of one movement."""

    COUNTED = "counted"  #: it succeeded, and nothing else is known
    REFUSED = "refused"  #: it never moved money
    REVERSED = "reversed"  #: it had succeeded, and was taken back
    UNSURE = "unsure"  #: it was told, and not whether money moved


@attrs.frozen(slots=True)
class Entry:
    """One movement as it is on record."""

    movement: Movement
    state: MovementState


@attrs.frozen(slots=True, kw_only=True)
class Tally:
    """The movements of one payment, added up: money that moved and stayed moved."""

    captured: Money
    refunded: Money
    taken_back: Money  #: captures that had succeeded, and were taken back
    refused: int = 0  #: captures that were refused or taken back
    refunds: int = 0  #: refunds, whatever became of them
    unsure: int = 0  #: captures or refunds of which a person has to find out what they were
    empty: bool = True


def is_contradictory(fact: PaymentProcessed, movement: Movement) -> bool:
    """Whether a fact says of its movement that it was done, and in its status that it was not.

    Or moves nothing.
    """
    may_be_done = fact.status in _MOVED | {S.NEEDS_REVIEW} | UNDECIDED
    return movement.amount.minor <= 0 or not (movement.undone or may_be_done)


def next_state(
    known: MovementState | None, fact: PaymentProcessed, movement: Movement
) -> MovementState:
    """What is on record of ``movement`` after ``fact`` told of it, whichever came first."""
    told = _told(fact, movement)
    if known in {None, MovementState.UNSURE, told}:
        return told
    if told is MovementState.UNSURE:
        return known or told
    # A success and a refusal of one movement can only be one that was taken back.
    return MovementState.REVERSED


def _told(fact: PaymentProcessed, movement: Movement) -> MovementState:
    if movement.undone:
        taken_back = fact.status is S.FAILED
        return MovementState.REVERSED if taken_back else MovementState.REFUSED
    return MovementState.COUNTED if fact.status in _MOVED else MovementState.UNSURE


def add_up(entries: Iterable[Entry], currency: str) -> Tally:
    """The sum of ``entries``."""
    captured = refunded = taken_back = Money(0, currency)
    refused = refunds = unsure = 0
    empty = True
    for entry in entries:
        empty = False
        money, capture = entry.movement.amount, entry.movement.kind is MovementKind.CAPTURE
        refunds += not capture
        if entry.state is MovementState.UNSURE:
            unsure += 1
        elif entry.state is not MovementState.COUNTED:
            refused += capture
            if capture and entry.state is MovementState.REVERSED:
                taken_back += money
        elif capture:
            captured += money
        else:
            refunded += money
    return Tally(
        captured=captured,
        refunded=refunded,
        taken_back=taken_back,
        refused=refused,
        refunds=refunds,
        unsure=unsure,
        empty=empty,
    )
