"""All that is on record about one payment, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

import attrs
from sqlalchemy import Connection

from ..events import MovementKind, PaymentProcessed
from ..money import Money
from . import browsing, command_store, ledger, outbox, rows
from .browsing import InboxEntry
from .commands import Command
from .fitting import fitting
from .outbox import OutboxEntry
from .state import PaymentRecord
from .tally import MovementState

#: What a movement goes by.
_Name: TypeAlias = tuple[MovementKind, str]


@attrs.frozen(slots=True, kw_only=True)
class MovementEntry:
    """One capture or refund on record, by the provider's own id of it."""

    kind: MovementKind
    movement_id: str
    amount: Money
    state: MovementState


@attrs.frozen(slots=True)
class Moment:
    """Something that is on record of a payment, and since when."""

    at: datetime
    entry: InboxEntry | OutboxEntry | Command | MovementEntry


@attrs.frozen(slots=True, kw_only=True)
class Timeline:
    """One payment, and all that is on record about it, the earliest first.

    A fact is where it was received, a movement where the first fact told of it, an event where it
    was put into the outbox, a command where it was written down. Events that were purged are
    missing: there were as many as the record's ``sequence`` says.
    """

    record: PaymentRecord
    moments: tuple[Moment, ...]


def load(conn: Connection, payment_id: str) -> Timeline | None:
    """The timeline of one payment, or ``None``."""
    record = rows.load(conn, payment_id)
    if record is None:
        return None
    events = {event.event_id: event for event in outbox.of_payment(conn, payment_id)}
    movements = _movements(conn, payment_id)
    moments = [
        Moment(command.created_at, command)
        for command in command_store.of_payment(conn, payment_id)
    ]
    for fact in _in_turn(browsing.facts_of(conn, payment_id), events):
        moments.append(Moment(fact.received_at, fact))
        moved = movements.pop(_movement_of(fact), None)
        if moved is not None:
            moments.append(Moment(fact.received_at, moved))
        event = events.pop(fact.event_id, None)
        if event is not None:
            moments.append(Moment(event.created_at, event))
    moments += [Moment(event.created_at, event) for event in events.values()]
    moments += [Moment(record.updated_at, moved) for moved in movements.values()]
    # Whatever has the same time stays as it is: a command, a fact, and what the fact has made.
    return Timeline(record=record, moments=tuple(sorted(moments, key=attrgetter("at"))))


def _in_turn(facts: Iterable[InboxEntry], events: Mapping[str, OutboxEntry]) -> list[InboxEntry]:
    """The facts by their time; those of one time as their events say."""

    def turn(fact: InboxEntry) -> tuple[datetime, int]:
        event = events.get(fact.event_id)
        return fact.received_at, event.sequence if event else 0

    return sorted(facts, key=turn)


def _movements(conn: Connection, payment_id: str) -> dict[_Name | None, MovementEntry]:
    return {
        name: MovementEntry(
            kind=entry.movement.kind,
            movement_id=entry.movement.id,
            amount=entry.movement.amount,
            state=entry.state,
        )
        for name, entry in ledger.load_entries(conn, [payment_id]).get(payment_id, {}).items()
    }


def _movement_of(fact: InboxEntry) -> _Name | None:
    said = fact.fact
    if not isinstance(said, PaymentProcessed) or said.movement is None:
        return None
    return said.movement.kind, fitting(said.movement.id)
