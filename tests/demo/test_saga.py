"""The three parties without any HTTP: what each makes of the others' events."""

import logging

import attrs
import pytest

from paykit.demo.bus import Bus
from paykit.demo.catalog import PRODUCTS
from paykit.demo.feed import Feed
from paykit.demo.messages import OrderConfirmed, OrderEvent, OrderPlaced, OrderShipped
from paykit.demo.order import OrderStatus
from paykit.demo.order_store import OrderStore
from paykit.demo.orders import OrderClosedError, OrderService
from paykit.demo.shipping import ShippingService
from paykit.demo.views import order_view
from paykit.errors import StoreUnavailable
from paykit.events import PaymentProcessed
from paykit.models import Discrepancy, PaymentStatus
from paykit.money import Money

from .conftest import START, ids

S = PaymentStatus


@attrs.define
class Saga:
    orders: OrderService
    store: OrderStore
    shipping: ShippingService
    bus: Bus
    seen: list

    def place(self):
        return self.orders.place(PRODUCTS["phin"], quantity=2, customer="Minh", provider="vnpay")

    def pay(self, order, status, **changes):
        """The payment service's event about the order's present attempt."""
        event = PaymentProcessed(
            **{
                "event_id": f"{order.reference}-{status}",
                "provider": "vnpay",
                "reference": order.reference,
                "status": status,
                "amount": order.total,
                "occurred_at": START,
                "order_id": order.order_id,
                "payment_id": f"pay_{order.attempt}",
                **changes,
            }
        )
        self.bus.publish(event)
        return event

    def told(self):
        """The names of the shop's own events since the last look."""
        names = [type(event).__name__ for event in self.seen]
        self.seen.clear()
        return names


@pytest.fixture
def saga(tmp_path):
    bus, seen, new_id = Bus(), [], ids()
    bus.subscribe(OrderEvent, seen.append)
    store = OrderStore(tmp_path / "demo.db")
    orders = OrderService(store, bus, clock=lambda: START, new_id=new_id)
    shipping = ShippingService(tmp_path / "demo.db", bus, clock=lambda: START, new_id=new_id)
    yield Saga(orders, store, shipping, bus, seen)
    shipping.close()
    store.close()


def test_money_leads_to_a_parcel(saga):
    order = saga.place()
    paid = saga.pay(order, S.SUCCEEDED)
    assert saga.seen == [
        OrderPlaced(event_id="TN000001XXXXXX.placed", order_id="TN000001XXXXXX", occurred_at=START),
        OrderConfirmed(
            event_id=f"{paid.event_id}.OrderConfirmed",
            order_id="TN000001XXXXXX",
            occurred_at=START,
            payment_id="pay_1",
        ),
        OrderShipped(
            event_id="TN000001XXXXXX.shipped",
            order_id="TN000001XXXXXX",
            occurred_at=START,
            tracking="VN000002XX",
        ),
    ]
    assert saga.orders.get(order.order_id) == attrs.evolve(
        order, status=OrderStatus.CONFIRMED, payment_id="pay_1", tracking="VN000002XX"
    )
    assert saga.seen[1].to_json() == {
        "event_id": "TN000001XXXXXX-1-succeeded.OrderConfirmed",
        "order_id": "TN000001XXXXXX",
        "occurred_at": "2026-03-01T09:00:00Z",
        "payment_id": "pay_1",
    }


def test_the_same_event_again_sends_no_second_parcel(saga):
    order = saga.place()
    saga.pay(order, S.SUCCEEDED)
    settled, told = saga.orders.get(order.order_id), list(saga.seen)
    saga.pay(order, S.SUCCEEDED)
    assert saga.orders.get(order.order_id) == settled
    # What follows from it is told again, under the same ids and with the same parcel.
    assert saga.seen == [*told, *told[1:]]


