"""What may stand in which field of a VietQR code, for reading and for writing.

A rule is given a value and says what is wrong with it, or ``""``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

import attrs

from ..errors import InvalidRequest
from ..money import Money
from . import tlv

#: NAPAS's application identifier, in field 38.00 of every VietQR code.
NAPAS: Final = "A000000727"
VERSION: Final = "01"
CURRENCY: Final = "704"  #: VND in ISO 4217's numbers
COUNTRY: Final = "VN"
#: In place of a text, it makes the app ask the payer.
ASK_PAYER: Final = "***"
#: The longest purpose, which is the memo of the transfer.
MAX_PURPOSE: Final = 25
#: A transfer through NAPAS 247 is below this amount.
TRANSFER_LIMIT: Final = Money(500_000_000, "VND")

Rule: TypeAlias = Callable[[str], str]

_MOST_DIGITS: Final = 13
_PRINTABLE = re.compile(r"[ -~]*")
_BIN = re.compile(r"[0-9]{6}")
_ACCOUNT = re.compile(r"[A-Za-z0-9]{1,19}")
_CATEGORY = re.compile(r"[0-9]{4}")
_PERCENTAGES: Final = (Decimal("0.01"), Decimal("99.99"))


class Service(StrEnum):
    """What the money goes to."""

    ACCOUNT = "QRIBFTTA"
    CARD = "QRIBFTTC"


class Initiation(StrEnum):
    """What a code says about itself. Nothing keeps a payer from scanning either kind twice."""

    STATIC = "11"  #: to be paid many times
    DYNAMIC = "12"  #: to be paid once


@attrs.frozen(slots=True)
class Tip:
    """What comes on top. Apps for transfers are not known to act on it.

    ``fee`` is a fixed amount in đồng, a percentage from 0.01 to 99.99 with at most two decimal
    places, or ``None``, which lets the app ask the payer. Raises
    :class:`~paykit.errors.InvalidRequest`.
    """

    fee: Money | Decimal | None = None

    def __attrs_post_init__(self) -> None:
        if isinstance(self.fee, Decimal):
            low, high = _PERCENTAGES
            if not (self.fee.is_finite() and low <= self.fee <= high and _cents(self.fee)):
                raise InvalidRequest("a percentage is from 0.01 to 99.99", field="tip")
        elif self.fee is not None:
            check("tip", money_trouble(self.fee))


def _cents(percent: Decimal) -> bool:
    return percent == percent.quantize(_PERCENTAGES[0])


def check(name: str, trouble: str) -> None:
    """Raise :class:`~paykit.errors.InvalidRequest` about ``name`` if there is trouble."""
    if trouble:
        raise InvalidRequest(trouble, field=name)


def text_trouble(value: object, rule: Rule) -> str:
    """As ``rule`` says, for a value of any type."""
    if not isinstance(value, str):
        return f"must be a str, not {type(value).__name__}"
    return rule(value) if value else "must not be empty"


def money_trouble(value: object) -> str:
    """A positive amount of đồng that field 54 can hold."""
    if not isinstance(value, Money):
        return f"must be Money, not {type(value).__name__}"
    if value.currency != "VND":
        return "VietQR takes VND only"
    return "" if 0 < value.minor < 10**_MOST_DIGITS else "must be from 1 đồng, of up to 13 digits"


def bin_trouble(value: str) -> str:
    """The six digits of a bank."""
    return "" if _BIN.fullmatch(value) else "a bank's BIN is six digits"


def account_trouble(value: str) -> str:
    """An account, a virtual account, an alias or a card."""
    return "" if _ACCOUNT.fullmatch(value) else "an account is 1 to 19 letters and digits"


def _category(value: str) -> str:
    return "" if _CATEGORY.fullmatch(value) else "a category is four digits"


def _up_to(longest: int) -> Rule:
    def trouble(value: str) -> str:
        if len(value) > longest:
            return f"{len(value)} characters, at most {longest} are allowed"
        return "" if _PRINTABLE.fullmatch(value) else "only printable ASCII is allowed"

    return trouble


#: The texts by their names here: where they stand, and their rules.
TEXTS: Final[dict[str, tuple[str, Rule]]] = {
    "merchant_category": ("52", _category),
    "merchant_name": ("59", _up_to(25)),
    "merchant_city": ("60", _up_to(15)),
    "postal_code": ("61", _up_to(10)),
    "bill_number": ("62.01", _up_to(25)),
    "mobile_number": ("62.02", _up_to(25)),
    "store_label": ("62.03", _up_to(25)),
    "loyalty_number": ("62.04", _up_to(25)),
    "reference_label": ("62.05", _up_to(25)),
    "customer_label": ("62.06", _up_to(25)),
    "terminal_label": ("62.07", _up_to(25)),
    "purpose": ("62.08", _up_to(MAX_PURPOSE)),
    # Three characters by the format, but published codes hold more, and no app acts on it.
    "consumer_data_request": ("62.09", _up_to(tlv.LONGEST_VALUE)),
}

#: The fields that hold fields, the inner ones first.
TEMPLATES: Final = ("38.01", "38", "62")
#: Every field that has a name here.
NAMED: Final = frozenset(
    {path for path, _ in TEXTS.values()}
    | set(TEMPLATES)
    | set("00 01 38.00 38.01.00 38.01.01 38.02 53 54 55 56 57 58 63".split())
)
_PLACES = re.compile(r"(?:38\.(?:01\.)?|62\.)?[0-9]{2}")


def others_trouble(others: tuple[tuple[str, str], ...]) -> str:
    """Fields without a name: each path once, and none of those that have one."""
    paths = [path for path, _ in others]
    if len(set(paths)) < len(paths):
        return "a field is there twice"
    if any(path in NAMED or not _PLACES.fullmatch(path) for path in paths):
        return "only fields that have no name, such as 80 or 62.50, each as a whole"
    troubles = [text_trouble(value, _up_to(tlv.LONGEST_VALUE)) for _, value in others]
    return next(filter(None, troubles), "")
