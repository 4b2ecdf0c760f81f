"""What a fact does to a payment: one pure function over one table.

Rule 1: everything that decides a payment's state is in this file, and nothing here does I/O.
Rule 2: succeeded never falls back. Failed, canceled and expired may still become succeeded,
because several providers do that, and the late success is an event of its own right.
Rule 3: a fact that contradicts our record (amount, currency, somebody else's transaction) is never
success; it becomes ``needs_review`` with the discrepancy named.
Rule 4: totals are cumulative and only grow, so a late or repeated fact changes nothing, and money
that is told of for the first time is always an event, whatever the status does.
Rule 5: a bank transfer is a delta. Each is counted once, and its payment is judged by their sum;
what another source said before about the same money is not counted again.
Rule 6: so is a single capture or refund (a *movement*), and it can be undone. The totals follow the
movements, down as well as up, and the status follows from the totals, whatever their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from ..events import Movement, MovementKind, PaymentProcessed, Source, TransferReceived
from ..models import CaptureMode, Discrepancy, PaymentRef, PaymentStatus
from ..money import Money
from ..provider import Outcome
from ..vietqr.matching import Expected, judge
from .quick import evolve, members, nothing
from .tally import Tally

S = members(PaymentStatus)

PAID: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED})
_CLOSED: Final = PAID | {S.AUTHORIZED, S.NEEDS_REVIEW}
UNPAID: Final = frozenset({S.FAILED, S.CANCELED, S.EXPIRED})
_OPEN_ENDS: Final = _CLOSED | UNPAID

#: Which status may follow which. Whatever is not here changes nothing.
FOLLOWS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    S.PENDING: _OPEN_ENDS | {S.REQUIRES_ACTION, S.UNKNOWN},
    S.REQUIRES_ACTION: _OPEN_ENDS | {S.PENDING, S.UNKNOWN},
    S.UNKNOWN: _OPEN_ENDS,
    S.AUTHORIZED: PAID | UNPAID | {S.NEEDS_REVIEW},
    S.SUCCEEDED: frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED}),
    S.PARTIALLY_REFUNDED: frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED}),
    S.REFUNDED: frozenset({S.DISPUTED}),
    S.FAILED: _CLOSED,
    S.CANCELED: _CLOSED,
    S.EXPIRED: _CLOSED,
    S.DISPUTED: frozenset(),  # but its refunded total may still grow
    S.NEEDS_REVIEW: PAID,
}

#: Nothing more is expected, though a late success or a refund may still come.
FINAL: Final = PAID | UNPAID
#: A payment that merely waits is not news for a saga.
_SILENT: Final = frozenset({S.PENDING, S.REQUIRES_ACTION})
#: When a payment is closed, any time is too late.
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_REFUND_FACTS: Final = frozenset({S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED})
#: Where the totals of movements may lead, up as well as down, from any status but ``disputed``.
BY_TOTALS: Final = frozenset({S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.NEEDS_REVIEW})
#: The reason of a hold that was not released although we asked for it.
VOID_FAILED: Final = "void_failed"
#: The reason of a refund that we asked for, and that came to nothing.
REFUND_FAILED: Final = "refund_failed"
#: Whatever a provider tells by itself is newer than this: than our guess, or the very first answer.
FROM_THE_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: What a movement shows to have been held, for all that was known.
_NOT_HELD_YET: Final = frozenset({S.PENDING, S.REQUIRES_ACTION, S.UNKNOWN})
#: A fact with such a discrepancy says nothing about how much came in.
_UNCOUNTED: Final = frozenset({Discrepancy.CURRENCY, Discrepancy.PROVIDER_ID})
#: With such a status a fact may tell how much was captured.
_TELL_CAPTURED: Final = UNPAID | {S.SUCCEEDED, S.AUTHORIZED}


@attrs.frozen(slots=False, kw_only=True)  # as PaymentProcessed: filled faster
class PaymentRecord:
    """Our own record of one payment: what was asked, and what is known."""

    payment_id: str
    order_id: str
    provider: str
    account: str
    reference: str
    amount: Money
    status: PaymentStatus
    captured: Money
    refunded: Money
    received: Money  #: the sum of the bank transfers, a part of ``captured``
    created_at: datetime
    updated_at: datetime
    capture: CaptureMode = CaptureMode.AUTOMATIC  #: only of a hold may a part be taken
    expires_at: datetime | None = None  #: when the time to pay is over
    received_at: datetime | None = None  #: when the latest of the bank transfers arrived
    provider_id: str | None = None
    discrepancy: Discrepancy | None = None
    code: str | None = None
    reason: str | None = None
    sequence: int = 0
    #: Since when it stands so by the provider's own clock; empty where it was asked, for our clocks
    #: may be wrong, and cannot say what was before and what after.
    told_at: datetime | None = None

    @property
    def ref(self) -> PaymentRef:
        """How to ask the provider for this payment."""
        return PaymentRef(
            reference=self.reference,
            provider_id=self.provider_id,
            amount=self.amount,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )

    @property
    def final(self) -> bool:
        """Whether the payer can stop waiting."""
        return self.status in FINAL


@attrs.frozen(slots=True)
class Transition:
    """What a fact did: the record after it, the event to publish, and how to acknowledge it."""

    record: PaymentRecord
    event: PaymentProcessed | None
    outcome: Outcome


def becomes_paid(before: PaymentRecord, after: PaymentRecord) -> bool:
    """Whether the money of a payment has just come in; its refund may be known before that."""
    return not is_paid(before) and is_paid(after)


def is_paid(record: PaymentRecord) -> bool:
    """Whether money came in for a payment, whatever became of it since."""
    return record.status in PAID and bool(record.captured)


def remark(
    before: PaymentRecord,
    done: Transition,
    *,
    fact: PaymentProcessed | TransferReceived,
    order_is_paid: bool,
) -> Transition:
    """Say with a success that it pays an order twice, or one that was given up before.

    The money is there all the same, so the status is what it is: whoever handles the event sends
    the money back, or the goods after all.
    """
    event = done.event
    if event is None or event.discrepancy is not None or not becomes_paid(before, done.record):
        return done
    if order_is_paid:
        discrepancy = Discrepancy.DUPLICATE_PAYMENT
    elif before.status in {S.CANCELED, S.EXPIRED} and _is_after_the_end(before, fact):
        discrepancy = Discrepancy.LATE
    else:
        return done
    return attrs.evolve(
        done,
        record=evolve(done.record, discrepancy=discrepancy),
        event=evolve(event, discrepancy=discrepancy),
    )


def _is_after_the_end(record: PaymentRecord, fact: PaymentProcessed | TransferReceived) -> bool:
    """Whether a success happened too late, and not only its news came late."""
    if record.told_at == FROM_THE_START:
        return fact.occurred_at > record.updated_at  # nobody told us of the end: it was our guess
    told_at = said_at(fact)
    # Who is asked, and answers that it is paid after all, speaks of what came after the end.
    return told_at is None or record.told_at is None or told_at > record.told_at


def said_at(fact: PaymentProcessed | TransferReceived) -> datetime | None:
    """When it happened by the provider's own clock, if the provider told it of its own accord."""
    asked = isinstance(fact, PaymentProcessed) and fact.source in {Source.API, Source.POLL}
    return None if asked else fact.occurred_at


