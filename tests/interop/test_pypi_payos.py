"""Side by side with payOS' own library for Python, `payos` on PyPI, in both directions.

Its known errors, which we do not follow. It refuses a notice with a field that it does not know. It adds
the fields that may be missing before it hashes, so a notice that lacks one does not verify. It turns
``"3000"`` and ``3000.0`` into a number before it hashes. An object within ``data`` would be hashed as
Python prints it. Signatures are not compared in constant time.
"""

import json
from datetime import UTC, datetime

import httpx
import payos
import pytest
from hypothesis import given
from hypothesis import strategies as st
from payos.types.v2 import CreatePaymentLinkRequest

from paykit import (
    Delivery,
    HttpResponse,
    MalformedDelivery,
    Money,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PayOS,
    PayOSConfig,
    SignatureError,
)
from paykit.events import TransferReceived
from paykit.flow import run
from paykit.testing import deliveries

KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS = PayOS(PayOSConfig(client_id="client", api_key="api-key", checksum_key=KEY))
LINK = "0123456789abcdef0123456789abcdef"
MEMOS = ["DH1001", "Thanh toán #1 & 2", 'a"b\\c', "ok 😀", "a=b&c=d"]
#: The fields that a notice may lack, all there.
COMPLETE = {
    "counterAccountBankName": "VCB", "counterAccountNumber": "1", "virtualAccountName": None,
    "virtualAccountNumber": "",
}  # fmt: skip


class Api:
    """payOS, as far as it is needed here: keeps the request, gives the answer."""

    def __init__(self, answer):
        self.answer = answer
        self.client = payos.PayOS(
            client_id="client", api_key="api-key", checksum_key=KEY, max_retries=0,
            http_client=httpx.Client(transport=httpx.MockTransport(self)),
        )  # fmt: skip

    def __call__(self, request):
        self.seen = request
        return httpx.Response(200, json=self.answer)


THEIRS = Api({}).client


def sign(data):
    return THEIRS.crypto.create_signature_from_object(data, KEY)


def envelope(data):
    return {"code": "00", "desc": "success", "data": data, "signature": sign(data)}


def received(delivery):
    def refuse_network(request):
        raise AssertionError(request)

    return OURS.parse(run(OURS.verify(delivery), refuse_network))


@pytest.mark.parametrize("memo", MEMOS)
def test_the_same_request(memo):
    mine = next(
        OURS.create_payment(
            PaymentRequest(
                reference="1001",
                amount=Money(200_000, "VND"),
                description=memo,
                return_url="https://shop.example/r?a=1&b=x y",
                extra={"cancelUrl": "https://shop.example/c"},
            )
        )
    )
    api = Api({"code": "20", "desc": "no"})
    with pytest.raises(payos.APIError):
        api.client.payment_requests.create(
            CreatePaymentLinkRequest(
                order_code=1001,
                amount=200_000,
                description=memo,
                return_url="https://shop.example/r?a=1&b=x y",
                cancel_url="https://shop.example/c",
            )
        )
    theirs = {name: value for name, value in json.loads(api.seen.content).items() if value}
    assert (theirs, str(api.seen.url)) == (json.loads(mine.body), mine.url)
    for name in ("x-client-id", "x-api-key"):
        assert api.seen.headers[name] == mine.header(name)


PAID = {
    "id": LINK, "orderCode": 1001, "amount": 200_000, "amountPaid": 250_000, "amountRemaining": 0,
    "status": "PAID", "createdAt": "2026-01-02T09:59:00+07:00", "canceledAt": None,
    "cancellationReason": None,
    "transactions": [
        {"reference": "FT2", "amount": 250_000, "accountNumber": "0123456789",
         "description": 'Thanh toán "1"', "transactionDateTime": "2026-01-02T10:00:00+07:00",
         "counterAccountName": None},
        {"amount": 1, "reference": "FT1", "description": "", "accountNumber": "0123456789",
         "transactionDateTime": "2026-01-02T10:00:00+07:00"},
    ],
}  # fmt: skip


