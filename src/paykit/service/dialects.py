"""What differs between the databases, in one place. All the rest is SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from ..provider import Clock
from .schema import UtcDateTime

T = TypeVar("T")

#: A relay listens on this channel of PostgreSQL.
CHANNEL: Final = "paykit_outbox"

#: Two transactions stood in each other's way, and one had to go: SQLSTATE of PostgreSQL, error
#: numbers of MariaDB and MySQL.
_IN_THE_WAY: Final = frozenset({"40001", "40P01", "1213", "1020"})
_TRIES: Final = 3


def attempt(conn: Connection, body: Callable[[Connection], T]) -> T:
    """Run ``body`` in a savepoint of its own, and again if another transaction was faster.

    A body looks before it inserts. That a key is there all the same means that somebody else put
    it there in between; the next look sees it.
    """
    for _ in range(_TRIES - 1):
        with suppress(IntegrityError), conn.begin_nested():
            return body(conn)
    with conn.begin_nested():
        return body(conn)


def lease_time(conn: Connection, clock: Clock) -> datetime:
    """The time that claims are measured by: the same for all workers, however their clocks are set.

    A database server has the only clock that they share. A SQLite file is on one machine, whose
    clock is the given one.
    """
    match conn.dialect.name:
        case "sqlite":
            return clock()
        case "postgresql":
            now = select(func.clock_timestamp(type_=UtcDateTime))
        case _:
            now = select(literal_column("UTC_TIMESTAMP(6)", type_=UtcDateTime))
    moment: datetime = conn.execute(now).scalar_one()
    return moment


def are_in_the_way(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is tried once more."""
    if not isinstance(error, DBAPIError):
        return False
    driver = error.orig
    state = getattr(driver, "sqlstate", None)
    number = driver.args[0] if driver is not None and driver.args else None
    return state in _IN_THE_WAY or str(number) in _IN_THE_WAY


def was_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and with it all others of the pool that were idle."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def reason(error: BaseException) -> str:
    """The driver's own words; SQLAlchemy's text would show parameters."""
    return str(getattr(error, "orig", None) or type(error).__name__)
