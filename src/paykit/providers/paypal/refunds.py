"""Giving money back.

Source: https://developer.paypal.com/docs/api/payments/v2/#captures_refund
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...errors import Declined, InvalidRequest, MalformedResponse, NotFound
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import PaymentRef, Refund, RefundRef, RefundRequest
from .amounts import to_positive
from .api import conflicts, issues
from .codes import TAKEN
from .forms import check_id, check_text, to_request_id
from .orders import Orders
from .states import to_refund
from .wire import RefundAnswer

#: The form in which PayPal gives a refund's ``custom_id`` back.
REFERENCE: Final = r"[A-Za-z0-9_.,-]{1,127}"
_REFERENCE = re.compile(REFERENCE, re.ASCII)
_MAX_NOTE: Final = 255


class Refunds(Orders):
    """Refund, fetch a refund."""

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all or a part of a capture: the only one, or ``payment.transaction_id``."""
        payment, amount = request.payment, request.amount
        payload: dict[str, Any] = {"custom_id": _refund_reference(request.reference)}
        if amount is not None:
            payload["amount"] = to_positive(amount)
        if request.description:
            payload["note_to_payer"] = check_text(request.description, "description", _MAX_NOTE)
        key = to_request_id(request.key)
        capture_id = payment.transaction_id
        if capture_id is None:
            capture_id = yield from self._only_capture(payment)
        wanted = check_id(capture_id, "payment.transaction_id")

        def read(answer: JsonObject, response: HttpResponse) -> Refund | Declined:
            if conflicts(answer, response):
                return self._nothing_left(answer, response)
            self.check_answer(answer, response, moves_money=True)
            done = RefundAnswer.read(answer, provider=self.name)
            if done.custom_id not in {None, request.reference}:
                raise MalformedResponse("the answer is about another refund", provider=self.name)
            if done.linked("captures") not in {None, wanted}:
                raise MalformedResponse("the answer is about another capture", provider=self.name)
            if amount is not None and done.amount != amount:
                raise MalformedResponse("the answer is about another amount", provider=self.name)
            return to_refund(done, payment.reference, request.reference, answer)

        path = f"/v2/payments/captures/{wanted}/refund"
        done = yield from self.post_keyed(path, payload, read, key=key, moves_money=True)
        if isinstance(done, Refund):
            return done
        # All is given back: perhaps by this very refund, whose answer was lost.
        earlier = None
        if payment.provider_id is not None:
            earlier, _ = yield from self._find_refund(payment, request.reference)
        if earlier is None:
            raise done
        return earlier

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for a refund by its ``provider_id``, or look for its reference in the order."""
        if ref.provider_id is None:
            listed, raw = yield from self._find_refund(ref.payment, ref.reference)
            if listed is None:
                raise NotFound("no such refund", provider=self.name, raw=raw)
            found = listed
        else:
            wanted = check_id(ref.provider_id, "provider_id")
            answer, raw = yield from self.get_typed(f"/v2/payments/refunds/{wanted}", RefundAnswer)
            if answer.id != wanted or answer.custom_id not in {None, ref.reference}:
                raise MalformedResponse("the answer is about another refund", provider=self.name)
            found = to_refund(answer, ref.payment.reference, ref.reference, raw)
        if ref.amount is not None and found.amount != ref.amount:
            raise MalformedResponse("the answer is about another amount", provider=self.name)
        return found

    def _only_capture(self, payment: PaymentRef) -> Flow[str]:
        order, raw = yield from self.get_order(payment.provider_id)
        self.check_ours(order, payment.reference)
        taken = [item for item in order.unit.payments.captures if item.status in TAKEN]
        if len(taken) > 1:
            raise InvalidRequest(
                "the payment was taken in several parts: name the one to refund",
                field="payment.transaction_id",
            )
        if not taken:
            raise Declined(
                "nothing was taken that could be given back",
                reason="not_paid",
                provider=self.name,
                code=order.status,
                raw=raw,
            )
        return taken[0].id

    def _find_refund(
        self, payment: PaymentRef, reference: str
    ) -> Flow[tuple[Refund | None, JsonObject]]:
        """The refund with this reference in the payment's order."""
        order, raw = yield from self.get_order(payment.provider_id)
        self.check_ours(order, payment.reference)
        for answer in order.unit.payments.refunds:
            if answer.custom_id == reference:
                return to_refund(answer, payment.reference, reference, raw), raw
        return None, raw

    def _nothing_left(self, answer: JsonObject, response: HttpResponse) -> Declined:
        return Declined(
            "the capture is fully refunded",
            reason="amount_too_large",
            provider=self.name,
            code=issues(answer)[0],
            http_status=response.status,
            raw=answer,
        )


def _refund_reference(reference: str) -> str:
    if not _REFERENCE.fullmatch(reference):
        raise InvalidRequest("use letters, digits and - _ . , 127 at most", field="reference")
    return reference
