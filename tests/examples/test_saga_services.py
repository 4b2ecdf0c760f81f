"""The saga's services one by one: what each makes of what it hears, in any order, through a crash."""

import asyncio
import json
from datetime import UTC, datetime

import attrs
import pytest

pytest.importorskip("faststream")

from examples.saga.brokers import Bus
from examples.saga.customers import CUSTOMERS
from examples.saga.messages import (
    CheckoutSubmitted,
    OrderAuthorized,
    OrderCanceled,
    OrderConfirmed,
    OrderShipped,
    OutOfStock,
    ShopEvent,
    StockReserved,
    from_cloudevent,
    to_cloudevent,
)
from examples.saga.order import Order, OrderService, decide
from examples.saga.settings import Settings
from examples.saga.shipping import ShippingService
from examples.saga.stock import StockService
from examples.saga.story import Story

from paykit import Money, PaymentProcessed, PaymentStatus

SOURCE = "//shop.example/test"


class Wire(Bus):
    """A broker that only takes, and that can be out of order."""

    def __init__(self):
        super().__init__("", "")
        self.said = []
        self.broken = False

    async def publish(self, topic, *, key, body):
        if self.broken:
            raise ConnectionError
        event = from_cloudevent(json.loads(body))
        assert key == event.order_id
        self.said.append((topic, event))

    class Broker:
        async def connect(self): ...

        async def start(self): ...

    async def payments(self): ...

    async def remove(self, reads): ...

    async def _make(self, topic): ...

    async def _subscribers(self, service, reads):
        return []


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def begin(tmp_path, wire):
    """A service, and the same once more after it died."""
    begun = []

    def one(kind):
        begun.append(kind(Settings(folder=tmp_path), wire))
        return begun[-1]

    yield one
    for service in begun:
        service.db.close()


def hear(service, *events):
    """What the service says because of these events, each of which comes twice."""

    async def run():
        for event in events:
            for _ in range(2):
                await service.receive(as_message(event))
        await service.relay()

    before = len(service.bus.said)
    asyncio.run(run())
    return [type(event).__name__ for _, event in service.bus.said[before:]]


def as_message(event):
    if isinstance(event, PaymentProcessed):
        return event.to_cloudevent(source=SOURCE)
    return to_cloudevent(event, source=SOURCE)


def checkout(order_id="A", product="tea", **changes):
    fields = {"quantity": 1, "pay_by": "card", "token": "tok", "pay_within": 60, **changes}
    return CheckoutSubmitted(event_id=f"{order_id}.c", order_id=order_id, product=product, **fields)


def payment(status, *, order_id="A", reason=None):
    return PaymentProcessed(
        event_id=f"{order_id}.{status}.{reason}",
        provider="stripe",
        reference=order_id,
        status=PaymentStatus(status),
        amount=Money(150_000, "VND"),
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
        payment_id="pay_1",
        order_id=order_id,
        reason=reason,
    )


def about_goods(kind, order_id="A"):
    return kind(event_id=f"{order_id}.{kind.__name__}", order_id=order_id, payment_id="pay_1")


RESERVED, OUT = about_goods(StockReserved), about_goods(OutOfStock)
AGREED = ["OrderPlaced", "OrderAuthorized", "OrderConfirmed"]
SOLD_OUT = ["OrderPlaced", "OrderAuthorized", "OrderCanceled"]


