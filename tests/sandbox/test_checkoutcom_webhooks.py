"""What the pretended Checkout.com tells by itself, checked with code of the tests' own."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from paykit.http import HttpResponse
from paykit.sandbox.checkoutcom.signing import sign

from .checkoutcom_client import BASE, act, challenge, common, events, kinds, pay, post, read

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "checkoutcom.json").read_text("utf-8")
)
KEY = "paykit-sandbox-signature-key-0001"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["id"])
def test_signatures_of_the_documented_rule(vector):
    [given] = vector["input"]["header"].values()
    made = sign(vector["input"]["payload"].encode(), vector["keys"]["signature_key"])
    assert (made == given) is vector["expected"]["accept"]


def hand_made_hmac(key: bytes, body: bytes) -> str:
    """HMAC-SHA256 by its definition in RFC 2104."""
    block = (
        key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest().ljust(64, b"\0")
    )
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in block) + body).digest()
    return hashlib.sha256(bytes(one ^ 0x5C for one in block) + inner).hexdigest()


def test_every_event_is_signed_over_its_bytes(world):
    payment = pay(world, capture=True, reference="Đơn-1", description="Trà & nón")
    post(world, f"/payments/{payment['id']}/refunds", {"amount": 100})
    assert kinds(world) == ["payment_approved", "payment_captured", "payment_refunded"]
    for request in world.merchant.received:
        assert (request.method, request.url) == ("POST", world.config.checkoutcom.webhook_url)
        signature = request.header("Cko-Signature")
        assert signature == hand_made_hmac(KEY.encode(), request.body)
        assert hmac.compare_digest(
            signature, hmac.new(KEY.encode(), request.body, "sha256").hexdigest()
        )
        assert request.header("Authorization") == world.config.checkoutcom.webhook_authorization
        assert "Đơn-1".encode() in request.body
        assert not request.replay_safe


def test_the_fixed_header_can_be_left_out(make_world):
    world = make_world(checkoutcom={"webhook_authorization": ""})
    pay(world)
    assert world.merchant.received[0].header("Authorization") is None


def test_what_an_event_says(world):
    payment = pay(world, capture=True)
    approved, captured = events(world)
    assert re.fullmatch(r"evt_\w{26}", approved["id"])
    assert approved["id"] != captured["id"]
    assert approved["created_on"] == "2025-01-02T03:04:05.6780000Z"
    assert approved["_links"]["payment"] == {"href": f"{BASE}/payments/{payment['id']}"}
    data = approved["data"]
    assert (data["id"], data["action_id"], data["amount"], data["currency"]) == (
        payment["id"],
        payment["action_id"],
        10_000,
        "USD",
    )
    assert (data["reference"], data["metadata"]) == ("ORDER-1", {"payment_id": "pay_1"})
    assert (data["response_code"], data["auth_code"]) == ("10000", payment["auth_code"])
    assert (data["source"]["last_4"], data["source"]["id"]) == ("4242", payment["source"]["id"])
    assert captured["data"]["action_id"] != data["action_id"]


def test_amounts_are_those_of_the_action(world):
    payment = pay(world)
    path = f"/payments/{payment['id']}"
    first = post(world, f"{path}/captures", {"amount": 3000, "capture_type": "NonFinal"})
    second = post(world, f"{path}/captures", {"amount": 2000, "capture_type": "NonFinal"})
    post(world, f"{path}/voids", {"metadata": {"why": "sold out"}})
    post(world, f"{path}/refunds", {"amount": 500, "reference": "BACK-1"})
    told = [(one["type"], one["data"]["amount"]) for one in events(world)[1:]]
    assert told == [
        ("payment_captured", 3000),
        ("payment_captured", 2000),
        ("payment_voided", 5000),
        ("payment_refunded", 500),
    ]
    ids = [one["data"]["action_id"] for one in events(world)[1:3]]
    assert ids == [first["action_id"], second["action_id"]]
    assert events(world)[3]["data"]["metadata"] == {"why": "sold out"}
    # The reference of an action is its own, where it has one.
    assert [one["data"]["reference"] for one in events(world)[3:]] == ["ORDER-1", "BACK-1"]


def test_a_card_that_is_good_for_now_only(world):
    payment = pay(world, common("20"), capture=True)
    assert kinds(world) == ["payment_approved", "payment_captured", "dispute_received"]
    data = events(world)[2]["data"]
    assert re.fullmatch(r"dsp_\w{26}", data["id"])
    assert (data["payment_id"], data["payment_reference"], data["amount"]) == (
        payment["id"],
        "ORDER-1",
        10_000,
    )


@pytest.mark.parametrize(("card", "last"), [("21", "payment_capture_declined")])
def test_a_card_that_cannot_be_captured(world, card, last):
    payment = pay(world, common(card), capture=True)
    assert kinds(world) == ["payment_approved", last]
    assert read(world, payment)["status"] == "Authorized"
    data = events(world)[1]["data"]
    assert data["response_code"] == "20005"
    assert data["action_id"] != payment["action_id"]


def test_a_card_that_takes_nothing_back(world):
    payment = pay(world, common("22"), capture=True)
    post(world, f"/payments/{payment['id']}/refunds")
    assert kinds(world)[2:] == ["payment_refund_declined"]
    assert read(world, payment)["status"] == "Captured"


@pytest.mark.parametrize(("decision", "event"), [("win", "dispute_won"), ("lose", "dispute_lost")])
def test_the_payer_complains(world, decision, event):
    payment = pay(world, capture=True)
    act(world, payment["id"], "dispute")
    dispute = events(world)[-1]["data"]["id"]
    assert "dispute open" in world.payments()[0]["status"]
    act(world, dispute, decision)
    assert kinds(world)[2:] == ["dispute_received", event]
    assert events(world)[-1]["data"]["id"] == dispute
    act(world, dispute, decision, status=409)
    left = {"win": 10_000, "lose": 0}[decision]
    assert read(world, payment)["balances"]["available_to_refund"] == left


def test_the_desk_ends_a_hold(world):
    payment = pay(world)
    act(world, payment["id"], "expire")
    assert (read(world, payment)["status"], kinds(world)[1:]) == ("Expired", ["payment_expired"])
    act(world, payment["id"], "expire", status=409)
    act(world, "act_unknown", "undo", status=404)


def test_the_desk_decides_what_is_under_way(make_world):
    world = make_world(checkoutcom={"processing": timedelta(hours=1)})
    payment = pay(world)
    accepted = post(world, f"/payments/{payment['id']}/captures")
    act(world, accepted["action_id"], "refuse")
    assert read(world, payment)["status"] == "Authorized"
    accepted = post(world, f"/payments/{payment['id']}/captures")
    act(world, accepted["action_id"], "settle")
    assert read(world, payment)["status"] == "Captured"
    # What is done is done.
    act(world, accepted["action_id"], "undo", status=409)
    assert kinds(world)[1:] == [
        "payment_capture_pending",
        "payment_capture_declined",
        "payment_capture_pending",
        "payment_captured",
    ]


def test_the_end_of_a_hold_after_a_part_was_taken(world):
    payment = pay(world)
    part = {"amount": 3000, "capture_type": "NonFinal"}
    post(world, f"/payments/{payment['id']}/captures", part)
    world.clock.forward(days=7)
    found = read(world, payment)
    assert (found["status"], found["balances"]["available_to_capture"]) == ("Partially Captured", 0)
    assert kinds(world)[1:] == ["payment_captured", "payment_expired"]


def test_a_void_that_comes_too_late(make_world):
    world = make_world(checkoutcom={"processing": timedelta(hours=1)})
    payment = pay(world)
    post(world, f"/payments/{payment['id']}/voids")
    act(world, payment["id"], "expire")
    world.clock.forward(hours=1)
    assert read(world, payment)["status"] == "Expired"
    world.settle()
    assert kinds(world)[1:] == ["payment_void_pending", "payment_expired", "payment_void_declined"]


def test_an_event_is_sent_until_it_is_taken(world):
    world.merchant.answers = [HttpResponse(500), OSError("gone"), HttpResponse(202)]
    pay(world)
    bodies = {request.body for request in world.merchant.received}
    assert (len(world.merchant.received), len(bodies)) == (3, 1)
    assert world.deliveries()[0]["state"] == "delivered"


def test_it_gives_up_after_a_day():
    from paykit.sandbox.checkoutcom.config import CheckoutComConfig
    from paykit.sandbox.checkoutcom.notices import retry_rule

    delays = retry_rule(CheckoutComConfig()).delays
    assert (len(delays), sum(delays)) == (8, 20 * 3600)


def test_the_payer_is_told_of_in_order(world):
    payment = pay(world, common("12"), status=202, capture=True, **{"3ds": {"enabled": True}})
    challenge(world, payment)
    assert kinds(world) == ["payment_pending", "payment_approved", "payment_captured"]
