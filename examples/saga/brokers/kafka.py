"""Kafka: one consumer group for each service. ``kafka://host:9092,other:9092``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from confluent_kafka import Producer
from faststream.kafka import KafkaBroker, Topic
from typing_extensions import override

from paykit.publishing import KafkaPublisher, Publisher

from .bus import AGAIN, CONTENT_TYPE, PAYMENTS, Bus, decode, log


class KafkaBus(Bus):
    """The key of an event is its order, or its payment: those are in order in their partition."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        parts = urlsplit(url)
        self.servers = parts.netloc
        # How soon a dead member of a group is missed; 6 s is the least that Kafka allows as it is.
        (self.session,) = parse_qs(parts.query).get("session_timeout_ms", ["6000"])
        self.broker = KafkaBroker(
            self.servers.split(","), acks="all", enable_idempotence=True, logger=log
        )

    @override
    async def publish(self, topic: str, *, key: str, body: bytes) -> None:
        headers = {"content-type": CONTENT_TYPE}
        name = f"{self.prefix}.{topic}"
        await self.broker.publish(body, name, key=key.encode(), headers=headers)

    @override
    def payments(self) -> Publisher:
        topic = f"{self.prefix}.payments"
        return KafkaPublisher(self.servers, topic=topic, source=PAYMENTS, mode="structured")

    @override
    async def remove(self, reads: Mapping[str, Sequence[str]]) -> None:
        """Topics stay: not everybody who may write to a cluster may delete there."""

    @override
    async def _make(self, topic: str) -> None:
        # To ask for a topic is to make it, where brokers are set so (auto.create.topics.enable).
        client = Producer({"bootstrap.servers": self.servers})
        await asyncio.to_thread(client.list_topics, f"{self.prefix}.{topic}", timeout=30)

    @override
    async def _subscribers(self, service: str, reads: Sequence[str]) -> list[Any]:
        return [
            self.broker.subscriber(
                *(Topic(f"{self.prefix}.{topic}", declare=False) for topic in reads),
                group_id=f"{self.prefix}.{service}",
                auto_offset_reset="earliest",
                fetch_max_wait_ms=50,
                session_timeout_ms=int(self.session),
                heartbeat_interval_ms=500,
                ack_policy=AGAIN,
                decoder=decode,
            )
        ]