def transition(
    record: PaymentRecord,
    fact: PaymentProcessed,
    *,
    id_taken: bool = False,
    tally: Tally | None = None,
    told_at: datetime | None = None,
) -> Transition:
    """Apply ``fact`` to ``record``. ``id_taken``: its provider id belongs to another payment.

    ``tally`` sums up the movements that are on record, where there are some. ``told_at`` is for
    what no notice told, see :attr:`PaymentRecord.told_at`.
    """
    told_at = told_at or said_at(fact)
    if not id_taken and _is_old_news(record, fact, told_at):
        return Transition(record, None, Outcome.ACCEPTED)
    discrepancy = _discrepancy(record, fact, id_taken=id_taken)
    status = S.NEEDS_REVIEW if discrepancy else fact.status
    outcome = Outcome.MISMATCH if discrepancy else Outcome.ACCEPTED
    captured = _captured(record, fact, discrepancy, tally)
    refunded = record.refunded if discrepancy else _refunded(record, fact)
    if record.status is S.DISPUTED and status in _REFUND_FACTS:
        status = S.DISPUTED
    if record.status is S.AUTHORIZED and record.captured and status in UNPAID:
        status = S.SUCCEEDED  # what was held beside the part that is taken
    status = _after_more(record, status, captured, refunded)
    by_totals, of_totals, left = None, None, _left(record, status, captured)
    if tally is not None and not discrepancy:
        totals = max(record.captured, captured), max(record.refunded, refunded)
        by_totals, of_totals = by_movements(record, *totals, tally)
        left = of_totals or _kept(record, tally)
        if S.DISPUTED in {status, record.status} or fact.status is S.NEEDS_REVIEW:
            by_totals = None
        status = by_totals or status
    if status is record.status:
        no_more = refunded <= record.refunded and captured <= record.captured
        if no_more and not _is_refused_void(record, fact):
            return Transition(record, None, outcome)
    elif not by_totals and not _may_follow(record, fact, status):
        if captured <= record.captured:
            return Transition(record, None, outcome)
        # What is paid stays paid; that there is more of it is news.
        status = _after_more(record, record.status, captured, refunded)
    silent = status in _SILENT
    after = evolve(
        record,
        status=status,
        captured=max(record.captured, captured),
        refunded=max(record.refunded, refunded),
        provider_id=record.provider_id if discrepancy else _named(record, fact),
        discrepancy=discrepancy or left,
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, fact.occurred_at),
        told_at=record.told_at if status is record.status else told_at,
        sequence=record.sequence if silent else record.sequence + 1,
    )
    if silent:
        return Transition(after, None, outcome)
    return Transition(after, _published(after, fact, discrepancy or of_totals), outcome)


