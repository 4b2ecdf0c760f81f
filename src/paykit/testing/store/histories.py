"""Histories of a few payments, by chance: whatever may be told of them, in any order."""

from __future__ import annotations

import random
from typing import Final

import attrs

from ...events import MovementKind
from ...models import PaymentStatus
from ...money import Money
from ...service.recording import Fact
from ...service.state import PaymentRecord
from .base import PRICE, moved, payment, told, transfer

S = PaymentStatus

_ORDERS: Final = ("ONE", "TWO", "THREE", "TWO-AGAIN", "NOBODY")
_STATUSES: Final = (
    S.PENDING,
    S.FAILED,
    S.AUTHORIZED,
    S.SUCCEEDED,
    S.CANCELED,
    S.EXPIRED,
    S.UNKNOWN,
)
_FACTS: Final = 30


class History:
    """One history. Another one with the same ``seed`` differs only in its ``prefix``."""

    def __init__(self, prefix: str, seed: int) -> None:
        self.prefix = prefix
        self.chance = random.Random(seed)  # noqa: S311 - no secret: it can be told again

    def payments(self) -> list[PaymentRecord]:
        """The payments: two of one order, and of one that is told of there is none."""
        orders = {"TWO-AGAIN": "TWO"}
        return [
            payment(self._name(name), order_id=self._name(orders.get(name, name)))
            for name in _ORDERS
            if name != "NOBODY"
        ]

    def facts(self) -> list[Fact]:
        """What is told, repeats and contradictions among it."""
        found: list[Fact] = []
        for number in range(_FACTS):
            chance = self.chance.random()
            if found and chance < 0.2:  # noqa: PLR2004 - a share
                found.append(self.chance.choice(found))
            elif found and chance < 0.25:  # noqa: PLR2004
                found.append(attrs.evolve(self.chance.choice(found), amount=Money(7, "VND")))
            else:
                found.append(self._fact(number))
        return found

    def in_groups(self, facts: list[Fact]) -> list[list[Fact]]:
        """The same facts, a few at a time."""
        groups = []
        while facts:
            size = self.chance.randint(1, 7)
            groups.append(facts[:size])
            facts = facts[size:]
        return groups

    def _fact(self, number: int) -> Fact:
        name = self._name(self.chance.choice(_ORDERS))
        match self.chance.randint(0, 3):
            case 0:
                minor = self.chance.choice([PRICE.minor, 1000])
                return moved(name, self.chance.choice(list(MovementKind)), minor, number)
            case 1:
                return transfer(name, self.chance.choice([PRICE.minor, 50_000]), number)
            case _:
                status = self.chance.choice(_STATUSES)
                provider_id = f"{self.prefix}:{self.chance.randint(1, 4)}"
                return told(name, status, number, provider_id=provider_id)

    def _name(self, name: str) -> str:
        return f"{self.prefix}:{name}"
