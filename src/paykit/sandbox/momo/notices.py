"""What MoMo tells the merchant: the IPN as JSON, and the same fields on the browser's return."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from ...http import HttpRequest, HttpResponse
from ..config import MoMoConfig, MoMoMerchant
from ..deliveries import RetryRule, Verdict
from ..edge import with_query
from ..times import milliseconds
from . import codes, signing
from .state import Payment

_NO_CONTENT: Final = 204


def result_fields(payment: Payment) -> dict[str, Any]:
    """The fields of a finished payment that notice and return share, unsigned."""
    assert payment.finished_at is not None  # noqa: S101 - callers finish it first
    fields = payment.fields
    return {
        "partnerCode": payment.partner_code,
        "orderId": payment.order_id,
        "requestId": fields["requestId"],
        "amount": payment.amount,
        "orderInfo": fields["orderInfo"],
        "orderType": "momo_wallet",
        "transId": payment.trans_id,
        "resultCode": payment.result_code,
        "message": codes.message(payment.result_code, fields.get("lang")),
        "payType": payment.pay_type,
        "responseTime": milliseconds(payment.finished_at),
        "extraData": fields["extraData"],
    }


def ipn_request(payment: Payment, merchant: MoMoMerchant) -> HttpRequest:
    """The notice. One about linking a wallet also carries the signed ``callbackToken``."""
    body = result_fields(payment)
    names = signing.RESULT
    if payment.callback_token is not None:
        names = signing.LINK_RESULT
        body["callbackToken"] = payment.callback_token
        body["partnerClientId"] = payment.fields["partnerClientId"]
    body["signature"] = signing.sign(names, body, merchant)
    return HttpRequest.post_json(payment.fields["ipnUrl"], body)


def return_url(payment: Payment, merchant: MoMoMerchant) -> str:
    """Where the browser goes. A callback token never passes through a browser."""
    fields = result_fields(payment)
    fields["signature"] = signing.sign(signing.RESULT, fields, merchant)
    return with_query(payment.fields["redirectUrl"], urlencode(fields))


def retry_rule(config: MoMoConfig) -> RetryRule:
    """The configured rule: MoMo publishes none beyond its patience for one attempt."""
    return RetryRule(
        delays=config.ipn_retry_after,
        timeout=config.ipn_timeout,
        judge=judge,
    )


def judge(response: HttpResponse) -> Verdict:
    """Only HTTP 204 is an acknowledgement."""
    return Verdict(settled=response.status == _NO_CONTENT, note=f"HTTP {response.status}")
