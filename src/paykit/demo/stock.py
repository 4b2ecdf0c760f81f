"""The stock service: it sets goods aside for orders whose money is held on a card.

It knows nothing of payments but their ids. Whoever pays in another way has paid at once, and is
served whatever the shelf says; only a hold leaves the time to look first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..provider import Clock
from .bus import Bus
from .catalog import PRODUCTS
from .messages import (
    OrderAuthorized,
    OrderConfirmed,
    OrderEvent,
    OrderPaymentFailed,
    OutOfStock,
    StockReserved,
)
from .order_store import connect

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS shop_reservations (
    payment_id TEXT PRIMARY KEY, slug TEXT NOT NULL, quantity INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'refused', 'released'))
)
"""
_ANSWERS: Final[dict[str, type[OrderEvent]]] = {"reserved": StockReserved, "refused": OutOfStock}


class StockService:
    """Goods, as one party of the saga. Each payment is answered once, and always the same."""

    def __init__(self, database: Path, bus: Bus, *, clock: Clock) -> None:
        self._connection = connect(database)
        self._connection.execute(_TABLE)
        self._bus = bus
        self._clock = clock
        bus.subscribe(OrderAuthorized, self.on_authorized)
        bus.subscribe(OrderPaymentFailed, self.on_payment_failed)
        bus.subscribe(OrderConfirmed, self.on_confirmed)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def on_authorized(self, event: OrderAuthorized) -> None:
        """Set the goods aside, or say that there are not enough."""
        with self._transaction():
            state = self._state(event.payment_id)
            if state is None:
                enough = self._left(event.slug) >= event.quantity
                state = "reserved" if enough else "refused"
                self._connection.execute(
                    "INSERT INTO shop_reservations VALUES (?, ?, ?, ?)",
                    (event.payment_id, event.slug, event.quantity, state),
                )
        answer = _ANSWERS.get(state)
        if answer is not None:
            self._bus.publish(
                answer(
                    event_id=f"{event.payment_id}.{state}",
                    order_id=event.order_id,
                    occurred_at=self._clock(),
                    payment_id=event.payment_id,
                )
            )

    def on_payment_failed(self, event: OrderPaymentFailed) -> None:
        """Put the goods back: the hold lapsed, or the money could not be taken."""
        self._move(event.payment_id, "reserved", "released")

    def on_confirmed(self, event: OrderConfirmed) -> None:
        """Take the goods again where the money came in spite of a failure: they are sold."""
        self._move(event.payment_id, "released", "reserved")

    def _state(self, payment_id: str | None) -> str | None:
        found = self._connection.execute(
            "SELECT state FROM shop_reservations WHERE payment_id = ?", (payment_id,)
        ).fetchone()
        return None if found is None else found["state"]

    def _left(self, slug: str) -> int:
        (taken,) = self._connection.execute(
            "SELECT coalesce(sum(quantity), 0) FROM shop_reservations "
            "WHERE slug = ? AND state = 'reserved'",
            (slug,),
        ).fetchone()
        return PRODUCTS[slug].stock - int(taken)

    def _move(self, payment_id: str | None, before: str, after: str) -> None:
        self._connection.execute(
            "UPDATE shop_reservations SET state = ? WHERE payment_id = ? AND state = ?",
            (after, payment_id, before),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield
