"""The transaction bodies, each written once: plain functions of a connection.

Whoever calls them decides about the transaction; in the service that is the one writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Row, and_, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore

from ..errors import InvalidRequest
from ..events import EVENT_TYPE, PaymentProcessed, Source, TransferReceived
from ..models import CaptureMode, Discrepancy, PaymentStatus
from ..money import Money
from ..provider import Outcome
from ..signing import fingerprint
from .ledger import change
from .schema import inbox, outbox, payments
from .state import PaymentRecord, receive_transfer

#: The outcome of a delivery with several facts is the gravest of theirs.
_GRAVEST: Final = (
    Outcome.MISMATCH,
    Outcome.UNKNOWN_REFERENCE,
    Outcome.ACCEPTED,
    Outcome.DUPLICATE,
)
#: So many facts a person is shown at once.
_A_PAGE: Final = 100
#: What one event id says once and for ever. Times and memos differ from list to notice.
_SAID: Final = ("reference", "status", "amount", "captured", "refunded", "movement")
#: No bank has a memo with room for more; databases limit what one question may name.
_MANY_CODES: Final = 100


@attrs.frozen(slots=True)
class Reserved:
    """A payment's record, and its session if the provider has answered before."""

    record: PaymentRecord
    session: str | None
    new: bool
    events: int = 0  #: how many wait for the relay, because facts about it were here before


@attrs.frozen(slots=True)
class Recorded:
    """What became of a delivery, and how many events wait for the relay because of it."""

    outcome: Outcome
    events: int


def reserve(conn: Connection, record: PaymentRecord) -> Reserved:
    """Make sure that the payment has a row before the provider hears of it.

    The same reference again gives the row that is there; with another amount or order it raises
    :class:`InvalidRequest`, so a reused key never becomes another payment.
    """
    statement = insert_or_ignore(payments).values(**_to_row(record)).on_conflict_do_nothing()
    new = conn.execute(statement).rowcount == 1
    row = conn.execute(_of_reference(record.provider, record.account, record.reference)).one()
    found = _to_record(row)
    asked = (record.amount, record.order_id, record.capture)
    if (found.amount, found.order_id, found.capture) != asked:
        raise InvalidRequest(
            "this reference was used for another amount, order or capture", field="reference"
        )
    events = 0
    if new:
        events = _join_orphans(conn, found)
        found = load(conn, found.payment_id) or found
    return Reserved(found, row.session, new, events)


def release(conn: Connection, payment_id: str) -> None:
    """Forget a reservation that certainly never reached the provider."""
    conn.execute(
        payments.delete().where(
            payments.c.payment_id == payment_id,
            payments.c.session.is_(None),
            payments.c.status == PaymentStatus.PENDING,
            ~exists().where(inbox.c.payment_id == payment_id),
        )
    )


def record_session(
    conn: Connection,
    payment_id: str,
    session: str,
    fact: PaymentProcessed,
    *,
    expires_at: datetime | None = None,
) -> Recorded:
    """Keep what the payer must do, and apply what the provider's answer says."""
    conn.execute(
        update(payments)
        .where(payments.c.payment_id == payment_id)
        .values(session=session, expires_at=expires_at)
    )
    return record_facts(conn, (fact,), digest="", now=fact.occurred_at)


def record_facts(
    conn: Connection,
    facts: Iterable[PaymentProcessed | TransferReceived],
    *,
    digest: str,
    now: datetime,
) -> Recorded:
    """Inbox, lock, transition, update, outbox: the one way in which a payment changes."""
    outcomes, events = [], 0
    for fact in facts:
        outcome, published = _record_fact(conn, fact, digest, now)
        outcomes.append(outcome)
        events += published
    gravest = [outcome for outcome in _GRAVEST if outcome in outcomes]
    return Recorded(gravest[0] if gravest else Outcome.ACCEPTED, events)


def load(conn: Connection, payment_id: str) -> PaymentRecord | None:
    """The record of one payment."""
    row = conn.execute(select(payments).where(payments.c.payment_id == payment_id)).first()
    return None if row is None else _to_record(row)


def load_session(conn: Connection, payment_id: str) -> Reserved | None:
    """The record of one payment with its session."""
    row = conn.execute(select(payments).where(payments.c.payment_id == payment_id)).first()
    return None if row is None else Reserved(_to_record(row), row.session, new=False)


