"""Capture and void: refused by our record before they are sent, sent under one key, recorded once."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest

from paykit import (
    CaptureMode,
    Declined,
    Discrepancy,
    HandleInClient,
    InvalidRequest,
    Money,
    Nothing,
    OutcomeUnknown,
    PaymentRequest,
    PaymentStatus,
    RequestInProgress,
    UnsupportedOperation,
)
from paykit.provider import utc_now
from paykit.service import PaymentService, blocking

from .cards import PRICE, AskableCards, answer, cards, declined, fact, moved, refused, request, told
from .everywhere import everywhere
from .shop import START, Answers, Clock, notice
from .shop import request as redirect
from .test_crash import run_child

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


@everywhere
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


@everywhere
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


def test_without_the_first_of_two_the_second_is_done_by_less(shop, hold):
    """It led up to both of them; what the provider has counted of it is all that is left."""
    shop.transport.answers += [OutcomeUnknown("silence"), answer("pending"), declined(), answer()]
    with pytest.raises(OutcomeUnknown):
        shop.capture(hold, part(50_000), idempotency_key="first", final=False)
    shop.capture(hold, part(60_000), idempotency_key="second", final=False)
    with pytest.raises(Declined):
        shop.capture(hold, part(50_000), idempotency_key="first", final=False)
    shop.receive(told(fact("succeeded", captured=part(60_000))), provider="cards")
    done = shop.capture(hold, part(90_000), idempotency_key="third")
    assert (done.record.status, done.record.captured) == (S.SUCCEEDED, PRICE)


def test_one_that_was_taken_on_and_refused_at_once_may_be_tried_anew(database):
    """The notice of the refusal is quicker than the answer that it was taken on."""

    def refuse_first(_asked):
        service.receive(told(refused("c-1", 150_000)), provider="cards")
        return answer("pending")

    transport = Answers(answer("authorized", id="psp-1"), refuse_first, answer())
    with PaymentService([cards()], database=database, transport=transport) as service:
        payment_id = service.create(request(), provider="cards").payment_id
        assert service.capture(payment_id).record.status is S.AUTHORIZED
        assert service.capture(payment_id).record.captured == PRICE


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


@everywhere
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


@everywhere
def test_silence_leaves_it_as_it_is_and_the_key_stays(shop, hold):
    before = shop.status(hold)
    shop.transport.answers += [OutcomeUnknown("away"), answer()]
    with pytest.raises(OutcomeUnknown):
        shop.capture(hold)
    assert shop.status(hold) == before
    assert shop.capture(hold).record.status is S.SUCCEEDED
    assert keys(shop) == [f"{hold}-capture-150000-0"] * 2


def test_an_answer_that_nobody_can_read_is_none(shop, hold):
    shop.transport.answers += [answer("unknown"), answer()]
    assert shop.capture(hold).record.status is S.AUTHORIZED
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


@everywhere
def test_a_hold_is_released_once(shop, hold):
    shop.transport.answers.append(answer("canceled", id="psp-1"))
    done = shop.void(hold)
    assert (done.payment.status, done.record.status, done.published) == (S.CANCELED, S.CANCELED, 1)
    assert shop.void(hold).payment is None
    assert keys(shop) == [f"{hold}-void"]


@pytest.mark.parametrize("act", ["void", "refresh"])
def test_the_end_of_our_hold_may_have_an_id_of_its_own(shop, act):
    payment_id = held(shop, "askable")
    shop.transport.answers.append(answer("canceled", id="void-1"))
    getattr(shop, act)(payment_id)
    record = shop.status(payment_id)
    assert (record.status, record.provider_id) == (S.CANCELED, "psp-1")


def test_an_answer_about_a_page_comes_after_its_payment_is_held(shop, database):
    def meanwhile(_asked):
        notice = attrs.evolve(fact("authorized", provider_id="pi_1"), provider="askable")
        with PaymentService([cards(AskableCards)], database=database) as other:
            other.receive(told(notice), provider="askable")
        return answer("expired", id="cs_1")

    shop.transport.answers += [
        answer("requires_action", id="cs_1", action={"type": "page"}),
        meanwhile,
        answer("authorized", id="pi_1"),  # other news overtook the answer, so it is asked again
    ]
    payment_id = shop.create(request(), provider="askable").payment_id
    assert shop.refresh(payment_id) == 0
    record = shop.status(payment_id)
    assert (record.status, record.provider_id) == (S.AUTHORIZED, "pi_1")


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
    assert [said(event) for event in published(shop)] == [
        ("authorized", None, 0, 1),
        ("authorized", "void_failed", 0, 2),
        ("succeeded", None, 150_000, 3),  # it was asked why
    ]


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


def test_a_try_that_failed_leaves_the_page_its_name(shop):
    shop.transport.answers.append(answer("requires_action", id="page-1", action={"type": "page"}))
    payment_id = shop.create(request(), provider="cards").payment_id
    shop.receive(told(fact("failed", provider_id="try-1")), provider="cards")
    assert shop.status(payment_id).provider_id == "page-1"  # which can be asked about still
    shop.receive(told(fact("authorized", provider_id="try-2")), provider="cards")
    record = shop.status(payment_id)
    assert (record.status, record.provider_id) == (S.AUTHORIZED, "try-2")


@pytest.mark.parametrize("end", ["canceled", "expired"])
def test_a_void_that_is_refused_brings_no_hold_back(shop, hold, end):
    shop.receive(told(fact(end)), provider="cards")
    later = shop.status(hold).updated_at + timedelta(seconds=1)
    refusal = attrs.evolve(fact("authorized", reason="void_failed"), occurred_at=later)
    assert shop.receive(told(refusal), provider="cards").published == 0
    assert shop.status(hold).status is S(end)


def test_a_card_that_was_tried_before_leaves_the_hold(shop):
    """Both times are the provider's, so it is certain which came first."""
    second = timedelta(seconds=1)
    shop.transport.answers.append(answer("requires_action", id="psp-1"))
    hold = shop.create(request(), provider="cards").payment_id
    shop.receive(told(fact("authorized")), provider="cards")
    before = attrs.evolve(fact("failed"), occurred_at=START - second)
    assert shop.receive(told(before), provider="cards").published == 0
    assert shop.status(hold).status is S.AUTHORIZED
    after = attrs.evolve(fact("failed", number=2), occurred_at=START + second)
    assert shop.receive(told(after), provider="cards").published == 1
    assert shop.status(hold).status is S.FAILED


