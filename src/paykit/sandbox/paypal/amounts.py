"""Money as PayPal writes it: a decimal text, without decimals in HUF, JPY and TWD.

https://developer.paypal.com/api/rest/reference/currency-codes/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...money import Money, exponent

#: VND is not among them.
SUPPORTED: Final = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD "
    "USD".split()
)
PATTERN: Final = re.compile(r"(-?[0-9]+)|(-?([0-9]+)?[.][0-9]+)", re.ASCII)
MAX_LENGTH: Final = 32

_WITHOUT_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
_MAX_WHOLE: Final = 999_999_999_999_999


class AmountError(Exception):
    """PayPal does not take this amount; ``issue`` is its word for it."""

    def __init__(self, issue: str) -> None:
        self.issue = issue
        super().__init__(issue)


def read(money: Mapping[str, Any], *, zero: bool = False) -> Money:
    """Money that is already known to be well formed; raises :class:`AmountError`.

    ``zero`` allows an amount of nothing, as parts of a sum may be.
    """
    currency, text = money["currency_code"], money["value"]
    if currency not in SUPPORTED:
        raise AmountError("INVALID_CURRENCY_CODE")
    whole, point, decimals = text.removeprefix("-").partition(".")
    if point and currency in _WITHOUT_DECIMALS:
        raise AmountError("DECIMALS_NOT_SUPPORTED")
    places = exponent(currency)
    if len(decimals) > places:
        raise AmountError("DECIMAL_PRECISION")
    if int(whole or "0") > _MAX_WHOLE:
        raise AmountError("MAX_VALUE_EXCEEDED")
    minor = int(whole + decimals.ljust(places, "0"))
    negative = text.startswith("-") and minor > 0
    if negative and zero:
        raise AmountError("CANNOT_BE_NEGATIVE")
    if not zero and (negative or not minor):
        raise AmountError("CANNOT_BE_ZERO_OR_NEGATIVE")
    return Money(minor, currency)


def value(money: Money) -> str:
    """The number alone."""
    text = money.to_text()
    return text.partition(".")[0] if money.currency in _WITHOUT_DECIMALS else text


def write(money: Money) -> dict[str, str]:
    """Money as a JSON object."""
    return {"currency_code": money.currency, "value": value(money)}


def rounded(money: Money, numerator: int, denominator: int) -> Money:
    """A fraction of an amount, rounded half up to what PayPal can write."""
    unit = 10 ** exponent(money.currency) if money.currency in _WITHOUT_DECIMALS else 1
    steps = (money.minor // unit * numerator * 2 + denominator) // (denominator * 2)
    return Money(steps * unit, money.currency)
