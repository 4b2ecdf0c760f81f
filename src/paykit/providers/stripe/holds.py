"""What is done with money that is held: take it, or release it.

Sources: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method and
https://docs.stripe.com/payments/multicapture
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ...errors import MalformedResponse, ProviderError
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Payment, PaymentRef
from ...money import Money
from .amounts import to_positive
from .api import EXPANDED
from .codes import CONFLICTS
from .forms import to_key
from .reading import Reading
from .wire import Page, Pages, PaymentIntent, Refusal


class Holds(Reading):
    """Capture, void."""

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all. The rest is released, unless it is not ``final``.

        Several captures need an account and a payment that allow it, see the docs page.
        """
        fields: dict[str, Any] = {}
        if amount is not None:
            fields["amount_to_capture"] = to_positive(amount)
        if not final:
            fields["final_capture"] = False
        key = to_key("capture", idempotency_key)
        yield from self.expect_currency(amount, ref)
        found = yield from self.find_intent(ref)
        if not isinstance(found, str):
            return (yield from self.look_on(found[0], ref, found[1]))

        def check(intent: PaymentIntent) -> None:
            least = 0 if amount is None or intent.status == "processing" else amount.minor
            if not intent.total.minor >= intent.received.minor >= least:
                raise MalformedResponse("the answer has another amount", provider=self.name)

        return (yield from self._act(found, ref, "capture", fields, check, key))

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release held funds, or give up a payment that is not made yet: its page is closed."""
        key = to_key("void", idempotency_key)
        found = yield from self.find_intent(ref, open_too=True)
        if isinstance(found, str):
            return (yield from self._cancel(found, ref, key))
        page, raw = found
        if page.status != "open":
            return (yield from self.look_on(page, ref, raw))
        return (yield from self._close(page, ref, key))

    def _cancel(self, intent_id: str, ref: PaymentRef, key: str) -> Flow[Payment]:
        try:
            return (yield from self._act(intent_id, ref, "cancel", {}, lambda _intent: None, key))
        except ProviderError as error:
            if error.http_status != HTTPStatus.BAD_REQUEST:
                raise
            page = yield from self._open_page(intent_id)
            if page is None:
                raise
            # As long as a page is open, Stripe wants it closed instead of its payment.
            return (yield from self._close(self.same(page, page.id, ref), ref, f"{key}:page"))

    def _open_page(self, intent_id: str) -> Flow[Page | None]:
        """The page on which the payer may still make this payment."""
        query = {"payment_intent": intent_id, "limit": 1}
        try:
            listed, _ = yield from self.get_typed("/v1/checkout/sessions", Pages, query)
        except MalformedResponse:
            return None
        return next((page for page in listed.data if page.status == "open"), None)

    def _act(  # noqa: PLR0917 - what a call on a hold consists of
        self,
        intent_id: str,
        ref: PaymentRef,
        action: str,
        fields: dict[str, Any],
        check: Callable[[PaymentIntent], None],
        key: str,
    ) -> Flow[Payment]:
        def read(answer: JsonObject, response: HttpResponse) -> Payment | None:
            if self.is_refused_for(CONFLICTS, answer, response):
                return None
            self.check_answer(answer, response, moves_money=True)
            intent = self.same(PaymentIntent.read(answer, provider=self.name), intent_id, ref)
            self._expect_amount(intent, ref)
            check(intent)
            return self.payment(intent, answer)

        path = f"/v1/payment_intents/{intent_id}/{action}"
        body = {**fields, "expand": list(EXPANDED)}
        payment = yield from self.post_keyed(path, body, read, key=key, moves_money=True)
        if payment is not None:
            return payment
        intent, raw = yield from self.get_intent(intent_id, ref)
        self._expect_amount(intent, ref)
        return self.payment(intent, raw)

    def _expect_amount(self, intent: PaymentIntent, ref: PaymentRef) -> None:
        if ref.amount is not None and intent.total != ref.amount:
            raise MalformedResponse("the answer has another amount", provider=self.name)

    def _close(self, page: Page, ref: PaymentRef, key: str) -> Flow[Payment]:
        """Close a page. Where the payer was faster, the state tells."""

        def read(answer: JsonObject, response: HttpResponse) -> tuple[Page, JsonObject] | None:
            if response.status == HTTPStatus.BAD_REQUEST:
                Refusal.read(answer, provider=self.name)
                return None
            self.check_answer(answer, response, moves_money=True)
            return self.same(Page.read(answer, provider=self.name), page.id, ref), answer

        path = f"/v1/checkout/sessions/{page.id}/expire"
        found = yield from self.post_keyed(path, {}, read, key=key, moves_money=True)
        closed, raw = found or (yield from self.get_page(page.id, ref))
        return (yield from self.look_on(closed, ref, raw))
