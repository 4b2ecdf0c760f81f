"""What a webhook can make us believe, and what not: forged bodies, wrong clocks, both ways to verify."""

import json
from datetime import UTC, datetime, timedelta
from zlib import crc32

import attrs
import pytest

from paykit import (
    AuthenticationFailed,
    HttpResponse,
    MalformedDelivery,
    MalformedResponse,
    Money,
    NoAnswer,
    PaymentProcessed,
    PayPal,
    PayPalConfig,
    ProviderUnavailable,
    RateLimited,
    SignatureError,
    StaleDelivery,
    WebhookError,
)
from paykit.flow import run
from paykit.http import Delivery
from paykit.providers.paypal.codes import EVENTS, Subject
from paykit.testing import deliveries
from paykit.testing.factories.paypal import ANSWERS, PayPalDeliveries, authority, signed_webhook
from paykit.testing.factory import Notice

from .support.contracts import check_paypal
from .support.crc import collide

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = "8PT597110X687430LKGECATA"
ORDER, CAPTURE, REFUND, HOLD = (
    "5O190127TN364715T",
    "3C679366HH908993F",
    "1JU08902781691411",
    "0AW2184448108334S",
)
API = "https://api-m.sandbox.paypal.com"
PRICE = Money(1999, "USD")
FACTORY = PayPalDeliveries()


def paypal(at=NOW, **settings):
    usual = {
        "client_id": "client",
        "client_secret": "secret",
        "webhook_ids": (ID,),
        "webhook_roots": authority(),
    }
    return PayPal(PayPalConfig(**{**usual, **settings}), clock=lambda: at)


def money(value="19.99", currency="USD"):
    return {"currency_code": currency, "value": value}


def capture(status="COMPLETED", *, value="19.99", reference="ORDER-1", part_id=CAPTURE, **more):
    return {
        "id": part_id,
        "status": status,
        "amount": money(value),
        "custom_id": reference,
        "create_time": "2026-01-02T03:04:00Z",
        "update_time": "2026-01-02T03:04:00Z",
        "supplementary_data": {"related_ids": {"order_id": ORDER}},
        **more,
    }


def event(kind="PAYMENT.CAPTURE.COMPLETED", resource=None, event_id="WH-1"):
    return {
        "id": event_id,
        "event_type": kind,
        "resource": capture() if resource is None else resource,
    }


def dump(content):
    return json.dumps(content, ensure_ascii=False).encode()


def webhook(provider, content, answers, *, at=NOW, body=None, **more):
    return signed_webhook(provider.config, body or dump(content), at=at, answers=answers, **more)


def receive(provider, delivery, peer=None):
    def answer(request):
        if "/v2/" in request.url:
            check_paypal(request)
        return (peer or (lambda one: FACTORY.answer(provider, delivery, one)))(request)

    return provider.parse(run(provider.verify(delivery), answer))


# Forging: the signature covers a CRC-32 of the body.

TRUE = dump(event())
FACTS = {f"/v2/payments/captures/{CAPTURE}": capture()}


def forged(content):
    """The headers of a genuine webhook over another body, which has the same checksum."""
    provider = paypal()
    genuine = webhook(provider, event(), FACTS)
    text = dump(content)
    body = collide(genuine.body, text[:-1], b"}")
    assert json.loads(body) == content
    return attrs.evolve(genuine, body=body)


def test_a_checksum_can_be_matched():
    """The attack works: the signature holds over a body that PayPal never saw."""
    lie = event(resource=capture(value="1999.00", reference="ORDER-9"))
    delivery = forged(lie)
    assert delivery.body != TRUE
    assert crc32(delivery.body) == crc32(TRUE)
    asked = []

    def peer(request):
        asked.append(request.url)
        return FACTORY.answer(provider, delivery, request)

    provider = paypal()
    receive(provider, delivery, peer)
    assert f"{API}/v2/payments/captures/{CAPTURE}" in asked, "it was taken for genuine"


GENUINE_EVENT = (
    PaymentProcessed(
        event_id="",
        provider="paypal",
        reference="ORDER-1",
        status="succeeded",
        amount=PRICE,
        occurred_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        provider_id=ORDER,
        code="COMPLETED",
        captured=PRICE,
        refunded=Money(0, "USD"),
    ),
)


