"""Adyen's operations beyond the case folder: the payer's part, modes, money, keys, settings."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Adyen,
    CaptureMode,
    Client,
    ConfigurationError,
    Customer,
    Declined,
    Delivery,
    FormPost,
    HandleInClient,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Redirect,
    RefundRef,
    RefundRequest,
    RequestInProgress,
    TokenGranted,
    UnsupportedOperation,
)
from paykit.declines import DeclineReason
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.money import currencies, exponent
from paykit.provider_tools import fit_key
from paykit.providers.adyen.amounts import CURRENCIES, DECIMALS, from_wire, read_money, to_wire
from paykit.providers.adyen.codes import REASONS, REFUSALS, RESULTS
from paykit.providers.adyen.methods import CARD_FIELDS, RAW_FIELDS, payment_method
from paykit.wire import Environment

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = {
    "merchant_account": "PaykitECOM",
    "api_key": "api-key",
    "hmac_key": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "capture_mode": "manual",
    "return_url": "https://shop.example/return",
}
PSP = "993617895204576J"
EUR = {"currency": "EUR", "value": 1999}
CARD = {"type": "scheme", "encryptedCardNumber": "test_4111111111111111"}
ANSWER = {"pspReference": PSP, "resultCode": "Authorised", "merchantReference": "R-1"}


def shop(**settings):
    return Adyen.from_dict({**SETTINGS, **settings}, clock=lambda: NOW)


HOLDS, TAKES = shop(), shop(capture_mode="automatic")
REF = PaymentRef(reference="R-1", provider_id=PSP, amount=Money(1999, "EUR"))


class Peer:
    """Answers with one body, and keeps what was asked."""

    def __init__(self, body, status=200):
        self.response = HttpResponse(status, body=json.dumps(body).encode())
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        return self.response

    @property
    def body(self):
        return json.loads(self.calls[-1].body)

    @property
    def key(self):
        return self.calls[-1].header("Idempotency-Key")


def request(**changes):
    made = {
        "reference": "R-1",
        "amount": Money(1999, "EUR"),
        "capture": CaptureMode.MANUAL,
        "token": PaymentToken(provider="adyen", value=json.dumps(CARD)),
    }
    return PaymentRequest(**{**made, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://test.adyen.com/x",
        "//test.adyen.com/x",
        "https://",
        "https://test.adyen.com/x\r\nSet-Cookie: a=b",
        "https://test.adyen.com/x\ty",
        "https://test.adyen.com\\@evil.example/",
        'https://test.adyen.com/"onload="x',
        " https://test.adyen.com/x",
    ],
)
def test_a_payer_is_sent_to_plain_addresses_only(url):
    for method in ("GET", "POST"):
        action = {"type": "redirect", "url": url, "method": method, "data": {"a": "b"}}
        told = {"resultCode": "RedirectShopper", "action": action}
        with pytest.raises(OutcomeUnknown):
            run(HOLDS.create_payment(request()), Peer(told))


# Held or taken.


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("8141569846251699", "8141569846251699"),  # a prefix of UnionPay's, and Luhn is right
        ("4111111111111111", None),
    ],
)
def test_what_a_stored_card_is_called_never_hides_the_payment(stored, told):
    more = {
        "tokenization.storedPaymentMethodId": stored,
        "tokenization.shopperReference": "payer-1",
    }
    peer = Peer({**ANSWER, "amount": EUR, "additionalData": more})
    asked = request(save_token=True, customer=Customer(id="payer-1"))
    session = run(HOLDS.create_payment(asked), peer)
    assert session.status is PaymentStatus.AUTHORIZED
    assert (session.token.value if session.token else None) == told


def test_an_answer_that_we_cannot_hold_was_sent_all_the_same():
    def read(_answer, _response):
        raise InvalidRequest("holds a card number", field="value")

    call = HOLDS.post("/payments", {}, moves_money=True)
    with pytest.raises(OutcomeUnknown):
        HOLDS.understand(call, HttpResponse(200, body=b"{}"), read)
    with pytest.raises(MalformedResponse):
        HOLDS.understand(HOLDS.get("/x"), HttpResponse(200, body=b"{}"), read)


def test_a_stored_card_with_a_number_for_an_id_is_charged():
    method = {"type": "scheme", "storedPaymentMethodId": "8141569846251699"}
    assert (
        payment_method(
            PaymentToken(provider="adyen", value=json.dumps(method)), Environment.SANDBOX
        )
        == method
    )


def test_an_account_that_takes_at_once():
    peer = Peer({**ANSWER, "amount": EUR})
    session = run(TAKES.create_payment(request(capture=CaptureMode.AUTOMATIC)), peer)
    assert session.status is PaymentStatus.SUCCEEDED
    assert "additionalData" not in peer.body


@pytest.mark.parametrize(
    ("provider", "mode"), [(HOLDS, CaptureMode.AUTOMATIC), (TAKES, CaptureMode.MANUAL)]
)
@pytest.mark.parametrize("token", [None, request().token])
def test_the_other_mode_is_refused_before_anything_is_sent(provider, mode, token):
    """An account that takes at once would take what was only to be held, and no notice tells."""
    peer = Peer({})
    with pytest.raises(InvalidRequest, match="capture_mode"):
        run(provider.create_payment(request(capture=mode, token=token)), peer)
    assert peer.calls == []


@pytest.mark.parametrize("mode", CaptureMode)
def test_a_card_is_kept_in_either_account(mode):
    asked = request(
        amount=Money(0, "EUR"), save_token=True, customer=Customer(id="CUSTOMER-7"), capture=mode
    )
    for provider in (HOLDS, TAKES):
        session = run(provider.create_payment(asked), Peer(ANSWER))
        assert (session.status, session.token) == (PaymentStatus.SUCCEEDED, None)


def test_a_mode_has_to_be_named():
    with pytest.raises(ConfigurationError, match="capture_mode"):
        Adyen.from_dict({k: v for k, v in SETTINGS.items() if k != "capture_mode"})


@pytest.mark.parametrize("code", [*RESULTS, "AuthenticationFinished", "Success", "Exploded"])
def test_success_is_one_word(code):
    """Nothing but Authorised is good news, in either account."""
    for provider, good in ((HOLDS, "authorized"), (TAKES, "succeeded")):
        told = {**ANSWER, "resultCode": code, "action": {"type": "threeDS2"}}
        mode = provider.config.capture_mode
        flow = provider.create_payment(request(capture=mode))
        if code in REASONS:
            with pytest.raises(Declined) as caught:
                run(flow, Peer(told))
            assert caught.value.reason == REASONS[code]
        else:
            assert (run(flow, Peer(told)).status == good) is (code == "Authorised")


@pytest.mark.parametrize(
    "changes",
    [
        {"merchantReference": "R-2"},
        {"amount": {"currency": "EUR", "value": 2000}},
        {"amount": {"currency": "EUR", "value": 1000}},
        {"amount": {"currency": "USD", "value": 1999}},
        {"amount": {"currency": "CLP", "value": 1999}},
        {"amount": {"currency": "EUR", "value": 1999.5}},
        {"resultCode": "PartiallyAuthorised", "amount": {"currency": "EUR", "value": 2000}},
        {"resultCode": "PartiallyAuthorised", "amount": {"currency": "USD", "value": 1000}},
    ],
    ids=repr,
)
def test_an_answer_about_something_else_is_not_believed(changes):
    with pytest.raises(OutcomeUnknown):
        run(HOLDS.create_payment(request()), Peer({**ANSWER, **changes}))


@pytest.mark.parametrize("provider", [HOLDS, TAKES])
def test_less_than_was_asked_is_for_a_person_to_decide(provider):
    told = {**ANSWER, "resultCode": "PartiallyAuthorised", "amount": {**EUR, "value": 1000}}
    asked = request(capture=provider.config.capture_mode)
    session = run(provider.create_payment(asked), Peer(told))
    assert (session.status, session.amount) == (PaymentStatus.NEEDS_REVIEW, Money(1000, "EUR"))


def test_when_a_hold_lapses_is_not_invented():
    asked = request(expires_at=NOW.replace(hour=4))
    assert run(HOLDS.create_payment(asked), Peer(ANSWER)).expires_at is None


# The payer's part.

THREE_DS = {"type": "threeDS2", "subtype": "challenge", "token": "eyJ", "paymentData": "Ab0"}
DATA = {"details": {"threeDSResult": "eyJ0cmFuc1N0YXR1cyI6IlkifQ=="}}


def test_details_end_a_payment():
    peer = Peer({**ANSWER, "amount": EUR})
    payment = Client(HOLDS, transport=Wire(peer)).run(HOLDS.submit_details(REF, DATA))
    assert (payment.status, payment.provider_id, payment.amount) == (
        PaymentStatus.AUTHORIZED,
        PSP,
        Money(1999, "EUR"),
    )
    assert (peer.calls[0].url, peer.body) == (f"{HOLDS.base}/payments/details", DATA)
    taken = run(TAKES.submit_details(REF, DATA), Peer(ANSWER))
    assert (taken.status, taken.captured) == (PaymentStatus.SUCCEEDED, Money(1999, "EUR"))


class Wire:
    def __init__(self, peer):
        self.send = peer

    def close(self):
        pass


def test_details_may_lead_to_another_step():
    told = {"resultCode": "ChallengeShopper", "action": THREE_DS}
    payment = run(HOLDS.submit_details(REF, DATA), Peer(told))
    assert (payment.status, payment.next) == (
        PaymentStatus.REQUIRES_ACTION,
        HandleInClient(THREE_DS),
    )
    assert payment.provider_id is None
    with pytest.raises(OutcomeUnknown):
        run(HOLDS.submit_details(REF, DATA), Peer({"resultCode": "ChallengeShopper"}))


def test_details_may_end_in_a_refusal():
    told = {**ANSWER, "resultCode": "Refused", "refusalReasonCode": "11", "refusalReason": "3D"}
    with pytest.raises(Declined) as caught:
        run(HOLDS.submit_details(REF, DATA), Peer(told))
    assert (caught.value.reason, caught.value.code) == (DeclineReason.AUTHENTICATION_FAILED, "11")


def test_the_same_details_are_the_same_call():
    keys = []
    for data in (DATA, dict(DATA), {"details": {"threeDSResult": "other"}}):
        peer = Peer(ANSWER)
        run(HOLDS.submit_details(REF, data), peer)
        keys.append(peer.key)
    assert keys[0] == keys[1] != keys[2]
    peer = Peer(ANSWER)
    run(HOLDS.submit_details(REF, DATA, idempotency_key="mine"), peer)
    assert peer.key == "mine|details|PaykitECOM"


def test_only_details_are_sent_on():
    data = {**DATA, "paymentData": "Ab0", "merchantAccount": "Other", "amount": EUR}
    peer = Peer(ANSWER)
    run(HOLDS.submit_details(REF, data), peer)
    assert peer.body == {**DATA, "paymentData": "Ab0"}


@pytest.mark.parametrize("data", [{}, {"details": {}}, {"details": None}, {"details": "x"}])
def test_details_that_are_none(data):
    with pytest.raises(InvalidRequest):
        run(HOLDS.submit_details(REF, data), Peer({}))


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ({"type": "redirect", "method": "GET", "url": "https://a.example/x"}, Redirect),
        (
            {"type": "redirect", "method": "POST", "url": "https://a.example/", "data": {"a": "b"}},
            FormPost,
        ),
        (THREE_DS, HandleInClient),
        ({"type": "qrCode", "qrCodeData": "x"}, HandleInClient),
        ({"type": "redirect", "method": "PUT", "url": "https://a.example/"}, None),
        ({"type": "redirect", "method": ["GET"], "url": "https://a.example/"}, None),
        ({"type": "redirect", "method": "GET"}, None),
        ({"type": "redirect", "method": "GET", "url": "javascript:alert(1)"}, None),
        (
            {"type": "redirect", "method": "POST", "url": "https://a.example/", "data": {"a": 1}},
            None,
        ),
        ({"type": "redirect", "method": "POST", "url": "http://a.example/", "data": {}}, None),
        ({"type": 1}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_steps(action, step):
    told = {"resultCode": "RedirectShopper", "action": action}
    if step is None:
        with pytest.raises(OutcomeUnknown):
            run(HOLDS.create_payment(request()), Peer(told))
        return
    session = run(HOLDS.create_payment(request()), Peer(told))
    assert isinstance(session.next, step)
    assert session.status is PaymentStatus.REQUIRES_ACTION


# Returns.


def returned(peer, query="redirectResult=X6XtfGC3%21Y", provider=HOLDS, method="GET"):
    delivery = Delivery.get(f"/r?{query}")
    if method == "POST":
        delivery = Delivery("POST", "/r", body=query.encode())
    return provider.parse(run(provider.verify_return(delivery), peer))


def test_a_return_is_told_to_adyen_which_says_what_came_of_it():
    for method in ("GET", "POST"):
        peer = Peer({**ANSWER, "amount": EUR})
        [event] = returned(peer, method=method)
        assert (event.reference, event.status) == ("R-1", PaymentStatus.AUTHORIZED)
        assert peer.body == {"details": {"redirectResult": "X6XtfGC3!Y"}}
    assert returned(Peer({**ANSWER, "amount": EUR}), provider=TAKES)[0].captured == event.amount


def test_a_repeated_return_is_the_same_call_and_the_same_event():
    first, again, other = (Peer({**ANSWER, "amount": EUR}) for _ in range(3))
    [one], [two] = returned(first), returned(again)
    assert (first.key, one.event_id) == (again.key, two.event_id)
    [three] = returned(other, "redirectResult=other")
    assert other.key != first.key
    assert three.event_id != one.event_id
    [later] = returned(Peer({**ANSWER, "amount": EUR, "resultCode": "Pending"}))
    assert later.event_id != one.event_id


def test_whose_payment_it_is_only_the_answer_says():
    """A result of another payment, brought to this page, tells of that other payment."""
    told = {**ANSWER, "merchantReference": "R-2", "amount": EUR}
    query = "redirectResult=stolen&reference=R-1&merchantReference=R-1"
    [event] = returned(Peer(told), query)
    assert event.reference == "R-2"


@pytest.mark.parametrize("missing", ["merchantReference", "amount"])
def test_an_answer_that_names_no_payment_is_no_news(missing):
    told = {k: v for k, v in {**ANSWER, "amount": EUR}.items() if k != missing}
    assert returned(Peer(told)) == ()


def test_a_return_that_adyen_does_not_take():
    for status, code, kind in (
        (422, "101", MalformedDelivery),
        (400, "702", MalformedDelivery),
        (404, "000", MalformedDelivery),
        (422, "704", RequestInProgress),
        (500, "000", OutcomeUnknown),
    ):
        with pytest.raises(kind):
            returned(Peer({"status": status, "errorCode": code, "message": "No."}, status))


@pytest.mark.parametrize(
    "query",
    ["", "a=b", "redirectResult=", "sessionId=CS1", "redirectResult=%00", "sessionResult=x"],
)
def test_a_return_that_brings_nothing(query):
    with pytest.raises(MalformedDelivery):
        returned(Peer({}), query)


def test_an_answer_to_a_return_that_cannot_be():
    for changes in ({"pspReference": None}, {"amount": {**EUR, "value": -1}}, {"action": {}}):
        told = {k: v for k, v in {**ANSWER, "amount": EUR, **changes}.items() if v is not None}
        with pytest.raises((MalformedDelivery, OutcomeUnknown)):
            returned(Peer(told))
    with pytest.raises(OutcomeUnknown):
        returned(Peer({**ANSWER, "pspReference": "../x"}))
    for query in ("sessionId=../x&sessionResult=x", "sessionId=CS1&sessionResult=%20"):
        with pytest.raises(MalformedDelivery):
            returned(Peer({}), query)
    with pytest.raises(MalformedDelivery):
        returned(Peer({}), "redirectResult=a&redirectResult=b", method="POST")


def test_a_return_may_bring_a_card():
    said = {"tokenization.storedPaymentMethodId": "M5N7TQ4TG5PFWR50"}
    owner = {"tokenization.shopperReference": "CUSTOMER-7"}
    told = {**ANSWER, "amount": EUR, "additionalData": {**said, **owner}}
    _, granted = returned(Peer(told))
    assert isinstance(granted, TokenGranted)
    assert (granted.customer_id, granted.grant) == ("CUSTOMER-7", "M5N7TQ4TG5PFWR50")
    for wrong in (said, owner, {**said, **owner, "tokenization.storedPaymentMethodId": "../x"}):
        assert len(returned(Peer({**told, "additionalData": wrong}))) == 1
    refused = {**told, "resultCode": "Refused"}
    assert len(returned(Peer(refused))) == 1


def test_a_page_that_lives_until_nobody_knows():
    told = {"id": "CS1", "reference": "R-1", "amount": EUR, "url": "https://test.adyen.link/x"}
    for expires in ("soon", "2026-01-02T04:00:00", None, 7, "9999-12-31T23:59:59-14:00"):
        with pytest.raises(MalformedResponse):
            run(HOLDS.create_payment(request(token=None)), Peer({**told, "expiresAt": expires}))


# Hosted pages.

SESSION = {
    "id": "CS1",
    "reference": "R-1",
    "status": "completed",
    "payments": [{"pspReference": PSP, "resultCode": "Authorised", "amount": EUR}],
}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "authorized"),
        ({"status": "refused", "payments": []}, "failed"),
        ({"status": "canceled", "payments": []}, "canceled"),
        ({"status": "expired", "payments": []}, "expired"),
        ({"status": "active", "payments": []}, "requires_action"),
        ({"status": "paymentPending", "payments": []}, "pending"),
        ({"status": "completed", "payments": []}, "unknown"),
        ({"status": "completed", "payments": SESSION["payments"] * 2}, "unknown"),
        ({"status": "exploded"}, "unknown"),
        ({"payments": [{**SESSION["payments"][0], "resultCode": "Pending"}]}, "pending"),
        ({"payments": [{**SESSION["payments"][0], "resultCode": "Exploded"}]}, "unknown"),
    ],
    ids=repr,
)
def test_what_became_of_a_hosted_page(changes, status):
    peer = Peer({**SESSION, **changes})
    payment = run(HOLDS.fetch_session(REF, "CS1", "Ab02b4c0!x=="), peer)
    assert payment.status == status
    assert peer.calls[0].url == f"{HOLDS.base}/sessions/CS1?sessionResult=Ab02b4c0%21x%3D%3D"
    events = returned(Peer({**SESSION, **changes}), "sessionId=CS1&sessionResult=x")
    if payment.amount is None:
        assert events == ()
    else:
        assert [event.status for event in events] == [status]


def test_a_page_of_another_payment():
    for changes in ({"reference": "R-2"}, {"id": "CS2"}, {"reference": None}):
        with pytest.raises(MalformedResponse):
            run(HOLDS.fetch_session(REF, "CS1", "x"), Peer({**SESSION, **changes}))
    other = [{**SESSION["payments"][0], "amount": {**EUR, "value": 1}}]
    with pytest.raises(MalformedResponse):
        run(HOLDS.fetch_session(REF, "CS1", "x"), Peer({**SESSION, "payments": other}))
    assert returned(Peer({**SESSION, "reference": None}), "sessionId=CS1&sessionResult=x") == ()


@pytest.mark.parametrize(("one", "two"), [("../x", "x"), ("CS1", ""), ("CS1", "a b"), ("", "x")])
def test_ids_of_a_page_are_looked_at(one, two):
    with pytest.raises(InvalidRequest):
        run(HOLDS.fetch_session(REF, one, two), Peer({}))


def test_nothing_is_not_given_back():
    nothing = PaymentRef(reference="R-1", provider_id=PSP, amount=Money(0, "EUR"))
    with pytest.raises(InvalidRequest):
        run(HOLDS.refund(RefundRequest(payment=nothing, reference="F")), Peer({}))


# Captures and refunds.

RECEIVED = {"pspReference": "CAPTURE1", "paymentPspReference": PSP, "status": "received"}


def test_several_captures_are_for_accounts_that_have_them():
    several = shop(multiple_captures=True)
    part = Money(500, "EUR")
    answer = {**RECEIVED, "amount": {"currency": "EUR", "value": 500}}
    for provider, final in ((HOLDS, True), (several, False)):
        flow = provider.capture(REF, part, idempotency_key="k", final=final)
        assert run(flow, Peer(answer)).status is PaymentStatus.PENDING
        with pytest.raises(InvalidRequest) as caught:
            run(provider.capture(REF, part, idempotency_key="k", final=not final), Peer(answer))
        assert caught.value.field == "final"
    for final in (True, False):  # all of it leaves nothing
        flow = several.capture(REF, idempotency_key="k", final=final)
        assert run(flow, Peer({**RECEIVED, "amount": EUR})).status is PaymentStatus.PENDING


def test_each_call_has_its_own_key():
    """One key for everything, given by the caller: no two calls of Adyen's share it."""
    keys = set()
    for flow in (
        HOLDS.create_payment(request(idempotency_key="K")),
        HOLDS.create_payment(request(idempotency_key="K", token=None)),
        HOLDS.capture(REF, idempotency_key="K"),
        HOLDS.void(REF, idempotency_key="K"),
        HOLDS.void(PaymentRef(reference="R-1"), idempotency_key="K"),
        HOLDS.refund(RefundRequest(payment=REF, reference="K")),
        HOLDS.submit_details(REF, DATA, idempotency_key="K"),
        shop(merchant_account="Other").capture(REF, idempotency_key="K"),
    ):
        peer = Peer({}, 500)
        with pytest.raises(PaykitError):
            run(flow, peer)
        keys.add(peer.key)
    assert len(keys) == 8
    assert all(len(key) <= 64 for key in keys)


