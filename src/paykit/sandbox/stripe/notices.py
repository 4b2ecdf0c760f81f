"""What Stripe tells by itself: events, signed anew for each try, sent to the one endpoint.

https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ...http import HttpRequest, HttpResponse
from ..cards.state import Capture, CardPayment, Dispute, Refund
from ..deliveries import Deliveries, RetryRule, Verdict
from ..edge import remember
from . import signing
from .ids import Ids
from .state import Charge, Intent, Json, Method, Session, Setup
from .views import Views, seconds

if TYPE_CHECKING:
    from ..config import Clock
    from .config import StripeConfig

_OK: Final = range(200, 300)
#: Metadata by which merchants know a payment.
_REFERENCES: Final = ("reference", "order_id", "payment_id")


class Notices:
    """Makes events and sends them. It is what the till tells what has happened."""

    def __init__(
        self,
        config: StripeConfig,
        *,
        views: Views,
        ids: Ids,
        deliveries: Deliveries,
        clock: Clock,
        keep: int,
    ) -> None:
        self._config = config
        self._views = views
        self._ids = ids
        self._deliveries = deliveries
        self._clock = clock
        self._keep = keep
        self._events: dict[str, Json] = {}
        self._cause: Json = {"id": None, "idempotency_key": None}

    @contextmanager
    def caused_by(self, request_id: str, key: str) -> Iterator[None]:
        """Events made meanwhile name the request that caused them."""
        before = self._cause
        self._cause = {"id": request_id, "idempotency_key": key or None}
        try:
            yield
        finally:
            self._cause = before

    def event(self, event_id: str) -> Json | None:
        """An event by its id."""
        return self._events.get(event_id)

    # What the till tells.

    def captured(self, capture: Capture, now: datetime) -> None:
        """Held money was taken; telling it is for who took it."""

    def capture_failed(self, capture: Capture, now: datetime) -> None:
        """It was not: the answer to the call says so."""

    def refunded(self, refund: Refund, now: datetime) -> None:
        """Money was given back, if not at once."""
        if refund.data.get("told"):
            self._refund_changed(refund, now)

    def refund_failed(self, refund: Refund, now: datetime) -> None:
        """Money was not given back, or came back."""
        if refund.data.get("told"):
            self._refund_changed(refund, now)
        self.tell("refund.failed", self._views.refund(refund), reference(refund.payment), now)

    def voided(self, payment: CardPayment, now: datetime) -> None:
        """The merchant let the hold go; :meth:`canceled` tells it."""

    def expired(self, payment: CardPayment, now: datetime) -> None:
        """The hold has ended, and the payment with it unless a part was taken."""
        assert isinstance(payment, Intent)  # noqa: S101 - there are no others
        self.charge(payment, "charge.expired", now)
        if payment.captures:
            self.intent(payment, "succeeded", now)
            return
        payment.canceled_at = now
        payment.cancellation_reason = "automatic"
        self.intent(payment, "canceled", now)

    def disputed(self, dispute: Dispute, now: datetime) -> None:
        """The payer complains: Stripe takes the money back at once."""
        for what in ("created", "funds_withdrawn"):
            self._dispute(dispute, what, now)

    def dispute_closed(self, dispute: Dispute, now: datetime) -> None:
        """The bank has decided."""
        if dispute.state == "won":
            self._dispute(dispute, "funds_reinstated", now)
        self._dispute(dispute, "closed", now)

    # What the operations tell.

    def intent(self, intent: Intent, what: str, now: datetime) -> None:
        """Something has happened to a payment."""
        shown = self._views.intent(intent)
        self.tell(f"payment_intent.{what}", shown, reference(intent), now)

    def setup(self, setup: Setup, what: str, now: datetime) -> None:
        """Something has happened to a set-up."""
        self.tell(f"setup_intent.{what}", self._views.setup(setup), reference(setup), now)

    def charge(self, intent: Intent, what: str, now: datetime) -> None:
        """Something has happened to the latest attempt."""
        charge: Charge | None = intent.charge
        if charge:
            self.tell(what, self._views.charge(intent, charge), reference(intent), now)

    def refund_made(self, refund: Refund, now: datetime) -> None:
        """The merchant gives money back."""
        refund.data["told"] = True
        intent = refund.payment
        assert isinstance(intent, Intent)  # noqa: S101 - there are no others
        if refund.counts:
            self.charge(intent, "charge.refunded", now)
        self.tell("refund.created", self._views.refund(refund), reference(intent), now)

    def method(self, method: Method, what: str, now: datetime) -> None:
        """A card was stored, or no longer is."""
        self.tell(f"payment_method.{what}", self._views.method(method), method.id, now)

    def session(self, session: Session, what: str, now: datetime) -> None:
        """Something has happened to a Checkout Session."""
        shown = self._views.session(session)
        self.tell(f"checkout.session.{what}", shown, reference(session), now)

    def _refund_changed(self, refund: Refund, now: datetime) -> None:
        shown, about = self._views.refund(refund), reference(refund.payment)
        self.tell("charge.refund.updated", shown, about, now)
        self.tell("refund.updated", shown, about, now)

    def _dispute(self, dispute: Dispute, what: str, now: datetime) -> None:
        shown = self._views.dispute(dispute)
        self.tell(f"charge.dispute.{what}", shown, reference(dispute.payment), now)

    def tell(self, kind: str, shown: Json, about: str, now: datetime) -> None:
        """Make an event and send it."""
        event: Json = {
            "id": self._ids.make("evt"),
            "object": "event",
            "api_version": self._config.api_version,
            "created": seconds(now),
            "data": {"object": shown},
            "livemode": False,
            "pending_webhooks": 1,
            "request": dict(self._cause),
            "type": kind,
        }
        remember(self._events, event["id"], event, keep=self._keep)
        body = json.dumps(event, ensure_ascii=False, indent=2).encode()
        self._deliveries.enqueue(
            self._request(body),
            provider="stripe",
            reference=about,
            rule=retry_rule(self._config),
            renew=lambda: self._request(body),
        )

    def _request(self, body: bytes) -> HttpRequest:
        config = self._config
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signing.header(body, config.webhook_secrets, self._clock()),
        }
        return HttpRequest("POST", config.webhook_url, headers, body)


def reference(thing: CardPayment | Setup | Session) -> str:
    """What the merchant knows something by."""
    fields = getattr(thing, "fields", {})
    metadata = fields.get("metadata", {})
    found = next((metadata[name] for name in _REFERENCES if metadata.get(name)), "")
    return str(found or fields.get("client_reference_id") or thing.id)


def retry_rule(config: StripeConfig) -> RetryRule:
    """Try again after any answer but a 2xx."""
    return RetryRule(delays=config.webhook_retry_after, timeout=config.webhook_timeout, judge=judge)


def judge(response: HttpResponse) -> Verdict:
    """Any 2xx is an acknowledgement; a redirect is none."""
    return Verdict(settled=response.status in _OK, note=f"HTTP {response.status}")
