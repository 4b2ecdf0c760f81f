"""What an answer of Adyen's means: the status, the next step, the refusal.

Source: https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes/
"""

from __future__ import annotations

from ...declines import DeclineReason
from ...errors import Declined, MalformedResponse
from ...http import HttpResponse, JsonObject
from ...models import (
    CaptureMode,
    FormPost,
    HandleInClient,
    NextAction,
    Nothing,
    Payment,
    PaymentStatus,
    Redirect,
)
from ...money import Money
from .api import AdyenApi
from .codes import AUTHORISED, BOOKED, REASONS, REFUSALS, RESULTS
from .wire import PaymentAnswer

S = PaymentStatus


class Answers(AdyenApi):
    """Reads answers about payments."""

    def check_paid(
        self, paid: PaymentAnswer, reference: str, amount: Money | None
    ) -> PaymentStatus:
        """The status that an answer tells; raises :class:`MalformedResponse` if it is not ours."""
        if paid.merchant_reference not in {None, reference}:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        status = self.status_of(paid.result_code, amount)
        told = paid.amount
        if told is not None and amount is not None and told != amount:
            less = told.currency == amount.currency and told < amount
            if not (status is S.NEEDS_REVIEW and less):
                raise MalformedResponse("the answer is about another amount", provider=self.name)
        if status in BOOKED and paid.psp_reference is None:
            raise MalformedResponse("an authorisation without its id", provider=self.name)
        return status

    def status_of(self, result_code: str, amount: Money | None) -> PaymentStatus:
        """What a ``resultCode`` means in this account; nothing is held where nothing is asked."""
        takes = self.config.capture_mode is CaptureMode.AUTOMATIC
        if result_code == AUTHORISED and (takes or (amount is not None and not amount)):
            return S.SUCCEEDED
        return RESULTS.get(result_code, S.UNKNOWN)

    def raise_refusal(
        self,
        paid: PaymentAnswer,
        status: PaymentStatus,
        answer: JsonObject,
        response: HttpResponse,
    ) -> None:
        """Raise :class:`Declined` for an answer that says no."""
        if status in {S.FAILED, S.CANCELED}:
            raise self.answered_no(
                Declined,
                paid.refusal_reason or paid.result_code,
                code=paid.refusal_reason_code or paid.result_code,
                response=response,
                raw=answer,
                reason=reason_of(paid),
            )

    def next_step(self, paid: PaymentAnswer) -> NextAction:
        """What the payer has to do."""
        action = paid.action
        if action is None:
            return Nothing()
        if not isinstance(action.get("type"), str):
            raise MalformedResponse("an action without a type", provider=self.name)
        if action["type"] != "redirect":
            return HandleInClient(action)
        url, method, data = action.get("url"), action.get("method"), action.get("data")
        if not isinstance(url, str) or method not in ("GET", "POST"):
            raise MalformedResponse("a redirect that cannot be read", provider=self.name)
        if method == "GET":
            return Redirect(self.page(url))
        if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
            raise MalformedResponse("a form that cannot be read", provider=self.name)
        return FormPost(self.page(url), tuple(data.items()))

    def payment(
        self,
        paid: PaymentAnswer,
        status: PaymentStatus,
        reference: str,
        amount: Money | None,
        raw: JsonObject,
    ) -> Payment:
        """The payment that an answer is about."""
        whole = paid.amount or amount
        step = self.next_step(paid)
        no = status in {S.FAILED, S.CANCELED}
        return Payment(
            provider=self.name,
            reference=reference,
            status=status,
            amount=whole,
            captured=whole if status is S.SUCCEEDED else None,
            provider_id=None if status is S.REQUIRES_ACTION else paid.psp_reference,
            code=paid.refusal_reason_code if no and paid.refusal_reason_code else paid.result_code,
            message=paid.refusal_reason if no else None,
            reason=reason_of(paid) if no else None,
            next=None if isinstance(step, Nothing) else step,
            token=paid.stored_card(self.name, reference) if status in BOOKED else None,
            raw=raw,
        )


def reason_of(paid: PaymentAnswer) -> DeclineReason:
    """Why an answer says no, in our words."""
    by_code = REFUSALS.get(paid.refusal_reason_code or "")
    return by_code or REASONS.get(paid.result_code, DeclineReason.CARD_DECLINED)
