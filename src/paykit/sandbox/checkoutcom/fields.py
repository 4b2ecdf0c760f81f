"""What may stand in the requests, and Checkout.com's words for what may not.

A problem of ``source.token`` is named after its path: ``source_token_invalid``; what is missing is
``…_required``. Fields that are not listed are ignored.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

import attrs

from .. import rules
from . import amounts

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_ENTRIES: Final = 50


@attrs.frozen
class Amount:
    """A JSON number without decimals, of at most nine digits."""

    least: int = 0
    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = type(value) is int and self.least <= value <= amounts.MAX
        return "" if good else "invalid"


@attrs.frozen
class Number:
    """A whole JSON number; a text of digits is as good."""

    least: int
    most: int
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if self.least <= whole(value) <= self.most else "invalid"


@attrs.frozen
class Moment:
    """A point in time by ISO 8601, with its distance from UTC."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if moment(value) else "invalid"


@attrs.frozen
class IpAddress:
    """An address of the internet, of either kind."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        try:
            ipaddress.ip_address(value if isinstance(value, str) else "")
        except ValueError:
            return "invalid"
        return ""


@attrs.frozen
class Metadata:
    """A flat object of texts, numbers and truth values."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        if type(value) is not dict or len(value) > _MAX_ENTRIES:
            return "invalid"
        # Fractions are read as decimals.
        good = all(isinstance(one, str | int | Decimal | None) for one in value.values())
        return "" if good else "invalid"


@attrs.frozen
class Record:
    """An object with fields of its own."""

    rules: Rules
    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with the whole of ``value``; see :func:`problems` for its fields."""
        return "" if type(value) is dict else "invalid"


Rules: TypeAlias = "Mapping[str, rules.Rule]"


def problems(body: Mapping[str, Any], wanted: Rules, path: str = "") -> list[str]:
    """The error codes of every field that is missing or wrong."""
    found: list[str] = []
    for name, rule in wanted.items():
        value, where = body.get(name), path + name
        if value is None:
            found += [f"{where}_required"] if rule.required else []
        elif rule.problem(value):
            found.append(f"{where}_invalid")
        elif isinstance(rule, Record):
            found += problems(value, rule.rules, f"{where}_")
    return found


def whole(value: object) -> int:
    """The number that a field holds, or -1."""
    if type(value) is int:
        return value
    if not isinstance(value, str) or len(value) > len(str(amounts.MAX)):
        return -1
    return int(value) if _DIGITS.fullmatch(value) else -1


def moment(value: object) -> datetime | None:
    """The time that a field holds."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _text(limit: int, pattern: re.Pattern[str] | None = None, *, required: bool = False) -> Any:
    return rules.Text(limit, pattern, required=required)


_TRUTH: Final = rules.Kind(bool)
_URL: Final = rules.Address(web=False, required=False)
_CUSTOMER: Final = Record({"id": _text(100), "email": _text(255, _EMAIL), "name": _text(255)})
_ADDRESS: Final[Rules] = {
    "address_line1": _text(200),
    "address_line2": _text(200),
    "city": _text(50),
    "state": _text(50),
    "zip": _text(50),
    "country": _text(2, _COUNTRY),
}
_3DS: Final = Record(
    {
        "enabled": _TRUTH,
        "attempt_n3d": _TRUTH,
        "challenge_indicator": rules.OneOf(
            (
                "no_preference",
                "no_challenge_requested",
                "challenge_requested",
                "challenge_requested_mandate",
            ),
            required=False,
        ),
    }
)
_ORDER: Final[Rules] = {
    "amount": Amount(),
    "currency": _text(3, _CURRENCY, required=True),
    "reference": _text(50),
    "description": _text(100),
    "capture": _TRUTH,
    "capture_on": Moment(),
    "customer": _CUSTOMER,
    "3ds": _3DS,
    "processing_channel_id": _text(100),
    "payment_ip": IpAddress(),
    "metadata": Metadata(),
    "success_url": _URL,
    "failure_url": _URL,
}
_PAYMENT_TYPE: Final = rules.OneOf(
    ("Regular", "Recurring", "MOTO", "Installment", "Unscheduled"), required=False
)

PAYMENT: Final[Rules] = {
    **_ORDER,
    "payment_type": _PAYMENT_TYPE,
    "merchant_initiated": _TRUTH,
    "authorization_type": rules.OneOf(("Final", "Estimated"), required=False),
    "previous_payment_id": _text(100),
}
TOKEN_SOURCE: Final[Rules] = {
    "token": _text(100, required=True),
    "store_for_future_use": _TRUTH,
    "billing_address": Record(_ADDRESS),
}
ID_SOURCE: Final[Rules] = {"id": _text(100, required=True), "cvv": _text(4, _DIGITS)}
PAGE: Final[Rules] = {
    **_ORDER,
    "amount": Amount(least=1, required=True),
    "payment_type": _PAYMENT_TYPE,
    "locale": _text(6),
    "billing": Record(
        {
            "address": Record(
                {**_ADDRESS, "country": _text(2, _COUNTRY, required=True)}, required=True
            )
        },
        required=True,
    ),
    **{name: rules.Address(web=True) for name in ("success_url", "cancel_url", "failure_url")},
}
ACTION: Final[Rules] = {"reference": _text(50), "metadata": Metadata()}
CAPTURE: Final[Rules] = {
    **ACTION,
    "amount": Amount(least=1),
    "capture_type": rules.OneOf(("Final", "NonFinal"), required=False),
}
REFUND: Final[Rules] = {**ACTION, "amount": Amount(least=1)}
INCREMENT: Final[Rules] = {**ACTION, "amount": Amount(least=1, required=True)}
TOKEN: Final[Rules] = {
    "type": rules.OneOf(("card",)),
    "cvv": _text(4, re.compile(r"[0-9]{3,4}", re.ASCII)),
    "name": _text(255),
    "billing_address": Record(_ADDRESS),
}
CARD: Final[Rules] = {
    "number": _text(19, _DIGITS, required=True),
    "expiry_month": Number(1, 12),
    "expiry_year": Number(1000, 9999),
}
INSTRUMENT: Final[Rules] = {
    "type": rules.OneOf(("token",)),
    "token": _text(100, required=True),
    "customer": _CUSTOMER,
}
NOTHING: Final[Rules] = {}
