"""What people look at: payments, facts, one payment's timeline, and what is asked about next."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from paykit import InvalidRequest, Money, MovementKind, Outcome, PaymentRequest, PaymentStatus
from paykit.events import Source
from paykit.service import (
    Command,
    CommandKind,
    CommandState,
    DueCheck,
    InboxEntry,
    MovementEntry,
    MovementState,
    OutboxEntry,
    Page,
    PaymentService,
    browsing,
    paging,
)
from paykit.service.database import connect, parse
from paykit.service.schema import inbox, outbox, payments

from .cards import answer, cards, moved, told
from .everywhere import everywhere
from .refunding import Refunding, paid
from .shop import START, notice, request, vnpay
from .test_transfers import CODE, transfer, vietqr

S = PaymentStatus
PRICE = Money(150_000, "VND")


def change(database, *statements):
    """Change a database directly."""

    def body(conn):
        for statement in statements:
            conn.execute(statement)

    connector = connect(parse(database))
    connector.run(body, writes=True)
    connector.close()


def ids(page):
    return [record.payment_id for record in page.items]


@pytest.fixture
def shop(open_service):
    return open_service(providers=[vnpay(), vnpay("eu", "SHOP0002"), vietqr(), cards(Refunding)])


@pytest.fixture
def five(shop, clock):
    """Five payments a minute apart, two of the same minute: one paid, one short, one at another account."""
    for number in range(1, 6):
        provider = "vnpay-eu" if number == 4 else "vnpay"
        asked = request(f"ORDER-{number}", order_id=f"CART-{number // 2}")
        shop.create(asked, provider=provider)
        if number != 2:
            clock.pass_(minutes=1)
    shop.receive(notice("ORDER-1"), provider="vnpay")
    shop.receive(notice("ORDER-2", 70_000, number="14422575"), provider="vnpay")
    return shop


# Payments.


@everywhere
def test_the_newest_come_first_page_by_page(five):
    first = five.payments(limit=2)
    assert ids(first) == ["pay_0005", "pay_0004"]
    second = five.payments(limit=2, after=first.next)
    # Of two that were made at one time, the greater id comes first.
    assert ids(second) == ["pay_0003", "pay_0002"]
    third = five.payments(limit=2, after=second.next)
    assert (ids(third), third.next) == (["pay_0001"], None)
    assert third.items == (five.status("pay_0001"),)
    assert five.payments() == Page(first.items + second.items + third.items, None)


@everywhere
def test_a_page_ends_between_two_of_one_time(five):
    first = five.payments(limit=3)
    assert ids(first) == ["pay_0005", "pay_0004", "pay_0003"]
    assert ids(five.payments(limit=3, after=first.next)) == ["pay_0002", "pay_0001"]


@everywhere
def test_what_is_new_moves_no_page(five):
    first = five.payments(limit=2)
    five.create(request("ORDER-6"), provider="vnpay")
    assert ids(five.payments(limit=2, after=first.next)) == ["pay_0003", "pay_0002"]


@everywhere
def test_payments_by_what_they_are(five):
    assert ids(five.payments(status=S.REQUIRES_ACTION)) == ["pay_0005", "pay_0004", "pay_0003"]
    assert ids(five.payments(status=S.NEEDS_REVIEW)) == ["pay_0002"]
    assert ids(five.payments(status=S.DISPUTED)) == []
    assert ids(five.payments(provider="vnpay-eu")) == ["pay_0004"]
    assert ids(five.payments(provider="vnpay", status=S.SUCCEEDED)) == ["pay_0001"]
    assert ids(five.payments(provider="momo")) == []
    assert ids(five.payments(order_id="CART-1")) == ["pay_0003", "pay_0002"]
    assert ids(five.payments(order_id="CART-1", status=S.NEEDS_REVIEW)) == ["pay_0002"]
    assert ids(five.payments(order_id="CART-1", provider="vnpay-eu")) == []
    first = five.payments(order_id="CART-1", limit=1)
    assert (ids(first), ids(five.payments(order_id="CART-1", after=first.next))) == (
        ["pay_0003"],
        ["pay_0002"],
    )


@everywhere
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("pay_0003", ["pay_0003"]),
        ("CART-2", ["pay_0005", "pay_0004"]),
        ("ORDER-4", ["pay_0004"]),
        ("14422574", ["pay_0001"]),
        ("order-4", []),
        ("ORDER-", []),
        ("ORDER-4 ", []),
        ("", []),
        ("R-%", []),
        ("a\0b", []),
        ("\ud800", []),
        ("x" * 5000, []),
    ],
)
def test_search_is_exact(five, search, found):
    assert ids(five.payments(search=search)) == found
    assert ids(five.payments(search=search, provider="vnpay")) == [
        one for one in found if one != "pay_0004"
    ]


@everywhere
def test_a_name_that_was_too_long_for_its_column_is_found(shop):
    shop.transport.answers.append(answer("succeeded", id="psp-" + "9" * 400))
    wanted = PaymentRequest(reference="R-1", amount=PRICE, token=None)
    session = shop.create(wanted, provider="cards")
    assert ids(shop.payments(search="psp-" + "9" * 400)) == [session.payment_id]


@everywhere
def test_texts_that_no_database_holds_find_nothing(five):
    assert five.payments(provider="a\0b") == Page((), None)
    assert five.payments(order_id="\ud800") == Page((), None)


def test_an_account_whose_provider_has_a_hyphen_in_its_name():
    assert browsing._called("card-shop-eu") == [
        ("card-shop-eu", "default"),
        ("card", "shop-eu"),
        ("card-shop", "eu"),
    ]


@everywhere
def test_a_filter_passes_over_so_many_and_no_more(five, monkeypatch):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 2)
    first = five.payments(status=S.SUCCEEDED)
    assert (ids(first), first.next is None) == ([], False)
    second = five.payments(status=S.SUCCEEDED, after=first.next)
    assert (ids(second), second.next is None) == ([], False)
    third = five.payments(status=S.SUCCEEDED, after=second.next)
    assert (ids(third), third.next) == (["pay_0001"], None)


@everywhere
def test_no_page_is_left_when_the_last_row_was_looked_at(five, monkeypatch):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 5)
    page = five.payments(status=S.SUCCEEDED)
    assert (ids(page), page.next is None) == (["pay_0001"], False)
    assert five.payments(status=S.SUCCEEDED, after=page.next) == Page((), None)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "1",
        '"2026-03-01"',
        '["2026-03-01T09:00:00+00:00"]',
        '["2026-03-01T09:00:00+00:00", 1]',
        '["2026-03-01T09:00:00+00:00", "a", "b"]',
        '["2026-03-01T09:00:00+00:00", "a\\u0000"]',
        '["2026-03-01T09:00:00+00:00", "\\ud800"]',
        '["0001-01-01T00:00:00+14:00", "a"]',
        '["yesterday", "a"]',
        "[" * 100_000,
        "9" * 5000,
    ],
)
def test_what_is_no_place_is_refused(service, after):
    for look in (service.payments, service.inbox):
        with pytest.raises(InvalidRequest) as caught:
            look(after=after)
        assert caught.value.field == "after"


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_a_sensible_size(service, limit):
    for look in (service.payments, service.inbox):
        with pytest.raises(InvalidRequest) as caught:
            look(limit=limit)
        assert caught.value.field == "limit"


# The inbox.


@everywhere
def test_the_inbox_has_what_was_said_and_what_came_of_it(five, clock):
    clock.pass_(minutes=10)
    five.receive(notice("NOT-OURS", 50_000, number="3"), provider="vnpay")
    clock.pass_(minutes=1)
    five.record_transfers([transfer(memo="for the vase")], provider="vietqr")
    of_nobody, stranger = five.inbox(limit=2).items
    assert of_nobody == InboxEntry(
        provider="vietqr",
        account="default",
        event_id=transfer(memo="for the vase").event_id,
        source=Source.TRANSFER,
        reference="",
        payment_id=None,
        outcome=Outcome.UNKNOWN_REFERENCE,
        received_at=clock.now,
        fact=transfer(memo="for the vase"),
    )
    assert (stranger.reference, stranger.outcome, stranger.fact.amount) == (
        "NOT-OURS",
        Outcome.UNKNOWN_REFERENCE,
        Money(50_000, "VND"),
    )
    assert "for the vase" not in repr(of_nobody)
    (short,) = five.inbox(outcome=Outcome.MISMATCH).items
    assert (short.payment_id, short.fact.amount) == ("pay_0002", Money(70_000, "VND"))
    everything = five.inbox()
    assert (len(everything.items), everything.next) == (9, None)
    pages, after = [], None
    while True:
        page = five.inbox(limit=2, after=after)
        pages += page.items
        after = page.next
        if after is None:
            break
    assert tuple(pages) == everything.items
    assert five.inbox(outcome=Outcome.DUPLICATE) == Page((), None)


@everywhere
def test_facts_that_came_together_are_turned_over_one_by_one(shop):
    names = [transfer(number=number, memo="") for number in range(1, 6)]
    shop.record_transfers(names, provider="vietqr")
    found, after = [], None
    for _ in range(5):
        page = shop.inbox(limit=1, after=after)
        found += [entry.event_id for entry in page.items]
        after = page.next
    assert after is None
    assert sorted(found) == sorted(one.event_id for one in names)


# A payment's timeline.


@everywhere
def test_a_timeline_has_everything_in_its_order(shop, clock):
    shop.transport.answers.append(answer("succeeded", id="psp-1", captured=150_000))
    payment_id = paid(shop)
    clock.pass_(minutes=5)
    shop.transport.answers.append(answer("succeeded", id="re-1", amount=60_000))
    shop.transport.answers.pop(0)
    shop.refund(payment_id, Money(60_000, "VND"))
    clock.pass_(minutes=1)
    shop.receive(told(moved("refund", "re-2", 40_000)), provider="cards")
    timeline = shop.timeline(payment_id)
    assert timeline.record == shop.status(payment_id)
    told_of = [(moment.at, type(moment.entry)) for moment in timeline.moments]
    later, latest = START + timedelta(minutes=5), START + timedelta(minutes=6)
    assert told_of == [
        (START, InboxEntry),
        (START, OutboxEntry),
        (later, Command),
        (later, InboxEntry),
        (later, MovementEntry),
        (later, OutboxEntry),
        (latest, InboxEntry),
        (latest, MovementEntry),
        (latest, OutboxEntry),
    ]
    entries = [moment.entry for moment in timeline.moments]
    assert [(one.sequence, one.status) for one in entries if isinstance(one, OutboxEntry)] == [
        (1, S.SUCCEEDED),
        (2, S.PARTIALLY_REFUNDED),
        (3, S.PARTIALLY_REFUNDED),
    ]
    command = entries[2]
    assert (command.kind, command.amount, command.state, command.attempts) == (
        CommandKind.REFUND,
        Money(60_000, "VND"),
        CommandState.DONE,
        1,
    )
    assert [entries[4], entries[7]] == [
        MovementEntry(
            kind=MovementKind.REFUND,
            movement_id=name,
            amount=Money(amount, "VND"),
            state=MovementState.COUNTED,
        )
        for name, amount in (("re-1", 60_000), ("re-2", 40_000))
    ]
    assert (entries[0].source, entries[3].source, entries[6].source) == (
        Source.API,
        Source.API,
        Source.WEBHOOK,
    )


@everywhere
def test_a_timeline_has_what_contradicts_the_payment(five, clock):
    clock.pass_(minutes=1)
    again = notice("ORDER-1", 80_000)  # the same transaction with another amount
    five.receive(again, provider="vnpay")
    moments = five.timeline("pay_0001").moments
    assert [
        (moment.entry.outcome, moment.entry.fact.status)
        for moment in moments
        if isinstance(moment.entry, InboxEntry)
    ] == [
        (Outcome.ACCEPTED, S.REQUIRES_ACTION),
        (Outcome.ACCEPTED, S.SUCCEEDED),
        (Outcome.MISMATCH, S.SUCCEEDED),
    ]


@everywhere
def test_facts_of_one_moment_stand_by_their_events(shop):
    shop.create(PaymentRequest(reference=CODE, amount=PRICE), provider="vietqr")
    amounts = (30_000, 50_000, 70_000)
    parts = [transfer(amount, number=number) for number, amount in enumerate(amounts)]
    shop.record_transfers(parts, provider="vietqr")
    entries = [moment.entry for moment in shop.timeline("pay_0001").moments]
    assert [
        entry.fact.amount.minor if isinstance(entry, InboxEntry) else entry.sequence
        for entry in entries[1:]
    ] == [30_000, 1, 50_000, 2, 70_000, 3]


@everywhere
def test_what_is_gone_is_missing_and_the_rest_is_there(shop, clock, database):
    payment_id = paid(shop)
    shop.receive(told(moved("refund", "re-1", 60_000)), provider="cards")
    change(database, inbox.delete(), outbox.delete().where(outbox.c.sequence == 1))
    entries = [moment.entry for moment in shop.timeline(payment_id).moments]
    assert [type(entry) for entry in entries] == [OutboxEntry, MovementEntry]
    assert (entries[0].sequence, shop.status(payment_id).sequence) == (2, 2)


@everywhere
def test_nobodys_timeline(service):
    assert [service.timeline(name) for name in ("pay_0009", "", "a\0b", "\ud800")] == [None] * 4


# What is asked about next.


@everywhere
def test_what_is_due_the_soonest_first(shop, clock, database):
    shop.create(request("ORDER-1"), provider="vnpay")
    payment_id = paid(shop)
    clock.pass_(minutes=1)
    shop.transport.answers.append(answer("pending", id="re-1", amount=60_000))
    shop.refund(payment_id, Money(60_000, "VND"))
    record = shop.status("pay_0001")
    first, second = sorted(shop.due(), key=lambda one: one.kind)
    assert first == DueCheck(record=record, at=first.at, checks=0, note=None)
    assert (first.kind, first.amount, first.at > START) == ("payment", PRICE, True)
    assert (second.kind, second.amount, second.record, second.checks) == (
        "refund",
        Money(60_000, "VND"),
        shop.status(payment_id),
        1,
    )
    assert (second.command.state, second.at) == (CommandState.WAITING, second.command.check_at)
    assert [one.at for one in shop.due()] == sorted([first.at, second.at])
    assert shop.due(limit=1) == shop.due()[:1]
    asked = {"check_at": START, "checks": 3, "check_note": "NoAnswer: silence"}
    mine = payments.c.payment_id == record.payment_id
    change(database, update(payments).where(mine).values(**asked))
    assert shop.due(limit=1) == [
        DueCheck(record=record, at=START, checks=3, note="NoAnswer: silence")
    ]


# However much there is.

LOOKS = {
    "the newest": lambda service: service.payments(),
    "behind them": lambda service: service.payments(after=service.payments(limit=1).next),
    "by status": lambda service: service.payments(status=S.NEEDS_REVIEW),
    "by account": lambda service: service.payments(provider="vnpay"),
    "by order": lambda service: service.payments(order_id="CART-1"),
    "by a name": lambda service: service.payments(search="ORDER-4"),
    "timeline": lambda service: service.timeline("pay_0001"),
    "inbox": lambda service: service.inbox(after=service.inbox(limit=1).next),
    "inbox, by outcome": lambda service: service.inbox(outcome=Outcome.MISMATCH),
    "due": lambda service: service.due(),
    "given up": lambda service: service.given_up(),
    "waiting": lambda service: service.outbox(),
    "dead": lambda service: service.outbox(dead=True),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_an_index_leads_to_what_is_looked_at(database, look):
    """SQLite says how it finds things: no table is read from end to end."""
    asked = []
    with PaymentService([vnpay(), vnpay("eu", "SHOP0002")], database=database) as service:
        for number in range(3):
            service.create(request(f"ORDER-{number}"), provider="vnpay")
        engine = service._database.engine

        @event.listens_for(engine, "before_cursor_execute")
        def note(_conn, _cursor, statement, parameters, _context, _many):
            if statement.startswith("SELECT"):
                asked.append((statement, parameters))

        look(service)
        with engine.connect() as connection:
            steps = [
                row.detail
                for statement, parameters in list(asked)
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    over_tables = [step for step in steps if re.match(r"(SCAN|SEARCH) paykit_", step)]
    assert over_tables
    assert [step for step in over_tables if " USING " not in step] == []
