"""What a service needs of a broker."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from faststream import AckPolicy
from faststream.message import StreamMessage

from paykit.publishing import Publisher

log = logging.getLogger("saga")

Handle: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"
#: Who names the payments' events; the other services name themselves likewise.
PAYMENTS: Final = "//shop.example/payment"
#: What is not handled is not acknowledged, and so it comes again.
AGAIN: Final = AckPolicy.NACK_ON_ERROR
#: Seconds after which an event that a dead process was given is given to another.
ABANDONED: Final = 5


class Bus(ABC):
    """The connection of one service to a broker. ``broker`` is FastStream's."""

    broker: Any

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.prefix = prefix

    async def start(
        self, service: str, *, reads: Sequence[str], writes: str, handle: Handle
    ) -> None:
        """Make what is missing on the broker, and call ``handle`` with every event from now on."""
        await self.broker.connect()
        for topic in sorted({*reads, writes}):
            await self._make(topic)
        for subscriber in await self._subscribers(service, reads):
            subscriber(handle)
        await self.broker.start()

    async def stop(self) -> None:
        """Let what is being handled be finished, and disconnect."""
        await self.broker.stop()

    @abstractmethod
    async def publish(self, topic: str, *, key: str, body: bytes) -> None:
        """Publish an event; the broker has it when this returns."""

    @abstractmethod
    def payments(self) -> Publisher:
        """A publisher for the topic ``payments``, for paykit, with a connection of its own."""

    @abstractmethod
    async def remove(self, reads: Mapping[str, Sequence[str]]) -> None:
        """Delete what was made on the broker for these services and the topics that they read."""

    @abstractmethod
    async def _make(self, topic: str) -> None: ...

    @abstractmethod
    async def _subscribers(self, service: str, reads: Sequence[str]) -> list[Any]:
        """FastStream's subscribers, of which together each event is got once by a service."""


async def decode(message: StreamMessage[Any]) -> dict[str, Any]:
    """The CloudEvent that is in a message; nothing, if it is none."""
    try:
        found = json.loads(message.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
