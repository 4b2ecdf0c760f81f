"""The service on Django's own connection: transactions of yours, threads, and trouble."""

import contextlib
import threading

import pytest
from sqlalchemy import select, text

from paykit import ConfigurationError, InvalidRequest, StoreUnavailable
from paykit.service import PaymentService
from paykit.service.schema import inbox, payments
from paykit.service.threads import OwnThread
from tests.service.shop import START, Answers, Clock, momo, notice, request, vnpay

from . import configuring

KINDS = ["sqlite", "postgres-psycopg", "mariadb"]
everywhere = pytest.mark.parametrize("database_kind", KINDS)


class ChangedMindError(Exception):
    pass


@pytest.fixture
def open_service():
    from paykit.django.store import DjangoStore

    opened = []

    def open_(*answers, **settings):
        made = PaymentService(
            [vnpay(), momo()],
            database=DjangoStore("default"),
            transport=Answers(*answers),
            clock=Clock(),
            **settings,
        )
        opened.append(made)
        return made

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def service(djangos, open_service):
    return open_service()


def atomic(**options):
    from django.db import transaction

    return transaction.atomic(**options)


def connection():
    from django.db import connections

    return connections["default"]


def receive(service, name="ORDER-1", **changes):
    return service.receive(notice(name, number=name, **changes), provider="vnpay").outcome.value


def create(service, name="ORDER-1"):
    return service.create(request(name), provider="vnpay").payment_id


def in_thread(work, kind=threading.Thread):
    """Do ``work`` in a thread; whether a connection is left open there, and what it returned."""
    said = []

    def run():
        said.append(work())
        said.append(connection().connection is not None)
        connection().close()

    thread = kind(target=run, **({"name": "own"} if kind is OwnThread else {}))
    thread.start()
    thread.join()
    done, is_open = said
    return done, is_open


@everywhere
def test_it_works_as_on_connections_of_its_own(service):
    payment_id = create(service)
    assert (receive(service), receive(service)) == ("accepted", "duplicate")
    record = service.status(payment_id)
    assert (record.status, record.created_at) == ("succeeded", START)
    assert [entry.status for entry in service.outbox()] == ["succeeded"]
    heard = []
    service.subscribe(heard.append, background=False)
    assert (service.relay(), service.relay()) == (1, 0)
    assert [event.order_id for event in heard] == ["ORDER-1"]


@everywhere
def test_in_a_block_of_yours_it_is_a_part_of_that(service):
    payment_id = create(service)
    with contextlib.suppress(ChangedMindError), atomic():
        assert receive(service) == "accepted"
        assert service.status(payment_id).status == "succeeded"
        raise ChangedMindError
    assert (service.status(payment_id).status, service.outbox()) == ("requires_action", [])
    with atomic():
        assert receive(service) == "accepted"
        elsewhere, _ = in_thread(lambda: service.status(payment_id).status)
    assert (elsewhere, service.status(payment_id).status) == ("requires_action", "succeeded")


@everywhere
def test_an_error_in_it_leaves_your_block_as_it_was(service):
    create(service)
    with atomic():
        receive(service)
        with pytest.raises(InvalidRequest):
            service.joined(connection()).reserve(request(amount=1), provider="vnpay")
        with pytest.raises(InvalidRequest):
            service.create(request(amount=1), provider="vnpay")
    assert [entry.status for entry in service.outbox()] == ["succeeded"]


@everywhere
def test_an_error_of_the_database_undoes_no_more_than_its_own(service):
    create(service)
    with atomic():
        receive(service)
        with pytest.raises(StoreUnavailable, match=r"^the database did not commit: "):
            service._database.transact(
                lambda conn: conn.execute(text("SELECT 1 FROM nowhere"))
            ).result()
        assert receive(service, "ANOTHER") == "unknown_reference"
    references = service._database.read(
        lambda conn: set(conn.execute(select(inbox.c.reference)).scalars())
    )
    assert references == {"ORDER-1", "ANOTHER"}


