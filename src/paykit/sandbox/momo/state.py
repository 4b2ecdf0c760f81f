"""MoMo's payments, refunds and wallet tokens as the simulator remembers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from ...money import Money
from ..edge import remember
from ..summary import Mood, PaymentSummary
from ..times import milliseconds
from . import codes


@attrs.frozen(kw_only=True)
class Refund:
    """One refund that was asked for, with its result."""

    order_id: str
    amount: int
    result_code: int
    trans_id: int
    created_at: datetime

    def to_json(self) -> dict[str, Any]:
        """An entry of ``refundTrans``."""
        return {
            "orderId": self.order_id,
            "amount": self.amount,
            "resultCode": self.result_code,
            "transId": self.trans_id,
            "createdTime": milliseconds(self.created_at),
        }


@attrs.define(kw_only=True, eq=False)
class Payment:
    """One purchase or wallet link. ``fields`` is the merchant's request.

    ``request_type`` is empty for a charge that has no page. ``finished_at`` and ``trans_id`` are
    set when the payer has decided; ``result_code`` then changes only when held money is captured
    or released.
    """

    token: str
    fields: dict[str, Any]
    request_type: str = ""
    amount: int
    created_at: datetime
    expires_at: datetime
    result_code: int = codes.WAITING
    trans_id: int = 0
    pay_type: str = ""
    finished_at: datetime | None = None
    callback_token: str | None = None
    refunds: list[Refund] = attrs.field(factory=list)

    @property
    def partner_code(self) -> str:
        """Whose payment it is."""
        return str(self.fields["partnerCode"])

    @property
    def order_id(self) -> str:
        """The merchant's reference."""
        return str(self.fields["orderId"])

    @property
    def links_wallet(self) -> bool:
        """Whether it makes a wallet token."""
        return self.request_type in {"linkWallet", "subscription"}

    @property
    def holds_only(self) -> bool:
        """Whether the money is only held until the merchant confirms."""
        return self.fields.get("autoCapture") is False

    @property
    def refunded(self) -> int:
        """What was given back."""
        done = (refund for refund in self.refunds if refund.result_code == codes.SUCCESS)
        return sum(refund.amount for refund in done)

    def money(self) -> Money:
        """The amount for people."""
        return Money(self.amount, "VND")

    def result(self, now: datetime) -> int:
        """The result code as of now: nobody has to look for a session to run out."""
        if self.finished_at is None and self.expires_at <= now:
            return codes.EXPIRED
        return self.result_code


@attrs.frozen(kw_only=True)
class WalletToken:
    """A linked wallet that the merchant may charge."""

    value: str
    partner_code: str
    partner_client_id: str


@attrs.frozen(kw_only=True)
class Answered:
    """An answer that was given, and to what."""

    digest: str
    status: int
    body: dict[str, Any]

    @property
    def final(self) -> bool:
        """Whether the same request may get the same answer again."""
        return self.body["resultCode"] in codes.FINAL


class Books:
    """Everything that MoMo remembers about its merchants' orders."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._payments: dict[tuple[str, str], Payment] = {}
        self._refunds: dict[tuple[str, str], tuple[Payment, Refund]] = {}
        self._tokens: dict[str, WalletToken] = {}
        self._answers: dict[tuple[str, str], Answered] = {}
        self._transactions = 4_000_000_000

    def add(self, payment: Payment) -> None:
        """Remember a payment."""
        key = (payment.partner_code, payment.order_id)
        remember(self._payments, key, payment, keep=self._keep)

    def payment(self, partner_code: str, order_id: str) -> Payment | None:
        """A merchant's payment by its reference."""
        return self._payments.get((partner_code, order_id))

    def payment_by_token(self, token: str) -> Payment | None:
        """The payment that a page is about."""
        return next((one for one in self._payments.values() if one.token == token), None)

    def payment_by_transaction(self, partner_code: str, trans_id: int) -> Payment | None:
        """The payment that a refund is about.

        Only a payment that took or holds money has a number at MoMo: what a declined or expired
        one reports is merely a time.
        """
        for payment in self._payments.values():
            known = payment.result_code in {codes.SUCCESS, codes.AUTHORIZED}
            if known and (payment.partner_code, payment.trans_id) == (partner_code, trans_id):
                return payment
        return None

    def add_refund(self, payment: Payment, refund: Refund) -> None:
        """Remember a refund, whatever its result."""
        payment.refunds.append(refund)
        key = (payment.partner_code, refund.order_id)
        remember(self._refunds, key, (payment, refund), keep=self._keep)

    def refund(self, partner_code: str, order_id: str) -> tuple[Payment, Refund] | None:
        """A merchant's refund by its own reference, with its payment."""
        return self._refunds.get((partner_code, order_id))

    def order_taken(self, partner_code: str, order_id: str) -> bool:
        """Whether a purchase or a refund of this merchant has this reference."""
        key = (partner_code, order_id)
        return key in self._payments or key in self._refunds

    def add_token(self, token: WalletToken) -> None:
        """Remember a linked wallet."""
        remember(self._tokens, token.value, token, keep=self._keep)

    def token(self, value: str) -> WalletToken | None:
        """A linked wallet."""
        return self._tokens.get(value)

    def delete_token(self, value: str) -> None:
        """Forget a linked wallet."""
        self._tokens.pop(value, None)

    def answered(self, partner_code: str, request_id: str) -> Answered | None:
        """The answer to an earlier request with this id."""
        return self._answers.get((partner_code, request_id))

    def remember_answer(self, partner_code: str, request_id: str, answer: Answered) -> None:
        """Remember the first answer to a request id."""
        remember(self._answers, (partner_code, request_id), answer, keep=self._keep * 10)

    def next_trans_id(self) -> int:
        """A new transaction number."""
        self._transactions += 1
        return self._transactions

    def summaries(self, now: datetime, page: str) -> list[PaymentSummary]:
        """The payments in a line each; ``page`` is the address of their pages, up to the token."""
        return [_summary(payment, now, page) for payment in self._payments.values()]


def _summary(payment: Payment, now: datetime, page: str) -> PaymentSummary:
    code = payment.result(now)
    mood: Mood = "bad"
    if code in {codes.SUCCESS, codes.AUTHORIZED}:
        mood = "good"
    elif code == codes.WAITING:
        mood = "open"
    return PaymentSummary(
        provider="momo",
        reference=payment.order_id,
        amount=payment.money(),
        refunded=Money(payment.refunded, "VND"),
        status=f"{code} {codes.message(code, 'en')}",
        mood=mood,
        created_at=payment.created_at,
        page=page + payment.token if code == codes.WAITING else None,
    )
