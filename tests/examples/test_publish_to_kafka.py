"""The Kafka example over librdkafka's own mock cluster: real wire, no broker to install."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paykit import PaymentProcessed
from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

confluent_kafka = pytest.importorskip("confluent_kafka")

EXAMPLE = Path(__file__).parents[2] / "examples" / "publish_to_kafka.py"
TOPIC = "payments"


@pytest.fixture
def brokers():
    """The address of a mock cluster, which lives as long as its producer."""
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1})
    found = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in found)
    assert cluster.flush(0) == 0


def read(brokers, count):
    """The messages of the topic from the start, by the number that is expected."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "test"})
    partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
    consumer.assign([confluent_kafka.TopicPartition(TOPIC, number, 0) for number in partitions])
    try:
        messages = consumer.consume(count, timeout=20)
        return messages + consumer.consume(1, timeout=0.1)  # there must not be more
    finally:
        consumer.close()


def test_what_is_in_the_outbox_and_what_comes_into_it(brokers, tmp_path):
    database = f"sqlite:///{tmp_path}/payments.db"
    with PaymentService([vnpay()], database=database) as service:
        first = service.create(request("ORDER-1"), provider="vnpay")
        service.receive(notice("ORDER-1"), provider="vnpay")
        program = subprocess.Popen([sys.executable, EXAMPLE, database, brokers])
        try:
            second = service.create(request("ORDER-2"), provider="vnpay")
            service.receive(notice("ORDER-2", number="14422575"), provider="vnpay")
            until = time.monotonic() + 30
            while service.outbox() and time.monotonic() < until:
                time.sleep(0.05)
            messages = read(brokers, 2)
            program.send_signal(signal.SIGTERM)
            assert program.wait(20) == 0
        finally:
            program.kill()
        assert service.outbox() == []
        out = {entry.payment_id: entry.event_id for entry in service.outbox(published=True)}
    assert list(out) == [first.payment_id, second.payment_id]
    told = {}
    for message in messages:
        headers = {name: value.decode() for name, value in message.headers()}
        event = PaymentProcessed.from_json(json.loads(message.value()))
        assert message.key().decode() == event.payment_id == headers["ce_partitionkey"]
        assert headers["ce_type"] == "io.paykit.payment.processed.v1"
        assert headers["ce_source"] == "//shop.example/payments"
        assert (headers["ce_id"], event.status) == (event.event_id, "succeeded")
        told[event.payment_id] = event.event_id
    assert told == out
