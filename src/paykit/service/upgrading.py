"""Making and upgrading the tables of a database, and saying how they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StoreUnavailable
from ..provider import Clock, utc_now
from . import migrations
from .database import connect, parse
from .dialects import reason

T = TypeVar("T")

#: The version of the tables that this paykit works with.
NEWEST: Final = migrations.NEWEST


def upgrade_database(url: str, *, clock: Clock = utc_now) -> list[str]:
    """Make or upgrade the tables; returns the titles of the steps that were done.

    Safe when several processes start at once. Raises
    :class:`~paykit.errors.ConfigurationError` for a database of a newer paykit, and
    :class:`~paykit.errors.StoreUnavailable`.
    """
    return _run(url, lambda conn: migrations.upgrade(conn, clock=clock), writes=True)


def database_version(url: str) -> int:
    """The version of the tables; 0 where there are none. A file that is not there is not made.

    Raises :class:`~paykit.errors.ConfigurationError` for a URL that is none of ours, and
    :class:`~paykit.errors.StoreUnavailable`.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return 0
    return _run(url, migrations.version, writes=False)


def require_upgraded(url: str) -> None:
    """Raise :class:`~paykit.errors.ConfigurationError` unless the tables are the newest ones.

    For whoever must neither make a file by mistake nor upgrade one that others are using.
    """
    migrations.require_newest(database_version(url))


def _run(url: str, body: Callable[[Connection], T], *, writes: bool) -> T:
    connector = None
    try:
        connector = connect(parse(url))
        return connector.run(body, writes=writes)
    except (SQLAlchemyError, OSError) as error:
        what = "upgraded" if writes else "read"
        raise StoreUnavailable(f"the database was not {what}: {reason(error)}") from error
    finally:
        if connector is not None:
            connector.close()
