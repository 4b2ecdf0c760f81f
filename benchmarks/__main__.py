"""Measure, and print one table: ``python -m benchmarks [--quick] [--check] [--only PART]``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from . import (
    calls,
    cards,
    growth,
    held,
    imports,
    intake,
    mounts,
    relay,
    status,
    transfers,
    webhooks,
)
from .measure import Row

HEADINGS = ("measured", "µs", "against", "ratio", "limit", "")


def take_processors() -> int | None:
    """Stay on one processor and return another one, for the server, where that can be done."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    mine, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return None
    os.sched_setaffinity(0, {mine})
    return others[-1]


def table(rows: list[Row]) -> str:
    lines = [HEADINGS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in {1, 3, 4} else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    limit = "" if row.limit is None else f"{row.limit:.2f}"
    taken = "" if row.seconds is None else f"{row.seconds * 1e6:,.1f}"
    return row.name, taken, row.floor, f"{row.ratio:.2f}", limit, row.verdict


def parts(
    cpu: int | None, *, quick: bool, large: bool = False
) -> dict[str, Callable[[], list[Row]]]:
    """What can be measured; ``cpu`` is the processor for a server."""
    sizes = (100_000,) if quick else (1_000_000,)
    seconds = 0.005 if quick else 0.015
    return {
        "webhooks": partial(webhooks.rows, rounds=9 if quick else 41, seconds=seconds),
        "transfers": partial(transfers.rows, rounds=5 if quick else 21, seconds=seconds),
        "cards": partial(cards.rows, rounds=5 if quick else 21, seconds=seconds),
        "imports": partial(imports.rows, rounds=3 if quick else 15),
        "calls": partial(
            calls.rows,
            cpu=cpu,
            rounds=3 if quick else 15,
            seconds=0.05 if quick else 0.2,
            count=48 if quick else 192,
        ),
        "intake": partial(
            intake.rows,
            cpu=cpu,
            rounds=1 if quick else 5,
            seconds=0.2 if quick else 2,
            most=4_000 if quick else 40_000,
        ),
        "mounts": partial(
            mounts.rows, cpu=cpu, rounds=1 if quick else 5, seconds=0.2 if quick else 1
        ),
        "status": partial(
            status.rows,
            cpu=cpu,
            rounds=1 if quick else 5,
            seconds=0.5 if quick else 2,
            count=2_000 if quick else 20_000,
        ),
        "held": partial(
            held.rows, cpu=cpu, rounds=1 if quick else 5, count=200 if quick else 2_000
        ),
        "relay": partial(
            relay.rows,
            rounds=2 if quick else 9,
            batches=4 if quick else 20,
            count=50 if quick else 500,
        ),
        "growth": partial(
            growth.rows,
            cpu=cpu,
            rounds=1 if quick else 3,
            seconds=0.5 if quick else 2,
            most=5_000 if quick else 20_000,
            sizes=(*sizes, 10_000_000) if large else sizes,
        ),
    }


#: Filling the tables takes longer than all the rest.
ON_REQUEST = {"growth"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is exceeded")
    names = list(parts(None, quick=True))
    usual = [name for name in names if name not in ON_REQUEST]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=usual, help="leave out the others"
    )
    parser.add_argument("--large", action="store_true", help="growth up to ten million payments")
    options = parser.parse_args()
    server_cpu = take_processors()
    sections = parts(server_cpu, quick=options.quick, large=options.large)
    rows = [row for name in options.only for row in sections[name]()]
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("attrs", "httpx", "httpx-aiohttp"))
    )
    print(table(rows))
    return int(options.check and any(row.verdict == "over" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
