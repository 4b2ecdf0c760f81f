"""Measure everything and print one table: ``python -m benchmarks [--quick] [--check]``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version

from . import calls, cards, imports, transfers, webhooks
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
    return row.name, f"{row.seconds * 1e6:,.1f}", row.floor, f"{row.ratio:.2f}", limit, row.verdict


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is exceeded")
    options = parser.parse_args()
    quick = options.quick
    server_cpu = take_processors()
    rows = [
        *webhooks.rows(rounds=9 if quick else 41, seconds=0.005 if quick else 0.015),
        *transfers.rows(rounds=5 if quick else 21, seconds=0.005 if quick else 0.015),
        *cards.rows(rounds=5 if quick else 21, seconds=0.005 if quick else 0.015),
        *imports.rows(rounds=3 if quick else 15),
        *calls.rows(
            cpu=server_cpu,
            rounds=3 if quick else 15,
            seconds=0.05 if quick else 0.2,
            count=48 if quick else 192,
        ),
    ]
    print(
        f"{platform.python_implementation()} {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("attrs", "httpx", "httpx-aiohttp"))
    )
    print(table(rows))
    return int(options.check and any(row.verdict == "over" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
