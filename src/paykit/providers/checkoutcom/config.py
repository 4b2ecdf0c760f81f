"""The settings of one Checkout.com account."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ...wire import Environment, ProviderConfig, Secret, Text, Url

#: A key of the previous account structure: a UUID, shown without ``Bearer``.
_PREVIOUS = re.compile(r"sk_(?:test_)?\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", re.ASCII)
_CHANNEL = re.compile(r"pc_[A-Za-z0-9]{1,60}", re.ASCII)
_PREFIX = re.compile(r"(?:pl-)?[a-z0-9]{1,40}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_SANDBOX_KEYS: Final = ("sk_sbox_", "sk_test_")


def _check_key(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("sk_"):
        raise ValueError("a secret key starts with sk_ (pk_ is the browser's)")
    return value


def _check_channel(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise ValueError("a processing channel starts with pc_")
    return value


def _check_prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError("the first characters of the client id, without cli_")
    return value


def _check_country(value: str) -> str:
    if not _COUNTRY.fullmatch(value):
        raise ValueError("two capital letters, as in ISO 3166")
    return value


class CheckoutComConfig(ProviderConfig):
    """The keys of one Checkout.com account.

    ``prefix`` makes the account's own host of the API; ``base_url`` wins over it.
    ``signature_key`` proves webhooks, ``previous_signature_keys`` too while they change.
    ``webhook_authorization`` is the header ``Authorization`` that a webhook then has to bring as
    well. ``billing_country`` is what the hosted page is told where ``extra`` has no ``billing``.
    """

    provider: ClassVar[str] = "checkoutcom"

    secret_key: Annotated[Secret, AfterValidator(_check_key)]
    signature_key: Secret
    previous_signature_keys: tuple[Secret, ...] = ()
    webhook_authorization: Secret | None = None
    processing_channel_id: Annotated[Text, AfterValidator(_check_channel)] | None = None
    prefix: Annotated[Text, AfterValidator(_check_prefix)] | None = None
    billing_country: Annotated[str, AfterValidator(_check_country)] | None = None
    base_url: Url | None = Field(default=None)

    @model_validator(mode="after")
    def _check_world(self) -> CheckoutComConfig:
        sandbox = self.secret_key.get_secret_value().startswith(_SANDBOX_KEYS)
        if sandbox is not (self.environment is Environment.SANDBOX):
            raise ValueError("secret_key is of the other environment")
        return self

    @property
    def authorization(self) -> str:
        """The header by which requests show the key."""
        key = self.secret_key.get_secret_value()
        return key if _PREVIOUS.fullmatch(key) else f"Bearer {key}"
