"""Whatever is sent to the pretended PayPal: no crash, no money from nowhere, none lost."""

from __future__ import annotations

import copy
import json
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import paypal_client as paypal
from .conftest import World
from .paypal_client import usd
from .paypal_contract import check_answer, check_request

ORDERS = "/v2/checkout/orders"
POSTS = [
    ORDERS,
    f"{ORDERS}/X/capture",
    f"{ORDERS}/X/authorize",
    "/v2/payments/authorizations/X/capture",
    "/v2/payments/authorizations/X/reauthorize",
    "/v2/payments/authorizations/X/void",
    "/v2/payments/captures/X/refund",
    "/v1/notifications/verify-webhook-signature",
]
FULL = {
    "intent": "CAPTURE",
    "purchase_units": [
        {
            "reference_id": "box",
            "amount": {
                **usd("11.00"),
                "breakdown": {"item_total": usd("10.00"), "tax_total": usd("1.00")},
            },
            "payee": {"merchant_id": "MERCHANTSBX22"},
            "description": "x",
            "custom_id": "c",
            "invoice_id": "i",
            "soft_descriptor": "s",
            "items": [
                {"name": "x", "quantity": "1", "unit_amount": usd("10.00"), "tax": usd("1.00")}
            ],
            "shipping": {
                "name": {"full_name": "Lan"},
                "type": "SHIPPING",
                "address": {"country_code": "VN", "address_line_1": "1 Hàng Bạc"},
            },
        }
    ],
    "payment_source": {
        "paypal": {
            "experience_context": {
                **paypal.CONTEXT,
                "locale": "vi-VN",
                "brand_name": "Quán",
                "landing_page": "LOGIN",
                "payment_method_preference": "UNRESTRICTED",
            }
        }
    },
}
NASTY = [
    None, True, 0, -1, 1.5, 10**30, "", " ", "x" * 5000, "\n", "<script>", "../..", "٣", "1e3",
    "-0", "0x1", "1_000", " 1.00", "NaN", [], {}, [[]], [None], {"": ""}, "\u202e", "é" * 127,
    "javascript:alert(1)", "https://", "//x", "9" * 32, ".", "-.", "-5", "99999999999999999.99",
]  # fmt: skip


def places(value, path=()):
    """The way to everything inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def changed(body, path, value):
    body = copy.deepcopy(body)
    *way, last = path
    inner = body
    for key in way:
        inner = inner[key]
    inner[last] = value
    return body


def post(world, path, content, **how):
    headers = paypal.headers(world, **how)
    return world.client.request("POST", f"/paypal{path}", content=content, headers=headers)


@pytest.mark.untraced
@pytest.mark.parametrize("path", list(places(FULL)), ids=lambda path: "/".join(map(str, path)))
def test_whatever_stands_in_an_order(world, path):
    """What is accepted is also good by PayPal's description, and the rest is refused in form."""
    for number, value in enumerate(NASTY):
        body = changed(FULL, path, value)
        response = post(world, ORDERS, json.dumps(body).encode(), request_id=f"{number}")
        answer = response.json()
        assert response.status_code in {201, 400, 422}, (value, answer)
        if response.status_code == 201:
            assert check_request("POST", ORDERS, body) == []
            shown = world.client.get(f"/paypal/checkoutnow?token={answer['id']}")
            assert shown.status_code == 200
        assert check_answer("POST", ORDERS, response.status_code, answer) == []


def test_the_order_that_is_changed_is_good(world):
    assert post(world, ORDERS, json.dumps(FULL).encode(), request_id="1").status_code == 201


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("start", "verb", "body"),
    [
        (paypal.held, "capture", {"amount": usd("1.00"), "invoice_id": "i", "final_capture": True}),
        (paypal.held, "reauthorize", {"amount": usd("1.00")}),
        (
            paypal.captured,
            "refund",
            {
                "amount": usd("1.00"),
                "invoice_id": "i",
                "custom_id": "c",
                "note_to_payer": "n",
            },
        ),
    ],
)
def test_whatever_stands_in_a_payment(world, start, verb, body):
    thing = start(world)
    path = paypal.path_of(thing, verb)
    world.clock.forward(days=4)
    for place in places(body):
        for value in NASTY:
            altered = changed(body, place, value)
            response = post(world, path, json.dumps(altered).encode())
            answer = response.json()
            assert response.status_code in {201, 400, 422}, (value, answer)
            if response.status_code == 201:
                assert check_request("POST", path, altered) == []
            assert check_answer("POST", path, response.status_code, answer) == []


BODIES = [
    b"",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"{",
    b"\xff{",
    b"\xef\xbb\xbf{}",
    b'{"intent":1,"intent":2}',
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\u0000"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"a":' + b"1" * 6000 + b"}",
    b'{"a":"' + b"a" * 300_000 + b'"}',
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_hostile_bodies(world, path, body):
    response = post(world, path, body)
    answer = response.json()
    assert response.status_code in {400, 404}
    assert answer["name"] in {"INVALID_REQUEST", "RESOURCE_NOT_FOUND"}
    assert check_answer("POST", path, response.status_code, answer) == []


