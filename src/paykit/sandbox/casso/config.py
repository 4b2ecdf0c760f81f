"""Casso's side of one watched account."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import attrs

from ..bank.config import CASSO_ACCOUNT, BankAccount


@attrs.frozen(kw_only=True)
class CassoConfig:
    """``version`` is the webhook's. Casso publishes no retry rule; ``retry_after`` is made up."""

    account: BankAccount = CASSO_ACCOUNT
    webhook_url: str = "http://127.0.0.1:8000/pay/webhooks/casso"
    version: Literal["v2", "v1"] = "v2"
    webhook_key: str = attrs.field(
        default="mgExMrjj4i7a1p8Cs6LmFbpCd8lbw4sSX4LZXPag7TKazeIogtR90tvWYTkwQbvs", repr=False
    )
    secure_token: str = attrs.field(default="paykit-sandbox-secure-token-0001", repr=False)
    api_key: str = attrs.field(default="AK_CS.paykit.sandbox.0001", repr=False)
    retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(minutes=30),
    )
    timeout: timedelta = timedelta(seconds=30)
