"""Every signed example of SePay: those that verify must verify, the others must be refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paykit import (
    Delivery,
    PaymentProcessed,
    SePay,
    SePayConfig,
    SePayGateway,
    SePayGatewayConfig,
    SignatureError,
    TransferReceived,
)
from paykit.flow import run
from paykit.providers import sepaypg
from paykit.signing import SigningKey, joined

VECTORS = json.loads((Path(__file__).parent / "vectors" / "sepay.json").read_text("utf-8"))
ACCOUNT = "0123499999"


def by_kind(kind, *, verifies):
    chosen = [v for v in VECTORS if v["kind"] == kind and v["verifies"] is verifies]
    assert chosen
    return pytest.mark.parametrize("vector", chosen, ids=[v["id"] for v in chosen])


def refuse_network(request):
    raise AssertionError(request)


def test_every_kind_is_tested():
    assert {(v["kind"], v["verifies"]) for v in VECTORS} == {
        ("checkout_form", True),
        ("checkout_form_message", False),
        ("webhook_hmac", True),
        ("webhook_apikey", True),
        ("webhook_apikey", False),
        ("pg_ipn", True),
    }


@by_kind("checkout_form", verifies=True)
def test_form(vector):
    form = {name: str(value) for name, value in json.loads(vector["input"]).items()}
    text = joined(form.items(), sepaypg.SIGNED, by=",")
    assert text.decode() == vector["signed_string"]
    assert SigningKey(vector["key"], "sha256").base64(text) == vector["expected"]
    assert form["signature"] == vector["expected"]


@by_kind("checkout_form_message", verifies=False)
def test_form_of_a_fixed_list(vector):
    form = json.loads(vector["input"])
    text = joined(form.items(), sepaypg.SIGNED, by=",")
    assert text.decode() != vector["signed_string"]
    key = SigningKey(vector["key"], "sha256")
    assert key.base64(vector["signed_string"].encode()) == vector["expected"]
    assert key.base64(text) != vector["expected"]


def feed(at, **proof):
    config = SePayConfig(
        bank="VCB", account_number=ACCOUNT, other_accounts=["SBSEPAYX9KA2B7MN4QR"], **proof
    )
    return SePay(config, clock=lambda: at)


def told(vector, event):
    fields = json.loads(vector["input"])
    assert isinstance(event, TransferReceived)
    return (
        (event.provider_id, event.amount.minor, event.memo, event.bank_reference),
        (str(fields["id"]), fields["transferAmount"], fields["content"], fields["referenceCode"]),
    )


@by_kind("webhook_hmac", verifies=True)
def test_signed_notice(vector):
    seconds = int(vector["headers"]["X-SePay-Timestamp"])
    provider = feed(datetime.fromtimestamp(seconds, UTC), webhook_secret=vector["key"])
    delivery = Delivery("POST", headers=vector["headers"], body=vector["input"].encode())
    (event,) = provider.parse(run(provider.verify(delivery), refuse_network))
    ours, theirs = told(vector, event)
    assert ours == theirs
    text = vector["signed_string"].encode()
    key = SigningKey(vector["key"], "sha256")
    assert f"sha256={key.hex(text)}" == vector["expected"]
    other = feed(datetime.fromtimestamp(seconds, UTC), webhook_secret=f"{vector['key']}x")
    with pytest.raises(SignatureError):
        run(other.verify(delivery), refuse_network)


def with_header(vector):
    name, _, value = vector["expected"].partition(": ")
    return Delivery("POST", headers={name: value}, body=vector["input"].encode())


@by_kind("webhook_apikey", verifies=True)
def test_notice_with_a_key(vector):
    provider = feed(datetime(2026, 1, 2, tzinfo=UTC), api_key=vector["key"])
    (event,) = provider.parse(run(provider.verify(with_header(vector)), refuse_network))
    ours, theirs = told(vector, event)
    assert ours == theirs


@by_kind("webhook_apikey", verifies=False)
def test_notice_with_a_key_in_another_form(vector):
    provider = feed(datetime(2026, 1, 2, tzinfo=UTC), api_key=vector["key"])
    with pytest.raises(SignatureError):
        run(provider.verify(with_header(vector)), refuse_network)


@by_kind("pg_ipn", verifies=True)
def test_ipn(vector):
    config = {
        "merchant_id": "SP-TEST-PAYKIT",
        "secret_key": "spsk_test",
        "ipn_secret": vector["key"],
    }
    provider = SePayGateway(SePayGatewayConfig(**config))
    (event,) = provider.parse(run(provider.verify(with_header(vector)), refuse_network))
    assert isinstance(event, PaymentProcessed)
    order = json.loads(vector["input"])["order"]
    assert (event.reference, event.status, str(event.amount)) == (
        order["order_invoice_number"],
        "succeeded",
        "50000 VND",
    )
    other = SePayGateway(SePayGatewayConfig(**{**config, "ipn_secret": f"{vector['key']}x"}))
    with pytest.raises(SignatureError):
        run(other.verify(with_header(vector)), refuse_network)
