"""The pure transition function: values in, values out."""

from itertools import permutations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import CaptureMode, Discrepancy, Money, Outcome, PaymentProcessed, PaymentStatus
from paykit.service.state import FINAL, FOLLOWS, PaymentRecord, transition

from .shop import START

S = PaymentStatus
ASKED = Money(150_000, "VND")

RECORD = PaymentRecord(
    payment_id="pay_1",
    order_id="order-1",
    provider="vnpay",
    account="default",
    reference="ref-1",
    amount=ASKED,
    status=S.PENDING,
    captured=Money(0, "VND"),
    refunded=Money(0, "VND"),
    received=Money(0, "VND"),
    created_at=START,
    updated_at=START,
)


def fact(status, *, amount=ASKED, captured=None, refunded=None, provider_id="tx-1", name=None):
    return PaymentProcessed(
        event_id=name or f"{status}-{amount}-{refunded}",
        provider="vnpay",
        reference="ref-1",
        status=status,
        amount=amount,
        occurred_at=START,
        provider_id=provider_id,
        captured=captured,
        refunded=refunded,
    )


def test_success():
    done = transition(RECORD, fact(S.SUCCEEDED))
    changes = {"captured": ASKED, "provider_id": "tx-1", "sequence": 1, "told_at": START}
    after = attrs.evolve(RECORD, status=S.SUCCEEDED, **changes)
    event = attrs.evolve(
        fact(S.SUCCEEDED),
        payment_id="pay_1",
        order_id="order-1",
        captured=ASKED,
        refunded=Money(0, "VND"),
        sequence=1,
    )
    assert (done.record, done.event, done.outcome) == (after, event, Outcome.ACCEPTED)


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELED, S.EXPIRED])
def test_late_success_is_an_event_of_its_own(status):
    failed = transition(RECORD, fact(status)).record
    assert failed.captured == Money(0, "VND")
    done = transition(failed, fact(S.SUCCEEDED))
    assert (done.record.status, done.event.sequence) == (S.SUCCEEDED, 2)


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED])
@pytest.mark.parametrize(
    "late", [S.PENDING, S.REQUIRES_ACTION, S.FAILED, S.CANCELED, S.EXPIRED, S.UNKNOWN, S.AUTHORIZED]
)
def test_paid_never_falls_back(status, late):
    paid = attrs.evolve(RECORD, status=status, captured=ASKED)
    assert transition(paid, fact(late)).record == paid


@pytest.mark.parametrize(
    ("amount", "discrepancy"),
    [
        (Money(149_999, "VND"), Discrepancy.UNDERPAID),
        (Money(150_001, "VND"), Discrepancy.OVERPAID),
        (Money(150_000, "USD"), Discrepancy.CURRENCY),
        (Money(0, "VND"), Discrepancy.UNDERPAID),
    ],
)
@pytest.mark.parametrize("status", [S.SUCCEEDED, S.AUTHORIZED, S.FAILED])
def test_contradiction_is_review_and_never_success(amount, discrepancy, status):
    done = transition(RECORD, fact(status, amount=amount))
    assert (done.record.status, done.record.discrepancy) == (S.NEEDS_REVIEW, discrepancy)
    assert (done.event.status, done.event.discrepancy) == (S.NEEDS_REVIEW, discrepancy)
    assert (done.record.captured.minor, done.record.provider_id) == (0, None)
    assert done.outcome is Outcome.MISMATCH


def test_contradiction_does_not_undo_a_success():
    paid = transition(RECORD, fact(S.SUCCEEDED)).record
    done = transition(paid, fact(S.SUCCEEDED, amount=Money(1, "VND")))
    assert (done.record, done.event, done.outcome) == (paid, None, Outcome.MISMATCH)


def test_transaction_of_another_payment_is_review():
    done = transition(RECORD, fact(S.SUCCEEDED), id_taken=True)
    assert done.record.discrepancy is Discrepancy.PROVIDER_ID
    assert done.record.status is S.NEEDS_REVIEW


def test_unknown_is_told_but_is_not_success():
    done = transition(RECORD, fact(S.UNKNOWN))
    assert (done.record.status, done.event.status) == (S.UNKNOWN, S.UNKNOWN)
    assert transition(done.record, fact(S.UNKNOWN)).event is None
    assert transition(done.record, fact(S.SUCCEEDED)).record.status is S.SUCCEEDED


def test_waiting_is_no_news():
    done = transition(RECORD, fact(S.REQUIRES_ACTION))
    assert (done.record.status, done.event, done.record.sequence) == (S.REQUIRES_ACTION, None, 0)


def test_refund_totals_only_grow():
    paid = transition(RECORD, fact(S.SUCCEEDED)).record
    part = Money(50_000, "VND")
    first = transition(paid, fact(S.PARTIALLY_REFUNDED, amount=part, refunded=part))
    assert (first.record.refunded, first.event.refunded) == (part, part)
    again = transition(first.record, fact(S.PARTIALLY_REFUNDED, amount=part, refunded=part))
    assert (again.record, again.event) == (first.record, None)
    more = Money(90_000, "VND")
    second = transition(first.record, fact(S.PARTIALLY_REFUNDED, amount=part, refunded=more))
    assert (second.record.refunded, second.event.sequence) == (more, 3)
    late = transition(second.record, fact(S.PARTIALLY_REFUNDED, amount=part, refunded=part))
    assert (late.record, late.event) == (second.record, None)
    whole = transition(second.record, fact(S.REFUNDED))
    assert (whole.record.refunded, whole.record.status) == (ASKED, S.REFUNDED)


