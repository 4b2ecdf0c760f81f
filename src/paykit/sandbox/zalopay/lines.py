"""ZaloPay's orders and agreements as the sandbox lists them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ...money import Money
from ..config import SandboxConfig
from ..summary import Mood, PaymentSummary
from . import agreements, codes, orders
from .state import CONFIRMED, ENDED, REFUSED, Agreement, Books, Order

_MOODS: Final[dict[int, Mood]] = {
    codes.SUCCESS: "good",
    codes.FAILED: "bad",
    codes.PROCESSING: "open",
}
_NOTHING: Final = Money(0, "VND")


def summaries(books: Books, config: SandboxConfig) -> list[PaymentSummary]:
    """Orders and agreements in a line each, with the addresses of their pages."""
    now = config.clock()
    return [
        *(_order_line(order, now, config) for order in books.orders),
        *(_agreement_line(agreement, now, config) for agreement in books.agreements),
    ]


def _order_line(order: Order, now: datetime, config: SandboxConfig) -> PaymentSummary:
    code, sub = order.result(now)
    if code == codes.FAILED:
        status = f"{code}/{sub} {codes.SUB_MESSAGES[sub]}"
    elif order.paid_at is None:
        status = f"{code} waiting for the payer"
    else:
        status = f"{code} {'paid' if code == codes.SUCCESS else 'being processed'}"
    on_page = order.payable(now) and not order.is_charge
    return PaymentSummary(
        provider="zalopay",
        reference=order.app_trans_id,
        amount=order.money(),
        refunded=Money(order.refunded(now), "VND"),
        status=status,
        mood=_MOODS[code],
        created_at=order.created_at,
        page=orders.page_url(config, order) if on_page else None,
    )


def _agreement_line(one: Agreement, now: datetime, config: SandboxConfig) -> PaymentSummary:
    still_open = one.open(now)
    undecided: tuple[str, Mood] = ("waiting for the payer", "open")
    words: dict[int, tuple[str, Mood]] = {
        CONFIRMED: ("confirmed", "good"),
        REFUSED: ("refused", "bad"),
        ENDED: ("ended", "bad"),
    }
    text, mood = words.get(one.status, undecided if still_open else ("expired", "bad"))
    return PaymentSummary(
        provider="zalopay",
        reference=one.app_trans_id,
        amount=_NOTHING,
        refunded=_NOTHING,
        status=f"agreement {text}",
        mood=mood,
        created_at=one.created_at,
        page=agreements.page_url(config, one) if still_open else None,
    )
