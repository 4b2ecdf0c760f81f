"""Stripe: money of every currency, pages and payments, refunds that are none, secrets."""

import json
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    CaptureMode,
    Client,
    ConfigurationError,
    ConfirmInClient,
    Customer,
    Declined,
    IdempotencyConflict,
    InvalidRequest,
    MalformedResponse,
    Money,
    OutcomeUnknown,
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    Redirect,
    RefundRef,
    RefundRequest,
    Stripe,
    StripeConfig,
    VietQR,
)
from paykit.flow import run
from paykit.http import HttpRequest, HttpResponse, form_pairs
from paykit.money import currencies, exponent
from paykit.providers.stripe.amounts import (
    CURRENCIES,
    THREE_DECIMAL,
    WHOLE_UNITS,
    ZERO_DECIMAL,
    decimals,
    read_money,
    to_wire,
)
from paykit.providers.stripe.wire import without_secrets
from paykit.testing.factories.stripe import StripeDeliveries
from paykit.testing.factory import Notice

from .support.stripe import DECLINED, NEEDS_3DS, PretendStripe

CONFIG = StripeConfig(secret_key="sk_test_key", webhook_secret="whsec_secret")
STRIPE = Stripe(CONFIG)
PRICE = Money(250_000, "VND")
VISA = PaymentToken(provider="stripe", value="pm_card_visa")


@pytest.fixture
def peer():
    return PretendStripe()


@pytest.fixture
def shop(peer):
    return Client(STRIPE, transport=peer)


def asked(reference="ORDER-1", **more):
    return PaymentRequest(**{"reference": reference, "amount": PRICE, "token": VISA, **more})


# Money.

#: How many decimals Stripe counts with, written out once more: see its page on currencies.
LISTED = {
    **dict.fromkeys("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD JOD KWD OMR TND".split(), 3),
}


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_every_currency_there_and_back(currency):
    assert decimals(currency) == LISTED.get(currency, 2)
    one = Money(10 ** exponent(currency), currency)  # one of it, in its largest unit
    assert to_wire(one) == 10 ** LISTED.get(currency, 2)
    for minor in (0, 1, 5, 10, 99, 100, 101, 12_345, 99_999_999, 10**12):
        amount = Money(minor, currency)
        step = 100 if currency == "MGA" else 10 if currency in THREE_DECIMAL else 1
        if minor % step:
            with pytest.raises(InvalidRequest) as caught:
                to_wire(amount)
            assert caught.value.field == "amount"
        else:
            counted = to_wire(amount)
            assert read_money(counted, currency.lower()) == amount
            assert counted * 10 ** exponent(currency) == minor * 10 ** decimals(currency)


def test_currencies_that_are_not_stripes():
    for currency in currencies() - CURRENCIES:
        with pytest.raises(InvalidRequest) as caught:
            to_wire(Money(1000, currency))
        assert caught.value.field == "currency"
        with pytest.raises(ValueError, match="currency"):
            read_money(1000, currency.lower())
    assert not (ZERO_DECIMAL & WHOLE_UNITS | ZERO_DECIMAL & THREE_DECIMAL)
    assert {currency for currency in CURRENCIES if exponent(currency) != decimals(currency)} == {
        "ISK", "UGX", "MGA",
    }  # fmt: skip


@pytest.mark.parametrize("currency", ["USD", "usD", "", "us", "xxx", "usd ", "UГX"])
def test_a_currency_is_written_in_one_way(currency):
    with pytest.raises(ValueError, match="currency"):
        read_money(1, currency)


@pytest.mark.parametrize(("counted", "currency"), [(501, "ugx"), (50, "isk"), (1, "ugx")])
def test_no_part_of_what_has_no_parts(counted, currency):
    with pytest.raises(ValueError, match="whole"):
        read_money(counted, currency)


@given(st.integers(0, 2**53 - 1), st.sampled_from(sorted(CURRENCIES)))
def test_whatever_stripe_counts_is_exact_or_refused(counted, currency):
    try:
        amount = read_money(counted, currency.lower())
    except ValueError:
        assert currency in WHOLE_UNITS
    else:
        assert amount.minor * 10 ** decimals(currency) == counted * 10 ** exponent(currency)


def test_nothing_below_nothing():
    with pytest.raises(InvalidRequest):
        to_wire(Money(-1, "USD"))


# Forms.


