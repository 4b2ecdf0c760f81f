"""Adyen's notices: how they are signed, grouped, sent and sent again."""

from __future__ import annotations

import base64
import json

import pytest
from Adyen.util import generate_notification_sig, is_valid_hmac_notification, is_valid_hmac_payload

from paykit.errors import ConfigurationError
from paykit.http import HttpResponse
from paykit.sandbox import AdyenConfig, SandboxConfig
from paykit.sandbox.adyen.signing import sign, signed_text

from . import adyen_client as adyen
from .adyen_client import batches, captured, codes, held, items, modify, pay

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ITEM = {
    "pspReference": "7914073381342284",
    "merchantReference": "TestPayment-1407325143704",
    "merchantAccountCode": "TestMerchant",
    "amount": {"currency": "EUR", "value": 1130},
    "eventCode": "AUTHORISATION",
    "success": "true",
}


def test_a_published_signature():
    assert sign(ITEM, KEY) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    assert generate_notification_sig(ITEM, KEY).decode() == sign(ITEM, KEY)


@pytest.mark.parametrize("reference", [":a:b", r"a\b", "//x", "Đơn hàng 5", "é:ü", " x "])
def test_nothing_is_escaped(reference):
    item = {**ITEM, "merchantReference": reference, "originalReference": "O"}
    assert reference in signed_text(item)
    assert generate_notification_sig(item, KEY).decode() == sign(item, KEY)


def test_adyens_own_library_takes_each_notice(world):
    psp = captured(world, number=adyen.common("20"), reference="a:b\\c/đ")
    modify(world, psp, "refunds", value=1)
    assert len(items(world)) == 5
    for batch in batches(world):
        assert is_valid_hmac_notification(batch, adyen.HMAC_KEY)
        item = adyen.unwrapped(batch)[0]
        for name in ("pspReference", "originalReference", "merchantReference", "success"):
            if name in item:
                forged = {"notificationItems": [{"NotificationRequestItem": {**item, name: "x"}}]}
                assert not is_valid_hmac_notification(forged, adyen.HMAC_KEY)


def test_what_is_not_signed():
    for name in ("reason", "eventDate", "paymentMethod", "additionalData"):
        assert sign({**ITEM, name: "changed"}, KEY) == sign(ITEM, KEY)


def test_truth_is_a_text(world):
    pay(world, adyen.common("01"))
    [batch] = batches(world)
    assert batch["live"] == "false"
    assert adyen.unwrapped(batch)[0]["success"] == "false"
    assert b'"live":"false"' in world.merchant.received[0].body


@pytest.mark.parametrize(("batch", "sizes"), [(1, [1, 1, 1, 1]), (3, [3, 1]), (10, [4])])
def test_notices_of_one_moment_share_deliveries(make_world, batch, sizes):
    settings = {"batch": batch, "capture": "automatic", "automatic_capture_notices": True}
    world = make_world(adyen=settings)
    store = {"storePaymentMethod": True, "shopperReference": "payer-1"}
    pay(world, adyen.common("21"), **store)
    assert [len(adyen.unwrapped(one)) for one in batches(world)] == sizes
    assert codes(world) == [
        "AUTHORISATION true",
        "RECURRING_CONTRACT true",
        "CAPTURE true",
        "CAPTURE_FAILED true",
    ]


def test_a_stored_card_by_a_webhook_of_the_newer_kind(make_world):
    world = make_world(adyen={"token_notices": True})
    pay(world, storePaymentMethod=True, shopperReference="payer-1")
    told, signed = world.merchant.received[-1], dict(world.merchant.received[-1].headers)
    body = json.loads(told.body)
    assert is_valid_hmac_payload(signed["HmacSignature"], adyen.HMAC_KEY, told.body)
    assert (body["type"], body["environment"]) == ("recurring.token.created", "test")
    assert body["data"]["shopperReference"] == "payer-1"
    del world.merchant.received[-1]
    assert body["data"]["storedPaymentMethodId"] == items(world)[-1]["pspReference"]


def test_a_login_of_the_webhook(make_world):
    world = make_world(adyen={"webhook_login": ("paykit", "pässword")})
    pay(world)
    [request] = world.merchant.received
    scheme, _, given = dict(request.headers)["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", "paykit:pässword")


def test_without_a_login_there_is_none(world):
    pay(world)
    [request] = world.merchant.received
    assert "Authorization" not in dict(request.headers)
    assert request.url == "http://127.0.0.1:8000/webhooks/adyen"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_good_answer_settles(world, status):
    world.merchant.answers = [HttpResponse(status)]
    pay(world)
    assert [one["state"] for one in world.deliveries()] == ["delivered"]


def test_another_answer_brings_the_same_again(world):
    world.merchant.answers = [HttpResponse(500), HttpResponse(302)]
    pay(world)
    bodies = {request.body for request in world.merchant.received}
    assert (len(world.merchant.received), len(bodies)) == (3, 1)
    [delivery] = world.deliveries()
    assert [one["note"] for one in delivery["attempts"]] == ["HTTP 500", "HTTP 302", "HTTP 200"]


def test_a_capture_is_told_before_its_authorisation(world):
    world.faults(reorder_next_ipn=1)
    psp = held(world)
    assert codes(world) == []
    modify(world, psp, "captures", value=1000)
    assert codes(world) == ["CAPTURE true", "AUTHORISATION true"]
    assert {one["state"] for one in world.deliveries()} == {"delivered"}


def test_a_notice_is_lost_or_comes_twice(world):
    world.faults(drop_next_ipn=1)
    psp = held(world)
    world.faults(duplicate_next_ipn=1)
    modify(world, psp, "captures", value=1000)
    assert codes(world) == ["CAPTURE true"] * 2


def test_many_are_overtaken_by_one(world):
    world.faults(reorder_next_ipn=2)
    for number in range(3):
        pay(world, reference=f"ORDER-{number}")
    found = [item["merchantReference"] for item in items(world)]
    assert found == ["ORDER-2", "ORDER-0", "ORDER-1"]


def test_the_retries_last_thirty_days():
    waits = [span.total_seconds() for span in AdyenConfig().webhook_retry_after]
    assert waits[:11] == [9, 18, 27, 120, 300, 600, 900, 1800, 3600, 7200, 14400]
    assert set(waits[11:]) == {8 * 3600}
    assert 29 * 86400 < sum(waits) <= 30 * 86400


@pytest.mark.parametrize(
    "settings", [{"hmac_key": "12"}, {"hmac_key": "x" * 64}, {"hmac_key": "é" * 64}, {"batch": 0}]
)
def test_a_wrong_configuration_is_refused(settings):
    with pytest.raises(ConfigurationError):
        AdyenConfig(**settings)


def test_a_sandbox_for_a_shop():
    config = SandboxConfig.for_shop("https://shop.example/pay/webhooks/")
    assert config.adyen.webhook_url == "https://shop.example/pay/webhooks/adyen"


def test_no_secret_shows():
    config = AdyenConfig(webhook_login=("paykit", "hook-password"))
    text = repr(config)
    for secret in (config.api_key, config.hmac_key, "hook-password"):
        assert secret not in text