@pytest.mark.parametrize(
    ("heard", "said", "status"),
    [
        ([], ["OrderPlaced"], "placed"),
        ([payment("authorized")], AGREED[:2], "authorized"),
        ([payment("authorized"), RESERVED], AGREED[:2], "authorized"),
        ([payment("authorized"), RESERVED, payment("succeeded")], AGREED, "confirmed"),
        ([payment("authorized"), payment("succeeded"), RESERVED], AGREED, "confirmed"),
        ([payment("succeeded"), RESERVED], AGREED, "confirmed"),
        ([payment("authorized"), OUT, payment("canceled")], SOLD_OUT, "canceled"),
        ([payment("authorized"), payment("canceled"), OUT], SOLD_OUT, "canceled"),
        ([payment("succeeded"), OUT, payment("refunded")], SOLD_OUT, "canceled"),
        ([payment("succeeded"), payment("refunded"), OUT], SOLD_OUT, "canceled"),
        ([payment("failed")], ["OrderPlaced", "OrderCanceled"], "canceled"),
        (
            [payment("failed"), payment("succeeded")],
            ["OrderPlaced", "OrderCanceled", "PaymentNotNeeded"],
            "canceled",
        ),
        (
            [payment("authorized"), RESERVED, payment("authorized", reason="capture_failed")],
            ["OrderPlaced", "OrderAuthorized", "PaymentNotNeeded", "OrderCanceled"],
            "canceled",
        ),
        (
            [payment("authorized"), RESERVED, payment("expired")],
            SOLD_OUT,
            "canceled",
        ),
        ([payment("needs_review")], ["OrderPlaced", "OrderHeld"], "held"),
        ([payment("needs_review"), payment("succeeded")], ["OrderPlaced", "OrderHeld"], "held"),
        ([payment("unknown"), payment("disputed")], ["OrderPlaced"], "placed"),
        (
            [payment("failed"), payment("authorized", reason="void_failed")],
            ["OrderPlaced", "OrderCanceled"],
            "canceled",
        ),
    ],
)
def test_what_becomes_of_an_order(begin, heard, said, status):
    orders = begin(OrderService)
    assert hear(orders, checkout(), *heard) == said
    assert orders.load("A").status == status


def test_the_money_and_the_goods_decide():
    """The whole table, for an order that is neither over nor confirmed."""
    order = Order(order_id="A", product="tea", quantity=1, pay_by="card", pay_until=0)
    table = {}
    for money in ("open", "held", "paid", "none", "unclear"):
        for goods in ("open", "asked", "reserved", "out"):
            after, kind = decide(attrs.evolve(order, money=money, goods=goods))
            table[money, goods] = (after.status, kind.__name__ if kind else None)
    nothing = {key: value for key, value in table.items() if value == ("placed", None)}
    assert set(nothing) == {
        ("open", "open"), ("open", "asked"), ("open", "reserved"), ("open", "out"),
        ("held", "asked"), ("held", "reserved"), ("held", "out"),
        ("paid", "asked"), ("paid", "out"), ("none", "asked"),
    }  # fmt: skip
    assert {key: value for key, value in table.items() if key not in nothing} == {
        ("held", "open"): ("authorized", "OrderAuthorized"),
        ("paid", "open"): ("authorized", "OrderAuthorized"),
        ("paid", "reserved"): ("confirmed", "OrderConfirmed"),
        ("none", "open"): ("canceled", "OrderCanceled"),
        ("none", "reserved"): ("canceled", "OrderCanceled"),
        ("none", "out"): ("canceled", "OrderCanceled"),
        ("unclear", "open"): ("held", "OrderHeld"),
        ("unclear", "asked"): ("held", "OrderHeld"),
        ("unclear", "reserved"): ("held", "OrderHeld"),
        ("unclear", "out"): ("held", "OrderHeld"),
    }


def test_an_order_ends_with_its_parcel(begin):
    orders = begin(OrderService)
    hear(orders, checkout(), payment("succeeded"), RESERVED)
    shipped = OrderShipped(event_id="s", order_id="A", tracking="VN1")
    assert hear(orders, shipped, OUT, payment("failed")) == []
    order = orders.load("A")
    assert (order.status, order.tracking, order.payment_id) == ("shipped", "VN1", "pay_1")


def test_what_is_not_for_this_shop(begin):
    orders = begin(OrderService)
    assert hear(orders, payment("succeeded", order_id="Z"), about_goods(OutOfStock, "Z")) == []
    assert hear(orders, checkout(product="moon")) == []

    async def strange():
        for message in ({}, {"type": "x"}, {"type": "x", "data": {}}, {"data": []}):
            await orders.receive(message)

    asyncio.run(strange())
    assert orders.db.execute("SELECT count(*) FROM orders").fetchone()[0] == 0


def authorized(order_id, product="lamp"):
    return OrderAuthorized(
        event_id=f"{order_id}.a",
        order_id=order_id,
        payment_id="pay_1",
        product=product,
        quantity=1,
    )


def canceled(order_id):
    return OrderCanceled(event_id=f"{order_id}.x", order_id=order_id, reason="any")


