"""Texts of others for people who look: shown as what they are, without what nobody should see."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Protocol

from ..cards import holds_card_number, looks_like_card_id
from ..events import Source, TransferReceived
from ..provider import key_of

_LONGEST: Final = 1000
_HIDDEN: Final = "[hidden: it may hold a card number]"
#: Account and telephone numbers, of payers too, are this long. Written in groups, they begin with 0
#: or with four digits, as dates and amounts do not.
_LONG_NUMBER: Final = re.compile(r"\d{8,}|(?:0\d\d+|\d{4,})(?:[ .-]\d+)+")
_SHORTEST_IN_GROUPS: Final = 9
#: Control characters, formatting that nobody sees, ends of lines, surrogates, and what is no
#: character at all.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"})

_TOLD_BY: Final = {
    Source.WEBHOOK: "A webhook said",
    Source.POLL: "The provider said when asked",
    Source.RETURN: "The browser's return said",
    Source.API: "The provider answered",
    Source.TRANSFER: "A bank transfer arrived",
}


def told_by(source: Source) -> str:
    """How a fact came to us: ``A webhook said``."""
    return _TOLD_BY[source]


def words(text: str | None) -> str:
    """A text of somebody else's: no card number, nothing invisible, and not endless."""
    if text is None:
        return ""
    return _HIDDEN if holds_card_number(text) else _visible(text)


def name(text: str | None) -> str:
    """An id or a reference, which may be long digits but no card number.

    One of several words is a text like any other: an id has no blanks in it.
    """
    if text is None:
        return ""
    if looks_like_card_id(text):
        return masked(text)
    return words(text) if len(text.split()) > 1 else _visible(text)


def masked(number: str | None) -> str:
    """The end of a number, by which its owner knows it."""
    return f"••••{_visible(number[-4:])}" if number else ""


def memo(transfer: TransferReceived) -> str:
    """A memo without the long numbers that banks write into it, but with its payment codes."""
    if holds_card_number(transfer.memo):
        return _HIDDEN
    codes = "|".join(re.escape(code) for code in transfer.codes if code)
    parts = re.split(f"({codes})", transfer.memo) if codes else [transfer.memo]
    return _visible(
        "".join(
            part if part in transfer.codes else _LONG_NUMBER.sub(_masked, part) for part in parts
        )
    )


def _masked(found: re.Match[str]) -> str:
    number = found[0]
    digits = sum(letter.isdigit() for letter in number)
    is_long = digits == len(number) or digits >= _SHORTEST_IN_GROUPS
    return masked(number) if is_long else number


class OfAccount(Protocol):
    """Something that is at an account of a provider."""

    @property
    def provider(self) -> str:
        """The provider's name."""
        ...

    @property
    def account(self) -> str:
        """The account's name."""
        ...


def account_key(one: OfAccount) -> str:
    """The name of something's account in settings: ``momo``, or ``momo-eu``."""
    return key_of(one.provider, one.account)


def _visible(text: str) -> str:
    shown = "".join(
        f"‹U+{ord(letter):04X}›" if unicodedata.category(letter) in _UNSEEN else letter
        for letter in text[:_LONGEST]
    )
    return shown if len(text) <= _LONGEST else f"{shown}… ({len(text):,} characters)"
