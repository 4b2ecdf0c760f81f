"""The parties of an order by card, with a gateway that only keeps states."""

import asyncio
from contextlib import contextmanager

import attrs

from paykit.demo.bus import Bus
from paykit.demo.catalog import PRODUCTS
from paykit.demo.messages import OrderEvent
from paykit.demo.order_store import OrderStore
from paykit.demo.orders import OrderService
from paykit.demo.shipping import ShippingService
from paykit.demo.stock import StockService
from paykit.demo.worker import PaymentWorker
from paykit.events import PaymentProcessed
from paykit.models import PaymentStatus
from paykit.service import PaymentRecord

from .conftest import START, ids

S = PaymentStatus


class Gateway:
    """The payment service as the worker sees it: what is held, and what was done to it."""

    def __init__(self):
        self.states = {}
        self.calls = []
        self.faults = []

    async def status(self, payment_id):
        state = self.states.get(payment_id)
        return None if state is None else _record(payment_id, state)

    async def capture(self, payment_id):
        await self._do("capture", payment_id, S.SUCCEEDED)

    async def void(self, payment_id):
        await self._do("void", payment_id, S.CANCELED)

    async def _do(self, deed, payment_id, after):
        self.calls.append((deed, payment_id))
        if self.faults:
            raise self.faults.pop(0)
        self.states[payment_id] = after


def _record(payment_id, status):
    amount = PRODUCTS["sen"].price
    return PaymentRecord(
        payment_id=payment_id,
        order_id="",
        provider="stripe",
        account="default",
        reference="",
        amount=amount,
        status=status,
        captured=amount * 0,
        refunded=amount * 0,
        received=amount * 0,
        created_at=START,
        updated_at=START,
    )


@attrs.define
class Saga:
    database: object
    orders: OrderService
    bus: Bus
    gateway: Gateway
    seen: list
    new_worker: object
    worker: PaymentWorker = None

    def place(self, slug="sen", quantity=2):
        return self.orders.place(
            PRODUCTS[slug], quantity=quantity, customer="Lan", provider="stripe", card="pm_1…7890"
        )

    def tell(self, order, status, **changes):
        event = PaymentProcessed(
            **{
                "event_id": f"{order.reference}-{status}",
                "provider": "stripe",
                "reference": order.reference,
                "status": status,
                "amount": order.total,
                "occurred_at": START,
                "order_id": order.order_id,
                "payment_id": f"pay_{order.order_id}_{order.attempt}",
                **changes,
            }
        )
        self.gateway.states[event.payment_id] = status
        self.bus.publish(event)
        return event

    def work(self):
        """What the worker does now."""
        self.gateway.calls.clear()
        left = asyncio.run(self.worker.work())
        return [deed for deed, _ in self.gateway.calls], left

    def crash(self):
        """The worker's process dies; another one starts."""
        self.worker.close()
        self.bus._handlers = [
            one for one in self.bus._handlers if getattr(one[1], "__self__", None) != self.worker
        ]
        self.worker = self.new_worker()

    def told(self):
        names = [type(event).__name__ for event in self.seen]
        self.seen.clear()
        return names

    def now(self, order):
        return self.orders.get(order.order_id)


@contextmanager
def open_saga(database):
    bus, seen, new_id, gateway = Bus(), [], ids(), Gateway()
    bus.subscribe(OrderEvent, seen.append)
    store = OrderStore(database)
    orders = OrderService(store, bus, clock=lambda: START, new_id=new_id)
    shipping = ShippingService(database, bus, clock=lambda: START, new_id=new_id)
    stock = StockService(database, bus, clock=lambda: START)
    saga = Saga(
        database, orders, bus, gateway, seen, lambda: PaymentWorker(database, bus, service=gateway)
    )
    saga.worker = saga.new_worker()
    yield saga
    saga.worker.close()
    stock.close()
    shipping.close()
    store.close()
