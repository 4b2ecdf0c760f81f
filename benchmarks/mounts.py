"""A signed notice by each mount, against an app that does the same work by hand.

One server process on one processor, the load on the other. Nothing is stored.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from itertools import cycle

from .measure import Row, compare
from .mounts_app import APPS
from .notices import signed
from .serving import Server, server

CONNECTIONS = 32
BARE = "bare ASGI"
_LIMITS: Mapping[str, float | None] = {"PaykitApp": 1.3, "Starlette": 1.3, "FastAPI": 1.3}
_NOTICES = 1000


def measure(name: str, notices: Iterable[bytes], cpu: int | None, *, seconds: float) -> float:
    """Seconds of the server's processor time per notice."""

    def load(running: Server, seconds: float) -> float:
        return running.load(cycle(notices), status=204, connections=CONNECTIONS, seconds=seconds)

    with server("mounts_app", cpu, name) as running:
        load(running, seconds / 4)
        return load(running, seconds)


def rows(*, cpu: int | None, rounds: int, seconds: float) -> list[Row]:
    notices = [signed(number) for number in range(1, _NOTICES + 1)]
    times: dict[str, list[float]] = {f"mount: {name}": [] for name in APPS}
    for _ in range(rounds):
        for name in random.sample(list(APPS), len(APPS)):
            times[f"mount: {name}"].append(measure(name, notices, cpu, seconds=seconds))
    return [
        compare(times, f"mount: {name}", f"mount: {BARE}", limit=_LIMITS[name])
        for name in APPS
        if name != BARE
    ]
