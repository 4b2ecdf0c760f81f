"""The brokers, each over FastStream: nothing outside this folder knows one from another.

A topic is a Kafka topic, a routing key of a RabbitMQ exchange, a subject of a JetStream stream, or
a Redis stream. Each service gets every event of the topics that it reads, at least once: an event
whose handling fails, or is never finished, comes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .bus import Bus as Bus
from .bus import log as log

if TYPE_CHECKING:
    from ..settings import Settings


def connect(settings: Settings) -> Bus:
    """The bus for the broker that the settings name; no other broker's client is needed."""
    match urlsplit(settings.broker).scheme:
        case "kafka":
            from .kafka import KafkaBus as Chosen
        case "amqp":
            from .rabbit import RabbitBus as Chosen
        case "nats":
            from .nats import NatsBus as Chosen
        case "redis":
            from .redis import RedisBus as Chosen
        case other:
            raise SystemExit(f"a broker is kafka://, amqp://, nats:// or redis://, not {other!r}")
    return Chosen(settings.broker, settings.prefix)
