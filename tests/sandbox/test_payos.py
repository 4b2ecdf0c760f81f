"""payOS's API, checkout page and webhooks, as a merchant meets them."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from paykit.http import HttpResponse
from paykit.sandbox.payos.signing import sign_create, sign_data
from paykit.sandbox.payos.simulator import SAMPLE

KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
HEADERS = {"x-client-id": "paykit-sandbox-client", "x-api-key": "paykit-sandbox-api-key"}


def signed(**changes):
    body = {
        "orderCode": 41,
        "amount": 150_000,
        "description": "Don hang 41",
        "returnUrl": "https://shop.example/return?cart=7",
        "cancelUrl": "https://shop.example/cancel",
        **changes,
    }
    names = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
    text = "&".join(f"{name}={body[name]}" for name in names if name in body)
    digest = hmac.new(KEY.encode(), text.encode(), "sha256").hexdigest()
    return {"signature": digest, **body}


def call(world, method, path, body=None, headers=HEADERS):
    content = {} if body is None else {"json": body}
    return world.client.request(method, f"/payos{path}", headers=headers, **content)


def create(world, **changes):
    answer = call(world, "POST", "/v2/payment-requests", signed(**changes)).json()
    assert answer["code"] == "00", answer
    assert answer["signature"] == sign_data(KEY, answer["data"])
    return answer["data"]


def transfer(world, data, way="exact", **fields):
    world.client.post("/bank/pay", data={"qr": data["qrCode"], "way": way, **fields})
    world.settle()


def get(world, key="41"):
    answer = call(world, "GET", f"/v2/payment-requests/{key}").json()
    assert answer["signature"] == sign_data(KEY, answer["data"])
    return answer["data"]


def test_a_request_is_paid_by_a_transfer(world):
    data = create(world)
    assert data["status"] == "PENDING"
    assert data["checkoutUrl"].endswith(f"/payos/web/{data['paymentLinkId']}")
    page = world.client.get(f"/payos/web/{data['paymentLinkId']}").text
    assert "150.000" in page
    assert data["description"] in page
    transfer(world, data)
    (request,) = world.merchant.received
    body = json.loads(request.body)
    assert body["signature"] == sign_data(KEY, body["data"])
    told = body["data"]
    assert (told["orderCode"], told["amount"], told["paymentLinkId"]) == (
        41,
        150_000,
        data["paymentLinkId"],
    )
    assert data["description"].split()[0] in told["description"]
    state = get(world)
    assert (state["status"], state["amountPaid"], state["amountRemaining"]) == ("PAID", 150_000, 0)
    assert [one["reference"] for one in state["transactions"]] == [told["reference"]]
    page = world.client.get(f"/payos/web/{data['paymentLinkId']}").text
    back = page.partition('primary button" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert dict(parse_qsl(urlsplit(back).query)) == {
        "cart": "7",
        "code": "00",
        "id": data["paymentLinkId"],
        "cancel": "false",
        "status": "PAID",
        "orderCode": "41",
    }


def test_too_little_is_underpaid_until_the_rest_comes(world):
    data = create(world)
    transfer(world, data, "own", amount="100000", memo=data["description"])
    assert (get(world)["status"], get(world)["amountPaid"]) == ("UNDERPAID", 100_000)
    transfer(world, data, "own", amount="50000", memo=data["description"])
    assert get(world)["status"] == "PAID"
    assert [json.loads(one.body)["data"]["amount"] for one in world.merchant.received] == [
        100_000,
        50_000,
    ]


def test_a_canceled_request_still_tells_of_money(world):
    data = create(world)
    canceled = call(
        world, "POST", "/v2/payment-requests/41/cancel", {"cancellationReason": "changed"}
    ).json()["data"]
    assert (canceled["status"], canceled["cancellationReason"]) == ("CANCELLED", "changed")
    again = call(world, "POST", "/v2/payment-requests/41/cancel")
    assert again.json()["data"] == canceled
    transfer(world, data)
    assert len(world.merchant.received) == 1


def test_the_payer_gives_up(world):
    data = create(world)
    response = world.client.post(f"/payos/web/{data['paymentLinkId']}/leave")
    query = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert response.headers["location"].startswith("https://shop.example/cancel?")
    assert (query["cancel"], query["status"]) == ("true", "CANCELLED")


def test_time_runs_out(world):
    create(world, expiredAt=int(world.clock.now.timestamp()) + 60)
    world.clock.forward(seconds=61)
    assert get(world)["status"] == "EXPIRED"
    assert call(world, "POST", "/v2/payment-requests/41/cancel").json()["code"] == "20"


def test_an_order_code_is_used_once_for_ever(world):
    create(world)
    call(world, "POST", "/v2/payment-requests/41/cancel")
    answer = call(world, "POST", "/v2/payment-requests", signed())
    assert (answer.status_code, answer.json()["code"]) == (200, "231")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": "0" * 64}, "201"),
        ({"signature": "é"}, "201"),
        ({"signature": None}, "201"),
        ({"orderCode": 0}, "20"),
        ({"orderCode": 2**53}, "20"),
        ({"orderCode": "41"}, "20"),
        ({"orderCode": True}, "20"),
        ({"amount": 0}, "20"),
        ({"amount": 1.5}, "20"),
        ({"amount": 500_000_000}, "20"),
        ({"description": ""}, "20"),
        ({"description": "x" * 26}, "20"),
        ({"description": 7}, "20"),
        ({"returnUrl": "javascript:alert(1)"}, "20"),
        ({"cancelUrl": "/cancel"}, "20"),
        ({"expiredAt": "soon"}, "20"),
        ({"expiredAt": 10**20}, "20"),
    ],
)
def test_a_wrong_request_is_refused(world, changes, code):
    answer = call(world, "POST", "/v2/payment-requests", signed(**changes)).json()
    assert (answer["code"], answer["data"], answer["signature"]) == (code, None, None)
    assert world.payments() == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b"x" * 300_000])
def test_an_unreadable_body_is_refused(world, content):
    for path in ("/v2/payment-requests", "/confirm-webhook"):
        answer = world.client.post(f"/payos{path}", headers=HEADERS, content=content)
        assert answer.json()["code"] == "20"


def test_another_channel_is_refused(world):
    for wrong in ({}, {"x-api-key": "é"}, {"x-client-id": "other"}):
        sent = {name: value.encode() for name, value in {**HEADERS, **wrong}.items()}
        answer = call(world, "GET", "/v2/payment-requests/41", headers=sent if wrong else {})
        assert answer.json()["code"] == "214"


def test_an_unknown_request(world):
    assert call(world, "GET", "/v2/payment-requests/99").json()["code"] == "101"
    assert world.client.get("/payos/web/99").status_code == 404
    assert world.client.post("/payos/web/99/leave").status_code == 404


def test_a_webhook_is_registered_by_a_sample(world):
    url = {"webhookUrl": "https://shop.example/hook"}
    world.merchant.answers = [HttpResponse(404)]
    assert call(world, "POST", "/confirm-webhook", url).status_code == 400
    world.merchant.answers = [HttpResponse(200)]
    answer = call(world, "POST", "/confirm-webhook", url).json()
    assert answer["data"]["webhookUrl"] == url["webhookUrl"]
    sample = json.loads(world.merchant.received[-1].body)
    assert sample["data"] == dict(SAMPLE)
    assert sample["signature"] == sign_data(KEY, SAMPLE)
    transfer(world, create(world))
    assert world.merchant.received[-1].url == url["webhookUrl"]
    for wrong in ({}, {"webhookUrl": 1}, {"webhookUrl": "ftp://x"}):
        assert call(world, "POST", "/confirm-webhook", wrong).json()["code"] == "20"


VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "payos.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "vector",
    [one for one in VECTORS if one["kind"] != "x_signature_header"],
    ids=lambda vector: vector["id"],
)
def test_the_simulator_signs_as_payos_does(vector):
    body = json.loads(vector["input"])
    expected = vector["expected"]
    if vector["kind"] == "create_payment_request":
        made = sign_create(vector["key"], body)
    elif vector["kind"] == "webhook":
        made, expected = sign_data(vector["key"], body["data"]), body["signature"]
    else:
        made = sign_data(vector["key"], body)
    assert (made == expected) is vector["verifies"]
