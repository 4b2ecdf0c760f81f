"""The order service: it takes orders, and says what becomes of them.

It joins two things that it hears of, in whatever order they come: the money and the goods. The
table of what follows from the two is :func:`decide`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any, ClassVar, Final

import attrs

from paykit import Money, PaymentProcessed, PaymentStatus

from .messages import (
    CheckoutSubmitted,
    Event,
    OrderAuthorized,
    OrderCanceled,
    OrderConfirmed,
    OrderHeld,
    OrderPlaced,
    OrderShipped,
    OutOfStock,
    PaymentNotNeeded,
    ShopEvent,
    StockReserved,
)
from .party import Party

PRICES: Final = {
    "tea": Money(150_000, "VND"),
    "lamp": Money(320_000, "VND"),
    "vase": Money(90_000, "VND"),
}

#: What a payment's status means for an order. A status that is not named here changes nothing.
_MONEY: Final = {
    PaymentStatus.AUTHORIZED: "held",
    PaymentStatus.SUCCEEDED: "paid",
    PaymentStatus.FAILED: "none",
    PaymentStatus.CANCELED: "none",
    PaymentStatus.EXPIRED: "none",
    PaymentStatus.REFUNDED: "none",
    PaymentStatus.NEEDS_REVIEW: "unclear",
}


@attrs.frozen(kw_only=True)
class Order:
    """One order. ``money`` and ``goods`` are what was heard last of each."""

    order_id: str
    product: str
    quantity: int
    pay_by: str
    pay_until: float  #: seconds since 1970
    status: str = "placed"
    money: str = "open"  #: open, held, paid, none, unclear
    goods: str = "open"  #: open, asked, reserved, out
    payment_id: str | None = None
    reason: str | None = None
    tracking: str | None = None


def decide(order: Order) -> tuple[Order, type[ShopEvent] | None]:
    """What the money and the goods make of an order, and what is to be said because of it."""
    if order.status == "canceled":
        came = order.money in {"held", "paid"}
        return order, PaymentNotNeeded if came else None
    if order.status in {"confirmed", "shipped", "held"}:
        return order, None
    match order.money, order.goods:
        case "unclear", _:
            return attrs.evolve(order, status="held"), OrderHeld
        case "held" | "paid", "open":
            return attrs.evolve(order, status="authorized", goods="asked"), OrderAuthorized
        case "paid", "reserved":
            return attrs.evolve(order, status="confirmed"), OrderConfirmed
        case "none", "open":
            return _cancel(order, "the payment failed")
        case "none", "reserved":
            return _cancel(order, "the money could not be taken")
        case "none", "out":
            return _cancel(order, "sold out")
    return order, None  # the other half is still to come


def _cancel(order: Order, reason: str) -> tuple[Order, type[ShopEvent]]:
    return attrs.evolve(order, status="canceled", reason=reason), OrderCanceled


class OrderService(Party):
    """Orders, as one party of the saga."""

    name: ClassVar = "order"
    reads: ClassVar = ("checkouts", "payments", "stock", "shipping")
    writes: ClassVar = "orders"
    tables: ClassVar = """
        CREATE TABLE IF NOT EXISTS orders (
            order_id TEXT PRIMARY KEY, product TEXT NOT NULL, quantity INTEGER NOT NULL,
            pay_by TEXT NOT NULL, pay_until REAL NOT NULL, status TEXT NOT NULL,
            money TEXT NOT NULL, goods TEXT NOT NULL, payment_id TEXT, reason TEXT, tracking TEXT
        );
    """

    def handle(self, event: Event) -> Iterable[ShopEvent]:
        """Note what was heard, and say what follows."""
        order = self.load(event.order_id or "")
        match event:
            case CheckoutSubmitted() if order is None and event.product in PRICES:
                return [self._place(event)]
            case _ if order is None:
                return []
            case PaymentProcessed(status=PaymentStatus.AUTHORIZED, reason="capture_failed"):
                # Still held, and not to be had: let go of it.
                self.save(attrs.evolve(order, money="none"))
                let_go = PaymentNotNeeded.because_of(event, payment_id=event.payment_id)
                return [let_go, *self._go_on(event)]
            case PaymentProcessed(status=PaymentStatus.AUTHORIZED, reason="void_failed"):
                return []  # a hold that cannot be released lapses by itself
            case PaymentProcessed() if event.status in _MONEY:
                money, payment = _MONEY[event.status], event.payment_id
                self.save(attrs.evolve(order, money=money, payment_id=payment))
            case StockReserved():
                self.save(attrs.evolve(order, goods="reserved"))
            case OutOfStock():
                self.save(attrs.evolve(order, goods="out"))
            case OrderShipped():
                self.save(attrs.evolve(order, status="shipped", tracking=event.tracking))
                return []
            case _:
                return []
        return self._go_on(event)

    def _place(self, checkout: CheckoutSubmitted) -> OrderPlaced:
        order = Order(
            order_id=checkout.order_id,
            product=checkout.product,
            quantity=checkout.quantity,
            pay_by=checkout.pay_by,
            pay_until=time.time() + checkout.pay_within,
        )
        self.save(order)
        total = PRICES[order.product] * order.quantity
        return OrderPlaced.because_of(
            checkout,
            minor=total.minor,
            currency=total.currency,
            pay_by=checkout.pay_by,
            token=checkout.token,
        )

    def _go_on(self, event: Event) -> Iterable[ShopEvent]:
        order = self.load(event.order_id or "")
        if order is None:
            return []
        after, kind = decide(order)
        self.save(after)
        if kind is None:
            return []
        known = attrs.asdict(after)
        names = {field.name for field in attrs.fields(kind)} - {"event_id", "order_id"}
        return [kind.because_of(event, **{name: known[name] for name in names})]

    def background(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Besides the usual: cancel what is not paid in time."""
        return (*super().background(), self._cancel_unpaid())

    async def _cancel_unpaid(self) -> None:
        while True:
            with self.transaction():
                late = self.db.execute(
                    "SELECT order_id FROM orders WHERE status = 'placed' AND pay_until < ?",
                    (time.time(),),
                )
                for (order_id,) in late.fetchall():
                    self.db.execute(
                        "UPDATE orders SET status = 'canceled', reason = 'not paid in time' "
                        "WHERE order_id = ?",
                        (order_id,),
                    )
                    event_id, reason = f"{order_id}.timeout", "not paid in time"
                    self.say(OrderCanceled(event_id=event_id, order_id=order_id, reason=reason))
            await asyncio.sleep(0.2)

    def load(self, order_id: str) -> Order | None:
        """One order."""
        row = self.db.execute("SELECT * FROM orders WHERE order_id = ?", (order_id,)).fetchone()
        return None if row is None else Order(**dict(row))

    def save(self, order: Order) -> None:
        """Insert it, or replace what was stored of it."""
        values = attrs.asdict(order)
        columns = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        self.db.execute(f"INSERT OR REPLACE INTO orders ({columns}) VALUES ({places})", values)  # noqa: S608 - names of fields


if __name__ == "__main__":
    OrderService.main()
