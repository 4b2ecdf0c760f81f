"""What the pretended Adyen is: one merchant account, its webhook, its settings, its patience."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

import attrs

from ...errors import ConfigurationError

_KEY_DIGITS: Final = 64
_LONGEST_DELAY: Final = timedelta(days=30)


def _retry_schedule() -> tuple[timedelta, ...]:
    """Three quick tries, then a queue with growing waits, and every eight hours up to 30 days.

    https://docs.adyen.com/development-resources/webhooks/troubleshoot/
    """
    quick = [timedelta(seconds=seconds) for seconds in (9, 18, 27)]
    queued = [timedelta(minutes=minutes) for minutes in (2, 5, 10, 15, 30)]
    queued += [timedelta(hours=hours) for hours in (1, 2, 4)]
    while sum(queued, timedelta()) + timedelta(hours=8) <= _LONGEST_DELAY:
        queued.append(timedelta(hours=8))
    return (*quick, *queued)


@attrs.frozen(kw_only=True)
class AdyenConfig:
    """Adyen's side of one merchant account. The webhook's address and keys are stored there.

    What Adyen does depends on settings of the account more than on the request:

    - ``capture``: what happens to an authorised payment whose request does not say otherwise:
      taken at once (``automatic``), after ``capture_delay``, or when the merchant asks.
    - ``multiple_captures``: several captures of one payment; without it the first one ends it.
    - ``batch``: how many notices of one moment may share a delivery.
    - ``automatic_capture_notices``: whether a capture that Adyen made by itself is told.
    - ``tells_stored_id``: whether an answer names the card that was stored with the payment.
    - ``new_reference_after_action``: whether a payment that needed the shopper has another
      ``pspReference`` afterwards than the first answer said.
    - ``token_notices``: whether a stored card is also told by a webhook of the newer kind, whose
      body is signed as a whole.

    While ``processing`` has not passed, what was ``received`` is neither done nor refused.
    """

    merchant_account: str = "PaykitSandboxECOM"
    api_key: str = attrs.field(default="AQEpaykit-sandbox-api-key-0001", repr=False)
    client_key: str = "test_PAYKITSANDBOXCLIENTKEY0001"
    hmac_key: str = attrs.field(
        default="5A3C0F9B7E1D42688C04B6A2F1E7D3905A3C0F9B7E1D42688C04B6A2F1E7D390", repr=False
    )
    webhook_url: str = "http://127.0.0.1:8000/webhooks/adyen"
    #: User and password of the webhook's Basic authentication, if there is one.
    webhook_login: tuple[str, str] | None = attrs.field(default=None, repr=False)
    merchant_name: str = "Paykit Demo Shop"
    capture: Literal["automatic", "delayed", "manual"] = "automatic"
    capture_delay: timedelta = timedelta(days=1)
    multiple_captures: bool = False
    automatic_capture_notices: bool = False
    tells_stored_id: bool = True
    new_reference_after_action: bool = False
    token_notices: bool = False
    batch: int = 1
    processing: timedelta = timedelta(0)
    authorisation_lifetime: timedelta = timedelta(days=28)
    #: A shopper who does not come back from 3-D Secure in time.
    offer_lifetime: timedelta = timedelta(hours=12)
    session_lifetime: timedelta = timedelta(hours=1)
    link_lifetime: timedelta = timedelta(days=1)
    key_lifetime: timedelta = timedelta(days=7)  #: of an ``Idempotency-Key``
    #: How long a repetition with the same key hears that the first call is still in progress.
    key_busy: timedelta = timedelta(0)
    webhook_retry_after: tuple[timedelta, ...] = attrs.field(factory=_retry_schedule)
    webhook_timeout: timedelta = timedelta(seconds=10)

    def __attrs_post_init__(self) -> None:
        if len(self.hmac_key) != _KEY_DIGITS or not _is_hex(self.hmac_key):
            raise ConfigurationError(f"an HMAC key of Adyen has {_KEY_DIGITS} hexadecimal digits")
        if self.batch < 1:
            raise ConfigurationError("a delivery has at least one notice")


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
