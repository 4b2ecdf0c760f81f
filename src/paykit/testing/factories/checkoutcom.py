"""Checkout.com's webhooks (signed JSON), and its return, which nothing signs.

Source: https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError
from ...http import Delivery, HttpRequest, HttpResponse
from ...provider import Provider
from ...providers.checkoutcom import CheckoutComConfig
from ..factory import Notice, State
from ..fields import Field

#: The header by which a return carries what Checkout.com's API says, by path.
ANSWERS: Final = "Paykit-Answers"

#: Type and response code of a webhook. The last is a code that was never published.
_TYPES: Final[dict[State, tuple[str, str | None]]] = {
    "paid": ("payment_captured", "10000"),
    "authorized": ("payment_approved", "10000"),
    "pending": ("payment_pending", None),
    "failed": ("payment_declined", "20051"),
    "canceled": ("payment_canceled", None),
    "expired": ("payment_expired", None),
    "unknown": ("payment_captured", "99999"),
}
#: The state of the payment that a return is about.
_STATES: Final[dict[State, str]] = {
    "paid": "Captured",
    "authorized": "Authorized",
    "pending": "Pending",
    "failed": "Declined",
    "canceled": "Canceled",
    "expired": "Expired",
    "unknown": "EXPLODED",
}
_APPROVED: Final = ("Captured", "Authorized")


class CheckoutComDeliveries:
    """HMAC-SHA256 over the body, in the header ``Cko-Signature``.

    ``fields`` are those of the whole body, with dots: ``data.response_code``. A return carries the
    answer to the question that it leads to; its ``fields`` are those of the query.
    """

    signature = Field("Cko-Signature", header=True)
    signed = Field("data.amount")
    asked = Field("cko-session-id")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The webhook."""
        kind, code = _TYPES[notice.state]
        data: dict[str, Any] = {
            "id": _id("pay", notice.provider_id),
            "action_id": _id("act", notice.provider_id),
            "reference": notice.reference,
            "amount": _count(notice),
            "currency": notice.amount.currency,
            "processed_on": notice.at.isoformat(),
            "metadata": {"reference": notice.reference},
        }
        if code is not None:
            data["response_code"] = code
        told = f"{kind} {code} {notice.reference} {notice.amount} {notice.at.isoformat()}"
        body: dict[str, Any] = {
            "id": _id("evt", hashlib.sha256(told.encode()).hexdigest()),
            "type": kind,
            "version": "1.0.29",
            "created_on": notice.at.isoformat(),
            "data": data,
            "_links": {"payment": {"href": f"{provider.base}/payments/{data['id']}"}},
        }
        for path, value in notice.fields.items():
            _put(body, path, value)
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return signed_webhook(_config(provider), text.encode(errors="surrogatepass"), key=key)

    def browser_return(
        self, _provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The return after 3-D Secure. There is no key to it."""
        del key
        told = f"{notice.state} {notice.reference} {notice.amount} {notice.at.isoformat()}"
        session = _id("sid", hashlib.sha256(told.encode()).hexdigest())
        state, amount = _STATES[notice.state], _count(notice)
        taken = amount if state == "Captured" else 0
        details = {
            "id": _id("pay", notice.provider_id),
            "requested_on": notice.at.isoformat(),
            "amount": amount,
            "currency": notice.amount.currency,
            "reference": notice.reference,
            "approved": state in _APPROVED,
            "status": state,
            "balances": {
                "total_authorized": amount,
                "total_captured": taken,
                "total_refunded": 0,
                "available_to_capture": amount if state == "Authorized" else 0,
            },
            "_links": {},
        }
        query = urlencode({"cko-session-id": session, **notice.fields})
        answers = json.dumps({f"/payments/{session}": details})
        return Delivery("GET", "/returns/checkoutcom", query.encode(), {ANSWERS: answers})

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """What the return ``delivery`` carries along for this question."""
        known = json.loads(delivery.header(ANSWERS) or "{}")
        path = request.url.removeprefix(provider.base)
        if path not in known:
            return HttpResponse(404)
        return HttpResponse(200, body=json.dumps(known[path]).encode())


def signed_webhook(config: CheckoutComConfig, body: bytes, *, key: bytes | None = None) -> Delivery:
    """A webhook with exactly this body, as Checkout.com signs it."""
    secret = config.signature_key.get_secret_value().encode() if key is None else key
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Cko-Signature": hmac.new(secret, body, "sha256").hexdigest(),
    }
    if config.webhook_authorization is not None:
        headers["Authorization"] = config.webhook_authorization.get_secret_value()
    return Delivery("POST", "/webhooks/checkoutcom", headers=headers, body=body)


def _config(provider: Provider) -> CheckoutComConfig:
    if not isinstance(provider.config, CheckoutComConfig):
        raise ConfigurationError(f"{provider!r} is not Checkout.com")
    return provider.config


def _id(kind: str, name: str) -> str:
    """An id of the form that Checkout.com gives: 26 letters and digits behind its kind."""
    return name if name.startswith(f"{kind}_") else f"{kind}_{name[:26]:a>26}"


def _count(notice: Notice) -> int:
    """Chilean pesos have two decimals there, which are zeros."""
    return notice.amount.minor * (100 if notice.amount.currency == "CLP" else 1)


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    for name in way:
        inside = body.setdefault(name, {})
        if not isinstance(inside, dict):
            return
        body = inside
    body[last] = value