def count_answers(conn: Connection, payment_id: str) -> int:
    """How many answers of the provider's API to our commands are on record for a payment."""
    mine = (inbox.c.payment_id == payment_id, inbox.c.source == Source.API.value)
    return conn.execute(select(func.count()).select_from(inbox).where(*mine)).scalar_one()


def knows(conn: Connection, record: PaymentRecord, event_ids: Sequence[str]) -> bool:
    """Whether one of these facts is on record."""
    mine = (
        inbox.c.provider == record.provider,
        inbox.c.account == record.account,
        inbox.c.event_id.in_(event_ids),
    )
    return conn.execute(select(inbox.c.event_id).where(*mine)).first() is not None


def find(conn: Connection, provider: str, account: str, reference: str) -> PaymentRecord | None:
    """The record of the payment with this reference."""
    row = conn.execute(_of_reference(provider, account, reference)).first()
    return None if row is None else _to_record(row)


def orphans(conn: Connection, after: PaymentProcessed | None = None) -> list[PaymentProcessed]:
    """Authentic facts about payments that we do not have, the oldest first: for a person."""
    unknown = inbox.c.source != Source.TRANSFER.value
    return [PaymentProcessed.from_json(fact) for fact in _of_nobody(conn, unknown, after)]


def unmatched(conn: Connection, after: TransferReceived | None = None) -> list[TransferReceived]:
    """Transfers that no payment is known for, the oldest first: for a person."""
    transfers = inbox.c.source == Source.TRANSFER.value
    return [TransferReceived.from_json(fact) for fact in _of_nobody(conn, transfers, after)]


def _of_nobody(
    conn: Connection, kind: Any, after: PaymentProcessed | TransferReceived | None
) -> list[dict[str, Any]]:
    """The first hundred facts of this kind without a payment; those behind ``after`` if given."""
    place = (inbox.c.received_at, inbox.c.provider, inbox.c.account, inbox.c.event_id)
    facts = select(inbox.c.fact).where(inbox.c.payment_id.is_(None), kind)
    if after is not None:
        last = conn.execute(select(*place).where(_same_fact(after))).first()
        if last is None:
            raise InvalidRequest("is not on record", field="after")
        facts = facts.where(tuple_(*place) > tuple_(*last, types=[column.type for column in place]))
    rows = conn.execute(facts.order_by(*place).limit(_A_PAGE))
    return [json.loads(fact) for (fact,) in rows]


def assign(
    conn: Connection, provider: str, account: str, event_id: str, payment_id: str
) -> Recorded:
    """Count an unmatched transfer for the payment that a person chose.

    Raises :class:`InvalidRequest` unless both are there, of one account, and the transfer is still
    free.
    """
    mine = and_(
        inbox.c.provider == provider, inbox.c.account == account, inbox.c.event_id == event_id
    )
    row = conn.execute(
        select(inbox.c.fact, inbox.c.received_at)
        .where(mine, inbox.c.payment_id.is_(None), inbox.c.source == Source.TRANSFER.value)
        .with_for_update()
    ).first()
    if row is None:
        raise InvalidRequest("there is no such unmatched transfer", field="event_id")
    chosen = conn.execute(
        select(payments).where(payments.c.payment_id == payment_id).with_for_update()
    ).first()
    if chosen is None:
        raise InvalidRequest("there is no such payment", field="payment_id")
    if (chosen.provider, chosen.account) != (provider, account):
        # What that account tells of the payment would hide one of the two sums.
        raise InvalidRequest("is a payment at another account", field="payment_id")
    transfer = TransferReceived.from_json(json.loads(row.fact))
    outcome, events = _apply(conn, _to_record(chosen), transfer, row.received_at)
    return Recorded(outcome, events)


# The outbox.


@attrs.frozen(slots=True)
class Waiting:
    """An event that is to be published."""

    id: str
    event: PaymentProcessed
    attempts: int


