"""An order whose money is to be taken, however often its event comes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest

from paykit import (
    ConfigurationError,
    InvalidRequest,
    Money,
    NotFound,
    NotSent,
    OrderPlaced,
    OutcomeUnknown,
    PaymentStatus,
    PaymentToken,
    RequestInProgress,
)
from paykit.provider import Capability
from paykit.service import CommandState, PaymentService

from .cards import PRICE, AskableCards, Cards, answer, cards, declined, fact, no, told
from .refunding import asked, at
from .shop import START
from .test_capture import held, published, said

S = PaymentStatus
TOKEN = PaymentToken(provider="cards", value="tok_1")
SILENCE = OutcomeUnknown("silence")


class Remembering(AskableCards):
    """A gateway that knows the key of a charge for a day."""

    name = "remembering"
    info = attrs.evolve(Cards.info, repeatable_for={Capability.CREATE_PAYMENT: timedelta(days=1)})


@pytest.fixture
def shop(open_service):
    return open_service(providers=[cards(), cards(AskableCards), cards(Remembering)])


def placed(provider="cards", **more):
    """An order with a card."""
    values = {"token": TOKEN, "order_id": "CART-1", "amount": PRICE, **more}
    return OrderPlaced(event_id="evt-1", provider=provider, occurred_at=START, **values)


def for_hold(payment_id, **more):
    """An order whose money is held."""
    return placed(token=None, payment_id=payment_id, order_id="R-1", **more)


def events(shop):
    return [said(event) for event in published(shop)]


# A card is charged.


def test_a_card_is_charged_once(shop):
    shop.transport.answers.append(answer("succeeded", id="psp-1"))
    done = shop.handle_order_placed(placed())
    assert (done.record.status, done.record.captured, done.published) == (S.SUCCEEDED, PRICE, 1)
    assert (done.record.order_id, done.record.reference) == ("CART-1", "CART-1")
    again = shop.handle_order_placed(OrderPlaced.from_json(placed().to_json()))
    assert (again.record, again.published) == (done.record, 0)
    assert asked(shop) == [("pay", "CART-1", "CART-1")]
    assert events(shop) == [("succeeded", None, 150_000, 1)]


def test_another_attempt_for_an_order_has_a_reference_of_its_own(shop):
    shop.transport.answers += [declined(), answer("succeeded", id="psp-2")]
    first = shop.handle_order_placed(placed())
    second = shop.handle_order_placed(placed(reference="CART-1-2"))
    assert (first.record.status, second.record.status) == (S.FAILED, S.SUCCEEDED)
    assert [one.record.order_id for one in (first, second)] == ["CART-1"] * 2


def test_a_card_that_is_only_held_is_captured_at_once(shop):
    shop.transport.answers += [answer("authorized", id="psp-1"), answer(id="psp-1")]
    done = shop.handle_order_placed(placed())
    assert (done.record.status, done.published, done.command.state) == (
        S.SUCCEEDED,
        2,
        CommandState.DONE,
    )
    assert [where for where, _, _ in asked(shop)] == ["pay", "capture"]
    assert shop.handle_order_placed(placed()).published == 0


@pytest.mark.parametrize("status", ["requires_action", "pending"])
def test_a_payer_who_has_to_do_something_is_waited_for(shop, status):
    shop.transport.answers.append(answer(status, id="psp-1", action={"type": "threeDS2"}))
    for _ in range(2):
        done = shop.handle_order_placed(placed())
        assert (done.record.status, done.published) == (S(status), 0)
    shop.receive(told(fact("succeeded", reference="CART-1")), provider="cards")
    assert shop.handle_order_placed(placed()).record.status is S.SUCCEEDED
    assert len(shop.transport.asked) == 1


def test_a_refusal_raises_nothing_and_an_event_tells(shop):
    shop.transport.answers.append(declined("insufficient_funds"))
    done = shop.handle_order_placed(placed())
    assert (done.record.status, done.record.code, done.published) == (
        S.FAILED,
        "E-insufficient_funds",
        1,
    )
    again = shop.handle_order_placed(placed())
    assert (again.record, again.published) == (done.record, 0)
    assert events(shop) == [("failed", "insufficient_funds", 0, 1)]


def test_what_was_not_sent_is_sent_when_the_event_comes_again(shop):
    shop.transport.answers += [NotSent("no route"), answer("succeeded", id="psp-1")]
    with pytest.raises(NotSent):
        shop.handle_order_placed(placed())
    assert shop.handle_order_placed(placed()).record.status is S.SUCCEEDED


def test_after_silence_the_same_is_sent_where_that_is_harmless(shop):
    shop.transport.answers += [SILENCE, answer("succeeded", id="psp-1")]
    with pytest.raises(OutcomeUnknown):
        shop.handle_order_placed(placed("remembering"))
    assert shop.handle_order_placed(placed("remembering")).record.status is S.SUCCEEDED
    assert asked(shop) == [("pay", "CART-1", "CART-1")] * 2


@pytest.mark.parametrize(("provider", "hours"), [("askable", 0), ("remembering", 25)])
def test_elsewhere_it_is_asked_about(shop, clock, provider, hours):
    shop.transport.answers += [SILENCE, no(NotFound), answer("pending"), answer("succeeded")]
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            shop.handle_order_placed(placed(provider))
        clock.pass_(hours=hours)
    done = shop.handle_order_placed(placed(provider))
    assert (done.record.status, done.published) == (S.SUCCEEDED, 1)
    assert [where for where, _, _ in asked(shop)] == ["pay", "query", "query", "query"]


def test_where_nobody_can_be_asked_a_notice_has_to_tell(shop):
    shop.transport.answers.append(SILENCE)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            shop.handle_order_placed(placed())
    shop.receive(told(fact("succeeded", reference="CART-1")), provider="cards")
    done = shop.handle_order_placed(placed())
    assert (done.record.status, done.published, len(shop.transport.asked)) == (S.SUCCEEDED, 0, 1)


# A hold is captured.


def test_a_hold_is_captured_once(shop):
    payment_id = held(shop)
    shop.transport.answers.append(answer(id="psp-1"))
    done = shop.handle_order_placed(for_hold(payment_id))
    assert (done.record.status, done.published) == (S.SUCCEEDED, 1)
    assert asked(shop) == [("capture", "150000 VND True", f"{payment_id}-capture-150000-0")]
    again = shop.handle_order_placed(for_hold(payment_id))
    assert (again.record, again.published, len(shop.transport.asked)) == (done.record, 0, 1)


def test_a_hold_is_found_by_its_reference_too(shop):
    held(shop)
    shop.transport.answers.append(answer(id="psp-1"))
    done = shop.handle_order_placed(placed(order_id="R-1"))
    assert done.record.status is S.SUCCEEDED
    assert [where for where, _, _ in asked(shop)] == ["capture"]


def test_a_capture_that_is_taken_on_is_waited_for(shop):
    payment_id = held(shop)
    shop.transport.answers.append(answer("pending"))
    for _ in range(2):
        done = shop.handle_order_placed(for_hold(payment_id))
        assert (done.record.status, done.command.state) == (S.AUTHORIZED, CommandState.WAITING)
    assert len(shop.transport.asked) == 1


def test_a_capture_that_was_refused_is_not_tried_by_the_same_event_again(shop):
    payment_id = held(shop)
    shop.transport.answers += [declined(), answer()]
    done = shop.handle_order_placed(for_hold(payment_id))
    assert (done.record.status, done.command.state, done.published) == (
        S.AUTHORIZED,
        CommandState.REFUSED,
        1,
    )
    again = shop.handle_order_placed(for_hold(payment_id))
    assert (again.command.state, again.published) == (CommandState.REFUSED, 0)
    assert len(shop.transport.asked) == 1
    assert events(shop) == [
        ("authorized", None, 0, 1),
        ("authorized", "capture_failed", 0, 2),
    ]
    assert shop.capture(payment_id).record.status is S.SUCCEEDED  # as the shop likes


def test_a_hold_that_lapsed_is_told(shop):
    payment_id = held(shop, "askable")
    shop.transport.answers += [declined(), answer("expired", id="psp-1")]
    done = shop.handle_order_placed(for_hold(payment_id, provider="askable"))
    assert (done.record.status, done.published) == (S.EXPIRED, 2)


def test_a_capture_without_an_answer_comes_again(shop):
    payment_id = held(shop)
    shop.transport.answers += [SILENCE, answer()]
    with pytest.raises(OutcomeUnknown):
        shop.handle_order_placed(for_hold(payment_id))
    assert shop.handle_order_placed(for_hold(payment_id)).record.status is S.SUCCEEDED
    assert {key for _, _, key in asked(shop)} == {f"{payment_id}-capture-150000-0"}


@pytest.mark.parametrize("status", ["canceled", "expired", "failed", "disputed", "needs_review"])
def test_what_came_to_nothing_or_needs_a_person_is_left(shop, status):
    payment_id = held(shop)
    shop.receive(told(fact(status)), provider="cards")
    done = shop.handle_order_placed(for_hold(payment_id))
    assert (done.record.status, shop.transport.asked) == (S(status), [])


def test_beside_a_release_it_comes_again(shop):
    payment_id = held(shop)
    shop.transport.answers.append(answer("pending"))
    shop.void(payment_id)
    with pytest.raises(InvalidRequest, match="a void of it is under way"):
        shop.handle_order_placed(for_hold(payment_id))
    shop.receive(told(fact("canceled")), provider="cards")
    assert shop.handle_order_placed(for_hold(payment_id)).record.status is S.CANCELED


# What does not fit.


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": Money(149_999, "VND")}, "amount: is not what the payment is about"),
        ({"amount": Money(150_000, "USD")}, "amount: is not what the payment is about"),
        ({"payment_id": "pay_none"}, "payment_id: is no payment of this order"),
        ({"order_id": "CART-9"}, "payment_id: is no payment of this order"),
        ({"provider": "askable"}, "payment_id: is no payment of this order"),
    ],
)
def test_another_payment_than_the_order_says_is_not_touched(shop, changes, why):
    event = attrs.evolve(for_hold(held(shop)), **changes)
    with pytest.raises(InvalidRequest) as raised:
        shop.handle_order_placed(event)
    assert (str(raised.value), shop.transport.asked) == (why, [])


def test_nor_one_that_was_charged_for_another_sum(shop):
    shop.transport.answers.append(answer("succeeded", id="psp-1"))
    shop.handle_order_placed(placed())
    with pytest.raises(InvalidRequest, match="is not what the payment is about"):
        shop.handle_order_placed(placed(amount=Money(149_999, "VND")))


def test_an_account_that_is_not_here(shop):
    with pytest.raises(ConfigurationError, match="no provider account 'stripe'"):
        shop.handle_order_placed(placed("stripe"))


# Two workers with one event.


class Desk:
    """A transport for two workers: it charges a key once, and tells that the first is at it."""

    def __init__(self):
        self.charged, self.guard = {}, threading.Lock()

    def send(self, asked):
        where = asked.url.rpartition("/")[2]
        if where == "query":
            return no(NotFound)
        with self.guard:
            key = where, asked.header("Key")
            if key in self.charged:
                return no(RequestInProgress)
            self.charged[key] = asked.body
        status = "authorized" if where == "pay" else "succeeded"
        return answer(status, id="psp-1")

    def close(self):
        pass


@pytest.mark.parametrize("kind", [Cards, AskableCards, Remembering])
@pytest.mark.parametrize("apart", [False, True], ids=["threads", "processes"])
def test_two_workers_take_the_money_once(database, kind, apart):
    desk, barrier = Desk(), threading.Barrier(2)
    first = PaymentService([cards(kind)], database=database, transport=desk)
    second = PaymentService([cards(kind)], database=database, transport=desk) if apart else first

    def handle(service):
        barrier.wait(20)
        try:
            return service.handle_order_placed(placed(kind.name))
        except (InvalidRequest, OutcomeUnknown, RequestInProgress) as error:
            return error

    with first, second, ThreadPoolExecutor(2) as threads:
        list(threads.map(handle, (first, second)))
        # The broker brings it to both of them again until neither complains.
        ends = [service.handle_order_placed(placed(kind.name)) for service in (first, second)]
        record = ends[0].record
        assert (record.status, record.captured) == (S.SUCCEEDED, PRICE)
        assert ends[1].record == record
        told_of = []
        first._handlers.append(told_of.append)
        while first.relay():
            pass
    assert sorted(where for where, _ in desk.charged) == ["capture", "pay"]
    assert [said(event) for event in told_of] == [
        ("authorized", None, 0, 1),
        ("succeeded", None, 150_000, 2),
    ]


def test_a_notice_that_comes_before_the_answer(shop):
    def meanwhile(_asked):
        url = shop.service._database.url.render_as_string(hide_password=False)
        with PaymentService([cards()], database=url) as other:
            other.receive(
                told(at("cards", fact("succeeded", reference="CART-1"))), provider="cards"
            )
        return answer("succeeded", id="psp-1")

    shop.transport.answers.append(meanwhile)
    done = shop.handle_order_placed(placed())
    assert (done.record.status, done.record.sequence, done.published) == (S.SUCCEEDED, 1, 1)
