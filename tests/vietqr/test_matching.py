"""What a transfer means: which payment it is for, and whether it pays it."""

import itertools
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import Discrepancy, InvalidRequest, Money, PaymentProcessed, PaymentStatus
from paykit.events import Source, TransferReceived
from paykit.vietqr.matching import (
    MEANING,
    Expected,
    Judged,
    PaymentCodes,
    TransferOutcome,
    judge,
    match,
)

NOW = datetime(2026, 3, 1, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
CODES = PaymentCodes()
ONE, TWO, THREE = (CODES.from_number(number) for number in (1001, 1002, 1003))


def vnd(minor):
    return Money(minor, "VND")


DUE = vnd(150_000)


def transfer(amount=DUE, *, codes=(ONE,), **changes):
    return TransferReceived(
        **{
            "event_id": "bank:t1",
            "provider": "bank",
            "provider_id": "t1",
            "amount": amount,
            "occurred_at": NOW,
            "memo": "a secret memo",
            "codes": codes,
            "account_number": "0123456789",
            "account": "shop",
            **changes,
        }
    )


def expected(reference=ONE, amount=DUE, **changes):
    return Expected(reference=reference, amount=amount, **changes)


def event(status, discrepancy, *, captured, reference=ONE, **changes):
    return PaymentProcessed(
        **{
            "event_id": "bank:t1",
            "provider": "bank",
            "reference": reference,
            "status": status,
            "amount": vnd(150_000),
            "occurred_at": NOW,
            "provider_id": "t1",
            "captured": captured,
            "account": "shop",
            "source": Source.TRANSFER,
            "discrepancy": discrepancy,
            **changes,
        }
    )


SUCCEEDED, REVIEW = PaymentStatus.SUCCEEDED, PaymentStatus.NEEDS_REVIEW
UNMATCHED = event(REVIEW, Discrepancy.UNMATCHED, captured=None, reference="")


# One payment.


@pytest.mark.parametrize(
    ("payment", "outcome", "status", "discrepancy", "captured"),
    [
        ({}, "matched", SUCCEEDED, None, 150_000),
        ({"expires_at": NOW}, "matched", SUCCEEDED, None, 150_000),
        ({"amount": vnd(150_001)}, "underpaid", REVIEW, "underpaid", 150_000),
        ({"amount": vnd(149_999)}, "overpaid", REVIEW, "overpaid", 150_000),
        ({"amount": vnd(0)}, "overpaid", REVIEW, "overpaid", 150_000),
        ({"amount": vnd(200_000), "received": vnd(50_000)}, "matched", SUCCEEDED, None, 200_000),
        ({"amount": vnd(200_000), "received": vnd(49_999)}, "underpaid", REVIEW, "underpaid", 199_999),
        ({"amount": vnd(200_000), "received": vnd(50_001)}, "overpaid", REVIEW, "overpaid", 200_001),
        ({"received": vnd(150_000)}, "overpaid", REVIEW, "overpaid", 300_000),
        ({"received": vnd(0)}, "matched", SUCCEEDED, None, 150_000),
        ({"expires_at": NOW - HOUR}, "late", REVIEW, "late", 150_000),
        ({"expires_at": NOW - timedelta(microseconds=1)}, "late", REVIEW, "late", 150_000),
        ({"expires_at": NOW - HOUR, "amount": vnd(150_001)}, "underpaid", REVIEW, "underpaid", 150_000),
        ({"expires_at": NOW - HOUR, "amount": vnd(149_999)}, "overpaid", REVIEW, "overpaid", 150_000),
        ({"paid": True}, "duplicate", SUCCEEDED, "duplicate_payment", 150_000),
        ({"paid": True, "received": vnd(150_000)}, "duplicate", SUCCEEDED, "duplicate_payment", 300_000),
        ({"paid": True, "expires_at": NOW - HOUR}, "duplicate", SUCCEEDED, "duplicate_payment", 150_000),
        ({"paid": True, "amount": vnd(1)}, "duplicate", SUCCEEDED, "duplicate_payment", 150_000),
    ],
)  # fmt: skip
def test_judge(payment, outcome, status, discrepancy, captured):
    assert judge(transfer(), expected(**payment)) == Judged(
        TransferOutcome(outcome),
        event(status, discrepancy and Discrepancy(discrepancy), captured=vnd(captured)),
    )


@pytest.mark.parametrize("received", [None, vnd(0), vnd(20)])
@pytest.mark.parametrize("minor", [149_999, 150_000, 150_001])
def test_another_currency_counts_for_nothing(received, minor):
    dollars = transfer(Money(minor, "USD"))
    before = received or vnd(0)
    assert judge(dollars, expected(received=received)) == Judged(
        TransferOutcome.UNMATCHED,
        event(REVIEW, Discrepancy.CURRENCY, captured=before, amount=Money(minor, "USD")),
    )
    assert judge(dollars, expected(received=received, paid=True)) == Judged(
        TransferOutcome.DUPLICATE,
        event(
            SUCCEEDED, Discrepancy.DUPLICATE_PAYMENT, captured=before, amount=Money(minor, "USD")
        ),
    )


@pytest.mark.parametrize("minor", [0, -1, -150_000])
@pytest.mark.parametrize(
    "payment", [None, expected(), expected(paid=True), expected(amount=vnd(0))]
)
def test_what_is_no_income_counts_for_nothing(minor, payment):
    out = attrs.evolve(UNMATCHED, amount=vnd(minor))
    assert judge(transfer(vnd(minor)), payment) == Judged(TransferOutcome.UNMATCHED, out)


@pytest.mark.parametrize(
    ("codes", "reference", "kept"),
    [
        ((), None, ""),
        ((ONE,), None, ONE),
        ((ONE, ONE), None, ONE),
        ((ONE, TWO), None, ""),
        ((), "42", "42"),
        ((ONE, TWO), "42", "42"),
        ((ONE,), "", ONE),
    ],
)
def test_without_a_payment(codes, reference, kept):
    """The reference stays, so that the transfer can be joined when that payment turns up."""
    assert judge(transfer(codes=codes, reference=reference), None) == Judged(
        TransferOutcome.UNMATCHED, attrs.evolve(UNMATCHED, reference=kept)
    )


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"reference": "", "amount": vnd(1)}, "reference"),
        ({"reference": ONE, "amount": vnd(-1)}, "amount"),
        ({"reference": ONE, "amount": vnd(1), "received": vnd(-1)}, "received"),
        ({"reference": ONE, "amount": vnd(1), "received": Money(1, "USD")}, "currency"),
        (
            {"reference": ONE, "amount": vnd(1), "expires_at": NOW.replace(tzinfo=None)},
            "expires_at",
        ),
        (
            {"reference": ONE, "amount": vnd(1), "received_at": NOW.replace(tzinfo=None)},
            "received_at",
        ),
    ],
)
def test_what_cannot_be_expected(arguments, field):
    with pytest.raises(InvalidRequest) as caught:
        Expected(**arguments)
    assert caught.value.field == field


