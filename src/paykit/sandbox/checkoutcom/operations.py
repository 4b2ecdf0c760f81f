"""What the API does to payments, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import urlencode

import attrs

from ...money import Money
from ..cards.challenges import Challenges, Finished
from ..cards.challenges import Outcome as ChallengeOutcome
from ..cards.numbers import Card
from ..cards.state import Capture, Move, Refund
from ..cards.till import Till
from ..edge import with_query
from . import amounts, fields, outcomes
from .issues import invalid, not_allowed, not_found, unprocessable
from .state import Authorization, Payment, Void

if TYPE_CHECKING:
    from .books import Books
    from .config import CheckoutComConfig
    from .ids import Ids
    from .notices import Notices
    from .vault import Vault

Body: TypeAlias = dict[str, Any]
M = TypeVar("M", bound=Move)

_SOURCES: Final = {"token": fields.TOKEN_SOURCE, "id": fields.ID_SOURCE}


@attrs.frozen(kw_only=True)
class Operations:
    """The payments of one account. Captures, voids and refunds are accepted here and done later."""

    config: CheckoutComConfig
    books: Books
    ids: Ids
    vault: Vault
    notices: Notices
    till: Till
    challenges: Challenges

    def create(self, body: Body, now: datetime) -> Payment:
        """A new payment: the issuer is asked, unless the payer has to authenticate before."""
        source = body.get("source")
        if type(source) is not dict:
            raise invalid("payment_source_required")
        kind = source.get("type")
        if not isinstance(kind, str) or kind not in _SOURCES:
            raise invalid("source_type_required" if kind is None else "source_type_invalid")
        wrong = fields.problems(source, _SOURCES[kind], "source_")
        wrong += self.order_problems(body)
        if wrong:
            raise invalid(*wrong)
        customer = self.vault.customer(body.get("customer"))
        if kind == "id":
            instrument = self.vault.find(source["id"])
            if instrument is None:
                raise unprocessable("source_id_invalid")
            return self.start(
                body, instrument.card, customer or instrument.customer, now, source_id=instrument.id
            )
        card = self.vault.spend(source["token"], now)
        return self.start(body, card, customer, now)

    def order_problems(self, body: Body) -> list[str]:
        """What is wrong with an order although each field is well formed."""
        found = []
        problem = amounts.problem(body.get("amount") or 0, body["currency"])
        if problem:
            found.append(problem)
        channel = body.get("processing_channel_id")
        if channel not in {None, self.config.processing_channel_id}:
            found.append("processing_channel_id_invalid")
        return found

    def start(
        self,
        body: Body,
        card: Card,
        customer: dict[str, str],
        now: datetime,
        *,
        source_id: str = "",
        hosted: bool = False,
    ) -> Payment:
        """A payment with a card that is known by now; ``source_id`` is that of a stored one."""
        stored = bool(source_id)
        keeps = body.get("source", {}).get("store_for_future_use") is not False
        if not stored and keeps:
            source_id = self.vault.store(card, customer).id
        payment_id = self.ids.make("pay")
        payment = Payment(
            id=payment_id,
            reference=body.get("reference") or payment_id,
            amount=amounts.money(body.get("amount") or 0, body["currency"]),
            created_at=now,
            card=card,
            session_id=self.ids.make("sid"),
            fields=body,
            source_id=source_id,
            stored=stored,
            customer=customer,
            open_until=now + self.config.challenge_lifetime,
            success_url=body.get("success_url") or "",
            failure_url=body.get("failure_url") or "",
            hosted=hosted,
        )
        self.books.add(payment)
        if _must_authenticate(payment):
            self._challenge(payment, now)
        else:
            self._ask_issuer(payment, now)
        return payment

    def _challenge(self, payment: Payment, now: datetime) -> None:
        assert payment.card is not None  # noqa: S101 - none is made without
        payment.waiting = True
        payment.challenge_url = self.challenges.open(
            key=payment.session_id,
            merchant=self.config.merchant_name,
            amount=payment.amount or None,
            card=payment.card,
            finish=lambda outcome, at: self._answered(payment, outcome, at),
        )
        self.notices.payment(payment, "payment_pending", now)

    def _answered(self, payment: Payment, outcome: ChallengeOutcome, now: datetime) -> Finished:
        """The payer leaves the bank's page. Without an answer the payment is canceled."""
        self.catch_up(now)
        if payment.waiting and outcome == "abandon":
            self.cancel(payment, now)
        elif payment.waiting:
            self.authenticated(payment, now, passed=outcome == "approve")
        self.catch_up(now)
        return Finished(redirect=way_back(payment))

    def authenticated(self, payment: Payment, now: datetime, *, passed: bool) -> None:
        """The payer has come back from the bank's page."""
        payment.waiting = False
        payment.challenged = True
        if passed:
            self._ask_issuer(payment, now)
        else:
            self.notices.payment(payment, "payment_authentication_failed", now)
            self._answer(payment, outcomes.NOT_AUTHENTICATED, now)

    def cancel(self, payment: Payment, now: datetime) -> None:
        """The payer gave up on the bank's page."""
        payment.waiting = False
        payment.ended = "Canceled"
        self.notices.payment(payment, "payment_canceled", now)

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
        more = self._amount(payment, body)
        if amounts.write(payment.authorized + more) > amounts.MAX:
            raise invalid("amount_invalid")
        outcome = self._verdict(payment)
        made = self._add_answer(payment, more, outcome, now, increment=True, data=body)
        if made.approved:
            payment.held = payment.authorized + more
            payment.hold_ends = now + self.config.authorization_lifetime
        return made

    def capture(self, payment_id: str, body: Body, now: datetime) -> Capture:
        """Take what is held, or a part of it; a last capture lets go of the rest."""
        payment = self.read(payment_id)
        if not payment.left:
            raise not_allowed()
        amount = self._amount(payment, body, payment.left)
        if amount > payment.left:
            raise unprocessable(
                "capture_value_greater_than_remaining_authorized"
                if payment.captured
                else "capture_value_greater_than_authorized"
            )
        final = body.get("capture_type") != "NonFinal"
        return self._capture(payment, amount, now, final=final, data=body)

    def void(self, payment_id: str, body: Body, now: datetime) -> Void:
        """Let go of what is held and not captured."""
        payment = self.read(payment_id)
        if not payment.left:
            raise not_allowed()
        void = self._asked(Void, payment, payment.left, now, body)
        self._pending(void, "payment_void_pending", now)
        return void

    def refund(self, payment_id: str, body: Body, now: datetime) -> Refund:
        """Give back what was captured, or a part of it."""
        payment = self.read(payment_id)
        if not payment.refundable:
            raise not_allowed()
        amount = self._amount(payment, body, payment.refundable)
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
        if _later(payment) == "refund_fails":
            refund.reason = "refused"
        payment.actions.append(refund)
        self._pending(refund, "payment_refund_pending", now)
        return refund

    def catch_up(self, now: datetime) -> None:
        """Do what is due, in the order in which it was asked for."""
        for payment in self.books:
            if payment.waiting and payment.open_until <= now:
                payment.waiting = False
                self._answer(payment, outcomes.TOO_LATE, now)
            for action in payment.actions:
                if isinstance(action, Void) and action.state == "pending" and action.due_at <= now:
                    action.state = "done"
                    self.till.void(payment, now)
        self.till.catch_up(self.books, now)

    def _ask_issuer(self, payment: Payment, now: datetime) -> None:
        self._answer(payment, self._verdict(payment), now)

    @staticmethod
    def _verdict(payment: Payment) -> outcomes.Outcome:
        assert payment.card is not None  # noqa: S101 - none is made without
        return outcomes.issuer(
            payment.card.does,
            verifying=not payment.amount,
            stored=payment.stored,
            authenticated=payment.challenged,
        )

    def _answer(self, payment: Payment, outcome: outcomes.Outcome, now: datetime) -> None:
        """The issuer has answered: money is held, or it is not."""
        made = self._add_answer(payment, payment.amount, outcome, now, data=payment.fields)
        if not payment.amount:
            verified = "card_verified" if made.approved else "card_verification_declined"
            self.notices.action(made, verified, now)
            return
        if made.approved:
            lasts = self.config.authorization_lifetime
            self.till.hold(payment, payment.amount, now=now, lasts=lasts)
        self.notices.action(made, "payment_approved" if made.approved else "payment_declined", now)
        if made.approved and payment.fields.get("capture") is not False:
            wanted = fields.moment(payment.fields.get("capture_on"))
            self._capture(payment, payment.amount, now, final=True, data=payment.fields, at=wanted)

    def _add_answer(
        self,
        payment: Payment,
        amount: Money,
        outcome: outcomes.Outcome,
        now: datetime,
        *,
        data: Body,
        increment: bool = False,
    ) -> Authorization:
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

    def _capture(
        self,
        payment: Payment,
        amount: Money,
        now: datetime,
        *,
        final: bool,
        data: Body,
        at: datetime | None = None,
    ) -> Capture:
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
        if _later(payment) == "capture_fails":
            capture.reason = "refused"
        payment.actions.append(capture)
        self._pending(capture, "payment_capture_pending", now)
        return capture

    def _asked(
        self, kind: Callable[..., M], payment: Payment, amount: Money, now: datetime, body: Body
    ) -> M:
        made = kind(
            id=self.ids.make("act"),
            payment=payment,
            amount=amount,
            created_at=now,
            due_at=now + self.config.processing,
            reference=body.get("reference") or "",
            data=body,
        )
        payment.actions.append(made)
        return made

    def _pending(self, action: Move, event: str, now: datetime) -> None:
        """Tell that something was accepted, where it is not done in the same moment."""
        if action.due_at > now:
            self.notices.action(action, event, now)

    @staticmethod
    def _amount(payment: Payment, body: Body, default: Money | None = None) -> Money:
        asked = body.get("amount")
        if asked is None:
            return default or payment.zero
        if amounts.problem(asked, payment.amount.currency):
            raise invalid("amount_invalid")
        return amounts.money(asked, payment.amount.currency)


def way_back(payment: Payment) -> str | None:
    """Where the payer goes; what stands there proves nothing, the merchant has to ask."""
    target = payment.success_url if payment.approved else payment.failure_url
    if not target:
        return None
    names = {"cko-payment-id": payment.id} if payment.hosted else {}
    return with_query(target, urlencode({**names, "cko-session-id": payment.session_id}))


def _must_authenticate(payment: Payment) -> bool:
    wish = payment.fields.get("3ds") or {}
    if not wish.get("enabled") or payment.fields.get("merchant_initiated") or payment.card is None:
        return False
    mandate = wish.get("challenge_indicator") == "challenge_requested_mandate"
    return mandate or outcomes.asks(payment.card.does, stored=payment.stored)


def _later(payment: Payment) -> str:
    return payment.card.does.later if payment.card else "nothing"
