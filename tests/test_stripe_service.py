"""Stripe in the payment service: one effect, whoever tells, and nothing lost that Stripe can be asked."""

import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from paykit import (
    CaptureMode,
    Declined,
    MalformedDelivery,
    Money,
    NoAnswer,
    Outcome,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    RateLimited,
    SignatureError,
    StaleDelivery,
    Stripe,
    StripeConfig,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.service import PaymentService
from paykit.testing.factories.stripe import signed_webhook

from .support.stripe import DECLINED, PretendStripe

S = PaymentStatus
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = StripeConfig(secret_key="sk_test_key", webhook_secret="whsec_secret")
PRICE = Money(250_000, "VND")
STRIPE = Stripe(CONFIG, clock=lambda: NOW)


class World(PretendStripe):
    """Stripe's API, which may fall silent."""

    silent = False

    def send(self, request):
        if self.silent:
            raise NoAnswer("silence")
        return super().send(request)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def service(tmp_path, world):
    opened = PaymentService(
        [STRIPE],
        database=f"sqlite:///{tmp_path}/p.db",
        transport=world,
        clock=lambda: NOW,
    )
    with opened:
        yield opened


def create(service, reference="ORDER-1", card="pm_card_visa", **more):
    token = PaymentToken(provider="stripe", value=card)
    request = PaymentRequest(
        **{"reference": reference, "amount": PRICE, "token": token, "order_id": "CART-1", **more}
    )
    return service.create(request, provider="stripe")


def event(kind, thing, *, event_id="evt_1", **more):
    inside = {"livemode": False, "created": int(NOW.timestamp()), **thing}
    body = {
        "id": event_id, "object": "event", "type": kind, "livemode": False,
        "created": int(NOW.timestamp()), "data": {"object": inside}, **more,
    }  # fmt: skip
    return signed_webhook(CONFIG, json.dumps(body).encode(), at=NOW)


def tell(service, kind, thing, **more):
    return service.receive(event(kind, thing, **more), provider="stripe")


def as_told(world, payment_id):
    """A payment as events have it: its charge by its id only."""
    payment = world.things[payment_id]
    charge = payment["latest_charge"]
    return {**payment, "latest_charge": charge and charge["id"]}


def dispute(payment_id, status="needs_response"):
    return {
        "id": "dp_1", "object": "dispute", "amount": 250_000, "currency": "vnd", "metadata": {},
        "charge": f"ch_{payment_id}", "payment_intent": payment_id, "status": status,
    }  # fmt: skip


def test_the_payment_carries_our_ids(service, world):
    session = create(service)
    kept = world.things[session.provider_id]["metadata"]
    assert kept == {
        "reference": "ORDER-1", "order_id": "CART-1", "payment_id": session.payment_id,
    }  # fmt: skip


def test_a_hold_and_its_capture(service, world):
    session = create(service, capture=CaptureMode.MANUAL)
    assert service.status(session.payment_id).status is S.AUTHORIZED
    held = as_told(world, session.provider_id)
    told = tell(service, "payment_intent.amount_capturable_updated", held)
    assert (told.outcome, told.published) == (Outcome.ACCEPTED, 0)  # known from the answer
    charge = world.things[session.provider_id]["latest_charge"]
    assert tell(service, "charge.succeeded", charge, event_id="evt_2").published == 0
    run(STRIPE.capture(session.ref, idempotency_key="c1"), world.send)
    taken = as_told(world, session.provider_id)
    assert tell(service, "payment_intent.succeeded", taken, event_id="evt_3").published == 1
    record = service.status(session.payment_id)
    assert (record.status, record.captured) == (S.SUCCEEDED, PRICE)


def test_a_notice_before_the_answer_was_stored(service, world):
    hidden = PretendStripe()
    token = PaymentToken(provider="stripe", value="pm_card_visa")
    request = PaymentRequest(reference="ORDER-1", amount=PRICE, token=token)
    early = run(STRIPE.create_payment(request), hidden.send)
    told = as_told(hidden, early.provider_id)
    receipt = tell(service, "payment_intent.succeeded", told)
    assert receipt.outcome is Outcome.UNKNOWN_REFERENCE
    session = create(service)
    assert service.status(session.payment_id).status is S.SUCCEEDED


def test_a_page_becomes_a_payment(service, world):
    session = create(service, token=None, return_url="https://shop.example/r")
    assert service.status(session.payment_id).provider_id == session.provider_id
    page_id = session.provider_id
    world.pay(page_id)
    page = {k: v for k, v in world.things[page_id].items() if not k.startswith("_")}
    payment_id = page["payment_intent"]
    assert tell(service, "checkout.session.completed", page).published == 1
    record = service.status(session.payment_id)
    assert (record.status, record.provider_id) == (S.SUCCEEDED, payment_id)
    # The payment's own event is the same fact.
    paid = as_told(world, payment_id)
    assert tell(service, "payment_intent.succeeded", paid, event_id="evt_2").published == 0
    # A second page of somebody else's with the same payment is refused.
    other = create(service, "ORDER-2", token=None, return_url="https://shop.example/r")
    stolen = {**page, "metadata": {"reference": "ORDER-2"}}
    told = tell(service, "checkout.session.completed", stolen, event_id="evt_3")
    assert told.outcome is Outcome.MISMATCH
    assert service.status(other.payment_id).status is S.NEEDS_REVIEW


def test_a_page_keeps_its_id_after_a_try_that_failed(service, world):
    session = create(service, token=None, return_url="https://shop.example/r")
    failed = {
        "id": "pi_tried", "object": "payment_intent", "amount": 250_000, "amount_received": 0,
        "currency": "vnd", "status": "requires_payment_method", "latest_charge": None,
        "metadata": {"reference": "ORDER-1"},
        "last_payment_error": {"type": "card_error", "code": "card_declined"},
    }  # fmt: skip
    tell(service, "payment_intent.payment_failed", failed)
    # The page is what can still be paid, so that is what is asked about.
    assert service.status(session.payment_id).provider_id == session.provider_id
    page = {k: v for k, v in world.things[session.provider_id].items() if not k.startswith("_")}
    tell(service, "checkout.session.expired", {**page, "status": "expired"}, event_id="evt_2")
    assert service.status(session.payment_id).provider_id == session.provider_id


def test_a_dispute_waits_until_stripe_can_be_asked(service, world):
    session = create(service)
    world.silent = True
    told = tell(service, "charge.dispute.created", dispute(session.provider_id))
    assert (told.outcome, told.reply.status) == (Outcome.TRY_AGAIN, 503)
    assert service.status(session.payment_id).status is S.SUCCEEDED
    world.silent = False
    told = tell(service, "charge.dispute.created", dispute(session.provider_id))
    assert (told.outcome, told.published) == (Outcome.ACCEPTED, 1)
    assert service.status(session.payment_id).status is S.DISPUTED
    won = dispute(session.provider_id, "won")
    assert tell(service, "charge.dispute.closed", won, event_id="evt_2").published == 0


def test_a_refund_of_the_dashboard_waits_too(service, world):
    session = create(service)
    refund = world._give_back(world.things[session.provider_id], 50_000, {})
    world.silent = True
    assert tell(service, "refund.created", refund).outcome is Outcome.TRY_AGAIN
    world.silent = False
    assert tell(service, "refund.created", refund).published == 1
    assert service.status(session.payment_id).status is S.PARTIALLY_REFUNDED
    # Its twins tell of the same movement.
    charge = world.things[session.provider_id]["latest_charge"]
    twin = STRIPE.parse(run(STRIPE.verify(event("charge.refunded", charge)), world.send))
    first = STRIPE.parse(run(STRIPE.verify(event("refund.updated", refund)), world.send))
    assert [one.movement for one in twin] == [one.movement for one in first]
    assert twin[0].movement.id == refund["id"]


def test_a_refund_of_ours_needs_no_question(service, world):
    session = create(service)
    mine = {"reference": "R-1", "payment_reference": "ORDER-1"}
    refund = world._give_back(world.things[session.provider_id], 50_000, mine)
    world.silent = True
    assert tell(service, "refund.created", refund).published == 1


def test_a_released_rest_is_no_refund(service, world):
    session = create(service, capture=CaptureMode.MANUAL)
    part = Money(150_000, "VND")
    run(STRIPE.capture(session.ref, part, idempotency_key="c1"), world.send)
    (rest,) = [thing for thing in world.things.values() if thing["object"] == "refund"]
    assert rest["amount"] == 100_000
    assert tell(service, "refund.created", rest).published == 0
    charge = world.things[session.provider_id]["latest_charge"]
    assert tell(service, "charge.refunded", charge, event_id="evt_2").published == 0
    taken = as_told(world, session.provider_id)
    tell(service, "payment_intent.succeeded", taken, event_id="evt_3")
    record = service.status(session.payment_id)
    assert (record.status, record.captured, record.refunded) == (
        S.SUCCEEDED, part, Money(0, "VND"),
    )  # fmt: skip


def test_a_declined_card_fails_the_attempt(service):
    (poor,) = DECLINED
    with pytest.raises(Declined):
        create(service, card=poor)


def test_what_others_did_is_no_news(service, world):
    session = create(service)
    stranger = {**as_told(world, session.provider_id), "id": "pi_other", "metadata": {"x": "y"}}
    kept = world.things[session.provider_id]
    world.things["pi_other"] = {**kept, "id": "pi_other", "metadata": {"x": "y"}}
    for kind, thing in (
        ("payment_intent.succeeded", stranger),
        ("charge.dispute.created", dispute("pi_other")),
        ("customer.created", {"id": "cus_1", "object": "customer"}),
    ):
        told = tell(service, kind, thing, event_id=f"evt_{kind.replace('.', '_')}")
        assert (told.reply.status, told.published) == (200, 0)
    assert service.status(session.payment_id).status is S.SUCCEEDED


def test_on_a_return_stripe_is_asked_and_the_browser_is_not(service, world):
    session = create(service, token=None, return_url="https://shop.example/r")
    returned = attrs.evolve(
        event("x", {}), method="GET", query=f"session_id={session.provider_id}".encode(), body=b""
    )
    for paid, status in ((False, S.REQUIRES_ACTION), (True, S.SUCCEEDED)):
        if paid:
            world.pay(session.provider_id)
        seen = service.receive_return(returned, provider="stripe")
        assert (seen.verified, seen.record.payment_id) == (True, session.payment_id)
        assert service.status(session.payment_id).status is status
    forged = attrs.evolve(returned, query=b"session_id=cs_guessed&redirect_status=succeeded")
    assert not service.receive_return(forged, provider="stripe").verified


# Verification alone.


def answered(status, content):
    return lambda _: HttpResponse(status, {}, json.dumps(content).encode())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answered(404, {"error": {"type": "invalid_request_error"}}), MalformedDelivery),
        (answered(429, {"error": {"type": "invalid_request_error"}}), RateLimited),
    ],
)
def test_when_stripe_does_not_tell(answer, error):
    flow = STRIPE.verify(event("charge.dispute.created", dispute("pi_1")))
    with pytest.raises(error) as caught:
        run(flow, answer)
    assert type(caught.value) is error


