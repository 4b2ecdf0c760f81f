"""Ids in Stripe's forms, made from the sandbox's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import attrs

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 24


@attrs.frozen
class Ids:
    """``new_id`` gives a text that it never gives again."""

    new_id: Callable[[], str]

    def make(self, prefix: str, length: int = _LENGTH) -> str:
        """An id such as ``pi_3Kd…``."""
        number = int.from_bytes(hashlib.sha256(self.new_id().encode()).digest())
        letters = []
        for _ in range(length):
            number, index = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[index])
        return f"{prefix}_{''.join(letters)}"

    def secret(self, owner: str) -> str:
        """The client secret of an intent."""
        return self.make(f"{owner}_secret")
