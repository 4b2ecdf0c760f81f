"""What has to be known before facts are applied, asked for all facts of an account at once.

There are two questions: for the payments, which then stay as they are until the transaction ends,
and for everything else that these facts could run into.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final, TypeAlias

import attrs
from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    CursorResult,
    Select,
    bindparam,
    literal_column,
    null,
    select,
    union_all,
)

from ..events import PaymentProcessed, TransferReceived
from . import rows
from .bulk import among
from .ledger import Entries
from .rows import Account
from .schema import inbox, outbox, payments
from .state import PaymentRecord
from .tally import Entry

Fact: TypeAlias = PaymentProcessed | TransferReceived


@attrs.define(slots=True)
class Known:
    """A fact that is in the inbox."""

    payment_id: str | None
    outcome: str
    text: str


@attrs.define(slots=True)
class Payment:
    """One payment while facts are applied to it; nobody else changes it until they are."""

    record: PaymentRecord
    pays_order: str | None
    has_movements: bool
    has_commands: bool
    check_at: datetime | None
    checks: int
    given_up_at: datetime | None
    entries: Entries = attrs.field(factory=dict)
    moved: list[Entry] = attrs.field(factory=list)
    facts: list[Fact] = attrs.field(factory=list)
    changed: bool = False


_FLAGS: Final = ("pays_order has_movements has_commands check_at checks given_up_at").split()
_COLUMNS: Final = (*rows.COLUMNS, *(payments.c[name] for name in _FLAGS))


@attrs.define(slots=True)
class Found:
    """What is there, by the names that were asked for."""

    facts: dict[str, Known] = attrs.field(factory=dict)  #: by event id
    owners: list[tuple[str, str]] = attrs.field(factory=list)  #: a provider id and its payment
    paying: dict[str, str] = attrs.field(factory=dict)  #: the payment that paid an order
    published: dict[str, str] = attrs.field(factory=dict)  #: an event's text, by its id


class _About(IntEnum):
    FACT = 1
    OWNER = 2
    PAYING = 3
    PUBLISHED = 4


def lock(conn: Connection, account: Account, references: Sequence[str]) -> list[Payment]:
    """The payments with these references.

    Locked in one order by all transactions, so that none wait in a circle.
    """
    provider, name = account
    given = {"provider": provider, "account": name, "references": references}
    return _locked(conn.execute(_payments(conn.dialect.name), given))


def lock_one(conn: Connection, payment_id: str) -> list[Payment]:
    """The payment with this id, if there is one."""
    asked = select(*_COLUMNS).where(payments.c.payment_id == payment_id).with_for_update()
    return _locked(conn.execute(asked))


def _locked(found: CursorResult[Any]) -> list[Payment]:
    count = len(rows.COLUMNS)
    return [Payment(rows.of_columns(row[:count]), *row[count:]) for row in found]


def look_up(
    conn: Connection,
    account: Account,
    *,
    event_ids: Collection[str],
    provider_ids: Collection[str],
    orders: Collection[str],
) -> Found:
    """Which of these names are taken, and by what."""
    given = {
        "provider": account[0],
        "account": account[1],
        "event_ids": sorted(event_ids),
        "provider_ids": sorted(provider_ids),
        "orders": sorted(orders),
    }
    found = Found()
    for about, name, payment_id, outcome, text in conn.execute(_taken(conn.dialect.name), given):
        match about:
            case _About.FACT:
                found.facts[name] = Known(payment_id, outcome, text)
            case _About.OWNER:
                found.owners.append((name, payment_id))
            case _About.PAYING:
                found.paying[name] = payment_id
            case _:
                found.published[name] = text
    return found


@cache
def _payments(dialect: str) -> Select[Any]:
    columns = payments.c
    return (
        select(*_COLUMNS)
        .where(
            columns.provider == bindparam("provider"),
            columns.account == bindparam("account"),
            among(columns.reference, "references", dialect),
        )
        .order_by(columns.payment_id)
        .with_for_update()
    )


@cache
def _taken(dialect: str) -> CompoundSelect[Any]:
    def about(what: _About, *columns: Any) -> Select[Any]:
        return select(literal_column(str(what.value)).label("about"), *columns)

    provider: BindParameter[str] = bindparam("provider")
    account: BindParameter[str] = bindparam("account")
    fact, payment, event = inbox.c, payments.c, outbox.c
    return union_all(
        about(_About.FACT, fact.event_id, fact.payment_id, fact.outcome, fact.fact).where(
            fact.provider == provider,
            fact.account == account,
            among(fact.event_id, "event_ids", dialect),
        ),
        about(_About.OWNER, payment.provider_id, payment.payment_id, null(), null()).where(
            payment.provider == provider,
            payment.account == account,
            among(payment.provider_id, "provider_ids", dialect),
        ),
        about(_About.PAYING, payment.pays_order, payment.payment_id, null(), null()).where(
            among(payment.pays_order, "orders", dialect)
        ),
        about(_About.PUBLISHED, event.id, null(), null(), event.payload).where(
            among(event.id, "event_ids", dialect)
        ),
    )
