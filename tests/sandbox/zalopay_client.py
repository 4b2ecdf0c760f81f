"""What a ZaloPay merchant sends, spelled out by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

APP, KEY1, KEY2 = 2553, "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL", "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
BASE = "/zalopay/"
#: The moment at which the clock stands: 2 January 2025, 10:04:05 in Vietnam.
NOW = 1_735_787_045_678
SIGNED = {
    "v2/create": "app_id app_trans_id app_user amount app_time embed_data item",
    "v2/query": "app_id app_trans_id KEY1",
    "v2/cancel": "app_id app_trans_id KEY1",
    "v2/refund": "app_id zp_trans_id amount description timestamp",
    "v2/query_refund": "app_id m_refund_id timestamp",
    "v2/agreement/bind": "app_id app_trans_id binding_data binding_type identifier max_amount req_date",
    "v2/agreement/query": "app_id app_trans_id req_date",
    "v2/agreement/unbind": "app_id identifier binding_id req_date",
    "v2/agreement/balance": "app_id pay_token identifier amount req_date",
    "v2/agreement/pay": "app_id identifier zp_trans_token pay_token req_date",
    "v2/agreement/query_user": "app_id access_token req_date",
    "zps/api/v2/get_bank_deep_link": "app_id bank_codes os_type order_token",
    "api/getlistmerchantbanks": "appid reqtime",
}
ORDER = {
    "app_id": APP,
    "app_user": "user123",
    "app_trans_id": "250102_ord-1",
    "app_time": NOW,
    "amount": 50_000,
    "item": '[{"itemname": "Trà sen", "itemprice": 50000}]',
    "embed_data": '{"redirecturl": "https://shop.example/return?cart=7#end"}',
    "description": "Shop - Payment for the order #ord-1",
    "bank_code": "",
    "callback_url": "https://shop.example/webhooks/zalopay",
}
BINDING = {
    "app_id": APP,
    "app_trans_id": "250102_bind-1",
    "identifier": "customer-1",
    "max_amount": 500_000,
    "binding_type": "WALLET",
    "binding_data": "{}",
    "redirect_url": "https://shop.example/wallet",
    "callback_url": "https://shop.example/webhooks/zalopay",
    "req_date": NOW,
}


def mac(text: str, key: str = KEY1) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed(path: str, fields: dict, *, names: str = "", key: str = KEY1) -> dict:
    values = [
        key if name == "KEY1" else fields.get(name, "") for name in (names or SIGNED[path]).split()
    ]
    return {**fields, "mac": mac("|".join(map(str, values)), key)}


def post(world, path: str, body: dict) -> dict:
    response = world.client.post(BASE + path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def post_form(world, path: str, body: dict) -> dict:
    response = world.client.post(BASE + path, data={k: str(v) for k, v in body.items()})
    assert response.status_code == 200, response.text
    return response.json()


def call(world, path: str, **fields: object) -> dict:
    return post(world, path, signed(path, {"app_id": APP, **fields}))


def create(world, **changes: object) -> dict:
    fields = {**ORDER, **changes}
    return call(world, "v2/create", **{k: v for k, v in fields.items() if v is not None})


def query(world, app_trans_id: str = ORDER["app_trans_id"]) -> dict:
    return call(world, "v2/query", app_trans_id=app_trans_id)


def codes(answer: dict) -> tuple[int, int]:
    return answer["return_code"], answer["sub_return_code"]


def local(world, url: str) -> str:
    return url.removeprefix(world.config.public_url)


def page(world, answer: dict, lang: str = "en") -> str:
    response = world.client.get(local(world, answer["order_url"]) + f"&lang={lang}")
    assert response.status_code == 200
    return response.text


def click(world, answer: dict, outcome: str = "pay", *, method: str = "") -> str:
    """Click on the page of an order; returns where the browser is sent."""
    form = {"token": answer["zp_trans_token"], "outcome": outcome, "method": method}
    response = world.client.post(BASE + "openinapp/confirm", data=form)
    assert response.status_code == 303, response.text
    world.settle()
    return response.headers["location"]


def returned(location: str) -> dict:
    return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))


def paid(world, **changes: object) -> str:
    """Create and pay; returns ZaloPay's transaction."""
    answer = create(world, **changes)
    click(world, answer)
    return str(query(world, changes.get("app_trans_id", ORDER["app_trans_id"]))["zp_trans_id"])


def checksum(fields: dict) -> str:
    names = "appid apptransid pmcid bankcode amount discountamount status".split()
    return mac("|".join(str(fields[name]) for name in names), KEY2)


def callbacks(world) -> list[dict]:
    """The callbacks that arrived, opened; each must be signed."""
    opened = []
    for request in world.merchant.received:
        body = json.loads(request.body)
        assert body["mac"] == mac(body["data"], KEY2)
        opened.append({"type": body["type"], **json.loads(body["data"])})
    return opened


def refund(world, zp_trans_id: str, amount: int, *, number: int = 1, **changes: object) -> dict:
    fields = {
        "app_id": APP,
        "m_refund_id": f"250102_{APP}_ref-{number}",
        "zp_trans_id": zp_trans_id,
        "amount": amount,
        "timestamp": NOW,
        "description": "Changed my mind",
        **changes,
    }
    names = SIGNED["v2/refund"]
    if "refund_fee_amount" in fields:
        names = "app_id zp_trans_id amount refund_fee_amount description timestamp"
    return post(world, "v2/refund", signed("v2/refund", fields, names=names))


def query_refund(world, number: int = 1, *, timestamp: int = NOW) -> dict:
    return call(
        world, "v2/query_refund", m_refund_id=f"250102_{APP}_ref-{number}", timestamp=timestamp
    )


def bind(world, **changes: object) -> dict:
    return call(world, "v2/agreement/bind", **{**BINDING, **changes})


def decide(world, answer: dict, outcome: str = "confirm") -> str:
    form = {"binding_token": answer["binding_token"], "outcome": outcome}
    response = world.client.post(BASE + "binding/confirm", data=form)
    assert response.status_code == 303, response.text
    world.settle()
    return response.headers["location"]


def in_query(path: str, body: dict) -> str:
    return f"{BASE}{path}?{urlencode(body)}"
