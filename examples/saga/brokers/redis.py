"""Redis Streams: a stream for each topic, a consumer group for each service. ``redis://host``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from faststream.message import StreamMessage
from faststream.redis import RedisBroker, StreamSub
from redis.exceptions import ResponseError
from typing_extensions import override

from paykit.publishing import Publisher, RedisPublisher

from .bus import ABANDONED, AGAIN, PAYMENTS, Bus, log


class RedisBus(Bus):
    """An entry has a field for each attribute of its CloudEvent, and ``data`` as JSON."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        self.broker = RedisBroker(url, logger=log)

    @override
    async def stop(self) -> None:
        log.disabled = True  # readers are cut off in the middle of a read, and complain of it
        try:
            await super().stop()
        finally:
            log.disabled = False

    @override
    async def publish(self, topic: str, *, key: str, body: bytes) -> None:
        event = json.loads(body)
        client = await self.broker.connect()
        await client.xadd(f"{self.prefix}.{topic}", {**event, "data": json.dumps(event["data"])})

    @override
    def payments(self) -> Publisher:
        return RedisPublisher(self.url, stream=f"{self.prefix}.payments", source=PAYMENTS)

    @override
    async def remove(self, reads: Mapping[str, Sequence[str]]) -> None:
        client = await self.broker.connect()
        topics = {topic for topics in reads.values() for topic in topics}
        await client.delete(*(f"{self.prefix}.{topic}" for topic in topics))

    @override
    async def _make(self, topic: str) -> None:
        """The first entry makes a stream."""

    @override
    async def _subscribers(self, service: str, reads: Sequence[str]) -> list[Any]:
        client = await self.broker.connect()
        subscribers = []
        for topic in reads:
            stream = f"{self.prefix}.{topic}"
            try:
                await client.xgroup_create(stream, service, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):  # it is there already
                    raise
            new = StreamSub(stream, group=service, consumer=service)
            left = StreamSub(  # what was given to a process that did not acknowledge it
                stream, group=service, consumer=service, min_idle_time=int(1000 * ABANDONED)
            )
            subscribers += [
                self.broker.subscriber(stream=one, ack_policy=AGAIN, decoder=_decode)
                for one in (new, left)
            ]
        return subscribers


async def _decode(message: StreamMessage[Any]) -> dict[str, Any]:
    fields = {key.decode(): value.decode() for key, value in message.raw_message["data"].items()}
    try:
        return {**fields, "data": json.loads(fields.get("data", ""))}
    except ValueError:
        return {}
