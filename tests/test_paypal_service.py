"""PayPal in the payment service: one effect, whoever tells, and none for what is forged."""

import json
from datetime import timedelta

import attrs
import pytest

from paykit import (
    CaptureMode,
    Client,
    Delivery,
    Discrepancy,
    Money,
    NoAnswer,
    Outcome,
    PaymentRequest,
    PaymentStatus,
    PayPal,
    PayPalConfig,
)
from paykit.service import PaymentService
from paykit.testing.factories.paypal import (
    ANSWERS,
    PayPalDeliveries,
    authority,
    certificate,
    signed_webhook,
)

from .support.authorities import NOW
from .support.crc import collide
from .support.paypal import PretendPayPal

S = PaymentStatus
CONFIG = PayPalConfig(
    client_id="client",
    client_secret="secret",
    webhook_ids=("8PT597110X687430LKGECATA",),
    webhook_roots=authority(),
)


class World(PretendPayPal):
    """PayPal's API, and its certificate host."""

    silent = False

    def send(self, request):
        if "/certs/" in request.url:
            return PayPalDeliveries().answer(
                PayPal(CONFIG), Delivery("POST", headers={"PAYPAL-CERT-URL": request.url}), request
            )
        if self.silent:
            raise NoAnswer("silence")
        return super().send(request)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def service(tmp_path, world):
    opened = PaymentService(
        [PayPal(CONFIG, clock=lambda: NOW)],
        database=f"sqlite:///{tmp_path}/p.db",
        transport=world,
        clock=lambda: NOW,
    )
    with opened:
        yield opened


PRICE = Money(1999, "USD")


def create(service, reference="ORDER-1", amount=PRICE):
    return service.create(
        PaymentRequest(reference=reference, amount=amount, return_url="https://shop.example/r"),
        provider="paypal",
    )


def told(world, kind, part, *, event_id="WH-1", at=NOW):
    body = json.dumps({"id": event_id, "event_type": kind, "resource": part}).encode()
    return signed_webhook(CONFIG, body, at=at)


def pay(world, session):
    """The payer approves, and the shop completes."""
    world.approve(session.provider_id)
    client = Client(PayPal(CONFIG, clock=lambda: NOW), transport=world)
    assert client.complete(session.ref, idempotency_key="c").status == "succeeded"
    (capture,) = world.orders[session.provider_id]["purchase_units"][0]["payments"]["captures"]
    return capture


def published(service):
    seen = []
    service._handlers.append(seen.append)
    while service.relay():
        pass
    service._handlers.clear()
    return [(str(event.status), str(event.amount), event.sequence) for event in seen]


def test_an_approval_is_turned_into_a_payment(service, world):
    session = create(service)
    world.approve(session.provider_id)
    order = world.orders[session.provider_id]
    receipt = service.receive(told(world, "CHECKOUT.ORDER.APPROVED", order), provider="paypal")
    assert (receipt.outcome, receipt.reply.status, receipt.published) == (Outcome.ACCEPTED, 200, 1)
    assert service.status(session.payment_id).status is S.SUCCEEDED
    (capture,) = world.orders[session.provider_id]["purchase_units"][0]["payments"]["captures"]
    assert capture["status"] == "COMPLETED"
    # PayPal's own notice of it is no second event.
    webhook = told(world, "PAYMENT.CAPTURE.COMPLETED", capture, event_id="WH-2")
    assert service.receive(webhook, provider="paypal").published == 0
    assert published(service) == [("succeeded", "19.99 USD", 1)]


def hold(service, world):
    session = service.create(
        PaymentRequest(
            reference="ORDER-1",
            amount=PRICE,
            capture=CaptureMode.MANUAL,
            return_url="https://shop.example/r",
        ),
        provider="paypal",
    )
    world.approve(session.provider_id)
    assert service.refresh(session.payment_id) == 1
    assert service.status(session.payment_id).status is S.AUTHORIZED
    return session


