"""The service for blocking code."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Coroutine, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import ConfigurationError, PaykitError
from ..events import PaymentProcessed, TransferReceived
from ..flow import run
from ..http import Delivery, HttpRequest, HttpResponse
from ..models import PaymentRequest, PaymentSession, PaymentStatus
from ..money import Money
from ..orders import OrderPlaced
from ..provider import Clock, IdFactory, Outcome, Provider, time_ordered_id, utc_now
from ..publishing import Publisher
from ..retries import Timeouts
from ..telemetry import CREATE, RECEIVE, RECONCILE, RELAY, RETURN, Span, Telemetry
from ..transport import HttpxTransport, Transport
from . import outbox
from .browsing import DueCheck, InboxEntry
from .changes import ChangeBus
from .checks import GivenUp
from .commands import Commanded, to_capture, to_refund, to_void
from .effects import Read, Talk, Transact, log
from .health import PATIENCE, Health
from .joined import Joined
from .lent import borrow_from
from .loops import LoopThread
from .outbox import OutboxEntry
from .paging import Page
from .receiving import Receipt, ReturnInfo
from .relay import POLL_SECONDS, Handle, Handler, Publish, RelaySettings, rest, tell_failure
from .reports import Report
from .shared import Shared
from .state import PaymentRecord
from .store import Store
from .threads import OwnThread
from .timelines import Timeline
from .watching import tell_result
from .writer import Body

T = TypeVar("T")


class PaymentService(Shared):
    """Payments with a memory, for blocking code. Safe to share between threads.

    ``database`` is a SQLAlchemy URL: ``sqlite:///payments.db``, ``postgresql+psycopg://…``,
    ``postgresql+asyncpg://…``, ``mysql+pymysql://…``. ``transport`` replaces the HTTP client of
    every provider and stays yours to close. ``single_process`` promises that nobody else opens a
    SQLite file, neither another process nor another service of this one. ``relay`` says how events
    are published. ``changes`` tells other processes which payments have changed, where PostgreSQL
    does not. ``telemetry`` says where spans and metrics go, if not to OpenTelemetry's global
    providers. Use it in a ``with`` block, or call :meth:`close`.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        database: str | Store = "sqlite:///paykit.db",
        transport: Transport | None = None,
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
        self._transports: dict[str, HttpxTransport] = {}
        self._wake = threading.Event()
        self._closing = False
        self._closed = threading.Event()
        self._relay: threading.Thread | None = None
        self._relay_fails = False
        self._guard = threading.Lock()
        self._sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paykit-publisher")
        self._loop: LoopThread | None = None

    def create(self, request: PaymentRequest, *, provider: str) -> PaymentSession:
        """Create a payment at the account ``provider``; the session carries its ``payment_id``.

        Asking again with the same reference returns the same session. Raises
        :class:`~paykit.errors.PaykitError`; after an error with ``sent`` other than ``False`` the
        payment stays on record, and the same request may be made again.
        """
        span = self._span(CREATE, provider)
        return self._run(self._operations.create(request, provider), span)

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
        wanted = to_capture(payment_id, amount, idempotency_key, final=final)
        return self._run(self._operations.command(wanted), self._span_of_command(wanted))

    def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Release what is held. Raises the same errors as :meth:`capture`."""
        wanted = to_void(payment_id, idempotency_key)
        return self._run(self._operations.command(wanted), self._span_of_command(wanted))

    def refund(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        description: str = "",
    ) -> Commanded:
        """Give back ``amount`` of what was taken, or all that is left of it.

        Doing it twice gives the money back once: the key is that of the payment and the amount.
        Give keys of your own for two refunds of one amount. Raises
        :class:`~paykit.errors.InvalidRequest` for more than was taken, before anything is sent, and
        :class:`~paykit.errors.RequestInProgress` while another process is sending the same; else as
        :meth:`capture`.
        """
        wanted = to_refund(payment_id, amount, idempotency_key, description)
        return self._run(self._operations.command(wanted), self._span_of_command(wanted))

    def handle_order_placed(self, event: OrderPlaced) -> Commanded:
        """Take the money of an order: charge its token, or capture its hold.

        For the consumer of a broker's messages. Idempotent by the order: however often an event of
        it comes, its money is taken once. A refusal raises nothing, for ``PaymentProcessed`` tells
        of it; whatever else raises shall come again. Raises
        :class:`~paykit.errors.PaykitError`.
        """
        span = self._span_of_command(event)
        return self._run(self._operations.handle_order_placed(event), span)

    def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook: verify, store, and say what to reply. Never raises for bad input."""
        span = self._span(RECEIVE, provider)
        return self._run(self._operations.receive(delivery, provider), span)

    def receive_return(self, delivery: Delivery, *, provider: str) -> ReturnInfo:
        """Check a browser's return. It informs and never settles.

        Where the payer's approval moves no money, the payment is completed now; a provider that
        tells no bad news by webhooks is asked, and one whose payers are back before its webhook.
        What the provider answers to that counts. A return that the provider gives no way to prove
        is never ``verified``.
        """
        span = self._span(RETURN, provider)
        return self._run(self._operations.receive_return(delivery, provider), span)

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

    def reconcile(self, *, limit: int = 500, paid_within: timedelta | None = None) -> Report:
        """Ask the providers about what has been open for too long, and end what can be ended.

        At most ``limit`` payments and as many commands; call it every minute or so, in as many
        processes as you like. With ``paid_within`` payments that are over and not older than that
        are asked about as well, in case news of them were lost. Raises
        :class:`~paykit.errors.StoreUnavailable`; what a provider does not answer is in the report.
        """
        work = self._operations.reconcile(limit=limit, paid_within=paid_within)
        return self._run(work, self._telemetry.span(RECONCILE))

    def given_up(self) -> list[GivenUp]:
        """Payments and commands that nobody asks about any more, for a person to look at."""
        return self._run(self._operations.given_up())

    def health(self, *, timeout: float = PATIENCE) -> Health:
        """How the service is, for probes. Waits for ``timeout`` seconds at most; never raises."""
        thread = self._relay
        relay = None if thread is None else thread.is_alive() and not self._relay_fails
        if self._closing:
            return self._health(None, relay=relay)
        answer = self._pulse.ask()
        wait([answer], timeout=timeout)
        return self._health(answer, relay=relay)

    def joined(self, connection: Any) -> Joined:
        """The service inside the transaction that is open on a connection of yours.

        ``connection`` is SQLAlchemy's, or Django's ``django.db.connection``. Its tables must be in
        that database. Raises :class:`~paykit.errors.ConfigurationError`.
        """
        return Joined(self._operations, borrow_from(connection), self.statuses.unsettled)

    # Looking at it, for people.

    def payments(
        self,
        *,
        status: PaymentStatus | None = None,
        provider: str | None = None,
        order_id: str | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[PaymentRecord]:
        """Payments on record, the newest first, a page at a time.

        ``provider`` is the key of an account. ``search`` is exactly the id of a payment, an order,
        a reference, or the provider's own id. Give the page's ``next`` as ``after`` to see the
        next one. Raises :class:`~paykit.errors.InvalidRequest` for an ``after`` that is no such.
        """
        return self._run(
            self._operations.payments(
                status=status,
                provider=provider,
                order_id=order_id,
                search=search,
                after=after,
                limit=limit,
            )
        )

    def timeline(self, payment_id: str) -> Timeline | None:
        """One payment with every fact, movement, command and event on record, or ``None``."""
        return self._run(self._operations.timeline(payment_id))

    def inbox(
        self, *, outcome: Outcome | None = None, after: str | None = None, limit: int = 50
    ) -> Page[InboxEntry]:
        """The facts that were received, the latest first, a page at a time; also those of nobody.

        With ``outcome`` those that ended so: ``accepted``, ``mismatch`` or ``unknown_reference``.
        """
        return self._run(self._operations.inbox(outcome=outcome, after=after, limit=limit))

    def due(self, *, limit: int = 100) -> list[DueCheck]:
        """What :meth:`reconcile` asks about next, the soonest first, whatever account it is at."""
        return self._run(self._operations.due(limit))

    # Publishing.

    def subscribe(self, handler: Handler, *, background: bool = True) -> None:
        """Call ``handler`` with every event, at least once, in order per payment.

        It runs in a thread of the service, or without ``background`` only when you call
        ``relay()``; an exception makes the event come again later. Raises
        :class:`~paykit.errors.ConfigurationError` for an async handler.
        """
        if inspect.iscoroutinefunction(handler):
            raise ConfigurationError("an async handler needs AsyncPaymentService")
        with self._guard:
            self._handlers.append(handler)
        if background:
            self._start_relay()

    def publish_to(self, *publishers: Publisher, background: bool = True) -> None:
        """Publish every event to all of these, at least once, in order per payment.

        In a thread of the service, or without ``background`` only when you call ``relay()``. Name
        them all at once: what is out already is not published to one that is named later. They are
        closed with the service.
        """
        with self._guard:
            self._publishers.extend(publishers)
        if background:
            self._start_relay()

    def relay(self) -> int:
        """Publish what waits, one batch, in this thread; returns how many events were taken up.

        Raises :class:`~paykit.errors.BrokerUnavailable`, and
        :class:`~paykit.errors.ConfigurationError` where there is nobody to publish to.
        """
        waiting = self._transact(self._next_batch())
        if not waiting:
            return 0
        return self._run(self._relay_batch(waiting), self._telemetry.span(RELAY))

    def outbox(
        self,
        *,
        dead: bool = False,
        published: bool = False,
        payment_id: str | None = None,
        limit: int = 100,
    ) -> list[OutboxEntry]:
        """The oldest events that wait, that are ``dead``, or that were ``published``."""
        return self._read(
            lambda conn: outbox.entries(
                conn, dead=dead, published=published, payment_id=payment_id, limit=limit
            )
        )

    def replay(
        self,
        *,
        event_ids: Iterable[str] | None = None,
        payment_id: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Publish events again, under the same ids: the dead ones, or those named."""
        ids = None if event_ids is None else set(event_ids)
        done = self._transact(
            lambda conn: outbox.replay(conn, event_ids=ids, payment_id=payment_id, since=since)
        )
        self._wake.set()
        return done

    def purge(self, *, before: datetime, dead: bool = False) -> int:
        """Delete events that were published before then, with ``dead`` also those that died."""
        total = 0
        while done := self._transact(lambda conn: outbox.purge(conn, before=before, dead=dead)):
            total += done
        return total

    def close(self) -> None:
        """Finish what is running, commit what waits, close what was opened."""
        with self._guard:
            self._closing = True
        self._closed.set()
        self._wake.set()
        if self._relay is not None:
            self._relay.join()
        for publisher in self._publishers:
            try:
                if publisher.is_async:
                    self._on_loop(publisher.close()).result()
                else:
                    publisher.close()
            except Exception:  # noqa: BLE001 - what is left has to be closed all the same
                log.exception("a publisher could not be closed")
        self._publishers.clear()
        self._sender.shutdown()
        if self._loop is not None:
            self._loop.close()
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

    def _run(self, operation: Generator[Any, Any, T], span: Span | None = None) -> T:
        if span is None:
            return run(operation, self._perform)
        with span:
            result = run(operation, self._perform)
            tell_result(span, result)
            return result

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Transact(body):
                return self._transact(body)
            case Read(body):
                return self._read(body)
            case Talk(provider, flow):
                return run(flow(), partial(self._send, provider))
            case Handle(handler, event):
                result = handler(event)
                if inspect.isawaitable(result):
                    _discard(result)
                    raise TypeError("an async handler needs AsyncPaymentService")
                return None
            case Publish():
                return self._publish(effect)
        raise TypeError(effect)

    def _transact(self, body: Body[T]) -> T:
        result = self._database.transact(body).result()
        if self._has_news(result):
            self._wake.set()
        return result

    def _read(self, body: Body[T]) -> T:
        return self._database.read(body)

    def _publish(self, effect: Publish) -> Sequence[BaseException | None]:
        publisher, messages = effect.publisher, effect.messages
        sent: Future[Sequence[BaseException | None]]
        if publisher.is_async:
            sent = self._on_loop(publisher.publish(messages))
        else:
            sent = self._sender.submit(copy_context().run, publisher.publish, messages)
        while not wait([sent], timeout=effect.every).done:
            try:
                self._transact(effect.renew)
            except PaykitError as error:
                # What is under way is waited for all the same: it must not be sent beside itself.
                name = type(error).__name__
                log.warning("could not keep events for longer: %s", error, extra={"error": name})
        return sent.result()

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run what is to be awaited on a loop of our own."""
        with self._guard:
            if self._loop is None:
                self._loop = LoopThread("paykit-broker")
        return self._loop.submit(work)

    def _send(self, provider: Provider, request: HttpRequest) -> HttpResponse:
        self._database.require_no_transaction()
        with self._span_of_request(provider, request) as span:
            response = self._transport_of(provider).send(request)
            span.answered(response.status)
            return response

    def _transport_of(self, provider: Provider) -> Transport:
        if self._transport is not None:
            return self._transport
        with self._guard:
            if provider.key not in self._transports:
                self._transports[provider.key] = HttpxTransport(
                    timeouts=Timeouts.around(provider.info.read_timeout)
                )
            return self._transports[provider.key]

    def _start_relay(self) -> None:
        with self._guard:
            if self._relay is None and not self._closing:
                self._listen(self._wake.set)
                self._relay = OwnThread(self._relay_forever, name="paykit-relay")
                self._relay.start()
        self._wake.set()

    def _relay_forever(self) -> None:
        failures = 0
        while not self._closing:
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                while not self._closing and self.relay():
                    failures = 0
                self._relay_fails = False
            except (Exception, SystemExit) as error:  # noqa: BLE001 - publishing must not just end
                self._relay_fails = True
                tell_failure(error)
                self._idle(rest(failures))
                failures += 1
                self._wake.set()

    def _idle(self, wait: timedelta) -> None:
        """Let a broker or a database come back; closing does not wait for that."""
        self._closed.wait(wait.total_seconds())


def _discard(awaitable: Any) -> None:
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()
