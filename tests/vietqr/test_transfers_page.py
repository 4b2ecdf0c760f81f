"""The page about transfers says what the code says."""

from paykit import Discrepancy
from paykit.vietqr.codes import ALPHABET, LONGEST, PaymentCodes
from paykit.vietqr.matching import MEANING

from ..support.markdown import DOCS, code, section, table

PAGE = DOCS / "transfers.md"
CODES = PaymentCodes()


def test_outcomes():
    rows = table(PAGE, "outcome", "status", "discrepancy", "when")
    assert [[code(outcome), code(status), code(what)] for outcome, status, what, _ in rows] == [
        [[outcome], [status], [discrepancy] if discrepancy else []]
        for outcome, (status, discrepancy) in MEANING.items()
    ]


def test_whatever_needs_a_person_is_listed():
    rows = table(PAGE, "discrepancy", "what to do")
    assert {code(name)[0] for name, _ in rows} == {
        Discrepancy.CURRENCY,
        *(discrepancy for _, discrepancy in MEANING.values() if discrepancy),
    }


def test_distances():
    """That they hold is shown in test_codes."""
    rows = table(PAGE, "numbers below", "differ in")
    assert rows == [
        [f"{29**digits:,}", f"{CODES.length + 1 - digits} of {CODES.length} characters"]
        for digits in range(1, CODES.length)
    ]
    assert 29 ** (CODES.length - 1) == CODES.capacity


def test_the_form():
    text = " ".join(section(PAGE, "Codes").split())
    assert f"`{ALPHABET}`" in text
    assert f"at most {LONGEST} characters" in text


def test_the_chance_of_a_code_by_chance():
    text = " ".join(section(PAGE, "Finding a code").split())
    assert len(ALPHABET) == 29
    assert "passes for a code once in 29 times" in text
    assert len(ALPHABET) ** CODES.length // 10_000 // 10**6 == 50
    assert "once in 50 million times" in text