def test_a_crash_between_commit_and_announcement_is_made_good(saga):
    order = saga.place()

    class CrashError(Exception):
        pass

    crashes = [CrashError]

    def crash(_event):
        if crashes:
            raise crashes.pop()

    saga.bus._handlers.insert(0, (OrderConfirmed, crash))
    with pytest.raises(CrashError):
        saga.pay(order, S.SUCCEEDED)
    packing = saga.orders.get(order.order_id)
    assert order_view(packing, provider_title="VNPay") == {
        "order_id": order.order_id,
        "status": "CONFIRMED",
        "payment_id": "pay_1",
        "tracking": None,
        "headline": "Your order is confirmed",
        "message": "Thank you, Minh. We are packing it now.",
        "steps": {"placed": "done", "paid": "done", "confirmed": "done", "shipped": "now"},
        "done": False,
    }
    # The payment service did not see its event taken, so it brings it again.
    saga.pay(order, S.SUCCEEDED)
    assert saga.orders.get(order.order_id).tracking == "VN000002XX"


def test_a_failure_inside_the_transaction_leaves_no_mark(saga):
    order = saga.place()
    saga.store._connection.execute("ALTER TABLE shop_handled_events RENAME TO elsewhere")
    with pytest.raises(Exception, match="no such table"):
        saga.pay(order, S.SUCCEEDED)
    assert saga.orders.get(order.order_id) == order
    saga.store._connection.execute("ALTER TABLE elsewhere RENAME TO shop_handled_events")
    saga.pay(order, S.SUCCEEDED)
    assert saga.orders.get(order.order_id).status is OrderStatus.CONFIRMED


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELED, S.EXPIRED])
def test_a_failure_leaves_the_order_open(saga, status):
    order = saga.place()
    saga.pay(order, status)
    assert saga.told() == ["OrderPlaced", "OrderPaymentFailed"]
    failed = saga.orders.get(order.order_id)
    assert (failed.status, failed.problem, failed.open) == (
        OrderStatus.PAYMENT_FAILED,
        status.value,
        True,
    )
    again = saga.orders.pay_again(failed, provider="momo")
    assert again == attrs.evolve(order, attempt=2, provider="momo")
    assert again.reference == "TN000001XXXXXX-2"
    assert saga.orders.get(order.order_id) == again


def test_a_late_success_of_a_failed_payment_confirms(saga):
    order = saga.place()
    saga.pay(order, S.EXPIRED)
    saga.pay(order, S.SUCCEEDED)
    assert saga.orders.get(order.order_id).status is OrderStatus.CONFIRMED


def test_a_late_failure_of_an_earlier_attempt_is_no_news(saga):
    order = saga.place()
    saga.pay(order, S.CANCELED)
    second = saga.orders.pay_again(saga.orders.get(order.order_id), provider="momo")
    saga.pay(order, S.FAILED)
    assert saga.orders.get(order.order_id) == second


def test_both_attempts_paid_asks_for_one_to_be_given_back(saga):
    order = saga.place()
    saga.pay(order, S.EXPIRED)
    second = saga.orders.pay_again(saga.orders.get(order.order_id), provider="momo")
    saga.pay(second, S.SUCCEEDED)
    saga.told()
    saga.pay(order, S.SUCCEEDED)
    assert saga.told() == ["OrderPaidTwice"]
    assert saga.orders.get(order.order_id).payment_id == "pay_2"


def test_more_money_for_one_attempt_asks_for_it_to_be_given_back(saga):
    order = saga.place()
    saga.pay(order, S.SUCCEEDED)
    saga.told()
    twice = Discrepancy.DUPLICATE_PAYMENT
    saga.pay(order, S.SUCCEEDED, event_id="second transfer", discrepancy=twice)
    assert saga.told() == ["OrderPaidTwice"]
    saga.pay(order, S.SUCCEEDED, event_id="a second part of the capture")
    assert saga.told() == []