def tell(record: PaymentRecord, fact: PaymentProcessed) -> Transition:
    """Make an event of a fact that changes nothing, however the payment stands by now."""
    after = evolve(
        record,
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, fact.occurred_at),
        sequence=record.sequence + 1,
    )
    return Transition(after, _published(after, fact, None), Outcome.ACCEPTED)


def _after_more(
    record: PaymentRecord, status: PaymentStatus, captured: Money, refunded: Money
) -> PaymentStatus:
    """A full refund is one of a part as soon as more was taken, whichever is told first."""
    left = max(record.captured, captured) > max(record.refunded, refunded)
    return S.PARTIALLY_REFUNDED if status is S.REFUNDED and left else status


def _named(record: PaymentRecord, fact: PaymentProcessed) -> str | None:
    """What the provider calls it. A page is still asked about after a try on it that failed."""
    if fact.status is S.FAILED and record.provider_id is not None:
        return record.provider_id
    return fact.provider_id or record.provider_id


def _may_follow(record: PaymentRecord, fact: PaymentProcessed, status: PaymentStatus) -> bool:
    # That the provider itself sends a person to look is more than a notice that contradicts us.
    sent_to_look = status is fact.status is S.NEEDS_REVIEW and fact.discrepancy is None
    may = sent_to_look and record.status in PAID - {S.DISPUTED}
    return may or status in FOLLOWS[record.status]


def by_movements(
    record: PaymentRecord, captured: Money, refunded: Money, tally: Tally
) -> tuple[PaymentStatus | None, Discrepancy | None]:
    """The status of a payment with movements, by its totals; ``None``: they decide nothing.

    A refund may be known before its capture is. A capture that was taken back is for a person, for
    the goods may be gone: nothing that comes later makes the payment whole by itself.
    """
    asked = record.amount
    if tally.taken_back:
        return S.NEEDS_REVIEW, Discrepancy.REVERSED
    if max(captured, refunded) > asked or refunded > captured > Money(0, asked.currency):
        return S.NEEDS_REVIEW, Discrepancy.OVERPAID
    if _is_too_little(record, captured):
        return S.NEEDS_REVIEW, Discrepancy.UNDERPAID
    if tally.unsure:
        return S.NEEDS_REVIEW, None
    if refunded:
        whole = captured or asked
        return (S.REFUNDED if refunded >= whole else S.PARTIALLY_REFUNDED), None
    if captured:
        return S.SUCCEEDED, None
    # Something was to be given back, of which nobody told that it was taken.
    return (S.NEEDS_REVIEW if tally.refunds else None), None


