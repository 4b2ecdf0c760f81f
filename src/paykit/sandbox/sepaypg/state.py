"""The gateway's orders as the simulator remembers them, and its signature of the form.

https://developer.sepay.vn/en/cong-thanh-toan
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ...money import Money
from ..edge import UnreadableError, is_return_url
from ..summary import Mood, PaymentSummary
from ..times import local_text
from .config import SePayGatewayConfig

#: The fields that the form's signature covers, in the order in which they stand in the form.
_SIGNED: Final = frozenset(
    "merchant env operation payment_method order_amount currency order_invoice_number "
    "order_description customer_id agreement_id agreement_name agreement_type "
    "agreement_payment_frequency agreement_amount_per_payment success_url error_url "
    "cancel_url order_id".split()
)
_INVOICE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
METHODS: Final = ("CARD", "BANK_TRANSFER", "NAPAS_BANK_TRANSFER")
_OPEN: Final = "AUTHENTICATION_NOT_NEEDED"
_URLS: Final = ("success_url", "error_url", "cancel_url")


def form_signature(key: str, form: Mapping[str, str]) -> str:
    """The signature of a form: its signed fields as they stand, joined by commas."""
    text = ",".join(f"{name}={value}" for name, value in form.items() if name in _SIGNED)
    return b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


@attrs.define(kw_only=True, eq=False)
class Order:
    """One order. ``status`` is in the gateway's words; empty while nobody has paid."""

    id: str
    token: str
    form: dict[str, str]
    created_at: datetime
    status: str = ""
    method: str = ""
    transaction_id: str = ""
    finished_at: datetime | None = None
    voided: bool = False

    @property
    def invoice(self) -> str:
        """The merchant's reference."""
        return self.form["order_invoice_number"]

    @property
    def amount(self) -> int:
        """In đồng."""
        return int(self.form["order_amount"])

    def told(self) -> dict[str, Any]:
        """The order as the API and the IPN tell it."""
        return {
            "id": self.id,
            "order_id": f"NPSETVI{self.id[:8].upper()}",
            # That a void cancels the order is not documented, but there is no other word for it.
            "order_status": "CANCELLED" if self.voided else self.status or _OPEN,
            "order_currency": "VND",
            "order_amount": f"{self.amount}.00",
            "order_invoice_number": self.invoice,
            "custom_data": [],
            "order_description": self.form.get("order_description", ""),
        }

    def transaction(self) -> dict[str, Any]:
        """The payment of the order."""
        assert self.finished_at is not None  # noqa: S101 - only paid orders are asked for it
        return {
            "id": self.transaction_id,
            "payment_method": self.method,
            "transaction_id": self.transaction_id,
            "transaction_type": "PAYMENT",
            "transaction_date": local_text(self.finished_at),
            "transaction_status": "APPROVED",
            "transaction_amount": str(self.amount),
            "transaction_currency": "VND",
        }

    def summary(self, page: str) -> PaymentSummary:
        """The order in a line."""
        text, mood = self._words()
        return PaymentSummary(
            provider="sepaypg",
            reference=self.invoice,
            amount=Money(self.amount, "VND"),
            refunded=Money(self.amount if self.voided else 0, "VND"),
            status=text,
            mood=mood,
            created_at=self.created_at,
            page=None if self.status else page,
        )

    def _words(self) -> tuple[str, Mood]:
        if self.voided:
            return "voided", "bad"
        if not self.status:
            return "waiting for the payer", "open"
        return self.status, "good" if self.status == "CAPTURED" else "bad"


def read_form(form: dict[str, str], config: SePayGatewayConfig) -> dict[str, str]:
    """Check a form that a payer's browser brings; raises :class:`UnreadableError`."""
    if form.get("merchant") != config.merchant_id:
        raise UnreadableError("the merchant is not known")
    wanted = form_signature(config.secret_key, form)
    if not hmac.compare_digest(wanted.encode(), form.get("signature", "").encode()):
        raise UnreadableError("the signature is wrong")
    for name, good in (
        ("operation", form.get("operation") == "PURCHASE"),
        ("currency", form.get("currency") == "VND"),
        ("order_amount", bool(_AMOUNT.fullmatch(form.get("order_amount", "")))),
        ("order_invoice_number", bool(_INVOICE.fullmatch(form.get("order_invoice_number", "")))),
        ("payment_method", form.get("payment_method", "CARD") in METHODS),
        *((name, is_return_url(form[name])) for name in _URLS if name in form),
    ):
        if not good:
            raise UnreadableError(f"{name} is missing or wrong")
    return form
