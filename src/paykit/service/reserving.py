"""The row of a new payment: there before the provider hears of it, and its session after."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import Connection, exists, insert, select, update

from ..errors import InvalidRequest
from ..events import PaymentProcessed, Source, TransferReceived
from ..models import PaymentStatus
from ..provider import Outcome
from ..text import unstorable
from . import changes, recording, rows
from .recording import Fact, Recorded
from .schema import inbox, payments
from .state import FROM_THE_START, PAID, PaymentRecord

S = PaymentStatus
#: Nothing is known of it but that it was asked for.
_WAITING: Final = frozenset({S.PENDING.value, S.REQUIRES_ACTION.value, S.UNKNOWN.value})


@attrs.frozen(slots=True)
class Reserved:
    """A payment's record, and its session if the provider has answered before."""

    record: PaymentRecord
    session: str | None
    new: bool
    events: int = 0  #: how many wait for the relay, because facts about it were here before


def reserve(
    conn: Connection,
    record: PaymentRecord,
    charge: str | None = None,
    *,
    check_at: datetime | None = None,
) -> Reserved:
    """Make sure that the payment has a row before the provider hears of it.

    The same reference again gives the row that is there; with another amount, order or ``charge``
    it raises :class:`InvalidRequest`, so a reused key never becomes another payment, and a
    reference that was charged is not charged again under another key or to another card.
    ``check_at`` is when to ask the provider, if nothing was heard until then.
    """
    where = rows.of_reference(record.provider, record.account, record.reference)
    row = conn.execute(where).first()
    if row is None:
        values = {**rows.to_row(record), "charge": charge, "check_at": check_at}
        conn.execute(insert(payments).values(**values))
        changes.note(conn, [record])
        events = join_orphans(conn, record)
        found = rows.load(conn, record.payment_id) or record
        return Reserved(found, None, new=True, events=events)
    found = rows.to_record(row)
    asked = (record.amount, record.order_id, record.capture)
    if (found.amount, found.order_id, found.capture) != asked:
        raise InvalidRequest(
            "this reference was used for another amount, order or capture", field="reference"
        )
    if row.session is None and row.charge != charge:
        raise InvalidRequest(
            "this reference was used with another key or token: a new attempt has a new one",
            field="reference",
        )
    return Reserved(found, row.session, new=False)


def release(conn: Connection, record: PaymentRecord) -> None:
    """Forget a reservation that certainly never reached the provider."""
    payment_id = record.payment_id
    changes.note(conn, [record])
    conn.execute(
        payments.delete().where(
            payments.c.payment_id == payment_id,
            payments.c.session.is_(None),
            payments.c.status == S.PENDING.value,
            ~exists().where(inbox.c.payment_id == payment_id),
        )
    )


def record_session(
    conn: Connection,
    payment_id: str,
    session: str,
    fact: PaymentProcessed,
    now: datetime,
    *,
    expires_at: datetime | None = None,
) -> Recorded:
    """Keep what the payer must do, and apply what the provider's answer says."""
    conn.execute(
        update(payments)
        .where(payments.c.payment_id == payment_id)
        .values(session=session, expires_at=expires_at)
    )
    recorded = record_answer(conn, payment_id, fact, now)
    record = rows.load(conn, payment_id)
    if record is not None:
        changes.note(conn, [record])
    # A notice may have been stored as nobody's while our row was being written.
    joined = join_orphans(conn, record) if record is not None else 0
    return Recorded(recorded.outcome, recorded.events + joined)


def record_answer(
    conn: Connection, payment_id: str, fact: PaymentProcessed, now: datetime
) -> Recorded:
    """Apply what the provider answered when it was asked for a payment.

    Nothing can have happened to the payment before that, though the answer may come late, and once
    more to whoever asks again under the same key. So it is old news as soon as anything else is
    known, unless it tells of money.
    """
    row = rows.lock(conn, payment_id)
    if row is not None and row.status not in _WAITING and fact.status not in PAID:
        return Recorded(Outcome.ACCEPTED, 0)
    return recording.News((fact,), "", now, told_at=FROM_THE_START)(conn)


def load_session(conn: Connection, payment_id: str) -> Reserved | None:
    """The record of one payment with its session."""
    if unstorable(payment_id):
        return None
    row = conn.execute(select(payments).where(payments.c.payment_id == payment_id)).first()
    return None if row is None else Reserved(rows.to_record(row), row.session, new=False)


def find(conn: Connection, provider: str, account: str, reference: str) -> Reserved | None:
    """The record of the payment with this reference, with its session."""
    row = conn.execute(rows.of_reference(provider, account, reference)).first()
    return None if row is None else Reserved(rows.to_record(row), row.session, new=False)


def join_orphans(conn: Connection, record: PaymentRecord) -> int:
    """Apply facts that arrived before their payment was known here, in their order.

    Returns how many events that published.
    """
    found = conn.execute(
        select(inbox.c.fact, inbox.c.source, inbox.c.received_at)
        .where(
            inbox.c.provider == record.provider,
            inbox.c.account == record.account,
            inbox.c.reference == record.reference,
            inbox.c.payment_id.is_(None),
        )
        .order_by(inbox.c.received_at, inbox.c.event_id)
    ).all()
    waiting: Iterable[tuple[Fact, datetime]] = [
        (_to_fact(row.fact, row.source), row.received_at) for row in found
    ]
    return recording.reapply(conn, record.payment_id, waiting)


def _to_fact(text: str, source: str) -> Fact:
    kind = TransferReceived if source == Source.TRANSFER.value else PaymentProcessed
    return kind.from_json(json.loads(text))
