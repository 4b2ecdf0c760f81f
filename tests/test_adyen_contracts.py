"""What the adapter sends is what Adyen's own description allows, and it reads what that allows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from paykit import (
    Adyen,
    CaptureMode,
    Client,
    Customer,
    Declined,
    InvalidRequest,
    Money,
    NotFound,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    RefundRequest,
    TokenRequest,
)
from paykit.flow import run
from paykit.http import Delivery, HttpRequest, HttpResponse
from paykit.providers.adyen.amounts import CURRENCIES, DECIMALS
from paykit.providers.adyen.requests import MODELS
from paykit.testing.conformance.base import attempt
from paykit.testing.conformance.data import CaseFolder

from .support.adyen import PretendAdyen, signed
from .support.contracts import (
    FOLDER as CONTRACTS,
)
from .support.contracts import (
    OffContractError,
    adyen,
    adyen_webhooks,
    answers,
    check_adyen,
    check_adyen_webhook,
)
from .support.texts import ordinary

FOLDER = CaseFolder.read(Path(__file__).parent / "providers" / "adyen")
FIXTURES = json.loads((CONTRACTS / "adyen" / "adyen_fixtures_trimmed.json").read_text("utf-8"))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = {**FOLDER.config, "merchant_account": "YOUR_MERCHANT_ACCOUNT"}
SHOPS = {
    mode: Adyen.from_dict({**SETTINGS, "capture_mode": mode}, clock=lambda: NOW)
    for mode in CaptureMode
}
HELD = SHOPS[CaptureMode.MANUAL]
#: Answers that Adyen's description does not know, on purpose.
OFF_CONTRACT = {
    "capture-unseen",
    "create-not-taken-conflict",
    "create-not-taken-nowhere",
    "create-not-taken-redirect",
    "create-not-taken-timeout-on-the-way",
    "create-not-taken-too-many",
    "create-not-taken-unavailable",
    "create-hosted-refused-down",
    "create-hosted-refused-limit",
    "create-results-exploded",
    "create-other-answer-action-without-type",
    "create-token-refused",
    "delete-token-refused-gone",
    "delete-token-refused-not-let-in",
    "delete-token-refused-other-status",
    "refund-state",
}
CALLS = [case for case in FOLDER.cases if case.exchanges]


def calls_of(case):
    for exchange in case.exchanges:
        request = HttpRequest(
            exchange.method, exchange.url, exchange.headers, exchange.body.encode()
        )
        yield request, exchange.answer


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_the_case_folder_is_as_described(case):
    for request, answer in calls_of(case):
        check_adyen(request)
        if case.id in OFF_CONTRACT:
            with pytest.raises(OffContractError):
                check_adyen(request, answer)
        else:
            check_adyen(request, answer)


def test_the_exceptions_are_cases():
    assert {case.id for case in CALLS} >= OFF_CONTRACT


PAYMENT = {
    "merchantAccount": "M",
    "amount": {"currency": "EUR", "value": 1},
    "reference": "R",
    "returnUrl": "https://shop.example",
    "paymentMethod": {"type": "scheme", "encryptedCardNumber": "x"},
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"amount": {"currency": "EUR", "value": "1"}}, "value"),
        ({"amount": {"currency": "EURO", "value": 1}}, "currency"),
        ({"amount": {"currency": "EUR"}}, "value"),
        ({"reference": "x" * 81}, "reference"),
        ({"channel": "web"}, "channel"),
        ({"captureMode": "manual"}, "captureMode"),
        ({"additionalData": {"manualCapture": True}}, "manualCapture"),
        ({"metadata": {"n": 1}}, "metadata"),
        ({"paymentMethod": {"type": "scheme", "encryptedNumber": "x"}}, "paymentMethod"),
        ({"recurringProcessingModel": "Monthly"}, "recurringProcessingModel"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_check_finds_what_is_wrong(change, why):
    request = HttpRequest.post_json(
        "https://checkout-test.adyen.com/v72/payments", {**PAYMENT, **change}
    )
    if why is None:
        check_adyen(request)
        for wrong in ("/v71/payments", "/v72/payments/a/b/captures", "/v72/payments?a=b"):
            with pytest.raises(OffContractError):
                check_adyen(HttpRequest.post_json(f"https://checkout-test.adyen.com{wrong}", {}))
    else:
        with pytest.raises(OffContractError, match=why):
            check_adyen(request)


# Any request that is accepted.

good_texts = ordinary(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=22)
)
bad_texts = ordinary(st.text(st.characters(codec="utf-8"), max_size=140))


def mostly(good, bad):
    """One value in ten is a strange one, so that a fair share of the requests gets through."""
    return st.integers(0, 9).flatmap(lambda number: good if number else bad)


texts = mostly(good_texts, bad_texts)
owners = mostly(st.sampled_from(["CUSTOMER-7", "CUSTOMER-8"]), bad_texts)


@st.composite
def tokens(draw):
    stored = draw(st.booleans())
    if stored and draw(st.booleans()):
        return PaymentToken(provider="adyen", value="M5N7TQ4TG5PFWR50", customer_id=draw(owners))
    method = {"type": draw(mostly(st.just("scheme"), st.sampled_from(["bcmc", "card", "Scheme"])))}
    if stored:
        method["storedPaymentMethodId"] = "M5N7TQ4TG5PFWR50"
    else:
        method["encryptedCardNumber"] = draw(mostly(st.just("test_4111111111111111"), texts))
        method["encryptedExpiryMonth"] = "test_03"
    if draw(st.booleans()):
        method["holderName"] = draw(texts)
    if draw(st.booleans()):
        method["brand"] = "visa"
    return PaymentToken(provider="adyen", value=json.dumps(method))


@st.composite
def requests(draw):
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    scale = 100 if DECIMALS[currency] == 0 and draw(st.integers(0, 9)) else 1
    save = draw(st.integers(0, 3)) == 0
    zero = draw(st.integers(0, 4)) == 0
    token = draw(st.none() | tokens())
    extra = {}
    if draw(st.booleans()):
        extra["channel"] = "Web"
    if draw(st.integers(0, 3)) == 0:
        model = draw(mostly(st.sampled_from(sorted(MODELS)), texts))
        extra["recurringProcessingModel"] = model
    if draw(st.integers(0, 5)) == 0:
        extra["additionalData"] = {"a": draw(mostly(st.just("b"), st.integers()))}
    reference = draw(texts)
    assume(reference.strip())
    return PaymentRequest(
        reference=reference,
        amount=Money(0 if zero else draw(st.integers(1, 10**12)) * scale, currency),
        order_id=draw(st.none() | texts),
        return_url=draw(st.sampled_from(["https://shop.example/r?a=b", "http://localhost/r"])),
        capture=draw(st.sampled_from(CaptureMode)),
        locale=draw(mostly(st.sampled_from(["vi", "en-US"]), bad_texts)),
        customer=Customer(
            id=draw(st.none() | owners),
            email=draw(st.none() | mostly(st.just("a@mail.example"), bad_texts)),
            ip=draw(st.none() | mostly(st.just("192.0.2.1"), bad_texts)),
            phone=draw(st.none() | texts),
        ),
        token=token,
        save_token=save,
        off_session=token is not None and draw(st.integers(0, 4)) == 0,
        expires_at=draw(st.none() | st.just(NOW + timedelta(hours=draw(st.integers(-1, 25))))),
        idempotency_key=draw(st.none() | texts),
        metadata=draw(st.dictionaries(good_texts, texts, max_size=3)),
        extra=extra,
    )


@pytest.mark.untraced
@settings(
    max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(requests())
def test_whatever_is_sent_is_as_described(request):
    """Refused before it is sent, or as Adyen describes it: there is nothing between."""
    sent = []

    def peer(call):
        sent.append(call)
        return HttpResponse(500, body=b"{}")

    shop = SHOPS[request.capture]
    ended = attempt(lambda: run(shop.create_payment(request), peer))
    if isinstance(ended.error, InvalidRequest):
        assert sent == []
        return
    [call] = sent
    check_adyen(call)
    assert 1 <= len(call.header("Idempotency-Key")) <= 64
    body = json.loads(call.body)
    assert body["reference"] == body["metadata"]["reference"] == request.reference
    assert body["amount"]["currency"] == request.amount.currency
    places = DECIMALS[request.amount.currency]
    assert body["amount"]["value"] == request.amount.to_decimal().scaleb(places)
    manual = body.get("additionalData", {}).get("manualCapture")
    held = request.capture is CaptureMode.MANUAL and bool(request.amount)
    assert manual == ("true" if held else None)


MODIFICATION = {
    "merchantAccount": "YOUR_MERCHANT_ACCOUNT",
    "pspReference": "993617894906488A",
    "paymentPspReference": "993617894903480A",
    "status": "received",
}
REF = PaymentRef(reference="R-1", provider_id="993617894903480A", amount=Money(2000, "EUR"))


@given(st.integers(1, 2000), texts, st.booleans())
def test_modifications_are_as_described(cents, key, release):
    sent = []
    amount = Money(cents, "EUR")

    def peer(call):
        check_adyen(call)
        sent.append(call)
        answer = {**MODIFICATION, "amount": {"currency": "EUR", "value": cents}}
        response = HttpResponse(201, body=json.dumps(answer).encode())
        check_adyen(call, response) if "amount" in json.loads(call.body) else None
        return response

    assume(key.strip())
    if release:
        assert run(HELD.void(REF, idempotency_key=key), peer).status == "pending"
    else:
        assert run(HELD.capture(REF, amount, idempotency_key=key), peer).status == "pending"
        request = RefundRequest(payment=REF, reference=key, amount=amount, idempotency_key="k")
        assert run(HELD.refund(request), peer).status == "pending"
    keys = [call.header("Idempotency-Key") for call in sent]
    assert len(set(keys)) == len(keys)
    assert all(1 <= len(one) <= 64 for one in keys)


def test_a_whole_life():
    """Every operation against a peer that holds requests and answers to the description."""
    peer = PretendAdyen("YOUR_MERCHANT_ACCOUNT")
    client = Client(HELD, transport=peer)

    def news():
        return [event for call in peer.webhooks() for event in client.receive(call)]

    def pay(reference, name, **more):
        card = {"type": "scheme", "encryptedCardNumber": "test_4111", "holderName": name}
        token = PaymentToken(provider="adyen", value=json.dumps(card))
        return client.create_payment(
            PaymentRequest(
                reference=reference,
                amount=more.pop("amount", Money(1999, "EUR")),
                capture=CaptureMode.MANUAL,
                token=token,
                **more,
            )
        )

    with pytest.raises(Declined) as caught:
        pay("R-0", "DECLINED")
    assert caught.value.reason == "insufficient_funds"
    session = pay("R-1", "CHALLENGE")
    assert (session.status, news()) == ("requires_action", [])
    details = {"details": {"threeDSResult": session.next.action["token"]}}
    held = client.run(HELD.submit_details(session.ref, details))
    again = client.run(HELD.submit_details(session.ref, details))
    assert (held.status, again.provider_id) == ("authorized", held.provider_id)
    ref = PaymentRef(reference="R-1", provider_id=held.provider_id, amount=held.amount)
    assert [event.status for event in news()] == ["authorized"]
    taken = client.capture(ref, idempotency_key="c")
    assert client.capture(ref, idempotency_key="c").transaction_id == taken.transaction_id
    [captured] = news()
    assert (captured.provider_id, captured.movement.id) == (ref.provider_id, taken.transaction_id)
    refund = client.refund(RefundRequest(payment=ref, reference="F", amount=Money(500, "EUR")))
    [refunded] = news()
    assert (refunded.movement.id, refunded.amount) == (refund.provider_id, Money(500, "EUR"))
    other = pay("R-2", "A")
    assert client.void(other.ref, idempotency_key="v").status == "pending"
    assert [event.status for event in news()] == ["authorized", "canceled"]
    owner = Customer(id="CUSTOMER-7")
    stored = pay("R-3", "A", amount=Money(0, "EUR"), save_token=True, customer=owner)
    request = TokenRequest(reference="R-3", customer_id="CUSTOMER-7")
    assert client.create_token(request) == stored.token
    later = client.create_payment(
        PaymentRequest(
            reference="R-4",
            amount=Money(1, "EUR"),
            capture=CaptureMode.MANUAL,
            token=stored.token,
            off_session=True,
        )
    )
    assert later.status == "authorized"
    client.delete_token(stored.token)
    with pytest.raises(NotFound):
        client.create_token(request)


# Any answer that the description allows.

CARD = PaymentToken(provider="adyen", value='{"type":"scheme","encryptedCardNumber":"x-y"}')
REQUEST = PaymentRequest(
    reference="R-1", amount=Money(1000, "EUR"), capture=CaptureMode.MANUAL, token=CARD
)
CALLS_BY_ANSWER = {
    "PaymentResponse": (200, lambda: HELD.create_payment(REQUEST)),
    "PaymentDetailsResponse": (
        200,
        lambda: HELD.submit_details(REQUEST_REF, {"details": {"redirectResult": "x"}}),
    ),
    "PaymentCaptureResponse": (201, lambda: HELD.capture(REF, idempotency_key="k")),
    "PaymentCancelResponse": (201, lambda: HELD.void(REF, idempotency_key="k")),
    "StandalonePaymentCancelResponse": (
        201,
        lambda: HELD.void(PaymentRef(reference="R-1"), idempotency_key="k"),
    ),
    "PaymentRefundResponse": (201, lambda: HELD.refund(RefundRequest(payment=REF, reference="F"))),
    "ListStoredPaymentMethodsResponse": (200, lambda: HELD.list_tokens("CUSTOMER-7")),
    "SessionResultResponse": (200, lambda: HELD.fetch_session(REQUEST_REF, "CS1", "x")),
    "CreateCheckoutSessionResponse": (
        201,
        lambda: HELD.create_payment(
            PaymentRequest(reference="R-1", amount=Money(1000, "EUR"), capture=CaptureMode.MANUAL)
        ),
    ),
    "ServiceError": (422, lambda: HELD.create_payment(REQUEST)),
}
REQUEST_REF = PaymentRef(reference="R-1", amount=Money(1000, "EUR"))
#: What is right about an answer, laid over what the description makes up: in half of the cases.
RIGHT = {
    "pspReference": "993617894906488A",
    "paymentPspReference": REF.provider_id,
    "paymentReference": "R-1",
    "merchantReference": "R-1",
    "reference": "R-1",
    "shopperReference": "CUSTOMER-7",
    "merchantAccount": "YOUR_MERCHANT_ACCOUNT",
    "id": "CS1",
    "url": "https://test.adyen.link/x",
    "expiresAt": "2026-01-02T04:04:05Z",
}


@pytest.mark.untraced
@pytest.mark.parametrize("name", CALLS_BY_ANSWER)
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(st.data())
def test_any_answer_that_is_described_is_read_or_refused(name, data):
    """A result or one of paykit's errors, and never an error that hides that it was sent."""
    status, flow = CALLS_BY_ANSWER[name]
    told = data.draw(answers(adyen(), name))
    if data.draw(st.booleans()):
        known = adyen().document["components"]["schemas"][name]["properties"]
        told |= {key: value for key, value in RIGHT.items() if key in known}
        value = 2000 if "paymentPspReference" in known else 1000
        if "amount" in known:
            told["amount"] = {"currency": "EUR", "value": value}
    response = HttpResponse(status, body=json.dumps(told).encode())
    ended = attempt(lambda: run(flow(), lambda _: response))
    if ended.error is not None:
        assert ended.error.sent is not False
        return
    if getattr(ended.result, "status", None) in {PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED}:
        inside = told.get("payments", [{}])[0] if name == "SessionResultResponse" else told
        assert inside["resultCode"] == "Authorised"
        assert ended.result.provider_id == inside["pspReference"]


