"""Commands by our record: what may be sent, under which key, and what an answer means.

Nothing here does I/O. What is refused here was never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import attrs

from ..errors import Declined, InvalidRequest
from ..events import Movement, MovementKind, PaymentProcessed, Source
from ..models import Payment, PaymentStatus, Refund
from ..money import Money
from ..provider import Capability
from ..signing import fingerprint
from ..text import unstorable
from .fitting import fitting
from .schema import REFERENCE_LENGTH
from .state import PAID, REFUND_FAILED, UNPAID, VOID_FAILED, PaymentRecord

S = PaymentStatus

#: Paid in part, so there may still be a hold beside it.
_MAY_HOLD_MORE: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED})
_HELD_NO_MORE: Final = frozenset({S.CANCELED, S.EXPIRED})
#: There may be money to give back: also of a payment that somebody has to look at.
_REFUNDABLE: Final = PAID | {S.NEEDS_REVIEW}

CAPTURE_FAILED: Final = "capture_failed"


class CommandKind(StrEnum):
    """What is asked of a provider about a payment; the value is that of its capability."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"

    @property
    def capability(self) -> Capability:
        """The provider's operation."""
        return Capability(self.value)


class CommandState(StrEnum):
    """What is known of a command."""

    RESERVED = "reserved"  #: written down, and maybe sent
    WAITING = "waiting"  #: the provider took it on, and tells the end later
    DONE = "done"
    REFUSED = "refused"


_OPEN: Final = frozenset({CommandState.RESERVED, CommandState.WAITING})


@attrs.frozen(slots=True, kw_only=True)
class Command:
    """One command on record. What is sent is frozen; ``total`` is what it leads up to.

    ``sent_at`` is when it may first have reached the provider, ``None`` if it certainly did not.
    ``given_up_at`` is set once nothing can be found out about it any more, with the ``note``.
    """

    command_id: str
    payment_id: str
    kind: CommandKind
    key: str
    amount: Money
    total: Money
    state: CommandState
    created_at: datetime
    updated_at: datetime
    reference: str | None = None  #: ours, of a refund
    final: bool = True
    description: str = ""
    attempts: int = 0
    sent_at: datetime | None = None
    provider_id: str | None = None
    code: str | None = None
    note: str | None = None
    lease_until: datetime | None = None
    check_at: datetime | None = None
    given_up_at: datetime | None = None


@attrs.frozen(slots=True, kw_only=True)
class Wanted:
    """What a caller asks for. ``name_it`` gives the n-th refund of a payment our reference."""

    kind: CommandKind
    payment_id: str
    amount: Money | None = None
    key: str | None = attrs.field(default=None)
    final: bool = True
    description: str = attrs.field(default="")
    name_it: Callable[[PaymentRecord, int], str] | None = None

    @key.validator
    def _fits(self, _attribute: object, key: str | None) -> None:
        if key is not None and not 0 < len(key) <= REFERENCE_LENGTH:
            raise InvalidRequest(f"has 1 to {REFERENCE_LENGTH} characters", field="idempotency_key")
        if why := unstorable(key):
            raise InvalidRequest(why, field="idempotency_key")

    @description.validator
    def _can_be_kept(self, _attribute: object, description: str) -> None:
        if why := unstorable(description):
            raise InvalidRequest(why, field="description")


def to_capture(payment_id: str, amount: Money | None, key: str | None, *, final: bool) -> Wanted:
    """What ``capture`` asks for."""
    return Wanted(
        kind=CommandKind.CAPTURE, payment_id=payment_id, amount=amount, key=key, final=final
    )


def to_void(payment_id: str, key: str | None) -> Wanted:
    """What ``void`` asks for."""
    return Wanted(kind=CommandKind.VOID, payment_id=payment_id, key=key)


def to_refund(payment_id: str, amount: Money | None, key: str | None, description: str) -> Wanted:
    """What ``refund`` asks for."""
    return Wanted(
        kind=CommandKind.REFUND,
        payment_id=payment_id,
        amount=amount,
        key=key,
        description=description,
    )


