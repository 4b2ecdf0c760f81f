"""payOS's payment links as the simulator remembers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from ...money import Money
from ..bank.ledger import Transfer
from ..summary import Mood, PaymentSummary
from ..times import local_text
from .config import PayOSConfig


@attrs.define(kw_only=True, eq=False)
class Link:
    """One payment request. ``memo`` is what a transfer must carry; ``qr`` asks for one."""

    id: str
    order_code: int
    amount: int
    description: str
    memo: str
    qr: str
    return_url: str
    cancel_url: str
    created_at: datetime
    expires_at: datetime
    transfers: list[Transfer] = attrs.field(factory=list)
    canceled_at: datetime | None = None
    cancellation_reason: str | None = None

    @property
    def paid(self) -> int:
        """The sum of the transfers, in đồng."""
        return sum(one.amount for one in self.transfers)

    def status(self, now: datetime) -> str:
        """The state in payOS's words."""
        if self.paid >= self.amount:
            return "PAID"
        if self.canceled_at is not None:
            return "CANCELLED"
        if self.expires_at <= now:
            return "EXPIRED"
        return "UNDERPAID" if self.transfers else "PENDING"

    def created(self, config: PayOSConfig, checkout_url: str) -> dict[str, Any]:
        """``data`` of the answer to create."""
        return {
            "bin": config.account.bin,
            "accountNumber": config.account.number,
            "accountName": config.account.holder,
            "amount": self.amount,
            "description": self.memo,
            "orderCode": self.order_code,
            "currency": "VND",
            "paymentLinkId": self.id,
            "status": "PENDING",
            "expiredAt": int(self.expires_at.timestamp()),
            "checkoutUrl": checkout_url,
            "qrCode": self.qr,
        }

    def told(self, now: datetime) -> dict[str, Any]:
        """``data`` of the answer to get and cancel."""
        return {
            "id": self.id,
            "orderCode": self.order_code,
            "amount": self.amount,
            "amountPaid": self.paid,
            "amountRemaining": max(0, self.amount - self.paid),
            "status": self.status(now),
            "createdAt": _iso(self.created_at),
            "transactions": [_transaction(one) for one in self.transfers],
            "canceledAt": _iso(self.canceled_at) if self.canceled_at else None,
            "cancellationReason": self.cancellation_reason,
        }

    def summary(self, now: datetime, page: str) -> PaymentSummary:
        """The link in a line."""
        status = self.status(now)
        moods: dict[str, Mood] = {"PAID": "good", "PENDING": "open", "UNDERPAID": "open"}
        return PaymentSummary(
            provider="payos",
            reference=str(self.order_code),
            amount=Money(self.amount, "VND"),
            refunded=Money(0, "VND"),
            status=status,
            mood=moods.get(status, "bad"),
            created_at=self.created_at,
            page=page if status in {"PENDING", "UNDERPAID"} else None,
        )


def webhook_data(link: Link, transfer: Transfer) -> dict[str, Any]:
    """``data`` of the webhook about one transfer."""
    return {
        "orderCode": link.order_code,
        "amount": transfer.amount,
        "description": transfer.text,
        "accountNumber": transfer.account.number,
        "reference": transfer.reference,
        "transactionDateTime": local_text(transfer.at),
        "currency": "VND",
        "paymentLinkId": link.id,
        "code": "00",
        "desc": "Thành công",
        **_counterpart(),
    }


def _transaction(transfer: Transfer) -> dict[str, Any]:
    return {
        "reference": transfer.reference,
        "amount": transfer.amount,
        "accountNumber": transfer.account.number,
        "description": transfer.text,
        "transactionDateTime": _iso(transfer.at),
        **_counterpart(),
    }


def _counterpart() -> dict[str, Any]:
    return {
        "counterAccountBankId": "970415",
        "counterAccountBankName": None,
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "0123456789",
        "virtualAccountName": None,
        "virtualAccountNumber": None,
    }


def _iso(moment: datetime) -> str:
    return f"{local_text(moment).replace(' ', 'T')}+07:00"
