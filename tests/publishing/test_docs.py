"""What the pages about publishing say is what the code does."""

import asyncio
import json
import re

import pytest

from paykit import BrokerUnavailable, MessageRefused, NotPublished, PaymentProcessed, publishing
from paykit.publishing import (
    KafkaPublisher,
    NatsPublisher,
    RabbitPublisher,
    RedisPublisher,
    http,
)
from paykit.service.schema import outbox

from ..support.kafka import mock_cluster
from ..support.markdown import DOCS, blocks, code, table
from ..support.services import require
from .events import EVENT, MESSAGE, SOURCE
from .test_nats import stream_at
from .test_rabbit import rabbit_at
from .test_redis import redis_at

PUBLISHING = DOCS / "publishing.md"
DEBEZIUM = DOCS / "debezium.md"


def configurations():
    """The JSON blocks of the page about Debezium; a ``config`` inside is taken out."""
    found = [json.loads(block.code) for block in blocks(DEBEZIUM) if block.language == "json"]
    return [one.get("config", one) for one in found]


def test_answers_of_an_endpoint():
    rows = {row[0]: code(row[1])[:1] for row in table(PUBLISHING, "answer", "result", "the relay")}
    listed = {text: {int(number) for number in re.findall(r"\b\d{3}\b", text)} for text in rows}
    (refused,) = [text for text in rows if rows[text] == ["MessageRefused"]]
    assert listed[refused] == http._REFUSED
    (busy,) = [text for text in rows if rows[text] == ["BrokerUnavailable"] and listed[text]]
    assert listed[busy] == http._BUSY


def test_results():
    rows = table(PUBLISHING, "error", "what it says", "the relay")
    assert [code(row[0])[0] for row in rows] == [
        kind.__name__ for kind in (BrokerUnavailable, NotPublished, MessageRefused)
    ]


def test_every_publisher_is_listed():
    rows = table(PUBLISHING, "broker", "publisher", "extra", "URL")
    named = {name for row in rows for name in code(row[1])}
    assert named == {name for name in publishing.__all__ if name.endswith("Publisher")} - {
        "Publisher", "AsyncPublisher", "BlockingPublisher",
    }  # fmt: skip


def test_urls_are_understood():
    for row in table(PUBLISHING, "broker", "publisher", "extra", "URL")[:5]:
        (url,) = code(row[3])
        secrets = ["whsec_" + "A" * 32] if url.startswith("https") else ()
        made = publishing.publisher_from_url(url, source="//shop.example", secrets=secrets)
        assert type(made).__name__ == code(row[1])[0]


def test_the_columns_of_the_outbox():
    rows = table(DEBEZIUM, "column", "in the message")
    named = [code(row[0])[0] for row in rows]
    others = re.search(r"The other columns \((.*?)\)", DEBEZIUM.read_text())[1]
    assert sorted([*named, *code(others)]) == sorted(outbox.columns.keys())


@pytest.mark.parametrize("settings", configurations(), ids=lambda one: one.get("connector.class"))
def test_configurations_name_columns_that_exist(settings):
    placed = settings.get("transforms.outbox.table.fields.additional.placement", "")
    for column, place, _header in [one.split(":") for one in placed.split(",") if one]:
        assert column in outbox.columns
        assert place == "header"
    stamp = settings.get("transforms.outbox.table.field.event.timestamp")
    assert stamp is None or stamp in outbox.columns
    if "connector.class" in settings:
        assert settings["table.include.list"].rpartition(".")[2] == outbox.name
        # Each transformation that is listed is configured, and none besides.
        listed = settings["transforms"].split(",")
        configured = [name.split(".")[1] for name in settings if name.startswith("transforms.")]
        assert list(dict.fromkeys(configured)) == listed


