"""Databases for one run: made, filled once, copied for each contender, dropped at the end.

PostgreSQL and MariaDB are those that answer on loopback. PAYKIT_BENCH_POSTGRES and
PAYKIT_BENCH_MARIADB name others, as SQLAlchemy URLs with the right to make databases.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

POSTGRES = os.environ.get(
    "PAYKIT_BENCH_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1/postgres"
)
MARIADB = os.environ.get("PAYKIT_BENCH_MARIADB", "mariadb+pymysql://root@127.0.0.1/mysql")


@dataclass(frozen=True)
class Store:
    """A database that was filled: ``url`` is its own, ``copy`` makes one that may be written."""

    url: str
    copy: Callable[[], AbstractContextManager[str]]


def answers(url: str) -> bool:
    """Whether a database is there."""
    try:
        _execute(url, "SELECT 1")
    except SQLAlchemyError:
        return False
    return True


@contextmanager
def sqlite(fill: Callable[[str], None]) -> Iterator[Store]:
    with TemporaryDirectory(
        prefix="paykit-bench-", dir=os.environ.get("PAYKIT_BENCH_DIR")
    ) as folder:
        original = Path(folder) / "filled.db"
        fill(f"sqlite:///{original}")

        @contextmanager
        def copy() -> Iterator[str]:
            path = Path(folder) / f"{_name()}.db"
            shutil.copy(original, path)
            os.sync()  # or the first commits would wait for the copy to be written
            yield f"sqlite:///{path}"
            for made in Path(folder).glob(f"{path.name}*"):  # and its journal
                made.unlink()

        yield Store(f"sqlite:///{original}", copy)


@contextmanager
def postgres(fill: Callable[[str], None]) -> Iterator[Store]:
    with _database(POSTGRES) as original:
        fill(original)

        @contextmanager
        def copy() -> Iterator[str]:
            with _database(POSTGRES, f"TEMPLATE {_database_of(original)}") as url:
                yield url

        yield Store(original, copy)


@contextmanager
def mariadb(fill: Callable[[str], None]) -> Iterator[Store]:
    with _database(MARIADB) as original:
        fill(original)
        source = _database_of(original)

        @contextmanager
        def copy() -> Iterator[str]:
            with _database(MARIADB) as url:
                for (table,) in _execute(original, "SHOW TABLES"):
                    _execute(url, f"CREATE TABLE {table} LIKE {source}.{table}")
                    _execute(url, f"INSERT INTO {table} SELECT * FROM {source}.{table}")
                yield url

        yield Store(original, copy)


@contextmanager
def _database(admin: str, how: str = "") -> Iterator[str]:
    name = _name()
    _execute(admin, f"CREATE DATABASE {name} {how}")
    try:
        yield make_url(admin).set(database=name).render_as_string(hide_password=False)
    finally:
        force = " WITH (FORCE)" if admin.startswith("postgresql") else ""
        _execute(admin, f"DROP DATABASE {name}{force}")


def _name() -> str:
    return f"paykit_bench_{secrets.token_hex(6)}"


def _database_of(url: str) -> str | None:
    return make_url(url).database


def _execute(url: str, statement: str) -> list[tuple[str, ...]]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()
