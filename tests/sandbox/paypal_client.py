"""What a PayPal merchant sends, spelled out by hand, and held against PayPal's API descriptions."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

from .paypal_contract import check_answer, check_request

ROOT = "http://127.0.0.1:8100"
BASE = f"{ROOT}/paypal"
CONTEXT = {
    "return_url": "https://shop.example/return?cart=7#end",
    "cancel_url": "https://shop.example/cancel",
    "user_action": "PAY_NOW",
    "shipping_preference": "NO_SHIPPING",
}
SOURCE = {"paypal": {"experience_context": CONTEXT}}
UNIT = {
    "amount": {"currency_code": "USD", "value": "100.00"},
    "custom_id": "cart-7",
    "invoice_id": "INV-1",
    "description": "Trà sen & nón lá",
}
ORDER = {"intent": "CAPTURE", "purchase_units": [UNIT], "payment_source": SOURCE}
CLIENT = ("PAYKITSANDBOXCLIENT0001", "PAYKITSANDBOXSECRET0001")


def usd(value: str) -> dict[str, str]:
    return {"currency_code": "USD", "value": value}


def token(world) -> str:
    response = world.client.request(
        "POST", "/paypal/v1/oauth2/token", auth=CLIENT, data={"grant_type": "client_credentials"}
    )
    assert response.status_code == 200, response.text
    return response.json()["access_token"]


def headers(world, *, whole: bool = True, request_id: str | None = None, **more: str) -> dict:
    found = {"Authorization": f"Bearer {token(world)}", "Content-Type": "application/json"}
    if whole:
        found["Prefer"] = "return=representation"
    if request_id is not None:
        found["PayPal-Request-Id"] = request_id
    return {**found, **more}


def send(world, method: str, path: str, body: dict | None = None, *, honest=True, **how):
    """One call; both sides of it are held against the description."""
    if honest:
        assert check_request(method, path, body) == []
    content = b"" if body is None else json.dumps(body).encode()
    response = world.client.request(
        method, f"/paypal{path}", content=content, headers=headers(world, **how)
    )
    answer = response.json() if response.content else None
    assert check_answer(method, path, response.status_code, answer) == []
    assert response.headers["paypal-debug-id"]
    if response.status_code >= 400 and "debug_id" in answer:
        assert answer["debug_id"] == response.headers["paypal-debug-id"]
    return response


def call(world, method: str, path: str, body: dict | None = None, *, status=200, **how):
    response = send(world, method, path, body, **how)
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def post(world, path: str, body: dict | None = None, *, status=201, **how):
    return call(world, "POST", path, {} if body is None else body, status=status, **how)


def get(world, path: str, *, status=200):
    return call(world, "GET", path, status=status)


def issue(answer: dict) -> str:
    """The one issue of a refusal."""
    [detail] = answer["details"]
    return detail["issue"]


def refused(world, path: str, body: dict | None = None, *, status=422, **how) -> str:
    return issue(post(world, path, body, status=status, **how))


def create(world, *, status=201, request_id="create-1", unit: dict | None = None, **changes):
    body = {**ORDER, "purchase_units": [{**UNIT, **(unit or {})}], **changes}
    body = {name: value for name, value in body.items() if value is not None}
    return post(world, "/v2/checkout/orders", body, status=status, request_id=request_id)


def click(world, order: dict, outcome: str = "pay", method: str = "balance") -> str:
    """Click on the page of an order; returns where the browser goes."""
    form = {"token": order["id"], "outcome": outcome, "method": method}
    response = world.client.post("/paypal/checkoutnow", data=form)
    assert response.status_code == 303, response.text
    world.settle()
    return response.headers["location"]


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def approved(world, method: str = "balance", **changes) -> str:
    """The path of an order that the payer has approved."""
    order = create(world, **changes)
    click(world, order, method=method)
    return f"/v2/checkout/orders/{order['id']}"


def captured(world, method: str = "balance", **changes) -> dict:
    """The capture of a paid order."""
    order = post(world, approved(world, method, **changes) + "/capture")
    world.settle()
    [capture] = order["purchase_units"][0]["payments"]["captures"]
    return capture


def held(world, method: str = "balance", **changes) -> dict:
    """The authorization of an order."""
    path = approved(world, method, intent="AUTHORIZE", **changes)
    order = post(world, path + "/authorize")
    world.settle()
    [authorization] = order["purchase_units"][0]["payments"]["authorizations"]
    return authorization


def path_of(thing: dict, rel: str = "self") -> str:
    [href] = [link["href"] for link in thing["links"] if link["rel"] == rel]
    return href.removeprefix(BASE)


def act(world, thing: dict, action: str, *, status=200) -> dict:
    """Make something happen behind PayPal's counter."""
    response = world.client.post(f"/paypal/_sandbox/{thing['id']}/{action}")
    assert response.status_code == status, response.text
    world.settle()
    return response.json()


def events(world) -> list[dict]:
    return [json.loads(request.body) for request in world.merchant.received]


def kinds(world) -> list[str]:
    return [event["event_type"] for event in events(world)]
