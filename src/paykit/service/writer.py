"""The one writer: a thread that commits whatever is waiting as one transaction.

On SQLite a commit costs a disk flush. Taking all that wait into one transaction makes a burst of
webhooks cost one flush instead of one each, and a caller still hears "done" only after the commit.
Each body runs in a savepoint of its own, so one that fails takes nothing else with it.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ..errors import ConfigurationError, StoreUnavailable
from .schema import metadata

T = TypeVar("T")

#: Before this version two processes that reset a write-ahead log at once can corrupt it.
_SAFE_WAL: Final = (3, 51, 3)
_MAX_GROUP: Final = 256
_LOCK_SECONDS: Final = 5

_Job = tuple[Callable[[Connection], Any], "Future[Any]"]


def journal_mode(version: tuple[int, int, int], *, single_process: bool) -> str:
    """Which SQLite journal is safe: ``WAL`` where it cannot be corrupted, else ``TRUNCATE``."""
    return "WAL" if single_process or version >= _SAFE_WAL else "TRUNCATE"


def open_database(url: str, *, single_process: bool = False) -> Engine:
    """Connect to ``url`` (``sqlite:///payments.db``) and make the tables that are missing.

    ``single_process`` promises that only this process opens the file, which allows the faster
    write-ahead log on older versions of SQLite.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "the database is not a URL such as sqlite:///payments.db"
        ) from None
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError("the database must be a SQLite file: sqlite:///payments.db")
    engine = create_engine(parsed, connect_args={"timeout": _LOCK_SECONDS})
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

    try:
        with _writing(engine) as connection, connection.begin():
            metadata.create_all(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreUnavailable(f"the database cannot be opened: {_reason(error)}") from error
    return engine


class Writer:
    """Runs transaction bodies in groups, in one thread. Close it to finish what waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="paykit-writer", daemon=True)
        self._thread.start()

    def submit(self, body: Callable[[Connection], T]) -> Future[T]:
        """Run ``body`` in the next group; the future is done once it is on disk."""
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                raise StoreUnavailable("the service is closed")
            self._jobs.put((body, future))
        return future

    def close(self) -> None:
        """Commit what waits, then stop. Closing twice is fine."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        running = True
        while running:
            group = [self._jobs.get()]
            while len(group) < _MAX_GROUP and not self._jobs.empty():
                group.append(self._jobs.get())
            running = None not in group
            jobs = [
                job for job in group if job is not None and job[1].set_running_or_notify_cancel()
            ]
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with _writing(self._engine) as connection, connection.begin():
                for body, future in jobs:
                    results.append((future, *_attempt(connection, body)))
        except Exception as error:  # noqa: BLE001 - the writer must outlive whatever happens
            failure = StoreUnavailable(f"the database did not commit: {_reason(error)}")
            failure.__cause__ = error
            results = [(future, None, failure) for _, future in jobs]
        for future, value, problem in results:
            if problem is None:
                future.set_result(value)
            else:
                future.set_exception(problem)


def _attempt(
    connection: Connection, body: Callable[[Connection], Any]
) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return body(connection), None
    except SQLAlchemyError as error:
        if not connection.in_transaction() or connection.invalidated:
            raise  # the whole group is lost, not only this one
        failure = StoreUnavailable(f"the database refused: {_reason(error)}")
        failure.__cause__ = error
        return None, failure
    except Exception as error:  # noqa: BLE001 - it belongs to the caller who waits for it
        return None, error


def _writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(paykit_writes=True)


def _reason(error: Exception) -> str:
    # The driver's own words; SQLAlchemy's text would show parameters.
    return str(getattr(error, "orig", None) or type(error).__name__)
