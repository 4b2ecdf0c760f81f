"""A provider where the payer's approval moves no money: the service completes the payment."""

import json

import attrs
import pytest

from paykit import Money, NoAnswer, Outcome, Payment, PaymentStatus, VNPay
from paykit.http import HttpRequest, HttpResponse
from paykit.service import PaymentService

from .shop import Answers, notice, request, vnpay
from .test_service import published

S = PaymentStatus
PRICE = Money(150_000, "VND")


class Approving(VNPay):
    """As VNPay, but its notices and returns tell of an approval."""

    def parse(self, verified):
        return tuple(
            attrs.evolve(event, status=S.PENDING, provider_id=None)
            for event in super().parse(verified)
        )

    def fetch_payment(self, ref):
        return self._told("query", ref)

    def complete(self, ref, *, idempotency_key):
        return self._told(f"complete/{idempotency_key}", ref)

    def _told(self, path, ref):
        answer = yield HttpRequest.get(f"https://approving.example/{path}")
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=S(json.loads(answer.body)),
            amount=PRICE,
            provider_id="PAID-1",
        )


def says(status):
    return HttpResponse(200, {}, json.dumps(status).encode())


@pytest.fixture
def shop(open_service):
    return open_service(providers=[Approving(vnpay().config)])


def asked(shop):
    return [one.url.removeprefix("https://approving.example/") for one in shop.transport.asked]


def receive(shop):
    receipt = shop.receive(notice(), provider="vnpay")
    return receipt.outcome, receipt.published


def test_a_notice_of_an_approval_completes(shop):
    session = shop.create(request(), provider="vnpay")
    shop.transport.answers.append(says("succeeded"))
    assert receive(shop) == (Outcome.ACCEPTED, 1)
    assert receive(shop) == (Outcome.DUPLICATE, 0)
    assert asked(shop) == [f"complete/{session.payment_id}-complete-1"]
    (event,) = published(shop)
    assert (event.status, event.captured, event.source) == (S.SUCCEEDED, PRICE, "api")


def test_what_could_not_be_completed_is_told_again_until_it_is(shop):
    session = shop.create(request(), provider="vnpay")
    shop.transport.answers += [NoAnswer("away"), NoAnswer("away"), says("succeeded")]
    assert [receive(shop) for _ in range(4)] == [
        (Outcome.TRY_AGAIN, 0),
        (Outcome.TRY_AGAIN, 0),
        (Outcome.DUPLICATE, 1),
        (Outcome.DUPLICATE, 0),
    ]
    assert len(set(asked(shop))) == 1  # one key
    assert shop.status(session.payment_id).status is S.SUCCEEDED


def test_a_return_completes_and_the_notice_finds_it_done(shop):
    session = shop.create(request(), provider="vnpay")
    shop.transport.answers += [NoAnswer("away"), says("succeeded")]
    first = shop.receive_return(notice(), provider="vnpay")
    assert (first.verified, first.record.status, first.published) == (True, S.REQUIRES_ACTION, 0)
    second = shop.receive_return(notice(), provider="vnpay")
    assert (second.record.status, second.published) == (S.SUCCEEDED, 1)
    assert receive(shop) == (Outcome.ACCEPTED, 0)
    assert len(asked(shop)) == 2
    assert [event.payment_id for event in published(shop)] == [session.payment_id]


def test_a_notice_and_a_return_at_once_make_one_event(shop, database):
    shop.create(request(), provider="vnpay")

    def while_we_wait(_asked):
        # Our call is still open when another process takes the return.
        transport = Answers(says("succeeded"))
        providers = [Approving(vnpay().config)]
        with PaymentService(providers, database=database, transport=transport) as other:
            info = other.receive_return(notice(), provider="vnpay")
            assert (info.record.status, info.published) == (S.SUCCEEDED, 1)
        return says("succeeded")

    shop.transport.answers.append(while_we_wait)
    assert receive(shop) == (Outcome.ACCEPTED, 0)
    assert len(published(shop)) == 1


def test_an_approval_of_another_amount_is_not_completed(shop):
    session = shop.create(request(), provider="vnpay")
    receipt = shop.receive(notice(amount=1), provider="vnpay")
    assert receipt.outcome is Outcome.MISMATCH
    assert asked(shop) == []
    assert shop.status(session.payment_id).status is S.NEEDS_REVIEW


def test_a_strangers_approval_is_not_completed(shop):
    assert receive(shop) == (Outcome.UNKNOWN_REFERENCE, 0)
    assert not shop.receive_return(notice(), provider="vnpay").record
    assert asked(shop) == []


def test_an_approval_that_nobody_told_of_is_completed_when_asked_about(shop):
    session = shop.create(request(), provider="vnpay")
    shop.transport.answers += [says("pending"), says("succeeded"), says("succeeded")]
    assert shop.refresh(session.payment_id) == 1
    assert asked(shop) == ["query", f"complete/{session.payment_id}-complete-1"]
    assert shop.refresh(session.payment_id) == 0
    assert shop.status(session.payment_id).status is S.SUCCEEDED


def test_failed_and_tried_again_and_failed_in_the_same_way(shop):
    session = shop.create(request(), provider="vnpay")
    states = []
    for answer in ("failed", "authorized", "failed", "failed"):
        shop.transport.answers.append(says(answer))
        published_now = shop.refresh(session.payment_id)
        states.append((shop.status(session.payment_id).status, published_now))
    assert states == [(S.FAILED, 1), (S.AUTHORIZED, 1), (S.FAILED, 1), (S.FAILED, 0)]
    assert [event.sequence for event in published(shop)] == [1, 2, 3]
