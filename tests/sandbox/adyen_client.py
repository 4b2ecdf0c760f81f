"""What an Adyen merchant sends, spelled out by hand, and held against Adyen's API description."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from .adyen_contract import check_answer, check_notice, check_request

ROOT = "http://127.0.0.1:8100"
BASE = f"{ROOT}/adyen"
ACCOUNT = "PaykitSandboxECOM"
API_KEY = "AQEpaykit-sandbox-api-key-0001"
HMAC_KEY = "5A3C0F9B7E1D42688C04B6A2F1E7D3905A3C0F9B7E1D42688C04B6A2F1E7D390"
RETURN_URL = "https://shop.example/return?cart=7#end"
BROWSER = {
    "userAgent": "Mozilla/5.0",
    "acceptHeader": "*/*",
    "language": "vi-VN",
    "colorDepth": 24,
    "screenHeight": 723,
    "screenWidth": 1536,
    "timeZoneOffset": -420,
    "javaEnabled": False,
}
NATIVE = {
    "channel": "Web",
    "origin": "https://shop.example",
    "browserInfo": BROWSER,
    "authenticationData": {"threeDSRequestData": {"nativeThreeDS": "preferred"}},
}

GOOD = "4111111111111111"
CHALLENGED = "4212345678901237"


def common(last: str) -> str:
    """One of the numbers that do the same at every gateway."""
    start = f"4999990000000{last}"
    doubled = [int(d) * (2 - place % 2) for place, d in enumerate(start)]
    digits = [number - 9 * (number > 9) for number in doubled]
    return start + str(-sum(digits) % 10)


def eur(value: int) -> dict:
    return {"currency": "EUR", "value": value}


def card(number: str = GOOD, holder: str = "") -> dict:
    """A test card as a server in a test environment may send it."""
    method = {
        "type": "scheme",
        "encryptedCardNumber": f"test_{number}",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
    }
    return {**method, "holderName": holder} if holder else method


def typed(world, number: str = GOOD, **more) -> dict:
    """A test card that a shopper typed into the card field: nothing of it can be read."""
    fields = {"number": number, "expiry": "03/30", "cvc": "737", "name": "", **more}
    response = world.client.post("/adyen/card-field", json=fields)
    assert response.status_code == 200, response.text
    return json.loads(response.json()["token"])


def payment(number: str = GOOD, holder: str = "", **changes) -> dict:
    body = {
        "merchantAccount": ACCOUNT,
        "amount": eur(1000),
        "reference": "ORDER-1",
        "paymentMethod": card(number, holder),
        "returnUrl": RETURN_URL,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


MANUAL = {"additionalData": {"manualCapture": "true"}}


def send(
    world,
    method: str,
    path: str,
    body: dict | None = None,
    *,
    honest=True,
    checked=True,
    key="",
    **headers,
):
    """One call; both sides of it are held against the description."""
    plain = path.partition("?")[0]
    if honest and body is not None:
        assert not (wrong := check_request(method, plain, body)), wrong
    sent = {"X-API-Key": API_KEY, "Content-Type": "application/json", **headers}
    if key:
        sent["Idempotency-Key"] = key
    sent = {name: value for name, value in sent.items() if value is not None}
    content = b"" if body is None else json.dumps(body).encode()
    response = world.client.request(method, f"/adyen/v72{path}", content=content, headers=sent)
    answer = response.json() if response.content else None
    wrong = check_answer(method, plain, response.status_code, answer)
    assert not (wrong and checked), wrong
    if key:
        assert response.headers["idempotency-key"] == key
    assert response.headers["pspreference"]
    if answer and response.status_code >= 400:
        assert answer["status"] == response.status_code
    world.settle()
    return response


def call(world, method: str, path: str, body: dict | None = None, *, status=200, **how):
    response = send(world, method, path, body, **how)
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def pay(world, number: str = GOOD, holder: str = "", *, key="", status=200, **changes) -> dict:
    body = payment(number, holder, **changes)
    return call(world, "POST", "/payments", body, key=key, status=status)


def held(world, **changes) -> str:
    """The ``pspReference`` of a payment that waits for its capture."""
    answer = pay(world, **{**MANUAL, **changes})
    assert answer["resultCode"] == "Authorised", answer
    return answer["pspReference"]


def modify(world, psp: str, what: str, *, value=None, key="", status=201, **changes) -> dict:
    body = {"merchantAccount": ACCOUNT, **changes}
    if value is not None:
        body["amount"] = eur(value)
    return call(world, "POST", f"/payments/{psp}/{what}", body, key=key, status=status)


def captured(world, value: int = 1000, **changes) -> str:
    psp = held(world, **changes)
    modify(world, psp, "captures", value=value)
    return psp


def error(world, path: str, body: dict, *, status=422, honest=False, **how) -> str:
    """Adyen's code of a refusal."""
    return call(world, "POST", path, body, status=status, honest=honest, **how)["errorCode"]


def answer_challenge(world, page: str, outcome: str = "approve") -> str:
    """Choose on the bank's page; returns where the browser goes."""
    response = world.client.post(page.removeprefix(ROOT), data={"outcome": outcome})
    assert response.status_code == 303, response.text
    world.settle()
    return response.headers["location"]


def answer_in_page(world, action: dict, outcome: str = "approve") -> dict:
    """What Adyen's component gives to the shop's page: the ``details`` of an action."""
    where = {"key": action["token"], "origin": "http://127.0.0.1:8000"}
    found = world.client.get(f"/adyen/3ds?{urlencode(where)}")
    page = found.headers["location"].partition("?")[0]
    form = {"outcome": outcome, "origin": where["origin"]}
    text = world.client.post(page, data=form).text
    result = re.search(r'data-result="([^"]*)"', text)[1]
    return json.loads(html.unescape(result))["details"]


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def details(world, *, status=200, key="", **given) -> dict:
    return call(world, "POST", "/payments/details", {"details": given}, status=status, key=key)


def act(world, thing: str, action: str, *, status=200) -> dict:
    """Make something happen behind the counter."""
    response = world.client.post(f"/adyen/_sandbox/{thing}/{action}")
    assert response.status_code == status, response.text
    world.settle()
    return response.json()


def batches(world) -> list[dict]:
    """The deliveries, each held against the description and checked as a merchant has to."""
    world.settle()
    found = [json.loads(request.body) for request in world.merchant.received]
    for batch in found:
        assert batch["live"] == "false"
        assert not (wrong := check_notice(batch)), wrong
        for item in unwrapped(batch):
            assert item["additionalData"]["hmacSignature"] == signature(item)
            assert item["merchantAccountCode"] == ACCOUNT
    return found


def unwrapped(batch: dict) -> list[dict]:
    return [one["NotificationRequestItem"] for one in batch["notificationItems"]]


def items(world) -> list[dict]:
    return [item for batch in batches(world) for item in unwrapped(batch)]


def codes(world) -> list[str]:
    """Each event with what came of it, such as ``CAPTURE false``."""
    return [f"{item['eventCode']} {item['success']}" for item in items(world)]


def signature(item: dict, key: str = HMAC_KEY) -> str:
    """Written once more, from the documentation."""
    parts = [
        item["pspReference"],
        item.get("originalReference", ""),
        item["merchantAccountCode"],
        item["merchantReference"],
        f"{item['amount']['value']:d}",
        item["amount"]["currency"],
        item["eventCode"],
        item["success"],
    ]
    mac = hmac.new(bytes.fromhex(key), ":".join(parts).encode("utf-8"), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode("ascii")