@everywhere
def test_what_a_block_changes_is_told_once_it_commits(service):
    told, unsettled = [], []
    payment_id = create(service)
    service._database.on_change = told.append
    service._database.on_unsettled = unsettled.append
    changed = {(payment_id, "ORDER-1")}
    with atomic():
        receive(service)
        assert (unsettled, told) == ([changed], [])
    assert told == [changed]
    create(service, "OTHER")
    told.clear()
    with contextlib.suppress(ChangedMindError), atomic():
        receive(service, "OTHER")
        raise ChangedMindError
    assert (len(unsettled), told) == (2, [])
    receive(service, "OTHER")
    assert (len(unsettled), len(told)) == (2, 1)


@everywhere
def test_no_provider_is_asked_in_a_block(djangos, open_service):
    service = open_service()
    wanted = request("ORDER-9")
    with (
        pytest.raises(ConfigurationError, match=r"^a provider is asked inside transaction"),
        atomic(),
    ):
        service.create(wanted, provider="momo")
    assert service._transport.asked == []
    assert service.payments(order_id="ORDER-9").items == ()


@everywhere
def test_threads_of_the_service_leave_no_connection_open(service):
    payment_id = create(service)

    def look():
        return service.status(payment_id).order_id

    assert in_thread(look) == ("ORDER-1", True)
    assert in_thread(look, OwnThread) == ("ORDER-1", False)
    assert in_thread(lambda: receive(service), OwnThread) == ("accepted", False)


def test_connections_are_kept_as_long_as_the_settings_say(file, open_service):
    configuring.use(file, CONN_MAX_AGE=None)
    service = open_service()
    payment_id = create(service)
    assert in_thread(lambda: service.status(payment_id).order_id, OwnThread) == ("ORDER-1", True)


def test_nothing_works_before_the_tables_are_there(tmp_path, open_service):
    configuring.use(f"sqlite:///{tmp_path}/empty.db")
    service = open_service()
    said = "the tables are not there, or old: manage.py migrate makes them"
    for call in service.outbox, lambda: service._database.transact(lambda _: None).result():
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert str(caught.value) == said
    assert service.receive(notice(), provider="vnpay").outcome == "try_again"
    configuring.leave()


def test_a_database_that_is_away_is_no_news(open_service):
    configuring.use("postgresql://nobody:none@127.0.0.1:1/none")
    service = open_service()
    with pytest.raises(StoreUnavailable, match=r"^the database cannot be read: .*127\.0\.0\.1"):
        service.outbox()
    assert service.receive(notice(), provider="vnpay").reply.body == (
        b'{"RspCode":"99","Message":"Unknown error"}'
    )
    configuring.leave()


def test_a_file_is_locked_from_the_beginning(file, open_service):
    """Django begins without a lock, and a transaction that has read could not write any more."""
    service = open_service()
    create(service)
    begun, go = threading.Event(), threading.Event()

    def read_first(conn):
        found = conn.execute(select(payments.c.status)).scalar_one()
        begun.set()
        go.wait(5)
        conn.execute(payments.update().values(reason="it can still write"))
        return found

    first = OwnThread(lambda: service._database.transact(read_first).result(), name="first")
    second = OwnThread(lambda: receive(service), name="second")
    first.start()
    begun.wait(5)
    second.start()
    go.set()
    first.join()
    second.join()
    assert service._database.read(
        lambda conn: conn.execute(select(payments.c.status, payments.c.reason)).one()
    ) == ("succeeded", None)


def test_it_is_for_blocking_code(file):
    from paykit.django.store import DjangoStore

    store = DjangoStore("default")
    with pytest.raises(ConfigurationError, match=r"^on Django's connection use PaymentService"):
        store.submit(None)
    store.close()
    assert (store.is_alone, store.tells_at) == (False, None)
