"""publisher_from_url: what a URL says reaches the publisher, and what it cannot say is refused."""

import asyncio
from base64 import b64encode
from urllib.parse import urlsplit

import pytest

from paykit import ConfigurationError
from paykit.publishing import (
    HttpPublisher,
    KafkaPublisher,
    NatsPublisher,
    RabbitPublisher,
    RedisPublisher,
    publisher_from_url,
)

from ..support.kafka import mock_cluster, read_all
from ..support.servers import answer, loopback
from ..support.services import require
from .events import MESSAGE, SOURCE, STRUCTURED, unique
from .test_nats import stream_at
from .test_rabbit import rabbit_at
from .test_redis import ids, redis_at

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()


async def publish(publisher):
    try:
        return await publisher.publish([MESSAGE])
    finally:
        await publisher.close()


def test_kafka():
    with mock_cluster() as cluster:
        topic = unique("topic")
        cluster.create_topic(topic)
        url = (
            f"kafka://{cluster.bootstrap}/{topic}?source={SOURCE}&mode=structured"
            "&timeout=7.5&compression.type=gzip"
        )
        publisher = publisher_from_url(url)
        assert publisher.publish([MESSAGE]) == [None]
        publisher.close()
        (record,) = read_all(cluster.bootstrap, topic)
    assert record.headers == {"content-type": STRUCTURED.encode()}
    assert type(publisher) is KafkaPublisher
    assert {
        "compression.type": "gzip",
        "delivery.timeout.ms": 7_500,
        "bootstrap.servers": cluster.bootstrap,
    }.items() <= publisher._settings.items()


def test_kafka_with_a_login():
    publisher = publisher_from_url(
        "kafka://shop:p%40ss%2Fword@one:9092,two:9092/payments?security.protocol=SASL_SSL"
        "&sasl.mechanism=SCRAM-SHA-512",
        source=SOURCE,
    )
    assert {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "p@ss/word",
    }.items() <= publisher._settings.items()
    assert repr(publisher) == "KafkaPublisher('one:9092,two:9092', topic='payments')"


def test_rabbitmq():
    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            options = f"exchange={rabbit.exchange}&queue={rabbit.queue}&routing_key=paid"
            publisher = publisher_from_url(f"{url}?{options}&source={SOURCE}&heartbeat=30")
            assert await publish(publisher) == [None]
            (message,) = await rabbit.read()
        assert (message.exchange, message.routing_key) == (rabbit.exchange, "paid")
        assert message.headers["cloudEvents:source"] == SOURCE
        assert type(publisher) is RabbitPublisher
        # What is not ours is for the connection.
        assert publisher._url == f"{url}?heartbeat=30"

    asyncio.run(main())


def test_rabbitmq_makes_nothing_if_it_is_told():
    publisher = publisher_from_url(f"amqp://h/?exchange=e&declare=false&source={SOURCE}")
    assert (publisher._declare, publisher._url) == (False, "amqp://h/")


def test_nats():
    async def main():
        url = require("nats")
        async with stream_at(url) as stream:
            server = urlsplit(url).netloc
            publisher = publisher_from_url(
                f"nats://{server}/{stream.subject}?stream={stream.name}&source={SOURCE}"
            )
            assert await publish(publisher) == [None]
            (message,) = await stream.read()
        assert message.headers["ce-source"] == SOURCE
        assert type(publisher) is NatsPublisher

    asyncio.run(main())


def test_redis():
    async def main():
        url = require("redis")
        async with redis_at(url) as (client, name):
            publisher = publisher_from_url(
                f"{url}?stream={name}&maxlen=1000&source={SOURCE}&socket_timeout=5"
            )
            assert await publish(publisher) == [None]
            assert await ids(client, name) == [MESSAGE.id]
        assert type(publisher) is RedisPublisher
        assert (publisher._url, publisher._maxlen) == (f"{url}?socket_timeout=5", 1000)

    asyncio.run(main())


