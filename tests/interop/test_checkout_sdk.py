"""Side by side with Checkout.com's own library, `checkout_sdk` on PyPI: the same requests.

It sends whatever it is given: it knows neither amounts nor references, has no webhooks, and makes no
idempotency key of its own.
"""

import json

import pytest
from checkout_sdk.checkout_sdk import CheckoutSdk
from checkout_sdk.environment import Environment
from checkout_sdk.instruments.instruments import CreateTokenInstrumentRequest
from checkout_sdk.payments.hosted.hosted_payments import HostedPaymentsSessionRequest
from checkout_sdk.payments.payments import (
    CaptureRequest,
    CaptureType,
    PaymentRequestIdSource,
    PaymentRequestTokenSource,
    PaymentsQueryFilter,
    RefundRequest,
    ThreeDsRequest,
    VoidRequest,
)
from checkout_sdk.payments.payments import PaymentRequest as TheirRequest

import paykit
from paykit import CaptureMode, CheckoutCom, CheckoutComConfig, Customer, Money, PaymentToken
from paykit.http import HttpResponse

KEY = "sk_sbox_abcdefghijklmnopqrstuvwxyz2"
PREFIX = "abcdefgh"
PAY = "pay_mbabizu24mvu3mela5njyhpit4"
TOKEN, STORED = "tok_4gzeau5o2uqubbk6fufs3m7p54", "src_nwd3m4in3hkuddfpjsaevunhdy"
REF = paykit.PaymentRef(reference="ORDER-1", provider_id=PAY, amount=Money(1999, "USD"))
OURS = CheckoutCom(
    CheckoutComConfig(secret_key=KEY, signature_key="key", prefix=PREFIX, billing_country="VN")
)


class Answer:
    status_code, reason, text, content = 200, "OK", "{}", b"{}"

    def __init__(self):
        self.headers = {"Content-Type": "application/json"}

    def raise_for_status(self):
        pass

    def json(self):
        return {}


class Session:
    def __init__(self):
        self.sent = []

    def request(self, **call):
        self.sent.append(call)
        return Answer()


class Builder:
    def __init__(self, session):
        self.session = session

    def get_client(self):
        return self.session


@pytest.fixture
def theirs():
    session = Session()
    api = (
        CheckoutSdk.builder()
        .secret_key(KEY)
        .environment(Environment.sandbox())
        .environment_subdomain(PREFIX)
        .http_client_builder(Builder(session))
        .build()
    )
    api.session = session
    return api


def built(kind, **fields):
    made = kind()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def same(theirs, flow, *, key=None, after=None):
    """The next request of the flow is the one that their library has just sent.

    ``key``: the idempotency key that only ours has there. ``after``: the answer to what ours asks
    before it.
    """
    (call,) = theirs.session.sent
    ours = next(flow)
    if after is not None:
        assert ours.method == "GET"
        ours = flow.send(HttpResponse(200, body=json.dumps(after).encode()))
    assert (ours.method, ours.url.partition("?")[0]) == (call["method"], call["url"])
    for name in ("Authorization", "Accept"):
        assert ours.header(name) == call["headers"][name]
    assert ours.header("Cko-Idempotency-Key") == call["headers"].get("Cko-Idempotency-Key", key)
    if ours.body or call.get("data") not in {None, "{}"}:
        assert json.loads(ours.body) == json.loads(call["data"])
        assert ours.header("Content-Type") == call["headers"]["Content-Type"]
    return ours


pytestmark = pytest.mark.filterwarnings("ignore:Risk endpoints:DeprecationWarning")

METADATA = {"reference": "ORDER-1", "order_id": "O-1"}
COMMON = {
    "amount": 1999,
    "currency": "USD",
    "reference": "ORDER-1",
    "description": "Two shirts",
    "metadata": METADATA,
    "success_url": "https://shop.example/back",
    "failure_url": "https://shop.example/back",
}
ASKED = {
    "reference": "ORDER-1",
    "order_id": "O-1",
    "amount": Money(1999, "USD"),
    "description": "Two shirts",
    "return_url": "https://shop.example/back",
}


