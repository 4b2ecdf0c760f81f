"""What the adapter sends is what Checkout.com's own description allows, and it reads what that
allows."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from paykit import (
    CaptureMode,
    CheckoutCom,
    CheckoutComConfig,
    Customer,
    InvalidRequest,
    Money,
    PaykitError,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    RefundRef,
    RefundRequest,
    RefundStatus,
)
from paykit.flow import run
from paykit.http import HttpRequest, HttpResponse
from paykit.providers.checkoutcom.amounts import CURRENCIES
from paykit.testing.conformance.base import attempt
from paykit.testing.conformance.data import CaseFolder

from .support.contracts import OffContractError, answers, checkoutcom
from .support.texts import ordinary

FOLDER = CaseFolder.read(Path(__file__).parent / "providers" / "checkoutcom")
#: Answers that the description does not know, on purpose.
OFF_CONTRACT = {
    "capture-refused-in-flight",
    "create-page-refused-fault",
    "create-refused-conflict",
    "create-refused-in-flight",
    "create-refused-key-of-another",
    "create-refused-too-many",
    "create-server-fault-408",
    "create-server-fault-500",
    "create-slow-unseen",
    "create-status-captured",
    "create-status-unseen",
    "delete-token-refused-odd",
    "fetch-page-unseen",
    "fetch-refund-another-list-of-lists",
    "fetch-refund-another-object",
    "fetch-refund-another-two-lists",
    "fetch-refund-refused-fault",
    "fetch-refused-fault",
    "fetch-refused-too-many",
    "fetch-retry",
    "fetch-unseen",
    "refund-refused-duplicate",
    "void-refused-in-flight",
}
CALLS = [case for case in FOLDER.cases if case.exchanges]
PAY, ACT = "pay_mbabizu24mvu3mela5njyhpit4", "act_y3oqhf46pyzuxjbcn2giaqnb44"
TOKEN = PaymentToken(provider="checkoutcom", value="tok_4gzeau5o2uqubbk6fufs3m7p54")
STORED = PaymentToken(provider="checkoutcom", value="src_nwd3m4in3hkuddfpjsaevunhdy")
REF = PaymentRef(reference="ORDER-1", provider_id=PAY, amount=Money(1999, "USD"))
GOOD = {
    PaymentStatus.AUTHORIZED,
    PaymentStatus.SUCCEEDED,
    PaymentStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED,
}


def provider(**settings):
    return CheckoutCom(
        CheckoutComConfig(
            secret_key="sk_sbox_paykit", signature_key="key", billing_country="VN", **settings
        )
    )


def calls_of(case):
    for exchange in case.exchanges:
        request = HttpRequest(
            exchange.method, exchange.url, exchange.headers, exchange.body.encode()
        )
        yield request, exchange.answer


def is_off(case):
    """Whether the answers of the case are none that the description knows, on purpose."""
    try:
        for request, answer in calls_of(case):
            checkoutcom().check_response(request, answer)
    except OffContractError:
        return True
    return False


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_the_requests_of_the_case_folder_are_as_described(case):
    for request, _ in calls_of(case):
        checkoutcom().check_request(request)


def test_so_are_its_answers_but_for_those_that_are_wrong_on_purpose():
    assert {case.id for case in CALLS if is_off(case)} == OFF_CONTRACT


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"amount": 1.5}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "1999"}, "amount"),
        ({"currency": "US"}, "currency"),
        ({"currency": None}, "currency"),
        ({"reference": "x" * 51}, "reference"),
        ({"payment_type": "Once"}, "payment_type"),
        ({"source": {"type": "token", "token": "4242"}}, "source"),
        ({"source": {"type": "token", "token": TOKEN.value, "cvc": "1"}}, "source"),
        ({"3ds": {"enable": True}}, "enable"),
        ({"capture_method": "manual"}, "capture_method"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_check_finds_what_is_wrong(change, why):
    body = {
        "source": {"type": "token", "token": TOKEN.value},
        "amount": 1999,
        "currency": "USD",
        **change,
    }
    headers = {"Content-Type": "application/json"}
    call = HttpRequest(
        "POST", "https://api.checkout.com/payments", headers, json.dumps(body).encode()
    )
    if why is None:
        checkoutcom().check_request(call)
        return
    with pytest.raises(OffContractError):
        checkoutcom().check_request(call)


# Any request that is accepted.


HELD = [{"id": ACT, "type": "Authorization", "amount": 1999}]


def to_question(request):
    """Nothing was done before."""
    found = HELD if request.url.endswith("/actions") else {"data": []}
    return HttpResponse(200, body=json.dumps(found).encode())


class Peer:
    """Keeps what is sent, and answers with a refusal; to a question, that there is nothing."""

    def __init__(self):
        self.sent = []

    def send(self, request):
        checkoutcom().check_request(request)
        if request.method == "GET":
            return to_question(request)
        self.sent.append(request)
        return HttpResponse(422, body=b"{}")


texts = ordinary(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
urls = st.sampled_from(
    ["https://shop.example/r?a=b", "http://localhost/r", "https://s.example/" + "x" * 240, "x", ""]
)


@st.composite
def requests(draw):
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    amount = draw(st.integers(0, 10**4) | st.integers(0, 2 * 10**9))
    extra = {}
    if draw(st.booleans()):
        extra["3ds"] = {"attempt_n3d": draw(st.booleans())}
    if draw(st.booleans()):
        extra["failure_url"] = draw(urls)
    reference = draw(texts)
    assume(reference.strip())
    token = draw(st.sampled_from([None, TOKEN, STORED]))
    if token is STORED:
        extra["previous_payment_id"] = PAY
    return PaymentRequest(
        reference=reference,
        amount=Money(amount, currency),
        description=draw(st.just("") | texts),
        order_id=draw(st.none() | st.just("O-1")),
        return_url=draw(st.none() | urls),
        capture=draw(st.sampled_from(CaptureMode)),
        locale=draw(st.sampled_from(["vi", "en", "de-DE", "xx", "zh-TW", ""])),
        customer=Customer(
            id=draw(st.none() | st.sampled_from(["payer-7", "cus_udst2tfldj6upmye2reztkmm4i"])),
            email=draw(st.none() | st.just("payer@mail.example")),
            ip=draw(st.none() | st.just("192.0.2.7")),
        ),
        token=token,
        save_token=draw(st.booleans()),
        off_session=token is not None and draw(st.booleans()),
        idempotency_key=draw(st.none() | st.just("key-1")),
        metadata=draw(st.dictionaries(st.sampled_from(["payment_id", "shop"]), st.just("7"))),
        extra=extra,
    )


slow = settings(
    max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@slow
@given(requests())
def test_whatever_is_sent_is_as_described(request):
    """Refused before it is sent, or as Checkout.com describes it: there is nothing between."""
    peer = Peer()
    ended = attempt(lambda: run(provider().create_payment(request), peer.send))
    assert ended.error is not None
    if isinstance(ended.error, InvalidRequest):
        assert peer.sent == []
        return
    (sent,) = peer.sent
    body = json.loads(sent.body)
    assert body["capture"] is (request.capture is CaptureMode.AUTOMATIC)
    assert body["metadata"]["reference"] == body["reference"] == request.reference
    assert sent.header("cko-idempotency-key")
    assert body["amount"] <= 999_999_999


@slow
@given(st.integers(0, 2 * 10**9), st.sampled_from(sorted(CURRENCIES)), st.booleans(), texts)
def test_so_is_what_is_done_with_a_payment(minor, currency, final, reference):
    assume(reference.strip())
    amount = Money(minor, currency)
    ref = PaymentRef(reference=reference[:50], provider_id=PAY, amount=amount)
    for act in (
        lambda one: one.capture(ref, amount, idempotency_key="k", final=final),
        lambda one: one.void(ref, idempotency_key="k"),
        lambda one: one.refund(RefundRequest(payment=ref, reference=reference, amount=amount)),
        lambda one: one.refund(RefundRequest(payment=ref, reference=reference)),
    ):
        peer = Peer()
        error = attempt(lambda act=act, peer=peer: run(act(provider()), peer.send)).error
        assert error is not None
        assert isinstance(error, InvalidRequest) is (peer.sent == [])


# Any answer that the description allows.


def answered(flow, body, status, *, first=None):
    """What comes of a flow that is answered so; ``first`` to the question before a call."""

    def peer(request):
        if first is not None and request.method == "GET":
            return first(request)
        return HttpResponse(status, body=json.dumps(body).encode())

    return attempt(lambda: run(flow, peer))


made = settings(
    max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@made
@given(st.data())
def test_any_payment_that_is_described_is_read_or_refused(data):
    answer = data.draw(answers(checkoutcom(), "PaymentResponse"))
    answer |= {
        "id": PAY,
        "amount": 1999,
        "currency": "USD",
        "reference": "ORDER-1",
        "processed_on": "2026-01-02T03:04:05Z",
        "response_code": data.draw(st.sampled_from(["10000", "20051", "30041", "40101"])),
        "source": {"type": "card"},
    }
    answer.pop("expires_on", None)
    asked = PaymentRequest(reference="ORDER-1", amount=Money(1999, "USD"), token=TOKEN)
    ended = answered(provider().create_payment(asked), answer, status=201)
    if ended.error is not None:
        assert isinstance(ended.error, PaykitError)
        assert ended.error.sent is not False
    else:
        assert answer["approved"]
        assert answer["response_code"] == "10000"
        assert ended.result.status not in {PaymentStatus.FAILED, PaymentStatus.REFUNDED}


@made
@given(st.data())
def test_any_details_that_are_described_are_read_or_refused(data):
    answer = data.draw(answers(checkoutcom(), "PaymentDetails"))
    answer |= {"id": PAY, "currency": "USD", "reference": "ORDER-1"}
    answer |= {"requested_on": "2026-01-02T03:04:05Z", "metadata": {"reference": "ORDER-1"}}
    answer |= {"source": {"type": "card"}, "customer": {"id": "cus_1"}}
    answer.pop("expires_on", None)
    answer["actions"] = [
        {**action, "id": ACT, "response_code": "20051"} for action in answer.get("actions", [])
    ]
    ended = answered(provider().fetch_payment(REF), answer, status=200)
    assert ended.error is None, ended.error
    payment = ended.result
    if payment.status in GOOD:
        assert answer["approved"]
    if payment.status is PaymentStatus.REFUNDED:
        assert payment.refunded >= payment.captured
    assert payment.amount == Money(answer["amount"], "USD")


@made
@given(st.data())
def test_any_actions_that_are_described_are_read_or_refused(data):
    found = data.draw(answers(checkoutcom(), "PaymentActionsResponse"))
    for index, action in enumerate(found):
        action |= {"id": f"act_{index}", "processed_on": "2026-01-02T03:04:05Z"}
        action["response_code"] = data.draw(st.sampled_from(["10000", "20005"]))
        action["reference"] = data.draw(st.sampled_from(["REFUND-1", "REFUND-2"]))
    ref = RefundRef(reference="REFUND-1", payment=REF)
    ended = answered(provider().fetch_refund(ref), found, status=200)
    ours = [a for a in found if a["type"] == "Refund" and a["reference"] == "REFUND-1"]
    if not ours:
        assert type(ended.error).__name__ == "NotFound"
        return
    refund = ended.result
    assert (refund.provider_id, refund.amount) == (ours[0]["id"], Money(ours[0]["amount"], "USD"))
    approved = ours[0].get("approved") is True and ours[0]["response_code"] == "10000"
    assert (refund.status is RefundStatus.SUCCEEDED) is approved


@made
@given(st.data(), st.sampled_from(["CaptureAcceptedResponse", "RefundAcceptedResponse"]))
def test_any_acceptance_is_pending_or_refused(data, name):
    answer = data.draw(answers(checkoutcom(), name)) | {"action_id": ACT}
    for flow in (
        provider().capture(REF, idempotency_key="k"),
        provider().refund(RefundRequest(payment=REF, reference="REFUND-1")),
    ):
        ended = answered(flow, answer, status=202, first=to_question)
        if ended.error is None:
            assert ended.result.status == "pending"
        else:
            assert ended.error.sent is not False


@made
@given(st.data(), st.sampled_from(["HostedPaymentsResponse", "GetHostedPaymentsResponse"]))
def test_any_page_that_is_described_is_read_or_refused(data, name):
    answer = data.draw(answers(checkoutcom(), name)) | {"id": "hpp_xGQBg0AXl3cM"}
    answer |= {"currency": "USD", "reference": "ORDER-1", "metadata": {}}
    if name == "HostedPaymentsResponse":
        asked = PaymentRequest(
            reference="ORDER-1", amount=Money(1999, "USD"), return_url="https://s.example/r"
        )
        ended = answered(provider().create_payment(asked), answer, status=201)
    else:
        answer.pop("payment_id", None)
        ref = PaymentRef(reference="ORDER-1", provider_id="hpp_xGQBg0AXl3cM")
        ended = answered(provider().fetch_payment(ref), answer, status=200)
        if ended.error is None:
            assert ended.result.status not in GOOD
    assert ended.error is None or ended.error.sent is not False
