"""What PayPal tells the merchant by itself: events, signed and sent to the one webhook.

https://developer.paypal.com/api/rest/webhooks/event-names/
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...http import HttpRequest, HttpResponse
from ...money import Money
from ..deliveries import Deliveries, RetryRule, Verdict
from ..edge import remember
from . import amounts, signing
from .ids import Ids
from .state import Authorization, Capture, Dispute, Order, Refund
from .views import Json, Views, link, stamp

if TYPE_CHECKING:
    from .config import PayPalConfig

_OK: Final = range(200, 300)
_SYMBOLS: Final = {"USD": "$ ", "EUR": "€ ", "GBP": "£ ", "JPY": "¥ "}
_CAPTURED: Final = {
    "COMPLETED": "Payment completed for {}",
    "PENDING": "Payment pending for {}",
    "DECLINED": "Payment declined for {}",
    "DENIED": "Payment denied for {}",
}
_HELD: Final = {
    "CREATED": "A successful payment authorization was created for {}",
    "VOIDED": "A payment authorization was voided",
}


class Notices:
    """Makes events, signs their deliveries, and remembers the events."""

    def __init__(
        self, config: PayPalConfig, *, views: Views, ids: Ids, deliveries: Deliveries, keep: int
    ) -> None:
        self._config = config
        self._views = views
        self._ids = ids
        self._deliveries = deliveries
        self._keep = keep
        self._events: dict[str, tuple[str, bytes]] = {}

    def approved(self, order: Order, now: datetime) -> None:
        """The payer has agreed; no money has moved."""
        resource = self._views.order(order, now)
        self._tell(
            order, "CHECKOUT.ORDER.APPROVED", "An order has been approved by buyer", resource, now
        )

    def authorization(self, held: Authorization, what: str, now: datetime) -> None:
        """Money is held, or no longer."""
        summary = _HELD[what].format(_words(held.amount))
        resource = self._views.whole(held, now)
        self._tell(held.unit.order, f"PAYMENT.AUTHORIZATION.{what}", summary, resource, now)

    def capture(self, capture: Capture, what: str, now: datetime) -> None:
        """Money was taken, will be, or will not."""
        summary = _CAPTURED[what].format(_words(capture.amount))
        resource = self._views.whole(capture, now)
        self._tell(capture.unit.order, f"PAYMENT.CAPTURE.{what}", summary, resource, now)

    def refund(self, refund: Refund, now: datetime) -> None:
        """Money was given back: the resource is the refund, not the capture."""
        what = "REVERSED" if refund.reversal else "REFUNDED"
        summary = f"A {_words(refund.amount)} capture payment was {what.lower()}"
        resource = self._views.refund(refund, now)
        self._tell(refund.capture.unit.order, f"PAYMENT.CAPTURE.{what}", summary, resource, now)

    def dispute(self, dispute: Dispute, what: str, now: datetime) -> None:
        """The payer complained, or the complaint was decided."""
        words = {"CREATED": "A new dispute opened with", "RESOLVED": "A dispute was resolved with"}
        summary = f"{words[what]} Case # {dispute.id}"
        order = dispute.capture.unit.order
        resource = self._views.dispute(dispute)
        self._tell(order, f"CUSTOMER.DISPUTE.{what}", summary, resource, now)

    def event(self, event_id: str) -> bytes | None:
        """An event that was sent, as it was."""
        known = self._events.get(event_id)
        return known[1] if known else None

    def resend(self, event_id: str, now: datetime) -> None:
        """Deliver a known event once more."""
        self._send(*self._events[event_id], now)

    def _tell(self, order: Order, kind: str, summary: str, resource: Json, now: datetime) -> None:
        event_id = self._ids.event()
        moment = now.astimezone(UTC)
        url = f"{self._views.base}/v1/notifications/webhooks-events/{event_id}"
        event: Json = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
            "resource_type": _resource_type(kind),
            "resource_version": "2.0",
            "event_type": kind,
            "summary": summary,
            "resource": resource,
            "links": [link(url, "self"), link(f"{url}/resend", "resend", "POST")],
        }
        if kind.startswith("CUSTOMER."):
            del event["resource_version"]
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        remember(self._events, event_id, (order.reference, body), keep=self._keep)
        self._send(order.reference, body, now)

    def _send(self, reference: str, body: bytes, now: datetime) -> None:
        self._deliveries.enqueue(
            self._request(body, now),
            provider="paypal",
            reference=reference,
            rule=retry_rule(self._config),
        )

    def _request(self, body: bytes, now: datetime) -> HttpRequest:
        config, signer = self._config, self._config.authority.signer(now)
        transmission, time = self._ids.transmission(), stamp(now)
        text = signing.signed_text(transmission, time, config.webhook_id, body)
        headers = {
            "Content-Type": "application/json",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": time,
            "PAYPAL-TRANSMISSION-SIG": signing.sign(text, signer.key),
            "PAYPAL-CERT-URL": certificate_url(self._views.base, signer.certificate_id),
            "PAYPAL-AUTH-ALGO": signing.ALGORITHM,
            "PAYPAL-AUTH-VERSION": "v2",
        }
        # Not marked as replay safe: repeating is this sandbox's own rule, not the transport's.
        return HttpRequest("POST", config.webhook_url, headers, body)


def certificate_url(base: str, certificate_id: str) -> str:
    """Where a certificate is to be had."""
    return f"{base}/v1/notifications/certs/{certificate_id}"


def retry_rule(config: PayPalConfig) -> RetryRule:
    """PayPal's published rule: up to 25 more attempts over three days."""
    return RetryRule(
        delays=config.webhook_retry_after,
        timeout=config.webhook_timeout,
        judge=judge,
    )


def judge(response: HttpResponse) -> Verdict:
    """Any 2xx is an acknowledgement."""
    return Verdict(settled=response.status in _OK, note=f"HTTP {response.status}")


def _resource_type(kind: str) -> str:
    if kind in {"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"}:
        return "refund"
    start = kind.rpartition(".")[0]
    return {
        "CHECKOUT.ORDER": "checkout-order",
        "PAYMENT.AUTHORIZATION": "authorization",
        "PAYMENT.CAPTURE": "capture",
        "CUSTOMER.DISPUTE": "dispute",
    }[start]


def _words(money: Money) -> str:
    return f"{_SYMBOLS.get(money.currency, '')}{amounts.value(money)} {money.currency}"
