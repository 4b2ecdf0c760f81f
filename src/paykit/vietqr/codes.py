"""Payment codes: references that survive the way through banks, and finding them in a memo.

A memo comes back in any case, without accents and punctuation, cut, with blanks anywhere and the
banks' own words around it. A code is made for that: a prefix and a fixed number of characters out
of :data:`ALPHABET`, nothing in between, the last one a check character.

How a code is made: its characters are the values of a polynomial over the field of 29 elements (a
Reed-Solomon code), shifted by a start that depends on the prefix. The digits of the number are the
coefficients. Two polynomials of low degree agree in few points, so codes of numbers that are near
each other are far from each other. All codes satisfy one checksum, with a weight of its own for
each place: one wrong character, or two that are swapped, always break it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from typing import Final

import attrs

from ..errors import InvalidRequest

#: No ``I``, ``L``, ``O``: they look like ``1`` and ``0``. No vowels: words are no codes. No ``W``:
#: Vietnamese keyboards (Telex) make ``ư`` of it. That leaves 29, a prime, as the checksum needs.
ALPHABET: Final = "0123456789BCDFGHJKMNPQRSTVXYZ"
#: What fits into every memo together with a bank's own words, prefix included.
LONGEST: Final = 15
#: Below this, text that only looks like a code would too often be one.
SHORTEST_BODY: Final = 6

_SIZE: Final = len(ALPHABET)
_VALUE: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOKALIKES: Final = str.maketrans("OIL", "011")
#: Where the polynomials are evaluated. None of these is a 4th or 7th root of unity: that makes the
#: codes of two numbers in succession differ in *every* place (``x**j + … + x + 1`` has no zero).
_POINTS: Final = (2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 18)
#: So many characters of a code, at least, have to be left for :meth:`PaymentCodes.suggest`.
_ENOUGH: Final = 5


class _Compact(dict[int, str]):
    """A table for ``str.translate``: to upper case and ASCII, and everything else left out.

    Each character is looked at by itself. To normalize the whole text would take time that grows
    with the square of a long run of combining marks.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(range(128), ""))
        for letter in map(chr, range(128)):
            if letter.isalnum():
                self[ord(letter)] = letter.upper().translate(_LOOKALIKES)
        # These have no decomposition in Unicode. The eth and the African letter look the same.
        self.update(dict.fromkeys(map(ord, "đĐðÐɖƉ"), "D"))

    def __missing__(self, point: int) -> str:
        # Not kept: a hostile memo could fill the memory with all of Unicode.
        return "".join(
            self[ord(part)] for part in unicodedata.normalize("NFKD", chr(point)) if part.isascii()
        )


_COMPACT: Final = _Compact()


def compact(memo: str) -> str:
    """The memo as it is searched: upper case, without marks, blanks and punctuation.

    ``O`` is read as ``0``, ``I`` and ``L`` as ``1``; full-width letters and digits are plain ones.
    """
    return memo.translate(_COMPACT)


def _to_prefix(value: str) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{2,5}", value):
        raise InvalidRequest("must be 2 to 5 ASCII letters", field="prefix")
    return value.upper()


def _check_length(_codes: object, _attribute: attrs.Attribute[int], value: int) -> None:
    if type(value) is not int or value < SHORTEST_BODY:
        raise InvalidRequest(f"must be an int of at least {SHORTEST_BODY}", field="length")