@given(st.text(min_size=1).filter(str.strip), st.text(max_size=90), st.integers(64, 255))
def test_a_key_fits_its_header(key, more, limit):
    made = fit_key(key, more, limit=limit)
    assert 1 <= len(made) <= max(limit, 64)
    assert made.isascii()
    assert made.isprintable()
    assert " " not in made
    assert made == fit_key(key, more, limit=limit)


def test_there_is_no_asking():
    for flow in (
        lambda: HOLDS.fetch_payment(REF),
        lambda: HOLDS.fetch_refund(RefundRef(reference="F", payment=REF)),
    ):
        with pytest.raises(UnsupportedOperation, match="webhooks"):
            flow()
    assert {"fetch_payment", "fetch_refund", "complete"}.isdisjoint(HOLDS.capabilities)


def test_all_cards_of_a_payer():
    cards = [{"id": "M5N7TQ4TG5PFWR50", "lastFour": "1111"}, {"id": "8415718415172204"}]
    told = {
        "merchantAccount": "PaykitECOM",
        "shopperReference": "CUSTOMER-7",
        "storedPaymentMethods": cards,
    }
    found = run(HOLDS.list_tokens("CUSTOMER-7"), Peer(told))
    assert [(card.value, card.label) for card in found] == [
        ("M5N7TQ4TG5PFWR50", "•••• 1111"),
        ("8415718415172204", None),
    ]
    cards[1]["shopperReference"] = "CUSTOMER-8"
    with pytest.raises(MalformedResponse):
        run(HOLDS.list_tokens("CUSTOMER-7"), Peer(told))
    with pytest.raises(NotFound):
        run(HOLDS.list_tokens("CUSTOMER-7"), Peer({"errorCode": "800"}, 422))


