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
    """A customer wants to buy; nothing is paid.

    ``card`` is the masked token of the card that is to be charged, for people to recognise it.
    The token itself goes to the gateway and nowhere else: the hold consumes it, so that nobody who
    reads events could do anything with it but harm. From then on the payment's id names the money.
    """

    card: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class OrderAuthorized(OrderEvent):
    """The money is held on the card ``card``: now the goods may be set aside."""

    slug: str
    quantity: int
    card: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class StockReserved(OrderEvent):
    """The goods are set aside: the held money may be taken."""


@attrs.frozen(slots=True, kw_only=True)
class OutOfStock(OrderEvent):
    """There are not enough goods: the held money has to be released."""


@attrs.frozen(slots=True, kw_only=True)
class HoldNotNeeded(OrderEvent):
    """Money is held a second time, or for an order that is over: release it."""


@attrs.frozen(slots=True, kw_only=True)
class OrderConfirmed(OrderEvent):
    """The order is paid and binding."""


@attrs.frozen(slots=True, kw_only=True)
class OrderPaymentFailed(OrderEvent):
    """The attempt to pay came to nothing; the order stays open for another."""


@attrs.frozen(slots=True, kw_only=True)
class OrderCanceled(OrderEvent):
    """The goods were sold out, and the held money is released: nothing was charged."""


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
