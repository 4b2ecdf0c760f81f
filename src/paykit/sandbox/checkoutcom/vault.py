"""What stands for a card: tokens for one use within minutes, and stored cards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from ..cards.numbers import Card
from ..edge import remember
from .ids import Ids
from .issues import not_found, unprocessable
from .state import Instrument


@attrs.define(kw_only=True, eq=False)
class Token:
    """A card that was typed in a browser, until it is used."""

    id: str
    card: Card
    expires_at: datetime
    used: bool = False


class Vault:
    """Tokens, stored cards and customers, by their ids; the oldest are forgotten first."""

    def __init__(self, *, ids: Ids, token_lifetime: timedelta, keep: int) -> None:
        self._ids = ids
        self._token_lifetime = token_lifetime
        self._keep = keep
        self._tokens: dict[str, Token] = {}
        self._instruments: dict[str, Instrument] = {}
        self._customers: dict[str, dict[str, str]] = {}

    def tokenize(self, card: Card, now: datetime) -> Token:
        """A token for a card."""
        token = Token(id=self._ids.make("tok"), card=card, expires_at=now + self._token_lifetime)
        remember(self._tokens, token.id, token, keep=self._keep)
        return token

    def spend(self, token_id: str, now: datetime) -> Card:
        """The card of a token, for once."""
        token = self._tokens.get(token_id)
        if token is None:
            raise unprocessable("token_invalid")
        if token.used:
            raise unprocessable("token_used")
        if token.expires_at <= now:
            raise unprocessable("token_expired")
        token.used = True
        return token.card

    def store(self, card: Card, customer: dict[str, str]) -> Instrument:
        """Keep a card."""
        made = Instrument(id=self._ids.make("src"), card=card, customer=customer)
        remember(self._instruments, made.id, made, keep=self._keep)
        return made

    def find(self, instrument_id: str) -> Instrument | None:
        """A stored card."""
        return self._instruments.get(instrument_id)

    def delete(self, instrument_id: str) -> None:
        """Forget a stored card."""
        if self._instruments.pop(instrument_id, None) is None:
            raise not_found()

    def customer(self, asked: dict[str, Any] | None) -> dict[str, str]:
        """The customer that a request names, by id or by email; nobody if it names none."""
        wanted = {name: value for name, value in (asked or {}).items() if value}
        if "id" in wanted:
            known = self._customers.get(wanted["id"])
            if known is None:
                raise unprocessable("customer_not_found")
            return known
        if "email" not in wanted:
            return {}
        for one in self._customers.values():
            if one["email"] == wanted["email"]:
                return one
        names: dict[str, str] = {name: wanted[name] for name in ("email", "name") if name in wanted}
        made = {"id": self._ids.make("cus"), **names}
        remember(self._customers, made["id"], made, keep=self._keep)
        return made