# Our clocks may be wrong, and the provider's answer late.


@pytest.fixture(params=[-10, 0, 10])
def page(shop, clock, request):
    """A page to pay on, of a shop whose clock is wrong by so many minutes."""
    clock.pass_(minutes=request.param)
    shop.transport.answers.append(answer("requires_action", id="psp-1"))
    wanted = PaymentRequest(reference="R-1", amount=PRICE, capture=CaptureMode.MANUAL)
    return shop.create(wanted, provider="askable").payment_id


def hear(shop, status, **delta):
    """A notice, and when that was by the provider's clock."""
    moment = START + timedelta(**delta)
    notice = attrs.evolve(fact(status), provider="askable", occurred_at=moment)
    shop.receive(told(notice), provider="askable")


def test_a_hold_that_is_over_by_an_answer_does_not_come_back(shop, page):
    shop.transport.answers.append(answer("expired", id="psp-1"))
    shop.refresh(page)
    hear(shop, "authorized", seconds=-1)
    assert shop.status(page).status is S.EXPIRED


def test_a_card_that_was_tried_before_leaves_the_hold_of_an_answer(shop, page):
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    shop.refresh(page)
    hear(shop, "failed", seconds=-1)
    assert shop.status(page).status is S.AUTHORIZED


def test_money_after_an_answer_that_it_is_over_is_late(shop, page):
    shop.transport.answers.append(answer("canceled", id="psp-1"))
    shop.refresh(page)
    hear(shop, "succeeded", seconds=1)
    record = shop.status(page)
    assert (record.status, record.discrepancy) == (S.SUCCEEDED, Discrepancy.LATE)


