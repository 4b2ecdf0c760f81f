"""The outbox: events that are to be published, and those that could not be."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, or_, select, update

from ..models import PaymentStatus
from ..provider import Clock
from ..publishing import Message
from . import changes
from .dialects import lease_time
from .fitting import cut
from .schema import ERROR_LENGTH
from .schema import outbox as table

WAITS: Final = and_(table.c.published_at.is_(None), table.c.dead_at.is_(None))
DEAD: Final = and_(table.c.dead_at.is_not(None), table.c.published_at.is_(None))


@attrs.frozen(slots=True)
class Waiting:
    """An event that is to be published, how often that was tried, and since when it waits."""

    message: Message
    attempts: int
    created_at: datetime


@attrs.frozen(slots=True, kw_only=True)
class OutboxEntry:
    """An event in the outbox, for people. ``last_error`` is what went wrong last.

    ``status`` is what it tells of the payment. Before ``available_at`` no relay takes it up: one
    has it, or has failed with it.
    """

    event_id: str
    payment_id: str
    sequence: int
    status: PaymentStatus
    created_at: datetime
    available_at: datetime | None
    attempts: int
    last_error: str | None
    published_at: datetime | None
    dead_at: datetime | None


def oldest_first(dialect: str) -> list[ColumnElement[Any]]:
    """The order of what waits, as its index has it.

    PostgreSQL only sees that if the two empty columns before are named, and MariaDB if they are
    not; else all that waits is sorted each time.
    """
    order: list[ColumnElement[Any]] = [table.c.created_at, table.c.id]
    return [table.c.published_at, table.c.dead_at, *order] if dialect == "postgresql" else order


def claim(
    conn: Connection,
    *,
    clock: Clock,
    lease: timedelta,
    limit: int,
    behind_dead: bool = False,
) -> Sequence[Waiting]:
    """Take events that wait, at most one of each payment so that its order is kept.

    A claimed event is invisible to other relays until the lease is over: if this process dies, it
    is published by the next one. Behind a dead event its payment's others wait, unless
    ``behind_dead``.
    """
    now = lease_time(conn, clock)
    earlier = table.alias("earlier")
    before = [
        earlier.c.aggregateid == table.c.aggregateid,
        earlier.c.sequence < table.c.sequence,
        earlier.c.published_at.is_(None),
    ]
    if behind_dead:
        before.append(earlier.c.dead_at.is_(None))
    ready = (
        select(
            table.c.id,
            table.c.aggregateid,
            table.c.type,
            table.c.sequence,
            table.c.occurred_at,
            table.c.created_at,
            table.c.payload,
            table.c.attempts,
        )
        .where(
            WAITS,
            # Empty until first claimed, so a writer whose clock is ahead delays nothing.
            or_(table.c.available_at.is_(None), table.c.available_at <= now),
            ~exists().where(*before),
        )
        .order_by(*oldest_first(conn.dialect.name))
        .limit(limit)
        .with_for_update(skip_locked=True, of=table)
    )
    found = conn.execute(ready).all()
    _hold(conn, [row.id for row in found], now + lease)
    return [Waiting(_to_message(row), row.attempts, row.created_at) for row in found]


def renew(conn: Connection, ids: Sequence[str], *, clock: Clock, lease: timedelta) -> None:
    """Keep claimed events for longer: their broker is slow."""
    _hold(conn, ids, lease_time(conn, clock) + lease)


def settle(conn: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Mark events as published."""
    for some in _chunks(ids):
        conn.execute(update(table).where(table.c.id.in_(some)).values(published_at=now))


def release(
    conn: Connection, ids: Sequence[str], *, clock: Clock, pause: timedelta, reason: str
) -> None:
    """Put off events that nobody could take, and keep why, without counting it as a try."""
    until = lease_time(conn, clock) + pause
    _hold(conn, ids, until, last_error=cut(reason, ERROR_LENGTH))


