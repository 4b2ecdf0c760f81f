"""What real brokers do to a relay: refusals, slowness, no place to put it, errors that pass."""

import asyncio
import contextlib
import json
import threading
import time
from datetime import timedelta

import pytest

from paykit import BrokerUnavailable
from paykit.publishing import (
    KafkaPublisher,
    NatsPublisher,
    RabbitPublisher,
    RedisPublisher,
    publisher_from_url,
)
from paykit.service import PaymentService, RelaySettings

from ...support.kafka import Code, mock_cluster
from ...support.services import require
from ..shop import notice, request, vnpay
from .live.brokers import SOURCE, bind_queue, broker, make_stream, unique
from .live.events import make_events
from .live.places import database_in_memory
from .live.truth import Books, check_publishing, wait_until

#: In letters of four bytes each: the events of this order are 1000 bytes longer than others.
LONG_ORDER = "💳" * 250
LIMIT = {"message.max.bytes": 1_200}


@pytest.fixture(scope="module")
def cluster():
    with mock_cluster() as running:
        yield running


@pytest.fixture
def kafka(cluster):
    """A topic with one partition, so that what it has is in one order."""
    with broker("kafka", cluster, partitions=1) as topic:
        yield topic
    cluster.rtt(0)
    cluster.clear_errors()


@pytest.fixture
def database():
    with database_in_memory() as url:
        yield url


@pytest.fixture
def books(database):
    made = Books(database)
    yield made
    made.close()


def to_kafka(topic, **settings):
    """A publisher to the topic of the fixture, with more settings of librdkafka."""
    there, _, name = topic.url.partition("?")[0].removeprefix("kafka://").partition("/")
    return KafkaPublisher(there, topic=name, source=SOURCE, timeout=15, settings=settings)


def use(shop, publisher):
    """Publish to it, by ``relay`` only."""
    for former in shop.service._publishers:
        former.close()
    shop.service._publishers[:] = [publisher]


def relay_all(shop):
    while shop.relay():
        pass


def pay(shop, name, number, **more):
    """Two events of one payment."""
    shop.create(request(name, **more), provider="vnpay")
    shop.receive(notice(name, code="24", number="0"), provider="vnpay")
    shop.receive(notice(name, number=str(number)), provider="vnpay")


def told(topic):
    """The orders and sequences that are on the broker, in their order."""
    entries = topic.read()
    return [(json.loads(entry.payload)["reference"], entry.sequence) for entry in entries]


def test_a_refused_event_is_dead_after_so_many_tries_and_holds_up_no_other_payment(
    open_service, clock, kafka
):
    shop = open_service(relay=RelaySettings(max_attempts=3))
    use(shop, to_kafka(kafka, **LIMIT))
    pay(shop, "LONG", 1, order_id=LONG_ORDER)
    pay(shop, "SHORT", 2)
    relay_all(shop)
    first, second = shop.outbox()
    assert (first.sequence, first.attempts) == (1, 1)
    assert first.last_error.startswith("MessageRefused: Kafka topic ")
    assert "MSG_SIZE_TOO_LARGE" in first.last_error
    assert (second.sequence, second.attempts, second.last_error) == (2, 0, None)  # it is behind
    for seconds in (2, 4):
        assert shop.relay() == 0
        clock.pass_(seconds=seconds)
        assert shop.relay() == 1
    (dead,) = shop.outbox(dead=True)
    assert (dead.event_id, dead.attempts, dead.dead_at) == (first.event_id, 3, clock.now)
    assert dead.last_error == first.last_error
    clock.pass_(days=30)
    assert shop.relay() == 0
    assert shop.outbox() == [second]
    assert told(kafka) == [("SHORT", 1), ("SHORT", 2)]
    # The topic takes more by now, and somebody lets the dead go.
    use(shop, to_kafka(kafka))
    assert shop.replay() == 1
    relay_all(shop)
    assert told(kafka)[2:] == [("LONG", 1), ("LONG", 2)]
    assert (shop.outbox(), shop.outbox(dead=True)) == ([], [])
    long = json.loads(kafka.read()[-1].payload)
    assert long["order_id"] == LONG_ORDER


def test_behind_a_dead_event_the_others_go_on_where_that_is_wanted(open_service, kafka):
    shop = open_service(relay=RelaySettings(max_attempts=1, behind_dead=True))
    pay(shop, "LONG", 1, order_id=LONG_ORDER)
    use(shop, to_kafka(kafka, **LIMIT))
    assert shop.relay() == 1
    use(shop, to_kafka(kafka))
    relay_all(shop)
    assert told(kafka) == [("LONG", 2)]
    assert [one.sequence for one in shop.outbox(dead=True)] == [1]
    assert shop.replay() == 1
    relay_all(shop)
    assert told(kafka) == [("LONG", 2), ("LONG", 1)]


def test_a_replay_has_the_same_ids_and_the_same_order(open_service, kafka, books):
    shop = open_service()
    use(shop, to_kafka(kafka))
    pay(shop, "A", 1)
    relay_all(shop)
    (record,) = {one.payment_id for one in shop.outbox(published=True)}
    assert shop.replay(payment_id=record) == 2
    relay_all(shop)
    assert told(kafka) == [("A", 1), ("A", 2)] * 2
    assert check_publishing(books.outbox(), kafka.read()) == 2


