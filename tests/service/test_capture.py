"""Capture and void: refused by our record before they are sent, sent under one key, recorded once."""

import attrs
import pytest

from paykit import (
    Declined,
    InvalidRequest,
    Money,
    Nothing,
    OutcomeUnknown,
    PaymentStatus,
    UnsupportedOperation,
)

from .cards import PRICE, AskableCards, answer, cards, declined, fact, moved, refused, request, told
from .shop import notice
from .shop import request as redirect

S = PaymentStatus


@pytest.fixture
def shop(open_service):
    return open_service(providers=[cards(), cards(AskableCards)])


@pytest.fixture
def hold(shop):
    return held(shop)


def held(shop, provider="cards"):
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    session = shop.create(request(), provider=provider)
    assert (session.status, session.next) == (S.AUTHORIZED, Nothing())
    shop.transport.asked.clear()
    return session.payment_id


def published(shop):
    events = []
    shop.service._handlers[:] = [events.append]
    while shop.relay():
        pass
    return events


def said(event):
    return event.status.value, event.reason, event.captured.minor, event.sequence


def keys(shop):
    return [one.header("Key") for one in shop.transport.asked]


def part(minor):
    return Money(minor, "VND")


def test_all_of_a_hold_is_captured(shop, hold):
    shop.transport.answers.append(answer(captured=150_000, id="psp-1"))
    done = shop.capture(hold)
    assert (done.payment.status, done.record.status, done.published) == (
        S.SUCCEEDED,
        S.SUCCEEDED,
        1,
    )
    (asked,) = shop.transport.asked
    assert (asked.url, asked.body) == ("https://cards.example/capture", b"150000 VND True")
    assert keys(shop) == [f"{hold}-capture-150000-0"]
    assert [said(event) for event in published(shop)] == [
        ("authorized", None, 0, 1),
        ("succeeded", None, 150_000, 2),
    ]


@pytest.mark.parametrize("amount", [None, PRICE])
def test_what_is_captured_is_not_sent_again(shop, hold, amount):
    shop.transport.answers.append(answer())
    shop.capture(hold, amount)
    again = shop.capture(hold, amount)
    assert (again.payment, again.record.status, again.published) == (None, S.SUCCEEDED, 0)
    assert len(shop.transport.asked) == 1


def test_a_part_is_captured_and_is_no_contradiction(shop, hold):
    # An answer may have the amount of the one capture, and no total.
    shop.transport.answers.append(answer(amount=60_000))
    done = shop.capture(hold, part(60_000))
    assert (done.record.status, done.record.discrepancy) == (S.SUCCEEDED, None)
    assert done.record.captured == part(60_000)
    assert shop.capture(hold, part(60_000)).payment is None
    with pytest.raises(InvalidRequest, match="say how much more"):
        shop.capture(hold)
    with pytest.raises(InvalidRequest, match="at most 90000 VND is held"):
        shop.capture(hold, part(90_001))
    assert len(shop.transport.asked) == 1


def test_captured_in_parts(shop, hold):
    shop.transport.answers += [answer(), answer(), answer()]
    shop.capture(hold, part(60_000), final=False)
    shop.capture(hold, part(60_000), idempotency_key="second", final=False)
    done = shop.capture(hold, part(30_000))
    assert (done.record.status, done.record.captured) == (S.SUCCEEDED, PRICE)
    assert [one.body for one in shop.transport.asked] == [
        b"60000 VND False",
        b"60000 VND False",
        b"30000 VND True",
    ]
    assert keys(shop) == [f"{hold}-capture-60000-0", "second", f"{hold}-capture-30000-0"]
    assert [event.captured.minor for event in published(shop)] == [0, 60_000, 120_000, 150_000]


def test_a_provider_that_has_a_part_as_still_held(shop, hold):
    shop.transport.answers += [answer("authorized", captured=60_000), answer("canceled")]
    done = shop.capture(hold, part(60_000), final=False)
    assert (done.record.status, done.record.captured, done.published) == (
        S.AUTHORIZED,
        part(60_000),
        1,
    )
    done = shop.void(hold)
    assert (done.record.status, done.record.captured) == (S.SUCCEEDED, part(60_000))


def test_what_is_only_taken_on_changes_nothing(shop, hold):
    shop.transport.answers.append(answer("pending", amount=60_000))
    before = shop.status(hold)
    done = shop.capture(hold, part(60_000))
    assert (done.payment.status, done.record, done.published) == (S.PENDING, before, 0)
    assert shop.capture(hold, part(60_000)).payment is None  # it was taken on
    assert len(shop.transport.asked) == 1
    shop.receive(told(moved("capture", "c-1", 60_000)), provider="cards")
    record = shop.status(hold)
    assert (record.status, record.captured, record.discrepancy) == (S.SUCCEEDED, part(60_000), None)
    assert [said(event) for event in published(shop)] == [
        ("authorized", None, 0, 1),
        ("succeeded", None, 60_000, 2),
    ]


def test_a_capture_that_is_refused_later_is_an_event_and_may_be_tried_anew(shop, hold):
    shop.transport.answers += [answer("pending"), answer("pending")]
    shop.capture(hold)
    shop.receive(told(refused("c-1", 150_000)), provider="cards")
    assert shop.status(hold).status is S.AUTHORIZED
    assert shop.capture(hold).payment.status is S.PENDING
    assert keys(shop) == [f"{hold}-capture-150000-0", f"{hold}-capture-150000-1"]
    assert [said(event) for event in published(shop)] == [
        ("authorized", None, 0, 1),
        ("authorized", "capture_failed", 0, 2),
    ]


