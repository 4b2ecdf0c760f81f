"""Every signed example of Checkout.com: those that verify must verify, the others be refused."""

import json
from pathlib import Path

import pytest

from paykit import CheckoutCom, CheckoutComConfig, Delivery, MovementKind, SignatureError
from paykit.flow import run
from paykit.signing import SigningKey

VECTORS = json.loads((Path(__file__).parent / "vectors" / "checkoutcom.json").read_text("utf-8"))
ACCEPTED = [one for one in VECTORS if one["expected"]["accept"]]
REFUSED = [one for one in VECTORS if not one["expected"]["accept"]]


def received(vector):
    config = CheckoutComConfig(
        secret_key="sk_sbox_paykit", signature_key=vector["keys"]["signature_key"]
    )
    provider = CheckoutCom(config)
    content = vector["input"]
    delivery = Delivery("POST", headers=content["header"], body=content["payload"].encode())
    return provider.parse(run(provider.verify(delivery), refuse_network))


def refuse_network(request):
    raise AssertionError(f"{request} was sent")


@pytest.mark.parametrize("vector", ACCEPTED, ids=lambda one: one["id"])
def test_it_verifies(vector):
    told = json.loads(vector["input"]["payload"])
    (event,) = received(vector)
    assert (event.reference, event.amount.minor, event.status) == (
        told["data"]["reference"],
        told["data"]["amount"],
        "succeeded",
    )
    movement = event.movement
    assert (movement.kind, movement.id) == (MovementKind.CAPTURE, told["data"]["action_id"])
    key = SigningKey(vector["keys"]["signature_key"], "sha256")
    assert key.hex(vector["signed_string"].encode()) == vector["input"]["header"]["Cko-Signature"]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda one: one["id"])
def test_it_is_refused(vector):
    with pytest.raises(SignatureError):
        received(vector)


def test_no_vector_is_left_out():
    assert {one["kind"] for one in VECTORS} == {"checkoutcom.webhook"}
    assert ACCEPTED
    assert REFUSED
