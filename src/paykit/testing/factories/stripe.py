"""Stripe's webhooks and returns, and what Stripe says when it is asked about them.

Source: https://docs.stripe.com/webhooks/signature. What Stripe's API knows travels along in a
header of the delivery, which the adapter does not read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError
from ...http import Delivery, HttpRequest, HttpResponse
from ...money import Money
from ...provider import Provider
from ...providers.stripe import VERSION, StripeConfig
from ...wire import Environment
from ..factory import Notice, State
from ..fields import Field

__all__ = ["ANSWERS", "StripeDeliveries", "signed_webhook"]

#: The header that carries the API's answers, by path, as JSON.
ANSWERS: Final = "Paykit-Answers"
#: The event's type, the payment's status, and what else is in it.
_TOLD: Final[Mapping[State, tuple[str, str, Mapping[str, Any]]]] = {
    "paid": ("payment_intent.succeeded", "succeeded", {}),
    "authorized": ("payment_intent.amount_capturable_updated", "requires_capture", {}),
    "pending": ("payment_intent.processing", "processing", {}),
    "failed": (
        "payment_intent.payment_failed",
        "requires_payment_method",
        {
            "last_payment_error": {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "insufficient_funds",
                "message": "Your card has insufficient funds.",
            }
        },
    ),
    "canceled": (
        "payment_intent.canceled",
        "canceled",
        {"cancellation_reason": "requested_by_customer"},
    ),
    "expired": ("payment_intent.canceled", "canceled", {"cancellation_reason": "automatic"}),
    "unknown": ("payment_intent.succeeded", "settled_elsewhere", {}),
}
_RETURNED: Final = frozenset({"payment_intent", "setup_intent", "session_id"})
_SMALLER: Final = "MGA"
_LARGER: Final = frozenset({"ISK", "UGX"})


class _Asked(Field):
    """The id that a browser brings back: of a payment, a page or a set-up."""

    def name_in(self, delivery: Delivery) -> str:
        """The parameter that is there."""
        names = [name.decode() for name, _ in delivery.query_pairs()]
        return next((name for name in names if name in _RETURNED), self.name)


class StripeDeliveries:
    """HMAC-SHA256 over the time, a dot and the body; and what Stripe answers about a payment.

    The ``fields`` of a notice are written with dots: ``data.object.status``. ``data.object`` as a
    whole makes it an event about something else, a refund or a dispute.
    """

    signature = Field("Stripe-Signature", header=True)
    signed = Field("data.object.amount", query="payment_intent")
    asked = _Asked("payment_intent")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The event."""
        config = _config(provider)
        payment = _payment(notice, config)
        told = json.dumps([payment, notice.state, notice.at.isoformat(), dict(notice.fields)])
        body: dict[str, Any] = {
            "id": f"evt_{hashlib.sha256(told.encode()).hexdigest()[:24]}",
            "object": "event",
            "api_version": VERSION,
            "created": int(notice.at.timestamp()),
            "data": {"object": payment},
            "livemode": _is_live(config),
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": _TOLD[notice.state][0],
        }
        for name, value in notice.fields.items():
            _put(body, name.split("."), value)
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        answers = {f"/v1/payment_intents/{_id(notice)}": _charged(_payment(notice, config))}
        return signed_webhook(config, raw, at=notice.at, answers=answers, key=key)

    def browser_return(
        self,
        provider: Provider,
        notice: Notice,
        *,
        key: bytes | None = None,  # noqa: ARG002
    ) -> Delivery:
        """The payer's browser with the payment's id. Nothing signs it, so ``key`` is of no use."""
        payment = _payment(notice, _config(provider))
        query = {
            "payment_intent": payment["id"],
            "payment_intent_client_secret": payment["client_secret"],
            "redirect_status": "failed" if notice.state == "failed" else "succeeded",
            **notice.fields,
        }
        known = _charged(payment) if notice.state == "paid" else payment
        answers = {f"/v1/payment_intents/{payment['id']}": known}
        headers = {ANSWERS: json.dumps(answers)}
        return Delivery("GET", "/returns/stripe", urlencode(query).encode(), headers)

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """What the delivery carries along."""
        path = request.url.removeprefix(provider.base).partition("?")[0]
        known = json.loads(delivery.header(ANSWERS) or "{}")
        if path in known:
            return _json(200, known[path])
        error = {"type": "invalid_request_error", "code": "resource_missing"}
        return _json(404, {"error": error})


def signed_webhook(
    config: StripeConfig,
    body: bytes,
    *,
    at: datetime,
    answers: Mapping[str, Any] | None = None,
    key: bytes | None = None,
) -> Delivery:
    """A webhook with exactly this body; ``answers`` are the API's, by path."""
    secret = config.webhook_secret.get_secret_value().encode() if key is None else key
    time = int(at.timestamp())
    digest = hmac.new(secret, f"{time}.".encode() + body, "sha256").hexdigest()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": f"t={time},v1={digest}",
    }
    if answers is not None:
        headers[ANSWERS] = json.dumps(answers)
    return Delivery("POST", "/webhooks/stripe", b"", headers, body)


def _config(provider: Provider) -> StripeConfig:
    if not isinstance(provider.config, StripeConfig):
        raise ConfigurationError(f"{provider!r} is not Stripe")
    return provider.config


def _is_live(config: StripeConfig) -> bool:
    return config.environment is Environment.PRODUCTION


def _id(notice: Notice) -> str:
    wanted = notice.provider_id
    return wanted if wanted.startswith("pi_") else f"pi_{wanted}"


def _payment(notice: Notice, config: StripeConfig) -> dict[str, Any]:
    _, status, more = _TOLD[notice.state]
    amount, payment_id = _counted(notice.amount), _id(notice)
    return {
        "id": payment_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": amount if status == "requires_capture" else 0,
        "amount_received": amount if status == "succeeded" else 0,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{payment_id}_secret_of_the_tests",
        "created": 1_700_000_000,
        "currency": notice.amount.currency.lower(),
        "customer": None,
        "last_payment_error": None,
        "latest_charge": f"ch_{payment_id.removeprefix('pi_')}",
        "livemode": _is_live(config),
        "metadata": {"reference": notice.reference},
        "next_action": None,
        "payment_method": "pm_card_visa",
        "setup_future_usage": None,
        "status": status,
        **more,
    }


def _charged(payment: Mapping[str, Any]) -> dict[str, Any]:
    """The payment as it is once it was taken, with its charge."""
    amount = payment["amount"]
    charge = {
        "id": payment["latest_charge"],
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "captured": True,
        "currency": payment["currency"],
        "disputed": False,
        "metadata": payment["metadata"],
        "payment_intent": payment["id"],
        "refunds": {"object": "list", "data": [], "has_more": False},
        "status": "succeeded",
    }
    return {
        **payment,
        "status": "succeeded",
        "amount_received": amount,
        "last_payment_error": None,
        "latest_charge": charge,
    }


def _counted(amount: Money) -> int:
    if amount.currency in _LARGER:
        return amount.minor * 100
    return amount.minor // 100 if amount.currency == _SMALLER else amount.minor


def _put(inside: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        inside = inside[name]
    inside[last] = value


def _json(status: int, content: Mapping[str, Any]) -> HttpResponse:
    body = json.dumps(content).encode()
    return HttpResponse(status, {"Content-Type": "application/json"}, body)
