"""ZaloPay's page, callbacks and redirect, as a payer and a merchant meet them."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from paykit.errors import NotSent
from paykit.http import HttpResponse

from . import zalopay_client as zalo

#: ZaloPay's name for the payer: the same for the same user of the same app.
PAYER = "JJoGRR3DyMb_nVivyG9nIg"
PAID = {
    "type": 1,
    "app_id": 2553,
    "app_trans_id": "250102_ord-1",
    "app_time": zalo.NOW,
    "app_user": "user123",
    "amount": 50_000,
    "embed_data": zalo.ORDER["embed_data"],
    "item": zalo.ORDER["item"],
    "zp_trans_id": 250102000000002,
    "server_time": zalo.NOW,
    "channel": 38,
    "merchant_user_id": PAYER,
    "zp_user_id": PAYER,
    "user_fee_amount": 0,
    "discount_amount": 0,
}
REDIRECT = {
    "cart": "7",
    "amount": "50000",
    "appid": "2553",
    "apptransid": "250102_ord-1",
    "bankcode": "",
    "discountamount": "0",
    "pmcid": "38",
    "status": "1",
}


def with_checksum(fields: dict) -> dict:
    return {**fields, "checksum": zalo.checksum(fields)}


def test_a_payer_pays(world):
    location = zalo.click(world, zalo.create(world))
    assert zalo.returned(location) == with_checksum(REDIRECT)
    assert zalo.callbacks(world) == [PAID]
    [request] = world.merchant.received
    assert (request.method, request.url, request.replay_safe) == (
        "POST",
        "https://shop.example/webhooks/zalopay",
        False,
    )
    assert request.header("content-type") == "application/json; charset=UTF-8"
    body = json.loads(request.body)
    assert list(body) == ["data", "mac", "type"]
    assert list(json.loads(body["data"])) == list(PAID)[1:]
    # Signed is the text as it is written: without blanks, letters as they are.
    assert body["data"] == json.dumps(
        json.loads(body["data"]), ensure_ascii=False, separators=(",", ":")
    )
    assert "Trà sen" in body["data"]
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "delivered",
        ["return_code 1"],
    )


def test_the_redirect_is_in_order_behind_the_merchants_own_query(world):
    location = zalo.click(world, zalo.create(world))
    assert location.startswith("https://shop.example/return?cart=7&amount=50000&appid=2553&")
    assert location.endswith("&pmcid=38&status=1#end")
    names = [pair.partition("=")[0] for pair in urlsplit(location).query.split("&")]
    assert names == [
        "cart",
        "amount",
        "appid",
        "apptransid",
        "bankcode",
        "checksum",
        "discountamount",
        "pmcid",
        "status",
    ]


@pytest.mark.parametrize(
    ("outcome", "status", "channel", "message"),
    [
        ("balance", -63, "38", "ZPW_BALANCE_NOT_ENOUGH"),
        ("fail", -217, "38", "BANK_ERROR"),
        ("back", -49, "0", "TRANS_INFO_NOT_FOUND"),
        ("expire", -54, "0", "TIME_INVALID"),
    ],
)
def test_only_success_calls_back(world, outcome, status, channel, message):
    location = zalo.click(world, zalo.create(world), outcome)
    expected = {**REDIRECT, "pmcid": channel, "status": str(status)}
    assert zalo.returned(location) == with_checksum(expected)
    answer = zalo.query(world)
    assert (zalo.codes(answer), answer["sub_return_message"]) == ((2, status), message)
    assert (answer["amount"], answer["zp_trans_id"]) == (0, 0)
    assert world.deliveries() == []


@pytest.mark.parametrize("outcome", ["balance", "back"])
def test_who_left_or_was_short_of_money_may_still_pay_until_it_expires(world, outcome):
    order = zalo.create(world)
    zalo.click(world, order, outcome)
    assert "The order can be paid until it expires." in zalo.page(world, order)
    assert zalo.returned(zalo.click(world, order))["status"] == "1"
    assert zalo.query(world)["return_code"] == 1
    assert len(zalo.callbacks(world)) == 1


@pytest.mark.parametrize("outcome", ["balance", "back"])
def test_afterwards_it_has_expired(world, outcome):
    order = zalo.create(world)
    zalo.click(world, order, outcome)
    world.clock.forward(minutes=15)
    assert zalo.codes(zalo.query(world)) == (2, -54)
    assert zalo.returned(zalo.click(world, order))["status"] == "-54"
    assert zalo.callbacks(world) == []


@pytest.mark.parametrize("outcome", ["fail", "expire"])
def test_what_is_final_stays(world, outcome):
    order = zalo.create(world)
    location = zalo.click(world, order, outcome)
    world.clock.forward(hours=1)
    assert zalo.click(world, order) == location
    assert "This payment is finished." in zalo.page(world, order)
    assert zalo.callbacks(world) == []


def test_a_second_click_changes_nothing_and_sends_nothing(world):
    order = zalo.create(world)
    first = zalo.click(world, order)
    world.clock.forward(minutes=1)
    assert zalo.click(world, order, "back") == first == zalo.click(world, order)
    assert len(zalo.callbacks(world)) == 1
    assert "This order is paid." in zalo.page(world, order)


def test_a_paid_order_stays_paid_when_its_time_is_over(world):
    zalo.paid(world)
    world.clock.forward(days=1)
    assert zalo.query(world)["return_code"] == 1


def test_a_callback_can_get_lost_and_be_sent_again_by_hand(world):
    location = zalo.click(world, zalo.create(world), "pay_lost")
    assert zalo.returned(location)["status"] == "1"
    assert zalo.query(world)["return_code"] == 1
    assert world.merchant.received == []
    [delivery] = world.deliveries()
    assert delivery["state"] == "dropped"
    world.client.post(f"/_sandbox/deliveries/{delivery['id']}/resend")
    assert zalo.callbacks(world) == [PAID]


def test_the_callback_goes_to_the_apps_address_if_the_order_has_none(world):
    zalo.paid(world, callback_url=None)
    [request] = world.merchant.received
    assert request.url == world.config.zalopay.merchants[0].callback_url


def answered(code: object) -> HttpResponse:
    return HttpResponse(200, (), json.dumps({"return_code": code}).encode())


@pytest.mark.parametrize(
    ("answer", "note"),
    [(answered(1), "return_code 1"), (answered(2), "return_code 2")],
)
def test_1_and_2_settle_a_callback(world, answer, note):
    world.merchant.answers = [answer]
    zalo.paid(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "delivered",
        [note],
    )


@pytest.mark.parametrize(
    ("again", "note"), [(answered(0), "return_code 0"), (NotSent("refused"), "NotSent: refused")]
)
def test_0_and_silence_are_tried_again_three_times_at_most(world, again, note):
    world.merchant.answers = [again] * 9
    zalo.paid(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "given up",
        [note] * 4,
    )


def test_a_repetition_is_the_same_callback(world):
    world.merchant.answers = [answered(0)]
    zalo.paid(world)
    first, second = world.merchant.received
    assert first == second
    assert [one["state"] for one in world.deliveries()] == ["delivered"]


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (answered(-1), "return_code -1"),
        (answered(3), "return_code 3"),
        (answered(10**60), "return_code 1" + "0" * 27),
        (answered("1"), "no return_code"),
        (answered(True), "no return_code"),
        (HttpResponse(200, (), b"OK"), "unreadable answer"),
        (HttpResponse(200, (), b"[1]"), "unreadable answer"),
        (HttpResponse(500, (), b'{"return_code":0}'), "HTTP 500"),
        (HttpResponse(204), "HTTP 204"),
    ],
)
def test_any_other_answer_ends_it(world, answer, note):
    world.merchant.answers = [answer]
    zalo.paid(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "given up",
        [note],
    )


def offered(world, **changes: object) -> list[str]:
    text = zalo.page(world, zalo.create(world, **changes))
    return [part.partition('"')[0] for part in text.split('name="method" value="')[1:]]


EVERYTHING = [
    "zalopay_wallet",
    "vietqr",
    "domestic_card",
    "account",
    "international_card",
    "applepay",
]


@pytest.mark.parametrize(
    ("bank", "embedded", "expected"),
    [
        ("", {}, EVERYTHING),
        (None, {}, EVERYTHING),
        ("", {"preferred_payment_method": []}, EVERYTHING),
        ("", {"preferred_payment_method": ["zalopay_wallet"]}, ["zalopay_wallet"]),
        ("", {"preferred_payment_method": ["vietqr"]}, ["vietqr"]),
        (
            "",
            {"preferred_payment_method": ["account", "domestic_card"]},
            ["domestic_card", "account"],
        ),
        ("", {"preferred_payment_method": ["international_card"]}, ["international_card"]),
        ("", {"preferred_payment_method": ["applepay"]}, ["applepay"]),
        ("", {"bankgroup": "ATM"}, ["domestic_card"]),
        ("zalopayapp", {}, ["zalopay_wallet"]),
        ("CC", {}, ["international_card"]),
        ("CCDB", {}, ["international_card"]),
        ("SBIS", {}, ["domestic_card"]),
        ("VTB", {"preferred_payment_method": ["vietqr"]}, ["account", "domestic_card"]),
    ],
)
def test_the_page_offers_what_the_merchant_asked_for(world, bank, embedded, expected):
    assert offered(world, bank_code=bank, embed_data=json.dumps(embedded)) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (9_999, ["zalopay_wallet", "vietqr"]),
        (60_000_000, ["zalopay_wallet", "vietqr", "account", "international_card", "applepay"]),
        (499_999_999, ["vietqr"]),
        (500_000_000, []),
    ],
)
def test_each_method_has_limits(world, amount, expected):
    assert offered(world, amount=amount) == expected


def test_where_no_method_takes_the_amount_nothing_can_be_paid(world):
    order = zalo.create(world, amount=500_000_000)
    assert "No method takes this amount." in zalo.page(world, order)
    assert zalo.returned(zalo.click(world, order, "pay"))["status"] == "3"
    assert zalo.query(world)["return_code"] == 3
    assert zalo.returned(zalo.click(world, order, "back"))["status"] == "-49"


@pytest.mark.parametrize(
    ("changes", "method", "channel", "bank"),
    [
        ({}, "", 38, ""),
        ({}, "nonsense", 38, ""),
        ({}, "vietqr", 37, ""),
        ({}, "domestic_card", 39, "SBIS"),
        ({}, "account", 37, "BIDV"),
        ({}, "international_card", 36, "CC"),
        ({}, "applepay", 36, "CC"),
        ({"bank_code": "CCDB"}, "", 41, "CCDB"),
        ({"bank_code": "VIB"}, "zalopay_wallet", 39, "VIB"),
        ({"bank_code": "VTB"}, "account", 37, "VTB"),
        ({"bank_code": "zalopayapp"}, "", 38, ""),
    ],
)
def test_channel_and_bank_are_what_the_payer_used(world, changes, method, channel, bank):
    order = zalo.create(world, **changes)
    fields = zalo.returned(zalo.click(world, order, method=method))
    assert (fields["pmcid"], fields["bankcode"]) == (str(channel), bank)
    assert zalo.callbacks(world)[0]["channel"] == channel


@pytest.mark.parametrize(
    ("embedded", "top_level", "target"),
    [
        ({}, None, None),
        ({"redirectUrl": "https://a.example", "redirectURL": "https://a.example"}, None, None),
        ({"redirecturl": "myapp://done"}, None, "myapp://done?"),
        ({}, "https://b.example/x", "https://b.example/x?"),
        ({"redirecturl": "https://a.example"}, "https://b.example", "https://a.example?"),
    ],
)
def test_where_the_payer_goes_afterwards(world, embedded, top_level, target):
    order = zalo.create(world, embed_data=json.dumps(embedded), redirect_url=top_level)
    location = zalo.click(world, order)
    if target is None:
        assert zalo.local(world, location) == zalo.local(world, order["order_url"])
        assert "Giao dịch thành công." in world.client.get(zalo.local(world, location)).text
    else:
        assert location.startswith(target + "amount=50000&")


def test_the_page_shows_the_order_and_escapes_it(world):
    order = zalo.create(world, description="<script>alert(1)</script>", app_trans_id="250102_<b>")
    response = world.client.get(zalo.local(world, order["order_url"]))
    for text in (
        "50.000\N{NO-BREAK SPACE}₫",
        "Paykit Demo Shop",
        "no real money",
        "Ví ZaloPay",
        "&lt;script&gt;",
        "250102_&lt;b&gt;",
        order["qr_code"],
        "ZaloPay chỉ gọi callback khi đã thu được tiền.",
    ):
        assert text in response.text
    assert "<script>" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("query", "accept", "lang"),
    [
        ("", "", "vi"),
        ("", "vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("", "en-GB,vi;q=0.9", "en"),
        ("&lang=vi", "en", "vi"),
        ("&lang=en", "vi", "en"),
        ("&lang=fr", "fr", "vi"),
    ],
)
def test_the_language_is_that_which_was_asked_for(world, query, accept, lang):
    url = zalo.local(world, zalo.create(world)["order_url"]) + query
    text = world.client.request("GET", url, headers={"accept-language": accept}).text
    assert f'<html lang="{lang}">' in text
    other = {"vi": "en", "en": "vi"}[lang]
    assert f'&amp;lang={other}" lang="{other}"' in text


def test_the_language_stays_when_the_page_leads_back_to_itself(world):
    order = zalo.create(world, embed_data="{}")
    form = {"token": order["zp_trans_token"], "outcome": "pay", "lang": "en"}
    location = world.client.post(zalo.BASE + "openinapp/confirm", data=form).headers["location"]
    assert location == order["order_url"] + "&lang=en"
    form["lang"] = "x&y"
    location = world.client.post(zalo.BASE + "openinapp/confirm", data=form).headers["location"]
    assert location == order["order_url"]


@pytest.mark.parametrize(
    "packed",
    ["", "x", "eyJ9", "bm90aGluZw==", "e30=", "eyJ6cHRyYW5zdG9rZW4iOlsxXX0=", "%C4%83", "W10=", "%FF"],
)  # fmt: skip
def test_an_unknown_page_is_not_found(world, packed):
    zalo.create(world)
    response = world.client.get(f"{zalo.BASE}openinapp?order={packed}")
    assert response.status_code == 404
    assert "There is no such payment here" in response.text


def test_a_click_that_makes_no_sense_finds_nothing(world):
    token = zalo.create(world)["zp_trans_token"]
    confirm = zalo.BASE + "openinapp/confirm"
    responses = [
        world.client.post(confirm, content=b"\xff"),
        world.client.post(confirm, content=b"x=1&" * 300),
        world.client.post(confirm, data={"token": token, "outcome": "win"}),
        world.client.post(confirm, data={"token": token}),
        world.client.post(confirm, data={"token": "x", "outcome": "pay"}),
        world.client.get(confirm),
    ]
    assert [one.status_code for one in responses] == [404, 404, 404, 404, 404, 405]
    assert zalo.query(world)["return_code"] == 3
