"""Several attempts for one order: which of them paid it, and which paid it once too often."""

from datetime import timedelta
from itertools import permutations

import attrs
import pytest

from paykit import CaptureMode, Discrepancy, Money, PaymentStatus
from paykit.service import PaymentService, recording
from paykit.service.recording import News

from .cards import answer, cards, fact, request, told
from .refunding import Refunding, asked
from .shop import START
from .test_capture import part, published

S = PaymentStatus


@pytest.fixture
def shop(open_service):
    return open_service(providers=[cards(Refunding)])


@pytest.fixture
def attempts(shop):
    """Three attempts for one order that the payer has to finish."""
    return [attempt(shop, number) for number in (1, 2, 3)]


def attempt(shop, number, order_id="CART-1"):
    shop.transport.answers.append(answer("requires_action", action={"type": "page"}))
    wanted = request(f"R-{number}", order_id=order_id, capture=CaptureMode.AUTOMATIC)
    payment_id = shop.create(wanted, provider="cards").payment_id
    shop.transport.asked.clear()
    return payment_id


def notice(status, number, amount=150_000, *, minutes=0, **more):
    """What the gateway tells of an attempt, so many minutes after the start."""
    event = fact(
        status, amount, number=f"{number}-{minutes}", reference=f"R-{number}",
        provider_id=f"psp-{number}", **more,
    )  # fmt: skip
    return attrs.evolve(event, occurred_at=START + timedelta(minutes=minutes))


def hear(shop, *facts):
    for one in facts:
        shop.receive(told(one), provider="cards")


def ends(shop, payment_ids):
    records = [shop.status(one) for one in payment_ids]
    return [(record.status.value, record.discrepancy) for record in records]


def events(shop):
    return [
        (event.reference, event.status.value, event.discrepancy, event.captured.minor)
        for event in published(shop)
    ]


def test_the_second_success_is_one_too_many(shop, attempts):
    hear(shop, notice("failed", 1), notice("succeeded", 2), notice("succeeded", 3))
    assert ends(shop, attempts) == [
        ("failed", None),
        ("succeeded", None),
        ("succeeded", Discrepancy.DUPLICATE_PAYMENT),
    ]
    assert sorted(events(shop)) == [
        ("R-1", "failed", None, 0),
        ("R-2", "succeeded", None, 150_000),
        ("R-3", "succeeded", Discrepancy.DUPLICATE_PAYMENT, 150_000),
    ]
    # It is money all the same, and can be given back.
    shop.transport.answers.append(answer(id="re-1"))
    assert shop.refund(attempts[2]).record.status is S.REFUNDED
    assert ends(shop, attempts)[1] == ("succeeded", None)


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_whichever_is_told_first_has_paid(shop, attempts, order):
    hear(shop, *(notice("succeeded", number) for number in order))
    assert ends(shop, [attempts[number - 1] for number in order]) == [
        ("succeeded", None),
        ("succeeded", Discrepancy.DUPLICATE_PAYMENT),
        ("succeeded", Discrepancy.DUPLICATE_PAYMENT),
    ]


def test_other_orders_are_none_of_its_business(shop, attempts):
    other = attempt(shop, 9, order_id="CART-9")
    hear(shop, notice("succeeded", 1), notice("succeeded", 9))
    assert ends(shop, [attempts[0], other]) == [("succeeded", None)] * 2


def test_a_hold_pays_nothing_until_it_is_captured(shop, attempts):
    hear(shop, notice("authorized", 1), notice("succeeded", 2))
    assert ends(shop, attempts)[:2] == [("authorized", None), ("succeeded", None)]
    hear(shop, notice("succeeded", 1, minutes=5))
    assert ends(shop, attempts)[0] == ("succeeded", Discrepancy.DUPLICATE_PAYMENT)


def test_what_is_wrong_pays_nothing(shop, attempts):
    hear(shop, notice("succeeded", 1, 149_999), notice("succeeded", 2))
    assert ends(shop, attempts)[:2] == [
        ("needs_review", Discrepancy.UNDERPAID),
        ("succeeded", None),
    ]


