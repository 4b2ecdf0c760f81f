"""Stripe's webhook signature: HMAC-SHA256 over the time and the exact body.

https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime


def header(body: bytes, secrets: Iterable[str], now: datetime) -> str:
    """The ``Stripe-Signature`` header; the secret is the key as it stands, ``whsec_`` and all."""
    at = int(now.timestamp())
    signed = f"{at}.".encode() + body
    marks = (hmac.new(one.encode(), signed, hashlib.sha256).hexdigest() for one in secrets)
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])
