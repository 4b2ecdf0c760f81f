"""The banking app and those who watch its accounts: SePay, Casso."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from paykit.errors import NotSent
from paykit.http import HttpResponse
from paykit.sandbox.bank.code import read_code
from paykit.sandbox.bank.config import CASSO_ACCOUNT, OWN_ACCOUNT, SEPAY_ACCOUNT
from paykit.sandbox.edge import UnreadableError

CODE = "PK7QH2MZW4"


def qr(account=SEPAY_ACCOUNT, amount="150000", memo=CODE, *, initiation="12"):
    """A VietQR text, spelt out here a third time."""

    def field(name, value):
        return f"{name}{len(value):02}{value}" if value else ""

    target = field("00", account.bin) + field("01", account.number)
    text = (
        field("00", "01")
        + field("01", initiation)
        + field("38", field("00", "A000000727") + field("01", target) + field("02", "QRIBFTTA"))
        + field("53", "704")
        + field("54", amount)
        + field("58", "VN")
        + (field("62", field("08", memo)) if memo else "")
        + "6304"
    )
    value = 0xFFFF
    for byte in text.encode():
        for bit in range(7, -1, -1):
            top = (value >> 15 & 1) ^ (byte >> bit & 1)
            value = (value << 1 & 0xFFFF) ^ (0x1021 if top else 0)
    return f"{text}{value:04X}"


def pay(world, way, text=None, **fields):
    response = world.client.post("/bank/pay", data={"qr": text or qr(), "way": way, **fields})
    world.settle()
    return response


def bodies(world):
    return [json.loads(one.body) for one in world.merchant.received]


def test_the_page_shows_what_the_code_asks_for(world):
    page = world.client.get(
        "/bank/",
    ).text
    assert "Paste the text" in page
    page = world.client.request("GET", f"/bank/?qr={qr()}").text
    for shown in ("150.000\xa0₫", "Vietcombank (970436)", SEPAY_ACCOUNT.number, CODE, "TIEM NHO"):
        assert shown in page


@pytest.mark.parametrize(
    ("way", "amounts", "memos"),
    [
        ("exact", [150_000], [CODE]),
        ("less", [134_999], [CODE]),
        ("more", [165_001], [CODE]),
        ("halves", [75_000, 75_000], [CODE, CODE]),
        ("twice", [150_000, 150_000], [CODE, CODE]),
        ("blank", [150_000], [""]),
        ("late", [150_000], [CODE]),
    ],
)
def test_each_way_of_paying_is_told_by_sepay(world, way, amounts, memos):
    response = pay(world, way)
    assert response.status_code == 303
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query["qr"] == [qr()]
    told = bodies(world)
    assert query["paid"] == [str(one["id"]) for one in told]
    assert [one["transferAmount"] for one in told] == amounts
    when = "2025-01-04 10:04:05" if way == "late" else "2025-01-02 10:04:05"
    for one, memo in zip(told, memos, strict=True):
        number = one["referenceCode"].removeprefix("MBVCB.")
        text = f"MBVCB.{number}.{memo}.CT TU 0123456789 NGUYEN VAN A TOI TIEM NHO"
        assert one == {
            "id": one["id"],
            "gateway": "Vietcombank",
            "transactionDate": when,
            "accountNumber": SEPAY_ACCOUNT.number,
            "subAccount": None,
            "code": None,
            "content": text.replace("..", "."),
            "transferType": "in",
            "description": f"BankAPINotify {text.replace('..', '.')}",
            "transferAmount": one["transferAmount"],
            "accumulated": 0,
            "referenceCode": one["referenceCode"],
        }
    assert len({one["id"] for one in told}) == len(told)


def test_a_mistyped_memo_differs_in_one_character(world):
    pay(world, "broken")
    (one,) = bodies(world)
    typed = one["content"].split(".")[2]
    assert sum(a != b for a, b in zip(typed, CODE, strict=True)) == 1


def test_the_payer_may_pay_as_he_likes(world):
    pay(world, "own", amount="5000", memo="  mua   hang ")
    (one,) = bodies(world)
    assert (one["transferAmount"], one["content"].split(".")[2]) == (5000, "MUA HANG")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "0", "memo": ""}, "not a whole number"),
        ({"amount": "-5", "memo": ""}, "not a whole number"),
        ({"amount": "1.5", "memo": ""}, "not a whole number"),
        ({"amount": "٣٠٠", "memo": ""}, "not a whole number"),
        ({"amount": "500000000", "memo": ""}, "not a whole number"),
        ({"amount": "1" * 5000, "memo": ""}, "not a whole number"),
        ({"amount": "1", "memo": "x" * 51}, "longer than 50"),
    ],
)
def test_nonsense_is_not_transferred(world, fields, said):
    response = pay(world, "own", **fields)
    assert response.status_code == 400
    assert said in response.text
    assert world.merchant.received == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a VietQR code"),
        ("x" * 5000, "not a VietQR code"),
        ("đồng" * 20, "not a VietQR code"),
        (qr()[:-1] + "?", "checksum"),
        (qr().replace("150000", "150001"), "checksum"),
        (qr(amount="1.5"), "plain amount"),
        (qr(account=SEPAY_ACCOUNT.__class__(bin="970436", number="1", bank="x")), "does not know"),
    ],
)
def test_a_code_that_is_none_is_refused(world, text, said):
    response = pay(world, "exact", text or " ")
    assert response.status_code == 400
    assert said in response.text


def test_a_code_without_an_amount_lets_the_payer_choose(world):
    static = qr(amount="", initiation="11")
    assert pay(world, "exact", static).status_code == 400
    assert pay(world, "own", static, amount="20000", memo=CODE).status_code == 303
    assert [one["transferAmount"] for one in bodies(world)] == [20_000]


def test_a_lower_case_checksum_is_read():
    text = qr()
    assert read_code(text[:-4] + text[-4:].lower()) == read_code(text)


def test_a_cut_field_is_refused():
    with pytest.raises(UnreadableError):
        read_code(qr(memo="")[:30])


def test_sepay_signs_time_and_body(world):
    pay(world, "exact")
    (request,) = world.merchant.received
    moment = request.header("X-SePay-Timestamp")
    assert moment == "1735787045"
    text = f"{moment}.".encode() + request.body
    key = world.config.sepay.webhook_secret.encode()
    assert (
        request.header("X-SePay-Signature") == f"sha256={hmac.new(key, text, 'sha256').hexdigest()}"
    )
    assert request.url == world.config.sepay.webhook_url


def test_sepay_with_an_api_key(make_world):
    world = make_world(sepay={"auth": "api_key"})
    pay(world, "exact")
    request = world.merchant.received[0]
    assert request.header("Authorization") == "Apikey PAYKIT-SANDBOX-API-KEY"
    assert request.header("X-SePay-Signature") is None


def test_sepay_wants_success_in_the_body(make_world):
    soon = timedelta(milliseconds=1)
    world = make_world(sepay={"retry_after": (soon, soon, soon)})
    world.merchant.answers = [
        HttpResponse(500),
        NotSent("down"),
        HttpResponse(200, (), b'{"success":false}'),
        HttpResponse(201, (), b'{"success":true}'),
    ]
    pay(world, "exact")
    (delivery,) = world.deliveries()
    assert [one["note"] for one in delivery["attempts"]] == [
        "HTTP 500, no success",
        "NotSent: down",
        "HTTP 200, no success",
        "HTTP 201, success",
    ]
    assert delivery["state"] == "delivered"


def test_casso_signs_sorted_json(world):
    pay(world, "exact", qr(CASSO_ACCOUNT))
    (request,) = world.merchant.received
    body = json.loads(request.body)
    assert body["data"]["amount"] == 150_000
    assert body["data"]["accountNumber"] == CASSO_ACCOUNT.number
    stamp, _, given = request.header("X-Casso-Signature").partition(",v1=")
    assert stamp == "t=1735787045678"
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    key = world.config.casso.webhook_key.encode()
    assert given == hmac.new(key, f"1735787045678.{text}".encode(), "sha512").hexdigest()


def test_casso_of_old(make_world):
    world = make_world(casso={"version": "v1"})
    pay(world, "exact", qr(CASSO_ACCOUNT))
    request = world.merchant.received[0]
    assert request.header("Secure-Token") == world.config.casso.secure_token
    (item,) = json.loads(request.body)["data"]
    assert (item["amount"], item["when"]) == (150_000, "2025-01-02 10:04:05")


def test_casso_lists_what_it_told(world):
    for _ in range(3):
        pay(world, "exact", qr(CASSO_ACCOUNT))
    key = {"Authorization": f"Apikey {world.config.casso.api_key}"}
    answer = world.client.request("GET", "/casso/v2/transactions?pageSize=2&page=2", headers=key)
    data = answer.json()["data"]
    assert (data["totalPages"], data["totalRecords"]) == (2, 3)
    told = bodies(world)[2]["data"]
    (listed,) = data["records"]
    assert (listed["id"], listed["tid"], listed["amount"]) == (
        told["id"],
        told["reference"],
        told["amount"],
    )
    assert (listed["when"], listed["bankSubAccId"], listed["description"]) == (
        told["transactionDateTime"],
        told["accountNumber"],
        told["description"],
    )
    none = world.client.request(
        "GET", "/casso/v2/transactions?fromDate=2025-01-03&pageSize=-1", headers=key
    )
    assert none.json()["data"]["records"] == []
    for wrong in ({}, {"Authorization": "Apikey x"}):
        refused = world.client.request("GET", "/casso/v2/transactions", headers=wrong)
        assert refused.status_code == 401


def test_an_account_that_nobody_watches_has_a_statement(world):
    pay(world, "exact", qr(OWN_ACCOUNT))
    pay(world, "less", qr(OWN_ACCOUNT))
    assert world.merchant.received == []
    path = f"/bank/accounts/{OWN_ACCOUNT.number}/transactions"
    first, second = world.client.get(path).json()["transactions"]
    assert [one["amount"] for one in (first, second)] == [150_000, 134_999]
    rest = world.client.get(f"{path}?after={first['number']}").json()["transactions"]
    assert rest == [second]
    assert CODE in first["text"]


def test_the_list_shows_transfers(world):
    pay(world, "exact")
    (payment,) = world.payments()
    assert payment["provider"] == "bank"
    assert payment["reference"] == CODE
    assert world.client.get("/").status_code == 200
