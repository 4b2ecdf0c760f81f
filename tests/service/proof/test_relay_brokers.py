"""What real brokers say no to, and what becomes of it: dead letters, and events that wait."""

import json

import pytest

from paykit import BrokerUnavailable
from paykit.publishing import NatsPublisher, RabbitPublisher, publisher_from_url
from paykit.service import RelaySettings

from ...support.services import require
from .live.brokers import SOURCE, bind_queue, broker, make_stream, unique
from .live.relays import pay, relay_all, to_kafka, use
from .live.truth import check_publishing

#: In letters of four bytes each: the events of this order are 1000 bytes longer than others.
LONG_ORDER = "💳" * 250
LIMIT = {"message.max.bytes": 1_200}


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
    large = json.dumps(
        {"reference": "LARGE", "status": "succeeded", "padding": "Đ" * 600_000}, ensure_ascii=False
    )
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
