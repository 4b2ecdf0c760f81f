"""How Adyen signs a notice, independent of the adapter.

Eight of its values, with colons between and nothing escaped, go through HMAC-SHA256 with the
key that the hexadecimal digits stand for.
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any


def signed_text(item: Mapping[str, Any]) -> str:
    """The text to sign: what is missing leaves its place empty."""
    amount = item["amount"]
    values = (
        item["pspReference"],
        item.get("originalReference", ""),
        item["merchantAccountCode"],
        item["merchantReference"],
        str(amount["value"]),
        amount["currency"],
        item["eventCode"],
        item["success"],
    )
    return ":".join(values)


def sign(item: Mapping[str, Any], key: str) -> str:
    """The signature in base64."""
    return sign_bytes(signed_text(item).encode(), key)


def sign_bytes(raw: bytes, key: str) -> str:
    """The signature of a webhook that is signed as a whole, in base64."""
    return base64.b64encode(hmac.digest(bytes.fromhex(key), raw, hashlib.sha256)).decode()