def test_we_accept_the_answers_that_the_peer_signs():
    raw = HttpResponse(200, body=json.dumps(envelope(PAID)).encode())
    payment = run(OURS.fetch_payment(PaymentRef(reference="1001")), lambda _: raw)
    assert (payment.status, payment.captured) == (PaymentStatus.SUCCEEDED, Money(250_000, "VND"))


def test_the_peer_accepts_the_answers_of_our_delivery_factory():
    from paykit.testing.factory import factory_for

    back = deliveries.returned(OURS, reference="1001", amount=Money(200_000, "VND"), at=NOW)
    question = next(OURS.fetch_payment(PaymentRef(reference="1001")))
    answer = factory_for(OURS).answer(OURS, back, question)
    api = Api(json.loads(answer.body))
    assert api.client.payment_requests.get(1001).amount_paid == 200_000
    assert str(api.seen.url) == question.url


@pytest.mark.parametrize("memo", MEMOS)
def test_the_peer_accepts_our_notices(memo):
    notice = deliveries.paid(
        OURS,
        reference="1001",
        amount=Money(150_000, "VND"),
        at=NOW,
        fields={**COMPLETE, "description": memo},
    )
    assert THEIRS.webhooks.verify(notice.body).description == memo
    with pytest.raises(payos.WebhookError):
        THEIRS.webhooks.verify(deliveries.tampered(OURS, notice).body)


TRANSFER = {
    "orderCode": 1001, "amount": 150_000, "description": "DH1001", "accountNumber": "0123456789",
    "reference": "FT1", "transactionDateTime": "2026-01-02 10:04:05", "currency": "VND",
    "paymentLinkId": LINK, "code": "00", "desc": "success",
}  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
FLAT = st.none() | st.booleans() | st.integers() | TEXT
NAMES = st.text(st.sampled_from("abcdefXYZ_"), min_size=1, max_size=6)
# Unlike the peer from npm, this one leaves values in lists as they are.
LISTS = st.lists(FLAT | st.dictionaries(NAMES, FLAT, max_size=3), max_size=3)


@given(st.dictionaries(NAMES, FLAT | LISTS, max_size=6), TEXT.filter(lambda text: "&" not in text))
def test_we_accept_what_the_peer_signs(more, memo):
    (event,) = received(Delivery.post_json(envelope({**TRANSFER, **more, "description": memo})))
    assert isinstance(event, TransferReceived)
    assert (event.reference, event.amount) == ("1001", Money(150_000, "VND"))


# Its errors.


def test_what_the_peer_makes_of_a_new_field():
    body = envelope({**TRANSFER, **COMPLETE, "counterAccountBankId": "", "newField": "x"})
    with pytest.raises(payos.WebhookError, match="schema validation failed"):
        THEIRS.webhooks.verify(body)
    assert len(received(Delivery.post_json(body))) == 1


def test_what_the_peer_makes_of_a_missing_field():
    body = envelope(TRANSFER)
    with pytest.raises(payos.WebhookError, match="Data not integrity"):
        THEIRS.webhooks.verify(body)
    assert len(received(Delivery.post_json(body))) == 1


@pytest.mark.parametrize("written", ['"150000"', "150000.0"])
def test_what_the_peer_makes_of_other_forms_of_a_number(written):
    data = {**TRANSFER, **COMPLETE, "counterAccountBankId": "", "counterAccountName": ""}
    body = json.dumps(envelope(data)).replace('"amount": 150000', f'"amount": {written}')
    assert THEIRS.webhooks.verify(body).amount == 150_000
    wanted = MalformedDelivery if written.startswith('"') else SignatureError
    with pytest.raises(wanted):
        received(Delivery.post_json(body))


def test_what_the_peer_makes_of_an_object_within():
    data = {**TRANSFER, "meta": {"z": 1, "a": 2}}
    assert sign(data) == sign({**TRANSFER, "meta": "{'z': 1, 'a': 2}"})
    with pytest.raises(SignatureError):
        received(Delivery.post_json(envelope(data)))
