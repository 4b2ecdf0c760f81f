"""The saga as processes on a Kafka cluster: every kind of order, each event twice, a power cut."""

import asyncio
import json
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("confluent_kafka")
pytest.importorskip("faststream")

from examples.saga.brokers import connect
from examples.saga.customers import CUSTOMERS, VISA, Customer
from examples.saga.messages import from_cloudevent
from examples.saga.order import PRICES
from examples.saga.processes import SERVICES, Shop
from examples.saga.settings import Settings
from examples.saga.story import Story

from paykit import PaymentProcessed

from ..demo.running import environment
from ..interop.npm import install
from ..support.kafka import mock_cluster
from .saga_log import doubled, everything, servers, wait_until_handled

PATIENCE = 90
NODE = Path(__file__).parents[2] / "examples" / "saga" / "node"
#: What is said about an order of each kind, whoever says it. Payments are named by their status.
SAID = {
    "paid by card": "authorized OrderAuthorized StockReserved succeeded OrderConfirmed "
    "OrderShipped CustomerNotified CustomerNotified",
    "card, sold out": "authorized OrderAuthorized OutOfStock canceled OrderCanceled "
    "CustomerNotified",
    "card declined": "failed OrderCanceled CustomerNotified",
    "stored card": "succeeded OrderAuthorized StockReserved OrderConfirmed OrderShipped "
    "CustomerNotified CustomerNotified",
    "stored card, sold out": "succeeded OrderAuthorized OutOfStock refunded OrderCanceled "
    "CustomerNotified CustomerNotified",
    "paid by MoMo": "PaymentStarted CustomerNotified succeeded OrderAuthorized StockReserved "
    "OrderConfirmed OrderShipped CustomerNotified CustomerNotified",
    "MoMo, sold out": "PaymentStarted CustomerNotified succeeded OrderAuthorized OutOfStock "
    "refunded OrderCanceled CustomerNotified CustomerNotified",
    "MoMo refused": "PaymentStarted CustomerNotified canceled OrderCanceled CustomerNotified",
    "card that is not to be charged in the end": "authorized OrderAuthorized StockReserved "
    "authorized PaymentNotNeeded OrderCanceled canceled CustomerNotified",
    "MoMo, paid too late": "PaymentStarted CustomerNotified OrderCanceled CustomerNotified "
    "succeeded PaymentNotNeeded refunded CustomerNotified",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        with mock_cluster() as cluster:
            cluster.join_delay(0)
            broker = f"kafka://{cluster.bootstrap}?session_timeout_ms=2000"
            settings = Settings(broker=broker, folder=tmp_path_factory.mktemp("saga"))
            with Shop(settings) as running:
                yield running


@pytest.fixture(scope="module")
def customers():
    return {f"A-{number}": customer for number, customer in enumerate(CUSTOMERS)}


@pytest.fixture(scope="module")
def story(shop, customers):
    """The story of the customers, told while every event comes twice."""
    told = Story(customers, quiet=True)
    with doubled(shop.settings) as ids:
        tell(shop, told)
        wait_until_handled(shop.settings)
        assert ids >= set(told.heard)
    return told


def tell(shop, story):
    async def run():
        bus = connect(shop.settings)
        try:
            return await story.tell(bus, patience=PATIENCE)
        finally:
            await bus.stop()

    assert asyncio.run(run()), f"\n{story.table()}"


def rows(shop, service, query):
    with closing(sqlite3.connect(shop.settings.folder / f"{service}.db")) as database:
        return database.execute(query).fetchall()


def test_every_order_comes_to_its_end(story, customers):
    ends = {name: (one.order, one.payment) for name, one in story.chapters.items()}
    assert ends == {name: (one.order, one.payment) for name, one in customers.items()}


def test_every_event_is_said_once(story, shop):
    """The copies are those of the doubler: nobody said anything more because of them."""
    log = everything(shop.settings)
    assert set(Counter(message["id"] for message in log).values()) == {2}
    assert said(log, story.chapters) == expected(story.chapters)


def said(log, chapters):
    """The kinds of events of each order, each event once."""
    kinds = {name: [] for name in chapters}
    for event in {message["id"]: from_cloudevent(message) for message in log}.values():
        if event.order_id in kinds:
            paid = isinstance(event, PaymentProcessed)
            kinds[event.order_id].append(str(event.status) if paid else type(event).__name__)
    return {name: sorted(found) for name, found in kinds.items()}


def expected(chapters):
    return {
        name: sorted(["CheckoutSubmitted", "OrderPlaced", *SAID[one.customer.about].split()])
        for name, one in chapters.items()
    }


def test_every_effect_is_one(story, shop):
    check_effects(shop, story)


def check_effects(shop, story):
    """A parcel and the goods of each order that is shipped; letters to all; the right money."""
    ours = tuple(story.chapters)
    shipped = {name: one for name, one in story.chapters.items() if one.customer.order == "shipped"}
    parcels = [row for row in rows(shop, "shipping", "SELECT * FROM parcels") if row[0] in ours]
    assert sorted(parcels) == [
        (name, one.customer.product, 1, one.parcels[0]) for name, one in sorted(shipped.items())
    ]
    goods = dict(rows(shop, "stock", "SELECT order_id, state FROM reservations"))
    assert {name for name in ours if goods.get(name) == "reserved"} == set(shipped)
    mails = list(rows(shop, "notification", "SELECT order_id, text FROM mails"))
    assert Counter(mail for mail in mails if mail[0] in ours) == Counter(
        (name, text) for name, one in story.chapters.items() for text in one.mails
    )
    sold = {name: PRICES[one.customer.product].minor for name, one in shipped.items()}
    assert {name: left for name, left in money(shop).items() if name in ours and left} == sold


def money(shop):
    """What the providers have taken for each order and not given back."""
    with urllib.request.urlopen(f"{shop.settings.sandbox}/_sandbox/payments") as answer:
        payments = json.load(answer)["payments"]
    assert len({one["reference"] for one in payments}) == len(payments)
    return {
        one["reference"]: one["amount"] - one["refunded"]
        for one in payments
        if one["status"] in {"succeeded", "0 Successful."}
    }


def test_a_consumer_in_javascript(story, shop):
    """It reads the same events, twice each, and books the same money."""
    events = list(map(from_cloudevent, story.heard.values()))
    payments = [event for event in events if isinstance(event, PaymentProcessed)]
    with accounting(shop.settings) as lines:
        until = time.monotonic() + PATIENCE
        while len(lines) < len(payments) and time.monotonic() < until:
            time.sleep(0.05)
    assert len(lines) == len(payments)
    booked = {line[0]: line[1:3] for line in lines}
    assert booked == {
        name: [one.payment, str(PRICES["tea"].minor if one.order == "shipped" else 0)]
        for name, one in story.chapters.items()
    }


@contextmanager
def accounting(settings):
    """The consumer in JavaScript, and the words of the lines that it prints."""
    install("kafkajs", NODE)
    process = subprocess.Popen(
        ["node", "consumer.js", servers(settings), f"{settings.prefix}.payments"],
        cwd=NODE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(map(str.split, process.stdout)))
    reader.start()
    try:
        yield lines
    finally:
        process.terminate()
        reader.join()
        process.stdout.close()
    assert process.wait(PATIENCE) == 0


def test_a_capture_that_is_refused(shop):
    """The goods go back on the shelf, and what is held is released."""
    about = "card that is not to be charged in the end"
    customer = Customer(about=about, token=VISA, order="canceled", payment="canceled")
    fault = urllib.request.Request(
        f"{shop.settings.sandbox}/_sandbox/faults", json.dumps({"fail_next_capture": 1}).encode()
    )
    urllib.request.urlopen(fault).close()
    story = Story({"C-0": customer}, quiet=True)
    tell(shop, story)
    wait_until_handled(shop.settings)
    assert said(everything(shop.settings), story.chapters) == expected(story.chapters)
    check_effects(shop, story)


class PowerCut(Story):
    """All services die as soon as the first goods are set aside, and are started again."""

    def __init__(self, shop, customers):
        super().__init__(customers, quiet=True)
        self.shop = shop
        self.open = None

    async def hear(self, message):
        await super().hear(message)
        if self.open is None and "StockReserved" in message["type"]:
            self.open = sum(not chapter.ended for chapter in self.chapters.values())
            await asyncio.to_thread(self.shop.kill, *SERVICES)
            await asyncio.to_thread(self.shop.start, *SERVICES)


def test_killed_in_the_middle(shop):
    """``kill -9`` of every service: all orders come to their ends, and nothing is done twice."""
    customers = {f"B-{number}": customer for number, customer in enumerate(CUSTOMERS * 3)}
    story = PowerCut(shop, customers)
    tell(shop, story)
    assert story.open > len(CUSTOMERS)
    wait_until_handled(shop.settings)
    assert said(everything(shop.settings), story.chapters) == expected(story.chapters)
    check_effects(shop, story)
