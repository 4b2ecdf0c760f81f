"""Browsers that poll how payments stand, against the plain endpoint that a shop would write.

One server process on one processor, the load on the other. Each browser asks for a payment of its
own, with the entity tag that it got before or without one.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import cycle

from sqlalchemy import select, text, update

from paykit.provider import utc_now
from paykit.service.schema import payments
from paykit.service.status import load as load_views
from paykit.status import StatusKey, StatusView, Subject

from . import stores
from .filling import engine_of, fill
from .measure import Row, compare
from .serving import server
from .status_app import PLAIN_TABLE

CONNECTIONS = 64
PLAIN = "plain Starlette + SQLite: 200"
_LIMITS = {"304": 1 / 1.7, "200": 1 / 1.2, "200, first visit": None}
_TO_PAY = timedelta(hours=1)


@dataclass(frozen=True)
class Contender:
    """An endpoint: ``app`` is one of ``status_app``; ``views`` is what the database holds."""

    name: str
    app: str
    url: str
    views: Sequence[StatusView]


def prepare(url: str, *, count: int) -> None:
    """Payments that are open and have a time to pay, as those have that are polled."""
    fill(url, unpaid=count)
    with engine_of(url) as engine, engine.begin() as connection:
        connection.execute(update(payments).values(expires_at=utc_now() + _TO_PAY))
        for statement in PLAIN_TABLE:
            connection.execute(text(statement))


def read_views(url: str) -> list[StatusView]:
    """How the open payments stand, ordered by their ids."""
    with engine_of(url) as engine, engine.connect() as connection:
        asked = (
            select(payments.c.payment_id)
            .where(payments.c.status == "requires_action")
            .order_by(payments.c.payment_id)
        )
        keys = [StatusKey(Subject.PAYMENT, name) for name in connection.execute(asked).scalars()]
        views = load_views(connection, keys, utc_now())
        return [views[key] for key in keys]


def request(view: StatusView, *headers: str) -> bytes:
    """A browser's request for one payment."""
    lines = [f"GET /payments/{view.payment_id}/status HTTP/1.1", "Host: shop.example", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


@contextmanager
def contenders(count: int) -> Iterator[list[Contender]]:
    """Those whose database answers; a line tells of the others."""
    fill_it = partial(prepare, count=count)
    with ExitStack() as stack:
        url = stack.enter_context(stores.sqlite(fill_it)).url
        views = read_views(url)
        found = [Contender(PLAIN, "plain", url, views), Contender("SQLite", "paykit", url, views)]
        if stores.answers(stores.POSTGRES):
            url = stack.enter_context(stores.postgres(fill_it)).url
            found.append(Contender("PostgreSQL", "paykit", url, read_views(url)))
        else:
            print("left out: no PostgreSQL answers on loopback", file=sys.stderr)
        yield found


def measure(contender: Contender, cpu: int | None, *, seconds: float) -> Mapping[str, float]:
    """Seconds per request of each kind, from a server that has just begun."""
    asked = [request(view) for view in contender.views]
    tagged = [request(view, f"If-None-Match: {view.tag}") for view in contender.views]
    random.shuffle(asked)
    random.shuffle(tagged)
    with server("status_app", cpu, contender.app, contender.url) as running:
        load = partial(running.load, status=200, connections=CONNECTIONS)
        if contender.app == "plain":
            load(cycle(asked), seconds=seconds / 4)
            return {PLAIN: load(cycle(asked), seconds=seconds)}
        return {
            f"status, {contender.name}: 200, first visit": load(asked),
            f"status, {contender.name}: 200": load(cycle(asked), seconds=seconds),
            f"status, {contender.name}: 304": load(cycle(tagged), status=304, seconds=seconds),
        }


def rows(*, cpu: int | None, rounds: int, seconds: float, count: int) -> list[Row]:
    """``count`` is how many payments there are."""
    times: dict[str, list[float]] = {}
    with contenders(count) as found:
        for _ in range(rounds):
            for contender in random.sample(found, len(found)):
                for name, each in measure(contender, cpu, seconds=seconds).items():
                    times.setdefault(name, []).append(each)
    return [
        compare(times, name, PLAIN, limit=_LIMITS[name.partition(": ")[2]])
        for name in times
        if name != PLAIN
    ]
