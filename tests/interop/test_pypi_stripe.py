"""Side by side with Stripe's own library for Python, `stripe` on PyPI, in both directions.

What it takes and paykit does not: a time in the future; a time with a sign or blanks around it; the first
of two times; signatures that are no clean hex beside one that is right. Never the other way round.
"""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    AuthenticationFailed,
    CaptureMode,
    Declined,
    Delivery,
    IdempotencyConflict,
    Money,
    OutcomeUnknown,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    ProviderError,
    RateLimited,
    RefundRequest,
    Stripe,
    StripeConfig,
    WebhookError,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.providers.stripe import VERSION
from paykit.testing.factories.stripe import signed_webhook
from paykit.testing.factory import STATES, Notice, factory_for
from tests.support.contracts import unflatten

SECRET = "whsec_paykit_and_stripe"
NOW = datetime.now(UTC).replace(microsecond=0)
CONFIG = StripeConfig(secret_key="sk_test_paykit", webhook_secret=SECRET)
OURS = Stripe(CONFIG, clock=lambda: NOW)


def they_read(delivery, secret=SECRET):
    return stripe.Webhook.construct_event(
        delivery.body, delivery.header("Stripe-Signature"), secret, api_key="sk_test_paykit"
    )


def we_verify(delivery, provider=OURS):
    return run(provider.verify(delivery), None)


def test_the_same_version():
    assert stripe.api_version == VERSION


@pytest.mark.parametrize("state", STATES)
def test_they_accept_what_our_factory_signs(state):
    notice = Notice(state=state, reference="ORDER-1", amount=Money(1999, "USD"), at=NOW)
    event = they_read(factory_for(OURS).webhook(OURS, notice))
    payment = event.data.object
    assert isinstance(payment, stripe.PaymentIntent)
    assert (payment.amount, payment.metadata["reference"]) == (1999, "ORDER-1")
    wrong = factory_for(OURS).webhook(OURS, notice, key=b"whsec_another")
    with pytest.raises(stripe.SignatureVerificationError):
        they_read(wrong)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(st.dictionaries(texts, texts, max_size=3), st.integers(-300, 300), st.booleans())
def test_we_accept_what_they_sign(content, away, pretty):
    body = json.dumps(content, ensure_ascii=False, indent=2 if pretty else None)
    time = int((NOW + timedelta(seconds=away)).timestamp())
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET, time)
    delivery = Delivery("POST", "/", b"", {"Stripe-Signature": header}, body.encode())
    verified = we_verify(delivery)
    assert verified.fields["event"] == content


BODY = json.dumps({"id": "evt_1", "object": "event", "livemode": False})
GOOD = signed_webhook(CONFIG, BODY.encode(), at=NOW).header("Stripe-Signature")
TIME, DIGEST = int(NOW.timestamp()), GOOD.partition("v1=")[2]
HEADERS = {
    "as it is": GOOD,
    "empty": "",
    "no time": f"v1={DIGEST}",
    "no signature": f"t={TIME}",
    "v0 only": f"t={TIME},v0={DIGEST}",
    "v0 beside it": f"{GOOD},v0={'0' * 64}",
    "a wrong one first": f"t={TIME},v1={'0' * 64},v1={DIGEST}",
    "a wrong one behind": f"{GOOD},v1={'0' * 64}",
    "nonsense first": f"t={TIME},v1=nonsense,v1={DIGEST}",
    "the other way round": f"v1={DIGEST},t={TIME}",
    "upper case": f"t={TIME},v1={DIGEST.upper()}",
    "cut": GOOD[:-1],
    "one more": f"{GOOD}0",
    "blanks": f"t={TIME}, v1={DIGEST}",
    "a blank before the time": f"t= {TIME},v1={DIGEST}",
    "a sign": f"t=+{TIME},v1={DIGEST}",
    "two times, the first signed": f"t={TIME},t=1,v1={DIGEST}",
    "two times, the second signed": f"t=1,t={TIME},v1={DIGEST}",
    "a fraction": f"t={TIME}.0,v1={DIGEST}",
    "letters": f"t=now,v1={DIGEST}",
    "not ASCII": f"t={TIME},v1={'é' * 64}",
    "no pairs": "bad_header",
    "an equals sign more": f"t={TIME},v1={DIGEST}=",
}


