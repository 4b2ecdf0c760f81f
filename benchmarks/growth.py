"""Intake and the relay's claim with more and more payments in the table, against few.

Every payment of the past has its fact in the inbox and its published event in the outbox. That is
more than a shop keeps that purges them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from . import stores
from .filling import fill
from .intake import load
from .load import Load
from .measure import Row, compare
from .notices import notices

FEW = 10_000


def title(database: str, size: int) -> str:
    return f"intake: {database}, {size:,} payments"


def rows(
    *, cpu: int | None, rounds: int, seconds: float, most: int, sizes: Sequence[int]
) -> list[Row]:
    """``most`` is how many notices there are for each run; ``sizes`` how many payments there are."""
    told = [notices(range(1 + turn * most, 1 + (turn + 1) * most)) for turn in range(rounds)]
    kinds = {"SQLite": stores.sqlite}
    if stores.answers(stores.POSTGRES):
        kinds["PostgreSQL"] = stores.postgres
    with ExitStack() as stack:
        urls = {
            title(name, size): stack.enter_context(
                make(partial(fill, unpaid=rounds * most, paid=size))
            ).url
            for name, make in kinds.items()
            for size in (FEW, *sizes)
        }
        loads: dict[str, list[Load]] = {name: [] for name in urls}
        for mine in told:
            for name in random.sample(list(urls), len(urls)):
                loads[name].append(load(urls[name], mine, cpu=cpu, seconds=seconds))
    each = {name: [one.each for one in taken] for name, taken in loads.items()}
    slowest = {f"{name}, p99": [one.within(0.99) for one in taken] for name, taken in loads.items()}
    return [
        compare(times, f"{title(kind, size)}{end}", f"{title(kind, FEW)}{end}")
        for times, end in ((each, ""), (slowest, ", p99"))
        for kind in kinds
        for size in sizes
    ]
