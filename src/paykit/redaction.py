"""Masking what must not be read in a log: a second line of defence.

paykit's own messages hold no secret and no card number. What others put into an exception or a log
line passes by here before it is written or exported.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from .cards import mask_card_numbers

MASK: Final = "[redacted]"
#: Shorter ones would be found in the middle of ordinary words.
_SHORTEST_SECRET: Final = 6

_NAMES: Final = (
    r"secret|passw(?:or)?d|(?:api|access|private|checksum|signature|hmac)[_-]?key|token|cvv|cvc"
)
_HINTS: Final = "secret passw key token cvv cvc"
_NAMED: Final = rf"(?i)((?:{_NAMES})[\w-]{{0,30}}[\"']?\s{{0,5}}"
_PRIVATE_KEY: Final = r"[A-Z ]{0,20}PRIVATE KEY-----"
_SECRET_NAME: Final = re.compile(f"authorization|{_NAMES}", re.IGNORECASE)
#: Words in small letters without one of which there is nothing to be found, what to look for, and
#: what stands there instead. Repetitions are bounded, or begin where nothing of their own kind is
#: before them, so that nobody can choose a text that takes for ever.
_PATTERNS: Final = tuple(
    (hints.split(), re.compile(pattern), replacement)
    for hints, pattern, replacement in (
        # A header with its scheme, as on the wire, in a mapping, or as an argument.
        (
            "authorization",
            r"(?i)(authorization[\"']?\s{0,5}[:=]\s{0,5}+[\"']?+)(?!\[red)[^\"'\r\n,;}\]]+",
            rf"\1{MASK}",
        ),
        (
            "bearer basic apikey",
            r"(?i)\b(bearer|basic|apikey)\s{1,5}(?=[^\s\d=]{0,500}[\d=])[\w.~+/=-]{8,}",
            rf"\1 {MASK}",
        ),
        # "api_key": "…" and password='…', and then those without quotes.
        (_HINTS, rf"{_NAMED}[:=]\s{{0,5}}([\"']))(?:(?!\2).)*", rf"\1{MASK}"),
        (_HINTS, rf"{_NAMED}=\s{{0,5}}+)(?!\[red)[^\s\"'&,;)}}\]]+", rf"\1{MASK}"),
        # After a colon there may be prose, and that has no digits.
        (
            _HINTS,
            rf"{_NAMED}:\s{{0,5}})(?=[^\s\d]{{0,500}}\d)[^\s\"'&,;)}}\]]+",
            rf"\1{MASK}",
        ),
        # Keys of Stripe and Checkout.com, of Adyen, tokens of PayPal, JSON web tokens.
        ("sk_ rk_ whsec_", r"(?<![\w-])(?:sk|rk|whsec)_\w{10,}", MASK),
        ("aqe aqf", r"(?<![\w+/=-])AQ[EF][\w+/=-]{20,}", MASK),
        ("a21aa", r"(?<![\w-])A21AA[\w-]{20,}", MASK),
        ("eyj", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", MASK),
        (
            "private",
            rf"(?s)-----BEGIN {_PRIVATE_KEY}.*?(?:-----END {_PRIVATE_KEY}|\Z)",
            MASK,
        ),
        # The password in the URL of a database or a broker.
        ("://", r"(://[^/\s:@]*:)[^/\s]+@", rf"\1{MASK}@"),
    )
)


def redact(text: str, *, secrets: Collection[str] = ()) -> str:
    """The text without card numbers, ``Authorization`` values and what looks like a secret.

    ``secrets`` are masked wherever they stand, unless they are too short to be told from words.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # one may be the beginning of another
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    small = text.lower()
    for hints, pattern, replacement in _PATTERNS:
        if any(hint in small for hint in hints):
            text = pattern.sub(replacement, text)
    return mask_card_numbers(text, MASK)


def names_secret(name: str) -> bool:
    """Whether what has this name is not to be shown, whatever it looks like."""
    return _SECRET_NAME.search(name) is not None
