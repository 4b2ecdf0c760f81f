"""Making, clearing and dropping databases on a PostgreSQL or MariaDB server, quickly.

A connection costs up to 20 ms, so those of a process are kept, one for each database.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import URL, make_url

from . import services

_PREFIX: Final = "paykit_test_"
#: No run takes that long, so what is older was left behind by one that was killed.
_OLD_SECONDS: Final = 3600
#: So long somebody else's lock is waited for.
_LOCK_SECONDS: Final = 10
#: A larger table is truncated; a smaller one is emptied faster by deleting.
_SMALL_BYTES: Final = 1 << 20


def new_name() -> str:
    """A name of ours, with the time in it by which leftovers are known."""
    return f"{_PREFIX}{int(time.time()):x}_{secrets.token_hex(4)}"


def leftovers(names: Iterable[str], *, now: float) -> list[str]:
    """Which of these databases are ours and too old to be in use."""
    return [name for name in names if name.startswith(_PREFIX) and now - _made(name) > _OLD_SECONDS]


def _made(name: str) -> float:
    try:
        return int(name.removeprefix(_PREFIX).partition("_")[0], 16)
    except ValueError:
        return 0


class Server:
    """One server. The kinds differ in their SQL."""

    #: The name of the service.
    service: str

    def __init__(self, url: str) -> None:
        self._base = make_url(url)
        self._kept: dict[str, Any] = {}
        self._pid = os.getpid()
        self._lock = threading.RLock()
        atexit.register(self.close)
        for name in leftovers(self.names(), now=time.time()):
            with contextlib.suppress(Exception):  # another run drops it, or it is another user's
                self.drop(name)

    def url(self, name: str, *, driver: str) -> str:
        """The URL of a database by SQLAlchemy's name of dialect and driver."""
        url = self._base.set(drivername=driver, database=name)
        return url.render_as_string(hide_password=False)

    def names(self) -> list[str]:
        """All databases, ours and others'."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """Make a database without tables."""
        raise NotImplementedError

    def drop(self, name: str) -> None:
        """Drop a database though it be in use; one that is gone is fine."""
        raise NotImplementedError

    def blank(self, name: str) -> None:
        """Drop all that is in a database, and end the connections to it."""
        raise NotImplementedError

    def empty(self, name: str, keep: Sequence[str]) -> None:
        """Delete the rows of all tables but those to ``keep``, and count from 1 again."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what is kept."""
        for name in list(self._kept):
            self._forget(name)

    def _connect(self, name: str) -> Any:
        raise NotImplementedError

    def _run(self, name: str, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            if self._pid != os.getpid():  # forked: the connections are the parent's
                self._kept, self._pid = {}, os.getpid()
            if name not in self._kept:
                self._kept[name] = self._connect(name)
            cursor = self._kept[name].cursor()
            cursor.execute(statement, values or None)
            rows = list(cursor.fetchall()) if cursor.description else []
            cursor.close()
            return rows

    def _forget(self, name: str) -> None:
        with self._lock:
            connection = self._kept.pop(name, None)
            if connection is not None and self._pid == os.getpid():
                with contextlib.suppress(Exception):  # it may be broken already
                    connection.close()


class Postgres(Server):
    """A PostgreSQL server, 13 or newer."""

    service = "postgres"

    def names(self) -> list[str]:
        return [name for (name,) in self._home("SELECT datname FROM pg_database")]

    def create(self, name: str) -> None:
        # To template0 nobody can be connected, which would be in the way; and it takes any encoding.
        self._home(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")

    def drop(self, name: str) -> None:
        self._forget(name)
        self._home(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def blank(self, name: str) -> None:
        self._run(
            name,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        self._run(name, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")

    def empty(self, name: str, keep: Sequence[str]) -> None:
        found = self._run(
            name,
            "SELECT quote_ident(relname), pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND NOT relname = ANY(%s) ORDER BY relname",
            (list(keep),),
        )
        if not found:
            return
        tables = [table for table, _ in found]
        small = max(size for _, size in found) <= _SMALL_BYTES
        if small and self._superuser:
            # Several statements at once are one transaction; as a replica it asks no foreign keys.
            steps = ["SET LOCAL session_replication_role = replica"]
            steps += [f"DELETE FROM {table}" for table in tables]
        elif small and not self._run(name, "SELECT FROM pg_constraint WHERE contype = 'f' LIMIT 1"):
            steps = [f"DELETE FROM {table}" for table in tables]
        else:
            steps = [f"TRUNCATE {', '.join(tables)}"]
        kept = ", ".join(f"'{table}'" for table in keep) or "''"
        steps.append(
            "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
            " JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')"
            f" JOIN pg_class ON pg_class.oid = refobjid WHERE NOT relname IN ({kept})"
        )
        self._run(name, "; ".join(steps))

    @functools.cached_property
    def _superuser(self) -> bool:
        ((said,),) = self._home("SELECT current_setting('is_superuser')")
        return bool(said == "on")

    def _home(self, statement: str) -> list[Any]:
        return self._run(self._base.database or "postgres", statement)

    def _connect(self, name: str) -> Any:
        import psycopg

        url = self._base.set(drivername="postgresql", database=name)
        return psycopg.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            options=f"-c lock_timeout={_LOCK_SECONDS}s",
        )


class MariaDb(Server):
    """A MariaDB or MySQL server."""

    service = "mariadb"

    def names(self) -> list[str]:
        return [name for (name,) in self._run("", "SHOW DATABASES")]

    def create(self, name: str) -> None:
        self._run("", f"CREATE DATABASE `{name}`")

    def drop(self, name: str) -> None:
        for (number,) in self._run(
            "", "SELECT id FROM information_schema.processlist WHERE db = %s", (name,)
        ):
            with contextlib.suppress(Exception):  # it has ended by itself
                self._run("", f"KILL {number}")
        self._forget(name)
        self._run("", f"DROP DATABASE IF EXISTS `{name}`")

    def blank(self, name: str) -> None:
        self.drop(name)
        self.create(name)

    def empty(self, name: str, keep: Sequence[str]) -> None:
        tables = self._run(
            "",
            "SELECT table_name, data_length, auto_increment FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
            (name,),
        )
        for table, size, following in tables:
            if table in keep:
                continue
            large = size > _SMALL_BYTES
            self._run("", f"{'TRUNCATE' if large else 'DELETE FROM'} `{name}`.`{table}`")
            if not large and following is not None and following > 1:
                self._run("", f"ALTER TABLE `{name}`.`{table}` AUTO_INCREMENT = 1")

    def _connect(self, name: str) -> Any:
        import pymysql

        connection = pymysql.connect(
            **mysql_settings(self._base), database=name or None, autocommit=True
        )
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_wait_timeout = {_LOCK_SECONDS}, foreign_key_checks = 0")
        return connection


def mysql_settings(url: str | URL) -> dict[str, Any]:
    """What PyMySQL wants to know of a server, from its URL."""
    parsed = make_url(url)
    settings = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "unix_socket": parsed.query.get("unix_socket"),
    }
    return {name: value for name, value in settings.items() if value is not None}


@functools.cache
def server(name: str) -> Server:
    """The server of this process's tests, ``postgres`` or ``mariadb``; without it no test."""
    kinds: dict[str, type[Server]] = {kind.service: kind for kind in (Postgres, MariaDb)}
    return kinds[name](services.require(name))
