"""Where payments are found; the oldest are forgotten first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..edge import remember
from ..summary import Mood, PaymentSummary
from .state import Payment

_BAD: Final = frozenset({"Declined", "Voided", "Canceled", "Expired"})


class Books:
    """Every payment of the account."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._payments: dict[str, Payment] = {}

    def __iter__(self) -> Iterator[Payment]:
        """The payments, the oldest first."""
        return iter(self._payments.values())

    def add(self, payment: Payment) -> None:
        """Remember a payment."""
        remember(self._payments, payment.id, payment, keep=self._keep)

    def find(self, name: str) -> Payment | None:
        """A payment by its id, or by the id of the session that the payer authenticated in."""
        if name.startswith("sid_"):
            return next((one for one in self if one.session_id == name), None)
        return self._payments.get(name)

    def named(self, reference: str) -> list[Payment]:
        """The payments under one of the merchant's numbers, the newest first."""
        return [one for one in reversed(self._payments.values()) if one.number == reference]


def summary(payment: Payment, *, page: str, desk: str) -> PaymentSummary:
    """A payment in a line. ``page`` is where the payer authenticates."""
    status = payment.status
    mood: Mood = "bad" if status in _BAD else "open" if status == "Pending" else "good"
    dispute = payment.dispute
    if dispute:
        status, mood = (
            f"{status}, dispute {dispute.state}",
            "good" if dispute.state == "won" else "bad",
        )
    return PaymentSummary(
        provider="checkoutcom",
        reference=payment.reference,
        amount=payment.amount,
        refunded=payment.refunded,
        status=status,
        mood=mood,
        created_at=payment.created_at,
        page=page if payment.waiting else None,
        desk=desk,
    )
