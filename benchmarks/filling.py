"""Fills a database with payments, as fast as it can: the database copies rows that the service made.

Paid payments have their fact in the inbox and their event in the outbox, published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    String,
    Table,
    cast,
    create_engine,
    event,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.pool import NullPool

from paykit import HttpRequest, HttpResponse, PaymentRequest
from paykit.service import PaymentService, upgrade_database
from paykit.service.schema import inbox, outbox, payments
from paykit.testing import deliveries

from .fixtures import CREATED, NOW, momo
from .notices import AMOUNT, PROVIDER_ID, reference

_OPEN, _PAID = "template-open", "template-paid"
_AT_ONCE = 250_000


@dataclass(frozen=True)
class Counted:
    """How many rows there are: payments that are paid, facts of webhooks, events."""

    paid: int
    facts: int
    events: int

    def __sub__(self, other: Counted) -> Counted:
        return Counted(self.paid - other.paid, self.facts - other.facts, self.events - other.events)


class Answers:
    """MoMo's API, which says yes to every payment."""

    def send(self, request: HttpRequest) -> HttpResponse:
        asked = json.loads(request.body)
        same = {name: asked[name] for name in ("orderId", "requestId", "amount")}
        return HttpResponse(200, (), json.dumps({**json.loads(CREATED), **same}).encode())

    def close(self) -> None:
        """Nothing to give back."""


def by_blocking(url: str) -> str:
    """The same database by a driver that blocks."""
    return url.replace("+asyncpg", "+psycopg")


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(by_blocking(url), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    yield engine
    engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.create_function("md5", 1, _md5, deterministic=True)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-1000000")


def _md5(value: str) -> str:
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def make_templates(url: str) -> None:
    """Make the tables, a payment that is open, and one that is paid."""
    upgrade_database(by_blocking(url))
    with PaymentService([momo()], database=by_blocking(url), transport=Answers()) as service:
        for name in (_OPEN, _PAID):
            request = PaymentRequest(
                reference=name, amount=AMOUNT, return_url="https://shop.example/returns/momo"
            )
            service.create(request, provider="momo")
        notice = deliveries.paid(momo(), reference=_PAID, amount=AMOUNT, at=NOW)
        assert service.receive(notice, provider="momo").published == 1


def fill(url: str, *, unpaid: int = 0, paid: int = 0, published: bool = True) -> None:
    """Make payments 1 to ``unpaid``, which are open, and behind them ``paid`` that are paid.

    The events of those are ``published``, or wait for a relay.
    """
    make_templates(url)
    with engine_of(url) as engine:
        with engine.begin() as connection:
            if published:
                connection.execute(update(outbox).values(published_at=NOW))
            open_payment = _row(connection, payments, payments.c.reference == _OPEN)
            history = (
                (payments, _row(connection, payments, payments.c.reference == _PAID)),
                (inbox, _row(connection, inbox, _IS_PAID_NOTICE)),
                (outbox, _row(connection, outbox)),
            )
        _copy(engine, payments, open_payment, range(1, unpaid + 1))
        for table, row in history:
            _copy(engine, table, row, range(unpaid + 1, unpaid + paid + 1))
        with engine.begin() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.aggregateid == history[2][1]["aggregateid"])
                .values(published_at=NOW)
            )
        _analyze(engine, (payments, inbox, outbox) if paid else (payments,))


_IS_PAID_NOTICE = (inbox.c.reference == _PAID) & (inbox.c.source == "webhook")


def _row(connection: Connection, table: Table, *where: Any) -> Mapping[str, Any]:
    return connection.execute(select(table).where(*where)).mappings().one()


def _copy(engine: Engine, table: Table, row: Mapping[str, Any], numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, _AT_ONCE):
        last = min(first + _AT_ONCE, numbers.stop) - 1
        with engine.begin() as connection:
            if engine.dialect.name in {"mysql", "mariadb"}:
                connection.execute(text(f"SET max_recursive_iterations = {_AT_ONCE}"))
            number = _numbers(engine, first, last)
            values = {
                **{name: literal(row[name], table.c[name].type) for name in row},
                **_new(number, row),
            }
            connection.execute(insert(table).from_select(list(values), select(*values.values())))


def _numbers(engine: Engine, first: int, last: int) -> Any:
    if engine.dialect.name == "postgresql":
        return func.generate_series(first, last).table_valued("number").render_derived().c.number
    counted = select(literal(first).label("number")).cte("counted", recursive=True)
    following = select(counted.c.number + 1).where(counted.c.number < last)
    return counted.union_all(following).c.number


def _new(number: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is another in each row, for those columns that the table has."""
    digits = cast(number, String(20))
    # As the service's own: in the order of their making, and random behind that.
    moment = cast(number + 10**11, String(20))
    payment_id = literal("pay_") + moment + func.md5(literal("payment ") + digits, type_=String)
    fact_id = func.md5(literal("fact ") + digits, type_=String)
    name = literal(reference("")) + digits
    columns = {
        "payment_id": payment_id,
        "aggregateid": payment_id,
        "event_id": fact_id,
        "id": fact_id,
        "reference": name,
        "order_id": name,
        "pays_order": name,
        "provider_id": cast(number + PROVIDER_ID, String(20)),
    }
    return {name: value for name, value in columns.items() if row.get(name) is not None}


def _analyze(engine: Engine, tables: Iterable[Table]) -> None:
    """Let a server see how many rows there are, as it would by itself after a while.

    Not tables that are empty: they will not be. SQLite never looks unless it is told to.
    """
    if engine.dialect.name == "sqlite":
        return
    word = "ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE TABLE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(text(f"{word} {table.name}"))


def count(url: str) -> Counted:
    """How many rows there are now."""
    with engine_of(url) as engine, engine.connect() as connection:
        return Counted(
            *(
                connection.execute(
                    select(func.count()).select_from(table).where(*where)
                ).scalar_one()
                for table, where in (
                    (payments, [payments.c.status == "succeeded"]),
                    (inbox, [inbox.c.source == "webhook"]),
                    (outbox, []),
                )
            )
        )
