"""ZaloPay through the service: references without their day, one effect, exact replies."""

import json
from datetime import timedelta

import pytest

from paykit import (
    Customer,
    Delivery,
    Discrepancy,
    DuplicateReference,
    InvalidRequest,
    Money,
    NoAnswer,
    PaymentRequest,
    PaymentStatus,
    ZaloPay,
)
from paykit.http import HttpResponse
from paykit.service import PaymentService
from paykit.testing import deliveries

from .shop import Answers, Clock

PRICE = Money(150_000, "VND")
PAGE = {"return_code": 1, "sub_return_code": 1, "order_url": "https://zalopay.example/pay"}
LINK = {"return_code": 1, "sub_return_code": 1, "binding_qr_link": "https://zalopay.example/link"}
UNPAID = HttpResponse(200, body=b'{"return_code":3,"sub_return_code":3,"is_processing":false}')
FAILED = HttpResponse(200, body=b'{"return_code":2,"sub_return_code":-217}')
TAKEN, AGAIN = (1, "success"), (2, "already handled")


class Shop:
    def __init__(self, database):
        self.clock = Clock()
        self.zalopay = ZaloPay.from_dict(
            {"app_id": 2553, "key1": "ONE", "key2": "TWO"}, clock=self.clock
        )
        self.transport = Answers()
        self.seen = []
        self.service = PaymentService(
            [self.zalopay], database=database, transport=self.transport, clock=self.clock
        )

    def create(self, *answers, reference="ORDER-1", **more):
        self.transport.answers += [
            HttpResponse(200, body=json.dumps(answer).encode()) for answer in answers
        ]
        request = PaymentRequest(**{"reference": reference, "amount": PRICE, **more})
        return self.service.create(request, provider="zalopay")

    def paid(self, reference="ORDER-1", amount=PRICE, **more):
        return deliveries.paid(
            self.zalopay, reference=reference, amount=amount, at=self.clock.now, **more
        )

    def receive(self, delivery):
        """The reply as ZaloPay reads it."""
        receipt = self.service.receive(delivery, provider="zalopay")
        assert (receipt.reply.status, receipt.reply.content_type) == (200, "application/json")
        answer = json.loads(receipt.reply.body)
        assert list(answer) == ["return_code", "return_message"]
        return tuple(answer.values())


@pytest.fixture
def shop(tmp_path):
    shop = Shop(f"sqlite:///{tmp_path}/p.db")
    yield shop
    shop.service.close()


def test_a_callback_settles_once(shop):
    session = shop.create(PAGE)
    delivery = shop.paid()
    assert [shop.receive(delivery) for _ in range(3)] == [TAKEN, AGAIN, AGAIN]
    record = shop.service.status(session.payment_id)
    assert (record.status, record.captured) == (PaymentStatus.SUCCEEDED, PRICE)


def test_a_callback_of_the_next_day_finds_its_payment(shop):
    session = shop.create(PAGE)
    shop.clock.now = shop.clock.now.replace(hour=17) + timedelta(minutes=10)
    shop.receive(shop.paid())
    assert shop.service.status(session.payment_id).status is PaymentStatus.SUCCEEDED


def test_what_is_not_proven_is_not_stored(shop):
    session = shop.create(PAGE)
    genuine = shop.paid()
    assert shop.receive(deliveries.tampered(shop.zalopay, genuine)) == (-1, "mac not equal")
    assert shop.receive(deliveries.unsigned(shop.zalopay, genuine)) == (-1, "mac not equal")
    retyped = {**genuine.json(), "type": 2}
    assert shop.receive(Delivery.post_json(retyped)) == (-1, "invalid data")
    assert shop.receive(Delivery.post_json(b"[]")) == (-1, "invalid data")
    record = shop.service.status(session.payment_id)
    assert record.status is PaymentStatus.REQUIRES_ACTION
    assert shop.receive(genuine) == TAKEN


def test_an_unknown_order_is_kept_and_joined(shop):
    assert shop.receive(shop.paid()) == TAKEN
    assert [orphan.reference for orphan in shop.service.orphans()] == ["ORDER-1"]
    session = shop.create(PAGE)
    assert shop.service.status(session.payment_id).status is PaymentStatus.SUCCEEDED
    assert shop.service.orphans() == []


def test_another_amount_is_for_a_person(shop):
    session = shop.create(PAGE)
    assert shop.receive(shop.paid(amount=Money(149_999, "VND"))) == TAKEN
    record = shop.service.status(session.payment_id)
    assert (record.status, record.discrepancy) == (
        PaymentStatus.NEEDS_REVIEW,
        Discrepancy.UNDERPAID,
    )


