"""The two faces of the service: the same methods, blocking and async."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Engine

from ..errors import PaykitError
from ..events import PaymentProcessed, TransferReceived
from ..flow import arun, run
from ..http import Delivery
from ..models import PaymentRequest, PaymentSession
from ..money import Money
from ..provider import Clock, IdFactory, Provider, random_id, utc_now
from ..retries import Timeouts
from ..transport import AsyncHttpxTransport, AsyncTransport, HttpxTransport, Transport
from . import store
from .commands import Commanded
from .effects import Read, Talk, Transact, log
from .operations import Operations, Receipt, ReturnInfo
from .relay import POLL_SECONDS, Handle, Handler, relay_once
from .state import PaymentRecord
from .writer import Writer, open_database

T = TypeVar("T")


class _Shared:
    """What both faces have in common: accounts, database, writer."""

    def __init__(
        self,
        providers: Iterable[Provider],
        database: str,
        clock: Clock,
        new_id: IdFactory,
        *,
        single_process: bool,
    ) -> None:
        self._operations = Operations(providers, clock, new_id)
        self._clock = clock
        self._engine: Engine = open_database(database, single_process=single_process)
        self._writer = Writer(self._engine)
        self._handlers: list[Handler] = []

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider accounts by key (``momo``, ``momo-eu``)."""
        return self._operations.providers

    def _read(self, body: Callable[[Any], T]) -> T:
        with self._engine.connect() as connection:
            return body(connection)

    def _close_database(self) -> None:
        self._writer.close()
        self._engine.dispose()


