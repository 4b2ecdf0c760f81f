"""What a payer's decision makes of a payment."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..config import IdFactory
from ..times import milliseconds
from . import codes
from .state import Books, Payment

#: What the payer can choose on the page.
CHOICES: Final = ("pay", "decline", "fail", "expire")

_PAY_TYPES: Final = {
    "captureWallet": ("qr",),
    "payWithATM": ("napas",),
    "payWithCC": ("credit",),
    "payWithMethod": ("qr", "napas", "credit"),
    "linkWallet": ("webApp",),
    "subscription": ("webApp",),
}


def pay_types(payment: Payment) -> tuple[str, ...]:
    """The ways to pay that the page offers; an ATM card cannot hold money."""
    offered = _PAY_TYPES[payment.request_type]
    return tuple(one for one in offered if not (payment.holds_only and one == "napas"))


def conclude(
    payment: Payment, choice: str, pay_type: str, *, books: Books, new_id: IdFactory, now: datetime
) -> None:
    """Finish a payment. One that came too late has expired, whatever was chosen."""
    late = payment.expires_at <= now
    payment.result_code = codes.EXPIRED if late else _code(payment, choice)
    payment.finished_at = now
    if payment.result_code in {codes.EXPIRED, codes.DECLINED_BY_USER}:
        # There is no transaction then: MoMo puts a time in its place.
        payment.trans_id = milliseconds(now)
        return
    payment.trans_id = books.next_trans_id()
    offered = pay_types(payment)
    payment.pay_type = pay_type if pay_type in offered else offered[0]
    if choice == "pay" and payment.links_wallet:
        payment.callback_token = new_id()


def _code(payment: Payment, choice: str) -> int:
    if choice == "decline":
        return codes.DECLINED_BY_USER
    if choice == "fail":
        return codes.INSUFFICIENT
    if choice == "expire":
        return codes.EXPIRED
    # A link without a payment is confirmed; the merchant completes it by fetching the token.
    return codes.AUTHORIZED if payment.holds_only or not payment.amount else codes.SUCCESS
