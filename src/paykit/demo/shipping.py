"""The shipping service: it sends a parcel for every confirmed order, and only one."""

from __future__ import annotations

from pathlib import Path

from ..provider import Clock, IdFactory
from .bus import Bus
from .messages import OrderConfirmed, OrderShipped
from .order_store import connect


class ShippingService:
    """Parcels, as one party of the saga. It knows nothing of payments."""

    def __init__(self, database: Path, bus: Bus, *, clock: Clock, new_id: IdFactory) -> None:
        self._connection = connect(database)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS shop_parcels "
            "(order_id TEXT PRIMARY KEY, tracking TEXT NOT NULL)"
        )
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        bus.subscribe(OrderConfirmed, self.on_confirmed)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def on_confirmed(self, event: OrderConfirmed) -> None:
        """Send the order's parcel; the same order again gives the parcel that was sent."""
        # One order has one parcel whatever the event's id: the key is the order itself.
        self._connection.execute(
            "INSERT OR IGNORE INTO shop_parcels VALUES (?, ?)",
            (event.order_id, f"VN{self._new_id()[:8].upper()}"),
        )
        (tracking,) = self._connection.execute(
            "SELECT tracking FROM shop_parcels WHERE order_id = ?", (event.order_id,)
        ).fetchone()
        self._bus.publish(
            OrderShipped(
                event_id=f"{event.order_id}.shipped",
                order_id=event.order_id,
                occurred_at=self._clock(),
                tracking=tracking,
            )
        )
