"""MoMo's IPN (JSON) and return (query): the same fields under the same signature.

Source: https://developers.momo.vn/v3/docs/payment/api/result-handling/notification/
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError
from ...http import Delivery
from ...provider import Provider
from ...providers.momo import MoMoConfig
from ..factory import Notice, State
from ..fields import Field

_CODES: Final[dict[State, tuple[int, str]]] = {
    "paid": (0, "Thành công."),
    "authorized": (9000, "Giao dịch đã được xác nhận thành công."),
    "pending": (7000, "Giao dịch đang được xử lý."),
    "failed": (1001, "Tài khoản không đủ số dư."),
    "canceled": (1006, "Giao dịch đã bị từ chối bởi người dùng."),
    "expired": (1005, "Đường dẫn đã hết hạn."),
    "unknown": (87654, "Giao dịch."),
}
_UNSIGNED: Final = frozenset(
    {"paymentOption", "userFee", "storeId", "partnerUserId", "promotionInfo"}
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MoMoDeliveries:
    """HMAC-SHA256 over ``name=value`` in the order of the names, ``accessKey`` from our keys.

    With ``callbackToken`` and ``partnerClientId`` among the fields it is the notice of a linked
    wallet, whose signature covers them too.
    """

    signature = Field("signature")
    signed = Field("amount")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The IPN."""
        body = json.dumps(_signed(provider, notice, key), ensure_ascii=False, separators=(",", ":"))
        return Delivery.post_json(body)

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The return, with the fields in the query."""
        return Delivery.get(urlencode(_signed(provider, notice, key)))


def _signed(provider: Provider, notice: Notice, key: bytes | None) -> dict[str, Any]:
    config = provider.config
    if not isinstance(config, MoMoConfig):
        raise ConfigurationError(f"{provider!r} is not MoMo")
    fields = _fields(config.partner_code, notice)
    # As JSON prints them: true, null and numbers as they stand in the body.
    plain = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**fields, "accessKey": config.access_key}.items()
        if name not in _UNSIGNED
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(plain.items()))
    secret = config.secret_key.get_secret_value().encode() if key is None else key
    return {**fields, "signature": hmac.new(secret, text.encode(), "sha256").hexdigest()}


def _fields(partner_code: str, notice: Notice) -> dict[str, Any]:
    code, message = _CODES[notice.state]
    milliseconds = (notice.at - _EPOCH) // timedelta(milliseconds=1)
    # After a cancel or an expiry there is no way of paying, and transId is a time.
    left = notice.state in {"canceled", "expired"}
    return {
        "partnerCode": partner_code,
        "orderId": notice.reference,
        "requestId": notice.reference,
        "amount": notice.amount.minor,
        "orderInfo": f"Thanh toán {notice.reference}",
        "orderType": "momo_wallet",
        "transId": milliseconds if left else int(notice.provider_id),
        "resultCode": code,
        "message": message,
        "payType": "" if left else "qr",
        "responseTime": milliseconds,
        "extraData": "",
        **notice.fields,
    }
