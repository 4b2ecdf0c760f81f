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
        REFUSED,
        ASKING,
        NUMBERS["3-D Secure that always fails"],
        NUMBERS["3-D Secure, then declined: insufficient funds"],
        "later",
        None,
    ]
)
FAULTS = st.sampled_from(
    ["", "", "", "unsent", "lost", "before", "after", "news before", "news after"]
)
AMOUNTS = st.sampled_from([None, None, 1, 50_000, 100_000, 150_000])
WHO = st.integers(0, 1)
PLACE = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("create"), WHO, MODES, CARDS, FAULTS),
    st.tuples(st.just("again"), WHO),
    st.tuples(
        st.just("capture"), WHO, AMOUNTS, st.booleans(), st.sampled_from(["", "", "k"]), FAULTS
    ),
    st.tuples(st.just("capture"), WHO, AMOUNTS, st.booleans(), st.just(""), FAULTS),
    st.tuples(st.just("void"), WHO, FAULTS),
    st.tuples(st.just("refund"), WHO, AMOUNTS, st.integers(1, 2), FAULTS),
    st.tuples(st.just("refund"), WHO, AMOUNTS, st.integers(1, 2), FAULTS),
    st.tuples(st.just("refresh"), WHO),
    st.tuples(
        st.just("pay"),
        WHO,
        st.sampled_from([GOOD, GOOD, REFUSED, ASKING]),
        st.sampled_from(["approve", "approve", "refuse", "abandon"]),
    ),
    st.tuples(st.just("come_back"), WHO),
    st.tuples(st.just("lie"), WHO),
    st.tuples(
        st.just("desk"),
        WHO,
        st.sampled_from(["expire", "dispute", "win", "lose", "settle", "refuse", "undo"]),
    ),
    st.tuples(st.just("fail"), WHO, st.sampled_from(["capture", "refund"])),
    st.tuples(st.just("wait"), WHO, st.sampled_from([60, 1200])),
    st.tuples(st.just("hear"), WHO, PLACE),
    st.tuples(st.just("hear"), WHO, PLACE),
    st.tuples(st.just("everything"), WHO),
    st.tuples(st.just("hear_again"), WHO, PLACE),
    st.tuples(st.just("drop"), WHO, PLACE),
    st.tuples(st.just("forge"), WHO, PLACE),
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
        place=st.integers(0, 2),
        steps=st.lists(STEPS, min_size=4, max_size=14),
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
    def live(habits, first, place, steps, order, redeliver):
        database = tmp_path / f"{next(numbers)}.db"
        story = Story(GATEWAYS[name](habits, Clock()), f"sqlite:///{database}")
        try:
            for what, who, *values in [("create", 0, *first), *steps]:
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
