"""Looking at what is on record, for people: payments, facts, and what is asked about next.

All of them are bodies that only read.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, Row, and_, select, true, union_all

from ..events import PaymentProcessed, Source, TransferReceived
from ..models import PaymentStatus
from ..money import Money
from ..provider import Outcome
from ..text import unstorable
from . import command_store, rows
from .commands import Command
from .fitting import fitting
from .paging import Line, Page
from .rows import Account
from .schema import inbox, payments
from .state import PaymentRecord

_PAYMENTS: Final = Line(
    payments, ("created_at", "payment_id"), tuple(column.name for column in rows.COLUMNS)
)
_KEY: Final = ("provider", "account", "event_id")
_INBOX: Final = Line(
    inbox,
    ("received_at", *_KEY),
    (*_KEY, "source", "reference", "payment_id", "outcome", "fact", "received_at"),
)


@attrs.frozen(slots=True, kw_only=True)
class InboxEntry:
    """A fact in the inbox: what was said, by whom, and what became of it.

    ``payment_id`` is empty for a fact about nothing of ours. ``reference`` is the one that decided
    which payment it is about.
    """

    provider: str
    account: str
    event_id: str
    source: Source
    reference: str
    payment_id: str | None
    outcome: Outcome
    received_at: datetime
    fact: PaymentProcessed | TransferReceived


@attrs.frozen(slots=True, kw_only=True)
class DueCheck:
    """A payment or a command that a sweep asks its provider about, ``at`` some time.

    ``checks`` is how often that was done before, ``note`` what came of it last.
    """

    record: PaymentRecord
    at: datetime
    checks: int
    note: str | None
    command: Command | None = None

    @property
    def kind(self) -> str:
        """What it is: a payment, or one of the commands."""
        return "payment" if self.command is None else self.command.kind.value

    @property
    def amount(self) -> Money:
        """How much it is about."""
        return self.record.amount if self.command is None else self.command.amount


def find_payments(
    conn: Connection,
    *,
    status: PaymentStatus | None = None,
    provider: str | None = None,
    order_id: str | None = None,
    search: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[PaymentRecord]:
    """Payments, the newest first. ``provider`` is the key of an account.

    ``search`` is exactly the id of a payment, an order, a reference, or the provider's own id.
    Raises :class:`InvalidRequest`.
    """
    if unstorable([provider, order_id, search]):  # they may come from an address of the web
        return Page((), None)
    named = []
    if order_id is not None:
        named.append(payments.c.order_id == order_id)
    if search is not None:
        named.append(payments.c.payment_id.in_(sorted(_named(conn, search))))

    def wanted(columns: Any) -> ColumnElement[bool]:
        asked: list[ColumnElement[bool]] = [true()]
        if status is not None:
            asked.append(columns.status == status.value)
        if provider is not None:
            asked.append(rows.at_accounts(_called(provider), columns))
        return and_(*asked)

    return _PAYMENTS.page(
        conn,
        rows.to_record,
        few=and_(*named) if named else None,
        wanted=wanted if status is not None or provider is not None else None,
        after=after,
        limit=limit,
    )


def find_facts(
    conn: Connection,
    *,
    outcome: Outcome | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[InboxEntry]:
    """The facts that were received, the latest first. Raises :class:`InvalidRequest`."""
    return _INBOX.page(
        conn,
        _to_entry,
        wanted=None if outcome is None else lambda columns: columns.outcome == outcome.value,
        after=after,
        limit=limit,
    )


def facts_of(conn: Connection, payment_id: str) -> list[InboxEntry]:
    """All facts that are kept with one payment, in the order in which they were received."""
    mine = select(inbox).where(inbox.c.payment_id == payment_id)
    return [
        _to_entry(row) for row in conn.execute(mine.order_by(inbox.c.received_at, inbox.c.event_id))
    ]


def due(conn: Connection, *, limit: int = 100) -> list[DueCheck]:
    """What sweeps ask about next, the soonest first."""
    asked = select(payments).where(payments.c.check_at.is_not(None))
    soonest = asked.order_by(payments.c.check_at, payments.c.payment_id).limit(limit)
    found = [
        DueCheck(
            record=rows.to_record(row), at=row.check_at, checks=row.checks, note=row.check_note
        )
        for row in conn.execute(soonest)
    ]
    found += _due_commands(conn, limit)
    return sorted(found, key=lambda one: one.at)[:limit]


def _due_commands(conn: Connection, limit: int) -> list[DueCheck]:
    left = command_store.due(conn, limit=limit)
    mine = payments.c.payment_id.in_(sorted({command.payment_id for command in left}))
    records = {
        row.payment_id: rows.to_record(row) for row in conn.execute(select(payments).where(mine))
    }
    return [
        DueCheck(
            record=records[command.payment_id],
            at=command.check_at,
            checks=command.attempts,
            note=command.note,
            command=command,
        )
        for command in left
        if command.check_at is not None and command.payment_id in records
    ]


def _called(provider: str) -> list[Account]:
    """The accounts that a key may name: ``card-shop`` is one of ``card``, or of ``card-shop``."""
    ends = [place for place, letter in enumerate(provider) if letter == "-"]
    return [(provider, "default"), *((provider[:end], provider[end + 1 :]) for end in ends)]


def _named(conn: Connection, name: str) -> set[str]:
    """The payments with this id, order, reference or provider's id; an index leads to each."""
    columns = payments.c
    places = [columns.payment_id == name, columns.order_id == name]
    for provider, account in _accounts(conn):
        at = and_(columns.provider == provider, columns.account == account)
        places.append(and_(at, columns.reference == fitting(name)))
        places.append(and_(at, columns.provider_id == fitting(name)))
    found = union_all(*(select(columns.payment_id).where(place) for place in places))
    return set(conn.execute(found).scalars())


def _accounts(conn: Connection) -> list[Account]:
    """The accounts that have payments: a step or two through the index for each of them."""
    columns = payments.c
    in_line = select(columns.provider, columns.account)
    in_line = in_line.order_by(columns.provider, columns.account).limit(1)
    found: list[Account] = []
    row = conn.execute(in_line).first()
    while row is not None:
        found.append((row.provider, row.account))
        same = and_(columns.provider == row.provider, columns.account > row.account)
        other = columns.provider > row.provider
        row = (
            conn.execute(in_line.where(same)).first() or conn.execute(in_line.where(other)).first()
        )
    return found


def _to_entry(row: Row[Any]) -> InboxEntry:
    source = Source(row.source)
    kind = TransferReceived if source is Source.TRANSFER else PaymentProcessed
    return InboxEntry(
        provider=row.provider,
        account=row.account,
        event_id=row.event_id,
        source=source,
        reference=row.reference,
        payment_id=row.payment_id or None,  # what contradicts a fact of nobody is kept with none
        outcome=Outcome(row.outcome),
        received_at=row.received_at,
        fact=kind.from_json(json.loads(row.fact)),
    )
