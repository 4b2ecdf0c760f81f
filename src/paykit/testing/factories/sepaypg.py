"""The IPN of SePay's payment gateway: its sender is proven by a secret, and nothing is signed.

Source: https://developer.sepay.vn/en/cong-thanh-toan/IPN
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, timedelta
from typing import Any, Final

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery
from ...provider import Provider
from ...providers.sepaypg import SePayGatewayConfig
from ..factory import Notice, State
from ..fields import Field

#: order_status and transaction_status.
_STATUSES: Final[dict[State, tuple[str, str]]] = {
    "paid": ("CAPTURED", "APPROVED"),
    "unknown": ("EXPLODED", "APPROVED"),
}


class SePayGatewayDeliveries:
    """The secret in ``X-Secret-Key``. The fields of a notice may name any value inside the body."""

    signature = Field("X-Secret-Key", header=True)
    signed = Field("order.order_amount")
    amount = "order_amount"
    names = (
        "notification_type",
        "order_id",
        "order_invoice_number",
        "order_status",
        "order_amount",
        "order_currency",
        "id",
        "transaction_type",
        "transaction_status",
        "transaction_amount",
        "transaction_currency",
        "transaction_date",
        "order",
        "transaction",
        "custom_data",
    )

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The IPN."""
        config = provider.config
        if not isinstance(config, SePayGatewayConfig):
            raise ConfigurationError(f"{provider!r} is not SePay's gateway")
        if notice.state not in _STATUSES:
            raise UnsupportedOperation("sepaypg", f"a notice of {notice.state!r}")
        body = json.dumps(_body(notice), ensure_ascii=False, separators=(",", ":"))
        secret = config.ipn_secret.get_secret_value() if key is None else key.decode()
        headers = {"Content-Type": "application/json", "X-Secret-Key": secret}
        return Delivery("POST", headers=headers, body=body.encode())


def _body(notice: Notice) -> dict[str, Any]:
    order_status, transaction_status = _STATUSES[notice.state]
    order = {
        "id": "256",
        "order_id": notice.provider_id,
        "order_status": order_status,
        "order_currency": "VND",
        "order_amount": f"{notice.amount.minor}.00",
        "order_invoice_number": notice.reference,
        "custom_data": [],
        "order_description": f"Thanh toán {notice.reference}",
    }
    transaction = {
        "id": _transaction_id(notice),
        "payment_method": "CARD",
        "transaction_id": "68ba94ac80123",
        "transaction_type": "PAYMENT",
        "transaction_date": f"{notice.at.astimezone(UTC) + timedelta(hours=7):%Y-%m-%d %H:%M:%S}",
        "transaction_status": transaction_status,
        "transaction_amount": str(notice.amount.minor),
        "transaction_currency": "VND",
        "card_number": "4111XXXXXXXX1111",
    }
    body = {
        "timestamp": int(notice.at.timestamp()),
        "notification_type": "ORDER_PAID",
        "order": order,
        "transaction": transaction,
    }
    for name, value in notice.fields.items():
        home = next((part for part in (transaction, order) if name in part), body)
        home[name] = value
    return body


def _transaction_id(notice: Notice) -> str:
    """Another one for each thing that is told, as the gateway would have it."""
    told = f"{notice.provider_id} {notice.reference} {notice.amount} {notice.at.isoformat()}"
    return hashlib.sha256(f"{told} {notice.state}".encode()).hexdigest()[:12]
