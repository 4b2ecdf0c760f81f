"""What our record has to say in the end, by the gateway's own books."""

from __future__ import annotations

from paykit.events import PaymentProcessed
from paykit.models import Discrepancy
from paykit.models import PaymentStatus as S
from paykit.sandbox.cards.state import Capture, CardPayment

from .story import Paying, Story, outbox

#: Nothing was taken; how it stands without is for the notices to say.
OPEN = {S.REQUIRES_ACTION, S.PENDING}
UNPAID = {S.FAILED, S.CANCELED, S.EXPIRED}


def check(story: Story) -> None:
    """Compare each record with the books, and the events with the records."""
    events = outbox(story)
    ids = [event.event_id for event in events]
    assert len(set(ids)) == len(ids), "an event id twice"
    for paying in story.payings:
        record = story.record(paying)
        attempts = story.gateway.payments(paying.request.reference)
        if record is None:
            assert not attempts, "the gateway has a payment that we know nothing of"
            continue
        _check_money(paying, record, attempts)
        allowed, discrepancy = implied(attempts, whole=paying.request.capture == "automatic")
        assert record.status in allowed, (record, allowed)
        # A dispute of what was to be taken whole counts the whole of it, see docs/service.md.
        may_be_whole = record.status is S.DISPUTED and discrepancy is Discrepancy.UNDERPAID
        assert record.discrepancy in {discrepancy, None if may_be_whole else discrepancy}, record
        mine = [event for event in events if event.payment_id == record.payment_id]
        _check_events(record, mine)


def _check_money(paying: Paying, record, attempts: list[CardPayment]) -> None:
    by_itself = paying.request.capture == "automatic"
    assert sum(one.held is not None for one in attempts) <= 1, "held twice"
    captured = sum(one.captured.minor for one in attempts)
    guessed = {record.amount.minor} if by_itself and any(p.disputes for p in attempts) else set()
    assert record.captured.minor in {captured, *guessed}, record
    assert record.refunded.minor == sum(one.refunded.minor for one in attempts), record
    captures = [one for payment in attempts for one in payment.captures if one.state == "done"]
    refunds = [one for payment in attempts for one in payment.refunds if one.state == "done"]
    assert len(captures) <= len(paying.asked) + by_itself, "a capture more than was asked"
    assert len(refunds) <= len(paying.refunds), "a refund more than was asked"
    assert record.captured <= record.amount


def implied(attempts: list[CardPayment], *, whole: bool) -> tuple[set[S], Discrepancy | None]:
    """The statuses that the books allow, and the discrepancy; it may be to be taken ``whole``."""
    held = next((one for one in attempts if one.held is not None), None)
    if held is None:
        return _unheld(attempts), None
    # What Adyen was to take by itself was counted from the authorisation on.
    gone = [c for c in held.captures if c.state == "undone" or _counted_before(c)]
    reversed_ = Discrepancy.REVERSED if gone else None
    part = whole and held.zero < held.captured < held.amount
    if held.disputes:
        return {S.DISPUTED}, reversed_ or (Discrepancy.UNDERPAID if part else None)
    if reversed_:
        return {S.NEEDS_REVIEW}, reversed_
    if part:
        return {S.NEEDS_REVIEW}, Discrepancy.UNDERPAID
    if held.refunded:
        all_of_it = held.refunded == held.captured
        return ({S.REFUNDED} if all_of_it else {S.PARTIALLY_REFUNDED}), None
    if held.captured:
        # While more can be taken, it may also be called held.
        return {S.SUCCEEDED, S.AUTHORIZED} if held.capturable else {S.SUCCEEDED}, None
    ends = {"voided": S.CANCELED, "expired": S.EXPIRED, "": S.AUTHORIZED}
    # A refund of nothing was refused: what was meant is for a person, until a capture is told.
    return {ends[held.released], *([S.NEEDS_REVIEW] if held.refunds else [])}, None


def _counted_before(capture: Capture) -> bool:
    return capture.state == "refused" and bool(capture.data.get("automatic"))


def _unheld(attempts: list[CardPayment]) -> set[S]:
    return OPEN | UNPAID


def _check_events(record, events: list[PaymentProcessed]) -> None:
    sequences = [event.sequence for event in events]
    assert sequences == list(range(1, record.sequence + 1)), sequences
    told = None
    for event in events:
        says = (event.status, event.captured, event.refunded, event.discrepancy)
        undone = event.movement is not None and event.movement.undone
        asked_for = event.reason in {"void_failed", "refund_failed"}
        assert says != told or undone or asked_for, f"nothing new in {event}"
        told = says
    if events:
        last = (events[-1].status, events[-1].captured, events[-1].refunded)
        assert last == (record.status, record.captured, record.refunded), events[-1]
