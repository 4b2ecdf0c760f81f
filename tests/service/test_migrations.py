"""Making and upgrading the tables: from nothing, from the first ones, half-way, and all at once."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, event, insert, inspect, select
from sqlalchemy.engine import make_url

from paykit import ConfigurationError, Outcome
from paykit.provider import utc_now
from paykit.service import PaymentService, database_version, migrations, upgrade_database
from paykit.service.database import Database, connect, parse
from paykit.service.migrations import NEWEST, STEPS, step_1
from paykit.service.schema import inbox, metadata, movements, outbox, payments

from ..support.databases import KINDS, fresh_database
from .shop import START, Clock, notice, request, vnpay

FIRST_TABLES = Path(__file__).parent / "data" / "first_tables.sql"
TITLES = [f"{number}: {step.TITLE}" for number, step in enumerate(STEPS, start=1)]


def on(url, body, *, writes=True):
    """Run ``body`` on a database, whatever its tables."""
    connector = connect(parse(url))
    try:
        return connector.run(body, writes=writes)
    finally:
        connector.close()


def structure(url):
    """What the database itself says of our tables."""

    def look(conn):
        seen = inspect(conn)
        return {
            name: {
                "columns": {
                    column["name"]: (repr(column["type"]), column["nullable"], column["default"])
                    for column in seen.get_columns(name)
                },
                "key": seen.get_pk_constraint(name)["constrained_columns"],
                "unique": sorted(one["column_names"] for one in seen.get_unique_constraints(name)),
                "indices": {
                    one["name"]: (
                        one["column_names"],
                        bool(one["unique"]),
                        {
                            option: str(value)
                            for option, value in one.get("dialect_options", {}).items()
                            if option.endswith("_where")
                        },
                    )
                    for one in seen.get_indexes(name)
                },
                "options": seen.get_table_options(name),
            }
            for name in seen.get_table_names()
        }

    return on(url, look, writes=False)


def make_now(url):
    """Make the tables as ``schema.py`` has them, without any steps."""

    def make(conn):
        metadata.create_all(conn)
        migrations._versions.create(conn)

    on(url, make)


# From nothing.


def test_the_steps_make_what_the_schema_says(any_database, database_kind, tmp_path):
    assert upgrade_database(any_database) == TITLES
    with fresh_database(database_kind, folder=tmp_path) as other:
        make_now(other)
        expected = structure(other)
    found = structure(any_database)
    assert found == expected
    assert set(found) == {
        "paykit_commands",
        "paykit_inbox",
        "paykit_movements",
        "paykit_outbox",
        "paykit_payments",
        "paykit_schema",
    }
    assert upgrade_database(any_database) == []


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "sqlite"])
def test_what_is_looked_up_all_the_time_has_a_small_index(any_database, database_kind):
    upgrade_database(any_database)
    option = "sqlite_where" if database_kind == "sqlite" else "postgresql_where"
    partial = {
        name
        for table in structure(any_database).values()
        for name, (_columns, _unique, options) in table["indices"].items()
        if option in options
    }
    assert partial == {
        "paykit_commands_given_up",
        "paykit_commands_to_check",
        "paykit_inbox_of_nobody",
        "paykit_outbox_dead",
        "paykit_outbox_waiting",
        "paykit_payments_given_up",
        "paykit_payments_to_check",
    }


def test_when_each_step_was_done_is_on_record(any_database):
    upgrade_database(any_database, clock=lambda: START)
    asked = select(migrations._versions)
    rows = on(any_database, lambda conn: conn.execute(asked).all(), writes=False)
    assert sorted(tuple(row) for row in rows) == [(1, START), (2, START), (3, START)]


# From the first tables, with payments in them.

OLD = MetaData()
for _table in (payments, inbox, movements, outbox):
    _mine = {column.name for column in step_1._first.tables[_table.name].columns}
    Table(
        _table.name,
        OLD,
        *(Column(column.name, column.type) for column in _table.columns if column.name in _mine),
    )


def old_rows():
    """Payments in every state, as the first version would have left them."""
    paid = {"status": "succeeded", "captured": 150_000, "sequence": 1}
    states = {
        "A1": {**paid, "order_id": "A"},
        "A2": {**paid, "order_id": "A", "created_at": START + timedelta(seconds=1)},
        "B2": {**paid, "order_id": "B", "status": "disputed"},
        "B1": {**paid, "order_id": "B"},
        "C": {**paid, "status": "partially_refunded", "refunded": 1000, "sequence": 2},
        "D": {"status": "failed", "sequence": 1},
        "E": {"status": "requires_action"},
        "F": {"status": "authorized", "sequence": 1},
        "G": {"status": "pending"},
        "H": {**paid, "status": "refunded", "refunded": 150_000, "sequence": 2},
    }
    for name, changes in states.items():
        yield (
            OLD.tables["paykit_payments"],
            {
                "payment_id": f"pay_{name}",
                "order_id": name,
                "provider": "vnpay",
                "account": "default",
                "reference": f"ORDER-{name}",
                "currency": "VND",
                "amount": 150_000,
                "captured": 0,
                "refunded": 0,
                "received": 0,
                "status": "pending",
                "capture": "automatic",
                "sequence": 0,
                "created_at": START,
                "updated_at": START,
                **changes,
            },
        )
    yield (
        OLD.tables["paykit_movements"],
        {
            "provider": "vnpay",
            "account": "default",
            "kind": "refund",
            "movement_id": "r-1",
            "payment_id": "pay_C",
            "amount": 1000,
            "currency": "VND",
            "state": "counted",
        },
    )
    for name, published in {"A1": START, "D": None}.items():
        yield (
            OLD.tables["paykit_outbox"],
            {
                "id": f"event-{name}",
                "aggregatetype": "payment",
                "aggregateid": f"pay_{name}",
                "type": "io.paykit.payment.processed.v1",
                "payload": PAYLOAD.replace("NAME", name),
                "sequence": 1,
                "created_at": START,
                "attempts": 0,
                "published_at": published,
            },
        )


PAYLOAD = (
    '{"event_id": "event-NAME", "provider": "vnpay", "reference": "ORDER-NAME", "status": "failed",'
    ' "amount": {"minor": 150000, "currency": "VND"}, "occurred_at": "2026-03-01T09:00:00Z"}'
)


def fill(conn):
    for table, row in old_rows():
        conn.execute(insert(table).values(**row))


@pytest.fixture
def first_database(any_database):
    """The first tables with payments in them, and no note of a version."""
    if make_url(any_database).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(make_url(any_database).database)) as connection:
            connection.executescript(FIRST_TABLES.read_text())
    else:
        on(any_database, step_1.upgrade)
    on(any_database, fill)
    return any_database


def columns(url, table, *names):
    asked = select(*(table.c[name] for name in names)).order_by(*table.primary_key)
    rows = on(url, lambda conn: conn.execute(asked).all(), writes=False)
    return {row[0]: tuple(row[1:]) for row in rows}


def test_payments_of_the_first_tables_go_on(first_database, database_kind, tmp_path):
    assert database_version(first_database) == 1
    assert upgrade_database(first_database) == TITLES[1:]
    assert database_version(first_database) == NEWEST
    names = ("payment_id", "pays_order", "has_movements", "has_commands", "check_at", "checks")
    assert columns(first_database, payments, *names) == {
        "pay_A1": ("A", False, False, None, 0),
        "pay_A2": (None, False, False, None, 0),
        "pay_B1": ("B", False, False, None, 0),
        "pay_B2": (None, False, False, None, 0),
        "pay_C": ("C", True, False, None, 0),
        "pay_D": (None, False, False, None, 0),
        "pay_E": (None, False, False, START, 0),
        "pay_F": (None, False, False, START, 0),
        "pay_G": (None, False, False, START, 0),
        "pay_H": (None, False, False, None, 0),
    }
    if database_kind != "sqlite":  # whose files keep what columns were once declared as
        with fresh_database(database_kind, folder=tmp_path) as other:
            make_now(other)
            assert structure(first_database) == structure(other)


def test_a_file_of_the_first_version_has_the_same_tables_as_a_new_one(tmp_path):
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(FIRST_TABLES.read_text())
    urls = [f"sqlite:///{path}" for path in (old, new)]
    assert [len(upgrade_database(url)) for url in urls] == [2, 3]
    assert structure(urls[0]) == structure(urls[1])


@pytest.mark.parametrize("database_kind", KINDS)
def test_the_service_works_on_with_what_was_there(first_database, database_kind):
    clock = Clock()
    clock.pass_(hours=1)
    if database_kind != "sqlite":
        upgrade_database(first_database)
    events = []
    with PaymentService([vnpay()], database=first_database, clock=clock) as service:
        assert service.receive(notice("ORDER-E"), provider="vnpay").outcome is Outcome.ACCEPTED
        record = service.status("pay_E")
        assert (record.status, record.created_at) == ("succeeded", START)
        # Another payment of an order that is paid is told of as such.
        again = request("ORDER-A-3", order_id="A")
        service.create(again, provider="vnpay")
        service.receive(notice("ORDER-A-3", number="7"), provider="vnpay")
        service._handlers.append(events.append)
        while service.relay():
            pass
        assert len(service.outbox(published=True)) == 4
    assert sorted((event.reference, event.discrepancy) for event in events) == [
        ("ORDER-A-3", "duplicate_payment"),
        ("ORDER-D", None),
        ("ORDER-E", None),
    ]


# Half-way.


class PowerCutError(Exception):
    pass


def upgrade_until_the_power_fails(url, statements):
    """Upgrade, and fail before the next statement after so many that change a table."""
    connector = connect(parse(url))
    left = [statements]

    def count(_conn, _cursor, statement, _parameters, _context, _many):
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP")):
            if not left[0]:
                raise PowerCutError
            left[0] -= 1

    event.listen(connector.engine, "before_cursor_execute", count)
    try:
        connector.run(lambda conn: migrations.upgrade(conn, clock=utc_now), writes=True)
    except PowerCutError:
        return False
    finally:
        connector.close()
    return True


@pytest.mark.parametrize("start", ["nothing", "the first tables"])
@pytest.mark.parametrize("database_kind", ["mariadb"])
def test_where_a_step_is_not_undone_it_is_finished(
    any_database, database_kind, tmp_path, start, request
):
    """Each statement that changes a table is on disk at once there."""
    if start != "nothing":
        request.getfixturevalue("first_database")
    cuts = 0
    while not upgrade_until_the_power_fails(any_database, 1):
        cuts += 1
        assert cuts < 100
        with pytest.raises(ConfigurationError, match="run paykit db upgrade"):
            Database(any_database)
    assert cuts > (20 if start == "nothing" else 12)
    with fresh_database(database_kind, folder=tmp_path) as other:
        make_now(other)
        assert structure(any_database) == structure(other)
    if start != "nothing":
        found = columns(any_database, payments, "payment_id", "pays_order")
        assert [name for name, (order,) in found.items() if order] == ["pay_A1", "pay_B1", "pay_C"]


@pytest.mark.parametrize("statements", [1, 8, 20])
@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "postgres-asyncpg"])
def test_elsewhere_a_step_is_done_whole_or_not_at_all(any_database, statements):
    assert not upgrade_until_the_power_fails(any_database, statements)
    assert structure(any_database) == {}
    assert upgrade_database(any_database) == TITLES


# All at once.

EIGHT = """
import os, sys
from paykit.service import upgrade_database

