"""A payer's approval is turned into a payment, once, by the webhook or the return."""

import json

import attrs
import pytest

from paykit import (
    Delivery,
    Discrepancy,
    Money,
    NoAnswer,
    Outcome,
    Payment,
    PaymentProcessed,
    PaymentRequest,
    PaymentStatus,
    Provider,
    Redirect,
    Reply,
)
from paykit.flow import done
from paykit.http import HttpRequest, HttpResponse
from paykit.provider import ProviderInfo
from paykit.service import PaymentService
from paykit.signing import SharedSecret, fingerprint, seal_secret
from paykit.wire import ProviderConfig, Secret

from .shop import START, Answers

S = PaymentStatus
PRICE = Money(150_000, "VND")
URL = "https://approving.example/complete"
QUERY = "https://approving.example/query"


class ApprovingConfig(ProviderConfig):
    provider = "approving"
    secret: Secret


class Approving(Provider):
    """The least that has a payer approve before the money is taken."""

    name = "approving"
    info = ProviderInfo(
        title="Approving",
        homepage="https://approving.example",
        docs=(),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
    )
    Config = ApprovingConfig
    acknowledgement = Reply(200)

    def create_payment(self, request):
        return done(self.session(request, Redirect("https://approving.example/page")))

    def verify(self, delivery):
        secrets = (SharedSecret(self.config.secret.get_secret_value()),)
        return done(
            seal_secret(
                delivery,
                secrets=secrets,
                given=delivery.header("secret"),
                fields=json.loads(delivery.body),
                expected="the secret",
            )
        )

    verify_return = verify

    def parse(self, verified):
        return (
            PaymentProcessed(
                event_id=fingerprint(verified.delivery.body),
                provider=self.name,
                reference=verified.fields["reference"],
                status=S(verified.fields["status"]),
                amount=Money(verified.fields["amount"], "VND"),
                occurred_at=START,
            ),
        )

    def fetch_payment(self, ref):
        response = yield HttpRequest.get(QUERY)
        return self._payment(ref, response.json())

    def complete(self, ref, *, idempotency_key):
        request = HttpRequest("POST", URL, {"Key": idempotency_key}, ref.reference.encode())
        response = yield attrs.evolve(request, moves_money=True)
        return self._payment(ref, response.json())

    def _payment(self, ref, answer):
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=S(answer["status"]),
            amount=Money(answer.get("amount", 150_000), "VND"),
            next=Redirect(answer["next"]) if "next" in answer else None,
        )


def answer(**fields):
    return HttpResponse(200, body=json.dumps(fields).encode())


def told(status="pending", number=1, amount=150_000):
    fields = {"reference": "R-1", "status": status, "number": number, "amount": amount}
    return Delivery("POST", headers={"secret": "s3cret"}, body=json.dumps(fields).encode())


def approving():
    return Approving(ApprovingConfig(secret="s3cret"), clock=lambda: START)


@pytest.fixture
def shop(open_service):
    return open_service(providers=[approving()])


@pytest.fixture
def session(shop):
    return shop.create(PaymentRequest(reference="R-1", amount=PRICE), provider="approving")


def events_of(shop):
    events = []
    shop.service._handlers[:] = [events.append]
    while shop.relay():
        pass
    return [(event.status, event.source, event.sequence) for event in events]


@pytest.mark.parametrize("way", ["webhook", "return"])
def test_an_approval_is_completed(shop, session, way):
    shop.transport.answers.append(answer(status="succeeded"))
    if way == "webhook":
        receipt = shop.receive(told(), provider="approving")
        assert (receipt.outcome, receipt.reply.status, receipt.published) == ("accepted", 200, 1)
    else:
        info = shop.receive_return(told(), provider="approving")
        assert (info.verified, info.record.status, info.published) == (True, S.SUCCEEDED, 1)
    (request,) = shop.transport.asked
    assert (request.url, request.body) == (URL, b"R-1")
    assert shop.status(session.payment_id).status is S.SUCCEEDED
    assert events_of(shop) == [(S.SUCCEEDED, "api", 1)]


def test_it_is_completed_once(shop, session):
    shop.transport.answers.append(answer(status="succeeded"))
    shop.receive_return(told(), provider="approving")
    assert shop.receive(told(), provider="approving").outcome == "accepted"
    shop.receive_return(told(), provider="approving")
    assert shop.receive(told(), provider="approving").outcome == "duplicate"
    assert len(shop.transport.asked) == 1
    assert events_of(shop) == [(S.SUCCEEDED, "api", 1)]


