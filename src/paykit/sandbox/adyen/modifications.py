"""What can be asked about a payment afterwards. Each is only ``received``; a notice tells the rest.

https://docs.adyen.com/online-payments/capture/, …/cancel/, …/refund/, …/reversal/
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from ...money import Money
from ..cards.state import Capture, CardPayment, Dispute, Refund
from ..cards.till import Till
from . import amounts
from .books import Books
from .errors import Refusal
from .ids import Ids
from .notices import Notices
from .payments import Body, Json, read_amount
from .state import Ending, Payment

if TYPE_CHECKING:
    from .config import AdyenConfig

_TOO_MUCH: Final = "Insufficient balance on payment"
_NOT_CAPTURED: Final = "Transaction hasn't been captured, refund not possible"
_NOT_CANCELABLE: Final = "Transaction is already captured or cancelled, cancel not possible"
_OTHER_CURRENCY: Final = "Currency is not the one of the payment"


@attrs.frozen(kw_only=True)
class Modifications:
    """Captures, cancels, refunds, reversals and changes of the amount."""

    config: AdyenConfig
    books: Books
    ids: Ids
    till: Till
    notices: Notices

    def capture(self, psp: str, body: Body, now: datetime) -> Json:
        """``POST /payments/{paymentPspReference}/captures``."""
        payment, amount = self._payment(psp), read_amount(body)
        left = _capturable(payment)
        problem = ""
        if amount.currency != payment.amount.currency:
            problem = _OTHER_CURRENCY
        elif not amount or amount > left:
            problem = _TOO_MUCH
        move = self.till.capture(
            payment,
            amount if amount.currency == payment.amount.currency else payment.zero,
            capture_id=self.ids.psp(),
            now=now,
            final=not self.config.multiple_captures,
            reference=body.get("reference", ""),
        )
        move.reason = problem or move.reason
        return self._received(body, move.id, payment=payment, amount=amount)

    def refund(self, psp: str, body: Body, now: datetime) -> Json:
        """``POST /payments/{paymentPspReference}/refunds``."""
        payment, amount = self._payment(psp), read_amount(body)
        of = body.get("capturePspReference", "")
        problem = ""
        if amount.currency != payment.amount.currency:
            problem = _OTHER_CURRENCY
        elif not payment.captured or (of and not _has_capture(payment, of)):
            problem = _NOT_CAPTURED
        elif not amount or amount > _refundable(payment):
            problem = _TOO_MUCH
        psp = self._refund(payment, amount, body, problem, now)
        return self._received(body, psp, payment=payment, amount=amount)

    def cancel(self, psp: str, body: Body, now: datetime) -> Json:
        """``POST /payments/{paymentPspReference}/cancels``."""
        payment = self._payment(psp)
        ending = Ending(
            psp=self.ids.psp(), reference=body.get("reference", ""), event="CANCELLATION"
        )
        self._cancel(payment, ending, now)
        return self._received(body, ending.psp, payment=payment)

    def cancel_by_reference(self, body: Body, now: datetime) -> Json:
        """``POST /cancels``: by the merchant's reference, which may be unknown here."""
        payment = self.books.by_reference(body["paymentReference"])
        ending = Ending(
            psp=self.ids.psp(), reference=body.get("reference", ""), event="TECHNICAL_CANCEL"
        )
        if payment:
            self._cancel(payment, ending, now)
        else:
            self.notices.ended(None, ending, "Original payment not found", now)
        return self._received(body, ending.psp)

    def reverse(self, psp: str, body: Body, now: datetime) -> Json:
        """``POST /payments/{paymentPspReference}/reversals``: cancel, or refund all of it."""
        payment = self._payment(psp)
        if payment.captures:
            problem = "" if payment.captured and not payment.refunds else _TOO_MUCH
            amount = payment.captured or payment.amount
            psp = self._refund(payment, amount, body, problem, now, reversal=True)
            return self._received(body, psp, payment=payment)
        ending = Ending(
            psp=self.ids.psp(), reference=body.get("reference", ""), event="CANCEL_OR_REFUND"
        )
        self._cancel(payment, ending, now)
        return self._received(body, ending.psp, payment=payment)

    def update(self, psp: str, body: Body, now: datetime) -> Json:
        """``POST /payments/{paymentPspReference}/amountUpdates``: hold more, or less."""
        payment, amount, psp = self._payment(psp), read_amount(body), self.ids.psp()
        problem = ""
        if amount.currency != payment.amount.currency:
            problem = _OTHER_CURRENCY
        elif payment.held is None or payment.released or payment.captures or not amount:
            problem = "Authorisation cannot be adjusted"
        else:
            payment.held = payment.amount = amount
        reference = body.get("reference", "")
        self.notices.adjusted(payment, amount, now, psp=psp, reference=reference, reason=problem)
        received = self._received(body, psp, payment=payment, amount=amount)
        if "industryUsage" in body:
            received["industryUsage"] = body["industryUsage"]
        return {**received, "reference": reference}

    def _payment(self, psp: str) -> Payment:
        payment = self.books.payment(psp)
        if payment is None or payment.held is None:
            raise Refusal("original")
        return payment

    def _cancel(self, payment: Payment, ending: Ending, now: datetime) -> None:
        # After a part was taken, the rest may go only where there may be several captures.
        taken = payment.captures and not self.config.multiple_captures
        if payment.released or taken or (payment.amount and not payment.capturable):
            extra = _action(ending, "cancel")
            self.notices.ended(payment, ending, _NOT_CANCELABLE, now, **extra)
            return
        payment.ending = ending
        self.till.void(payment, now)

    def _refund(
        self,
        payment: Payment,
        amount: Money,
        body: Body,
        problem: str,
        now: datetime,
        *,
        reversal: bool = False,
    ) -> str:
        move = self.till.refund(
            payment,
            amount if amount.currency == payment.amount.currency else payment.zero,
            refund_id=self.ids.psp(),
            now=now,
            reference=body.get("reference", ""),
            data={"reversal": reversal},
        )
        move.reason = problem or move.reason
        return move.id

    def _received(
        self, body: Body, psp: str, *, payment: Payment | None = None, amount: Money | None = None
    ) -> Json:
        answer: Json = {
            "merchantAccount": self.config.merchant_account,
            "pspReference": psp,
            "status": "received",
        }
        if payment:
            answer["paymentPspReference"] = payment.id
        else:
            answer["paymentReference"] = body["paymentReference"]
        if amount is not None:
            answer["amount"] = amounts.write(amount)
        repeated = (
            "reference capturePspReference merchantRefundReason lineItems splits subMerchants "
            "platformChargebackLogic store"
        )
        return answer | {name: body[name] for name in repeated.split() if name in body}


