"""Publishes to RabbitMQ: durable, confirmed, and never into nothing.

RabbitMQ hands the headers of its own protocol to clients of AMQP 1.0 as application properties, so
they are named as that binding says:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BrokerUnavailable, ConfigurationError, NotPublished, PublishError
from ..message import BINARY, STRUCTURED, Message, Mode
from ..publisher import TIMEOUT, Result
from .base import OverFastStream

if TYPE_CHECKING:
    from faststream.rabbit import RabbitBroker


class RabbitPublisher(OverFastStream["RabbitBroker"]):
    """Publishes to an exchange of RabbitMQ, with publisher confirms.

    A message is persistent, and published once the broker confirms it: it is on disk, and for a
    quorum queue on a majority. One that no queue takes is not published. The exchange is made as a
    durable topic exchange if it is missing; ``exchange=""`` is the default one. The routing key is
    the event's type unless it is given. A ``queue`` is made as a durable quorum queue, bound to the
    exchange. With ``declare=False`` nothing is made.
    """

    _extra = "rabbitmq"

    def __init__(
        self,
        broker: str | RabbitBroker,
        *,
        exchange: str,
        source: str,
        routing_key: str = "",
        queue: str = "",
        declare: bool = True,
        mode: Mode = "binary",
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(broker, source=source, mode=mode, timeout=timeout)
        if not exchange and not (routing_key or queue):
            raise ConfigurationError("the default exchange needs a queue or a routing key")
        self._exchange_name = exchange
        self._queue = queue
        self._routing_key = routing_key or (queue if not exchange else "")
        self._declare = declare
        self._exchange: Any = None

    def _make(self, url: str) -> RabbitBroker:
        broker: RabbitBroker = self._package().RabbitBroker(url, logger=None)
        return broker

    def _place(self) -> str:
        return f"RabbitMQ exchange {self._exchange_name!r}"

    async def _prepare(self, broker: RabbitBroker) -> None:
        from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue

        self._exchange = RabbitExchange(
            self._exchange_name, type=ExchangeType.TOPIC, durable=True, declare=self._declare
        )
        if self._exchange_name:
            await broker.declare_exchange(self._exchange)
        if self._queue:
            made = RabbitQueue(self._queue, queue_type=QueueType.QUORUM, declare=self._declare)
            queue = await broker.declare_queue(made)
            if self._exchange_name and self._declare:
                await queue.bind(self._exchange_name, self._routing_key or "#")

    async def _send(self, broker: RabbitBroker, message: Message) -> Result:
        from aiormq import spec

        answer = await broker.publish(
            self._body(message),
            exchange=self._exchange,
            routing_key=self._routing_key or message.type,
            mandatory=True,
            persist=True,
            headers={} if self._structured else {**message.headers(self._source, "cloudEvents:")},
            content_type=STRUCTURED if self._structured else BINARY,
            message_id=message.id,
            message_type=message.type,
            correlation_id=message.id,
            timestamp=message.time,
        )
        if isinstance(answer, spec.Basic.Ack):
            return None
        if answer is None:
            return self._unavailable("publisher confirms are switched off on this broker's channel")
        return self._unrouted()

    def _unrouted(self) -> BrokerUnavailable:
        key = self._routing_key or "the event's type"
        return self._unavailable(f"no queue is bound for the routing key {key}")

    def _failure(self, error: Exception) -> PublishError:
        from aiormq.exceptions import DeliveryError
        from aiormq.exceptions import PublishError as Returned

        if isinstance(error, Returned):
            return self._unrouted()
        if isinstance(error, DeliveryError):
            return NotPublished(f"{self._place()}: the broker refused to store it (nack)")
        return self._unavailable(error)
