"""The bank that issued the card: it is asked, and its answer is an action of the payment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from ...money import Money
from . import outcomes
from .state import Authorization, Payment

if TYPE_CHECKING:
    from .ids import Ids


@attrs.frozen
class Issuer:
    """``ids`` numbers its answers."""

    ids: Ids

    def ask(
        self,
        payment: Payment,
        amount: Money,
        now: datetime,
        *,
        data: dict[str, Any],
        increment: bool = False,
    ) -> Authorization:
        """Ask for money, or with nothing whether the card is good."""
        outcome = outcomes.issuer(
            payment.card.does,
            verifying=not payment.amount,
            stored=payment.stored,
            authenticated=payment.challenged,
        )
        return self.note(payment, amount, outcome, now, data=data, increment=increment)

    def note(
        self,
        payment: Payment,
        amount: Money,
        outcome: outcomes.Outcome,
        now: datetime,
        *,
        data: dict[str, Any],
        increment: bool = False,
    ) -> Authorization:
        """Write down an answer, also one that Checkout.com gives in the issuer's place."""
        code, summary = outcome
        approved = outcome == outcomes.APPROVED
        made = Authorization(
            id=self.ids.make("act"),
            payment=payment,
            amount=amount,
            created_at=now,
            due_at=now,
            state="done" if approved else "refused",
            reference=data.get("reference") or "",
            data=data,
            code=code,
            summary=summary,
            authorization_code=self.ids.authorization_code() if approved else "",
            increment=increment,
        )
        payment.actions.append(made)
        return made


def wants_payer(payment: Payment) -> bool:
    """Whether the payer has to authenticate before the issuer is asked."""
    wish = payment.fields.get("3ds") or {}
    if not wish.get("enabled") or payment.fields.get("merchant_initiated"):
        return False
    mandate = wish.get("challenge_indicator") == "challenge_requested_mandate"
    return mandate or outcomes.asks(payment.card.does, stored=payment.stored)
