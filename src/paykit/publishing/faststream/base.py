"""What the publishers over FastStream's brokers have in common: connecting, and asking in parallel.

Each takes a URL, or a broker that the caller already has: that one keeps its settings, and is
connected here if need be but never stopped. All of it is for one event loop. A publisher that is
used in another one connects anew there.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from ...errors import BrokerUnavailable, ConfigurationError, MessageRefused, PublishError
from ..message import Message, Mode, check_mode
from ..publisher import Result, check_source, in_parallel, settle

if TYPE_CHECKING:
    from faststream.confluent import KafkaBroker as ConfluentBroker
    from faststream.kafka import KafkaBroker
    from faststream.nats import NatsBroker
    from faststream.rabbit import RabbitBroker
    from faststream.redis import RedisBroker

B = TypeVar("B", "RabbitBroker", "NatsBroker", "RedisBroker", "KafkaBroker | ConfluentBroker")

#: Messages that may be under way at a time.
_AT_ONCE: Final = 256
#: Seconds that stopping a broker may take.
_GOODBYE: Final = 5.0


class OverFastStream(ABC, Generic[B]):
    """Connects when it is first used, and asks the subclass for what differs."""

    is_async: ClassVar[Literal[True]] = True
    _extra: ClassVar[str]

    def __init__(self, broker: str | B, *, source: str, mode: Mode, timeout: float) -> None:
        self._url = broker if isinstance(broker, str) else ""
        self._given: B | None = None if isinstance(broker, str) else broker
        if self._given is None:
            self._package()
        self._source = check_source(source)
        self._structured = check_mode(mode) == "structured"
        self._timeout = timeout
        self._bound: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self._broker: B | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_without_password(self._url)!r})"

    async def publish(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Publish; one result per message, in their order.

        Raises :class:`~paykit.errors.BrokerUnavailable` where none of them was taken or refused.
        """
        if not messages:
            return []
        try:
            async with asyncio.timeout(self._timeout):
                broker = await self._connected()
        except ConfigurationError:
            raise
        except Exception as error:
            raise self._unavailable(error) from error
        try:
            return settle(await self._publish(broker, messages))
        except BrokerUnavailable:
            # A client may wait before it connects again. The relay has waited already by the time
            # that it comes back, and then finds a new connection, and what it needs made anew.
            await self.close()
            raise

    async def close(self) -> None:
        """Stop the broker, unless it was passed in."""
        broker, self._broker = self._broker, None
        if broker is not None and broker is not self._given:
            await self._stop(broker)

    async def _publish(self, broker: B, messages: Sequence[Message]) -> list[Result]:
        return await in_parallel(
            functools.partial(self._try, broker),
            messages,
            late=self._unavailable(f"no answer within {self._timeout:g} seconds"),
            at_once=_AT_ONCE,
            seconds=self._timeout,
        )

    async def _try(self, broker: B, message: Message) -> Result:
        try:
            return await self._send(broker, message)
        except UnicodeEncodeError:
            return MessageRefused(f"event {message.id!r:.80} is not Unicode text")
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is not confirmed
            return self._failure(error)

    async def _connected(self) -> B:
        loop = asyncio.get_running_loop()
        if self._bound is None or self._bound[0] is not loop:
            # What another loop has opened is of no use here, and cannot be closed from here.
            self._bound, self._broker = (loop, asyncio.Lock()), None
        async with self._bound[1]:
            if self._broker is None:
                # Kept before it is connected, so that a failure half-way is cleared away.
                self._broker = broker = self._given or self._make(self._url)
                try:
                    await broker.connect()
                    await self._prepare(broker)
                except BaseException:
                    await self.close()
                    raise
            return self._broker

    def _package(self) -> Any:
        """FastStream's module for this broker; raises :class:`ConfigurationError` without it."""
        try:
            return importlib.import_module(f"faststream.{self._extra.removesuffix('mq')}")
        except ImportError:
            raise ConfigurationError(
                f"{type(self).__name__} needs the extra paykit-adapters[{self._extra}]"
            ) from None

    def _unavailable(self, error: BaseException | str) -> BrokerUnavailable:
        said = error if isinstance(error, str) else f"{type(error).__name__}: {error}".rstrip(": ")
        if password := urlsplit(self._url).password:
            said = said.replace(password, "***")
        return BrokerUnavailable(f"{self._place()}: {said:.300}")

    def _body(self, message: Message) -> bytes:
        if self._structured:
            return message.structured(self._source)
        return message.payload.encode()

    def _make(self, url: str) -> B:
        """A broker of our own, for those that can be had by an address."""
        raise ConfigurationError(f"{type(self).__name__} takes a broker of FastStream, not {url!r}")

    @abstractmethod
    def _place(self) -> str:
        """What is published to, in words."""

    @abstractmethod
    async def _send(self, broker: B, message: Message) -> Result: ...

    async def _prepare(self, broker: B) -> None:
        """Make what is missing on the broker."""

    async def _stop(self, broker: B) -> None:
        # It may be broken, and then cannot say goodbye.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_GOODBYE):
                await broker.stop()

    def _failure(self, error: Exception) -> PublishError:
        """What an error of the client means. Most of them say nothing about the message."""
        return self._unavailable(error)


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@", 1) if password else url