def postpone(
    conn: Connection,
    event_id: str,
    *,
    clock: Clock,
    pause: timedelta,
    error: str,
    max_attempts: int | None,
) -> None:
    """Count a failure, keep the reason, and put the event off; after too many it is dead."""
    now = lease_time(conn, clock)
    tried = table.c.attempts + 1
    dead: Any = table.c.dead_at
    if max_attempts is not None:
        dead = case((tried >= max_attempts, now), else_=table.c.dead_at)
    # MariaDB and MySQL fill in from left to right: what is computed from attempts comes first.
    conn.execute(
        update(table)
        .where(table.c.id == event_id, table.c.published_at.is_(None))
        .ordered_values(
            (table.c.dead_at, dead),
            (table.c.available_at, now + pause),
            (table.c.attempts, tried),
            (table.c.last_error, cut(error, ERROR_LENGTH)),
        )
    )


def entries(
    conn: Connection,
    *,
    dead: bool = False,
    published: bool = False,
    payment_id: str | None = None,
    limit: int = 100,
) -> list[OutboxEntry]:
    """What is in the outbox, the oldest first: what waits, what is dead, or what is out."""
    if dead:
        kind: Any = DEAD
    else:
        kind = table.c.published_at.is_not(None) if published else WAITS
    asked = select(table).where(kind)
    if payment_id is not None:
        asked = asked.where(table.c.aggregateid == payment_id)
    ordered = asked.order_by(table.c.created_at, table.c.aggregateid, table.c.sequence)
    return [_to_entry(row) for row in conn.execute(ordered.limit(limit))]


def of_payment(conn: Connection, payment_id: str) -> list[OutboxEntry]:
    """The events of one payment that were not purged, in their order."""
    mine = select(table).where(table.c.aggregateid == payment_id).order_by(table.c.sequence)
    return [_to_entry(row) for row in conn.execute(mine)]


def replay(
    conn: Connection,
    *,
    event_ids: Collection[str] | None = None,
    payment_id: str | None = None,
    since: datetime | None = None,
) -> int:
    """Let events be published again, under the same ids; returns how many.

    The dead ones, or those named: by id, by payment, or all that were made ``since`` then.
    """
    chosen: list[Any] = []
    if event_ids is not None:
        chosen.append(table.c.id.in_(sorted(event_ids)))
    if payment_id is not None:
        chosen.append(table.c.aggregateid == payment_id)
    if since is not None:
        chosen.append(table.c.created_at >= since)
    if not chosen:
        chosen.append(table.c.dead_at.is_not(None))
    again = {
        "published_at": None,
        "dead_at": None,
        "available_at": None,
        "attempts": 0,
    }
    done = conn.execute(update(table).where(*chosen).values(**again)).rowcount
    if done:
        changes.note(conn, (), events=True)
    return done


def purge(conn: Connection, *, before: datetime, dead: bool = False, limit: int = 10_000) -> int:
    """Delete up to ``limit`` events that were published before then; returns how many.

    With ``dead`` also those that died before then. What waits is never deleted.
    """
    old: Any = table.c.published_at < before
    if dead:
        old = or_(old, and_(table.c.published_at.is_(None), table.c.dead_at < before))
    ids = conn.execute(select(table.c.id).where(old).limit(limit)).scalars().all()
    for some in _chunks(ids):
        conn.execute(table.delete().where(table.c.id.in_(some)))
    return len(ids)


def _hold(conn: Connection, ids: Sequence[str], until: datetime, **more: str | None) -> None:
    for some in _chunks(ids):
        conn.execute(update(table).where(table.c.id.in_(some)).values(available_at=until, **more))


def _chunks(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _to_message(row: Any) -> Message:
    return Message(
        id=row.id,
        key=row.aggregateid,
        type=row.type,
        sequence=row.sequence,
        time=row.occurred_at or row.created_at,
        payload=row.payload,
    )


def _to_entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(
        event_id=row.id,
        payment_id=row.aggregateid,
        sequence=row.sequence,
        status=PaymentStatus(json.loads(row.payload)["status"]),
        created_at=row.created_at,
        available_at=row.available_at,
        attempts=row.attempts,
        last_error=row.last_error,
        published_at=row.published_at,
        dead_at=row.dead_at,
    )
