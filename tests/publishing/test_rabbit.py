"""RabbitPublisher against a real RabbitMQ, read by aio-pika."""

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import aio_pika
import pytest
from aiormq.exceptions import ChannelPreconditionFailed
from cloudevents.core.bindings import amqp as binding

from paykit import BrokerUnavailable, ConfigurationError, NotPublished
from paykit.publishing import RabbitPublisher

from ..support.proxies import proxy
from ..support.services import require
from .events import (
    ATTRIBUTES,
    EVENT,
    JSON,
    MESSAGE,
    SOURCE,
    STRUCTURED,
    foreign,
    ours,
    some,
    unique,
)


@pytest.fixture(scope="module")
def url():
    return require("rabbitmq")


class Rabbit:
    """A channel of another client, and names that are removed in the end."""

    def __init__(self, channel):
        self.channel = channel
        self.exchange = unique("exchange")
        self.queue = unique("queue")

    async def read(self, queue=""):
        """All that is in a queue by now."""
        found = await self.channel.get_queue(queue or self.queue)
        messages = []
        while (message := await found.get(fail=False, no_ack=True)) is not None:
            messages.append(message)
        return messages


@contextlib.asynccontextmanager
async def rabbit_at(url):
    connection = await aio_pika.connect(url)
    async with connection:
        used = Rabbit(await connection.channel())
        try:
            yield used
        finally:
            async with await connection.channel() as channel:
                await channel.queue_delete(used.queue)
                await channel.exchange_delete(used.exchange)


def read_by_the_sdk(message):
    raw = binding.AMQPMessage(
        properties={"content-type": message.content_type},
        application_properties={
            name: value for name, value in message.headers.items() if name.startswith("cloudEvents")
        },
        application_data=message.body,
    )
    return foreign(binding.from_amqp_event(raw))


def test_binary_mode(url):
    async def main():
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(
                url, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE
            )
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            (message,) = await rabbit.read()
        assert message.body == MESSAGE.payload.encode()
        headers = {name: value for name, value in message.headers.items() if name[:2] != "x-"}
        assert headers == {f"cloudEvents:{name}": value for name, value in ATTRIBUTES.items()}
        assert (
            message.content_type,
            message.delivery_mode,
            message.message_id,
            message.correlation_id,
            message.type,
            message.timestamp,
            message.exchange,
            message.routing_key,
        ) == (
            JSON,
            aio_pika.DeliveryMode.PERSISTENT,
            EVENT.event_id,
            EVENT.event_id,
            "io.paykit.payment.processed.v1",
            EVENT.occurred_at,
            rabbit.exchange,
            "io.paykit.payment.processed.v1",
        )
        assert read_by_the_sdk(message) == ours()

    asyncio.run(main())


def test_structured_mode(url):
    async def main():
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(
                url, exchange="", queue=rabbit.queue, source=SOURCE, mode="structured"
            )
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            (message,) = await rabbit.read()
        assert (message.content_type, message.routing_key) == (STRUCTURED, rabbit.queue)
        assert [name for name in message.headers if name[:2] != "x-"] == []
        assert json.loads(message.body) == EVENT.to_cloudevent(source=SOURCE)
        assert read_by_the_sdk(message) == ours()

    asyncio.run(main())


def test_what_it_makes_is_durable(url):
    """Whoever asks for the same thing, but not durable or of another type, is told so."""

    async def main():
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(
                url, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE
            )
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            channel = rabbit.channel
            await channel.declare_exchange(rabbit.exchange, "topic", durable=True)
            await channel.declare_queue(
                rabbit.queue, durable=True, arguments={"x-queue-type": "quorum"}
            )
            with pytest.raises(ChannelPreconditionFailed, match="durable"):
                await channel.declare_exchange(rabbit.exchange, "topic", durable=False)

    asyncio.run(main())


def test_it_uses_what_is_there(url):
    """A fanout exchange of the consumers, which paykit may not make or change."""

    async def main():
        async with rabbit_at(url) as rabbit:
            fanout = await rabbit.channel.declare_exchange(rabbit.exchange, "fanout", durable=True)
            queue = await rabbit.channel.declare_queue(rabbit.queue, durable=True)
            await queue.bind(fanout)
            publisher = RabbitPublisher(
                url, exchange=rabbit.exchange, source=SOURCE, routing_key="paid", declare=False
            )
            assert await publisher.publish(some(3)) == [None] * 3
            await publisher.close()
            found = {(one.message_id, one.routing_key) for one in await rabbit.read()}
        assert found == {("event-0", "paid"), ("event-1", "paid"), ("event-2", "paid")}

    asyncio.run(main())


