"""ZaloPay's orders: create in all its forms, query, cancel."""

from __future__ import annotations

import json

import pytest

from . import zalopay_client as zalo

PREFERENCES = "zalopay_wallet, vietqr, domestic_card, account, international_card, applepay"
FAILED = "Giao dịch thất bại"
UNPAID = {
    "return_code": 3,
    "return_message": "Giao dịch chưa được thực hiện",
    "sub_return_code": 3,
    "sub_return_message": "Giao dịch chưa được thực hiện",
    "is_processing": False,
    "amount": 0,
    "discount_amount": 0,
    "zp_trans_id": 0,
    "server_time": 0,
}


def refused(code: int, message: str) -> dict:
    return {
        "return_code": 2,
        "return_message": FAILED,
        "sub_return_code": code,
        "sub_return_message": message,
    }


def failed(code: int, message: str) -> dict:
    empty = {"is_processing": False, "amount": 0, "discount_amount": 0}
    return {**refused(code, message), **empty, "zp_trans_id": 0, "server_time": 0}


def test_create_answers_with_a_page_and_codes_and_no_payment_yet(world):
    answer = zalo.create(world)
    packed = (
        "eyJ6cHRyYW5zdG9rZW4iOiJpZDEiLCJhcHBpZCI6MjU1M30="  # {"zptranstoken":"id1","appid":2553}
    )
    assert answer == {
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
        "zp_trans_token": "id1",
        "order_url": f"http://127.0.0.1:8100/zalopay/openinapp?order={packed}",
        "order_token": "id1",
        "qr_code": (
            "00020101021226500010vn.zalopay0203001010425530317000000000000000013862"
            "0010A00000072701320006970454011899ZP25002O000000010208QRIBFTTA"
            "5204739953037045405500005802VN6221081700000000000000001"
            "6304D3D1"
        ),
    }
    assert zalo.query(world) == UNPAID
    assert world.merchant.received == []


def test_a_form_and_a_query_string_say_the_same_as_json(world):
    def order(number: int) -> dict:
        fields = {**zalo.ORDER, "app_trans_id": f"250102_{number}"}
        return zalo.signed("v2/create", fields)

    by_query = world.client.post(zalo.in_query("v2/create", order(3)))
    answers = [
        zalo.post(world, "v2/create", order(1)),
        zalo.post_form(world, "v2/create", order(2)),
        by_query.json(),
    ]
    assert [zalo.codes(answer) for answer in answers] == [(1, 1)] * 3
    pages = {zalo.page(world, one).replace(f"250102_{n}", "") for n, one in enumerate(answers, 1)}
    assert len({page.count("50.000") for page in pages}) == 1
    for number, answer in enumerate(answers, start=1):
        zalo.click(world, answer)
        assert zalo.callbacks(world)[-1]["app_trans_id"] == f"250102_{number}"
    # What came as text is a number again, and the texts are those that were sent.
    facts = [{**one, "app_trans_id": 0, "zp_trans_id": 0} for one in zalo.callbacks(world)]
    assert facts[0] == facts[1] == facts[2]


def test_a_form_is_read_whatever_its_charset(world):
    body = "&".join(
        f"{k}={v}"
        for k, v in zalo.signed("v2/query", {"app_id": 2553, "app_trans_id": "250102_1"}).items()
    )
    kind = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    response = world.client.post(zalo.BASE + "v2/query", content=body, headers=kind)
    assert response.json() == refused(-101, "NOT_FOUND")


