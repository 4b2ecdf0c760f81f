"""Checkout.com's money: whole numbers of its own minor units, at most nine digits.

Sources: https://www.checkout.com/docs/payments/accept-payments/calculating-the-amount and the
list of currencies in its published libraries.
"""

from __future__ import annotations

from typing import Final

from ...errors import InvalidRequest
from ...money import Money

#: Without decimals at Checkout.com.
WHOLE: Final = frozenset("BIF DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
#: With three decimals, the last of which must be 0 in a request.
THOUSANDTHS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
#: With two decimals at Checkout.com and none in ISO 4217: both decimals are 0.
HUNDREDFOLD: Final = frozenset({"CLP"})
#: With two decimals.
HUNDREDTHS: Final = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SOS SRD STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD
    UYU UZS WST XCD YER ZAR ZMW""".split()
)
CURRENCIES: Final = WHOLE | THOUSANDTHS | HUNDREDFOLD | HUNDREDTHS
#: No amount has more digits.
LARGEST: Final = 999_999_999


def to_wire(amount: Money, field: str = "amount") -> int:
    """The amount as Checkout.com counts it; raises :class:`InvalidRequest` where it cannot."""
    if amount.currency not in CURRENCIES:
        raise InvalidRequest(f"Checkout.com does not take {amount.currency}", field="currency")
    if amount.minor < 0:
        raise InvalidRequest("must not be negative", field=field)
    if amount.currency in THOUSANDTHS and amount.minor % 10:
        raise InvalidRequest(f"the last digit of {amount.currency} must be 0", field=field)
    counted = amount.minor * _factor(amount.currency)
    if counted > LARGEST:
        raise InvalidRequest(
            f"Checkout.com takes nine digits, {LARGEST} at most, and this is {counted}",
            field=field,
        )
    return counted


def to_part(amount: Money, whole: Money | None, field: str) -> int:
    """A part of a payment of ``whole``: a capture or a refund names no currency of its own.

    So it is refused where the payment's currency is another one, or is not told.
    """
    if whole is None:
        raise InvalidRequest("a part is counted in the payment's currency: tell it", field=field)
    if amount.currency != whole.currency:
        raise InvalidRequest(f"the payment is in {whole.currency}", field="currency")
    if not 0 < amount.minor <= whole.minor:
        raise InvalidRequest("more than nothing, and at most the payment", field="amount")
    return to_wire(amount)


def from_wire(counted: int, currency: str) -> Money:
    """The money that Checkout.com counted; raises :class:`ValueError` for what it never says."""
    if currency not in CURRENCIES:
        raise ValueError("not a currency of Checkout.com's")
    whole, rest = divmod(counted, _factor(currency))
    if rest:
        raise ValueError(f"a fraction of {currency}")
    return Money(whole, currency)


def _factor(currency: str) -> int:
    """What one minor unit of ISO 4217 counts for."""
    return 100 if currency in HUNDREDFOLD else 1
