"""What others wrote is shown as what it is, and does nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from paykit.dashboard import words
from paykit.models import PaymentStatus
from paykit.provider import Outcome
from paykit.service import CommandState, MovementState
from paykit.service.schema import commands, outbox, payments

from ..service.cards import fact, told
from ..service.shop import START
from ..service.test_browsing import change
from ..service.test_transfers import CODE, transfer

SCRIPT = '"><script>alert(1)</script>'
STYLE = "</style><style>*{display:none}</style>"
TURNED = "order\u202e1-REDRO\u200b\u2066"
LONG = "x" * 255
CARD = "4111 1111 1111 1111"
HIDDEN = "[hidden: it may hold a card number]"


@pytest.fixture(scope="module")
def hostile(full):
    """Each free text of each table is somebody's try."""
    lost = full.ids[1]
    by_payment = payments.c.payment_id == lost
    change(
        full.database,
        update(payments)
        .where(by_payment)
        .values(
            order_id=SCRIPT, reference=TURNED, provider_id=LONG, code=STYLE[:80], reason=SCRIPT
        ),
        update(payments)
        .where(payments.c.given_up_at.is_not(None))
        .values(check_note=f"{SCRIPT} {CARD}"),
        update(payments).where(payments.c.check_at.is_not(None)).values(check_note=SCRIPT),
        update(commands).values(note=f"{STYLE}{SCRIPT}", code=SCRIPT, reference=TURNED),
        update(outbox).values(last_error=f"{SCRIPT}\x1b[31m", published_at=None),
    )
    stranger = fact("succeeded", 50_000, number=77, reference=SCRIPT, provider_id=TURNED)
    full.shop.receive(told(stranger), provider="cards")
    full.shop.record_transfers(
        [transfer(5_000, f"{SCRIPT} {TURNED}", 99), transfer(6_000, CARD, 98)], provider="vietqr"
    )
    return full


PATHS = ["", "payment?id=pay_0001", "inbox", "unmatched", "orphans", "outbox", "reconcile"]


@pytest.mark.parametrize("path", PATHS)
def test_tags_are_text(hostile, path):
    answered = hostile.ask(path)
    assert answered.status_code == 200
    page = hostile.page(path)
    assert "script" not in {tag for tag, _ in page.tags}
    assert len([tag for tag, _ in page.tags if tag == "style"]) == 1
    assert "<script>alert(1)</script>" in page.text
    assert not [given for tag, given in page.tags for name in given if name.startswith("on")]


@pytest.mark.parametrize("path", PATHS)
def test_what_turns_or_hides_text_is_shown_by_its_number(hostile, path):
    answered = hostile.ask(path).text
    assert {letter for letter in "\u202e\u200b\u2066\x1b" if letter in answered} == set()


def test_where_it_is_shown(hostile):
    page = hostile.page("payment?id=pay_0001")
    assert page.details["Order"] == SCRIPT
    assert page.details["Our reference"] == "order‹U+202E›1-REDRO‹U+200B›‹U+2066›"
    assert page.details["The provider's id"] == LONG
    assert "‹U+001B›[31m" in page.text
    (link,) = [link for link in page.links if "search=" in link]
    (row,) = hostile.page(link).table
    assert row["Payment"] == "pay_0001"


def test_no_card_number_is_shown(hostile):
    (row,) = [row for row in hostile.page("unmatched").table if row["Amount"] == "6.000 ₫"]
    assert row["Memo"] == HIDDEN
    assert hostile.page("reconcile").table[0]["Why"] == HIDDEN
    for path in PATHS:
        assert CARD not in hostile.page(path).text


@pytest.mark.parametrize(
    "query", [f"?search={SCRIPT}", f"?provider={SCRIPT}", f"?status={SCRIPT}", f"?after={SCRIPT}"]
)
def test_what_is_asked_for_is_text_too(full, query):
    answered = full.ask(query)
    assert answered.status_code in {200, 400}
    assert "<script" not in answered.text


# How each value reads.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("", ""),
        ("Trà sen – 100 %", "Trà sen – 100 %"),
        ("a\0b\nc\u2028d\ufffee", "a‹U+0000›b‹U+000A›c‹U+2028›d‹U+FFFE›e"),
        ("\ud800", "‹U+D800›"),
        ("y" * 1001, f"{'y' * 1000}… (1,001 characters)"),
        ("card 4111111111111111 was", HIDDEN),
        ("four 4111-1111-1111-1112", "four 4111-1111-1111-1112"),
    ],
)
def test_words(text, shown):
    assert words.words(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("4088878701", "4088878701"),
        ("4111111111111111", "••••1111"),
        ("psp-4111111111111111", "psp-4111111111111111"),
        ("a\u202eb", "a‹U+202E›b"),
        ("tel 4111 1111 1111 1111 x", HIDDEN),  # no id, but a text
        ("two words", "two words"),
    ],
)
def test_names(text, shown):
    assert words.name(text) == shown


@pytest.mark.parametrize(("number", "shown"), [(None, ""), ("", ""), ("0071001234567", "••••4567")])
def test_numbers_by_their_end(number, shown):
    assert words.masked(number) == shown


@pytest.mark.parametrize(
    ("memo", "shown"),
    [
        (CODE, CODE),
        (f"{CODE}.CT tu 0071001234567 toi 19036666888", f"{CODE}.CT tu ••••4567 toi ••••6888"),
        ("tel 0912345678, 1234567", "tel ••••5678, 1234567"),
        ("0071 0012 3456 7, 0912.345.678", "••••56 7, ••••.678"),
        ("150.000.000 VND 01-12-2026, 2026-12-01", "150.000.000 VND 01-12-2026, 2026-12-01"),
        ("٠١٢٣٤٥٦٧٨٩", "••••٦٧٨٩"),
    ],
)
def test_memos(memo, shown):
    assert words.memo(transfer(memo=memo)) == shown


def test_every_state_has_a_tone():
    kept = {Outcome.ACCEPTED, Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE}
    assert {*PaymentStatus, *CommandState, *MovementState, *kept} <= set(words.TONES)


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        ({}, "now"),
        ({"milliseconds": 900}, "now"),
        ({"seconds": 59}, "59 s ago"),
        ({"seconds": 60}, "1 min ago"),
        ({"minutes": 59, "seconds": 59}, "59 min ago"),
        ({"hours": 23}, "23 h ago"),
        ({"days": 400}, "400 d ago"),
        ({"seconds": -1}, "in 1 s"),
        ({"minutes": -90}, "in 1 h"),
        ({"days": -2}, "in 2 d"),
    ],
)
def test_distances(passed, shown):
    assert words.distance(START, START + timedelta(**passed)) == shown
