"""What the service needs of a database: :class:`~.database.Database`, or a framework's own one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import URL, Connection

from .changes import Changed
from .writer import Body, Job

T = TypeVar("T")
#: Is told which payments a transaction changes.
Told: TypeAlias = Callable[[Collection[Changed]], None]


def tell_nobody(_changed: Collection[Changed]) -> None:
    """What a store does with changes until somebody wants to know of them."""


class Store(Protocol):
    """Runs bodies, plain functions of a SQLAlchemy connection, in transactions."""

    #: Told what is committed, before anybody hears that a transaction is done.
    on_change: Told
    #: Told what somebody else will commit, where a transaction is part of another one.
    on_unsettled: Told

    @property
    def is_alone(self) -> bool:
        """Whether no other process writes."""
        ...

    @property
    def tells_at(self) -> URL | None:
        """Where PostgreSQL tells what other processes commit; ``None``: nobody tells."""
        ...

    def transact(self, body: Body[T]) -> Future[T]:
        """Run ``body`` in a transaction; the future is done once that is on disk."""
        ...

    def submit(self, job: Job) -> None:
        """As :meth:`transact`, for a caller who has a job with an end of its own."""
        ...

    def read(self, body: Callable[[Connection], T]) -> T:
        """Run ``body``, which only reads, in this thread. Raises :class:`StoreUnavailable`."""
        ...

    def require_no_transaction(self) -> None:
        """Raise :class:`ConfigurationError` where the caller holds a transaction open.

        What is written down before a provider is asked has to be on disk, and a transaction must
        not wait for a network.
        """
        ...

    def close(self) -> None:
        """Finish what waits. Closing twice is fine."""
        ...
