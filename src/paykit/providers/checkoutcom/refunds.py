"""Giving money back. Like captures, a refund is only accepted at first.

Source: https://www.checkout.com/docs/payments/manage-payments/refund-a-payment
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ...errors import Declined, MalformedResponse, NotFound
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Refund, RefundRef, RefundRequest, RefundStatus
from ...money import Money
from .amounts import from_wire, to_part
from .codes import APPROVED
from .holds import Holds
from .wire import REFERENCE, REFUND_REFERENCE, Action, kept


class Refunds(Holds):
    """Refund, fetch a refund."""

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back ``amount``, or all that was taken. The result is ``pending``.

        ``provider_id`` is the id of this refund (an action). If the payment has one with this
        reference, that is the result and nothing is sent. Raises :class:`Declined` where
        Checkout.com does not allow it.
        """
        payment, amount = request.payment, request.amount
        self.check_reference(request.reference)
        body: dict[str, Any] = {}
        if amount is not None:
            body["amount"] = to_part(amount, payment.amount, "payment.amount")
        body["reference"] = request.reference
        body["metadata"] = {
            REFERENCE: payment.reference,
            REFUND_REFERENCE: request.reference,
        }
        payment_id = yield from self.payment_id(payment)
        for action in (yield from self.actions(payment_id)):
            if _is_refund(action, request.reference):
                return self._refund(
                    action, payment.reference, request.reference, amount or payment.amount, amount
                )
        call = self.keyed(f"/payments/{payment_id}/refunds", body, request.key, moves_money=True)

        def read(answer: JsonObject, response: HttpResponse) -> Refund:
            if response.status == HTTPStatus.FORBIDDEN:
                raise self.not_allowed(Declined, response)
            done = self.accepted(
                answer, response, payment_id=payment_id, reference=request.reference
            )
            return Refund(
                provider=self.name,
                reference=request.reference,
                payment_reference=payment.reference,
                status=RefundStatus.PENDING,
                amount=amount,
                provider_id=done.action_id,
                raw=answer,
            )

        return self.settle(call, (yield call), read)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Look for a refund among what was done with the payment: by its id, or its reference.

        One that is accepted and not done yet is not there: :class:`NotFound`.
        """
        payment_id = yield from self.payment_id(ref.payment)
        actions = yield from self.actions(payment_id)
        for action in actions:
            if ref.provider_id is None:
                found = _is_refund(action, ref.reference)
            else:
                found = action.id == ref.provider_id
            if found:
                if not _is_refund(action, ref.reference):
                    raise self.not_ours("refund")
                return self._refund(
                    action,
                    ref.payment.reference,
                    ref.reference,
                    ref.amount or ref.payment.amount,
                    ref.amount,
                )
        raise NotFound("no such refund, or not yet", provider=self.name)

    def _refund(
        self,
        action: Action,
        payment_reference: str,
        reference: str,
        like: Money | None,
        asked: Money | None,
    ) -> Refund:
        """A refund as the domain has it. An action names no currency: it is that of ``like``.

        ``asked`` is what its amount has to be, where that is known.
        """
        amount = None
        if like is not None:
            try:
                amount = from_wire(action.amount, like.currency)
            except ValueError as error:
                raise MalformedResponse(str(error), provider=self.name) from None
        if asked is not None and amount != asked:
            raise self.not_ours("amount")
        return Refund(
            provider=self.name,
            reference=reference,
            payment_reference=payment_reference,
            status=_status(action),
            amount=amount,
            provider_id=action.id,
            code=action.response_code,
            message=action.response_summary,
        )


def _is_refund(action: Action, reference: str) -> bool:
    told = {action.reference, kept(action.metadata, REFUND_REFERENCE)}
    return action.type == "Refund" and reference in told


def _status(action: Action) -> RefundStatus:
    """Approved by word and by code: anything else is not known."""
    by_code = None if action.response_code is None else action.response_code.startswith(APPROVED)
    if action.approved is None or by_code is not action.approved:
        return RefundStatus.UNKNOWN
    return RefundStatus.SUCCEEDED if action.approved else RefundStatus.FAILED
