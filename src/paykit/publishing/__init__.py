"""Events on their way to a broker.

Every public name is loaded on first use, and each broker's client when a publisher for it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

if TYPE_CHECKING:
    from .faststream.kafka import FastStreamKafkaPublisher as FastStreamKafkaPublisher
    from .faststream.nats import NatsPublisher as NatsPublisher
    from .faststream.rabbit import RabbitPublisher as RabbitPublisher
    from .faststream.redis import RedisPublisher as RedisPublisher
    from .http import HttpPublisher as HttpPublisher
    from .kafka import KafkaPublisher as KafkaPublisher
    from .message import Message as Message
    from .message import Mode as Mode
    from .publisher import AsyncPublisher as AsyncPublisher
    from .publisher import BlockingPublisher as BlockingPublisher
    from .publisher import Publisher as Publisher
    from .publisher import Result as Result
    from .urls import publisher_from_url as publisher_from_url

_HOMES = {
    "faststream.kafka": "FastStreamKafkaPublisher",
    "faststream.nats": "NatsPublisher",
    "faststream.rabbit": "RabbitPublisher",
    "faststream.redis": "RedisPublisher",
    "http": "HttpPublisher",
    "kafka": "KafkaPublisher",
    "message": "Message Mode",
    "publisher": "AsyncPublisher BlockingPublisher Publisher Result",
    "urls": "publisher_from_url",
}
__getattr__, __dir__ = attach(__name__, _HOMES)

__all__ = __dir__()  # noqa: PLE0605 - a test holds it equal to the imports above
