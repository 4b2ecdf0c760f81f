"""One wave of payments: made from a seed, lived through, judged; and what fails made short."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs

from . import verdict
from .crowd import Crowd
from .life import Life
from .shops import KINDS, Shop
from .steps import Step, draw, table_of
from .verdict import Found

#: What stays in the database between two waves: the table that says which tables there are.
KEPT = ("paykit_schema",)
#: How often each provider is chosen.
_PROVIDERS = ["deaf", "cashier", "page", "page", "forgetful", "vnpay", "vietqr"]


@attrs.frozen
class Plan:
    """One payment before it begins."""

    number: int
    provider: str
    kind: str
    order: str
    steps: tuple[Step, ...]


def plans(seed: int, count: int) -> list[Plan]:
    """So many payments; some of them are two of one order."""
    chance = random.Random(seed)
    made = []
    for place in range(count):
        provider = chance.choice(_PROVIDERS)
        kind = chance.choice(KINDS[provider])
        steps = draw(chance, kind, create=chance.random() < 0.15)
        number = seed * count + place
        order = f"order-{seed}-{place // 2 if place % 10 < 4 else place}"
        made.append(Plan(number, provider, kind, order, steps))
    return made


@attrs.define
class Outcome:
    """What became of a wave."""

    failures: dict[Plan, str] = attrs.field(factory=dict)
    found: dict[str, Found] = attrs.field(factory=dict)
    told: Counter = attrs.field(factory=Counter)


def live(
    database: str, wanted: Sequence[Plan], *, skews: Sequence[timedelta] = (timedelta(0),)
) -> Outcome:
    """Let these payments live side by side, and judge them."""
    shop, outcome = Shop(database, skews=skews), Outcome()
    try:
        by_life = {
            shop.open(one.provider, one.number, one.kind, one.order, one.steps): one
            for one in wanted
        }
        lives = list(by_life)
        crowd = Crowd(shop, lives)
        shop.bear(lives)
        crowd.run(Life.live, sweep_every=4)
        crowd.lapse()
        crowd.run(Life.go_home)
        shop.settle_all()
        crowd.run(Life.hear_all)
        _sweep(crowd)
        _judge(crowd, by_life, outcome)
        outcome.told.update(
            lives=len(lives),
            steps=sum(len(life.steps) for life in lives),
            calls=sum(sum(life.done.values()) for life in lives),
            transactions=crowd.transactions,
            deaths=crowd.dooms.deaths + sum(life.deaths for life in lives),
            events=sum(life.record[3] for life in lives if life.record),
        )
    finally:
        shop.close()
    return outcome


def _sweep(crowd: Crowd) -> None:
    """Two sweeps over what is left, half an hour apart."""
    for _ in range(2):
        crowd.lapse()
        crowd.shop.clock.pass_(minutes=30)
        for worker in crowd.shop.workers:
            worker.service.reconcile(limit=10_000)


def _judge(crowd: Crowd, by_life: dict[Life, Plan], outcome: Outcome) -> None:
    found = outcome.found = verdict.read(crowd.shop, crowd.lives)
    verdict.check_ids(crowd.shop)
    wrong = verdict.check_orders(crowd.lives, found)
    for life in crowd.lives:
        error: object = crowd.failures.get(life.reference) or wrong.get(life)
        if error is None:
            try:
                verdict.check(life, found.get(life.reference))
            except AssertionError as raised:
                error = raised
        if error is not None:
            plan = by_life[life]
            outcome.failures[plan] = f"{type(error).__name__}: {error}\n" + "\n".join(life.journal)


def shorten(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The same payment with as few of its steps as still fail, by itself."""
    if not fails(plan):
        return plan
    place = 0
    while place < len(plan.steps):
        shorter = attrs.evolve(plan, steps=plan.steps[:place] + plan.steps[place + 1 :])
        if shorter.steps and fails(shorter):
            plan = shorter
        else:
            place += 1
    return plan


def explain(plan: Plan, why: str) -> str:
    """A schedule that failed, for people."""
    head = f"payment {plan.number} of {plan.order} at {plan.provider} ({plan.kind})"
    return f"{head}:\n{table_of(plan.steps)}\nwhat happened:\n{why}"