class PaymentService(_Shared):
    """Payments with a memory, for blocking code. Safe to share between threads.

    ``database`` is a SQLAlchemy URL of a SQLite file. ``transport`` replaces the HTTP client of
    every provider and stays yours to close. ``single_process`` promises that no other process opens
    the file. Use it in a ``with`` block, or call :meth:`close`.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        database: str = "sqlite:///paykit.db",
        transport: Transport | None = None,
        clock: Clock = utc_now,
        new_id: IdFactory = random_id,
        single_process: bool = False,
    ) -> None:
        super().__init__(providers, database, clock, new_id, single_process=single_process)
        self._transport = transport
        self._transports: dict[str, HttpxTransport] = {}
        self._wake = threading.Event()
        self._closing = False
        self._relay: threading.Thread | None = None
        self._guard = threading.Lock()

    def create(self, request: PaymentRequest, *, provider: str) -> PaymentSession:
        """Create a payment at the account ``provider``; the session carries its ``payment_id``.

        Asking again with the same reference returns the same session. Raises
        :class:`~paykit.errors.PaykitError`; after an error with ``sent`` other than ``False`` the
        payment stays on record, and the same request may be made again.
        """
        return self._run(self._operations.create(request, provider))

    def capture(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        final: bool = True,
    ) -> Commanded:
        """Take ``amount`` of what is held, or all of it; ``final`` releases what is left.

        Doing it twice takes the money once: the key is that of the payment and the amount, and
        what was answered is not sent again. Give keys of your own for two captures of one amount.
        Raises :class:`~paykit.errors.InvalidRequest` for more than our record has as held, before
        anything is sent; :class:`~paykit.errors.UnsupportedOperation`;
        :class:`~paykit.errors.Declined`, of which an event tells as well; and
        :class:`~paykit.errors.OutcomeUnknown`, after which the same call may be made again.
        """
        return self._run(
            self._operations.capture(
                payment_id, amount, idempotency_key=idempotency_key, final=final
            )
        )

    def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Release what is held. Raises the same errors as :meth:`capture`."""
        return self._run(self._operations.void(payment_id, idempotency_key=idempotency_key))

    def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook: verify, store, and say what to reply. Never raises for bad input."""
        return self._run(self._operations.receive(delivery, provider))

    def receive_return(self, delivery: Delivery, *, provider: str) -> ReturnInfo:
        """Check a browser's return. It informs and never settles.

        Where the payer's approval moves no money, the payment is completed now; a provider that
        tells no bad news by webhooks is asked, and one whose payers are back before its webhook.
        What the provider answers to that counts. A return that the provider gives no way to prove
        is never ``verified``.
        """
        return self._run(self._operations.receive_return(delivery, provider))

    def status(self, payment_id: str) -> PaymentRecord | None:
        """The record of one payment, or ``None``."""
        return self._run(self._operations.status(payment_id))

    def refresh(self, payment_id: str) -> int:
        """Ask the provider how a payment stands, and record its answer as any other fact.

        For a payment that has been open for too long. What the payer approved is completed. Returns
        how many events were published. Raises :class:`~paykit.errors.PaykitError` when the provider
        cannot tell.
        """
        return self._run(self._operations.refresh(payment_id))

    def session(self, payment_id: str) -> PaymentSession | None:
        """What the payer was told to do, with the payment's present status, or ``None``."""
        return self._run(self._operations.session(payment_id))

    def orphans(self, *, after: PaymentProcessed | None = None) -> list[PaymentProcessed]:
        """Authentic facts about payments that are not on record, for a person to look at.

        Up to a hundred, the oldest first; give the last one as ``after`` to see the next.
        """
        return self._run(self._operations.orphans(after))

    def record_transfers(self, transfers: Iterable[TransferReceived], *, provider: str) -> int:
        """Take transfers of the account ``provider`` that no webhook told of.

        From a list of transactions, a bank statement, another feed. A transfer counts once, however
        often and by whatever way it is told. All of them are taken, or none. Returns how many
        events were published. Raises :class:`~paykit.errors.InvalidRequest` for another account's
        transfer and for one that brought nothing in.
        """
        return self._run(self._operations.record_transfers(transfers, provider))

    def unmatched(self, *, after: TransferReceived | None = None) -> list[TransferReceived]:
        """Transfers that no payment is known for, for a person to look at.

        Up to a hundred, the oldest first; give the last one as ``after`` to see the next.
        """
        return self._run(self._operations.unmatched(after))

    def assign(self, transfer: TransferReceived, *, payment_id: str) -> int:
        """Count an unmatched transfer for the payment that a person chose.

        Raises :class:`~paykit.errors.InvalidRequest` when either is not there, and for a payment
        at another account.
        """
        return self._run(self._operations.assign(transfer, payment_id))

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` with every event, at least once, in order per payment.

        It runs in a thread of the service; an exception makes the event come again later.
        """
        with self._guard:
            self._handlers.append(handler)
            if self._relay is None and not self._closing:
                self._relay = threading.Thread(
                    target=self._relay_forever, name="paykit-relay", daemon=True
                )
                self._relay.start()
        self._wake.set()

    def relay(self) -> int:
        """Publish the next event in this thread; returns 1, or 0 when none waits."""
        return self._run(relay_once(tuple(self._handlers), self._clock))

    def close(self) -> None:
        """Finish what is running, commit what waits, close what was opened."""
        with self._guard:
            self._closing = True
        self._wake.set()
        if self._relay is not None:
            self._relay.join()
        self._close_database()
        for transport in self._transports.values():
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, operation: Generator[Any, Any, T]) -> T:
        return run(operation, self._perform)

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Transact(body):
                result = self._writer.submit(body).result()
                if _has_news(result):
                    self._wake.set()
                return result
            case Read(body):
                return self._read(body)
            case Talk(provider, flow):
                return run(flow(), lambda request: self._transport_of(provider).send(request))
            case Handle(handler, event):
                result = handler(event)
                if inspect.isawaitable(result):
                    _discard(result)
                    raise TypeError("an async handler needs AsyncPaymentService")
                return None
        raise TypeError(effect)

    def _transport_of(self, provider: Provider) -> Transport:
        if self._transport is not None:
            return self._transport
        with self._guard:
            if provider.key not in self._transports:
                self._transports[provider.key] = HttpxTransport(
                    timeouts=Timeouts.around(provider.info.read_timeout)
                )
            return self._transports[provider.key]

    def _relay_forever(self) -> None:
        while not self._closing:
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                while not self._closing and self.relay():
                    pass
            except PaykitError as error:
                log.warning("the relay will try again: %s", error)


class AsyncPaymentService(_Shared):
    """Payments with a memory, for async code; the same methods as :class:`PaymentService`.

    Database work happens in the writer's thread and never in the event loop. Use it in an
    ``async with`` block, or call :meth:`close`. Handlers may be plain or async functions.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        database: str = "sqlite:///paykit.db",
        transport: AsyncTransport | None = None,
        clock: Clock = utc_now,
        new_id: IdFactory = random_id,
        single_process: bool = False,
    ) -> None:
        super().__init__(providers, database, clock, new_id, single_process=single_process)
        self._transport = transport
        self._transports: dict[str, AsyncHttpxTransport] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._relay: asyncio.Task[None] | None = None

    async def create(self, request: PaymentRequest, *, provider: str) -> PaymentSession:
        """Create a payment; see :meth:`PaymentService.create`."""
        return await self._run(self._operations.create(request, provider))

    async def capture(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        final: bool = True,
    ) -> Commanded:
        """Take what is held; see :meth:`PaymentService.capture`."""
        return await self._run(
            self._operations.capture(
                payment_id, amount, idempotency_key=idempotency_key, final=final
            )
        )

    async def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Release what is held; see :meth:`PaymentService.void`."""
        return await self._run(self._operations.void(payment_id, idempotency_key=idempotency_key))

    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook; see :meth:`PaymentService.receive`."""
        return await self._run(self._operations.receive(delivery, provider))

    async def receive_return(self, delivery: Delivery, *, provider: str) -> ReturnInfo:
        """Check a browser's return; see :meth:`PaymentService.receive_return`."""
        return await self._run(self._operations.receive_return(delivery, provider))

    async def status(self, payment_id: str) -> PaymentRecord | None:
        """The record of one payment, or ``None``."""
        return await self._run(self._operations.status(payment_id))

    async def refresh(self, payment_id: str) -> int:
        """Ask the provider how a payment stands; see :meth:`PaymentService.refresh`."""
        return await self._run(self._operations.refresh(payment_id))

    async def session(self, payment_id: str) -> PaymentSession | None:
        """What the payer was told to do, with the payment's present status, or ``None``."""
        return await self._run(self._operations.session(payment_id))

    async def orphans(self, *, after: PaymentProcessed | None = None) -> list[PaymentProcessed]:
        """Authentic facts about payments that are not on record; a hundred behind ``after``."""
        return await self._run(self._operations.orphans(after))

    async def record_transfers(
        self, transfers: Iterable[TransferReceived], *, provider: str
    ) -> int:
        """Take transfers that no webhook told of; see :meth:`PaymentService.record_transfers`."""
        return await self._run(self._operations.record_transfers(transfers, provider))

    async def unmatched(self, *, after: TransferReceived | None = None) -> list[TransferReceived]:
        """Transfers that no payment is known for; a hundred behind ``after``."""
        return await self._run(self._operations.unmatched(after))

    async def assign(self, transfer: TransferReceived, *, payment_id: str) -> int:
        """Count an unmatched transfer for a payment; see :meth:`PaymentService.assign`."""
        return await self._run(self._operations.assign(transfer, payment_id))

    async def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` with every event; see :meth:`PaymentService.subscribe`."""
        self._handlers.append(handler)
        if self._relay is None and not self._closing:
            self._relay = asyncio.create_task(self._relay_forever(), name="paykit-relay")
        self._wake.set()

    async def relay(self) -> int:
        """Publish the next event; returns 1, or 0 when none waits."""
        return await self._run(relay_once(tuple(self._handlers), self._clock))

    async def close(self) -> None:
        """Finish what is running, commit what waits, close what was opened."""
        self._closing = True
        self._wake.set()
        if self._relay is not None:
            await self._relay
        await asyncio.to_thread(self._close_database)
        for transport in self._transports.values():
            await transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, operation: Generator[Any, Any, T]) -> T:
        return await arun(operation, self._perform)

    async def _perform(self, effect: Any) -> Any:
        match effect:
            case Transact(body):
                result = await asyncio.wrap_future(self._writer.submit(body))
                if _has_news(result):
                    self._wake.set()
                return result
            case Read(body):
                return await asyncio.to_thread(self._read, body)
            case Talk(provider, flow):
                return await arun(flow(), lambda request: self._send(provider, request))
            case Handle(handler, event):
                result = handler(event)
                if inspect.isawaitable(result):
                    await result
                return None
        raise TypeError(effect)

    async def _send(self, provider: Provider, request: Any) -> Any:
        return await self._transport_of(provider).send(request)

    def _transport_of(self, provider: Provider) -> AsyncTransport:
        if self._transport is not None:
            return self._transport
        if provider.key not in self._transports:
            self._transports[provider.key] = AsyncHttpxTransport(
                timeouts=Timeouts.around(provider.info.read_timeout)
            )
        return self._transports[provider.key]

    async def _relay_forever(self) -> None:
        while not self._closing:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                while not self._closing and await self.relay():
                    pass
            except PaykitError as error:
                log.warning("the relay will try again: %s", error)


def _has_news(result: Any) -> bool:
    """Whether a commit has put out something that the relay shall look at now."""
    return isinstance(result, store.Recorded | store.Reserved) and result.events > 0


def _discard(awaitable: Any) -> None:
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
