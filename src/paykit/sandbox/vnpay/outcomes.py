"""How a payment can end, and which fields VNPay reports then."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from .state import Outcome, Payments

#: What the payer can choose, in the order of the page: the name and vnp_ResponseCode.
CHOICES: Final = {"pay": "00", "fail": "51", "cancel": "24", "expire": "11"}

#: Ways to pay: what VNPay reports as vnp_BankCode and vnp_CardType.
_METHODS: Final = {
    "NCB": ("NCB", "ATM"),
    "INTCARD": ("VISA", "VISA"),
    "VNPAYQR": ("VNPAYQR", "QRCODE"),
}


def methods(bank_code: str | None) -> list[str]:
    """What the page offers: everything, or only what the merchant asked for."""
    if not bank_code:
        return list(_METHODS)
    return ["NCB"] if bank_code == "VNBANK" else [bank_code]


def conclude(choice: str, *, method: str, payments: Payments, now: datetime) -> Outcome:
    """The outcome of a choice. Nothing happened at a bank on cancel and expiry: number 0."""
    code = CHOICES[choice]
    # Any other bank code is a domestic bank.
    bank_code, card_type = _METHODS.get(method, (method, "ATM"))
    if choice == "cancel":
        bank_code, card_type = "VNPAY", "QRCODE"
    number = payments.next_transaction_no() if choice in {"pay", "fail"} else "0"
    at_a_bank = choice == "pay" and card_type != "QRCODE"
    return Outcome(
        response_code=code,
        status="00" if choice == "pay" else "02",
        bank_code=bank_code,
        card_type=card_type,
        bank_tran_no=f"VNP{number}" if at_a_bank else None,
        transaction_no=number,
        pay_date=now,
    )
