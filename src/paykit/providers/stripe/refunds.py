"""Giving money back.

Source: https://docs.stripe.com/api/refunds
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from ...errors import Declined, MalformedResponse, NotFound, PaykitError
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import PaymentRef, Refund, RefundRef, RefundRequest
from .amounts import to_positive
from .codes import NOTHING_LEFT
from .forms import PAYMENT_REFERENCE, check_id, check_metadata, to_key
from .reading import Reading
from .states import to_refund
from .wire import Listed, RefundShape

_PER_PAGE: Final = 100
#: More refunds of one payment than anybody makes.
_MAX_PAGES: Final = 20


class Refunds(Reading):
    """Refund, fetch a refund."""

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all that is left of a payment, or a part of it."""
        payment = request.payment
        metadata = {PAYMENT_REFERENCE: payment.reference, "reference": request.reference}
        if request.description:
            metadata["description"] = request.description
        body: dict[str, Any] = {"metadata": check_metadata(metadata)}
        if request.amount is not None:
            body["amount"] = to_positive(request.amount)
        key = to_key("refund", request.key)
        yield from self.expect_currency(request.amount, payment)
        intent_id = yield from self._paid_intent(payment)
        body = {"payment_intent": intent_id, **body}

        def read(answer: JsonObject, response: HttpResponse) -> Refund | PaykitError:
            if self.is_refused_for(NOTHING_LEFT, answer, response):
                return self.refusal_of(answer, response, moves_money=True)
            self.check_answer(answer, response, moves_money=True)
            done = self._read_refund(answer, request.reference, intent_id)
            if request.amount is not None and done.total != request.amount:
                raise MalformedResponse("the answer has another amount", provider=self.name)
            return self._refund(done, payment, request.reference, answer)

        done = yield from self.post_keyed("/v1/refunds", body, read, key=key, moves_money=True)
        if isinstance(done, Refund):
            return done
        # Perhaps by this very refund, whose answer was lost.
        earlier = yield from self._find(payment, intent_id, request.reference)
        if earlier is None:
            raise done
        return earlier

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for a refund by its ``provider_id``, or look for its reference in the payment's."""
        if ref.provider_id is None:
            intent_id = yield from self._paid_intent(ref.payment)
            listed = yield from self._find(ref.payment, intent_id, ref.reference)
            if listed is None:
                raise NotFound("no such refund", provider=self.name)
            found = listed
        else:
            wanted = check_id(ref.provider_id, "provider_id", "re_", "pyr_")
            answer, raw = yield from self.get_typed(f"/v1/refunds/{wanted}", RefundShape)
            if answer.id != wanted or answer.reference != ref.reference:
                raise MalformedResponse("the answer is about another refund", provider=self.name)
            found = self._refund(answer, ref.payment, ref.reference, raw)
        if ref.amount is not None and found.amount != ref.amount:
            raise MalformedResponse("the answer has another amount", provider=self.name)
        return found

    def _paid_intent(self, payment: PaymentRef) -> Flow[str]:
        found = yield from self.find_intent(payment)
        if isinstance(found, str):
            return found
        raise Declined(
            "nothing was taken that could be given back",
            reason="not_paid",
            provider=self.name,
            code=found[0].status,
            raw=found[1],
        )

    def _find(self, payment: PaymentRef, intent_id: str, reference: str) -> Flow[Refund | None]:
        """The refund of the payment that has this reference."""
        query: dict[str, str | int] = {"payment_intent": intent_id, "limit": _PER_PAGE}
        for _ in range(_MAX_PAGES):
            listed, raw = yield from self.get_typed("/v1/refunds", Listed, query)
            for answer in listed.data:
                if answer.reference == reference:
                    return self._refund(answer, payment, reference, raw)
            if not (listed.has_more and listed.data):
                return None
            query["starting_after"] = listed.data[-1].id
        raise MalformedResponse("a list of refunds without end", provider=self.name)

    def _read_refund(self, answer: JsonObject, reference: str, intent_id: str) -> RefundShape:
        done = RefundShape.read(answer, provider=self.name)
        if done.reference != reference:
            raise MalformedResponse("the answer is about another refund", provider=self.name)
        if done.payment_intent != intent_id:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        return done

    def _refund(
        self, answer: RefundShape, payment: PaymentRef, reference: str, raw: JsonObject
    ) -> Refund:
        refund = to_refund(answer, payment.reference, reference)
        return attrs.evolve(refund, raw=raw)
