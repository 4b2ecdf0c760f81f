"""The text that Casso signs: the body's JSON with sorted keys and without blanks.

Source: https://github.com/CassoHQ/casso-webhook-v2-verify-signature, with samples in six languages.
They differ in how letters outside ASCII, slashes and angle brackets are written, because each uses
the JSON writer of its language. JavaScript's is the likeliest to be Casso's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

#: A number keeps its spelling, as a text behind a mark that no text can hold which was read.
_MARK: Final = "\x00"
_READER: Final = json.JSONDecoder(parse_int=_MARK.__add__, parse_float=_MARK.__add__)
_WRITER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_MARKED: Final = re.compile(r'"\\u0000([^"]*)"')
_INTEGER: Final = re.compile(r"-?[0-9]+", re.ASCII)
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_HTML: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})
#: What JavaScript writes without an exponent, and exactly: the place of the first digit, and how
#: many digits there are.
_PLACES: Final = range(-6, 21)
_MOST_DIGITS: Final = 15
_LONGEST_NUMBER: Final = 40


def spellings(body: bytes) -> Iterator[bytes]:
    """The texts that may have been signed, the likeliest first, each once.

    ``body`` must have been read strictly before. Each of them is JSON that reads as ``body`` does,
    so bodies that differ in a value share none.
    """
    marked = _WRITER.encode(_READER.decode(body.decode()))
    seen = set()
    for numbers in (_as_they_stand, _as_javascript_writes):
        for text in _escaped(_MARKED.sub(numbers, marked)):
            if text not in seen:
                seen.add(text)
                yield text.encode()


def _escaped(text: str) -> Iterator[str]:
    """The text as JavaScript, Java and .NET, Python, PHP in both its ways, and Go escape it."""
    yield text
    ascii_only = _BEYOND_ASCII.sub(lambda letters: json.dumps(letters[0])[1:-1], text)
    yield ascii_only.replace("\x7f", "\\u007f")
    yield ascii_only.replace("/", "\\/")
    yield text.replace("/", "\\/")
    yield text.translate(_HTML)


def _as_they_stand(number: re.Match[str]) -> str:
    return number[1]


def _as_javascript_writes(number: re.Match[str]) -> str:
    """``599000`` for ``599000.0``: JavaScript does not know how a number was spelt."""
    text = number[1]
    if _INTEGER.fullmatch(text) or len(text) > _LONGEST_NUMBER:
        return "0" if text == "-0" else text
    value = Decimal(text)
    if not value:
        return "0"
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    if len(digits) > _MOST_DIGITS or value.adjusted() not in _PLACES:
        return text
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