def test_refund_beyond_the_payment_is_review():
    paid = transition(RECORD, fact(S.SUCCEEDED)).record
    done = transition(
        paid, fact(S.PARTIALLY_REFUNDED, amount=Money(1, "VND"), refunded=Money(150_001, "VND"))
    )
    assert (done.record, done.outcome) == (paid, Outcome.MISMATCH)


def vnd(amount):
    return Money(amount, "VND")


def told(event):
    return event.status, event.discrepancy, event.captured.minor


@pytest.mark.parametrize(
    ("status", "captured", "expected"),
    [
        (S.SUCCEEDED, 150_000, (S.SUCCEEDED, None, 150_000)),
        (S.SUCCEEDED, 150_001, (S.NEEDS_REVIEW, Discrepancy.OVERPAID, 150_001)),
        (S.EXPIRED, 60_000, (S.NEEDS_REVIEW, Discrepancy.UNDERPAID, 60_000)),
        (S.CANCELED, 150_000, (S.NEEDS_REVIEW, Discrepancy.LATE, 150_000)),
        (S.FAILED, 150_001, (S.NEEDS_REVIEW, Discrepancy.OVERPAID, 150_001)),
        (S.FAILED, 0, (S.FAILED, None, 0)),
        # A shop may take a part of a hold.
        (S.SUCCEEDED, 60_000, (S.NEEDS_REVIEW, Discrepancy.UNDERPAID, 60_000)),
    ],
)
def test_the_total_that_a_provider_tells_is_checked_too(status, captured, expected):
    done = transition(RECORD, fact(status, captured=vnd(captured)))
    assert told(done.event) == expected
    assert (done.record.status, done.record.discrepancy, done.record.captured.minor) == expected


def test_captured_in_parts():
    hold = attrs.evolve(RECORD, capture=CaptureMode.MANUAL)
    first = transition(hold, fact(S.SUCCEEDED, captured=vnd(60_000))).record
    done = transition(first, fact(S.SUCCEEDED, captured=vnd(150_000)))
    assert told(done.event) == (S.SUCCEEDED, None, 150_000)
    assert (done.record.captured, done.event.sequence) == (ASKED, 2)
    for late in (vnd(60_000), None):
        assert transition(done.record, fact(S.SUCCEEDED, captured=late)).event is None
    # A notice without a total says nothing of the second part.
    assert transition(first, fact(S.SUCCEEDED)).event is None


def test_more_for_what_is_paid_is_told_and_undoes_nothing():
    paid = transition(RECORD, fact(S.SUCCEEDED)).record
    more = fact(S.SUCCEEDED, captured=vnd(200_000))
    done = transition(paid, more)
    assert told(done.event) == (S.SUCCEEDED, Discrepancy.OVERPAID, 200_000)
    assert done.outcome is Outcome.MISMATCH
    assert transition(done.record, more).event is None


@pytest.mark.parametrize("total", ["captured", "refunded"])
def test_a_total_in_another_currency_is_a_contradiction(total):
    done = transition(RECORD, fact(S.SUCCEEDED, **{total: Money(150_000, "USD")}))
    assert told(done.event) == (S.NEEDS_REVIEW, Discrepancy.CURRENCY, 0)


LIFE = [
    fact(S.AUTHORIZED),
    fact(S.SUCCEEDED),
    fact(S.PARTIALLY_REFUNDED, amount=Money(50_000, "VND"), refunded=Money(50_000, "VND")),
    fact(S.REFUNDED, refunded=ASKED),
    fact(S.DISPUTED),
]


@pytest.mark.parametrize("order", list(permutations(LIFE)), ids=lambda _: "")
def test_any_order_ends_the_same(order):
    record = RECORD
    for item in order:
        done = transition(record, item)
        if done.event is not None:
            assert done.event.status in FOLLOWS[record.status] | {record.status}
        record = done.record
    assert (record.status, record.captured, record.refunded) == (S.DISPUTED, ASKED, ASKED)


STATUSES = st.sampled_from([s for s in S if s is not S.NEEDS_REVIEW])


@given(st.lists(STATUSES, max_size=12))
def test_invariants(statuses):
    record, events = RECORD, []
    for status in statuses:
        done = transition(record, fact(status))
        assert done.record.captured >= record.captured
        assert done.record.refunded >= record.refunded
        if done.event is not None:
            events.append(done.event)
        else:
            assert done.record.sequence == record.sequence
        record = done.record
        # The same fact again changes nothing.
        assert transition(record, fact(status)).event is None
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    money = {S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.DISPUTED}
    assert (record.status in money) == bool(money & set(statuses))
    assert (record.captured == ASKED) == bool(money & set(statuses))


def test_table_is_complete():
    assert set(FOLLOWS) == set(S)
    assert all(
        not (after & {S.PENDING}) or status is S.REQUIRES_ACTION
        for status, after in FOLLOWS.items()
    )
    assert S.SUCCEEDED in FINAL
    assert S.NEEDS_REVIEW not in FINAL
