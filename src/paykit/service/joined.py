"""Working inside the caller's own transaction: what the service writes commits with it, or not.

Nothing is sent to a provider in there: a transaction must not wait for a network. Commands and
payments are written down, and sent after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection

from ..errors import ConfigurationError
from ..events import TransferReceived
from ..flow import run
from ..http import Delivery, HttpRequest
from ..models import PaymentRequest
from ..money import Money
from . import changes
from .changes import Changed
from .commands import Commanded, Wanted, to_capture, to_refund, to_void
from .dialects import attempt
from .effects import Read, Talk, Transact
from .lent import Borrow, borrow_from
from .operations import Operations
from .receiving import Receipt
from .state import PaymentRecord

T = TypeVar("T")
#: Told of payments that the caller's transaction will change.
Unsettled: TypeAlias = Callable[[Collection[Changed]], None]


class Joined:
    """The service on a connection of yours, in the transaction that is open on it.

    Each call is in a savepoint: one that raises leaves your transaction as it was. Commit before
    you answer the provider: a :class:`Receipt` is true only once its transaction is on disk. An
    error of the database is SQLAlchemy's own, for it may have undone your work as well: roll back,
    and do all of it again. Raises :class:`~paykit.errors.ConfigurationError` where no transaction
    is open.
    """

    def __init__(self, operations: Operations, borrow: Borrow, unsettled: Unsettled) -> None:
        self._operations = operations
        self._borrow = borrow
        self._unsettled = unsettled

    def reserve(self, request: PaymentRequest, *, provider: str) -> PaymentRecord:
        """Write a payment down. After the commit call ``create`` with the same request."""
        return self._run(self._operations.reserve_payment(request, provider)).record

    def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook. Raises :class:`ConfigurationError` where that needs the network."""
        receipt = self._run(self._operations.receive(delivery, provider))
        if isinstance(receipt.error, ConfigurationError):
            raise receipt.error  # coming again would not help
        return receipt

    def record_transfers(self, transfers: Iterable[TransferReceived], *, provider: str) -> int:
        """Take transfers that no webhook told of; how many events that published."""
        return self._run(self._operations.record_transfers(transfers, provider))

    def assign(self, transfer: TransferReceived, *, payment_id: str) -> int:
        """Count an unmatched transfer for a payment; how many events that published."""
        return self._run(self._operations.assign(transfer, payment_id))

    def status(self, payment_id: str) -> PaymentRecord | None:
        """The record of one payment as this transaction sees it, or ``None``."""
        return self._run(self._operations.status(payment_id), writes=False)

    def capture(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        final: bool = True,
    ) -> Commanded:
        """Write a capture down; the next sweep sends it, or the same call of the service."""
        return self._reserve(to_capture(payment_id, amount, idempotency_key, final=final))

    def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Write a void down; it is sent as :meth:`capture` is."""
        return self._reserve(to_void(payment_id, idempotency_key))

    def refund(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        description: str = "",
    ) -> Commanded:
        """Write a refund down; it is sent as :meth:`capture` is."""
        return self._reserve(to_refund(payment_id, amount, idempotency_key, description))

    def _reserve(self, wanted: Wanted) -> Commanded:
        return self._run(self._operations.reserve_command(wanted))

    def _run(self, operation: Generator[Any, Any, T], *, writes: bool = True) -> T:
        noted: set[Changed] = set()
        with self._borrow(writes) as connection, changes.noting(connection, noted):
            done = run(operation, partial(_perform, connection))
        if noted:  # nobody tells us when it is committed
            self._unsettled(noted)
        return done


def _perform(connection: Connection, effect: Any) -> Any:
    match effect:
        case Transact(body) | Read(body):
            return attempt(connection, body)
        case Talk(_provider, flow):
            return run(flow(), _refuse)
    raise TypeError(effect)


class AsyncJoined:
    """:class:`Joined` on SQLAlchemy's asynchronous connection; its methods are to be awaited."""

    def __init__(self, operations: Operations, connection: Any, unsettled: Unsettled) -> None:
        self._operations = operations
        self._connection = connection
        self._unsettled = unsettled

    async def reserve(self, request: PaymentRequest, *, provider: str) -> PaymentRecord:
        """Write a payment down; see :meth:`Joined.reserve`."""
        return await self._run(lambda joined: joined.reserve(request, provider=provider))

    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        """Take a webhook; see :meth:`Joined.receive`."""
        return await self._run(lambda joined: joined.receive(delivery, provider=provider))

    async def record_transfers(
        self, transfers: Iterable[TransferReceived], *, provider: str
    ) -> int:
        """Take transfers that no webhook told of; how many events that published."""
        mine = tuple(transfers)
        return await self._run(lambda joined: joined.record_transfers(mine, provider=provider))

    async def assign(self, transfer: TransferReceived, *, payment_id: str) -> int:
        """Count an unmatched transfer for a payment; how many events that published."""
        return await self._run(lambda joined: joined.assign(transfer, payment_id=payment_id))

    async def status(self, payment_id: str) -> PaymentRecord | None:
        """The record of one payment as this transaction sees it, or ``None``."""
        return await self._run(lambda joined: joined.status(payment_id))

    async def capture(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        final: bool = True,
    ) -> Commanded:
        """Write a capture down; see :meth:`Joined.capture`."""
        return await self._run(
            lambda joined: joined.capture(
                payment_id, amount, idempotency_key=idempotency_key, final=final
            )
        )

    async def void(self, payment_id: str, *, idempotency_key: str | None = None) -> Commanded:
        """Write a void down; see :meth:`Joined.void`."""
        return await self._run(
            lambda joined: joined.void(payment_id, idempotency_key=idempotency_key)
        )

    async def refund(
        self,
        payment_id: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        description: str = "",
    ) -> Commanded:
        """Write a refund down; see :meth:`Joined.refund`."""
        return await self._run(
            lambda joined: joined.refund(
                payment_id, amount, idempotency_key=idempotency_key, description=description
            )
        )

    async def _run(self, call: Callable[[Joined], T]) -> T:
        def body(connection: Connection) -> T:
            return call(Joined(self._operations, borrow_from(connection), self._unsettled))

        done: T = await self._connection.run_sync(body)
        return done


def _refuse(_request: HttpRequest) -> Any:
    raise ConfigurationError("this needs the network, and a transaction must not wait for that")
