"""ZaloPay's orders: create, query, cancel, for requests that are well formed and signed."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from ...http import parse_json_object
from ..config import SandboxConfig
from ..edge import is_return_url
from ..times import milliseconds
from . import codes, fields, outcomes, qr
from .answers import Answer, Fields, Refusal, answer, in_time, starts_with_today
from .config import ZaloPayMerchant
from .state import Books, Order

_PREFERRED: Final = "preferred_payment_method"


@attrs.frozen(kw_only=True)
class Orders:
    """Operations on orders."""

    config: SandboxConfig
    books: Books

    def create(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Open an order: a page for the payer, and codes to scan. Nothing is paid yet."""
        embedded = parse_json_object(sent["embed_data"].encode())
        self._check(sent, embedded, now)
        if self.books.order(merchant.app_id, sent["app_trans_id"]):
            raise Refusal(codes.DUPLICATE_ORDER)
        zalopay = self.config.zalopay
        seconds = sent.get("expire_duration_seconds")
        lifetime = timedelta(seconds=seconds) if seconds else zalopay.order_lifetime
        order = Order(
            token=self.config.new_id(),
            fields=dict(sent),
            embedded=embedded,
            created_at=now,
            expires_at=now + lifetime,
            qr_code=qr.content(
                app_id=merchant.app_id,
                amount=sent["amount"],
                number=self.books.next_number(),
                now=now,
            ),
        )
        self.books.add(order)
        return {
            **answer(codes.SUCCESS, codes.SUCCESS),
            "zp_trans_token": order.token,
            "order_url": page_url(self.config, order),
            "order_token": order.token,
            "qr_code": order.qr_code,
        }

    def query(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Tell how an order stands. Amount and transaction are 0 until it is paid."""
        order = self._order(sent, merchant)
        code, sub = order.result(now)
        said = answer(code, sub)
        if code == codes.PROCESSING and order.paid_at is None:
            said |= {"return_message": codes.UNPAID, "sub_return_message": codes.UNPAID}
        paid = code == codes.SUCCESS
        return {
            **said,
            "is_processing": code == codes.PROCESSING and order.paid_at is not None,
            "amount": order.amount if paid else 0,
            "discount_amount": 0,
            "zp_trans_id": order.zp_trans_id,
            "server_time": milliseconds(order.paid_at) if paid and order.paid_at else 0,
        }

    def cancel(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Make an unpaid order unpayable. Doing so twice is as good as once."""
        order = self._order(sent, merchant)
        if order.code != codes.CANCELLED:
            if not order.payable(now):
                _, sub = order.result(now)
                expired = sub == codes.EXPIRED
                raise Refusal(codes.EXPIRED if expired else codes.ILLEGAL_STATUS)
            order.code = codes.CANCELLED
        return answer(codes.SUCCESS, codes.SUCCESS)

    def _order(self, sent: Fields, merchant: ZaloPayMerchant) -> Order:
        if not fields.ORDER_ID.fullmatch(sent["app_trans_id"]):
            raise Refusal(codes.BAD_ORDER_ID)
        order = self.books.order(merchant.app_id, sent["app_trans_id"])
        if order is None:
            raise Refusal(codes.NOT_FOUND)
        return order

    def _check(self, sent: Fields, embedded: dict[str, Any], now: datetime) -> None:
        zalopay = self.config.zalopay
        check_reference(sent["app_trans_id"], now, check_date=zalopay.check_dates)
        if not in_time(sent["app_time"], now, zalopay.clock_tolerance):
            raise Refusal(codes.ILLEGAL_DATA, "app_time is not now, in Unix milliseconds")
        preferred = embedded.get(_PREFERRED, [])
        if not outcomes.are_preferences(preferred):
            known = ", ".join(outcomes.PREFERENCES)
            raise Refusal(codes.ILLEGAL_DATA, f"{_PREFERRED} is a list of some of: {known}")
        most = fields.MAX_EMBEDDED_FOR_VIETQR
        if "vietqr" in preferred and len(sent["embed_data"]) > most:
            raise Refusal(codes.ILLEGAL_DATA, f"embed_data has at most {most} characters here")
        if not outcomes.is_bank_code(sent.get("bank_code") or ""):
            raise Refusal(codes.ILLEGAL_DATA, "bank_code is not in the list of banks")
        target = embedded.get("redirecturl")
        if target and not (isinstance(target, str) and is_return_url(target)):
            raise Refusal(codes.ILLEGAL_DATA, "redirecturl must be an absolute URL")


def check_reference(reference: str, now: datetime, *, check_date: bool) -> None:
    """Refuse a reference that does not begin with today's date in Vietnam."""
    good = fields.ORDER_ID.fullmatch(reference) and (
        not check_date or starts_with_today(reference, now)
    )
    if not good:
        raise Refusal(codes.ILLEGAL_DATA, "app_trans_id must begin with yymmdd of today in GMT+7")


def page_url(config: SandboxConfig, order: Order) -> str:
    """``order_url``: the page where the payer decides, with token and app as JSON in base64."""
    facts = {"zptranstoken": order.token, "appid": order.app_id}
    text = json.dumps(facts, separators=(",", ":"))
    packed = base64.urlsafe_b64encode(text.encode()).decode()
    return f"{config.public_url}/zalopay/openinapp?order={packed}"


def unpack(packed: str) -> str:
    """The token in what :func:`page_url` packed, or an empty text."""
    try:
        order = parse_json_object(base64.urlsafe_b64decode(packed.encode()))
    except ValueError:
        return ""
    token = order.get("zptranstoken")
    return token if isinstance(token, str) else ""