def test_a_failure_makes_the_provider_come_again(shop, session):
    shop.transport.answers += [NoAnswer("away"), answer(status="succeeded")]
    receipt = shop.receive(told(), provider="approving")
    assert (receipt.outcome, receipt.reply.status) == (Outcome.TRY_AGAIN, 503)
    assert shop.status(session.payment_id).status is S.PENDING
    receipt = shop.receive(told(), provider="approving")
    assert (receipt.outcome, receipt.reply.status, receipt.published) == ("duplicate", 200, 1)
    assert shop.status(session.payment_id).status is S.SUCCEEDED


def test_a_failure_on_the_return_leaves_it_open(shop, session):
    shop.transport.answers.append(NoAnswer("away"))
    info = shop.receive_return(told(), provider="approving")
    assert (info.verified, info.record.status.value) == (True, "requires_action")


def test_a_key_lives_until_there_is_an_answer(shop, session):
    again = "https://approving.example/again"
    declined = answer(status="requires_action", next=again)
    silence = NoAnswer("away")
    shop.transport.answers += [silence, silence, declined, silence, declined]
    onward = [shop.receive_return(told(), provider="approving").onward for _ in range(5)]
    assert onward == [None, None, Redirect(again), None, Redirect(again)]
    keys = [request.header("Key") for request in shop.transport.asked]
    first, second = (f"{session.payment_id}-complete-{number}" for number in (1, 2))
    assert keys == [first, first, first, second, second]


def test_what_is_completed_is_compared_with_the_record(shop, session):
    shop.transport.answers.append(answer(status="succeeded", amount=149_999))
    shop.receive(told(), provider="approving")
    record = shop.status(session.payment_id)
    assert (record.status, record.discrepancy) == (S.NEEDS_REVIEW, Discrepancy.UNDERPAID)


@pytest.mark.parametrize("status", ["failed", "succeeded", "authorized"])
def test_what_is_decided_is_left_alone(shop, session, status):
    shop.receive(told(status), provider="approving")
    shop.receive(told("pending", 2), provider="approving")
    shop.receive_return(told(), provider="approving")
    assert shop.transport.asked == []


def test_a_payment_that_is_not_ours_is_not_completed(shop):
    assert shop.receive(told(), provider="approving").outcome == "unknown_reference"
    info = shop.receive_return(told(), provider="approving")
    assert (info.verified, info.record) == (True, None)
    assert shop.transport.asked == []


def test_a_notice_and_a_return_at_once_make_one_event(shop, session, database):
    def while_we_wait(_asked):
        # Our call is still open when another process takes the return.
        transport = Answers(answer(status="succeeded"))
        with PaymentService([approving()], database=database, transport=transport) as other:
            info = other.receive_return(told(), provider="approving")
            assert (info.record.status, info.published) == (S.SUCCEEDED, 1)
        return answer(status="succeeded")

    shop.transport.answers.append(while_we_wait)
    receipt = shop.receive(told(), provider="approving")
    assert (receipt.outcome, receipt.published) == (Outcome.ACCEPTED, 0)
    assert events_of(shop) == [(S.SUCCEEDED, "api", 1)]


def test_an_approval_of_another_amount_is_not_completed(shop, session):
    assert shop.receive(told(amount=1), provider="approving").outcome is Outcome.MISMATCH
    assert shop.transport.asked == []
    assert shop.status(session.payment_id).status is S.NEEDS_REVIEW


def test_an_approval_that_nobody_told_of_is_completed_when_asked_about(shop, session):
    shop.transport.answers += [answer(status=one) for one in ("pending", "succeeded", "succeeded")]
    assert shop.refresh(session.payment_id) == 1
    assert [request.url for request in shop.transport.asked] == [QUERY, URL]
    assert shop.refresh(session.payment_id) == 0
    assert shop.status(session.payment_id).status is S.SUCCEEDED


def test_failed_and_tried_again_and_failed_in_the_same_way(shop, session):
    states = []
    for status in ("failed", "authorized", "failed", "failed"):
        shop.transport.answers.append(answer(status=status))
        published = shop.refresh(session.payment_id)
        states.append((shop.status(session.payment_id).status, published))
    assert states == [(S.FAILED, 1), (S.AUTHORIZED, 1), (S.FAILED, 1), (S.FAILED, 0)]
    assert [sequence for _, _, sequence in events_of(shop)] == [1, 2, 3]
