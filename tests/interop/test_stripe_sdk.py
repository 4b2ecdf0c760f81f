"""Stripe's own Python SDK against the pretended Stripe, over real sockets."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from paykit.demo.server import listen
from paykit.sandbox import SandboxConfig, StripeConfig, create_app

RETURN = "https://shop.example/return"
HOLD = {
    "amount": 150_000,
    "currency": "vnd",
    "capture_method": "manual",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "return_url": RETURN,
    "metadata": {"payment_id": "pay_1", "note": "Trà sen"},
}
CARD = {"number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123"}


@contextmanager
def serving(app, listener, lifespan="off"):
    config = uvicorn.Config(app, lifespan=lifespan, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.socket.close()


class Shop:
    """A merchant with Stripe's SDK, whose endpoint reads events with it, and the payer."""

    def __init__(self, config: SandboxConfig) -> None:
        self.base = f"{config.public_url}/stripe"
        self.secret = config.stripe.webhook_secrets[0]
        self.sdk = self.client(config.stripe.secret_key)
        self.events: list[stripe.Event] = []

    def client(self, key):
        return stripe.StripeClient(key, base_addresses={"api": self.base})

    async def receive(self, request):
        body, header = await request.body(), request.headers["stripe-signature"]
        try:
            self.events.append(stripe.Webhook.construct_event(body, header, self.secret))
        except stripe.SignatureVerificationError:
            return Response(status_code=400)
        return Response(status_code=200)

    def kinds(self, wanted, intent):
        """The types of the events about a payment, once as many as wanted have arrived."""
        end = time.monotonic() + 10
        while len(found := self.about(intent)) < wanted and time.monotonic() < end:
            time.sleep(0.02)
        return sorted(found)

    def about(self, intent):
        things = [(event.type, event.data.object) for event in tuple(self.events)]
        return [
            kind
            for kind, thing in things
            if intent.id in {thing.id, getattr(thing, "payment_intent", None)}
        ]

    def tokenize(self, **card):
        return httpx.post(f"{self.base}/card-field", json={**CARD, **card}).json()["token"]


@pytest.fixture(scope="module")
def world():
    at, shop_at = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    config = SandboxConfig(
        public_url=at.url, stripe=StripeConfig(webhook_url=f"{shop_at.url}/stripe")
    )
    shop = Shop(config)
    merchant = Starlette(routes=[Route("/stripe", shop.receive, methods=["POST"])])
    with serving(merchant, shop_at), serving(create_app(config), at, "on"):
        yield shop


@pytest.fixture
def shop(world):
    world.events.clear()
    return world


@pytest.fixture
def intents(shop):
    return shop.sdk.v1.payment_intents


def test_it_is_the_version_that_the_sdk_speaks(intents):
    answer = intents.create({"amount": 150_000, "currency": "vnd"})
    assert StripeConfig().api_version == stripe.api_version
    assert answer.last_response.headers["stripe-version"] == stripe.api_version
    assert answer.last_response.request_id.startswith("req_")


def test_held_captured_and_refunded(shop, intents):
    held = intents.create({**HOLD, "expand": ["latest_charge", "payment_method"]})
    assert (held.status, held.amount_capturable) == ("requires_capture", 150_000)
    assert held.metadata["note"] == "Trà sen"
    assert held.latest_charge.payment_method_details.card.capture_before > time.time()
    assert held.payment_method.card.last4 == "4242"
    taken = intents.capture(held.id, {"amount_to_capture": 100_000})
    assert (taken.status, taken.amount_received) == ("succeeded", 100_000)
    refund = shop.sdk.v1.refunds.create({"payment_intent": held.id, "amount": 40_000})
    assert refund.status == "succeeded"
    assert shop.sdk.v1.refunds.retrieve(refund.id).amount == 40_000
    listed = shop.sdk.v1.refunds.list({"payment_intent": held.id, "limit": 1})
    assert [one.id for one in listed.auto_paging_iter()] == [refund.id]
    charge = shop.sdk.v1.charges.retrieve(taken.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_captured, charge.amount_refunded) == (100_000, 40_000)
    assert [one.id for one in charge.refunds.data] == [refund.id]
    assert shop.kinds(7, held) == [
        "charge.captured",
        "charge.refunded",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.created",
        "payment_intent.succeeded",
        "refund.created",
    ]
    assert {event.api_version for event in shop.events} == {stripe.api_version}
    succeeded = next(one for one in shop.events if one.type == "payment_intent.succeeded")
    assert succeeded.data.object.amount_received == 100_000
    assert shop.sdk.v1.events.retrieve(succeeded.id).data.object.id == held.id


