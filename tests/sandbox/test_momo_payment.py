"""MoMo's payments: create, the page, notices, query, refund, confirm."""

from __future__ import annotations

import json

import pytest

from paykit.http import HttpResponse

from . import momo_client as momo

#: The moment at which the clock stands, in Unix milliseconds.
NOW = 1735787045678
PAID = {
    "partnerCode": "MOMO",
    "orderId": "ord-1",
    "requestId": "req-1",
    "amount": 50000,
    "orderInfo": "Thanh toán đơn hàng & 5",
    "orderType": "momo_wallet",
    "transId": 4_000_000_001,
    "resultCode": 0,
    "message": "Successful.",
    "payType": "qr",
    "responseTime": NOW,
    "extraData": "",
}
NOT_FOUND = {
    "partnerCode": "MOMO",
    "requestId": "req-2",
    "orderId": "ord-9",
    "responseTime": NOW,
    "message": "OrderId is invalid or not found.",
    "resultCode": 42,
}


def signed(fields: dict) -> dict:
    return {**fields, "signature": momo.sign(momo.RESULT, fields)}


def as_text(fields: dict) -> dict:
    return {name: str(value) for name, value in fields.items()}


def test_create_answers_with_a_signed_session_and_no_payment_yet(world):
    answer = momo.create(world)
    page = "http://127.0.0.1:8100/momo/v2/gateway/pay?t=id1"
    assert answer == {
        "partnerCode": "MOMO",
        "requestId": "req-1",
        "orderId": "ord-1",
        "resultCode": 0,
        "message": "Successful.",
        "responseTime": NOW,
        "amount": 50000,
        "payUrl": page,
        "shortLink": page,
        "deeplink": "momo://?action=payWithApp&t=id1",
        "qrCodeUrl": page,
        "userFee": 0,
        "signature": momo.sign(
            "amount orderId partnerCode payUrl requestId responseTime resultCode", answer
        ),
    }
    assert momo.call(world, "query")["resultCode"] == 1000
    assert momo.ipns(world) == []


def test_a_payer_pays(world):
    returned = momo.paid(world)
    assert returned == {"cart": "7", **as_text(signed(PAID))}
    assert momo.ipns(world) == [signed(PAID)]
    [request] = world.merchant.received
    assert (request.method, request.url, request.replay_safe) == (
        "POST",
        "https://shop.example/ipn/momo",
        False,
    )
    assert request.header("content-type") == "application/json; charset=UTF-8"
    assert momo.call(world, "query") == {
        "partnerCode": "MOMO",
        "requestId": "req-2",
        "orderId": "ord-1",
        "resultCode": 0,
        "message": "Successful.",
        "responseTime": NOW,
        "extraData": "",
        "amount": 50000,
        "transId": 4_000_000_001,
        "payType": "qr",
        "refundTrans": [],
        "paymentOption": "momo",
        "promotionInfo": None,
    }


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        ("fail", {"resultCode": 1001, "message": "Insufficient balance."}),
        (
            "decline",
            {
                "resultCode": 1006,
                "message": "Transaction denied by user.",
                "payType": "",
                "transId": NOW,
            },
        ),
        (
            "expire",
            {
                "resultCode": 1005,
                "message": "The url or QR code expired.",
                "payType": "",
                "transId": NOW,
            },
        ),
    ],
)
def test_each_outcome_has_its_fields(world, outcome, changes):
    expected = signed({**PAID, **changes})
    assert momo.paid(world, outcome) == {"cart": "7", **as_text(expected)}
    assert momo.ipns(world) == [expected]
    assert momo.call(world, "query")["resultCode"] == changes["resultCode"]


def test_messages_are_vietnamese_unless_english_is_asked_for(world):
    momo.paid(world, "decline", lang="vi")
    assert momo.ipns(world)[0]["message"] == "Giao dịch bị từ chối bởi người dùng."


@pytest.mark.parametrize(
    ("kind", "chosen", "reported"),
    [
        ("payWithATM", "", "napas"),
        ("payWithCC", "qr", "credit"),
        ("payWithMethod", "", "qr"),
        ("payWithMethod", "credit", "credit"),
    ],
)
def test_the_pay_type_is_what_the_payer_used(world, kind, chosen, reported):
    momo.paid(world, method=chosen, requestType=kind)
    assert momo.ipns(world)[0]["payType"] == reported


def test_a_cancel_can_go_unreported(make_world):
    world = make_world(momo={"ipn_on_cancel": False})
    assert momo.paid(world, "decline")["resultCode"] == "1006"
    momo.paid(world, "fail", orderId="ord-2", requestId="req-3")
    assert [body["resultCode"] for body in momo.ipns(world)] == [1001]


