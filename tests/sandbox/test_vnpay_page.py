"""VNPay's pay link, page and notices, as a payer and a merchant meet them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from paykit.errors import NotSent
from paykit.http import HttpResponse
from paykit.sandbox import SandboxConfig

from . import vnpay_client as vnpay

PAID = {
    "vnp_Amount": "15000000",
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP14400001",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan don hang :5",
    "vnp_PayDate": "20250102100405",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": "PAYKIT01",
    "vnp_TransactionNo": "14400001",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": "ORDER-1",
}


def signed(fields: dict[str, str]) -> dict[str, str]:
    return {**fields, "vnp_SecureHash": vnpay.sign(vnpay.encode(fields))}


def without(fields: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in names}


def test_a_payer_pays_and_the_merchant_hears_of_it_twice(world):
    returned = vnpay.choose(world)
    assert returned == {"cart": "7", **signed(PAID)}
    [notice] = world.merchant.received
    address = urlsplit(notice.url)
    assert (notice.method, notice.body, notice.replay_safe) == ("GET", b"", False)
    assert f"{address.scheme}://{address.netloc}{address.path}" == world.config.vnpay.ipn_url
    assert dict(parse_qsl(address.query)) == signed(PAID)
    [delivery] = world.deliveries()
    assert (delivery["state"], [one["note"] for one in delivery["attempts"]]) == (
        "delivered",
        ["RspCode 00"],
    )


def test_the_return_keeps_the_fragment_last_and_brings_no_fragment_into_the_query(world):
    token = vnpay.open_page(world)
    response = world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "pay"})
    location = response.headers["location"]
    assert location.startswith("https://shop.example/return?cart=7&vnp_Amount=15000000&")
    assert location.endswith("#end")


@pytest.mark.parametrize(
    ("outcome", "method", "expected"),
    [
        (
            "pay",
            "INTCARD",
            {**PAID, "vnp_BankCode": "VISA", "vnp_CardType": "VISA"},
        ),
        (
            "pay",
            "VNPAYQR",
            {
                **without(PAID, "vnp_BankTranNo"),
                "vnp_BankCode": "VNPAYQR",
                "vnp_CardType": "QRCODE",
            },
        ),
        (
            "fail",
            "NCB",
            {
                **without(PAID, "vnp_BankTranNo"),
                "vnp_ResponseCode": "51",
                "vnp_TransactionStatus": "02",
            },
        ),
        (
            "cancel",
            "NCB",
            {
                **without(PAID, "vnp_BankTranNo"),
                "vnp_BankCode": "VNPAY",
                "vnp_CardType": "QRCODE",
                "vnp_ResponseCode": "24",
                "vnp_TransactionNo": "0",
                "vnp_TransactionStatus": "02",
            },
        ),
        (
            "expire",
            "NCB",
            {
                **without(PAID, "vnp_BankTranNo"),
                "vnp_ResponseCode": "11",
                "vnp_TransactionNo": "0",
                "vnp_TransactionStatus": "02",
            },
        ),
    ],
)
def test_each_outcome_has_its_fields(world, outcome, method, expected):
    assert vnpay.choose(world, outcome, method=method) == {"cart": "7", **signed(expected)}
    [notice] = world.merchant.received
    assert dict(parse_qsl(urlsplit(notice.url).query)) == signed(expected)


def test_a_click_after_the_time_is_an_expiry_whatever_was_clicked(world):
    token = vnpay.open_page(world)
    world.clock.forward(minutes=15)
    response = world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "pay"})
    fields = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert (fields["vnp_ResponseCode"], fields["vnp_TransactionNo"]) == ("11", "0")


def test_an_abandoned_page_sends_nothing(world):
    vnpay.open_page(world)
    world.clock.forward(hours=1)
    world.settle()
    assert world.merchant.received == []
    assert [one["status"] for one in world.payments()] == ["expired, not paid"]


def test_a_second_click_changes_nothing_and_sends_nothing(world):
    token = vnpay.open_page(world)
    first = world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "pay"})
    world.clock.forward(minutes=1)
    second = world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "cancel"})
    world.settle()
    assert first.headers["location"] == second.headers["location"]
    assert len(world.merchant.received) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_TmnCode": "OTHER001"}, "72"),
        ({"vnp_TmnCode": None}, "72"),
        ({"vnp_Version": "2.0.0"}, "03"),
        ({"vnp_Command": "token_pay"}, "03"),
        ({"vnp_Amount": "150000.00"}, "03"),
        ({"vnp_Amount": "15000001"}, "03"),
        ({"vnp_Amount": "0"}, "03"),
        ({"vnp_Amount": "-100"}, "03"),
        ({"vnp_Amount": "1234567890100"}, "03"),
        ({"vnp_Amount": "١٠٠"}, "03"),
        ({"vnp_Amount": None}, "03"),
        ({"vnp_CurrCode": "USD"}, "03"),
        ({"vnp_Locale": "fr"}, "03"),
        ({"vnp_IpAddr": "::1"}, "03"),
        ({"vnp_OrderInfo": None}, "03"),
        ({"vnp_OrderInfo": "x" * 256}, "03"),
        ({"vnp_OrderInfo": "two\nlines"}, "03"),
        ({"vnp_ReturnUrl": "javascript:alert(1)"}, "03"),
        ({"vnp_ReturnUrl": "/relative/return"}, "03"),
        ({"vnp_ReturnUrl": "http://[broken/return"}, "03"),
        ({"vnp_BankCode": "N C B"}, "03"),
        ({"vnp_CreateDate": "20250230100400"}, "03"),
        ({"vnp_ExpireDate": "soon"}, "03"),
        ({"vnp_ExpireDate": "20250102100405"}, "15"),
        ({"vnp_CreateDate": "20250102030400", "vnp_ExpireDate": "20250102031900"}, "15"),
        ({"vnp_CreateDate": "20250102030400", "vnp_ExpireDate": None}, "15"),
    ],
)
def test_a_wrong_link_leads_to_the_error_page(world, changes, code):
    response = world.client.get(vnpay.pay_url(**changes))
    assert response.status_code == 302
    assert response.headers["location"] == f"/vnpay/paymentv2/Payment/Error.html?code={code}"
    page = world.client.get(response.headers["location"])
    assert (page.status_code, f"<h1>Lỗi {code}</h1>" in page.text) == (200, True)
    assert world.payments() == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "vnp_TmnCode=PAYKIT01&vnp_TmnCode=PAYKIT01",
        "vnp_TmnCode=PAYKIT01&vnp_OrderInfo=%zz",
        "vnp_TmnCode=PAYKIT01&vnp_OrderInfo=%E9",
        "&".join(f"a{i}=1" for i in range(201)),
    ],
)
def test_hostile_queries_are_refused(world, query):
    response = world.client.get(f"{vnpay.PAY}?{query}")
    code = "72" if not query else "03"
    assert response.headers["location"].endswith(f"code={code}")


def test_a_wrong_signature_is_error_70_whatever_else_is_wrong(world):
    url = vnpay.pay_url(secret="another", vnp_Amount="x")
    assert world.client.get(url).headers["location"].endswith("code=70")


def test_spaces_as_percent_20_are_error_70_if_they_were_signed_so(world):
    query = vnpay.encode(vnpay.FIELDS).replace("+", "%20")
    url = f"{vnpay.PAY}?{query}&vnp_SecureHash={vnpay.sign(query)}"
    assert world.client.get(url).headers["location"].endswith("code=70")


def test_the_hash_type_of_version_2_0_is_bad_format(world):
    url = f"{vnpay.pay_url()}&vnp_SecureHashType=SHA256"
    assert world.client.get(url).headers["location"].endswith("code=03")


def test_an_unapproved_terminal_is_error_71(make_world):
    world = make_world(vnpay={"approved": False})
    assert world.client.get(vnpay.pay_url()).headers["location"].endswith("code=71")


def test_an_unknown_error_code_shows_as_99_and_is_not_echoed(world):
    page = world.client.get("/vnpay/paymentv2/Payment/Error.html?code=<script>").text
    assert "<h1>Lỗi 99</h1>" in page
    assert "<script>" not in page


def test_the_same_unpaid_link_opens_the_same_page_again(world):
    assert vnpay.open_page(world) == vnpay.open_page(world)
    assert len(world.payments()) == 1


@pytest.mark.parametrize("changes", [{}, {"vnp_Amount": "100000"}])
def test_a_reference_is_used_once_a_day(world, changes):
    vnpay.choose(world)
    assert world.client.get(vnpay.pay_url(**changes)).headers["location"].endswith("code=01")


def test_a_reference_may_return_on_another_vietnamese_day(world):
    vnpay.choose(world)
    world.clock.forward(hours=14)
    later = {"vnp_CreateDate": "20250103000400", "vnp_ExpireDate": "20250103001900"}
    returned = vnpay.choose(world, **later)
    assert returned["vnp_TransactionNo"] == "14400002"
    assert len(world.payments()) == 2


def test_the_page_shows_the_order_and_escapes_it(world):
    page = world.client.get(vnpay.pay_url(vnp_OrderInfo="<script>alert(1)</script>"))
    assert "<script>" not in page.text
    for text in ("150.000\N{NO-BREAK SPACE}₫", "Paykit Demo Shop", "no real money", "Thẻ nội địa"):
        assert text in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("bank", "offered"),
    [
        (None, ["NCB", "INTCARD", "VNPAYQR"]),
        ("VNPAYQR", ["VNPAYQR"]),
        ("INTCARD", ["INTCARD"]),
        ("VNBANK", ["NCB"]),
        ("TECHCOMBANK", ["TECHCOMBANK"]),
    ],
)
def test_the_page_offers_what_the_merchant_asked_for(world, bank, offered):
    page = world.client.get(vnpay.pay_url(vnp_BankCode=bank, vnp_Locale="en")).text
    values = [part.partition('"')[0] for part in page.split('name="method" value="')[1:]]
    assert values == offered


def test_another_bank_is_reported_as_a_domestic_one_and_a_foreign_choice_is_ignored(world):
    returned = vnpay.choose(world, vnp_BankCode="TECHCOMBANK", method="INTCARD")
    assert (returned["vnp_BankCode"], returned["vnp_CardType"]) == ("TECHCOMBANK", "ATM")


def test_a_page_can_be_opened_by_its_own_address_and_tells_when_it_is_finished(world):
    vnpay.open_page(world, vnp_Locale="en")
    [payment] = world.payments()
    page = payment["page"].removeprefix(world.config.public_url)
    assert "Pay 150.000" in world.client.get(page).text
    token = page.partition("token=")[2]
    world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "pay"})
    assert "This payment is finished." in world.client.get(page).text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"token=nobody&outcome=pay",
        b"\xff\xfe",
        b"token=%FF&outcome=pay",
        b"x=1&" * 300,
        b"token=" + b"a" * 300_000,
    ],
)
def test_a_click_that_makes_no_sense_finds_nothing(world, body):
    vnpay.open_page(world)
    response = world.client.post(vnpay.CONFIRM, content=body)
    assert response.status_code == 404
    assert "no such payment" in response.text


def test_an_unknown_outcome_or_page_finds_nothing(world):
    token = vnpay.open_page(world)
    response = world.client.post(vnpay.CONFIRM, data={"token": token, "outcome": "win"})
    assert response.status_code == 404
    assert world.client.get("/vnpay/paymentv2/Transaction/PaymentMethod.html").status_code == 404


def test_genqr_answers_with_a_code_that_opens_the_page(world):
    answer = world.client.get(vnpay.pay_url(vnp_Command="genqr")).json()
    [payment] = world.payments()
    assert answer == {"code": "00", "message": "Success", "qrcontent": payment["page"]}
    assert payment["page"].startswith(SandboxConfig().public_url)


def test_genqr_refuses_in_json(world):
    answer = world.client.get(vnpay.pay_url(secret="another", vnp_Command="genqr")).json()
    assert answer == {"code": "70", "message": "Wrong signature."}


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (HttpResponse(200, (), b'{"RspCode":"01","Message":""}'), "RspCode 01"),
        (HttpResponse(200, (), b'{"RspCode":"97","Message":""}'), "RspCode 97"),
        (HttpResponse(200, (), b'{"RspCode":0}'), "no RspCode"),
        (HttpResponse(200, (), b"OK"), "unreadable answer"),
        (HttpResponse(500, (), b'{"RspCode":"00"}'), "HTTP 500"),
        (NotSent("refused"), "NotSent: refused"),
        (RuntimeError("bug"), "not sent: RuntimeError"),
    ],
)
def test_an_unsettled_notice_is_repeated_until_the_merchant_settles_it(world, answer, note):
    already = HttpResponse(200, (), b'{"RspCode":"02","Message":"Order already confirmed"}')
    world.merchant.answers = [answer, already]
    vnpay.choose(world)
    [delivery] = world.deliveries()
    assert [one["note"] for one in delivery["attempts"]] == [note, "RspCode 02"]
    assert delivery["state"] == "delivered"
    assert len({request.url for request in world.merchant.received}) == 1


def test_after_ten_repetitions_it_gives_up(world):
    world.merchant.answers = [HttpResponse(503)] * 20
    vnpay.choose(world)
    [delivery] = world.deliveries()
    assert (delivery["state"], len(delivery["attempts"])) == ("given up", 11)
