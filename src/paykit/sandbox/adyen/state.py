"""Payments at the pretended Adyen, and what belongs to them beside the money."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...money import Money
from ..cards.numbers import Card
from ..cards.state import CardPayment

#: Adyen's own names of schemes, where they differ.
BRANDS: Final = {"mastercard": "mc", "unionpay": "cup"}

Capturing: TypeAlias = Literal["automatic", "delayed", "manual"]


@attrs.frozen(kw_only=True)
class StoredCard:
    """A card that belongs to a shopper of the merchant, by Adyen's id."""

    id: str
    shopper: str
    card: Card
    model: str
    created_at: datetime


@attrs.frozen
class Outcome:
    """What came of an authorisation: Adyen's result, and the reason where that is a refusal."""

    result: str
    code: str = ""
    reason: str = ""

    @property
    def good(self) -> bool:
        """Whether the issuer agreed."""
        return self.result == "Authorised"


@attrs.frozen(kw_only=True)
class Ending:
    """Who let the rest of a hold go: the modification, and how it was asked for."""

    psp: str
    reference: str
    event: Literal["CANCELLATION", "TECHNICAL_CANCEL", "CANCEL_OR_REFUND"]


@attrs.frozen(kw_only=True)
class Question:
    """What the shopper has to do first. ``key`` is for Adyen's component, ``result`` the proof.

    A ``native`` one is answered inside the shop's page, another by a redirect.
    """

    key: str
    result: str
    native: bool
    page: str = ""


@attrs.define(kw_only=True, eq=False)
class HostedPage:
    """A page of Adyen's to pay on: a hosted session, or a payment link.

    ``result`` is what the browser brings back from a session.
    """

    id: str
    kind: Literal["session", "link"]
    reference: str
    amount: Money
    fields: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    result: str
    payments: list[Payment] = attrs.field(factory=list)
    canceled: bool = False

    @property
    def paid(self) -> bool:
        """Whether one of the attempts succeeded."""
        return any(one.good for one in self.payments)

    def over(self, now: datetime) -> bool:
        """Whether nobody can pay any more."""
        return self.paid or self.canceled or self.expires_at <= now


@attrs.define(kw_only=True, eq=False)
class Payment(CardPayment):
    """One attempt to pay; its ``id`` is the ``pspReference``.

    ``outcome`` is unset while there is a ``question`` to the shopper. ``fields`` is what the
    merchant asked. ``stored`` is a card that was stored with it, ``used`` a stored one that it is
    paid with. ``page`` is the hosted page that it was made on.
    """

    fields: dict[str, Any]
    capturing: Capturing
    capture_at: datetime | None = None
    outcome: Outcome | None = None
    question: Question | None = None
    answer: bool | None = None  #: to the question
    open_until: datetime | None = None
    stored: StoredCard | None = None
    stored_anew: bool = False
    used: StoredCard | None = None
    page: HostedPage | None = None
    closed: bool = False  #: the shopper never came back
    ending: Ending | None = None

    @property
    def instrument(self) -> Card:
        """The card; here a payment never is without one."""
        assert self.card is not None  # noqa: S101
        return self.card

    @property
    def good(self) -> bool:
        """Whether the issuer agreed."""
        return self.outcome is not None and self.outcome.good

    @property
    def brand(self) -> str:
        """The card's scheme, in Adyen's words."""
        return BRANDS.get(self.instrument.brand, self.instrument.brand)
