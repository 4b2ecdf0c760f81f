"""Orders paid by card, without any HTTP: the hold, the goods, the capture or the void."""

import asyncio
import sqlite3

import attrs
import pytest

from paykit.demo import checkout
from paykit.demo.catalog import PRODUCTS
from paykit.demo.messages import OrderAuthorized, OutOfStock, StockReserved
from paykit.demo.order import OrderStatus
from paykit.demo.order_store import OrderStore
from paykit.demo.orders import OrderClosedError
from paykit.demo.views import order_view
from paykit.errors import Declined, OutcomeUnknown, ProviderUnavailable
from paykit.models import PaymentStatus

from .card_saga import open_saga
from .conftest import START

S = PaymentStatus


@pytest.fixture
def saga(tmp_path):
    with open_saga(tmp_path / "demo.db") as opened:
        yield opened


def test_a_hold_is_captured_once_the_goods_are_set_aside(saga):
    order = saga.place()
    held = saga.tell(order, S.AUTHORIZED)
    assert saga.seen[1] == OrderAuthorized(
        event_id=f"{held.event_id}.OrderAuthorized",
        order_id=order.order_id,
        occurred_at=START,
        payment_id=held.payment_id,
        slug="sen",
        quantity=2,
        card="pm_1…7890",
    )
    assert saga.seen[2] == StockReserved(
        event_id=f"{held.payment_id}.reserved",
        order_id=order.order_id,
        occurred_at=START,
        payment_id=held.payment_id,
    )
    assert saga.now(order).status is OrderStatus.AUTHORIZED
    assert saga.work() == (["capture"], 0)
    saga.tell(order, S.SUCCEEDED)
    assert saga.told() == [
        "OrderPlaced",
        "OrderAuthorized",
        "StockReserved",
        "OrderConfirmed",
        "OrderShipped",
    ]
    assert saga.now(order).status is OrderStatus.CONFIRMED


def test_what_is_not_there_is_not_charged(saga):
    order = saga.place("lua", quantity=2)
    saga.tell(order, S.AUTHORIZED)
    assert saga.now(order).status is OrderStatus.SOLD_OUT
    assert order_view(saga.now(order), provider_title="Stripe")["headline"] == "We are sold out"
    assert saga.work() == (["void"], 0)
    saga.tell(order, S.CANCELED)
    assert saga.told() == ["OrderPlaced", "OrderAuthorized", "OutOfStock", "OrderCanceled"]
    view = order_view(saga.now(order), provider_title="Stripe")
    assert view["status"] == "CANCELED"
    assert "Nothing was charged" in view["message"]
    assert view["steps"] == {"placed": "done", "paid": "void", "confirmed": "off", "shipped": "off"}
    assert view["done"]
    with pytest.raises(OrderClosedError):
        saga.orders.pay_again(saga.now(order), provider="stripe")


def test_the_last_one_goes_to_who_was_held_first(saga):
    first, second = saga.place("lua", 1), saga.place("lua", 1)
    saga.tell(second, S.AUTHORIZED)
    saga.tell(first, S.AUTHORIZED)
    assert saga.now(second).status is OrderStatus.AUTHORIZED
    assert saga.now(first).status is OrderStatus.SOLD_OUT
    assert saga.work() == (["capture", "void"], 0)


def test_goods_go_back_when_the_hold_lapses_and_are_sold_after_all_when_it_did_not(saga):
    first = saga.place("lua", 1)
    saga.tell(first, S.AUTHORIZED)
    saga.tell(first, S.EXPIRED)
    assert saga.now(first).status is OrderStatus.PAYMENT_FAILED
    assert saga.work() == ([], 0)  # nothing is held that could be captured
    second = saga.place("lua", 1)
    saga.tell(second, S.AUTHORIZED)
    assert saga.now(second).status is OrderStatus.AUTHORIZED
    saga.tell(second, S.FAILED)
    saga.tell(first, S.SUCCEEDED)
    third = saga.place("lua", 1)
    saga.tell(third, S.AUTHORIZED)
    assert saga.now(third).status is OrderStatus.SOLD_OUT


def test_every_event_twice_has_one_effect(saga):
    order = saga.place()
    for _ in range(2):
        saga.tell(order, S.AUTHORIZED)
    assert saga.work() == (["capture"], 0)
    for _ in range(2):
        saga.tell(order, S.AUTHORIZED)
        saga.gateway.states = dict.fromkeys(saga.gateway.states, S.AUTHORIZED)
        assert saga.work() == ([], 0)
    for _ in range(2):
        saga.tell(order, S.SUCCEEDED)
    repeated = [event.event_id for event in saga.seen]
    assert len(set(repeated)) == 5
    assert saga.now(order).status is OrderStatus.CONFIRMED
    with sqlite3.connect(saga.database) as connection:
        rows = connection.execute("SELECT quantity, state FROM shop_reservations").fetchall()
    connection.close()
    assert rows == [(2, "reserved")]


