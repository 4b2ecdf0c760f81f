"""The gateway's side of one merchant."""

from __future__ import annotations

from datetime import timedelta

import attrs


@attrs.frozen(kw_only=True)
class SePayGatewayConfig:
    """One merchant. SePay publishes no retry rule for the IPN; ``retry_after`` is made up."""

    merchant_id: str = "SP-TEST-PAYKIT"
    secret_key: str = attrs.field(default="spsk_test_paykit_0001", repr=False)
    ipn_secret: str = attrs.field(default="paykit-sandbox-ipn-secret-0001", repr=False)
    ipn_url: str = "http://127.0.0.1:8000/pay/webhooks/sepaypg"
    retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
    )
    timeout: timedelta = timedelta(seconds=30)
