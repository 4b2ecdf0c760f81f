"""The service inside Django's transactions, in a process with Django's settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
OUTSIDE = "outside: open a transaction first: with transaction.atomic()\n"
EXPECTED = f"""\
{OUTSIDE}{OUTSIDE}both: accepted
both: ('succeeded', True, 'UTC')
both: (('succeeded', 1, True), ['BOTH'])
neither: (('requires_action', 0, True), ['BOTH'])
inner: (('requires_action', 0, True), ['BOTH', 'OUTER'])
refused: reference
refused: (('succeeded', 1, True), ['BOTH', 'OUTER', 'REFUSED'])
broken: TransactionManagementError
broken: ('requires_action', 0, True)
again: [('succeeded', 1, True), ('succeeded', 1, True)]
"""


@pytest.mark.parametrize(
    ("database_kind", "use_tz"),
    [
        ("sqlite", "yes"),
        ("postgres-psycopg", "yes"),
        ("postgres-psycopg", "no"),
        ("mariadb", "no"),
    ],
)
def test_django(ready_database, database_kind, use_tz):
    engine = create_engine(ready_database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE shop_orders (id VARCHAR(40) PRIMARY KEY)"))
    try:
        ended = subprocess.run(
            [
                sys.executable,
                *("-W", "error", "-m", "tests.service.django_shop", ready_database, use_tz),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            check=False,
        )
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE shop_orders"))
        engine.dispose()
    assert (ended.returncode, ended.stderr) == (0, "")
    own = "untouched: True\nuntouched: 0\n" if database_kind.startswith("postgres") else ""
    assert ended.stdout == EXPECTED + own
