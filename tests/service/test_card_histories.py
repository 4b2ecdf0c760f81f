"""Whatever happens to card payments in whatever order, our record ends as the gateway's books."""

from __future__ import annotations

import os
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from paykit.models import CaptureMode
from paykit.sandbox.cards.numbers import COMMON_CARDS

from .histories.books import check
from .histories.gateways import AdyenGateway, CheckoutComGateway, Habits, StripeGateway
from .histories.story import Story
from .shop import Clock

PHASES = [Phase.generate] if os.environ.get("PAYKIT_RAW") else list(Phase)
LONG = int(os.environ.get("PAYKIT_LONG", "0"))
GATEWAYS = {one.name: one for one in (StripeGateway, AdyenGateway, CheckoutComGateway)}
NUMBERS = {card.says: card.number for card in COMMON_CARDS}
GOOD = NUMBERS["Succeeds"]
REFUSED = NUMBERS["Declined: insufficient funds"]
ASKING = NUMBERS["3-D Secure each time"]
LATER = [NUMBERS[name] for name in NUMBERS if name.startswith("Succeeds, ")]

MODES = st.sampled_from([CaptureMode.MANUAL] * 3 + [CaptureMode.AUTOMATIC])
CARDS = st.sampled_from(
    [
        *[GOOD] * 4,
        *["later"] * 3,
        *[None] * 2,
        *[ASKING] * 2,
        REFUSED,
        NUMBERS["3-D Secure that always fails"],
        NUMBERS["3-D Secure, then declined: insufficient funds"],
    ]
)
FAULTS = st.sampled_from(
    [*[""] * 8, "unsent", "lost", "lost", "before", "after", "news before", "news after"]
)
AMOUNTS = st.sampled_from([None, None, None, 1, 50_000, 50_000, 100_000, 150_000])
ANSWERS = st.sampled_from(["approve", "approve", "approve", "refuse", "abandon"])
WHO = st.sampled_from([0, 0, 0, 1])
PLACE = st.integers(0, 9)


def steps(name, *values, times=1):
    """A step as often as it shall be drawn."""
    return [st.tuples(st.just(name), WHO, *values)] * times


def doings(*names):
    return st.sampled_from(names)


NEWS = [
    *steps("hear", PLACE, times=3),
    *steps("everything", times=2),
    *steps("hear_again", PLACE),
    *steps("drop", PLACE),
    *steps("forge", PLACE),
    *steps("refresh"),
    *steps("wait", st.sampled_from([60, 360, 1200])),
]
PAYING = st.one_of(
    *steps("go_through", st.just(GOOD), times=6),
    *steps("pay", st.sampled_from([GOOD, GOOD, REFUSED, ASKING]), ANSWERS, times=4),
    *steps("come_back", times=2),
    *steps("again", times=2),
    *steps("lie"),
    *steps("create", MODES, CARDS, FAULTS),
    *NEWS,
)
TAKING = st.one_of(
    *steps("capture", AMOUNTS, st.booleans(), doings("", "", "k"), FAULTS, times=16),
    *steps("void", FAULTS, times=3),
    *steps("fail", doings("capture")),
    *steps("desk", doings("expire", "settle", "refuse"), times=2),
    *NEWS,
)
GIVING = st.one_of(
    *steps("refund", AMOUNTS, st.integers(1, 3), FAULTS, times=12),
    *steps("capture", AMOUNTS, st.booleans(), doings("", "k"), FAULTS, times=2),
    *steps("void", FAULTS),
    *steps("fail", doings("refund", "capture")),
    *steps("desk", doings("dispute", "win", "lose", "settle", "refuse", "undo"), times=6),
    *NEWS,
)
HABITS = st.builds(
    Habits,
    automatic=st.sampled_from([False, False, True]),
    several=st.booleans(),
    slow=st.booleans(),
    odd=st.booleans(),
    batch=st.sampled_from([1, 3]),
)


def card_for(number, name, place):
    """A card with which something happens later, if that is one."""
    if number != "later":
        return number
    known = [one for one in LATER if name != "stripe" or one != NUMBERS["Succeeds, then the capture is taken back"]]
    return known[place % len(known)]


@pytest.mark.parametrize("name", GATEWAYS)
def test_our_record_is_what_the_books_say(name, tmp_path):
    numbers = count(1)

    @given(
        habits=HABITS,
        first=st.tuples(MODES, CARDS, FAULTS),
        place=st.integers(0, 2),  # of the cards with which something happens later
       
        paying=st.lists(PAYING, min_size=2, max_size=4),
        taking=st.lists(TAKING, min_size=3, max_size=6),
        giving=st.lists(GIVING, min_size=3, max_size=8),
        order=st.sampled_from(["in order", "backwards", "mixed"]),
        redeliver=st.booleans(),
    )
    @settings(
        max_examples=LONG or 60,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    def live(habits, first, place, paying, taking, giving, order, redeliver):
        database = tmp_path / f"{next(numbers)}.db"
        story = Story(GATEWAYS[name](habits, Clock()), f"sqlite:///{database}")
        try:
            for what, who, *values in [("create", 0, *first), *paying, *taking, *giving]:
                if what == "create":
                    values[1] = card_for(values[1], name, place)
                story.step(what, who, *values)
            story.settle(order, redeliver)
            check(story)
        finally:
            story.close()
            for path in tmp_path.iterdir():
                path.unlink()

    live()
