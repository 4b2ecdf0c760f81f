"""Commands by our record: what may be sent, and under which key.

Nothing here does I/O. What is refused here was never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Final

import attrs

from ..errors import InvalidRequest
from ..models import Payment, PaymentRef, PaymentStatus, Refund, RefundRequest
from ..money import Money
from ..provider import Capability
from ..text import unstorable
from .schema import REFERENCE_LENGTH
from .state import PAID, PaymentRecord

S = PaymentStatus

#: Paid in part, so there may still be a hold beside it.
_MAY_HOLD_MORE: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED})
HELD_NO_MORE: Final = frozenset({S.CANCELED, S.EXPIRED})
#: There may be money to give back: also of a payment that somebody has to look at, or of which a
#: part is held still.
_REFUNDABLE: Final = PAID | {S.NEEDS_REVIEW, S.AUTHORIZED}


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


#: It has no end yet.
OPEN: Final = frozenset({CommandState.RESERVED, CommandState.WAITING})


@attrs.frozen(slots=True, kw_only=True)
class Command:
    """One command on record. What is sent is frozen.

    ``base`` is what was captured or given back before it. ``sent_at`` is when it may first have
    reached the provider, ``None`` if it certainly did not. ``given_up_at`` is set once nothing can
    be found out about it any more, with the ``note``.
    """

    command_id: str
    payment_id: str
    kind: CommandKind
    key: str
    amount: Money
    base: Money
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
    """What ``refund`` asks for. Raises :class:`InvalidRequest` for what no provider may be told."""
    some = PaymentRef(reference="some")
    RefundRequest(payment=some, reference="some", amount=amount, description=description)
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
    base: Money
    command: Command | None = None


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


def plan(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    """What a command comes to by our record; ``None``: it is done.

    ``known`` are the commands of this payment. A key that has its answer is not sent again,
    whatever happened to the payment since. Raises :class:`InvalidRequest`.
    """
    if wanted.amount is not None and wanted.amount.currency != record.amount.currency:
        raise InvalidRequest("is in another currency than the payment", field="amount")
    if wanted.key is not None:
        former = _of_key(known, wanted.key, wanted)
        if former is not None:
            return former
    match wanted.kind:
        case CommandKind.CAPTURE:
            return _plan_capture(record, wanted, known)
        case CommandKind.VOID:
            return _plan_void(record, wanted, known)
        case CommandKind.REFUND:
            return _plan_refund(record, wanted, known)


def _plan_capture(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    if wanted.amount is not None and wanted.key is None:
        former = _of_default(record, known, CommandKind.CAPTURE, wanted.amount)
        if former is not None:
            return former
    amount = _to_capture(record, wanted.amount)
    if amount is None:
        return None
    if wanted.amount is None and wanted.key is None:
        former = _of_default(record, known, CommandKind.CAPTURE, amount)
        if former is not None:
            return former
    _refuse_beside(known, CommandKind.VOID)
    under_way = _under_way(record, known, CommandKind.CAPTURE)
    left = max(held(record) - under_way, _nothing(record))
    if amount > left:
        raise InvalidRequest(f"at most {left} is held", field="amount")
    key = wanted.key or _new_key(record, known, CommandKind.CAPTURE, str(amount.minor))
    return Plan(key, amount, record.captured)


def _plan_void(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    key = wanted.key or _new_key(record, known, CommandKind.VOID, "")
    former = _of_key(known, key, wanted)
    if former is not None:
        return former
    if not _is_to_void(record):
        return None
    _refuse_beside(known, CommandKind.CAPTURE)
    return Plan(key, held(record), record.captured)


def _plan_refund(record: PaymentRecord, wanted: Wanted, known: Sequence[Command]) -> Plan | None:
    # All that was taken may be asked for by its amount, or by none.
    rest = f"rest-{record.captured.minor}"
    if wanted.key is None:
        whole = record.captured if wanted.amount is None else wanted.amount
        former = _of_default(record, known, CommandKind.REFUND, whole)
        if former is None and wanted.amount is None:
            key = _new_key(record, known, CommandKind.REFUND, rest)
            former = _of_key(known, key, wanted)
        if former is not None:
            return former
    if wanted.amount is None and record.captured and record.refunded >= record.captured:
        return None
    if record.status not in _REFUNDABLE or not record.captured:
        raise InvalidRequest(
            f"nothing was taken: the payment is {record.status}", field="payment_id"
        )
    under_way = _under_way(record, known, CommandKind.REFUND)
    left = max(record.captured - record.refunded - under_way, _nothing(record))
    amount = left if wanted.amount is None else wanted.amount
    if wanted.amount is not None and amount.minor <= 0:
        raise InvalidRequest("a refund is more than nothing", field="amount")
    if amount > left or amount.minor <= 0:
        raise InvalidRequest(f"at most {left} is left to give back", field="amount")
    is_whole = wanted.amount is not None or amount == record.captured
    what = str(amount.minor) if is_whole else rest
    key = wanted.key or _new_key(record, known, CommandKind.REFUND, what)
    return Plan(key, amount, record.refunded)


def _of_default(
    record: PaymentRecord, known: Sequence[Command], kind: CommandKind, amount: Money
) -> Plan | None:
    """The command of this kind and amount that has a key of ours and was not refused."""
    key = _new_key(record, known, kind, str(amount.minor))
    return next((_former(one) for one in known if one.key == key and one.kind is kind), None)


def _of_key(known: Sequence[Command], key: str, wanted: Wanted) -> Plan | None:
    """The command with this key. Raises :class:`InvalidRequest` where it is another one."""
    for one in known:
        if one.key != key:
            continue
        other_amount = wanted.amount is not None and wanted.amount != one.amount
        other_end = one.kind is CommandKind.CAPTURE and wanted.final != one.final
        if one.kind is not wanted.kind or other_amount or other_end:
            raise InvalidRequest("this key was used for something else", field="idempotency_key")
        if one.state is CommandState.REFUSED:
            # The provider may know the key, and would only repeat what it said.
            raise InvalidRequest(
                "was refused under this key: a new attempt has a new one", field="idempotency_key"
            )
        return _former(one)
    return None


def _former(command: Command) -> Plan:
    return Plan(command.key, command.amount, command.base, command=command)


def _new_key(record: PaymentRecord, known: Iterable[Command], kind: CommandKind, what: str) -> str:
    """The same for the same command, until that was refused: then a new attempt has a new one.

    What became of another command, of another amount, has no say in it.
    """
    refused = {one.key for one in known if one.state is CommandState.REFUSED}
    name = f"{record.payment_id}-{kind}" + (f"-{what}" if what else "")
    keys = (name if number == 0 and not what else f"{name}-{number}" for number in count())
    return next(key for key in keys if key not in refused)


def _refuse_beside(known: Sequence[Command], kind: CommandKind) -> None:
    if any(one.kind is kind and one.state in OPEN for one in known):
        raise InvalidRequest(f"a {kind} of it is under way", field="payment_id")


def rebased(record: PaymentRecord, command: Command, others: Iterable[Command]) -> Command:
    """A command that is sent only now, by the record of now.

    Raises :class:`InvalidRequest` where there is not so much left by now.
    """
    under_way = _under_way(record, others, command.kind)
    match command.kind:
        case CommandKind.REFUND:
            base, left = record.refunded, record.captured - record.refunded - under_way
        case CommandKind.CAPTURE:
            base, left = record.captured, held(record) - under_way
        case CommandKind.VOID:
            return command
    if command.amount > left:
        raise InvalidRequest(f"at most {max(left, _nothing(record))} is left", field="amount")
    return attrs.evolve(command, base=base)


def _under_way(record: PaymentRecord, known: Iterable[Command], kind: CommandKind) -> Money:
    """What commands that have no end yet may come to. Whatever is counted has ended its command."""
    ours = (one.amount for one in known if one.kind is kind and one.state in OPEN)
    return sum(ours, start=_nothing(record))


def _nothing(record: PaymentRecord) -> Money:
    return Money(0, record.amount.currency)


def held(record: PaymentRecord) -> Money:
    """How much of what was asked is not taken yet, as far as our record knows."""
    return max(record.amount - record.captured, _nothing(record))


def _to_capture(record: PaymentRecord, amount: Money | None) -> Money | None:
    """How much to capture; ``None``: it is done. Raises :class:`InvalidRequest`."""
    if amount is None:
        if record.status in PAID and record.captured >= record.amount:
            return None
        if record.status in _MAY_HOLD_MORE:
            raise InvalidRequest("a part is captured: say how much more", field="amount")
        amount = held(record)
    if amount.minor <= 0:
        raise InvalidRequest("a capture is more than nothing", field="amount")
    if record.status is not S.AUTHORIZED and record.status not in _MAY_HOLD_MORE:
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    if amount > held(record):
        raise InvalidRequest(f"at most {held(record)} is held", field="amount")
    return amount


def _is_to_void(record: PaymentRecord) -> bool:
    """Whether there is something to void; ``False``: it is done. Raises :class:`InvalidRequest`."""
    if record.status in HELD_NO_MORE:
        return False
    may_hold = record.status is S.AUTHORIZED or record.status in _MAY_HOLD_MORE
    if not may_hold or not held(record):
        raise InvalidRequest(f"nothing is held: the payment is {record.status}", field="payment_id")
    return True
