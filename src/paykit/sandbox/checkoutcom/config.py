"""What the pretended Checkout.com is: one account, its keys, its webhook, its patience."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

#: Eight more attempts that fill a day: published once, no longer, and the waits are a guess.
_RETRIES: Final = (
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=6),
    timedelta(hours=8),
)


@attrs.frozen(kw_only=True)
class CheckoutComConfig:
    """Checkout.com's side of one account. The webhook's address is stored there: set it here.

    ``webhook_authorization`` is the fixed ``Authorization`` header of its webhooks; an empty text
    sends none. While ``processing`` has not passed, a capture, a void or a refund is accepted and
    not done. An authorization that nobody captures ends after ``authorization_lifetime``.
    """

    secret_key: str = attrs.field(default="sk_sbox_paykitsandboxsecretkeyaaaaa", repr=False)
    public_key: str = "pk_sbox_paykitsandboxpublickeyaaaaa"
    processing_channel_id: str = "pc_paykitsandboxchannelaaaaaa"
    merchant_name: str = "Paykit Demo Shop"
    webhook_url: str = "http://127.0.0.1:8000/webhooks/checkoutcom"
    signature_key: str = attrs.field(default="paykit-sandbox-signature-key-0001", repr=False)
    webhook_authorization: str = attrs.field(default="paykit-sandbox-webhook-0001", repr=False)
    authorization_lifetime: timedelta = timedelta(days=7)
    token_lifetime: timedelta = timedelta(minutes=15)
    challenge_lifetime: timedelta = timedelta(minutes=15)
    #: Checkout.com publishes no lifetime of a hosted page that the sandbox could hold to.
    page_lifetime: timedelta = timedelta(minutes=30)
    processing: timedelta = timedelta(0)
    webhook_retry_after: tuple[timedelta, ...] = _RETRIES
    #: Ten seconds is what merchants report; it is not published.
    webhook_timeout: timedelta = timedelta(seconds=10)
