"""Money as Checkout.com writes it: a whole number in a scale of its own for each currency.

https://www.checkout.com/docs/payments/accept-payments/calculating-the-value
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ...errors import InvalidRequest
from ...money import Money

#: No amount has more than nine digits.
MAX: Final = 999_999_999

#: Sent as they are.
_WHOLE: Final = frozenset("BIF DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
#: Sent in thousandths, the last digit being 0.
_THOUSANDTHS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
#: Sent in hundredths that the currency does not have.
_WITHOUT_DECIMALS: Final = frozenset({"CLP"})


def money(amount: int, currency: str) -> Money:
    """The money that an amount stands for; raises :class:`~paykit.errors.InvalidRequest`."""
    return Money.of(Decimal(amount).scaleb(-_places(currency)), currency)


def write(value: Money) -> int:
    """Money as Checkout.com's number."""
    return int(value.to_decimal().scaleb(_places(value.currency)))


def problem(amount: int, currency: str) -> str:
    """Checkout.com's word for what is wrong with an amount in a currency, or an empty text."""
    try:
        money(0, currency)
    except InvalidRequest:
        return "currency_invalid"
    step = 10 if currency in _THOUSANDTHS else 100 if currency in _WITHOUT_DECIMALS else 1
    return "amount_invalid" if amount % step else ""


def _places(currency: str) -> int:
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2
