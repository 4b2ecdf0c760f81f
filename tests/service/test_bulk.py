"""Asking for many names and writing many rows at once, on every database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from paykit.provider import utc_now
from paykit.service import bulk, upgrade_database
from paykit.service.database import connect, parse
from paykit.service.schema import outbox

START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
ELSEWHERE = timezone(timedelta(hours=7))
NAMES = ["plain", "Đơn-1", 'a "quoted" one', "100%s", "back\\slash", "O'Neill", "🍵", "[]", " "]
INSERT = bulk.Many(outbox, [column.name for column in outbox.c])
UPDATE = bulk.Many(outbox, ["published_at", "id", "attempts", "last_error"], key="id")


def row(name, number):
    return {
        "id": name,
        "aggregatetype": "payment",
        "aggregateid": f"pay_{number}",
        "type": "t",
        "payload": f'{{"name": "{name}"}}',
        "sequence": number,
        "occurred_at": START.astimezone(ELSEWHERE),
        "created_at": START + timedelta(microseconds=number),
        "available_at": None,
        "attempts": 0,
        "last_error": None if number % 2 else "it failed: 50%",
        "published_at": None,
        "dead_at": None,
    }


@pytest.fixture
def database(any_database):
    """Opened by our own settings; what is done in a test is never committed."""
    upgrade_database(any_database, clock=utc_now)
    connector = connect(parse(any_database))
    yield connector
    connector.close()


class _UndoneError(Exception):
    """Ends a transaction without a trace."""


def in_transaction(database, body):
    def undone(conn):
        body(conn)
        raise _UndoneError

    with pytest.raises(_UndoneError):
        database.run(undone, writes=True)


def everything(conn):
    found = conn.execute(select(outbox).order_by(outbox.c.sequence))
    return [dict(one._mapping) for one in found]


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_rows_come_back_as_they_were_written(database, count):
    names = [*NAMES, *(f"name {number}" for number in range(300))][:count]
    written = [row(name, number) for number, name in enumerate(names)]

    def body(conn):
        INSERT.write(conn, written)
        assert everything(conn) == written

    in_transaction(database, body)


def test_updated_rows_are_those_of_the_keys(database):
    later = START + timedelta(days=1)
    changed = [
        {"id": "Đơn-1", "published_at": later, "attempts": 1, "last_error": "x"},
        {"id": "O'Neill", "published_at": None, "attempts": 2, "last_error": None},
        {"id": "nobody", "published_at": later, "attempts": 3, "last_error": None},
    ]

    def body(conn):
        before = [row(name, number) for number, name in enumerate(NAMES)]
        INSERT.write(conn, before)
        UPDATE.write(conn, changed)
        by_id = {one["id"]: one for one in changed}
        assert everything(conn) == [{**one, **by_id.get(one["id"], {})} for one in before]

    in_transaction(database, body)


@pytest.mark.parametrize(
    "wanted", [[], ["🍵"], NAMES, [*NAMES, "absent"], ["absent"] * 300, ["PLAIN"]], ids=len
)
def test_the_names_of_a_list_are_found_and_no_others(database, wanted):
    def body(conn):
        INSERT.write(conn, [row(name, number) for number, name in enumerate(NAMES)])
        asked = select(outbox.c.id).where(bulk.among(outbox.c.id, "names", conn.dialect.name))
        found = conn.execute(asked, {"names": wanted}).scalars().all()
        assert sorted(found) == sorted(set(wanted) & set(NAMES))

    in_transaction(database, body)