def test_a_payment(theirs):
    request = built(
        TheirRequest,
        **COMMON,
        source=built(PaymentRequestTokenSource, token=TOKEN, store_for_future_use=False),
        capture=False,
        three_ds=built(ThreeDsRequest, enabled=True),
    )
    theirs.payments.request_payment(request, "ORDER-1")
    token = PaymentToken(provider="checkoutcom", value=TOKEN)
    ours = paykit.PaymentRequest(**ASKED, token=token, capture=CaptureMode.MANUAL)
    same(theirs, OURS.create_payment(ours))


def test_a_stored_card_while_the_payer_is_away(theirs):
    common = {name: value for name, value in COMMON.items() if not name.endswith("_url")}
    request = built(
        TheirRequest,
        **common,
        source=built(PaymentRequestIdSource, id=STORED),
        capture=True,
        three_ds=built(ThreeDsRequest, enabled=False),
        payment_type="Recurring",
        merchant_initiated=True,
        previous_payment_id=PAY,
    )
    theirs.payments.request_payment(request, "KEY-1")
    ours = paykit.PaymentRequest(
        **{name: value for name, value in ASKED.items() if name != "return_url"},
        token=PaymentToken(provider="checkoutcom", value=STORED),
        off_session=True,
        idempotency_key="KEY-1",
        extra={"previous_payment_id": PAY},
    )
    same(theirs, OURS.create_payment(ours), after={"data": []})


def test_a_hosted_page(theirs):
    request = built(
        HostedPaymentsSessionRequest,
        **COMMON,
        cancel_url="https://shop.example/back",
        capture=True,
        billing={"address": {"country": "VN"}},
        three_ds=built(ThreeDsRequest, enabled=True),
        customer={"email": "payer@mail.example"},
        locale="vi-VN",
    )
    theirs.hosted_payments.create_hosted_payments_page_session(request)
    customer = Customer(email="payer@mail.example")
    ours = paykit.PaymentRequest(**ASKED, customer=customer)
    same(theirs, OURS.create_payment(ours), key="ORDER-1")


def test_what_is_done_with_a_payment(theirs):
    mine = {"reference": "ORDER-1", "metadata": {"reference": "ORDER-1", "key": "K"}}
    held = [{"id": "act_1", "type": "Authorization", "amount": 1999}]
    part = built(CaptureRequest, amount=500, capture_type=CaptureType.NON_FINAL, **mine)
    theirs.payments.capture_payment(PAY, part, "K")
    amount = Money(500, "USD")
    same(theirs, OURS.capture(REF, amount, idempotency_key="K", final=False), after=held)
    theirs.session.sent.clear()
    theirs.payments.void_payment(PAY, built(VoidRequest, **mine), "K")
    same(theirs, OURS.void(REF, idempotency_key="K"), after=held)
    theirs.session.sent.clear()
    metadata = {"reference": "ORDER-1", "refund_reference": "REFUND-1"}
    back = built(RefundRequest, amount=500, reference="REFUND-1", metadata=metadata)
    theirs.payments.refund_payment(PAY, back, "REFUND-1")
    refund = paykit.RefundRequest(payment=REF, reference="REFUND-1", amount=amount)
    same(theirs, OURS.refund(refund), after=held)


def test_what_is_asked(theirs):
    theirs.payments.get_payment_details(PAY)
    same(theirs, OURS.fetch_payment(REF))
    theirs.session.sent.clear()
    theirs.payments.get_payment_actions(PAY)
    same(theirs, OURS.fetch_refund(paykit.RefundRef(payment=REF, reference="REFUND-1")))
    theirs.session.sent.clear()
    wanted = built(PaymentsQueryFilter, limit=100, skip=0, reference="ORDER-1")
    theirs.payments.get_payments_list(wanted)
    ours = same(theirs, OURS.fetch_payment(paykit.PaymentRef(reference="ORDER-1")))
    assert theirs.session.sent[0]["params"] == {"limit": 100, "skip": 0, "reference": "ORDER-1"}
    assert ours.url.endswith("?limit=100&skip=0&reference=ORDER-1")


def test_stored_cards(theirs):
    theirs.instruments.create(built(CreateTokenInstrumentRequest, token=TOKEN))
    request = paykit.TokenRequest(reference="CARD-1", customer_id="payer-7", grant=TOKEN)
    same(theirs, OURS.create_token(request), key="CARD-1")
    theirs.session.sent.clear()
    theirs.instruments.delete(STORED)
    same(theirs, OURS.delete_token(PaymentToken(provider="checkoutcom", value=STORED)))
