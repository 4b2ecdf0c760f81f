"""The shop's own events. With ``PaymentProcessed`` they are all that its services share.

The id of an event that follows from another one is derived from it, so handling the same event
again publishes the same id again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs


@attrs.frozen(slots=True, kw_only=True)
class OrderEvent:
    """Something happened to an order. ``payment_id`` names the payment that caused it."""

    event_id: str
    order_id: str
    occurred_at: datetime
    payment_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values."""
        return attrs.asdict(self, value_serializer=_to_json_value)


@attrs.frozen(slots=True, kw_only=True)
class OrderPlaced(OrderEvent):
    """A customer wants to buy; nothing is paid."""


@attrs.frozen(slots=True, kw_only=True)
class OrderConfirmed(OrderEvent):
    """The order is paid and binding."""


@attrs.frozen(slots=True, kw_only=True)
class OrderPaymentFailed(OrderEvent):
    """The attempt to pay came to nothing; the order stays open for another."""


@attrs.frozen(slots=True, kw_only=True)
class OrderHeld(OrderEvent):
    """Money came, but not as agreed: a person decides."""


@attrs.frozen(slots=True, kw_only=True)
class OrderPaidTwice(OrderEvent):
    """More money came for an order that was paid, by whatever attempt: give it back."""


@attrs.frozen(slots=True, kw_only=True)
class OrderShipped(OrderEvent):
    """The parcel is on its way."""

    tracking: str


def _to_json_value(_instance: Any, _attribute: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
