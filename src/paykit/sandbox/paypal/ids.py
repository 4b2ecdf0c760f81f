"""Ids in PayPal's forms, made from the sandbox's own."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Final

import attrs

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LENGTH: Final = 17
_DEBUG_LENGTH: Final = 13


@attrs.frozen
class Ids:
    """``new_id`` gives a text that it never gives again."""

    new_id: Callable[[], str]

    def transaction(self) -> str:
        """Seventeen digits and capital letters, as for orders, captures and refunds."""
        number = int.from_bytes(self._digest())
        letters = []
        for _ in range(_LENGTH):
            number, index = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[index])
        return "".join(letters)

    def event(self) -> str:
        """The id of a webhook event."""
        return f"WH-{self.transaction()}-{self.transaction()}"

    def transmission(self) -> str:
        """The id of one delivery of an event."""
        return str(uuid.UUID(bytes=self._digest()[:16], version=4))

    def dispute(self) -> str:
        """The id of a dispute."""
        number = str(int.from_bytes(self._digest()[:8]) % 10**9).zfill(9)
        return f"PP-R-SBX-{number}"

    def token(self) -> str:
        """An access token."""
        return f"A21AA{self._digest().hex()}"

    def debug(self) -> str:
        """What PayPal's support would ask for."""
        return self._digest().hex()[:_DEBUG_LENGTH]

    def _digest(self) -> bytes:
        return hashlib.sha256(self.new_id().encode()).digest()