def test_the_last_one_is_sold_once(begin):
    stock = begin(StockService)
    assert hear(stock, authorized("A"), authorized("B")) == ["StockReserved", "OutOfStock"]
    assert hear(stock, canceled("A"), canceled("B"), authorized("C")) == ["StockReserved"]
    assert hear(stock, authorized("D", product="moon")) == ["OutOfStock"]
    assert stock.left("lamp") == 0


def test_goods_of_a_canceled_order_are_not_set_aside(begin):
    """Also where the broker tells of it first."""
    stock = begin(StockService)
    assert hear(stock, canceled("A"), authorized("A")) == []
    assert stock.left("lamp") == 1


def confirmed(order_id="A"):
    return OrderConfirmed(event_id=f"{order_id}.k", order_id=order_id, product="tea", quantity=2)


def test_a_crash_before_the_commit_leaves_nothing(begin, wire, monkeypatch):
    """The event comes again, and has its effect once."""
    monkeypatch.setattr("examples.saga.party._PAUSE", 0)
    shipping = begin(ShippingService)
    full = shipping.say

    def crash(*events):
        full(*events)
        raise OSError("the disk is full")

    shipping.say = crash
    with pytest.raises(OSError, match="full"):
        asyncio.run(shipping.receive(as_message(confirmed())))
    for table in ("inbox", "outbox", "parcels"):
        assert shipping.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    again = begin(ShippingService)
    assert hear(again, confirmed()) == ["OrderShipped"]
    assert again.db.execute("SELECT count(*) FROM parcels").fetchone()[0] == 1


def test_what_cannot_be_read_is_not_acknowledged(begin, monkeypatch):
    """A known event without what it has to say is somebody's mistake; it waits for a better us."""
    monkeypatch.setattr("examples.saga.party._PAUSE", 0)
    message = as_message(confirmed())
    del message["data"]["product"]
    with pytest.raises(TypeError, match="product"):
        asyncio.run(begin(ShippingService).receive(message))


def test_a_crash_after_the_commit_loses_nothing(begin, wire):
    """What was to be said is said by whoever is started next, and once."""
    wire.broken = True
    shipping = begin(ShippingService)
    with pytest.raises(ConnectionError):
        hear(shipping, confirmed("A"), confirmed("B"))
    wire.broken = False
    again = begin(ShippingService)
    assert hear(again, confirmed("A"), confirmed("C")) == ["OrderShipped"] * 3
    assert [(topic, event.order_id) for topic, event in wire.said] == [
        ("shipping", "A"),
        ("shipping", "B"),
        ("shipping", "C"),
    ]
    assert hear(begin(ShippingService)) == []


def test_a_story_that_does_not_end(wire, capsys):
    """It says what is known, and that it is not what has to be."""
    story = Story({"A": CUSTOMERS[0], "B": CUSTOMERS[-1]})

    async def tell():
        assert not await story.tell(wire, patience=0)
        for event in (checkout("A"), payment("failed"), payment("failed"), confirmed("Z")):
            await story.hear(as_message(event))

    wire.broker = Wire.Broker()
    asyncio.run(tell())
    assert [event.order_id for _, event in wire.said] == ["A", "B"]
    assert [line.split() for line in story.table().splitlines()[1:]] == [
        "A paid by card placed failed - NOT YET".split(),
        "B MoMo, paid too late placed none - NOT YET".split(),
    ]
    # Of a payment it is told only what follows from something that was told.
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[2:] == "A test CheckoutSubmitted 1 tea, by card".split()


def test_what_a_newer_version_says_is_understood():
    message = as_message(confirmed())
    assert from_cloudevent({**message, "data": {**message["data"], "gift": True}}) == confirmed()
    kinds = ShopEvent.__subclasses__()
    assert len({as_type(kind) for kind in kinds}) == len(kinds)


def as_type(kind):
    fields = {field.name: "x" for field in attrs.fields(kind)}
    message = as_message(kind(**fields))
    assert from_cloudevent(json.loads(json.dumps(message))) == kind(**fields)
    return message["type"]


def test_settings_go_through_the_environment(monkeypatch, tmp_path):
    settings = Settings(broker="nats://x", folder=tmp_path, payments_port=81, sandbox="http://y")
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings.from_environment() == settings
