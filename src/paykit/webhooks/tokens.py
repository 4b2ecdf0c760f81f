"""Tokens by which a browser may see how one order stands: an order's id can be guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from ..errors import ConfigurationError, InvalidRequest
from ..provider import utc_now
from ..signing import SigningKey

_TOKEN = re.compile(r"([0-9a-f]{8,12})\.([0-9a-f]{64})")
_SHORTEST: Final = 16


class OrderTokens:
    """Makes and checks the tokens of orders' status pages.

    ``keys`` are secrets of at least 16 characters; tokens are made with the first and checked with
    all of them, so that one can be replaced. A token names one order and an hour at which it ends;
    nothing is stored. Raises :class:`~paykit.errors.ConfigurationError`.
    """

    def __init__(
        self,
        *keys: str,
        valid_for: timedelta = timedelta(days=1),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if not keys or any(not isinstance(key, str) or len(key) < _SHORTEST for key in keys):
            raise ConfigurationError(f"a key for tokens has at least {_SHORTEST} characters")
        if not isinstance(valid_for, timedelta) or valid_for <= timedelta(0):
            raise ConfigurationError("valid_for is a timedelta of more than nothing")
        self._keys: Sequence[SigningKey] = [SigningKey(key, "sha256") for key in keys]
        self._valid_for = valid_for
        self._clock = clock

    def make(self, order_id: str) -> str:
        """The token for one order: put it into that order's page, and nowhere else.

        Raises :class:`~paykit.errors.InvalidRequest` for an empty id.
        """
        if not order_id:
            raise InvalidRequest("is empty", field="order_id")
        end = int((self._clock() + self._valid_for).timestamp())
        return f"{end:08x}.{self._keys[0].hex(_message(order_id, end))}"

    def allow(self, order_id: str, token: str) -> bool:
        """Whether this token is for this order, and not too old."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return False
        end = int(match[1], 16)
        message = _message(order_id, end)
        genuine = [key.matches(message, match[2]) for key in self._keys]
        return any(genuine) and self._clock().timestamp() < end


def _message(order_id: str, end: int) -> bytes:
    return f"paykit order status\n{end}\n{order_id}".encode(errors="surrogatepass")
