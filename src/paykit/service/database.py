"""Opening a database: SQLite, PostgreSQL (psycopg or asyncpg), MariaDB and MySQL (PyMySQL).

A :class:`Database` runs *bodies*, plain functions of a SQLAlchemy connection: ``transact`` in a
transaction that is on disk before its future is done, ``read`` on a connection that only reads.
Bodies are blocking code on every driver. asyncpg's connections live on an event loop of their own,
in a thread of their own, where SQLAlchemy lets blocking code wait for them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    InvalidRequestError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from ..errors import ConfigurationError, StoreUnavailable
from ..provider import Clock, utc_now
from . import changes, migrations
from .changes import Changed
from .dialects import reason, was_lost
from .durability import weak_settings
from .effects import log
from .loops import LoopThread
from .silence import end_in_silence
from .store import Told, tell_nobody
from .writer import Body, Job, Writer

T = TypeVar("T")

#: Before this version two processes that reset a write-ahead log at once can corrupt it.
_SAFE_WAL: Final = (3, 51, 3)
#: Seconds to wait for somebody else's lock, then :class:`StoreUnavailable`.
_LOCK_SECONDS: Final = 5
_CONNECT_SECONDS: Final = 5
_POSTGRES: Final = {
    "lock_timeout": f"{_LOCK_SECONDS}s",
    "timezone": "UTC",
    # Whatever the database's own default is: others' commits are to be seen.
    "default_transaction_isolation": "read committed",
}
#: How many transactions are committed as one, at most.
MAX_GROUP: Final = 256
#: How many transactions are under way at once, where the database locks rows.
_WRITERS: Final = 2
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql+psycopg": "postgres",
    "postgresql+asyncpg": "asyncpg",
    "mysql+pymysql": "mysql",
    "mariadb+pymysql": "mysql",
}
_DEFAULT_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def journal_mode(version: tuple[int, int, int], *, single_process: bool) -> str:
    """Which SQLite journal is safe: ``WAL`` where it cannot be corrupted, else ``TRUNCATE``."""
    return "WAL" if single_process or version >= _SAFE_WAL else "TRUNCATE"


class Connector(Protocol):
    """Runs a body on a connection, in the calling thread's time."""

    engine: Engine

    def run(self, body: Callable[[Connection], T], *, writes: bool) -> T:
        """Run ``body`` in a transaction; with ``writes`` in one that may change something."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class _Blocking:
    """Connections of a driver that blocks."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, body: Callable[[Connection], T], *, writes: bool) -> T:
        with self.engine.connect() as connection:
            if writes:
                connection = connection.execution_options(paykit_writes=True)  # noqa: PLW2901
            with connection.begin():
                return body(connection)

    def close(self) -> None:
        self.engine.dispose()


class _OnLoop:
    """Connections of a driver that awaits, on an event loop in a thread of their own."""

    def __init__(self, url: URL, **settings: Any) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self._engine = create_async_engine(url, **settings)
        self.engine = self._engine.sync_engine
        self._loop = LoopThread("paykit-database")

    def run(self, body: Callable[[Connection], T], *, writes: bool) -> T:
        del writes

        async def work() -> T:
            async with self._engine.connect() as connection, connection.begin():
                return await connection.run_sync(body)

        return self._loop.submit(work()).result()

    def close(self) -> None:
        if self._loop.is_alive:
            self._loop.submit(self._engine.dispose()).result()
            self._loop.close()


