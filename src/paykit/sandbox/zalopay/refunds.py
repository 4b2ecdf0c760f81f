"""ZaloPay's refunds: asked for, accepted, and only later done. Only a query tells the end.

https://docs.zalopay.vn/docs/specs/order-refund
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import attrs

from ..config import SandboxConfig
from ..faults import Faults
from . import codes
from .answers import Answer, Fields, Refusal, answer, in_time, starts_with_today
from .config import ZaloPayMerchant
from .state import Books, Order, Refund

_REFUND_ID: Final = re.compile(r"[0-9]{6}_([0-9]{1,10})_.+", re.ASCII)


@attrs.frozen(kw_only=True)
class Refunds:
    """Operations on refunds, for requests that are well formed and signed."""

    config: SandboxConfig
    books: Books
    faults: Faults

    def refund(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Take on a refund, all of a payment or a part. The fee is the payer's loss."""
        self._check_id(sent, merchant, now)
        order = self.books.order_by_transaction(merchant.app_id, sent["zp_trans_id"])
        if order is None or order.result(now)[0] != codes.SUCCESS:
            raise Refusal(codes.NOT_FOUND)
        refusal = self._refusal(order, sent, now)
        refund = Refund(
            m_refund_id=sent["m_refund_id"],
            refund_id=self.books.next_transaction(now),
            amount=sent["amount"],
            done_at=now + self.config.zalopay.refund_processing,
            refusal=refusal,
            fails=refusal is None and self.faults.take("fail_next_refund"),
        )
        self.books.add_refund(order, refund)
        if refusal is not None:
            raise Refusal(refusal)
        # Accepted, which says nothing yet: even one that fails is accepted first.
        if refund.done_at > now:
            said = answer(codes.PROCESSING, codes.REFUND_PROCESSING)
        else:
            said = answer(codes.SUCCESS, codes.SUCCESS)
        return {**said, "refund_id": refund.refund_id}

    def query(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Tell what became of the refund with this reference."""
        if not in_time(sent["timestamp"], now, self.config.zalopay.clock_tolerance):
            raise Refusal(codes.ILLEGAL_DATA, "timestamp is not now, in Unix milliseconds")
        refund = self.books.refund(merchant.app_id, sent["m_refund_id"])
        if refund is None:
            raise Refusal(codes.NOT_FOUND)
        return answer(*refund.result(now))

    def _check_id(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> None:
        zalopay = self.config.zalopay
        if not in_time(sent["timestamp"], now, zalopay.clock_tolerance):
            raise Refusal(codes.REFUND_TOO_LATE, "timestamp is not now, in Unix milliseconds")
        parts = _REFUND_ID.fullmatch(sent["m_refund_id"])
        if not parts:
            raise Refusal(codes.REFUND_ID_FORMAT, "m_refund_id must be yymmdd_appid_xxx")
        if zalopay.check_dates and not starts_with_today(sent["m_refund_id"], now):
            raise Refusal(codes.REFUND_ID_DATE, "m_refund_id must begin with today in GMT+7")
        if parts[1] != str(merchant.app_id):
            raise Refusal(codes.REFUND_ID_APP)
        if self.books.refund(merchant.app_id, sent["m_refund_id"]):
            raise Refusal(codes.DUPLICATE_REFUND)

    def _refusal(self, order: Order, sent: Fields, now: datetime) -> int | None:
        window = self.config.zalopay.refund_window
        if window is not None and order.paid_at is not None and now > order.paid_at + window:
            return codes.REFUND_TOO_LATE
        amount, fee = sent["amount"], sent.get("refund_fee_amount") or 0
        if not 0 < amount <= order.refundable(now) or fee > amount:
            return codes.REFUND_AMOUNT
        return None
