"""MoMo's payment operations on requests that are already known to be well formed and signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..config import MoMoMerchant, SandboxConfig
from ..faults import Faults
from ..times import milliseconds
from . import codes, signing
from .state import Books, Payment, Refund

_MILLION: Final = 1_000_000
#: Smallest and largest amount in đồng per requestType. MoMo's pages differ; these are the widest.
_LIMITS: Final = {
    "captureWallet": (1000, 50 * _MILLION),
    "payWithMethod": (1000, 50 * _MILLION),
    "payWithCC": (1000, 50 * _MILLION),
    "payWithATM": (10_000, 50 * _MILLION),
    "linkWallet": (1000, 50 * _MILLION),
    "subscription": (1000, 50 * _MILLION),
}
_POS_LIMITS: Final = (1000, 5 * _MILLION)
_REFUND_LIMITS: Final = (1000, 50 * _MILLION)
_ATM_MINIMUM: Final = 10_000
#: Only a wallet and an international card can hold money.
_CAN_HOLD: Final = frozenset({"captureWallet", "payWithCC", "payWithMethod"})

Body = Mapping[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """MoMo says no with a result code, and for 20 with the fields that are wrong."""

    def __init__(self, code: int, *sub_errors: dict[str, str]) -> None:
        self.code = code
        self.sub_errors = list(sub_errors)
        super().__init__(str(code))


@attrs.frozen(kw_only=True)
class Operations:
    """What a merchant can ask for. Each method returns MoMo's answer or raises a refusal.

    ``notify`` sends the IPN of a finished payment.
    """

    config: SandboxConfig
    books: Books
    faults: Faults
    notify: Callable[[Payment, MoMoMerchant], None]

    def create(self, body: Body, merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Open a session: a page for the payer. It says nothing about the payment yet."""
        kind, amount = body["requestType"], int(body["amount"])
        if body.get("autoCapture") is False and kind not in _CAN_HOLD:
            raise bad_field("autoCapture", f"{kind} cannot hold money")
        link = kind in {"linkWallet", "subscription"}
        if not (link and amount == 0):
            check_amount(amount, _LIMITS[kind])
        self.check_new_order(body)
        momo = self.config.momo
        payment = Payment(
            token=self.config.new_id(),
            fields=dict(body),
            request_type=kind,
            amount=amount,
            created_at=now,
            expires_at=now + (momo.link_lifetime if link else momo.session_lifetime),
        )
        self.books.add(payment)
        page = f"{self.config.public_url}/momo/v2/gateway/pay?t={payment.token}"
        answer = {
            **reply(body, codes.SUCCESS, now),
            "amount": amount,
            "payUrl": page,
            "shortLink": page,
            "deeplink": f"momo://?action=payWithApp&t={payment.token}",
            # What a QR code should hold, not a picture. A phone's camera opens the page.
            "qrCodeUrl": page,
            "userFee": 0,
        }
        if link:
            answer["partnerClientId"] = body["partnerClientId"]
        return {**answer, "signature": signing.sign(signing.CREATE_RESPONSE, answer, merchant)}

    def query(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Tell how a payment stands, with its refunds."""
        payment = self._payment(body)
        code = payment.result(now)
        trans_id = payment.trans_id
        if code == codes.EXPIRED and not trans_id:
            trans_id = milliseconds(payment.expires_at)
        return {
            **reply(body, code, now),
            "extraData": payment.fields["extraData"],
            "amount": payment.amount,
            "transId": trans_id,
            "payType": payment.pay_type,
            "refundTrans": [refund.to_json() for refund in payment.refunds],
            "paymentOption": "momo" if payment.pay_type else "",
            "promotionInfo": None,
        }

    def refund(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Give money back. The refund has a reference of its own, new among all orders."""
        amount = int(body["amount"])
        self.check_new_order(body)
        payment = self.books.payment_by_transaction(body["partnerCode"], int(body["transId"]))
        if payment is None:
            raise Refusal(codes.NOT_FOUND)
        least, most = _REFUND_LIMITS
        check_amount(amount, (_ATM_MINIMUM if payment.pay_type == "napas" else least, most))
        if payment.result_code != codes.SUCCESS or not payment.amount:
            code = codes.REFUND_UNSUPPORTED
        elif amount > payment.amount - payment.refunded:
            code = codes.REFUND_REFUSED
        elif self.faults.take("fail_next_refund"):
            code = codes.REFUND_FAILED
        else:
            code = codes.SUCCESS
        refund = Refund(
            order_id=body["orderId"],
            amount=amount,
            result_code=code,
            trans_id=self.books.next_trans_id(),
            created_at=now,
        )
        self.books.add_refund(payment, refund)
        return {**reply(body, code, now), "amount": amount, "transId": refund.trans_id}

    def refund_query(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Tell what became of the refund with this reference."""
        known = self.books.refund(body["partnerCode"], body["orderId"])
        if known is None:
            raise Refusal(codes.NOT_FOUND)
        payment, refund = known
        return {
            **reply(body, codes.SUCCESS, now),
            "amount": refund.amount,
            "transId": refund.trans_id,
            "extraData": payment.fields["extraData"],
            "refundTrans": [refund.to_json()],
        }

    def confirm(self, body: Body, _merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Take or release held money, all of it."""
        payment = self._payment(body)
        if not (payment.holds_only and payment.result_code == codes.AUTHORIZED):
            raise Refusal(codes.CONFLICT)
        if int(body["amount"]) != payment.amount:
            raise Refusal(codes.AMOUNT)
        capture = body["requestType"] == "capture"
        payment.result_code = codes.SUCCESS if capture else codes.CANCELLED_BY_MERCHANT
        answer = reply(body, codes.SUCCESS, now)
        return {**answer, "amount": payment.amount, "transId": payment.trans_id}

    def pos(self, body: Body, merchant: MoMoMerchant, now: datetime) -> dict[str, Any]:
        """Charge the code that the payer's phone shows; one ending in 1001 has no money."""
        code = signing.decrypt_text(body["paymentCode"], self.config.momo.rsa_private_key)
        if not code or not code.isalnum():
            raise bad_field("paymentCode", "is not encrypted with the public key")
        check_amount(int(body["amount"]), _POS_LIMITS)
        self.check_new_order(body)
        poor = code.endswith(str(codes.INSUFFICIENT))
        return self.charge(body, merchant, now, insufficient=poor, pay_type="qr")

    def charge(
        self,
        body: Body,
        merchant: MoMoMerchant,
        now: datetime,
        *,
        insufficient: bool = False,
        pay_type: str,
    ) -> dict[str, Any]:
        """Make a payment that needs no page and is finished at once."""
        payment = Payment(
            token=self.config.new_id(),
            fields=dict(body),
            amount=int(body["amount"]),
            created_at=now,
            expires_at=now,
        )
        done = codes.AUTHORIZED if payment.holds_only else codes.SUCCESS
        payment.result_code = codes.INSUFFICIENT if insufficient else done
        payment.trans_id = self.books.next_trans_id()
        payment.pay_type = pay_type
        payment.finished_at = now
        self.books.add(payment)
        if body.get("ipnUrl"):
            self.notify(payment, merchant)
        answer = reply(body, payment.result_code, now)
        return {**answer, "amount": payment.amount, "transId": payment.trans_id}

    def check_new_order(self, body: Body) -> None:
        """Refuse a reference that a purchase or refund of this merchant already has."""
        if self.books.order_taken(body["partnerCode"], body["orderId"]):
            raise Refusal(codes.DUPLICATE_ORDER)

    def _payment(self, body: Body) -> Payment:
        payment = self.books.payment(body["partnerCode"], body["orderId"])
        if payment is None:
            raise Refusal(codes.NOT_FOUND)
        return payment


def reply(body: Body, code: int, now: datetime) -> dict[str, Any]:
    """What every answer has: the caller's ids, the result, the time."""
    return {
        "partnerCode": body["partnerCode"],
        "requestId": body["requestId"],
        "orderId": body["orderId"],
        "resultCode": code,
        "message": codes.message(code, body.get("lang")),
        "responseTime": milliseconds(now),
    }


def bad_field(name: str, problem: str) -> Refusal:
    """The refusal of one field."""
    return Refusal(codes.BAD_FORMAT, {"field": name, "message": f"{name} {problem}"})


def check_amount(amount: int, limits: tuple[int, int]) -> None:
    """Refuse an amount outside the limits."""
    least, most = limits
    if not least <= amount <= most:
        raise Refusal(codes.AMOUNT)
