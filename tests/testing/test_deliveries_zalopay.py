"""ZaloPay's deliveries for tests: one name in a callback, another in a return, and no bad news."""

import json
from datetime import UTC, datetime

import pytest

from paykit import (
    ConfigurationError,
    Money,
    PaymentStatus,
    SignatureError,
    TokenGranted,
    UnsupportedOperation,
    VNPay,
    ZaloPay,
)
from paykit.flow import run
from paykit.testing import deliveries
from paykit.testing.factories.zalopay import ZaloPayDeliveries
from paykit.testing.factory import Notice
from paykit.testing.fields import Field

NOW = datetime(2026, 1, 2, 17, 30, tzinfo=UTC)  # half past midnight in Vietnam
PRICE = Money(150_000, "VND")
ZALOPAY = ZaloPay.from_dict({"app_id": 2553, "key1": "ONE", "key2": "TWO"}, clock=lambda: NOW)
ORDER = {"reference": "ORDER-1", "amount": PRICE, "at": NOW}


def refuse_network(request):
    raise AssertionError(request)


def received(delivery):
    return ZALOPAY.parse(run(ZALOPAY.verify(delivery), refuse_network))


def came_back(delivery):
    return ZALOPAY.parse(run(ZALOPAY.verify_return(delivery), refuse_network))


def test_paid():
    delivery = deliveries.paid(ZALOPAY, **ORDER)
    (event,) = received(delivery)
    assert (event.status, event.reference, event.amount, event.occurred_at) == (
        PaymentStatus.SUCCEEDED,
        "ORDER-1",
        PRICE,
        NOW,
    )
    data = json.loads(delivery.json()["data"])
    assert (data["app_trans_id"], data["zp_trans_id"]) == ("260103_ORDER-1", 4088878653)


def test_a_link():
    delivery = deliveries.paid(ZALOPAY, **ORDER, fields={"binding_id": "BINDING-1"})
    assert delivery.json()["type"] == 2
    _, granted = received(delivery)
    assert granted == TokenGranted(
        event_id=granted.event_id,
        provider="zalopay",
        reference="ORDER-1",
        customer_id="customer-1",
        grant="260103_ORDER-1",
        occurred_at=NOW,
    )


@pytest.mark.parametrize("state", ["pending", "failed", "canceled", "expired", "unknown"])
def test_a_callback_brings_no_bad_news_but_a_return_does(state):
    with pytest.raises(UnsupportedOperation):
        deliveries.webhook(ZALOPAY, state, **ORDER)
    (event,) = came_back(deliveries.returned(ZALOPAY, state, **ORDER))
    assert event.status == state


def test_nothing_is_held():
    for make in (deliveries.webhook, deliveries.returned):
        with pytest.raises(UnsupportedOperation):
            make(ZALOPAY, "authorized", **ORDER)


def test_tampered_and_unsigned():
    for delivery, receive in (
        (deliveries.paid(ZALOPAY, **ORDER), received),
        (deliveries.returned(ZALOPAY, **ORDER), came_back),
    ):
        for broken in (
            deliveries.tampered(ZALOPAY, delivery),
            deliveries.unsigned(ZALOPAY, delivery),
        ):
            assert broken != delivery
            with pytest.raises(SignatureError):
                receive(broken)


def test_the_wrong_provider():
    vnpay = VNPay.from_dict({"tmn_code": "SHOP0001", "hash_secret": "S"})
    notice = Notice(state="paid", **ORDER)
    for make in (ZaloPayDeliveries().webhook, ZaloPayDeliveries().browser_return):
        with pytest.raises(ConfigurationError):
            make(vnpay, notice)


def test_a_field_with_two_names():
    field = Field("mac", query="checksum")
    callback = deliveries.paid(ZALOPAY, **ORDER)
    back = deliveries.returned(ZALOPAY, **ORDER)
    assert (field.name_in(callback), field.name_in(back)) == ("mac", "checksum")
    assert field.read(callback) == callback.json()["mac"]
    assert field.read(back) == back.query_fields()["checksum"]
    assert field.replace(back, "x").query_fields()["checksum"] == "x"
    assert "checksum" not in field.remove(back).query_fields()
    assert field.read(field.alter(back)) != field.read(back)
    assert field.replace(callback, "x").json()["mac"] == "x"
