"""What the adapter sends is what Stripe's own types allow, and it reads whatever they allow."""

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from paykit import (
    CaptureMode,
    Customer,
    InvalidRequest,
    LineItem,
    Money,
    PaykitError,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    RefundRef,
    RefundRequest,
    Stripe,
    StripeConfig,
    TokenRequest,
)
from paykit.flow import run
from paykit.http import HttpRequest, HttpResponse
from paykit.providers.stripe import VERSION
from paykit.providers.stripe.amounts import CURRENCIES, read_money
from paykit.testing.conformance.base import attempt
from paykit.testing.conformance.data import CaseFolder

from .support.contracts import OffContractError, stripe, stripe_answers, unflatten
from .support.texts import ordinary

HERE = Path(__file__).parent
FOLDER = CaseFolder.read(HERE / "providers" / "stripe")
FIXTURES = json.loads((HERE / "contracts" / "stripe" / "stripe_fixtures_trimmed.json").read_text())[
    "resources"
]
STRIPE = Stripe(StripeConfig(secret_key="sk_test_key", webhook_secret="whsec_secret"))
CALLS = [case for case in FOLDER.cases if case.exchanges]
#: Answers and a parameter that Stripe's types do not know, on purpose.
OFF_CONTRACT = {"create-extra": "automatic_payment_methods"}


def calls_of(case):
    for exchange in case.exchanges:
        request = HttpRequest(
            exchange.method, exchange.url, exchange.headers, exchange.body.encode()
        )
        yield request, exchange.answer


def test_the_version_is_that_of_the_types():
    assert stripe().version == VERSION


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_the_case_folder_is_as_typed(case):
    for request, answer in calls_of(case):
        if case.id in OFF_CONTRACT:
            with pytest.raises(OffContractError, match=OFF_CONTRACT[case.id]):
                stripe().check_request(request)
        else:
            stripe().check_request(request)
        stripe().check_response(request, answer)


EVENTS = sorted((HERE / "providers" / "stripe").glob("webhook-*.http"))
NAMES = {
    "payment_intent": "PaymentIntent",
    "charge": "Charge",
    "refund": "Refund",
    "dispute": "Dispute",
    "checkout.session": "Session",
    "setup_intent": "SetupIntent",
    "customer": "Customer",
}
#: Not events, or wrong ones, on purpose: thin, amounts in letters, names twice, names of old.
NO_EVENTS = {
    "webhook-amount-in-letters",
    "webhook-not-an-event",
    "webhook-old-version",
    "webhook-thin",
    "webhook-twice",
    "webhook-without-type",
}


@pytest.mark.parametrize(
    "path", [path for path in EVENTS if path.stem not in NO_EVENTS], ids=lambda path: path.stem
)
def test_the_recorded_events_are_as_typed(path):
    event = json.loads(path.read_bytes().partition(b"\r\n\r\n")[2])
    stripe().check_object("Event", event)
    inside = event["data"]["object"]
    stripe().check_object(NAMES[inside["object"]], inside)


PAYMENT = {"amount": "1999", "currency": "usd", "payment_method": "pm_card_visa"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"amount": "19.99"}, "amount"),
        ({"capture_method": "later"}, "capture_method"),
        ({"confirm": "yes"}, "confirm"),
        ({"payment_method_types[0]": "card"}, "payment_method_types"),
        ({"automatic_payment_methods[allow_redirects]": "sometimes"}, "allow_redirects"),
        ({"expand": "latest_charge"}, "expand"),
        ({"reference": "ORDER-1"}, "reference"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_check_finds_what_is_wrong(change, why):
    def request(path="/v1/payment_intents", **headers):
        request = HttpRequest.post_form(
            f"https://api.stripe.com{path}",
            list({**PAYMENT, **change}.items()),
            headers={**STRIPE.headers(), "Idempotency-Key": "k"},
        )
        kept = [(name, headers.get(name, value)) for name, value in request.headers]
        return attrs.evolve(request, headers=kept)

    if why is None:
        assert stripe().check_request(request()) == PAYMENT
        for wrong in (
            request("/v1/charges"),
            request("/v1/payment_intents/pi_1/../capture"),
            request(**{"Stripe-Version": "2020-08-27"}),
            request(**{"Idempotency-Key": "k" * 256}),
            request(**{"Content-Type": "application/json"}),
            request(Authorization="Basic x"),
        ):
            with pytest.raises(OffContractError):
                stripe().check_request(wrong)
    else:
        with pytest.raises(OffContractError, match=why):
            stripe().check_request(request())


# Any request that is accepted.

texts = ordinary(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30)
)
names = st.text("abcxyz_-.ĐÔ ", min_size=1, max_size=45)
ids = ordinary(st.text("ABCabc123_", min_size=1, max_size=20))
references = ordinary(st.text("ABC123-_.:/", min_size=1, max_size=40))
URL = "https://shop.example/return/stripe?a=b"


