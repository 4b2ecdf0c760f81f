"""The customers of the demonstration: each orders something, and pays or does not.

What a browser would do is done here: the token of a card comes from the gateway's field in the
page, and whoever pays by MoMo is sent to MoMo's page.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

import attrs
import httpx

from .messages import CheckoutSubmitted

VISA: Final = "pm_card_visa"
NO_MONEY: Final = "pm_card_chargeDeclinedInsufficientFunds"


@attrs.frozen(kw_only=True)
class Customer:
    """One order, how its customer behaves, and the end that is right for it.

    ``at_momo`` is what they choose on MoMo's page, ``late`` whether they do so only after the order
    was canceled. ``order`` and ``payment`` are how both have to end.
    """

    about: str
    product: str = "tea"
    pay_by: str = "card"
    token: str | None = None
    at_momo: str = ""
    late: bool = False
    order: str
    payment: str

    def checkout(self, order_id: str) -> CheckoutSubmitted:
        """What the shop's web page says when the customer orders."""
        return CheckoutSubmitted(
            event_id=f"{order_id}.CheckoutSubmitted",
            order_id=order_id,
            product=self.product,
            quantity=1,
            pay_by=self.pay_by,
            token=self.token,
            pay_within=1 if self.late else 60,
        )


CUSTOMERS: Final = (
    Customer(about="paid by card", token=VISA, order="shipped", payment="succeeded"),
    Customer(
        about="card, sold out", token=VISA, product="vase", order="canceled", payment="canceled"
    ),
    Customer(about="card declined", token=NO_MONEY, order="canceled", payment="failed"),
    Customer(
        about="stored card",
        pay_by="stored card",
        token=VISA,
        order="shipped",
        payment="succeeded",
    ),
    Customer(
        about="stored card, sold out",
        pay_by="stored card",
        token=VISA,
        product="vase",
        order="canceled",
        payment="refunded",
    ),
    Customer(
        about="paid by MoMo", pay_by="momo", at_momo="pay", order="shipped", payment="succeeded"
    ),
    Customer(
        about="MoMo, sold out",
        pay_by="momo",
        at_momo="pay",
        product="vase",
        order="canceled",
        payment="refunded",
    ),
    Customer(
        about="MoMo refused", pay_by="momo", at_momo="decline", order="canceled", payment="canceled"
    ),
    Customer(
        about="MoMo, paid too late",
        pay_by="momo",
        at_momo="pay",
        late=True,
        order="canceled",
        payment="refunded",
    ),
)


async def visit_momo(page: str, choice: str) -> None:
    """Open the page where one pays, and click."""
    async with httpx.AsyncClient() as browser:
        (await browser.get(page)).raise_for_status()
        (token,) = parse_qs(urlsplit(page).query)["t"]
        done = await browser.post(
            f"{page.partition('?')[0]}/confirm", data={"token": token, "outcome": choice}
        )
        if done.status_code != httpx.codes.SEE_OTHER:  # back to the shop
            raise RuntimeError(f"MoMo's page says {done.status_code}")
