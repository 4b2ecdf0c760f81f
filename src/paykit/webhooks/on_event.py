"""Webhooks for those who keep their own records: a handler of yours instead of a service.

::

    def on_event(event):
        if isinstance(event, PaymentProcessed):
            orders.mark(event.order_id, event.status, event.amount)

    app = PaykitApp(AsyncEventReceiver([vnpay], on_event=on_event), return_to="/thanks")

Nothing is kept here. The same event may come again and from several servers at once: do your work
in one transaction that has ``event.event_id`` in it. Compare the amount, the currency and the
reference with what you asked for; there is no record here to do it by.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import attrs

from ..aside import in_thread
from ..client import AsyncClient, Client
from ..errors import ConfigurationError, PaykitError, WebhookError
from ..events import Event, PaymentProcessed
from ..http import Delivery, Reply
from ..info import refusal
from ..models import PaymentStatus
from ..provider import Outcome, Provider
from ..registry import by_key
from ..transport import AsyncTransport, Transport

log = logging.getLogger("paykit.webhooks")

#: Gets an event. An :class:`~paykit.Outcome` says how to answer the provider; else: accepted.
OnEvent: TypeAlias = Callable[[Event], Outcome | Awaitable[Outcome | None] | None]

#: The reply to a delivery with several events is for the gravest of what became of them.
_GRAVEST: Final = (
    Outcome.TRY_AGAIN,
    Outcome.BAD_SIGNATURE,
    Outcome.STALE,
    Outcome.MALFORMED,
    Outcome.MISMATCH,
    Outcome.UNKNOWN_REFERENCE,
    Outcome.ACCEPTED,
    Outcome.DUPLICATE,
)


@attrs.frozen(slots=True)
class Handled:
    """What became of a delivery, and the reply for the provider."""

    outcome: Outcome
    reply: Reply
    error: BaseException | None = None
    events: tuple[Event, ...] = ()


@attrs.frozen(slots=True)
class SeenReturn:
    """What a browser's return proves. It informs and never settles: the payer can replay it."""

    verified: bool
    reference: str | None = None
    status: PaymentStatus | None = None
    payment_id: None = None
    onward: None = None


@attrs.frozen(slots=True)
class Health:
    """Whether deliveries can be taken: always, for nothing is kept."""

    ready: bool = True


class _Receiver:
    """What both receivers have in common."""

    #: Nobody knows here how a payment stands.
    statuses: Final = None

    def __init__(self, providers: Iterable[Provider], on_event: OnEvent) -> None:
        self._providers = by_key(providers)
        self._on_event = on_event

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider accounts by key (``momo``, ``momo-eu``)."""
        return self._providers

    def _refuse(self, provider: Provider, error: PaykitError) -> Handled:
        log.warning("refused a delivery for %s: %s", provider.key, error)
        outcome = refusal(error) if isinstance(error, WebhookError) else Outcome.TRY_AGAIN
        return Handled(outcome, provider.reply(outcome), error)

    def _fail(self, provider: Provider, event: Event, error: BaseException) -> Handled:
        log.error(
            "the handler failed on event %s of %s", event.event_id, provider.key, exc_info=error
        )
        again = Outcome.TRY_AGAIN
        return Handled(again, provider.reply(again), error)

    def _end(
        self, provider: Provider, events: tuple[Event, ...], outcomes: Sequence[object]
    ) -> Handled:
        told = [one if isinstance(one, Outcome) else Outcome.ACCEPTED for one in outcomes]
        gravest = min(told, key=_GRAVEST.index, default=Outcome.ACCEPTED)
        return Handled(gravest, provider.reply(gravest), None, events)


class EventReceiver(_Receiver):
    """Verifies webhooks and calls ``on_event`` with each event; the provider is answered after it.

    An exception in the handler gives the provider's "try again", so that it comes again. The
    handler may return an :class:`~paykit.Outcome` to have the provider told of an unknown order, a
    wrong amount or a repeat. For blocking servers; ``transport`` is as for
    :class:`~paykit.Client`. Close it, or use it in a ``with`` block.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        on_event: OnEvent,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(providers, on_event)
        if inspect.iscoroutinefunction(on_event):
            raise ConfigurationError("an async handler needs AsyncEventReceiver")
        self._clients = {
            key: Client(one, transport=transport) for key, one in self._providers.items()
        }

    def receive(self, delivery: Delivery, *, provider: str) -> Handled:
        """Take a webhook: verify, hand over, and say what to reply. Never raises for bad input."""
        client = self._clients[provider]
        try:
            events = client.receive(delivery)
        except PaykitError as error:
            return self._refuse(client.provider, error)
        outcomes: list[Any] = []
        for event in events:
            try:
                outcomes.append(_done(self._on_event(event)))
            except (Exception, CancelledError) as error:  # noqa: BLE001 - a user's may raise anything
                return self._fail(client.provider, event, error)
        return self._end(client.provider, events, outcomes)

    def receive_return(self, delivery: Delivery, *, provider: str) -> SeenReturn:
        """Check a browser's return."""
        try:
            return _seen(self._clients[provider].receive_return(delivery))
        except PaykitError as error:
            log.info("an unproven browser return for %s: %s", provider, error)
            return SeenReturn(verified=False)

    def health(self) -> Health:
        """Whether deliveries can be taken."""
        return Health()

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncEventReceiver(_Receiver):
    """As :class:`EventReceiver`, for async servers. A plain handler is called in a thread."""

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        on_event: OnEvent,
        transport: AsyncTransport | None = None,
    ) -> None:
        super().__init__(providers, on_event)
        self._clients = {
            key: AsyncClient(one, transport=transport) for key, one in self._providers.items()
        }

    async def receive(self, delivery: Delivery, *, provider: str) -> Handled:
        """Take a webhook; see :meth:`EventReceiver.receive`."""
        client = self._clients[provider]
        try:
            events = await client.receive(delivery)
        except PaykitError as error:
            return self._refuse(client.provider, error)
        outcomes: list[Any] = []
        for event in events:
            try:
                outcomes.append(await self._handle(event))
            except (Exception, CancelledError) as error:
                if _is_cancelled(error):
                    raise
                return self._fail(client.provider, event, error)
        return self._end(client.provider, events, outcomes)

    async def receive_return(self, delivery: Delivery, *, provider: str) -> SeenReturn:
        """Check a browser's return."""
        try:
            return _seen(await self._clients[provider].receive_return(delivery))
        except PaykitError as error:
            log.info("an unproven browser return for %s: %s", provider, error)
            return SeenReturn(verified=False)

    async def health(self) -> Health:
        """Whether deliveries can be taken."""
        return Health()

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            await client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _handle(self, event: Event) -> Any:
        if inspect.iscoroutinefunction(self._on_event):
            return await self._on_event(event)
        done: Any = await in_thread(self._on_event, event)
        return await done if inspect.isawaitable(done) else done


def _done(outcome: Any) -> Any:
    """What a handler returned, if it has run: what is awaited by nobody never will."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise ConfigurationError("an async handler needs AsyncEventReceiver")
    return outcome


def _is_cancelled(error: BaseException) -> bool:
    """Whether it is this delivery that is given up, and not something that the handler awaited."""
    task = asyncio.current_task()
    return isinstance(error, CancelledError) and task is not None and task.cancelling() > 0


def _seen(events: tuple[Event, ...]) -> SeenReturn:
    told = [event for event in events if isinstance(event, PaymentProcessed)]
    if not told:
        return SeenReturn(verified=True)
    return SeenReturn(verified=True, reference=told[0].reference, status=told[0].status)
