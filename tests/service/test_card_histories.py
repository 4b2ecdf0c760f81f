"""Whatever happens to card payments in whatever order, our record ends as the gateway's books.

``PAYKIT_LONG=1000`` lives through as many histories for each gateway.
"""

from __future__ import annotations

import os
import random
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paykit.models import CaptureMode
from paykit.sandbox.cards.numbers import COMMON_CARDS

from .histories.books import check
from .histories.gateways import AdyenGateway, CheckoutComGateway, Habits, StripeGateway
from .histories.story import Story
from .shop import Clock

LONG = int(os.environ.get("PAYKIT_LONG", "0"))
GATEWAYS = {one.name: one for one in (StripeGateway, AdyenGateway, CheckoutComGateway)}
NUMBERS = {card.says: card.number for card in COMMON_CARDS}
GOOD = NUMBERS["Succeeds"]
REFUSED = NUMBERS["Declined: insufficient funds"]
ASKING = NUMBERS["3-D Secure each time"]
TAKEN_BACK = NUMBERS["Succeeds, then the capture is taken back"]
LATER = [number for says, number in NUMBERS.items() if says.startswith("Succeeds, ")]

# What each step may be given; what is there several times is as much more likely.
MODES = [CaptureMode.MANUAL] * 3 + [CaptureMode.AUTOMATIC]
CARDS = [
    *[GOOD] * 4,
    *LATER,
    *[None] * 2,  # the gateway's page
    *[ASKING] * 2,
    REFUSED,
    NUMBERS["3-D Secure that always fails"],
    NUMBERS["3-D Secure, then declined: insufficient funds"],
]
FAULTS = [*[""] * 8, "unsent", "lost", "lost", "before", "after", "news before", "news after"]
AMOUNTS = [None, None, None, 1, 50_000, 50_000, 100_000, 150_000]
ANSWERS = ["approve", "approve", "approve", "refuse", "abandon"]
TYPED = [GOOD, GOOD, REFUSED, ASKING]
PLACES = list(range(10))
KEYS = ["", "", "k"]
NUMBERS_OF_REFUNDS = [1, 2, 3]
FINAL = [True, True, False]

NEWS = [
    *[("hear", PLACES)] * 3,
    *[("everything",)] * 2,
    ("hear_again", PLACES),
    ("drop", PLACES),
    ("forge", PLACES),
    ("refresh",),
    ("sweep",),
    ("wait", [60, 360, 1200]),
]
PAYING = [
    *[("go_through", [GOOD])] * 6,
    *[("pay", TYPED, ANSWERS)] * 4,
    *[("come_back",)] * 2,
    *[("again",)] * 2,
    ("lie",),
    ("create", MODES, CARDS, FAULTS),
    *NEWS,
]
TAKING = [
    *[("capture", AMOUNTS, FINAL, KEYS, FAULTS)] * 16,
    *[("void", FAULTS)] * 3,
    ("fail", ["capture"]),
    *[("desk", ["expire", "settle", "refuse"])] * 2,
    *NEWS,
]
GIVING = [
    *[("refund", AMOUNTS, NUMBERS_OF_REFUNDS, FAULTS)] * 12,
    *[("capture", AMOUNTS, FINAL, KEYS, FAULTS)] * 2,
    ("void", FAULTS),
    ("fail", ["refund", "capture"]),
    *[("desk", ["dispute", "win", "lose", "settle", "refuse", "undo"])] * 4,
    *NEWS,
]
#: The parts of a history, with how many steps each has.
PARTS = [(PAYING, 1, 5), (TAKING, 1, 6), (GIVING, 1, 8)]
ORDERS = ["in order", "backwards", "mixed"]
WHO = [0, 0, 0, 1]

HABITS = st.builds(
    Habits,
    automatic=st.sampled_from([False, False, True]),
    several=st.booleans(),
    slow=st.booleans(),
    odd=st.booleans(),
    batch=st.sampled_from([1, 3]),
)


def drawn(table, least, most):
    """Steps of a table, for Hypothesis to draw and to make simpler."""
    rows = [
        st.tuples(st.just(name), st.sampled_from(WHO), *map(st.sampled_from, choices))
        for name, *choices in table
    ]
    return st.lists(st.one_of(rows), min_size=least, max_size=most)


def chosen(chance, table, least, most):
    """Steps of a table, each as likely as the next."""
    found = []
    for _ in range(chance.randint(least, most)):
        name, *choices = chance.choice(table)
        found.append((name, chance.choice(WHO), *map(chance.choice, choices)))
    return found


def live(name, folder, habits, steps, order, redeliver):
    """Go through a history and look at the books."""
    database = folder / "payments.db"
    story = Story(GATEWAYS[name](habits, Clock()), f"sqlite:///{database}")
    try:
        for step in steps:
            story.step(*_at(name, step))
        story.settle(order, redeliver)
        check(story)
    finally:
        story.close()
        for path in folder.iterdir():
            path.unlink()


def _at(name, step):
    """At Stripe no capture is taken back, so there is no such card."""
    return tuple(GOOD if name == "stripe" and one == TAKEN_BACK else one for one in step)


@pytest.mark.untraced
@pytest.mark.parametrize("name", GATEWAYS)
def test_our_record_is_what_the_books_say(name, tmp_path):
    @given(
        habits=HABITS,
        first=st.tuples(
            st.just("create"), st.just(0), *map(st.sampled_from, (MODES, CARDS, FAULTS))
        ),
        parts=st.tuples(*(drawn(*part) for part in PARTS)),
        order=st.sampled_from(ORDERS),
        redeliver=st.booleans(),
    )
    @settings(
        max_examples=LONG or 40,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def lives(habits, first, parts, order, redeliver):
        live(name, tmp_path, habits, [first, *chain(*parts)], order, redeliver)

    lives()


@pytest.mark.untraced
@pytest.mark.parametrize("name", GATEWAYS)
def test_whatever_chance_brings(name, tmp_path):
    """Hypothesis likes short and simple histories; these are as long as they may be."""
    for seed in range(LONG or 60):
        chance = random.Random(seed)
        habits = Habits(
            automatic=chance.random() < 0.3,
            several=chance.random() < 0.5,
            slow=chance.random() < 0.5,
            odd=chance.random() < 0.5,
            batch=chance.choice([1, 3]),
        )
        steps = [("create", 0, *map(chance.choice, (MODES, CARDS, FAULTS)))]
        for part in PARTS:
            steps += chosen(chance, *part)
        order, redeliver = chance.choice(ORDERS), chance.random() < 0.5
        try:
            live(name, tmp_path, habits, steps, order, redeliver)
        except BaseException as error:
            error.add_note(f"seed {seed}: {habits}, {steps}, {order!r}, {redeliver}")
            raise