def shown(events):
    return tuple(attrs.evolve(one, event_id="", status=str(one.status)) for one in events)


@pytest.mark.parametrize(
    "lie",
    [
        event(resource=capture(value="1999.00")),
        event(resource=capture(reference="ORDER-9")),
        event(resource=capture(value="0.01", reference="ORDER-9")),
        event(resource={**capture(), "amount": money("19.99", "EUR")}),
        event("PAYMENT.CAPTURE.DENIED", capture("DECLINED")),
        event("PAYMENT.CAPTURE.PENDING", capture("PENDING")),
        event(event_id="WH-of-another-webhook"),
        event(resource={"id": CAPTURE}),
    ],
    ids=[
        "amount",
        "reference",
        "both",
        "currency",
        "denied",
        "pending",
        "event-id",
        "nothing-else",
    ],
)
def test_a_forged_body_changes_nothing_that_an_event_says(lie):
    """PayPal is asked about the capture, and its answer is all that counts."""
    provider = paypal()
    true = receive(provider, webhook(provider, event(), FACTS))
    assert shown(true) == GENUINE_EVENT
    # Not even the id: a forged webhook cannot claim the id of another event, so as to suppress it.
    assert receive(provider, forged(lie)) == true


def test_a_forged_success_is_none():
    provider = paypal()
    for status, expected in (
        ("PENDING", "pending"),
        ("DECLINED", "failed"),
        ("EXPLODED", "unknown"),
    ):
        delivery = forged(event())
        answers = {f"/v2/payments/captures/{CAPTURE}": capture(status)}
        (told,) = receive(provider, with_answers(delivery, answers))
        assert (told.status, told.captured) == (expected, None)


def with_answers(delivery, answers):
    headers = [(k, json.dumps(answers) if k == ANSWERS else v) for k, v in delivery.headers]
    return attrs.evolve(delivery, headers=headers)


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", capture(part_id="9Z999999ZZ999999Z")),
        ("PAYMENT.AUTHORIZATION.CREATED", {**capture(), "id": HOLD}),
        ("PAYMENT.AUTHORIZATION.VOIDED", {**capture(), "id": HOLD}),
        ("CHECKOUT.ORDER.APPROVED", {"id": ORDER}),
        ("CHECKOUT.ORDER.COMPLETED", {"id": ORDER}),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": ORDER}),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": REFUND}),
        ("PAYMENT.CAPTURE.REVERSED", {"id": REFUND}),
    ],
)
def test_what_paypal_does_not_know_is_refused(kind, resource):
    with pytest.raises(MalformedDelivery):
        receive(paypal(), forged(event(kind, resource)))


def test_a_forged_dispute_marks_only_what_was_paid():
    """Whether there is a dispute cannot be asked here. That it was paid can."""
    disputed = {"disputed_transactions": [{"seller_transaction_id": CAPTURE}]}
    lie = forged(event("CUSTOMER.DISPUTE.CREATED", disputed))
    (told,) = receive(paypal(), lie)
    assert (told.status, told.captured) == ("disputed", PRICE)
    for status, expected in (("PENDING", "pending"), ("DECLINED", "failed")):
        answers = {f"/v2/payments/captures/{CAPTURE}": capture(status)}
        (told,) = receive(paypal(), with_answers(lie, answers))
        assert told.status == expected


def test_a_forged_refund_or_reversal_is_none():
    for kind in ("PAYMENT.CAPTURE.REVERSED",):
        up = [{"href": f"{API}/v2/payments/captures/{CAPTURE}", "rel": "up", "method": "GET"}]
        (told,) = receive(paypal(), forged(event(kind, {"id": REFUND, "links": up})))
        assert told.status == "succeeded"


def test_headers_over_another_body_are_refused():
    """Without matching the checksum there is nothing to discuss."""
    provider = paypal()
    genuine = webhook(provider, event(), FACTS)
    for body in (dump(event(resource=capture(value="1999.00"))), b"", genuine.body + b" "):
        with pytest.raises(SignatureError):
            receive(provider, attrs.evolve(genuine, body=body))


