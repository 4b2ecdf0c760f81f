"""The way into Adyen's API: keys, accounts, idempotency, and whatever strangers send."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paykit.sandbox.adyen.errors import Refusal

from . import adyen_client as adyen
from .adyen_client import MANUAL, call, codes, error, held, items, modify, pay, payment, send

POSTS = [
    "/payments",
    "/payments/details",
    "/payments/XXXXXXXXXXXXXXXX/captures",
    "/payments/XXXXXXXXXXXXXXXX/cancels",
    "/payments/XXXXXXXXXXXXXXXX/refunds",
    "/payments/XXXXXXXXXXXXXXXX/reversals",
    "/payments/XXXXXXXXXXXXXXXX/amountUpdates",
    "/cancels",
    "/sessions",
    "/paymentLinks",
    "/paymentMethods",
    "/storedPaymentMethods",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("key", [None, "", "wrong", adyen.API_KEY + "0"])
def test_without_the_key_there_is_nothing(world, path, key):
    answer = call(world, "POST", path, {}, status=401, honest=False, **{"X-API-Key": key})
    assert answer == {
        "status": 401,
        "errorCode": "000",
        "message": "HTTP Status Response - Unauthorized",
        "errorType": "security",
    }


@pytest.mark.parametrize("path", [one for one in POSTS if one != "/payments/details"])
def test_another_account_is_refused(world, path):
    for body in ({"merchantAccount": "Other"}, {"merchantAccount": 1}, {}):
        answer = call(world, "POST", path, body, status=403, honest=False)
        assert (answer["errorCode"], answer["errorType"]) == ("901", "security")
        assert len(answer["pspReference"]) == 16


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reference": None}, "130"),
        ({"reference": ""}, "130"),
        ({"reference": "x" * 81}, "702"),
        ({"reference": 5}, "702"),
        ({"amount": None}, "100"),
        ({"paymentMethod": None}, "14_004"),
        ({"paymentMethod": {}}, "14_004"),
        ({"paymentMethod": {"type": "ideal"}}, "14_006"),
        ({"paymentMethod": {"type": "scheme"}}, "101"),
        ({"paymentMethod": {"type": "scheme", "extra": 1}}, "702"),
        ({"returnUrl": None}, "14_030"),
        ({"returnUrl": "javascript:alert(1)"}, "14_029"),
        ({"returnUrl": "/return"}, "14_029"),
        ({"returnUrl": "https://x.example/" + "x" * 1024}, "14_029"),
        ({"channel": "Fax"}, "702"),
        ({"captureDelayHours": "1"}, "702"),
        ({"metadata": {"a": 1}}, "702"),
        ({"metadata": []}, "702"),
        ({"unknown": 1}, "702"),
        ({"additionalData": {"a": {}}}, "702"),
        ({"storePaymentMethod": "true"}, "702"),
    ],
)
def test_a_payment_has_to_make_sense(world, changes, code):
    assert error(world, "/payments", payment(**changes)) == code
    assert items(world) == []
    assert world.payments() == []


def test_a_sentence_says_what_is_unknown(world):
    answer = call(world, "POST", "/payments", payment(zz=1, aa=2), status=422, honest=False)
    assert answer["message"] == (
        "Structure of PaymentRequest contains the following unknown fields: [aa, zz]"
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"number": "4111111111111111", "expiryMonth": "03"}, 403, "010"),
        ({"encryptedCardNumber": "test_4111111111111112"}, 422, "101"),
        ({"encryptedCardNumber": "test_4000000000000002"}, 422, "101"),
        ({"encryptedCardNumber": "eyJhbGciOi"}, 422, "174"),
        ({"encryptedExpiryYear": "test_2020"}, 422, "129"),
        ({"encryptedExpiryMonth": "test_13"}, 422, "129"),
        ({"encryptedSecurityCode": "test_7"}, 422, "103"),
        ({"encryptedExpiryMonth": ""}, 422, "101"),
    ],
)
def test_a_card_has_to_be_encrypted_and_one(world, changes, status, code):
    method = {**adyen.card(), **changes}
    body = payment(paymentMethod=method)
    assert error(world, "/payments", body, status=status) == code


def test_amex_and_a_stored_code(world):
    method = adyen.card("370000000000002")
    del method["encryptedSecurityCode"]
    assert pay(world, paymentMethod=method)["paymentMethod"]["brand"] == "amex"
    assert pay(world, "5555555555554444")["paymentMethod"]["brand"] == "mc"


@pytest.mark.parametrize(("code", "status"), [("704", 422), ("905", 500), ("901", 403)])
def test_errors_on_request(world, code, status):
    wished = {"additionalData": {"RequestedTestErrorResponseCode": code}}
    answer = pay(world, status=status, **wished)
    assert answer["errorCode"] == ("903" if code == "905" else code)
    assert Refusal.by_code("704").message == "request already processed or in progress"


# Idempotency.


def test_the_same_key_is_the_same_payment(world):
    first = pay(world, key="key-1", **MANUAL)
    assert pay(world, key="key-1", **MANUAL) == first
    assert pay(world, key="key-2", **MANUAL) != first
    assert len(world.payments()) == len(items(world)) == 2


def test_the_same_key_is_the_same_capture_and_refund(make_world):
    world = make_world(adyen={"multiple_captures": True})
    psp = held(world)
    for what in ("captures", "refunds"):
        for _ in range(3):
            modify(world, psp, what, value=300, key="key-1")
    assert codes(world) == ["AUTHORISATION true", "CAPTURE true", "REFUND true"]


def test_a_decline_is_repeated_too(world):
    first = pay(world, adyen.common("02"), key="key-1")
    assert pay(world, adyen.common("02"), key="key-1") == first
    assert len(items(world)) == 1


def test_a_key_is_for_one_request(world):
    pay(world, key="key-1")
    answer = pay(world, key="key-1", amount=adyen.eur(2000), status=422)
    assert "Idempotency-Key" in answer["message"]
    psp, other = held(world), held(world)
    modify(world, psp, "captures", value=1000, key="key-1")
    modify(world, other, "captures", value=1000, key="key-1", status=422)


def test_a_call_may_still_be_in_progress(make_world):
    world = make_world(adyen={"key_busy": timedelta(seconds=2)})
    first = pay(world, key="key-1")
    again = pay(world, key="key-1", status=422)
    assert (again["errorCode"], again["message"]) == (
        "704",
        "request already processed or in progress",
    )
    world.clock.forward(seconds=2)
    assert pay(world, key="key-1") == first
    assert len(items(world)) == 1


def test_a_key_is_forgotten_after_a_week(world):
    first = pay(world, key="key-1")
    world.clock.forward(days=7)
    assert pay(world, key="key-1")["pspReference"] != first["pspReference"]


def test_a_refusal_is_repeated_and_a_stranger_is_not(world):
    body = payment(reference="")
    first = call(world, "POST", "/payments", body, status=422, key="key-1", honest=False)
    assert call(world, "POST", "/payments", body, status=422, key="key-1", honest=False) == first
    call(world, "POST", "/payments", payment(), status=401, key="key-2", **{"X-API-Key": "x"})
    call(world, "POST", "/payments", payment(), key="key-2")


def test_a_key_has_its_length(world):
    pay(world, key="k" * 64)
    assert error(world, "/payments", payment(), key="k" * 65) == "702"


# Whatever strangers send.


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"merchantAccount":"\\ud800"}',
        b'{"reference":"\\u0000"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"amount":{"value":' + b"9" * 5000 + b"}}",
        b"x" * 300_000,
    ],
)
def test_a_body_that_is_none(world, path, body):
    headers = {"X-API-Key": adyen.API_KEY, "Content-Type": "application/json"}
    response = world.client.post(f"/adyen/v72{path}", content=body, headers=headers)
    assert response.status_code in {400, 403, 422}
    assert adyen.check_answer("POST", path, response.status_code, response.json()) == []


def test_fractions_come_back_as_numbers(world):
    made = call(
        world,
        "POST",
        "/sessions",
        {**payment(paymentMethod=None), "accountInfo": {"x": 1.5}},
        honest=False,
        status=201,
        checked=False,
    )
    assert made["accountInfo"] == {"x": 1.5}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_taken(world, kind):
    assert error(world, "/payments", payment(), status=400, **{"Content-Type": kind}) == "702"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(world, method):
    headers = {"X-API-Key": adyen.API_KEY}
    response = world.client.request(method, "/adyen/v72/payments", headers=headers)
    assert response.status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?shopperReference=",
        "?merchantAccount=x",
        "?merchantAccount=x&merchantAccount=y",
        "?%zz",
    ],
)
def test_odd_questions_about_cards(world, query):
    for method, path in (("GET", ""), ("DELETE", "/XXXXXXXXXXXXXXXX")):
        response = send(world, method, f"/storedPaymentMethods{path}{query}")
        assert response.status_code == 403
    account = f"merchantAccount={adyen.ACCOUNT}"
    for shopper in ("", "&shopperReference=", "&shopperReference=ab"):
        answer = send(world, "GET", f"/storedPaymentMethods?{account}{shopper}")
        assert answer.json()["errorCode"] == "170"


@pytest.mark.parametrize(
    "reference", ["<script>alert(1)</script>", "../..", "\"';--", "\n", "đơn 🧾"]
)
def test_references_are_only_texts(world, reference):
    answer = pay(world, reference=reference, **MANUAL)
    assert answer["merchantReference"] == reference
    assert items(world)[0]["merchantReference"] == reference
    for page in ("/", f"/adyen/_sandbox/payments/{answer['pspReference']}"):
        text = world.client.get(page).text
        assert "<script>alert" not in text


def test_only_so_many_payments_are_remembered(make_world):
    world = make_world(keep=2)
    first = held(world)
    for _ in range(2):
        held(world)
    assert modify(world, first, "captures", value=1000, status=422)["errorCode"] == "167"
    assert len(world.payments()) == 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    """amount reference paymentMethod returnUrl additionalData authenticationData metadata details
    captureDelayHours shopperReference storePaymentMethod shopperInteraction paymentReference
    expiresAt mode capturePspReference recurringProcessingModel storePaymentMethodMode""".split()
)
INNER = st.dictionaries(
    st.sampled_from(
        """currency value type encryptedCardNumber storedPaymentMethodId redirectResult
        threeDSResult threeDSRequestData nativeThreeDS manualCapture""".split()
    ),
    JSON,
    max_size=3,
)


@given(path=st.sampled_from(POSTS), changes=st.dictionaries(NAMES, JSON | INNER, max_size=4))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_body_is_a_crash(world, path, changes):
    body = {**payment(), **changes}
    if path != "/payments":
        body = {"merchantAccount": adyen.ACCOUNT, **changes}
    headers = {"X-API-Key": adyen.API_KEY, "Content-Type": "application/json"}
    content = json.dumps(body).encode()
    response = world.client.post(f"/adyen/v72{path}", content=content, headers=headers)
    assert response.status_code < 500
    if response.status_code >= 400:
        assert adyen.check_answer("POST", path, response.status_code, response.json()) == []
    world.settle()
