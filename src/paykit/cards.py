"""Card numbers stay out: telling one from an order number, so that it can be refused.

A card number (PAN) has digits with a card scheme's prefix, that scheme's length, and a right last
digit by Luhn (ISO/IEC 7812-1). One in ten of other numbers with the same prefix and length has
that too, so where numbers are usual (order ids) the rule is narrower than in free text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Final

#: First digits and lengths of the schemes, as the payment industry publishes them.
_SCHEMES: Final = tuple(
    (re.compile(prefix, re.ASCII), frozenset(lengths))
    for prefix, lengths in (
        ("4", (13, 16, 19)),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        ("3[47]", (15,)),  # American Express
        (r"6011|64[4-9]|65", (16, 17, 18, 19)),  # Discover
        (r"35(?:2[89]|[3-8])", (16, 17, 18, 19)),  # JCB
        (r"30[0-5]|3095|36|3[89]", (14, 16)),  # Diners Club
        ("62|81", (16, 17, 18, 19)),  # UnionPay
        (r"5018|5020|5038|5893|6304|6759|676[1-3]", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
        ("9704", (16, 19)),  # NAPAS, the cards of Vietnamese banks
        (r"220[0-4]", (16, 17, 18, 19)),  # Mir
    )
)
_SHORTEST: Final = 13
_LONGEST: Final = 19
#: As people write them: digits in groups, with a blank, dot or dash between, or two; and as copied
#: from pages, with narrow and invisible blanks and long dashes.
_RUN: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9]+"
    r"(?:[ .\-\t\u00a0\u2009-\u200d\u2010-\u2015\u202f\u2060]{1,2}[0-9]+)*"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)
_GROUP: Final = re.compile(r"[0-9]+", re.ASCII)
_SMALLEST_GROUP: Final = 3
_MOST_GROUPS: Final = 7  # more than a number of 19 digits has
_UUID: Final = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", re.ASCII)
#: Order ids count from a date: 16 digits from 2022 on look like Mastercard's second series.
_DATED: Final = re.compile(r"2[2-7](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)


def is_card_number(digits: str) -> bool:
    """Whether ``digits`` have a scheme's prefix and length and pass Luhn."""
    if not _SHORTEST <= len(digits) <= _LONGEST or not (digits.isascii() and digits.isdigit()):
        return False
    known = any(len(digits) in sizes and start.match(digits) for start, sizes in _SCHEMES)
    return known and _luhn(digits)


def looks_like_card_id(value: str) -> bool:
    """Whether an id *is* a card number. Ids that count from a date, or are longer, are not.

    Nor are numbers that begin with 8: Adyen's own ids have 16 digits and do, and an answer that
    names the card it stored must not be refused for it.
    """
    digits = _ascii_digits(value).replace(" ", "").replace("-", "")
    if len(digits) > 16 or _DATED.match(digits):  # noqa: PLR2004 - snowflakes have 17 to 19
        return False
    if digits.startswith("8"):
        return False
    return is_card_number(digits)


def holds_card_number(value: object, *, besides: Collection[str | None] = ()) -> bool:
    """Whether a card number stands anywhere in a text, a number, or a mapping or list of those.

    A number that is one of ``besides`` is none, for it is the shop's own id, nor is one of 16
    digits that counts from a date.
    """
    return any(True for text in _texts(value) for _ in _numbers(text, besides))


def mask_card_numbers(text: str, mask: str) -> str:
    """The text with ``mask`` in the place of each card number."""
    kept, done = [], 0
    for start, end in _numbers(text, ()):
        kept += [text[done:start], mask]
        done = end
    return "".join([*kept, text[done:]]) if kept else text


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif type(item) is int:
            if item < 10**_LONGEST:
                yield str(item)
        elif isinstance(item, float | Decimal):
            number = Decimal(item)
            if number.is_finite() and abs(number) < 10**_LONGEST:
                yield f"{number:.0f}"
        elif isinstance(item, Mapping):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


def _numbers(text: str, besides: Collection[str | None]) -> Iterator[tuple[int, int]]:
    """Where the card numbers of a text begin and end."""
    if len(text) < _SHORTEST:
        return
    text = _UUID.sub(lambda found: " " * len(found.group()), _ascii_digits(text))
    for run in _RUN.finditer(text):
        groups = _GROUP.findall(run.group())
        first = 0
        while first < len(groups):
            count = _groups_of_number(groups[first : first + _MOST_GROUPS], besides)
            if count:
                places = list(_GROUP.finditer(text, run.start(), run.end()))
                yield places[first].start(), places[first + count - 1].end()
            first += count or 1


def _groups_of_number(groups: list[str], besides: Collection[str | None]) -> int:
    """How many of the first groups are a card number together; 0: none are."""
    digits = ""
    for count, group in enumerate(groups, start=1):
        if digits and len(groups[0]) < _SMALLEST_GROUP:
            return 0
        digits += group
        if len(digits) > _LONGEST:
            return 0
        # Who writes a number in groups does not count from a date.
        dated = count == 1 and _DATED.match(digits)
        if is_card_number(digits) and not dated and digits not in besides:
            return count
    return 0


def _ascii_digits(text: str) -> str:
    """The text with the digits of all scripts in ASCII."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.digit(letter)) if letter.isdigit() else letter for letter in text
    )


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number  # noqa: PLR2004
    return total % 10 == 0
