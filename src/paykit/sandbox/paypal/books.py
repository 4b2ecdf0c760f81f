"""Where PayPal's objects are found, each by its id; the oldest orders are forgotten first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from ...money import Money
from ..edge import remember
from ..summary import Mood, PaymentSummary
from .state import Authorization, Capture, Order, Refund

_OPEN: Final = frozenset({"CREATED", "PAYER_ACTION_REQUIRED", "APPROVED", "PENDING"})
_BAD: Final = frozenset({"DECLINED", "DENIED", "VOIDED"})


class Books:
    """Everything that PayPal remembers about one merchant's payments."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._orders: dict[str, Order] = {}
        self._invoices: dict[str, str] = {}

    def __iter__(self) -> Iterator[Order]:
        """Every order, the oldest first, also those that are gone for the merchant."""
        return iter(self._orders.values())

    def add(self, order: Order) -> None:
        """Remember an order."""
        remember(self._orders, order.id, order, keep=self._keep)

    def order(self, order_id: str) -> Order | None:
        """An order, even one that is gone for the merchant."""
        return self._orders.get(order_id)

    def authorization(self, authorization_id: str) -> Authorization | None:
        """An authorization of a known order."""
        found = (one for order in self for one in order.authorizations())
        return next((one for one in found if one.id == authorization_id), None)

    def capture(self, capture_id: str) -> Capture | None:
        """A capture of a known order."""
        found = (one for order in self for one in order.captures())
        return next((one for one in found if one.id == capture_id), None)

    def refund(self, refund_id: str) -> Refund | None:
        """A refund of a known order, also one that PayPal made itself."""
        found = (one for order in self for capture in order.captures() for one in capture.refunds)
        return next((one for one in found if one.id == refund_id), None)

    def invoice_taken(self, invoice_id: str, order: Order) -> bool:
        """Whether another order than this one was paid under this number."""
        return self._invoices.get(invoice_id, order.id) != order.id

    def take_invoice(self, invoice_id: str, order: Order) -> None:
        """Take note that an order is paid under this number."""
        if invoice_id:
            remember(self._invoices, invoice_id, order.id, keep=self._keep * 10)

    def invoice_refunded(self, invoice_id: str) -> bool:
        """Whether a refund was made under this number."""
        refunds = (one for order in self for capture in order.captures() for one in capture.refunds)
        return any(one.fields.get("invoice_id") == invoice_id for one in refunds)

    def summaries(
        self, now: datetime, page: Callable[[Order], str], desk: Callable[[Order], str]
    ) -> list[PaymentSummary]:
        """The orders in a line each; ``page`` is where to pay one, ``desk`` where to look at it."""
        return [_summary(order, now, page(order), desk(order)) for order in self]


def _summary(order: Order, now: datetime, page: str, desk: str) -> PaymentSummary:
    status, mood = _status(order, now)
    payable = not (order.completed or order.funding or order.gone(now))
    return PaymentSummary(
        provider="paypal",
        reference=order.reference,
        amount=order.amount,
        refunded=sum((one.refunded for one in order.captures()), Money(0, order.amount.currency)),
        status=status,
        mood=mood,
        created_at=order.created_at,
        page=page if payable else None,
        desk=desk,
    )


def _status(order: Order, now: datetime) -> tuple[str, Mood]:
    """What stands for the whole, in PayPal's words: the last capture or authorization."""
    if order.gone(now):
        return "gone: nobody took it in time", "bad"
    for capture in list(order.captures())[-1:]:
        status = capture.status(now)
        mood = "bad" if capture.disputed or capture.reversed else _mood(status)
        return ", ".join(filter(None, ("capture " + status, capture.reason))), mood
    for held in list(order.authorizations())[-1:]:
        status = held.status(now)
        return f"authorization {status}", "good" if status == "CREATED" else _mood(status)
    return order.status, _mood(order.status)


def _mood(status: str) -> Mood:
    if status in _BAD:
        return "bad"
    return "open" if status in _OPEN else "good"
