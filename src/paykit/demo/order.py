"""An order, and what a payment event makes of it: pure, and readable as a table."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

import attrs

from ..events import PaymentProcessed
from ..models import PaymentStatus
from ..money import Money
from .attempts import charge_of, reference_of
from .catalog import PRODUCTS, Product
from .messages import (
    HoldNotNeeded,
    OrderAuthorized,
    OrderCanceled,
    OrderConfirmed,
    OrderEvent,
    OrderHeld,
    OrderPaidTwice,
    OrderPaymentFailed,
)


class OrderStatus(StrEnum):
    """The state of one order."""

    PENDING = "PENDING"  #: placed, the payment is open
    PAYMENT_FAILED = "PAYMENT_FAILED"  #: still open: the customer may try again
    AUTHORIZED = "AUTHORIZED"  #: the money is held on a card, and not taken yet
    SOLD_OUT = "SOLD_OUT"  #: no goods; the held money is being released
    CANCELED = "CANCELED"  #: no goods, and nothing was charged
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
    reason: str | None = None  #: why the gateway says that it failed
    card: str | None = None  #: the masked token of the card of this attempt
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


_FAILURES: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED})
#: The worker is taking or releasing the money of these; this is how one is told that it could not.
_AT_WORK: Final = frozenset({OrderStatus.AUTHORIZED, OrderStatus.SOLD_OUT})
_REFUSED: Final = frozenset({"capture_failed", "void_failed"})
#: There are no goods for these, so money that comes nevertheless is for a person to give back.
_OVER: Final = frozenset({OrderStatus.SOLD_OUT, OrderStatus.CANCELED})

_Decision: TypeAlias = tuple[Order, type[OrderEvent] | None]


def decide(order: Order, event: PaymentProcessed) -> _Decision:
    """What ``event`` does to ``order``, and what is to be announced because of it.

    A status that is not named here, or not known yet, changes nothing: it is never success.
    """
    if event.status is PaymentStatus.AUTHORIZED:
        return _held(order, event)
    if order.status is OrderStatus.CONFIRMED:
        return order, OrderPaidTwice if _is_more_money(order, event) else None
    if event.status is PaymentStatus.SUCCEEDED and order.status not in _OVER:
        # Any attempt will do: also one that the customer had given up, or that failed before.
        confirmed = attrs.evolve(
            order,
            status=OrderStatus.CONFIRMED,
            payment_id=event.payment_id,
            problem=None,
            reason=None,
        )
        return confirmed, OrderConfirmed
    if order.status is OrderStatus.HELD:
        return order, None
    if event.status in {PaymentStatus.NEEDS_REVIEW, PaymentStatus.SUCCEEDED}:
        return _for_a_person(order, event)
    # Only the attempt that counts can fail the order, not an earlier one that ends late.
    if event.status in _FAILURES and event.reference == order.reference:
        return _failed(order, event)
    return order, None


def _held(order: Order, event: PaymentProcessed) -> _Decision:
    """Money is held, and nothing is taken: it goes on for one hold of an order, and for no other.

    That is why a customer may safely try again after a silence: should the lost hold turn up, it
    is released.
    """
    if order.open and event.reference == order.reference:
        held = attrs.evolve(
            order,
            status=OrderStatus.AUTHORIZED,
            payment_id=event.payment_id,
            problem=None,
            reason=None,
        )
        return held, OrderAuthorized
    if order.open or event.payment_id != order.payment_id:
        return order, HoldNotNeeded
    if order.status in _AT_WORK and event.reason in _REFUSED:
        return _for_a_person(order, event)
    return order, None


def _failed(order: Order, event: PaymentProcessed) -> _Decision:
    if order.status is OrderStatus.SOLD_OUT:
        return attrs.evolve(order, status=OrderStatus.CANCELED), OrderCanceled
    if order.status is OrderStatus.CANCELED:
        return order, None
    failed = attrs.evolve(
        order,
        status=OrderStatus.PAYMENT_FAILED,
        payment_id=event.payment_id,
        problem=event.status.value,
        reason=event.reason,
    )
    return failed, OrderPaymentFailed


def _for_a_person(order: Order, event: PaymentProcessed) -> _Decision:
    return attrs.evolve(order, status=OrderStatus.HELD, payment_id=event.payment_id), OrderHeld
