"""What may happen to one payment, written down before it happens, so that it can be repeated."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

import attrs


@attrs.frozen
class Crash:
    """Where an operation ends for ever.

    ``effect`` counts its transactions and calls. ``before`` one or ``after`` one, ``inside`` a
    transaction at a statement; or the call is ``unsent``, or its answer is ``lost``, and the
    operation itself lives on.
    """

    effect: int
    where: str
    statement: int = 1


@attrs.frozen
class Step:
    """One thing that happens. An operation with a ``pause`` lets others in after so many effects."""

    name: str
    values: tuple = ()
    crash: Crash | None = None
    pause: int | None = None

    def __str__(self) -> str:
        said = " ".join([self.name, *map(str, self.values)])
        if self.pause is not None:
            said += f", stopped after {self.pause}"
        if self.crash is not None:
            where = self.crash.where
            where += f" statement {self.crash.statement} of" if where == "inside" else ""
            said += f", dies {where} effect {self.crash.effect}"
        return said


#: Name, and what each value is one of. What is there several times is as much more likely.
AMOUNTS = [None, None, 50_000, 50_000, 60_000, 100_000, 150_000]
PARTS = [None, None, 50_000, 90_000, 150_000]
KEYS = ["", "", "a", "b"]
PLACES = list(range(8))

NEWS = [
    *[("hear", PLACES)] * 8,
    *[("again", PLACES)] * 4,
    ("retell",),
    *[("go_on", PLACES)] * 3,
]
ASKING = [("poll",), ("come_back",)]
REFUNDS = [
    *[("refund", AMOUNTS, KEYS)] * 5,
    *[("desk", [50_000, 100_000, 150_000])] * 2,
    *[("settle", ["done", "done", "failed"])] * 2,
]
PAYER = [("pay",), ("pay",), ("end", ["failed", "canceled", "expired"])]
CAPTURES = [
    *[("capture", PARTS, KEYS, [True, False])] * 5,
    *[("void",)] * 2,
    ("end", ["expired"]),
    *[("settle", ["done", "done", "failed"])] * 2,
]

#: The tables of each kind of payment, one after the other, with how many steps each has.
TABLES = {
    "page": [(PAYER + ASKING + NEWS, 1, 3), (REFUNDS + PAYER[:1] + ASKING + NEWS, 3, 7)],
    "hold": [
        (PAYER + ASKING + NEWS, 1, 3),
        (CAPTURES + ASKING + NEWS, 2, 5),
        (REFUNDS + ASKING + NEWS, 1, 4),
    ],
    "vnpay": [([*PAYER, ("come_back",), *NEWS], 3, 7)],
    "transfer": [
        ([*[("transfer", [50_000, 100_000, 150_000])] * 4, *NEWS, ("list", PLACES)], 2, 7)
    ],
}
OPERATIONS = frozenset(
    {"create", "hear", "again", "poll", "come_back", "capture", "void", "refund", "list"}
)
_WHERE = ["before", "inside", "inside", "inside", "after", "after", "unsent", "lost"]


def draw(chance: random.Random, kind: str, *, create: bool) -> tuple[Step, ...]:
    """A schedule for one payment; ``create``: it begins with the shop's asking for it."""
    steps = [_step(chance, "create", ())] if create else []
    if kind != "transfer":
        steps.append(Step("pay")) if chance.random() < 0.7 else None
    for table, least, most in TABLES[kind]:
        for _ in range(chance.randint(least, most)):
            name, *choices = chance.choice(table)
            steps.append(_step(chance, name, tuple(map(chance.choice, choices))))
    return tuple(steps)


def _step(chance: random.Random, name: str, values: tuple) -> Step:
    if name not in OPERATIONS:
        return Step(name, values)
    crash = pause = None
    if chance.random() < 0.3:
        crash = Crash(chance.randint(0, 2), chance.choice(_WHERE), chance.randint(1, 9))
    if chance.random() < 0.25:
        pause = chance.randint(1, 3)
    return Step(name, values, crash, pause)


def report(text: str) -> None:
    """Say how much was tried: pytest shows it with ``-s``, and when the test fails."""
    sys.stdout.write(f"\n{text}\n")


def table_of(steps: Sequence[Step]) -> str:
    """The steps as lines."""
    return "\n".join(f"  {number:2} {step}" for number, step in enumerate(steps, 1))
