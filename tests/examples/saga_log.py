"""Reads everything that a saga said on Kafka, doubles it, and waits until it was all handled."""

import json
import threading
import time
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition
from examples.saga.__main__ import PARTIES
from examples.saga.story import TOPICS

PATIENCE = 30


def servers(settings):
    return settings.broker.removeprefix("kafka://").partition("?")[0]


def consumer(settings, group):
    return Consumer(
        {"bootstrap.servers": servers(settings), "group.id": group, "fetch.wait.max.ms": 50}
    )


def partitions(client, settings, topic):
    name = f"{settings.prefix}.{topic}"
    found = client.list_topics(name, timeout=10).topics[name].partitions
    return [TopicPartition(name, number, 0) for number in found]


def ends(client, places):
    return [client.get_watermark_offsets(place, timeout=10)[1] for place in places]


def everything(settings):
    """Every message of every topic, as it lies on the broker."""
    client = consumer(settings, "reader")
    places = [place for topic in TOPICS for place in partitions(client, settings, topic)]
    left = sum(ends(client, places))
    client.assign(places)
    until, found = time.monotonic() + PATIENCE, []
    while len(found) < left and time.monotonic() < until:
        found += client.consume(left - len(found), timeout=1)
    client.close()
    assert len(found) == left
    return [json.loads(message.value()) for message in found]


@contextmanager
def doubled(settings):
    """Whatever is published meanwhile is published once more, byte for byte."""
    client, producer = (
        consumer(settings, "doubler"),
        Producer({"bootstrap.servers": servers(settings)}),
    )
    client.assign([place for topic in TOPICS for place in partitions(client, settings, topic)])
    stop, seen = threading.Event(), set()

    def copy():
        while not stop.is_set():
            for message in client.consume(100, timeout=0.05):
                event_id = json.loads(message.value())["id"]
                if event_id not in seen:
                    seen.add(event_id)
                    producer.produce(
                        message.topic(), message.value(), message.key(), headers=message.headers()
                    )
            producer.flush()

    thread = threading.Thread(target=copy)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        client.close()


def wait_until_handled(settings):
    """Every service has acknowledged everything that is in the topics it reads."""
    until = time.monotonic() + PATIENCE
    for party in PARTIES:
        client = consumer(settings, f"{settings.prefix}.{party.name}")
        places = [place for topic in party.reads for place in partitions(client, settings, topic)]
        while behind := _behind(client, places):
            assert time.monotonic() < until, f"{party.name} has {behind} events left"
            time.sleep(0.05)
        client.close()


def _behind(client, places):
    done = [max(place.offset, 0) for place in client.committed(places, timeout=10)]
    return sum(ends(client, places)) - sum(done)
