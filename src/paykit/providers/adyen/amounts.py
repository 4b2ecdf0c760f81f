"""Adyen's money: whole numbers of minor units, with decimals of its own for some currencies.

Source: https://docs.adyen.com/development-resources/currency-codes/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import InvalidRequest
from ...money import Money, exponent, rescaled

#: How many decimals each currency has at Adyen. CLP, CVE, IDR and ISK are not as in ISO 4217.
DECIMALS: Final[Mapping[str, int]] = {
    **dict.fromkeys("CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys(
        """AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP
        CNY COP CRC CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN
        MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD
        SHP SLE SOS SRD STN SVC SZL THB TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR
        ZMW""".split(),
        2,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}
#: Currencies that Adyen lists and ISO 4217 still has.
CURRENCIES: Final = frozenset(DECIMALS)
#: Signed 64 bit, as Adyen declares it.
_MAX_VALUE: Final = 2**63 - 1


def to_wire(amount: Money, field: str = "amount") -> dict[str, Any]:
    """The amount as Adyen writes it; raises :class:`InvalidRequest` where it cannot be written."""
    currency = amount.currency
    if currency not in DECIMALS:
        raise InvalidRequest(f"Adyen does not take {currency}", field="currency")
    value = rescaled(amount.minor, of=exponent(currency), to=DECIMALS[currency])
    if value is None:
        raise InvalidRequest(f"Adyen takes whole {currency} only", field=field)
    if not 0 <= value <= _MAX_VALUE:
        raise InvalidRequest("must be a sensible amount, not negative", field=field)
    return {"currency": currency, "value": value}


def from_wire(currency: str, value: int) -> Money:
    """The money that Adyen wrote; raises :class:`ValueError` where it is none of ours."""
    if currency not in DECIMALS:
        raise ValueError("not a currency of Adyen's")
    minor = rescaled(value, of=DECIMALS[currency], to=exponent(currency))
    if minor is None:
        raise ValueError(f"a fraction of {currency}")
    try:
        return Money(minor, currency)
    except InvalidRequest:
        raise ValueError("not a sensible amount") from None


def read_money(value: Any) -> Money:
    """The amount in an answer; raises :class:`ValueError` for any other spelling."""
    if not isinstance(value, dict):
        raise ValueError("not an amount")  # noqa: TRY004 - pydantic reports a ValueError
    currency, units = value.get("currency"), value.get("value")
    if not isinstance(currency, str) or type(units) is not int or not 0 <= units <= _MAX_VALUE:
        raise ValueError("not an amount as Adyen writes it")
    return from_wire(currency, units)
