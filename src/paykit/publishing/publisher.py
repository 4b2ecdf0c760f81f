"""What a publisher is, and how its results are made.

``publish`` gives one result per message: ``None``, where the broker has it for good, else a
:class:`~paykit.errors.PublishError`. If the broker as a whole takes nothing, it raises
:class:`~paykit.errors.BrokerUnavailable` instead, and then no message counts as tried. It returns
when every message has its answer or its time is over, so whoever publishes the next event of a
payment only after that keeps their order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, Literal, Protocol, TypeAlias

from ..errors import BrokerUnavailable, ConfigurationError, PublishError
from .message import Message

#: ``None``: published.
Result: TypeAlias = PublishError | None

#: Longer than a broker needs to choose a new leader, and less than relays lease their messages for.
TIMEOUT: Final = 30.0


class BlockingPublisher(Protocol):
    """Publishes and blocks until it knows the results; may be shared between threads."""

    is_async: ClassVar[Literal[False]]

    def publish(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Publish; one result per message, in their order. Raises ``BrokerUnavailable``."""
        ...

    def close(self) -> None:
        """Give back the connections. A publisher that is used again connects again."""
        ...


class AsyncPublisher(Protocol):
    """As :class:`BlockingPublisher`, for one event loop."""

    is_async: ClassVar[Literal[True]]

    async def publish(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Publish; one result per message, in their order. Raises ``BrokerUnavailable``."""
        ...

    async def close(self) -> None:
        """Give back the connections. A publisher that is used again connects again."""
        ...


Publisher: TypeAlias = BlockingPublisher | AsyncPublisher


def settle(results: list[Result]) -> list[Result]:
    """``results``; raises :class:`BrokerUnavailable` where nothing else is among them."""
    if results and all(isinstance(result, BrokerUnavailable) for result in results):
        raise results[0]  # type: ignore[misc]  # it is one of these
    return results


async def in_parallel(
    send: Callable[[Message], Awaitable[Result]],
    messages: Sequence[Message],
    *,
    late: BrokerUnavailable,
    at_once: int,
    seconds: float,
) -> list[Result]:
    """The results of ``send`` for each message, of which so many are under way at a time.

    What has no answer after ``seconds`` is cancelled, and ``late``. ``send`` raises nothing.
    """
    results: list[Result] = [late] * len(messages)
    waiting = iter(enumerate(messages))

    async def work() -> None:
        for place, message in waiting:
            results[place] = await send(message)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(messages))):
                group.create_task(work())
    return results


def check_source(source: str) -> str:
    """``source``, if it can name a service; raises :class:`ConfigurationError`."""
    if not source or not source.isascii() or not source.isprintable() or " " in source:
        raise ConfigurationError(
            "source names the service that emits the events as a URI reference, such as "
            "//shop.example/payments"
        )
    return source
