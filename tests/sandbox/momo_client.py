"""What a MoMo merchant sends, spelled out by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

ACCESS = "F8BBA842ECF85"
SECRET = "K951B6PE1waDMi640xX08PD3vg6EkVlz"
API = "/momo/v2/gateway/api/"
SIGNED = {
    "create": "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType",
    "link": "amount extraData ipnUrl orderId orderInfo partnerClientId partnerCode redirectUrl requestId requestType",
    "query": "orderId partnerCode requestId",
    "refund": "amount description orderId partnerCode requestId transId",
    "refund/query": "orderId partnerCode requestId",
    "confirm": "amount description orderId partnerCode requestId requestType",
    "pos": "amount extraData orderId orderInfo partnerCode paymentCode requestId",
    "tokenization/bind": "callbackToken orderId partnerClientId partnerCode requestId",
    "tokenization/cbQuery": "orderId partnerClientId partnerCode requestId",
    "tokenization/pay": "amount extraData orderId orderInfo partnerClientId partnerCode requestId token",
    "tokenization/delete": "orderId partnerClientId partnerCode requestId token",
}
RESULT = "amount extraData message orderId orderInfo orderType partnerCode payType requestId responseTime resultCode transId"
ORDER = {
    "partnerCode": "MOMO",
    "requestId": "req-1",
    "orderId": "ord-1",
    "amount": 50000,
    "orderInfo": "Thanh toán đơn hàng & 5",
    "redirectUrl": "https://shop.example/return?cart=7",
    "ipnUrl": "https://shop.example/ipn/momo",
    "requestType": "captureWallet",
    "extraData": "",
    "lang": "en",
}


def sign(names: str, fields: dict, secret: str = SECRET) -> str:
    pairs = [f"accessKey={ACCESS}", *(f"{name}={fields[name]}" for name in names.split())]
    return hmac.new(secret.encode(), "&".join(pairs).encode(), hashlib.sha256).hexdigest()


def signed(name: str, body: dict) -> dict:
    return {**body, "signature": sign(SIGNED[name], body)}


def post(world, path: str, body: dict, *, status: int = 200) -> dict:
    response = world.client.post(API + path, json=body)
    assert response.status_code == status, response.text
    return response.json()


def create(world, *, status: int = 200, **changes: object) -> dict:
    body = {**ORDER, **changes}
    kind = "link" if body["requestType"] in {"linkWallet", "subscription"} else "create"
    return post(world, "create", signed(kind, body), status=status)


def click(world, answer: dict, outcome: str = "pay", *, method: str = "") -> dict:
    """Click on the page of a created payment; returns the query of the browser's return."""
    token = answer["payUrl"].partition("?t=")[2]
    response = world.client.post(
        "/momo/v2/gateway/pay/confirm", data={"token": token, "outcome": outcome, "method": method}
    )
    assert response.status_code == 303
    world.settle()
    return dict(parse_qsl(urlsplit(response.headers["location"]).query, keep_blank_values=True))


def paid(world, outcome: str = "pay", *, method: str = "", **changes: object) -> dict:
    return click(world, create(world, **changes), outcome, method=method)


def call(world, path: str, *, status: int = 200, **fields: object) -> dict:
    body = {"partnerCode": "MOMO", "requestId": "req-2", "orderId": "ord-1", "lang": "en", **fields}
    return post(world, path, signed(path, body), status=status)


def ipns(world) -> list[dict]:
    return [json.loads(request.body) for request in world.merchant.received]


def encrypt(world, text: str) -> str:
    key = load_pem_public_key(world.config.momo.rsa_public_key_pem.encode())
    return base64.b64encode(key.encrypt(text.encode(), padding.PKCS1v15())).decode()
