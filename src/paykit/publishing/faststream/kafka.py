"""Publishes to Kafka over a FastStream broker that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError, MessageRefused, PublishError
from ..message import BINARY, STRUCTURED, Message, Mode
from ..publisher import TIMEOUT, Result
from .base import OverFastStream

if TYPE_CHECKING:
    from faststream.confluent import KafkaBroker as ConfluentBroker
    from faststream.kafka import KafkaBroker


class FastStreamKafkaPublisher(OverFastStream["KafkaBroker | ConfluentBroker"]):
    """Publishes to a Kafka topic over a FastStream broker of yours, of either kind.

    What an acknowledgement is worth depends on that broker: make it with ``acks="all"`` and
    ``enable_idempotence=True``. :class:`~paykit.publishing.KafkaPublisher` sees to that itself and
    is many times as fast.
    """

    _extra = "kafka"

    def __init__(
        self,
        broker: KafkaBroker | ConfluentBroker,
        *,
        topic: str,
        source: str,
        mode: Mode = "binary",
        timeout: float = TIMEOUT,
    ) -> None:
        if isinstance(broker, str):
            self._make(broker)  # which refuses it; KafkaPublisher takes addresses
        super().__init__(broker, source=source, mode=mode, timeout=timeout)
        if not topic:
            raise ConfigurationError("Kafka needs a topic")
        self._topic = topic

    def _place(self) -> str:
        return f"Kafka topic {self._topic}"

    async def _send(self, broker: KafkaBroker | ConfluentBroker, message: Message) -> Result:
        headers = {} if self._structured else message.headers(self._source, "ce_")
        headers["content-type"] = STRUCTURED if self._structured else BINARY
        await broker.publish(
            self._body(message),
            self._topic,
            key=message.key.encode(),
            headers=headers,
            correlation_id=message.id,
        )
        return None

    def _failure(self, error: Exception) -> PublishError:
        # Two clients, and neither of them need be installed: both name what Kafka answers alike.
        said = f"{type(error).__name__}: {error}"
        if "MessageSizeTooLarge" in said or "MSG_SIZE_TOO_LARGE" in said:
            return MessageRefused(f"{self._place()}: {said:.300}")
        return self._unavailable(error)