def test_a_decline_is_an_event_and_the_next_attempt_has_its_own_key(shop, hold):
    shop.transport.answers += [declined(), answer()]
    with pytest.raises(Declined):
        shop.capture(hold)
    assert shop.capture(hold).record.status is S.SUCCEEDED
    assert keys(shop) == [f"{hold}-capture-150000-0", f"{hold}-capture-150000-1"]
    _first, second, third = published(shop)
    assert said(second) == ("authorized", "capture_failed", 0, 2)
    assert (second.code, second.movement.undone) == ("E-card_declined", True)
    assert said(third) == ("succeeded", None, 150_000, 3)


def test_after_a_decline_the_provider_is_asked_what_became_of_the_hold(shop):
    payment_id = held(shop, "askable")
    shop.transport.answers += [declined(), answer("expired", id="psp-1")]
    with pytest.raises(Declined):
        shop.capture(payment_id)
    assert shop.status(payment_id).status is S.EXPIRED
    assert [said(event) for event in published(shop)] == [
        ("authorized", None, 0, 1),
        ("authorized", "capture_failed", 0, 2),
        ("expired", None, 0, 3),
    ]


def test_silence_leaves_it_as_it_is_and_the_key_stays(shop, hold):
    before = shop.status(hold)
    shop.transport.answers += [OutcomeUnknown("away"), answer()]
    with pytest.raises(OutcomeUnknown):
        shop.capture(hold)
    assert shop.status(hold) == before
    assert shop.capture(hold).record.status is S.SUCCEEDED
    assert keys(shop) == [f"{hold}-capture-150000-0"] * 2


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        (part(150_001), "at most 150000 VND"),
        (part(0), "more than nothing"),
        (part(-1), "more than nothing"),
        (Money(100, "USD"), "another currency"),
    ],
)
def test_what_is_not_held_is_refused_before_it_is_sent(shop, hold, amount, why):
    with pytest.raises(InvalidRequest, match=why) as raised:
        shop.capture(hold, amount)
    assert raised.value.sent is False
    assert shop.transport.asked == []


@pytest.mark.parametrize("status", ["failed", "canceled", "expired", "disputed"])
@pytest.mark.parametrize("act", ["capture", "void"])
def test_nothing_is_held(shop, hold, status, act):
    shop.receive(told(fact(status)), provider="cards")
    if (act, status) in {("void", "canceled"), ("void", "expired")}:
        assert shop.void(hold).payment is None
    elif (act, status) == ("capture", "disputed"):
        assert shop.capture(hold).payment is None
    else:
        with pytest.raises(InvalidRequest, match="nothing is held"):
            getattr(shop, act)(hold)
    assert shop.transport.asked == []


@pytest.mark.parametrize("act", ["capture", "void"])
def test_what_is_not_there(shop, act):
    with pytest.raises(InvalidRequest, match="no such payment"):
        getattr(shop, act)("pay_none")


@pytest.mark.parametrize("act", ["capture", "void"])
def test_a_provider_without_it(open_service, act):
    service = open_service()
    session = service.create(redirect(), provider="vnpay")
    service.receive(notice(), provider="vnpay")
    with pytest.raises(UnsupportedOperation, match=act):
        getattr(service, act)(session.payment_id)


def test_a_provider_that_cannot_be_asked(shop, hold):
    with pytest.raises(UnsupportedOperation, match="fetch_payment"):
        shop.refresh(hold)


def test_a_hold_is_released_once(shop, hold):
    shop.transport.answers.append(answer("canceled", id="psp-1"))
    done = shop.void(hold)
    assert (done.payment.status, done.record.status, done.published) == (S.CANCELED, S.CANCELED, 1)
    assert shop.void(hold).payment is None
    assert keys(shop) == [f"{hold}-void"]


def test_a_void_that_is_only_taken_on(shop, hold):
    shop.transport.answers.append(answer("pending"))
    assert shop.void(hold).record.status is S.AUTHORIZED
    assert shop.void(hold).payment is None
    shop.receive(told(fact("canceled")), provider="cards")
    assert shop.status(hold).status is S.CANCELED
    assert len(shop.transport.asked) == 1


def test_a_void_that_is_declined(shop):
    payment_id = held(shop, "askable")
    shop.transport.answers += [declined(), answer(captured=150_000)]
    with pytest.raises(Declined):
        shop.void(payment_id)
    assert shop.status(payment_id).status is S.SUCCEEDED


def test_an_answer_about_another_amount_is_review(shop, hold):
    shop.transport.answers.append(answer(amount=150_001))
    done = shop.capture(hold)
    assert (done.record.status, done.record.discrepancy.value) == (S.NEEDS_REVIEW, "overpaid")


def test_the_end_of_another_attempt_leaves_the_hold(shop, hold):
    for status in ("failed", "canceled", "expired"):
        late = fact(status, provider_id="psp-0")
        assert shop.receive(told(late), provider="cards").published == 0
    assert shop.status(hold).status is S.AUTHORIZED
    shop.receive(told(attrs.evolve(fact("failed"), provider_id=None)), provider="cards")
    assert shop.status(hold).status is S.FAILED