def accepts(read, delivery):
    try:
        read(delivery)
    except (WebhookError, stripe.SignatureVerificationError, TypeError):
        return False  # theirs raises TypeError for letters outside ASCII
    return True


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_we_accept_nothing_that_they_refuse(header):
    delivery = Delivery("POST", "/", b"", {"Stripe-Signature": header}, BODY.encode())
    ours, theirs = accepts(we_verify, delivery), accepts(they_read, delivery)
    assert theirs or not ours


def test_what_they_accept_and_we_refuse():
    accepted = {
        name
        for name, header in HEADERS.items()
        for delivery in [Delivery("POST", "/", b"", {"Stripe-Signature": header}, BODY.encode())]
        if accepts(they_read, delivery) and not accepts(we_verify, delivery)
    }
    assert accepted == {
        "a blank before the time",
        "a sign",
        "two times, the first signed",
        "an equals sign more",
    }


def test_a_time_in_the_future():
    delivery = signed_webhook(CONFIG, BODY.encode(), at=NOW + timedelta(hours=1))
    assert accepts(they_read, delivery)
    assert not accepts(we_verify, delivery)


def test_an_old_time():
    delivery = signed_webhook(CONFIG, BODY.encode(), at=NOW - timedelta(minutes=10))
    assert not accepts(they_read, delivery)
    assert not accepts(we_verify, delivery)


# Requests.


class Line(stripe.HTTPClient):
    """Keeps their request, and gives an answer."""

    name = "line"

    def __init__(self, status=200, answer=None):
        super().__init__()
        self.status, self.answer = status, answer or {"id": "x", "object": "payment_intent"}

    def request(self, method, url, headers, post_data=None):
        self.seen = method.upper(), url, dict(headers), post_data
        return json.dumps(self.answer), self.status, {}

    def close(self):
        pass


def their_client(line):
    return stripe.StripeClient("sk_test_paykit", http_client=line, max_network_retries=0)


TOKEN = PaymentToken(provider="stripe", value="pm_card_visa")
REF = PaymentRef(reference="ORDER-1", provider_id="pi_1", amount=Money(1999, "USD"))
KEY = {"idempotency_key": "pay:ORDER-1"}
EXPAND = {"expand": ["latest_charge.refunds", "payment_method"]}
CREATE = {
    "amount": 1999, "currency": "usd", "capture_method": "manual", "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "use_stripe_sdk": True, "description": "Phở & trà", "payment_method": "pm_card_visa",
    "metadata": {"reference": "ORDER-1", "shelf": "B [2]=&"}, **EXPAND,
}  # fmt: skip
REQUEST = PaymentRequest(
    reference="ORDER-1", amount=Money(1999, "USD"), token=TOKEN, capture=CaptureMode.MANUAL,
    description="Phở & trà", metadata={"shelf": "B [2]=&"},
)  # fmt: skip
PAGE_LINE = {"price_data": {"currency": "usd", "unit_amount": 1999,
                            "product_data": {"name": "ORDER-1"}}, "quantity": 1}  # fmt: skip