def test_both_published_apps_are_known_and_keep_their_orders_apart(world):
    second = {
        **zalo.ORDER,
        "app_id": 2554,
    }
    key = "sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn"
    zalo.create(world)
    answer = zalo.post(world, "v2/create", zalo.signed("v2/create", second, key=key))
    assert zalo.codes(answer) == (1, 1)
    assert len(world.payments()) == 2


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"app_id": "2553"}, "app_id must be a whole number"),
        ({"app_id": True}, "app_id must be a whole number"),
        ({"app_user": ""}, "app_user must not be empty"),
        ({"app_user": "u" * 51}, "app_user must have at most 50 characters"),
        ({"app_trans_id": "250102_" + "x" * 34}, "app_trans_id must have at most 40 characters"),
        ({"app_time": "1735787045678"}, "app_time must be a whole number"),
        ({"amount": 0}, "amount must be from 1 to 9223372036854775807"),
        ({"amount": -1}, "amount must be from 1 to 9223372036854775807"),
        ({"amount": 2**63}, "amount must be from 1 to 9223372036854775807"),
        ({"amount": 50000.0}, "amount must be a whole number"),
        ({"amount": "50000"}, "amount must be a whole number"),
        ({"amount": [50000]}, "amount must be a whole number"),
        ({"item": []}, "item must be a JSON array in a string"),
        ({"item": "item"}, "item must hold a JSON array"),
        ({"item": "{}"}, "item must hold a JSON array"),
        ({"item": '[],"value":[]'}, "item must hold a JSON array"),
        ({"item": '[],"other":[]'}, "item must hold a JSON array"),
        ({"item": "[" + "1," * 1024 + "1]"}, "item must have at most 2048 characters"),
        ({"embed_data": {}}, "embed_data must be a JSON object in a string"),
        ({"embed_data": "[]"}, "embed_data must hold a JSON object"),
        ({"embed_data": ""}, "embed_data must hold a JSON object"),
        ({"embed_data": '{"a":1,"a":2}'}, "embed_data must hold a JSON object"),
        ({"embed_data": '{"a":"' + "x" * 2048 + '"}'}, "embed_data must have at most 2048 characters"),
        ({"description": None}, "description is required"),
        ({"description": "d" * 257}, "description must have at most 256 characters"),
        ({"bank_code": "B" * 21}, "bank_code must have at most 20 characters"),
        ({"callback_url": "shop.example"}, "callback_url must be an absolute URL"),
        ({"redirect_url": "javascript:alert(1)"}, "redirect_url must be an absolute URL"),
        ({"expire_duration_seconds": 299}, "expire_duration_seconds must be from 300 to 2592000"),
        ({"expire_duration_seconds": 2_592_001}, "expire_duration_seconds must be from 300 to 2592000"),
        ({"product_code": "QUICKPAY"}, "product_code must be one of AGREEMENT, "),
        (
            {"app_user": 5, "description": ""},
            "app_user must be a string; description must not be empty",
        ),
    ],
)  # fmt: skip
def test_each_wrong_field_is_named(world, changes, detail):
    answer = zalo.create(world, **changes)
    assert answer == refused(-401, f"ILLEGAL_DATA_REQUEST: {detail}")
    assert world.payments() == []


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"app_trans_id": "250101_1"}, "app_trans_id must begin with yymmdd of today in GMT+7"),
        ({"app_trans_id": "020125_1"}, "app_trans_id must begin with yymmdd of today in GMT+7"),
        ({"app_trans_id": "250102"}, "app_trans_id must begin with yymmdd of today in GMT+7"),
        ({"app_time": zalo.NOW // 1000}, "app_time is not now, in Unix milliseconds"),
        ({"app_time": zalo.NOW - 900_001}, "app_time is not now, in Unix milliseconds"),
        ({"app_time": zalo.NOW + 900_001}, "app_time is not now, in Unix milliseconds"),
        ({"bank_code": "NOBANK"}, "bank_code is not in the list of banks"),
        ({"embed_data": '{"redirecturl":"javascript:x"}'}, "redirecturl must be an absolute URL"),
        ({"embed_data": '{"redirecturl":["https://a.example"]}'}, "redirecturl must be an absolute URL"),
        *(
            (
                {"embed_data": json.dumps({"preferred_payment_method": wrong})},
                f"preferred_payment_method is a list of some of: {PREFERENCES}",
            )
            for wrong in ("vietqr", ["VietQR"], [["vietqr"]], {"vietqr": 1}, None)
        ),
    ],
)  # fmt: skip
def test_what_a_field_says_has_to_be_true(world, changes, detail):
    assert zalo.create(world, **changes) == refused(-401, f"ILLEGAL_DATA_REQUEST: {detail}")


@pytest.mark.parametrize("changes", [{"app_time": zalo.NOW - 900_000}, {"app_time": zalo.NOW + 900_000}, {"app_trans_id": "250102x"}, {"app_trans_id": "250102_" + "x" * 33}, {"bank_code": None}, {"callback_url": ""}, {"embed_data": '{"redirecturl":"","promotioninfo":"","own":[1.5]}'}, {"expire_duration_seconds": 300}, {"title": "T", "phone": "", "product_code": ""}])  # fmt: skip
def test_what_is_just_allowed(world, changes):
    assert zalo.codes(zalo.create(world, **changes)) == (1, 1)


@pytest.mark.parametrize(
    ("preferred", "length", "code"),
    [("vietqr", 1024, 1), ("vietqr", 1025, -401), ("account", 2048, 1)],
)
def test_there_is_less_room_in_an_order_for_vietqr(world, preferred, length, code):
    text = json.dumps({"preferred_payment_method": [preferred], "own": ""})
    text = text.replace('""', f'"{"x" * (length - len(text))}"')
    assert len(text) == length
    assert zalo.create(world, embed_data=text)["sub_return_code"] == code


