"""A topic on a mock Kafka cluster, and what the tests of single relays do with it."""

import contextlib

import pytest

from paykit.publishing import KafkaPublisher

from ....support.kafka import mock_cluster
from ...shop import notice, request
from .brokers import SOURCE, broker
from .places import database_in_memory
from .truth import Books


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
    with contextlib.closing(Books(database)) as made:
        yield made


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