def test_a_crash_between_hold_and_capture_captures_once(saga):
    order = saga.place()
    saga.tell(order, S.AUTHORIZED)
    saga.crash()
    assert saga.work() == (["capture"], 0)
    saga.crash()
    assert saga.work() == ([], 0)


def test_a_crash_after_the_capture_was_sent_asks_before_it_repeats(saga):
    order = saga.place()
    held = saga.tell(order, S.AUTHORIZED)
    saga.gateway.faults = [KeyboardInterrupt()]  # between the call and the mark
    with pytest.raises(KeyboardInterrupt):
        saga.work()
    saga.gateway.states[held.payment_id] = S.SUCCEEDED
    saga.crash()
    assert saga.work() == ([], 0)


def test_silence_is_tried_again_and_a_refusal_is_not(saga, caplog):
    order = saga.place()
    saga.tell(order, S.AUTHORIZED)
    saga.gateway.faults = [
        OutcomeUnknown("silence"),
        ProviderUnavailable("maintenance", provider="stripe"),
        Declined("too late", reason="card_declined", provider="stripe"),
    ]
    assert saga.work() == (["capture"], 1)
    assert saga.work() == (["capture"], 1)
    assert saga.work() == (["capture"], 0)
    assert saga.work() == ([], 0)
    assert "was refused" in caplog.messages[-1]


def test_the_task_does_what_an_earlier_run_left_and_what_comes(saga):
    first = saga.place()
    saga.tell(first, S.AUTHORIZED)
    saga.gateway.calls.clear()

    async def main():
        working = asyncio.create_task(saga.worker.work_forever())
        await asyncio.sleep(0.01)
        assert [deed for deed, _ in saga.gateway.calls] == ["capture"]
        saga.tell(saga.place("lua", 2), S.AUTHORIZED)
        await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(main())
    assert [deed for deed, _ in saga.gateway.calls] == ["capture", "void"]


def test_the_capture_is_told_of_before_the_hold(saga):
    order = saga.place()
    saga.tell(order, S.SUCCEEDED)
    assert saga.told() == ["OrderPlaced", "OrderConfirmed", "OrderShipped"]
    saga.tell(order, S.AUTHORIZED)
    assert saga.told() == []
    assert saga.now(order).status is OrderStatus.CONFIRMED


def test_news_of_the_goods_for_another_payment_or_state_changes_nothing(saga):
    order = saga.place()
    out = OutOfStock(event_id="e", order_id=order.order_id, occurred_at=START, payment_id="pay_9")
    saga.bus.publish(out)
    assert saga.now(order) == order
    saga.tell(order, S.AUTHORIZED)
    saga.bus.publish(out)
    assert saga.now(order).status is OrderStatus.AUTHORIZED
    saga.bus.publish(attrs.evolve(out, order_id="TN9"))


def test_a_second_hold_of_an_order_is_released(saga):
    order = saga.place()
    saga.tell(order, S.FAILED, reason="insufficient_funds")
    second = saga.orders.pay_again(saga.now(order), provider="stripe", card="pm_2…7890")
    assert (second.card, second.reason) == ("pm_2…7890", None)
    saga.tell(second, S.AUTHORIZED)
    saga.told()
    # The first card was held after all.
    saga.tell(order, S.AUTHORIZED)
    assert saga.told() == ["HoldNotNeeded"]
    assert saga.now(order).payment_id.endswith("_2")
    assert saga.work() == (["capture", "void"], 0)


def test_a_late_hold_of_an_attempt_that_was_given_up_is_released(saga):
    order = saga.place()
    saga.orders.payment_not_started(order.order_id, reference="another")
    assert saga.now(order).status is OrderStatus.PENDING
    saga.orders.payment_not_started(order.order_id, reference=order.reference)
    saga.orders.payment_not_started("TN9", reference=order.reference)
    view = order_view(saga.now(order), provider_title="Stripe")
    assert view["headline"] == "Stripe cannot be reached just now"
    again = saga.orders.pay_again(saga.now(order), provider="stripe", card="pm_2…7890")
    saga.told()
    saga.tell(order, S.AUTHORIZED)
    assert saga.told() == ["HoldNotNeeded"]
    assert saga.now(order) == again
    assert saga.work() == (["void"], 0)


def test_after_a_crash_the_customer_may_try_again(saga):
    lost, asked = saga.place(), saga.place()
    other = saga.orders.place(PRODUCTS["sen"], quantity=1, customer="Minh", provider="momo")
    saga.orders.payment_started(asked.order_id, reference=asked.reference, payment_id="pay_1")
    saga.orders.give_up_lost_attempts()
    statuses = [saga.now(order).status for order in (lost, asked, other)]
    assert statuses == [OrderStatus.PAYMENT_FAILED, OrderStatus.PENDING, OrderStatus.PENDING]


def test_a_hold_that_was_thought_lost_goes_on_when_nobody_tried_again(saga):
    order = saga.place()
    saga.orders.payment_not_started(order.order_id, reference=order.reference)
    saga.tell(order, S.AUTHORIZED)
    assert saga.now(order).status is OrderStatus.AUTHORIZED
    assert saga.now(order).problem is None


