"""How commands end: by what is on record of single movements, by totals, by the payment's status.

Nothing here does I/O. A command ends with what is surely its own: a movement that has its name.
What tells of no name ends one command each, and only one that may have reached the provider: so
nothing is sent once more that may have been done, and nothing counts as done that was never sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from ..events import MovementKind, PaymentProcessed, TransferReceived
from ..models import PaymentStatus
from ..money import Money
from .commands import HELD_NO_MORE, OPEN, Command, CommandKind, CommandState, held
from .fitting import fitting
from .ledger import Entries
from .state import PAID, UNPAID, VOID_FAILED, PaymentRecord
from .tally import Entry, MovementState

S = PaymentStatus
_Name: TypeAlias = tuple[MovementKind, str]

_ENDS: Final = {
    MovementState.COUNTED: CommandState.DONE,
    MovementState.REFUSED: CommandState.REFUSED,
    MovementState.REVERSED: CommandState.REFUSED,
}
_KINDS: Final = {
    CommandKind.CAPTURE: MovementKind.CAPTURE,
    CommandKind.REFUND: MovementKind.REFUND,
}


@attrs.frozen(slots=True)
class End:
    """A command, and how it ended; ``provider_id`` is the movement's that was taken for its own."""

    command: Command
    state: CommandState
    provider_id: str | None = None


def ends(
    record: PaymentRecord,
    known: Sequence[Command],
    entries: Entries,
    facts: Iterable[PaymentProcessed | TransferReceived] = (),
) -> list[End]:
    """Which of the commands ``known`` of a payment have ended otherwise than they have on record.

    ``entries`` are its movements, ``facts`` what was told of just now, with both in the record.
    """
    told = [fact for fact in facts if isinstance(fact, PaymentProcessed)]
    found: dict[str, End] = {}
    named: set[str] = set()
    for command in known:
        entry = next(filter(None, map(entries.get, _names(command))), None)
        if entry is not None:
            named.add(command.command_id)
            if entry.state in _ENDS:
                found[command.command_id] = End(command, _ENDS[entry.state])
    for name, entry in _nameless(known, entries, told):
        for command in known:
            if command.command_id not in named and _may_be(command, name, entry):
                named.add(command.command_id)
                found[command.command_id] = End(command, _ENDS[entry.state], name[1])
                break
    left = [one for one in known if one.command_id not in found and one.state in OPEN]
    counted = {kind: _are_counted(kind, known, left, record, entries) for kind in _KINDS}
    for command in left:
        state = _by_record(command, record, counted, told)
        if state is not None:
            found[command.command_id] = End(command, state)
    return [end for end in found.values() if end.state is not end.command.state]


def _names(command: Command) -> Iterator[_Name]:
    """What the movement may be called that a command made."""
    kind = _KINDS.get(command.kind)
    if kind is None:
        return
    if command.provider_id is not None:
        yield kind, command.provider_id
    if kind is MovementKind.REFUND and command.reference is not None:
        yield kind, fitting(command.reference)


def _nameless(
    known: Iterable[Command], entries: Entries, told: Iterable[PaymentProcessed]
) -> Iterator[tuple[_Name, Entry]]:
    """The movements that were told of just now, and that no command is known to have made."""
    taken = {name for command in known for name in _names(command)}
    # A refusal of ours has the name of its key.
    taken |= {(MovementKind.CAPTURE, fitting(command.key)) for command in known}
    for fact in told:
        if fact.movement is None:
            continue
        name = fact.movement.kind, fitting(fact.movement.id)
        entry = entries.get(name)
        if name not in taken and entry is not None and entry.state in _ENDS:
            taken.add(name)
            yield name, entry


def _may_be(command: Command, name: _Name, entry: Entry) -> bool:
    """Whether a movement may be what a command asked for, whose name there nobody has told yet."""
    if command.sent_at is None or command.provider_id is not None:
        return False
    undone = _ENDS[entry.state] is CommandState.REFUSED
    in_question = OPEN | {CommandState.DONE} if undone else OPEN
    fits = _KINDS.get(command.kind) is name[0] and entry.movement.amount == command.amount
    return fits and command.state in in_question


def _by_record(
    command: Command,
    record: PaymentRecord,
    counted: Mapping[CommandKind, bool],
    told: Collection[PaymentProcessed],
) -> CommandState | None:
    """How a command ended by what the payment came to; ``None``: that does not tell."""
    if command.sent_at is not None and counted.get(command.kind):
        return CommandState.DONE
    match command.kind:
        case CommandKind.CAPTURE:
            return CommandState.REFUSED if record.status in UNPAID else None
        case CommandKind.REFUND:
            return None
        case CommandKind.VOID:
            if record.status in HELD_NO_MORE:
                return CommandState.DONE
            refused = any(fact.reason == VOID_FAILED for fact in told)
            taken = record.status in PAID and not held(record)
            return CommandState.REFUSED if refused or taken else None


def _are_counted(
    kind: CommandKind,
    known: Iterable[Command],
    left: Iterable[Command],
    record: PaymentRecord,
    entries: Entries,
) -> bool:
    """Whether a total has all commands of a kind in it that may have arrived.

    It has grown by as much since the first of them, beside what else is done since then, and no
    movement on record explains that. Of some of them it cannot tell which: another one may be on
    its way, with its answer yet to come.
    """
    sent = [one for one in left if one.kind is kind and one.sent_at is not None]
    if not sent:
        return False
    first = min(sent, key=lambda one: (one.created_at, one.command_id))
    total = record.refunded if kind is CommandKind.REFUND else record.captured
    nothing = Money(0, total.currency)
    expected = sum((one.amount for one in sent), start=nothing)
    since = [
        one.amount
        for one in known
        if one.kind is kind
        and one.state is CommandState.DONE
        and one.updated_at >= first.created_at
    ]
    moved = [
        entry.movement.amount
        for (of_kind, _), entry in entries.items()
        if of_kind is _KINDS[kind] and entry.state is MovementState.COUNTED
    ]
    grown = total - first.base - sum(since, start=nothing)
    unexplained = total - sum(moved, start=nothing)
    return min(grown, unexplained) >= expected
