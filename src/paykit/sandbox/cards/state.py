"""A payment by card: what is held, taken and given back, and what is disputed.

Simulators subclass :class:`CardPayment` for what their gateway has beside that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from ...money import Money
from .numbers import Card

#: Pending; done; refused, so that nothing moved; done and then taken back.
MoveState: TypeAlias = Literal["pending", "done", "refused", "undone"]
#: Why the rest of a hold is no longer there.
Released: TypeAlias = Literal["", "captured", "voided", "expired"]
DisputeState: TypeAlias = Literal["open", "won", "lost"]

_COUNTS: frozenset[MoveState] = frozenset({"pending", "done"})


@attrs.define(kw_only=True, eq=False)
class Move:
    """Money on its way. ``due_at`` is when it arrives; ``reason`` is why it did not."""

    id: str
    payment: CardPayment
    amount: Money
    created_at: datetime
    due_at: datetime
    state: MoveState = "pending"
    reason: str = ""
    reference: str = ""
    data: dict[str, Any] = attrs.field(factory=dict)  #: the gateway's own, such as metadata

    @property
    def counts(self) -> bool:
        """Whether the money has moved or still may."""
        return self.state in _COUNTS


@attrs.define(kw_only=True, eq=False)
class Capture(Move):
    """Money taken. A ``final`` one releases the rest of the hold."""

    final: bool = True


@attrs.define(kw_only=True, eq=False)
class Refund(Move):
    """Money given back."""


@attrs.define(kw_only=True, eq=False)
class Dispute:
    """The payer complained at the bank."""

    id: str
    payment: CardPayment
    amount: Money
    created_at: datetime
    state: DisputeState = "open"


@attrs.define(kw_only=True, eq=False)
class CardPayment:
    """One payment. Nothing is held while ``held`` is ``None``."""

    id: str
    reference: str
    amount: Money
    created_at: datetime
    card: Card | None = None
    held: Money | None = None
    hold_ends: datetime | None = None
    released: Released = ""
    captures: list[Capture] = attrs.field(factory=list)
    refunds: list[Refund] = attrs.field(factory=list)
    disputes: list[Dispute] = attrs.field(factory=list)

    @property
    def zero(self) -> Money:
        """Nothing, in the payment's currency."""
        return Money(0, self.amount.currency)

    @property
    def captured(self) -> Money:
        """What was taken and not taken back."""
        return self._sum(one.amount for one in self.captures if one.state == "done")

    @property
    def refunded(self) -> Money:
        """What was given back."""
        return self._sum(one.amount for one in self.refunds if one.state == "done")

    @property
    def capturable(self) -> Money:
        """What may still be taken."""
        if self.held is None or self.released:
            return self.zero
        asked = self._sum(one.amount for one in self.captures if one.counts)
        return Money(max(0, self.held.minor - asked.minor), self.amount.currency)

    @property
    def refundable(self) -> Money:
        """What may still be given back: neither asked for already, nor lost in a dispute."""
        asked = self._sum(one.amount for one in self.refunds if one.counts)
        lost = self._sum(one.amount for one in self.disputes if one.state == "lost")
        left = self.captured.minor - asked.minor - lost.minor
        return Money(max(0, left), self.amount.currency)

    @property
    def dispute(self) -> Dispute | None:
        """The latest dispute."""
        return self.disputes[-1] if self.disputes else None

    def _sum(self, amounts: Any) -> Money:
        return Money(sum(one.minor for one in amounts), self.amount.currency)
