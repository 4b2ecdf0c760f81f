"""ZaloPay's callback (JSON in a text, signed as a text) and return (a query).

Source: https://docs.zalopay.vn/docs/specs/callback-api
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery
from ...provider import Provider
from ...providers.zalopay import ZaloPayConfig
from ..factory import Notice, State
from ..fields import Field

#: ``status`` of a return, which may tell what no callback tells.
_CODES: Final[dict[State, str]] = {
    "paid": "1",
    "pending": "-63",
    "failed": "-217",
    "canceled": "-49",
    "expired": "-54",
    "unknown": "-8765",
}
_RETURNED: Final = (
    "appid",
    "apptransid",
    "pmcid",
    "bankcode",
    "amount",
    "discountamount",
    "status",
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ZaloPayDeliveries:
    """HMAC-SHA256 under key2: over the text of ``data``, or over seven values of the query.

    A callback is sent only when somebody has paid. With ``binding_id`` among the fields it is that
    of a linked wallet.
    """

    signature = Field("mac", query="checksum")
    signed = Field("data", query="amount")
    names = (
        *("app_id", "app_trans_id", "app_time", "app_user", "amount", "embed_data", "item"),
        *("zp_trans_id", "server_time", "channel", "user_fee_amount", "discount_amount"),
        *_RETURNED,
    )
    amount = "amount"

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The callback."""
        if notice.state != "paid":
            raise UnsupportedOperation("zalopay", f"a callback of {notice.state!r}")
        config = _config(provider)
        linked = "binding_id" in notice.fields
        content = _link(config, notice) if linked else _order(config, notice)
        data = json.dumps({**content, **notice.fields}, ensure_ascii=False, separators=(",", ":"))
        body = {"data": data, "mac": _digest(config, data, key), "type": 2 if linked else 1}
        return Delivery.post_json(body)

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The return, whose parameters have names of the older interface."""
        if notice.state not in _CODES:
            raise UnsupportedOperation("zalopay", f"a return of {notice.state!r}")
        config = _config(provider)
        paid = notice.state == "paid"
        fields: dict[str, Any] = {
            "amount": notice.amount.minor,
            "appid": config.app_id,
            "apptransid": _order_id(notice),
            "bankcode": "CC" if paid else "",
            "discountamount": 0,
            "pmcid": 36 if paid else 0,
            "status": _CODES[notice.state],
            **notice.fields,
        }
        text = "|".join(str(fields[name]) for name in _RETURNED)
        fields["checksum"] = _digest(config, text, key)
        return Delivery.get(urlencode(fields))


def _config(provider: Provider) -> ZaloPayConfig:
    if not isinstance(provider.config, ZaloPayConfig):
        raise ConfigurationError(f"{provider!r} is not ZaloPay")
    return provider.config


def _order(config: ZaloPayConfig, notice: Notice) -> dict[str, Any]:
    moment = (notice.at - _EPOCH) // timedelta(milliseconds=1)
    return {
        "app_id": config.app_id,
        "app_trans_id": _order_id(notice),
        "app_time": moment,
        "app_user": config.app_user,
        "amount": notice.amount.minor,
        "embed_data": "{}",
        "item": "[]",
        "zp_trans_id": int(notice.provider_id),
        "server_time": moment,
        "channel": 38,
        "merchant_user_id": "7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB",
        "zp_user_id": "7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB",
        "user_fee_amount": 0,
        "discount_amount": 0,
    }


def _link(config: ZaloPayConfig, notice: Notice) -> dict[str, Any]:
    return {
        "app_id": config.app_id,
        "app_trans_id": _order_id(notice),
        "binding_id": "",
        "pay_token": "NJLHNTRLZDETZGQYZI0ZNTBKLTGWZJKTMTKXYJHLMWI5NTFI",
        "server_time": (notice.at - _EPOCH) // timedelta(seconds=1),
        "merchant_user_id": "customer-1",
        "status": 1,
        "msg_type": 1,
        "zp_user_id": "7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB",
        "masked_user_phone": "****3801",
    }


def _order_id(notice: Notice) -> str:
    return f"{notice.at.astimezone(UTC) + timedelta(hours=7):%y%m%d}_{notice.reference}"


def _digest(config: ZaloPayConfig, text: str, key: bytes | None) -> str:
    secret = config.key2.get_secret_value().encode() if key is None else key
    return hmac.new(secret, text.encode(), "sha256").hexdigest()
