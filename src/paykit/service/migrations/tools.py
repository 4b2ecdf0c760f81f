"""What steps are made of. Each looks first, for MariaDB and MySQL keep what half a step did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, inspect
from sqlalchemy.schema import CreateColumn


def create_tables(connection: Connection, *tables: Table) -> None:
    """Create those tables that are not there yet, and of those that are, the missing indices."""
    for table in tables:
        table.create(connection, checkfirst=True)
        add_indices(connection, table, *(str(index.name) for index in table.indexes))


def add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add those columns of ``table`` that are not there yet."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in there:
            column: Column[Any] = table.c[name]
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


def add_indices(connection: Connection, table: Table, *names: str) -> None:
    """Add those indices of ``table`` that are not there yet."""
    there = _indices(connection, table)
    for index in table.indexes:
        if index.name in names and index.name not in there:
            index.create(connection)


def drop_index(connection: Connection, table: Table, name: str) -> None:
    """Drop an index if it is there."""
    if name in _indices(connection, table):
        on = f" ON {table.name}" if connection.dialect.name in {"mysql", "mariadb"} else ""
        connection.exec_driver_sql(f"DROP INDEX {name}{on}")


def _indices(connection: Connection, table: Table) -> set[str | None]:
    return {index["name"] for index in inspect(connection).get_indexes(table.name)}
