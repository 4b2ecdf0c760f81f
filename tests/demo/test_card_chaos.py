"""Customers, notices, crashes and lapsing holds in whatever order: nobody is charged wrongly."""

import random
import sqlite3
from collections import Counter

import attrs
import pytest

from paykit.demo.catalog import PRODUCTS
from paykit.demo.order import OrderStatus
from paykit.errors import OutcomeUnknown
from paykit.events import PaymentProcessed
from paykit.models import PaymentStatus

from .card_saga import open_saga
from .conftest import START

S = PaymentStatus


class CrashError(BaseException):
    """The worker's process dies."""


@attrs.define
class Town:
    """Several customers who want more than there is, and a gateway whose news come when they come.

    What became of each payment is in ``gateway.states``; ``waiting`` has, for each, the news of it
    that the shop has not heard yet.
    """

    saga: object
    chance: random.Random
    orders: list = attrs.field(factory=list)
    attempts: dict = attrs.field(factory=dict)  #: payment id: order id, reference, amount
    waiting: dict = attrs.field(factory=dict)
    heard: list = attrs.field(factory=list)
    takings: Counter = attrs.field(factory=Counter)

    def order(self):
        """Somebody buys, and the gateway holds, declines, or does not answer."""
        slug, quantity = self.chance.choice([("lua", 1), ("lua", 1), ("lua", 2), ("sen", 1)])
        order = self.saga.place(slug, quantity)
        self.orders.append(order.order_id)
        self.pay(order)

    def retry(self):
        """Somebody whose payment failed takes another card."""
        for order_id in self.orders:
            order = self.saga.orders.get(order_id)
            if order.status is OrderStatus.PAYMENT_FAILED:
                self.pay(self.saga.orders.pay_again(order, provider="stripe", card="pm_2…7890"))
                return

    def pay(self, order):
        payment_id = f"pay_{order.reference}"
        self.attempts[payment_id] = order
        outcome = self.chance.choice(["held", "held", "declined", "silent", "silent but held"])
        if outcome in {"held", "silent but held"}:
            self.now_is(payment_id, S.AUTHORIZED)
        if outcome == "declined":
            self.now_is(payment_id, S.FAILED)
        if outcome.startswith("silent"):
            self.saga.orders.payment_not_started(order.order_id, reference=order.reference)

    def now_is(self, payment_id, status):
        self.saga.gateway.states[payment_id] = status
        self.waiting.setdefault(payment_id, []).append(status)
        if status is S.SUCCEEDED:
            self.takings[payment_id] += 1

    def lapse(self):
        """A bank takes back a hold that nobody has captured."""
        held = [name for name, state in self.saga.gateway.states.items() if state is S.AUTHORIZED]
        if held:
            self.now_is(self.chance.choice(held), S.EXPIRED)

    def hear(self):
        """The next news of some payment; of one payment they come in order."""
        told = [payment_id for payment_id, news in self.waiting.items() if news]
        if told:
            payment_id = self.chance.choice(told)
            event = (payment_id, self.waiting[payment_id].pop(0))
            self.heard.append(event)
            self.publish(*event)

    def hear_again(self):
        """Something that was heard before, however old."""
        if self.heard:
            self.publish(*self.chance.choice(self.heard))

    def publish(self, payment_id, status):
        order = self.attempts[payment_id]
        self.saga.bus.publish(
            PaymentProcessed(
                event_id=f"{payment_id}-{status}",
                provider="stripe",
                reference=order.reference,
                status=status,
                amount=order.total,
                occurred_at=START,
                order_id=order.order_id,
                payment_id=payment_id,
            )
        )

    def work(self):
        """The worker does what is noted, or dies at it and starts again."""
        try:
            self.saga.work()
        except CrashError:
            self.saga.crash()

    async def capture(self, payment_id):
        self.act(payment_id, S.SUCCEEDED)

    async def void(self, payment_id):
        self.act(payment_id, S.CANCELED)

    def act(self, payment_id, status):
        fate = self.chance.choice(
            ["done", "done", "lost", "unheard", "crash before", "crash after"]
        )
        if fate == "lost":
            raise OutcomeUnknown("silence")
        if fate == "crash before":
            raise CrashError
        self.now_is(payment_id, status)
        if fate == "unheard":
            raise OutcomeUnknown("silence")
        if fate == "crash after":
            raise CrashError

    def settle(self):
        """Until nothing more happens by itself."""
        for _round in range(40):
            while any(self.waiting.values()):
                self.hear()
            self.work()


@pytest.mark.parametrize("seed", range(40))
def test_nobody_is_charged_wrongly(tmp_path, seed):
    with open_saga(tmp_path / "demo.db") as saga:
        town = Town(saga, random.Random(seed))
        saga.gateway.capture, saga.gateway.void = town.capture, town.void
        steps = [town.order, town.retry, town.lapse, *[town.hear, town.work] * 3, town.hear_again]
        for _step in range(40):
            town.chance.choice(steps)()
        town.settle()

        charged = Counter()
        for payment_id, times in town.takings.items():
            assert times == 1, "one hold is taken once"
            charged[town.attempts[payment_id].order_id] += 1
        sold = Counter()
        for order_id in town.orders:
            order = saga.orders.get(order_id)
            assert charged[order_id] == (order.status is OrderStatus.CONFIRMED), order
            assert order.status not in {OrderStatus.AUTHORIZED, OrderStatus.SOLD_OUT}, order
            sold[order.slug] += order.quantity * charged[order_id]
        assert all(sold[slug] <= PRODUCTS[slug].stock for slug in sold)
        assert S.AUTHORIZED not in saga.gateway.states.values(), "nothing stays held"
    with sqlite3.connect(tmp_path / "demo.db") as connection:
        (parcels,) = connection.execute("SELECT count(*) FROM shop_parcels").fetchone()
    connection.close()
    assert parcels == charged.total()
