"""What a shop knows of one payment after what it was told, by the rules of docs/service.md.

A second writing of those rules, in another way than the service's: what is told has a place in the
provider's history, and to know is to have heard of the furthest place and of the most money.
"""

from __future__ import annotations

import attrs

from .book import UNPAID, Told

#: It waits; that is no news.
WAITING = frozenset({"requires_action", "pending"})


@attrs.define
class Knowledge:
    """What is known of one payment that is told of by statuses, totals and movements."""

    amount: int
    status: str = "requires_action"
    place: int = 0
    captured_total: int = 0
    refunded_total: int = 0
    movements: dict[tuple[str, str], int] = attrs.field(factory=dict)
    refused: set[tuple[str, str]] = attrs.field(factory=set)
    #: How many refusals may still be told by an event that changes nothing else.
    refusals: int = 0

    @property
    def seen(self) -> tuple[str, int, int]:
        """Status, captured, refunded."""
        captured = max(self.captured_total, self._sum("capture"))
        refunded = max(self.refunded_total, self._sum("refund"))
        return self._status(captured, refunded), captured, refunded

    def _status(self, captured: int, refunded: int) -> str:
        if refunded > captured > 0:
            return "needs_review"  # more was given back than was taken, for all that is known
        if refunded:
            return "refunded" if refunded >= (captured or self.amount) else "partially_refunded"
        return "succeeded" if captured else self.status

    def _sum(self, kind: str) -> int:
        return sum(amount for (one, _), amount in self.movements.items() if one == kind)

    def hear(self, told: Told) -> int:
        """Take in what was told; returns how many events that makes."""
        if told.is_refusal:
            return self._hear_refusal(told)
        before = self.seen
        if told.movement is not None:
            kind, name, amount = told.movement
            self.movements[kind, name] = amount
        if told.place > self.place and told.status is not None:
            self.place = told.place
            if not (self.status in UNPAID and told.status in UNPAID):
                self.status = told.status
        self.captured_total = max(self.captured_total, told.captured or 0)
        self.refunded_total = max(self.refunded_total, told.refunded or 0)
        return int(self.seen != before and self.seen[0] not in WAITING)

    def _hear_refusal(self, told: Told) -> int:
        if told.movement is None:
            self.refusals += 1
            return 0
        kind, name, _ = told.movement
        is_new = (kind, name) not in self.refused
        self.refused.add((kind, name))
        return int(is_new)


@attrs.define
class Transfers:
    """What is known of one payment that is paid by bank transfers."""

    amount: int
    status: str = "requires_action"
    received: dict[str, int] = attrs.field(factory=dict)
    refusals: int = 0

    @property
    def seen(self) -> tuple[str, int, int]:
        """Status, captured, refunded."""
        return self.status, sum(self.received.values()), 0

    def hear(self, told: Told) -> int:
        """Count a transfer, once."""
        _, name, amount = told.movement
        if name in self.received:
            return 0
        self.received[name] = amount
        if self.status != "succeeded":
            whole = sum(self.received.values()) == self.amount
            self.status = "succeeded" if whole else "needs_review"
        return 1
