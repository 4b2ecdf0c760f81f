"""Single captures and refunds: each counted once, in any order, and the status follows the sums."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import permutations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from paykit import CaptureMode, Discrepancy, Money, Outcome, PaymentProcessed, PaymentStatus
from paykit.events import Source
from paykit.service import PaymentService, recording, reserving, rows
from paykit.service.schema import metadata, movements, outbox
from paykit.service.state import BY_TOTALS, FOLLOWS, PaymentRecord, by_movements
from paykit.service.tally import Entry, MovementState, add_up, next_state

from .cards import PRICE, AskableCards, answer, cards, fact, moved, refused, request, told
from .shop import START, Answers
from .test_capture import published

S = PaymentStatus
NOTHING = Money(0, "VND")

RECORD = PaymentRecord(
    payment_id="pay_1",
    order_id="order-1",
    provider="cards",
    account="default",
    reference="R-1",
    amount=PRICE,
    capture=CaptureMode.MANUAL,
    status=S.PENDING,
    captured=NOTHING,
    refunded=NOTHING,
    received=NOTHING,
    created_at=START,
    updated_at=START,
)

AUTHORIZED = fact("authorized")
FIRST = moved("capture", "c-1", 60_000)
SECOND = moved("capture", "c-2", 90_000)
REFUND_A = moved("refund", "r-a", 50_000)
REFUND_B = moved("refund", "r-b", 30_000)
A_UNDONE = moved("refund", "r-a", 50_000, undone=True)
FIRST_UNDONE = moved("capture", "c-1", 60_000, undone=True)
DISPUTE = fact("disputed", provider_id=None)


@pytest.fixture(scope="module")
def engine():
    made = create_engine("sqlite://")
    metadata.create_all(made)
    yield made
    made.dispose()


def again(one, number=2):
    """The same news in another notice."""
    return attrs.evolve(one, event_id=f"{one.event_id}-{number}")


def run(engine, facts, record=RECORD):
    """The record after ``facts``, what was published, and how each was acknowledged."""
    with engine.connect() as conn, conn.begin() as transaction:
        assert reserving.reserve(conn, record).new
        outcomes = []
        for one in facts:
            before = rows.load(conn, "pay_1")
            done = recording.News((one,), "", START)(conn)
            outcomes.append(done.outcome)
            check_step(before, rows.load(conn, "pay_1"), done)
        after = rows.load(conn, "pay_1")
        out = conn.execute(select(outbox.c.payload).order_by(outbox.c.sequence)).scalars()
        events = [PaymentProcessed.from_json(json.loads(row)) for row in out]
        counted = conn.execute(select(movements)).all()
        transaction.rollback()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.event_id for event in events}) == len(events)
    return after, events, outcomes, counted


def check_step(before, after, done):
    """Whatever a fact did was legal, and was told if it was news."""
    if before.status is not after.status:
        legal = FOLLOWS[before.status]
        if before.status is not S.DISPUTED:
            legal |= BY_TOTALS
        assert after.status in legal
    same = (before.status, before.captured, before.refunded, before.discrepancy) == (
        after.status,
        after.captured,
        after.refunded,
        after.discrepancy,
    )
    assert same or done.events or after.status in {S.PENDING, S.REQUIRES_ACTION}
    assert after.sequence == before.sequence + done.events
    assert after.captured >= NOTHING
    assert after.refunded >= NOTHING


def state(record):
    return (
        record.status.value,
        record.captured.minor,
        record.refunded.minor,
        record.discrepancy and record.discrepancy.value,
    )


def ends(engine, *facts):
    return state(run(engine, facts)[0])


def said(event):
    return (event.status.value, event.reason, event.captured.minor, event.refunded.minor)


def maybe(name, amount):
    """A notice that money was given back, or never taken (Adyen's cancel-or-refund)."""
    return moved("refund", name, amount, status="needs_review", reason="canceled_or_refunded")


# What each story ends as, in whatever order it is told.

STORIES = {
    "held": ([AUTHORIZED], ("authorized", 0, 0, None)),
    "captured": ([AUTHORIZED, FIRST, SECOND], ("succeeded", 150_000, 0, None)),
    "a part": ([AUTHORIZED, FIRST], ("succeeded", 60_000, 0, None)),
    "refused": ([AUTHORIZED, refused("c-1", 150_000)], ("authorized", 0, 0, None)),
    "refused, then taken": (
        [AUTHORIZED, refused("c-1", 60_000), SECOND],
        ("succeeded", 90_000, 0, None),
    ),
    "refused without a hold": ([refused("c-1", 60_000)], ("authorized", 0, 0, None)),
    "all taken back": ([AUTHORIZED, FIRST, FIRST_UNDONE], ("needs_review", 0, 0, "reversed")),
    "a part taken back": (
        [AUTHORIZED, FIRST, SECOND, FIRST_UNDONE],
        ("needs_review", 90_000, 0, "reversed"),
    ),
    "both told of one": (
        [AUTHORIZED, FIRST, refused("c-1", 60_000)],
        ("needs_review", 0, 0, "reversed"),
    ),
    "refunded in part": (
        [AUTHORIZED, FIRST, SECOND, REFUND_A],
        ("partially_refunded", 150_000, 50_000, None),
    ),
    "refunded in whole": (
        [AUTHORIZED, FIRST, REFUND_B, moved("refund", "r-c", 30_000)],
        ("refunded", 60_000, 60_000, None),
    ),
    "a refund undone": ([AUTHORIZED, FIRST, REFUND_A, A_UNDONE], ("succeeded", 60_000, 0, None)),
    "one of two undone": (
        [FIRST, REFUND_A, REFUND_B, A_UNDONE],
        ("partially_refunded", 60_000, 30_000, None),
    ),
    "given back or never taken": (
        [AUTHORIZED, FIRST, maybe("r-a", 50_000)],
        ("needs_review", 60_000, 0, None),
    ),
    "given back, as is told later": (
        [FIRST, maybe("r-a", 50_000), REFUND_A],
        ("partially_refunded", 60_000, 50_000, None),
    ),
    "never taken, as is told later": (
        [AUTHORIZED, FIRST, maybe("r-a", 50_000), A_UNDONE],
        ("succeeded", 60_000, 0, None),
    ),
    "only refunds, undone": ([REFUND_A, A_UNDONE], ("needs_review", 0, 0, None)),
    "refund alone": ([REFUND_A], ("partially_refunded", 0, 50_000, None)),
    "too much captured": (
        [AUTHORIZED, FIRST, SECOND, moved("capture", "c-3", 1)],
        ("needs_review", 150_001, 0, "overpaid"),
    ),
    "too much given back": (
        [AUTHORIZED, FIRST, REFUND_A, REFUND_B],
        ("needs_review", 60_000, 80_000, "overpaid"),
    ),
    "too much given back, one undone": (
        [FIRST, REFUND_A, REFUND_B, A_UNDONE],
        ("partially_refunded", 60_000, 30_000, None),
    ),
    "disputed": (
        [AUTHORIZED, FIRST, SECOND, REFUND_A, DISPUTE],
        ("disputed", 150_000, 50_000, None),
    ),
    "with what was told otherwise": (
        [fact("succeeded", captured=PRICE), FIRST, SECOND, REFUND_A],
        ("partially_refunded", 150_000, 50_000, None),
    ),
    "captured at once": (
        [fact("succeeded"), REFUND_A],
        ("partially_refunded", 150_000, 50_000, None),
    ),
    "captured at once, taken back": (
        [fact("succeeded"), moved("capture", "c-9", 150_000, undone=True)],
        ("needs_review", 0, 0, "reversed"),
    ),
    "captured at once and told of it twice, taken back": (
        [
            fact("succeeded", captured=PRICE),
            fact("succeeded", captured=PRICE, number=2),
            moved("capture", "c-9", 150_000, undone=True),
        ],
        ("needs_review", 0, 0, "reversed"),
    ),
    "released": (
        [AUTHORIZED, fact("canceled"), refused("c-1", 60_000)],
        ("canceled", 0, 0, None),
    ),
    "the rest lapsed": ([AUTHORIZED, FIRST, fact("expired")], ("succeeded", 60_000, 0, None)),
    "an earlier attempt": (
        [AUTHORIZED, FIRST, fact("failed", provider_id="psp-0")],
        ("succeeded", 60_000, 0, None),
    ),
}


@pytest.mark.untraced
@pytest.mark.parametrize("story", STORIES)
def test_any_order_ends_the_same(engine, story):
    facts, expected = STORIES[story]
    for order in permutations(facts):
        assert ends(engine, *order) == expected, [one.event_id for one in order]
        assert ends(engine, *order, *map(again, order)) == expected


EVERYTHING = [
    AUTHORIZED,
    FIRST,
    SECOND,
    REFUND_A,
    REFUND_B,
    A_UNDONE,
    FIRST_UNDONE,
    DISPUTE,
]


@pytest.mark.untraced
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_everything_in_any_order_with_duplicates(engine, data):
    copies = [again(one, number) for one in EVERYTHING for number in (2, 3)]
    more = data.draw(st.lists(st.sampled_from(copies), max_size=6))
    order = data.draw(st.permutations([*EVERYTHING, *more]))
    after, events, _, counted = run(engine, order)
    assert state(after) == ("disputed", 90_000, 30_000, "reversed")
    assert len(counted) == 4
    # What is told last is what is known at the end.
    assert (events[-1].captured, events[-1].refunded) == (after.captured, after.refunded)
    # Whoever waits for a movement that was undone hears of it once.
    undone = Counter(
        event.movement.id for event in events if event.movement and event.movement.undone
    )
    assert undone == {"c-1": 1, "r-a": 1}


MOVES = st.builds(
    lambda kind, name, undone: moved(kind, f"{kind}-{name}", 10_000 * name, undone=undone),
    st.sampled_from(["capture", "refund"]),
    st.integers(1, 4),
    st.booleans(),
)


@pytest.mark.untraced
@settings(max_examples=80, deadline=None)
@given(facts=st.lists(MOVES, max_size=10), data=st.data())
def test_totals_are_the_sums_of_what_was_not_undone(engine, facts, data):
    after = run(engine, facts)[0]
    undone = {one.movement.id for one in facts if one.movement.undone}
    good = {one.movement.id: one for one in facts if one.movement.id not in undone}
    for kind, total in (("capture", after.captured), ("refund", after.refunded)):
        names = [one for one in good.values() if one.movement.kind == kind]
        assert total.minor == sum(one.movement.amount.minor for one in names)
    order = data.draw(st.permutations(facts))
    assert state(run(engine, order)[0]) == state(after)


# What is told of it.


def test_the_events_of_a_refund_that_fails(engine):
    events = run(engine, [AUTHORIZED, FIRST, SECOND, REFUND_A, A_UNDONE])[1]
    assert [said(event) for event in events] == [
        ("authorized", None, 0, 0),
        ("succeeded", None, 60_000, 0),
        ("succeeded", None, 150_000, 0),
        ("partially_refunded", None, 150_000, 50_000),
        ("succeeded", "refund_failed", 150_000, 0),
    ]
    assert events[-1].movement == A_UNDONE.movement
    assert events[-1].amount == Money(50_000, "VND")


def test_a_refund_that_never_succeeded_is_told_too(engine):
    events = run(engine, [FIRST, REFUND_B, A_UNDONE])[1]
    assert said(events[-1]) == ("partially_refunded", "refund_failed", 60_000, 30_000)


def test_a_refused_capture_is_always_told(engine):
    refusal = refused("c-1", 60_000)
    for facts, status, total in [
        ([AUTHORIZED], "authorized", 0),
        ([AUTHORIZED, SECOND], "succeeded", 90_000),
        ([AUTHORIZED, fact("expired")], "expired", 0),
        ([AUTHORIZED, DISPUTE], "disputed", 0),
        ([], "authorized", 0),
    ]:
        events = run(engine, [*facts, refusal, again(refusal)])[1]
        assert len(events) == len(facts) + 1
        assert said(events[-1]) == (status, "capture_failed", total, 0)


def test_a_dispute_does_not_say_how_much_of_a_hold_was_taken(engine):
    facts = [AUTHORIZED, DISPUTE, FIRST]
    for order in permutations(facts):
        assert state(run(engine, order)[0]) == ("disputed", 60_000, 0, None)


def test_what_was_taken_back_stays_a_question_for_a_person(engine):
    facts = [AUTHORIZED, FIRST, FIRST_UNDONE, again(FIRST), SECOND]
    after, events, _, _ = run(engine, facts)
    assert [said(event) for event in events] == [
        ("authorized", None, 0, 0),
        ("succeeded", None, 60_000, 0),
        ("needs_review", "capture_failed", 0, 0),
        ("needs_review", None, 90_000, 0),  # more money, and an event, but no success
    ]
    assert {event.discrepancy for event in events[2:]} == {Discrepancy.REVERSED}
    for late in (again(fact("succeeded")), fact("succeeded", captured=PRICE, number=9)):
        assert run(engine, [*facts, late])[0] == after
    # Who is asked now tells of now; but whether that makes it good is for a person.
    asked = fact("succeeded", captured=PRICE, number=9, source=Source.POLL)
    assert state(run(engine, [*facts, asked])[0]) == ("needs_review", 150_000, 0, "reversed")


def test_a_total_and_the_movements_are_not_counted_twice(engine):
    whole = fact("succeeded", captured=PRICE)
    events = run(engine, [AUTHORIZED, whole, FIRST, SECOND])[1]
    assert [said(event) for event in events] == [
        ("authorized", None, 0, 0),
        ("succeeded", None, 150_000, 0),
    ]
    given_back = fact("partially_refunded", 50_000, refunded=Money(50_000, "VND"))
    events = run(engine, [whole, given_back, REFUND_A, REFUND_B])[1]
    assert [event.refunded.minor for event in events] == [0, 50_000, 80_000]


def test_a_total_that_had_a_refund_loses_it_with_that_refund(engine):
    both = fact("partially_refunded", 80_000, refunded=Money(80_000, "VND"))
    after = run(engine, [fact("succeeded"), both, A_UNDONE, REFUND_B])[0]
    assert state(after) == ("partially_refunded", 150_000, 30_000, None)


def test_whether_it_was_given_back_or_never_taken_is_asked_of_a_person(engine):
    for before in ([AUTHORIZED], [AUTHORIZED, FIRST], [AUTHORIZED, FIRST, REFUND_B]):
        events = run(engine, [*before, maybe("r-a", 50_000)])[1]
        assert len(events) == len(before) + 1
        assert (events[-1].status, events[-1].reason) == (S.NEEDS_REVIEW, "canceled_or_refunded")


def test_more_given_back_than_was_paid(engine):
    _, events, outcomes, _ = run(engine, [AUTHORIZED, FIRST, REFUND_A, REFUND_B])
    assert outcomes[-1] is Outcome.MISMATCH
    assert (events[-1].status, events[-1].discrepancy) == (S.NEEDS_REVIEW, Discrepancy.OVERPAID)
    # The rest of the captures was merely told late.
    _, events, outcomes, _ = run(engine, [AUTHORIZED, FIRST, REFUND_A, REFUND_B, SECOND])
    assert outcomes[-1] is Outcome.ACCEPTED
    assert (events[-1].status, events[-1].discrepancy) == (S.PARTIALLY_REFUNDED, None)


def test_another_currency_is_not_counted(engine):
    money = Money(60_000, "USD")
    other = attrs.evolve(FIRST, movement=attrs.evolve(FIRST.movement, amount=money))
    for one in (other, attrs.evolve(other, amount=money)):
        after, events, outcomes, counted = run(engine, [AUTHORIZED, one])
        assert state(after) == ("needs_review", 0, 0, "currency")
        assert (outcomes[-1], counted, len(events)) == (Outcome.MISMATCH, [], 2)


@pytest.mark.parametrize("amount", [59_999, -60_000])
def test_a_movement_that_contradicts_itself_stays_what_it_was(engine, amount):
    after, events, outcomes, _ = run(
        engine, [AUTHORIZED, FIRST, moved("capture", "c-1", amount, number=7)]
    )
    assert state(after) == ("succeeded", 60_000, 0, None)
    assert (outcomes[-1], len(events)) == (Outcome.MISMATCH, 2)


def test_less_than_nothing_is_not_counted(engine):
    assert ends(engine, AUTHORIZED, moved("refund", "r-1", -1)) == ("authorized", 0, 0, None)


@pytest.mark.parametrize("status", ["unknown", "pending"])
def test_a_movement_whose_end_nobody_can_read_is_not_counted(engine, status):
    for one in (FIRST, REFUND_A, A_UNDONE, FIRST_UNDONE):
        unread = attrs.evolve(one, status=S(status))
        after, _, outcomes, counted = run(engine, [AUTHORIZED, unread])
        assert state(after) == ("authorized", 0, 0, None)
        assert (outcomes[-1], counted) == (Outcome.ACCEPTED, [])


def test_a_movement_that_was_done_and_was_not(engine):
    for one, status in [(FIRST, "failed"), (FIRST, "authorized"), (REFUND_A, "disputed")]:
        odd = attrs.evolve(one, status=S(status))
        after, events, outcomes, counted = run(engine, [AUTHORIZED, odd])
        assert state(after) == ("authorized", 0, 0, None)
        assert (outcomes[-1], counted, len(events)) == (Outcome.MISMATCH, [], 1)


def test_a_capture_that_was_refused_because_the_hold_is_over(engine):
    late = moved("capture", "c-1", 60_000, undone=True, status="expired")
    after, events, _, _ = run(engine, [AUTHORIZED, late])
    assert state(after) == ("expired", 0, 0, None)
    assert said(events[-1]) == ("expired", "capture_failed", 0, 0)
    assert ends(engine, AUTHORIZED, FIRST, late)[:3] == ("needs_review", 0, 0)


def test_the_ids_of_a_payment(engine):
    # The attempt that the money came from is the payment; a modification changes nothing in that.
    other = attrs.evolve(FIRST, provider_id="psp-2")
    assert run(engine, [AUTHORIZED, other])[0].provider_id == "psp-2"
    assert (
        run(engine, [AUTHORIZED, FIRST, attrs.evolve(SECOND, provider_id="x")])[0].provider_id
        == "psp-1"
    )
    assert run(engine, [FIRST])[0].provider_id == "psp-1"
    assert run(engine, [attrs.evolve(REFUND_A, provider_id=None)])[0].provider_id is None


def test_a_hosted_page_that_lapses_after_its_payment(engine):
    page = fact("requires_action", provider_id="cs_1")
    held = fact("authorized", provider_id="pi_1")
    after, events, _, _ = run(engine, [page, held, fact("expired", provider_id="cs_1")])
    assert (after.status, after.provider_id, len(events)) == (S.AUTHORIZED, "pi_1", 1)
    after = run(engine, [page, held, fact("canceled", provider_id="pi_1")])[0]
    assert after.status is S.CANCELED
    after = run(engine, [page, fact("expired", provider_id="cs_1")])[0]
    assert after.status is S.EXPIRED


def test_a_hold_that_is_over_does_not_come_back(engine):
    for end in ("canceled", "expired"):
        assert ends(engine, fact(end), AUTHORIZED) == (end, 0, 0, None)
        # Another attempt, or a hold that was renewed later, does.
        assert ends(engine, fact(end), fact("authorized", provider_id="psp-2"))[0] == "authorized"
        renewed = attrs.evolve(AUTHORIZED, occurred_at=START.replace(hour=10))
        assert ends(engine, fact(end), renewed)[0] == "authorized"


def test_a_void_that_is_refused_is_told(engine):
    no = fact("authorized", number=2, reason="void_failed")
    events = run(engine, [AUTHORIZED, no])[1]
    assert [said(event) for event in events] == [
        ("authorized", None, 0, 0),
        ("authorized", "void_failed", 0, 0),
    ]
    assert len(run(engine, [AUTHORIZED, FIRST, no])[1]) == 2


@pytest.mark.parametrize("status", ["canceled", "expired"])
def test_the_rest_of_a_hold_is_less_than_was_asked(engine, status):
    rest = fact(status, 90_000)
    for order in permutations([AUTHORIZED, FIRST, rest]):
        if order.index(rest) > order.index(AUTHORIZED):
            assert ends(engine, *order) == ("succeeded", 60_000, 0, None)
    told_of_both = fact("succeeded", 90_000, captured=Money(60_000, "VND"))
    assert ends(engine, AUTHORIZED, told_of_both) == ("succeeded", 60_000, 0, None)
    no = fact("authorized", 90_000, reason="void_failed")
    assert ends(engine, AUTHORIZED, no) == ("authorized", 0, 0, None)
    # But nothing was held of this one.
    assert ends(engine, rest) == ("needs_review", 0, 0, "underpaid")


def test_a_person_that_the_provider_sends_to_look_is_told(engine):
    look = fact("needs_review", 60_000, reason="returned")
    for before in ([AUTHORIZED, fact("succeeded")], [AUTHORIZED, FIRST], [FIRST, REFUND_A]):
        after, events, _, _ = run(engine, [*before, attrs.evolve(look, amount=PRICE)])
        assert (after.status, after.captured) == (S.NEEDS_REVIEW, events[-2].captured)
        assert (events[-1].status, events[-1].reason) == (S.NEEDS_REVIEW, "returned")
    assert run(engine, [DISPUTE, look])[0].status is S.DISPUTED


def test_a_movement_of_another_payment(open_service):
    shop = open_service(providers=[cards()])
    shop.transport.answers += [answer("authorized", id="psp-1"), answer("authorized", id="psp-2")]
    for name in ("R-1", "R-2"):
        shop.create(request(name), provider="cards")
    shop.receive(told(FIRST), provider="cards")
    theirs = attrs.evolve(FIRST, reference="R-2", provider_id="psp-2")
    assert shop.receive(told(theirs), provider="cards").outcome is Outcome.MISMATCH
    record = shop.status("pay_0002")
    assert (record.status, record.discrepancy) == (S.NEEDS_REVIEW, Discrepancy.PROVIDER_ID)
    assert record.captured == NOTHING


@pytest.mark.parametrize("last", [0, 1])
def test_all_was_given_back_before_more_was_taken(engine, last):
    """Whichever of the two is told first."""
    facts = [
        fact("partially_refunded", captured=PRICE, refunded=Money(60_000, "VND")),
        fact("refunded", captured=Money(60_000, "VND"), refunded=Money(60_000, "VND")),
    ]
    part = fact("succeeded", captured=Money(60_000, "VND"))
    after, events, _, _ = run(engine, [AUTHORIZED, part, facts[1 - last], facts[last]])
    assert state(after) == ("partially_refunded", 150_000, 60_000, None)
    assert len(events) == 3 + (last == 0)


def test_an_order_is_paid_also_by_a_capture_that_is_told_after_its_refund(open_service):
    shop = open_service(providers=[cards()], answers=[answer("pending")] * 2)
    shop.create(request(order_id="order-1"), provider="cards")
    shop.create(request("R-2", order_id="order-1"), provider="cards")
    shop.receive(told(moved("refund", "r-1", 50_000)), provider="cards")
    shop.receive(told(moved("capture", "c-1", 150_000)), provider="cards")
    second = moved("capture", "c-2", 150_000, reference="R-2", provider_id="psp-2")
    shop.receive(told(second), provider="cards")
    events = [(event.reference, event.status, event.discrepancy) for event in published(shop)]
    assert sorted(events, key=lambda one: one[0]) == [
        ("R-1", "partially_refunded", None),
        ("R-1", "partially_refunded", None),
        ("R-2", "succeeded", "duplicate_payment"),
    ]


def test_movements_that_come_before_their_payment(open_service):
    shop = open_service(providers=[cards()])
    for one in (REFUND_A, SECOND, FIRST):
        assert shop.receive(told(one), provider="cards").outcome is Outcome.UNKNOWN_REFERENCE
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    session = shop.create(request(), provider="cards")
    assert state(shop.status(session.payment_id)) == ("partially_refunded", 150_000, 50_000, None)


def test_what_a_poll_answers_and_what_notices_tell(open_service):
    shop = open_service(providers=[cards(AskableCards)])
    shop.transport.answers += [answer("authorized", id="psp-1"), answer(captured=60_000)]
    payment_id = shop.create(request(), provider="askable").payment_id
    shop.refresh(payment_id)
    for one in (FIRST, SECOND):
        shop.receive(told(attrs.evolve(one, provider="askable")), provider="askable")
    assert state(shop.status(payment_id)) == ("succeeded", 150_000, 0, None)


# The pure parts.


@pytest.mark.parametrize(
    ("known", "one", "expected"),
    [
        (None, FIRST, MovementState.COUNTED),
        (None, refused("c-1", 1), MovementState.REFUSED),
        (None, FIRST_UNDONE, MovementState.REVERSED),
        (None, A_UNDONE, MovementState.REFUSED),
        (MovementState.COUNTED, FIRST, MovementState.COUNTED),
        (MovementState.COUNTED, FIRST_UNDONE, MovementState.REVERSED),
        (MovementState.COUNTED, A_UNDONE, MovementState.REVERSED),
        (MovementState.REFUSED, FIRST, MovementState.REVERSED),
        (MovementState.REVERSED, FIRST, MovementState.REVERSED),
        (None, maybe("r-a", 1), MovementState.UNSURE),
        (MovementState.UNSURE, REFUND_A, MovementState.COUNTED),
        (MovementState.UNSURE, A_UNDONE, MovementState.REFUSED),
        (MovementState.COUNTED, maybe("r-a", 1), MovementState.COUNTED),
        (MovementState.REVERSED, refused("c-1", 1), MovementState.REVERSED),
    ],
)
def test_what_is_on_record_of_one_movement(known, one, expected):
    assert next_state(known, one, one.movement) is expected


def test_adding_up():
    entries = [
        Entry(FIRST.movement, MovementState.COUNTED),
        Entry(SECOND.movement, MovementState.REVERSED),
        Entry(attrs.evolve(SECOND.movement, id="c-3"), MovementState.REFUSED),
        Entry(REFUND_A.movement, MovementState.COUNTED),
        Entry(REFUND_B.movement, MovementState.REFUSED),
    ]
    tally = add_up(entries, "VND")
    assert (tally.captured.minor, tally.refunded.minor, tally.taken_back.minor) == (
        60_000,
        50_000,
        90_000,
    )
    assert (tally.refused, tally.refunds, tally.empty) == (2, 2, False)
    assert add_up([], "VND").empty


def test_nothing_decides_nothing():
    assert by_movements(RECORD, NOTHING, NOTHING, add_up([], "VND")) == (None, None)


# Several processes on one file.

CHILD = """
import random, sys
from paykit.service import PaymentService
from tests.service.cards import cards, told
from tests.service.test_movements import EVERYTHING, again

turn = int(sys.argv[2])
facts = [*EVERYTHING, *(again(one, turn) for one in EVERYTHING)]
random.Random(turn).shuffle(facts)
sys.stdin.readline()
with PaymentService([cards()], database=sys.argv[1]) as service:
    for one in facts:
        assert service.receive(told(one), provider="cards").reply.status == 200
"""


def test_eight_processes_count_each_movement_once(database):
    transport = Answers(answer("authorized", id="psp-1"))
    with PaymentService([cards()], database=database, transport=transport) as service:
        payment_id = service.create(request(), provider="cards").payment_id
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, database, str(turn)], stdin=subprocess.PIPE, text=True
        )
        for turn in range(8)
    ]
    for child in children:
        child.stdin.write("\n")
        child.stdin.close()
    assert [child.wait(timeout=60) for child in children] == [0] * 8
    with PaymentService([cards()], database=database) as service:
        assert state(service.status(payment_id)) == ("disputed", 90_000, 30_000, "reversed")
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        sequences = connection.execute(
            "SELECT sequence FROM paykit_outbox ORDER BY sequence"
        ).fetchall()
        counted = connection.execute("SELECT kind, movement_id FROM paykit_movements").fetchall()
    assert [one for (one,) in sequences] == list(range(1, len(sequences) + 1))
    assert sorted(counted) == [
        ("capture", "c-1"),
        ("capture", "c-2"),
        ("refund", "r-a"),
        ("refund", "r-b"),
    ]


# What was to be taken whole.

WHOLE = attrs.evolve(RECORD, capture=CaptureMode.AUTOMATIC)


def test_a_part_of_what_was_to_be_taken_whole_is_for_a_person(engine):
    after, _, outcomes, _ = run(engine, [AUTHORIZED, FIRST], WHOLE)
    assert state(after) == ("needs_review", 60_000, 0, "underpaid")
    assert outcomes == [Outcome.ACCEPTED, Outcome.MISMATCH]


@pytest.mark.parametrize("order", list(permutations([AUTHORIZED, FIRST, SECOND])))
def test_the_parts_may_be_the_whole(engine, order):
    assert state(run(engine, order, WHOLE)[0]) == ("succeeded", 150_000, 0, None)


def test_a_part_that_a_total_tells_of_is_for_a_person_too(engine):
    part = fact("succeeded", captured=Money(60_000, "VND"))
    assert state(run(engine, [AUTHORIZED, part], WHOLE)[0])[::3] == ("needs_review", "underpaid")
    assert state(run(engine, [AUTHORIZED, part])[0]) == ("succeeded", 60_000, 0, None)
