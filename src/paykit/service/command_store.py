"""Commands on record: written down before they are sent, and what became of them.

All of them are bodies, or parts of bodies, of transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Row, insert, or_, select, update

from ..errors import InvalidRequest, RequestInProgress
from ..events import PaymentProcessed, TransferReceived
from ..money import Money
from ..provider import Clock
from . import commands, ledger, rows
from .commands import Command, CommandKind, CommandState, Wanted
from .dialects import lease_time
from .fitting import cut, fitting
from .schema import CODE_LENGTH, ERROR_LENGTH, payments
from .schema import commands as table
from .state import PaymentRecord

#: Longer than the slowest provider is waited for.
LEASE: Final = timedelta(minutes=3)
_OPEN: Final = (CommandState.RESERVED.value, CommandState.WAITING.value)


@attrs.frozen(slots=True)
class Reserved:
    """A payment's record, and the command that is written down for it.

    ``command`` is ``None`` if there is nothing to do, for it was done before. ``mine``: it is for
    the caller to send, or to ask about; else it has its answer.
    """

    record: PaymentRecord
    command: Command | None
    mine: bool = False
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
    refused = ledger.count_refused(conn, record) if row.has_movements else 0
    plan = commands.plan(record, wanted, known, refused=refused)
    if plan is None:
        return Reserved(record, None)
    if plan.command is not None:
        former = plan.command
        if plan.is_refused:
            former = attrs.evolve(former, total=plan.total)
        return _again(conn, record, former, clock, send=send)
    now = clock()
    reference = None
    if wanted.name_it is not None:
        reference = _new_name(partial(wanted.name_it, record), known)
    command = Command(
        command_id=command_id,
        payment_id=record.payment_id,
        kind=wanted.kind,
        key=plan.key,
        reference=reference,
        amount=plan.amount,
        total=plan.total,
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
    return Reserved(record, command, mine=send)


def _again(
    conn: Connection, record: PaymentRecord, command: Command, clock: Clock, *, send: bool
) -> Reserved:
    """The same command once more: its answer, or another go at it."""
    if command.state in {CommandState.DONE, CommandState.WAITING} or not send:
        return Reserved(record, command)
    now, shared = clock(), lease_time(conn, clock)
    if command.lease_until is not None and command.lease_until > shared:
        raise RequestInProgress(
            f"the same {command.kind} is being sent at this moment", provider=record.provider
        )
    again = command.state is CommandState.RESERVED and command.sent_at is not None
    taken = attrs.evolve(
        command,
        state=CommandState.RESERVED,
        attempts=command.attempts + 1,
        # After a refusal it is a new call, though under the key that the caller insists on.
        sent_at=command.sent_at if again else now,
        lease_until=shared + LEASE,
        check_at=now + LEASE,
        given_up_at=None,
        updated_at=now,
    )
    _write(conn, taken)
    return Reserved(record, taken, mine=True, again=again)


def claim(conn: Connection, *, now: datetime, clock: Clock, limit: int) -> Sequence[Reserved]:
    """Take up commands that wait for an end, so that nobody else does for a while."""
    leased = lease_time(conn, clock)
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= leased)
    due = (
        select(table)
        .where(table.c.check_at <= now, table.c.state.in_(_OPEN), free)
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
    conn: Connection, command: Command, name_it: Callable[[int], str], *, clock: Clock
) -> Command:
    """Note that a command is about to be sent, a refund under the name that it would get now.

    A reference may hold the date, and the command may have been written down on another one.
    """
    now = clock()
    reference = command.reference
    if reference is not None:
        others = of_payment(conn, command.payment_id)
        reference = _new_name(
            name_it, [one for one in others if one.command_id != command.command_id]
        )
    sent = attrs.evolve(
        command,
        reference=reference,
        sent_at=command.sent_at or now,
        lease_until=lease_time(conn, clock) + LEASE,
        check_at=now + LEASE,
        updated_at=now,
    )
    _write(conn, sent)
    return sent


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
) -> None:
    """Note what became of a command; one that is over stays so.

    ``look_after`` says when to look again, where it is not over.
    """
    now = clock()
    if state is CommandState.REFUSED:
        _lower_those_after(conn, command)
    open_ = state in {CommandState.RESERVED, CommandState.WAITING}
    values = {
        "state": state.value,
        "provider_id": fitting(provider_id or command.provider_id),
        "code": cut(code, CODE_LENGTH),
        "note": cut(note, ERROR_LENGTH),
        "lease_until": None,
        "check_at": now + look_after if open_ and look_after is not None else None,
        "updated_at": now,
    }
    mine = table.c.command_id == command.command_id
    # A notice of the end may have been quicker than the answer that it was taken on.
    may = table.c.state.in_(_OPEN) if open_ else table.c.state != CommandState.DONE.value
    conn.execute(update(table).where(mine, may).values(**values))


def give_up(conn: Connection, command: Command, *, clock: Clock, note: str) -> None:
    """Leave a command to a person."""
    now = clock()
    conn.execute(
        update(table)
        .where(table.c.command_id == command.command_id)
        .values(given_up_at=now, check_at=None, lease_until=None, note=cut(note, ERROR_LENGTH))
    )


def forget(conn: Connection, command: Command) -> None:
    """Take back a command that certainly never reached the provider."""
    rows.lock(conn, command.payment_id)
    _lower_those_after(conn, command)
    mine = table.c.command_id == command.command_id
    conn.execute(table.delete().where(mine, table.c.state == CommandState.RESERVED.value))


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
    left = select(table).where(table.c.given_up_at.is_not(None), table.c.state.in_(_OPEN))
    return [_to_command(row) for row in conn.execute(left.order_by(table.c.given_up_at))]


def settle(
    conn: Connection,
    record: PaymentRecord,
    facts: Iterable[PaymentProcessed | TransferReceived],
) -> None:
    """End those commands of a payment whose end these facts tell."""
    told = [fact for fact in facts if isinstance(fact, PaymentProcessed)]
    known = of_payment(conn, record.payment_id)
    for place in range(len(known)):
        command = known[place]
        state = commands.end_of(command, record, told) if command.state.value in _OPEN else None
        if state is None:
            continue
        if state is CommandState.REFUSED and _lower_those_after(conn, command):
            known = of_payment(conn, record.payment_id)
        conn.execute(
            update(table)
            .where(table.c.command_id == command.command_id, table.c.state.in_(_OPEN))
            .values(
                state=state.value, check_at=None, lease_until=None, updated_at=record.updated_at
            )
        )


def _lower_those_after(conn: Connection, refused: Command) -> bool:
    """Let those that were planned on top of this one lead up to less; whether there were any."""
    now = load(conn, refused.command_id)
    if now is None or now.state.value not in _OPEN:
        return False
    lowered = conn.execute(
        update(table)
        .where(
            table.c.payment_id == refused.payment_id,
            table.c.kind == refused.kind.value,
            table.c.state.in_(_OPEN),
            table.c.total > now.total.minor,
        )
        .values(total=table.c.total - refused.amount.minor)
    )
    return lowered.rowcount > 0


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
    row["total"] = command.total.minor
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
        total=Money(row.total, row.currency),
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
