"""Texts for generated requests."""

from paykit.cards import holds_card_number, looks_like_card_id
from paykit.text import unstorable


def ordinary(texts):
    """``texts`` without card numbers and NUL, which are refused before any provider has a say.

    Hypothesis likes to draw the texts that it finds in this project's own files, so it finds some.
    """
    return texts.filter(
        lambda text: not (unstorable(text) or holds_card_number(text) or looks_like_card_id(text))
    )