def test_a_session_runs_out_by_itself_and_sends_nothing(world):
    momo.create(world)
    world.clock.forward(minutes=10)
    answer = momo.call(world, "query")
    assert (answer["resultCode"], answer["transId"]) == (1005, NOW + 600_000)
    assert momo.ipns(world) == []


def test_a_click_after_the_time_is_an_expiry(world):
    answer = momo.create(world)
    world.clock.forward(minutes=10)
    assert momo.click(world, answer)["resultCode"] == "1005"


def test_a_second_click_changes_nothing_and_sends_nothing(world):
    answer = momo.create(world)
    assert momo.click(world, answer) == momo.click(world, answer, "decline")
    assert len(momo.ipns(world)) == 1


def test_a_notice_is_repeated_until_it_is_answered_with_204(world):
    world.merchant.answers = [HttpResponse(200), HttpResponse(500)]
    momo.paid(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "delivered",
        ["HTTP 200", "HTTP 500", "HTTP 204"],
    )


def test_the_page_shows_the_order_and_escapes_it(world):
    answer = momo.create(
        world, requestType="payWithMethod", orderInfo="<b>", storeName="Quán <i>", lang="vi"
    )
    page = world.client.get(answer["payUrl"].removeprefix("http://127.0.0.1:8100"))
    for text in ("50.000\N{NO-BREAK SPACE}₫", "&lt;b&gt;", "Quán &lt;i&gt;", "no real money"):
        assert text in page.text
    assert page.text.count('name="method"') == 3


def test_the_page_of_a_held_payment_offers_no_atm_card_and_ends(world):
    answer = momo.create(world, requestType="payWithMethod", autoCapture=False)
    url = answer["payUrl"].removeprefix("http://127.0.0.1:8100")
    page = world.client.get(url).text
    assert (page.count('name="method"'), "only held" in page) == (2, True)
    momo.click(world, answer)
    assert "This payment is finished." in world.client.get(url).text


def test_unknown_pages_and_clicks_find_nothing(world):
    token = momo.create(world)["payUrl"].partition("?t=")[2]
    confirm = "/momo/v2/gateway/pay/confirm"
    statuses = [
        world.client.get("/momo/v2/gateway/pay").status_code,
        world.client.post(confirm, content=b"\xff").status_code,
        world.client.post(confirm, data={"token": token, "outcome": "win"}).status_code,
        world.client.post(confirm, data={"token": "x", "outcome": "pay"}).status_code,
    ]
    assert statuses == [404] * 4


@pytest.mark.parametrize(
    ("kind", "amount", "code"),
    [
        ("captureWallet", 999, 22),
        ("captureWallet", 1000, 0),
        ("captureWallet", 50_000_001, 22),
        ("payWithATM", 9_999, 22),
        ("payWithATM", "10000", 0),
        ("linkWallet", 0, 0),
        ("linkWallet", 1, 22),
    ],
)
def test_amounts_have_limits(world, kind, amount, code):
    answer = momo.create(
        world,
        status=400 if code else 200,
        requestType=kind,
        amount=amount,
        partnerClientId="user@example.com",
    )
    assert answer["resultCode"] == code


def test_an_order_id_is_used_once(world):
    momo.create(world)
    answer = momo.create(world, status=400, requestId="req-9")
    assert answer["resultCode"] == 41


def test_the_same_request_gets_the_same_answer_and_no_second_payment(world):
    first = momo.create(world)
    world.clock.forward(minutes=1)
    assert momo.create(world) == first
    assert len(world.payments()) == 1


def test_a_request_id_with_another_body_is_a_duplicate(world):
    momo.create(world)
    assert momo.create(world, status=400, amount=60000)["resultCode"] == 40


def test_a_poll_needs_a_new_request_id_while_the_payment_is_open(world):
    momo.create(world)
    codes = [
        momo.call(world, "query")["resultCode"],
        momo.call(world, "query", status=400)["resultCode"],
        momo.call(world, "query", requestId="req-3")["resultCode"],
    ]
    assert codes == [1000, 40, 1000]


def test_a_refusal_is_not_final_either(world):
    assert momo.call(world, "query", status=400, orderId="ord-9") == NOT_FOUND
    assert momo.call(world, "query", status=400, orderId="ord-9")["resultCode"] == 40


