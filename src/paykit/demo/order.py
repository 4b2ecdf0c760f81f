"""An order, and what a payment event makes of it: pure, and readable as a table."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from ..events import PaymentProcessed
from ..models import PaymentStatus
from ..money import Money
from .attempts import charge_of, reference_of
from .catalog import PRODUCTS, Product
from .messages import OrderConfirmed, OrderEvent, OrderHeld, OrderPaidTwice, OrderPaymentFailed


class OrderStatus(StrEnum):
    """The state of one order."""

    PENDING = "PENDING"  #: placed, the payment is open
    PAYMENT_FAILED = "PAYMENT_FAILED"  #: still open: the customer may try again
    HELD = "HELD"  #: a person must look at the payment
    CONFIRMED = "CONFIRMED"


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """One order. ``provider`` and ``attempt`` name the attempt to pay that counts now."""

    order_id: str
    slug: str
    quantity: int
    customer: str
    total: Money
    provider: str
    placed_at: datetime
    status: OrderStatus = OrderStatus.PENDING
    attempt: int = 1
    payment_id: str | None = None
    problem: str | None = None  #: how the last attempt failed: failed, canceled or expired
    tracking: str | None = None

    @property
    def product(self) -> Product:
        """What was bought."""
        return PRODUCTS[self.slug]

    @property
    def reference(self) -> str:
        """Our id of this attempt at the provider: a new one for each attempt."""
        return reference_of(self.provider, self.order_id, self.attempt)

    @property
    def charge(self) -> Money:
        """What the provider is asked for."""
        return charge_of(self.provider, self.total)

    @property
    def open(self) -> bool:
        """Whether the customer may still pay."""
        return self.status in {OrderStatus.PENDING, OrderStatus.PAYMENT_FAILED}


def _is_more_money(order: Order, event: PaymentProcessed) -> bool:
    """Whether money came for an order that was paid: by another attempt, or by the same one."""
    if event.payment_id == order.payment_id:
        return event.discrepancy is not None
    came = event.status is PaymentStatus.NEEDS_REVIEW and event.captured
    return event.status is PaymentStatus.SUCCEEDED or bool(came)


_FAILURES = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED})


def decide(order: Order, event: PaymentProcessed) -> tuple[Order, type[OrderEvent] | None]:
    """What ``event`` does to ``order``, and what is to be announced because of it.

    A status that is not named here, or not known yet, changes nothing: it is never success.
    """
    if order.status is OrderStatus.CONFIRMED:
        return order, OrderPaidTwice if _is_more_money(order, event) else None
    if event.status is PaymentStatus.SUCCEEDED:
        # Any attempt will do: also one that the customer had given up, or that failed before.
        confirmed = attrs.evolve(
            order, status=OrderStatus.CONFIRMED, payment_id=event.payment_id, problem=None
        )
        return confirmed, OrderConfirmed
    if not order.open:
        return order, None
    if event.status is PaymentStatus.NEEDS_REVIEW:
        held = attrs.evolve(order, status=OrderStatus.HELD, payment_id=event.payment_id)
        return held, OrderHeld
    # Only the attempt that counts can fail the order, not an earlier one that ends late.
    if event.status in _FAILURES and event.reference == order.reference:
        failed = attrs.evolve(order, status=OrderStatus.PAYMENT_FAILED, problem=event.status.value)
        return failed, OrderPaymentFailed
    return order, None
