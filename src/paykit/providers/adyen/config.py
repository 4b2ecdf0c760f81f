"""The settings of one merchant account at Adyen."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr, model_validator

from ...models import CaptureMode
from ...wire import Environment, ProviderConfig, Secret, Text, Url
from .forms import PLAIN_URL

_HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
#: Neither the mark that joins signed fields nor anything that a URL gives a meaning.
_ACCOUNT = re.compile(r"[A-Za-z0-9_. -]{1,100}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)


def _check_hmac_key(value: SecretStr) -> SecretStr:
    if not _HEX_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("an HMAC key has 64 hex digits")
    return value


def _check_account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("a merchant account has letters, digits, blanks and _ . - in its name")
    return value


def _check_prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value) or len(value) > 100:  # noqa: PLR2004 - the host has limits, too
        raise ValueError("a prefix has letters and digits, with dashes between")
    return value


def _check_page(value: str) -> str:
    if not PLAIN_URL.fullmatch(value):
        raise ValueError("must be an absolute URL in plain ASCII, 1024 characters at most")
    return value


_HmacKey = Annotated[Secret, AfterValidator(_check_hmac_key)]


class AdyenConfig(ProviderConfig):
    """One merchant account.

    ``capture_mode`` is what becomes of an authorised payment of this account: ``automatic`` (Adyen
    takes the money at once) or ``manual`` (it is held until it is captured). Neither an answer nor
    a notice of Adyen's tells which, so it has no default. ``hmac_key`` is that of the webhook's
    address, ``previous_hmac_keys`` are accepted while keys change. ``webhook_user`` and
    ``webhook_password`` are demanded of each webhook, beside the signature. ``multiple_captures``
    says that Adyen has enabled several partial captures of one payment. ``live_prefix`` is a part
    of the host in production.
    """

    provider: ClassVar[str] = "adyen"

    merchant_account: Annotated[Text, AfterValidator(_check_account)]
    api_key: Secret
    hmac_key: _HmacKey
    capture_mode: CaptureMode
    previous_hmac_keys: tuple[_HmacKey, ...] = ()
    webhook_user: Text | None = None
    webhook_password: Secret | None = None
    multiple_captures: bool = False
    return_url: Annotated[str, AfterValidator(_check_page)] | None = None
    live_prefix: Annotated[Text, AfterValidator(_check_prefix)] | None = None
    base_url: Url | None = None

    @model_validator(mode="after")
    def _whole(self) -> AdyenConfig:
        if (self.webhook_user is None) is not (self.webhook_password is None):
            raise ValueError("webhook_user and webhook_password go together")
        if self.webhook_user is not None and ":" in self.webhook_user:
            raise ValueError("webhook_user must not hold a colon")
        production = self.environment is Environment.PRODUCTION
        if production and self.live_prefix is None and self.base_url is None:
            raise ValueError("production needs the live_prefix of the company account")
        return self