# Cards in the clear.


def method_of(value, environment=Environment.SANDBOX):
    return payment_method(PaymentToken(provider="adyen", value=value), environment)


@pytest.mark.parametrize("name", sorted({*RAW_FIELDS, "expiryMonth", "CVC", "cardNumber"}))
@pytest.mark.parametrize("kind", ["scheme", "somewallet"])
def test_a_card_in_the_clear_is_refused_by_any_name(name, kind):
    for value in ({name: "737"}, {name: 737}, {"inside": [{name: "737"}]}):
        with pytest.raises(InvalidRequest) as caught:
            method_of(json.dumps({"type": kind, **value}))
        assert "737" not in str(caught.value)


def test_a_card_number_is_refused_anywhere():
    for number in ("4111111111111111", "4111 1111 1111 1111", "٤١١١١١١١١١١١١١١١", 4111111111111111):
        for name in ("holderName", "encryptedCardNumber", "sdkData", "brand"):
            with pytest.raises(InvalidRequest) as caught:
                method_of(json.dumps({"type": "scheme", name: number}, ensure_ascii=False))
            assert str(number) not in str(caught.value)


def test_test_cards_are_for_tests():
    value = json.dumps(CARD)
    assert method_of(value) == CARD
    with pytest.raises(InvalidRequest, match="test"):
        method_of(value, Environment.PRODUCTION)
    encrypted = {"type": "scheme", "encryptedCardNumber": "eyJhbGciOiJSU0EtT0FFUCJ9.x.y"}
    assert method_of(json.dumps(encrypted), Environment.PRODUCTION) == encrypted


