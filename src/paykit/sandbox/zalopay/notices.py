"""What ZaloPay tells the merchant: callbacks about money and agreements, and the redirect.

https://docs.zalopay.vn/docs/specs/callback-api
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import MalformedResponse
from ...http import HttpRequest, HttpResponse
from ..deliveries import RetryRule, Verdict
from ..edge import with_query
from ..times import milliseconds
from . import agreements, signing
from .config import ZaloPayConfig, ZaloPayMerchant
from .state import Agreement, Order, user_id

_ABOUT_ORDER: Final = 1
_ABOUT_AGREEMENT: Final = 2
_OK: Final = 200
_DONE: Final = frozenset({1, 2})
_AGAIN: Final = 0


def order_callback(order: Order, merchant: ZaloPayMerchant) -> HttpRequest:
    """The notice that money was collected. There is none about anything else."""
    assert order.paid_at is not None  # noqa: S101 - callers take the money first
    sent = order.fields
    payer = user_id(order.app_id, sent["app_user"])
    data = {
        "app_id": order.app_id,
        "app_trans_id": order.app_trans_id,
        "app_time": sent["app_time"],
        "app_user": sent["app_user"],
        "amount": order.amount,
        "embed_data": sent["embed_data"],
        "item": sent["item"],
        "zp_trans_id": order.zp_trans_id,
        "server_time": milliseconds(order.paid_at),
        "channel": order.channel,
        "merchant_user_id": payer,
        "zp_user_id": payer,
        "user_fee_amount": 0,
        "discount_amount": 0,
    }
    return _callback(sent.get("callback_url"), data, _ABOUT_ORDER, merchant)


def agreement_callback(agreement: Agreement, merchant: ZaloPayMerchant) -> HttpRequest:
    """The notice that a payer confirmed, refused or ended an agreement."""
    data = agreements.facts(agreement)
    return _callback(agreement.fields.get("callback_url"), data, _ABOUT_AGREEMENT, merchant)


def _callback(
    url: str | None, data: dict[str, Any], kind: int, merchant: ZaloPayMerchant
) -> HttpRequest:
    # Signed is this very text; ``type`` stands beside it and is not covered.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    body = {"data": text, "mac": signing.mac(text, merchant.key2), "type": kind}
    return HttpRequest.post_json(url or merchant.callback_url, body)


def order_return(order: Order, merchant: ZaloPayMerchant, now: datetime) -> str:
    """Where the browser goes: the merchant's own query first, then ours, from A to Z."""
    _, status = order.result(now)
    fields = {
        "amount": order.amount,
        "appid": order.app_id,
        "apptransid": order.app_trans_id,
        "bankcode": order.bank_code,
        "discountamount": 0,
        "pmcid": order.channel,
        "status": status,
    }
    fields["checksum"] = signing.mac(signing.joined(signing.REDIRECT, fields), merchant.key2)
    return with_query(order.redirect_url, urlencode(sorted(fields.items())))


def agreement_return(agreement: Agreement) -> str:
    """Where the browser goes; nothing proves what it carries."""
    query = urlencode({"binding_id": agreement.binding_id, "status": agreement.status})
    return with_query(agreement.redirect_url, query)


def retry_rule(config: ZaloPayConfig, *, wait: float = 0) -> RetryRule:
    """The configured rule: ZaloPay publishes only how often it calls again."""
    return RetryRule(
        delays=config.callback_retry_after,
        timeout=config.callback_timeout,
        judge=judge,
        wait=wait,
    )


def judge(response: HttpResponse) -> Verdict:
    """1 and 2 settle it, 0 asks for it again, and whatever else is said ends it.

    An answer that is not HTTP 200 with such a code is counted to the last: nothing is published
    about it, and who relies on being called again is safe only with 0.
    """
    if response.status != _OK:
        return Verdict(settled=False, note=f"HTTP {response.status}", again=False)
    try:
        code = response.json().get("return_code")
    except MalformedResponse:
        return Verdict(settled=False, note="unreadable answer", again=False)
    if type(code) is not int:
        return Verdict(settled=False, note="no return_code", again=False)
    return Verdict(settled=code in _DONE, note=f"return_code {code}"[:40], again=code == _AGAIN)
