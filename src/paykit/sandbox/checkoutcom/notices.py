"""What Checkout.com tells the merchant by itself: events, signed and sent to the one webhook.

https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...http import HttpRequest, HttpResponse, json_text
from ..cards.state import Capture, Dispute, Move, Refund
from ..deliveries import Deliveries, RetryRule, Verdict
from . import amounts
from .signing import sign
from .state import Authorization, Payment, Void, answer
from .views import Json, Views, some, stamp

if TYPE_CHECKING:
    from ..cards.state import CardPayment
    from .config import CheckoutComConfig
    from .ids import Ids

_OK: Final = range(200, 300)
_VERSION: Final = "1.0.0"
_REASON: Final = ("10.4", "fraudulent")


class Notices:
    """Makes events and signs them. It is also what the till tells of (its ``Events``)."""

    def __init__(
        self,
        config: CheckoutComConfig,
        *,
        views: Views,
        ids: Ids,
        deliveries: Deliveries,
    ) -> None:
        self._config = config
        self._views = views
        self._ids = ids
        self._deliveries = deliveries

    def payment(self, payment: Payment, event: str, now: datetime) -> None:
        """Something about a payment that is no action on it."""
        data = {**self._common(payment), "amount": amounts.write(payment.amount)}
        self._tell(payment, event, data, now)

    def action(self, action: Move, event: str, now: datetime) -> None:
        """Something was done, or was not, or is under way: the amount is that of the action."""
        payment = action.payment
        assert isinstance(payment, Payment)  # noqa: S101 - there are no others here
        data: Json = {
            **self._common(payment),
            "action_id": action.id,
            "amount": amounts.write(action.amount),
            **some(
                reference=action.reference or payment.number,
                metadata=action.data.get("metadata") or payment.fields.get("metadata"),
            ),
        }
        if action.state != "pending":
            data["response_code"], data["response_summary"] = answer(action)
            data["processed_on"] = stamp(now)
        if isinstance(action, Authorization):
            data |= some(auth_code=action.authorization_code)
            data["source"] = self._views.told_source(payment)
            if action.approved and payment.hold_ends:
                data["expires_on"] = stamp(payment.hold_ends)
        self._tell(payment, event, data, now)

    def captured(self, capture: Capture, now: datetime) -> None:
        """Money was taken."""
        self.action(capture, "payment_captured", now)

    def capture_failed(self, capture: Capture, now: datetime) -> None:
        """A capture was accepted and not done."""
        self.action(capture, "payment_capture_declined", now)

    def refunded(self, refund: Refund, now: datetime) -> None:
        """Money was given back."""
        self.action(refund, "payment_refunded", now)

    def refund_failed(self, refund: Refund, now: datetime) -> None:
        """A refund was accepted and not done."""
        self.action(refund, "payment_refund_declined", now)

    def voided(self, payment: CardPayment, now: datetime) -> None:
        """What was held was let go."""
        assert isinstance(payment, Payment)  # noqa: S101
        done = [one for one in payment.actions if isinstance(one, Void)]
        self.action(done[-1], "payment_voided", now)

    def expired(self, payment: CardPayment, now: datetime) -> None:
        """Nobody captured in time."""
        assert isinstance(payment, Payment)  # noqa: S101
        self.payment(payment, "payment_expired", now)

    def disputed(self, dispute: Dispute, now: datetime) -> None:
        """The cardholder complained at the bank."""
        self._dispute(dispute, "dispute_received", now)

    def dispute_closed(self, dispute: Dispute, now: datetime) -> None:
        """The complaint was decided."""
        self._dispute(dispute, f"dispute_{dispute.state}", now)

    def _dispute(self, dispute: Dispute, event: str, now: datetime) -> None:
        payment = dispute.payment
        assert isinstance(payment, Payment)  # noqa: S101
        code, category = _REASON
        data = {
            "id": dispute.id,
            "category": category,
            "amount": amounts.write(dispute.amount),
            "currency": dispute.amount.currency,
            "reason_code": code,
            "payment_id": payment.id,
            **some(payment_reference=payment.number),
            "payment_method": payment.card.brand.upper(),
            "received_on": stamp(dispute.created_at),
            "last_update": stamp(now),
        }
        self._tell(payment, event, data, now)

    @staticmethod
    def _common(payment: Payment) -> Json:
        return {
            "id": payment.id,
            "payment_type": payment.fields.get("payment_type") or "Regular",
            "currency": payment.amount.currency,
            **some(
                reference=payment.number,
                customer=payment.customer,
                metadata=payment.fields.get("metadata"),
            ),
        }

    def _tell(self, payment: Payment, event: str, data: Json, now: datetime) -> None:
        event_id = self._ids.make("evt")
        body = json_text(
            {
                "id": event_id,
                "type": event,
                "version": _VERSION,
                "created_on": precise(now),
                "data": data,
                "_links": {
                    "self": {"href": f"{self._views.base}/workflows/events/{event_id}"},
                    "subject": {
                        "href": f"{self._views.base}/workflows/events/subject/{payment.id}"
                    },
                    "payment": {"href": self._views.url(payment)},
                    "payment_actions": {"href": f"{self._views.url(payment)}/actions"},
                },
            }
        ).encode()
        config = self._config
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Cko-Signature": sign(body, config.signature_key),
            **some(Authorization=config.webhook_authorization),
        }
        self._deliveries.enqueue(
            # Not marked as replay safe: repeating is this sandbox's own rule, not the transport's.
            HttpRequest("POST", config.webhook_url, headers, body),
            provider="checkoutcom",
            reference=payment.number,
            rule=retry_rule(config),
        )


def precise(moment: datetime) -> str:
    """A time as events carry it, with seven digits behind the point."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def retry_rule(config: CheckoutComConfig) -> RetryRule:
    """Again after some minutes, and then for a day."""
    return RetryRule(delays=config.webhook_retry_after, timeout=config.webhook_timeout, judge=judge)


def judge(response: HttpResponse) -> Verdict:
    """Any 2xx is an acknowledgement."""
    return Verdict(settled=response.status in _OK, note=f"HTTP {response.status}")
