"""What a bank transfer means for a payment: which one it is for, and whether it pays it.

A transfer is a fact about an account. It carries a memo, and perhaps there is a payment code in it
(:class:`PaymentCodes`). :func:`match` picks the payment; :func:`judge` compares amount, currency
and time. Both are pure: they know what they are given. Nothing is tolerated and nothing is guessed;
what is not certain is for a person. Each transfer must be counted once, by its ``event_id``, and
that is the caller's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import attrs

from ..errors import InvalidRequest
from ..events import PaymentProcessed, Source, TransferReceived
from ..models import Discrepancy, PaymentStatus
from ..money import Money
from .codes import PaymentCodes

__all__ = ["MEANING", "Expected", "Judged", "PaymentCodes", "TransferOutcome", "judge", "match"]


class TransferOutcome(StrEnum):
    """What a transfer turned out to be."""

    MATCHED = "matched"  #: with it the payment has got exactly its amount, in time
    UNDERPAID = "underpaid"  #: with it the payment still has less than its amount
    OVERPAID = "overpaid"  #: with it the payment has got more than its amount
    LATE = "late"  #: with it the payment has got exactly its amount, but too late
    DUPLICATE = "duplicate"  #: the payment was paid before
    UNMATCHED = "unmatched"  #: it counts for no payment: a person has to look at it


#: What an outcome says about the payment. One in another currency has its own discrepancy.
MEANING: Final[Mapping[TransferOutcome, tuple[PaymentStatus, Discrepancy | None]]] = {
    TransferOutcome.MATCHED: (PaymentStatus.SUCCEEDED, None),
    TransferOutcome.UNDERPAID: (PaymentStatus.NEEDS_REVIEW, Discrepancy.UNDERPAID),
    TransferOutcome.OVERPAID: (PaymentStatus.NEEDS_REVIEW, Discrepancy.OVERPAID),
    TransferOutcome.LATE: (PaymentStatus.NEEDS_REVIEW, Discrepancy.LATE),
    # What is paid stays paid.
    TransferOutcome.DUPLICATE: (PaymentStatus.SUCCEEDED, Discrepancy.DUPLICATE_PAYMENT),
    TransferOutcome.UNMATCHED: (PaymentStatus.NEEDS_REVIEW, Discrepancy.UNMATCHED),
}


def _aware(_expected: object, attribute: attrs.Attribute[datetime], value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        raise InvalidRequest("needs a time zone", field=attribute.name)


@attrs.frozen(kw_only=True)
class Expected:
    """What is known of a payment that a transfer may be for.

    ``received`` is what came in for it so far, and ``received_at`` when the latest of that did;
    give both, and it does not matter in which order two transfers are reported. ``expires_at`` is
    the last moment to pay. ``paid`` says that the payment is settled, in whatever way. Raises
    :class:`~paykit.errors.InvalidRequest` for negative or mixed money and times without a zone.
    """

    reference: str
    amount: Money
    received: Money | None = None
    received_at: datetime | None = attrs.field(default=None, validator=_aware)
    expires_at: datetime | None = attrs.field(default=None, validator=_aware)
    paid: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.reference:
            raise InvalidRequest("must not be empty", field="reference")
        if self.amount.minor < 0:
            raise InvalidRequest("must not be negative", field="amount")
        if self.total < Money(0, self.amount.currency):  # raises if the currencies differ
            raise InvalidRequest("must not be negative", field="received")

    @property
    def total(self) -> Money:
        """What came in so far."""
        return self.received or Money(0, self.amount.currency)


@attrs.frozen
class Judged:
    """The outcome, and the same as an event: ``amount`` is the transfer's, ``captured`` the sum."""

    outcome: TransferOutcome
    event: PaymentProcessed


def match(
    transfer: TransferReceived,
    expected: Iterable[Expected] | Mapping[str, Expected],
    *,
    codes: PaymentCodes | None = None,
) -> Judged:
    """Pick the payment that a transfer is for, and judge it.

    A reference that the provider gave decides, else the codes of the transfer, and those that
    ``codes`` finds in its memo. Only if exactly one payment of ``expected`` has such a reference is
    it meant; none or several are ``unmatched``. A mapping is by reference, and is only asked for
    the codes that are there.
    """
    if codes is not None:
        both = dict.fromkeys((*transfer.codes, *codes.find(transfer.memo)))
        transfer = attrs.evolve(transfer, codes=tuple(both))
    wanted = dict.fromkeys([transfer.reference] if transfer.reference else transfer.codes)
    if isinstance(expected, Mapping):
        meant = [found for reference in wanted if (found := expected.get(reference))]
    else:
        meant = [payment for payment in expected if payment.reference in wanted]
    if len(meant) > 1:
        return _judged(TransferOutcome.UNMATCHED, transfer, reference="")
    return judge(transfer, meant[0] if meant else None)


def judge(transfer: TransferReceived, expected: Expected | None) -> Judged:
    """Say what a transfer means for the payment that it is for.

    Without a payment it is ``unmatched``. Its event then names the reference that the provider
    gave, or the only code in the memo, so that it can be joined when that payment turns up. Money
    in another currency counts for nothing: it is ``unmatched`` with the discrepancy ``currency``.
    Raises :class:`~paykit.errors.InvalidRequest` if the sum does not fit 64 bits.
    """
    if transfer.amount.minor <= 0:  # nothing came in, whatever it is
        return _judged(TransferOutcome.UNMATCHED, transfer, reference="")
    if expected is None:
        return _judged(TransferOutcome.UNMATCHED, transfer, reference=_only_reference(transfer))
    if transfer.amount.currency != expected.amount.currency:
        outcome = TransferOutcome.DUPLICATE if expected.paid else TransferOutcome.UNMATCHED
        discrepancy = None if expected.paid else Discrepancy.CURRENCY
        return _judged(
            outcome,
            transfer,
            reference=expected.reference,
            captured=expected.total,
            discrepancy=discrepancy,
        )
    total = expected.total + transfer.amount
    return _judged(
        _outcome(transfer, expected, total),
        transfer,
        reference=expected.reference,
        captured=total,
    )


def _outcome(transfer: TransferReceived, expected: Expected, total: Money) -> TransferOutcome:
    if expected.paid:
        return TransferOutcome.DUPLICATE
    if total < expected.amount:
        return TransferOutcome.UNDERPAID
    if total > expected.amount:
        return TransferOutcome.OVERPAID
    complete_at = max(transfer.occurred_at, expected.received_at or transfer.occurred_at)
    if expected.expires_at is not None and complete_at > expected.expires_at:
        return TransferOutcome.LATE
    return TransferOutcome.MATCHED


def _only_reference(transfer: TransferReceived) -> str:
    if transfer.reference:
        return transfer.reference
    distinct = set(transfer.codes)
    return distinct.pop() if len(distinct) == 1 else ""


def _judged(
    outcome: TransferOutcome,
    transfer: TransferReceived,
    *,
    reference: str,
    captured: Money | None = None,
    discrepancy: Discrepancy | None = None,
) -> Judged:
    status, usual = MEANING[outcome]
    event = PaymentProcessed(
        event_id=transfer.event_id,
        provider=transfer.provider,
        reference=reference,
        status=status,
        amount=transfer.amount,
        occurred_at=transfer.occurred_at,
        provider_id=transfer.provider_id,
        captured=captured,
        account=transfer.account,
        source=Source.TRANSFER,
        discrepancy=discrepancy or usual,
    )
    return Judged(outcome, event)