def test_an_exchange_of_another_type_is_told_of(url):
    async def main():
        async with rabbit_at(url) as rabbit:
            await rabbit.channel.declare_exchange(rabbit.exchange, "fanout", durable=True)
            publisher = RabbitPublisher(url, exchange=rabbit.exchange, source=SOURCE)
            with pytest.raises(BrokerUnavailable, match=r"PRECONDITION_FAILED.*type"):
                await publisher.publish([MESSAGE])

    asyncio.run(main())


def test_an_exchange_that_is_missing_is_told_of(url):
    async def main():
        name = unique("missing")
        publisher = RabbitPublisher(url, exchange=name, source=SOURCE, declare=False)
        with pytest.raises(BrokerUnavailable, match=f"exchange '{name}': .*NOT_FOUND"):
            await publisher.publish([MESSAGE])

    asyncio.run(main())


def test_a_batch_of_many(url):
    async def main():
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(
                url, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE
            )
            assert await publisher.publish(some(300)) == [None] * 300
            await publisher.close()
            found = [message.message_id for message in await rabbit.read()]
        assert sorted(found) == sorted(f"event-{number}" for number in range(300))

    asyncio.run(main())


def test_a_queue_that_is_full_refuses(url):
    """RabbitMQ answers with a nack: the message is not published, and may be at another try."""

    async def main():
        async with rabbit_at(url) as rabbit:
            full = {"x-max-length": 2, "x-overflow": "reject-publish"}
            await rabbit.channel.declare_queue(rabbit.queue, durable=True, arguments=full)
            publisher = RabbitPublisher(url, exchange="", routing_key=rabbit.queue, source=SOURCE)
            taken, refused = [], []
            for message in some(4):
                (result,) = await publisher.publish([message])
                (taken if result is None else refused).append(result)
            await publisher.close()
            stored = [message.message_id for message in await rabbit.read()]
        assert stored == ["event-0", "event-1"]
        assert [type(result) for result in refused] == [NotPublished] * 2
        assert str(refused[0]) == "RabbitMQ exchange '': the broker refused to store it (nack)"

    asyncio.run(main())


def test_a_connection_that_is_lost_is_made_anew(url):
    """Nothing waits for the client to come back by itself, which may take seconds."""

    async def main():
        at = urlsplit(url)
        with proxy(at.hostname, at.port) as relay:
            through = url.replace(f":{at.port}", f":{relay.port}")
            async with rabbit_at(url) as rabbit:
                publisher = RabbitPublisher(
                    through, exchange=rabbit.exchange, queue=rabbit.queue, source=SOURCE
                )
                assert await publisher.publish(some(2)) == [None, None]
                relay.cut()
                for _ in range(2):
                    with pytest.raises(BrokerUnavailable):
                        await publisher.publish(some(2, start=2))
                relay.mend()
                assert await publisher.publish(some(2, start=2)) == [None, None]
                await publisher.close()
                found = [message.message_id for message in await rabbit.read()]
        assert found == ["event-0", "event-1", "event-2", "event-3"]

    asyncio.run(main())


def test_a_wrong_password_is_not_shown(url):
    async def main():
        at = urlsplit(url)
        wrong = f"amqp://guest:SECRET-1@{at.hostname}:{at.port}/"
        publisher = RabbitPublisher(wrong, exchange="e", source=SOURCE)
        with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED") as caught:
            await publisher.publish([MESSAGE])
        assert "SECRET" not in f"{caught.value!r}{publisher!r}"

    asyncio.run(main())


def test_settings_that_cannot_be():
    with pytest.raises(ConfigurationError, match="the default exchange needs"):
        RabbitPublisher("amqp://127.0.0.1/", exchange="", source=SOURCE)
    with pytest.raises(ConfigurationError, match="source"):
        RabbitPublisher("amqp://127.0.0.1/", exchange="e", source="")
    with pytest.raises(ConfigurationError, match="mode"):
        RabbitPublisher("amqp://127.0.0.1/", exchange="e", source=SOURCE, mode="both")
