"""How Acme signs, written a second time for tests: it shares no line with acme_provider.py."""

from __future__ import annotations

import hmac
import json
from typing import cast

from acme_provider import AcmeConfig

from paykit import Delivery, Provider
from paykit.errors import UnsupportedOperation
from paykit.testing.factory import Notice
from paykit.testing.fields import Field

STATES = {"paid": "paid", "failed": "refused", "expired": "late", "unknown": "exploded"}


class AcmeDeliveries:
    """HMAC-SHA256 over the body, in the header ``Acme-Signature``."""

    signature = Field("Acme-Signature", header=True)
    signed = Field("cents")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """Acme's notice."""
        if notice.state not in STATES:
            raise UnsupportedOperation("acme", f"a notice of {notice.state!r}")
        body = {
            "reference": notice.reference,
            "state": STATES[notice.state],
            "cents": notice.amount.minor,
            "at": int(notice.at.timestamp()),
            **notice.fields,
        }
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if key is None:
            key = cast("AcmeConfig", provider.config).webhook_key.get_secret_value().encode()
        signature = hmac.new(key, raw, "sha256").hexdigest()
        return Delivery("POST", "/webhooks/acme", headers={"Acme-Signature": signature}, body=raw)
