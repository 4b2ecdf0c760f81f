"""ZaloPay's refunds: accepted at once, done later, known by ``m_refund_id`` only.

Source: https://docs.zalopay.vn/docs/specs/order-refund and …/order-query-refund.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ...errors import Declined, InvalidRequest
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import PaymentRef, Refund, RefundRef, RefundRequest, RefundStatus
from ...money import Money
from ...provider_tools import nth_reference
from ...vietnam import GMT7, to_milliseconds, to_yymmdd
from .account import Account
from .answers import Answer
from .codes import (
    DONE,
    NO_REMARK,
    OPEN,
    REFUND_CODES,
    REFUND_DECLINES,
    REFUND_REFUSALS,
    REFUSALS,
    REFUSED,
)
from .wire import (
    LOOK_BACK,
    MAX_REASON,
    REFUND_FEE_FIELDS,
    REFUND_FIELDS,
    REFUND_QUERY_FIELDS,
    check_refund_id,
    check_text,
    is_refund_id,
    refund_name,
    to_dong,
    to_refund_id,
    to_transaction_id,
)

R = RefundStatus


class Refunds(Account):
    """Giving back all or a part."""

    def refund_id(self, reference: str) -> str:
        """Today's ``m_refund_id`` for a reference, to be stored as the reference of a refund.

        A refund with such a reference is the same one whenever it is asked for: ZaloPay takes it
        only today.
        """
        return to_refund_id(reference, self.clock(), self.config.app_id)

    def refund_reference(self, payment: PaymentRef, number: int, *, at: datetime) -> str:
        """The whole ``m_refund_id`` for the ``number``-th refund of ``payment``.

        ``at`` is when it will be sent: ZaloPay takes it only on that day in Vietnam.
        """
        if at.tzinfo is None:
            raise InvalidRequest("needs a time zone", field="at")
        app_id = self.config.app_id
        name = nth_reference(payment.reference, number, form=refund_name(app_id))
        return to_refund_id(name, at, app_id)

    def refund(self, request: RefundRequest, *, fee: Money | None = None) -> Flow[Refund]:
        """Give back all or a part, less a ``fee``. Needs ``payment.provider_id``, ``zp_trans_id``.

        An accepted refund is ``pending``; :meth:`fetch_refund` tells when it is done. Its
        ``provider_id`` is the ``m_refund_id`` by which ZaloPay finds it: the day in Vietnam, the
        app and the reference, unless the reference is one already.
        """
        payment, amount, now = request.payment, request.money, self.clock()
        number = to_transaction_id(payment.provider_id)
        if number is None:
            raise InvalidRequest("ZaloPay wants its zp_trans_id", field="payment.provider_id")
        refund_id = request.reference
        if not is_refund_id(refund_id, self.config.app_id):
            refund_id = self.refund_id(request.reference)
        elif not check_refund_id(refund_id).startswith(to_yymmdd(now)):
            raise InvalidRequest(
                "is of another day, on which it may have been sent: fetch it", field="reference"
            )
        body: dict[str, Any] = {
            "app_id": self.config.app_id,
            "m_refund_id": refund_id,
            "zp_trans_id": number,
            "amount": to_dong(amount),
            "timestamp": to_milliseconds(now),
            "description": check_text(
                request.description or f"Hoan tien {payment.reference}", "description", MAX_REASON
            ),
        }
        ref = RefundRef(reference=request.reference, payment=payment, amount=amount)
        fields = REFUND_FIELDS
        if fee is not None:
            body["refund_fee_amount"] = to_dong(fee, "fee")
            fields = REFUND_FEE_FIELDS

        def read(raw: JsonObject, response: HttpResponse) -> Refund:
            answer = Answer.read(raw, provider=self.name)
            outcome, code = answer.result
            status = R.UNKNOWN
            if outcome == OPEN or answer.is_done:
                status = R.PENDING
            elif outcome == REFUSED and code in REFUND_DECLINES:
                raise self.answered_no(
                    Declined,
                    answer.words,
                    code=answer.code,
                    response=response,
                    raw=raw,
                    reason=REFUND_DECLINES[code],
                )
            elif outcome == REFUSED and code is not None:
                kind = REFUND_REFUSALS.get(code) or REFUSALS.get(code)
                if kind is not None and not kind.repeatable:
                    raise self._refusal(answer, raw, response, more=REFUND_REFUSALS)
            return self._refund(ref, refund_id, status, answer, raw)

        return self._call("/v2/refund", fields, body, read, moves_money=True)

    def fetch_refund(self, ref: RefundRef) -> Flow[Refund]:
        """Ask for the state of one refund; raises :class:`~paykit.errors.NotFound`.

        ``ref.provider_id`` is what :meth:`refund` gave. Without it, and unless the reference is a
        whole ``m_refund_id``, the day is not known: today is asked for first, then each day before
        it, back to the payment's and seven at most.
        """

        def ask(refund_id: str) -> Flow[Refund]:
            body = {
                "app_id": self.config.app_id,
                "m_refund_id": refund_id,
                "timestamp": self._now(),
            }

            def read(raw: JsonObject, response: HttpResponse) -> Refund:
                answer = Answer.read(raw, provider=self.name)
                outcome, code = answer.result
                if outcome == REFUSED and code in REFUSALS:
                    raise self._refusal(answer, raw, response)
                status = R.UNKNOWN
                if outcome == DONE and code == NO_REMARK:
                    status = R.SUCCEEDED
                elif outcome == OPEN:
                    status = R.PENDING
                elif outcome == REFUSED and code is not None:
                    status = REFUND_CODES.get(code, R.UNKNOWN)
                return self._refund(ref, refund_id, status, answer, raw)

            return self._call("/v2/query_refund", REFUND_QUERY_FIELDS, body, read, replay_safe=True)

        return self._first_known(self._refund_ids(ref), ask)

    def _refund_ids(self, ref: RefundRef) -> list[str]:
        app_id = self.config.app_id
        for known in (ref.provider_id, ref.reference):
            if known and is_refund_id(known, app_id):
                return [check_refund_id(known)]
        created_at, now = ref.payment.created_at, self.clock()
        days = [now - timedelta(days=back) for back in range(LOOK_BACK + 1)]
        if created_at is not None:
            first = created_at.astimezone(GMT7).date()
            days = [day for day in days if day.astimezone(GMT7).date() >= first] or days[:1]
        return [to_refund_id(ref.reference, day, app_id) for day in days]

    def _refund(
        self,
        ref: RefundRef,
        refund_id: str,
        status: RefundStatus,
        answer: Answer,
        raw: JsonObject,
    ) -> Refund:
        return Refund(
            provider=self.name,
            reference=ref.reference,
            payment_reference=ref.payment.reference,
            status=status,
            amount=ref.amount,  # no answer says it
            provider_id=refund_id,
            code=answer.code,
            message=answer.words,
            raw=raw,
        )