@pytest.mark.parametrize("kind", ["Scheme", "CARD", "", "a b", None, 7, [], "x" * 65])
def test_types_that_are_none(kind):
    with pytest.raises(InvalidRequest):
        method_of(json.dumps({"type": kind, "encryptedCardNumber": "x-y"}))


def test_what_a_card_may_bring_along():
    assert not {name.lower() for name in CARD_FIELDS} & RAW_FIELDS
    wallet = {"type": "googlepay", "googlePayToken": '{"signature":"MEUC"}'}
    assert method_of(json.dumps(wallet)) == wallet


@pytest.mark.parametrize(
    "value", ["short", "a" * 65, "a/b/c/d/e/f", "[]", "null", "M5N7TQ4TG5PFWR5?"]
)
def test_what_is_neither_a_card_nor_stored(value):
    with pytest.raises(InvalidRequest):
        method_of(value)


# Money.


def test_decimals_are_adyens_own():
    own = {code: places for code, places in DECIMALS.items() if places != exponent(code)}
    assert own == {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
    assert set(DECIMALS.values()) == {0, 2, 3}
    assert currencies() >= CURRENCIES


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_money_there_and_back(currency):
    """Exact in each currency that Adyen lists, or refused before anything is sent."""
    unit = 10 ** max(exponent(currency) - DECIMALS[currency], 0)
    for minor in (0, 1, 99, 100, 12345, 10**15):
        amount = Money(minor * unit, currency)
        wire = to_wire(amount)
        assert wire["value"] == amount.to_decimal().scaleb(DECIMALS[currency])
        assert from_wire(currency, wire["value"]) == read_money(wire) == amount
        if unit > 1:
            with pytest.raises(InvalidRequest):
                to_wire(amount + Money(1, currency))
    if DECIMALS[currency] > exponent(currency):
        with pytest.raises(ValueError, match="fraction"):
            from_wire(currency, 1)


@pytest.mark.parametrize("currency", sorted(currencies() - CURRENCIES))
def test_other_currencies_are_refused(currency):
    with pytest.raises(InvalidRequest):
        to_wire(Money(100, currency))
    with pytest.raises(ValueError, match="Adyen"):
        from_wire(currency, 100)


@pytest.mark.parametrize(
    "value",
    [
        {"currency": "EUR", "value": "1"},
        {"currency": "EUR", "value": True},
        {"currency": "EUR", "value": -1},
        {"currency": "EUR", "value": 2**63},
        {"currency": ["EUR"], "value": 1},
        {"value": 1},
        "1",
        None,
    ],
    ids=repr,
)
def test_other_spellings_of_money_are_refused(value):
    with pytest.raises(ValueError, match="amount"):
        read_money(value)


def test_amounts_beyond_64_bits():
    with pytest.raises(InvalidRequest):
        to_wire(Money(2**62, "ISK"))
    with pytest.raises(ValueError, match="sensible"):
        from_wire("IDR", 2**62)
    with pytest.raises(InvalidRequest):
        to_wire(Money(-1, "EUR"))


# Words and settings.


def test_reasons_are_in_the_vocabulary():
    assert set(REFUSALS.values()) | set(REASONS.values()) <= set(DeclineReason)


def test_where_production_is():
    live = shop(environment="production", live_prefix="1797a841fbb37ca7-PaykitShop")
    assert live.base == (
        "https://1797a841fbb37ca7-PaykitShop-checkout-live.adyenpayments.com/checkout/v72"
    )
    assert HOLDS.base == "https://checkout-test.adyen.com/v72"
    assert shop(environment="production", base_url="https://proxy.example/v72").base == (
        "https://proxy.example/v72"
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"environment": "production"}, "live_prefix"),
        ({"environment": "production", "live_prefix": "evil.example/"}, "live_prefix"),
        ({"environment": "production", "live_prefix": "{x}"}, "live_prefix"),
        ({"merchant_account": "a:b"}, "merchant_account"),
        ({"merchant_account": "a&b"}, "merchant_account"),
        ({"capture_mode": "later"}, "capture_mode"),
        ({"webhook_user": "adyen"}, "webhook_password"),
        ({"webhook_password": "secret"}, "webhook_user"),
        ({"webhook_user": "a:b", "webhook_password": "secret"}, "webhook_user"),
        ({"return_url": "shop.example"}, "return_url"),
        ({"api_key": " "}, "api_key"),
    ],
    ids=repr,
)
def test_settings_that_cannot_be(settings, field):
    with pytest.raises(ConfigurationError, match=field):
        shop(**settings)


def test_settings_from_the_environment():
    named = {f"PAYKIT_ADYEN_{name.upper()}": value for name, value in SETTINGS.items()}
    keys = {"PAYKIT_ADYEN_PREVIOUS_HMAC_KEYS": f"{'A' * 64},{'B' * 64}"}
    config = Adyen.from_env(environ={**named, **keys}).config
    assert config.capture_mode is CaptureMode.MANUAL
    assert len(config.previous_hmac_keys) == 2
