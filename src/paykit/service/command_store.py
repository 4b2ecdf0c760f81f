"""Commands on record: written down before they are sent, and what became of them.

All of them are bodies, or parts of bodies, of transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final, TypeAlias

import attrs
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, update

from ..errors import InvalidRequest, RequestInProgress
from ..events import PaymentProcessed, TransferReceived
from ..money import Money
from ..provider import Clock
from . import commands, endings, ledger, rows
from .commands import OPEN, Command, CommandKind, CommandState, Wanted
from .dialects import lease_time
from .fitting import cut, fitting
from .ledger import Entries
from .rows import Account
from .schema import CODE_LENGTH, ERROR_LENGTH, payments
from .schema import commands as table
from .state import PaymentRecord

#: Longer than the slowest provider is waited for.
LEASE: Final = timedelta(minutes=3)
#: Gives the n-th refund of a payment a name of ours.
NameIt: TypeAlias = Callable[[PaymentRecord, int], str]
_OPEN: Final = sorted(state.value for state in OPEN)
#: Given up, and still without an end.
GIVEN_UP: Final = and_(table.c.given_up_at.is_not(None), table.c.state.in_(_OPEN))


@attrs.frozen(slots=True)
class Reserved:
    """A payment's record, and the command that is written down for it.

    ``command`` is ``None`` if there is nothing to do, for it was done before. ``mine``: it is for
    the caller to send, or to ask about; else it has its answer. ``new``: there was none before.
    """

    record: PaymentRecord
    command: Command | None
    mine: bool = False
    new: bool = False
    #: Whether it may have been sent before.
    again: bool = False


def reserve(
    conn: Connection, wanted: Wanted, *, command_id: str, clock: Clock, send: bool
) -> Reserved:
    """Write a command down unless it is there; with ``send`` it is the caller's for a while.

    Raises :class:`InvalidRequest` for what our record does not allow, and
    :class:`RequestInProgress` while somebody else is sending the same.
    """
    row = rows.lock(conn, wanted.payment_id)
    if row is None:
        raise InvalidRequest("there is no such payment", field="payment_id")
    record = rows.to_record(row)
    known = of_payment(conn, record.payment_id) if row.has_commands else []
    plan = commands.plan(record, wanted, known)
    if plan is None:
        return Reserved(record, None)
    if plan.command is not None:
        if plan.command.state is not CommandState.RESERVED or not send:
            return Reserved(record, plan.command)
        return _again(conn, record, plan.command, wanted.name_it, clock=clock)
    now = clock()
    command = Command(
        command_id=command_id,
        payment_id=record.payment_id,
        kind=wanted.kind,
        key=plan.key,
        reference=_new_name(partial(wanted.name_it, record), known) if wanted.name_it else None,
        amount=plan.amount,
        base=plan.base,
        final=wanted.final,
        description=wanted.description,
        state=CommandState.RESERVED,
        attempts=int(send),
        sent_at=now if send else None,
        lease_until=lease_time(conn, clock) + LEASE if send else None,
        check_at=now + LEASE if send else now,
        created_at=now,
        updated_at=now,
    )
    conn.execute(insert(table).values(**_to_row(command)))
    if not row.has_commands:
        conn.execute(
            update(payments)
            .where(payments.c.payment_id == record.payment_id)
            .values(has_commands=True)
        )
    return Reserved(record, command, mine=send, new=True)


def _again(
    conn: Connection,
    record: PaymentRecord,
    command: Command,
    name_it: NameIt | None,
    *,
    clock: Clock,
) -> Reserved:
    """Another go at a command that has no answer."""
    now, shared = clock(), lease_time(conn, clock)
    if command.lease_until is not None and command.lease_until > shared:
        raise RequestInProgress(
            f"the same {command.kind} is being sent at this moment", provider=record.provider
        )
    taken = attrs.evolve(
        command,
        attempts=command.attempts + 1,
        lease_until=shared + LEASE,
        check_at=now + LEASE,
        given_up_at=None,
        updated_at=now,
    )
    if command.sent_at is None:
        taken = _to_be_sent(conn, record, taken, name_it, now)
    _write(conn, taken)
    return Reserved(record, taken, mine=True, again=command.sent_at is not None)


def claim(
    conn: Connection, *, accounts: Collection[Account], now: datetime, clock: Clock, limit: int
) -> Sequence[Reserved]:
    """Take up commands that wait for an end, so that nobody else does for a while."""
    leased = lease_time(conn, clock)
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= leased)
    payment = payments.c.payment_id == table.c.payment_id
    due = (
        select(table)
        .where(table.c.check_at <= now, table.c.state.in_(_OPEN), free)
        .where(exists(1).where(payment, rows.at_accounts(accounts)))
        .order_by(table.c.check_at, table.c.command_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = []
    for row in conn.execute(due).all():
        command = _to_command(row)
        command = attrs.evolve(
            command,
            attempts=command.attempts + 1,
            lease_until=leased + LEASE,
            check_at=now + LEASE,
        )
        _write(conn, command)
        record = rows.load(conn, command.payment_id)
        if record is not None:
            taken.append(Reserved(record, command, mine=True, again=command.sent_at is not None))
    return taken


def mark_sent(
    conn: Connection, command: Command, name_it: NameIt | None, *, clock: Clock
) -> Reserved | None:
    """Note that a command is about to be sent which was written down for later.

    ``None``: it is not for the caller to send any more, who came too late. Raises
    :class:`InvalidRequest` where our record does not allow it any more.
    """
    row = rows.lock(conn, command.payment_id)
    current = load(conn, command.command_id)
    if row is None or current is None or current.sent_at is not None:
        return None
    if current.attempts != command.attempts or current.state not in OPEN:
        return None
    now, record = clock(), rows.to_record(row)
    sent = _to_be_sent(conn, record, current, name_it, now)
    sent = attrs.evolve(sent, lease_until=lease_time(conn, clock) + LEASE, check_at=now + LEASE)
    _write(conn, sent)
    return Reserved(record, sent, mine=True)


def _to_be_sent(
    conn: Connection,
    record: PaymentRecord,
    command: Command,
    name_it: NameIt | None,
    now: datetime,
) -> Command:
    """A command that is sent only now: by the record of now, a refund under the name of today."""
    others = [
        one for one in of_payment(conn, record.payment_id) if one.command_id != command.command_id
    ]
    command = commands.rebased(record, command, others)
    reference = _new_name(partial(name_it, record), others) if name_it else None
    return attrs.evolve(command, reference=reference, sent_at=now, updated_at=now)


def finish(
    conn: Connection,
    command: Command,
    state: CommandState,
    *,
    clock: Clock,
    provider_id: str | None = None,
    code: str | None = None,
    note: str | None = None,
    look_after: timedelta | None = None,
) -> bool:
    """Note a provider's answer; whether it says something new of the command.

    What is over stays so, unless the answer is that it is done after all. ``look_after`` says when
    to look again, where it is not over. Call it with the payment locked.
    """
    now = clock()
    may_change = {
        CommandState.DONE: frozenset(CommandState),
        CommandState.REFUSED: frozenset(CommandState) - {CommandState.DONE},
    }.get(state, OPEN)
    mine = table.c.command_id == command.command_id
    before = load(conn, command.command_id)
    if before is None:
        return False
    if provider_id is not None:
        conn.execute(update(table).where(mine).values(provider_id=fitting(provider_id)))
    if before.state not in may_change:
        return False
    values = {
        "state": state.value,
        "code": cut(code, CODE_LENGTH),
        "note": cut(note, ERROR_LENGTH),
        "lease_until": None,
        "check_at": now + look_after if state in OPEN and look_after is not None else None,
        "updated_at": now,
    }
    conn.execute(update(table).where(mine).values(**values))
    return before.state is not state


def put_off(
    conn: Connection, command: Command, *, clock: Clock, note: str, look_after: timedelta
) -> None:
    """Look later what became of a command, unless somebody else has taken it up."""
    now = clock()
    conn.execute(
        update(table)
        .where(_still_mine(command))
        .values(
            lease_until=None,
            check_at=now + look_after,
            note=cut(note, ERROR_LENGTH),
            updated_at=now,
        )
    )


def give_up(conn: Connection, command: Command, *, clock: Clock, note: str) -> None:
    """Leave a command to a person, unless somebody else has taken it up."""
    now = clock()
    conn.execute(
        update(table)
        .where(_still_mine(command))
        .values(given_up_at=now, check_at=None, lease_until=None, note=cut(note, ERROR_LENGTH))
    )


def take_back(conn: Connection, command: Command) -> None:
    """Note that a command certainly did not reach the provider, and is still to be sent."""
    mine = (_still_mine(command), table.c.state == CommandState.RESERVED.value)
    conn.execute(update(table).where(*mine).values(sent_at=None))


def forget(conn: Connection, command: Command) -> None:
    """Drop a command that certainly never reached the provider."""
    mine = (_still_mine(command), table.c.state == CommandState.RESERVED.value)
    conn.execute(table.delete().where(*mine))


def _still_mine(command: Command) -> ColumnElement[bool]:
    """Whether nobody else has taken up an open command since; each who does counts one more."""
    open_ = table.c.state.in_(_OPEN)
    same = and_(table.c.command_id == command.command_id, table.c.attempts == command.attempts)
    return and_(same, open_)


def of_payment(conn: Connection, payment_id: str) -> list[Command]:
    """All commands of one payment, the oldest first."""
    mine = select(table).where(table.c.payment_id == payment_id)
    return [
        _to_command(row)
        for row in conn.execute(mine.order_by(table.c.created_at, table.c.command_id))
    ]


def load(conn: Connection, command_id: str) -> Command | None:
    """One command."""
    row = conn.execute(select(table).where(table.c.command_id == command_id)).first()
    return None if row is None else _to_command(row)


def given_up(conn: Connection) -> list[Command]:
    """The commands that a person has to look after, the oldest first."""
    left = select(table).where(GIVEN_UP)
    return [_to_command(row) for row in conn.execute(left.order_by(table.c.given_up_at))]


def due(conn: Connection, *, limit: int) -> list[Command]:
    """The commands that wait for an end, those first that are looked after soonest."""
    left = select(table).where(table.c.check_at.is_not(None), table.c.state.in_(_OPEN))
    ordered = left.order_by(table.c.check_at, table.c.command_id).limit(limit)
    return [_to_command(row) for row in conn.execute(ordered)]


def settle(
    conn: Connection,
    record: PaymentRecord,
    entries: Entries,
    facts: Iterable[PaymentProcessed | TransferReceived] = (),
) -> None:
    """End those commands of a payment whose end is told by these facts or by what is on record."""
    known = of_payment(conn, record.payment_id)
    for end in endings.ends(record, known, entries, facts):
        values: dict[str, Any] = {"provider_id": end.provider_id} if end.provider_id else {}
        conn.execute(
            update(table)
            .where(
                table.c.command_id == end.command.command_id,
                table.c.state == end.command.state.value,
            )
            .values(
                state=end.state.value,
                check_at=None,
                lease_until=None,
                updated_at=record.updated_at,
                **values,
            )
        )


def settle_all(conn: Connection, payment_id: str) -> None:
    """End the commands of a payment whose end is on record."""
    record = rows.load(conn, payment_id)
    if record is not None:
        entries = ledger.load_entries(conn, [payment_id]).get(payment_id, {})
        settle(conn, record, entries)


def _new_name(name_it: Callable[[int], str], known: Iterable[Command]) -> str:
    """A reference that no other refund of the payment has."""
    taken = {one.reference for one in known}
    return next(name for name in map(name_it, count(1)) if name not in taken)


def _write(conn: Connection, command: Command) -> None:
    conn.execute(
        update(table).where(table.c.command_id == command.command_id).values(**_to_row(command))
    )


def _to_row(command: Command) -> dict[str, Any]:
    row = attrs.asdict(command, recurse=False)
    row["idempotency_key"] = row.pop("key")
    row["amount"], row["currency"] = command.amount.minor, command.amount.currency
    row["base"] = command.base.minor
    row["kind"], row["state"] = command.kind.value, command.state.value
    return row


def _to_command(row: Row[Any]) -> Command:
    return Command(
        command_id=row.command_id,
        payment_id=row.payment_id,
        kind=CommandKind(row.kind),
        key=row.idempotency_key,
        reference=row.reference,
        amount=Money(row.amount, row.currency),
        base=Money(row.base, row.currency),
        final=row.final,
        description=row.description,
        state=CommandState(row.state),
        attempts=row.attempts,
        sent_at=row.sent_at,
        provider_id=row.provider_id,
        code=row.code,
        note=row.note,
        lease_until=row.lease_until,
        check_at=row.check_at,
        given_up_at=row.given_up_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
