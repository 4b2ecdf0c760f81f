"""Checkout.com beyond the public suite: money, settings, hosts, returns from the hosted page."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    CheckoutCom,
    CheckoutComConfig,
    ConfigurationError,
    Delivery,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    NotFound,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    SignatureError,
)
from paykit.events import Source, as_return
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.money import exponent
from paykit.providers.checkoutcom import amounts, codes
from paykit.testing import deliveries
from paykit.testing.factories.checkoutcom import signed_webhook

PAY, HPP = "pay_mbabizu24mvu3mela5njyhpit4", "hpp_xGQBg0AXl3cM"
TOKEN = PaymentToken(provider="checkoutcom", value="tok_4gzeau5o2uqubbk6fufs3m7p54")
REF = PaymentRef(reference="ORDER-1", provider_id=PAY)
DETAILS = {
    "id": PAY,
    "amount": 1999,
    "currency": "USD",
    "reference": "ORDER-1",
    "approved": True,
    "status": "Authorized",
}
KEYS = {"secret_key": "sk_sbox_paykit", "signature_key": "key-one"}


def provider(**settings):
    return CheckoutCom(CheckoutComConfig(**{**KEYS, **settings}))


def answering(**answers):
    def peer(request):
        path = request.url.partition("checkout.com")[2]
        return HttpResponse(200, body=json.dumps(answers[path.rpartition("/")[2]]).encode())

    return peer


# Money.


@pytest.mark.parametrize("currency", sorted(amounts.CURRENCIES))
def test_every_currency_there_and_back(currency):
    places = 0 if currency in amounts.WHOLE else 3 if currency in amounts.THOUSANDTHS else 2
    for text in ("1", "7", "1234"):
        money = Money.of(text, currency)
        counted = amounts.to_wire(money)
        assert counted == int(text) * 10**places
        assert amounts.from_wire(counted, currency) == money
    smallest = 10 if currency in amounts.THOUSANDTHS else 1
    money = Money(smallest, currency)
    assert amounts.from_wire(amounts.to_wire(money), currency) == money


@given(st.sampled_from(sorted(amounts.CURRENCIES)), st.integers(0, 10**11))
def test_any_amount_is_exact_or_refused(currency, minor):
    money = Money(minor, currency)
    try:
        counted = amounts.to_wire(money)
    except InvalidRequest:
        odd = currency in amounts.THOUSANDTHS and minor % 10
        large = minor * (100 if currency in amounts.HUNDREDFOLD else 1) > amounts.LARGEST
        assert odd or large
        return
    assert amounts.from_wire(counted, currency) == money


def test_the_lists_of_currencies_do_not_overlap():
    lists = (amounts.WHOLE, amounts.THOUSANDTHS, amounts.HUNDREDFOLD, amounts.HUNDREDTHS)
    assert sum(map(len, lists)) == len(amounts.CURRENCIES)
    assert all(exponent(currency) == 2 for currency in amounts.HUNDREDTHS)
    assert all(exponent(currency) == 0 for currency in amounts.WHOLE | amounts.HUNDREDFOLD)
    assert all(exponent(currency) == 3 for currency in amounts.THOUSANDTHS)


@pytest.mark.parametrize(
    ("money", "counted"),
    [
        (Money(999_999_999, "VND"), 999_999_999),
        (Money(1_000_000_000, "VND"), None),
        (Money(500, "ISK"), 500),
        (Money(500, "UGX"), 500),
        (Money(9_999_999, "CLP"), 999_999_900),
        (Money(10_000_000, "CLP"), None),
        (Money(1_230, "BHD"), 1_230),
        (Money(1_234, "BHD"), None),
        (Money(-1, "USD"), None),
        (Money(1, "ZWG"), None),
    ],
    ids=str,
)
def test_what_is_counted_otherwise(money, counted):
    if counted is None:
        with pytest.raises(InvalidRequest):
            amounts.to_wire(money)
    else:
        assert amounts.to_wire(money) == counted


def test_too_long_an_amount_is_not_sent():
    asked = PaymentRequest(reference="O", amount=Money(1_000_000_000, "VND"), token=TOKEN)
    with pytest.raises(InvalidRequest, match="nine digits"):
        next(provider().create_payment(asked))


# Settings.


@pytest.mark.parametrize(
    "settings",
    [
        {"secret_key": "pk_sbox_paykit"},
        {"secret_key": "sk_paykit"},
        {"secret_key": "sk_sbox_paykit", "environment": "production"},
        {"secret_key": "sk_test_0b9b5db6", "environment": "production"},
        {"secret_key": " "},
        {"signature_key": ""},
        {"signature_key": " "},
        {"previous_signature_keys": ("",)},
        {"webhook_authorization": ""},
        {"processing_channel_id": "channel"},
        {"prefix": "abc.evil.example/"},
        {"prefix": "ABC"},
        {"billing_country": "vn"},
        {"base_url": "http://api.checkout.com"},
    ],
    ids=str,
)
def test_settings_that_are_wrong(settings):
    with pytest.raises(ConfigurationError) as caught:
        provider(**settings)
    assert "paykit" not in str(caught.value).replace("checkoutcom", "")


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, "https://api.sandbox.checkout.com"),
        ({"prefix": "abcdefgh"}, "https://abcdefgh.api.sandbox.checkout.com"),
        (
            {"prefix": "pl-abc", "environment": "production", "secret_key": "sk_live"},
            "https://pl-abc.api.checkout.com",
        ),
        ({"base_url": "http://127.0.0.1:9/cko", "prefix": "abc"}, "http://127.0.0.1:9/cko"),
    ],
    ids=str,
)
def test_where_the_api_is(settings, base):
    assert next(provider(**settings).fetch_payment(REF)).url == f"{base}/payments/{PAY}"


@pytest.mark.parametrize(
    ("key", "environment", "header"),
    [
        ("sk_sbox_abcdefghijklmnopqrstuvwxyz2", "sandbox", "Bearer {}"),
        ("sk_abcdefghijklmnopqrstuvwxyz2", "production", "Bearer {}"),
        ("sk_test_0b9b5db6-f223-49d0-b68f-f6643dd4f808", "sandbox", "{}"),
        ("sk_0b9b5db6-f223-49d0-b68f-f6643dd4f808", "production", "{}"),
    ],
)
def test_keys_of_the_previous_structure_go_bare(key, environment, header):
    asked = next(provider(secret_key=key, environment=environment).fetch_payment(REF))
    assert asked.header("Authorization") == header.format(key)


def test_the_channel_goes_with_payments_and_pages():
    channel = "pc_q4dbxom5jbgudnjzjpz7j2z6uq"
    here = provider(processing_channel_id=channel, billing_country="VN")
    for more in ({"token": TOKEN}, {"return_url": "https://shop.example/back"}):
        asked = PaymentRequest(reference="ORDER-1", amount=Money(1999, "USD"), **more)
        body = json.loads(next(here.create_payment(asked)).body)
        assert body["processing_channel_id"] == channel


def test_a_page_without_a_country_is_not_asked_for():
    asked = PaymentRequest(
        reference="ORDER-1", amount=Money(1999, "USD"), return_url="https://shop.example/back"
    )
    with pytest.raises(InvalidRequest, match="country") as caught:
        next(provider().create_payment(asked))
    assert caught.value.field == "extra.billing"


# The page that the payer is sent to.


def test_a_page_that_is_not_https_is_no_page():
    strange = {
        **DETAILS,
        "approved": False,
        "status": "Pending",
        "_links": {"redirect": {"href": "http://3ds.example/x"}},
    }
    with pytest.raises(MalformedResponse):
        run(provider().fetch_payment(REF), answering(**{PAY: strange}))


# Returns from the hosted page.


def returned(query, **answers):
    here = provider()
    delivery = Delivery.get(query)
    return as_return(here.parse(run(here.verify_return(delivery), answering(**answers))))


def test_a_return_from_the_page_where_somebody_paid():
    (event,) = returned(f"cko-payment-id={PAY}", **{PAY: DETAILS})
    assert (event.status, event.provider_id, event.source) == ("authorized", PAY, Source.RETURN)


def test_a_return_from_the_page_where_nobody_paid():
    page = {"id": HPP, "status": "Payment Pending", "amount": 1999, "currency": "USD"}
    (event,) = returned(f"cko-payment-id={HPP}", **{HPP: {**page, "reference": "ORDER-1"}})
    assert (event.status, event.provider_id) == ("requires_action", HPP)
    assert event.reference == "ORDER-1"


def test_a_return_that_is_answered_about_another_payment():
    other = {**DETAILS, "id": "pay_fun26akvvjjerahhctaq2uzhu4"}
    with pytest.raises(MalformedDelivery):
        returned(f"cko-payment-id={PAY}", **{PAY: other})


def test_a_return_of_a_payment_that_is_not_known():
    here = provider()
    flow = here.verify_return(Delivery.get("cko-session-id=sid_abc"))
    with pytest.raises(MalformedDelivery, match="knows nothing"):
        run(flow, lambda _: HttpResponse(404))


def test_the_same_answer_is_the_same_event():
    first, again = (returned(f"cko-payment-id={PAY}", **{PAY: DETAILS}) for _ in range(2))
    assert first[0].event_id == again[0].event_id
    captured = {**DETAILS, "status": "Captured"}
    (later,) = returned(f"cko-payment-id={PAY}", **{PAY: captured})
    assert later.event_id != first[0].event_id


# Webhooks.

BODY = json.dumps({"id": "evt_a", "type": "payment_exploded"}).encode()


def test_several_keys_while_they_change():
    both = provider(signature_key="key-two", previous_signature_keys=("key-one", "key-zero"))
    for key in ("key-two", "key-one", "key-zero"):
        delivery = signed_webhook(both.config, BODY, key=key.encode())
        assert run(both.verify(delivery), None).fields["id"] == "evt_a"
    with pytest.raises(SignatureError):
        run(both.verify(signed_webhook(both.config, BODY, key=b"key-three")), None)


def test_the_signature_of_another_product_says_so():
    delivery = Delivery("POST", headers={"Cko-Signature": "1700000000:MEUCIQ"}, body=BODY)
    with pytest.raises(SignatureError, match="identity"):
        run(provider().verify(delivery), None)


def test_authorization_adds_and_never_replaces():
    here = provider(webhook_authorization="shown-with-it")
    right = signed_webhook(here.config, BODY)
    assert run(here.verify(right), None).fields["id"] == "evt_a"
    for headers in (
        {"Authorization": "shown-with-it"},
        {"Authorization": "shown-with-it", "Cko-Signature": ""},
        {"Authorization": "Bearer shown-with-it", "Cko-Signature": right.header("cko-signature")},
        {"Cko-Signature": right.header("cko-signature")},
    ):
        with pytest.raises(SignatureError):
            run(here.verify(Delivery("POST", headers=headers, body=BODY)), None)


def test_a_refusal_has_a_reason_for_every_code():
    assert codes.decline_reason(None) == codes.decline_reason("20005") == "card_declined"
    assert {codes.decline_reason(f"{code}") for code in range(40_000, 41_000)} == {
        "fraud_suspected"
    }
    assert all(code.startswith(("20", "30")) for code in codes.DECLINES)


def test_signed_deliveries_for_a_shop():
    here = provider()
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    delivery = deliveries.paid(here, reference="ORDER-1", amount=Money(150_000, "VND"), at=now)
    (event,) = here.parse(run(here.verify(delivery), None))
    assert (event.status, event.amount) == ("succeeded", Money(150_000, "VND"))


# Asking by the reference.


def test_a_search_that_finds_nothing_is_not_found():
    def peer(request):
        assert request.url.endswith("/payments?limit=100&skip=0&reference=ORDER-1")
        return HttpResponse(200, body=b'{"data":[]}')

    with pytest.raises(NotFound):
        run(provider().fetch_payment(PaymentRef(reference="ORDER-1")), peer)
