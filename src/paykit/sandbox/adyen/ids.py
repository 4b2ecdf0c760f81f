"""Ids in Adyen's forms, made from the sandbox's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import attrs

#: Neither vowels nor what looks like a digit, so that no word comes out.
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ23456789"
_LENGTH: Final = 16


@attrs.frozen
class Ids:
    """``new_id`` gives a text that it never gives again."""

    new_id: Callable[[], str]

    def psp(self) -> str:
        """A ``pspReference``: sixteen digits and capital letters, unique at Adyen."""
        number, letters = int.from_bytes(self._digest()), []
        for _ in range(_LENGTH):
            number, index = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[index])
        return "".join(letters)

    def session(self) -> str:
        """The id of a session."""
        return f"CS{self._digest().hex()[:16].upper()}"

    def link(self) -> str:
        """The id of a payment link."""
        return f"PL{self._digest().hex()[:16].upper()}"

    def opaque(self) -> str:
        """A text that only Adyen understands."""
        return f"sbx{self._digest().hex()}"

    def _digest(self) -> bytes:
        return hashlib.sha256(self.new_id().encode()).digest()
