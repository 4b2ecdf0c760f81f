"""The service for async code."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Generator, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import attrs

from ..aside import in_thread
from ..errors import PaykitError
from ..events import PaymentProcessed, TransferReceived
from ..flow import arun
from ..http import Delivery, HttpRequest, HttpResponse
from ..models import PaymentRequest, PaymentSession, PaymentStatus
from ..money import Money
from ..orders import OrderPlaced
from ..provider import Clock, IdFactory, Outcome, Provider, time_ordered_id, utc_now
from ..publishing import Publisher
from ..retries import Timeouts
from ..telemetry import CREATE, RECEIVE, RECONCILE, RELAY, RETURN, Span, Telemetry
from ..transport import AsyncHttpxTransport, AsyncTransport
from . import outbox
from .browsing import DueCheck, InboxEntry
from .changes import ChangeBus
from .checks import GivenUp
from .commands import Commanded, to_capture, to_refund, to_void
from .database import Database
from .effects import Read, Talk, Transact, log
from .health import PATIENCE, Health
from .joined import AsyncJoined
from .outbox import OutboxEntry
from .paging import Page
from .receiving import Receipt, ReturnInfo
from .relay import POLL_SECONDS, Handle, Handler, Publish, RelaySettings, rest, tell_failure
from .reports import Report
from .shared import Shared
from .state import PaymentRecord
from .timelines import Timeline
from .watching import tell_result
from .writer import Body

T = TypeVar("T")


class AsyncPaymentService(Shared):
    """Payments with a memory, for async code; the same methods as :class:`PaymentService`.

    Database work happens in the writer's thread and never in the event loop. Use it in an
    ``async with`` block, or call :meth:`close`. Handlers may be plain or async functions.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        database: str | Database = "sqlite:///paykit.db",
        transport: AsyncTransport | None = None,
        clock: Clock = utc_now,
        new_id: IdFactory = time_ordered_id,
        single_process: bool = False,
        relay: RelaySettings | None = None,
        changes: ChangeBus | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        super().__init__(
            providers,
            database,
            clock,
            new_id,
            single_process=single_process,
            relay=relay,
            changes=changes,
            telemetry=telemetry,
        )
        self._transport = transport
        self._transports: dict[str, AsyncHttpxTransport] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._closed = asyncio.Event()
        self._relay: asyncio.Task[None] | None = None
        self._relay_fails = False

    async def create(self, request: PaymentRequest, *, provider: str) -> PaymentSession:
        """Create a payment; see :meth:`PaymentService.create`."""
        span = self._span(CREATE, provider)
        return await self._run(self._operations.create(request, provider), span)

    async def capture(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        final: bool = True,
    ) -> Commanded:
        """Take what is held; see :meth:`PaymentService.capture`."""
        wanted = to_capture(payment_id, amount, idempotency_key, final=final)
        return await self._run(self._operations.command(wanted), self._span_of_command(wanted))

    async def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Release what is held; see :meth:`PaymentService.void`."""
        wanted = to_void(payment_id, idempotency_key)
        return await self._run(self._operations.command(wanted), self._span_of_command(wanted))

    async def refund(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        description: str = "",
    ) -> Commanded:
        """Give money back; see :meth:`PaymentService.refund`."""
        wanted = to_refund(payment_id, amount, idempotency_key, description)
        return await self._run(self._operations.command(wanted), self._span_of_command(wanted))

    async def handle_order_placed(self, event: OrderPlaced) -> Commanded:
        """Take the money of an order; see :meth:`PaymentService.handle_order_placed`."""
        span = self._span_of_command(event)
        return await self._run(self._operations.handle_order_placed(event), span)

    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook; see :meth:`PaymentService.receive`."""
        span = self._span(RECEIVE, provider)
        return await self._run(self._operations.receive(delivery, provider), span)

    async def receive_return(self, delivery: Delivery, *, provider: str) -> ReturnInfo:
        """Check a browser's return; see :meth:`PaymentService.receive_return`."""
        span = self._span(RETURN, provider)
        return await self._run(self._operations.receive_return(delivery, provider), span)

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

    async def reconcile(self, *, limit: int = 500, paid_within: timedelta | None = None) -> Report:
        """Ask about what has been open for too long; see :meth:`PaymentService.reconcile`."""
        work = self._operations.reconcile(limit=limit, paid_within=paid_within)
        return await self._run(work, self._telemetry.span(RECONCILE))

    async def given_up(self) -> list[GivenUp]:
        """What nobody asks about any more; see :meth:`PaymentService.given_up`."""
        return await self._run(self._operations.given_up())

    async def health(self, *, timeout: float = PATIENCE) -> Health:  # noqa: ASYNC109 - it is told
        """How the service is, for probes; see :meth:`PaymentService.health`."""
        relay = None if self._relay is None else not (self._relay.done() or self._relay_fails)
        if self._closing:
            return self._health(None, relay=relay)
        answer = self._pulse.ask()
        waiter = asyncio.wrap_future(answer)
        await asyncio.wait({waiter}, timeout=timeout)
        waiter.cancel()  # the loop may be closed by the time that there is an answer
        return self._health(answer, relay=relay)

    def joined(self, connection: Any) -> AsyncJoined:
        """The service inside the transaction that is open on SQLAlchemy's ``AsyncConnection``."""
        return AsyncJoined(self._operations, connection, self.statuses.unsettled)

    # Looking at it, for people.

    async def payments(
        self,
        *,
        status: PaymentStatus | None = None,
        provider: str | None = None,
        order_id: str | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[PaymentRecord]:
        """Payments on record, the newest first; see :meth:`PaymentService.payments`."""
        return await self._run(
            self._operations.payments(
                status=status,
                provider=provider,
                order_id=order_id,
                search=search,
                after=after,
                limit=limit,
            )
        )

    async def timeline(self, payment_id: str) -> Timeline | None:
        """One payment with every fact, movement, command and event on record, or ``None``."""
        return await self._run(self._operations.timeline(payment_id))

    async def inbox(
        self, *, outcome: Outcome | None = None, after: str | None = None, limit: int = 50
    ) -> Page[InboxEntry]:
        """The facts that were received, the latest first; see :meth:`PaymentService.inbox`."""
        return await self._run(self._operations.inbox(outcome=outcome, after=after, limit=limit))

    async def due(self, *, limit: int = 100) -> list[DueCheck]:
        """What :meth:`reconcile` asks about next; see :meth:`PaymentService.due`."""
        return await self._run(self._operations.due(limit))

    # Publishing.

    async def subscribe(self, handler: Handler, *, background: bool = True) -> None:
        """Call ``handler`` with every event; see :meth:`PaymentService.subscribe`."""
        self._handlers.append(handler)
        if background:
            self._start_relay()

    async def publish_to(self, *publishers: Publisher, background: bool = True) -> None:
        """Publish every event to brokers; see :meth:`PaymentService.publish_to`."""
        self._publishers.extend(publishers)
        if background:
            self._start_relay()

    async def relay(self) -> int:
        """Publish one batch of what waits; see :meth:`PaymentService.relay`."""
        waiting = await self._transact(self._next_batch())
        if not waiting:
            return 0
        return await self._run(self._relay_batch(waiting), self._telemetry.span(RELAY))

    async def outbox(
        self,
        *,
        dead: bool = False,
        published: bool = False,
        payment_id: str | None = None,
        limit: int = 100,
    ) -> list[OutboxEntry]:
        """The oldest events that wait, that are ``dead``, or that were ``published``."""
        return await asyncio.to_thread(
            self._database.read,
            lambda conn: outbox.entries(
                conn, dead=dead, published=published, payment_id=payment_id, limit=limit
            ),
        )

    async def replay(
        self,
        *,
        event_ids: Iterable[str] | None = None,
        payment_id: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Publish events again; see :meth:`PaymentService.replay`."""
        ids = None if event_ids is None else set(event_ids)
        done = await self._transact(
            lambda conn: outbox.replay(conn, event_ids=ids, payment_id=payment_id, since=since)
        )
        self._wake.set()
        return done

    async def purge(self, *, before: datetime, dead: bool = False) -> int:
        """Delete events that are out; see :meth:`PaymentService.purge`."""
        total = 0
        while done := await self._transact(
            lambda conn: outbox.purge(conn, before=before, dead=dead)
        ):
            total += done
        return total

    async def close(self) -> None:
        """Finish what is running, commit what waits, close what was opened."""
        self._closing = True
        self._closed.set()
        self._wake.set()
        if self._relay is not None:
            await asyncio.wait({self._relay})
        for publisher in self._publishers:
            try:
                if publisher.is_async:
                    await publisher.close()
                else:
                    await in_thread(publisher.close)
            except Exception:  # noqa: BLE001 - what is left has to be closed all the same
                log.exception("a publisher could not be closed")
        self._publishers.clear()
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

    def _run(self, operation: Generator[Any, Any, T], span: Span | None = None) -> Awaitable[T]:
        work = arun(operation, self._perform)
        return work if span is None else _within(span, work)

    def _perform(self, effect: Any) -> Awaitable[Any]:
        # Not a coroutine, and no patterns: both take a while, and each delivery comes by twice.
        kind = type(effect)
        if kind is Transact:
            return self._transact(effect.body)
        if kind is Talk:
            return arun(effect.flow(), partial(self._send, effect.provider))
        if kind is Read:
            return asyncio.to_thread(self._database.read, effect.body)
        if kind is Handle:
            return self._handle(effect)
        if kind is Publish:
            return self._publish(effect)
        raise TypeError(effect)

    async def _handle(self, effect: Handle) -> None:
        result = effect.handler(effect.event)
        if inspect.isawaitable(result):
            await result

    async def _transact(self, body: Body[T]) -> T:
        loop = asyncio.get_running_loop()
        job: _LoopJob[T] = _LoopJob(body, loop, loop.create_future())
        self._database.submit(job)
        result = await job.future
        if self._has_news(result):
            self._wake.set()
        return result

    async def _publish(self, effect: Publish) -> Sequence[BaseException | None]:
        publisher, messages = effect.publisher, effect.messages
        sent: asyncio.Future[Sequence[BaseException | None]]
        if publisher.is_async:
            sent = asyncio.ensure_future(publisher.publish(messages))
        else:
            sent = asyncio.ensure_future(in_thread(publisher.publish, messages))
        while not (await asyncio.wait({sent}, timeout=effect.every))[0]:
            try:
                await self._transact(effect.renew)
            except PaykitError as error:
                # What is under way is waited for all the same: it must not be sent beside itself.
                name = type(error).__name__
                log.warning("could not keep events for longer: %s", error, extra={"error": name})
        return sent.result()

    async def _send(self, provider: Provider, request: HttpRequest) -> HttpResponse:
        with self._span_of_request(provider, request) as span:
            response = await self._transport_of(provider).send(request)
            span.answered(response.status)
            return response

    def _transport_of(self, provider: Provider) -> AsyncTransport:
        if self._transport is not None:
            return self._transport
        if provider.key not in self._transports:
            self._transports[provider.key] = AsyncHttpxTransport(
                timeouts=Timeouts.around(provider.info.read_timeout)
            )
        return self._transports[provider.key]

    def _start_relay(self) -> None:
        if self._relay is None and not self._closing:
            loop = asyncio.get_running_loop()

            def wake() -> None:
                loop.call_soon_threadsafe(self._wake.set)

            self._listen(wake)
            self._relay = asyncio.create_task(self._relay_forever(), name="paykit-relay")
        self._wake.set()

    async def _relay_forever(self) -> None:
        self._telemetry.leave_span()  # that of whoever started it
        failures = 0
        while not self._closing:
            await self._until_woken(POLL_SECONDS)
            try:
                while not self._closing and await self.relay():
                    failures = 0
                self._relay_fails = False
            except Exception as error:  # noqa: BLE001 - publishing must not just end
                self._relay_fails = True
                tell_failure(error)
                await self._idle(rest(failures))
                failures += 1
                self._wake.set()

    async def _until_woken(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _idle(self, wait: timedelta) -> None:
        """Let a broker or a database come back; closing does not wait for that."""
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._closed.wait()
        except TimeoutError:
            pass


async def _within(span: Span, work: Awaitable[T]) -> T:
    with span:
        result = await work
        tell_result(span, result)
        return result


@attrs.define(slots=True)
class _LoopJob(Generic[T]):
    """A body whose end an event loop waits for."""

    body: Body[T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]

    def begin(self) -> bool:
        return not self.future.cancelled()

    def end(self, value: Any, problem: BaseException | None) -> None:
        if self.future.cancelled():
            return
        if problem is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(problem)
