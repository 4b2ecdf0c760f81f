"""What a merchant sends to Stripe, spelled out by hand, and held against Stripe's own types."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from urllib.parse import quote_plus

from .stripe_contract import check_error, check_form, check_object

ROOT = "http://127.0.0.1:8100"
BASE = f"{ROOT}/stripe"
KEY = "sk_test_paykit_sandbox_0001"
SECRET = "whsec_paykit_sandbox_stripe_0001"
RETURN = "https://shop.example/back?cart=7#end"
INTENT = {
    "amount": 150_000,
    "currency": "vnd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "return_url": RETURN,
    "metadata": {"payment_id": "pay_1", "note": "Trà sen & nón lá"},
}
HOLD = {**INTENT, "capture_method": "manual"}


def form(value, name="") -> str:
    """A tree as Stripe's forms write it."""
    if isinstance(value, dict):
        items = [(f"{name}[{key}]" if name else key, one) for key, one in value.items()]
    elif isinstance(value, list):
        items = [(f"{name}[{at}]", one) for at, one in enumerate(value)]
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"{quote_plus(name)}={quote_plus(text)}"
    return "&".join(form(one, key) for key, one in items)


def fine(complaints):
    assert not complaints, complaints


def send(world, method, path, body=None, *, key=None, honest=True, headers=None):
    """One call; both sides of it are held against Stripe's types."""
    content = form(body or {})
    if honest:
        fine(check_form(method, path, content))
    sent = {"Authorization": f"Bearer {KEY}", **(headers or {})}
    if key:
        sent["Idempotency-Key"] = key
    url = f"/stripe{path}"
    if method == "GET":
        response = world.client.request("GET", f"{url}?{content}", headers=sent)
    else:
        sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        response = world.client.request(method, url, content=content.encode(), headers=sent)
    answer = response.json()
    assert response.headers["request-id"].startswith("req_")
    if response.status_code < 400:
        fine(check_object(answer))
    else:
        fine(check_error(answer["error"]))
    return response


def post(world, path, body=None, **how):
    """A call that succeeds."""
    response = send(world, "POST", path, body, **how)
    assert response.status_code == 200, response.text
    return response.json()


def get(world, path, body=None):
    response = send(world, "GET", path, body)
    assert response.status_code == 200, response.text
    return response.json()


def refused(world, path, body=None, *, status=400, method="POST", **how):
    """The error of a call that does not succeed."""
    response = send(world, method, path, body, **how)
    assert response.status_code == status, response.text
    return response.json()["error"]


def create(world, body=HOLD, **more):
    return post(world, "/v1/payment_intents", {**body, **more})


def read(world, intent):
    return get(world, f"/v1/payment_intents/{intent['id']}")


def tokenize(world, number, **more) -> str:
    """The payer types a card into the field."""
    typed = {"number": number, "expiry": "12 / 34", "cvc": "123", **more}
    response = world.client.post("/stripe/card-field", json=typed)
    assert response.status_code == 200, response.text
    return response.json()["token"]


def events(world) -> list[dict]:
    """What the merchant has received, each signature and object checked, in the order sent."""
    world.settle()
    found = []
    for delivery in reversed(world.deliveries()):
        if delivery["provider"] != "stripe":
            continue
        found.append(json.loads(delivery["body"]))
    for request in world.merchant.received:
        if request.url.endswith("/stripe"):
            check_signature(request)
    for event in found:
        fine(check_object(event))
        fine(check_object(event["data"]["object"]))
    return found


def kinds(world) -> list[str]:
    return [event["type"] for event in events(world)]


def check_signature(request, secret=SECRET):
    """By code of the test's own."""
    header = request.header("stripe-signature")
    found = re.fullmatch(r"t=(\d+)((?:,v1=[0-9a-f]{64})+)", header)
    signed = found[1].encode() + b"." + request.body
    mark = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert f",v1={mark}" in found[2]
    return int(found[1])


def challenge(world, intent, outcome="approve"):
    """The payer answers the bank; returns where the browser goes."""
    page = intent["next_action"]["redirect_to_url"]["url"].removeprefix(ROOT)
    assert "Is this you?" in world.client.get(page).text
    return world.client.post(page, data={"outcome": outcome}).headers.get("location")


def act(world, thing_id, action):
    """A button behind the counter."""
    return world.client.post(f"/stripe/_sandbox/{thing_id}/{action}")