def test_the_headers_are_those_of_the_kafka_publisher():
    """What the connectors send is a CloudEvent in binary mode, but for what the page leaves out."""
    ours = {**MESSAGE.headers("//shop.example/payments", "ce_"), "content-type": "application/json"}
    del ours["ce_sequence"]
    row = {"id": EVENT.event_id, "type": MESSAGE.type, "aggregateid": MESSAGE.key}
    row["occurred_at"] = ours["ce_time"]  # Debezium's ZonedTimestamp is the same text
    postgres, mysql, _ = configurations()
    for settings, missing in ((postgres, set()), (mysql, {"ce_time"})):
        placed = settings["transforms.outbox.table.fields.additional.placement"].split(",")
        headers = {name: row[column] for column, _, name in (one.split(":") for one in placed)}
        for name in settings["transforms"].split(",")[1:]:
            header = settings[f"transforms.{name}.header"]
            headers[header] = settings[f"transforms.{name}.value.literal"]
        assert headers == {name: text for name, text in ours.items() if name not in missing}


# The consumers of the page, against real brokers. They never end, so the handler ends them.


class Handled(Exception):  # noqa: N818 - it ends a consumer
    pass


def handle(event):
    raise Handled(event)


def consumer(name, **names):
    """A function of the page, with names and addresses of this run in place of those of the page."""
    (source,) = [
        block.code for block in blocks(PUBLISHING)
        if block.language == "python" and f"def {name}(" in block.code
    ]  # fmt: skip
    for said, meant in names.items():
        assert said in source
        source = source.replace(said, meant)
    namespace = {"json": json, "PaymentProcessed": PaymentProcessed}
    exec(source, namespace)
    return namespace[name]


def test_the_consumer_of_kafka():
    with mock_cluster() as cluster:
        cluster.join_delay(0)
        publisher = KafkaPublisher(cluster.bootstrap, topic="payments", source=SOURCE)
        assert publisher.publish([MESSAGE]) == [None]
        publisher.close()
        consume = consumer("consume_kafka", **{"kafka1:9092": cluster.bootstrap})
        with pytest.raises(Handled) as caught:
            consume(handle)
    assert caught.value.args == (EVENT,)


async def first(consuming):
    with pytest.raises(Handled) as caught:
        async with asyncio.timeout(10):
            await consuming
    return caught.value.args[0]


def test_the_consumer_of_rabbitmq():
    async def main():
        url = require("rabbitmq")
        async with rabbit_at(url) as rabbit:
            publisher = RabbitPublisher(url, exchange=rabbit.exchange, source=SOURCE)
            with pytest.raises(BrokerUnavailable):  # the consumer makes the queue
                await publisher.publish([MESSAGE])
            names = {
                "amqp://rabbit.example/": url,
                '"orders"': f'"{rabbit.queue}"',
                '"payments"': f'"{rabbit.exchange}"',
            }
            consuming = asyncio.create_task(first(consumer("consume_rabbitmq", **names)(handle)))
            while not consuming.done():
                try:
                    await publisher.publish([MESSAGE])
                    break
                except BrokerUnavailable:
                    await asyncio.sleep(0.02)
            assert await consuming == EVENT
            await publisher.close()

    asyncio.run(main())


def test_the_consumer_of_nats():
    async def main():
        url = require("nats")
        async with stream_at(url) as stream:
            publisher = NatsPublisher(
                url, subject=stream.subject, stream=stream.name, source=SOURCE
            )
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            names = {"nats://nats.example:4222": url, "payments.>": f"{stream.name}.>"}
            assert await first(consumer("consume_nats", **names)(handle)) == EVENT

    asyncio.run(main())


def test_the_consumer_of_redis():
    async def main():
        url = require("redis")
        async with redis_at(url) as (client, name):
            await client.xgroup_create(name, "orders", id="0", mkstream=True)
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            names = {"redis://redis.example:6379/0": url, '"payments"': f'"{name}"'}
            consume = consumer("consume_redis", **names)
            assert await first(asyncio.to_thread(consume, handle)) == EVENT

    asyncio.run(main())