@pytest.mark.parametrize(("came", "told"), [(None, []), (Money(1, "VND"), ["OrderPaidTwice"])])
def test_money_that_comes_late_for_an_earlier_attempt_is_given_back(saga, came, told):
    order = saga.place()
    saga.pay(order, S.EXPIRED)
    second = saga.orders.pay_again(saga.orders.get(order.order_id), provider="momo")
    saga.pay(second, S.SUCCEEDED)
    confirmed = saga.orders.get(order.order_id)
    saga.told()
    saga.pay(order, S.NEEDS_REVIEW, discrepancy=Discrepancy.LATE, captured=came)
    assert saga.told() == told
    assert saga.orders.get(order.order_id) == confirmed


def test_a_contradiction_holds_the_order_until_the_money_is_right(saga):
    order = saga.place()
    saga.pay(order, S.NEEDS_REVIEW, amount=Money(1, "VND"))
    held = saga.orders.get(order.order_id)
    assert held.status is OrderStatus.HELD
    with pytest.raises(OrderClosedError):
        saga.orders.pay_again(held, provider="vnpay")
    saga.pay(order, S.CANCELED)
    assert saga.orders.get(order.order_id) == held
    saga.pay(order, S.SUCCEEDED)
    assert saga.told() == ["OrderPlaced", "OrderHeld", "OrderConfirmed", "OrderShipped"]


@pytest.mark.parametrize(
    "status",
    sorted(set(S) - {S.AUTHORIZED, S.SUCCEEDED, S.FAILED, S.CANCELED, S.EXPIRED, S.NEEDS_REVIEW}),
)
def test_any_other_status_is_never_success(saga, status):
    order = saga.place()
    saga.pay(order, status)
    assert saga.orders.get(order.order_id) == order
    assert saga.told() == ["OrderPlaced"]


@pytest.mark.parametrize("status", [S.FAILED, S.NEEDS_REVIEW, S.REFUNDED])
def test_nothing_takes_a_confirmed_order_back(saga, status):
    order = saga.place()
    saga.pay(order, S.SUCCEEDED)
    confirmed = saga.orders.get(order.order_id)
    saga.pay(order, status)
    assert saga.orders.get(order.order_id) == confirmed


def test_a_payment_for_nothing_of_ours_is_logged(saga, caplog):
    order = saga.place()
    with caplog.at_level(logging.WARNING, logger="paykit.demo"):
        saga.pay(order, S.SUCCEEDED, order_id="TN9", event_id="e9")
        saga.pay(order, S.SUCCEEDED, order_id=None, event_id="e10")
    assert caplog.messages == [
        "event e9 is about no order of this shop",
        "event e10 is about no order of this shop",
    ]
    assert saga.orders.get(order.order_id) == order


def test_a_parcel_of_nothing_of_ours_is_ignored(saga):
    order = saga.place()
    event = OrderShipped(event_id="e", order_id="TN9", occurred_at=START, tracking="VN1")
    saga.bus.publish(event)
    assert saga.orders.get(order.order_id) == order


def test_a_payment_that_started_is_shown_unless_the_order_moved_on(saga):
    order = saga.place()
    saga.orders.payment_started(order.order_id, reference="TN000001XXXXXX-9", payment_id="pay_9")
    assert saga.orders.get(order.order_id).payment_id is None
    saga.orders.payment_started(order.order_id, reference=order.reference, payment_id="pay_1")
    assert saga.orders.get(order.order_id).payment_id == "pay_1"
    saga.pay(order, S.SUCCEEDED)
    saga.orders.payment_started(order.order_id, reference=order.reference, payment_id="pay_8")
    assert saga.orders.get(order.order_id).payment_id == "pay_1"


def test_the_feed_keeps_the_last_few_hundred():
    bus = Bus()
    feed = Feed(bus, clock=lambda: START)
    for number in range(305):
        bus.publish(OrderPlaced(event_id=f"e{number}", order_id="TN1", occurred_at=START))
    kept = list(feed)
    assert (len(kept), kept[0].number, kept[-1].number) == (300, 305, 6)
    assert feed.after(304) == kept[:1]


def test_a_database_that_cannot_be_opened_is_said_so(tmp_path):
    with pytest.raises(StoreUnavailable, match="unable to open"):
        OrderStore(tmp_path / "missing" / "demo.db")
