"""KafkaPublisher over librdkafka's mock cluster, read by another client: aiokafka."""

import json
import logging
import multiprocessing
import threading

import attrs
import pytest
from cloudevents.core.bindings import kafka as binding

from paykit import BrokerUnavailable, ConfigurationError, MessageRefused
from paykit.publishing import KafkaPublisher, Message

from ..support.kafka import Code, mock_cluster, read_all
from .events import (
    ATTRIBUTES,
    EVENT,
    JSON,
    MESSAGE,
    SOURCE,
    STRUCTURED,
    foreign,
    insist,
    ours,
    some,
    unique,
)


@pytest.fixture(scope="module")
def cluster():
    with mock_cluster() as running:
        yield running


@pytest.fixture
def topic(cluster):
    name = unique("topic")
    cluster.create_topic(name)
    yield name
    cluster.clear_errors()


@pytest.fixture
def publisher(cluster, topic):
    made = KafkaPublisher(cluster.bootstrap, topic=topic, source=SOURCE, timeout=10)
    yield made
    made.close()


def keys(cluster, topic):
    return [record.key.decode() for record in read_all(cluster.bootstrap, topic)]


def read_by_the_sdk(record):
    message = binding.KafkaMessage(headers=record.headers, key=record.key, value=record.value)
    return foreign(binding.from_kafka_event(message))


def test_binary_mode(cluster, topic, publisher):
    assert publisher.publish([MESSAGE]) == [None]
    (record,) = read_all(cluster.bootstrap, topic)
    assert (record.key, record.value) == (b"pay_1", MESSAGE.payload.encode())
    assert record.headers == {
        "content-type": JSON.encode(),
        **{f"ce_{name}": value.encode() for name, value in ATTRIBUTES.items()},
    }
    assert read_by_the_sdk(record) == ours()


def test_structured_mode(cluster, topic):
    publisher = KafkaPublisher(cluster.bootstrap, topic=topic, source=SOURCE, mode="structured")
    assert publisher.publish([MESSAGE]) == [None]
    publisher.close()
    (record,) = read_all(cluster.bootstrap, topic)
    assert (record.key, record.headers) == (b"pay_1", {"content-type": STRUCTURED.encode()})
    assert json.loads(record.value) == EVENT.to_cloudevent(source=SOURCE)
    assert read_by_the_sdk(record) == ours()


def test_headers_hold_any_letters(cluster, topic, publisher):
    """Kafka's binding takes UTF-8 as it is; nothing is encoded and nothing is cut."""
    odd = Message.of(attrs.evolve(EVENT, event_id="sự kiện № 1 %20", payment_id="thanh toán 💳"))
    assert publisher.publish([odd]) == [None]
    (record,) = read_all(cluster.bootstrap, topic)
    assert (record.key.decode(), record.headers["ce_id"].decode()) == (
        "thanh toán 💳",
        "sự kiện № 1 %20",
    )


def test_events_of_one_payment_stay_in_order(cluster, topic, publisher):
    for sequence in range(1, 21):
        batch = [
            attrs.evolve(message, id=f"{message.key}-{sequence}", sequence=sequence)
            for message in some(10)
        ]
        assert publisher.publish(batch) == [None] * 10
    seen, partitions = {}, {}
    for record in read_all(cluster.bootstrap, topic):
        seen.setdefault(record.key, []).append(int(record.headers["ce_sequence"]))
        partitions.setdefault(record.key, set()).add(record.partition)
    assert seen == {f"pay_{number}".encode(): list(range(1, 21)) for number in range(10)}
    assert {len(places) for places in partitions.values()} == {1}


def test_a_batch_of_many(cluster, topic, publisher):
    messages = some(2_000)
    assert publisher.publish(messages) == [None] * 2_000
    assert sorted(keys(cluster, topic)) == sorted(message.key for message in messages)


def test_nothing_to_publish_connects_to_nobody():
    publisher = KafkaPublisher("127.0.0.1:1", topic="t", source=SOURCE)
    assert publisher.publish([]) == []
    assert publisher._made is None
    publisher.close()


def test_more_than_the_producer_queues(cluster, topic):
    """The queue of the producer is full in the middle of a batch, again and again."""
    publisher = KafkaPublisher(
        cluster.bootstrap,
        topic=topic,
        source=SOURCE,
        settings={"queue.buffering.max.messages": 10, "linger.ms": 0},
    )
    assert publisher.publish(some(60)) == [None] * 60
    publisher.close()
    assert len(keys(cluster, topic)) == 60


def test_threads_share_a_publisher(cluster, topic, publisher):
    results = {}

    def publish(number):
        results[number] = [
            publisher.publish(some(50, start=1_000 * number + 50 * turn)) for turn in range(10)
        ]

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [[None] * 50] * 10 for number in range(4)}
    found = keys(cluster, topic)
    assert (len(found), len(set(found))) == (2_000, 2_000)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python warns; servers do it