def test_an_answer_about_another_capture_is_refused():
    provider = paypal()
    answers = {f"/v2/payments/captures/{CAPTURE}": capture(part_id="9Z999999ZZ999999Z")}
    with pytest.raises(MalformedDelivery, match="another"):
        receive(provider, webhook(provider, event(), answers))


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (NoAnswer("silence"), NoAnswer),
        (HttpResponse(500, body=b"{}"), ProviderUnavailable),
        (HttpResponse(503, body=b"<html>"), ProviderUnavailable),
        (HttpResponse(429, body=b"{}"), RateLimited),
        (HttpResponse(401, body=b"{}"), AuthenticationFailed),
        (HttpResponse(403, body=b"{}"), AuthenticationFailed),
    ],
)
def test_trouble_while_confirming_is_no_verdict(trouble, error):
    """Neither accepted nor refused: PayPal shall come again."""
    provider = paypal()
    delivery = webhook(provider, event(), FACTS)

    def peer(request):
        if "/v2/payments" not in request.url:
            return FACTORY.answer(provider, delivery, request)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble

    with pytest.raises(error) as caught:
        receive(provider, delivery, peer)
    assert not isinstance(caught.value, WebhookError)


# What the parts say together.


def refund(status="COMPLETED", value="5.00", total=None):
    made = {
        "id": REFUND,
        "status": status,
        "amount": money(value),
        "custom_id": "REFUND-1",
        "update_time": "2026-01-02T03:05:00Z",
        "links": [{"href": f"{API}/v2/payments/captures/{CAPTURE}", "rel": "up", "method": "GET"}],
    }
    if total:
        made["seller_payable_breakdown"] = {"total_refunded_amount": money(total)}
    return made


def told_of_refund(one, whole, order=None):
    provider = paypal()
    answers = {
        f"/v2/payments/refunds/{REFUND}": one,
        f"/v2/payments/captures/{CAPTURE}": whole,
        **({f"/v2/checkout/orders/{ORDER}": order} if order else {}),
    }
    delivery = webhook(provider, event("PAYMENT.CAPTURE.REFUNDED", one), answers)
    (told,) = receive(provider, delivery)
    return (
        str(told.status),
        str(told.amount),
        str(told.captured),
        str(told.refunded),
        told.reference,
    )


@pytest.mark.parametrize(
    ("one", "whole", "expected"),
    [
        (refund(total="5.00"), capture("PARTIALLY_REFUNDED"), ("partially_refunded", "5.00 USD", "19.99 USD", "5.00 USD")),
        (refund(total="8.00"), capture("PARTIALLY_REFUNDED"), ("partially_refunded", "5.00 USD", "19.99 USD", "8.00 USD")),
        (refund(total="19.99"), capture("REFUNDED"), ("refunded", "5.00 USD", "19.99 USD", "19.99 USD")),
        # The capture lags behind its refund, or the refund does not tell the total.
        (refund(total="19.99"), capture("COMPLETED"), ("refunded", "5.00 USD", "19.99 USD", "19.99 USD")),
        (refund(), capture("PARTIALLY_REFUNDED"), ("partially_refunded", "5.00 USD", "19.99 USD", "5.00 USD")),
        (refund(), capture("REFUNDED"), ("refunded", "5.00 USD", "19.99 USD", "19.99 USD")),
        # A first refund, told late: by now all is given back.
        (refund(total="5.00"), capture("REFUNDED"), ("refunded", "5.00 USD", "19.99 USD", "19.99 USD")),
        # Not finished, failed, or in a state that nobody has seen: nothing was given back by it.
        (refund("PENDING"), capture(), ("succeeded", "19.99 USD", "19.99 USD", "0.00 USD")),
        (refund("FAILED"), capture(), ("succeeded", "19.99 USD", "19.99 USD", "0.00 USD")),
        (refund("EXPLODED"), capture(), ("succeeded", "19.99 USD", "19.99 USD", "0.00 USD")),
    ],
)  # fmt: skip
def test_amounts_of_refunds(one, whole, expected):
    """``amount`` is of this refund, ``refunded`` the total; the reference is the payment's."""
    assert told_of_refund(one, whole) == (*expected, "ORDER-1")


