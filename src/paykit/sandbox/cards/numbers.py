"""Test cards: what each number does, and reading what a payer typed.

Only test numbers are taken, so that nobody types a real card into the sandbox.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

import attrs

#: Why the issuer says no. Each gateway has words of its own for these.
Decline: TypeAlias = Literal[
    "generic",
    "do_not_honor",
    "insufficient_funds",
    "limit_exceeded",
    "expired_card",
    "incorrect_cvc",
    "lost_card",
    "stolen_card",
    "fraud",
    "not_supported",
    "processing_error",
    "issuer_unavailable",
]
#: 3-D Secure: never; each time; each time, and the payer fails; only while the card is not stored.
Check: TypeAlias = Literal["never", "always", "fails", "until_stored"]
#: What happens after the money was taken.
Later: TypeAlias = Literal["nothing", "dispute", "capture_fails", "refund_fails"]

DECLINES: Final[tuple[Decline, ...]] = get_args(Decline)

_BRANDS: Final = tuple(
    (re.compile(start), brand)
    for start, brand in (
        ("4", "visa"),
        ("5[1-5]|2[2-7]", "mastercard"),
        ("3[47]", "amex"),
        ("6011|64[4-9]|65", "discover"),
        ("35", "jcb"),
        ("30[0-5]|36|3[89]", "diners"),
        ("62|81", "unionpay"),
        ("9704", "napas"),
    )
)
_NUMBER: Final = re.compile(r"[0-9]{12,19}", re.ASCII)
#: Without the stroke as well: the frame's script may come later than the first digits.
_EXPIRY: Final = re.compile(
    r"\s*(?:([0-9]{1,2})\s*/|([0-9]{2}))\s*([0-9]{2}|20[0-9]{2})\s*", re.ASCII
)
_CVC: Final = re.compile(r"[0-9]{3,4}", re.ASCII)
_AMEX_CVC: Final = 4
_NAME_LENGTH: Final = 100
_MONTHS: Final = 12


@attrs.frozen(kw_only=True)
class Behaviour:
    """What a card does when it is used."""

    declines: Decline | None = None  #: when money is to be held, after 3-D Secure
    check: Check = "never"
    later: Later = "nothing"
    #: It can be stored, and declines only when it is charged later.
    stores_well: bool = False


@attrs.frozen
class TestCard:
    """One test number. ``says`` stands in the documentation, and on the sandbox's pages."""

    __test__ = False  # pytest: not a class of tests

    number: str
    says: str
    does: Behaviour = attrs.field(factory=Behaviour)

    @property
    def brand(self) -> str:
        """The scheme, in lower case."""
        return brand_of(self.number)

    @property
    def grouped(self) -> str:
        """The number as it is printed on a card."""
        sizes = (4, 6, 5) if self.brand == "amex" else (4, 4, 4, 4, 3)
        digits, groups = self.number, []
        for size in sizes:
            groups.append(digits[:size])
            digits = digits[size:]
        return " ".join(filter(None, groups))


@attrs.frozen
class CardTable:
    """The test cards of a gateway. ``holders`` are names on the card that change what it does."""

    cards: tuple[TestCard, ...]
    holders: Mapping[str, Behaviour] = attrs.field(factory=dict)

    def find(self, number: str) -> TestCard | None:
        """The card with this number."""
        return next((card for card in self.cards if card.number == number), None)


@attrs.frozen(kw_only=True)
class Card:
    """What is kept of a card: everything but its number and its security code."""

    does: Behaviour
    brand: str
    bin: str  #: the first six digits, which schemes allow to be shown
    last4: str
    exp_month: int
    exp_year: int
    holder: str = ""
    fingerprint: str


