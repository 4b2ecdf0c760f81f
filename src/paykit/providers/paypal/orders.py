"""Orders: asking for one, taking or holding the money that the payer approved, and its state.

Source: https://developer.paypal.com/docs/api/orders/v2/
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from ...errors import Declined, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
)
from ...money import Money
from .api import PayPalApi, conflicts, issues
from .codes import APPROVED, PAYER_ISSUES
from .forms import to_request_id
from .requests import order_body
from .states import is_untouched, order_standing, to_refund
from .wire import Order, payer_link, read_links

S = PaymentStatus

#: Where the payer goes: PayPal's name for it when a means was sent along, and the older one.
_PAYER_RELS: Final = ("payer-action", "approve")
_ACTIONS: Final = {"CAPTURE": "capture", "AUTHORIZE": "authorize"}


class Orders(PayPalApi):
    """Create, complete, fetch."""

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Create an order and get PayPal's page for the payer.

        ``capture=MANUAL`` makes it one to hold (intent ``AUTHORIZE``). The docs page lists what
        ``extra`` takes. A repeated key gives the same order, as it is by then.
        """
        self.check_request(request)
        body = order_body(request, self.config)
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.check_answer(answer, response, moves_money=False)
            order = Order.read(answer, provider=self.name)
            self.check_ours(order, request.reference, request.amount)
            if order.intent != body["intent"]:
                raise MalformedResponse("the answer has another intent", provider=self.name)
            status = order_standing(order).status
            link = payer_link(order.links, self.config, *_PAYER_RELS)
            if status is S.REQUIRES_ACTION and link is None:
                raise MalformedResponse("no link for the payer", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=status,
                next=Redirect(link) if link and status is S.REQUIRES_ACTION else Nothing(),
                amount=request.amount,
                created_at=now,
                provider_id=order.id,
                raw=answer,
            )

        return self.post_keyed(
            "/v2/checkout/orders", body, read, key=to_request_id(request.key), moves_money=False
        )

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state, with the refunds so far. Needs ``ref.provider_id``, the order's id."""
        order, raw = yield from self.get_order(ref.provider_id)
        self.check_ours(order, ref.reference)
        return self.payment(order, raw)

    def complete(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Capture or authorize an order that the payer approved; else say how it stands.

        Asks first, because PayPal forgets a request id of an order after six hours. An answer of
        ``requires_action`` with ``next`` sends the payer back to choose another means; that is an
        attempt that is over, so give the next one another key.
        """
        to_request_id(idempotency_key)  # refuse it before asking
        order, raw = yield from self.get_order(ref.provider_id)
        # Also the amount: an order that was changed after the shop asked for it is not taken.
        self.check_ours(order, ref.reference, ref.amount)
        if order.status != APPROVED or not is_untouched(order):
            return self.payment(order, raw)
        action = _ACTIONS.get(order.intent or "")
        if action is None:
            raise MalformedResponse("the order has no intent that is known", provider=self.name)

        def read(answer: JsonObject, response: HttpResponse) -> Payment | None:
            refused = response.status == HTTPStatus.UNPROCESSABLE_ENTITY
            found = issues(answer) if refused else []
            for issue in found:
                if issue in PAYER_ISSUES:
                    return self._send_back(order, issue, answer, response)
            if conflicts(answer, response):
                return None
            self.check_answer(answer, response, moves_money=True)
            done = Order.read(answer, provider=self.name)
            self._check_done(done, order)
            return self.payment(done, answer, before=order)

        moment = order.update_time or order.create_time
        # One request id for each approval: an old one would only bring back an old refusal.
        key = to_request_id(idempotency_key, moment.isoformat() if moment else "")
        path = f"/v2/checkout/orders/{order.id}/{action}"
        payment = yield from self.post_keyed(path, {}, read, key=key, moves_money=True)
        if payment is not None:
            return payment
        now, raw = yield from self.get_order(order.id)
        self.check_ours(now, ref.reference, ref.amount)
        self._check_done(now, order)
        return self.payment(now, raw)

    def payment(self, order: Order, raw: JsonObject, *, before: Order | None = None) -> Payment:
        """The payment of an order; ``before`` is an earlier answer, for what this leaves out."""
        known = before or order
        reference = known.unit.custom_id or order.id
        amount = order.unit.amount or known.unit.amount
        if amount is None:
            raise MalformedResponse("no amount", provider=self.name)
        standing = order_standing(order)
        link = None
        if standing.status is S.REQUIRES_ACTION:
            link = payer_link([*order.links, *known.links], self.config, *_PAYER_RELS)
        return Payment(
            provider=self.name,
            reference=reference,
            status=standing.status,
            amount=amount,
            captured=standing.captured,
            refunded=standing.refunded,
            provider_id=order.id,
            transaction_id=standing.transaction_id,
            expires_at=standing.expires_at,
            code=standing.code,
            reason=standing.reason,
            occurred_at=standing.occurred_at,
            refunds=tuple(
                to_refund(refund, reference, refund.custom_id or refund.id, {})
                for refund in order.unit.payments.refunds
            ),
            next=Redirect(link) if link else None,
            raw=raw,
        )

    def check_ours(self, order: Order, reference: str, amount: Money | None = None) -> None:
        """Refuse an order that is not the one that was asked about."""
        unit = order.unit
        ours = self.config.merchant_id
        captures = unit.payments.captures
        if unit.custom_id != reference:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        if amount is not None and unit.amount != amount:
            raise MalformedResponse("the order has another amount", provider=self.name)
        if order.intent == "CAPTURE" and any(item.amount != unit.amount for item in captures):
            # Only from a hold can a part be taken.
            raise MalformedResponse("another amount was taken", provider=self.name)
        if ours and unit.payee.merchant_id != ours:
            raise MalformedResponse("the order pays another merchant", provider=self.name)

    def _check_done(self, done: Order, order: Order) -> None:
        """Refuse an answer to capture or authorize that is not about ``order``, all of it."""
        unit, asked = done.unit, order.unit
        holds, captures = unit.payments.authorizations, unit.payments.captures
        parts = holds if order.intent == "AUTHORIZE" else captures
        if done.id != order.id or unit.custom_id not in {None, asked.custom_id}:
            raise MalformedResponse("the answer is about another order", provider=self.name)
        if unit.amount not in {None, asked.amount} or any(p.amount != asked.amount for p in parts):
            raise MalformedResponse("the answer is about another amount", provider=self.name)
        if not (holds or captures) and order_standing(done).status is S.UNKNOWN:
            raise MalformedResponse("nothing was taken or held", provider=self.name)

    def _send_back(
        self, order: Order, issue: str, answer: JsonObject, response: HttpResponse
    ) -> Payment:
        """The payer has to choose another means, at the address that PayPal gives."""
        link = payer_link(read_links(answer), self.config, "redirect", *_PAYER_RELS)
        link = link or payer_link(order.links, self.config, *_PAYER_RELS)
        if link is None:
            raise self.answered_no(
                Declined,
                answer.get("message"),
                code=issue,
                response=response,
                raw=answer,
                reason=PAYER_ISSUES[issue],
            )
        return Payment(
            provider=self.name,
            reference=order.unit.custom_id or order.id,
            status=S.REQUIRES_ACTION,
            amount=order.unit.amount,
            provider_id=order.id,
            code=issue,
            reason=PAYER_ISSUES[issue],
            next=Redirect(link),
            raw=answer,
        )