@attrs.frozen(slots=True)
class Plan:
    """What is to be written down; ``command`` if it is written down already."""

    key: str
    amount: Money
    total: Money
    command: Command | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused before, so that it is a new call and has to be allowed anew."""
        return self.command is not None and self.command.state is CommandState.REFUSED


@attrs.frozen(slots=True)
class Commanded:
    """What became of a command: the record after it, and the provider's answer.

    Without a ``payment`` or ``refund`` nothing was sent, for it had been done before. One that is
    ``pending`` was taken on and is not done: an event tells how it ends.
    """

    record: PaymentRecord
    payment: Payment | None = None
    published: int = 0
    refund: Refund | None = None
    command: Command | None = None


def plan(
    record: PaymentRecord, wanted: Wanted, known: Sequence[Command], *, refused: int
) -> Plan | None:
    """What a command comes to by our record; ``None``: it is done.

    ``known`` are the commands of this payment, ``refused`` counts its captures that came to
    nothing. Raises :class:`InvalidRequest`.
    """
    match wanted.kind:
        case CommandKind.CAPTURE:
            return _plan_capture(record, wanted, known, refused)
        case CommandKind.VOID:
            return _plan_void(record, wanted, known)
        case CommandKind.REFUND:
            return _plan_refund(record, wanted, known)


def _plan_capture(
    record: PaymentRecord, wanted: Wanted, known: Sequence[Command], refused: int
) -> Plan | None:
    # A key that has its answer is not sent again, whatever happened to the payment since.
    asked = wanted.key or (
        None if wanted.amount is None else capture_key(record, wanted.amount, refused)
    )
    former = _of_key(known, asked, wanted)
    if former is not None and not former.is_refused:
        return former
    amount = _to_capture(record, wanted.amount)
    if amount is None:
        return None
    key = asked or capture_key(record, amount, refused)
    former = _of_key(known, key, wanted)
    if former is not None and not former.is_refused:
        return former
    _refuse_beside(known, CommandKind.VOID)
    left = held(record) - _under_way(record.captured, known, CommandKind.CAPTURE)
    if amount > left:
        raise InvalidRequest(f"at most {left} is held", field="amount")
    return _planned(former, key, amount, record.captured + (held(record) - left))


def _plan_void(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    key = wanted.key or void_key(record)
    former = _of_key(known, key, wanted)
    if former is not None and not former.is_refused:
        return former
    if not _is_to_void(record):
        return None
    _refuse_beside(known, CommandKind.CAPTURE)
    return former or Plan(key, held(record), record.captured)


def _plan_refund(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    refused = sum(
        one.kind is CommandKind.REFUND and one.state is CommandState.REFUSED for one in known
    )
    asked = wanted.key or (
        None if wanted.amount is None else refund_key(record, wanted.amount, refused)
    )
    former = _of_key(known, asked, wanted)
    if former is not None and not former.is_refused:
        return former
    under_way = _under_way(record.refunded, known, CommandKind.REFUND)
    left = record.captured - record.refunded - under_way
    if wanted.amount is None:
        former = _of_key(known, asked or refund_key(record, record.captured, refused), wanted)
        if former is not None and not former.is_refused:
            return former
        if record.captured and record.refunded >= record.captured:
            return None
    amount = left if wanted.amount is None else wanted.amount
    if amount.currency != record.amount.currency:
        raise InvalidRequest("is in another currency than the payment", field="amount")
    if record.status not in _REFUNDABLE or not record.captured:
        raise InvalidRequest(
            f"nothing was taken: the payment is {record.status}", field="payment_id"
        )
    if wanted.amount is not None and wanted.amount.minor <= 0:
        raise InvalidRequest("a refund is more than nothing", field="amount")
    if amount > left or amount.minor <= 0:
        raise InvalidRequest(f"at most {left} is left to give back", field="amount")
    key = asked or refund_key(record, record.captured, refused)
    return _planned(former, key, amount, record.refunded + under_way)


def _planned(former: Plan | None, key: str, amount: Money, so_far: Money) -> Plan:
    """A new command, or one that was refused and is tried anew with the amount that it had."""
    if former is not None:
        return attrs.evolve(former, total=so_far + former.amount)
    return Plan(key, amount, so_far + amount)


def _of_key(known: Sequence[Command], key: str | None, wanted: Wanted) -> Plan | None:
    """The command with this key. Raises :class:`InvalidRequest` where it is another one."""
    for one in known:
        if key is not None and one.key == key:
            other_amount = wanted.amount is not None and wanted.amount != one.amount
            other_end = one.kind is CommandKind.CAPTURE and wanted.final != one.final
            if one.kind is not wanted.kind or other_amount or (other_end and wanted.key):
                raise InvalidRequest(
                    "this key was used for something else", field="idempotency_key"
                )
            return Plan(key, one.amount, one.total, command=one)
    return None


def _refuse_beside(known: Sequence[Command], kind: CommandKind) -> None:
    if any(one.kind is kind and one.state in _OPEN for one in known):
        raise InvalidRequest(f"a {kind} of it is under way", field="payment_id")


def _under_way(so_far: Money, known: Iterable[Command], kind: CommandKind) -> Money:
    """How much more commands that have no end yet may come to than is counted ``so_far``."""
    sums = Money(0, so_far.currency)
    for one in known:
        if one.kind is kind and one.state in _OPEN and one.total > so_far:
            sums += one.amount
    return sums


def held(record: PaymentRecord) -> Money:
    """How much of what was asked is not taken yet, as far as our record knows."""
    return max(record.amount - record.captured, Money(0, record.amount.currency))


def _to_capture(record: PaymentRecord, amount: Money | None) -> Money | None:
    """How much to capture; ``None``: it is done. Raises :class:`InvalidRequest`."""
    if amount is None:
        if record.status in PAID and record.captured >= record.amount:
            return None
        if record.status in _MAY_HOLD_MORE:
            raise InvalidRequest("a part is captured: say how much more", field="amount")
        amount = held(record)
    if amount.currency != record.amount.currency:
        raise InvalidRequest("is in another currency than the payment", field="amount")
    if amount.minor <= 0:
        raise InvalidRequest("a capture is more than nothing", field="amount")
    if record.status is not S.AUTHORIZED and record.status not in _MAY_HOLD_MORE:
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    if amount > held(record):
        raise InvalidRequest(f"at most {held(record)} is held", field="amount")
    return amount


def _is_to_void(record: PaymentRecord) -> bool:
    """Whether there is something to void; ``False``: it is done. Raises :class:`InvalidRequest`."""
    if record.status in _HELD_NO_MORE:
        return False
    may_hold = record.status is S.AUTHORIZED or record.status in _MAY_HOLD_MORE
    if not may_hold or not held(record):
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    return True


def capture_key(record: PaymentRecord, amount: Money, refused: int) -> str:
    """The same for the same capture, until it was refused: then a new attempt has a new one."""
    return f"{record.payment_id}-capture-{amount.minor}-{refused}"


def refund_key(record: PaymentRecord, amount: Money, refused: int) -> str:
    """The same for the same refund, until it was refused: then a new attempt has a new one."""
    return f"{record.payment_id}-refund-{amount.minor}-{refused}"


def void_key(record: PaymentRecord) -> str:
    """The same however often a payment is voided."""
    return f"{record.payment_id}-void"


def end_of(
    command: Command, record: PaymentRecord, facts: Iterable[PaymentProcessed]
) -> CommandState | None:
    """How a command ended, as far as a payment's record and these facts tell; ``None``: unknown."""
    for fact in facts:
        if fact.movement is not None and _is_of(command, fact.movement):
            return CommandState.REFUSED if fact.movement.undone else CommandState.DONE
    match command.kind:
        case CommandKind.CAPTURE:
            if record.captured >= command.total:
                return CommandState.DONE
            return CommandState.REFUSED if record.status in UNPAID else None
        case CommandKind.REFUND:
            return CommandState.DONE if record.refunded >= command.total else None
        case CommandKind.VOID:
            if record.status in _HELD_NO_MORE:
                return CommandState.DONE
            refused = any(fact.reason == VOID_FAILED for fact in facts)
            taken = record.status in PAID and not held(record)
            return CommandState.REFUSED if refused or taken else None


