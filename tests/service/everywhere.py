"""For tests of the service that run on every database."""

import pytest
from sqlalchemy import create_engine, text

from .shop import Awaiting, Blocking

#: The file with both faces, and each server with the face that is most likely used with its driver.
everywhere = pytest.mark.parametrize(
    ("database", "open_service"),
    [
        pytest.param("sqlite", Blocking, id="sqlite-blocking"),
        pytest.param("sqlite", Awaiting, id="sqlite-async"),
        pytest.param("postgres-psycopg", Blocking, id="psycopg-blocking"),
        pytest.param("postgres-asyncpg", Awaiting, id="asyncpg-async"),
        pytest.param("mariadb", Blocking, id="mariadb-blocking"),
    ],
    indirect=True,
)


def rows(database, table):
    """All rows of a table, as the driver gives them."""
    engine = create_engine(database.replace("+asyncpg", "+psycopg"))
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
    engine.dispose()
    return found
