"""The movements of payments on record, and what a fact changes with them in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, and_, insert, select, update

from ..events import Movement, MovementKind, PaymentProcessed
from ..money import Money
from ..provider import Outcome
from .fitting import fitting
from .schema import movements
from .state import PaymentRecord, Transition, is_refused_refund, move, tell, transition
from .tally import (
    UNDECIDED,
    Entry,
    MovementState,
    add_up,
    is_contradictory,
    next_state,
)

#: What is on record of one payment, by kind and id.
Entries: TypeAlias = dict[tuple[MovementKind, str], Entry]


def change(
    record: PaymentRecord,
    fact: PaymentProcessed,
    entries: Entries,
    *,
    id_taken: bool,
    is_anothers: bool = False,
    told_at: datetime | None = None,
) -> tuple[Transition, Entry | None]:
    """What ``fact`` does to ``record``, and the movement to keep, if it tells of one.

    ``is_anothers``: its movement is on record for another payment. ``told_at``: as in
    :func:`~paykit.service.state.transition`.
    """
    movement = fact.movement
    if is_refused_refund(fact) and not id_taken:
        return tell(record, fact), None
    if movement is None and not entries:
        return transition(record, fact, id_taken=id_taken, told_at=told_at), None
    before = add_up(entries.values(), record.amount.currency)
    if movement is not None and is_contradictory(fact, movement):
        return Transition(record, None, Outcome.MISMATCH), None
    other_currency = movement and movement.amount.currency != record.amount.currency
    if movement is None or id_taken or other_currency or fact.status in UNDECIDED:
        tally = None if before.empty else before
        return transition(record, fact, id_taken=id_taken, tally=tally, told_at=told_at), None
    key = (movement.kind, fitting(movement.id))
    known = entries.get(key)
    if known is None and is_anothers:
        return transition(record, fact, id_taken=True), None
    if known is not None and known.movement.amount != movement.amount:
        return Transition(record, None, Outcome.MISMATCH), None  # what is on record stays
    entry = Entry(movement, next_state(known.state if known else None, fact, movement))
    after = add_up({**entries, key: entry}.values(), record.amount.currency)
    return move(record, fact, movement, before=before, after=after), entry


def load_entries(conn: Connection, payment_ids: Iterable[str]) -> Mapping[str, Entries]:
    """The movements of several payments, by payment."""
    found: dict[str, Entries] = {}
    for row in conn.execute(select(movements).where(movements.c.payment_id.in_(payment_ids))):
        entry = _to_entry(row)
        key = (entry.movement.kind, row.movement_id)
        found.setdefault(row.payment_id, {})[key] = entry
    return found


def load_owners(
    conn: Connection, provider: str, account: str, ids: Iterable[str]
) -> Mapping[tuple[MovementKind, str], str]:
    """Which payments the movements with these ids belong to."""
    rows = conn.execute(
        select(movements.c.kind, movements.c.movement_id, movements.c.payment_id).where(
            movements.c.provider == provider,
            movements.c.account == account,
            movements.c.kind.in_([kind.value for kind in MovementKind]),
            movements.c.movement_id.in_(ids),
        )
    )
    return {(MovementKind(row.kind), row.movement_id): row.payment_id for row in rows}


def keep(conn: Connection, record: PaymentRecord, entry: Entry) -> None:
    """Write a movement down, or what is new about it."""
    movement = entry.movement
    named = and_(
        movements.c.provider == record.provider,
        movements.c.account == record.account,
        movements.c.kind == movement.kind.value,
        movements.c.movement_id == fitting(movement.id),
    )
    changed = conn.execute(update(movements).where(named).values(state=entry.state.value))
    if changed.rowcount == 0:
        conn.execute(
            insert(movements).values(
                provider=record.provider,
                account=record.account,
                kind=movement.kind.value,
                movement_id=fitting(movement.id),
                payment_id=record.payment_id,
                amount=movement.amount.minor,
                currency=movement.amount.currency,
                state=entry.state.value,
            )
        )


def _to_entry(row: Row[Any]) -> Entry:
    money = Money(row.amount, row.currency)
    movement = Movement(kind=MovementKind(row.kind), id=row.movement_id, amount=money)
    return Entry(movement, MovementState(row.state))