@pytest.mark.parametrize("answered", ["authorized", "failed"])
def test_an_answer_that_is_older_than_the_news_changes_nothing_and_is_asked_for_anew(
    database, answered
):
    """It was given before the notices, and recorded after them."""

    def answer_late(_asked):
        hear(service, "authorized", seconds=1)
        hear(service, "canceled", seconds=2)
        return answer(answered, id="psp-1")

    page = answer("requires_action", id="psp-1")
    transport = Answers(page, answer_late, answer("canceled", id="psp-1"))
    with PaymentService([cards(AskableCards)], database=database, transport=transport) as service:
        wanted = PaymentRequest(reference="R-1", amount=PRICE, capture=CaptureMode.MANUAL)
        payment_id = service.create(wanted, provider="askable").payment_id
        service.refresh(payment_id)
        record = service.status(payment_id)
    assert (record.status, record.sequence) == (S.CANCELED, 2)
    assert len(transport.asked) == 3


def test_of_two_at_once_one_is_sent(database):
    transport = Slow()
    with PaymentService([cards()], database=database, transport=transport) as service:
        payment_id = service.create(request(), provider="cards").payment_id
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(service.capture, payment_id)
            assert transport.arrived.wait(20)
            with pytest.raises(RequestInProgress):
                service.capture(payment_id)
            transport.go_on.set()
            assert first.result(20).record.status is S.SUCCEEDED
        assert service.capture(payment_id).payment is None
    assert [one.header("Key") for one in transport.asked] == [f"{payment_id}-capture-150000-0"]


class Slow:
    """A transport whose captures take until they are told to go on."""

    def __init__(self):
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.asked = []

    def send(self, asked):
        if asked.url.endswith("pay"):
            return answer("authorized", id="psp-1")
        self.asked.append(asked)
        self.arrived.set()
        assert self.go_on.wait(20)
        return answer(id="psp-1")


CHILD = r"""
import os, signal, sys
from paykit.service import PaymentService, recording
from tests.service.cards import answer, cards, request

database, point = sys.argv[1:]

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

class Transport:
    def send(self, asked):
        if asked.url.endswith("pay"):
            return answer("authorized", id="psp-1")
        os.write(1, asked.header("Key").encode())
        if point == "while it is sent":
            die()
        return answer(id="psp-1")

service = PaymentService([cards()], database=database, transport=Transport())
payment_id = service.create(request(), provider="cards").payment_id
record = recording.record
if point == "before the answer is stored":
    recording.record = die
elif point == "before the commit":
    def record_then_die(*args, **kwargs):
        record(*args, **kwargs)
        die()
    recording.record = record_then_die
service.capture(payment_id)
die()
"""


@pytest.mark.parametrize(
    ("point", "again"),
    [
        ("while it is sent", True),
        ("before the answer is stored", True),
        ("before the commit", True),
        ("after the commit", False),
    ],
)
def test_a_kill_around_a_capture_takes_the_money_once(database, point, again):
    sent = run_child(CHILD, database, point)
    transport, events, clock = Answers(answer(id="psp-1")), [], Clock()
    clock.now = utc_now()
    with PaymentService([cards()], database=database, transport=transport, clock=clock) as service:
        payment_id = service.create(request(), provider="cards").payment_id
        if again:
            with pytest.raises(RequestInProgress):  # for all we know the other one is still at it
                service.capture(payment_id)
        clock.pass_(minutes=5)
        assert service.capture(payment_id).record.status is S.SUCCEEDED
        service._handlers.append(events.append)
        while service.relay():
            pass
    assert [one.header("Key") for one in transport.asked] == ([sent] if again else [])
    assert [said(event) for event in events] == [
        ("authorized", None, 0, 1),
        ("succeeded", None, 150_000, 2),
    ]