def move(
    record: PaymentRecord,
    fact: PaymentProcessed,
    movement: Movement,
    *,
    before: Tally,
    after: Tally,
) -> Transition:
    """Apply a fact about one movement: ``before`` and ``after`` it, the movements add up to these.

    A movement that is undone is always an event, even if no total ever had it.
    """
    if before == after:
        return Transition(record, None, Outcome.ACCEPTED)  # it is on record
    captured, refunded = _moved(record, fact, movement, before, after)
    status, discrepancy = by_movements(record, captured, refunded, after)
    if status is None and after.refused:
        status = _after_a_refusal(record, fact)
    nothing_new = (captured, refunded) == (record.captured, record.refunded)
    in_review = record.status is S.NEEDS_REVIEW and before.unsure == after.unsure
    if status is None or record.status is S.DISPUTED or (in_review and nothing_new):
        status = record.status  # what moved no money settles nothing that a person looks at
    moved = evolve(
        record,
        status=status,
        captured=captured,
        refunded=refunded,
        discrepancy=discrepancy or _kept(record, before),
    )
    wrong = discrepancy in {Discrepancy.OVERPAID, Discrepancy.UNDERPAID}
    outcome = Outcome.MISMATCH if wrong else Outcome.ACCEPTED
    if moved == record and not movement.undone and before.unsure == after.unsure:
        return Transition(record, None, outcome)  # a total told of this money before
    first = captured and not record.captured
    moved = evolve(
        moved,
        # Of several attempts at one reference it is the one that the money came from.
        provider_id=(fact.provider_id if first else None) or record.provider_id or fact.provider_id,
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, fact.occurred_at),
        told_at=record.told_at if status is record.status else said_at(fact),
        sequence=record.sequence + 1,
    )
    return Transition(moved, _published(moved, fact, discrepancy), outcome)


def _after_a_refusal(record: PaymentRecord, fact: PaymentProcessed) -> PaymentStatus:
    """What a refused capture, the only thing known beside the hold, says of that hold."""
    open_ = record.status is S.AUTHORIZED or record.status in _NOT_HELD_YET
    if open_ and fact.status in {S.AUTHORIZED, S.CANCELED, S.EXPIRED}:
        return fact.status
    return record.status


def _moved(
    record: PaymentRecord,
    fact: PaymentProcessed,
    movement: Movement,
    before: Tally,
    after: Tally,
) -> tuple[Money, Money]:
    """The totals after a movement; a total that told of it before has it already.

    Of a refund of ours may be known how much at least was given back with it.
    """
    nothing = Money(0, record.amount.currency)
    if movement.kind is MovementKind.CAPTURE:
        lost = after.taken_back - before.taken_back
        return max(record.captured - lost, after.captured, nothing), record.refunded
    lost, at_least = (movement.amount, None) if movement.undone else (nothing, fact.refunded)
    return record.captured, max(record.refunded - lost, after.refunded, at_least or nothing)


def _kept(record: PaymentRecord, tally: Tally) -> Discrepancy | None:
    """The discrepancy of before, unless it was that of the totals, which say it anew."""
    _, of_totals = by_movements(record, record.captured, record.refunded, tally)
    return None if record.discrepancy is of_totals else record.discrepancy


def _is_too_little(record: PaymentRecord, captured: Money) -> bool:
    """Whether a part was taken of a payment that was to be taken whole."""
    part = Money(0, record.amount.currency) < captured < record.amount
    return part and record.capture is CaptureMode.AUTOMATIC


def _is_of_another_attempt(record: PaymentRecord, fact: PaymentProcessed) -> bool:
    """Whether a fact tells the end of another attempt than the one that made the hold.

    One reference may have several at a card gateway, and a hosted page has an id of its own beside
    the payment that was made on it.
    """
    return (
        record.status is S.AUTHORIZED
        and fact.status in UNPAID
        and not fact.captured
        and None not in {fact.provider_id, record.provider_id}
        and fact.provider_id != record.provider_id
    )


