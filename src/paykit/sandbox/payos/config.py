"""payOS's side of one payment channel."""

from __future__ import annotations

from datetime import timedelta

import attrs

from ..bank.config import PAYOS_ACCOUNT, BankAccount


@attrs.frozen(kw_only=True)
class PayOSConfig:
    """One channel. payOS publishes no retry rule and no lifetime; both are made up here."""

    client_id: str = "paykit-sandbox-client"
    api_key: str = attrs.field(default="paykit-sandbox-api-key", repr=False)
    checksum_key: str = attrs.field(
        default="1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675", repr=False
    )
    account: BankAccount = PAYOS_ACCOUNT
    webhook_url: str = "http://127.0.0.1:8000/pay/webhooks/payos"
    session_lifetime: timedelta = timedelta(hours=24)
    retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
    )
    timeout: timedelta = timedelta(seconds=30)
