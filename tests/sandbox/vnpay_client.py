"""What a VNPay merchant sends, spelled out by hand."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, quote_plus, urlsplit

from paykit.sandbox import VNPayConfig

SECRET = VNPayConfig().hash_secret
PAY = "/vnpay/paymentv2/vpcpay.html"
CONFIRM = "/vnpay/paymentv2/Transaction/Confirm.html"
API = "/vnpay/merchant_webapi/api/transaction"

FIELDS = {
    "vnp_Amount": "15000000",
    "vnp_Command": "pay",
    "vnp_CreateDate": "20250102100400",
    "vnp_CurrCode": "VND",
    "vnp_ExpireDate": "20250102101900",
    "vnp_IpAddr": "127.0.0.1",
    "vnp_Locale": "vn",
    "vnp_OrderInfo": "Thanh toan don hang :5",
    "vnp_OrderType": "other",
    "vnp_ReturnUrl": "https://shop.example/return?cart=7#end",
    "vnp_TmnCode": "PAYKIT01",
    "vnp_TxnRef": "ORDER-1",
    "vnp_Version": "2.1.0",
}


def sign(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def encode(fields: dict[str, str]) -> str:
    return "&".join(f"{k}={quote_plus(v)}" for k, v in sorted(fields.items()) if v)


def pay_url(secret: str = SECRET, **changes: str | None) -> str:
    fields = {k: v for k, v in {**FIELDS, **changes}.items() if v is not None}
    query = encode(fields)
    return f"{PAY}?{query}&vnp_SecureHash={sign(query, secret)}"


def open_page(world, **changes: str | None) -> str:
    """Open a pay link; returns the token of its page."""
    response = world.client.get(pay_url(**changes))
    assert response.status_code == 200
    return response.text.partition('name="token" value="')[2].partition('"')[0]


def choose(world, outcome: str = "pay", *, method: str = "NCB", **changes: str | None) -> dict:
    """Open a pay link and click; returns the query of the browser's return."""
    token = open_page(world, **changes)
    form = {"token": token, "outcome": outcome, "method": method}
    response = world.client.post(CONFIRM, data=form)
    assert response.status_code == 303
    world.settle()
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def query_body(secret: str = SECRET, **changes: object) -> dict:
    body = {
        "vnp_RequestId": "REQ1",
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TxnRef": "ORDER-1",
        "vnp_TransactionDate": "20250102100400",
        "vnp_CreateDate": "20250102100500",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Truy van",
        **changes,
    }
    order = (
        "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
    ).split()
    text = "|".join(str(body[f"vnp_{name}"]) for name in order)
    return {**body, "vnp_SecureHash": sign(text, secret)}


def refund_body(**changes: object) -> dict:
    body = {
        "vnp_RequestId": "REF1",
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": "PAYKIT01",
        "vnp_TransactionType": "02",
        "vnp_TxnRef": "ORDER-1",
        "vnp_Amount": "15000000",
        "vnp_TransactionNo": "",
        "vnp_TransactionDate": "20250102100400",
        "vnp_CreateBy": "ops",
        "vnp_CreateDate": "20250102110000",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": "Hoan tien",
        **changes,
    }
    order = (
        "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo "
        "TransactionDate CreateBy CreateDate IpAddr OrderInfo"
    ).split()
    text = "|".join(str(body[f"vnp_{name}"]) for name in order)
    return {**body, "vnp_SecureHash": sign(text)}


def call(world, body: object) -> dict:
    response = world.client.post(API, json=body)
    assert response.status_code == 200
    return response.json()
