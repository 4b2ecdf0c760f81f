"""Capturing and voiding by our record: what may be sent, under which key, what an answer means.

Nothing here does I/O. What is refused here was never sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from ..errors import Declined, InvalidRequest
from ..events import Movement, MovementKind, PaymentProcessed, Source
from ..models import Payment, PaymentStatus
from ..money import Money
from ..signing import fingerprint
from .state import PAID, UNPAID, VOID_FAILED, PaymentRecord

S = PaymentStatus

#: Paid in part, so there may still be a hold beside it.
_MAY_HOLD_MORE: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED})
_HELD_NO_MORE: Final = frozenset({S.CANCELED, S.EXPIRED})

CAPTURE_FAILED: Final = "capture_failed"


@attrs.frozen(slots=True)
class Commanded:
    """What became of a capture or a void: the record after it, and the provider's answer.

    Without a ``payment`` nothing was sent, for it had been done before. A payment that is
    ``pending`` was taken on and is not done: an event tells how it ends.
    """

    record: PaymentRecord
    payment: Payment | None = None
    published: int = 0


def held(record: PaymentRecord) -> Money:
    """How much of what was asked is not taken yet, as far as our record knows."""
    return max(record.amount - record.captured, Money(0, record.amount.currency))


def to_capture(record: PaymentRecord, amount: Money | None) -> Money | None:
    """How much to capture; ``None``: it is done. Raises :class:`InvalidRequest`."""
    if amount is None:
        if record.status in PAID and record.captured >= record.amount:
            return None
        if record.status in _MAY_HOLD_MORE:
            raise InvalidRequest("a part is captured: say how much more", field="amount")
        amount = held(record)
    if amount.currency != record.amount.currency:
        raise InvalidRequest("is in another currency than the payment", field="amount")
    if amount.minor <= 0:
        raise InvalidRequest("a capture is more than nothing", field="amount")
    if record.status is not S.AUTHORIZED and record.status not in _MAY_HOLD_MORE:
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    if amount > held(record):
        raise InvalidRequest(f"at most {held(record)} is held", field="amount")
    return amount


def is_to_void(record: PaymentRecord) -> bool:
    """Whether there is something to void; ``False``: it is done. Raises :class:`InvalidRequest`."""
    if record.status in _HELD_NO_MORE:
        return False
    may_hold = record.status is S.AUTHORIZED or record.status in _MAY_HOLD_MORE
    if not may_hold or not held(record):
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    return True


def capture_key(record: PaymentRecord, amount: Money, refused: int) -> str:
    """The same for the same capture, until it was refused: then a new attempt has a new one."""
    return f"{record.payment_id}-capture-{amount.minor}-{refused}"


def void_key(record: PaymentRecord) -> str:
    """The same however often a payment is voided."""
    return f"{record.payment_id}-void"


def answers_to(record: PaymentRecord, key: str) -> list[str]:
    """The event ids that an answer to a command may have been recorded under.

    An answer that nobody can read is none: the same key asks again.
    """
    return [_answer_id(record, key, status) for status in PaymentStatus if status is not S.UNKNOWN]


def _answer_id(record: PaymentRecord, key: str, said: str) -> str:
    # Whoever repeats a command may hear that it is done, where the first only heard that it waits.
    return fingerprint(f"api|{record.payment_id}|{key}|{said}".encode())


def captured(
    record: PaymentRecord, payment: Payment, amount: Money, *, key: str, now: datetime
) -> PaymentProcessed:
    """The provider's answer to a capture of ``amount``, as a fact."""
    total = payment.captured
    if total is None and payment.status in PAID:
        total = record.captured + amount
    return _answer(record, payment, total, key=key, now=now)


def voided(record: PaymentRecord, payment: Payment, *, key: str, now: datetime) -> PaymentProcessed:
    """The provider's answer to a void, as a fact."""
    return _answer(record, payment, payment.captured, key=key, now=now)


def refused(
    record: PaymentRecord, error: Declined, amount: Money, *, key: str, now: datetime
) -> PaymentProcessed:
    """A capture that the provider refused, as a fact: the hold stands, as far as that tells."""
    return PaymentProcessed(
        event_id=_answer_id(record, key, "refused"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=S.AUTHORIZED,
        amount=amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=error.code,
        reason=CAPTURE_FAILED,
        source=Source.API,
        movement=Movement(kind=MovementKind.CAPTURE, id=key, amount=amount, undone=True),
    )


def refused_void(
    record: PaymentRecord, error: Declined, *, key: str, now: datetime
) -> PaymentProcessed:
    """A void that the provider refused, as a fact: the hold stands, as far as that tells."""
    whole = refused(record, error, record.amount, key=key, now=now)
    return attrs.evolve(whole, reason=VOID_FAILED, movement=None)


def _id_told(record: PaymentRecord, payment: Payment) -> str | None:
    """The provider's id of what it answered about.

    The end of a hold may come with an id of its own, and it is that of the hold we asked about.
    """
    ends_our_hold = record.status is S.AUTHORIZED and payment.status in UNPAID
    return (record.provider_id if ends_our_hold else None) or payment.provider_id


def _told_at(payment: Payment, now: datetime) -> datetime:
    """When what an answer says has happened; that nothing is held any more, it says of now.

    A provider may tell when the payment was asked for, and that is before the hold.
    """
    return now if payment.status in UNPAID else payment.occurred_at or now


def as_fact(
    record: PaymentRecord, payment: Payment, now: datetime, *, event_id: str, source: Source
) -> PaymentProcessed:
    """What the provider answered about a payment, as a fact about our record."""
    return PaymentProcessed(
        event_id=event_id,
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=payment.status,
        amount=payment.amount or record.amount,
        occurred_at=_told_at(payment, now),
        provider_id=_id_told(record, payment),
        code=payment.code,
        reason=payment.reason,
        captured=payment.captured,
        refunded=payment.refunded,
        source=source,
    )


def _answer(
    record: PaymentRecord, payment: Payment, total: Money | None, *, key: str, now: datetime
) -> PaymentProcessed:
    event_id = _answer_id(record, key, payment.status)
    fact = as_fact(record, payment, now, event_id=event_id, source=Source.API)
    # Such an answer may have the amount of the one capture: that is not less than was asked.
    amount = fact.amount
    if amount.currency == record.amount.currency:
        amount = max(amount, record.amount)
    return attrs.evolve(fact, amount=amount, captured=total)
