"""The checkout form: reading it, and saying what is wrong with it.

Of a card it holds what the gateway's field in the page made of it: a token, never a number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import attrs

from ..cards import holds_card_number, looks_like_card_id
from .catalog import PRODUCTS, Product

#: How many of a product one order may hold.
QUANTITIES: Final = range(1, 6)
_LONGEST_NAME: Final = 60
_LONGEST_TOKEN: Final = 10_000
#: Shorter ones are not shown in part: too much of them would be.
_SHORTEST_MASKED: Final = 20
#: The ways to pay that start with the gateway's card field in the shop's own page.
CARDS: Final = frozenset({"stripe", "adyen", "checkoutcom"})
NO_CARD: Final = "Fill in your card. That needs JavaScript: the number goes only to the gateway."


@attrs.frozen(slots=True, kw_only=True)
class Checkout:
    """What a customer filled in. ``problems`` are sentences by field; it is good without any."""

    product: Product
    quantity: int
    name: str = ""
    provider: str = ""
    card_token: str = attrs.field(default="", repr=False)
    problems: Mapping[str, str] = attrs.field(factory=dict)


def begin(fields: Mapping[str, str]) -> Checkout | None:
    """The form before it is filled in, or ``None`` when there is no such product."""
    product = PRODUCTS.get(fields.get("product", ""))
    if product is None:
        return None
    return Checkout(product=product, quantity=_quantity(fields.get("quantity", "1")) or 1)


def read(
    fields: Mapping[str, str], *, providers: Collection[str], cards: Collection[str] = ()
) -> Checkout | None:
    """The form as it was sent, with its problems; ``None`` when there is no such product."""
    product = PRODUCTS.get(fields.get("product", ""))
    if product is None:
        return None
    quantity = _quantity(fields.get("quantity", ""))
    name = " ".join(fields.get("name", "").split())
    provider = fields.get("provider", "")
    problems = {}
    if quantity is None:
        problems["quantity"] = f"Choose from {QUANTITIES[0]} to {QUANTITIES[-1]}."
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        problems["name"] = f"Tell us your name, in at most {_LONGEST_NAME} letters."
    if provider not in providers:
        problems["provider"] = "Choose how you want to pay."
    token = read_token(fields) if provider in cards else ""
    if provider in cards and not token:
        problems["card"] = NO_CARD
    return Checkout(
        product=product,
        quantity=quantity or 1,
        name=name,
        provider=provider if provider in providers else "",
        card_token=token,
        problems=problems,
    )


def read_token(fields: Mapping[str, str]) -> str:
    """The token that the gateway's card field made, or nothing where there is no usable one.

    Whatever looks like a card number is no token, and goes no further.
    """
    token = fields.get("card_token", "").strip()
    if not token.isprintable() or len(token) > _LONGEST_TOKEN:
        return ""
    return "" if holds_card_number(token) or looks_like_card_id(token) else token


def mask(token: str) -> str:
    """Enough of a token to recognise it, and too little to use it."""
    if token.startswith("{"):  # Adyen's: the encrypted fields of the card, of which none tells it
        return "encrypted"
    return f"{token[:4]}…{token[-4:]}" if len(token) >= _SHORTEST_MASKED else "…"


def _quantity(text: str) -> int | None:
    allowed = {str(number): number for number in QUANTITIES}
    return allowed.get(text)
