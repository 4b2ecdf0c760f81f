"""Adyen's side, written apart from paykit: how it signs."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any

from paykit import Adyen

#: The key that Adyen's Python library publishes in its tests.
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


def signed_text(item: dict[str, Any]) -> str:
    """The eight values of an item, joined by colons as they stand."""
    amount = item.get("amount") or {}
    values = (
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    )
    return ":".join("" if value is None else str(value) for value in values)


def sign(message: bytes, key: str = KEY) -> str:
    """HMAC-SHA256 in base64, with the key in hex."""
    return b64encode(hmac.new(bytes.fromhex(key), message, "sha256").digest()).decode()


def signed(item: dict[str, Any], shop: Adyen | None = None) -> dict[str, Any]:
    """The item with its signature, made with the key of ``shop``."""
    key = KEY if shop is None else shop.config.hmac_key.get_secret_value()
    signature = sign(signed_text(item).encode(errors="surrogatepass"), key)
    item["additionalData"] = {**(item.get("additionalData") or {}), "hmacSignature": signature}
    return item
