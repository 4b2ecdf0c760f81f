"""Events on their way to a broker.

Every public name is loaded on first use, and each broker's client when a publisher for it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 - a test holds it equal to the imports above


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
