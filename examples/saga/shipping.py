"""The shipping service: it sends a parcel for every confirmed order, and only one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import ClassVar

from .messages import Event, OrderConfirmed, OrderShipped, ShopEvent
from .party import Party


class ShippingService(Party):
    """Parcels, as one party of the saga."""

    name: ClassVar = "shipping"
    reads: ClassVar = ("orders",)
    writes: ClassVar = "shipping"
    tables: ClassVar = """
        CREATE TABLE IF NOT EXISTS parcels (
            order_id TEXT PRIMARY KEY, product TEXT NOT NULL, quantity INTEGER NOT NULL,
            tracking TEXT NOT NULL
        );
    """

    def handle(self, event: Event) -> Iterable[ShopEvent]:
        """Send what was bought."""
        if not isinstance(event, OrderConfirmed):
            return []
        tracking = f"VN{secrets.token_hex(4).upper()}"
        self.db.execute(
            "INSERT INTO parcels VALUES (?, ?, ?, ?)",
            (event.order_id, event.product, event.quantity, tracking),
        )
        return [OrderShipped.because_of(event, tracking=tracking)]


if __name__ == "__main__":
    ShippingService.main()