def test_after_the_money_went_back_the_next_one_pays(shop, attempts):
    hear(shop, notice("succeeded", 1))
    shop.transport.answers.append(answer(id="re-1"))
    shop.refund(attempts[0])
    hear(shop, notice("succeeded", 2, minutes=5), notice("succeeded", 3, minutes=6))
    assert ends(shop, attempts) == [
        ("refunded", None),
        ("succeeded", None),
        ("succeeded", Discrepancy.DUPLICATE_PAYMENT),
    ]


def test_after_a_part_went_back_it_is_paid_still(shop, attempts):
    hear(shop, notice("succeeded", 1))
    shop.transport.answers.append(answer(id="re-1"))
    shop.refund(attempts[0], part(149_999))
    hear(shop, notice("succeeded", 2, minutes=5))
    assert ends(shop, attempts)[:2] == [
        ("partially_refunded", None),
        ("succeeded", Discrepancy.DUPLICATE_PAYMENT),
    ]


def test_a_refund_and_the_next_success_in_one_transaction(database, clock):
    with PaymentService([cards(Refunding)], database=database, clock=clock) as service:
        shop = Untalkative(service)
        payment_ids = [shop.write_down(number) for number in (1, 2)]
        hear(shop, notice("succeeded", 2))
        back = notice("refunded", 2, refunded=part(150_000), minutes=1)
        news = [News((one,), "", START) for one in (back, notice("succeeded", 1, minutes=2))]
        service._database.transact(lambda conn: recording.record(conn, news)).result()
        assert ends(shop, payment_ids) == [("succeeded", None), ("refunded", None)]


class Untalkative:
    """A service whose gateway is never asked."""

    def __init__(self, service):
        self.service = service

    def __getattr__(self, name):
        return getattr(self.service, name)

    def write_down(self, number):
        wanted = request(f"R-{number}", order_id="CART-1", capture=CaptureMode.AUTOMATIC)
        operation = self.service._operations.reserve_payment(wanted, "cards")
        return self.service._run(operation).record.payment_id


# Late money.


@pytest.mark.parametrize("closed", ["canceled", "expired"])
@pytest.mark.parametrize(("paid_at", "discrepancy"), [(10, Discrepancy.LATE), (5, None), (1, None)])
def test_money_after_the_end_is_late_and_news_of_it_may_be(
    shop, attempts, closed, paid_at, discrepancy
):
    hear(shop, notice(closed, 1, minutes=5), notice("succeeded", 1, minutes=paid_at))
    assert ends(shop, attempts)[0] == ("succeeded", discrepancy)
    assert events(shop) == [
        ("R-1", closed, None, 0),
        ("R-1", "succeeded", discrepancy, 150_000),
    ]


def test_a_try_that_failed_was_no_end(shop, attempts):
    hear(shop, notice("failed", 1, minutes=5), notice("succeeded", 1, minutes=10))
    assert ends(shop, attempts)[0] == ("succeeded", None)


def test_late_and_one_too_many_is_one_too_many(shop, attempts):
    hear(
        shop,
        notice("expired", 1, minutes=5),
        notice("succeeded", 2, minutes=6),
        notice("succeeded", 1, minutes=10),
    )
    assert ends(shop, attempts)[0] == ("succeeded", Discrepancy.DUPLICATE_PAYMENT)


def test_late_money_of_an_order_that_was_called_off_goes_back(shop, attempts):
    hear(shop, notice("canceled", 1, minutes=5), notice("succeeded", 1, minutes=10))
    shop.transport.answers.append(answer(id="re-1"))
    done = shop.refund(attempts[0])
    assert (done.record.status, done.record.refunded) == (S.REFUNDED, Money(150_000, "VND"))
    assert [what for _, what, _ in asked(shop)] == ["R-1-R1 150000 VND"]