def test_one_transaction_pays_one_order(shop):
    first, second = shop.create(PAGE), shop.create(PAGE, reference="ORDER-2")
    shop.receive(shop.paid())
    shop.receive(shop.paid("ORDER-2"))  # the same zp_trans_id
    assert shop.service.status(first.payment_id).status is PaymentStatus.SUCCEEDED
    record = shop.service.status(second.payment_id)
    assert (record.status, record.discrepancy) == (
        PaymentStatus.NEEDS_REVIEW,
        Discrepancy.PROVIDER_ID,
    )


def test_a_return_informs_and_does_not_settle(shop):
    session = shop.create(PAGE)
    back = deliveries.returned(shop.zalopay, reference="ORDER-1", amount=PRICE, at=shop.clock.now)
    shop.transport.answers += [NoAnswer("ZaloPay is away"), *[UNPAID] * 2]
    for status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING):
        info = shop.service.receive_return(back, provider="zalopay")
        assert (info.verified, info.record.status, info.published) == (True, status, 0)
        assert shop.service.status(session.payment_id) == info.record
    left = deliveries.returned(
        shop.zalopay, "canceled", reference="ORDER-1", amount=PRICE, at=shop.clock.now
    )
    shop.service.receive_return(left, provider="zalopay")
    shop.receive(shop.paid())  # who left may pay after all
    assert shop.service.status(session.payment_id).status is PaymentStatus.SUCCEEDED


def test_what_no_callback_tells_is_asked_on_the_return(shop):
    session = shop.create(PAGE)
    failed = deliveries.returned(
        shop.zalopay, "failed", reference="ORDER-1", amount=PRICE, at=shop.clock.now
    )
    shop.transport.answers.append(FAILED)
    info = shop.service.receive_return(failed, provider="zalopay")
    assert (info.record.status, info.published) == (PaymentStatus.FAILED, 1)
    # What is decided is not asked about again.
    assert shop.service.receive_return(failed, provider="zalopay").published == 0
    assert shop.service.status(session.payment_id).status is PaymentStatus.FAILED


def test_a_payment_is_asked_about(shop):
    session = shop.create(PAGE)
    shop.transport.answers += [UNPAID, UNPAID, NoAnswer("away"), FAILED, FAILED]
    assert shop.service.refresh(session.payment_id) == 0
    assert shop.service.refresh(session.payment_id) == 0
    with pytest.raises(NoAnswer):
        shop.service.refresh(session.payment_id)
    assert shop.service.refresh(session.payment_id) == 1
    assert shop.service.refresh(session.payment_id) == 0
    assert shop.service.status(session.payment_id).status is PaymentStatus.FAILED
    with pytest.raises(InvalidRequest):
        shop.service.refresh("pay_none")


def test_an_order_whose_answer_was_lost_is_asked_about(shop):
    lost = {"return_code": 2, "sub_return_code": -68}
    with pytest.raises(DuplicateReference):
        shop.create(lost, {"return_code": 3, "sub_return_code": 3})
    paid = {
        "return_code": 1, "sub_return_code": 1, "amount": 150_000, "zp_trans_id": 260301000000389,
    }  # fmt: skip
    session = shop.create(lost, paid)
    assert session.status is PaymentStatus.SUCCEEDED
    assert shop.service.status(session.payment_id).status is PaymentStatus.SUCCEEDED
    assert [request.url.rpartition("/")[2] for request in shop.transport.asked] == [
        "create", "query", "create", "query",
    ]  # fmt: skip


def test_a_link_is_a_payment_of_nothing(shop):
    session = shop.create(
        LINK,
        reference="LINK-1",
        amount=Money(0, "VND"),
        save_token=True,
        customer=Customer(id="customer-1"),
    )
    linked = shop.paid("LINK-1", Money(0, "VND"), fields={"binding_id": "BINDING-1"})
    assert shop.receive(linked) == TAKEN
    record = shop.service.status(session.payment_id)
    assert (record.status, record.captured) == (PaymentStatus.SUCCEEDED, Money(0, "VND"))
    ended = shop.paid("LINK-1", Money(0, "VND"), fields={"binding_id": "BINDING-1", "status": 4})
    assert shop.receive(ended) == TAKEN
    assert shop.service.status(session.payment_id).status is PaymentStatus.SUCCEEDED
    # and it never pays for an order
    order = shop.create(PAGE)
    crossed = shop.paid("ORDER-1", fields={"binding_id": "BINDING-2"})
    assert shop.receive(crossed) == TAKEN
    assert shop.service.status(order.payment_id).status is PaymentStatus.NEEDS_REVIEW