@attrs.frozen(kw_only=True)
class Told:
    """Turns what happens to money into notices: what the till tells (its ``Events``)."""

    config: AdyenConfig
    notices: Notices

    def captured(self, capture: Capture, now: datetime) -> None:
        """The money was taken; one that Adyen took by itself need not be told."""
        if not capture.data.get("automatic") or self.config.automatic_capture_notices:
            self.notices.moved(_ours(capture.payment), capture, "CAPTURE", now)

    def capture_failed(self, capture: Capture, now: datetime) -> None:
        """It was not, or the scheme took it back."""
        code = "CAPTURE_FAILED" if capture.state == "undone" else "CAPTURE"
        self._fail(capture, code, "Capture Failed", now)

    def refunded(self, refund: Refund, now: datetime) -> None:
        """The money was given back."""
        code, extra = _refund_code(refund)
        self.notices.moved(_ours(refund.payment), refund, code, now, **extra)

    def refund_failed(self, refund: Refund, now: datetime) -> None:
        """It was not, or it came back."""
        code, extra = _refund_code(refund)
        if refund.state == "undone":
            code, extra = "REFUND_FAILED", {}
        self._fail(refund, code, "Refund Failed", now, **extra)

    def voided(self, payment: CardPayment, now: datetime) -> None:
        """The merchant let the hold go."""
        ours = _ours(payment)
        if ours.ending:
            self.notices.ended(ours, ours.ending, "", now, **_action(ours.ending, "cancel"))

    def expired(self, payment: CardPayment, now: datetime) -> None:
        """The rest of the hold has ended by itself."""
        held = payment.held or payment.zero
        self.notices.expired(_ours(payment), held - payment.captured, now)

    def disputed(self, dispute: Dispute, now: datetime) -> None:
        """First the notice, then the money is gone."""
        for code in ("NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"):
            self.notices.disputed(_ours(dispute.payment), dispute, code, now)

    def dispute_closed(self, dispute: Dispute, now: datetime) -> None:
        """The merchant's defence was accepted, or the bank insists."""
        code = "CHARGEBACK_REVERSED" if dispute.state == "won" else "SECOND_CHARGEBACK"
        self.notices.disputed(_ours(dispute.payment), dispute, code, now)

    def _fail(
        self, move: Capture | Refund, code: str, reason: str, now: datetime, **extra: Any
    ) -> None:
        if move.reason in {"", "refused", "undone"}:
            move.reason = reason
        self.notices.moved(_ours(move.payment), move, code, now, **extra)


def _ours(payment: CardPayment) -> Payment:
    assert isinstance(payment, Payment)  # noqa: S101 - the books hold no others
    return payment


def _refund_code(refund: Refund) -> tuple[str, dict[str, str]]:
    if refund.data.get("reversal"):
        return "CANCEL_OR_REFUND", {"modification.action": "refund"}
    return "REFUND", {}


def _action(ending: Ending, action: str) -> dict[str, str]:
    return {"modification.action": action} if ending.event == "CANCEL_OR_REFUND" else {}


def _has_capture(payment: Payment, psp: str) -> bool:
    return any(one.id == psp and one.state == "done" for one in payment.captures)


def _capturable(payment: Payment) -> Money:
    """What may still be taken; a capture that is going to be refused takes nothing away."""
    if payment.held is None or payment.released:
        return payment.zero
    asked = sum(one.amount.minor for one in payment.captures if one.counts and not one.reason)
    return Money(max(0, payment.held.minor - asked), payment.amount.currency)


def _refundable(payment: Payment) -> Money:
    asked = sum(one.amount.minor for one in payment.refunds if one.counts and not one.reason)
    lost = sum(one.amount.minor for one in payment.disputes if one.state == "lost")
    return Money(max(0, payment.captured.minor - asked - lost), payment.amount.currency)