def mostly(good, bad):
    return st.integers(0, 9).flatmap(lambda number: good if number else bad)


@st.composite
def tokens(draw):
    start = draw(st.sampled_from(["pm_", "pm_", "ctoken_", "tok_", "card_", "x_"]))
    customer = draw(st.none() | ids.map("cus_{}".format) | texts)
    return PaymentToken(provider="stripe", value=start + draw(ids), customer_id=customer)


@st.composite
def requests(draw):
    currency = draw(st.sampled_from(sorted(CURRENCIES)))

    def money():
        # A step that every currency can be counted in.
        return Money(draw(st.integers(1, 10**7)) * draw(mostly(st.just(100), st.just(1))), currency)

    token = draw(st.none() | tokens())
    save = draw(st.booleans())
    amount = Money(0, currency) if save and not draw(st.integers(0, 3)) else money()
    items = ()
    if draw(st.booleans()):
        quantity = draw(st.integers(1, 5))
        items = (LineItem(id="1", name=draw(texts), price=money(), quantity=quantity),)
        amount = draw(mostly(st.just(items[0].price * quantity), st.just(amount)))
    extra = draw(
        st.sampled_from(
            [
                {},
                {"statement_descriptor_suffix": "CUPS"},
                {"payment_method_options": {"card": {"request_multicapture": "if_available"}}},
            ]
        )
    )
    if token is None:
        extra = {"payment_intent_data": extra} if amount and "payment" not in str(extra) else {}
    elif not amount:
        extra = {}
    return PaymentRequest(
        reference=draw(mostly(references, texts.filter(str.strip))),
        amount=amount,
        description=draw(st.just("") | texts),
        order_id=draw(st.none() | references),
        return_url=draw(mostly(st.just(URL), st.none())),
        capture=draw(st.sampled_from(CaptureMode)),
        locale=draw(st.sampled_from(["vi", "en-GB", "xx", ""])),
        customer=Customer(
            id=draw(st.none() | texts | ids.map("cus_{}".format)),
            name=draw(st.none() | texts),
            email=draw(st.none() | st.emails()),
            phone=draw(st.none() | texts),
        ),
        items=items,
        token=token,
        save_token=save,
        off_session=token is not None and draw(st.booleans()),
        idempotency_key=draw(st.none() | texts),
        metadata=draw(st.dictionaries(names, texts, max_size=3)),
        method=draw(st.none() | st.just("card")),
        extra=extra,
    )


