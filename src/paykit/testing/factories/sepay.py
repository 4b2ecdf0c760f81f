"""SePay's notice of a transfer, with the proof that the account is configured for.

Source: https://developer.sepay.vn/en/sepay-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, timedelta
from typing import Any

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery
from ...provider import Provider
from ...providers.sepay import SePayConfig
from ..factory import Notice, new_transfer_number
from ..fields import Field


class SePayDeliveries:
    """HMAC-SHA256 over ``X-SePay-Timestamp``, a dot and the body; or else the API key.

    The reference becomes the payment code in the memo.
    """

    signature = Field("X-SePay-Signature", header=True)
    signed = Field("transferAmount")

    @classmethod
    def of(cls, provider: Provider) -> SePayDeliveries:
        """The factory for an account with a secret, or for one with an API key."""
        config = provider.config
        by_key = isinstance(config, SePayConfig) and config.api_key is not None
        return SePayKeyDeliveries() if by_key else SePayDeliveries()

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The notice of a transfer that came in."""
        config = provider.config
        if not isinstance(config, SePayConfig):
            raise ConfigurationError(f"{provider!r} is not SePay")
        if notice.state != "paid":
            raise UnsupportedOperation("sepay", f"a notice of {notice.state!r}")
        body = json.dumps(
            _fields(config.account_number, notice), ensure_ascii=False, separators=(",", ":")
        ).encode()
        headers = {"Content-Type": "application/json"}
        if config.webhook_secret is not None:
            seconds = str(int(notice.at.timestamp()))
            secret = config.webhook_secret.get_secret_value().encode() if key is None else key
            digest = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
            headers |= {"X-SePay-Timestamp": seconds, "X-SePay-Signature": f"sha256={digest}"}
        elif config.api_key is not None:
            shown = config.api_key.get_secret_value() if key is None else key.decode()
            headers["Authorization"] = f"Apikey {shown}"
        return Delivery("POST", headers=headers, body=body)


class SePayKeyDeliveries(SePayDeliveries):
    """As above, for an account with an API key: there the proof stands elsewhere."""

    signature = Field("Authorization", header=True)


def _fields(account_number: str, notice: Notice) -> dict[str, Any]:
    local = notice.at.astimezone(UTC) + timedelta(hours=7)
    return {
        "id": new_transfer_number(notice),
        "gateway": "Vietcombank",
        "transactionDate": f"{local:%Y-%m-%d %H:%M:%S}",
        "accountNumber": account_number,
        "code": None,
        "content": f"MBVCB.3278907687.{notice.reference}.CT tu 0123456789 NGUYEN VAN A",
        "transferType": "in",
        "transferAmount": notice.amount.minor,
        "accumulated": 0,
        "subAccount": None,
        "referenceCode": f"FT{new_transfer_number(notice)}",
        "description": "",
        **notice.fields,
    }
