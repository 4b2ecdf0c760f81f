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
    url, prefix = settings.broker, settings.prefix
    match urlsplit(url).scheme:
        case "kafka":
            from .kafka import KafkaBus

            return KafkaBus(url, prefix)
        case "amqp":
            from .rabbit import RabbitBus

            return RabbitBus(url, prefix)
        case "nats":
            from .nats import NatsBus

            return NatsBus(url, prefix)
        case "redis":
            from .redis import RedisBus

            return RedisBus(url, prefix)
        case other:
            raise SystemExit(f"a broker is kafka://, amqp://, nats:// or redis://, not {other!r}")
