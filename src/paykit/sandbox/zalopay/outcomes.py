"""How an order can end, and by which ways it can be paid."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from . import codes
from .banks import ACCOUNT, BANKS, CREDIT_CARD, DEBIT_CARD, DOMESTIC_CARD, WALLET
from .state import Books, Order

#: What the payer can choose on the page, and what it makes of the order.
CHOICES: Final = {
    "pay": codes.SUCCESS,
    "pay_lost": codes.SUCCESS,
    "balance": codes.BALANCE,
    "fail": codes.BANK_ERROR,
    "back": codes.LEFT,
    "expire": codes.EXPIRED,
}


@attrs.frozen
class Method:
    """A way to pay, and what ZaloPay reports of it: channel and bank code."""

    name: str
    channel: int
    bank_code: str
    bank: str = ""  #: the bank's name, where the merchant asked for one
    least: int = 1
    most: int = 500_000_000 - 1  # what a bank transfer may be; others have limits of their own


#: By the words of preferred_payment_method, in the order of the page. Which channel is reported
#: for a VietQR transfer and for Apple Pay is not published. A wallet has no bank code.
_METHODS: Final = {
    "zalopay_wallet": (WALLET, ""),
    "vietqr": (ACCOUNT, ""),
    "domestic_card": (DOMESTIC_CARD, "SBIS"),
    "account": (ACCOUNT, "BIDV"),
    "international_card": (CREDIT_CARD, "CC"),
    "applepay": (CREDIT_CARD, "CC"),
}
PREFERENCES: Final = tuple(_METHODS)
_BY_CHANNEL: Final = {
    WALLET: "zalopay_wallet",
    DOMESTIC_CARD: "domestic_card",
    ACCOUNT: "account",
    CREDIT_CARD: "international_card",
    DEBIT_CARD: "international_card",
}


def are_preferences(value: object) -> bool:
    """Whether ``value`` may be the ``preferred_payment_method`` of an order."""
    return isinstance(value, list) and all(one in PREFERENCES for one in value)


def is_bank_code(code: str) -> bool:
    """Whether an order may ask for this bank; the empty code asks for none."""
    return not code or any(bank.code == code for bank in BANKS)


def methods(order: Order) -> list[Method]:
    """What the page offers: what the merchant asked for, as far as the amount allows it."""
    return [one for one in _wanted(order) if one.least <= order.amount <= one.most]


def _wanted(order: Order) -> list[Method]:
    if code := order.fields.get("bank_code"):
        return [
            Method(
                _BY_CHANNEL[bank.channel],
                bank.channel,
                "" if bank.channel == WALLET else bank.code,
                "" if bank.channel == WALLET else bank.name,
                bank.least,
                bank.most,
            )
            for bank in BANKS
            if bank.code == code
        ]
    names = order.embedded.get("preferred_payment_method") or PREFERENCES
    if order.embedded.get("bankgroup") == "ATM":
        names = ("domestic_card",)
    return [_method(name) for name in PREFERENCES if name in names]


def _method(name: str) -> Method:
    channel, code = _METHODS[name]
    if name == "vietqr":
        return Method(name, channel, code)
    bank = next(one for one in BANKS if one.channel == channel)
    return Method(name, channel, code, "", bank.least, bank.most)


def conclude(order: Order, choice: str, method: str, *, books: Books, now: datetime) -> bool:
    """Make of an order what the payer chose, if that is still possible; tells whether it was."""
    offered = methods(order)
    attempt = choice not in {"back", "expire"}
    if not order.payable(now) or (attempt and not offered):
        return False
    order.code = CHOICES[choice]
    order.channel, order.bank_code = 0, ""
    if attempt:
        used = next((one for one in offered if one.name == method), offered[0])
        order.channel, order.bank_code = used.channel, used.bank_code
    if order.code == codes.SUCCESS:
        collect(order, books=books, paid_at=now, now=now)
    return True


def collect(order: Order, *, books: Books, paid_at: datetime, now: datetime) -> None:
    """Take the payer's money; the order counts as paid from ``paid_at`` on."""
    order.code = codes.SUCCESS
    order.zp_trans_id = books.next_transaction(now)
    order.paid_at = paid_at