def _is_before_the_end(
    record: PaymentRecord, fact: PaymentProcessed, told_at: datetime | None
) -> bool:
    """Whether a fact tells late of a hold that is over: a hold that is over does not come back.

    Nor does it when a void is refused for just that reason.
    """
    if record.status not in {S.CANCELED, S.EXPIRED} or fact.status is not S.AUTHORIZED:
        return False
    if fact.reason == VOID_FAILED:
        return fact.provider_id in {record.provider_id, None}
    same = fact.provider_id is not None and fact.provider_id == record.provider_id
    return same and told_at is not None and (record.told_at is None or told_at <= record.told_at)


def _is_before_the_hold(
    record: PaymentRecord, fact: PaymentProcessed, told_at: datetime | None
) -> bool:
    """Whether a fact tells late that a try failed before the one that made the hold.

    On a hosted page the payer may try several cards, all for one payment of the provider's.
    """
    return (
        record.status is S.AUTHORIZED
        and fact.status is S.FAILED
        and fact.provider_id is not None
        and fact.provider_id == record.provider_id
        and told_at is not None
        and (record.told_at is None or told_at < record.told_at)
    )


def _is_old_news(record: PaymentRecord, fact: PaymentProcessed, told_at: datetime | None) -> bool:
    return (
        _is_of_another_attempt(record, fact)
        or _is_before_the_end(record, fact, told_at)
        or _is_before_the_hold(record, fact, told_at)
    )


def _is_refused_void(record: PaymentRecord, fact: PaymentProcessed) -> bool:
    """Whether somebody who waits for the end of a hold has to hear that there is none."""
    return record.status is S.AUTHORIZED and fact.reason == VOID_FAILED


def is_refused_refund(fact: PaymentProcessed) -> bool:
    """Whether somebody who waits for a refund that we asked for has to hear that there is none."""
    refused = fact.reason == REFUND_FAILED and fact.movement is None
    return refused and fact.source in {Source.API, Source.POLL}


def receive_transfer(
    record: PaymentRecord, transfer: TransferReceived, *, id_taken: bool = False
) -> Transition:
    """Count ``transfer`` for ``record``, and judge the payment by the sum."""
    same_currency = transfer.amount.currency == record.amount.currency
    countable = not id_taken and same_currency and transfer.amount.minor > 0
    received, received_at = record.received, record.received_at
    if countable:
        received += transfer.amount
        received_at = max(transfer.occurred_at, received_at or transfer.occurred_at)
    counted = evolve(record, received=received, received_at=received_at)
    if countable and received <= record.captured:
        # The provider's own total told of this money before the transfer itself did.
        return Transition(counted, None, Outcome.ACCEPTED)
    closed = record.status in {S.CANCELED, S.EXPIRED}
    expected = Expected(
        reference=record.reference,
        amount=record.amount,
        received=record.received,
        received_at=record.received_at,
        expires_at=_LONG_AGO if closed else record.expires_at,
        paid=record.status in PAID,
    )
    fact = judge(transfer, expected).event
    discrepancy = Discrepancy.PROVIDER_ID if id_taken else fact.discrepancy
    status = S.NEEDS_REVIEW if id_taken else fact.status
    if status not in FOLLOWS[record.status]:
        status = record.status
    after = evolve(
        counted,
        status=status,
        captured=max(record.captured, received),
        # payOS has an id for the payment, which stays; else the first transfer stands for it.
        provider_id=record.provider_id or (None if id_taken else transfer.provider_id),
        discrepancy=discrepancy,
        code=fact.code,
        reason=fact.reason,
        updated_at=max(record.updated_at, transfer.occurred_at),
        told_at=record.told_at if status is record.status else transfer.occurred_at,
        sequence=record.sequence + 1,
    )
    outcome = Outcome.MISMATCH if discrepancy else Outcome.ACCEPTED
    return Transition(after, _published(after, fact, discrepancy), outcome)


