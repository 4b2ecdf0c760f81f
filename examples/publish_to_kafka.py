"""Publish payment events to Kafka: the whole of it.

    python examples/publish_to_kafka.py sqlite:///payments.db localhost:9092

Runs beside the web server, on the same database, until it is told to stop. Needs the extras
``service`` and ``kafka``. ``paykit relay`` does the same without a line of Python.
"""

import signal
import sys
import threading

from paykit.publishing import KafkaPublisher
from paykit.service import PaymentService


def publish_all(database: str, brokers: str, *, until: threading.Event) -> None:
    """Publish what is in the outbox and what comes into it."""
    publisher = KafkaPublisher(brokers, topic="payments", source="//shop.example/payments")
    with PaymentService([], database=database) as service:
        service.publish_to(publisher)
        until.wait()


if __name__ == "__main__":
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    publish_all(*sys.argv[1:3], until=stop)