def test_refunds_add_up_and_never_exceed_the_payment(world):
    trans_id = int(momo.paid(world)["transId"])
    seen = []
    for number, amount in enumerate([30_000, 20_001, 20_000, 1000], start=1):
        answer = momo.call(
            world,
            "refund",
            orderId=f"ref-{number}",
            requestId=f"rr-{number}",
            amount=amount,
            transId=trans_id,
            description="",
        )
        seen.append((answer["resultCode"], answer["transId"]))
    assert seen == [
        (0, 4_000_000_002),
        (1081, 4_000_000_003),
        (0, 4_000_000_004),
        (1081, 4_000_000_005),
    ]
    refunds = momo.call(world, "query")["refundTrans"]
    assert refunds[0] == {
        "orderId": "ref-1",
        "amount": 30_000,
        "resultCode": 0,
        "transId": 4_000_000_002,
        "createdTime": NOW,
    }
    assert [one["resultCode"] for one in refunds] == [0, 1081, 0, 1081]
    answer = momo.call(world, "refund/query", orderId="ref-2", requestId="rq-1")
    assert (answer["resultCode"], answer["refundTrans"]) == (0, [refunds[1]])
    assert world.payments()[0]["refunded"] == 50_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"orderId": "ord-1"}, 41),
        ({"transId": 1}, 42),
        ({"transId": 0}, 42),
        ({"amount": 999}, 22),
        ({"amount": 50_000_001}, 22),
    ],
)
def test_a_refund_that_is_refused(world, changes, code):
    trans_id = int(momo.paid(world)["transId"])
    fields = {"orderId": "ref-1", "amount": 50_000, "transId": trans_id, "description": ""}
    answer = momo.call(world, "refund", status=400, **{**fields, **changes})
    assert answer["resultCode"] == code


def test_an_atm_refund_has_a_higher_minimum(world):
    trans_id = int(momo.paid(world, requestType="payWithATM")["transId"])
    fields = {"orderId": "ref-1", "transId": trans_id, "description": ""}
    assert momo.call(world, "refund", status=400, amount=9_999, **fields)["resultCode"] == 22


def test_the_time_that_a_declined_payment_reports_cannot_be_refunded(world):
    trans_id = int(momo.paid(world, "decline")["transId"])
    fields = {"orderId": "ref-1", "amount": 50_000, "transId": trans_id, "description": ""}
    assert momo.call(world, "refund", status=400, **fields)["resultCode"] == 42


def test_a_refund_fails_on_demand_and_is_found_by_its_reference(world):
    trans_id = int(momo.paid(world)["transId"])
    world.faults(fail_next_refund=1)
    fields = {"orderId": "ref-1", "amount": 50_000, "transId": trans_id, "description": ""}
    assert momo.call(world, "refund", **fields)["resultCode"] == 1080
    answer = momo.call(world, "refund/query", orderId="ref-1", requestId="rq-1")
    assert [one["resultCode"] for one in answer["refundTrans"]] == [1080]
    assert momo.call(world, "query", requestId="rq-2")["resultCode"] == 0


def test_an_unknown_refund_is_not_found(world):
    assert momo.call(world, "refund/query", status=400, orderId="ord-9") == NOT_FOUND


@pytest.mark.parametrize(("action", "later"), [("capture", 0), ("cancel", 1003)])
def test_held_money_is_taken_or_released(world, action, later):
    returned = momo.paid(world, autoCapture=False)
    assert returned["resultCode"] == "9000"
    assert momo.call(world, "query")["resultCode"] == 9000
    fields = {"requestType": action, "amount": 50_000, "description": ""}
    answer = momo.call(world, "confirm", requestId="cf-1", **fields)
    assert (answer["resultCode"], answer["amount"], answer["transId"]) == (
        0,
        50_000,
        4_000_000_001,
    )
    assert momo.call(world, "query", requestId="req-3")["resultCode"] == later
    again = momo.call(world, "confirm", status=400, requestId="cf-2", **fields)
    assert again["resultCode"] == 43


def test_only_the_whole_held_amount_is_confirmed(world):
    momo.paid(world, autoCapture=False)
    fields = {"requestType": "capture", "amount": 40_000, "description": ""}
    assert momo.call(world, "confirm", status=400, **fields)["resultCode"] == 22


@pytest.mark.parametrize("paid", [True, False])
def test_only_held_money_is_confirmed(world, paid):
    answer = momo.create(world)
    if paid:
        momo.click(world, answer)
    fields = {"requestType": "capture", "amount": 50_000, "description": ""}
    assert momo.call(world, "confirm", status=400, **fields)["resultCode"] == 43


def test_held_money_is_not_refunded(world):
    trans_id = int(momo.paid(world, autoCapture=False)["transId"])
    fields = {"orderId": "ref-1", "amount": 50_000, "transId": trans_id, "description": ""}
    assert momo.call(world, "refund", **fields)["resultCode"] == 1088


def test_an_unknown_order_is_not_confirmed(world):
    fields = {"requestType": "cancel", "amount": 50_000, "description": ""}
    assert momo.call(world, "confirm", status=400, orderId="ord-9", **fields) == NOT_FOUND


def test_an_atm_card_cannot_hold_money(world):
    answer = momo.create(world, status=400, requestType="payWithATM", autoCapture=False)
    assert answer == {
        "responseTime": NOW,
        "message": "Bad format request.",
        "resultCode": 20,
        "subErrors": [
            {"field": "autoCapture", "message": "autoCapture payWithATM cannot hold money"}
        ],
    }


