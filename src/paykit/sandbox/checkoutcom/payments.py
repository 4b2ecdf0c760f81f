"""New payments: the card that pays, whether the payer is asked, and what the issuer says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import attrs

from ..cards.challenges import Challenges, Finished
from ..cards.challenges import Outcome as ChallengeOutcome
from ..cards.numbers import Card
from ..edge import with_query
from . import amounts, fields, outcomes
from .actions import Actions, Body
from .issuer import Issuer, wants_payer
from .issues import invalid, unprocessable
from .state import Authorization, Payment

if TYPE_CHECKING:
    from .books import Books
    from .config import CheckoutComConfig
    from .ids import Ids
    from .notices import Notices
    from .vault import Vault

_SOURCES: Final = {"token": fields.TOKEN_SOURCE, "id": fields.ID_SOURCE}


@attrs.frozen(kw_only=True)
class Payments:
    """The payments of one account, from asking to the issuer's answer."""

    config: CheckoutComConfig
    books: Books
    ids: Ids
    vault: Vault
    notices: Notices
    challenges: Challenges
    issuer: Issuer
    actions: Actions

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
        if wants_payer(payment):
            self._challenge(payment, now)
        else:
            self._ask_issuer(payment, now)
        return payment

    def catch_up(self, now: datetime) -> None:
        """Do what is due, in the order in which it was asked for."""
        for payment in self.books:
            if payment.waiting and payment.open_until <= now:
                payment.waiting = False
                self._decide(payment, self._note(payment, outcomes.TOO_LATE, now), now)
        self.actions.catch_up(now)

    def _challenge(self, payment: Payment, now: datetime) -> None:
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
            self._cancel(payment, now)
        elif payment.waiting:
            self._authenticated(payment, now, passed=outcome == "approve")
        self.catch_up(now)
        return Finished(redirect=way_back(payment))

    def _authenticated(self, payment: Payment, now: datetime, *, passed: bool) -> None:
        """The payer has come back from the bank's page."""
        payment.waiting = False
        payment.challenged = True
        if passed:
            self._ask_issuer(payment, now)
        else:
            self.notices.payment(payment, "payment_authentication_failed", now)
            self._decide(payment, self._note(payment, outcomes.NOT_AUTHENTICATED, now), now)

    def _cancel(self, payment: Payment, now: datetime) -> None:
        """The payer gave up on the bank's page."""
        payment.waiting = False
        payment.ended = "Canceled"
        self.notices.payment(payment, "payment_canceled", now)

    def _ask_issuer(self, payment: Payment, now: datetime) -> None:
        made = self.issuer.ask(payment, payment.amount, now, data=payment.fields)
        self._decide(payment, made, now)

    def _note(self, payment: Payment, outcome: outcomes.Outcome, now: datetime) -> Authorization:
        return self.issuer.note(payment, payment.amount, outcome, now, data=payment.fields)

    def _decide(self, payment: Payment, answer: Authorization, now: datetime) -> None:
        """The issuer has answered: money is held, or it is not."""
        good = answer.approved
        if not payment.amount:
            event = "card_verified" if good else "card_verification_declined"
            self.notices.action(answer, event, now)
            return
        if good:
            lasts = self.config.authorization_lifetime
            self.actions.till.hold(payment, payment.amount, now=now, lasts=lasts)
        self.notices.action(answer, "payment_approved" if good else "payment_declined", now)
        asked = payment.fields
        if good and asked.get("capture") is not False:
            at = fields.moment(asked.get("capture_on"))
            self.actions.take(payment, payment.amount, now, final=True, data=asked, at=at)


def way_back(payment: Payment) -> str | None:
    """Where the payer goes; what stands there proves nothing, the merchant has to ask."""
    target = payment.success_url if payment.approved else payment.failure_url
    if not target:
        return None
    names = {"cko-payment-id": payment.id} if payment.hosted else {}
    return with_query(target, urlencode({**names, "cko-session-id": payment.session_id}))