def test_nested_fields_of_a_form():
    fields = {"a": 1, "b": {"c": "x y", "d": [True, {"e": False}]}, "f": [], "g": {}, "h": ""}
    assert form_pairs(fields) == [
        ("a", "1"), ("b[c]", "x y"), ("b[d][0]", "true"), ("b[d][1][e]", "false"), ("h", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fields", [{"a": 1.5}, {"a": None}, {"a": b"x"}, {"a[b]": 1}, {"": 1}, {1: 1}, {"a": {"]": 1}}]
)
def test_what_a_form_cannot_hold(fields):
    with pytest.raises(InvalidRequest):
        form_pairs(fields)


def test_a_form_that_is_nested_too_deeply():
    fields = inside = {}
    for _ in range(200):
        inside["a"] = {}
        inside = inside["a"]
    with pytest.raises(InvalidRequest):
        form_pairs(fields)


# A whole life.


def test_a_whole_life(shop, peer):
    session = shop.create_payment(asked(capture=CaptureMode.MANUAL))
    assert (session.status, session.expires_at.isoformat()) == (
        "authorized", "2026-01-09T03:04:05+00:00",
    )  # fmt: skip
    again = shop.create_payment(asked(capture=CaptureMode.MANUAL))
    assert again.provider_id == session.provider_id
    with pytest.raises(IdempotencyConflict):
        shop.create_payment(asked(capture=CaptureMode.MANUAL, amount=Money(1, "VND")))
    with pytest.raises(IdempotencyConflict):  # a page is no second payment either
        shop.create_payment(asked(token=None, return_url="https://shop.example/r"))
    part = shop.capture(session.ref, Money(50_000, "VND"), idempotency_key="c1", final=False)
    assert (part.status, part.captured) == ("authorized", Money(50_000, "VND"))
    whole = shop.capture(session.ref, Money(100_000, "VND"), idempotency_key="c2")
    assert (whole.status, whole.captured) == ("succeeded", Money(150_000, "VND"))
    now = shop.fetch_payment(session.ref)
    assert (now.status, now.captured, now.refunded) == ("succeeded", whole.captured, None)
    # Too late: the state tells.
    assert shop.void(session.ref, idempotency_key="v1").status == "succeeded"
    assert shop.capture(session.ref, idempotency_key="c3").captured == whole.captured
    back = RefundRequest(payment=session.ref, reference="R-1", amount=Money(100_000, "VND"))
    assert shop.refund(back) == shop.refund(back)
    now = shop.fetch_payment(session.ref)
    assert (now.status, now.refunded) == ("partially_refunded", Money(100_000, "VND"))
    shop.refund(RefundRequest(payment=session.ref, reference="R-2"))
    assert shop.fetch_payment(session.ref).status == "refunded"
    found = shop.fetch_refund(RefundRef(reference="R-2", payment=session.ref))
    assert (found.status, found.amount) == ("succeeded", Money(50_000, "VND"))
    with pytest.raises(Declined) as caught:
        shop.refund(RefundRequest(payment=session.ref, reference="R-3"))
    assert caught.value.reason == "amount_too_large"
    keys = [one.header("Idempotency-Key") for one in peer.requests if one.method == "POST"]
    assert all(keys)
    assert not [
        one for one in peer.requests if one.method == "GET" and one.header("Idempotency-Key")
    ]


def test_an_amount_in_another_currency_moves_nothing(shop, peer):
    """Stripe is told a number only, and would take so much of the payment's currency."""
    ref = shop.create_payment(asked(capture=CaptureMode.MANUAL)).ref
    unknown = attrs.evolve(ref, amount=None)
    for meant in (ref, unknown):
        with pytest.raises(InvalidRequest) as caught:
            shop.capture(meant, Money(500, "JPY"), idempotency_key="c1")
        assert caught.value.field == "currency"
    shop.capture(unknown, Money(200_000, "VND"), idempotency_key="c2")
    with pytest.raises(InvalidRequest):
        RefundRequest(payment=ref, reference="R-1", amount=Money(500, "JPY"))
    yen = RefundRequest(payment=unknown, reference="R-1", amount=Money(500, "JPY"))
    with pytest.raises(InvalidRequest):
        shop.refund(yen)
    part = RefundRequest(payment=unknown, reference="R-1", amount=Money(500, "VND"))
    assert shop.refund(part).amount == Money(500, "VND")
    sent = [one.url.rpartition("/")[2] for one in peer.requests if one.method == "POST"]
    assert sent == ["payment_intents", "capture", "refunds"]


