"""Taking or holding money with a token from the browser, storing a card, making a payment page.

Sources: https://docs.stripe.com/payments/finalize-payments-on-the-server,
https://docs.stripe.com/payments/save-and-reuse and https://docs.stripe.com/payments/checkout
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    NextAction,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
)
from .forms import ID, to_key
from .reading import Reading
from .requests import customer_body, customer_of, intent_body, page_body, setup_body
from .wire import Made, Page, PaymentIntent, SetupIntent

S = PaymentStatus

#: One purpose for whatever a request may become: its key never makes two of them.
_PURPOSE = "pay"


class Payments(Reading):
    """Create."""

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Charge or hold with ``token``, or make a payment page where there is none.

        ``token.value`` is what the browser got (``pm_…``, ``ctoken_…``, ``tok_…``) or a stored
        card (``pm_…``). An amount of nothing with ``save_token`` stores a card without a payment.
        Where the answer is lost, ask again with the same key within 24 hours: Stripe repeats its
        answer and does nothing twice. Raises :class:`~paykit.errors.Declined` and
        :class:`~paykit.errors.IdempotencyConflict` among others.
        """
        self.check_request(request, free=request.save_token)
        if request.off_session and not request.amount:
            raise InvalidRequest("nothing is charged", field="off_session")
        if request.token is None:
            return (yield from self._make_page(request))
        body = intent_body(request) if request.amount else setup_body(request)
        means = _means(request.token.value)
        customer = customer_of(request)
        if customer is None and request.save_token:
            made = yield from self.post_typed(
                "/v1/customers",
                customer_body(request),
                Made,
                purpose="customer",
                key=request.key,
            )
            customer = made.id
        if means is None:
            card = {"type": "card", "card": {"token": request.token.value}}
            method = yield from self.post_typed(
                "/v1/payment_methods", card, Made, purpose="card", key=request.key
            )
            means = {"payment_method": method.id}
        body |= means
        if customer is not None:
            body["customer"] = customer
        if request.amount:
            return (yield from self._charge(request, body))
        return (yield from self._store(request, body))

    def _charge(self, request: PaymentRequest, body: dict[str, Any]) -> Flow[PaymentSession]:
        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.check_answer(answer, response, moves_money=True)
            intent = PaymentIntent.read(answer, provider=self.name)
            if intent.reference != request.reference:
                raise MalformedResponse("the answer is about another payment", provider=self.name)
            if intent.total != request.amount:
                raise MalformedResponse("the answer has another amount", provider=self.name)
            payment = self.payment(intent, answer)
            if payment.status is S.FAILED and intent.last_payment_error is not None:
                raise self.declined(intent.last_payment_error, answer, response)
            return self._session(request, payment, self.next_step(intent))

        key = to_key(_PURPOSE, request.key)
        return self.post_keyed("/v1/payment_intents", body, read, key=key, moves_money=True)

    def _store(self, request: PaymentRequest, body: dict[str, Any]) -> Flow[PaymentSession]:
        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.check_answer(answer, response, moves_money=False)
            setup = SetupIntent.read(answer, provider=self.name)
            if setup.reference != request.reference:
                raise MalformedResponse("the answer is about another set-up", provider=self.name)
            ref = PaymentRef(reference=request.reference, amount=request.amount)
            payment = self.stored(setup, ref, answer)
            if payment.status is S.FAILED and setup.last_setup_error is not None:
                raise self.declined(setup.last_setup_error, answer, response)
            return self._session(request, payment, self.next_step(setup))

        key = to_key(_PURPOSE, request.key)
        return self.post_keyed("/v1/setup_intents", body, read, key=key, moves_money=False)

    def _session(
        self, request: PaymentRequest, payment: Payment, step: NextAction
    ) -> PaymentSession:
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=payment.status,
            next=step,
            amount=request.amount,
            created_at=self.clock(),
            provider_id=payment.provider_id,
            expires_at=payment.expires_at,
            token=payment.token,
            raw=payment.raw,
        )

    def _make_page(self, request: PaymentRequest) -> Flow[PaymentSession]:
        body = page_body(request, customer_of(request))
        now = self.clock()

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.check_answer(answer, response, moves_money=False)
            page = Page.read(answer, provider=self.name)
            if page.reference != request.reference or page.mode != body["mode"]:
                raise MalformedResponse("the answer is about another payment", provider=self.name)
            if page.currency not in {None, request.amount.currency.lower()}:
                raise MalformedResponse("the page has another currency", provider=self.name)
            if request.amount and page.total != request.amount:
                raise MalformedResponse("the page has another amount", provider=self.name)
            if page.status != "open" or not page.url:
                raise MalformedResponse("the page is not open", provider=self.name)
            return PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=S.REQUIRES_ACTION,
                next=Redirect(self.page(page.url)),
                amount=request.amount,
                created_at=now,
                provider_id=page.id,
                expires_at=page.expires_at,
                raw=answer,
            )

        key = to_key(_PURPOSE, request.key)
        return self.post_keyed("/v1/checkout/sessions", body, read, key=key, moves_money=False)


def _means(token: str) -> dict[str, str] | None:
    """How to pay with ``token``; ``None`` for one that has to be made a means of payment first."""
    if ID.fullmatch(token):
        if token.startswith("ctoken_"):
            return {"confirmation_token": token}
        if token.startswith(("pm_", "card_", "src_")):
            return {"payment_method": token}
        if token.startswith("tok_"):
            return None
    raise InvalidRequest("begins with pm_, ctoken_ or tok_", field="token")