class Peer:
    """Holds each request against the types, and gives back what was asked for."""

    def __init__(self):
        self.brought = []

    def send(self, request):
        brought = stripe().check_request(request)
        path = request.url.removeprefix("https://api.stripe.com/v1/")
        self.brought.append((path, brought))
        body = json.dumps(self.made(path, brought)).encode()
        answer = HttpResponse(200, body=body)
        stripe().check_response(request, answer)
        return answer

    @staticmethod
    def made(path, brought):
        if path == "customers":
            return {"id": "cus_made", "object": "customer"}
        if path == "payment_methods":
            return {"id": "pm_made", "object": "payment_method"}
        shared = {"metadata": brought["metadata"]}
        if path == "checkout/sessions":
            lines = brought.get("line_items", [])
            total = sum(
                int(line["price_data"]["unit_amount"]) * int(line["quantity"]) for line in lines
            )
            currencies = [line["price_data"]["currency"] for line in lines]
            return {
                **shared, "id": "cs_made", "object": "checkout.session", "mode": brought["mode"],
                "status": "open", "payment_status": "unpaid", "url": "https://checkout.stripe.com/x",
                "amount_total": total if lines else None,
                "currency": currencies[0] if lines else brought["currency"],
            }  # fmt: skip
        if path == "setup_intents":
            return {**shared, "id": "seti_made", "object": "setup_intent", "status": "succeeded"}
        amount = int(brought["amount"])
        return {
            **shared, "id": "pi_made", "object": "payment_intent", "status": "succeeded",
            "amount": amount, "amount_received": amount, "currency": brought["currency"],
        }  # fmt: skip


@pytest.mark.untraced
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(requests())
def test_whatever_is_sent_is_as_typed(request):
    """Refused before anything is sent, or as Stripe's types have it: there is nothing between."""
    peer = Peer()
    try:
        session = run(STRIPE.create_payment(request), peer.send)
    except InvalidRequest:
        assert peer.brought == []
        return
    path, brought = peer.brought[-1]
    assert session.amount == request.amount
    assert brought["metadata"]["reference"] == request.reference
    assert request.metadata.items() <= brought["metadata"].items()
    if path == "payment_intents":
        assert read_money(int(brought["amount"]), brought["currency"]) == request.amount
        assert brought["capture_method"] == request.capture
    if request.amount and path == "checkout/sessions":
        assert brought["payment_intent_data"]["metadata"] == brought["metadata"]


amounts = st.builds(
    Money, st.integers(1, 10**7).map(lambda number: number * 100), st.sampled_from(["USD", "VND"])
)


@given(st.none() | amounts, references, texts, st.booleans(), st.just("") | texts)
def test_calls_on_a_payment_are_as_typed(amount, reference, key, final, note):
    """Captures, voids and refunds, with an answer that means nothing here."""
    assume(key.strip())
    sent = []

    def send(request):
        sent.append(stripe().check_request(request))
        return HttpResponse(400, body=b'{"error":{"type":"invalid_request_error"}}')

    ref = PaymentRef(reference=reference, provider_id="pi_1")
    for flow in (
        STRIPE.capture(ref, amount, idempotency_key=key, final=final),
        STRIPE.void(ref, idempotency_key=key),
        STRIPE.refund(
            RefundRequest(payment=ref, reference=reference, amount=amount, description=note)
        ),
    ):
        with pytest.raises(PaykitError):
            run(flow, send)
    assert sent


# Any answer that the types allow.

READ = frozenset(
    """amount amount_captured amount_received amount_refunded amount_total brand cancellation_reason
    capture_before captured card charge client_secret code created currency customer data
    decline_code disputed error expires_at failure_reason has_more id last4 last_payment_error
    last_setup_error latest_charge livemode message metadata mode next_action object
    payment_intent payment_method payment_method_details payment_status reason redirect_to_url
    refunds setup_future_usage setup_intent status type url""".split()
)
REF = PaymentRef(reference="ORDER-1", provider_id="pi_1", amount=Money(1999, "USD"))
PAGE = attrs.evolve(REF, provider_id="cs_1")
SETUP = attrs.evolve(REF, provider_id="seti_1")
OURS = {"reference": "ORDER-1"}
TOKEN = PaymentToken(provider="stripe", value="pm_1")
READERS = {
    "PaymentIntent": (
        {"id": "pi_1", "object": "payment_intent", "amount": 1999, "currency": "usd"},
        [
            lambda: STRIPE.fetch_payment(REF),
            lambda: STRIPE.capture(REF, idempotency_key="k"),
            lambda: STRIPE.void(REF, idempotency_key="k"),
            lambda: STRIPE.create_payment(
                PaymentRequest(reference="ORDER-1", amount=REF.amount, token=TOKEN)
            ),
        ],
    ),
    "Session": (
        {"id": "cs_1", "object": "checkout.session", "payment_intent": None, "setup_intent": None},
        [
            lambda: STRIPE.fetch_payment(PAGE),
            lambda: STRIPE.create_payment(
                PaymentRequest(reference="ORDER-1", amount=REF.amount, return_url=URL)
            ),
        ],
    ),
    "SetupIntent": (
        {"id": "seti_1", "object": "setup_intent"},
        [lambda: STRIPE.fetch_payment(SETUP)],
    ),
    "Refund": (
        {"id": "re_1", "object": "refund", "payment_intent": "pi_1"},
        [
            lambda: STRIPE.refund(RefundRequest(payment=REF, reference="ORDER-1")),
            lambda: STRIPE.fetch_refund(
                RefundRef(reference="ORDER-1", payment=REF, provider_id="re_1")
            ),
        ],
    ),
    "PaymentMethod": (
        {"id": "pm_1", "object": "payment_method"},
        [
            lambda: STRIPE.create_token(
                TokenRequest(reference="ORDER-1", customer_id="user", grant="pm_1")
            ),
            lambda: STRIPE.delete_token(TOKEN),
        ],
    ),
}