class Database:
    """An open database. Close it to finish what waits.

    Raises :class:`ConfigurationError` for a URL that is none of ours and for tables that are older
    than this paykit, and :class:`StoreUnavailable` when the database does not answer. The tables of
    a SQLite file are made and upgraded here; those of a server by ``paykit db upgrade``.
    ``max_group`` says how many transactions may be committed as one.
    """

    def __init__(
        self,
        url: str,
        *,
        single_process: bool = False,
        clock: Clock = utc_now,
        max_group: int = MAX_GROUP,
    ) -> None:
        self.url = parse(url)
        self.clock = clock
        self.on_change: Told = tell_nobody
        self.on_unsettled: Told = tell_nobody  # no transaction of ours is part of another one
        self._process = os.getpid()
        local = self.url.get_backend_name() == "sqlite"
        self.is_alone = local and single_process
        self.tells_at = self.url if self.url.get_backend_name() == "postgresql" else None
        try:
            self._connector = connect(self.url, single_process=single_process)
        except SQLAlchemyError as error:
            raise StoreUnavailable(f"the database cannot be reached: {reason(error)}") from error
        self.engine = self._connector.engine
        try:
            have = self._connector.run(migrations.version, writes=False)
            if local and have < migrations.NEWEST:
                self._connector.run(lambda conn: migrations.upgrade(conn, clock=clock), writes=True)
            else:
                migrations.require_newest(have)
                _warn_of_weakness(self._connector)
        except (SQLAlchemyError, OSError) as error:
            self._connector.close()
            raise StoreUnavailable(f"the database cannot be opened: {reason(error)}") from error
        except BaseException:
            self._connector.close()
            raise
        self._writer = Writer(
            self._write,
            threads=1 if local else _WRITERS,
            max_group=max_group,
            together=local,
        )

    def _write(self, body: Body[T]) -> T:
        noted: set[Changed] = set()

        def noting(conn: Connection) -> T:
            with changes.noting(conn, noted):
                return body(conn)

        done = self._connector.run(noting, writes=True)
        if noted:
            self.on_change(noted)
        return done

    def transact(self, body: Body[T]) -> Future[T]:
        """Run ``body`` in a transaction; the future is done once that is on disk."""
        self._require_own_process()
        return self._writer.submit(body)

    def submit(self, job: Job) -> None:
        """As :meth:`transact`, for a caller who has a job with an end of its own."""
        self._require_own_process()
        self._writer.put(job)

    def read(self, body: Callable[[Connection], T]) -> T:
        """Run ``body``, which only reads, in this thread. Raises :class:`StoreUnavailable`."""
        self._require_own_process()
        try:
            try:
                return self._connector.run(body, writes=False)
            except SQLAlchemyError as error:
                if not was_lost(error):
                    raise
            # A connection of the pool had died in it; those that are left are new.
            return self._connector.run(body, writes=False)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(f"the database cannot be read: {reason(error)}") from error

    def require_no_transaction(self) -> None:
        """Nothing: no caller has a transaction here."""

    def close(self) -> None:
        """Commit what waits, then close. Closing twice is fine."""
        if os.getpid() == self._process:  # the connections of a forked process are its parent's
            self._writer.close()
            self._connector.close()

    def _require_own_process(self) -> None:
        """Refuse to work where the threads are missing that would do it."""
        if os.getpid() != self._process:
            raise ConfigurationError(
                "this service was opened before its process was forked: open one in each process"
            )


def parse(url: str) -> URL:
    """The URL with its driver; raises :class:`ConfigurationError` for one that is none of ours."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "the database is not a URL such as sqlite:///payments.db"
        ) from None
    parsed = parsed.set(drivername=_DEFAULT_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _DRIVERS:
        raise ConfigurationError(
            f"the database must be one of {', '.join(_DRIVERS)}, not {parsed.drivername}"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError("the database must be a SQLite file: sqlite:///payments.db")
    return parsed


def connect(url: URL, *, single_process: bool = False) -> Connector:
    """An engine for ``url`` with our settings. Raises :class:`ConfigurationError`."""
    kind = _DRIVERS[url.drivername]
    try:
        match kind:
            case "sqlite":
                return _Blocking(_sqlite(url, single_process=single_process))
            case "postgres":
                quoted = {name: value.replace(" ", r"\ ") for name, value in _POSTGRES.items()}
                options = " ".join(f"-c {name}={value}" for name, value in quoted.items())
                arguments = {"connect_timeout": _CONNECT_SECONDS, "options": options}
                return _Blocking(_watched(create_engine(url, connect_args=arguments)))
            case "asyncpg":
                arguments = {"timeout": _CONNECT_SECONDS, "server_settings": _POSTGRES}
                made = _OnLoop(url, connect_args=arguments)
                _watched(made.engine)
                return made
            case _:
                return _Blocking(_mysql(url))
    except (ImportError, NoSuchModuleError) as error:
        extra = f"pip install 'paykit-adapters[{kind}]'"
        raise ConfigurationError(f"{url.drivername} needs {extra} ({error})") from None


def _watched(engine: Engine) -> Engine:
    event.listen(engine, "connect", end_in_silence)
    return engine


def _warn_of_weakness(connector: Connector) -> None:
    with suppress(SQLAlchemyError):  # a server of another make may not know what it is asked
        weak = connector.run(weak_settings, writes=False)
        if weak:
            log.warning("a power cut can lose payments: the database has %s", ", ".join(weak))


def _sqlite(url: URL, *, single_process: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _LOCK_SECONDS})
    mode = journal_mode(sqlite3.sqlite_version_info, single_process=single_process)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={mode}")
        cursor.execute("PRAGMA synchronous=FULL")  # a 2xx means on disk
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("paykit_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _mysql(url: URL) -> Engine:
    # REPEATABLE READ, the default, would not see what another has just inserted.
    arguments = {
        "connect_timeout": _CONNECT_SECONDS,
        "charset": "utf8mb4",
        "init_command": f"SET SESSION innodb_lock_wait_timeout={_LOCK_SECONDS}, time_zone='+00:00'",
    }
    settings: dict[str, Any] = {
        "connect_args": arguments,
        "isolation_level": "READ COMMITTED",
        "pool_recycle": 3600,
    }
    engine = _watched(create_engine(url, **settings))
    try:
        with engine.connect():
            pass  # now the dialect knows whose server it is
    except InvalidRequestError:
        engine.dispose()
        raise ConfigurationError("this server is MySQL, not MariaDB: mysql+pymysql://…") from None
    if engine.dialect.name == "mysql" and getattr(engine.dialect, "is_mariadb", False):
        engine.dispose()
        return _watched(create_engine(url.set(drivername="mariadb+pymysql"), **settings))
    return engine
