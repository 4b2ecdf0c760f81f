"""The tables of the page about cards are those of the code."""

from paykit.declines import ADVICE

from .support.markdown import DOCS, code, table

CARDS = DOCS / "cards.md"


def test_what_the_payer_may_try():
    words = {"yes": True, "no": False}
    rows = table(CARDS, "reason", "this card again", "another card", "tell the payer why")
    assert {code(name)[0]: [words[cell] for cell in cells] for name, *cells in rows} == {
        reason: [found.this_card, found.another_card, found.tell_payer]
        for reason, found in ADVICE.items()
    }
