"""ZaloPay's agreements: bind, confirm, charge, ask, end."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from paykit.http import HttpResponse

from . import zalopay_client as zalo

NOT_FOUND = (2, -101)
PAYER = "ZMtx6jLlSYdh7PcWEd_8GA"
CONFIRMED = {
    "app_id": 2553,
    "app_trans_id": "250102_bind-1",
    "binding_id": "250102id1",
    "pay_token": "id2",
    "server_time": zalo.NOW // 1000,
    "merchant_user_id": "customer-1",
    "status": 1,
    "msg_type": 1,
    "zp_user_id": PAYER,
    "masked_user_phone": "****6789",
}


def ask(world, path: str, **fields: object) -> dict:
    """Call an operation about the agreement of customer-1."""
    now = world.clock.now
    known = {"req_date": int(now.timestamp()) * 1000, **fields}
    return zalo.call(world, f"v2/agreement/{path}", **known)


def state(world) -> dict:
    return ask(world, "query", app_trans_id="250102_bind-1")


def token_of(world, **changes: object) -> str:
    """Bind and confirm; returns the token that charges."""
    zalo.decide(world, zalo.bind(world, **changes))
    return state(world)["data"]["pay_token"]


def charge(world, pay_token: str, *, number: int = 1, identifier: str = "customer-1", **order: object) -> dict:  # fmt: skip
    reference = {"app_trans_id": f"250102_charge-{number}", "product_code": "AGREEMENT"}
    created = zalo.create(world, **{**reference, **order})
    return ask(
        world,
        "pay",
        identifier=identifier,
        pay_token=pay_token,
        zp_trans_token=created["zp_trans_token"],
    )


def test_bind_answers_with_links_to_one_page(world):
    assert zalo.bind(world) == {
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
        "binding_token": "250102id1",
        "deep_link": "zalopay://launch/app/732?view=authorize&b=250102id1",
        "binding_qr_link": "http://127.0.0.1:8100/zalopay/binding?binding_token=250102id1",
        "short_link": "http://127.0.0.1:8100/zalopay/oauthbe/agreement/250102id1",
    }
    assert zalo.codes(state(world)) == (3, 3)
    assert "data" not in state(world)
    pages = [
        world.client.get("/zalopay/binding?lang=en&binding_token=250102id1").text,
        world.client.get("/zalopay/oauthbe/agreement/250102id1?lang=en").text,
    ]
    assert pages[0] == pages[1]
    for text in (
        "Agree to automatic payments",
        "customer-1",
        "500.000\N{NO-BREAK SPACE}₫",
        "Paykit Demo Shop",
    ):
        assert text in pages[0]
    assert world.deliveries() == []


def test_a_payer_confirms(world):
    location = zalo.decide(world, zalo.bind(world))
    assert location == "https://shop.example/wallet?binding_id=250102id1&status=1"
    assert zalo.callbacks(world) == [{"type": 2, **CONFIRMED}]
    assert list(json.loads(json.loads(world.merchant.received[0].body)["data"])) == list(CONFIRMED)
    answer = state(world)
    assert zalo.codes(answer) == (1, 1)
    assert answer["data"] == {**CONFIRMED, "expiry_timestamp_in_ms": -62_135_596_800_000}
    [line] = world.payments()
    assert (line["status"], line["page"]) == ("agreement confirmed", None)


def test_a_payer_refuses(world):
    location = zalo.decide(world, zalo.bind(world), "refuse")
    assert location == "https://shop.example/wallet?binding_id=250102id1&status=3"
    refused = {
        **CONFIRMED,
        "status": 3,
        "pay_token": "",
        "zp_user_id": "",
        "masked_user_phone": "",
    }
    assert zalo.callbacks(world) == [{"type": 2, **refused}]
    assert state(world)["data"]["status"] == 3


def test_a_refusal_can_go_unreported(make_world):
    world = make_world(zalopay={"callback_on_refusal": False})
    zalo.decide(world, zalo.bind(world), "refuse")
    assert world.deliveries() == []
    zalo.decide(world, zalo.bind(world, app_trans_id="250102_bind-2"))
    assert len(world.deliveries()) == 1


def test_the_callback_about_an_agreement_can_get_lost(world):
    zalo.decide(world, zalo.bind(world), "confirm_lost")
    assert world.merchant.received == []
    assert [one["state"] for one in world.deliveries()] == ["dropped"]
    assert state(world)["data"]["pay_token"] == "id2"


def test_a_decision_is_made_once(world):
    answer = zalo.bind(world)
    first = zalo.decide(world, answer, "refuse")
    assert zalo.decide(world, answer, "confirm") == first
    assert state(world)["data"]["status"] == 3
    assert len(world.deliveries()) == 1


def test_what_was_never_confirmed_cannot_be_ended(world):
    answer = zalo.bind(world)
    zalo.decide(world, answer, "end")
    assert zalo.codes(state(world)) == (3, 3)
    assert world.deliveries() == []


def test_an_agreement_waits_for_a_while(world):
    answer = zalo.bind(world)
    world.clock.forward(minutes=15)
    assert zalo.codes(state(world)) == (2, -54)
    zalo.decide(world, answer)
    assert zalo.codes(state(world)) == (2, -54)
    page = world.client.get("/zalopay/binding?lang=en&binding_token=250102id1").text
    assert "The time to confirm has passed." in page
    assert [one["status"] for one in world.payments()] == ["agreement expired"]
    assert world.deliveries() == []


def test_a_payer_ends_an_agreement_in_the_app(world):
    answer = zalo.bind(world)
    zalo.decide(world, answer)
    page = world.client.get("/zalopay/binding?lang=en&binding_token=250102id1").text
    assert "The agreement is in force." in page
    location = zalo.decide(world, answer, "end")
    assert location == "http://127.0.0.1:8100/zalopay/binding?binding_token=250102id1"
    ended = {**CONFIRMED, "status": 4, "msg_type": 2}
    assert zalo.callbacks(world)[1] == {"type": 2, **ended}
    assert (
        "The agreement has ended."
        in world.client.get("/zalopay/binding?lang=en&binding_token=250102id1").text
    )
    assert zalo.codes(charge(world, "id2")) == NOT_FOUND


def test_a_merchant_ends_an_agreement(world):
    token = token_of(world)
    fields = {"identifier": "customer-1", "binding_id": "250102id1"}
    assert zalo.codes(ask(world, "unbind", **{**fields, "identifier": "other"})) == NOT_FOUND
    assert zalo.codes(ask(world, "unbind", **{**fields, "binding_id": "x"})) == NOT_FOUND
    assert zalo.codes(ask(world, "unbind", **fields)) == (1, 1)
    assert zalo.codes(ask(world, "unbind", **fields)) == NOT_FOUND
    assert state(world)["data"]["status"] == 4
    assert len(world.deliveries()) == 1
    assert zalo.codes(charge(world, token)) == NOT_FOUND
    assert zalo.codes(ask(world, "query_user", access_token=token)) == NOT_FOUND


def test_a_wallet_is_charged_without_a_page(world):
    answer = charge(world, token_of(world))
    assert answer == {
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
        "app_trans_id": "250102_charge-1",
        "zp_trans_id": 250102000000002,
    }
    world.settle()
    callback = zalo.callbacks(world)[-1]
    assert (callback["type"], callback["zp_trans_id"], callback["channel"]) == (
        1,
        250102000000002,
        38,
    )
    assert zalo.query(world, "250102_charge-1")["amount"] == 50_000
    assert zalo.codes(zalo.refund(world, "250102000000002", 50_000)) == (1, 1)


def test_a_charge_may_take_its_time(make_world):
    world = make_world(zalopay={"charge_processing": timedelta(milliseconds=50)})
    answer = charge(world, token_of(world))
    assert (zalo.codes(answer), answer["zp_trans_id"]) == ((3, 3), 250102000000002)
    pending = zalo.query(world, "250102_charge-1")
    assert (zalo.codes(pending), pending["is_processing"], pending["amount"]) == ((3, 3), True, 0)
    assert pending["return_message"] == "Giao dịch đang xử lý"
    assert world.payments()[0]["status"] == "3 being processed"
    assert zalo.codes(zalo.refund(world, "250102000000002", 1)) == NOT_FOUND
    assert zalo.codes(zalo.call(world, "v2/cancel", app_trans_id="250102_charge-1")) == (2, 406)
    world.settle()
    world.clock.forward(milliseconds=50)
    assert zalo.query(world, "250102_charge-1")["return_code"] == 1
    assert [one["type"] for one in zalo.callbacks(world)] == [2, 1]


def test_an_order_is_charged_once(world):
    token = token_of(world)
    order = zalo.create(world, product_code="AGREEMENT")
    fields = {
        "identifier": "customer-1",
        "pay_token": token,
        "zp_trans_token": order["zp_trans_token"],
    }
    first, second = ask(world, "pay", **fields), ask(world, "pay", **fields)
    assert first == second
    world.settle()
    assert [one["type"] for one in zalo.callbacks(world)] == [2, 1]


def test_a_wallet_can_be_empty(world):
    token = token_of(world, max_amount=0)
    asked = {"identifier": "customer-1", "pay_token": token}
    answers = [ask(world, "balance", amount=amount, **asked) for amount in (20_000_000, 20_000_001)]
    assert answers[0] == {
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
        "data": [{"channel": 38, "payable": True, "bank_code": "zp_app"}],
        "discount_amount": 0,
    }
    assert answers[1]["data"][0]["payable"] is False
    answer = charge(world, token, amount=20_000_001)
    assert (zalo.codes(answer), answer["zp_trans_id"]) == ((2, -63), 0)
    assert zalo.codes(zalo.query(world, "250102_charge-1")) == (2, -63)
    world.settle()
    assert [one["type"] for one in zalo.callbacks(world)] == [2]


def test_a_charge_keeps_to_what_was_agreed(world):
    token = token_of(world)
    answer = charge(world, token, amount=500_001)
    assert answer["sub_return_message"].endswith("the amount is above the agreement's max_amount")
    assert zalo.query(world, "250102_charge-1")["return_code"] == 3
    assert zalo.codes(charge(world, token, number=2, amount=500_000)) == (1, 1)


def test_only_an_order_for_agreements_is_charged_so(world):
    token = token_of(world)
    assert zalo.codes(charge(world, token, product_code=None)) == (2, -401)
    fields = {"identifier": "customer-1", "pay_token": token, "zp_trans_token": "nothing"}
    assert zalo.codes(ask(world, "pay", **fields)) == NOT_FOUND


def test_such_an_order_cannot_be_paid_on_its_page(world):
    order = zalo.create(world, product_code="AGREEMENT")
    assert "charged through an agreement" in zalo.page(world, order)
    form = {"token": order["zp_trans_token"], "outcome": "pay"}
    assert world.client.post("/zalopay/openinapp/confirm", data=form).status_code == 404
    assert world.payments()[0]["page"] is None


def test_an_expired_order_is_not_charged(world):
    token = token_of(world)
    order = zalo.create(world, product_code="AGREEMENT")
    world.clock.forward(minutes=15)
    fields = {
        "identifier": "customer-1",
        "pay_token": token,
        "zp_trans_token": order["zp_trans_token"],
    }
    assert zalo.codes(ask(world, "pay", **fields)) == (2, -54)
    world.settle()
    assert [one["type"] for one in zalo.callbacks(world)] == [2]


@pytest.mark.parametrize(
    ("pay_token", "identifier"), [("id2", "customer-2"), ("id9", "customer-1")]
)
def test_a_token_belongs_to_one_customer(world, pay_token, identifier):
    token_of(world)
    assert zalo.codes(charge(world, pay_token, identifier=identifier)) == NOT_FOUND
    asked = {"identifier": identifier, "pay_token": pay_token, "amount": 1}
    assert zalo.codes(ask(world, "balance", **asked)) == NOT_FOUND


def test_a_merchant_learns_the_end_of_a_phone_number(world):
    answer = ask(world, "query_user", access_token=token_of(world))
    assert answer == {
        "phone": "****6789",
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
    }


@pytest.mark.parametrize(
    ("changes", "code", "detail"),
    [
        ({"app_trans_id": "250101_1"}, -401, "app_trans_id must begin with yymmdd of today in GMT+7"),
        ({"req_date": zalo.NOW - 900_001}, -401, "req_date is not now, in Unix milliseconds"),
        ({"identifier": ""}, -401, "identifier must not be empty"),
        ({"max_amount": -1}, -401, "max_amount must be from 0 to 9223372036854775807"),
        ({"binding_type": "CARD"}, -401, "binding_type must be one of WALLET"),
        ({"binding_data": "x"}, -401, "binding_data must hold a JSON object"),
        ({"redirect_url": "data:text/html,x"}, -401, "redirect_url must be an absolute URL"),
        ({"redirect_deep_link": "app"}, -401, "redirect_deep_link must be an absolute URL"),
        ({"callback_url": "app://x"}, -401, "callback_url must be an absolute URL"),
    ],
)  # fmt: skip
def test_a_binding_that_is_refused(world, changes, code, detail):
    answer = zalo.bind(world, **changes)
    assert zalo.codes(answer) == (2, code)
    assert answer["sub_return_message"] == f"ILLEGAL_DATA_REQUEST: {detail}"


def test_a_binding_needs_little(world):
    body = {
        "app_id": zalo.APP,
        "app_trans_id": "250102_bind-1",
        "identifier": "customer-1",
        "req_date": zalo.NOW,
    }
    answer = zalo.post(world, "v2/agreement/bind", zalo.signed("v2/agreement/bind", body))
    page = world.client.get(zalo.local(world, answer["binding_qr_link"]) + "&lang=en").text
    assert "No limit" in page
    location = zalo.decide(world, answer)
    assert location == answer["binding_qr_link"]
    assert world.merchant.received[0].url == world.config.zalopay.merchants[0].callback_url


def test_an_app_can_be_returned_to(world):
    answer = zalo.bind(world, redirect_url="", redirect_deep_link="myapp://wallet")
    assert zalo.decide(world, answer).startswith("myapp://wallet?binding_id=")


def test_a_reference_is_used_once(world):
    zalo.bind(world)
    assert zalo.codes(zalo.bind(world)) == (2, -68)


def test_an_unknown_agreement(world):
    assert zalo.codes(state(world)) == NOT_FOUND
    token = zalo.bind(world)["binding_token"]
    confirm = "/zalopay/binding/confirm"
    responses = [
        world.client.get("/zalopay/binding"),
        world.client.get("/zalopay/oauthbe/agreement/x"),
        world.client.post(confirm, content=b"\xff"),
        world.client.post(confirm, data={"binding_token": token, "outcome": "win"}),
        world.client.post(confirm, data={"binding_token": "x", "outcome": "confirm"}),
    ]
    assert [one.status_code for one in responses] == [404] * 5


def test_every_operation_wants_the_time(world):
    known = {
        "query": {"app_trans_id": "250102_bind-1"},
        "unbind": {"identifier": "customer-1", "binding_id": "250102id1"},
        "balance": {"identifier": "customer-1", "pay_token": "id2", "amount": 1},
        "pay": {"identifier": "customer-1", "pay_token": "id2", "zp_trans_token": "x"},
        "query_user": {"access_token": "id2"},
    }
    token_of(world)
    late = zalo.NOW - 900_001
    for path, fields in known.items():
        answer = ask(world, path, req_date=late, **fields)
        assert answer["sub_return_message"].endswith("req_date is not now, in Unix milliseconds")
    assert state(world)["data"]["status"] == 1


def test_a_refused_callback_about_an_agreement_is_not_repeated(world):
    world.merchant.answers = [HttpResponse(200, (), b'{"return_code":-1}')]
    token_of(world)
    assert [one["state"] for one in world.deliveries()] == ["given up"]