def test_a_sum_beyond_64_bits_is_refused():
    with pytest.raises(InvalidRequest, match="64 bits"):
        judge(transfer(vnd(2**63 - 1)), expected(received=vnd(1)))


def test_nothing_of_the_memo_or_the_account_shows():
    shown = repr(judge(transfer(), expected()))
    assert "secret" not in shown
    assert "0123456789" not in shown


# Several transfers for one payment.


def run_through(amounts, due, *, expires_at=None, paid_stops=True):
    """Judge transfers one after the other, as a service with a record does."""
    payment = expected(amount=vnd(due), expires_at=expires_at)
    outcomes = []
    for minor, at in amounts:
        judged = judge(transfer(vnd(minor), occurred_at=at), payment)
        outcomes.append(judged.outcome.value)
        payment = attrs.evolve(
            payment,
            received=judged.event.captured,
            received_at=max(at, payment.received_at or at),
            paid=payment.paid or judged.event.status is SUCCEEDED,
        )
    return outcomes, payment


def test_two_that_add_up_and_a_third():
    amounts = [(50_000, NOW), (100_000, NOW), (150_000, NOW)]
    outcomes, payment = run_through(amounts, 150_000)
    assert outcomes == ["underpaid", "matched", "duplicate"]
    assert (payment.received, payment.paid) == (vnd(300_000), True)


def test_too_much_stays_too_much():
    outcomes, payment = run_through([(100_000, NOW), (60_000, NOW), (1, NOW)], 150_000)
    assert outcomes == ["underpaid", "overpaid", "overpaid"]
    assert (payment.received, payment.paid) == (vnd(160_001), False)


parts = st.lists(st.tuples(st.integers(1, 10**9), st.integers(-5, 5)), min_size=1, max_size=5)


