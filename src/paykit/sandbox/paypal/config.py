"""What the pretended PayPal is: one business account, its REST app, its webhook, its patience."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from .authority import Authority, authority, process_authority

_RETRIES: Final = 25
_RETRY_SPAN: Final = timedelta(days=3)


def _retry_schedule() -> tuple[timedelta, ...]:
    """Twenty-five waits that fill three days, the first of them short.

    PayPal publishes how often and how long, but not when.
    """
    weights = [number**3 for number in range(1, _RETRIES + 1)]
    return tuple(_RETRY_SPAN * weight / sum(weights) for weight in weights)


@attrs.frozen(kw_only=True)
class PayPalConfig:
    """PayPal's side of one business account. The webhook's address is stored there: set it here.

    ``overcapture`` and ``unique_invoices`` are settings of the account. An order that is neither
    approved nor paid vanishes after ``order_lifetime``, and so does an approved one that nobody
    takes. While ``refund_processing`` has not passed, a refund is pending.
    """

    client_id: str = "PAYKITSANDBOXCLIENT0001"
    client_secret: str = attrs.field(default="PAYKITSANDBOXSECRET0001", repr=False)
    webhook_id: str = "7PK415926X535897D"
    webhook_url: str = "http://127.0.0.1:8000/webhooks/paypal"
    merchant_id: str = "MERCHANTSBX22"
    merchant_email: str = "shop@business.example"
    merchant_name: str = "Paykit Demo Shop"
    token_lifetime: timedelta = timedelta(hours=9)
    order_lifetime: timedelta = timedelta(hours=3)
    honor_period: timedelta = timedelta(days=3)
    authorization_lifetime: timedelta = timedelta(days=29)
    refund_window: timedelta = timedelta(days=180)
    refund_processing: timedelta = timedelta(0)
    #: Captures of up to 115 % of what was authorized; no such thing where PSD2 rules.
    overcapture: bool = True
    unique_invoices: bool = True
    webhook_retry_after: tuple[timedelta, ...] = attrs.field(factory=_retry_schedule)
    #: PayPal does not publish how long it waits for an answer.
    webhook_timeout: timedelta = timedelta(seconds=30)
    #: Makes the certificates. By default made once per process; a key of one's own keeps the root
    #: certificate the same over restarts.
    root_key_pem: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.root_key_pem is not None:
            authority(self.root_key_pem)

    @property
    def authority(self) -> Authority:
        """Who certifies the keys that sign the webhooks."""
        if self.root_key_pem is None:
            return process_authority()
        return authority(self.root_key_pem)

    @property
    def root_certificate_pem(self) -> str:
        """The root certificate that a merchant has to trust instead of the public ones."""
        return self.authority.root_pem