@pytest.mark.untraced
@pytest.mark.parametrize("name", READERS)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_answer_that_is_typed_is_read_or_refused(name, data):
    fixed, readers = READERS[name]
    answer = {**data.draw(stripe_answers(name, READ)), **fixed, "metadata": OURS}
    answer = {**answer, "status": data.draw(st.sampled_from(STATUSES)), **missing(answer)}
    body = json.dumps(answer).encode()
    for flow in readers:
        ended = attempt(lambda flow=flow: run(flow(), lambda _: HttpResponse(200, body=body)))
        if ended.error is not None:
            assert ended.error.sent is not False
        elif getattr(ended.result, "captured", None):
            assert answer.get("amount_received") or answer.get("payment_status") == "paid"


STATUSES = [
    "requires_payment_method", "requires_action", "requires_capture", "processing", "succeeded",
    "canceled", "pending", "failed", "open", "complete", "expired", "exploded",
]  # fmt: skip


def missing(answer):
    """The types make everything optional; some of what is read is nearly always there."""
    usual = {
        "amount": 1999, "amount_received": 1999, "currency": "usd", "created": 1, "mode": "payment",
        "payment_status": "unpaid",
    }  # fmt: skip
    return {name: value for name, value in usual.items() if name not in answer}


@pytest.mark.parametrize(
    ("name", "flow"),
    [
        ("payment_intent", lambda found: STRIPE.fetch_payment(named(found))),
        ("setup_intent", lambda found: STRIPE.fetch_payment(named(found))),
        ("checkout.session", lambda found: STRIPE.fetch_payment(named(found))),
        (
            "refund",
            lambda found: STRIPE.fetch_refund(
                RefundRef(reference="ORDER-1", payment=REF, provider_id=found["id"])
            ),
        ),
    ],
)
def test_stripes_own_examples_are_read(name, flow):
    found = {**FIXTURES[name], "metadata": OURS, "payment_intent": None}
    result = run(flow(found), lambda _: HttpResponse(200, body=json.dumps(found).encode()))
    assert (result.reference, result.provider_id) == ("ORDER-1", found["id"])


def named(found):
    return PaymentRef(
        reference="ORDER-1", provider_id=found["id"], amount=Money(FIXTURES_AMOUNT, "USD")
    )


FIXTURES_AMOUNT = 1099


def test_a_form_is_put_together_again():
    pairs = [("a", "1"), ("b[c]", "2"), ("d[0][e]", "3"), ("d[1][e]", "4"), ("f[1]", "5")]
    assert unflatten(pairs) == {
        "a": "1",
        "b": {"c": "2"},
        "d": [{"e": "3"}, {"e": "4"}],
        "f": {"1": "5"},
    }
    with pytest.raises(OffContractError):
        unflatten([("a[b]", "1"), ("a[b]", "2")])
