"""What the pretended Stripe is: one account in test mode, its keys, its webhook endpoint."""

from __future__ import annotations

from datetime import timedelta

import attrs


@attrs.frozen(kw_only=True)
class StripeConfig:
    """Stripe's side of one account. The webhook's address is stored there: set it here.

    A hold ends after ``hold_lifetime``. While ``refund_processing`` has not passed, a refund is
    pending. With ``releases_as_refunds``, the rest of a hold of which a part was taken is written
    down as a refund, too, as integrators report. Stripe signs with each of ``webhook_secrets``:
    two of them while one is replaced.
    """

    secret_key: str = attrs.field(default="sk_test_paykit_sandbox_0001", repr=False)
    publishable_key: str = "pk_test_paykit_sandbox_0001"
    webhook_secrets: tuple[str, ...] = attrs.field(
        default=("whsec_paykit_sandbox_stripe_0001",), repr=False
    )
    webhook_url: str = "http://127.0.0.1:8000/webhooks/stripe"
    merchant_name: str = "Paykit Demo Shop"
    api_version: str = "2026-10-28.endive"
    hold_lifetime: timedelta = timedelta(days=7)
    session_lifetime: timedelta = timedelta(hours=24)
    refund_processing: timedelta = timedelta(0)
    releases_as_refunds: bool = False
    #: Stripe publishes "up to three days" for live, and three tries over a few hours for sandboxes.
    webhook_retry_after: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=2),
        timedelta(hours=1),
    )
    #: Stripe does not publish how long it waits for an answer.
    webhook_timeout: timedelta = timedelta(seconds=20)