def _is_of(command: Command, movement: Movement) -> bool:
    """Whether a movement is what a command asked for.

    Where the provider has not told its id yet, one of the same amount is taken for it: so nothing
    is sent once more that may have been done.
    """
    if movement.kind.value != command.kind.value:
        return False
    if command.provider_id is not None:
        return fitting(movement.id) == command.provider_id
    return movement.amount == command.amount


def state_of(kind: CommandKind, payment: Payment) -> CommandState:
    """What a provider's answer to a capture or a void says of it."""
    if payment.status is S.UNKNOWN:
        return CommandState.RESERVED  # nobody can read it: ask
    if payment.status in PAID or (kind is CommandKind.VOID and payment.status in UNPAID):
        return CommandState.DONE
    return CommandState.REFUSED if payment.status in UNPAID else CommandState.WAITING


def _answer_id(record: PaymentRecord, key: str, said: str) -> str:
    # Whoever repeats a command may hear that it is done, where the first only heard that it waits.
    return fingerprint(f"api|{record.payment_id}|{key}|{said}".encode())


def captured(
    record: PaymentRecord, payment: Payment, amount: Money, *, key: str, now: datetime
) -> PaymentProcessed:
    """The provider's answer to a capture of ``amount``, as a fact."""
    total = payment.captured
    if total is None and payment.status in PAID:
        total = record.captured + amount
    return _answer(record, payment, total, key=key, now=now)