@pytest.mark.parametrize("name", ["Prefer", "PayPal-Request-Id", "PayPal-Mock-Response"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 8000, b"{", b"'\"<>", b",;="])
def test_hostile_headers(world, name, value):
    path = paypal.approved(world)
    headers = {**paypal.headers(world), name: value}
    headers = {key: one.encode() if isinstance(one, str) else one for key, one in headers.items()}
    url = f"/paypal{path}/capture"
    response = world.client.request("POST", url, content=b"{}", headers=headers)
    assert response.status_code in {201, 400}


@pytest.mark.parametrize(
    "tail", ["%00", "%0a", "..%2f..", "%e2%80%ae", "x" * 3000, "'", "%3Cscript%3E", "%ff"]
)
def test_hostile_ids(world, tail):
    headers = paypal.headers(world)
    for path in (
        f"{ORDERS}/{tail}",
        f"/v2/payments/captures/{tail}",
        f"/v1/notifications/certs/{tail}",
        f"/v1/notifications/webhooks-events/{tail}",
        f"/_sandbox/orders/{tail}",
        f"/checkoutnow?token={tail}",
    ):
        response = world.client.request("GET", f"/paypal{path}", headers=headers)
        assert response.status_code == 404
        assert "<script>" not in response.text
    response = world.client.post(f"/paypal/_sandbox/{tail}/complete")
    assert response.status_code == 404


# Conservation.

NUMBERS = count(1)
CENTS = st.integers(1, 200)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("capture"), CENTS, st.booleans()),
        st.tuples(st.just("refund"), CENTS, st.integers(0, 5)),
        st.tuples(st.sampled_from(["void", "reauthorize", "day", "expire"])),
        st.tuples(
            st.sampled_from(["complete", "deny", "dispute", "favour-buyer", "favour-seller"]),
            st.integers(0, 5),
        ),
    ),
    max_size=10,
)


def cents(money: dict) -> int:
    return int(money["value"].replace(".", ""))


def money(amount: int) -> dict:
    return usd(f"{amount // 100}.{amount % 100:02}")


class Ledger:
    """Does something to the payments of one order, and counts the money that PayPal tells of."""

    def __init__(self, world: World, method: str) -> None:
        self.world = world
        self.method = method
        self.order = ""
        self.authorization: dict = {}

    def start(self, number: int) -> None:
        changes = {
            "request_id": f"c{number}",
            "unit": {"amount": money(100), "invoice_id": f"{number}"},
        }
        self.authorization = paypal.held(self.world, self.method, **changes)
        self.order = paypal.path_of(self.authorization, "up")

    def payments(self) -> dict:
        [unit] = paypal.get(self.world, self.order)["purchase_units"]
        return unit["payments"]

    def step(self, name: str, *how) -> None:
        captures = self.payments().get("captures", [])
        held = self.payments()["authorizations"][-1]
        if name == "capture":
            body = {"amount": money(how[0]), "final_capture": how[1]}
            paypal.send(self.world, "POST", paypal.path_of(held, "capture"), body)
        elif name == "day":
            self.world.clock.forward(days=5)
        elif name in {"void", "reauthorize"}:
            body = None if name == "void" else {}
            paypal.send(self.world, "POST", paypal.path_of(held, name), body)
        elif name == "expire":
            self.world.client.post(f"/paypal/_sandbox/{held['id']}/expire")
        elif captures:
            capture = captures[how[-1] % len(captures)]
            if name == "refund":
                body = {"amount": money(how[0])}
                paypal.send(self.world, "POST", paypal.path_of(capture, "refund"), body)
            else:
                self.world.client.post(f"/paypal/_sandbox/{capture['id']}/{name}")

    def check(self) -> None:
        payments = self.payments()
        taken = [one for one in payments.get("captures", []) if one["status"] != "DECLINED"]
        assert sum(cents(one["amount"]) for one in taken) <= 115
        given_back = {one["id"]: 0 for one in payments.get("captures", [])}
        for refund in payments.get("refunds", []):
            parent = paypal.path_of(refund, "up").rpartition("/")[2]
            given_back[parent] += cents(refund["amount"])
            total = refund["seller_payable_breakdown"]["total_refunded_amount"]
            assert cents(total) == given_back[parent]
        for capture in payments.get("captures", []):
            amount, back = cents(capture["amount"]), given_back[capture["id"]]
            assert back <= amount
            if capture["status"] in {"PENDING", "DECLINED"}:
                assert back == 0
                continue
            expected = "COMPLETED" if not back else "PARTIALLY_REFUNDED"
            assert capture["status"] == ("REFUNDED" if back == amount else expected)
            parts = capture["seller_receivable_breakdown"]
            assert cents(parts["paypal_fee"]) + cents(parts["net_amount"]) == amount
        [payment] = [one for one in self.world.payments() if one["reference"] == self.number]
        assert payment["refunded"] == sum(given_back.values())

    @property
    def number(self) -> str:
        return self.authorization["invoice_id"]


@pytest.mark.untraced
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(method=st.sampled_from(["balance", "echeck"]), steps=STEPS)
def test_money_is_neither_made_nor_lost(world, method, steps):
    ledger = Ledger(world, method)
    ledger.start(next(NUMBERS))
    for step in steps:
        ledger.step(*step)
        ledger.check()
