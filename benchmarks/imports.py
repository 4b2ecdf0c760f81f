"""What the first import costs, each time in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from .measure import Row, compare, interleave

FLOOR = "import json, hmac, hashlib, attrs"

_TIMED = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def fresh(statement: str) -> Callable[[], float]:
    command = [sys.executable, "-c", _TIMED.format(statement=statement)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def sample() -> float:
        done = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout)

    return sample


def rows(*, rounds: int) -> list[Row]:
    statements = (
        FLOOR,
        "import paykit",
        "from paykit import MoMo, MoMoConfig",
        "from paykit import Client",
    )
    times = interleave({text: fresh(text) for text in statements}, rounds=rounds)
    limits = {"import paykit": 1.15}
    return [compare(times, text, FLOOR, limit=limits.get(text)) for text in statements[1:]]
