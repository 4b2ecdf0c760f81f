"""The rows BRK-01 to BRK-07 of the fault catalogue, at the publishers. The relay has its own tests."""

import asyncio
import contextlib
import json
import threading
import time
from urllib.parse import urlsplit

import attrs
import pytest

from paykit import BrokerUnavailable, MessageRefused
from paykit.publishing import (
    HttpPublisher,
    KafkaPublisher,
    NatsPublisher,
    RabbitPublisher,
    RedisPublisher,
)

from ..support.kafka import Code, mock_cluster, read_all
from ..support.proxies import proxy
from ..support.servers import answer, loopback
from ..support.services import require
from .events import MESSAGE, SOURCE, insist, some, unique
from .test_http import SECRET
from .test_nats import stream_at
from .test_rabbit import rabbit_at
from .test_redis import redis_at


@pytest.fixture
def cluster():
    with mock_cluster() as running:
        yield running


@pytest.fixture
def topic(cluster):
    name = unique("topic")
    cluster.create_topic(name)
    return name


@contextlib.contextmanager
def publishing(cluster, topic, **settings):
    publisher = KafkaPublisher(cluster.bootstrap, topic=topic, source=SOURCE, **settings)
    try:
        yield publisher
    finally:
        publisher.close()


def sequences(cluster, topic):
    """The sequences of each payment, in the order in which they lie in the topic."""
    found = {}
    for record in read_all(cluster.bootstrap, topic):
        found.setdefault(record.key.decode(), []).append(int(record.headers["ce_sequence"]))
    return found


def step(count, sequence):
    """The next event of each of so many payments."""
    return [
        attrs.evolve(message, id=f"{message.key}-{sequence}", sequence=sequence)
        for message in some(count)
    ]


# BRK-01: down, and up again. Nothing is lost, and the order of each payment is kept.


def test_brk_01_kafka(cluster, topic):
    with publishing(cluster, topic, timeout=2) as publisher:
        assert insist(publisher, step(20, 1)) == [None] * 20
        cluster.down()
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable, match=topic):
            publisher.publish(step(20, 2))
        # librdkafka is late now and then; after five more seconds it is not waited for.
        assert 1 < time.monotonic() - started < 10
        cluster.up()
        for sequence in (2, 3):
            assert insist(publisher, step(20, sequence)) == [None] * 20
    # What timed out did not go out later, behind our back.
    assert sequences(cluster, topic) == {f"pay_{number}": [1, 2, 3] for number in range(20)}


def test_brk_01_kafka_comes_back_within_the_time(cluster, topic):
    """An outage that is shorter than a message's time is not seen at all."""
    with publishing(cluster, topic) as publisher:
        assert publisher.publish(step(20, 1)) == [None] * 20
        cluster.down()
        back = threading.Timer(0.7, cluster.up)
        back.start()
        assert publisher.publish(step(20, 2)) == [None] * 20
        back.join()
    assert sequences(cluster, topic) == {f"pay_{number}": [1, 2] for number in range(20)}


@contextlib.asynccontextmanager
async def a_rabbit(url, address):
    async with rabbit_at(url) as rabbit:
        yield (
            RabbitPublisher(
                address, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE, timeout=2
            ),
            rabbit.read,
            lambda message: message.message_id,
        )


@contextlib.asynccontextmanager
async def a_nats(url, address):
    async with stream_at(url) as stream:
        yield (
            NatsPublisher(
                address, subject=stream.subject, stream=stream.name, source=SOURCE, timeout=1
            ),
            stream.read,
            lambda message: message.headers["ce-id"],
        )


@contextlib.asynccontextmanager
async def a_redis(url, address):
    async with redis_at(url) as (client, name):
        yield (
            RedisPublisher(address, stream=name, source=SOURCE),
            lambda: client.xrange(name),
            lambda entry: entry[1]["id"],
        )