@attrs.frozen(slots=False)  # its tables are made once and kept
class PaymentCodes:
    """The form of a merchant's payment codes: ``PK`` and 8 characters, unless you say otherwise.

    ``prefix`` has 2 to 5 ASCII letters; choose none that banks use (``FT``, ``IBFT``, ``MBVCB``).
    ``length`` counts the characters after it, the check character included: at least 6, and at most
    15 together with the prefix. One account, one form: a code of another form is not found. Raises
    :class:`~paykit.errors.InvalidRequest`.
    """

    prefix: str = attrs.field(default="PK", converter=_to_prefix)
    length: int = attrs.field(default=8, validator=_check_length)

    def __attrs_post_init__(self) -> None:
        if len(self.prefix) + self.length > LONGEST:
            raise InvalidRequest(
                f"a code has at most {LONGEST} characters with its prefix", field="length"
            )

    @property
    def capacity(self) -> int:
        """How many codes there are: 29 to the power of ``length`` - 1, 17,249,876,309 for 8."""
        return int(_SIZE ** (self.length - 1))

    def from_number(self, number: int) -> str:
        """The code of a number from 0 to ``capacity`` - 1, such as the row of an order.

        Each number has a code of its own. The codes of two numbers in succession differ in every
        character after the prefix. Those of any two numbers below 29**k differ in at least
        ``length`` + 1 - k, so in 5 of 8 below 707,281. The number is not hidden: whoever knows this
        rule can compute it. Raises :class:`~paykit.errors.InvalidRequest` beyond the range.
        """
        if type(number) is not int or not 0 <= number < self.capacity:
            raise InvalidRequest(f"must be an int from 0 to {self.capacity - 1}", field="number")
        coefficients = _digits(number, self.length - 1)
        return self._write(
            (start + scale * _value_at(point, coefficients)) % _SIZE
            for start, scale, point in zip(self._start, self._scales, _POINTS, strict=False)
        )

    def from_text(self, text: str) -> str:
        """The code of any unique id, by SHA-256; the same text always has the same code.

        Two ids can have the same code: among n ids that happens with a probability of about
        n**2 / (2 * capacity), for ``length`` 8 that is 0.3 % among 10,000 and 25 % among 100,000;
        for 13 it is 0.0001 % among a million. Keep the code in a unique column and, if it is taken,
        derive another from the id and a counter. Numbers never clash: prefer :meth:`from_number`.
        """
        if not isinstance(text, str) or not text:
            raise InvalidRequest("must be a text that is not empty", field="text")
        return self.from_number(_hash(text) % self.capacity)

    def is_code(self, text: str) -> bool:
        """Whether the text is exactly a well-formed code: upper case, and nothing around it."""
        return isinstance(text, str) and text in self.find(text)

    def check(self, text: str, *, field: str = "reference") -> str:
        """The text, if it is exactly a well-formed code.

        What merely can be read as one is refused, too: a record that is kept under another spelling
        would never be found. Raises :class:`~paykit.errors.InvalidRequest` for ``field``.
        """
        if self.is_code(text):
            return text
        found = self.find(text) if isinstance(text, str) else ()
        hint = f"; write it as {found[0]}" if len(found) == 1 else ""
        raise InvalidRequest(
            f"is not a payment code of {self.prefix} and {self.length} characters{hint}",
            field=field,
        )

    def find(self, memo: str) -> tuple[str, ...]:
        """The distinct well-formed codes in a memo, as they were given out, in their order.

        Case, accents, blanks and punctuation do not matter, nor what is glued to a code. Only a
        whole code is found, and nothing is corrected but ``O`` for ``0``, ``I`` and ``L`` for
        ``1``. Of 29 texts that look like a code and are none, one passes for well-formed: only
        codes that you expect mean anything. Takes time in proportion to the memo; never raises.
        """
        bodies = (match[1] for match in self._pattern.finditer(compact(memo)))
        return tuple(dict.fromkeys(self.prefix + body for body in bodies if self._holds(body)))

    def suggest(self, memo: str, known: Iterable[str]) -> tuple[str, ...]:
        """Those of the ``known`` codes that a memo may have meant, for a person to decide.

        All characters of such a code but one stand in the memo, in their order, with at most one
        other between them: one is wrong, missing or too many, or two neighbours are swapped. Or
        the memo ends within the code, after five characters behind the prefix.
        """
        codes = [code for code in dict.fromkeys(known) if self.is_code(code)]
        text = compact(memo)
        size = len(self.prefix) + self.length
        cuts = range(len(self.prefix) + _ENOUGH, size)
        meant = set()
        damaged: dict[str, list[str]] = {}
        for code in codes:
            plain = code.translate(_LOOKALIKES)
            if any(text.endswith(plain[:cut]) for cut in cuts):
                meant.add(code)
            for shorter in _with_one_less(plain):
                damaged.setdefault(shorter, []).append(code)
        for start in range(len(text) - size + 2):
            part = text[start : start + size]
            for shorter in _with_one_less(part) if len(part) == size else (part,):
                meant.update(damaged.get(shorter, ()))
        return tuple(code for code in codes if code in meant)

    def _write(self, values: Iterable[int]) -> str:
        """The code with these values and the check character that belongs to them."""
        body = "".join(ALPHABET[value] for value in values)
        check = -self._sum(body) * pow(self.length, -1, _SIZE) % _SIZE
        return self.prefix + body + ALPHABET[check]

    def _holds(self, body: str) -> bool:
        return self._sum(body) % _SIZE == 0

    def _sum(self, body: str) -> int:
        """The checksum: place times value. The places of the prefix come after the body's."""
        return self._prefix_sum + sum(
            place * _VALUE[symbol] for place, symbol in enumerate(body, start=1)
        )

    @cached_property
    def _prefix_sum(self) -> int:
        # With it, a prefix that is mistyped as that of another shop breaks the checksum as well.
        places = enumerate(self.prefix, start=self.length + 1)
        return sum(place * ord(letter) for place, letter in places)

    @cached_property
    def _start(self) -> list[int]:
        """The values of number 0."""
        return _digits(_hash(self.prefix) % self.capacity, self.length - 1)

    @cached_property
    def _scales(self) -> list[int]:
        """What the polynomial's value is multiplied by in each place.

        These are Lagrange's weights, divided by those of the checksum. By his formula the checksum
        of all values is the coefficient of ``x**(length - 1)``, which is 0.
        """
        points = _POINTS[: self.length]
        scales = []
        for place, here in enumerate(points, start=1):
            product = place
            for there in points:
                product *= here - there if there != here else 1
            scales.append(pow(product, -1, _SIZE))
        return scales

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # It looks ahead, so that a prefix inside of what looks like a code is tried as well.
        prefix = self.prefix.translate(_LOOKALIKES)
        return re.compile(f"(?={prefix}([{ALPHABET}]{{{self.length}}}))")


def _hash(text: str) -> int:
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")


def _digits(number: int, count: int) -> list[int]:
    """The last ``count`` digits to the base of 29, the lowest first."""
    digits = []
    for _ in range(count):
        number, digit = divmod(number, _SIZE)
        digits.append(digit)
    return digits


def _value_at(point: int, coefficients: list[int]) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = value * point + coefficient
    return value % _SIZE


def _with_one_less(text: str) -> Iterator[str]:
    """The text without any one of its characters."""
    return (text[:place] + text[place + 1 :] for place in range(len(text)))
