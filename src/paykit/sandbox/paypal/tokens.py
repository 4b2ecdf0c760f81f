"""Access tokens: given for the client's id and secret, good for a while.

https://developer.paypal.com/api/rest/authentication/
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ..edge import remember
from .ids import Ids
from .issues import Refusal

if TYPE_CHECKING:
    from .config import PayPalConfig

_SCOPES: Final = (
    "https://uri.paypal.com/services/payments/payment/authcapture",
    "https://uri.paypal.com/services/payments/refund",
    "https://uri.paypal.com/services/applications/webhooks",
)


class OAuthError(Refusal):
    """A refusal in the words of OAuth, which has a form of its own."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status)
        self._body = {"error": error, "error_description": description}

    def body(self, _operation: str, _debug_id: str) -> dict[str, Any]:
        """The answer."""
        return self._body


class Tokens:
    """The tokens that were given out, each with its end."""

    def __init__(self, config: PayPalConfig, *, ids: Ids, keep: int) -> None:
        self._config = config
        self._ids = ids
        self._keep = keep
        self._ends: dict[str, datetime] = {}

    def issue(self, authorization: str, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """A new token for a client that proves itself; raises :class:`OAuthError`."""
        if not self._is_client(authorization):
            raise OAuthError(401, "invalid_client", "Client Authentication failed")
        grant = form.get("grant_type")
        if grant != "client_credentials":
            problem = "unsupported grant_type" if grant else "Grant Type is NULL"
            raise OAuthError(400, "unsupported_grant_type", problem)
        token, lifetime = self._ids.token(), self._config.token_lifetime
        remember(self._ends, token, now + lifetime, keep=self._keep)
        return {
            "scope": " ".join(_SCOPES),
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-SANDBOX0000000001",
            "expires_in": int(lifetime.total_seconds()),
            "nonce": f"{now:%Y-%m-%dT%H:%M:%SZ}{self._ids.debug()}",
        }

    def check(self, authorization: str, now: datetime) -> None:
        """Refuse a call without a token, or with one that is not or no longer known.

        PayPal refuses the two in different forms, and both with 401.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401)
        end = self._ends.get(token.strip())
        if end is None or end <= now:
            raise OAuthError(401, "invalid_token", "Access Token not found in cache")

    def _is_client(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        try:
            raw = base64.b64decode(given.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = f"{self._config.client_id}:{self._config.client_secret}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(raw, expected)
