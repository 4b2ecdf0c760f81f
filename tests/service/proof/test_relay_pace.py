"""The pace of a relay: errors that pass, a slow broker, and an end in the middle of the work."""

import asyncio
import contextlib
import threading
import time
from datetime import timedelta

import pytest

from paykit.publishing import RedisPublisher, publisher_from_url
from paykit.service import PaymentService, RelaySettings

from ...support.kafka import Code
from ..shop import vnpay
from .live.brokers import broker
from .live.events import make_events
from .live.places import database_in_memory
from .live.relays import pay, relay_all, to_kafka, use
from .live.truth import Books, check_publishing, wait_until


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
