"""MoMo's notices as they are posted, signed."""

import json

from paykit.providers.momo import NOTICE_FIELDS
from tests.service.shop import momo


def momo_body(**changes):
    body = {
        "partnerCode": "MOMOSHOP", "orderId": "ORDER-1", "requestId": "ORDER-1",
        "amount": 150_000, "orderInfo": "Thanh toán", "orderType": "momo_wallet",
        "transId": 4088878701, "resultCode": 0, "message": "Thành công.", "payType": "qr",
        "responseTime": 1_767_000_000_000, "extraData": "", **changes,
    }  # fmt: skip
    body["signature"] = momo().signature(NOTICE_FIELDS, body)
    return body


def encoded(body):
    return json.dumps(body, ensure_ascii=False).encode()