@pytest.mark.parametrize(
    ("service", "kind"), [("rabbitmq", a_rabbit), ("nats", a_nats), ("redis", a_redis)]
)
def test_brk_01_others(service, kind):
    """Cut in the middle of a stream of batches. Each event is there, and none before its forerunner.

    What was stored but not confirmed comes again with the same id.
    """

    async def main():
        url = require(service)
        at = urlsplit(url)
        with proxy(at.hostname, at.port) as relay:
            address = url.replace(f":{at.port}", f":{relay.port}")
            async with kind(url, address) as (publisher, read, id_of):
                refused = 0
                for sequence in range(1, 16):
                    if sequence % 5 == 3:
                        asyncio.get_running_loop().call_later(0.001, relay.cut)
                    left = step(10, sequence)
                    while left:
                        try:
                            results = await publisher.publish(left)
                        except BrokerUnavailable as error:
                            results = [error] * len(left)
                        # The cut may fall in the middle of a batch: some are there, some are not.
                        assert all(isinstance(one, BrokerUnavailable | None) for one in results)
                        left = [
                            message
                            for message, result in zip(left, results, strict=True)
                            if result is not None
                        ]
                        if left:
                            refused += 1
                            await asyncio.sleep(0.02)
                            relay.mend()
                await publisher.close()
                ids = [id_of(one) for one in await read()]
        assert refused >= 1
        for number in range(10):
            mine = [name for name in ids if name.startswith(f"pay_{number}-")]
            expected = [f"pay_{number}-{sequence}" for sequence in range(1, 16)]
            assert list(dict.fromkeys(mine)) == expected

    asyncio.run(main())


# BRK-02: errors that pass. Published once each, in order.


def test_brk_02(cluster, topic):
    codes = [Code.TIMED_OUT, Code.TIMED_OUT, Code.NOT_LEADER, Code.NOT_ENOUGH_REPLICAS]
    with publishing(cluster, topic) as publisher:
        for sequence in range(1, 4):
            cluster.push_errors(*codes)
            assert publisher.publish(step(50, sequence)) == [None] * 50
    assert sequences(cluster, topic) == {f"pay_{number}": [1, 2, 3] for number in range(50)}


# BRK-03: an error for good, of one message. The others go on.


def test_brk_03_too_large(cluster, topic):
    large = attrs.evolve(MESSAGE, payload=f'"{"x" * 2_000_000}"')
    with publishing(cluster, topic) as publisher:
        one, refused, other = publisher.publish([*some(1), large, *some(1, start=1)])
    assert (one, other, type(refused)) == (None, None, MessageRefused)
    assert str(refused).startswith(f"Kafka topic {topic}: MSG_SIZE_TOO_LARGE")
    assert not refused.repeatable
    assert sorted(sequences(cluster, topic)) == ["pay_0", "pay_1"]