def test_nobody_is_asked_about_what_is_not_proven():
    genuine = event("charge.dispute.created", dispute("pi_1"))
    forged = signed_webhook(CONFIG, genuine.body, at=NOW, key=b"whsec_other")
    stale = signed_webhook(CONFIG, forged.body, at=NOW - timedelta(minutes=6))
    live = event("charge.dispute.created", dispute("pi_1"), livemode=True)

    def refuse(request):
        raise AssertionError(request)

    for delivery, error in (
        (forged, SignatureError),
        (stale, StaleDelivery),
        (live, MalformedDelivery),
    ):
        with pytest.raises(error):
            STRIPE.parse(run(STRIPE.verify(delivery), refuse))


def test_several_secrets():
    rolled = StripeConfig(
        secret_key="sk_test_key",
        webhook_secret="whsec_new",
        previous_webhook_secrets=("whsec_secret", "whsec_of_the_cli"),
    )
    for secret in ("whsec_new", "whsec_secret", "whsec_of_the_cli"):
        delivery = signed_webhook(CONFIG, b"{}", at=NOW, key=secret.encode())
        run(Stripe(rolled, clock=lambda: NOW).verify(delivery), None)


def test_an_event_has_one_id_in_each_account():
    told = event("payment_intent.succeeded", {
        "id": "pi_1", "object": "payment_intent", "amount": 1, "amount_received": 1,
        "currency": "vnd", "status": "succeeded", "metadata": {"reference": "A"},
    })  # fmt: skip
    other = Stripe(CONFIG.model_copy(update={"account": "other"}), clock=lambda: NOW)
    ids = {one.parse(run(one.verify(told), None))[0].event_id for one in (STRIPE, other, STRIPE)}
    assert len(ids) == 2