def test_a_refund_of_one_of_several_captures():
    """The order tells what was taken and given back in all."""
    of_hold = {"supplementary_data": {"related_ids": {"order_id": ORDER, "authorization_id": HOLD}}}
    first = capture("REFUNDED", value="5.00", **of_hold)
    second = capture(value="10.00", part_id="8F148933LY9388354", **of_hold)
    order = {
        "id": ORDER,
        "intent": "AUTHORIZE",
        "status": "COMPLETED",
        "purchase_units": [
            {
                "custom_id": "ORDER-1",
                "amount": money(),
                "payments": {
                    "authorizations": [{"id": HOLD, "status": "CAPTURED", "amount": money()}],
                    "captures": [first, second],
                    "refunds": [refund(total="5.00")],
                },
            }
        ],
    }
    expected = ("partially_refunded", "5.00 USD", "15.00 USD", "5.00 USD", "ORDER-1")
    assert told_of_refund(refund(total="5.00"), first, order) == expected


def test_a_refund_of_no_capture_is_refused():
    lonely = {**refund(), "links": []}
    provider = paypal()
    answers = {f"/v2/payments/refunds/{REFUND}": lonely}
    with pytest.raises(MalformedDelivery, match="no capture"):
        receive(provider, webhook(provider, event("PAYMENT.CAPTURE.REFUNDED", lonely), answers))


def test_amounts_in_two_currencies_do_not_fit_together():
    other = {**refund(), "amount": money("5.00", "EUR")}
    with pytest.raises(MalformedDelivery, match="currencies"):
        told_of_refund(other, capture("PARTIALLY_REFUNDED"))


def test_a_capture_of_an_order_that_is_gone():
    """The order cannot be read any more: what the capture says is said."""
    of_hold = {"supplementary_data": {"related_ids": {"order_id": ORDER, "authorization_id": HOLD}}}
    provider = paypal()
    answers = {f"/v2/payments/captures/{CAPTURE}": capture(value="5.00", **of_hold)}
    (told,) = receive(provider, webhook(provider, event(), answers))
    assert (told.status, told.amount, told.captured) == (
        "succeeded",
        Money(500, "USD"),
        Money(500, "USD"),
    )


def test_a_payment_that_was_not_made_by_us_is_named_by_its_order():
    provider = paypal()
    foreign = capture()
    del foreign["custom_id"]
    answers = {f"/v2/payments/captures/{CAPTURE}": foreign}
    (told,) = receive(provider, webhook(provider, event(), answers))
    assert (told.reference, told.provider_id) == (ORDER, ORDER)


def test_an_order_with_several_purchases_is_somebody_elses():
    """Another program may use the same app. Its orders are taken in, and are no news here."""
    unit = {"reference_id": "a", "amount": money()}
    order = {"id": ORDER, "status": "APPROVED", "purchase_units": [unit, unit]}
    provider = paypal()
    answers = {f"/v2/checkout/orders/{ORDER}": order}
    delivery = webhook(provider, event("CHECKOUT.ORDER.APPROVED", {"id": ORDER}), answers)
    assert receive(provider, delivery) == ()
    with pytest.raises(MalformedDelivery, match="several purchases"):
        returned(provider, f"token={ORDER}".encode(), answers)


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_event_type_asks_before_it_tells(kind):
    """No event comes out of a body alone."""
    provider = paypal()
    resource = {
        "id": CAPTURE,
        "disputed_transactions": [{"seller_transaction_id": CAPTURE}],
    }
    delivery = webhook(provider, event(kind, resource), {})
    if EVENTS[kind] is Subject.DISPUTE:
        assert receive(provider, delivery) == ()
    else:
        with pytest.raises(MalformedDelivery):
            receive(provider, delivery)


