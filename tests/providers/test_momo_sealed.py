"""What the case folder leaves open: the text that MoMo's RSA padding makes different every time."""

import base64
import hmac
import json

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from paykit import (
    HttpResponse,
    MoMo,
    MoMoConfig,
    Money,
    OutcomeUnknown,
    PaymentRequest,
    PaymentToken,
    ProviderUnavailable,
)
from paykit.flow import run
from paykit.testing.conformance.base import Wire

SECRET = "K951B6PE1waDMi640xX08PD3vg6EkVlz"
TOKEN = PaymentToken(provider="momo", value="wallet-1", customer_id="u@shop", reference="LINK-1")
ORDER = PaymentRequest(reference="ORDER-1", amount=Money(150_000, "VND"))


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def momo(private_key):
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    config = MoMoConfig(
        partner_code="MOMO",
        access_key="F8BBA842ECF85",
        secret_key=SECRET,
        public_key=public.decode(),
    )
    return MoMo(config, new_id=lambda: "id1")


def sent(flow):
    """The body of the request that the flow sends; the refusal of the answer does not matter."""
    wire = Wire([HttpResponse(500)])
    with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
        run(flow, wire.send)
    (request,) = wire.sent
    return json.loads(request.body)


def signed(body, names):
    text = "&".join(f"{name}={body[name]}" for name in names.split())
    return hmac.new(
        SECRET.encode(), f"accessKey=F8BBA842ECF85&{text}".encode(), "sha256"
    ).hexdigest()


def opened(private_key, sealed):
    return private_key.decrypt(base64.b64decode(sealed), padding.PKCS1v15()).decode()


def test_a_charged_token(momo, private_key):
    body = sent(momo.create_payment(attrs.evolve(ORDER, token=TOKEN)))
    assert json.loads(opened(private_key, body["token"])) == {"value": "wallet-1"}
    names = "amount extraData orderId orderInfo partnerClientId partnerCode requestId token"
    assert body["signature"] == signed(body, names)


def test_a_code_at_the_counter(momo, private_key):
    code = {"paymentCode": "281012020262186003"}
    body = sent(momo.create_payment(attrs.evolve(ORDER, method="pos", extra=code)))
    assert opened(private_key, body["paymentCode"]) == "281012020262186003"
    names = "amount extraData orderId orderInfo partnerCode paymentCode requestId"
    assert body["signature"] == signed(body, names)


def test_a_deleted_token(momo, private_key):
    body = sent(momo.delete_token(TOKEN))
    assert json.loads(opened(private_key, body["token"])) == {"value": "wallet-1"}
    names = "orderId partnerClientId partnerCode requestId token"
    assert body["signature"] == signed(body, names)


def test_padding_is_random(momo):
    assert sent(momo.delete_token(TOKEN))["token"] != sent(momo.delete_token(TOKEN))["token"]
