"""What a merchant sends to Checkout.com, spelled out, and held against the API description."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

from .checkoutcom_contract import check_answer, check_request

BASE = "http://127.0.0.1:8100/checkoutcom"
SECRET = "Bearer sk_sbox_paykitsandboxsecretkeyaaaaa"
PUBLIC = "Bearer pk_sbox_paykitsandboxpublickeyaaaaa"
GOOD = "4242424242424242"
ORDER = {
    "amount": 10_000,
    "currency": "USD",
    "capture": False,
    "reference": "ORDER-1",
    "metadata": {"payment_id": "pay_1"},
    "success_url": "https://shop.example/return?cart=7#end",
    "failure_url": "https://shop.example/failed",
}
PAGE = {
    **ORDER,
    "cancel_url": "https://shop.example/cancel",
    "billing": {"address": {"country": "VN"}},
}


def common(last: str) -> str:
    """The number of one of the sandbox's own cards."""
    from paykit.sandbox.cards.numbers import COMMON_CARDS

    [card] = [one for one in COMMON_CARDS if one.number[13:15] == last]
    return card.number


def send(world, method, path, body=None, *, honest=True, auth=SECRET, key=None, query=""):
    """One call; both sides of it are held against the description."""
    if honest:
        wrong = check_request(method, path, body)
        assert not wrong, wrong
    headers = {"Content-Type": "application/json", "Authorization": auth}
    if key is not None:
        headers["Cko-Idempotency-Key"] = key
    content = b"" if body is None else json.dumps(body).encode()
    response = world.client.request(
        method, f"/checkoutcom{path}{query}", content=content, headers=headers
    )
    answer = response.json() if response.content else None
    wrong = check_answer(method, path, response.status_code, answer)
    assert not wrong, wrong
    assert response.headers["cko-request-id"]
    world.settle()
    return response


def call(world, method, path, body=None, *, status, **how):
    response = send(world, method, path, body, **how)
    assert response.status_code == status, (response.status_code, response.text)
    return response.json() if response.content else None


def post(world, path, body=None, *, status=202, **how):
    return call(world, "POST", path, {} if body is None else body, status=status, **how)


def get(world, path, *, status=200, **how):
    return call(world, "GET", path, status=status, **how)


def codes(answer):
    """The error codes of a refusal."""
    assert set(answer) == {"request_id", "error_type", "error_codes"}
    return answer["error_codes"]


def token(world, number=GOOD, *, status=201, **changes):
    card = {"type": "card", "number": number, "expiry_month": 12, "expiry_year": 2030, **changes}
    return post(world, "/tokens", card, status=status, auth=PUBLIC)


def pay(world, number=GOOD, *, status=201, source=None, key=None, **changes):
    """Pay with a card, or with what ``source`` says."""
    source = source or {"type": "token", "token": token(world, number)["token"]}
    body = {**ORDER, "source": source, **changes}
    body = {name: value for name, value in body.items() if value is not None}
    return post(world, "/payments", body, status=status, key=key)


def read(world, payment):
    return get(world, f"/payments/{payment['id']}")


def local(url):
    """A page's address as the client takes it."""
    return url.removeprefix("http://127.0.0.1:8100")


def challenge(world, payment, outcome="approve"):
    """Answer on the bank's page; returns where the browser goes."""
    page = local(payment["_links"]["redirect"]["href"])
    assert world.client.get(page).status_code in {200, 303}
    response = world.client.post(page, data={"outcome": outcome})
    world.settle()
    return response.headers["location"]


def query(url):
    return dict(parse_qsl(urlsplit(url).query))


def act(world, thing_id, action, *, status=200):
    """Make something happen behind the counter."""
    response = world.client.post(f"/checkoutcom/_sandbox/{thing_id}/{action}")
    assert response.status_code == status, response.text
    world.settle()


def events(world):
    return [json.loads(request.body) for request in world.merchant.received]


def kinds(world):
    return [event["type"] for event in events(world)]
