"""SePay's payment gateway: the form, the page, the IPN and the order API."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from paykit.sandbox.sepaypg.state import form_signature

KEY = "spsk_test_paykit_0001"
AUTH = {"Authorization": f"Basic {b64encode(f'SP-TEST-PAYKIT:{KEY}'.encode()).decode()}"}


def form(**changes):
    fields = {
        "merchant": "SP-TEST-PAYKIT",
        "operation": "PURCHASE",
        "order_amount": "150000",
        "currency": "VND",
        "order_invoice_number": "INV-1",
        "order_description": "Don hang, so 1",
        "success_url": "https://shop.example/s",
        "error_url": "https://shop.example/e",
        "cancel_url": "https://shop.example/c",
        **changes,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    return {**fields, "signature": form_signature(KEY, fields)}


def open_page(world, **changes):
    response = world.client.post("/sepaypg/v1/checkout/init", data=form(**changes))
    assert response.status_code == 303, response.text
    page = response.headers["location"].removeprefix(world.config.public_url)
    return page.partition("token=")[2]


def choose(world, outcome, token, **more):
    response = world.client.post(
        "/sepaypg/v1/checkout/choose", data={"token": token, "outcome": outcome, **more}
    )
    world.settle()
    return response.headers.get("location")


def call(world, method, path, body=None, headers=AUTH):
    content = {} if body is None else {"json": body}
    return world.client.request(method, f"/sepaypg/v1/order/{path}", headers=headers, **content)


def ipns(world):
    return [json.loads(one.body) for one in world.merchant.received]


def test_a_payment(world):
    token = open_page(world)
    assert "150.000" in world.client.get(f"/sepaypg/v1/checkout/page?token={token}").text
    assert choose(world, "pay", token) == "https://shop.example/s"
    (request,) = world.merchant.received
    assert request.header("X-Secret-Key") == world.config.sepaypg.ipn_secret
    (told,) = ipns(world)
    assert told["notification_type"] == "ORDER_PAID"
    assert (told["order"]["order_status"], told["order"]["order_amount"]) == (
        "CAPTURED",
        "150000.00",
    )
    assert (told["transaction"]["transaction_status"], told["transaction"]["payment_method"]) == (
        "APPROVED",
        "CARD",
    )
    detail = call(world, "GET", "detail/INV-1").json()["data"]
    assert detail == {**told["order"], "transactions": [told["transaction"]]}
    # A second click is no second payment.
    assert choose(world, "cancel", token) == "https://shop.example/s"
    assert len(ipns(world)) == 1


def test_a_failure_leaves_the_order_open(world):
    token = open_page(world)
    assert choose(world, "fail", token) == "https://shop.example/e"
    assert ipns(world) == []
    assert call(world, "GET", "detail/INV-1").json()["data"]["transactions"] == []
    assert choose(world, "pay", token, method="BANK_TRANSFER") == "https://shop.example/s"


def test_a_cancel_is_not_told(world):
    assert choose(world, "cancel", open_page(world)) == "https://shop.example/c"
    assert ipns(world) == []
    assert call(world, "GET", "detail/INV-1").json()["data"]["order_status"] == "CANCELLED"


def test_a_card_payment_is_voided_once(world):
    choose(world, "pay", open_page(world))
    named = {"order_invoice_number": "INV-1"}
    assert call(world, "POST", "voidTransaction", named).status_code == 200
    world.settle()
    assert [one["notification_type"] for one in ipns(world)] == ["ORDER_PAID", "TRANSACTION_VOID"]
    assert call(world, "POST", "voidTransaction", named).status_code == 400
    assert call(world, "POST", "cancel", named).status_code == 400
    (payment,) = world.payments()
    assert payment["refunded"] == 150_000
    data = call(world, "GET", "detail/INV-1").json()["data"]
    assert (data["order_status"], len(data["transactions"])) == ("CANCELLED", 1)


def test_a_transfer_is_not_voided(world):
    choose(world, "pay", open_page(world, payment_method="BANK_TRANSFER"))
    answer = call(world, "POST", "voidTransaction", {"order_invoice_number": "INV-1"})
    assert answer.status_code == 400


def test_an_open_order_is_canceled(world):
    token = open_page(world)
    named = {"order_invoice_number": "INV-1"}
    assert call(world, "POST", "cancel", named).status_code == 200
    assert call(world, "POST", "cancel", named).status_code == 200
    assert choose(world, "pay", token) == "https://shop.example/c"
    assert ipns(world) == []


def test_an_invoice_number_is_used_once(world):
    token = open_page(world)
    assert open_page(world) == token
    again = world.client.post("/sepaypg/v1/checkout/init", data=form(order_amount="2"))
    assert (again.status_code, again.json()) == (
        400,
        {"message": "order_invoice_number was used before"},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "VERIFY"},
        {"currency": "USD"},
        {"order_amount": "1.5"},
        {"order_amount": "0"},
        {"order_amount": None},
        {"order_invoice_number": "a b"},
        {"order_invoice_number": "x" * 101},
        {"payment_method": "CASH"},
        {"success_url": "javascript:alert(1)"},
        {"merchant": "SP-TEST-OTHER"},
    ],
)
def test_a_wrong_form_is_refused(world, changes):
    assert world.client.post("/sepaypg/v1/checkout/init", data=form(**changes)).status_code == 400
    assert world.payments() == []


def test_a_forged_form_is_refused(world):
    for forged in (
        {**form(), "order_amount": "1"},
        {**form(), "signature": ""},
        {**form(), "signature": "é"},
        {},
    ):
        response = world.client.post("/sepaypg/v1/checkout/init", data=forged)
        assert response.status_code == 400
    assert world.client.post("/sepaypg/v1/checkout/init", content=b"%ff").status_code == 400


def test_strangers_and_nonsense(world):
    assert call(world, "GET", "detail/INV-1", headers={}).status_code == 401
    assert call(world, "GET", "detail/INV-1").status_code == 404
    for path in ("voidTransaction", "cancel"):
        assert call(world, "POST", path, {}, headers={}).status_code == 401
        assert call(world, "POST", path, {"order_invoice_number": ["x"]}).status_code == 404
        broken = world.client.request(
            "POST", f"/sepaypg/v1/order/{path}", headers=AUTH, content=b"{"
        )
        assert broken.status_code == 400
    assert world.client.get("/sepaypg/v1/checkout/page?token=x").status_code == 404
    assert world.client.post("/sepaypg/v1/checkout/choose", data={}).status_code == 404


VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "sepay.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "vector",
    [one for one in VECTORS if one["kind"] == "checkout_form"],
    ids=lambda vector: vector["id"],
)
def test_the_simulator_signs_as_the_official_package_does(vector):
    fields = json.loads(vector["input"])
    given = fields.pop("signature")
    assert (form_signature(vector["key"], fields) == given) is vector["verifies"]
