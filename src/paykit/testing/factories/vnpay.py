"""VNPay's IPN and return: the same signed query.

Source: https://sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery
from ...provider import Provider
from ...providers.vnpay import VNPayConfig
from ..factory import Notice, State
from ..fields import Field

#: vnp_ResponseCode and vnp_TransactionStatus.
_CODES: Final[dict[State, tuple[str, str]]] = {
    "paid": ("00", "00"),
    "pending": ("00", "01"),
    "failed": ("51", "02"),
    "canceled": ("24", "02"),
    "expired": ("11", "02"),
    "unknown": ("55", "02"),
}


class VNPayDeliveries:
    """HMAC-SHA512 over the form-encoded parameters in the order of their names."""

    signature = Field("vnp_SecureHash")
    signed = Field("vnp_Amount")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The IPN."""
        config = provider.config
        if not isinstance(config, VNPayConfig):
            raise ConfigurationError(f"{provider!r} is not VNPay")
        fields = _fields(config.tmn_code, notice)
        text = urlencode(sorted(fields.items()))
        secret = config.hash_secret.get_secret_value().encode() if key is None else key
        digest = hmac.new(secret, text.encode(), "sha512").hexdigest()
        return Delivery.get(f"{text}&vnp_SecureHash={digest}")

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The same query, brought by the browser."""
        return self.webhook(provider, notice, key=key)


def _fields(tmn_code: str, notice: Notice) -> dict[str, Any]:
    if notice.state not in _CODES:
        raise UnsupportedOperation("vnpay", f"a notice of {notice.state!r}")
    response, status = _CODES[notice.state]
    # The payer who leaves has chosen no bank, and nothing happened at VNPay.
    left = notice.state in {"canceled", "expired"}
    paid: dict[str, Any] = {} if left else {"vnp_BankTranNo": f"VNP{notice.provider_id}"}
    return {
        "vnp_Amount": notice.amount.minor * 100,
        "vnp_BankCode": "VNPAY" if left else "NCB",
        **paid,
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": f"Thanh toan {notice.reference}",
        "vnp_PayDate": _gmt7(notice.at),
        "vnp_ResponseCode": response,
        "vnp_TmnCode": tmn_code,
        "vnp_TransactionNo": "0" if left else notice.provider_id,
        "vnp_TransactionStatus": status,
        "vnp_TxnRef": notice.reference,
        **notice.fields,
    }


def _gmt7(moment: datetime) -> str:
    return f"{moment.astimezone(UTC) + timedelta(hours=7):%Y%m%d%H%M%S}"