def test_a_hold_is_captured_in_parts(service, world):
    session = hold(service, world)
    part = Money(999, "USD")
    done = service.capture(session.payment_id, part, final=False)
    assert (done.record.status, done.record.captured, done.published) == (S.AUTHORIZED, part, 1)
    assert service.capture(session.payment_id, part, final=False).payment is None
    done = service.capture(session.payment_id)
    assert (done.record.status, done.record.captured, done.published) == (S.SUCCEEDED, PRICE, 1)
    captures = world.orders[session.provider_id]["purchase_units"][0]["payments"]["captures"]
    assert [one["amount"]["value"] for one in captures] == ["9.99", "10.00"]
    for number, one in enumerate(captures):
        webhook = told(world, "PAYMENT.CAPTURE.COMPLETED", one, event_id=f"WH-{number}")
        assert service.receive(webhook, provider="paypal").published == 0
    assert [status for status, _, _ in published(service)] == [
        "authorized",
        "authorized",
        "succeeded",
    ]


@pytest.mark.parametrize("taken", [False, True])
def test_a_hold_is_released(service, world, taken):
    session = hold(service, world)
    if taken:
        service.capture(session.payment_id, Money(999, "USD"), final=False)
    record = service.void(session.payment_id).record
    assert (record.status, record.captured.minor) == (
        (S.SUCCEEDED, 999) if taken else (S.CANCELED, 0)
    )


def test_one_effect_whoever_tells(service, world):
    session = create(service)
    capture = pay(world, session)
    order = world.orders[session.provider_id]
    webhook = told(world, "PAYMENT.CAPTURE.COMPLETED", capture)
    assert service.receive(webhook, provider="paypal").outcome is Outcome.ACCEPTED
    assert service.receive(webhook, provider="paypal").outcome is Outcome.DUPLICATE
    # Sent again by PayPal: another transmission of the same facts.
    again = told(world, "PAYMENT.CAPTURE.COMPLETED", capture, at=NOW + timedelta(hours=5))
    assert service.receive(again, provider="paypal").outcome is Outcome.DUPLICATE
    # Another event about the same change.
    other = told(world, "CHECKOUT.ORDER.COMPLETED", order, event_id="WH-2")
    assert service.receive(other, provider="paypal").reply.status == 200
    record = service.status(session.payment_id)
    assert (record.status, record.captured, record.provider_id) == (
        S.SUCCEEDED,
        Money(1999, "USD"),
        session.provider_id,
    )
    assert published(service) == [("succeeded", "19.99 USD", 1)]


def test_a_forged_webhook_leaves_an_unpaid_order_unpaid(service, world):
    """Somebody holds one genuine webhook and knows how to match a CRC-32."""
    paid, victim = create(service, "ORDER-1"), create(service, "ORDER-2", Money(99900, "USD"))
    genuine = told(world, "PAYMENT.CAPTURE.COMPLETED", pay(world, paid))
    service.receive(genuine, provider="paypal")
    for lie in (
        {"id": "3C000000000000099", "status": "COMPLETED", "custom_id": "ORDER-2"},
        {**json.loads(genuine.body)["resource"], "custom_id": "ORDER-2"},
        {
            **json.loads(genuine.body)["resource"],
            "amount": {"currency_code": "USD", "value": "999.00"},
        },
    ):
        text = json.dumps({"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": lie}).encode()
        forged = attrs.evolve(genuine, body=collide(genuine.body, text[:-1], b"}"))
        assert service.receive(forged, provider="paypal").outcome in {
            Outcome.MALFORMED,
            Outcome.DUPLICATE,
        }
    assert service.status(victim.payment_id).status is S.REQUIRES_ACTION
    assert published(service) == [("succeeded", "19.99 USD", 1)]


