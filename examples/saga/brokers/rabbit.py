"""RabbitMQ: a durable queue for each service and topic. ``amqp://user:password@host``.

RabbitMQ keeps nothing for a queue that is not there yet. So every service has to be started once
before the first order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from typing_extensions import override

from paykit.publishing import Publisher, RabbitPublisher

from .bus import AGAIN, CONTENT_TYPE, PAYMENTS, Bus, decode, log


class RabbitBus(Bus):
    """One topic exchange, whose routing keys are the topics."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        # One at a time, or else what comes again would come behind what followed it.
        self.broker = RabbitBroker(url, default_channel=Channel(prefetch_count=1), logger=log)
        self.exchange = RabbitExchange(prefix, type=ExchangeType.TOPIC, durable=True)

    @override
    async def publish(self, topic: str, *, key: str, body: bytes) -> None:
        await self.broker.publish(
            body,
            exchange=self.exchange,
            routing_key=topic,
            persist=True,
            mandatory=False,  # nobody need listen to every topic
            content_type=CONTENT_TYPE,
        )

    @override
    def payments(self) -> Publisher:
        return RabbitPublisher(
            self.url,
            exchange=self.prefix,
            routing_key="payments",
            source=PAYMENTS,
            mode="structured",
        )

    @override
    async def remove(self, reads: Mapping[str, Sequence[str]]) -> None:
        connection = await self.broker.connect()
        async with connection.channel() as channel:
            for service, topics in reads.items():
                for topic in topics:
                    await channel.queue_delete(f"{self.prefix}.{service}.{topic}")
            await channel.exchange_delete(self.prefix)

    @override
    async def _make(self, topic: str) -> None:
        await self.broker.declare_exchange(self.exchange)  # one for all of them

    @override
    async def _subscribers(self, service: str, reads: Sequence[str]) -> list[Any]:
        return [
            self.broker.subscriber(
                RabbitQueue(f"{self.prefix}.{service}.{topic}", durable=True, routing_key=topic),
                self.exchange,
                ack_policy=AGAIN,
                decoder=decode,
            )
            for topic in reads
        ]
