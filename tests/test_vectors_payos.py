"""Every signed example of payOS: those that verify must verify, the others must be refused."""

import json
from pathlib import Path

import pytest

from paykit import (
    Delivery,
    HttpResponse,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    PaymentRequest,
    PayOS,
    PayOSConfig,
    SignatureError,
    WebhookError,
)
from paykit.events import TransferReceived
from paykit.flow import run
from paykit.providers.payos import CREATE_FIELDS, signed_text
from paykit.signing import SigningKey

VECTORS = json.loads((Path(__file__).parent / "vectors" / "payos.json").read_text("utf-8"))


def by_kind(kind, *, verifies):
    chosen = [v for v in VECTORS if v["kind"] == kind and v["verifies"] is verifies]
    assert chosen, kind
    return pytest.mark.parametrize("vector", chosen, ids=[v["id"] for v in chosen])


def payos_for(vector):
    return PayOS(PayOSConfig(client_id="client", api_key="api-key", checksum_key=vector["key"]))


def refuse_network(request):
    raise AssertionError(f"{request} was sent")


def received(vector, body):
    provider = payos_for(vector)
    return provider.parse(run(provider.verify(Delivery.post_json(body)), refuse_network))


@by_kind("webhook", verifies=True)
def test_notice_verifies(vector):
    data = json.loads(vector["input"])["data"]
    assert signed_text(data) == vector["signed_string"]
    events = received(vector, vector["input"])
    if vector["id"] == "payos-doc-webhook":  # payOS' sample, which tells of no money
        assert events == ()
        return
    (event,) = events
    assert isinstance(event, TransferReceived)
    assert (event.reference, str(event.amount), event.memo) == (
        str(data["orderCode"]),
        f"{data['amount']} VND",
        data["description"],
    )


@by_kind("webhook", verifies=False)
def test_notice_is_refused(vector):
    with pytest.raises(SignatureError):
        received(vector, vector["input"])


@by_kind("create_payment_request", verifies=True)
def test_request_signature(vector):
    body = json.loads(vector["input"])
    text = "&".join(f"{name}={body[name]}" for name in CREATE_FIELDS)
    assert text == vector["signed_string"]
    assert SigningKey(vector["key"], "sha256").hex(text.encode()) == vector["expected"]


@by_kind("create_payment_request", verifies=True)
def test_request_is_signed_so(vector):
    body = json.loads(vector["input"])

    def send():
        request = PaymentRequest(
            reference=str(body["orderCode"]),
            amount=Money(body["amount"], "VND"),
            description=body["description"],
            return_url=body["returnUrl"],
            extra={"cancelUrl": body["cancelUrl"]},
        )
        return json.loads(next(payos_for(vector).create_payment(request)).body)

    if body["orderCode"] == 0:  # an example of the library's tests; payOS wants a positive number
        with pytest.raises(InvalidRequest):
            send()
        return
    sent = send()
    assert sent == {**body, "signature": vector["expected"]}


def answered(vector, signature):
    """What the caller of an operation gets for an answer with this ``data``."""
    answer = {"code": "00", "data": json.loads(vector["input"]), "signature": signature}
    flow = payos_for(vector).confirm_webhook("https://shop.example/webhooks/payos")
    return run(flow, lambda _: HttpResponse(200, body=json.dumps(answer).encode()))


@by_kind("response_body", verifies=True)
def test_answer_signature(vector):
    data = json.loads(vector["input"])
    assert signed_text(data) == vector["signed_string"]
    assert answered(vector, vector["expected"]) == data
    for wrong in (vector["expected"].upper(), vector["expected"][:-1], "", 0):
        with pytest.raises(MalformedResponse):
            answered(vector, wrong)


@by_kind("x_signature_header", verifies=True)
def test_signature_of_a_payout_proves_no_notice(vector):
    """Payouts are not part of paykit. They are signed with the same key, and otherwise."""
    body = {"code": "00", "data": json.loads(vector["input"]), "signature": vector["expected"]}
    # Over nothing at all both signatures are the same, and there is nothing to read.
    wanted = MalformedDelivery if vector["input"] == "{}" else SignatureError
    with pytest.raises(WebhookError) as caught:
        received(vector, body)
    assert type(caught.value) is wanted


def test_no_vector_is_left_out():
    assert {v["kind"] for v in VECTORS} == {
        "webhook", "create_payment_request", "response_body", "x_signature_header",
    }  # fmt: skip
    assert {v["kind"] for v in VECTORS if not v["verifies"]} == {"webhook"}
