"""What is done to a payment: take it, let it go, give it back, hold more.

All but the last are accepted here and done later.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from ...money import Money
from ..cards.state import Capture, Move, Refund
from ..cards.till import Till
from . import amounts
from .issues import invalid, not_allowed, not_found, unprocessable
from .state import Authorization, Payment, Void

if TYPE_CHECKING:
    from .books import Books
    from .config import CheckoutComConfig
    from .ids import Ids
    from .issuer import Issuer
    from .notices import Notices

Body: TypeAlias = dict[str, Any]


@attrs.frozen(kw_only=True)
class Actions:
    """The actions on the payments of one account."""

    config: CheckoutComConfig
    books: Books
    ids: Ids
    notices: Notices
    till: Till
    issuer: Issuer

    def read(self, payment_id: str) -> Payment:
        """A payment by its id, or by that of its session."""
        found = self.books.find(payment_id)
        if found is None:
            raise not_found()
        return found

    def increment(self, payment_id: str, body: Body, now: datetime) -> Authorization:
        """Hold more than was asked for at first."""
        payment = self.read(payment_id)
        if not payment.left or payment.fields.get("authorization_type") != "Estimated":
            raise not_allowed()
        more = _amount(payment, body, payment.zero)
        if amounts.write(payment.authorized + more) > amounts.MAX:
            raise invalid("amount_invalid")
        made = self.issuer.ask(payment, more, now, data=body, increment=True)
        if made.approved:
            payment.held = payment.authorized + more
            payment.hold_ends = now + self.config.authorization_lifetime
        return made

    def capture(self, payment_id: str, body: Body, now: datetime) -> Capture:
        """Take what is held, or a part of it; a last capture lets go of the rest."""
        payment = self.read(payment_id)
        if not payment.left:
            raise not_allowed()
        amount = _amount(payment, body, payment.left)
        if amount > payment.left:
            raise unprocessable(
                "capture_value_greater_than_remaining_authorized"
                if payment.captured
                else "capture_value_greater_than_authorized"
            )
        final = body.get("capture_type") != "NonFinal"
        return self.take(payment, amount, now, final=final, data=body)

    def void(self, payment_id: str, body: Body, now: datetime) -> Void:
        """Let go of what is held and not captured."""
        payment = self.read(payment_id)
        if not payment.left:
            raise not_allowed()
        void = Void(
            id=self.ids.make("act"),
            payment=payment,
            amount=payment.left,
            created_at=now,
            due_at=now + self.config.processing,
            reference=body.get("reference") or "",
            data=body,
        )
        self._accept(void, payment, "payment_void_pending", now)
        return void

    def refund(self, payment_id: str, body: Body, now: datetime) -> Refund:
        """Give back what was captured, or a part of it."""
        payment = self.read(payment_id)
        if not payment.refundable:
            raise not_allowed()
        amount = _amount(payment, body, payment.refundable)
        if amount > payment.refundable:
            raise unprocessable("refund_amount_exceeds_balance")
        refund = self.till.refund(
            payment,
            amount,
            refund_id=self.ids.make("act"),
            now=now,
            reference=body.get("reference") or "",
            data=body,
        )
        if payment.card.does.later == "refund_fails":
            refund.reason = "refused"
        self._accept(refund, payment, "payment_refund_pending", now)
        return refund

    def take(
        self,
        payment: Payment,
        amount: Money,
        now: datetime,
        *,
        final: bool,
        data: Body,
        at: datetime | None = None,
    ) -> Capture:
        """Take held money, not before ``at``."""
        capture = self.till.capture(
            payment,
            amount,
            capture_id=self.ids.make("act"),
            now=now,
            final=final,
            reference=data.get("reference") or "",
            data=data,
        )
        if at:
            capture.due_at = max(capture.due_at, at)
        # Checkout.com tells of no capture that was done and is taken back: it is not done at all.
        if payment.card.does.later == "capture_fails":
            capture.reason = "refused"
        self._accept(capture, payment, "payment_capture_pending", now)
        return capture

    def catch_up(self, now: datetime) -> None:
        """Do what is due."""
        for payment in self.books:
            for action in payment.actions:
                if isinstance(action, Void) and action.state == "pending" and action.due_at <= now:
                    self._let_go(action, payment, now)
        self.till.catch_up(self.books, now)

    def _let_go(self, void: Void, payment: Payment, now: datetime) -> None:
        """A void is done, unless the hold has ended in the meantime."""
        if payment.released:
            void.state = "refused"
            self.notices.action(void, "payment_void_declined", now)
            return
        void.state = "done"
        self.till.void(payment, now)

    def _accept(self, action: Move, payment: Payment, event: str, now: datetime) -> None:
        """Note an action, and tell of it where it is not done in the same moment."""
        payment.actions.append(action)
        if action.due_at > now:
            self.notices.action(action, event, now)


def _amount(payment: Payment, body: Body, default: Money) -> Money:
    asked = body.get("amount")
    if asked is None:
        return default
    if amounts.problem(asked, payment.amount.currency):
        raise invalid("amount_invalid")
    return amounts.money(asked, payment.amount.currency)