def test_a_page_and_its_payment_are_one(shop, peer):
    session = shop.create_payment(
        asked(token=None, return_url="https://shop.example/r", capture=CaptureMode.MANUAL)
    )
    assert session.provider_id.startswith("cs_")
    assert isinstance(session.next, Redirect)
    assert shop.fetch_payment(session.ref).next == session.next
    with pytest.raises(Declined):
        shop.refund(RefundRequest(payment=session.ref, reference="R-1"))
    peer.pay(session.provider_id)
    now = shop.fetch_payment(session.ref)
    assert (now.status, now.provider_id[:3]) == ("authorized", "pi_")
    # By either id from here on.
    for ref in (session.ref, attrs.evolve(session.ref, provider_id=now.provider_id)):
        assert shop.fetch_payment(ref).status == "authorized"
    taken = shop.capture(session.ref, idempotency_key="c1")
    assert (taken.status, taken.provider_id) == ("succeeded", now.provider_id)
    assert shop.refund(RefundRequest(payment=session.ref, reference="R-1")).status == "succeeded"


def test_a_page_is_given_up(shop):
    session = shop.create_payment(asked(token=None, return_url="https://shop.example/r"))
    assert shop.void(session.ref, idempotency_key="v1").status == "expired"
    assert shop.fetch_payment(session.ref).status == "expired"
    assert shop.void(session.ref, idempotency_key="v2").status == "expired"


def test_3_d_secure_and_a_decline(shop, peer):
    card = attrs.evolve(VISA, value=NEEDS_3DS)
    session = shop.create_payment(asked(token=card))
    assert session.status == "requires_action"
    assert session.next == ConfirmInClient("pi_secret_of_the_tests")
    peer.authenticate(session.provider_id)
    assert shop.fetch_payment(session.ref).status == "succeeded"
    (poor,) = DECLINED
    with pytest.raises(Declined) as caught:
        shop.create_payment(asked("ORDER-2", token=attrs.evolve(VISA, value=poor)))
    assert (caught.value.reason, caught.value.code) == ("insufficient_funds", "insufficient_funds")


def test_a_card_is_stored_and_charged_while_the_payer_is_away(shop):
    card = attrs.evolve(VISA, value="pm_new_card")
    stored = shop.create_payment(
        asked(
            "CARD-1", amount=Money(0, "VND"), token=card, save_token=True, customer=Customer(id="u")
        )
    )
    assert (stored.status, stored.token.label) == ("succeeded", "visa •••• 4242")
    assert shop.fetch_payment(stored.ref).token == stored.token
    paid = shop.create_payment(asked("ORDER-3", token=stored.token, off_session=True))
    assert paid.status == "succeeded"
    shop.delete_token(stored.token)


# Answers.


def answering(content, status=200):
    return lambda _: HttpResponse(status, {}, json.dumps(content).encode())


def test_a_card_that_stays_with_its_customer_is_not_deleted():
    still = {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "type": "card"}
    with pytest.raises(Exception, match="not detached"):
        run(STRIPE.delete_token(attrs.evolve(VISA, value="pm_1")), answering(still))


def test_no_answer_to_a_charge_is_no_failure():
    def silent(request):
        assert request.moves_money
        raise OutcomeUnknown("no answer")

    with pytest.raises(OutcomeUnknown):
        run(STRIPE.create_payment(asked()), silent)


@pytest.mark.parametrize("status", [301, 302, 304])
def test_an_answer_from_elsewhere_is_none(status):
    ref = PaymentRef(reference="ORDER-1", provider_id="pi_1")
    with pytest.raises(MalformedResponse):
        run(STRIPE.fetch_payment(ref), answering({"id": "pi_1"}, status))


@pytest.mark.parametrize("url", ["http://bank.example/3ds", "javascript:alert(1)", "", None])
def test_the_payer_is_sent_to_no_plain_page(url):
    payment = {
        "id": "pi_1", "object": "payment_intent", "amount": 250_000, "amount_received": 0,
        "currency": "vnd", "status": "requires_action", "metadata": {"reference": "ORDER-1"},
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": url}},
    }  # fmt: skip
    ref = PaymentRef(reference="ORDER-1", provider_id="pi_1")
    with pytest.raises(MalformedResponse):
        run(STRIPE.fetch_payment(ref), answering(payment))
    with pytest.raises(OutcomeUnknown):  # the payment is made, and may be made in another way
        run(STRIPE.create_payment(asked()), answering(payment))


def test_a_list_of_refunds_without_end():
    page = {
        "object": "list", "has_more": True,
        "data": [{"id": "re_1", "object": "refund", "amount": 1, "currency": "usd", "created": 1,
                  "status": "succeeded", "metadata": {}}],
    }  # fmt: skip
    ref = PaymentRef(reference="ORDER-1", provider_id="pi_1")
    with pytest.raises(MalformedResponse, match="without end"):
        run(STRIPE.fetch_refund(RefundRef(reference="R-1", payment=ref)), answering(page))


