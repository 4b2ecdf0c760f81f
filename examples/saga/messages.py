"""The events of the shop. With paykit's ``PaymentProcessed`` they are all that its services share.

On the broker each is a CloudEvent in JSON. The id of an event that follows from another one is
derived from it, so whoever handles the same event again says the same again, under the same id.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Self, TypeAlias

import attrs

from paykit import PaymentProcessed
from paykit.events import EVENT_TYPE


@attrs.frozen(kw_only=True)
class ShopEvent:
    """Something happened to an order."""

    event_id: str
    order_id: str

    @classmethod
    def because_of(cls, cause: Event, **fields: Any) -> Self:
        """An event that follows from ``cause``, about the same order."""
        event_id = f"{cause.event_id}.{cls.__name__}"
        return cls(event_id=event_id, order_id=cause.order_id or "", **fields)


Event: TypeAlias = ShopEvent | PaymentProcessed


@attrs.frozen(kw_only=True)
class CheckoutSubmitted(ShopEvent):
    """A customer has filled a basket. ``token`` is what the browser got for a card: no number.

    Who pays by ``momo`` has ``pay_within`` seconds for it.
    """

    product: str
    quantity: int
    pay_by: str
    token: str | None = None
    pay_within: float = 60


@attrs.frozen(kw_only=True)
class OrderPlaced(ShopEvent):
    """The order is taken, and nothing is paid. The payment service has to ask for ``minor``."""

    minor: int
    currency: str
    pay_by: str
    token: str | None


@attrs.frozen(kw_only=True)
class PaymentStarted(ShopEvent):
    """The customer has to pay at ``pay_at``."""

    payment_id: str
    pay_at: str


@attrs.frozen(kw_only=True)
class OrderAuthorized(ShopEvent):
    """The money is held on a card, or paid: now the goods may be set aside."""

    payment_id: str
    product: str
    quantity: int


@attrs.frozen(kw_only=True)
class StockReserved(ShopEvent):
    """The goods are set aside: money that is held may be taken."""

    payment_id: str


@attrs.frozen(kw_only=True)
class OutOfStock(ShopEvent):
    """There are not enough goods: the money has to go back."""

    payment_id: str


@attrs.frozen(kw_only=True)
class PaymentNotNeeded(ShopEvent):
    """Money came, or is held, for an order that is over: it has to go back."""

    payment_id: str


@attrs.frozen(kw_only=True)
class OrderConfirmed(ShopEvent):
    """Paid, and the goods are set aside: send them."""

    product: str
    quantity: int


@attrs.frozen(kw_only=True)
class OrderCanceled(ShopEvent):
    """Nothing is sent. What was set aside for it is free again."""

    reason: str


@attrs.frozen(kw_only=True)
class OrderHeld(ShopEvent):
    """Money came, but not as agreed: a person decides."""

    payment_id: str


@attrs.frozen(kw_only=True)
class OrderShipped(ShopEvent):
    """The parcel is on its way."""

    tracking: str


@attrs.frozen(kw_only=True)
class CustomerNotified(ShopEvent):
    """A message went to the customer."""

    text: str


#: The type of an event in its CloudEvent. A breaking change would get another one.
_TYPES: Final = {f"example.shop.{kind.__name__}.v1": kind for kind in ShopEvent.__subclasses__()}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}


def to_cloudevent(event: ShopEvent, *, source: str) -> dict[str, Any]:
    """The event as CloudEvents 1.0 JSON; the events of one order stay in order by their key."""
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source,
        "type": _NAMES[type(event)],
        "subject": event.order_id,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "partitionkey": event.order_id,
        "data": attrs.asdict(event),
    }


def from_cloudevent(message: dict[str, Any]) -> Event | None:
    """The event, or ``None`` for what this version of the shop knows nothing of."""
    data = message.get("data")
    if not isinstance(data, dict):
        return None
    if message.get("type") == EVENT_TYPE:
        return PaymentProcessed.from_json(data)
    kind = _TYPES.get(message.get("type", ""))
    if kind is None:
        return None
    # A newer version may say more than is known here.
    return kind(
        **{field.name: data[field.name] for field in attrs.fields(kind) if field.name in data}
    )
