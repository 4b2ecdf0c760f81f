"""The databases that tests get are fresh, and none is left behind."""

import asyncio
import re
import time

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

from .database_server import leftovers, new_name
from .databases import DRIVERS, KINDS, blank, empty, fresh_database, server

metadata = MetaData()
orders = Table(
    "orders", metadata, Column("id", Integer, primary_key=True), Column("name", String(9000))
)
payments = Table(
    "payments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order_id", ForeignKey("orders.id")),
)
versions = Table("versions", metadata, Column("id", Integer, primary_key=True))


def blocking(url):
    """The same database through the blocking driver."""
    return create_engine(url.replace("+asyncpg", "+psycopg"))


def fill(engine, name="Đơn 1"):
    with engine.begin() as connection:
        (order,) = connection.execute(insert(orders).values(name=name)).inserted_primary_key
        connection.execute(insert(payments).values(order_id=order))
        connection.execute(insert(versions))
    return order


def counts(engine):
    with engine.connect() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (orders, payments, versions)
        ]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_gets_one_without_tables(any_database, turn):
    engine = blocking(any_database)
    assert inspect(engine).get_table_names() == []
    metadata.create_all(engine)
    assert fill(engine) == 1
    engine.dispose()


def test_the_url_is_for_the_driver_of_its_kind(any_database, database_kind):
    async def ask():
        engine = create_async_engine(any_database)
        async with engine.connect() as connection:
            said = await connection.scalar(text("SELECT 41 + 1"))
        await engine.dispose()
        return said

    drivers = ["sqlite+pysqlite", "postgresql+psycopg", "postgresql+asyncpg", "mysql+pymysql"]
    dialect = make_url(any_database).get_dialect()
    expected = drivers[KINDS.index(database_kind)]
    assert f"{dialect.name}+{dialect.driver}" == expected
    if database_kind == "postgres-asyncpg":
        assert asyncio.run(ask()) == 42


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_emptied_it_counts_from_one_again(any_database, large):
    engine = blocking(any_database)
    metadata.create_all(engine)
    for _ in range(300 if large else 1):
        fill(engine, name="x" * 9000 if large else "small")
    before = counts(engine)
    empty(any_database, keep=["versions"])  # the engine's connections are open
    assert counts(engine) == [0, 0, before[2]]
    assert fill(engine) == 1
    with engine.connect() as connection:
        assert connection.execute(select(func.max(versions.c.id))).scalar_one() == before[2] + 1
    engine.dispose()


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "mariadb"])
def test_a_transaction_that_somebody_left_open_is_not_in_the_way(any_database):
    engine = blocking(any_database)
    metadata.create_all(engine)
    holder = engine.connect()
    holder.execute(insert(orders).values(name="never committed"))
    started = time.monotonic()
    blank(any_database)
    assert time.monotonic() - started < 5
    holder.invalidate()
    assert inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_ready_one_has_the_tables_and_nothing_in_them(ready_database, turn):
    with PaymentService([vnpay()], database=ready_database) as service:
        session = service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
    engine = blocking(ready_database)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT payment_id, status FROM paykit_payments")).all()
        counted = connection.execute(text("SELECT count(*) FROM paykit_outbox")).scalar_one()
    assert (found, counted) == ([(session.payment_id, "succeeded")], 1)
    engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_one_is_gone_afterwards_though_it_is_in_use(kind, tmp_path):
    with fresh_database(kind, folder=tmp_path) as url, fresh_database(kind, folder=tmp_path) as two:
        assert url != two
        engine = blocking(url)
        metadata.create_all(engine)
        holder = engine.connect()
        holder.execute(insert(orders).values(name="never committed"))
    name = make_url(url).database
    if kind != "sqlite":
        assert name not in server(kind.partition("-")[0]).names()
        holder.invalidate()
    holder.close()
    engine.dispose()


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_database_that_a_killed_run_left_is_dropped_by_the_next(name):
    ours = server(name)
    old = f"paykit_test_{int(time.time()) - 4000:x}_0"
    young = new_name()
    for database in (old, young):
        ours.drop(database)
        ours.create(database)
    ours.drop_leftovers()
    there = ours.names()
    ours.drop(young)
    assert (old in there, young in there) == (False, True)


def test_only_old_databases_of_ours_are_leftovers():
    now = 1_800_000_000
    old, young = f"paykit_test_{now - 3601:x}_ab", f"paykit_test_{now - 3599:x}_ab"
    names = ["postgres", "test", "paykit", old, young, "paykit_test_of_somebody"]
    assert leftovers(names, now=now) == [old, "paykit_test_of_somebody"]


@pytest.mark.parametrize("kind", ["postgres-psycopg", "mariadb"])
@pytest.mark.parametrize("tables", [[orders, payments, versions], [versions]], ids=["keys", "none"])
def test_the_account_that_a_contributor_has_is_enough(private_servers, tmp_path, kind, tables):
    """It may make databases of ours, and nothing else: what ``scripts/services`` makes."""
    home = private_servers(kind.partition("-")[0])
    engine = create_engine(DRIVERS[kind] + home.url[home.url.index("://") :])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ACCOUNTS[kind]:
            connection.execute(text(statement))
    engine.dispose()
    limited = re.sub("//[^@]*@", "//paykit_test:paykit_test@", home.url)
    with fresh_database(kind, folder=tmp_path, at=limited) as url:
        engine = create_engine(url)
        metadata.create_all(engine, tables=tables)
        for _ in range(2):
            with engine.begin() as connection:
                for table in tables:
                    values = {"order_id": 1} if table is payments else {}
                    assert connection.execute(insert(table), values).inserted_primary_key == (1,)
            empty(url)
        assert sorted(inspect(engine).get_table_names()) == sorted(table.name for table in tables)
        engine.dispose()
        blank(url)
        assert inspect(engine).get_table_names() == []
        engine.dispose()


ACCOUNTS = {
    "postgres-psycopg": [
        "DO $$ BEGIN CREATE ROLE paykit_test LOGIN CREATEDB PASSWORD 'paykit_test'; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    ],
    "mariadb": [
        "CREATE USER IF NOT EXISTS paykit_test@'127.0.0.1' IDENTIFIED BY 'paykit_test'",
        r"GRANT ALL ON `paykit\_test\_%`.* TO paykit_test@'127.0.0.1'",
    ],
}