def test_the_day_is_that_of_vietnam(world):
    world.clock.forward(hours=14)  # 17:04 UTC: tomorrow has begun there
    now = zalo.NOW + 14 * 3_600_000
    today = zalo.create(world, app_time=now)
    tomorrow = zalo.create(world, app_time=now, app_trans_id="250103_ord-1")
    assert (today["sub_return_code"], tomorrow["sub_return_code"]) == (-401, 1)


def test_a_lenient_sandbox_takes_any_date(make_world):
    world = make_world(zalopay={"check_dates": False})
    answers = [zalo.create(world, app_trans_id=one) for one in ("020125_1", "2501_1")]
    assert [zalo.codes(answer) for answer in answers] == [(1, 1), (2, -401)]


def test_an_order_id_is_used_once(world):
    first = zalo.create(world)
    assert zalo.create(world) == refused(-68, "DUPLICATE_APPS_TRANS_ID")
    zalo.click(world, first)
    assert zalo.create(world, amount=60_000) == refused(-68, "DUPLICATE_APPS_TRANS_ID")
    assert len(world.payments()) == 1


def test_a_wrong_mac_shows_what_was_to_be_signed_without_the_key(world):
    body = zalo.signed("v2/create", zalo.ORDER, key=zalo.KEY2)
    answer = zalo.post(world, "v2/create", body)
    expected = (
        "2553|250102_ord-1|user123|50000|1735787045678|"
        '{"redirecturl": "https://shop.example/return?cart=7#end"}|'
        '[{"itemname": "Trà sen", "itemprice": 50000}]'
    )
    assert answer == refused(-402, f"ILLEGAL_APP/SIGNATURE_REQUEST: mac is not that of {expected}")
    answer = zalo.post(world, "v2/query", {"app_id": 2553, "app_trans_id": "250102_1", "mac": "x"})
    assert answer["sub_return_message"].endswith("mac is not that of 2553|250102_1|{key1}")
    assert zalo.KEY1 not in json.dumps(answer)


def test_a_field_changed_after_signing_is_noticed(world):
    body = zalo.signed("v2/create", zalo.ORDER)
    changed = {**body, "embed_data": '{"preferred_payment_method":["vietqr"]}'}
    assert zalo.post(world, "v2/create", changed)["sub_return_code"] == -402


def test_an_unknown_app_is_refused(world):
    answer = zalo.create(world, app_id=554)
    assert answer == refused(-402, "ILLEGAL_APP/SIGNATURE_REQUEST: there is no such app")


def test_errors_of_the_call_have_a_second_documented_shape(make_world):
    world = make_world(zalopay={"flat_errors": True})
    assert zalo.create(world, app_id=554) == {
        "return_code": -402,
        "return_message": "ILLEGAL_APP/SIGNATURE_REQUEST: there is no such app",
    }
    assert zalo.create(world, amount=0)["return_code"] == -401
    zalo.create(world)
    assert zalo.create(world) == refused(-68, "DUPLICATE_APPS_TRANS_ID")


def test_a_paid_order_tells_amount_and_transaction(world):
    zalo.paid(world)
    assert zalo.query(world) == {
        "return_code": 1,
        "return_message": "Giao dịch thành công",
        "sub_return_code": 1,
        "sub_return_message": "Giao dịch thành công",
        "is_processing": False,
        "amount": 50_000,
        "discount_amount": 0,
        "zp_trans_id": 250102000000002,
        "server_time": zalo.NOW,
    }


def test_an_order_expires_by_itself_and_tells_nobody(world):
    zalo.create(world)
    world.clock.forward(minutes=14, seconds=59)
    assert zalo.query(world)["return_code"] == 3
    world.clock.forward(seconds=1)
    assert zalo.query(world) == failed(-54, "TIME_INVALID")
    assert world.deliveries() == []


def test_an_order_lives_as_long_as_it_says(world):
    zalo.create(world, expire_duration_seconds=3600)
    world.clock.forward(minutes=59)
    assert zalo.query(world)["return_code"] == 3
    world.clock.forward(minutes=1)
    assert zalo.codes(zalo.query(world)) == (2, -54)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("250102_ord-9", refused(-101, "NOT_FOUND")),
        ("ord-1", refused(-92, "APPTRANSID_INVALID")),
    ],
)
def test_an_order_that_is_not_there(world, reference, answer):
    zalo.create(world)
    assert zalo.query(world, reference) == answer
    assert zalo.call(world, "v2/cancel", app_trans_id=reference) == answer


def test_everything_that_is_missing_is_named(world):
    assert zalo.post(world, "v2/query", {"app_id": None}) == refused(
        -401,
        "ILLEGAL_DATA_REQUEST: app_id is required; app_trans_id is required; mac is required",
    )


def test_an_order_belongs_to_one_app(world):
    zalo.create(world)
    body = {"app_id": 2554, "app_trans_id": "250102_ord-1"}
    key = "sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn"
    answer = zalo.post(world, "v2/query", zalo.signed("v2/query", body, key=key))
    assert answer == refused(-101, "NOT_FOUND")


