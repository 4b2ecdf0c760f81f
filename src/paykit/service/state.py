"""What a fact does to a payment: one pure function over one table.

Rule 1: everything that decides a payment's state is in this file, and nothing here does I/O.
Rule 2: succeeded never falls back. Failed, canceled and expired may still become succeeded,
because several providers do that, and the late success is an event of its own right.
Rule 3: a fact that contradicts our record (amount, currency, somebody else's transaction) is never
success; it becomes ``needs_review`` with the discrepancy named.
Rule 4: totals are cumulative and only grow, so a late or repeated fact changes nothing, and money
that is told of for the first time is always an event, whatever the status does.
Rule 5: a bank transfer is a delta, the only one. Each is counted once, and its payment is judged by
their sum; what another source said before about the same money is not counted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from ..events import PaymentProcessed, TransferReceived
from ..models import Discrepancy, PaymentRef, PaymentStatus
from ..money import Money
from ..provider import Outcome
from ..vietqr.matching import Expected, judge

S = PaymentStatus

_PAID: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED})
_CLOSED: Final = _PAID | {S.AUTHORIZED, S.NEEDS_REVIEW}
_UNPAID: Final = frozenset({S.FAILED, S.CANCELED, S.EXPIRED})
_OPEN_ENDS: Final = _CLOSED | _UNPAID

#: Which status may follow which. Whatever is not here changes nothing.
FOLLOWS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    S.PENDING: _OPEN_ENDS | {S.REQUIRES_ACTION, S.UNKNOWN},
    S.REQUIRES_ACTION: _OPEN_ENDS | {S.PENDING, S.UNKNOWN},
    S.UNKNOWN: _OPEN_ENDS,
    S.AUTHORIZED: _PAID | _UNPAID | {S.NEEDS_REVIEW},
    S.SUCCEEDED: frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED}),
    S.PARTIALLY_REFUNDED: frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED}),
    S.REFUNDED: frozenset({S.DISPUTED}),
    S.FAILED: _CLOSED,
    S.CANCELED: _CLOSED,
    S.EXPIRED: _CLOSED,
    S.DISPUTED: frozenset(),  # but its refunded total may still grow
    S.NEEDS_REVIEW: _PAID,
}

#: Nothing more is expected, though a late success or a refund may still come.
FINAL: Final = _PAID | _UNPAID
#: A payment that merely waits is not news for a saga.
_SILENT: Final = frozenset({S.PENDING, S.REQUIRES_ACTION})
#: When a payment is closed, any time is too late.
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_REFUND_FACTS: Final = frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED})


@attrs.frozen(slots=True, kw_only=True)
class PaymentRecord:
    """Our own record of one payment: what was asked, and what is known."""

    payment_id: str
    order_id: str
    provider: str
    account: str
    reference: str
    amount: Money
    status: PaymentStatus
    captured: Money
    refunded: Money
    received: Money  #: the sum of the bank transfers, a part of ``captured``
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None  #: when the time to pay is over
    received_at: datetime | None = None  #: when the latest of the bank transfers arrived
    provider_id: str | None = None
    discrepancy: Discrepancy | None = None
    code: str | None = None
    reason: str | None = None
    sequence: int = 0

    @property
    def ref(self) -> PaymentRef:
        """How to ask the provider for this payment."""
        return PaymentRef(
            reference=self.reference,
            provider_id=self.provider_id,
            amount=self.amount,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )

    @property
    def final(self) -> bool:
        """Whether the payer can stop waiting."""
        return self.status in FINAL


@attrs.frozen(slots=True)
class Transition:
    """What a fact did: the record after it, the event to publish, and how to acknowledge it."""

    record: PaymentRecord
    event: PaymentProcessed | None
    outcome: Outcome


def transition(
    record: PaymentRecord, fact: PaymentProcessed, *, id_taken: bool = False
) -> Transition:
    """Apply ``fact`` to ``record``. ``id_taken``: its provider id belongs to another payment."""
    discrepancy = _discrepancy(record, fact, id_taken=id_taken)
    status = S.NEEDS_REVIEW if discrepancy else fact.status
    outcome = Outcome.MISMATCH if discrepancy else Outcome.ACCEPTED
    captured = _captured(record, fact, discrepancy)
    refunded = record.refunded if discrepancy else _refunded(record, fact)
    if record.status is S.DISPUTED and status in _REFUND_FACTS:
        status = S.DISPUTED
    if status is record.status:
        if refunded <= record.refunded and captured <= record.captured:
            return Transition(record, None, outcome)
    elif status not in FOLLOWS[record.status]:
        if captured <= record.captured:
            return Transition(record, None, outcome)
        status = record.status  # what is paid stays paid; that there is more of it is news
    silent = status in _SILENT
    after = attrs.evolve(
        record,
        status=status,
        captured=max(record.captured, captured),
        refunded=max(record.refunded, refunded),
        provider_id=record.provider_id if discrepancy else fact.provider_id or record.provider_id,
        discrepancy=discrepancy or _left(record, status, captured),
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, fact.occurred_at),
        sequence=record.sequence if silent else record.sequence + 1,
    )
    if silent:
        return Transition(after, None, outcome)
    return Transition(after, _published(after, fact, discrepancy), outcome)


def receive_transfer(
    record: PaymentRecord, transfer: TransferReceived, *, id_taken: bool = False
) -> Transition:
    """Count ``transfer`` for ``record``, and judge the payment by the sum."""
    same_currency = transfer.amount.currency == record.amount.currency
    countable = not id_taken and same_currency and transfer.amount.minor > 0
    received, received_at = record.received, record.received_at
    if countable:
        received += transfer.amount
        received_at = max(transfer.occurred_at, received_at or transfer.occurred_at)
    counted = attrs.evolve(record, received=received, received_at=received_at)
    if countable and received <= record.captured:
        # The provider's own total told of this money before the transfer itself did.
        return Transition(counted, None, Outcome.ACCEPTED)
    closed = record.status in {S.CANCELED, S.EXPIRED}
    expected = Expected(
        reference=record.reference,
        amount=record.amount,
        received=record.received,
        received_at=record.received_at,
        expires_at=_LONG_AGO if closed else record.expires_at,
        paid=record.status in _PAID,
    )
    fact = judge(transfer, expected).event
    discrepancy = Discrepancy.PROVIDER_ID if id_taken else fact.discrepancy
    status = S.NEEDS_REVIEW if id_taken else fact.status
    if status not in FOLLOWS[record.status]:
        status = record.status
    after = attrs.evolve(
        counted,
        status=status,
        captured=max(record.captured, received),
        # payOS has an id for the payment, which stays; else the first transfer stands for it.
        provider_id=record.provider_id or (None if id_taken else transfer.provider_id),
        discrepancy=discrepancy,
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, transfer.occurred_at),
        sequence=record.sequence + 1,
    )
    outcome = Outcome.MISMATCH if discrepancy else Outcome.ACCEPTED
    return Transition(after, _published(after, fact, discrepancy), outcome)


def _published(
    after: PaymentRecord, fact: PaymentProcessed, discrepancy: Discrepancy | None
) -> PaymentProcessed:
    """The fact as an event about our payment, as it stands after it."""
    return attrs.evolve(
        fact,
        reference=after.reference,
        status=after.status,
        payment_id=after.payment_id,
        order_id=after.order_id,
        captured=after.captured,
        refunded=after.refunded,
        discrepancy=discrepancy,
        sequence=after.sequence,
    )


def _captured(
    record: PaymentRecord, fact: PaymentProcessed, discrepancy: Discrepancy | None
) -> Money:
    """The total that came in, as far as the fact can be believed about it."""
    if discrepancy in {Discrepancy.CURRENCY, Discrepancy.PROVIDER_ID}:
        return record.captured
    paid = fact.status in _PAID and not discrepancy
    # What merely waits may have got a part: that counts once a transfer or the end tells of it.
    if fact.captured and (paid or discrepancy):
        return fact.captured
    return record.amount if paid and record.status not in _PAID else record.captured


def _refunded(record: PaymentRecord, fact: PaymentProcessed) -> Money:
    if fact.refunded is not None:
        return fact.refunded
    return record.amount if fact.status is S.REFUNDED else record.refunded


def _discrepancy(
    record: PaymentRecord, fact: PaymentProcessed, *, id_taken: bool
) -> Discrepancy | None:
    told = (fact.amount, fact.captured, fact.refunded)
    if any(money is not None and money.currency != record.amount.currency for money in told):
        return Discrepancy.CURRENCY
    if id_taken:
        return Discrepancy.PROVIDER_ID
    if fact.status in _REFUND_FACTS:
        return _refund_discrepancy(record, fact)
    if fact.amount < record.amount:
        return Discrepancy.UNDERPAID
    if fact.amount > record.amount:
        return Discrepancy.OVERPAID
    if fact.captured and fact.status in {S.SUCCEEDED, *_UNPAID}:
        return _captured_discrepancy(record, fact.captured, fact.status)
    return None


def _left(record: PaymentRecord, status: PaymentStatus, captured: Money) -> Discrepancy | None:
    """The discrepancy of before, unless it was that of transfers whose sum is whole now."""
    whole = record.received and status in _PAID and captured >= record.amount
    return None if whole and record.discrepancy is Discrepancy.UNDERPAID else record.discrepancy


def _captured_discrepancy(
    record: PaymentRecord, captured: Money, status: PaymentStatus
) -> Discrepancy | None:
    # payOS calls a payment paid whatever more arrived, and closes one that has got a part. Less
    # than was asked is no contradiction of a success: the shop may have captured a part.
    if captured > record.amount:
        return Discrepancy.OVERPAID
    if status in _UNPAID:
        return Discrepancy.UNDERPAID if captured < record.amount else Discrepancy.LATE
    return None


def _refund_discrepancy(record: PaymentRecord, fact: PaymentProcessed) -> Discrepancy | None:
    # The amount of such a fact is the refund's; more than was paid cannot come back.
    total = fact.refunded if fact.refunded is not None else fact.amount
    return Discrepancy.OVERPAID if total > record.amount else None
