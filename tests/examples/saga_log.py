"""Reads everything that a saga said on Kafka, doubles it, and waits until it was all handled."""

import json
import threading
import time
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition
from examples.saga.__main__ import PARTIES
from examples.saga.story import TOPICS

PATIENCE = 60


def servers(settings):
    return settings.broker.removeprefix("kafka://").partition("?")[0]


@contextmanager
def consumer(settings, group):
    client = Consumer(
        {"bootstrap.servers": servers(settings), "group.id": group, "fetch.wait.max.ms": 50}
    )
    try:
        yield client
    finally:
        client.close()


def all_partitions(client, settings, topics):
    names = [f"{settings.prefix}.{topic}" for topic in topics]
    found = {name: client.list_topics(name, timeout=10).topics[name] for name in names}
    return [TopicPartition(name, number, 0) for name in names for number in found[name].partitions]


def ends(client, places):
    return [client.get_watermark_offsets(place, timeout=10)[1] for place in places]


def everything(settings):
    """Every message of every topic, as it lies on the broker."""
    with consumer(settings, "reader") as client:
        places = all_partitions(client, settings, TOPICS)
        left = sum(ends(client, places))
        client.assign(places)
        until, found = time.monotonic() + PATIENCE, []
        while len(found) < left and time.monotonic() < until:
            found += client.consume(left - len(found), timeout=1)
    assert len(found) == left
    return [json.loads(message.value()) for message in found]


@contextmanager
def doubled(settings):
    """Whatever is published meanwhile is published once more, byte for byte."""
    producer = Producer({"bootstrap.servers": servers(settings)})
    stop, seen = threading.Event(), set()

    def copy(client):
        while not stop.is_set():
            for message in client.consume(100, timeout=0.05):
                event_id = json.loads(message.value())["id"]
                if event_id not in seen:
                    seen.add(event_id)
                    producer.produce(
                        message.topic(), message.value(), message.key(), headers=message.headers()
                    )
            producer.flush()

    with consumer(settings, "doubler") as client:
        client.assign(all_partitions(client, settings, TOPICS))
        thread = threading.Thread(target=copy, args=[client])
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


def wait_until_handled(settings):
    """Every service has acknowledged everything that is in the topics it reads."""
    until = time.monotonic() + PATIENCE
    for party in PARTIES:
        with consumer(settings, f"{settings.prefix}.{party.name}") as client:
            places = all_partitions(client, settings, party.reads)
            while behind := _behind(client, places):
                assert time.monotonic() < until, f"{party.name} has {behind} events left"
                time.sleep(0.05)


def _behind(client, places):
    done = [max(place.offset, 0) for place in client.committed(places, timeout=10)]
    return sum(ends(client, places)) - sum(done)
