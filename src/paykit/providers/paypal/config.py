"""The settings of one PayPal account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from ... import certificates
from ...wire import Environment, ProviderConfig, Secret, Text, Url
from .forms import PLAIN_URL

#: PayPal repeats a webhook for three days. The rest is slack for clocks and queues.
WEBHOOK_TOLERANCE: Final = timedelta(days=3, hours=6)
_LONGEST_TOLERANCE: Final = timedelta(days=366)

_WEBHOOK_ID = re.compile(r"[A-Za-z0-9]{1,50}", re.ASCII)
_MERCHANT_ID = re.compile(r"[2-9A-HJ-NP-Z]{13}", re.ASCII)


def _check_webhook_id(value: str) -> str:
    if not _WEBHOOK_ID.fullmatch(value):
        raise ValueError("a webhook id has letters and digits, 50 at most")
    return value


def _check_merchant_id(value: str) -> str:
    if not _MERCHANT_ID.fullmatch(value):
        raise ValueError("a merchant id has 13 digits and capital letters")
    return value


def _check_page(value: str) -> str:
    if not PLAIN_URL.fullmatch(value):
        raise ValueError("must be an absolute URL in plain ASCII")
    return value


def _check_roots(value: str) -> str:
    if not certificates.count(value):
        raise ValueError("holds no certificate in PEM")
    return value


class PayPalConfig(ProviderConfig):
    """One REST app of a PayPal business account.

    ``webhook_ids`` are the ids that PayPal gave your webhook addresses; without them no webhook is
    accepted. ``webhook_verification`` is ``offline`` (by certificate) or ``postback`` (PayPal is
    asked). ``webhook_tolerance`` can only be made longer. ``webhook_roots``
    (PEM) adds authorities and ``webhook_simulator`` accepts what PayPal's simulator sends; both are
    for tests and refused in production. ``merchant_id`` lets paykit check whom the money is for.
    """

    provider: ClassVar[str] = "paypal"

    client_id: Text = Field(repr=False)
    client_secret: Secret
    webhook_ids: tuple[Annotated[Text, AfterValidator(_check_webhook_id)], ...] = ()
    webhook_verification: Literal["offline", "postback"] = "offline"
    webhook_tolerance: timedelta = Field(
        default=WEBHOOK_TOLERANCE, ge=WEBHOOK_TOLERANCE, le=_LONGEST_TOLERANCE
    )
    webhook_roots: Annotated[str, AfterValidator(_check_roots)] | None = Field(
        default=None, repr=False
    )
    webhook_simulator: bool = False
    merchant_id: Annotated[Text, AfterValidator(_check_merchant_id)] | None = None
    return_url: Annotated[str, AfterValidator(_check_page)] | None = None
    cancel_url: Annotated[str, AfterValidator(_check_page)] | None = None
    brand_name: Text | None = Field(default=None, max_length=127)
    base_url: Url | None = None

    @model_validator(mode="after")
    def _only_for_tests(self) -> PayPalConfig:
        if ":" in self.client_id:
            raise ValueError("client_id must not hold a colon")
        if self.environment is Environment.PRODUCTION:
            for name in ("webhook_roots", "webhook_simulator"):
                if getattr(self, name):
                    raise ValueError(f"{name} is for tests, not for production")
        return self