@pytest.mark.parametrize(
    "kind",
    ["PAYMENT.SALE.COMPLETED", "BILLING.SUBSCRIPTION.ACTIVATED", "X", "payment.capture.completed"],
)
def test_other_event_types_are_taken_in_and_mean_nothing(kind):
    provider = paypal()
    delivery = webhook(provider, {"event_type": kind}, {})

    def peer(request):
        assert "/v2/" not in request.url
        return FACTORY.answer(provider, delivery, request)

    assert receive(provider, delivery, peer) == ()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"event_type": 1},
        {"event_type": ["PAYMENT.CAPTURE.COMPLETED"]},
        {"event_type": "PAYMENT.CAPTURE.COMPLETED"},
        event(resource=[]),
        event(resource={}),
        event(resource={"id": 1}),
        event(resource={"id": "../../v1/x"}),
        event(resource={"id": "x" * 50}),
        event("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": []}),
        event("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": "x"}),
        event("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": [{}]}),
    ],
)
def test_a_signed_body_that_says_nothing_usable(content):
    provider = paypal()
    with pytest.raises(MalformedDelivery):
        receive(provider, webhook(provider, content, FACTS))


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"1", b'"x"', b"null", b"\xff{}", b"\xef\xbb\xbf{}", b'{"a":NaN}', b'{"a":1e400}',
        b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":1,"a":2}', b'{"a":' * 50_000,
        b'{"a":' + b"9" * 5000 + b"}", '{"event_type":"x"}'.encode("utf-16"),
    ],
)  # fmt: skip
def test_a_signed_body_that_cannot_be_read(body):
    provider = paypal()
    with pytest.raises(MalformedDelivery):
        receive(provider, webhook(provider, None, {}, body=body))


# Clocks.


@pytest.mark.parametrize(
    ("offset", "error"),
    [
        (timedelta(0), None),
        (timedelta(days=3, hours=6), None),
        (-timedelta(days=3, hours=6), None),
        (timedelta(days=3, hours=6, seconds=1), StaleDelivery),
        (-timedelta(days=3, hours=6, seconds=1), StaleDelivery),
        (timedelta(days=365), StaleDelivery),
        (-timedelta(days=365), StaleDelivery),
    ],
)
def test_a_clock_that_is_wrong_either_way(offset, error):
    """PayPal comes again for three days; beyond that a webhook is somebody's old copy."""
    provider = paypal(NOW + offset)
    delivery = webhook(provider, event(), FACTS)
    if error is None:
        assert shown(receive(provider, delivery)) == GENUINE_EVENT
    else:
        with pytest.raises(error, match="Is this server's clock right"):
            receive(provider, delivery)


def test_the_tolerance_can_be_made_longer():
    provider = paypal(NOW + timedelta(days=7), webhook_tolerance=7 * 86400)
    assert receive(provider, webhook(provider, event(), FACTS))


def test_a_forged_time_is_not_stale_but_wrong():
    """Staleness is said only of what is genuine."""
    provider = paypal(NOW + timedelta(days=30))
    delivery = webhook(provider, event(), FACTS)
    fresh = [
        (k, "2026-02-01T03:04:05Z" if k == "PAYPAL-TRANSMISSION-TIME" else v)
        for k, v in delivery.headers
    ]
    with pytest.raises(SignatureError):
        receive(provider, attrs.evolve(delivery, headers=fresh))


# The simulator.


def test_the_simulator_proves_the_way_and_tells_nothing():
    """With the switch its webhooks are taken in. Whatever they say, nothing is believed or asked."""
    provider = paypal(webhook_simulator=True)
    live = PayPalConfig(
        client_id="c", client_secret="s", environment="production", webhook_ids=(ID,)
    )
    delivery = signed_webhook(live, dump(event()), at=NOW, answers=FACTS, webhook_id="WEBHOOK_ID")
    asked = []

    def peer(request):
        asked.append(request.url)
        return FACTORY.answer(provider, delivery, request)

    assert receive(provider, delivery, peer) == ()
    assert asked == [delivery.header("paypal-cert-url")]
    with pytest.raises(SignatureError):
        receive(paypal(), delivery)
    # The live host signs for nothing else here: not even with this account's own id.
    own = signed_webhook(live, dump(event()), at=NOW, answers=FACTS)
    with pytest.raises(SignatureError):
        receive(provider, own)
    # And the sandbox's host does not sign for the simulator.
    local = signed_webhook(provider.config, dump(event()), at=NOW, webhook_id="WEBHOOK_ID")
    with pytest.raises(SignatureError):
        receive(provider, local)


# Postback.


def posted_back(provider, delivery, status=None):
    """The events, and the requests of the check itself."""
    asked = []

    def peer(request):
        assert "/certs/" not in request.url, "the certificate is PayPal's business then"
        if request.url.endswith("/verify-webhook-signature"):
            asked.append(request)
            check_paypal(request)
            if isinstance(status, Exception):
                raise status
            if status is not None:
                return status
        return FACTORY.answer(provider, delivery, request)

    return receive(provider, delivery, peer), asked


