"""Publishes to Redis Streams: one pipeline of XADD per call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError, MessageRefused
from ..message import Message
from ..publisher import TIMEOUT, Result
from .base import OverFastStream

if TYPE_CHECKING:
    from faststream.redis import RedisBroker


class RedisPublisher(OverFastStream["RedisBroker"]):
    """Publishes to a Redis stream by ``XADD``, all messages of a call in one pipeline.

    A message is published once Redis has it in memory. Whether it is on disk by then is decided by
    ``appendfsync``. The stream is made by the first entry. ``maxlen`` is about how many entries
    are kept; without it, all.

    CloudEvents has no binding for Redis. An entry has one field per attribute, under its own
    name, and the event's JSON in ``data``.
    """

    _extra = "redis"

    def __init__(
        self,
        broker: str | RedisBroker,
        *,
        stream: str,
        source: str,
        maxlen: int | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(broker, source=source, mode="binary", timeout=timeout)
        if not stream:
            raise ConfigurationError("Redis needs the name of a stream")
        if maxlen is not None and maxlen < 1:
            raise ConfigurationError("maxlen must be a whole number from 1 on")
        self._stream = stream
        self._maxlen = maxlen

    def _make(self, url: str) -> RedisBroker:
        broker: RedisBroker = self._package().RedisBroker(url, logger=None)
        return broker

    def _place(self) -> str:
        return f"Redis stream {self._stream}"

    async def _prepare(self, broker: RedisBroker) -> None:
        client = await broker.connect()
        await client.ping()

    async def _publish(self, broker: RedisBroker, messages: Sequence[Message]) -> list[Result]:
        # Not by the broker's publish, which wraps each body in a form of FastStream's own.
        client = await broker.connect()
        results: list[Result] = [None] * len(messages)
        sent = []
        pipeline = client.pipeline(transaction=False)
        for place, message in enumerate(messages):
            try:
                fields = self._fields(message)
            except UnicodeEncodeError:
                results[place] = MessageRefused(f"event {message.id!r:.80} is not Unicode text")
                continue
            sent.append(place)
            pipeline.xadd(self._stream, fields, maxlen=self._maxlen, approximate=True)
        try:
            async with asyncio.timeout(self._timeout):
                answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:  # noqa: BLE001 - some may be stored, but none is confirmed
            answers = [error] * len(sent)
        for place, answer in zip(sent, answers, strict=True):
            if not isinstance(answer, bytes | str):
                results[place] = self._unavailable(answer)
        return results

    def _fields(self, message: Message) -> dict[Any, Any]:
        fields = {**message.attributes(self._source), "data": message.payload}
        return {name: value.encode() for name, value in fields.items()}

    async def _send(self, broker: RedisBroker, message: Message) -> Result:
        (result,) = await self._publish(broker, [message])
        return result
