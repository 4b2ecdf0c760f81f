"""Money as an integer of minor units and an ISO 4217 currency. There is no float anywhere.

Exponents are those of ISO 4217 List One (https://www.six-group.com/en/products-services/
financial-information/data-standards.html). Display data such as CLDR differs for some currencies
and must not be used for amounts. Each provider's own scale lives in that provider.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn, Self

import attrs

from .errors import InvalidRequest

_EXPONENTS: Final[dict[str, int]] = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys(
        """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN
        BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP
        GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT
        LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
        NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE
        SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES
        WST XAD XCD XCG YER ZAR ZMW ZWG""".split(),
        2,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

_AMOUNT = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,12})?", re.ASCII)
_SYMBOLS: Final = {"VND": "₫", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
#: Signed 64 bit: what databases and brokers hold exactly.
_MAX_MINOR: Final = 2**63 - 1


def exponent(currency: str) -> int:
    """How many decimal places ``currency`` has in ISO 4217; raises :class:`InvalidRequest`."""
    try:
        return _EXPONENTS[currency]
    except (KeyError, TypeError):
        raise InvalidRequest(
            f"{currency!r:.40} is not an ISO 4217 currency code", field="currency"
        ) from None


def currencies() -> frozenset[str]:
    """Every currency code that :class:`Money` accepts."""
    return frozenset(_EXPONENTS)


def rescaled(count: int, *, of: int, to: int) -> int | None:
    """``count`` units with ``of`` decimal places, in units with ``to``; ``None`` for a fraction.

    For providers that count a currency otherwise than ISO 4217 does.
    """
    scaled, rest = divmod(count * 10**to, 10**of)
    return None if rest else scaled


@attrs.frozen(slots=True, order=False)
class Money:
    """An exact amount: ``Money(150_000, "VND")`` is 150,000 đồng, ``Money(1999, "USD")`` $19.99.

    ``minor`` counts minor units (đồng, cents) and may be negative. Raises
    :class:`~paykit.errors.InvalidRequest` for floats, booleans, unknown currencies, amounts that
    do not fit 64 bits, and for arithmetic between currencies.
    """

    minor: int = attrs.field()
    currency: str = attrs.field()

    def __attrs_post_init__(self) -> None:
        if type(self.minor) is not int:
            raise InvalidRequest(
                f"an amount is an int of minor units, not {type(self.minor).__name__}",
                field="amount",
            )
        if not -_MAX_MINOR <= self.minor <= _MAX_MINOR:
            raise InvalidRequest("the amount does not fit 64 bits", field="amount")
        if type(self.currency) is not str or self.currency not in _EXPONENTS:
            exponent(self.currency)

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Self:
        """Make money from major units: ``Money.of("19.99", "USD")``, ``Money.of(150_000, "VND")``.

        Exact or refused: more decimal places than the currency has raise
        :class:`~paykit.errors.InvalidRequest`, as do floats, ``"1e3"``, ``"1,000"`` and ``"NaN"``.
        """
        places = exponent(currency)
        if isinstance(amount, str):
            if not _AMOUNT.fullmatch(amount):
                raise InvalidRequest(f"{amount!r:.40} is not a plain decimal", field="amount")
            value = Decimal(amount)
        elif isinstance(amount, Decimal):
            value = amount
        elif type(amount) is int:
            value = Decimal(amount)
        else:
            raise InvalidRequest(
                f"an amount is a str, int or Decimal, not {type(amount).__name__}", field="amount"
            )
        return cls(_exact_minor(value, places, currency), currency)

    def to_decimal(self) -> Decimal:
        """The amount in major units, exact: ``Decimal("19.99")``."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def to_text(self) -> str:
        """The amount in major units with all its decimal places: ``"19.99"``, ``"150000"``."""
        return f"{self.to_decimal():f}"

    def format(self) -> str:
        """The amount as people write it: ``150.000 ₫``, ``$19.99``, ``1,234.500 KWD``."""
        places = exponent(self.currency)
        sign = "-" if self.minor < 0 else ""
        number = f"{abs(self.to_decimal()):,.{places}f}"
        if self.currency == "VND":
            # The Vietnamese write dots between thousands, and the sign behind the number.
            return f"{sign}{number.replace(',', '.')}\N{NO-BREAK SPACE}₫"
        symbol = _SYMBOLS.get(self.currency)
        if symbol:
            return f"{sign}{symbol}{number}"
        return f"{sign}{number}\N{NO-BREAK SPACE}{self.currency}"

    def _same(self, other: object) -> Money:
        if not isinstance(other, Money):
            raise InvalidRequest(
                f"money can only be combined with money, not {type(other).__name__}",
                field="amount",
            )
        if other.currency != self.currency:
            raise InvalidRequest(
                f"{self.currency} and {other.currency} cannot be combined", field="currency"
            )
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __mul__(self, factor: int) -> Money:
        if type(factor) is not int:
            raise InvalidRequest("money is multiplied by whole numbers only", field="amount")
        return Money(self.minor * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __float__(self) -> NoReturn:
        raise InvalidRequest("money is never a float; use to_decimal()", field="amount")

    def __str__(self) -> str:
        return f"{self.to_text()} {self.currency}"


def _exact_minor(value: Decimal, places: int, currency: str) -> int:
    # The guard on the exponent keeps Decimal("1e999999") from becoming a million digits.
    if not value.is_finite() or abs(value.adjusted()) > 30:  # noqa: PLR2004
        if value.is_finite() and value == 0:
            return 0
        raise InvalidRequest("the amount is not a sensible number", field="amount")
    try:
        minor = value.scaleb(places)
        whole = minor.to_integral_exact()
    except InvalidOperation:
        raise InvalidRequest("the amount has too many digits", field="amount") from None
    if whole != minor:
        raise InvalidRequest(
            f"{value} has more than {places} decimal places, {currency} has {places}",
            field="amount",
        )
    return int(whole)