def voided(record: PaymentRecord, payment: Payment, *, key: str, now: datetime) -> PaymentProcessed:
    """The provider's answer to a void, as a fact."""
    return _answer(record, payment, payment.captured, key=key, now=now)


def refused(
    record: PaymentRecord, error: Declined, amount: Money, *, key: str, now: datetime
) -> PaymentProcessed:
    """A capture that the provider refused, as a fact: the hold stands, as far as that tells."""
    return PaymentProcessed(
        event_id=_answer_id(record, key, "refused"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=S.AUTHORIZED,
        amount=amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=error.code,
        reason=CAPTURE_FAILED,
        source=Source.API,
        movement=Movement(kind=MovementKind.CAPTURE, id=key, amount=amount, undone=True),
    )


def refused_void(
    record: PaymentRecord, error: Declined, *, key: str, now: datetime
) -> PaymentProcessed:
    """A void that the provider refused, as a fact: the hold stands, as far as that tells."""
    whole = refused(record, error, record.amount, key=key, now=now)
    return attrs.evolve(whole, reason=VOID_FAILED, movement=None)


def refunded(
    record: PaymentRecord, refund: Refund, command: Command, now: datetime, source: Source
) -> PaymentProcessed:
    """A refund that the provider says is done, as a fact: one movement, which counts once."""
    amount = refund.amount or command.amount
    move_id = refund.provider_id or refund.reference
    return PaymentProcessed(
        event_id=_answer_id(record, command.key, S.REFUNDED),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=S.REFUNDED,
        amount=amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=refund.code,
        source=source,
        movement=Movement(kind=MovementKind.REFUND, id=move_id, amount=amount),
    )


def refund_failed(
    record: PaymentRecord, command: Command, code: str | None, now: datetime, source: Source
) -> PaymentProcessed:
    """A refund that came to nothing, as a fact: the money stays where it is."""
    return PaymentProcessed(
        event_id=_answer_id(record, command.key, f"refused {command.attempts}"),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=record.status,
        amount=command.amount,
        occurred_at=now,
        provider_id=record.provider_id,
        code=code,
        reason=REFUND_FAILED,
        source=source,
    )


def _id_told(record: PaymentRecord, payment: Payment) -> str | None:
    """The provider's id of what it answered about.

    The end of a hold may come with an id of its own, and it is that of the hold we asked about.
    """
    ends_our_hold = record.status is S.AUTHORIZED and payment.status in UNPAID
    return (record.provider_id if ends_our_hold else None) or payment.provider_id


def _told_at(payment: Payment, now: datetime) -> datetime:
    """When what an answer says has happened; that nothing is held any more, it says of now.

    A provider may tell when the payment was asked for, and that is before the hold.
    """
    return now if payment.status in UNPAID else payment.occurred_at or now


def as_fact(
    record: PaymentRecord, payment: Payment, now: datetime, *, event_id: str, source: Source
) -> PaymentProcessed:
    """What the provider answered about a payment, as a fact about our record."""
    return PaymentProcessed(
        event_id=event_id,
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=payment.status,
        amount=payment.amount or record.amount,
        occurred_at=_told_at(payment, now),
        provider_id=_id_told(record, payment),
        code=payment.code,
        reason=payment.reason,
        captured=payment.captured,
        refunded=payment.refunded,
        source=source,
    )


def _answer(
    record: PaymentRecord, payment: Payment, total: Money | None, *, key: str, now: datetime
) -> PaymentProcessed:
    event_id = _answer_id(record, key, payment.status)
    fact = as_fact(record, payment, now, event_id=event_id, source=Source.API)
    # Such an answer may have the amount of the one capture: that is not less than was asked.
    amount = fact.amount
    if amount.currency == record.amount.currency:
        amount = max(amount, record.amount)
    return attrs.evolve(fact, amount=amount, captured=total)
