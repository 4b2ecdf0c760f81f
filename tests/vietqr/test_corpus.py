"""Thousands of memos: none is given to a wrong payment, and all that can be found are."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from paykit import Money
from paykit.events import TransferReceived
from paykit.vietqr.matching import Expected, PaymentCodes, TransferOutcome, match

from . import corpus

#: One amount for all payments, so that no wrong match is hidden by a sum that does not fit.
AMOUNT = Money(150_000, "VND")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def payments(form):
    return {code: Expected(reference=code, amount=AMOUNT) for code in corpus.live_codes(form)}


def matched(form, memo, known):
    """The reference of the payment that would be paid by itself."""
    transfer = TransferReceived(
        event_id="bank:1",
        provider="bank",
        provider_id="1",
        amount=AMOUNT,
        occurred_at=NOW,
        memo=memo.text,
        codes=form.find(memo.text),
    )
    judged = match(transfer, known)
    return judged.event.reference if judged.outcome is TransferOutcome.MATCHED else None


def report(form, memos):
    """Matches that are wrong, recoverable ones that were missed, and how many of each kind."""
    known = payments(form)
    wrong, missed, kinds = [], [], Counter()
    for memo in memos:
        reference = matched(form, memo, known)
        kinds[memo.kind] += 1
        if reference not in {None, memo.meant}:
            wrong.append((reference, memo))
        elif memo.recoverable and reference is None:
            missed.append(memo)
    recoverable = sum(memo.recoverable for memo in memos)
    found = recoverable - len(missed)
    print(  # noqa: T201 - the figures, for those who run pytest with -s
        f"{form}: {len(memos)} memos about {len(known)} open payments, {len(wrong)} wrong, "
        f"{found} of {recoverable} recoverable found ({100 * found / recoverable:.2f} %)"
    )
    return wrong, missed, kinds


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("form", "seed", "count"),
    [
        (corpus.FORM, 1, 12_000),
        (PaymentCodes("DH", 9), 2, 3_000),
        (PaymentCodes("OIL", 8), 3, 3_000),
        (PaymentCodes("SEVQR", 10), 4, 3_000),
        (PaymentCodes("FT", 13), 5, 3_000),
    ],
    ids=str,
)
def test_a_corpus(form, seed, count):
    wrong, missed, kinds = report(form, corpus.corpus(form, seed=seed, count=count))
    assert (wrong, missed) == ([], [])
    assert set(kinds) == set(ALL_KINDS)
    assert min(kinds.values()) >= count // 200


ALL_KINDS = """
plain|lower|mixed case|blanks|every blank|breaks|lookalikes|full width|marks|all at once|twice
line cut behind|line cut within|note cut
substituted|substituted twice|swapped|swapped apart|lost|added|doubled|front lost|end lost
one closed|one foreign|one damaged|one cut|two live
nothing|random|only closed|only foreign
""".strip().replace("\n", "|").split("|")  # fmt: skip


def test_the_sample_is_what_the_generator_makes():
    text = corpus.SAMPLE.read_text("utf-8")
    assert text == corpus.sample()
    assert text.count("\n") >= 2_000


def test_the_sample():
    memos = corpus.read_sample()
    wrong, missed, _ = report(corpus.FORM, memos)
    assert (wrong, missed) == ([], [])


@pytest.mark.untraced
def test_the_open_payments_are_many_and_dense():
    codes = corpus.live_codes(corpus.FORM)
    assert len(set(codes)) == 30_000
    assert not set(codes) & set(corpus.closed_codes(corpus.FORM))


@pytest.mark.untraced
def test_a_wrong_match_would_be_seen():
    """The report is worth nothing if it cannot say no."""
    code, other = corpus.live_codes(corpus.FORM)[:2]
    memos = [
        corpus.Memo("swapped labels", code, meant=other, recoverable=True),
        corpus.Memo("a code that is not there", "CUSTOMER", meant=other, recoverable=True),
        corpus.Memo("right", code, meant=code, recoverable=True),
    ]
    wrong, missed, _ = report(corpus.FORM, memos)
    assert (wrong, missed) == ([(code, memos[0])], [memos[1]])
