"""Stripe's money: whole numbers, counted in units that are not always those of ISO 4217.

Source: https://docs.stripe.com/currencies
"""

from __future__ import annotations

from typing import Final

from ...errors import InvalidRequest
from ...money import Money, exponent, rescaled

#: Counted without decimals, whatever ISO 4217 says: MGA has two there.
ZERO_DECIMAL: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()
)
#: Counted with two decimals that have to be zero: ISO 4217 has none for them.
WHOLE_UNITS: Final = frozenset({"ISK", "UGX"})
#: Counted with three decimals, the last of which has to be zero.
THREE_DECIMAL: Final = frozenset("BHD JOD KWD OMR TND".split())

#: Currencies that Stripe presents charges in, as far as ISO 4217 still has them.
CURRENCIES: Final = (
    frozenset(
        """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF
        CHF CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG
        HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR
        MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
        SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD XCG YER ZAR
        ZMW""".split()
    )
    | ZERO_DECIMAL
    | WHOLE_UNITS
    | THREE_DECIMAL
)


def decimals(currency: str) -> int:
    """How many decimals Stripe counts ``currency`` with."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def to_wire(amount: Money, field: str = "amount") -> int:
    """The amount as Stripe counts it; raises :class:`InvalidRequest` where it cannot be."""
    currency = amount.currency
    if currency not in CURRENCIES:
        raise InvalidRequest(f"Stripe does not take {currency}", field="currency")
    if amount.minor < 0:
        raise InvalidRequest("must not be negative", field=field)
    counted = rescaled(amount.minor, of=exponent(currency), to=decimals(currency))
    if counted is None:
        raise InvalidRequest(f"Stripe takes whole {currency} only", field=field)
    if currency in THREE_DECIMAL and counted % 10:
        raise InvalidRequest(f"Stripe takes no third decimal of {currency}", field=field)
    return counted


def to_positive(amount: Money, field: str = "amount") -> int:
    """As :func:`to_wire`, for what must be more than nothing."""
    if amount.minor <= 0:
        raise InvalidRequest("must be more than nothing", field=field)
    return to_wire(amount, field)


def read_money(counted: int, currency: str) -> Money:
    """The money that Stripe counts so; raises :class:`ValueError` for what cannot be."""
    code = currency.upper()
    if code not in CURRENCIES or currency != code.lower():
        raise ValueError("not a currency of Stripe's")
    minor = rescaled(counted, of=decimals(code), to=exponent(code))
    if minor is None:
        raise ValueError(f"not whole {code}")
    return Money(minor, code)
