"""What each page shows, over a blocking and an async service."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from paykit import Declined
from paykit.service.schema import outbox, payments

from ..service import shop
from ..service.cards import declined, request
from ..service.shop import START
from ..service.test_browsing import change
from . import story

HOUR = timedelta(hours=1)


def column(page, name):
    return [row[name] for row in page.table]


NEWEST = [f"pay_{number:04}" for number in (14, 13, 12, 11, 10, 9, 8, 7, 6, 4, 3, 1)]


def test_payments(full):
    page = full.page()
    assert column(page, "Payment") == NEWEST
    assert page.table[0] == {
        "Created": "2 min ago 2026-03-05 10:14:39",
        "Payment": "pay_0014",
        "Account": "vietqr",
        "Order": "SO-1050 PKD9C1B4M4",
        "Status": "needs review underpaid",
        "Asked": "150.000 ₫",
        "Taken": "100.000 ₫",
        "Given back": "0 ₫",
    }
    assert page.labels[:3] == [
        ("look", "needs review"),
        ("quiet", "underpaid"),
        ("wait", "requires action"),
    ]
    assert page.text.endswith("Read only. All times are UTC. As of 2026-03-05 10:16:39 .")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=needs_review", ["pay_0014", "pay_0008"]),
        ("?provider=vnpay-eu", ["pay_0009"]),
        ("?provider=vnpay&status=canceled", ["pay_0010"]),
        ("?status=&provider=&search=", NEWEST),
        ("?search=SO-1044", ["pay_0009"]),
        ("?search=%20pay_0004%20", ["pay_0004"]),
        ("?search=PKD9C1B4M4", ["pay_0014"]),
        ("?search=14422577", ["pay_0012"]),
        ("?search=SO-1044&status=succeeded", []),
        ("?search=a%00b", []),
        ("?provider=nobody", []),
    ],
)
def test_payments_that_are_looked_for(full, query, found):
    page = full.page(query)
    assert column(page, "Payment") == found
    assert ("There are none of these." in page.text) is (found == [])


@pytest.mark.parametrize("start", ["./", "./?status=requires_action&provider=vnpay", "inbox"])
def test_a_long_list_is_turned_over(site, start):
    first = site.shop.create(shop.request(), provider="vnpay").payment_id
    story.copy(site, 119)
    seen, lengths, path = [], [], start
    while path:
        page = site.page(path)
        lengths.append(len(page.table))
        seen += column(page, "Payment")
        (path,) = [link for link in page.links if "after=" in link] or [None]
        assert (start in page.links[7:]) is (len(lengths) > 1 or start == "inbox")
    assert lengths == [50, 50, 20]
    assert seen == [first, *(f"{first}-{number:03}" for number in range(1, 120))]
    end = start + ("&" if "?" in start else "?") + 'after=["2020-01-01T00:00:00Z","x"]'
    if start != "inbox":
        assert "There are no older ones." in site.page(end).text


def test_a_shop_without_payments(site):
    said = {
        "": "There are no payments yet.",
        "inbox": "Nothing was received yet.",
        "unmatched": "Every transfer has found its payment.",
        "orphans": "Every fact has found its payment.",
        "outbox": "Nothing waits: every event is out.",
        "dead": "No event is dead.",
        "reconcile": "Nothing was given up.",
    }
    for path, text in said.items():
        page = site.page(path)
        assert (page.table, text in page.text) == ([], True), path


def test_one_payment_with_its_timeline(full):
    page = full.page(f"payment?id={full.ids[0]}")
    first, second, third = (
        "17ec098605ce7bebd255744d725fe30d",
        "1ac8e6baccb9ad2a7c5eb54591bc5b71",
        "029135727e3dc5f0dca50ffb7cd3acc0",
    )
    assert page.text.partition("What happened ")[2].partition(" Read only")[0] == " ".join(
        f"""
        2026-03-05
        09:31:00.250 Written down 12.450.000 ₫ to be paid at cards
        09:31:00.250 The provider answered succeeded Fact in the inbox
        Amount 12.450.000 ₫ Provider's id psp-3 Event id {first} Happened 2026-03-05 09:31:00
        09:31:00.250 Event 1 tells succeeded published Event in the outbox
        Published 2026-03-05 09:50:03 Event id {first}
        09:38:00.250 We asked for a refund done Command
        Amount 450.000 ₫ Tried once Sent 2026-03-05 09:38:00
        Our reference C-3-R1 Provider's id re-1 Key pay_0004-refund-450000-0
        09:38:00.250 The provider answered refunded Fact in the inbox
        Amount 450.000 ₫ Refund 450.000 ₫ re-1 Provider's id psp-3 Event id {second}
        Happened 2026-03-05 09:38:00
        09:38:00.250 Refund of 450.000 ₫ counted Movement Provider's id re-1
        09:38:00.250 Event 2 tells partially refunded published Event in the outbox
        Published 2026-03-05 09:50:03 Event id {second}
        09:50:03.250 A webhook said partially refunded Fact in the inbox
        Amount 2.000.000 ₫ Refund 2.000.000 ₫ re-2 Provider's id psp-3 Event id {third}
        Happened 2026-03-01 09:00:00
        09:50:03.250 Refund of 2.000.000 ₫ counted Movement Provider's id re-2
        09:50:03.250 Event 3 tells partially refunded published Event in the outbox
        Published 2026-03-05 09:50:03 Event id {third}
        """.split()
    )
    assert {name: page.details[name] for name in ("Account", "Order", "Taken", "Given back")} == {
        "Account": "cards",
        "Order": "order-3",
        "Taken": "12.450.000 ₫",
        "Given back": "2.450.000 ₫",
    }


def test_a_command_that_was_given_up(full):
    page = full.page(f"payment?id={full.ids[1]}")
    assert (
        "We asked for a refund reserved left to a person Command Amount 50.000 ₫ Tried 2 times "
        "Sent 2026-03-01 09:31:00 What came of it NoAnswer: the provider does not answer "
        "Our reference C-1-R1 Key refund-of-order-1"
    ) in page.text


def test_transfers_in_a_timeline(full):
    text = full.page("payment?id=pay_0014").text
    assert (
        "A bank transfer arrived mismatch Fact in the inbox Amount 100.000 ₫ Memo PKD9C1B4M4 "
        "Payment codes PKD9C1B4M4 Bank's reference FT1 Provider's id 1"
    ) in text
    assert "by transfer 100.000 ₫" in text


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (0, None),
        (1, "The first event was published and purged since."),
        (3, "The first 3 events were published and purged since."),
    ],
)
def test_events_that_were_purged(site, gone, said):
    payment_id = story.refund_in_parts(site.shop, site.clock)
    change(site.database, outbox.delete().where(outbox.c.sequence <= gone))
    text = site.page(f"payment?id={payment_id}").text
    assert (said in text) if said else ("purged" not in text)


def test_an_event_that_waits_after_failures(site):
    payment_id = story.take_card(site.shop, 1)
    again = {"attempts": 3, "last_error": "BrokerUnavailable: no", "available_at": START + HOUR}
    change(site.database, update(outbox).values(**again))
    text = site.page(f"payment?id={payment_id}").text
    assert (
        "Event 1 tells succeeded waiting Event in the outbox Next try in 1 h 2026-03-01 10:00:00 "
        "Failed 3 times Last error BrokerUnavailable: no"
    ) in text
    (row,) = site.page("outbox").table
    assert row == {
        "Created": "now 2026-03-01 09:00:00",
        "Payment": payment_id,
        "No.": "1",
        "Tells": "succeeded",
        "Failed": "3",
        "Next try": "in 1 h 2026-03-01 10:00:00",
        "Last error": "BrokerUnavailable: no",
    }
    site.clock.pass_(hours=1)
    (row,) = site.page("outbox").table
    assert row["Next try"] == "at once"


def test_a_hold_that_was_declined(site):
    site.shop.transport.answers.append(declined("insufficient_funds"))
    with pytest.raises(Declined):
        site.shop.create(request(), provider="cards")
    details = site.page("payment?id=pay_0001").details
    named = ("The money is", "Reason", "The provider's id", "Events")
    assert [details[name] for name in named] == [
        "held first",
        "insufficient_funds code E-insufficient_funds",
        "not told",
        "1",
    ]


def test_the_time_to_pay(site):
    payment_id = site.shop.create(shop.request(), provider="vnpay").payment_id
    until = site.shop.status(payment_id).expires_at
    site.clock.now = until - timedelta(minutes=15)
    details = site.page(f"payment?id={payment_id}").details
    assert details["Time to pay until"] == f"in 15 min {until:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("query", ["", "?id=", "?id=pay_9999", "?id=a%00b", "?id=%ed%a0%80"])
def test_a_payment_that_is_not_there(full, query):
    answered = full.ask(f"payment{query}")
    assert (answered.status_code, "There is no such payment" in answered.text) == (404, True)


def test_the_inbox(full):
    page = full.page("inbox")
    assert len(page.table) == 24
    assert page.table[1] == {
        "Received": "2 min ago 2026-03-05 10:14:39",
        "By": "transfer",
        "Account": "vietqr",
        "Reference": "PKD9C1B4M4",
        "Payment": "pay_0014",
        "Said": "money arrived",
        "Outcome": "mismatch",
        "Amount": "100.000 ₫",
    }
    of_nobody = full.page("inbox?outcome=unknown_reference")
    assert column(of_nobody, "Amount") == ["50.000 ₫", "120.000 ₫", "35.000 ₫"]
    assert column(of_nobody, "Payment") == ["nobody's"] * 3
    assert "There are none of these." in full.page("inbox?outcome=duplicate").text


def test_what_is_nobodys(full):
    assert full.page("unmatched").table == [
        {
            "Arrived": "2 min ago 2026-03-05 10:14:39",
            "Account": "vietqr ••••4567",
            "Memo": memo,
            "Payment codes": "none",
            "Transfer": f"{number} FT{number}",
            "Amount": amount,
        }
        for memo, number, amount in (
            ("cam on shop", 2, "35.000 ₫"),
            (
                "MBVCB.••••4567.thanh toan don hang CT tu ••••4567 NGUYEN VAN A",
                3,
                "120.000 ₫",
            ),
        )
    ]
    assert full.page("orphans").table == [
        {
            "Happened": "4 d ago 2026-03-01 09:10:00",
            "By": "webhook",
            "Account": "vnpay",
            "Reference": "NOT-OURS",
            "Provider's id": "14429999",
            "Said": "succeeded",
            "Amount": "50.000 ₫",
        }
    ]


def test_dead_letters(full):
    assert full.page("dead").table == [
        {
            "Created": "23 min ago 2026-03-05 09:53:04",
            "Payment": "pay_0006",
            "No.": "1",
            "Tells": "succeeded",
            "Failed": "2",
            "Dead since": "20 min ago 2026-03-05 09:56:06",
            "Last error": "ValueError: the warehouse does not know SO-1041",
        }
    ]


def test_reconcile(full):
    given_up, due = full.page("reconcile").table[:2], full.page("reconcile").table[2:]
    assert [list(row.values()) for row in given_up] == [
        [
            "45 min ago 2026-03-05 09:31:00",
            "pay_0003",
            "payment",
            "cards",
            "requires action",
            "150.000 ₫",
            "1",
            "NoAnswer: the provider does not answer",
        ],
        [
            "45 min ago 2026-03-05 09:31:00",
            "pay_0001",
            "refund C-1-R1",
            "cards",
            "reserved",
            "50.000 ₫",
            "2",
            "NoAnswer: the provider does not answer",
        ],
    ]
    assert [(row["When"], row["Payment"], row["What"]) for row in due] == [
        ("2 min ago 2026-03-05 10:14:09 due", "pay_0009", "payment"),
        ("in 9 min 2026-03-05 10:26:31", "pay_0013", "payment"),
    ]


def test_a_hundred_of_what_was_given_up(site):
    site.shop.create(shop.request(), provider="vnpay")
    story.copy(site, 119)
    left = {"given_up_at": START, "check_at": None, "check_note": "silence"}
    change(site.database, update(payments).values(**left))
    page = site.page("reconcile")
    assert column(page, "Why") == ["silence"] * 100
    assert "The oldest 100 of 120 are shown." in page.text


@pytest.mark.parametrize(
    "path", ["?status=nonsense", "inbox?outcome=nonsense", "?after=nonsense", "inbox?after=[]"]
)
def test_an_address_that_cannot_be_read(full, path):
    answered = full.ask(path)
    assert (answered.status_code, "This address cannot be read" in answered.text) == (400, True)


@pytest.mark.parametrize("path", ["nope", "payments", "payment/", "inbox/", "../x", "static/x"])
def test_there_is_nothing_else(full, path):
    answered = full.ask(path)
    assert (answered.status_code, "There is no such page" in answered.text) == (404, True)