read, write = os.pipe()
children = []
for _ in range(8):
    child = os.fork()
    if not child:
        os.close(write)
        os.read(read, 1)  # until the parent lets all of them go
        done = upgrade_database(sys.argv[1])
        os.write(1, f"{len(done)}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(read)
os.close(write)
ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(max(ended))
"""


@pytest.mark.parametrize(
    ("database_kind", "start"),
    [*((kind, "nothing") for kind in KINDS), ("mariadb", "the first tables")],
)
def test_eight_processes_upgrade_once(any_database, start, request):
    if start != "nothing":
        request.getfixturevalue("first_database")
    ended = subprocess.run(
        [sys.executable, "-c", EIGHT, any_database],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    steps = NEWEST if start == "nothing" else NEWEST - 1
    assert sorted(map(int, ended.stdout.split())) == [0] * 7 + [steps]
    assert database_version(any_database) == NEWEST


# Whose tables are not ours to use.


def test_a_newer_database_is_refused(any_database):
    upgrade_database(any_database)
    newer = insert(migrations._versions).values(version=NEWEST + 1, applied_at=START)
    on(any_database, lambda conn: conn.execute(newer) and None)
    said = f"the database is at version {NEWEST + 1} and this paykit knows {NEWEST}: upgrade paykit"
    for act in (upgrade_database, Database):
        with pytest.raises(ConfigurationError) as caught:
            act(any_database)
        assert str(caught.value) == said


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "postgres-asyncpg", "mariadb"])
@pytest.mark.parametrize("start", ["nothing", "the first tables"])
def test_a_server_that_is_behind_is_refused(any_database, start, request):
    if start != "nothing":
        request.getfixturevalue("first_database")
    have = 0 if start == "nothing" else 1
    with pytest.raises(ConfigurationError) as caught:
        PaymentService([vnpay()], database=any_database)
    assert str(caught.value) == (
        f"the tables are at version {have} of {NEWEST}: run paykit db upgrade"
    )
    assert database_version(any_database) == have


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_file_is_upgraded_by_opening_it(first_database):
    with PaymentService([vnpay()], database=first_database) as service:
        assert service.status("pay_A1").status == "succeeded"
    assert database_version(first_database) == NEWEST
