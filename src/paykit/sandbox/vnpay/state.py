"""VNPay's payments and refunds as the simulator remembers them."""

from __future__ import annotations

from datetime import datetime

import attrs

from ...money import Money
from ..edge import remember
from ..summary import Mood, PaymentSummary
from ..times import VIETNAM

#: VNPay counts hundredths of a đồng.
SCALE = 100


@attrs.frozen(kw_only=True)
class Outcome:
    """How a payment ended, in the fields that VNPay reports. Codes are VNPay's own."""

    response_code: str
    status: str
    bank_code: str
    card_type: str
    bank_tran_no: str | None
    transaction_no: str
    pay_date: datetime


@attrs.frozen(kw_only=True)
class Refund:
    """An accepted refund, in hundredths; the bank has it done at ``done_at``."""

    amount: int
    done_at: datetime


@attrs.define(kw_only=True, eq=False)
class Payment:
    """One opened pay link. ``amount`` is in hundredths, ``fields`` are the signed parameters."""

    token: str
    fields: dict[str, str]
    txn_ref: str
    create_date: str
    amount: int
    opened_at: datetime
    expires_at: datetime
    outcome: Outcome | None = None
    refunds: list[Refund] = attrs.field(factory=list)

    @property
    def paid(self) -> bool:
        """Whether the payer's money was taken."""
        return self.outcome is not None and self.outcome.status == "00"

    @property
    def refunded(self) -> int:
        """The sum of all refunds, in hundredths."""
        return sum(refund.amount for refund in self.refunds)

    def refund_in_progress(self, now: datetime) -> bool:
        """Whether the last refund is still at the bank."""
        return bool(self.refunds) and self.refunds[-1].done_at > now

    def transaction(self, now: datetime) -> tuple[str, str]:
        """VNPay's transaction type (01, 02 full refund, 03 partial refund) and status."""
        if self.outcome is None:
            return "01", "01"
        if not self.refunds:
            return "01", self.outcome.status
        kind = "02" if self.refunded == self.amount else "03"
        return kind, "05" if self.refund_in_progress(now) else "00"

    def money(self) -> Money:
        """The amount for people."""
        return Money(self.amount // SCALE, "VND")


class Payments:
    """The payments of one terminal. A reference is unique per Vietnamese day."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._by_token: dict[str, Payment] = {}
        self._requests: dict[tuple[str, str], None] = {}
        self._transactions = 14_400_000

    def add(self, payment: Payment) -> None:
        """Remember a payment."""
        remember(self._by_token, payment.token, payment, keep=self._keep)

    def by_token(self, token: str) -> Payment | None:
        """The payment that a page is about."""
        return self._by_token.get(token)

    def on_same_day(self, txn_ref: str, now: datetime) -> Payment | None:
        """The payment that took this reference today."""
        today = now.astimezone(VIETNAM).date()
        for payment in reversed(self._by_token.values()):
            if payment.txn_ref == txn_ref:
                opened = payment.opened_at.astimezone(VIETNAM).date()
                return payment if opened == today else None
        return None

    def find(self, txn_ref: str, create_date: str) -> Payment | None:
        """The payment that an API call is about: both values must be those of the pay link."""
        for payment in reversed(self._by_token.values()):
            if (payment.txn_ref, payment.create_date) == (txn_ref, create_date):
                return payment
        return None

    def new_request(self, request_id: str, now: datetime) -> bool:
        """Take note of an API request id; tells whether it is new today."""
        key = (f"{now.astimezone(VIETNAM):%Y%m%d}", request_id)
        if key in self._requests:
            return False
        remember(self._requests, key, None, keep=self._keep * 10)
        return True

    def next_transaction_no(self) -> str:
        """A new transaction number."""
        self._transactions += 1
        return str(self._transactions)

    def summaries(self, now: datetime, page: str) -> list[PaymentSummary]:
        """The payments in a line each; ``page`` is the address of their pages, up to the token."""
        return [_summary(payment, now, page) for payment in self._by_token.values()]


def _summary(payment: Payment, now: datetime, page: str) -> PaymentSummary:
    kind, status = payment.transaction(now)
    mood: Mood
    if payment.outcome is None:
        expired = payment.expires_at <= now
        text, mood = ("expired, not paid", "bad") if expired else ("waiting for the payer", "open")
    else:
        expired = True
        text = f"code {payment.outcome.response_code}, status {status}"
        mood = "good" if payment.paid else "bad"
        if payment.refunds:
            text = f"{'full' if kind == '02' else 'partial'} refund, status {status}"
    return PaymentSummary(
        provider="vnpay",
        reference=payment.txn_ref,
        amount=payment.money(),
        refunded=Money(payment.refunded // SCALE, "VND"),
        status=text,
        mood=mood,
        created_at=payment.opened_at,
        page=None if expired else page + payment.token,
    )