def test_a_cancelled_order_cannot_be_paid(world):
    order = zalo.create(world)
    cancel = [zalo.call(world, "v2/cancel", app_trans_id="250102_ord-1") for _ in range(2)]
    assert [zalo.codes(one) for one in cancel] == [(1, 1), (1, 1)]
    assert "This payment is finished." in zalo.page(world, order)
    assert zalo.returned(zalo.click(world, order))["status"] == "-329"
    world.clock.forward(hours=1)
    assert zalo.query(world) == failed(-329, "ORDER_CANCELLED")
    assert world.deliveries() == []


@pytest.mark.parametrize(
    ("outcome", "code"), [("pay", 406), ("fail", 406), ("expire", -54), ("back", 1), ("balance", 1)]
)
def test_what_can_still_be_cancelled(world, outcome, code):
    zalo.click(world, zalo.create(world), outcome)
    before = zalo.query(world)
    answer = zalo.call(world, "v2/cancel", app_trans_id="250102_ord-1")
    assert answer["sub_return_code"] == code
    assert (zalo.query(world) == before) == (code != 1)


def test_an_expired_order_is_not_cancelled(world):
    zalo.create(world)
    world.clock.forward(minutes=15)
    answer = zalo.call(world, "v2/cancel", app_trans_id="250102_ord-1")
    assert answer == refused(-54, "TIME_INVALID")


HOSTILE = [
    (b"", ""),
    (b"[]", "application/json"),
    (b"\xff{", "application/json"),
    (b'{"app_id":2553,"app_id":2554}', "application/json"),
    (b'{"app_id":NaN}', "application/json"),
    (b'{"app_id":1e400}', "application/json"),
    (b'{"app_id":' + b"9" * 5000 + b"}", "application/json"),
    (b'{"app_user":"\\ud800"}', "application/json"),
    (b"[" * 100_000, "application/json"),
    (b'{"a":"' + b"a" * 300_000 + b'"}', "application/json"),
    (b"app_id=%FF", "application/x-www-form-urlencoded"),
    (b"a=1&" * 300, "application/x-www-form-urlencoded"),
    (b"\xff\xfe", "application/x-www-form-urlencoded"),
    (b"app_id=2553", "text/plain"),
    (b"app_id=2553", "multipart/form-data"),
    (b'{"app_id":2553}', ""),
]


@pytest.mark.parametrize(("body", "kind"), HOSTILE)
def test_hostile_bodies_are_illegal_data(world, body, kind):
    headers = {"content-type": kind} if kind else {}
    for path in zalo.SIGNED:
        response = world.client.post(zalo.BASE + path, content=body, headers=headers)
        answer = response.json()
        assert response.status_code == 200
        if path.startswith("api/"):
            assert answer["returncode"] == 2
        else:
            own = {"zps/api/v2/get_bank_deep_link": {-401, -6101}}.get(path, {-401})
            assert answer["return_code"] == 2
            assert answer["sub_return_code"] in own


@pytest.mark.parametrize("query", ["app_id=%FF&mac=x", "&".join(f"a{n}=1" for n in range(300)), "%zz"])  # fmt: skip
def test_hostile_queries_are_illegal_data(world, query):
    response = world.client.post(f"{zalo.BASE}v2/query?{query}")
    assert response.json()["sub_return_code"] == -401


@pytest.mark.untraced
@pytest.mark.parametrize("value", [None, [], {}, "x", -1, 2**70, True, 1.5, "\x00", "a|b"])
def test_any_value_anywhere_is_answered(world, value):
    fields = {
        **zalo.ORDER,
        **zalo.BINDING,
        "appid": zalo.APP,
        "reqtime": zalo.NOW,
        "timestamp": zalo.NOW,
        "m_refund_id": f"250102_{zalo.APP}_1",
        "zp_trans_id": "250102000000001",
        "binding_id": "b",
        "pay_token": "p",
        "zp_trans_token": "z",
        "access_token": "a",
        "bank_codes": "BIDV",
        "os_type": "ios",
        "order_token": "o",
    }
    for path in zalo.SIGNED:
        for name in fields:
            response = world.client.post(
                zalo.BASE + path, json=zalo.signed(path, {**fields, name: value})
            )
            assert response.status_code == 200
            assert {"return_code", "returncode"} & response.json().keys()


def test_only_so_many_orders_are_remembered(make_world):
    world = make_world(keep=2)
    for number in range(3):
        zalo.create(world, app_trans_id=f"250102_{number}")
    assert [one["reference"] for one in world.payments()] == ["250102_1", "250102_2"]
    assert zalo.query(world, "250102_0")["sub_return_code"] == -101
