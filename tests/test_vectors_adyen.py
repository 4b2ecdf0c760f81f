"""Every published example of Adyen's signatures: what verifies must verify, the rest is refused."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paykit import (
    Adyen,
    Delivery,
    MalformedDelivery,
    PaymentStatus,
    SignatureError,
    WebhookError,
)
from paykit.flow import run
from paykit.providers.adyen.notices import read_items
from paykit.signing import SigningKey

from .support.adyen import signed_text

VECTORS = json.loads((Path(__file__).parent / "vectors" / "adyen.json").read_text("utf-8"))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
#: A key for the vectors that have none.
SPARE = "0" * 64
#: Vectors whose codes mean something for a payment; the others are no news.
NEWS = {"AUTHORISATION"}


def by_kind(kind):
    chosen = [v for v in VECTORS if v["kind"] == f"adyen.{kind}"]
    assert chosen, kind
    return pytest.mark.parametrize("vector", chosen, ids=[v["id"] for v in chosen])


def shop_for(vector, account):
    settings = {
        "merchant_account": account,
        "api_key": "api-key",
        "hmac_key": vector["keys"].get("hmac_key_hex") or SPARE,
        "capture_mode": "manual",
    }
    return Adyen.from_dict(settings, clock=lambda: NOW)


def refuse_network(request):
    raise AssertionError(f"{request} was sent")


def received(provider, delivery):
    return provider.parse(run(provider.verify(delivery), refuse_network))


def test_no_vector_is_left_out():
    kinds = {"notification_item.hmac", "notification_item.signed_string", "raw_body.hmac"}
    assert {vector["kind"] for vector in VECTORS} == {f"adyen.{kind}" for kind in kinds}


@by_kind("notification_item.hmac")
def test_item(vector):
    item = copy.deepcopy(vector["input"])
    item.setdefault("additionalData", {})["hmacSignature"] = vector["expected"]["hmacSignature"]
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    [(read, _)] = read_items(body)
    assert read.signed_text.decode() == vector["signed_string"] == signed_text(item)
    provider = shop_for(vector, item["merchantAccountCode"])
    delivery = Delivery.post_json(body)
    if vector["expected"]["accept"] is not True:
        # Either it is wrong, or its key is not published: nothing proves it here.
        assert vector["verifies"] is None or vector["expected"]["accept"] is False
        with pytest.raises(SignatureError):
            received(provider, delivery)
        return
    events = received(provider, delivery)
    if item["eventCode"] not in NEWS:
        assert events == ()
        return
    [event] = events
    assert (event.status, event.reference, event.provider_id, event.code) == (
        PaymentStatus.AUTHORIZED,
        item["merchantReference"],
        item["pspReference"],
        item["eventCode"],
    )
    assert (event.amount.minor, event.amount.currency) == (
        item["amount"]["value"],
        item["amount"]["currency"],
    )
    with pytest.raises(MalformedDelivery):
        received(shop_for(vector, "Another"), delivery)
    with pytest.raises(SignatureError):
        received(shop_for({"keys": {}}, item["merchantAccountCode"]), delivery)


@by_kind("notification_item.signed_string")
def test_signed_text_of_an_item(vector):
    body = {"notificationItems": [{"NotificationRequestItem": vector["input"]}]}
    [(read, given)] = read_items(body)
    assert read.signed_text.decode() == vector["expected"]["signed_string"]
    assert given is None


@by_kind("raw_body.hmac")
def test_whole_body(vector):
    """Signed in a header: proven where it is, and then it is no news of a payment."""
    key = bytes.fromhex(vector["keys"]["hmac_key_hex"])
    right, given = vector["expected"]["accept"], vector["expected"]["hmacSignature"]
    made = SigningKey(key, "sha256").base64(vector["signed_string"].encode())
    assert (made == given) is right
    delivery = Delivery(
        "POST",
        "/webhooks/adyen",
        headers={"HmacSignature": given, "Protocol": "HmacSHA256"},
        body=vector["input"].encode(),
    )
    provider = shop_for(vector, "Another")
    if right and vector["input"].lstrip().startswith("{"):
        assert received(provider, delivery) == ()
    else:
        # A wrong signature; or right, over a text that is no webhook of today's.
        with pytest.raises(WebhookError):
            received(provider, delivery)