def claim(conn: Connection, *, now: datetime, lease: timedelta, limit: int) -> Sequence[Waiting]:
    """Take events that wait, at most one of each payment so that its order is kept.

    A claimed event is invisible to other relays until the lease is over: if this process dies, it
    is published by the next one.
    """
    earlier = outbox.alias("earlier")
    ready = (
        select(outbox)
        .where(
            outbox.c.published_at.is_(None),
            # Empty until first claimed, so a writer whose clock is ahead delays nothing.
            or_(outbox.c.available_at.is_(None), outbox.c.available_at <= now),
            ~exists().where(
                and_(
                    earlier.c.aggregateid == outbox.c.aggregateid,
                    earlier.c.sequence < outbox.c.sequence,
                    earlier.c.published_at.is_(None),
                )
            ),
        )
        .order_by(outbox.c.created_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = conn.execute(ready).all()
    if rows:
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_([row.id for row in rows]))
            .values(available_at=now + lease)
        )
    return [
        Waiting(row.id, PaymentProcessed.from_json(json.loads(row.payload)), row.attempts)
        for row in rows
    ]


def settle(conn: Connection, event_id: str, *, now: datetime) -> None:
    """Mark an event as published."""
    conn.execute(update(outbox).where(outbox.c.id == event_id).values(published_at=now))


def postpone(conn: Connection, event_id: str, *, until: datetime, error: str) -> None:
    """Put an event off after a failure, and keep the reason."""
    conn.execute(
        update(outbox)
        .where(outbox.c.id == event_id)
        .values(available_at=until, attempts=outbox.c.attempts + 1, last_error=error[:500])
    )


def _record_fact(
    conn: Connection, fact: PaymentProcessed | TransferReceived, digest: str, now: datetime
) -> tuple[Outcome, int]:
    reference = _reference_of(conn, fact)
    where = _of_reference(fact.provider, fact.account, reference).with_for_update()
    row = conn.execute(where).first()
    values = {
        "provider": fact.provider,
        "account": fact.account,
        "event_id": fact.event_id,
        "source": _source(fact).value,
        "reference": reference,
        "payment_id": row.payment_id if row is not None else None,
        "outcome": Outcome.UNKNOWN_REFERENCE.value,
        "fact": json.dumps(fact.to_json(), ensure_ascii=False),
        "digest": digest,
        "received_at": now,
    }
    statement = insert_or_ignore(inbox).values(**values).on_conflict_do_nothing()
    if conn.execute(statement).rowcount == 0:
        return _repeated(conn, fact, values), 0
    if row is None:
        return Outcome.UNKNOWN_REFERENCE, 0
    return _apply(conn, _to_record(row), fact, now)


def _reference_of(conn: Connection, fact: PaymentProcessed | TransferReceived) -> str:
    """Which payment a fact is for; empty for a transfer that names none, or several of ours."""
    if isinstance(fact, PaymentProcessed):
        return fact.reference
    if fact.reference is not None:
        return fact.reference
    if len(fact.codes) > _MANY_CODES:
        return ""
    ours = conn.execute(
        select(payments.c.reference).where(
            payments.c.provider == fact.provider,
            payments.c.account == fact.account,
            payments.c.reference.in_(fact.codes),
        )
    ).all()
    # A code that no payment has yet may get one: the notice can be quicker than our own commit.
    named = [row.reference for row in ours] or list(fact.codes)
    return named[0] if len(named) == 1 else ""


def _source(fact: PaymentProcessed | TransferReceived) -> Source:
    return fact.source if isinstance(fact, PaymentProcessed) else Source.TRANSFER


def _repeated(
    conn: Connection, fact: PaymentProcessed | TransferReceived, values: Mapping[str, Any]
) -> Outcome:
    earlier = conn.execute(
        select(inbox.c.outcome, inbox.c.payment_id, inbox.c.fact).where(_same_fact(fact))
    ).one()
    told, before = fact.to_json(), json.loads(earlier.fact)
    if any(told.get(name) != before.get(name) for name in _SAID):
        # The first one stays. This one is kept beside it and belongs to nobody's list.
        kept = {
            **values,
            "event_id": fingerprint(values["fact"].encode()),
            "payment_id": earlier.payment_id or "",
            "outcome": Outcome.MISMATCH.value,
        }
        conn.execute(insert_or_ignore(inbox).values(**kept).on_conflict_do_nothing())
        return Outcome.MISMATCH
    outcome = Outcome(earlier.outcome)
    # A contradiction stays one however often it is told; anything else was handled before.
    return outcome if outcome is not Outcome.ACCEPTED else Outcome.DUPLICATE