def test_http():
    """Its query is the endpoint's own; what follows # is for us, and is not sent."""
    with loopback(answer(200)) as server:
        publisher = publisher_from_url(
            f"{server.url}/hooks?shop=1&mode=theirs#source={SOURCE}&mode=binary&at_once=2",
            secrets=[SECRET],
        )
        assert asyncio.run(publish(publisher)) == [None]
        (seen,) = server.requests
    assert seen.line == "POST /hooks?shop=1&mode=theirs HTTP/1.1"
    assert seen.headers["ce-source"] == SOURCE
    assert type(publisher) is HttpPublisher
    assert publisher._at_once == 2


def test_the_source_of_the_url_goes_first():
    url = f"redis://h/0?stream=s&source={SOURCE}"
    assert publisher_from_url(url, source="//default")._source == SOURCE
    assert publisher_from_url("redis://h/0?stream=s", source="//default")._source == "//default"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "begins with one of kafka://"),
        ("payments", "begins with one of kafka://"),
        ("mqtt://h/t", "begins with one of kafka://"),
        ("kafka://[::1/t", "not a URL"),
        ("kafka://h:9092/t", "source names the service"),
        (f"kafka://h:9092/?source={SOURCE}", "brokers and a topic"),
        (f"kafka:///t?source={SOURCE}", "brokers and a topic"),
        (f"kafka://h/t?source={SOURCE}&acks=1", "unknown in the URL of a broker: acks"),
        (f"kafka://h/t?source={SOURCE}&enable.idempotence=false", "set by paykit"),
        (f"kafka://h/t?source={SOURCE}&timeout=soon", "timeout must be a number"),
        (f"kafka://h/t?source={SOURCE}&timeout=inf", "timeout must be a number"),
        (f"kafka://h/t?source={SOURCE}&timeout=nan", "timeout must be a number"),
        (f"kafka://h/t?source={SOURCE}&timeout=-1", "timeout must be a number"),
        (f"kafka://h/t?source={SOURCE}&mode=both", "mode is binary or structured"),
        (f"amqp://h/?source={SOURCE}", "name the exchange"),
        (f"amqp://h/?source={SOURCE}&exchange=", "the default exchange needs"),
        (f"amqp://h/?source={SOURCE}&exchange=e&declare=no", "declare must be true or false"),
        (f"nats://h/?source={SOURCE}&stream=S", "a subject and the name"),
        (f"nats://h/s?source={SOURCE}", "a subject and the name"),
        (f"nats://h/s?source={SOURCE}&stream=S&ttl=1", "unknown in the URL of a broker: ttl"),
        (f"redis://h/0?source={SOURCE}", "the name of a stream"),
        (f"redis://h/0?source={SOURCE}&stream=s&maxlen=1e3", "maxlen must be a whole number"),
        (f"redis://h/0?source={SOURCE}&stream=s&maxlen=٣", "maxlen must be a whole number"),
        (f"https://shop.example/?source={SOURCE}", "secret"),
        (f"https://shop.example/#source={SOURCE}&secrets=x", "secret"),
    ],
)
def test_what_a_url_cannot_say(url, said):
    with pytest.raises(ConfigurationError, match=said):
        publisher_from_url(url)


def test_http_needs_https_and_no_other_needs_secrets():
    with pytest.raises(ConfigurationError, match="must be https"):
        publisher_from_url(f"http://shop.example/#source={SOURCE}", secrets=[SECRET])
    assert publisher_from_url(
        f"http://shop.example/#source={SOURCE}&allow_http=true", secrets=[SECRET]
    )
    with pytest.raises(ConfigurationError, match="unknown in the URL of a broker: tries"):
        publisher_from_url(f"https://h/#source={SOURCE}&tries=9", secrets=[SECRET])
    with pytest.raises(ConfigurationError, match="only an HTTP target is signed"):
        publisher_from_url(f"kafka://h/t?source={SOURCE}", secrets=[SECRET])
