"""Whatever is sent to the pretended Checkout.com: no crash, no money from nowhere, none lost."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import checkoutcom_client as checkout
from .checkoutcom_client import GOOD, ORDER, PAGE, PUBLIC, SECRET
from .checkoutcom_contract import check_answer, check_request

PAYMENT = {
    **ORDER,
    "source": {
        "type": "token",
        "token": "?",
        "store_for_future_use": True,
        "billing_address": {"address_line1": "1 Hàng Bạc", "city": "Hà Nội", "country": "VN"},
    },
    "payment_type": "Regular",
    "merchant_initiated": False,
    "authorization_type": "Estimated",
    "capture_on": "2025-01-03T03:04:05Z",
    "customer": {"email": "an@example.com", "name": "An"},
    "3ds": {"enabled": True, "attempt_n3d": True, "challenge_indicator": "no_preference"},
    "payment_ip": "203.0.113.7",
    "description": "x",
}
TOKEN = {
    "type": "card",
    "number": GOOD,
    "expiry_month": 12,
    "expiry_year": 2030,
    "cvv": "123",
    "name": "An",
}
ACTION = {"amount": 100, "reference": "x", "metadata": {"a": "b"}}
NASTY = [
    None, True, 0, -1, 1.5, 10**30, "", " ", "x" * 5000, "\n", "<script>", "../..", "٣", "1e3",
    "-0", "0x1", "1_000", " 1.00", "NaN", [], {}, [[]], [None], {"": ""}, "\u202e", "é" * 127,
    "javascript:alert(1)", "https://", "//x", "9" * 32, ".", "-.", "-5", "99999999999999999.99",
    1e300, [1] * 99, {"a": {"b": []}},
]  # fmt: skip
PATHS = ["captures", "voids", "refunds", "authorizations"]


def places(value, path=()):
    """The way to everything inside a JSON value."""
    for key, inner in value.items():
        yield (*path, key)
        if isinstance(inner, dict):
            yield from places(inner, (*path, key))


def changed(body, path, value):
    body = copy.deepcopy(body)
    *way, last = path
    inner = body
    for key in way:
        inner = inner[key]
    inner[last] = value
    return body


def post(world, path, content, *, auth=SECRET, **headers):
    found = {"Authorization": auth, "Content-Type": "application/json", **headers}
    return world.client.request("POST", f"/checkoutcom{path}", content=content, headers=found)


def look_around(world):
    """Every page and list that shows what was sent."""
    for path in ("/", "/_sandbox/payments", "/_sandbox/deliveries"):
        assert world.client.get(path).status_code == 200
    for payment in checkout.get(world, "/payments", query="?reference=ORDER-1")["data"]:
        for path in ("", "/actions"):
            checkout.get(world, f"/payments/{payment['id']}{path}")
        desk = f"/checkoutcom/_sandbox/payments/{payment['id']}"
        assert world.client.get(desk).status_code == 200


def try_all(world, path, body, *, status, auth=SECRET, fresh=lambda body: body):
    """Each value in each place: what is accepted is good by the description."""
    for place in places(body):
        for value in NASTY:
            altered = changed(fresh(body), place, value)
            response = post(world, path, json.dumps(altered).encode(), auth=auth)
            answer = response.json() if response.content else None
            assert response.status_code in {*status, 422}, (place, value, answer)
            assert (
                check_answer(path=path, method="POST", status=response.status_code, body=answer)
                == []
            )
            if response.status_code != 422 and value is not None:
                wrong = check_request("POST", path, altered)
                assert not wrong, (place, value, wrong)
    world.settle()


@pytest.mark.untraced
def test_whatever_stands_in_a_payment(world):
    def fresh(body):
        source = {**body["source"], "token": checkout.token(world)["token"]}
        return {**body, "source": source}

    try_all(world, "/payments", PAYMENT, status={201, 202}, fresh=fresh)
    look_around(world)


def test_whatever_stands_in_a_page(world):
    try_all(world, "/hosted-payments", PAGE, status={201})
    for payment in world.payments():
        assert world.client.get(checkout.local(payment["page"])).status_code == 200


def test_whatever_stands_in_a_card(world):
    try_all(world, "/tokens", TOKEN, status={201}, auth=PUBLIC)


@pytest.mark.parametrize("what", PATHS)
def test_whatever_stands_in_an_action(world, what):
    payment = checkout.pay(world, authorization_type="Estimated")
    path = f"/payments/{payment['id']}/{what}"
    if what == "refunds":
        checkout.post(world, f"/payments/{payment['id']}/captures")
    try_all(world, path, ACTION, status={201, 202, 403})
    look_around(world)
    balances = checkout.read(world, payment)["balances"]
    assert all(amount >= 0 for amount in balances.values())
    assert balances["total_refunded"] <= balances["total_captured"] <= balances["total_authorized"]


BODIES = [
    b"",
    b"[]",
    b"null",
    b"{",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"amount": 1, "amount": 2}',
    b'{"amount": NaN}',
    b'{"amount": 1e999}',
    b'{"reference": "\\ud800"}',
    b'{"reference": "\\u0000"}',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"amount": ' + b"9" * 5000 + b"}",
    b"{" + b" " * 300_000 + b"}",
]


@pytest.mark.parametrize("path", ["/payments", "/tokens", "/hosted-payments", "/instruments"])
def test_whatever_the_body_is(world, path):
    for body in BODIES:
        response = post(world, path, body, auth=PUBLIC if path == "/tokens" else SECRET)
        assert response.status_code == 422, body[:40]
        assert response.json()["error_codes"]
    assert world.payments() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer é"},
        {"Cko-Idempotency-Key": "é" * 300},
        {"Cko-Idempotency-Key": " "},
        {"Content-Type": "multipart/form-data"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_whatever_the_headers_are(world, headers):
    sent = {name: value.encode() for name, value in headers.items()}
    body = json.dumps({**ORDER, "source": {"type": "token", "token": "tok_x"}}).encode()
    found = {"Authorization": SECRET.encode(), **sent}
    response = world.client.request("POST", "/checkoutcom/payments", content=body, headers=found)
    assert response.status_code in {401, 422}


@pytest.mark.parametrize(
    "path",
    [
        "/payments/%00",
        "/payments/..%2f..%2fetc",
        "/payments/" + "x" * 5000,
        "/payments/sid_",
        "/payments?reference=%ff&limit=١",
        "/payments?reference=%00",
        "/instruments/%F0%9F%98%80",
        "/3ds/x",
        "/page/x",
        "/_sandbox/payments/x",
    ],
)
def test_whatever_the_address_is(world, path):
    headers = {"Authorization": SECRET}
    response = world.client.request("GET", f"/checkoutcom{path}", headers=headers)
    assert response.status_code in {200, 404, 422}


@pytest.mark.parametrize("form", [{}, {"outcome": "?"}, {"outcome": "pay", "number": "\x00"}])
def test_whatever_is_clicked(world, form):
    asked = checkout.pay(world, checkout.common("12"), status=202, **{"3ds": {"enabled": True}})
    made = checkout.post(world, "/hosted-payments", PAGE, status=201)
    for thing in (asked, made):
        page = checkout.local(thing["_links"]["redirect"]["href"])
        for content in ({"data": form}, {"content": b"\xff" * 300_000}):
            assert world.client.post(page, **content).status_code in {404, 422}
    assert checkout.read(world, asked)["status"] == "Pending"


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["captures", "refunds", "authorizations"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "amount": st.integers(1, 12_000),
                    "capture_type": st.sampled_from(["Final", "NonFinal"]),
                },
            ),
        ),
        st.tuples(st.sampled_from(["voids", "expire", "wait", "dispute", "lose"]), st.just({})),
    ),
    max_size=12,
)


@pytest.mark.untraced
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, amount=st.integers(0, 10_000), capture=st.booleans(), slow=st.booleans())
def test_money_is_neither_made_nor_lost(make_world, steps, amount, capture, slow):
    from datetime import timedelta

    world = make_world(checkoutcom={"processing": timedelta(minutes=slow * 5)})
    payment = checkout.pay(world, amount=amount, capture=capture, authorization_type="Estimated")
    for what, body in steps:
        if what == "wait":
            world.clock.forward(minutes=3)
        elif what in {"expire", "dispute", "lose"}:
            world.client.post(f"/checkoutcom/_sandbox/{payment['id']}/{what}")
        else:
            path = f"/payments/{payment['id']}/{what}"
            response = checkout.send(world, "POST", path, body)
            assert response.status_code in {201, 202, 403, 422}
    world.clock.forward(minutes=5)
    found = checkout.read(world, payment)
    held = found["balances"]
    taken, back, gone = (held[f"total_{one}"] for one in ("captured", "refunded", "voided"))
    assert 0 <= back <= taken
    if found["status"] == "Authorized":
        assert gone == 0
    assert taken + gone + held["available_to_capture"] in {held["total_authorized"], taken}
    events = checkout.events(world)
    told = {
        kind: sum(one["data"]["amount"] for one in events if one["type"] == kind)
        for kind in ("payment_captured", "payment_refunded")
    }
    assert told == {"payment_captured": taken, "payment_refunded": back}
    assert len({one["id"] for one in events}) == len(events)
