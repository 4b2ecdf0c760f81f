"""What may be sent by our record, and how commands end: held against all records and commands."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import CaptureMode, InvalidRequest, Money, MovementKind, PaymentStatus
from paykit.events import Movement
from paykit.service import PaymentRecord
from paykit.service.commands import (
    OPEN,
    Command,
    CommandKind,
    CommandState,
    plan,
    rebased,
    to_capture,
    to_refund,
    to_void,
)
from paykit.service.endings import ends
from paykit.service.tally import Entry, MovementState

from .cards import fact
from .shop import START

K, C, S = CommandKind, CommandState, PaymentStatus
ASKED = 100


def vnd(minor):
    return Money(minor, "VND")


def record(status=S.SUCCEEDED, captured=ASKED, refunded=0):
    return PaymentRecord(
        payment_id="pay_1",
        order_id="ORDER-1",
        provider="cards",
        account="default",
        reference="R-1",
        amount=vnd(ASKED),
        capture=CaptureMode.MANUAL,
        status=status,
        captured=vnd(captured),
        refunded=vnd(refunded),
        received=vnd(0),
        created_at=START,
        updated_at=START,
    )


def command(kind, minor, state=C.RESERVED, *, number=1, **more):
    values = {
        "command_id": f"cmd_{number}",
        "payment_id": "pay_1",
        "kind": kind,
        "key": f"key-{number}",
        "reference": f"R-1-R{number}" if kind is K.REFUND else None,
        "amount": vnd(minor),
        "base": vnd(0),
        "state": state,
        "attempts": 1,
        "sent_at": START,
        "created_at": START + timedelta(seconds=number),
        "updated_at": START,
        **more,
    }
    return Command(**values)


def wanted(kind, amount=None, key=None):
    money = None if amount is None else vnd(amount)
    match kind:
        case K.CAPTURE:
            return to_capture("pay_1", money, key, final=True)
        case K.VOID:
            return to_void("pay_1", key)
        case K.REFUND:
            return to_refund("pay_1", money, key, "")


def written(planned, kind, number, state=C.RESERVED):
    """A plan as the command that is written down for it."""
    return command(
        kind, planned.amount.minor, state, number=number,
        key=planned.key, base=planned.base,
    )  # fmt: skip


RECORDS = st.builds(
    record,
    status=st.sampled_from(S),
    captured=st.integers(0, ASKED),
    refunded=st.integers(0, ASKED),
)
KINDS = st.sampled_from(K)
AMOUNTS = st.one_of(st.none(), st.integers(1, ASKED + 10))
KEYS = st.sampled_from([None, None, "a", "b"])
WANTED = st.tuples(KINDS, AMOUNTS, KEYS)
STATES = st.sampled_from(C)


def live(draws):
    """Commands that were planned one after the other on records of their own, and got an end."""
    known = []
    for number, ((kind, amount, key), state, of_then) in enumerate(draws):
        try:
            planned = plan(
                of_then, wanted(kind, amount if kind is not K.VOID else None, key), known
            )
        except InvalidRequest:
            continue
        if planned is not None and planned.command is None:
            known.append(written(planned, kind, number, state))
    return known


KNOWN = st.lists(st.tuples(WANTED, STATES, RECORDS), max_size=8).map(live)


@given(now=RECORDS, known=KNOWN, what=WANTED)
def test_never_more_is_moved_than_there_is(now, known, what):
    kind, amount, key = what
    asked = wanted(kind, amount if kind is not K.VOID else None, key)
    try:
        planned = plan(now, asked, known)
    except InvalidRequest:
        return
    if planned is None:
        return
    if planned.command is not None:
        former = planned.command
        assert former in known
        assert (former.kind, former.key) == (kind, planned.key)
        assert former.state is not C.REFUSED
        return
    open_ = [one for one in known if one.state in OPEN]
    moving = sum(one.amount.minor for one in open_ if one.kind is kind) + planned.amount.minor
    assert planned.key not in {one.key for one in known}
    match kind:
        case K.REFUND:
            assert planned.amount.minor > 0
            assert now.refunded.minor + moving <= now.captured.minor
            assert planned.base == now.refunded
        case K.CAPTURE:
            assert planned.amount.minor > 0
            assert now.captured.minor + moving <= ASKED
            assert planned.base == now.captured
            assert all(one.kind is not K.VOID for one in open_)
        case K.VOID:
            assert all(one.kind is not K.CAPTURE for one in open_)


@given(now=RECORDS, known=KNOWN, what=WANTED, later=KNOWN, then=RECORDS)
def test_what_was_asked_once_is_found_again_whatever_happens(now, known, what, later, then):
    """Until it is refused: so a message that comes twice moves money once."""
    kind, amount, key = what
    asked = wanted(kind, amount if kind is not K.VOID else None, key)
    try:
        planned = plan(now, asked, known)
    except InvalidRequest:
        return
    if planned is None or planned.command is not None:
        return
    mine = written(planned, kind, 99, C.DONE)
    keys = {one.key for one in known} | {mine.key}
    others = [
        attrs.evolve(one, command_id=f"{one.command_id}-later")
        for one in later
        if one.key not in keys and one.amount != mine.amount
    ]
    if amount is None and kind is not K.VOID:
        then = now  # what "all" means changes with what there is
    try:
        again = plan(then, asked, [*known, mine, *others])
    except InvalidRequest:
        assert (amount, key) == (None, None)
        return
    assert again is None or again.command == mine


def test_a_refusal_makes_room_for_one_more_try():
    known, keys = [], []
    for number in range(3):
        planned = plan(record(), wanted(K.REFUND, 60), known)
        keys.append(planned.key)
        known.append(written(planned, K.REFUND, number, C.REFUSED))
    assert keys == [f"pay_1-refund-60-{number}" for number in range(3)]
    assert plan(record(), wanted(K.REFUND, 40), known).key == "pay_1-refund-40-0"
    voids = [command(K.VOID, 100, C.REFUSED, key="pay_1-void")]
    assert plan(record(S.AUTHORIZED, 0), wanted(K.VOID), voids).key == "pay_1-void-1"


@pytest.mark.parametrize(
    ("kind", "amount", "allowed"),
    [(K.REFUND, 40, True), (K.REFUND, 41, False), (K.CAPTURE, 30, True), (K.CAPTURE, 31, False)],
)
def test_what_is_sent_later_is_held_against_the_record_of_then(kind, amount, allowed):
    now = record(captured=60, refunded=10)
    others = [command(kind, 10, number=2), command(kind, 10, C.DONE, number=3)]
    late = command(kind, amount, sent_at=None)
    if not allowed:
        with pytest.raises(InvalidRequest, match=f"at most {amount - 1} VND is left"):
            rebased(now, late, others)
        return
    sent = rebased(now, late, others)
    base = 10 if kind is K.REFUND else 60
    assert sent.base == vnd(base)


# Ends.


def movement(kind, name, minor, state=MovementState.COUNTED):
    moved = Movement(
        kind=kind, id=name, amount=vnd(minor), undone=state is not MovementState.COUNTED
    )
    return {(kind, name): Entry(moved, state)}


REFUND, CAPTURE = MovementKind.REFUND, MovementKind.CAPTURE


def told(entries):
    """The facts that told of these movements."""
    return [
        fact("partially_refunded", 1, number=number, movement=entry.movement)
        for number, entry in enumerate(entries.values())
    ]


def states(found):
    return {end.command.command_id: end.state for end in found}


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (MovementState.COUNTED, C.DONE),
        (MovementState.REFUSED, C.REFUSED),
        (MovementState.REVERSED, C.REFUSED),
        (MovementState.UNSURE, None),
    ],
)
@pytest.mark.parametrize("name", ["re-1", "R-1-R1"])
@pytest.mark.parametrize("before", list(C))
def test_what_has_its_name_ends_it_also_later(state, end, name, before):
    mine = command(K.REFUND, 50, before, provider_id="re-1")
    found = ends(record(), [mine], movement(REFUND, name, 50, state))
    assert states(found) == ({} if end in {None, before} else {"cmd_1": end})


def test_what_has_no_name_ends_one_each_the_oldest_first():
    known = [command(K.REFUND, 50, number=number) for number in (1, 2, 3)]
    entries = movement(REFUND, "re-1", 50) | movement(REFUND, "re-2", 50)
    found = ends(record(refunded=100), known, entries, told(entries))
    assert [(end.command.command_id, end.state, end.provider_id) for end in found] == [
        ("cmd_1", C.DONE, "re-1"),
        ("cmd_2", C.DONE, "re-2"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"sent_at": None},
        {"provider_id": "re-9"},
        {"state": C.REFUSED},
        {"state": C.DONE},
        {"kind": K.CAPTURE, "minor": 50},
        {"minor": 49},
    ],
)
def test_what_it_cannot_have_been_is_left(other):
    other = {"kind": K.REFUND, "minor": 50, "state": C.RESERVED, **other}
    mine = command(other.pop("kind"), other.pop("minor"), other.pop("state"), **other)
    entries = movement(REFUND, "re-1", 50)
    now = record(captured=0, refunded=50)
    assert ends(now, [mine], entries, told(entries)) == []


def test_what_was_told_before_ends_nothing_that_came_later():
    mine = command(K.REFUND, 50, base=vnd(50))
    assert ends(record(refunded=50), [mine], movement(REFUND, "re-1", 50)) == []


def test_our_own_refusal_is_of_the_one_that_was_refused():
    known = [
        command(K.CAPTURE, 50, C.REFUSED, number=1),
        command(K.CAPTURE, 50, C.RESERVED, number=2),
    ]
    entries = movement(CAPTURE, "key-1", 50, MovementState.REFUSED)
    assert ends(record(S.AUTHORIZED, 0), known, entries, told(entries)) == []


@pytest.mark.parametrize(
    ("refunded", "moved", "end"),
    [(49, 0, None), (50, 0, C.DONE), (50, 50, None), (70, 20, C.DONE), (70, 30, None)],
)
def test_a_sum_ends_what_nothing_else_explains(refunded, moved, end):
    entries = movement(REFUND, "re-9", moved) if moved else {}
    mine = command(K.REFUND, 50, C.WAITING, provider_id="re-1")
    found = ends(record(refunded=refunded), [mine], entries)
    assert states(found) == ({"cmd_1": end} if end else {})
    unsent = command(K.REFUND, 50, sent_at=None)
    assert ends(record(refunded=refunded), [unsent], entries) == []


@pytest.mark.parametrize(
    ("refunded", "done"),
    [(30, False), (50, False), (79, False), (80, True), (100, True)],
)
def test_a_sum_ends_all_that_are_under_way_or_none(refunded, done):
    known = [
        command(K.REFUND, 50, number=1),
        command(K.REFUND, 30, C.WAITING, number=2),
        command(K.REFUND, 20, number=3, sent_at=None),
    ]
    found = ends(record(refunded=refunded), known, {})
    assert states(found) == ({"cmd_1": C.DONE, "cmd_2": C.DONE} if done else {})


@pytest.mark.parametrize(
    ("state", "ended", "refunded", "end"),
    [
        (C.REFUSED, 9, 50, C.DONE),  # it came to nothing, so it is in no total
        (C.DONE, 9, 50, None),  # the total is its doing
        (C.DONE, 9, 70, C.DONE),
        (C.DONE, 0, 50, None),  # and so it is if it was done before
    ],
)
def test_what_else_was_done_since_is_in_the_sum_as_well(state, ended, refunded, end):
    base = vnd(20 if ended == 0 else 0)
    other = command(K.REFUND, 20, state, number=1, updated_at=START + timedelta(seconds=ended))
    mine = command(K.REFUND, 50, number=2, base=base)
    found = ends(record(refunded=refunded), [other, mine], {})
    assert states(found) == ({"cmd_2": end} if end else {})


@pytest.mark.parametrize(
    ("kind", "status", "captured", "reason", "end"),
    [
        (K.CAPTURE, S.SUCCEEDED, 100, None, C.DONE),
        (K.CAPTURE, S.AUTHORIZED, 99, None, None),
        (K.CAPTURE, S.CANCELED, 0, None, C.REFUSED),
        (K.CAPTURE, S.EXPIRED, 0, None, C.REFUSED),
        (K.CAPTURE, S.FAILED, 0, None, C.REFUSED),
        (K.VOID, S.CANCELED, 0, None, C.DONE),
        (K.VOID, S.EXPIRED, 0, None, C.DONE),
        (K.VOID, S.AUTHORIZED, 0, None, None),
        (K.VOID, S.AUTHORIZED, 0, "void_failed", C.REFUSED),
        (K.VOID, S.SUCCEEDED, 100, None, C.REFUSED),
        (K.VOID, S.SUCCEEDED, 60, None, None),
    ],
)
def test_what_became_of_the_payment_ends_captures_and_voids(kind, status, captured, reason, end):
    mine = command(kind, 100, C.WAITING)
    news = [fact(status.value, reason=reason)]
    found = ends(record(status, captured), [mine], {}, news)
    assert states(found) == ({"cmd_1": end} if end else {})


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from([REFUND, CAPTURE]),
        st.sampled_from(["re-1", "re-2", "re-3", "R-1-R1", "key-2"]),
        st.sampled_from([40, 50]),
        st.sampled_from(MovementState),
    ),
    max_size=5,
).map(lambda drawn: {key: entry for one in drawn for key, entry in movement(*one).items()})
COMMANDS = st.lists(
    st.tuples(
        KINDS,
        st.sampled_from([40, 50]),
        STATES,
        st.sampled_from([None, None, "re-1", "re-2"]),
        st.sampled_from([None, START, START]),
    ),
    max_size=5,
).map(
    lambda drawn: [
        command(kind, minor, state, number=number, provider_id=provider_id, sent_at=sent_at)
        for number, (kind, minor, state, provider_id, sent_at) in enumerate(drawn, start=1)
    ]
)


@given(now=RECORDS, known=COMMANDS, entries=ENTRIES)
def test_a_movement_is_the_end_of_one_command_at_most(now, known, entries):
    found = ends(now, known, entries, told(entries))
    assert len({end.command.command_id for end in found}) == len(found)
    taken = [(end.command.kind, end.provider_id) for end in found if end.provider_id]
    assert len(set(taken)) == len(taken)
    for end in found:
        assert end.state is not end.command.state
        assert end.state in {C.DONE, C.REFUSED}
        if end.command.kind is K.REFUND and end.command.provider_id is None:
            own = (REFUND, end.command.reference) in entries
            assert own or end.command.sent_at is not None
    # What has ended stays so when the same is looked at again.
    after = {end.command.command_id: end for end in found}
    settled = [
        attrs.evolve(
            one,
            state=after[one.command_id].state,
            provider_id=after[one.command_id].provider_id or one.provider_id,
        )
        if one.command_id in after
        else one
        for one in known
    ]
    assert ends(now, settled, entries) == []
