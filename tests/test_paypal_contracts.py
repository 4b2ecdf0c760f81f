"""What the adapter sends is what PayPal's own description allows, and it reads what that allows."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from paykit import (
    CaptureMode,
    Client,
    Customer,
    InvalidRequest,
    LineItem,
    Money,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PayPal,
    PayPalConfig,
    RefundRequest,
)
from paykit.flow import run
from paykit.http import HttpRequest, HttpResponse
from paykit.providers.paypal.amounts import CURRENCIES, WHOLE
from paykit.providers.paypal.requests import CHOICES
from paykit.testing.conformance.base import attempt
from paykit.testing.conformance.data import CaseFolder

from .support.contracts import OffContractError, answers, check_paypal, paypal
from .support.paypal import PretendPayPal
from .support.texts import ordinary

FOLDER = CaseFolder.read(Path(__file__).parent / "providers" / "paypal")
CONFIG = PayPalConfig(client_id="client", client_secret="secret", webhook_ids=("8PT597110X6874",))
#: Answers that PayPal's description does not know, on purpose.
OFF_CONTRACT = {
    "capture-open-unseen",
    "complete-capture-unseen",
    "complete-refused-never-published",
    "complete-unknown-intent",
    "create-other-answer-exponent",
    "create-refused-never-published",
    "create-refused-too-many-calls",
    "fetch-capture-unseen",
    "fetch-hold-unseen",
    "fetch-order-unseen",
    "fetch-refund-exploded",
    "reauthorize-open-unseen",
    "refund-refused-never-published",
    "refund-state-exploded",
}
CALLS = [case for case in FOLDER.cases if case.exchanges]


def calls_of(case):
    for exchange in case.exchanges:
        request = HttpRequest(
            exchange.method, exchange.url, exchange.headers, exchange.body.encode()
        )
        if not case.is_session(request):
            yield request, exchange.answer


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_the_case_folder_is_as_described(case):
    for request, _ in calls_of(case):
        check_paypal(request)
    if case.id in OFF_CONTRACT:
        *_, (request, answer) = calls_of(case)
        with pytest.raises(OffContractError):
            check_paypal(request, answer)
    else:
        check_all(case)


def check_all(case):
    for request, answer in calls_of(case):
        check_paypal(request, answer)


def test_the_exceptions_are_cases():
    assert {case.id for case in CALLS} >= OFF_CONTRACT


ORDER = {
    "intent": "CAPTURE",
    "purchase_units": [{"amount": {"currency_code": "USD", "value": "1.00"}}],
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"intent": "SALE"}, "intent"),
        ({"purchase_units": []}, "purchase_units"),
        ({"purchase_units": [{"amount": {"currency_code": "USD", "value": 1.0}}]}, "value"),
        ({"purchase_units": [{"amount": {"currency_code": "USD", "value": "1,00"}}]}, "value"),
        ({"purchase_units": [{"amount": {"currency_code": "USD", "total": "1.00"}}]}, "value"),
        ({"purchase_units": [{**ORDER["purchase_units"][0], "customid": "A"}]}, "customid"),
        (
            {"payment_source": {"paypal": {"experience_context": {"user_action": "NOW"}}}},
            "user_action",
        ),
        ({"payment_source": {"paypal": {"return_url": "https://a.example"}}}, "return_url"),
        ({"returnUrl": "https://a.example"}, "returnUrl"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_check_finds_what_is_wrong(change, why):
    def request(key="k", path="/v2/checkout/orders"):
        body = json.dumps({**ORDER, **change}).encode()
        headers = {"Content-Type": "application/json", "PayPal-Request-Id": key}
        return HttpRequest("POST", f"https://api-m.paypal.com{path}", headers, body)

    if why is None:
        check_paypal(request())
        for wrong in (request("k" * 109), request(path="/v2/checkout/orders/../x")):
            with pytest.raises(OffContractError):
                check_paypal(wrong)
    else:
        with pytest.raises(OffContractError, match=why):
            check_paypal(request())


# Any request that is accepted.

good_texts = ordinary(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=22)
)
bad_texts = ordinary(st.text(st.characters(codec="utf-8"), max_size=140))
#: One value in ten is a strange one, so that a fair share of the requests gets through.
texts = st.integers(0, 9).flatmap(lambda number: good_texts if number else bad_texts)


def mostly(good, bad):
    return st.integers(0, 9).flatmap(lambda number: good if number else bad)


@st.composite
def requests(draw):
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    scale = 100 if currency in WHOLE - {"JPY"} and draw(st.integers(0, 9)) else 1

    def money(top=10**12):
        return Money(draw(mostly(st.integers(1, top), st.just(0))) * scale, currency)

    extra = {
        name: draw(mostly(st.sampled_from(sorted(choices)), bad_texts))
        for name, choices in CHOICES.items()
        if draw(st.booleans())
    }
    for name in ("invoice_id", "soft_descriptor", "brand_name"):
        if draw(st.booleans()):
            extra[name] = draw(texts)
    if draw(st.booleans()):
        extra["cancel_url"] = draw(mostly(st.just("https://shop.example/cancel?a=b"), bad_texts))
    if draw(st.booleans()):
        extra["breakdown"] = {"shipping": money(), "discount": money()}
    items = [
        LineItem(
            id=draw(texts),
            name=draw(texts),
            price=money(10**6),
            quantity=draw(mostly(st.integers(1, 20), st.integers(-1, 10**11))),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    reference = draw(texts)
    assume(reference.strip())
    return PaymentRequest(
        reference=reference,
        amount=money(),
        description=draw(texts),
        return_url=draw(st.sampled_from(["https://shop.example/r?a=b", "http://localhost/r"])),
        capture=draw(st.sampled_from(CaptureMode)),
        locale=draw(mostly(st.sampled_from(["vi", "en-US", "zh-Hant-TW"]), bad_texts)),
        customer=Customer(
            email=draw(st.none() | mostly(st.just("a.b+c@mail.example"), st.emails() | bad_texts))
        ),
        items=items,
        idempotency_key=draw(st.none() | texts),
        extra=extra,
    )


@pytest.mark.untraced
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(requests())
def test_whatever_is_sent_is_as_described(request):
    """Refused before it is sent, or as PayPal describes it: there is nothing between."""
    peer = PretendPayPal()
    try:
        session = run(PayPal(CONFIG).create_payment(request), peer.send)
    except InvalidRequest:
        assert peer.requests == []
        return
    assert session.amount == request.amount
    wire = json.loads(peer.requests[-1].body)["purchase_units"][0]["amount"]
    exact = Money.of(wire["value"], wire["currency_code"])
    assert exact == request.amount
    assert "." not in wire["value"] if wire["currency_code"] in WHOLE else wire["value"][-3] == "."


def test_a_whole_life():
    """Every operation against a peer that holds requests and answers to the description."""
    peer = PretendPayPal()
    client = Client(PayPal(CONFIG), transport=peer)
    session = client.create_payment(
        PaymentRequest(
            reference="ORDER-1",
            amount=Money(1999, "USD"),
            return_url="https://shop.example/r",
            capture=CaptureMode.MANUAL,
        )
    )
    assert client.complete(session.ref, idempotency_key="c1").status == "requires_action"
    peer.approve(session.provider_id)
    held = client.complete(session.ref, idempotency_key="c1")
    assert (held.status, held.transaction_id is None) == ("authorized", False)
    renewed = client.reauthorize(session.ref, idempotency_key="r1")
    assert renewed.transaction_id != held.transaction_id
    part = client.capture(session.ref, Money(500, "USD"), idempotency_key="p1", final=False)
    assert (part.status, part.captured) == ("authorized", Money(500, "USD"))
    again = client.capture(session.ref, Money(500, "USD"), idempotency_key="p1", final=False)
    assert (again.captured, again.transaction_id) == (part.captured, part.transaction_id)
    whole = client.capture(session.ref, Money(1000, "USD"), idempotency_key="p2")
    assert (whole.status, whole.captured) == ("succeeded", Money(1500, "USD"))
    client.void(session.ref, idempotency_key="v1")
    ref = PaymentRef(
        reference="ORDER-1", provider_id=session.provider_id, transaction_id=whole.transaction_id
    )
    refund = client.refund(RefundRequest(payment=ref, reference="R-1", amount=Money(400, "USD")))
    assert (refund.status, refund.amount) == ("succeeded", Money(400, "USD"))
    assert client.fetch_payment(session.ref).refunded == Money(400, "USD")
    assert peer.tokens == 1
    assert all(
        request.header("paypal-request-id")
        for request in peer.requests
        if "/v2/" in request.url and request.method == "POST"
    )


# Any answer that the description allows.


@pytest.mark.untraced
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_any_order_that_is_described_is_read_or_refused(data):
    order = data.draw(answers(paypal()[0], "order"))
    unit = data.draw(answers(paypal()[0], "purchase_unit"))
    payments = data.draw(answers(paypal()[0], "payment_collection"))
    unit |= {"custom_id": "ORDER-1", "amount": {"currency_code": "USD", "value": "19.99"}}
    unit["payments"] = {
        # The description makes everything optional; what is read has to be there.
        kind: [
            {
                "status": "COMPLETED",
                "amount": unit["amount"],
                **part,
                "id": f"{kind[:2].upper()}{index}",
            }
            for index, part in enumerate(parts)
        ]
        for kind, parts in payments.items()
    }
    order |= {"id": "5O190127TN364715T", "purchase_units": [unit]}
    order.setdefault("status", "COMPLETED")

    def peer(request):
        if request.url.endswith("/token"):
            return PretendPayPal().send(request)
        return HttpResponse(200, body=json.dumps(order).encode())

    ref = PaymentRef(reference="ORDER-1", provider_id="5O190127TN364715T")
    ended = attempt(lambda: run(PayPal(CONFIG).fetch_payment(ref), peer))
    if ended.error is not None:
        assert ended.error.sent is not False
        return
    payment = ended.result
    taken = [
        capture
        for capture in order["purchase_units"][0].get("payments", {}).get("captures", [])
        if capture.get("status") in {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}
    ]
    if payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED}:
        assert taken