def test_brk_03_not_authorised(cluster, topic):
    """Kafka allows a whole topic or none of it, so this says nothing about a message: all wait."""
    with publishing(cluster, topic) as publisher:
        publisher.publish(some(1))
        # The first answer ends the topic for this producer, so there is no second one.
        cluster.push_errors(Code.TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(BrokerUnavailable, match="TOPIC_AUTHORIZATION_FAILED"):
            publisher.publish(some(1))
        # Allowed again; a producer that remembers the refusal would not even ask.
        assert publisher.publish(some(8)) == [None] * 8


# BRK-04: acknowledged slowly. Waited for, and not sent twice.


def test_brk_04(cluster, topic):
    with publishing(cluster, topic) as publisher:
        publisher.publish(step(20, 1))
        cluster.rtt(600)
        started = time.monotonic()
        assert publisher.publish(step(20, 2)) == [None] * 20
        assert time.monotonic() - started >= 0.6
        cluster.rtt(0)
        assert publisher.publish(step(20, 3)) == [None] * 20
    assert sequences(cluster, topic) == {f"pay_{number}": [1, 2, 3] for number in range(20)}


# BRK-05: nobody to give it to.


def test_brk_05():
    """No queue is bound: RabbitMQ confirms even that, so the message is asked back."""

    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(url, exchange=rabbit.exchange, source=SOURCE)
            for _ in range(2):
                with pytest.raises(BrokerUnavailable, match="no queue is bound"):
                    await publisher.publish(some(3))
            queue = await rabbit.channel.declare_queue(rabbit.queue, durable=True)
            await queue.bind(rabbit.exchange, "io.paykit.#")
            assert await publisher.publish(some(3)) == [None] * 3
            await publisher.close()
            assert len(await rabbit.read()) == 3

    asyncio.run(main())


# BRK-06: the stream is missing.


def test_brk_06():
    async def main():
        url = require("nats")
        name = unique("missing")
        publisher = NatsPublisher(url, subject=f"{name}.processed", stream=name, source=SOURCE)
        said = f"NATS subject {name}.processed, stream {name}: no stream takes this subject"
        with pytest.raises(BrokerUnavailable, match=said):
            await publisher.publish(some(3))

    asyncio.run(main())


# BRK-07: no ASCII, and a megabyte. Whole, or refused; never cut.

LETTERS = "Đơn hàng — thanh toán 💳 «100 %»"


def large(size):
    """A message whose payload has so many bytes in all, in letters of several each."""
    text = LETTERS * (size // len(LETTERS.encode()) - 2)
    payload = json.dumps({"order_id": text}, ensure_ascii=False)
    missing = size - len(payload.encode())
    payload = json.dumps({"order_id": text + "x" * missing}, ensure_ascii=False)
    return attrs.evolve(MESSAGE, id=LETTERS, key=LETTERS, payload=payload)


def test_brk_07_kafka(cluster, topic):
    with publishing(cluster, topic) as publisher:
        assert publisher.publish([large(990_000)]) == [None]
        (refused,) = publisher.publish([large(1_000_000)])
    assert type(refused) is MessageRefused
    (record,) = read_all(cluster.bootstrap, topic)
    assert record.value.decode() == large(990_000).payload
    assert record.key.decode() == record.headers["ce_id"].decode() == LETTERS


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_brk_07_rabbitmq(mode):
    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(
                url, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE, mode=mode
            )
            assert await publisher.publish([large(1_048_576)]) == [None]
            await publisher.close()
            (message,) = await rabbit.read()
        assert message.message_id == LETTERS
        if mode == "binary":
            assert message.body.decode() == large(1_048_576).payload
            assert message.headers["cloudEvents:subject"] == LETTERS
        else:
            whole = json.loads(message.body)
            assert (whole["id"], whole["data"]) == (LETTERS, json.loads(large(1_048_576).payload))

    asyncio.run(main())


def test_brk_07_nats():
    """A message with its headers may have 1 MiB, unless the server says otherwise."""

    async def main():
        url = require("nats")
        async with stream_at(url) as stream:
            publisher = NatsPublisher(
                url, subject=stream.subject, stream=stream.name, source=SOURCE
            )
            assert await publisher.publish([large(1_040_000)]) == [None]
            (refused,) = await publisher.publish([large(1_048_577)])
            await publisher.close()
            (message,) = await stream.read()
        assert type(refused) is MessageRefused
        assert message.data.decode() == large(1_040_000).payload

    asyncio.run(main())


def test_brk_07_redis():
    async def main():
        url = require("redis")
        async with redis_at(url) as (client, name):
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            assert await publisher.publish([large(1_048_576)]) == [None]
            await publisher.close()
            ((_, fields),) = await client.xrange(name)
        assert (fields["id"], fields["data"]) == (LETTERS, large(1_048_576).payload)

    asyncio.run(main())


def test_brk_07_http():
    async def main(url):
        publisher = HttpPublisher(url, secrets=[SECRET], source=SOURCE)
        try:
            return await publisher.publish([large(1_048_576)])
        finally:
            await publisher.close()

    with loopback(answer(200)) as server:
        assert asyncio.run(main(server.url)) == [None]
        (seen,) = server.requests
    assert json.loads(seen.body)["data"] == json.loads(large(1_048_576).payload)