def test_let_go(intents):
    held = intents.create(HOLD)
    gone = intents.cancel(held.id, {"cancellation_reason": "requested_by_customer"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "requested_by_customer")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.capture(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "canceled"


def test_declined(intents):
    bad = {**HOLD, "payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
    with pytest.raises(stripe.CardError) as refused:
        intents.create(bad)
    error = refused.value
    assert (error.http_status, error.code) == (402, "card_declined")
    assert error.error.decline_code == "insufficient_funds"
    assert error.error.payment_intent.last_payment_error.decline_code == "insufficient_funds"
    intent = intents.retrieve(error.error.payment_intent.id)
    assert intent.status == "requires_payment_method"


def test_three_d_secure(shop, intents):
    method = shop.tokenize(number="4000002760003184")
    asked = intents.create({**HOLD, "payment_method": method})
    assert asked.status == "requires_action"
    page = asked.next_action.redirect_to_url.url
    back = httpx.post(page, data={"outcome": "approve"}).headers["location"]
    query = parse_qs(urlsplit(back).query)
    assert query["payment_intent"] == [asked.id]
    assert query["payment_intent_client_secret"] == [asked.client_secret]
    assert intents.retrieve(asked.id).status == "requires_capture"


def test_a_stored_card(shop, intents):
    customer = shop.sdk.v1.customers.create({"name": "Lan", "email": "lan@shop.example"})
    setup = shop.sdk.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": shop.tokenize(),
            "confirm": True,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert setup.status == "succeeded"
    again = {"customer": customer.id, "payment_method": setup.payment_method, "off_session": True}
    paid = intents.create({**HOLD, **again, "capture_method": "automatic"})
    assert paid.status == "succeeded"
    detached = shop.sdk.v1.payment_methods.detach(setup.payment_method)
    assert detached.customer is None
    with pytest.raises(stripe.InvalidRequestError):
        intents.create({**HOLD, **again})


def test_on_stripes_page(shop):
    line = {
        "price_data": {
            "currency": "vnd",
            "unit_amount": 150_000,
            "product_data": {"name": "Nón lá"},
        },
        "quantity": 1,
    }
    session = shop.sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [line],
            "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
            "payment_intent_data": {"capture_method": "manual"},
        }
    )
    back = httpx.post(session.url, data={**CARD, "outcome": "pay"}).headers["location"]
    assert back == f"https://shop.example/paid?session={session.id}"
    done = shop.sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.status, done.payment_status) == ("complete", "unpaid")
    assert done.payment_intent.status == "requires_capture"
    other = shop.sdk.v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [line], "success_url": RETURN}
    )
    assert shop.sdk.v1.checkout.sessions.expire(other.id).status == "expired"


def test_the_same_key(intents):
    first = intents.create(HOLD, {"idempotency_key": "order-1"})
    second = intents.create(HOLD, {"idempotency_key": "order-1"})
    assert second.id == first.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        intents.create({**HOLD, "amount": 160_000}, {"idempotency_key": "order-1"})


def test_errors_are_of_the_right_class(shop, intents):
    with pytest.raises(stripe.AuthenticationError):
        shop.client("sk_test_other").v1.payment_intents.create(HOLD)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.retrieve("pi_nothing")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.create({"currency": "vnd"})
    assert (refused.value.param, refused.value.code) == ("amount", "parameter_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intents.create({**HOLD, "payment_method_types": ["card"]})
    assert refused.value.code == "parameter_unknown"


def test_disputed(shop, intents):
    paid = intents.create({**HOLD, "capture_method": "automatic"})
    url = f"{shop.base}/_sandbox/{paid.id}/dispute"
    [made] = httpx.post(url).json()["disputes"]
    dispute = shop.sdk.v1.disputes.retrieve(made["id"])
    assert (dispute.status, dispute.amount) == ("needs_response", 150_000)
    assert shop.kinds(5, paid)[:2] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
