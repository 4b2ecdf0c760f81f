"""The settings of one Stripe account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ...wire import Environment, ProviderConfig, Secret, Url

#: What Stripe's own libraries allow; each repetition is signed anew.
WEBHOOK_TOLERANCE: Final = timedelta(minutes=5)
_LONGEST_TOLERANCE: Final = timedelta(days=1)

_API_KEY = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]+", re.ASCII)
#: What is easily taken for it: an API key, the endpoint's own id, or a prefix with nothing behind.
_NO_WEBHOOK_SECRET = re.compile(r"(?:sk|rk|pk)_(?:test|live)_.*|we_.*|whsec_", re.ASCII)
_MODES: Final = {Environment.SANDBOX: "test", Environment.PRODUCTION: "live"}


def _check_api_key(value: SecretStr) -> SecretStr:
    if not _API_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("a secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_")
    return value


def _check_webhook_secret(value: SecretStr) -> SecretStr:
    if _NO_WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
        raise ValueError("is no signing secret: one begins with whsec_")
    return value


_WebhookSecret = Annotated[Secret, AfterValidator(_check_webhook_secret)]


class StripeConfig(ProviderConfig):
    """One Stripe account.

    ``secret_key`` may be a restricted one (``rk_…``); its mode has to be that of ``environment``.
    ``webhook_secret`` is the signing secret of the webhook endpoint. ``previous_webhook_secrets``
    are accepted, too: the former one while it is rolled, and those of other endpoints that lead to
    the same address. ``webhook_tolerance`` is how far the signed time may be away, past or future.
    """

    provider: ClassVar[str] = "stripe"
    one_account: ClassVar[frozenset[str]] = frozenset({"secret_key", "base_url"})

    secret_key: Annotated[Secret, AfterValidator(_check_api_key)]
    webhook_secret: _WebhookSecret
    previous_webhook_secrets: tuple[_WebhookSecret, ...] = ()
    webhook_tolerance: timedelta = Field(
        default=WEBHOOK_TOLERANCE, gt=timedelta(0), le=_LONGEST_TOLERANCE
    )
    base_url: Url | None = None

    @model_validator(mode="after")
    def _one_mode(self) -> StripeConfig:
        found = _API_KEY.fullmatch(self.secret_key.get_secret_value())
        if found is None or found[1] != _MODES[self.environment]:
            raise ValueError(f"secret_key is not one for {self.environment}")
        return self
