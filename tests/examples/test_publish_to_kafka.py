"""The Kafka example over librdkafka's own mock cluster: real wire, no broker to install."""

import importlib.util
import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paykit import Money, PaymentProcessed, PaymentStatus
from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

confluent_kafka = pytest.importorskip("confluent_kafka")

SOURCE = "//shop.example/payments"
EVENT = PaymentProcessed(
    event_id="e-1",
    provider="vnpay",
    reference="ORDER-1",
    status=PaymentStatus.SUCCEEDED,
    amount=Money(150_000, "VND"),
    occurred_at=datetime(2026, 3, 1, 9, 10, tzinfo=UTC),
    payment_id="pay_1",
    order_id="Đơn hàng 1",
    sequence=1,
)


def load_example():
    path = Path(__file__).parents[2] / "examples" / "publish_to_kafka.py"
    spec = importlib.util.spec_from_file_location("publish_to_kafka", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load_example()


@pytest.fixture(scope="module")
def brokers():
    """The address of a mock cluster, which lives as long as its producer."""
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1})
    found = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in found)
    assert cluster.flush(0) == 0


@contextmanager
def reader(brokers, topic):
    """Reads the messages of a topic from the start, by the number that is expected."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "test"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])

    def read(count):
        messages = consumer.consume(count, timeout=10)
        messages += consumer.consume(1, timeout=0.1)  # there must not be more
        return [
            (message.key().decode(), dict(message.headers()), json.loads(message.value()))
            for message in messages
        ]

    try:
        yield read
    finally:
        consumer.close()


def test_one_event_is_one_message(brokers):
    publish = example.KafkaPublisher(example.connect(brokers), topic="one", source=SOURCE)
    publish(EVENT)
    with reader(brokers, "one") as read:
        assert read(1) == [
            (
                "pay_1",
                {"content-type": b"application/cloudevents+json; charset=UTF-8"},
                EVENT.to_cloudevent(source=SOURCE),
            )
        ]


def test_it_raises_when_no_broker_confirms():
    nowhere = example.connect("127.0.0.1:1", delivery_seconds=1)
    publish = example.KafkaPublisher(nowhere, topic="lost", source=SOURCE)
    with pytest.raises(confluent_kafka.KafkaException):
        publish(EVENT)
    assert len(nowhere) == 0  # nothing is left in the producer to go out later, unseen


def test_the_outbox_keeps_what_could_not_be_published(brokers, tmp_path):
    """The first attempt fails, the next one succeeds: one event, one message."""
    publish = example.KafkaPublisher(example.connect(brokers), topic="again", source=SOURCE)
    attempts = []

    def publish_at_second_attempt(event):
        attempts.append(event.event_id)
        if len(attempts) == 1:
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(-185))
        publish(event)

    class Clock:
        now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

        def __call__(self):
            return self.now

    clock = Clock()
    database = f"sqlite:///{tmp_path}/payments.db"
    with PaymentService([vnpay()], database=database, clock=clock) as service:
        service._handlers.append(publish_at_second_attempt)
        session = service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
        assert [service.relay(), service.relay()] == [1, 0]
        clock.now = clock.now.replace(minute=1)
        assert [service.relay(), service.relay()] == [1, 0]
    with reader(brokers, "again") as read:
        ((key, _headers, cloudevent),) = read(1)
    assert (key, cloudevent["id"], cloudevent["data"]["status"]) == (
        session.payment_id,
        attempts[0],
        "succeeded",
    )
    assert len(set(attempts)) == 1