def test_a_child_of_a_fork_has_its_own_producer(cluster, topic, publisher):
    """The threads of librdkafka stay in the parent; the child would wait for its time to be over."""
    assert publisher.publish(some(1)) == [None]
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    child = context.Process(target=lambda: told.put(publisher.publish(some(1, start=1))))
    child.start()
    child.join(timeout=30)
    child.kill()  # if it hangs
    assert (child.exitcode, told.empty() or told.get()) == (0, [None])
    assert publisher.publish(some(1, start=2)) == [None]
    assert sorted(keys(cluster, topic)) == ["pay_0", "pay_1", "pay_2"]


def test_a_closed_publisher_connects_again(cluster, topic, publisher):
    publisher.publish(some(1))
    publisher.close()
    publisher.close()
    assert publisher.publish(some(1, start=1)) == [None]
    assert sorted(keys(cluster, topic)) == ["pay_0", "pay_1"]


# What goes wrong; the rows of the fault catalogue are in test_faults.py.


def test_a_message_in_no_unicode_is_refused_alone(cluster, topic, publisher):
    broken = attrs.evolve(MESSAGE, id="broken", payload='"\ud800"')
    one, refused, other = publisher.publish([*some(1), broken, *some(1, start=1)])
    assert (one, other, type(refused)) == (None, None, MessageRefused)
    assert str(refused) == "event 'broken' is not Unicode text"
    assert sorted(keys(cluster, topic)) == ["pay_0", "pay_1"]


def test_a_broker_that_refuses_a_batch_is_asked_for_each_message(cluster, topic, publisher):
    """Kafka answers for a batch of its protocol as a whole; only the message that is meant is refused."""
    publisher.publish(some(1))
    cluster.push_errors(*[Code.MSG_SIZE_TOO_LARGE] * 4)
    results = publisher.publish(some(8, start=1))
    assert results.count(None) >= 4
    cluster.clear_errors()
    assert publisher.publish(some(8, start=1)) == [None] * 8


def test_a_fatal_error_ends_the_producer_and_not_the_publisher(cluster, topic, publisher):
    assert publisher.publish(some(1)) == [None]
    cluster.push_errors(Code.OUT_OF_ORDER_SEQUENCE)
    with pytest.raises(BrokerUnavailable):
        publisher.publish([MESSAGE])
    assert publisher.publish([MESSAGE]) == [None]
    assert publisher.publish([MESSAGE]) == [None]


def test_a_topic_that_does_not_exist(cluster):
    name = unique("nowhere")
    cluster.create_topic(name)
    cluster.topic_error(name, Code.UNKNOWN_TOPIC_OR_PART)
    publisher = KafkaPublisher(cluster.bootstrap, topic=name, source=SOURCE, timeout=3)
    with pytest.raises(BrokerUnavailable, match=f"Kafka topic {name}: .*Unknown topic"):
        publisher.publish([MESSAGE])
    cluster.topic_error(name, 0)
    assert insist(publisher, [MESSAGE]) == [None]
    publisher.close()


def test_what_librdkafka_logs_goes_to_logging(caplog):
    publisher = KafkaPublisher("127.0.0.1:1", topic="t", source=SOURCE, timeout=0.5)
    with (
        caplog.at_level(logging.DEBUG, "paykit.publishing.kafka"),
        pytest.raises(BrokerUnavailable),
    ):
        publisher.publish([MESSAGE])
    assert any("127.0.0.1:1" in record.getMessage() for record in caplog.records)


# Settings.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"brokers": ""}, "brokers and a topic"),
        ({"topic": ""}, "brokers and a topic"),
        ({"source": ""}, "source names the service"),
        ({"source": "my shop"}, "source names the service"),
        ({"source": "//đơn"}, "source names the service"),
        ({"mode": "batch"}, "mode is binary or structured, not 'batch'"),
        ({"settings": {"acks": "1"}}, "acks: set by paykit"),
        ({"settings": {"enable.idempotence": False}}, "enable.idempotence: set by paykit"),
        ({"settings": {"delivery.report.only.error": True}}, "delivery.report.only.error"),
    ],
)
def test_settings_that_cannot_be(arguments, said):
    settings = {"brokers": "127.0.0.1:1", "topic": "t", "source": SOURCE, **arguments}
    with pytest.raises(ConfigurationError, match=said):
        KafkaPublisher(settings.pop("brokers"), **settings)


def test_a_setting_that_librdkafka_does_not_take():
    settings = {"sasl.password": "SECRET-1", "no.such.thing": "SECRET-1"}
    with pytest.raises(
        ConfigurationError, match=r'No such configuration.*"no\.such\.thing"'
    ) as caught:
        KafkaPublisher("127.0.0.1:1", topic="t", source=SOURCE, settings=settings)
    assert "SECRET" not in str(caught.value)
    settings = {"compression.type": "tar"}
    with pytest.raises(ConfigurationError, match=r'Invalid value "tar" for configuration property'):
        KafkaPublisher("127.0.0.1:1", topic="t", source=SOURCE, settings=settings)


def test_a_password_is_not_shown():
    settings = {"sasl.password": "SECRET-1"}
    publisher = KafkaPublisher("one:9092", topic="t", source=SOURCE, settings=settings)
    assert repr(publisher) == "KafkaPublisher('one:9092', topic='t')"
