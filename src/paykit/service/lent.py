"""A SQLAlchemy connection over one that somebody else owns: Django's, inside its transaction."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from ..errors import ConfigurationError

#: Django's name of a database, and the driver that it uses there.
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+mysqldb",
}


class _Lent:
    """The driver's connection, which nobody here ends: its owner commits and closes it."""

    def __init__(self, connection: Any) -> None:
        object.__setattr__(self, "_connection", connection)

    def commit(self) -> None:
        """Leave it to the owner."""

    def rollback(self) -> None:
        """Leave it to the owner."""

    def close(self) -> None:
        """Leave it to the owner."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._connection, name, value)


_engines: WeakKeyDictionary[Any, tuple[Any, Engine]] = WeakKeyDictionary()


def is_django(connection: object) -> bool:
    """Whether this is one of Django's connections (``django.db.connection``)."""
    return hasattr(connection, "vendor") and hasattr(connection, "in_atomic_block")


def over_django(connection: Any) -> Connection:
    """A connection in the transaction that is open on one of Django's.

    Raises :class:`ConfigurationError` outside ``transaction.atomic()``, for a database that the
    service does not know, and where Django uses another driver than psycopg 3 or mysqlclient.
    """
    if not connection.in_atomic_block:
        raise ConfigurationError("open a transaction first: with transaction.atomic()")
    if connection.vendor not in _DRIVERS:
        raise ConfigurationError(f"the service does not know {connection.vendor}")
    connection.ensure_connection()
    # Django's own object may be a proxy; the one behind it is made once for each thread.
    owner = getattr(connection, "_connections", None)
    key = connection if owner is None else owner[connection._alias]  # noqa: SLF001
    made = _engines.get(key)
    if made is None or made[0] is not connection.connection:
        made = connection.connection, _engine(connection.vendor, connection.connection)
        _engines[key] = made
    lent = made[1].connect()
    lent.begin()
    return lent


def _engine(vendor: str, raw: Any) -> Engine:
    try:
        return create_engine(
            f"{_DRIVERS[vendor]}://", creator=lambda: _Lent(raw), poolclass=NullPool
        )
    except ImportError as error:
        raise ConfigurationError(f"{_DRIVERS[vendor]} is not installed ({error})") from None
