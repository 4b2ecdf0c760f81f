"""Making and changing the tables: numbered steps, forwards only, each done once.

The table ``paykit_schema`` has a row for each step that was done. Several processes may start at
once: the first one works and the others wait for it. A step is never changed after a release; the
next change is the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, inspect, select
from sqlalchemy import text as sql

from ...errors import ConfigurationError
from ...provider import Clock
from ..schema import UtcDateTime
from . import step_1, step_2, step_3


class Step(Protocol):
    """One module: what it does, and the doing of it."""

    TITLE: str

    def upgrade(self, connection: Connection) -> None:
        """Change the tables. On MariaDB and MySQL it may be repeated after a crash half-way."""
        ...


STEPS: Final[tuple[Step, ...]] = (step_1, step_2, step_3)
NEWEST: Final = len(STEPS)

_LOCK_NAME: Final = "paykit_schema"
_LOCK_NUMBER: Final = 0x7061796B6974  # "paykit"
_LOCK_SECONDS: Final = 60

_versions: Final = Table(
    "paykit_schema",
    MetaData(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", UtcDateTime, nullable=False),
    mariadb_engine="InnoDB",
    mysql_engine="InnoDB",
)


def version(connection: Connection) -> int:
    """Which step was done last; 0 for a database without any of our tables."""
    names = inspect(connection)
    if names.has_table(_versions.name):
        return connection.execute(select(func.max(_versions.c.version))).scalar() or 0
    # Before there were steps, the tables of the first one were made without a note of it.
    return 1 if names.has_table("paykit_payments") else 0


def upgrade(connection: Connection, *, clock: Clock, to: int = NEWEST) -> list[str]:
    """Do the steps that are missing; returns their titles. Call it in a transaction that writes.

    ``to`` is the last step to do, for whoever has migrations of another kind around ours. Raises
    :class:`~paykit.errors.ConfigurationError` for a database of a newer paykit.
    """
    done = []
    with _alone(connection):
        have = version(connection)
        check(have)
        _versions.create(connection, checkfirst=True)
        noted = set(connection.execute(select(_versions.c.version)).scalars())
        for number, step in enumerate(STEPS[:to], start=1):
            if number > have:
                step.upgrade(connection)
                done.append(f"{number}: {step.TITLE}")
            if number not in noted:
                connection.execute(insert(_versions).values(version=number, applied_at=clock()))
    return done


def check(have: int) -> None:
    """Refuse a database whose tables this version does not know."""
    if have > NEWEST:
        raise ConfigurationError(
            f"the database is at version {have} and this paykit knows {NEWEST}: upgrade paykit"
        )


def require_newest(have: int) -> None:
    """Refuse a database that is not at :data:`NEWEST`; the message says what to do."""
    check(have)
    if have < NEWEST:
        raise ConfigurationError(
            f"the tables are at version {have} of {NEWEST}: run paykit db upgrade"
        )


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other processes from upgrading at the same time."""
    dialect = connection.dialect.name
    if dialect == "postgresql":  # until the end of the transaction, which is all or nothing there
        connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_NUMBER})
        yield
    elif dialect == "sqlite":  # BEGIN IMMEDIATE has locked the file
        yield
    else:
        name = {"name": _LOCK_NAME, "wait": _LOCK_SECONDS}
        if connection.execute(sql("SELECT GET_LOCK(:name, :wait)"), name).scalar() != 1:
            raise ConfigurationError("another process is upgrading the database; try again")
        end = "ROLLBACK"
        try:
            yield
            end = "COMMIT"
        finally:
            # The next one shall find the note of what was done, and not do it again.
            connection.exec_driver_sql(end)
            connection.execute(sql("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK_NAME})
