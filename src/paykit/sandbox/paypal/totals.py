"""Whether the sums of an order add up, in one currency, with as many decimals as it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...money import Money
from . import amounts
from .fields import PARTS
from .issues import refusal

_SUBTRACTED: Final = frozenset({"shipping_discount", "discount"})


def read(
    money: Mapping[str, Any],
    field: str,
    *,
    zero: bool = False,
    too_much: str = "MAX_VALUE_EXCEEDED",
) -> Money:
    """An amount; raises PayPal's refusal of it. ``too_much`` is its word for absurd ones."""
    try:
        return amounts.read(money, zero=zero)
    except amounts.AmountError as error:
        issue = too_much if error.issue == "MAX_VALUE_EXCEEDED" else error.issue
        name = "currency_code" if issue == "INVALID_CURRENCY_CODE" else "value"
        raise refusal(issue, f"{field}/{name}", money[name]) from None


def read_unit(unit: Mapping[str, Any], field: str) -> Money:
    """The amount of a purchase unit whose breakdown and items agree with it."""
    amount = unit["amount"]
    total = read(amount, f"{field}/amount")
    breakdown = {
        part: _minor(amount["breakdown"][part], f"{field}/amount/breakdown/{part}", total)
        for part in PARTS
        if (amount.get("breakdown") or {}).get(part)
    }
    if unit.get("items"):
        _check_items(unit["items"], field, breakdown, total)
    signed = (-one if part in _SUBTRACTED else one for part, one in breakdown.items())
    if breakdown and sum(signed) != total.minor:
        raise refusal("AMOUNT_MISMATCH", f"{field}/amount/value", amount["value"])
    return total


def _check_items(
    items: list[dict[str, Any]], field: str, breakdown: Mapping[str, int], total: Money
) -> None:
    for price, part, issue in (
        ("unit_amount", "item_total", "ITEM_TOTAL"),
        ("tax", "tax_total", "TAX_TOTAL"),
    ):
        # Plain numbers: a price times a quantity may be more than any amount can be.
        priced = [
            _minor(item[price], f"{field}/items/{number}/{price}", total) * int(item["quantity"])
            for number, item in enumerate(items)
            if item.get(price)
        ]
        where = f"{field}/amount/breakdown/{part}"
        if priced and part not in breakdown:
            raise refusal(f"{issue}_REQUIRED", where)
        if priced and sum(priced) != breakdown[part]:
            raise refusal(f"{issue}_MISMATCH", f"{where}/value")


def _minor(money: Mapping[str, Any], field: str, total: Money) -> int:
    """A part of the whole, in its currency; maybe nothing."""
    if money["currency_code"] != total.currency:
        raise refusal("MULTI_CURRENCY_ORDER", f"{field}/currency_code", money["currency_code"])
    return read(money, field, zero=True).minor