def test_a_wrong_signature_shows_what_was_expected_without_the_key(world):
    body = {**momo.ORDER, "signature": momo.sign(momo.SIGNED["create"], momo.ORDER, "0" * 32)}
    answer = momo.post(world, "create", body, status=400)
    assert answer == {
        "responseTime": NOW,
        "message": "Bad format request.",
        "resultCode": 20,
        "subErrors": [
            {
                "field": "signature",
                "message": "Chữ ký không hợp lệ. Vui lòng kiểm tra dữ liệu gốc trước khi mã hóa : "
                "accessKey=*****&amount=50000&extraData=&ipnUrl=https://shop.example/ipn/momo"
                "&orderId=ord-1&orderInfo=Thanh toán đơn hàng & 5&partnerCode=MOMO"
                "&redirectUrl=https://shop.example/return?cart=7&requestId=req-1"
                "&requestType=captureWallet",
            }
        ],
    }
    assert momo.ACCESS not in json.dumps(answer)


def test_an_unknown_and_a_disabled_partner_are_refused(make_world):
    default = make_world()
    assert momo.create(default, status=400, partnerCode="NOBODY")["resultCode"] == 13
    disabled = tuple(
        type(one)(
            partner_code=one.partner_code,
            access_key=one.access_key,
            secret_key=one.secret_key,
            enabled=False,
        )
        for one in default.config.momo.merchants
    )
    world = make_world(momo={"merchants": disabled})
    assert momo.create(world, status=400)["resultCode"] == 11


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("partnerCode", 5, "must be a string"),
        ("partnerCode", "", "must not be empty"),
        ("requestId", None, "is required"),
        ("requestId", "r" * 51, "must have at most 50 characters"),
        ("orderId", "-ord", "has characters that are not allowed"),
        ("orderId", "a:b", "has characters that are not allowed"),
        ("orderId", "-" * 200, "has characters that are not allowed"),
        ("orderId", "a" * 199 + ":", "has characters that are not allowed"),
        ("amount", 50000.0, "must be a whole number"),
        ("amount", True, "must be a whole number"),
        ("amount", -1, "must be a whole number"),
        ("amount", "1e4", "must be a whole number"),
        ("amount", "٥", "must be a whole number"),
        ("amount", 10**30, "must be a whole number"),
        ("amount", [], "must be a whole number"),
        ("orderInfo", {"a": 1}, "must be a string"),
        ("extraData", "x" * 1001, "must have at most 1000 characters"),
        ("redirectUrl", "javascript:alert(1)", "must be an absolute URL"),
        ("redirectUrl", "https://shop.example/a b", "must be an absolute URL"),
        ("redirectUrl", 5, "must be an absolute URL"),
        ("ipnUrl", "myapp://ipn", "must be an absolute URL"),
        ("ipnUrl", "http:///ipn", "must be an absolute URL"),
        ("autoCapture", "false", "must be a bool"),
        ("lang", ["vi"], "must be one of vi, en"),
        ("signature", 7, "must be a string"),
    ],
)
def test_each_wrong_field_is_named(world, field, value, problem):
    body = {**momo.ORDER, "signature": "0" * 64, field: value}
    answer = momo.post(world, "create", body, status=400)
    assert answer["resultCode"] == 20
    assert answer["subErrors"] == [{"field": field, "message": f"{field} {problem}"}]


@pytest.mark.parametrize("kind", ["payWithCash", ["linkWallet"], {}, 1])
def test_an_unknown_request_type_is_refused(world, kind):
    body = {**momo.ORDER, "signature": "0" * 64, "requestType": kind}
    [error] = momo.post(world, "create", body, status=400)["subErrors"]
    assert error["field"] == "requestType"


def test_an_app_may_be_returned_to(world):
    returned = momo.paid(world, redirectUrl="myapp://done")
    assert returned["orderId"] == "ord-1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff{",
        b'{"amount":1,"amount":2}',
        b'{"amount":NaN}',
        b"[" * 100_000,
        b'{"a":"' + b"a" * 300_000 + b'"}',
    ],
)
def test_hostile_bodies_are_bad_format(world, body):
    for path in momo.SIGNED:
        if path != "link":
            response = world.client.post(momo.API + path, content=body)
            assert (response.status_code, response.json()) == (
                400,
                {"responseTime": NOW, "message": "Yêu cầu sai định dạng.", "resultCode": 20},
            )


def test_an_empty_object_names_every_required_field(world):
    answer = momo.post(world, "refund/query", {}, status=400)
    assert [one["field"] for one in answer["subErrors"]] == [
        "partnerCode",
        "requestId",
        "orderId",
        "signature",
    ]