def usable(make):
    """A webhook whose signature begins with a letter: PayPal's description forbids other signs."""
    for number in range(1000):
        delivery = make(f"WH-{number}")
        if delivery.header("paypal-transmission-sig")[0].isalnum():
            return delivery
    raise AssertionError


POSTBACK = {"webhook_verification": "postback"}


def test_postback_sends_the_body_as_it_came():
    provider = paypal(**POSTBACK)
    odd = '{ "id":"%s",\r\n "event_type" : "PAYMENT.CAPTURE.COMPLETED", "summary":"\\u00e9é 🙂", "resource":{"id":"'
    delivery = usable(
        lambda name: webhook(
            provider,
            None,
            FACTS,
            body=(odd % name).encode() + CAPTURE.encode() + b'", "n":1.10e0}}',
        )
    )
    events, (asked,) = posted_back(provider, delivery)
    assert shown(events) == GENUINE_EVENT
    sent = json.loads(asked.body)
    assert asked.body.endswith(b', "webhook_event": ' + delivery.body + b"}")
    assert {name: sent[name] for name in sent if name != "webhook_event"} == {
        "auth_algo": "SHA256withRSA",
        "cert_url": delivery.header("paypal-cert-url"),
        "transmission_id": delivery.header("paypal-transmission-id"),
        "transmission_sig": delivery.header("paypal-transmission-sig"),
        "transmission_time": "2026-01-02T03:04:05Z",
        "webhook_id": ID,
    }
    assert (asked.moves_money, asked.replay_safe) == (False, True)


def test_postback_tries_each_webhook_id():
    provider = paypal(webhook_ids=("0FV983392A0531201", ID), **POSTBACK)
    delivery = usable(lambda name: webhook(provider, event(event_id=name), FACTS, webhook_id=ID))
    events, asked = posted_back(provider, delivery)
    assert shown(events) == GENUINE_EVENT
    assert [json.loads(one.body)["webhook_id"] for one in asked] == ["0FV983392A0531201", ID]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HttpResponse(200, body=b'{"verification_status":"FAILURE"}'), SignatureError),
        (HttpResponse(400, body=b'{"name":"VALIDATION_ERROR"}'), SignatureError),
        (HttpResponse(422, body=b'{"name":"UNPROCESSABLE_ENTITY"}'), SignatureError),
        (HttpResponse(200, body=b'{"verification_status":"success"}'), MalformedResponse),
        (HttpResponse(200, body=b'{"verification_status":"SUCCESSFUL"}'), MalformedResponse),
        (HttpResponse(200, body=b'{"verification_status":true}'), MalformedResponse),
        (HttpResponse(200, body=b"{}"), MalformedResponse),
        (HttpResponse(200, body=b"SUCCESS"), MalformedResponse),
        (HttpResponse(202, body=b'{"verification_status":"SUCCESS"}'), MalformedResponse),
        (HttpResponse(302, body=b'{"verification_status":"SUCCESS"}'), MalformedResponse),
        (HttpResponse(500, body=b'{"verification_status":"SUCCESS"}'), ProviderUnavailable),
        (HttpResponse(503, body=b""), ProviderUnavailable),
        (HttpResponse(429, body=b"{}"), RateLimited),
        (HttpResponse(401, body=b"{}"), AuthenticationFailed),
        (NoAnswer("silence"), NoAnswer),
    ],
)
def test_postback_accepts_success_and_nothing_else(status, error):
    provider = paypal(**POSTBACK)
    delivery = usable(lambda name: webhook(provider, event(event_id=name), FACTS))
    with pytest.raises(error) as caught:
        posted_back(provider, delivery, status)
    # Only a "no" of PayPal's is a verdict; all else lets it come again.
    assert isinstance(caught.value, WebhookError) is (error is SignatureError)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event_type":"x"}, "webhook_id": "EVIL"',
        b'{"event_type":"x"}} {"a":{}',
        b"",
        b"[]",
        b'{"a":1,"a":2}',
        b'"x"',
    ],
)
def test_postback_puts_nothing_into_its_request_but_one_object(body):
    provider = paypal(**POSTBACK)
    delivery = webhook(provider, None, {}, body=body or b" ")
    with pytest.raises(MalformedDelivery):
        run(provider.verify(delivery), lambda request: pytest.fail(f"{request} was sent"))


