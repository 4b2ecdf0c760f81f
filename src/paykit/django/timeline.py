"""What is on record, in words for the admin pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..events import PaymentProcessed, TransferReceived
from ..money import Money
from ..service import Command, InboxEntry, MovementEntry, OutboxEntry
from ..service.shown import memo, name, told_by, words


def line(entry: InboxEntry | OutboxEntry | Command | MovementEntry) -> tuple[str, str]:
    """What an entry of a timeline says, and what came of it."""
    match entry:
        case InboxEntry(fact=TransferReceived(amount=amount)):
            return f"A bank transfer of {amount.format()} arrived", entry.outcome.value
        case InboxEntry(fact=PaymentProcessed(status=status)):
            return f"{told_by(entry.source)} {spaced(status)}", entry.outcome.value
        case OutboxEntry(sequence=sequence, status=status):
            return f"Event {sequence} tells {spaced(status)}", state_of(entry)
        case Command(kind=kind, amount=amount):
            said = f"We asked for a {kind} of {amount.format()}"
            return said, _joined(entry.state, name(entry.code), words(entry.note))
        case MovementEntry(kind=kind, amount=amount):
            return f"{kind.capitalize()} of {amount.format()}", entry.state.value
    raise TypeError(entry)


def details(fact: PaymentProcessed | TransferReceived) -> Iterator[tuple[str, str]]:
    """What a fact says, without what nobody should see."""
    if isinstance(fact, TransferReceived):
        yield "amount", fact.amount.format()
        yield "memo", memo(fact)
        yield "payment codes", ", ".join(map(words, fact.codes))
        yield "bank's reference", name(fact.bank_reference)
    else:
        yield "status", spaced(fact.status)
        yield "amount", _money(fact.amount)
        yield "taken in all", _money(fact.captured)
        yield "given back in all", _money(fact.refunded)
        if fact.movement is not None:
            yield fact.movement.kind, _money(fact.movement.amount)
        yield "reason", words(fact.reason)
        yield "code", words(fact.code)
    yield "provider's id", name(fact.provider_id)
    yield "happened", fact.occurred_at.isoformat(" ", "seconds")


def state_of(event: Any) -> str:
    """Whether an event is out: one of the service, or a row of the outbox."""
    if event.published_at is not None:
        return "published"
    if event.dead_at is not None:
        return _joined(f"dead after {event.attempts} tries", words(event.last_error))
    tried = f"waits, tried {event.attempts} times" if event.attempts else "waits"
    return _joined(tried, words(event.last_error))


def spaced(value: str) -> str:
    """A value as words: ``partially refunded``."""
    return value.replace("_", " ")


def _money(amount: Money | None) -> str:
    return "" if amount is None else amount.format()


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)
