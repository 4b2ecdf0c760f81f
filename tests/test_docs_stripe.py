"""The tables of Stripe's page say what the code says."""

import re

import pytest

from paykit import Stripe
from paykit.providers.stripe import VERSION, amounts, codes, config
from paykit.providers.stripe.requests import CANCEL_URL, RESERVED

from .support.markdown import DOCS, blocks, code, section, table
from .support.stripe import DECLINED, NEEDS_3DS

PAGE = DOCS / "providers" / "stripe.md"


def words(*columns):
    return {code(row[0])[0]: code(row[1])[0] for row in table(PAGE, *columns)}


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        (("payment or set-up", "status", "Stripe says"), codes.INTENT_STATUSES),
        (("`payment_status` of a complete page", "status", "Stripe says"), codes.PAGE_STATUSES),
        (("charge", "status", "Stripe says"), codes.CHARGE_STATUSES),
        (("refund", "the refund is", "what its event does"), codes.REFUND_STATUSES),
        (("dispute", "reason of the event"), codes.DISPUTE_REASONS),
        (("event type", "what it is about"), codes.EVENTS),
        (("code", "reason"), codes.DECLINES),
        (("code of another refusal", "reason"), codes.REFUSED_FOR_GOOD),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_words(columns, known):
    assert words(*columns) == {name: str(value) for name, value in known.items()}


def test_conflicts_and_expiries():
    text = section(PAGE, "Errors").partition("After these")[2].partition("A refund after")
    assert set(code(text[0])) == codes.CONFLICTS
    assert set(code(text[2].partition("is looked")[0])) == codes.NOTHING_LEFT
    (line,) = re.findall(r"`canceled` with the reason (.*) is `expired`", PAGE.read_text())
    assert set(code(line)) == codes.EXPIRIES


def test_errors():
    rows = {row[0]: row[1] for row in table(PAGE, "answer", "raises")}
    for name, kind in codes.REFUSALS.items():
        (shown,) = (raised for answer, raised in rows.items() if name in code(answer))
        assert code(shown) == [kind.__name__]


def test_currencies():
    rows = {row[0]: set(code(row[1])) for row in table(PAGE, "how Stripe counts", "currencies")}
    assert rows["without decimals"] == amounts.ZERO_DECIMAL
    assert rows["with two decimals that are zero"] == amounts.WHOLE_UNITS
    assert rows["with three decimals, the last zero"] == amounts.THREE_DECIMAL
    assert set().union(*rows.values()) == amounts.CURRENCIES == Stripe.info.currencies
    assert sum(map(len, rows.values())) == len(amounts.CURRENCIES)


def test_what_extra_must_not_bring():
    text = section(PAGE, "Operations").partition("These names are refused:")[2].partition(".\n")
    assert set(code(text[0])) == RESERVED
    assert code(text[2])[0] == CANCEL_URL


def test_numbers():
    text = " ".join(PAGE.read_text().split())
    assert f"the API version `{VERSION}`" in text
    assert config.WEBHOOK_TOLERANCE.total_seconds() == 300
    assert "`PT5M` by default, a day at most" in text
    assert config._LONGEST_TOLERANCE.days == 1
    assert "at most five minutes away" in text
    assert Stripe.info.reference.endswith("{1,200}")
    assert "up to 200 visible ASCII characters" in text


def test_tokens_for_tests():
    rows = table(PAGE, "token", "what becomes of it")
    assert {code(row[0])[0] for row in rows} == {"pm_card_visa", *DECLINED, NEEDS_3DS}


def test_the_page_for_the_browser_holds_no_secret_key():
    (snippet,) = (block.code for block in blocks(PAGE) if block.language == "html")
    assert "https://js.stripe.com/v3/" in snippet
    assert "pk_test_" in snippet
    assert "sk_" not in snippet
