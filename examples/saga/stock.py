"""The stock service: it sets goods aside for orders whose money is held or paid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from .messages import Event, OrderAuthorized, OrderCanceled, OutOfStock, ShopEvent, StockReserved
from .party import Party

#: What is on the shelves before the first order. The vases are sold out.
SHELVES: Final = {"tea": 1000, "lamp": 1, "vase": 0}


class StockService(Party):
    """Goods, as one party of the saga. It knows nothing of money."""

    name: ClassVar = "stock"
    reads: ClassVar = ("orders",)
    writes: ClassVar = "stock"
    tables: ClassVar = """
        CREATE TABLE IF NOT EXISTS reservations (
            order_id TEXT PRIMARY KEY, product TEXT NOT NULL, quantity INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('reserved', 'refused', 'released'))
        );
    """

    def handle(self, event: Event) -> Iterable[ShopEvent]:
        """Set goods aside, or put them back."""
        match event:
            case OrderAuthorized():
                return self._reserve(event)
            case OrderCanceled():
                # Also where it is heard before the other, which then sets nothing aside any more.
                self.db.execute(
                    "INSERT INTO reservations VALUES (?, '', 0, 'released') "
                    "ON CONFLICT (order_id) DO UPDATE SET state = 'released'",
                    (event.order_id,),
                )
        return []

    def _reserve(self, event: OrderAuthorized) -> Iterable[ShopEvent]:
        if self.state(event.order_id) is not None:
            return []
        enough = self.left(event.product) >= event.quantity
        self.db.execute(
            "INSERT INTO reservations VALUES (?, ?, ?, ?)",
            (
                event.order_id,
                event.product,
                event.quantity,
                "reserved" if enough else "refused",
            ),
        )
        answer = StockReserved if enough else OutOfStock
        return [answer.because_of(event, payment_id=event.payment_id)]

    def state(self, order_id: str) -> str | None:
        """What became of the goods of an order."""
        row = self.db.execute("SELECT state FROM reservations WHERE order_id = ?", (order_id,))
        found = row.fetchone()
        return None if found is None else found["state"]

    def left(self, product: str) -> int:
        """How much of a product is free."""
        (taken,) = self.db.execute(
            "SELECT coalesce(sum(quantity), 0) FROM reservations "
            "WHERE product = ? AND state = 'reserved'",
            (product,),
        ).fetchone()
        return SHELVES.get(product, 0) - int(taken)


if __name__ == "__main__":
    StockService.main()
