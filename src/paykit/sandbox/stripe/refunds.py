"""Refunds: money goes back to the card.

https://docs.stripe.com/api/refunds
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from ..cards.state import Refund
from ..cards.till import Till
from . import amounts
from .errors import Refusal, no_such
from .state import Charge, Intent, Json

if TYPE_CHECKING:
    from .books import Books
    from .ids import Ids
    from .notices import Notices


@attrs.frozen(kw_only=True)
class Refunds:
    """Operations on refunds."""

    books: Books
    ids: Ids
    notices: Notices
    till: Till

    def create(self, asked: Json, now: datetime) -> Refund:
        """Give money back."""
        intent, charge = self._payment(asked)
        left = intent.refundable
        currency = intent.amount.currency.lower()
        if intent.dispute and intent.dispute.state != "won":
            raise Refusal(
                f"Charge {charge.id} has been charged back; cannot issue a refund.",
                code="charge_disputed",
            )
        if not left:
            raise Refusal(
                f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
            )
        wanted = asked.get("amount", amounts.value(left))
        if wanted > amounts.value(left):
            raise Refusal(
                f"Refund amount ({amounts.words(wanted, currency)}) is greater than unrefunded "
                f"amount on charge ({amounts.words(amounts.value(left), currency)})",
                param="amount",
            )
        try:
            amount = amounts.read(wanted, currency)
        except amounts.AmountError as error:
            raise Refusal(str(error), param="amount", early=True) from None
        refund = self.till.refund(
            intent,
            amount,
            refund_id=self.ids.make("re"),
            now=now,
            data={name: asked[name] for name in ("metadata", "reason") if name in asked},
        )
        if refund.due_at <= now and not refund.reason:
            refund.state = "done"
        self.notices.refund_made(refund, now)
        card = intent.card
        if refund.state == "done" and card and card.does.later == "refund_fails":
            refund.data["fails_next"] = True
        return refund

    def catch_up(self, now: datetime) -> None:
        """Refunds to such cards look good in the answer, and fail soon afterwards."""
        for intent in self.books.all(Intent):
            for refund in intent.refunds:
                if refund.state == "done" and refund.data.pop("fails_next", False):
                    self.till.undo(refund, now)

    def read(self, refund_id: str) -> Refund:
        """A refund by its id."""
        found = self.books.refund(refund_id)
        if found is None:
            raise no_such("refund", refund_id, param="id", in_path=True)
        return found

    def cancel(self, refund_id: str) -> Refund:
        """Only refunds that wait for the payer can be canceled, and those to cards do not."""
        refund = self.read(refund_id)
        raise Refusal(f"Refund {refund.id} cannot be canceled.")

    def _payment(self, asked: Json) -> tuple[Intent, Charge]:
        if "payment_intent" in asked:
            intent = self.books.get(
                Intent, asked["payment_intent"], param="payment_intent", what="payment_intent"
            )
            charge = intent.charge
        elif "charge" in asked:
            found = self.books.charge(asked["charge"])
            if found is None:
                raise no_such("charge", asked["charge"], param="charge")
            intent, charge = found
        else:
            raise Refusal(
                "One of the following params should be provided for this request: payment_intent "
                "or charge.",
                code="parameter_missing",
                early=True,
            )
        if charge is None or charge.error or not intent.captures:
            raise Refusal(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
            )
        return intent, charge
