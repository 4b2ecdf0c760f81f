"""PayPal's money: decimal text, without decimals for HUF, JPY and TWD.

Source: https://developer.paypal.com/api/rest/reference/currency-codes/
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...errors import InvalidRequest
from ...money import Money

#: Currencies that PayPal takes. VND is not among them.
CURRENCIES: Final = frozenset(
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD "
    "USD".split()
)
#: No decimals at PayPal, whatever ISO 4217 says: HUF and TWD have two there.
WHOLE: Final = frozenset({"HUF", "JPY", "TWD"})

_CENTS = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{2})?", re.ASCII)
_UNITS = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.00?)?", re.ASCII)


def to_wire(amount: Money, field: str = "amount") -> dict[str, str]:
    """The amount as PayPal writes it; raises :class:`InvalidRequest` where it cannot be written."""
    if amount.currency not in CURRENCIES:
        raise InvalidRequest(f"PayPal does not take {amount.currency}", field="currency")
    if amount.minor < 0:
        raise InvalidRequest("must not be negative", field=field)
    text = amount.to_text()
    if amount.currency in WHOLE:
        text, _, cents = text.partition(".")
        if cents.strip("0"):
            raise InvalidRequest(f"PayPal takes whole {amount.currency} only", field=field)
    return {"currency_code": amount.currency, "value": text}


def to_positive(amount: Money) -> dict[str, str]:
    """As :func:`to_wire`, for what must be more than nothing."""
    if amount.minor <= 0:
        raise InvalidRequest("must be more than nothing", field="amount")
    return to_wire(amount)


def read_money(value: Any) -> Money:
    """The money that PayPal wrote; raises :class:`ValueError` for any other spelling."""
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict):
        raise ValueError("not an amount")  # noqa: TRY004 - pydantic reports a ValueError
    currency, text = value.get("currency_code"), value.get("value")
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise ValueError("not a currency of PayPal's")
    form = _UNITS if currency in WHOLE else _CENTS
    if not isinstance(text, str) or not form.fullmatch(text):
        raise ValueError("not an amount as PayPal writes it")
    return Money.of(text, currency)
