"""The order service: it places orders, and settles them when the payment events come.

It never hears of a browser's return: only ``PaymentProcessed`` confirms an order.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import attrs

from ..errors import PaykitError
from ..events import PaymentProcessed
from ..provider import Clock, IdFactory
from .bus import Bus
from .catalog import Product
from .messages import (
    HoldNotNeeded,
    OrderAuthorized,
    OrderCanceled,
    OrderConfirmed,
    OrderEvent,
    OrderHeld,
    OrderPaidTwice,
    OrderPaymentFailed,
    OrderPlaced,
    OrderShipped,
    OutOfStock,
)
from .order import Order, OrderStatus, decide
from .order_store import OrderStore

log = logging.getLogger("paykit.demo")

_CONSEQUENCES: Final[dict[str, type[OrderEvent]]] = {
    kind.__name__: kind
    for kind in (
        OrderAuthorized,
        OrderConfirmed,
        OrderPaymentFailed,
        OrderCanceled,
        OrderHeld,
        OrderPaidTwice,
        HoldNotNeeded,
    )
}


class OrderClosedError(PaykitError):
    """The order is paid, or a person is looking at its payment."""

    sent = False


class OrderService:
    """Orders, as one party of the saga."""

    def __init__(self, store: OrderStore, bus: Bus, *, clock: Clock, new_id: IdFactory) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        bus.subscribe(PaymentProcessed, self.on_payment)
        bus.subscribe(OutOfStock, self.on_out_of_stock)
        bus.subscribe(OrderShipped, self.on_shipped)

    def get(self, order_id: str) -> Order | None:
        """One order."""
        return self._store.load(order_id)

    def place(
        self,
        product: Product,
        *,
        quantity: int,
        customer: str,
        provider: str,
        card: str | None = None,
    ) -> Order:
        """Take a new order; it waits for its payment. ``card`` is a masked token."""
        order = Order(
            # Whoever knows the id sees the order, so it is not a number that can be guessed.
            order_id=f"TN{self._new_id()[:12].upper()}",
            slug=product.slug,
            quantity=quantity,
            customer=customer,
            total=product.price * quantity,
            provider=provider,
            placed_at=self._clock(),
            card=card,
        )
        with self._store.transaction():
            self._store.save(order)
        self._bus.publish(
            OrderPlaced(
                event_id=f"{order.order_id}.placed",
                order_id=order.order_id,
                occurred_at=order.placed_at,
                card=order.card,
            )
        )
        return order

    def pay_again(self, order: Order, *, provider: str, card: str | None = None) -> Order:
        """The order with the attempt to use: a new one after a failure, else the one that is open.

        Going on with an open attempt keeps its reference, and so never makes a second payment.
        Raises :class:`OrderClosedError`.
        """
        if not order.open:
            raise OrderClosedError("this order takes no more payments")
        if order.status is OrderStatus.PENDING:
            return order
        again = attrs.evolve(
            order,
            status=OrderStatus.PENDING,
            attempt=order.attempt + 1,
            provider=provider,
            payment_id=None,
            problem=None,
            reason=None,
            card=card,
        )
        with self._store.transaction():
            self._store.save(again)
        return again

    def payment_started(self, order_id: str, *, reference: str, payment_id: str | None) -> None:
        """Remember which payment to show while the customer waits."""
        with self._store.transaction():
            order = self._store.load(order_id)
            # A notice may have been quicker, and what it said stands.
            if order is not None and order.open and order.reference == reference:
                self._store.save(attrs.evolve(order, payment_id=payment_id))

    def payment_not_started(self, order_id: str, *, reference: str) -> None:
        """Give this attempt up, of which nothing is known, so that the customer can make another.

        Only for attempts that hold money and take none: should the gateway have heard of it after
        all, its hold is either the one that the order goes on with, or is released.
        """
        with self._store.transaction():
            order = self._store.load(order_id)
            if order is None or order.status is not OrderStatus.PENDING:
                return
            if order.reference == reference:
                failed = OrderStatus.PAYMENT_FAILED
                self._store.save(attrs.evolve(order, status=failed, problem="unreached"))

    def give_up_lost_attempts(self) -> None:
        """After a crash: who held the token is gone, so these attempts are not made any more."""
        for order in self._store.lost_attempts():
            self.payment_not_started(order.order_id, reference=order.reference)

    def on_payment(self, event: PaymentProcessed) -> None:
        """Settle the order that ``event`` is about, once for each event.

        The mark and the effect are one transaction. If the process dies before the announcement,
        the event comes again, and the announcement is repeated under the same id.
        """
        with self._store.transaction():
            known, led_to = self._store.handled(event.event_id)
            order = self._store.load(event.order_id or "")
            if order is None:
                log.warning("event %s is about no order of this shop", event.event_id)
                return
            if not known:
                after, consequence = decide(order, event)
                led_to = consequence.__name__ if consequence else None
                self._store.save(after)
                self._store.mark_handled(event.event_id, led_to)
        if led_to is not None:
            self._bus.publish(_consequence(led_to, order, event))

    def on_out_of_stock(self, event: OutOfStock) -> None:
        """Wait for the money to be released; then the order is over."""
        with self._store.transaction():
            order = self._store.load(event.order_id)
            if (
                order is not None
                and order.status is OrderStatus.AUTHORIZED
                and order.payment_id == event.payment_id
            ):
                self._store.save(attrs.evolve(order, status=OrderStatus.SOLD_OUT))

    def on_shipped(self, event: OrderShipped) -> None:
        """Show the parcel's number on the order."""
        with self._store.transaction():
            order = self._store.load(event.order_id)
            if order is not None:
                self._store.save(attrs.evolve(order, tracking=event.tracking))


def _consequence(name: str, order: Order, event: PaymentProcessed) -> OrderEvent:
    about: dict[str, Any] = {
        "event_id": f"{event.event_id}.{name}",
        "order_id": order.order_id,
        "occurred_at": event.occurred_at,
        "payment_id": event.payment_id,
    }
    if name == OrderAuthorized.__name__:
        return OrderAuthorized(**about, slug=order.slug, quantity=order.quantity, card=order.card)
    return _CONSEQUENCES[name](**about)
