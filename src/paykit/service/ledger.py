"""The movements of payments on record, and what a fact changes with them in sight."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from ..events import Movement, MovementKind, PaymentProcessed
from ..money import Money
from ..provider import Outcome
from .schema import movements
from .state import PaymentRecord, Transition, move, transition
from .tally import (
    UNDECIDED,
    Entry,
    MovementState,
    add_up,
    is_contradictory,
    next_state,
)


def change(
    conn: Connection, record: PaymentRecord, fact: PaymentProcessed, *, id_taken: bool
) -> Transition:
    """What ``fact`` does to ``record``; a movement that it tells of is kept."""
    entries = _entries(conn, record)
    before = add_up(entries.values(), record.amount.currency)
    movement = fact.movement
    if movement is not None and is_contradictory(fact, movement):
        return Transition(record, None, Outcome.MISMATCH)
    other_currency = movement and movement.amount.currency != record.amount.currency
    if movement is None or id_taken or other_currency or fact.status in UNDECIDED:
        tally = None if before.empty else before
        return transition(record, fact, id_taken=id_taken, tally=tally)
    key = (movement.kind, movement.id)
    known = entries.get(key)
    if known is None and _is_anothers(conn, record, movement):
        return transition(record, fact, id_taken=True)
    other_amount = known is not None and known.movement.amount != movement.amount
    if other_amount:
        return Transition(record, None, Outcome.MISMATCH)  # what is on record stays
    state = next_state(known.state if known else None, fact, movement)
    entries[key] = Entry(movement, state)
    _keep(conn, record, movement, state)
    after = add_up(entries.values(), record.amount.currency)
    return move(record, fact, movement, before=before, after=after)


def count_refused(conn: Connection, record: PaymentRecord) -> int:
    """How many captures of a payment were refused or taken back."""
    return add_up(_entries(conn, record).values(), record.amount.currency).refused


def _entries(conn: Connection, record: PaymentRecord) -> dict[tuple[MovementKind, str], Entry]:
    rows = conn.execute(select(movements).where(movements.c.payment_id == record.payment_id))
    found = [
        Entry(
            Movement(
                kind=MovementKind(row.kind),
                id=row.movement_id,
                amount=Money(row.amount, row.currency),
            ),
            MovementState(row.state),
        )
        for row in rows
    ]
    return {(entry.movement.kind, entry.movement.id): entry for entry in found}


def _is_anothers(conn: Connection, record: PaymentRecord, movement: Movement) -> bool:
    """Whether a movement of this name belongs to another payment."""
    owner = conn.execute(select(movements.c.payment_id).where(_named(record, movement))).scalar()
    return owner not in {None, record.payment_id}


def _keep(
    conn: Connection, record: PaymentRecord, movement: Movement, state: MovementState
) -> None:
    changed = conn.execute(
        update(movements).where(_named(record, movement)).values(state=state.value)
    )
    if changed.rowcount == 0:
        conn.execute(
            insert(movements).values(
                provider=record.provider,
                account=record.account,
                kind=movement.kind.value,
                movement_id=movement.id,
                payment_id=record.payment_id,
                amount=movement.amount.minor,
                currency=movement.amount.currency,
                state=state.value,
            )
        )


def _named(record: PaymentRecord, movement: Movement) -> Any:
    return and_(
        movements.c.provider == record.provider,
        movements.c.account == record.account,
        movements.c.kind == movement.kind.value,
        movements.c.movement_id == movement.id,
    )