def _published(
    after: PaymentRecord, fact: PaymentProcessed, discrepancy: Discrepancy | None
) -> PaymentProcessed:
    """The fact as an event about our payment, as it stands after it."""
    return evolve(
        fact,
        reference=after.reference,
        status=after.status,
        payment_id=after.payment_id,
        order_id=after.order_id,
        captured=after.captured,
        refunded=after.refunded,
        discrepancy=discrepancy,
        sequence=after.sequence,
    )


def _captured(
    record: PaymentRecord,
    fact: PaymentProcessed,
    discrepancy: Discrepancy | None,
    tally: Tally | None,
) -> Money:
    """The total that came in, as far as the fact can be believed about it."""
    if discrepancy in _UNCOUNTED:
        return record.captured
    paid = fact.status in PAID and not discrepancy
    taken_back = nothing(record.amount.currency) if tally is None else tally.taken_back
    # What merely waits may have got a part: that counts once a transfer or the end tells of it.
    if fact.captured and (paid or discrepancy or fact.status is S.AUTHORIZED):
        # A notice may be older than what took its money back; who is asked tells of now.
        return fact.captured - taken_back if fact.source is Source.WEBHOOK else fact.captured
    if not paid or (record.status in PAID and record.captured):
        return record.captured
    if fact.status is S.DISPUTED and record.capture is CaptureMode.MANUAL:
        return record.captured  # how much was taken of the hold, the capture itself tells
    return record.amount - taken_back


def _refunded(record: PaymentRecord, fact: PaymentProcessed) -> Money:
    if fact.refunded is not None:
        return fact.refunded
    return record.amount if fact.status is S.REFUNDED else record.refunded


def _discrepancy(
    record: PaymentRecord, fact: PaymentProcessed, *, id_taken: bool
) -> Discrepancy | None:
    moved = fact.movement.amount if fact.movement else None
    told = (fact.amount, fact.captured, fact.refunded, moved)
    for money in told:
        if money is not None and money.currency != record.amount.currency:
            return Discrepancy.CURRENCY
    if id_taken:
        return Discrepancy.PROVIDER_ID
    if fact.status in _REFUND_FACTS:
        return _refund_discrepancy(record, fact)
    if fact.movement is not None:
        return None  # its amount is that of one of several
    if fact.amount < record.amount and not _is_about_a_part(record, fact):
        return Discrepancy.UNDERPAID
    if fact.amount > record.amount:
        return Discrepancy.OVERPAID
    if fact.captured and fact.status in _TELL_CAPTURED:
        return _captured_discrepancy(record, fact.captured, fact.status)
    return None


def _is_about_a_part(record: PaymentRecord, fact: PaymentProcessed) -> bool:
    """Whether the amount may be that of a part of a hold: what was taken, or what was left."""
    held = record.status is S.AUTHORIZED or record.status in PAID
    return held and bool(fact.captured or fact.status in UNPAID or fact.reason == VOID_FAILED)


def _left(record: PaymentRecord, status: PaymentStatus, captured: Money) -> Discrepancy | None:
    """The discrepancy of before, unless it was that of transfers whose sum is whole now."""
    whole = record.received and status in PAID and captured >= record.amount
    return None if whole and record.discrepancy is Discrepancy.UNDERPAID else record.discrepancy


def _captured_discrepancy(
    record: PaymentRecord, captured: Money, status: PaymentStatus
) -> Discrepancy | None:
    # payOS calls a payment paid whatever more arrived, and closes one that has got a part. Less
    # than was asked is no contradiction where a hold was asked for: the shop may take a part of it.
    if captured > record.amount:
        return Discrepancy.OVERPAID
    if status is S.SUCCEEDED and _is_too_little(record, captured):
        return Discrepancy.UNDERPAID
    if status in UNPAID:
        return Discrepancy.UNDERPAID if captured < record.amount else Discrepancy.LATE
    return None


def _refund_discrepancy(record: PaymentRecord, fact: PaymentProcessed) -> Discrepancy | None:
    # The amount of such a fact is the refund's; more than was paid cannot come back.
    total = fact.refunded if fact.refunded is not None else fact.amount
    return Discrepancy.OVERPAID if total > record.amount else None
