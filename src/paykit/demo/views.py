"""What a customer is told about an order, the same for the page and for the polling script."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from ..declines import advice
from ..vietqr import parse
from ..vietqr.qr import svg
from .order import Order, OrderStatus

Step: TypeAlias = Literal["done", "now", "failed", "held", "void", "off", "todo"]

_FAILED: Final = {
    "canceled": "The payment was canceled",
    "expired": "The time to pay ran out",
    "failed": "The payment did not go through",
}
#: What a customer may hear of a decline. What is not here is only "declined".
_DECLINES: Final = {
    "insufficient_funds": "There is not enough money on this card.",
    "limit_exceeded": "This is more than your bank allows for this card.",
    "expired_card": "This card has expired.",
    "incorrect_cvc": "The security code was not right.",
    "incorrect_number": "The card number was not right.",
    "invalid_expiry": "The expiry date was not right.",
    "authentication_required": "Your bank wants you to confirm this payment.",
    "authentication_failed": "Your bank could not confirm that it is you.",
    "card_not_supported": "This kind of card cannot be used here.",
    "issuer_unavailable": "Your bank does not answer just now.",
    "processing_error": "Something went wrong on the way to your bank.",
    "token_invalid": "The card has to be entered once more.",
}
_NOTHING_DONE: Final = frozenset(
    {OrderStatus.PAYMENT_FAILED, OrderStatus.HELD, OrderStatus.CANCELED}
)


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
        "done": order.tracking is not None or order.status in _NOTHING_DONE,
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
    if order.status is OrderStatus.AUTHORIZED:
        return (
            "Your card is accepted",
            "The money is held on your card. We take it as soon as your goods are set aside.",
        )
    if order.status is OrderStatus.SOLD_OUT:
        return (
            "We are sold out",
            "Somebody was faster. We are releasing the money that is held on your card.",
        )
    if order.status is OrderStatus.CANCELED:
        message = "We are sold out. Nothing was charged: the money that was held is released."
        return "Your order is canceled", message
    if order.status is OrderStatus.PAYMENT_FAILED:
        return _failure_words(order, provider_title)
    if order.card is not None:
        message = (
            "Your order is placed. It is confirmed as soon as your bank has agreed and your goods "
            "are set aside."
        )
    else:
        message = (
            f"Your order is placed. It is confirmed as soon as {provider_title} tells us that the "
            "money has arrived."
        )
    return "Waiting for your payment", message


def _failure_words(order: Order, provider_title: str) -> tuple[str, str]:
    if order.problem == "unreached":
        message = (
            "Your order is kept, and nothing was charged. Please try again in a moment, or pay in "
            "another way."
        )
        return f"{provider_title} cannot be reached just now", message
    headline = _FAILED.get(order.problem or "", _FAILED["failed"])
    if order.card is None or order.problem != "failed":
        return headline, "Your order is kept. You can try again, or pay in another way."
    may = advice(order.reason)
    # Why a bank suspects a card is not for whoever holds it.
    why = _DECLINES.get(order.reason or "") if may.tell_payer else None
    if may.this_card:
        what = "You can try again, use another card, or pay in another way."
    elif may.another_card:
        what = "Please use another card, or pay in another way."
    else:
        what = "Please pay in another way."
    why = why or "Your bank declined the card."
    return "Your card was declined", f"{why} Nothing was charged, and your order is kept. {what}"


def _steps(order: Order) -> dict[str, Step]:
    confirmed = order.status is OrderStatus.CONFIRMED
    later: Step = "off" if order.status is OrderStatus.CANCELED else "todo"
    paid: dict[OrderStatus, Step] = {
        OrderStatus.PENDING: "now",
        OrderStatus.AUTHORIZED: "now",
        OrderStatus.SOLD_OUT: "now",
        OrderStatus.CANCELED: "void",
        OrderStatus.PAYMENT_FAILED: "failed",
        OrderStatus.HELD: "held",
        OrderStatus.CONFIRMED: "done",
    }
    shipped: Step = "done" if order.tracking else "now" if confirmed else later
    return {
        "placed": "done",
        "paid": paid[order.status],
        "confirmed": "done" if confirmed else later,
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
