"""Amounts in Adyen's own minor units, which are not ISO 4217's for four currencies.

https://docs.adyen.com/development-resources/currency-codes/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...money import Money, currencies, exponent
from .errors import Refusal

#: Decimal places at Adyen, where ISO 4217 says otherwise.
_OWN_PLACES: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
_MOST: Final = 10**15


def read(amount: Mapping[str, Any]) -> Money:
    """The money that an ``amount`` means; raises :class:`Refusal`."""
    currency, value = amount["currency"], amount["value"]
    if currency not in currencies():
        raise Refusal("currency")
    if not 0 <= value <= _MOST:
        raise Refusal("amount")
    minor, rest = divmod(value * 10 ** exponent(currency), 10 ** _places(currency))
    if rest:
        raise Refusal("amount")
    return Money(minor, currency)


def write(money: Money) -> dict[str, Any]:
    """Money as Adyen's ``amount``."""
    currency = money.currency
    value = money.minor * 10 ** _places(currency) // 10 ** exponent(currency)
    return {"currency": currency, "value": value}


def _places(currency: str) -> int:
    return _OWN_PLACES.get(currency, exponent(currency))
