"""What is done with money that is held: take it, release it.

Both are only received by the answer; CAPTURE and CANCELLATION webhooks tell what became of them.
Sources: https://docs.adyen.com/online-payments/capture/ and
https://docs.adyen.com/online-payments/cancel/
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Payment, PaymentRef, PaymentStatus
from ...money import Money
from .amounts import to_wire
from .forms import check_psp
from .payments import Payments
from .wire import Received

S = PaymentStatus

RECEIVED = "received"


class Holds(Payments):
    """Capture, void."""

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all of ``ref.amount``. The answer is ``pending``.

        Adyen releases what is left, unless the account has several captures enabled
        (``multiple_captures``): then it never does, and ``void`` does. So a part is taken with
        ``final=True`` in the former, and with ``final=False`` in the latter.
        """
        psp = check_psp(ref.provider_id, "provider_id")
        whole = ref.amount
        taken = whole if amount is None else amount
        if taken is None:
            raise InvalidRequest("Adyen needs it: give one here or in the payment", field="amount")
        if taken.minor <= 0 or (whole is not None and taken > whole):
            raise InvalidRequest("more than nothing, and at most what is held", field="amount")
        part = whole is None or taken < whole
        if part and final is self.config.multiple_captures:
            raise InvalidRequest(
                "this account takes several captures, and none releases what is left"
                if final
                else "this account takes one capture, and what is left is released: "
                "see multiple_captures",
                field="final",
            )
        body = self._modification(ref)
        body["amount"] = to_wire(taken)

        def read(answer: JsonObject, _response: HttpResponse) -> Payment:
            done = Received.read(answer, provider=self.name)
            self.check_received(done, psp, taken)
            return self._pending(ref, done, taken, answer)

        key = self.key_for(idempotency_key, "capture", psp)
        return self.post_keyed(f"/payments/{psp}/captures", body, read, key=key)

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release held funds. The answer is ``pending``.

        Without ``ref.provider_id`` the payment is found by its reference: for one whose answer got
        lost. A TECHNICAL_CANCEL webhook tells of that.
        """
        body = self._modification(ref)
        if ref.provider_id is None:
            psp, path = None, "/cancels"
            body["paymentReference"] = self.check_reference(ref.reference)
        else:
            psp = check_psp(ref.provider_id, "provider_id")
            path = f"/payments/{psp}/cancels"

        def read(answer: JsonObject, _response: HttpResponse) -> Payment:
            done = Received.read(answer, provider=self.name)
            if psp is None:
                if done.payment_reference != ref.reference:
                    raise MalformedResponse("about another payment", provider=self.name)
            else:
                self.check_received(done, psp, None)
            return self._pending(ref, done, ref.amount, answer)

        key = self.key_for(idempotency_key, "void", psp or ref.reference)
        return self.post_keyed(path, body, read, key=key)

    def check_received(self, done: Received, psp: str, amount: Money | None) -> None:
        """Refuse an answer about another payment or amount.

        One that names neither is believed: it promises nothing but a webhook.
        """
        if done.payment_psp_reference not in {None, psp}:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        if amount is not None and done.amount not in {None, amount}:
            raise MalformedResponse("the answer is about another amount", provider=self.name)

    def _modification(self, ref: PaymentRef) -> dict[str, Any]:
        # Webhooks repeat the reference of the modification or of the payment: make them the same.
        return {"merchantAccount": self.config.merchant_account, "reference": ref.reference}

    def _pending(
        self, ref: PaymentRef, done: Received, amount: Money | None, raw: JsonObject
    ) -> Payment:
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=S.PENDING if done.status == RECEIVED else S.UNKNOWN,
            amount=amount,
            provider_id=ref.provider_id,
            transaction_id=done.psp_reference,
            code=done.status,
            raw=raw,
        )