def test_a_charge_in_another_currency_is_not_ours():
    charge = {
        "id": "ch_1", "object": "charge", "amount": 1, "amount_captured": 0, "amount_refunded": 0,
        "captured": False, "currency": "usd", "status": "succeeded",
    }  # fmt: skip
    payment = {
        "id": "pi_1", "object": "payment_intent", "amount": 1, "amount_received": 0,
        "currency": "vnd", "status": "requires_capture", "latest_charge": charge,
        "metadata": {"reference": "ORDER-1"},
    }  # fmt: skip
    ref = PaymentRef(reference="ORDER-1", provider_id="pi_1")
    with pytest.raises(MalformedResponse, match="several currencies"):
        run(STRIPE.fetch_payment(ref), answering(payment))


def test_the_factory_is_for_stripe_only():
    notice = Notice(state="paid", reference="A", amount=PRICE, at=datetime.now(UTC))
    with pytest.raises(ConfigurationError):
        StripeDeliveries().webhook(VietQR.from_dict({"bank": "VCB", "account_number": "1"}), notice)


def test_a_declined_error_tells_no_client_secret():
    inside = {"id": "pi_1", "client_secret": "pi_1_secret_x", "list": [{"client_secret": "y"}]}
    error = {"error": {"type": "card_error", "code": "card_declined", "payment_intent": inside}}
    with pytest.raises(Declined) as caught:
        run(STRIPE.create_payment(asked()), answering(error, 402))
    assert "secret" not in str(caught.value.raw)
    assert caught.value.raw["error"]["payment_intent"] == {"id": "pi_1", "list": [{}]}
    assert without_secrets({"client_secret": 1, "a": 2}) == {"a": 2}


@pytest.mark.parametrize(
    "settings",
    [
        {"secret_key": "pk_test_key"},
        {"secret_key": "sk_key"},
        {"secret_key": "sk_live_key"},
        {"secret_key": "sk_test_key", "environment": "production"},
        {"secret_key": "whsec_secret"},
        {"webhook_secret": "whsec_"},
        {"webhook_secret": "we_1PaykitEndpoint"},
        {"webhook_secret": "sk_test_key"},
        {"previous_webhook_secrets": ("",)},
        {"webhook_tolerance": 0},
        {"webhook_tolerance": -1},
        {"webhook_tolerance": None},
        {"webhook_tolerance": 86_401},
        {"base_url": "http://api.stripe.com"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_right(settings):
    good = {"secret_key": "sk_test_key", "webhook_secret": "whsec_secret"}
    with pytest.raises(ConfigurationError) as caught:
        StripeConfig(**{**good, **settings})
    assert "key" not in str(caught.value).replace("secret_key", "").replace("a secret key", "")


def test_live_keys_are_for_production():
    live = StripeConfig(
        secret_key="rk_live_key", webhook_secret="whsec_x", environment="production"
    )
    assert Stripe(live).base == "https://api.stripe.com"


def test_a_payment_is_asked_about_by_its_own_id():
    for reference in ("ORDER-1", "pi_1"):
        with pytest.raises(InvalidRequest, match="pi_ or cs_ or seti_") as caught:
            next(STRIPE.fetch_payment(PaymentRef(reference=reference)))
        assert caught.value.field == "provider_id"


def test_the_version_and_the_key_go_with_every_call():
    request = next(STRIPE.fetch_payment(PaymentRef(reference="ORDER-1", provider_id="pi_1")))
    assert isinstance(request, HttpRequest)
    assert request.header("Stripe-Version") == "2026-10-28.endive"
    assert request.header("Authorization") == "Bearer sk_test_key"
    assert "sk_test_key" not in repr(request)


def test_what_is_kept_of_an_answer_holds_no_client_secret(shop):
    told = asked(token=PaymentToken(provider="stripe", value=NEEDS_3DS), return_url=None)
    session = shop.create_payment(told)
    secret = session.next.client_secret
    assert secret
    assert secret not in json.dumps(session.raw)
    assert secret not in json.dumps(shop.fetch_payment(session.ref).raw)


def test_more_than_is_held_is_not_taken(shop):
    session = shop.create_payment(asked(capture=CaptureMode.MANUAL))
    for ref in (session.ref, attrs.evolve(session.ref, amount=None)):
        with pytest.raises(InvalidRequest, match="at most the payment"):
            shop.capture(ref, PRICE + Money(1, "VND"), idempotency_key="c1")
    assert shop.fetch_payment(session.ref).status == "authorized"
