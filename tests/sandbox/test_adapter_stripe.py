"""Stripe's adapter against its simulator: two implementations of the same facts pin each other."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import attrs
import pytest

from paykit.errors import Declined, IdempotencyConflict, NotFound, ProviderError
from paykit.events import MovementKind, PaymentProcessed, TokenGranted
from paykit.http import Delivery
from paykit.models import (
    CaptureMode,
    ConfirmInClient,
    Customer,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundStatus,
    TokenRequest,
)
from paykit.money import Money
from paykit.providers.stripe import Stripe, StripeConfig
from paykit.sandbox.cards.numbers import COMMON_CARDS

from .stripe_client import ROOT, act, tokenize
from .test_adapters import AMOUNT, HALF, Shop

OK = "4242424242424242"
THREE_D = "4000002760003184"
S = PaymentStatus


class StripeShop(Shop):
    def by_card(self, number=OK, reference="ORDER-1", **changes):
        """Charge a card that the payer types into the field."""
        value = tokenize(self.world, number)
        return self.by_token(PaymentToken(provider="stripe", value=value), reference, **changes)

    def by_token(self, token, reference="ORDER-1", **changes):
        request = PaymentRequest(
            **{
                "reference": reference,
                "amount": AMOUNT,
                "return_url": "https://shop.example/return?cart=7",
                "customer": Customer(id="user-7", email="user@example.com"),
                "token": token,
                **changes,
            }
        )
        return self.do(self.provider.create_payment(request))

    def hold(self, number=OK, reference="ORDER-1", **changes):
        return self.by_card(number, reference, capture=CaptureMode.MANUAL, **changes)

    def fetch(self, session):
        return self.do(self.provider.fetch_payment(session.ref))

    def capture(self, session, amount=None, key="capture-1"):
        return self.do(self.provider.capture(session.ref, amount, idempotency_key=key))

    def void(self, session, key="void-1"):
        return self.do(self.provider.void(session.ref, idempotency_key=key))

    def refund(self, session, reference="REFUND-1", amount=None):
        request = RefundRequest(payment=session.ref, reference=reference, amount=amount)
        return self.do(self.provider.refund(request))

    def challenge(self, url, outcome="approve"):
        path = url.removeprefix(ROOT)
        return self.world.client.post(path, data={"outcome": outcome}).headers.get("location")

    def back(self, location):
        query = urlsplit(location).query
        return self.read(self.provider.verify_return(Delivery.get(query)))

    def told(self) -> list[PaymentProcessed | TokenGranted]:
        """What all notices say, in the order in which they were made."""
        self.world.settle()
        found = []
        by_body = {one.body: one for one in self.world.merchant.received}
        for shown in reversed(self.world.deliveries()):
            request = by_body.get(shown["body"].encode())
            if request is not None:
                delivery = Delivery(request.method, "/", b"", request.headers, request.body)
                found += self.read(self.provider.verify(delivery))
        return found

    def statuses(self):
        return [one.status for one in self.told() if isinstance(one, PaymentProcessed)]


def shop_of(world):
    config = StripeConfig.from_dict(
        {
            "secret_key": world.config.stripe.secret_key,
            "webhook_secret": world.config.stripe.webhook_secrets[0],
            "base_url": f"{world.config.public_url}/stripe",
            "environment": "sandbox",
        }
    )
    return StripeShop(world, Stripe(config, clock=world.clock))


@pytest.fixture
def shop(world):
    return shop_of(world)


@pytest.fixture(params=[False, True], ids=["plain", "releases as refunds"])
def either(request, make_world):
    """Both ways in which Stripe may show the rest of a hold."""
    return shop_of(make_world(stripe={"releases_as_refunds": request.param}))


def test_paid_at_once(shop):
    session = shop.by_card()
    assert session.status is S.SUCCEEDED
    payment = shop.fetch(session)
    assert (payment.status, payment.amount, payment.captured) == (S.SUCCEEDED, AMOUNT, AMOUNT)
    assert payment.provider_id == session.provider_id
    last = shop.told()[-1]
    assert (last.status, last.amount, last.captured) == (S.SUCCEEDED, AMOUNT, AMOUNT)
    assert (last.reference, last.provider_id) == ("ORDER-1", payment.provider_id)


def test_held_and_captured(shop):
    session = shop.hold()
    assert session.status is S.AUTHORIZED
    assert session.expires_at == shop.world.clock().replace(microsecond=0) + timedelta(days=7)
    assert shop.statuses()[-1] is S.AUTHORIZED
    taken = shop.capture(session)
    assert (taken.status, taken.captured) == (S.SUCCEEDED, AMOUNT)
    assert shop.told()[-1].captured == AMOUNT
    assert shop.fetch(session).status is S.SUCCEEDED


def test_a_part_is_captured_and_a_part_of_that_refunded(either):
    session = either.hold()
    taken = either.capture(session, HALF)
    assert (taken.status, taken.captured) == (S.SUCCEEDED, HALF)
    payment = either.fetch(session)
    assert (payment.status, payment.captured, payment.refunded) == (S.SUCCEEDED, HALF, None)
    refund = either.refund(session, amount=Money(25_000, "VND"))
    assert refund.status is RefundStatus.SUCCEEDED
    payment = either.fetch(session)
    assert (payment.status, payment.refunded) == (S.PARTIALLY_REFUNDED, Money(25_000, "VND"))
    assert either.refund(session, "REFUND-2").amount == Money(50_000, "VND")
    payment = either.fetch(session)
    assert (payment.status, payment.refunded) == (S.REFUNDED, HALF)
    moves = {one.movement for one in either.told() if getattr(one, "movement", None)}
    assert {(one.kind, one.amount.minor, one.undone) for one in moves} == {
        (MovementKind.REFUND, 25_000, False),
        (MovementKind.REFUND, 50_000, False),
    }


def test_captured_twice_is_captured_once(shop):
    session = shop.hold()
    first = shop.capture(session)
    assert shop.capture(session) == first
    assert shop.capture(session, key="capture-2").captured == AMOUNT
    assert shop.statuses().count(S.SUCCEEDED) == 1


def test_let_go(either):
    session = either.hold()
    assert either.void(session).status is S.CANCELED
    assert either.void(session, "void-2").status is S.CANCELED
    assert either.fetch(session).status is S.CANCELED
    assert either.statuses()[-1] is S.CANCELED
    assert either.capture(session).status is S.CANCELED


def test_the_hold_ends(shop):
    session = shop.hold()
    shop.world.settle()
    shop.world.merchant.received.clear()  # a week later, nobody would believe these
    shop.world.clock.forward(days=7)
    assert shop.fetch(session).status is S.EXPIRED
    assert shop.statuses()[-1] is S.EXPIRED


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000009987", "lost_or_stolen"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000119", "processing_error"),
        ("4000000000006975", "limit_exceeded"),
        ("4100000000000019", "fraud_suspected"),
        (COMMON_CARDS[11].number, "issuer_unavailable"),
        (COMMON_CARDS[9].number, "card_not_supported"),
    ],
)
def test_declined(shop, number, reason):
    with pytest.raises(Declined) as refused:
        shop.hold(number)
    assert refused.value.reason == reason
    last = shop.told()[-1]
    assert (last.status, last.reason) == (S.FAILED, reason)


def test_the_same_key_with_other_parameters(shop):
    shop.hold()
    with pytest.raises(IdempotencyConflict):
        shop.hold(amount=HALF)


@pytest.mark.parametrize(("outcome", "status"), [("approve", S.AUTHORIZED), ("refuse", S.FAILED)])
def test_three_d_secure_by_redirect(shop, outcome, status):
    session = shop.hold(THREE_D)
    assert session.status is S.REQUIRES_ACTION
    assert isinstance(session.next, Redirect)
    assert isinstance(shop.fetch(session).next, Redirect)
    location = shop.challenge(session.next.url, outcome)
    assert location.startswith("https://shop.example/return?cart=7&")
    [returned] = shop.back(location)
    assert (returned.status, returned.reference) == (status, "ORDER-1")
    payment = shop.fetch(session)
    assert payment.status is status
    if status is S.FAILED:
        assert payment.reason == "authentication_failed"
    assert shop.statuses()[-1] is status


def test_three_d_secure_by_the_shops_page(shop):
    session = shop.hold(THREE_D, return_url=None)
    assert isinstance(session.next, ConfirmInClient)
    secret = session.next.client_secret
    secret = getattr(secret, "get_secret_value", lambda: secret)()
    found = shop.world.client.get(f"/stripe/3ds?key={secret}&origin=http://127.0.0.1:8000")
    form = {"outcome": "approve", "origin": "http://127.0.0.1:8000"}
    shop.world.client.post(found.headers["location"].partition("?")[0], data=form)
    assert shop.fetch(session).status is S.AUTHORIZED


def test_stored_and_charged_while_the_payer_is_away(shop):
    session = shop.by_card("4000002500003155", save_token=True)
    shop.challenge(session.next.url)
    payment = shop.fetch(session)
    assert payment.token is not None
    grants = [one for one in shop.told() if isinstance(one, TokenGranted)]
    request = TokenRequest(
        reference="ORDER-1", customer_id=grants[-1].customer_id, grant=grants[-1].grant
    )
    token = shop.do(shop.provider.create_token(request))
    assert token == payment.token
    assert token.label.endswith("3155")
    again = shop.by_token(token, "ORDER-2", off_session=True)
    assert again.status is S.SUCCEEDED
    shop.do(shop.provider.delete_token(token))
    with pytest.raises(ProviderError, match="previously used"):
        shop.by_token(token, "ORDER-3", off_session=True)


def test_the_bank_wants_the_payer(shop):
    session = shop.by_card(THREE_D, save_token=True)
    shop.challenge(session.next.url)
    token = shop.fetch(session).token
    with pytest.raises(Declined) as refused:
        shop.by_token(token, "ORDER-2", off_session=True)
    assert refused.value.reason == "authentication_required"


def test_stored_without_a_payment(shop):
    session = shop.by_card(OK, "STORE-1", amount=Money(0, "VND"), save_token=True)
    assert session.status is S.SUCCEEDED
    payment = shop.fetch(session)
    assert payment.token is not None
    assert shop.by_token(payment.token, "ORDER-2", off_session=True).status is S.SUCCEEDED


def test_on_the_page(shop):
    session = shop.ask()
    assert session.status is S.REQUIRES_ACTION
    page = session.next.url.removeprefix(ROOT)
    form = {"number": "4000000000000002", "expiry": "12/34", "cvc": "123", "outcome": "pay"}
    assert shop.world.client.post(page, data=form).status_code == 402
    assert shop.fetch(session).status is S.REQUIRES_ACTION
    location = shop.world.client.post(page, data={**form, "number": OK}).headers["location"]
    [returned] = shop.back(location)
    assert (returned.status, returned.reference) == (S.SUCCEEDED, "ORDER-1")
    payment = shop.fetch(session)
    assert (payment.status, payment.captured) == (S.SUCCEEDED, AMOUNT)
    assert shop.statuses()[-1] is S.SUCCEEDED
    assert shop.refund(session).status is RefundStatus.SUCCEEDED


def test_held_on_the_page(shop):
    session = shop.ask(capture=CaptureMode.MANUAL)
    form = {"number": OK, "expiry": "12/34", "cvc": "123", "outcome": "pay"}
    shop.world.client.post(session.next.url.removeprefix(ROOT), data=form)
    assert shop.fetch(session).status is S.AUTHORIZED
    assert shop.capture(session).status is S.SUCCEEDED


def test_the_page_is_closed(shop):
    session = shop.ask()
    form = {"number": "4000000000000002", "expiry": "12/34", "cvc": "123", "outcome": "pay"}
    shop.world.client.post(session.next.url.removeprefix(ROOT), data=form)
    # Also by the id of its payment, which the notices told.
    intent = next(one.provider_id for one in shop.told())
    closed = shop.void(attrs.evolve(session, provider_id=intent))
    assert closed.status in {S.EXPIRED, S.CANCELED}
    assert shop.fetch(session).status in {S.EXPIRED, S.CANCELED}


def test_a_card_stored_on_the_page(shop):
    session = shop.ask("STORE-1", amount=Money(0, "VND"), save_token=True)
    form = {"number": OK, "expiry": "12/34", "cvc": "123", "outcome": "pay"}
    shop.world.client.post(session.next.url.removeprefix(ROOT), data=form)
    assert shop.fetch(session).token is not None


def test_a_refund_that_fails_afterwards(shop):
    session = shop.by_card("4000000000005126")
    refund = shop.refund(session)
    ref = RefundRef(payment=session.ref, reference="REFUND-1", provider_id=refund.provider_id)
    assert shop.do(shop.provider.fetch_refund(ref)).status is RefundStatus.FAILED
    by_reference = attrs.evolve(ref, provider_id=None)
    assert shop.do(shop.provider.fetch_refund(by_reference)).status is RefundStatus.FAILED
    undone = [one for one in shop.told() if getattr(one, "movement", None)]
    assert undone[-1].movement.undone
    assert undone[-1].status is S.NEEDS_REVIEW
    assert shop.fetch(session).status is S.SUCCEEDED


def test_a_refund_that_was_made_before(shop):
    session = shop.by_card()
    first = shop.refund(session)
    assert attrs.evolve(shop.refund(session), raw=None) == attrs.evolve(first, raw=None)
    with pytest.raises(Declined):
        shop.refund(session, "REFUND-2")
    missing = RefundRef(payment=session.ref, reference="REFUND-9")
    with pytest.raises(NotFound):
        shop.do(shop.provider.fetch_refund(missing))


@pytest.mark.parametrize("decision", ["win", "lose"])
def test_disputed(shop, decision):
    session = shop.by_card()
    [dispute] = act(shop.world, session.provider_id, "dispute").json()["disputes"]
    assert shop.fetch(session).status is S.DISPUTED
    assert shop.statuses()[-1] is S.DISPUTED
    act(shop.world, dispute["id"], decision)
    assert shop.statuses()[-1] is S.DISPUTED


def test_a_duplicate_says_the_same(shop):
    shop.world.faults(duplicate_next_ipn=5)
    shop.by_card()
    shop.world.settle()
    found = {}
    for request in shop.world.merchant.received:
        delivery = Delivery(request.method, "/", b"", request.headers, request.body)
        for event in shop.read(shop.provider.verify(delivery)):
            found.setdefault(event.event_id, []).append(event)
    assert found
    assert all(len(same) == 2 and same[0] == same[1] for same in found.values())


def test_amounts_of_all_scales(shop):
    for number, amount in enumerate(
        [Money(1999, "USD"), Money(500, "ISK"), Money(5120, "KWD"), Money(500_000, "MGA")]
    ):
        session = shop.by_card(reference=f"SCALE-{number}", amount=amount)
        assert shop.fetch(session).captured == amount