@given(parts, st.data())
def test_parts_in_any_order(chosen, data):
    """The sum and whether it was in time do not depend on which transfer is reported first."""
    amounts = [(minor, NOW + hours * HOUR) for minor, hours in chosen]
    shuffled = data.draw(st.permutations(amounts))
    due = sum(minor for minor, _ in amounts)
    outcomes, payment = run_through(shuffled, due, expires_at=NOW)
    last = "late" if any(hours > 0 for _, hours in chosen) else "matched"
    assert outcomes == ["underpaid"] * (len(amounts) - 1) + [last]
    assert (payment.received, payment.paid) == (vnd(due), last == "matched")


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=6), st.integers(0, 10**9), st.data())
def test_sums(amounts, due, data):
    """Success exactly when the sum is exact; what came in is counted once, whatever it was."""
    outcomes, payment = run_through([(minor, NOW) for minor in amounts], due)
    sums = list(itertools.accumulate(amounts))
    said = [
        "underpaid" if total < due else "matched" if total == due else "overpaid" for total in sums
    ]
    if "matched" in said:
        place = said.index("matched") + 1
        said[place:] = ["duplicate"] * (len(said) - place)
    assert outcomes == said
    assert payment.received == vnd(sums[-1])
    other, _ = run_through([(minor, NOW) for minor in data.draw(st.permutations(amounts))], due)
    if sums[-1] <= due:
        assert other == outcomes


# Which payment.


def outcome_of(judged):
    return judged.outcome.value, judged.event.reference


@pytest.mark.parametrize("shape", [list, iter, lambda payments: {p.reference: p for p in payments}])
@pytest.mark.parametrize(
    ("codes", "reference", "known", "said"),
    [
        ((ONE,), None, [ONE], ("matched", ONE)),
        ((ONE,), None, [ONE, TWO], ("matched", ONE)),
        ((ONE, ONE), None, [ONE], ("matched", ONE)),
        ((ONE, TWO), None, [ONE], ("matched", ONE)),
        ((ONE, TWO), None, [TWO, THREE], ("matched", TWO)),
        ((ONE, TWO), None, [ONE, TWO], ("unmatched", "")),
        ((ONE, TWO), None, [], ("unmatched", "")),
        ((ONE,), None, [TWO], ("unmatched", ONE)),
        ((), None, [ONE], ("unmatched", "")),
        ((), "ORDER-1", ["ORDER-1"], ("matched", "ORDER-1")),
        # What the provider says decides, even against the memo.
        ((TWO,), ONE, [ONE, TWO], ("matched", ONE)),
        ((TWO,), "ORDER-1", [ONE, TWO], ("unmatched", "ORDER-1")),
        ((ONE,), "", [ONE], ("matched", ONE)),
    ],
)
def test_match(codes, reference, known, said, shape):
    payments = shape([expected(item) for item in known])
    assert outcome_of(match(transfer(codes=codes, reference=reference), payments)) == said


def test_two_payments_with_one_reference_are_two():
    assert match(transfer(), [expected(), expected(paid=True)]) == Judged(
        TransferOutcome.UNMATCHED, UNMATCHED
    )


def test_a_match_is_judged():
    payments = [expected(TWO), expected(amount=vnd(150_001))]
    assert match(transfer(), payments) == judge(transfer(), payments[1])


def test_the_memo_is_searched_if_asked():
    memo = f"CUSTOMER {ONE[:4]} {ONE[4:].lower()} ck"
    bare = transfer(codes=(), memo=memo)
    payments = [expected(), expected(TWO)]
    assert outcome_of(match(bare, payments)) == ("unmatched", "")
    assert outcome_of(match(bare, payments, codes=CODES)) == ("matched", ONE)
    assert outcome_of(match(bare, [], codes=CODES)) == ("unmatched", ONE)
    both = transfer(codes=(TWO,), memo=memo)
    assert outcome_of(match(both, payments, codes=CODES)) == ("unmatched", "")


def test_a_mapping_is_only_asked_for_what_is_there():
    asked = []

    class Records(dict):
        def get(self, key, default=None):
            asked.append(key)
            return default

    match(transfer(codes=(ONE, TWO)), Records())
    assert asked == [ONE, TWO]


def test_every_outcome_has_a_meaning():
    assert list(MEANING) == list(TransferOutcome)
    assert {name for name, (status, _) in MEANING.items() if status is SUCCEEDED} == {
        "matched",
        "duplicate",
    }
