"""Connections of others: SQLAlchemy's and Django's, inside the transaction that is open on them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from ..errors import ConfigurationError

#: Gives a connection for one piece of work; the argument says whether that writes.
Borrow: TypeAlias = Callable[[bool], AbstractContextManager[Connection]]

_DIALECTS: Final = frozenset({"sqlite", "postgresql", "mysql", "mariadb"})
#: A database, and the driver that Django uses there.
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+mysqldb",
    "mariadb": "mariadb+mysqldb",
}


def borrow_from(connection: Any) -> Borrow:
    """How to borrow ``connection``, SQLAlchemy's or Django's (``django.db.connection``).

    Raises :class:`ConfigurationError` for anything else. So does borrowing, where a savepoint
    would not be part of an open transaction.
    """
    if hasattr(connection, "vendor") and hasattr(connection, "in_atomic_block"):
        return partial(_over_django, connection)
    if not isinstance(connection, Connection):
        raise ConfigurationError(
            f"{type(connection).__name__} is no connection: give SQLAlchemy's (of a session: "
            "session.connection()) or Django's"
        )
    return partial(_in_transaction, connection)


@contextmanager
def _in_transaction(connection: Connection, writes: bool) -> Iterator[Connection]:  # noqa: FBT001
    if connection.dialect.name not in _DIALECTS:
        raise ConfigurationError(f"the service does not know {connection.dialect.name}")
    if connection.dialect.name == "sqlite":
        _begin_for_sure(connection, writes=writes)
    elif _commits_by_itself(connection):
        raise ConfigurationError("the connection commits by itself: it needs a transaction")
    yield connection


def _begin_for_sure(connection: Connection, *, writes: bool) -> None:
    """Begin where Python's driver would only begin before the first INSERT.

    Without a transaction around it, releasing a savepoint commits.
    """
    if not writes:
        return
    if not connection.in_transaction():
        connection.exec_driver_sql("SELECT 1")  # the owner's engine may begin by itself now
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _commits_by_itself(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    asked = getattr(driver, "get_autocommit", None)
    return bool(getattr(driver, "autocommit", False) if asked is None else asked())


class _Lent:
    """The driver's connection, which nobody here ends or sets up: its owner does."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def commit(self) -> None:
        """Leave it to the owner."""

    rollback = close = commit

    def create_function(self, *_args: Any, **_settings: Any) -> None:
        """Add none of SQLAlchemy's functions; we use none of them."""

    add_notice_handler = create_function

    def cursor(self, *args: Any, **settings: Any) -> Any:
        """A cursor that reads times as they are."""
        cursor = self._connection.cursor(*args, **settings)
        adapters = getattr(cursor, "adapters", None)
        if adapters is not None:
            from psycopg.types.datetime import TimestamptzLoader

            # Django's own may take the zone off, or name another one, by its settings.
            adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


#: One for each of Django's databases: its statements are compiled once, its server is asked once.
_engines: Final[dict[tuple[str, str, str], Engine]] = {}
_guard: Final = threading.Lock()
_lending: Final = threading.local()


@contextmanager
def _over_django(connection: Any, _writes: bool) -> Iterator[Connection]:  # noqa: FBT001
    if not connection.in_atomic_block:
        raise ConfigurationError("open a transaction first: with transaction.atomic()")
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    # By its name as well: that of a test's database is another one under the same alias.
    name = str(connection.settings_dict["NAME"])
    engine = _engine((_kind(connection), connection.alias, name))
    _lending.connection = _Lent(connection.connection)
    try:
        lent = engine.connect()
    finally:
        del _lending.connection
    with lent, lent.begin():
        yield lent


def _kind(connection: Any) -> str:
    """What Django is connected to; it has one name for both MySQL and MariaDB."""
    kind: str = connection.vendor
    return "mariadb" if kind == "mysql" and connection.mysql_is_mariadb else kind


def _engine(whose: tuple[str, str, str]) -> Engine:
    with _guard:
        engine = _engines.get(whose)
        if engine is None:
            engine = _engines[whose] = _make_engine(whose[0])
        return engine


def _make_engine(kind: str) -> Engine:
    if kind not in _DRIVERS:
        raise ConfigurationError(f"the service does not know {kind}")
    # Looking for an extension would need the driver's connection itself.
    settings: dict[str, Any] = {"use_native_hstore": False} if kind == "postgresql" else {}
    try:
        return create_engine(
            f"{_DRIVERS[kind]}://",
            creator=lambda: _lending.connection,
            poolclass=NullPool,
            **settings,
        )
    except ImportError as error:
        raise ConfigurationError(f"{_DRIVERS[kind]} is not installed ({error})") from None
