"""The checkout form: reading it, and saying what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import attrs

from .catalog import PRODUCTS, Product

#: How many of a product one order may hold.
QUANTITIES: Final = range(1, 6)
_LONGEST_NAME: Final = 60


@attrs.frozen(slots=True, kw_only=True)
class Checkout:
    """What a customer filled in. ``problems`` are sentences by field; it is good without any."""

    product: Product
    quantity: int
    name: str = ""
    provider: str = ""
    problems: Mapping[str, str] = attrs.field(factory=dict)


def begin(fields: Mapping[str, str]) -> Checkout | None:
    """The form before it is filled in, or ``None`` when there is no such product."""
    product = PRODUCTS.get(fields.get("product", ""))
    if product is None:
        return None
    return Checkout(product=product, quantity=_quantity(fields.get("quantity", "1")) or 1)


def read(fields: Mapping[str, str], *, providers: Collection[str]) -> Checkout | None:
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
    return Checkout(
        product=product,
        quantity=quantity or 1,
        name=name,
        provider=provider if provider in providers else "",
        problems=problems,
    )


def _quantity(text: str) -> int | None:
    allowed = {str(number): number for number in QUANTITIES}
    return allowed.get(text)