def test_a_hold_for_an_order_that_another_attempt_paid_is_released(saga):
    order = saga.place()
    saga.tell(order, S.FAILED)
    second = saga.orders.pay_again(saga.now(order), provider="stripe", card="pm_2…7890")
    saga.tell(order, S.SUCCEEDED)
    saga.told()
    saga.tell(second, S.AUTHORIZED)
    assert saga.told() == ["HoldNotNeeded"]
    assert saga.work() == (["void"], 0)


@pytest.mark.parametrize("when", [S.CANCELED, None])
def test_money_for_what_is_sold_out_is_for_a_person(saga, when):
    order = saga.place("lua", 2)
    saga.tell(order, S.AUTHORIZED)
    if when:
        saga.tell(order, when)
    saga.told()
    saga.tell(order, S.SUCCEEDED)
    assert saga.told() == ["OrderHeld"]
    assert saga.now(order).status is OrderStatus.HELD


def test_a_canceled_order_stays_canceled(saga):
    order = saga.place("lua", 2)
    saga.tell(order, S.AUTHORIZED)
    saga.tell(order, S.CANCELED)
    canceled = saga.now(order)
    saga.told()
    saga.tell(order, S.EXPIRED)
    saga.tell(order, S.REFUNDED)
    assert saga.now(order) == canceled
    assert saga.told() == []


@pytest.mark.parametrize(("quantity", "reason"), [(1, "capture_failed"), (2, "void_failed")])
def test_a_capture_or_a_void_that_is_refused_later_is_for_a_person(saga, quantity, reason):
    order = saga.place("lua", quantity)
    saga.tell(order, S.AUTHORIZED)
    saga.told()
    saga.tell(order, S.AUTHORIZED, event_id="again")
    assert saga.told() == []
    saga.tell(order, S.AUTHORIZED, event_id="later", reason=reason)
    assert saga.told() == ["OrderHeld"]


@pytest.mark.parametrize(
    ("reason", "why", "what"),
    [
        ("insufficient_funds", "There is not enough money on this card.", "try again"),
        ("expired_card", "This card has expired.", "Please use another card"),
        ("lost_or_stolen", "Your bank declined the card.", "Please use another card"),
        ("fraud_suspected", "Your bank declined the card.", "Please use another card"),
        (None, "Your bank declined the card.", "Please use another card"),
        ("invalid_amount", "Your bank declined the card.", "Please pay in another way."),
    ],
)
def test_a_decline_says_what_to_try_and_never_what_must_not_be_told(saga, reason, why, what):
    order = saga.place()
    saga.tell(order, S.FAILED, reason=reason)
    view = order_view(saga.now(order), provider_title="Stripe")
    assert view["headline"] == "Your card was declined"
    assert view["message"].startswith(f"{why} Nothing was charged, and your order is kept. ")
    assert what in view["message"]


def test_a_database_from_before_there_were_cards(saga, tmp_path):
    old = tmp_path / "old.db"
    with sqlite3.connect(old) as connection:
        connection.execute(
            "CREATE TABLE shop_orders (order_id TEXT PRIMARY KEY, slug TEXT NOT NULL, quantity "
            "INTEGER NOT NULL, customer TEXT NOT NULL, total INTEGER NOT NULL, currency TEXT NOT "
            "NULL, provider TEXT NOT NULL, placed_at TEXT NOT NULL, status TEXT NOT NULL, attempt "
            "INTEGER NOT NULL, payment_id TEXT, problem TEXT, tracking TEXT)"
        )
        connection.execute(
            "INSERT INTO shop_orders VALUES ('TN1', 'sen', 1, 'Lan', 320000, 'VND', 'momo', ?, "
            "'CONFIRMED', 1, 'pay_1', NULL, 'VN1')",
            (START.isoformat(),),
        )
    connection.close()
    store = OrderStore(old)
    found = store.load("TN1")
    assert (found.tracking, found.card, found.reason) == ("VN1", None, None)
    store.save(attrs.evolve(found, card="pm_1…7890"))
    assert store.load("TN1").card == "pm_1…7890"
    store.close()
    OrderStore(old).close()


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        (" pm_1QxyzABCDEFGH ", "pm_1QxyzABCDEFGH"),
        ("", ""),
        ("4242 4242 4242 4242", ""),
        ("card=4242-4242-4242-4242", ""),
        ("x" * 10_001, ""),
        ("pm_\x00", ""),
    ],
)
def test_only_a_token_is_taken_for_one(sent, token):
    assert checkout.read_token({"card_token": sent}) == token


def test_a_token_is_shown_only_in_part():
    assert checkout.mask("pm_1QxyzABCDEFGHIJKLMNOP") == "pm_1…MNOP"
    assert checkout.mask("pm_short") == "…"
    assert checkout.mask('{"type":"scheme","encryptedCardNumber":"abc"}') == "encrypted"
