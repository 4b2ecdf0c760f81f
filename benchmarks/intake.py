"""Webhooks over HTTP until they are on disk, against the same endpoint without a database.

One server process on one processor, the load on the other; a fresh copy of the database for each
run. Afterwards the rows are counted: what was acknowledged is there, once.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from . import stores
from .filling import Counted, count, fill
from .load import Load
from .load import drive as send
from .measure import Row, compare
from .notices import Notice, notices
from .serving import server

CONNECTIONS = 32
NOTHING = "no database"
#: So many notices are not measured: a statement is compiled when it is first used.
_FIRST = 300


@dataclass(frozen=True)
class Contender:
    """An endpoint over a copy of ``store``, or over none; ``driver`` is SQLAlchemy's, if another."""

    name: str
    store: stores.Store | None = None
    group: int = 0
    driver: str = ""


def load(
    url: str | None,
    told: Sequence[Notice],
    *,
    cpu: int | None,
    seconds: float,
    connections: int = CONNECTIONS,
    group: int = 0,
) -> Load:
    """Put a load on an endpoint, and make sure that the database has what was acknowledged, once."""
    before = count(url) if url else None
    requests = [notice.request for notice in told]
    with server("intake_app", cpu, str(group), *([url] if url else [])) as running:
        drive = partial(send, status=204, port=running.port, connections=connections)
        drive(requests[:_FIRST], seconds=60)
        measured = drive(requests[_FIRST:], seconds=seconds)
    if url:
        sent = {notice.number for notice in told[: _FIRST + measured.count]}
        assert count(url) - before == Counted(len(sent), len(sent), len(sent))
    return measured


def load_fresh(
    contender: Contender,
    told: Sequence[Notice],
    *,
    cpu: int | None,
    seconds: float,
    connections: int,
) -> Load:
    """The same on a copy of the contender's database."""
    with ExitStack() as stack:
        url = stack.enter_context(contender.store.copy()) if contender.store else None
        if url and contender.driver:
            url = url.replace("+psycopg", contender.driver)
        return load(
            url, told, cpu=cpu, seconds=seconds, connections=connections, group=contender.group
        )


def contenders(stack: ExitStack, unpaid: int) -> list[Contender]:
    """Those whose database answers; a line tells of the others."""
    fill_it = partial(fill, unpaid=unpaid)
    file = stack.enter_context(stores.sqlite(fill_it))
    found = [
        Contender(NOTHING),
        Contender("SQLite", file),
        Contender("SQLite, one a commit", file, 1),
    ]
    if stores.answers(stores.POSTGRES):
        store = stack.enter_context(stores.postgres(fill_it))
        found += [
            Contender("PostgreSQL", store),
            Contender("PostgreSQL, one a commit", store, 1),
            Contender("PostgreSQL by asyncpg", store, driver="+asyncpg"),
        ]
    else:
        print("left out: no PostgreSQL answers on loopback", file=sys.stderr)
    if stores.answers(stores.MARIADB):
        found.append(Contender("MariaDB", stack.enter_context(stores.mariadb(fill_it))))
    else:
        print("left out: no MariaDB answers on loopback", file=sys.stderr)
    return found


def measure(
    found: Sequence[Contender],
    cpu: int | None,
    told: Sequence[Notice],
    *,
    connections: int,
    rounds: int,
    seconds: float,
) -> dict[str, list[Load]]:
    """The loads of each contender, one a round, in a new random order each round."""
    loads: dict[str, list[Load]] = {contender.name: [] for contender in found}
    for _ in range(rounds):
        for contender in random.sample(found, len(found)):
            loads[contender.name].append(
                load_fresh(contender, told, cpu=cpu, seconds=seconds, connections=connections)
            )
    return loads


#: Seconds per request: at most twice those without a database, at most so many of one a commit.
_LIMITS = {
    ("SQLite", NOTHING): 2.0,
    ("SQLite", "SQLite, one a commit"): 1 / 3,
    ("PostgreSQL", NOTHING): 2.0,
    ("PostgreSQL", "PostgreSQL, one a commit"): 1 / 1.5,
    ("PostgreSQL by asyncpg", NOTHING): 2.0,
    ("PostgreSQL by asyncpg", "PostgreSQL, one a commit"): 1 / 1.5,
    ("MariaDB", NOTHING): None,
}
_SLOWEST_LIMIT = 3.0
_IDLE_LIMIT = 1.4


def busy_rows(loads: Mapping[str, list[Load]]) -> list[Row]:
    """Seconds per request, and how long the slowest hundredth took, with 32 connections."""
    each = {f"intake: {name}": [one.each for one in taken] for name, taken in loads.items()}
    slowest = {
        f"intake, p99: {name}": [one.within(0.99) for one in taken] for name, taken in loads.items()
    }
    known = [(name, least, limit) for (name, least), limit in _LIMITS.items() if name in loads]
    return [
        *(
            compare(each, f"intake: {name}", f"intake: {least}", limit=limit)
            for name, least, limit in known
        ),
        *(
            compare(
                slowest, f"intake, p99: {name}", f"intake, p99: {NOTHING}", limit=_SLOWEST_LIMIT
            )
            for name in loads
            if name != NOTHING and "one a commit" not in name
        ),
    ]


def idle_rows(loads: Mapping[str, list[Load]]) -> list[Row]:
    """How long one takes when nothing else is on its way."""
    alone = {
        f"intake, idle: {name}": [one.within(0.5) for one in taken] for name, taken in loads.items()
    }
    return [
        compare(
            alone, f"intake, idle: {name}", f"intake, idle: {name}, one a commit", limit=_IDLE_LIMIT
        )
        for name in ("SQLite", "PostgreSQL")
        if name in loads
    ]


def rows(*, cpu: int | None, rounds: int, seconds: float, most: int) -> list[Row]:
    """``most`` is the number of payments, and so of notices, that there are for a run."""
    told = notices(range(1, most + 1))
    with ExitStack() as stack:
        found = contenders(stack, most)
        busy = measure(found, cpu, told, connections=CONNECTIONS, rounds=rounds, seconds=seconds)
        alone = measure(
            [
                one
                for one in found
                if one.name.removesuffix(", one a commit") in {"SQLite", "PostgreSQL"}
            ],
            cpu,
            told[: _FIRST + 1000],
            connections=1,
            rounds=rounds,
            seconds=seconds / 4,
        )
    return [*busy_rows(busy), *idle_rows(alone)]