def test_errors_that_pass_are_the_clients_to_repeat(open_service, kafka, cluster, books):
    shop = open_service()
    use(shop, to_kafka(kafka))
    for number in range(4):
        pay(shop, f"A{number}", number + 1)
    cluster.push_errors(Code.NOT_LEADER, Code.NOT_ENOUGH_REPLICAS, Code.TIMED_OUT, Code.NOT_LEADER)
    relay_all(shop)
    check_publishing(books.outbox(), kafka.read(), once=True)


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_a_slow_broker_keeps_its_events(database_kind, kafka, cluster):
    """It takes 600 ms for each, so a batch takes longer than the lease, which is renewed."""
    settings = RelaySettings(lease=timedelta(seconds=2))
    slow = {"max.in.flight.requests.per.connection": 1, "batch.num.messages": 1}
    with (
        database_in_memory(database_kind) as database,
        PaymentService([vnpay()], database=database, relay=settings) as first,
        PaymentService([vnpay()], database=database, relay=settings) as second,
        contextlib.closing(Books(database)) as books,
    ):
        make_events(database, range(3))
        first._publishers.append(to_kafka(kafka, **slow))
        second._publishers.append(to_kafka(kafka))
        cluster.rtt(600)
        taken = []
        thread = threading.Thread(target=lambda: taken.append(first.relay()))
        began = time.monotonic()
        thread.start()
        wait_until(
            lambda: books.query("SELECT 1 FROM paykit_outbox WHERE available_at IS NOT NULL")
        )
        looks = 0
        while books.waiting() == 6:
            assert second.relay() == 0 or books.waiting() < 6
            looks += 1
        thread.join()
        assert (taken, looks > 5) == ([3], True)
        assert time.monotonic() - began > 2
        cluster.rtt(0)
        relay_all(second)
        check_publishing(books.outbox(), kafka.read(), once=True)


def test_what_no_queue_takes_is_not_published(open_service, clock):
    url = require("rabbitmq")
    exchange = unique("exchange")
    shop = open_service(relay=RelaySettings(max_attempts=1))
    shop.service._publishers.append(RabbitPublisher(url, exchange=exchange, source=SOURCE))
    pay(shop, "A", 1)
    with pytest.raises(BrokerUnavailable, match="no queue is bound"):
        shop.relay()
    (first, _) = shop.outbox()
    assert (first.attempts, first.dead_at) == (0, None)
    assert "no queue is bound" in first.last_error
    with bind_queue(url, exchange) as topic:
        clock.pass_(seconds=1)
        relay_all(shop)
        assert told(topic) == [("A", 1), ("A", 2)]
    assert shop.outbox() == []


def test_without_its_stream_nothing_is_published(open_service, clock):
    url = require("nats")
    name = unique("stream")
    shop = open_service(relay=RelaySettings(max_attempts=1))
    shop.service._publishers.append(
        NatsPublisher(url, subject=f"{name}.events", stream=name, source=SOURCE)
    )
    pay(shop, "A", 1)
    with pytest.raises(BrokerUnavailable, match="no stream takes this subject; create it first"):
        shop.relay()
    (first, _) = shop.outbox()
    assert (first.attempts, first.dead_at) == (0, None)
    assert "create it first" in first.last_error
    with make_stream(url, name) as topic:
        clock.pass_(seconds=1)
        relay_all(shop)
        assert told(topic) == [("A", 1), ("A", 2)]
    assert shop.outbox() == []


@pytest.mark.parametrize("name", ["kafka", "redis", "rabbitmq", "nats"])
def test_a_megabyte_is_published_whole_or_refused_with_a_reason(open_service, books, name):
    shop = open_service(relay=RelaySettings(max_attempts=1))
    pay(shop, "A", 1)
    pay(shop, "B", 2)
    large = json.dumps({"reference": "LARGE", "padding": "Đ" * 600_000}, ensure_ascii=False)
    books.execute(
        "UPDATE paykit_outbox SET payload = :large WHERE sequence = 2 AND id ="
        " (SELECT max(id) FROM paykit_outbox WHERE sequence = 2)",
        large=large,
    )
    with broker(name) as topic:
        shop.service._publishers.append(publisher_from_url(topic.url))
        relay_all(shop)
        payloads = [entry.payload.decode() for entry in topic.read()]
    dead = shop.outbox(dead=True)
    assert shop.outbox() == []
    assert len(payloads) + len(dead) == 4
    assert (large in payloads) == (not dead)
    for one in dead:
        assert one.last_error.startswith("MessageRefused: ")


@pytest.mark.parametrize("waiting", [1, 6])
def test_a_relay_that_is_closed_ends_with_its_batch(open_service, kafka, cluster, books, waiting):
    """What it has claimed is out and marked, and the rest is free for the next one at once."""
    publisher = to_kafka(kafka)
    cluster.rtt(300)
    first = open_service(relay=RelaySettings(batch=2))
    for number in range(waiting):
        pay(first, f"A{number}", number + 1)
    begun = threading.Event()
    publish = publisher.publish

    def watched(messages):
        begun.set()
        return publish(messages)

    publisher.publish = watched
    first.publish_to(publisher)
    wait_for(first, begun)
    first.close()
    cluster.rtt(0)
    marked = {row.id for row in books.outbox() if row.published}
    assert {entry.id for entry in kafka.read()} == marked
    assert 0 < len(marked) < 2 * waiting
    second = open_service()
    second.service._publishers.append(to_kafka(kafka))
    relay_all(second)
    check_publishing(books.outbox(), kafka.read(), once=True)


def wait_for(shop, happened):
    if hasattr(shop, "loop"):
        assert shop.loop.run_until_complete(asyncio.to_thread(happened.wait, 10))
    else:
        assert happened.wait(10)


def test_a_publisher_may_have_been_used_in_another_loop(open_service, books):
    with broker("redis") as topic:
        publisher = publisher_from_url(topic.url)
        assert isinstance(publisher, RedisPublisher)
        shop = open_service()
        pay(shop, "A", 1)
        asyncio.run(publisher.publish([]))
        shop.service._publishers.append(publisher)
        relay_all(shop)
        shop.close()
        check_publishing(books.outbox(), topic.read(), once=True)
