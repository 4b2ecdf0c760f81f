"""Payments at Checkout.com: each thing done to one is an action with an id of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from ...money import Money
from ..cards.numbers import Card
from ..cards.state import Capture, CardPayment, Move, Refund
from .outcomes import APPROVED, REFUSED

ActionType: TypeAlias = Literal["Authorization", "Card Verification", "Capture", "Void", "Refund"]


@attrs.define(kw_only=True, eq=False)
class Authorization(Move):
    """The issuer was asked: for a payment, for more of it, or whether a card is good."""

    code: str
    summary: str
    authorization_code: str = ""
    increment: bool = False

    @property
    def approved(self) -> bool:
        """Whether the issuer agreed."""
        return self.code == APPROVED[0]


@attrs.define(kw_only=True, eq=False)
class Void(Move):
    """What is left of a hold is let go."""


@attrs.define(kw_only=True, eq=False)
class Instrument:
    """A stored card."""

    id: str
    card: Card
    customer: dict[str, str]


@attrs.define(kw_only=True, eq=False)
class Payment(CardPayment):
    """One payment. ``fields`` is what the merchant asked for.

    While it is ``waiting``, the payer is asked to authenticate, until ``open_until``. ``ended``
    says how it came to nothing without the issuer's word.
    """

    card: Card
    session_id: str
    fields: dict[str, Any]
    source_id: str
    customer: dict[str, str]
    open_until: datetime
    stored: bool = False
    waiting: bool = False
    challenged: bool = False
    ended: Literal["", "Canceled", "Expired"] = ""
    #: Everything that was done or asked for, in its order.
    actions: list[Move] = attrs.field(factory=list)
    success_url: str = ""
    failure_url: str = ""
    challenge_url: str = ""
    hosted: bool = False  #: paid on Checkout.com's own page

    @property
    def number(self) -> str:
        """The merchant's number; ``reference`` is the id where there is none."""
        return str(self.fields.get("reference") or "")

    @property
    def first(self) -> Authorization | None:
        """The issuer's answer, as soon as there is one."""
        found = self.actions[0] if self.actions else None
        return found if isinstance(found, Authorization) else None

    @property
    def approved(self) -> bool:
        """Whether the issuer agreed."""
        return self.first is not None and self.first.approved

    @property
    def authorized(self) -> Money:
        """What was held, with what was added later, whatever became of it."""
        return self.held or self.zero

    @property
    def voided(self) -> Money:
        """What was let go again."""
        return self.authorized - self.captured if self.released else self.zero

    @property
    def closing(self) -> bool:
        """Whether a void, or a capture that is the last one, is under way."""
        return any(
            one.state == "pending" and (isinstance(one, Void) or is_last(one))
            for one in self.actions
        )

    @property
    def left(self) -> Money:
        """What can be captured now."""
        return self.zero if self.closing else self.capturable

    @property
    def status(self) -> str:
        """The state of the whole in Checkout.com's words."""
        if self.waiting:
            return "Pending"
        if self.ended:
            return self.ended
        if not self.approved:
            return "Declined"
        if not self.amount:
            return "Card Verified"
        if self.refunded:
            return "Refunded" if self.refunded == self.captured else "Partially Refunded"
        if self.captured:
            return "Captured" if self.captured == self.authorized else "Partially Captured"
        return {"voided": "Voided", "expired": "Expired"}.get(self.released, "Authorized")


def is_last(action: Move) -> bool:
    """Whether an action is a capture that lets go of the rest."""
    return isinstance(action, Capture) and action.final


def action_type(action: Move) -> ActionType:
    """What was done, in Checkout.com's words."""
    if isinstance(action, Authorization):
        return "Authorization" if action.payment.amount else "Card Verification"
    if isinstance(action, Refund):
        return "Refund"
    return "Capture" if isinstance(action, Capture) else "Void"


def answer(action: Move) -> tuple[str, str]:
    """The response code of an action that is done, and its words."""
    if isinstance(action, Authorization):
        return action.code, action.summary
    return REFUSED if action.state == "refused" else APPROVED