def test_postback_refuses_without_asking_what_cannot_be_genuine():
    provider = paypal(**POSTBACK)
    delivery = webhook(provider, event(), FACTS)
    elsewhere = [
        (k, "https://evil.test/v1/notifications/certs/x" if k == "PAYPAL-CERT-URL" else v)
        for k, v in delivery.headers
    ]
    for broken in (
        attrs.evolve(delivery, headers=elsewhere),
        attrs.evolve(delivery, headers=[p for p in delivery.headers if "SIG" not in p[0]]),
    ):
        with pytest.raises(SignatureError):
            run(provider.verify(broken), lambda request: pytest.fail(f"{request} was sent"))


def test_postback_without_a_webhook_id_accepts_nothing():
    provider = paypal(webhook_ids=(), **POSTBACK)
    delivery = signed_webhook(provider.config, dump(event()), at=NOW, webhook_id="")
    with pytest.raises(SignatureError):
        run(provider.verify(delivery), lambda request: pytest.fail(f"{request} was sent"))


def test_postback_looks_at_the_time_too():
    provider = paypal(NOW + timedelta(days=4), **POSTBACK)
    delivery = usable(lambda name: webhook(provider, event(event_id=name), FACTS))
    with pytest.raises(StaleDelivery):
        posted_back(provider, delivery)


# Returns.


def returned(provider, query, answers, trouble=None):
    delivery = Delivery("GET", "/r", query, {ANSWERS: json.dumps(answers)})

    def peer(request):
        if trouble is not None and "/v2/" in request.url:
            raise trouble
        return FACTORY.answer(provider, delivery, request)

    return provider.parse(run(provider.verify_return(delivery), peer))


def test_a_return_is_as_good_as_paypals_answer():
    provider = paypal()
    delivery = FACTORY.browser_return(
        provider, Notice(state="paid", reference="ORDER-1", amount=PRICE, at=NOW, provider_id=ORDER)
    )
    (told,) = provider.parse(
        run(provider.verify_return(delivery), lambda one: FACTORY.answer(provider, delivery, one))
    )
    assert (told.status, told.reference, told.provider_id) == ("succeeded", "ORDER-1", ORDER)
    # The same query while nothing is paid: nothing is.
    for lie in (b"&PayerID=X", b"&status=COMPLETED", b"&st=Completed&amt=19.99"):
        order = {
            "id": ORDER,
            "status": "CREATED",
            "purchase_units": [{"custom_id": "ORDER-1", "amount": money()}],
        }
        query = f"token={ORDER}".encode() + lie
        (told,) = returned(provider, query, {f"/v2/checkout/orders/{ORDER}": order})
        assert told.status == "requires_action"


def test_trouble_while_a_return_is_confirmed_is_no_verdict():
    with pytest.raises(NoAnswer):
        returned(paypal(), f"token={ORDER}".encode(), {}, NoAnswer("silence"))


# For merchants' tests.


def test_deliveries_for_merchants_tests():
    provider = paypal()
    made = {"reference": "ORDER-1", "amount": PRICE, "at": NOW, "provider_id": ORDER}
    (told,) = receive(provider, deliveries.paid(provider, **made))
    assert (told.status, told.amount, told.provider_id) == ("succeeded", PRICE, ORDER)
    (told,) = receive(provider, deliveries.wrong_amount(provider, **made))
    assert told.amount == Money(1998, "USD")
    for broken in (
        deliveries.tampered(provider, deliveries.paid(provider, **made)),
        deliveries.unsigned(provider, deliveries.paid(provider, **made)),
    ):
        with pytest.raises(SignatureError):
            receive(provider, broken)
    back = deliveries.returned(provider, **made)
    peer = lambda one: FACTORY.answer(provider, back, one)  # noqa: E731
    (told,) = provider.parse(run(provider.verify_return(back), peer))
    assert told.status == "succeeded"
    altered = deliveries.tampered(provider, back)
    assert altered.query != back.query