def _apply(
    conn: Connection,
    record: PaymentRecord,
    fact: PaymentProcessed | TransferReceived,
    now: datetime,
) -> tuple[Outcome, int]:
    id_taken = _id_taken(conn, record, fact)
    if isinstance(fact, TransferReceived):
        done = receive_transfer(record, fact, id_taken=id_taken)
    else:
        done = change(conn, record, fact, id_taken=id_taken)
    if done.record != record:
        conn.execute(
            update(payments)
            .where(payments.c.payment_id == record.payment_id)
            .values(**_to_row(done.record))
        )
    conn.execute(
        update(inbox)
        .where(_same_fact(fact))
        .values(outcome=done.outcome.value, payment_id=record.payment_id)
    )
    if done.event is None:
        return done.outcome, 0
    _put_out(conn, done.event, record, now)
    return done.outcome, 1


def _put_out(
    conn: Connection, event: PaymentProcessed, record: PaymentRecord, now: datetime
) -> None:
    """Let the relay publish ``event``; under an id of ours if its own is taken elsewhere."""
    taken = conn.execute(select(outbox.c.payload).where(outbox.c.id == event.event_id)).scalar()
    if taken is not None:
        other, mine = json.loads(taken), (event.provider, event.account)
        if (other["provider"], other["account"]) == mine:
            # The inbox has forgotten what was published: a transfer would count twice.
            raise InvalidRequest("was published before", field="event_id")
        name = f"{event.provider}|{event.account}|{event.event_id}"
        event = attrs.evolve(event, event_id=fingerprint(name.encode()))
    conn.execute(
        insert(outbox).values(
            id=event.event_id,
            aggregatetype="payment",
            aggregateid=record.payment_id,
            type=EVENT_TYPE,
            payload=json.dumps(event.to_json(), ensure_ascii=False),
            sequence=event.sequence,
            created_at=now,
            attempts=0,
        )
    )


def _join_orphans(conn: Connection, record: PaymentRecord) -> int:
    """Apply facts that arrived before their payment was known here, in their order.

    Returns how many events that published.
    """
    rows = conn.execute(
        select(inbox.c.fact, inbox.c.source, inbox.c.received_at)
        .where(
            inbox.c.provider == record.provider,
            inbox.c.account == record.account,
            inbox.c.reference == record.reference,
            inbox.c.payment_id.is_(None),
        )
        .order_by(inbox.c.received_at, inbox.c.event_id)
    ).all()
    events = 0
    for row in rows:
        kind = TransferReceived if row.source == Source.TRANSFER.value else PaymentProcessed
        fact = kind.from_json(json.loads(row.fact))
        now = load(conn, record.payment_id) or record
        events += _apply(conn, now, fact, row.received_at)[1]
    return events


def _id_taken(
    conn: Connection, record: PaymentRecord, fact: PaymentProcessed | TransferReceived
) -> bool:
    if fact.provider_id is None or fact.provider_id == record.provider_id:
        return False
    return (
        conn.execute(
            select(payments.c.payment_id)
            .where(
                payments.c.provider == fact.provider,
                payments.c.account == fact.account,
                payments.c.provider_id == fact.provider_id,
                payments.c.payment_id != record.payment_id,
            )
            .limit(1)
        ).first()
        is not None
    )


def _same_fact(fact: PaymentProcessed | TransferReceived) -> Any:
    return and_(
        inbox.c.provider == fact.provider,
        inbox.c.account == fact.account,
        inbox.c.event_id == fact.event_id,
    )


def _of_reference(provider: str, account: str, reference: str) -> Any:
    return select(payments).where(
        payments.c.provider == provider,
        payments.c.account == account,
        payments.c.reference == reference,
    )


def _to_row(record: PaymentRecord) -> dict[str, Any]:
    row = attrs.asdict(record, recurse=False)
    row["currency"] = record.amount.currency
    for name in ("amount", "captured", "refunded", "received"):
        row[name] = row[name].minor
    return row


def _to_record(row: Row[Any]) -> PaymentRecord:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return PaymentRecord(
        payment_id=row.payment_id,
        order_id=row.order_id,
        provider=row.provider,
        account=row.account,
        reference=row.reference,
        provider_id=row.provider_id,
        amount=money(row.amount),
        captured=money(row.captured),
        refunded=money(row.refunded),
        received=money(row.received),
        status=PaymentStatus(row.status),
        capture=CaptureMode(row.capture),
        discrepancy=Discrepancy(row.discrepancy) if row.discrepancy else None,
        code=row.code,
        reason=row.reason,
        sequence=row.sequence,
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        received_at=row.received_at,
    )


Body = Callable[[Connection], Any]
