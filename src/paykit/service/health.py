"""How the service is: for probes and dashboards, at a cost that does not grow with the tables."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from . import checks, command_store
from . import outbox as outbox_
from .effects import log
from .schema import commands, outbox, payments
from .store import Store
from .threads import OwnThread

#: Counting ends here: there are this many, or more.
MOST: Final = 1000
#: Seconds; a little less than Kubernetes waits for a probe, unless it is told otherwise.
PATIENCE: Final = 0.8


@attrs.frozen(slots=True, kw_only=True)
class Health:
    """How the service is.

    ``ready``: deliveries can be taken in, for the ``database`` answered in time and the service is
    not being closed. ``relay``: whether the relay of this process runs and could publish when it
    last tried; ``None`` where it was not started. ``waiting``, ``dead`` and ``given_up`` are events
    that are to be published, events that could not be, and payments and commands that are left to a
    person; each is counted up to 1000. ``oldest_waiting`` is for how long the first event has been
    waiting.
    """

    ready: bool
    database: bool
    relay: bool | None = None
    waiting: int = 0
    oldest_waiting: timedelta | None = None
    dead: int = 0
    given_up: int = 0


@attrs.frozen(slots=True)
class Vitals:
    """What the database says."""

    waiting: int
    waits_since: datetime | None
    dead: int
    given_up: int


def look(conn: Connection) -> Vitals:
    """Count what waits for somebody, each up to :data:`MOST`."""
    found = conn.execute(_question(conn.dialect.name)).one()
    waiting, since, dead, payments_left, commands_left = found
    return Vitals(waiting, since, dead, min(payments_left + commands_left, MOST))


@cache
def _question(dialect: str) -> Select[Any]:
    oldest_first = outbox_.oldest_first(dialect)
    oldest = select(outbox.c.created_at).where(outbox_.WAITS).order_by(*oldest_first).limit(1)
    return select(
        _up_to_most(outbox_.WAITS, *oldest_first),
        oldest.scalar_subquery(),
        _up_to_most(outbox_.DEAD, outbox.c.dead_at),
        _up_to_most(checks.GIVEN_UP, payments.c.given_up_at),
        _up_to_most(command_store.GIVEN_UP, commands.c.given_up_at),
    )


def _up_to_most(condition: ColumnElement[bool], *order: ColumnElement[Any]) -> Any:
    """How many rows meet a condition, counted in the order of an index, which makes it use that."""
    some = select(literal(1).label("one")).where(condition).order_by(*order).limit(MOST)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


class Pulse:
    """Asks a database how it is, one question at a time: whoever comes meanwhile waits for that.

    So a database that has fallen silent costs one thread, however often it is asked.
    """

    def __init__(self, database: Store) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._answer: Future[Vitals | None] | None = None
        self._thread: threading.Thread | None = None
        self._is_told = False

    def ask(self) -> Future[Vitals | None]:
        """The answer to come, ``None`` where there is none. It cannot be cancelled."""
        with self._guard:
            if self._answer is None or self._answer.done():
                self._answer = Future()
                self._answer.set_running_or_notify_cancel()
                thread = OwnThread(partial(self._work, self._answer), name="paykit-health")
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError:  # the system has no thread left
                    self._answer.set_result(None)
            return self._answer

    def close(self) -> None:
        """Wait for the question that is under way, but not for long."""
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _work(self, answer: Future[Vitals | None]) -> None:
        found = None
        try:
            found = self._database.read(look)
            self._is_told = False
        except Exception as error:  # noqa: BLE001 - whatever it is, the database cannot be used
            if not self._is_told:  # once for each time
                log.warning("the database cannot be used: %s", error)
            self._is_told = True
        answer.set_result(found)
