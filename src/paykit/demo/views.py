"""What a customer is told about an order, the same for the page and for the polling script."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from ..vietqr import parse
from ..vietqr.qr import svg
from .order import Order, OrderStatus

Step: TypeAlias = Literal["done", "now", "failed", "held", "todo"]

_FAILED: Final = {
    "canceled": "The payment was canceled",
    "expired": "The time to pay ran out",
    "failed": "The payment did not go through",
}


def order_view(order: Order, *, provider_title: str) -> dict[str, Any]:
    """The order as JSON values. ``done`` tells the script that nothing more will come by itself."""
    headline, message = _words(order, provider_title)
    return {
        "order_id": order.order_id,
        "status": order.status.value,
        "payment_id": order.payment_id,
        "tracking": order.tracking,
        "headline": headline,
        "message": message,
        "steps": _steps(order),
        "done": order.tracking is not None
        or order.status in {OrderStatus.PAYMENT_FAILED, OrderStatus.HELD},
    }


def _words(order: Order, provider_title: str) -> tuple[str, str]:
    if order.status is OrderStatus.CONFIRMED:
        next_step = "We are packing it now."
        if order.tracking is not None:
            next_step = f"Your parcel is on its way, its number is {order.tracking}."
        return "Your order is confirmed", f"Thank you, {order.customer}. {next_step}"
    if order.status is OrderStatus.HELD:
        return (
            "We are looking at your payment",
            "It does not match the order. A person checks it and will write to you.",
        )
    if order.status is OrderStatus.PAYMENT_FAILED:
        return (
            _FAILED.get(order.problem or "", _FAILED["failed"]),
            "Your order is kept. You can try again, or pay in another way.",
        )
    message = (
        f"Your order is placed. It is confirmed as soon as {provider_title} tells us that the "
        "money has arrived."
    )
    return "Waiting for your payment", message


def _steps(order: Order) -> dict[str, Step]:
    confirmed = order.status is OrderStatus.CONFIRMED
    paid: dict[OrderStatus, Step] = {
        OrderStatus.PENDING: "now",
        OrderStatus.PAYMENT_FAILED: "failed",
        OrderStatus.HELD: "held",
        OrderStatus.CONFIRMED: "done",
    }
    shipped: Step = "done" if order.tracking else "now" if confirmed else "todo"
    return {
        "placed": "done",
        "paid": paid[order.status],
        "confirmed": "done" if confirmed else "todo",
        "shipped": shipped,
    }


def transfer_view(payload: str) -> dict[str, str]:
    """A VietQR code to scan, and its content for those who type it into their banking app."""
    asked = parse(payload)
    bank = asked.bank
    return {
        "payload": payload,
        "image": svg(payload, scale=5),
        "bank": bank.short_name if bank else asked.bank_bin,
        "account": asked.account,
        "amount": asked.amount.format() if asked.amount else "",
        "memo": asked.purpose or "",
    }
