"""Stripe's amounts: whole numbers in the currency's smallest unit, with Stripe's own exceptions.

https://docs.stripe.com/currencies
"""

from __future__ import annotations

from typing import Final

from ...money import Money, currencies, exponent

_NO_DECIMALS: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()
)
#: Sent with two decimals that must be 00, though ISO 4217 has none.
_ZERO_CENTS: Final = frozenset({"isk", "ugx"})
#: Sent with three decimals of which the last must be 0.
_THREE_DECIMALS: Final = frozenset("bhd jod kwd omr tnd".split())
#: Not presented to payers.
_NEVER: Final = frozenset(
    "bov che chw clf cou cup irr kpw mxv sdg ssp svc syp usn uyi uyw ved iqd lyd".split()
)
SUPPORTED: Final = frozenset(code.lower() for code in currencies()) - _NEVER
MOST: Final = 99_999_999
#: For VND and most others the equivalent of half a dollar, at an exchange rate of the day.
_LEAST: Final = {
    "usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "aud": 50, "cad": 50, "chf": 50, "sgd": 50,
    "hkd": 400, "nzd": 50, "sek": 300, "nok": 300, "dkk": 250, "myr": 200, "thb": 1000,
    "vnd": 13_000,
}  # fmt: skip


class AmountError(ValueError):
    """Stripe does not take this amount; the message says why."""


def read(amount: int, currency: str) -> Money:
    """The money that ``amount`` means; raises :class:`AmountError`."""
    step = 100 if currency in _ZERO_CENTS else 10 if currency in _THREE_DECIMALS else 1
    if amount % step:
        raise AmountError(f"Invalid {currency} amount: must be a multiple of {step}.")
    code = currency.upper()
    up, down = _factors(code)
    return Money(amount * up // down, code)


def value(money: Money) -> int:
    """Money as Stripe writes it."""
    up, down = _factors(money.currency)
    return money.minor * down // up


def least(currency: str) -> int:
    """The smallest amount that can be charged."""
    return _LEAST.get(currency, 1)


def words(amount: int, currency: str) -> str:
    """An amount as Stripe's sentences have it."""
    places = _decimals(currency)
    return f"{amount / 10**places:.{places}f} {currency}"


def _factors(code: str) -> tuple[int, int]:
    """What leads from Stripe's unit to that of ISO 4217."""
    shift = exponent(code) - _decimals(code.lower())
    factor: int = 10 ** abs(shift)
    return (factor, 1) if shift >= 0 else (1, factor)


def _decimals(currency: str) -> int:
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2
