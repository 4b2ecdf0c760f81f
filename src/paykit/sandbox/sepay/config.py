"""SePay's side of one watched account."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import attrs

from ..bank.config import SEPAY_ACCOUNT, BankAccount


@attrs.frozen(kw_only=True)
class SePayConfig:
    """``auth`` says how webhooks are proven; the retry rule is SePay's published one."""

    account: BankAccount = SEPAY_ACCOUNT
    webhook_url: str = "http://127.0.0.1:8000/pay/webhooks/sepay"
    auth: Literal["hmac", "api_key"] = "hmac"
    webhook_secret: str = attrs.field(default="whsec_paykit_sandbox_0001", repr=False)
    api_key: str = attrs.field(default="PAYKIT-SANDBOX-API-KEY", repr=False)
    retry_after: tuple[timedelta, ...] = tuple(
        timedelta(minutes=minutes) for minutes in (1, 1, 2, 3, 5, 8, 13)
    )
    timeout: timedelta = timedelta(seconds=30)
