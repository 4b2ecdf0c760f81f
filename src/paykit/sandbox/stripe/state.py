"""Stripe's objects, as far as they have a life of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from ...money import Money
from ..cards.challenges import Finished
from ..cards.numbers import Card
from ..cards.state import CardPayment, Refund

Json: TypeAlias = "dict[str, Any]"
CaptureMethod: TypeAlias = Literal["automatic", "automatic_async", "manual"]


@attrs.define(kw_only=True, eq=False)
class Customer:
    """A customer; its fields are what the merchant said."""

    id: str
    created_at: datetime
    fields: Json


@attrs.define(kw_only=True, eq=False)
class Method:
    """A card that the merchant may use: once, or again while a customer has it.

    ``known`` is a card that has passed 3-D Secure to be stored.
    """

    id: str
    created_at: datetime
    card: Card
    fields: Json = attrs.field(factory=dict)
    customer: str = ""
    used: bool = False
    known: bool = False


@attrs.define(kw_only=True, eq=False)
class Charge:
    """One attempt to hold money. ``error`` is why it failed."""

    id: str
    created_at: datetime
    method: Method
    authenticated: bool = False
    error: Json | None = None


@attrs.define(kw_only=True, eq=False, slots=False)
class Attempting:
    """What payments and set-ups have in common: a card, perhaps a question to the payer."""

    method: Method | None = None
    customer: str = ""
    fields: Json = attrs.field(factory=dict)
    client_secret: str = ""
    return_url: str = ""
    challenge: str = ""  #: the page of 3-D Secure, while it is open
    by_script: bool = False  #: the shop's page opens it, no redirect
    last_error: Json | None = None
    canceled_at: datetime | None = None
    cancellation_reason: str | None = None
    #: Where the payer goes after 3-D Secure, if not to ``return_url``.
    after: Callable[[datetime], Finished] | None = None


@attrs.define(kw_only=True, eq=False)
class Intent(CardPayment, Attempting):
    """A payment. Its state follows from what has happened to it."""

    capture_method: CaptureMethod = "automatic_async"
    charges: list[Charge] = attrs.field(factory=list)
    #: What was let go of a hold, where the account shows that as a refund.
    releases: list[Refund] = attrs.field(factory=list)

    @property
    def all_refunds(self) -> list[Refund]:
        """Refunds, the oldest first, with what looks like one."""
        return [*self.releases, *self.refunds]

    @property
    def status(self) -> str:
        """In Stripe's words."""
        if self.canceled_at:
            return "canceled"
        if self.held is not None:
            return "requires_capture" if self.capturable else "succeeded"
        if self.challenge:
            return "requires_action"
        return "requires_confirmation" if self.method else "requires_payment_method"

    @property
    def charge(self) -> Charge | None:
        """The latest attempt."""
        return self.charges[-1] if self.charges else None


@attrs.define(kw_only=True, eq=False)
class Setup(Attempting):
    """A card that is to be stored without a payment."""

    id: str
    created_at: datetime
    done: bool = False

    @property
    def status(self) -> str:
        """In Stripe's words."""
        if self.canceled_at:
            return "canceled"
        if self.done:
            return "succeeded"
        if self.challenge:
            return "requires_action"
        return "requires_confirmation" if self.method else "requires_payment_method"


@attrs.define(kw_only=True, eq=False)
class Session:
    """A Checkout Session: Stripe's own page."""

    id: str
    created_at: datetime
    expires_at: datetime
    amount: Money
    fields: Json
    intent: Intent | None = None
    setup: Setup | None = None
    complete: bool = False
    expired: bool = False

    @property
    def status(self) -> str:
        """In Stripe's words."""
        return "complete" if self.complete else "expired" if self.expired else "open"

    @property
    def reference(self) -> str:
        """What the merchant knows it by."""
        return str(self.fields.get("client_reference_id") or self.id)
