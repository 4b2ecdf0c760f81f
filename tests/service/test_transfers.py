"""Bank transfers in the service: each counts once, a payment is judged by their sum."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import permutations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    Delivery,
    Discrepancy,
    InvalidRequest,
    Money,
    Outcome,
    Payment,
    PaymentRequest,
    PaymentStatus,
    ShowQr,
    TransferReceived,
    VietQR,
)
from paykit.events import Source
from paykit.service.accounts import answer_as_fact
from paykit.service.state import PaymentRecord, receive_transfer, transition
from paykit.vietqr import parse

from .everywhere import everywhere, rows
from .shop import START

S, D = PaymentStatus, Discrepancy
PRICE = Money(150_000, "VND")
ACCOUNT = "0071001234567"


def vietqr(account="default", number=ACCOUNT):
    settings = {"bank": "VCB", "account_number": number, "account": account}
    return VietQR.from_dict(settings, clock=lambda: START)


CODE, OTHER = vietqr().codes.from_number(1), vietqr().codes.from_number(2)


def vnd(amount):
    return Money(amount, "VND")


def transfer(amount=150_000, memo=CODE, number=1, *, at=START, provider=None):
    return (provider or vietqr()).received(
        transfer_id=str(number),
        amount=amount,
        memo=memo,
        occurred_at=at,
        account_number=ACCOUNT,
        bank_reference=f"FT{number}",
    )


@pytest.fixture
def shop(open_service):
    return open_service(providers=[vietqr()])


def create(shop, reference=CODE, **more):
    request = PaymentRequest(reference=reference, order_id=f"order-{reference}", amount=PRICE)
    return shop.create(attrs.evolve(request, **more), provider="vietqr")


def take(shop, *transfers):
    return shop.record_transfers(transfers, provider="vietqr")


def published(service):
    events = []
    service.service._handlers[:] = [events.append]
    while service.relay():
        pass
    return events


def told(event):
    return event.status, event.discrepancy, event.amount.minor, event.captured.minor


@everywhere
def test_a_transfer_pays(shop):
    session = create(shop)
    assert isinstance(session.next, ShowQr)
    asked = parse(session.next.payload)
    assert (asked.bank_bin, asked.account, asked.amount, asked.purpose) == (
        "970436",
        ACCOUNT,
        PRICE,
        CODE,
    )
    assert take(shop, transfer(memo=f"MBVCB.1.{CODE.lower()}.CT tu 01")) == 1
    (event,) = published(shop)
    assert told(event) == (S.SUCCEEDED, None, 150_000, 150_000)
    assert (event.payment_id, event.order_id, event.reference, event.source, event.sequence) == (
        session.payment_id,
        f"order-{CODE}",
        CODE,
        "transfer",
        1,
    )
    record = shop.status(session.payment_id)
    assert (record.status, record.captured, record.received) == (S.SUCCEEDED, PRICE, PRICE)
    assert shop.session(session.payment_id) == attrs.evolve(
        session, status=S.SUCCEEDED, provider_id="1"
    )


@everywhere
def test_a_transfer_counts_once(shop):
    create(shop)
    assert [take(shop, transfer(60_000)) for _ in range(3)] == [1, 0, 0]
    assert take(shop, transfer(60_000), transfer(60_000)) == 0
    assert [told(event) for event in published(shop)] == [
        (S.NEEDS_REVIEW, D.UNDERPAID, 60_000, 60_000)
    ]


@pytest.mark.parametrize(
    ("amounts", "events"),
    [
        ([150_000], [(S.SUCCEEDED, None, 150_000, 150_000)]),
        ([149_999], [(S.NEEDS_REVIEW, D.UNDERPAID, 149_999, 149_999)]),
        ([150_001], [(S.NEEDS_REVIEW, D.OVERPAID, 150_001, 150_001)]),
        (
            [100_000, 50_000],
            [
                (S.NEEDS_REVIEW, D.UNDERPAID, 100_000, 100_000),
                (S.SUCCEEDED, None, 50_000, 150_000),
            ],
        ),
        (
            [100_000, 50_000, 1],
            [
                (S.NEEDS_REVIEW, D.UNDERPAID, 100_000, 100_000),
                (S.SUCCEEDED, None, 50_000, 150_000),
                (S.SUCCEEDED, D.DUPLICATE_PAYMENT, 1, 150_001),
            ],
        ),
        (
            [150_000, 150_000],
            [
                (S.SUCCEEDED, None, 150_000, 150_000),
                (S.SUCCEEDED, D.DUPLICATE_PAYMENT, 150_000, 300_000),
            ],
        ),
        (
            [100_000, 60_000, 5],
            [
                (S.NEEDS_REVIEW, D.UNDERPAID, 100_000, 100_000),
                (S.NEEDS_REVIEW, D.OVERPAID, 60_000, 160_000),
                (S.NEEDS_REVIEW, D.OVERPAID, 5, 160_005),
            ],
        ),
    ],
)
def test_the_sum_decides(shop, amounts, events):
    session = create(shop)
    for number, amount in enumerate(amounts, start=1):
        assert take(shop, transfer(amount, number=number)) == 1
    assert [told(event) for event in published(shop)] == events
    record = shop.status(session.payment_id)
    assert (record.status, record.discrepancy) == events[-1][:2]
    assert record.captured == record.received == vnd(sum(amounts))


@everywhere
def test_too_late(shop):
    session = create(shop, expires_at=START + timedelta(minutes=15))
    assert session.expires_at == START + timedelta(minutes=15)
    take(shop, transfer(at=START + timedelta(minutes=15, seconds=1)))
    (event,) = published(shop)
    assert told(event) == (S.NEEDS_REVIEW, D.LATE, 150_000, 150_000)
    # The last second is in time.
    again = create(shop, OTHER, expires_at=START + timedelta(minutes=15))
    take(shop, transfer(memo=OTHER, number=2, at=START + timedelta(minutes=15)))
    assert shop.status(again.payment_id).status is S.SUCCEEDED


def test_parts_in_time_are_in_time_whatever_happened_since():
    record = attrs.evolve(RECORD, expires_at=START + timedelta(minutes=15))
    asked = answer_as_fact(
        record,
        Payment(provider="vietqr", reference=CODE, status=S.PENDING, amount=PRICE),
        START + timedelta(minutes=20),
        source=Source.POLL,
    )
    record, events = run(
        transition(record, asked).record, [transfer(100_000), transfer(50_000, number=2)]
    )
    assert record.updated_at == START + timedelta(minutes=20)
    assert (record.status, record.received_at) == (S.SUCCEEDED, START)
    # In whatever order the two are told, the later one decides.
    late = transfer(50_000, number=2, at=START + timedelta(minutes=16))
    record = attrs.evolve(RECORD, expires_at=START + timedelta(minutes=15))
    for order in permutations([transfer(100_000), late]):
        done, events = run(record, order)
        assert told(events[-1])[:2] == (S.NEEDS_REVIEW, D.LATE)
        assert done.received_at == late.occurred_at


@pytest.mark.parametrize(
    "memo",
    [
        "",
        "mua hang",
        CODE[:-1],
        f"{CODE} {OTHER}",
        CODE.replace(CODE[5], "7" if CODE[5] != "7" else "4", 1),
    ],
)
def test_what_names_no_payment_is_kept_for_a_person(shop, memo):
    sessions = [create(shop), create(shop, OTHER)]
    wanted = transfer(memo=memo)
    assert take(shop, wanted) == 0
    assert published(shop) == []
    assert [shop.status(one.payment_id).status for one in sessions] == [S.REQUIRES_ACTION] * 2
    assert shop.unmatched() == [wanted]
    assert shop.orphans() == []


@everywhere
def test_a_person_assigns_it(shop):
    session = create(shop)
    lost = transfer(memo="quen ghi ma")
    take(shop, lost)
    assert shop.assign(lost, payment_id=session.payment_id) == 1
    (event,) = published(shop)
    assert told(event) == (S.SUCCEEDED, None, 150_000, 150_000)
    assert shop.unmatched() == []
    for again in (lost, transfer(number=99)):
        with pytest.raises(InvalidRequest) as caught:
            shop.assign(again, payment_id=session.payment_id)
        assert caught.value.field == "event_id"
    assert take(shop, lost) == 0


def test_it_is_assigned_to_a_payment_that_is_there(shop):
    take(shop, transfer(memo=""))
    with pytest.raises(InvalidRequest) as caught:
        shop.assign(transfer(memo=""), payment_id="pay_none")
    assert caught.value.field == "payment_id"
    assert len(shop.unmatched()) == 1


def test_it_is_assigned_within_its_account(open_service):
    shop = open_service(providers=[vietqr(), vietqr("eu", "0071007654321")])
    lost = transfer(memo="")
    take(shop, lost)
    wanted = PaymentRequest(reference=CODE, amount=PRICE)
    elsewhere = shop.create(wanted, provider="vietqr-eu")
    with pytest.raises(InvalidRequest) as caught:
        shop.assign(lost, payment_id=elsewhere.payment_id)
    assert caught.value.field == "payment_id"
    assert shop.status(elsewhere.payment_id).received == vnd(0)
    assert shop.unmatched() == [lost]


@everywhere
def test_every_unmatched_transfer_can_be_seen(shop, clock):
    lost = []
    for day in range(3):
        batch = [transfer(memo="", number=f"{day}-{number}") for number in range(70)]
        take(shop, *batch)
        lost += sorted(batch, key=lambda one: one.event_id)
        clock.pass_(days=1)
    seen = [shop.unmatched()]
    while page := shop.unmatched(after=seen[-1][-1]):
        seen.append(page)
    assert [len(page) for page in seen] == [100, 100, 10]
    assert [one for page in seen for one in page] == lost
    with pytest.raises(InvalidRequest) as caught:
        shop.unmatched(after=transfer(number="not there"))
    assert caught.value.field == "after"
    assert shop.orphans() == []


@everywhere
def test_one_transfer_with_two_amounts_is_for_a_person(shop, database):
    """The first that was told stays, and both are kept."""
    session = create(shop)
    take(shop, transfer(60_000))
    for _ in range(2):
        assert take(shop, transfer(150_000)) == 0
    record = shop.status(session.payment_id)
    assert (record.status, record.received) == (S.NEEDS_REVIEW, vnd(60_000))
    assert len(published(shop)) == 1
    kept = [row for row in rows(database, "paykit_inbox") if row["source"] == "transfer"]
    assert sorted(json.loads(row["fact"])["amount"]["minor"] for row in kept) == [60_000, 150_000]
    assert {row["outcome"] for row in kept} == {"mismatch"}
    assert shop.unmatched() == []
    # Another memo, as a list may have it, is no contradiction.
    assert take(shop, transfer(60_000, memo=f"CK {CODE}")) == 0
    assert len(rows(database, "paykit_inbox")) == 3


def test_a_transfer_counts_once_even_if_the_inbox_was_emptied(shop, database):
    session = create(shop)
    take(shop, transfer(60_000))
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM paykit_inbox")
        connection.commit()
    with pytest.raises(InvalidRequest):
        take(shop, transfer(60_000))
    assert shop.status(session.payment_id).received == vnd(60_000)


def test_a_return_that_nothing_proves(shop):
    create(shop)
    info = shop.receive_return(Delivery.get(f"reference={CODE}"), provider="vietqr")
    assert (info.verified, info.record, info.published) == (False, None, 0)


@everywhere
def test_a_transfer_before_its_payment_is_joined(shop):
    assert take(shop, transfer(100_000), transfer(50_000, number=2)) == 0
    assert len(shop.unmatched()) == 2
    session = create(shop)
    assert shop.unmatched() == []
    assert shop.status(session.payment_id).status is S.SUCCEEDED
    assert [told(event)[:2] for event in published(shop)] == [
        (S.NEEDS_REVIEW, D.UNDERPAID),
        (S.SUCCEEDED, None),
    ]


def test_one_code_of_ours_beside_a_stranger_counts(shop):
    session = create(shop)
    take(shop, transfer(memo=f"{OTHER} {CODE}"))
    assert shop.status(session.payment_id).status is S.SUCCEEDED


@everywhere
@pytest.mark.untraced
def test_a_memo_with_more_codes_than_a_database_takes_is_for_a_person(shop):
    create(shop)
    codes = [vietqr().codes.from_number(number) for number in range(40_000)]
    assert take(shop, transfer(memo=" ".join([CODE, *codes]))) == 0
    assert len(shop.unmatched()) == 1


def test_another_accounts_transfer_is_refused(shop):
    with pytest.raises(InvalidRequest):
        take(shop, transfer(provider=vietqr("eu")))
    assert shop.unmatched() == []


def test_a_reference_has_to_be_a_code(shop):
    for wrong in ("ORDER-1", CODE.lower(), CODE[:-1]):
        with pytest.raises(InvalidRequest) as caught:
            create(shop, wrong)
        assert caught.value.field == "reference"


# The pure part.

RECORD = PaymentRecord(
    payment_id="pay_1",
    order_id="order-1",
    provider="vietqr",
    account="default",
    reference=CODE,
    amount=PRICE,
    status=S.REQUIRES_ACTION,
    captured=vnd(0),
    refunded=vnd(0),
    received=vnd(0),
    created_at=START,
    updated_at=START,
)


def run(record, transfers):
    events = []
    for one in transfers:
        done = receive_transfer(record, one)
        record = done.record
        events += [done.event] if done.event else []
    return record, events


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=4))
def test_the_order_of_transfers_does_not_matter(amounts):
    transfers = [transfer(amount, number=number) for number, amount in enumerate(amounts)]
    ends = set()
    for order in permutations(transfers):
        record, events = run(RECORD, order)
        assert record.received == record.captured == vnd(sum(amounts))
        assert sum(event.amount.minor for event in events) == sum(amounts)
        assert [event.sequence for event in events] == [*range(1, len(events) + 1)]
        ends.add(record.status is S.SUCCEEDED and record.discrepancy is None)
    assert ends == {sum(amounts) == PRICE.minor} or len(amounts) > 2
    if sum(amounts) < PRICE.minor:
        assert ends == {False}


def test_money_that_a_poll_told_of_before_is_not_counted_again():
    polled = answer_as_fact(
        RECORD,
        Payment(
            provider="vietqr", reference=CODE, status=S.SUCCEEDED, amount=PRICE, captured=PRICE
        ),
        START,
        source=Source.POLL,
    )
    record = transition(RECORD, polled).record
    assert (record.status, record.captured, record.received) == (S.SUCCEEDED, PRICE, vnd(0))
    record, events = run(record, [transfer(100_000), transfer(50_000, number=2)])
    assert events == []
    assert record.received == PRICE
    record, events = run(record, [transfer(1, number=3)])
    assert [told(event) for event in events] == [(S.SUCCEEDED, D.DUPLICATE_PAYMENT, 1, 150_001)]


def polled(status, captured):
    payment = Payment(
        provider="vietqr", reference=CODE, status=status, amount=PRICE, captured=vnd(captured)
    )
    return answer_as_fact(RECORD, payment, START, source=Source.POLL)


@pytest.mark.parametrize(
    ("status", "amounts", "discrepancy"),
    [
        (S.SUCCEEDED, (100_000, 50_000), None),
        (S.SUCCEEDED, (100_000, 60_000), D.OVERPAID),
        (S.SUCCEEDED, (200_000,), D.OVERPAID),
        (S.EXPIRED, (100_000,), D.UNDERPAID),
    ],
)
def test_a_poll_and_the_transfers_end_the_same_in_any_order(status, amounts, discrepancy):
    facts = [
        polled(status, sum(amounts)),
        *(transfer(amount, number=number) for number, amount in enumerate(amounts)),
    ]
    for order in permutations(facts):
        record, events = RECORD, []
        for one in order:
            kind = receive_transfer if isinstance(one, TransferReceived) else transition
            done = kind(record, one)
            record = done.record
            events += [done.event] if done.event else []
        assert record.status is (S.NEEDS_REVIEW if discrepancy else S.SUCCEEDED)
        assert record.captured == vnd(sum(amounts))
        assert record.discrepancy is events[-1].discrepancy is discrepancy
        assert events[-1].captured == vnd(sum(amounts))


@pytest.mark.parametrize("amount", [0, -50_000])
@pytest.mark.parametrize("status", [S.REQUIRES_ACTION, S.SUCCEEDED])
def test_what_brings_nothing_or_takes_is_never_counted(status, amount):
    paid = PRICE if status is S.SUCCEEDED else vnd(0)
    record = attrs.evolve(RECORD, status=status, captured=paid, received=paid)
    done = receive_transfer(record, attrs.evolve(transfer(), amount=vnd(amount)))
    assert (done.record.captured, done.record.received) == (paid, paid)
    assert done.event.discrepancy is D.UNMATCHED
    assert done.event.status is (S.SUCCEEDED if paid else S.NEEDS_REVIEW)


@pytest.mark.parametrize("amount", [0, -50_000])
def test_a_feed_that_brings_nothing_or_takes_is_refused(shop, amount):
    create(shop)
    with pytest.raises(InvalidRequest) as caught:
        take(shop, transfer(), attrs.evolve(transfer(number=2), amount=vnd(amount)))
    assert caught.value.field == "transfers"
    assert published(shop) == []


@pytest.mark.parametrize("status", [S.CANCELED, S.EXPIRED])
def test_money_for_what_is_closed_is_late(status):
    done = receive_transfer(attrs.evolve(RECORD, status=status), transfer())
    assert told(done.event) == (S.NEEDS_REVIEW, D.LATE, 150_000, 150_000)
    assert done.outcome is Outcome.MISMATCH


@pytest.mark.parametrize("status", [S.REFUNDED, S.PARTIALLY_REFUNDED, S.DISPUTED])
def test_money_for_what_was_paid_changes_no_state(status):
    record = attrs.evolve(RECORD, status=status, captured=PRICE, received=PRICE)
    done = receive_transfer(record, transfer(number=2))
    assert told(done.event) == (status, D.DUPLICATE_PAYMENT, 150_000, 300_000)
    assert done.record.status is status


def test_another_currency_counts_for_nothing():
    dollars = attrs.evolve(transfer(), amount=Money(150_000, "USD"))
    done = receive_transfer(RECORD, dollars)
    assert (done.event.status, done.event.discrepancy) == (S.NEEDS_REVIEW, D.CURRENCY)
    assert (done.record.received, done.record.captured) == (vnd(0), vnd(0))


def test_a_transfer_of_another_payment_counts_for_nothing():
    done = receive_transfer(RECORD, transfer(), id_taken=True)
    assert (done.event.status, done.event.discrepancy) == (S.NEEDS_REVIEW, D.PROVIDER_ID)
    assert (done.record.received, done.record.captured) == (vnd(0), vnd(0))


def test_a_transfer_as_json_and_back():
    one = transfer()
    assert TransferReceived.from_json(one.to_json()) == one
    with pytest.raises(InvalidRequest):
        TransferReceived.from_json({"event_id": "x"})
