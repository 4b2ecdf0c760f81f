"""The payer's side: what the page offers, and what a decision makes of an order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, get_args

from ..edge import with_query
from .state import Funding, Order
from .views import PAYER_ID

#: What the payer can choose on the page.
CHOICES: Final = ("pay", "cancel")

_FUNDINGS: Final[tuple[Funding, ...]] = get_args(Funding)


def fundings(order: Order) -> tuple[Funding, ...]:
    """The ways to pay that the page offers; an eCheck only to a merchant who can wait for it."""
    return tuple(one for one in _FUNDINGS if not (order.immediate_only and one == "echeck"))


def approve(order: Order, funding: str, *, now: datetime, lifetime: timedelta) -> None:
    """The payer agrees. No money moves before the merchant takes it, within ``lifetime``."""
    offered = fundings(order)
    order.funding = next((one for one in offered if one == funding), offered[0])
    order.updated_at = now
    order.open_until = now + lifetime


def return_url(order: Order, choice: str) -> str | None:
    """Where the browser goes, if the merchant said so. Nothing in it proves anything."""
    target = order.context.get("return_url" if choice == "pay" else "cancel_url")
    if not target:
        return None
    payer = f"&PayerID={PAYER_ID}" if choice == "pay" else ""
    return with_query(str(target), f"token={order.id}{payer}")
