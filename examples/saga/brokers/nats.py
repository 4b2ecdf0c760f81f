"""NATS JetStream: a stream for each topic, a durable consumer for each service. ``nats://host``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from typing_extensions import override

from paykit.publishing import NatsPublisher, Publisher

from .bus import ABANDONED, AGAIN, CONTENT_TYPE, PAYMENTS, Bus, decode, log


class NatsBus(Bus):
    """The stream of ``saga.orders`` is ``saga-orders``."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        self.broker = NatsBroker(url, logger=log)

    @override
    async def publish(self, topic: str, *, key: str, body: bytes) -> None:
        await self.broker.publish(
            body,
            f"{self.prefix}.{topic}",
            stream=f"{self.prefix}-{topic}",  # waits until the stream has it
            headers={"content-type": CONTENT_TYPE},
        )

    @override
    def payments(self) -> Publisher:
        return NatsPublisher(
            self.url,
            subject=f"{self.prefix}.payments",
            stream=f"{self.prefix}-payments",
            source=PAYMENTS,
            mode="structured",
        )

    @override
    async def remove(self, reads: Mapping[str, Sequence[str]]) -> None:
        streams = (await self.broker.connect()).jetstream()
        for topic in {topic for topics in reads.values() for topic in topics}:
            with contextlib.suppress(NotFoundError):
                await streams.delete_stream(f"{self.prefix}-{topic}")

    @override
    async def _make(self, topic: str) -> None:
        streams = (await self.broker.connect()).jetstream()
        await streams.add_stream(name=f"{self.prefix}-{topic}", subjects=[f"{self.prefix}.{topic}"])

    @override
    async def _subscribers(self, service: str, reads: Sequence[str]) -> list[Any]:
        return [
            self.broker.subscriber(
                f"{self.prefix}.{topic}",
                stream=JStream(f"{self.prefix}-{topic}", declare=False),
                durable=service,
                pull_sub=PullSub(timeout=1),
                # One at a time, or else what comes again would come behind what followed it.
                config=ConsumerConfig(max_ack_pending=1, ack_wait=ABANDONED),
                ack_policy=AGAIN,
                decoder=decode,
            )
            for topic in reads
        ]
