"""The notification service: it tells customers what they want to know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from paykit import PaymentProcessed, PaymentStatus

from .messages import (
    CustomerNotified,
    Event,
    OrderCanceled,
    OrderConfirmed,
    OrderHeld,
    OrderShipped,
    PaymentStarted,
    ShopEvent,
)
from .party import Party


def text_for(event: Event) -> str | None:
    """What to write to the customer, or nothing."""
    match event:
        case PaymentStarted():
            return f"Please pay: {event.pay_at}"
        case OrderConfirmed():
            return "Thank you, your order is paid."
        case OrderShipped():
            return f"Your parcel {event.tracking} is on its way."
        case OrderCanceled():
            return f"We are sorry: your order is canceled, {event.reason}."
        case OrderHeld():
            return "We are looking at your payment."
        case PaymentProcessed(status=PaymentStatus.REFUNDED):
            return "Your money is on its way back to you."
    return None


class NotificationService(Party):
    """Messages to customers, as one party of the saga. Its table is the mail that goes out."""

    name: ClassVar = "notification"
    reads: ClassVar = ("orders", "payments", "shipping")
    writes: ClassVar = "notices"
    tables: ClassVar = """
        CREATE TABLE IF NOT EXISTS mails (
            number INTEGER PRIMARY KEY, order_id TEXT NOT NULL, text TEXT NOT NULL
        );
    """

    def handle(self, event: Event) -> Iterable[ShopEvent]:
        """Write to the customer, once for each event that says something to them."""
        text = text_for(event)
        if text is None:
            return []
        self.db.execute("INSERT INTO mails (order_id, text) VALUES (?, ?)", (event.order_id, text))
        return [CustomerNotified.because_of(event, text=text)]


if __name__ == "__main__":
    NotificationService.main()
