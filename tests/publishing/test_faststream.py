"""A FastStream broker that a shop already has: used, never stopped, and its consumers read us."""

import asyncio
import contextlib

import attrs
import pytest
from faststream.confluent import KafkaBroker as ConfluentBroker
from faststream.kafka import KafkaBroker
from faststream.nats import NatsBroker
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.redis import RedisBroker, StreamSub

from paykit import BrokerUnavailable, ConfigurationError, MessageRefused, PaymentProcessed
from paykit.publishing import (
    FastStreamKafkaPublisher,
    KafkaPublisher,
    NatsPublisher,
    RabbitPublisher,
    RedisPublisher,
)

from ..support.kafka import mock_cluster, read_all
from ..support.services import require
from .events import ATTRIBUTES, EVENT, JSON, MESSAGE, SOURCE, STRUCTURED, some, unique
from .test_nats import stream_at
from .test_rabbit import rabbit_at
from .test_redis import redis_at


@pytest.fixture(scope="module")
def cluster():
    with mock_cluster() as running:
        yield running


class Inbox:
    """What a consumer has got; :meth:`first` waits for it."""

    def __init__(self):
        self._got = asyncio.Queue()

    async def __call__(self, body):
        await self._got.put(body)

    async def first(self):
        async with asyncio.timeout(10):
            return await self._got.get()


@contextlib.asynccontextmanager
async def started(broker):
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def publish_twice(publisher):
    """The second time after a close, which leaves a broker alone that was passed in."""
    assert await publisher.publish([MESSAGE]) == [None]
    await publisher.close()
    again = attrs.evolve(MESSAGE, id="again")
    assert await publisher.publish([again]) == [None]


def test_rabbitmq():
    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            broker, inbox = RabbitBroker(url, logger=None), Inbox()
            exchange = RabbitExchange(rabbit.exchange, type=ExchangeType.TOPIC, durable=True)
            queue = RabbitQueue(rabbit.queue, durable=True, routing_key="io.paykit.payment.#")
            broker.subscriber(queue, exchange)(inbox.__call__)
            async with started(broker):
                publisher = RabbitPublisher(broker, exchange=rabbit.exchange, source=SOURCE)
                await publish_twice(publisher)
                assert PaymentProcessed.from_json(await inbox.first()) == EVENT

    asyncio.run(main())


@pytest.mark.parametrize("raises", [False, True])
def test_rabbitmq_tells_of_what_is_not_routed_whatever_the_channel_does(raises):
    """aio-pika raises for a message that comes back, or hands it out, as the channel was made."""

    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            channel = Channel(on_return_raises=raises)
            broker = RabbitBroker(url, logger=None, default_channel=channel)
            async with started(broker):
                publisher = RabbitPublisher(broker, exchange=rabbit.exchange, source=SOURCE)
                with pytest.raises(BrokerUnavailable, match="no queue is bound"):
                    await publisher.publish([MESSAGE])

    asyncio.run(main())


def test_rabbitmq_without_confirms_is_never_a_success():
    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            await rabbit.channel.declare_queue(rabbit.queue, durable=True)
            channel = Channel(publisher_confirms=False, on_return_raises=False)
            broker = RabbitBroker(url, logger=None, default_channel=channel)
            async with started(broker):
                publisher = RabbitPublisher(
                    broker, exchange="", routing_key=rabbit.queue, source=SOURCE
                )
                with pytest.raises(BrokerUnavailable, match="confirms are switched off"):
                    await publisher.publish([MESSAGE])

    asyncio.run(main())


def test_nats():
    async def main():
        url = require("nats")
        async with stream_at(url) as stream:
            broker, inbox = NatsBroker(url, logger=None), Inbox()
            broker.subscriber(stream.subject, stream=stream.name)(inbox.__call__)
            async with started(broker):
                publisher = NatsPublisher(
                    broker, subject=stream.subject, stream=stream.name, source=SOURCE
                )
                await publish_twice(publisher)
                assert PaymentProcessed.from_json(await inbox.first()) == EVENT

    asyncio.run(main())


def test_redis():
    async def main():
        url = require("redis")
        async with redis_at(url) as (_, name):
            broker, inbox = RedisBroker(url, logger=None), Inbox()
            broker.subscriber(stream=StreamSub(name, last_id="0"))(inbox.__call__)
            async with started(broker):
                publisher = RedisPublisher(broker, stream=name, source=SOURCE)
                await publish_twice(publisher)
                # FastStream takes the field "data" of a foreign entry for the body.
                assert PaymentProcessed.from_json(await inbox.first()) == EVENT

    asyncio.run(main())


@pytest.mark.parametrize("kind", [KafkaBroker, ConfluentBroker], ids=["aiokafka", "confluent"])
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_kafka(cluster, kind, mode):
    topic = unique("topic")
    cluster.create_topic(topic)

    async def main():
        settings = {"acks": "all", "enable_idempotence": True, "logger": None}
        async with started(kind(cluster.bootstrap.split(","), **settings)) as broker:
            publisher = FastStreamKafkaPublisher(broker, topic=topic, source=SOURCE, mode=mode)
            await publish_twice(publisher)
            assert await publisher.publish(some(100)) == [None] * 100

    asyncio.run(main())
    records = read_all(cluster.bootstrap, topic)
    assert len(records) == 102
    found = next(one for one in records if one.key == b"pay_1" and b"3c5f0f3f" in one.value)
    headers = {**found.headers}
    assert headers.pop("correlation_id") == EVENT.event_id.encode()
    if mode == "structured":
        assert headers == {"content-type": STRUCTURED.encode()}
        assert found.value == MESSAGE.structured(SOURCE)
    else:
        assert headers == {
            "content-type": JSON.encode(),
            **{f"ce_{name}": value.encode() for name, value in ATTRIBUTES.items()},
        }
        assert found.value == MESSAGE.payload.encode()


@pytest.mark.parametrize("kind", [KafkaBroker, ConfluentBroker], ids=["aiokafka", "confluent"])
def test_kafka_refuses_what_is_too_large(cluster, kind):
    topic = unique("topic")
    cluster.create_topic(topic)
    large = attrs.evolve(MESSAGE, payload=f'"{"x" * 2_000_000}"')

    async def main():
        async with started(kind(cluster.bootstrap.split(","), logger=None)) as broker:
            publisher = FastStreamKafkaPublisher(broker, topic=topic, source=SOURCE)
            return await publisher.publish([*some(1), large, *some(1, start=1)])

    one, refused, other = asyncio.run(main())
    assert (one, other, type(refused)) == (None, None, MessageRefused)


def test_a_consumer_of_fast_stream_reads_what_kafka_publisher_sends(cluster):
    topic = unique("topic")
    cluster.create_topic(topic)

    async def main():
        broker, inbox = KafkaBroker(cluster.bootstrap.split(","), logger=None), Inbox()
        broker.subscriber(topic, auto_offset_reset="earliest")(inbox.__call__)
        publisher = KafkaPublisher(cluster.bootstrap, topic=topic, source=SOURCE)
        assert publisher.publish([MESSAGE]) == [None]
        publisher.close()
        async with started(broker):
            assert PaymentProcessed.from_json(await inbox.first()) == EVENT

    asyncio.run(main())


def test_kafka_is_for_a_broker_only():
    with pytest.raises(ConfigurationError, match="a topic"):
        FastStreamKafkaPublisher(KafkaBroker(logger=None), topic="", source=SOURCE)
    with pytest.raises(ConfigurationError, match="takes a broker of FastStream"):
        FastStreamKafkaPublisher("127.0.0.1:9092", topic="t", source=SOURCE)