# A card that is charged at once, and who hears of it.


@everywhere
def test_charged_at_once(shop):
    shop.transport.answers.append(answer("succeeded", id="psp-1"))
    session = shop.create(request(), provider="cards")
    record = shop.status(session.payment_id)
    assert (session.status, record.status, record.captured) == (S.SUCCEEDED, S.SUCCEEDED, PRICE)
    assert record.provider_id == "psp-1"
    (event,) = published(shop)
    assert (said(event), event.source) == (("succeeded", None, 150_000, 1), "api")


def test_declined_at_once(shop):
    shop.transport.answers.append(declined("insufficient_funds"))
    with pytest.raises(Declined):
        shop.create(request(), provider="cards")
    (event,) = published(shop)
    assert (said(event), event.code) == (
        ("failed", "insufficient_funds", 0, 1),
        "E-insufficient_funds",
    )


def test_what_the_front_end_has_to_handle_is_kept(shop):
    action = {"type": "threeDS2", "url": None, "data": {"nested": ["é", 1, True]}}
    shop.transport.answers.append(answer("requires_action", action=action))
    session = shop.create(request(), provider="cards")
    assert session.next == HandleInClient(action)
    assert shop.session(session.payment_id) == session
    assert shop.create(request(), provider="cards") == session


@pytest.mark.parametrize("act", ["create", "decline", "orphan", "capture"])
def test_the_relay_is_woken(open_service, monkeypatch, act):
    monkeypatch.setattr(blocking, "POLL_SECONDS", 30)
    shop = open_service(providers=[cards()])
    before = {"capture": "succeeded", "decline": "failed"}
    heard = threading.Event()

    def handler(event):
        if event.status == before.get(act, "authorized"):
            heard.set()

    if act == "capture":
        payment_id = held(shop)
    if act == "orphan":
        shop.receive(told(fact("authorized")), provider="cards")
    shop.subscribe(handler)
    wait(shop, 0.2)
    match act:
        case "create":
            held(shop)
        case "orphan":
            shop.transport.answers.append(answer("requires_action"))
            shop.create(request(), provider="cards")
        case "decline":
            shop.transport.answers.append(declined())
            with pytest.raises(Declined):
                shop.create(request(), provider="cards")
        case "capture":
            shop.transport.answers.append(answer())
            shop.capture(payment_id)
    for _ in range(100):
        if heard.is_set():
            break
        wait(shop, 0.05)
    assert heard.is_set()


def wait(shop, seconds):
    if hasattr(shop, "loop"):
        shop.loop.run_until_complete(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


# A payer who is back from 3-D Secure.


class AskedOnReturn(AskableCards):
    name = "onreturn"
    info = attrs.evolve(AskableCards.info, ask_on_return=True)


@pytest.mark.parametrize(("kind", "asks"), [(AskableCards, False), (AskedOnReturn, True)])
def test_a_return_settles_nothing_but_the_provider_may_be_asked(open_service, kind, asks):
    shop = open_service(providers=[cards(kind)])
    shop.transport.answers.append(answer("requires_action", action={"type": "threeDS2"}))
    payment_id = shop.create(request(), provider=kind.name).payment_id
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    back = told(fact("succeeded"))
    info = shop.receive_return(back, provider=kind.name)
    assert info.record.status is (S.AUTHORIZED if asks else S.REQUIRES_ACTION)
    assert info.published == int(asks)
    shop.transport.answers.clear()
    if asks:  # it is asked while it is open, and not again
        assert shop.receive_return(back, provider=kind.name).record.status is S.AUTHORIZED
    assert shop.status(payment_id) == info.record