@pytest.mark.parametrize("name", [n for n in FIXTURES["api"] if n.startswith("generic-")])
def test_every_published_error_is_an_error(name):
    told = FIXTURES["api"][name]
    response = HttpResponse(told["status"], body=json.dumps(told).encode())
    ended = attempt(lambda: run(HELD.create_payment(REQUEST), lambda _: response))
    kinds = {401: "AuthenticationFailed", 403: "AuthenticationFailed", 500: "OutcomeUnknown"}
    assert type(ended.error).__name__ == kinds.get(told["status"], "ProviderError")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("post-payments-card-3d-secure-2-web-200", "requires_action"),
        ("post-payments-card-3d-secure-redirect-200", "requires_action"),
        ("post-payments-card-securedfields-200", "authorized"),
        ("post-payments-details-00.redirect-200", "authorized"),
    ],
)
def test_every_published_answer_is_read(name, status):
    told = dict(FIXTURES["api"][name])
    if "merchantReference" in told:
        assert told["merchantReference"] == "string"  # nobody's
        told["merchantReference"] = "R-1"
    response = HttpResponse(200, body=json.dumps(told).encode())
    session = run(HELD.create_payment(REQUEST), lambda _: response)
    assert session.status == status


# Webhooks.


#: Adyen's own samples say more, or less, than its description.
OFF_CONTRACT_WEBHOOKS = {"webhook-of-the-library", "webhook-report"}


