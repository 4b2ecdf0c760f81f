"""PayPal's orders and what becomes of them, as the simulator remembers it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from ...money import Money

#: With what the payer pays, and so what becomes of the payment:
#: ``balance`` is taken at once; ``echeck`` and ``review`` leave it pending for a while;
#: ``declined`` is refused when it is to be taken, and the payer may choose again;
#: ``failing`` gives a capture that has failed.
Funding: TypeAlias = Literal["balance", "echeck", "review", "declined", "failing"]


@attrs.define(kw_only=True, eq=False)
class Refund:
    """Money given back, by the merchant or, as a ``reversal``, by PayPal."""

    id: str
    capture: Capture
    amount: Money
    total: Money  #: all refunds of the capture up to this one
    created_at: datetime
    done_at: datetime
    fields: dict[str, Any] = attrs.field(factory=dict)
    reversal: bool = False
    announced: bool = False

    def done(self, now: datetime) -> bool:
        """Whether the money has arrived."""
        return self.done_at <= now

    def status(self, now: datetime) -> str:
        """In PayPal's words."""
        return "COMPLETED" if self.done(now) else "PENDING"


@attrs.define(kw_only=True, eq=False)
class Dispute:
    """A payer's complaint about a capture. ``outcome`` is set when it is resolved."""

    id: str
    capture: Capture
    created_at: datetime
    updated_at: datetime
    outcome: str = ""

    def resolve(self, outcome: str, now: datetime) -> None:
        """Decide it."""
        self.outcome = outcome
        self.updated_at = now


@attrs.define(kw_only=True, eq=False)
class Capture:
    """Money taken. ``pending_for`` says why it has not arrived; ``declined`` that it never will."""

    id: str
    unit: Unit
    authorization: Authorization | None
    amount: Money
    created_at: datetime
    updated_at: datetime
    final: bool
    invoice_id: str = ""
    pending_for: str = ""
    declined: bool = False
    refunds: list[Refund] = attrs.field(factory=list)
    dispute: Dispute | None = None

    @property
    def refunded(self) -> Money:
        """What was given back or is on its way back."""
        return sum((one.amount for one in self.refunds), Money(0, self.amount.currency))

    @property
    def left(self) -> Money:
        """What can still be given back."""
        return self.amount - self.refunded

    @property
    def disputed(self) -> bool:
        """Whether a dispute is open."""
        return self.dispute is not None and not self.dispute.outcome

    @property
    def reversed(self) -> bool:
        """Whether PayPal has given money back."""
        return any(one.reversal for one in self.refunds)

    def status(self, now: datetime) -> str:
        """In PayPal's words; a refund on its way changes nothing yet."""
        if self.declined:
            return "DECLINED"
        if self.pending_for:
            return "PENDING"
        done = sum(one.amount.minor for one in self.refunds if one.done(now))
        if done:
            return "REFUNDED" if done == self.amount.minor else "PARTIALLY_REFUNDED"
        return "COMPLETED"

    @property
    def reason(self) -> str:
        """Why the status is not the whole story."""
        if self.pending_for:
            return self.pending_for
        if self.reversed:
            return "CHARGEBACK"
        return "BUYER_COMPLAINT" if self.disputed else ""


@attrs.define(kw_only=True, eq=False)
class Authorization:
    """Money held. Nothing ends it at its time but the clock; a void is marked."""

    id: str
    unit: Unit
    amount: Money
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    pending_for: str = ""
    denied: bool = False
    voided: bool = False
    expiry_announced: bool = False
    parent: Authorization | None = None
    child: Authorization | None = None
    captures: list[Capture] = attrs.field(factory=list)

    @property
    def captured(self) -> Money:
        """What was taken of it; a capture that failed took nothing."""
        taken = (one.amount for one in self.captures if not one.declined)
        return sum(taken, Money(0, self.amount.currency))

    @property
    def closed(self) -> bool:
        """Whether the last capture was announced, or all of it is taken."""
        final = any(one.final and not one.declined for one in self.captures)
        return final or self.captured >= self.amount

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at <= now

    def status(self, now: datetime) -> str:
        """In PayPal's words, which have none for expired."""
        if self.denied:
            return "DENIED"
        if self.voided:
            return "VOIDED"
        if self.closed:
            return "CAPTURED"
        if self.captured:
            return "PARTIALLY_CAPTURED"
        if self.expired(now):
            return "VOIDED"
        return "PENDING" if self.pending_for else "CREATED"


@attrs.define(kw_only=True, eq=False)
class Unit:
    """One purchase unit. ``fields`` is the merchant's request for it."""

    order: Order
    fields: dict[str, Any]
    amount: Money
    authorizations: list[Authorization] = attrs.field(factory=list)
    captures: list[Capture] = attrs.field(factory=list)

    @property
    def invoice_id(self) -> str:
        """The merchant's number for it, or an empty text."""
        return str(self.fields.get("invoice_id") or "")

    @property
    def custom_id(self) -> str:
        """The merchant's other number, or an empty text."""
        return str(self.fields.get("custom_id") or "")


@attrs.define(kw_only=True, eq=False)
class Order:
    """One checkout. ``context`` is how the merchant wants the page to be.

    ``open_until`` moves when the payer approves. ``funding`` is empty until then, and again after
    a decline.
    """

    id: str
    intent: str
    context: dict[str, Any]
    with_source: bool
    created_at: datetime
    updated_at: datetime
    open_until: datetime
    units: list[Unit] = attrs.field(factory=list)
    funding: Funding | None = None
    completed: bool = False
    declines: int = 0

    @property
    def status(self) -> str:
        """In PayPal's words."""
        if self.completed:
            return "COMPLETED"
        if self.funding:
            return "APPROVED"
        return "PAYER_ACTION_REQUIRED" if self.with_source else "CREATED"

    @property
    def amount(self) -> Money:
        """The sum of its units."""
        first, *rest = (unit.amount for unit in self.units)
        return sum(rest, first)

    @property
    def reference(self) -> str:
        """How the merchant knows it best."""
        unit = self.units[0]
        return unit.invoice_id or unit.custom_id or self.id

    @property
    def immediate_only(self) -> bool:
        """Whether the merchant wants no payment that stays pending."""
        old_place = self.context.get("payment_method") or {}
        preferences = (
            self.context.get("payment_method_preference"),
            old_place.get("payee_preferred"),
        )
        return "IMMEDIATE_PAYMENT_REQUIRED" in preferences

    def gone(self, now: datetime) -> bool:
        """Whether it was never completed, and PayPal has forgotten it."""
        return not self.completed and self.open_until <= now

    def captures(self) -> Iterator[Capture]:
        """All captures, direct or of authorizations."""
        for unit in self.units:
            yield from unit.captures

    def authorizations(self) -> Iterator[Authorization]:
        """All authorizations."""
        for unit in self.units:
            yield from unit.authorizations


Resource: TypeAlias = Order | Authorization | Capture | Refund