def test_a_small_payment_under_the_reference_of_a_large_one(service, world):
    """A payer may make an order of his own under any reference. The amount gives him away."""
    victim = create(service, "ORDER-1", Money(99900, "USD"))
    client = Client(PayPal(CONFIG, clock=lambda: NOW), transport=world)
    small = client.create_payment(
        PaymentRequest(
            reference="ORDER-1",
            amount=Money(1, "USD"),
            return_url="https://shop.example/r",
            idempotency_key="another",
        )
    )
    receipt = service.receive(
        told(world, "PAYMENT.CAPTURE.COMPLETED", pay(world, small)), provider="paypal"
    )
    record = service.status(victim.payment_id)
    assert receipt.outcome is Outcome.MISMATCH
    assert (record.status, record.discrepancy) == (S.NEEDS_REVIEW, Discrepancy.UNDERPAID)


def test_silence_while_confirming_lets_paypal_come_again(service, world):
    session = create(service)
    webhook = told(world, "PAYMENT.CAPTURE.COMPLETED", pay(world, session))
    world.silent = True
    receipt = service.receive(webhook, provider="paypal")
    assert (receipt.outcome, receipt.reply.status) == (Outcome.TRY_AGAIN, 503)
    world.silent = False
    assert service.receive(webhook, provider="paypal").outcome is Outcome.ACCEPTED
    assert service.status(session.payment_id).status is S.SUCCEEDED


def test_a_return_settles_nothing_but_makes_us_ask(service, world):
    session = create(service)
    query = f"token={session.provider_id}&PayerID=X".encode()
    back = service.receive_return(Delivery("GET", "/r", query), provider="paypal")
    assert (back.verified, back.record.payment_id) == (True, session.payment_id)
    assert back.record.status is S.REQUIRES_ACTION  # whatever the browser says
    world.approve(session.provider_id)
    back = service.receive_return(Delivery("GET", "/r", query), provider="paypal")
    assert (back.record.status, back.published) == (S.SUCCEEDED, 1)
    again = service.receive_return(Delivery("GET", "/r", query), provider="paypal")
    assert (again.record.status, again.published) == (S.SUCCEEDED, 0)
    for query in (b"token=5O999999999999999", b"token=x", b"", b"token=..%2F"):
        unproven = service.receive_return(Delivery("GET", "/r", query), provider="paypal")
        assert (unproven.verified, unproven.record) == (False, None)


def test_a_return_while_paypal_is_silent_is_no_error(service, world):
    session = create(service)
    world.silent = True
    query = f"token={session.provider_id}".encode()
    back = service.receive_return(Delivery("GET", "/r", query), provider="paypal")
    assert (back.verified, back.record) == (False, None)


def test_refunds_arrive_one_by_one(service, world):
    from paykit import PaymentRef, RefundRequest

    session = create(service)
    capture = pay(world, session)
    service.receive(told(world, "PAYMENT.CAPTURE.COMPLETED", capture), provider="paypal")
    client = Client(PayPal(CONFIG, clock=lambda: NOW), transport=world)
    ref = PaymentRef(reference="ORDER-1", transaction_id=capture["id"])
    payments = world.orders[session.provider_id]["purchase_units"][0]["payments"]
    for number, cents in enumerate((500, 1499), 1):
        client.refund(
            RefundRequest(payment=ref, reference=f"REFUND-{number}", amount=Money(cents, "USD"))
        )
        refund = payments["refunds"][-1]
        service.receive(
            told(world, "PAYMENT.CAPTURE.REFUNDED", refund, event_id=f"WH-R{number}"),
            provider="paypal",
        )
    record = service.status(session.payment_id)
    assert (record.status, record.refunded) == (S.REFUNDED, Money(1999, "USD"))
    assert published(service) == [
        ("succeeded", "19.99 USD", 1),
        ("partially_refunded", "5.00 USD", 2),
        ("refunded", "14.99 USD", 3),
    ]


def test_the_world_is_real():
    """The certificate that this file's webhooks name is the factory's."""
    assert certificate("messageverificationcerts.sandbox.paypal.com")
    assert ANSWERS not in dict(told(None, "X", {}).headers)
