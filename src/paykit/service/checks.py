"""Which payments are to be asked about, and what came of it: bodies of transactions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import Connection, and_, exists, func, select, update

from ..events import Source
from ..money import Money
from . import reserving, rows
from .commands import Command
from .fitting import cut
from .rows import Account
from .schema import ERROR_LENGTH, commands, inbox, payments
from .state import FINAL, PaymentRecord

_OVER = sorted(status.value for status in FINAL)
#: Given up, and nothing heard of it since.
GIVEN_UP: Final = and_(
    payments.c.given_up_at.is_not(None),
    payments.c.check_at.is_(None),
    payments.c.status.not_in(_OVER),
)


@attrs.frozen(slots=True)
class Due:
    """A payment that is to be asked about, and how often that was done before."""

    record: PaymentRecord
    checks: int


@attrs.frozen(slots=True, kw_only=True)
class GivenUp:
    """A payment or a command that nobody asks about any more: a person has to look.

    The evidence: how often it was asked, what came of it last, since when it has been waiting. Of a
    ``command`` also what was sent: its amount, our reference, its key.
    """

    record: PaymentRecord
    checks: int
    note: str
    since: datetime
    command: Command | None = None

    @property
    def kind(self) -> str:
        """What it is: a payment, or one of the commands."""
        return "payment" if self.command is None else self.command.kind.value

    @property
    def amount(self) -> Money:
        """How much it is about."""
        return self.record.amount if self.command is None else self.command.amount


def claim(
    conn: Connection, *, accounts: Collection[Account], now: datetime, until: datetime, limit: int
) -> Sequence[Due]:
    """Take payments whose time has come; nobody else asks about them ``until`` then."""
    due = (
        select(payments)
        .where(payments.c.check_at <= now, rows.at_accounts(accounts))
        .order_by(payments.c.check_at, payments.c.payment_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = conn.execute(due).all()
    ids = [row.payment_id for row in found]
    if ids:
        conn.execute(update(payments).where(payments.c.payment_id.in_(ids)).values(check_at=until))
    return [Due(rows.to_record(row), row.checks) for row in found]


def count_elsewhere(conn: Connection, accounts: Collection[Account], now: datetime) -> int:
    """How many payments and commands are due at other accounts than these."""
    others = ~rows.at_accounts(accounts)
    due = select(func.count()).select_from(payments).where(payments.c.check_at <= now, others)
    ordered = select(func.count()).select_from(commands).where(commands.c.check_at <= now)
    payment = payments.c.payment_id == commands.c.payment_id
    left: int = conn.execute(due).scalar_one()
    left += conn.execute(ordered.where(exists(1).where(payment, others))).scalar_one()
    return left


def claim_paid(
    conn: Connection, *, account: Account, since: datetime, limit: int
) -> Sequence[PaymentRecord]:
    """Payments of an account that are over and were created since then, the least asked first."""
    over = (payments.c.status.in_(_OVER), payments.c.created_at >= since)
    found = conn.execute(
        select(payments)
        .where(*over, rows.at_accounts([account]))
        .order_by(payments.c.checks, payments.c.payment_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    ids = [row.payment_id for row in found]
    if ids:
        mine = payments.c.payment_id.in_(ids)
        conn.execute(update(payments).where(mine).values(checks=payments.c.checks + 1))
    return [rows.to_record(row) for row in found]


def schedule(
    conn: Connection, payment_id: str, *, check_at: datetime, checks: int, note: str | None
) -> None:
    """Ask again then, unless the payment is over by now."""
    conn.execute(
        update(payments)
        .where(payments.c.payment_id == payment_id, payments.c.check_at.is_not(None))
        .values(check_at=check_at, checks=checks, check_note=cut(note, ERROR_LENGTH))
    )


def put_off(conn: Connection, payment_id: str, *, check_at: datetime) -> None:
    """Ask then and not now, unless the payment is over by now."""
    conn.execute(
        update(payments)
        .where(payments.c.payment_id == payment_id, payments.c.check_at.is_not(None))
        .values(check_at=check_at)
    )


def give_up(
    conn: Connection, payment_id: str, *, now: datetime, checks: int, note: str | None
) -> None:
    """Leave a payment to a person, unless it is over by now."""
    conn.execute(
        update(payments)
        .where(payments.c.payment_id == payment_id, payments.c.check_at.is_not(None))
        .values(check_at=None, given_up_at=now, checks=checks, check_note=cut(note, ERROR_LENGTH))
    )


def given_up(conn: Connection) -> list[GivenUp]:
    """The payments that were given up and have heard nothing since, the oldest first."""
    left = select(payments).where(GIVEN_UP)
    return [
        GivenUp(
            record=rows.to_record(row),
            checks=row.checks,
            note=row.check_note or "",
            since=row.given_up_at,
        )
        for row in conn.execute(left.order_by(payments.c.given_up_at, payments.c.payment_id))
    ]


def join_stranded(conn: Connection, *, limit: int = 100) -> int:
    """Apply facts that were stored as nobody's at the moment when their payment was written down.

    Returns how many events that published.
    """
    stranded = (
        select(payments.c.provider, payments.c.account, payments.c.payment_id)
        .join(
            inbox,
            (inbox.c.provider == payments.c.provider)
            & (inbox.c.account == payments.c.account)
            & (inbox.c.reference == payments.c.reference),
        )
        .where(inbox.c.payment_id.is_(None), inbox.c.source != Source.RETURN.value)
        .distinct()
        # In the order in which payments are locked everywhere.
        .order_by(payments.c.provider, payments.c.account, payments.c.payment_id)
        .limit(limit)
    )
    events = 0
    for row in conn.execute(stranded).all():
        record = rows.load(conn, row.payment_id)
        if record is not None:
            events += reserving.join_orphans(conn, record)
    return events
