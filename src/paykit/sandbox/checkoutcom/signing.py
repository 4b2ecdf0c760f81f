"""How Checkout.com signs its webhooks.

https://www.checkout.com/docs/developer-resources/webhooks/manage-webhooks
"""

from __future__ import annotations

import hmac


def sign(body: bytes, key: str) -> str:
    """The ``Cko-Signature`` of a body: HMAC-SHA256 in small hexadecimal digits."""
    return hmac.new(key.encode(), body, "sha256").hexdigest()
