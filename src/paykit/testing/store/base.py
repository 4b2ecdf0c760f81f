"""What the checks share: the database under test, workers beside one another, facts and rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import Connection, Row, Table, delete, select

from ...errors import ConfigurationError
from ...events import Movement, MovementKind, PaymentProcessed, TransferReceived
from ...models import CaptureMode, PaymentStatus
from ...money import Money
from ...provider import Outcome
from ...service import recording, reserving
from ...service.database import Database, connect, parse
from ...service.outbox import Waiting
from ...service.recording import Fact, News
from ...service.schema import commands, inbox, movements, outbox, payments
from ...service.state import PaymentRecord
from ...service.upgrading import upgrade_database

T = TypeVar("T")

#: By this the suite knows its rows; no provider is called so.
PROVIDER: Final = "paykit-suite"
NOW: Final = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
PRICE: Final = Money(150_000, "VND")
PATIENCE: Final = 20.0
#: So long nobody waits who need not wait.
_AT_ONCE: Final = 4.0
#: After so long a statement has come to where it waits for a lock.
_UNTIL_IT_WAITS: Final = 0.1


def payment(name: str = "ORDER-1", **changes: Any) -> PaymentRecord:
    """A payment as it is written down before its provider hears of it."""
    amount = changes.pop("amount", PRICE)
    nothing = Money(0, amount.currency)
    values: dict[str, Any] = {
        "payment_id": f"suite_{name}",
        "order_id": name,
        "provider": PROVIDER,
        "account": "default",
        "reference": name,
        "amount": amount,
        "status": PaymentStatus.PENDING,
        "capture": CaptureMode.AUTOMATIC,
        "captured": nothing,
        "refunded": nothing,
        "received": nothing,
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return PaymentRecord(**values)


def told(
    name: str = "ORDER-1",
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    number: object = 1,
    **changes: Any,
) -> PaymentProcessed:
    """What a provider tells of a payment."""
    values: dict[str, Any] = {
        "event_id": f"suite-{name}-{number}",
        "provider": PROVIDER,
        "reference": name,
        "status": status,
        "amount": PRICE,
        "occurred_at": NOW,
        **changes,
    }
    return PaymentProcessed(**values)


def moved(
    name: str = "ORDER-1",
    kind: MovementKind = MovementKind.CAPTURE,
    minor: int = PRICE.minor,
    number: object = 1,
    **changes: Any,
) -> PaymentProcessed:
    """One capture or one refund, told by itself."""
    amount = Money(minor, PRICE.currency)
    is_capture = kind is MovementKind.CAPTURE
    movement = Movement(kind=kind, id=f"{name}-{kind}-{number}", amount=amount)
    return told(
        name,
        PaymentStatus.SUCCEEDED if is_capture else PaymentStatus.PARTIALLY_REFUNDED,
        f"{kind}-{number}",
        **{"amount": amount, "movement": movement, **changes},
    )


def transfer(name: str = "ORDER-1", minor: int = 1, number: object = 1) -> TransferReceived:
    """A bank transfer whose memo has the code of a payment."""
    return TransferReceived(
        event_id=f"suite-transfer-{name}-{number}",
        provider=PROVIDER,
        provider_id=f"{name}-{number}",
        amount=Money(minor, PRICE.currency),
        occurred_at=NOW,
        memo=f"CT DEN {name}",
        codes=(name,),
    )


def news(*facts: Fact, digest: str = "") -> News:
    """Facts of one delivery, to be recorded."""
    return News(tuple(facts), digest, NOW)


def held(database: Database, body: Callable[[Connection], T]) -> tuple[Future[T], threading.Event]:
    """Run ``body`` in a transaction that ends only once the event is set."""
    there, go = threading.Event(), threading.Event()

    def hold(conn: Connection) -> T:
        done = body(conn)
        there.set()
        go.wait(PATIENCE)
        return done

    future = database.transact(hold)
    if not there.wait(PATIENCE):
        future.result(0)
    return future, go


class Store:
    """The database under test. Each :meth:`open` is like another process beside the first."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._closing: list[Callable[[], None]] = []
        try:
            self.first = self.open()
        except ConfigurationError:  # no tables yet, or old ones
            upgrade_database(url)
            self.first = self.open()

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql``, ``mysql`` or ``mariadb``."""
        return self.first.engine.dialect.name

    @property
    def one_writes(self) -> bool:
        """Whether only one transaction can write at a time, as in a file."""
        return self.dialect == "sqlite"

    def open(self) -> Database:
        """Another worker's connections."""
        opened = Database(self.url)
        self._closing.append(opened.close)
        return opened

    def bare(self) -> Callable[[Callable[[Connection], Any]], Any]:
        """Another worker that runs a body in one transaction, and repairs nothing."""
        connector = connect(parse(self.url))
        self._closing.append(connector.close)
        return lambda body: connector.run(body, writes=True)

    def close(self) -> None:
        """Close all connections."""
        for close in reversed(self._closing):
            close()
        self._closing.clear()

    def clear(self) -> None:
        """Delete the suite's rows. Fails where there are other ones: this is no place for tests."""
        if self.first.read(_has_strangers):
            pytest.fail("this database is in use: give the suite one of its own")
        self.do(_clear)

    # Doing.

    def do(self, body: Callable[[Connection], T]) -> T:
        """Run ``body`` in a transaction of the first worker."""
        return self.first.transact(body).result(PATIENCE)

    def reserve(self, *records: PaymentRecord) -> None:
        """Write payments down, in one transaction."""

        def body(conn: Connection) -> None:
            for record in records:
                reserving.reserve(conn, record)

        self.do(body)

    def tell(self, *facts: Fact) -> list[Outcome]:
        """Record facts one by one; what became of each."""
        return [self.do(news(fact)).outcome for fact in facts]

    def tell_at_once(self, *facts: Fact) -> list[Outcome]:
        """Record facts as a group; what became of each."""
        ends = self.do(partial(recording.record, news=list(map(news, facts))))
        return [end.outcome for end in ends]

    def together(self, *works: Callable[[], T]) -> list[T]:
        """Do all of these at the same time, each in a thread; their results in the same order."""
        start = threading.Barrier(len(works))
        results: list[Any] = [None] * len(works)

        def run(place: int, work: Callable[[], T]) -> None:
            start.wait(PATIENCE)
            try:
                results[place] = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                results[place] = error

        threads = [
            threading.Thread(target=run, args=(place, work), daemon=True)
            for place, work in enumerate(works)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                pytest.fail("a transaction waits for ever")
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    def queued(
        self, first: Callable[[Connection], T], second: Callable[[Connection], T]
    ) -> tuple[Future[T], Future[T]]:
        """Run two bodies, the second from before the first commits; both are ended."""
        other, begun = self.open(), threading.Event()

        def follow(conn: Connection) -> T:
            begun.set()
            return second(conn)

        held_, go = held(self.first, first)
        following = other.transact(follow)
        if not self.one_writes:  # where only one can, the second begins when the first is over
            begun.wait(PATIENCE)
            time.sleep(_UNTIL_IT_WAITS)
        go.set()
        wait([held_, following], PATIENCE)
        return held_, following

    def beside(
        self, first: Callable[[Connection], T], second: Callable[[Connection], T]
    ) -> tuple[T, T]:
        """What two bodies return, the second of which does not wait for the first to commit."""
        other = self.open()
        held_, go = held(self.first, first)
        following = other.transact(second)
        if not self.one_writes:
            done, _ = wait([following], _AT_ONCE)
            if not done:
                go.set()
                pytest.fail("a transaction waits for another one that it has no part in")
        go.set()
        return held_.result(PATIENCE), following.result(PATIENCE)

    # Looking.

    def rows(self, table: Table, *order: str) -> Sequence[Row[Any]]:
        """All rows of a table."""
        asked = select(table).order_by(*(table.c[name] for name in order))
        return self.first.read(lambda conn: conn.execute(asked).all())

    def row(self, name: str = "ORDER-1") -> Row[Any]:
        """The row of one payment."""
        asked = select(payments).where(payments.c.payment_id == f"suite_{name}")
        return self.first.read(lambda conn: conn.execute(asked).one())

    def sequences(self, name: str = "ORDER-1") -> list[int]:
        """The numbers of a payment's events, in their order."""
        mine = outbox.c.aggregateid == f"suite_{name}"
        asked = select(outbox.c.sequence).where(mine).order_by(outbox.c.sequence)
        return self.first.read(lambda conn: list(conn.execute(asked).scalars()))


def names(waiting: Sequence[Waiting]) -> list[str]:
    """The payments and numbers of claimed events: ``ORDER-1/2``."""
    return [f"{one.message.key.removeprefix('suite_')}/{one.message.sequence}" for one in waiting]


class StoreChecks:
    """Base of the groups of checks. They ask for a fixture ``database`` with a URL."""

    @pytest.fixture
    def store(self, database: str) -> Iterator[Store]:
        """The database with tables, and without rows."""
        store = Store(database)
        try:
            store.clear()
            yield store
        finally:
            store.close()


def _has_strangers(conn: Connection) -> bool:
    strangers = (
        select(payments.c.payment_id).where(payments.c.provider != PROVIDER),
        select(inbox.c.event_id).where(inbox.c.provider != PROVIDER),
        select(outbox.c.id).where(outbox.c.aggregateid.not_like("suite\\_%", escape="\\")),
    )
    return any(conn.execute(asked.limit(1)).first() is not None for asked in strangers)


def _clear(conn: Connection) -> None:
    for table in (outbox, commands, movements, inbox, payments):
        conn.execute(delete(table))
