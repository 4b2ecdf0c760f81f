"""The one writer: groups, savepoints, durability settings, and several processes on one file."""

import subprocess
import sys
import threading
from asyncio import CancelledError
from concurrent.futures import wait

import pytest
from sqlalchemy import event, text

from paykit import InvalidRequest, StoreUnavailable
from paykit.service.database import Database, journal_mode


@pytest.fixture
def opened(database):
    opened = Database(database)
    with opened.engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (n INTEGER PRIMARY KEY)"))
    yield opened
    opened.close()


@pytest.fixture
def engine(opened):
    return opened.engine


@pytest.fixture
def writer(opened):
    """What the database is asked for transactions."""

    class Submitting:
        submit = staticmethod(opened.transact)
        close = staticmethod(opened.close)

    return Submitting()


def put(n):
    return lambda connection: connection.execute(text("INSERT INTO seen VALUES (:n)"), {"n": n})


def seen(engine):
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT n FROM seen ORDER BY n")))


def test_a_burst_is_committed_in_groups(engine, writer):
    commits = []
    event.listen(engine, "commit", lambda connection: commits.append(1))
    gate, started = threading.Event(), threading.Event()

    def hold(connection):
        started.set()
        gate.wait(5)

    first = writer.submit(hold)
    started.wait(5)
    futures = [writer.submit(put(n)) for n in range(100)]
    gate.set()
    wait([first, *futures], timeout=10)
    assert seen(engine) == list(range(100))
    assert len(commits) == 2  # the first by itself, all the others together


def test_one_that_fails_takes_nothing_else_with_it(engine, writer):
    gate = threading.Event()
    writer.submit(lambda connection: gate.wait(5))

    def refuse(connection):
        put(50)(connection)
        raise InvalidRequest("no")

    futures = [writer.submit(body) for body in (put(1), refuse, put(1), put(2))]
    gate.set()
    wait(futures, timeout=10)
    assert seen(engine) == [1, 2]
    assert [type(future.exception()) for future in futures] == [
        type(None),
        InvalidRequest,
        StoreUnavailable,  # the primary key was taken
        type(None),
    ]


def test_a_commit_that_fails_fails_for_all(engine, writer):
    gate = threading.Event()
    first = writer.submit(lambda connection: gate.wait(5))

    def refuse(connection):
        raise OSError("the disk is full")

    gate.set()
    first.result(5)
    event.listen(engine, "commit", refuse)
    future = writer.submit(put(1))
    assert isinstance(future.exception(5), StoreUnavailable)
    event.remove(engine, "commit", refuse)
    writer.submit(put(2)).result(5)
    assert seen(engine) == [2]


def test_a_caller_that_gave_up_before_its_turn_is_dropped(engine, writer):
    gate, started = threading.Event(), threading.Event()

    def hold(connection):
        started.set()
        gate.wait(5)

    first = writer.submit(hold)
    started.wait(5)
    late = writer.submit(put(1))
    assert late.cancel()
    gate.set()
    first.result(5)
    writer.submit(put(2)).result(5)
    assert seen(engine) == [2]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, CancelledError])
def test_whatever_a_body_raises_is_its_callers(engine, writer, error):
    def end(connection):
        put(1)(connection)
        raise error

    assert type(writer.submit(end).exception(10)) is error
    gate = threading.Event()
    first = writer.submit(lambda connection: gate.wait(5))
    futures = [writer.submit(body) for body in (put(2), end, put(3))]
    gate.set()
    wait([first, *futures], timeout=10)
    assert type(futures[1].exception()) is error
    assert seen(engine) == [2, 3]


def test_opening_a_file_waits_for_nobody(opened, database):
    gate, started = threading.Event(), threading.Event()

    def hold(connection):
        started.set()
        gate.wait(10)

    writing = opened.transact(hold)
    started.wait(5)
    try:
        Database(database).close()
    finally:
        gate.set()
    writing.result(5)


def test_closing_finishes_what_waits(engine, writer):
    futures = [writer.submit(put(n)) for n in range(20)]
    writer.close()
    writer.close()
    assert all(future.done() for future in futures)
    assert len(seen(engine)) == 20
    with pytest.raises(StoreUnavailable):
        writer.submit(put(99))


@pytest.mark.parametrize(
    ("version", "single_process", "mode"),
    [
        ((3, 51, 2), False, "TRUNCATE"),
        ((3, 40, 1), True, "WAL"),
        ((3, 51, 3), False, "WAL"),
        ((3, 52, 0), False, "WAL"),
    ],
)
def test_journal_mode(version, single_process, mode):
    assert journal_mode(version, single_process=single_process) == mode


@pytest.mark.parametrize(("single_process", "mode"), [(True, "wal"), (False, None)])
def test_a_commit_is_on_disk(database, single_process, mode):
    import sqlite3

    mode = mode or journal_mode(sqlite3.sqlite_version_info, single_process=False).lower()
    opened = Database(database, single_process=single_process)
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == mode
    opened.close()


PROCESS = """
import sys
from paykit.service import PaymentService
from tests.service.shop import notice, request, vnpay

with PaymentService([vnpay()], database=sys.argv[1]) as service:
    service.create(request(), provider="vnpay")
    outcomes = [service.receive(notice(), provider="vnpay").outcome for _ in range(5)]
    print(outcomes.count("accepted"))
"""


def test_many_processes_one_effect(database):
    """Eight processes get the same notice five times each: one of the forty is new."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, database], stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    accepted = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sum(accepted) == 1
    opened = Database(database)
    with opened.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM paykit_payments")) == 1
        assert connection.scalar(text("SELECT count(*) FROM paykit_outbox")) == 1
    opened.close()


TRANSFERS = """
import sys
from paykit import InvalidRequest
from paykit.service import PaymentService
from tests.service.test_transfers import CODE, OTHER, create, transfer, vietqr

with PaymentService([vietqr()], database=sys.argv[1]) as service:
    mine = [create(service), create(service, OTHER)][int(sys.argv[2]) % 2]
    named = [transfer(60_000, number=1), transfer(90_000, number=2), transfer(memo="", number=3)]
    events = sum(service.record_transfers(named, provider="vietqr") for _ in range(3))
    try:
        events += service.assign(named[2], payment_id=mine.payment_id)
    except InvalidRequest:
        pass
    print(events)
"""


def test_many_processes_count_each_transfer_once(database):
    """Eight processes tell of the same transfers, and give one of them to two payments."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRANSFERS, database, str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    events = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sum(events) == 3
    opened = Database(database)
    with opened.engine.connect() as connection:
        received = list(connection.scalars(text("SELECT received FROM paykit_payments")))
        assert sorted(received) in ([0, 300_000], [150_000, 150_000])
        assert connection.scalar(text("SELECT count(*) FROM paykit_outbox")) == 3
    opened.close()
