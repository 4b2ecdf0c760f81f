"""The ids that the service makes."""

import re
import time

from paykit.service.identifiers import ordered_id


def test_ids_are_in_the_order_of_their_making():
    made = []
    for _ in range(5):
        made.append(ordered_id())
        time.sleep(0.002)
    assert made == sorted(made)


def test_ids_of_one_moment_differ_and_fit_everywhere():
    made = {ordered_id() for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(re.fullmatch("[0-9a-v]{32}", one) for one in made)
    # What comes behind the time is random, down to the last digit.
    assert len({one[10:] for one in made}) == 10_000
    assert {one[-1] for one in made} == set("0123456789abcdefghijklmnopqrstuv")