BACK = "https://shop.example/r?session_id={CHECKOUT_SESSION_ID}"
PAGE = {
    "mode": "payment", "success_url": BACK, "cancel_url": BACK, "client_reference_id": "ORDER-1",
    "metadata": {"reference": "ORDER-1"}, "line_items": [PAGE_LINE], "locale": "vi",
    "payment_intent_data": {"capture_method": "automatic", "metadata": {"reference": "ORDER-1"}},
}  # fmt: skip
SAME = {
    "create": (
        lambda them: them.v1.payment_intents.create(CREATE, KEY),
        lambda: OURS.create_payment(REQUEST),
    ),
    "fetch": (
        lambda them: them.v1.payment_intents.retrieve("pi_1", EXPAND),
        lambda: OURS.fetch_payment(REF),
    ),
    "capture": (
        lambda them: them.v1.payment_intents.capture(
            "pi_1",
            {"amount_to_capture": 500, "final_capture": False, **EXPAND},
            {"idempotency_key": "capture:k"},
        ),
        lambda: OURS.capture(REF, Money(500, "USD"), idempotency_key="k", final=False),
    ),
    "void": (
        lambda them: them.v1.payment_intents.cancel("pi_1", EXPAND, {"idempotency_key": "void:k"}),
        lambda: OURS.void(REF, idempotency_key="k"),
    ),
    "refund": (
        lambda them: them.v1.refunds.create(
            {
                "payment_intent": "pi_1",
                "amount": 500,
                "metadata": {"payment_reference": "ORDER-1", "reference": "R-1"},
            },
            {"idempotency_key": "refund:R-1"},
        ),
        lambda: OURS.refund(RefundRequest(payment=REF, reference="R-1", amount=Money(500, "USD"))),
    ),
    "page": (
        lambda them: them.v1.checkout.sessions.create(PAGE, KEY),
        lambda: OURS.create_payment(
            PaymentRequest(
                reference="ORDER-1", amount=Money(1999, "USD"), return_url="https://shop.example/r"
            )
        ),
    ),
    "detach": (
        lambda them: them.v1.payment_methods.detach(
            "pm_1", None, {"idempotency_key": "detach:pm_1"}
        ),
        lambda: OURS.delete_token(PaymentToken(provider="stripe", value="pm_1")),
    ),
}


def brought(text):
    return unflatten(parse_qsl(text or "", keep_blank_values=True))


@pytest.mark.parametrize("name", SAME)
def test_the_same_request(name):
    line, (theirs, ours) = Line(), SAME[name]
    theirs(their_client(line))
    method, url, headers, body = line.seen
    mine = next(ours())
    assert (mine.method, mine.url.partition("?")[0]) == (method, url.partition("?")[0])
    assert brought(mine.url.partition("?")[2]) == brought(url.partition("?")[2])
    assert brought(mine.body.decode()) == brought(body)
    for header in ("Stripe-Version", "Authorization"):
        assert mine.header(header) == headers[header]
    if method == "POST":
        assert mine.header("Idempotency-Key") == headers["Idempotency-Key"]
        assert mine.header("Content-Type") == headers["Content-Type"]


# Refusals: their class, and ours.


@pytest.mark.parametrize(
    ("status", "error", "theirs", "ours"),
    [
        (402, {"type": "card_error", "code": "card_declined"}, stripe.CardError, Declined),
        (400, {"type": "invalid_request_error"}, stripe.InvalidRequestError, ProviderError),
        (400, {"type": "idempotency_error"}, stripe.IdempotencyError, IdempotencyConflict),
        (401, {"type": "invalid_request_error"}, stripe.AuthenticationError, AuthenticationFailed),
        (403, {"type": "invalid_request_error"}, stripe.PermissionError, AuthenticationFailed),
        (429, {"type": "invalid_request_error"}, stripe.RateLimitError, RateLimited),
        (500, {"type": "api_error"}, stripe.APIError, OutcomeUnknown),
    ],
)
def test_the_same_refusal(status, error, theirs, ours):
    body = {"error": {"message": "No.", **error}}
    with pytest.raises(theirs):
        their_client(Line(status, body)).v1.payment_intents.create(CREATE)
    with pytest.raises(ours) as caught:
        run(
            OURS.create_payment(REQUEST),
            lambda _: HttpResponse(status, {}, json.dumps(body).encode()),
        )
    assert type(caught.value) is ours