@pytest.mark.parametrize("call", FOLDER.calls, ids=lambda call: call.id)
def test_the_recorded_webhooks_are_as_described(call):
    if call.returned or call.error or b"notificationItems" not in call.delivery.body:
        return
    if call.id in OFF_CONTRACT_WEBHOOKS:
        with pytest.raises(OffContractError):
            check_adyen_webhook(call.delivery.json())
    else:
        check_adyen_webhook(call.delivery.json())


EVENTS = [name.removeprefix("/") for name in adyen_webhooks().document["paths"]]


@pytest.mark.untraced
@pytest.mark.parametrize("code", EVENTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_webhook_that_is_described_is_read_or_refused(code, data):
    """Signed afresh, whatever the description allows gives events or a WebhookError."""
    document = adyen_webhooks().document
    schema = document["paths"][f"/{code}"]["post"]["requestBody"]["content"]["application/json"]
    name = schema["schema"]["$ref"].rpartition("/")[2]
    body = data.draw(answers(adyen_webhooks(), name))
    ours = data.draw(st.booleans())
    for wrapper in body.get("notificationItems", []):
        item = wrapper.get("NotificationRequestItem")
        if item is None:
            continue
        item["eventCode"] = code
        item["additionalData"] = item.get("additionalData", {})
        if ours:
            item |= {
                "pspReference": "993617894906488A",
                "merchantReference": "R-1",
                "merchantAccountCode": "YOUR_MERCHANT_ACCOUNT",
                "success": data.draw(st.sampled_from(["true", "false"])),
                "amount": {"currency": "EUR", "value": 1000},
            }
            if "originalReference" in item:
                item["originalReference"] = "993617894903480A"
        signed(item, HELD)
    if ours:
        body["live"] = "false"
    delivery = Delivery.post_json(json.dumps(body))

    def receive():
        return HELD.parse(run(HELD.verify(delivery), lambda _: None))

    ended = attempt(receive)
    if ended.error is None:
        assert all(event.reference == "R-1" for event in ended.result) or not ours
    elif ours and body.get("notificationItems"):
        assert any("NotificationRequestItem" not in one for one in body["notificationItems"])


@pytest.mark.parametrize("name", FIXTURES["webhooks"])
def test_every_published_webhook_means_something_or_nothing(name):
    body = json.loads(json.dumps(FIXTURES["webhooks"][name]))
    codes = []
    for wrapper in body["notificationItems"]:
        item = wrapper["NotificationRequestItem"]
        item["merchantAccountCode"] = "YOUR_MERCHANT_ACCOUNT"
        codes.append(item["eventCode"])
        signed(item, HELD)
    delivery = Delivery.post_json(json.dumps(body))
    events = HELD.parse(run(HELD.verify(delivery), lambda _: None))
    assert [event.code for event in events] == [code for code in codes if code in NEWS]


NEWS = set(
    """AUTHORISATION CAPTURE CAPTURE_FAILED CANCELLATION CANCEL_OR_REFUND REFUND REFUND_FAILED
    REFUNDED_REVERSED EXPIRE OFFER_CLOSED TECHNICAL_CANCEL CHARGEBACK CHARGEBACK_REVERSED
    SECOND_CHARGEBACK NOTIFICATION_OF_CHARGEBACK REQUEST_FOR_INFORMATION""".split()
)


def test_a_card_that_is_stored_is_found_again():
    told = {
        "merchantAccount": "YOUR_MERCHANT_ACCOUNT",
        "shopperReference": "CUSTOMER-7",
        "storedPaymentMethods": [{"id": "M5N7TQ4TG5PFWR50", "lastFour": "1111"}],
    }

    def peer(call):
        response = HttpResponse(200, body=json.dumps(told).encode())
        check_adyen(call, response)
        return response

    request = TokenRequest(reference="R-1", customer_id="CUSTOMER-7", grant="M5N7TQ4TG5PFWR50")
    assert run(HELD.create_token(request), peer).label == "•••• 1111"
