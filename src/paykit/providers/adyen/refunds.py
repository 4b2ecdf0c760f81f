"""Giving money back. It is only received by the answer; a REFUND webhook tells what became of it.

Source: https://docs.adyen.com/online-payments/refund/
"""

from __future__ import annotations

from typing import Any, Final

from ...errors import InvalidRequest
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Refund, RefundRequest, RefundStatus
from .amounts import to_wire
from .forms import check_psp
from .holds import RECEIVED, Holds
from .wire import Received

#: The reasons that Adyen takes; another description stays with the shop.
REASONS: Final = frozenset({"FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER"})


class Refunds(Holds):
    """Refund."""

    def refund(self, request: RefundRequest) -> Flow[Refund]:
        """Give back all or a part. The answer is ``pending``.

        ``payment.provider_id`` is needed, and the amount here or there. ``payment.transaction_id``
        names the capture, where there are several. Adyen does not know the refund's reference: its
        id here is ``provider_id``.
        """
        payment, amount = request.payment, request.money
        psp = check_psp(payment.provider_id, "payment.provider_id")
        if amount.minor <= 0:
            raise InvalidRequest("a refund is more than nothing", field="amount")
        body: dict[str, Any] = {
            **self._modification(payment),
            "amount": to_wire(amount),
        }
        if payment.transaction_id is not None:
            body["capturePspReference"] = check_psp(
                payment.transaction_id, "payment.transaction_id"
            )
        if request.description.upper() in REASONS:
            body["merchantRefundReason"] = request.description.upper()

        def read(answer: JsonObject, _response: HttpResponse) -> Refund:
            done = Received.read(answer, provider=self.name)
            self.check_received(done, psp, amount)
            received = done.status == RECEIVED
            return Refund(
                provider=self.name,
                reference=request.reference,
                payment_reference=payment.reference,
                status=RefundStatus.PENDING if received else RefundStatus.UNKNOWN,
                amount=amount,
                provider_id=done.psp_reference,
                code=done.status,
                raw=answer,
            )

        # Two refunds of one payment, and of the same amount, are two: the reference tells.
        key = self.key_for(request.key, "refund", psp)
        return self.post_keyed(f"/payments/{psp}/refunds", body, read, key=key)
