"""Ids in Checkout.com's forms, made from the sandbox's own."""

from __future__ import annotations

import hashlib
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import attrs

Prefix: TypeAlias = Literal["pay", "act", "src", "tok", "cus", "sid", "evt", "dsp"]

_BYTES: Final = 16  # 26 letters and digits in base 32
_PAGE_BYTES: Final = 9  # twelve characters in base 64


@attrs.frozen
class Ids:
    """``new_id`` gives a text that it never gives again."""

    new_id: Callable[[], str]

    def make(self, prefix: Prefix) -> str:
        """An id such as ``pay_`` and 26 small letters and digits."""
        return f"{prefix}_{b32encode(self._digest()[:_BYTES]).decode().rstrip('=').lower()}"

    def page(self) -> str:
        """The id of a hosted page."""
        return f"hpp_{urlsafe_b64encode(self._digest()[:_PAGE_BYTES]).decode()}"

    def request(self) -> str:
        """What Checkout.com's support would ask for."""
        digest = self._digest().hex()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"

    def authorization_code(self) -> str:
        """Six digits, as the issuers give them."""
        return str(int.from_bytes(self._digest()[:4]) % 10**6).zfill(6)

    def _digest(self) -> bytes:
        return hashlib.sha256(self.new_id().encode()).digest()
