"""Ten thousand schedules on each database: whatever happens in whatever order, each change is one event.

Each schedule is one payment: notices, repeats of them in any order, polls, returns, commands and
their answers, and crashes at each step. After each commit our record is compared with what the shop
was told, as :mod:`.schedules.knowledge` adds it up; and when all is quiet with the provider's own
book. ``PAYKIT_LONG=3`` runs three times as many, from seeds that were not tried before.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter

import pytest

from paykit.service import upgrade_database

from ...support.databases import empty, fresh_database
from .schedules.steps import report
from .schedules.wave import KEPT, Plan, explain, live, plans, shorten

LONG = int(os.environ.get("PAYKIT_LONG", "0"))
#: The databases, and how many payments at once for how many times.
SIZES = {
    "sqlite": (1_000, 10),
    "postgres-psycopg": (1_000, 10),
    "postgres-asyncpg": (500, 2),
    "mariadb": (1_000, 10),
}


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="paykit.service")


@pytest.mark.parametrize("kind", SIZES)
def test_each_change_is_one_event_and_the_end_is_the_truth(kind, tmp_path):
    many, times = SIZES[kind]
    first = int(time.time()) % 100_000 if LONG else 1
    report(f"{kind}: from seed {first}")
    told: Counter = Counter()
    with fresh_database(kind, folder=tmp_path) as database:
        if kind != "sqlite":
            upgrade_database(database)
        for seed in range(first, first + times * (LONG or 1)):
            outcome = live(database, plans(seed, many))
            empty(database, keep=KEPT)
            told += outcome.told
            if outcome.failures:
                plan, why = next(iter(outcome.failures.items()))
                text = explain(*_shortest(plan, why, database))
                pytest.fail(f"{len(outcome.failures)} fail with seed {seed}; one is\n{text}")
    report(", ".join(f"{count:,} {name}" for name, count in told.items()))
    assert told["lives"] == many * times * (LONG or 1)
    assert told["deaths"] > told["lives"] / 10
    assert told["events"] > told["lives"] / 2


def _shortest(plan: Plan, why: str, database: str) -> tuple[Plan, str]:
    """The payment alone with the fewest steps that still fail, if it fails alone."""

    def fails(one: Plan) -> str:
        failures = live(database, [one]).failures
        empty(database, keep=KEPT)
        return next(iter(failures.values()), "")

    short = shorten(plan, lambda one: bool(fails(one)))
    return (short, fails(short) or why)
