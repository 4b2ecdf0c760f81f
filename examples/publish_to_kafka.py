"""Publish payment events to Kafka: a handler for ``PaymentService.subscribe``.

Needs the extra ``paykit-adapters[kafka]``. Each event becomes one message: a CloudEvent in JSON,
keyed by its payment. The handler returns when the brokers have it and raises when they do not, so
that the service keeps the event and tries again.
"""

import json

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from paykit import PaymentProcessed

HEADERS = {"content-type": "application/cloudevents+json; charset=UTF-8"}


def connect(brokers: str, *, delivery_seconds: int = 10) -> Producer:
    """A producer that writes to all replicas, never out of order, and never twice by itself.

    After ``delivery_seconds`` it gives a message up and says so. Stay well below the 60 seconds
    that the service grants to a handler.
    """
    return Producer(
        {
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": delivery_seconds * 1000,
        }
    )


class KafkaPublisher:
    """Publishes one event per call. ``source`` names your service as a URI reference."""

    def __init__(self, producer: Producer, *, topic: str, source: str) -> None:
        self._producer = producer
        self._topic = topic
        self._source = source

    def __call__(self, event: PaymentProcessed) -> None:
        """Publish ``event``; raises ``KafkaException`` unless the brokers have confirmed it."""
        cloudevent = event.to_cloudevent(source=self._source)
        reports: list[KafkaError | None] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            reports.append(error)

        self._producer.produce(
            self._topic,
            key=cloudevent["partitionkey"],
            value=json.dumps(cloudevent, ensure_ascii=False).encode(),
            headers=HEADERS,
            on_delivery=report,
        )
        self._producer.flush()  # ends after delivery_seconds at the latest, with a report
        for error in reports:
            if error is not None:
                raise KafkaException(error)
