"""Fair ratios on an unfair machine: contenders take turns in random order, round by round.

Absolute times drift with the clock rate and with the neighbours. A ratio of two times taken in the
same round drifts much less, so a row is the median of the rounds' ratios.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

Sample = Callable[[], float]  # runs a contender for a while, returns seconds per operation


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: ``seconds`` for one operation, ``ratio`` to the floor or the goal."""

    name: str
    floor: str
    seconds: float | None
    ratio: float
    limit: float | None = None

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "ok" if self.ratio <= self.limit else "over"


@contextmanager
def no_garbage_collection():
    """A collection in the middle of a sample would be charged to whoever happens to run."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def repeat(operation: Callable[[], object], *, seconds: float) -> Sample:
    """A sample that repeats ``operation`` for about ``seconds``."""
    count, spent = 1, 0.0
    while spent < seconds / 4:
        count *= 2
        spent = _time(operation, count)
    count = max(1, int(count * seconds / spent))
    return lambda: _time(operation, count) / count


def _time(operation: Callable[[], object], count: int) -> float:
    turns = range(count)
    start = time.perf_counter()
    for _ in turns:
        operation()
    return time.perf_counter() - start


def interleave(contenders: Mapping[str, Sample], *, rounds: int) -> dict[str, list[float]]:
    """Seconds per operation of each contender, one figure a round, after one round unmeasured."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name in random.sample(list(contenders), len(contenders)):
            with no_garbage_collection():
                taken = contenders[name]()
            if number:
                times[name].append(taken)
    return times


async def interleave_async(
    contenders: Mapping[str, Callable[[], Awaitable[float]]], *, rounds: int
) -> dict[str, list[float]]:
    """As :func:`interleave`, in a running event loop."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name in random.sample(list(contenders), len(contenders)):
            with no_garbage_collection():
                taken = await contenders[name]()
            if number:
                times[name].append(taken)
    return times


def compare(
    times: Mapping[str, list[float]], name: str, floor: str, *, limit: float | None = None
) -> Row:
    """The row for contender ``name`` over contender ``floor``."""
    pairs = zip(times[name], times[floor], strict=True)
    return Row(
        name=name,
        floor=floor,
        seconds=median(times[name]),
        ratio=median(taken / least for taken, least in pairs),
        limit=limit,
    )


def compare_to(name: str, goal: str, shares: list[float]) -> Row:
    """The row for a figure that has a goal instead of a floor; ``shares`` are parts of the goal."""
    return Row(name=name, floor=goal, seconds=None, ratio=median(shares), limit=1.0)