class MistypedError(ValueError):
    """What the payer typed is no card. ``field`` is number, expiry, cvc or name."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


def read_card(table: CardTable, typed: Mapping[str, object], now: datetime) -> Card:
    """The card that a payer typed: number, expiry (``12/34``), cvc and, if wanted, name.

    Raises :class:`MistypedError` for the first field that is wrong.
    """
    number = re.sub(r"[\s-]", "", _text(typed, "number"))
    known = table.find(number)
    if not _NUMBER.fullmatch(number) or not passes_luhn(number):
        raise MistypedError("number", "Your card number is not valid.")
    if known is None:
        raise MistypedError("number", "Only the sandbox's test cards work here.")
    month, year = _expiry(_text(typed, "expiry"), now)
    cvc = _text(typed, "cvc").strip()
    if not _CVC.fullmatch(cvc) or (len(cvc) == _AMEX_CVC) != (known.brand == "amex"):
        raise MistypedError("cvc", "Your security code is not complete.")
    holder = " ".join(_text(typed, "name").split())[:_NAME_LENGTH]
    return make_card(table, known, exp_month=month, exp_year=year, holder=holder)


def make_card(
    table: CardTable, known: TestCard, *, exp_month: int, exp_year: int, holder: str = ""
) -> Card:
    """A card with a test number, as it is kept."""
    return Card(
        does=table.holders.get(holder.upper(), known.does),
        brand=known.brand,
        bin=known.number[:6],
        last4=known.number[-4:],
        exp_month=exp_month,
        exp_year=exp_year,
        holder=holder,
        fingerprint=hashlib.sha256(f"paykit sandbox {known.number}".encode()).hexdigest()[:16],
    )


def brand_of(number: str) -> str:
    """The scheme that a number belongs to, in lower case."""
    return next((brand for start, brand in _BRANDS if start.match(number)), "unknown")


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is right (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0  # noqa: PLR2004


def _text(typed: Mapping[str, object], name: str) -> str:
    value = typed.get(name, "")
    return value if isinstance(value, str) else ""


def _expiry(text: str, now: datetime) -> tuple[int, int]:
    found = _EXPIRY.fullmatch(text)
    month, year = (int(found[1] or found[2]), int(found[3])) if found else (0, 0)
    if not 1 <= month <= _MONTHS:
        raise MistypedError("expiry", "Your card's expiry date is not complete.")
    year += 0 if year >= 2000 else 2000  # noqa: PLR2004 - two digits
    if (year, month) < (now.year, now.month):
        raise MistypedError("expiry", "Your card's expiry date is in the past.")
    return month, year


def _common(last: str, says: str, **does: object) -> TestCard:
    """A number of the sandbox's own: no gateway documents one with this beginning."""
    start = f"4999990000000{last}"
    digit = next(str(number) for number in range(10) if passes_luhn(f"{start}{number}"))
    return TestCard(f"{start}{digit}", says, Behaviour(**does))  # type: ignore[arg-type]


#: The same at every gateway, whatever the gateway's own numbers do.
COMMON_CARDS: Final = (
    _common("00", "Succeeds"),
    _common("01", "Declined without a reason", declines="generic"),
    _common("02", "Declined: insufficient funds", declines="insufficient_funds"),
    _common("03", "Declined: over the limit", declines="limit_exceeded"),
    _common("04", "Declined: expired", declines="expired_card"),
    _common("05", "Declined: wrong security code", declines="incorrect_cvc"),
    _common("06", "Declined: lost", declines="lost_card"),
    _common("07", "Declined: stolen", declines="stolen_card"),
    _common("08", "Declined: suspected fraud", declines="fraud"),
    _common("09", "Declined: not for this purchase", declines="not_supported"),
    _common("10", "Declined: processing error", declines="processing_error"),
    _common("11", "Declined: the bank cannot be reached", declines="issuer_unavailable"),
    _common("12", "3-D Secure each time", check="always"),
    _common("13", "3-D Secure that always fails", check="fails"),
    _common("14", "3-D Secure until the card is stored", check="until_stored"),
    _common(
        "15",
        "3-D Secure, then declined: insufficient funds",
        check="always",
        declines="insufficient_funds",
    ),
    _common("16", "Can be stored, is declined when charged", declines="generic", stores_well=True),
    _common("20", "Succeeds, then the payer disputes it", later="dispute"),
    _common("21", "Succeeds, then the capture is taken back", later="capture_fails"),
    _common("22", "Succeeds, refunds fail afterwards", later="refund_fails"),
)

_SHOWN: Final = {
    "Succeeds",
    "Declined: insufficient funds",
    "Declined: lost",
    "3-D Secure each time",
    "3-D Secure that always fails",
    "Succeeds, then the payer disputes it",
}
#: One of each kind, for the pages where somebody types a card.
SHOWN_CARDS: Final = tuple(card for card in COMMON_CARDS if card.says in _SHOWN)
