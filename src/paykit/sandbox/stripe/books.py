"""Where Stripe's objects are found, each by its id; the oldest are forgotten first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from ..cards.state import Dispute, Refund
from ..edge import remember
from .errors import no_such
from .state import Charge, Customer, Intent, Method, Session, Setup

T = TypeVar("T")


class Books:
    """Everything that Stripe remembers about one account."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._things: dict[str, dict[str, Any]] = {}

    def add(self, thing: Customer | Method | Intent | Setup | Session) -> None:
        """Remember an object."""
        kind = type(thing).__name__
        remember(self._things.setdefault(kind, {}), thing.id, thing, keep=self._keep)

    def all(self, kind: type[T]) -> Iterator[T]:
        """Every object of a kind, the oldest first."""
        return iter(list(self._things.get(kind.__name__, {}).values()))

    def find(self, kind: type[T], thing_id: str) -> T | None:
        """An object by its id."""
        return self._things.get(kind.__name__, {}).get(thing_id)

    def get(self, kind: type[T], thing_id: str, *, param: str = "", what: str = "") -> T:
        """An object by its id. Without ``param`` the address names it; raises ``Refusal``."""
        found = self.find(kind, thing_id)
        if found is None:
            words = what or {"Intent": "payment_intent", "Setup": "setupintent"}.get(
                kind.__name__, {"Method": "PaymentMethod"}.get(kind.__name__, kind.__name__.lower())
            )
            raise no_such(words, thing_id, param=param or "intent", in_path=not param)
        return found

    def session_of(self, intent: Intent) -> Session | None:
        """The page on which a payment was made, if it was."""
        return next((one for one in self.all(Session) if one.intent is intent), None)

    def charge(self, charge_id: str) -> tuple[Intent, Charge] | None:
        """A charge and its payment."""
        for intent in self.all(Intent):
            for charge in intent.charges:
                if charge.id == charge_id:
                    return intent, charge
        return None

    def refund(self, refund_id: str) -> Refund | None:
        """A refund of a known payment."""
        found = (one for intent in self.all(Intent) for one in intent.all_refunds)
        return next((one for one in found if one.id == refund_id), None)

    def dispute(self, dispute_id: str) -> Dispute | None:
        """A dispute about a known payment."""
        found = (one for intent in self.all(Intent) for one in intent.disputes)
        return next((one for one in found if one.id == dispute_id), None)
