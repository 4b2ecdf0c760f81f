"""Opening a database: what is set on its connections, and what is said of its own settings."""

import logging

import pytest
from sqlalchemy import create_engine, text

from paykit.service import upgrade_database
from paykit.service.database import Database

from ..support.databases import fresh_database, server_at

WEAK = "a power cut can lose payments: the database has "


def ask(opened, question):
    return opened.read(lambda conn: conn.execute(text(question)).scalar_one())


@pytest.mark.parametrize("kind", ["postgres-psycopg", "postgres-asyncpg"])
def test_what_is_set_on_postgres(kind, tmp_path, caplog):
    """Whatever the database's own defaults are."""
    with fresh_database(kind, folder=tmp_path) as url:
        upgrade_database(url)
        own = create_engine(url.replace("+asyncpg", "+psycopg"), isolation_level="AUTOCOMMIT")
        with own.connect() as connection:
            name = connection.scalar(text("SELECT current_database()"))
            for setting in (
                "default_transaction_isolation = 'serializable'",
                "timezone = 'Asia/Ho_Chi_Minh'",
                "synchronous_commit = off",
            ):
                connection.execute(text(f'ALTER DATABASE "{name}" SET {setting}'))
        own.dispose()
        opened = Database(url)
        try:
            assert ask(opened, "SHOW transaction_isolation") == "read committed"
            assert ask(opened, "SHOW timezone") == "UTC"
            assert ask(opened, "SHOW lock_timeout") == "5s"
        finally:
            opened.close()
    assert [record.message for record in caplog.records] == [f"{WEAK}synchronous_commit=off"]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_is_set_on_mariadb(ready_mariadb):
    opened = Database(ready_mariadb)
    try:
        assert ask(opened, "SELECT @@tx_isolation") == "READ-COMMITTED"
        assert ask(opened, "SELECT @@time_zone") == "+00:00"
        assert ask(opened, "SELECT @@innodb_lock_wait_timeout") == 5
        assert ask(opened, "SELECT @@character_set_connection") == "utf8mb4"
    finally:
        opened.close()


@pytest.fixture
def ready_mariadb(tmp_path):
    with fresh_database("mariadb", folder=tmp_path) as url:
        upgrade_database(url)
        yield url


def test_what_mariadb_may_lose_is_said(private_mariadb, tmp_path, caplog):
    with fresh_database("mariadb", folder=tmp_path, at=private_mariadb.url) as url:
        upgrade_database(url)
        Database(url).close()
        assert caplog.records == []
        server = server_at(private_mariadb.url)
        server._run("", "SET GLOBAL innodb_flush_log_at_trx_commit = 2")
        try:
            Database(url).close()
        finally:
            server._run("", "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    said = f"{WEAK}innodb_flush_log_at_trx_commit=2"
    assert [record.message for record in caplog.records] == [said]
