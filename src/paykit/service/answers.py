"""What a provider's answer to a command means: a fact about the payment, a state of the command.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from ..events import Movement, MovementKind, PaymentProcessed, Source
from ..info import RefundNotices
from ..models import Payment, PaymentStatus, Refund, RefundStatus
from ..money import Money
from ..signing import fingerprint
from .commands import Command, CommandKind, CommandState
from .state import PAID, REFUND_FAILED, UNPAID, VOID_FAILED, PaymentRecord

S = PaymentStatus

CAPTURE_FAILED: Final = "capture_failed"

_REFUND_STATES: Final[Mapping[RefundStatus, CommandState]] = {
    RefundStatus.SUCCEEDED: CommandState.DONE,
    RefundStatus.PENDING: CommandState.WAITING,
    RefundStatus.FAILED: CommandState.REFUSED,
    RefundStatus.UNKNOWN: CommandState.RESERVED,  # nobody can read it: ask
}


def state_of(kind: CommandKind, payment: Payment) -> CommandState:
    """What a provider's answer to a capture or a void says of it."""
    if payment.status is S.UNKNOWN:
        return CommandState.RESERVED  # nobody can read it: ask
    if payment.status in PAID or (kind is CommandKind.VOID and payment.status in UNPAID):
        return CommandState.DONE
    return CommandState.REFUSED if payment.status in UNPAID else CommandState.WAITING


def state_of_refund(refund: Refund) -> CommandState:
    """What a provider's answer about a refund says of it."""
    return _REFUND_STATES[refund.status]


def is_refusal(fact: PaymentProcessed) -> bool:
    """Whether all that a fact of ours tells is that a command came to nothing."""
    return fact.reason in {CAPTURE_FAILED, VOID_FAILED, REFUND_FAILED}


def _answer_id(record: PaymentRecord, key: str, said: str) -> str:
    # Whoever repeats a command may hear that it is done, where the first only heard that it waits.
    return fingerprint(f"api|{record.payment_id}|{key}|{said}".encode())


def captured(
    record: PaymentRecord, payment: Payment, command: Command, *, now: datetime
) -> PaymentProcessed:
    """The provider's answer to a capture, as a fact."""
    total = payment.captured
    if total is None and payment.status in PAID:
        total = command.base + command.amount
    return _answer(record, payment, total, key=command.key, now=now)


def voided(
    record: PaymentRecord, payment: Payment, command: Command, *, now: datetime
) -> PaymentProcessed:
    """The provider's answer to a void, as a fact."""
    return _answer(record, payment, payment.captured, key=command.key, now=now)


def refused(
    record: PaymentRecord, command: Command, code: str | None, *, now: datetime
) -> PaymentProcessed:
    """A capture or a void that was refused, as a fact: the hold stands, as far as that tells."""
    is_capture = command.kind is CommandKind.CAPTURE
    movement = Movement(
        kind=MovementKind.CAPTURE, id=command.key, amount=command.amount, undone=True
    )
    return PaymentProcessed(
        event_id=_answer_id(record, command.key, "refused"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=S.AUTHORIZED,
        amount=command.amount if is_capture else record.amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=code,
        reason=CAPTURE_FAILED if is_capture else VOID_FAILED,
        source=Source.API,
        movement=movement if is_capture else None,
    )


def refunded(
    record: PaymentRecord,
    refund: Refund,
    command: Command,
    notices: RefundNotices,
    *,
    now: datetime,
    source: Source,
) -> PaymentProcessed:
    """A refund that the provider says is done, as a fact: one movement, which counts once.

    It has the name that ``notices`` have for it, if they tell of each; else ours. Where they do not
    tell of each, what had been given back before this one was sent may be known by a sum alone, and
    this one is not a part of that.
    """
    amount = refund.amount or command.amount
    each = notices is RefundNotices.EACH
    name = (refund.provider_id if each else None) or command.reference or command.key
    at_least = None
    if not each and amount.currency == command.base.currency:
        at_least = command.base + amount
    return PaymentProcessed(
        event_id=_answer_id(record, command.key, f"{S.REFUNDED}|{name}"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=S.REFUNDED,
        amount=amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=refund.code,
        refunded=at_least,
        source=source,
        movement=Movement(kind=MovementKind.REFUND, id=name, amount=amount),
    )


def refund_failed(
    record: PaymentRecord,
    command: Command,
    code: str | None,
    *,
    now: datetime,
    source: Source,
    name: str | None = None,
) -> PaymentProcessed:
    """A refund that came to nothing, as a fact: the money stays where it is.

    ``name`` is the provider's own, where its notices have it as well: then it is told once.
    """
    movement = None
    if name is not None:
        movement = Movement(kind=MovementKind.REFUND, id=name, amount=command.amount, undone=True)
    return PaymentProcessed(
        event_id=_answer_id(record, command.key, f"refused|{name}"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=record.status if movement is None else S.NEEDS_REVIEW,
        amount=command.amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=code,
        reason=REFUND_FAILED,
        source=source,
        movement=movement,
    )


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
