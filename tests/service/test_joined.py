"""The service inside the caller's own transaction: both commit together, or neither does."""

import asyncio
import threading

import pytest
from sqlalchemy import (
    Column,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from paykit import (
    ConfigurationError,
    InvalidRequest,
    Money,
    NoAnswer,
    Outcome,
    PaymentRequest,
)
from paykit.service import AsyncPaymentService, PaymentService, blocking

from .cards import answer, cards
from .cards import request as card_request
from .shop import Answers, AsyncAnswers, Clock, notice, request, vnpay
from .test_transfers import CODE, transfer, vietqr

SYNC = ["sqlite", "postgres-psycopg", "mariadb"]
ASYNC = ["postgres-asyncpg", "postgres-psycopg"]
orders = Table("shop_orders", MetaData(), Column("id", String(40), primary_key=True))
#: Of two transactions that do the same, MariaDB's own default shows what was there at the start.
ENGINES = {"mysql": {"isolation_level": "REPEATABLE READ"}}


@pytest.fixture
def shop_engine(ready_database):
    """The shop's own engine, with SQLAlchemy's own settings, and its own table."""
    url = make_url(ready_database.replace("+asyncpg", "+psycopg"))
    engine = create_engine(url, **ENGINES.get(url.get_backend_name(), {}))
    with engine.begin() as connection:
        orders.drop(connection, checkfirst=True)
        orders.create(connection)
    yield engine
    with engine.begin() as connection:
        orders.drop(connection)
    engine.dispose()


@pytest.fixture
def service(ready_database):
    with PaymentService([vnpay()], database=ready_database, clock=Clock()) as service:
        yield service


@pytest.fixture
def payment_id(service):
    return service.create(request(), provider="vnpay").payment_id


def placed(engine):
    with engine.connect() as connection:
        return list(connection.scalars(select(orders.c.id).order_by(orders.c.id)))


def place(name="ORDER-1"):
    return insert(orders).values(id=name)


def state(service, payment_id):
    return service.status(payment_id).status.value, len(service.outbox())


@pytest.mark.parametrize("database_kind", SYNC)
@pytest.mark.parametrize("first", ["the payment", "the order"])
def test_the_order_and_the_payment_commit_together(service, payment_id, shop_engine, first):
    with shop_engine.connect() as connection:
        if first == "the order":
            connection.execute(place())
        receipt = service.joined(connection).receive(notice(), provider="vnpay")
        assert (receipt.outcome, receipt.published) == (Outcome.ACCEPTED, 1)
        assert receipt.payment_ids == (payment_id,)
        if first == "the payment":
            connection.execute(place())
        assert service.joined(connection).status(payment_id).status == "succeeded"
        if shop_engine.dialect.name != "sqlite":  # which lets nobody read while one commits
            assert state(service, payment_id) == ("requires_action", 0)
        connection.commit()
    assert placed(shop_engine) == ["ORDER-1"]
    assert state(service, payment_id) == ("succeeded", 1)
    assert service.receive(notice(), provider="vnpay").outcome is Outcome.DUPLICATE


@pytest.mark.parametrize("database_kind", SYNC)
@pytest.mark.parametrize("first", ["the payment", "the order"])
def test_they_are_rolled_back_together(service, payment_id, shop_engine, first):
    with shop_engine.connect() as connection:
        if first == "the order":
            connection.execute(place())
        assert service.joined(connection).receive(notice(), provider="vnpay").published == 1
        connection.rollback()
    assert placed(shop_engine) == []
    assert state(service, payment_id) == ("requires_action", 0)
    assert service.receive(notice(), provider="vnpay").outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("database_kind", SYNC)
def test_a_savepoint_of_the_callers_takes_the_payment_back(service, payment_id, shop_engine):
    with shop_engine.begin() as connection:
        connection.execute(place("ORDER-1"))
        with connection.begin_nested() as nested:
            connection.execute(place("ORDER-2"))
            service.joined(connection).receive(notice(), provider="vnpay")
            nested.rollback()
        connection.execute(place("ORDER-3"))
    assert placed(shop_engine) == ["ORDER-1", "ORDER-3"]
    assert state(service, payment_id) == ("requires_action", 0)


@pytest.mark.parametrize("database_kind", SYNC)
def test_what_raises_leaves_the_transaction_as_it_was(service, payment_id, shop_engine):
    stranger = vnpay("other")
    with shop_engine.begin() as connection:
        joined = service.joined(connection)
        connection.execute(place())
        joined.receive(notice(), provider="vnpay")
        with pytest.raises(InvalidRequest):
            joined.reserve(request(amount=1), provider="vnpay")
        with pytest.raises(ConfigurationError):
            joined.receive(notice(), provider=stranger.key)
        assert joined.status("pay_\0") is None
    assert placed(shop_engine) == ["ORDER-1"]
    assert state(service, payment_id) == ("succeeded", 1)


@pytest.mark.parametrize("database_kind", SYNC)
def test_a_session_of_the_orm(service, payment_id, shop_engine):
    with Session(shop_engine) as session:
        service.joined(session.connection()).receive(notice(), provider="vnpay")
        session.execute(place())
        session.rollback()
        assert state(service, payment_id) == ("requires_action", 0)
        with session.begin():
            session.execute(place())
            service.joined(session.connection()).receive(notice(), provider="vnpay")
    assert placed(shop_engine) == ["ORDER-1"]
    assert state(service, payment_id) == ("succeeded", 1)


@pytest.mark.parametrize("database_kind", SYNC)
def test_a_payment_is_written_down_with_its_order(service, shop_engine):
    wanted = request("ORDER-9", order_id="ORDER-9")
    with shop_engine.begin() as connection:
        connection.execute(place("ORDER-9"))
        record = service.joined(connection).reserve(wanted, provider="vnpay")
        assert (record.status, record.order_id) == ("pending", "ORDER-9")
    session = service.create(wanted, provider="vnpay")
    assert (session.payment_id, session.status) == (record.payment_id, "requires_action")
    assert placed(shop_engine) == ["ORDER-9"]


@pytest.mark.parametrize("database_kind", SYNC)
@pytest.mark.parametrize("act", ["capture", "void"])
def test_a_command_is_written_down_and_sent_after_the_commit(ready_database, shop_engine, act):
    transport = Answers(answer("authorized", id="psp-1"))
    with PaymentService(
        [cards()], database=ready_database, transport=transport, clock=Clock()
    ) as service:
        payment_id = service.create(card_request(), provider="cards").payment_id
        transport.asked.clear()
        for end in "rollback", "commit":
            with shop_engine.connect() as connection:
                connection.execute(place(end))
                done = getattr(service.joined(connection), act)(payment_id)
                assert (done.command.state, done.command.sent_at) == ("reserved", None)
                getattr(connection, end)()
        assert placed(shop_engine) == ["commit"]
        assert transport.asked == []
        ends = {"capture": "succeeded", "void": "canceled"}
        transport.answers.append(answer(ends[act], id="psp-1"))
        assert getattr(service, act)(payment_id).record.status == ends[act]
        (sent,) = transport.asked
        assert sent.header("Key") == done.command.key


@pytest.mark.parametrize("database_kind", SYNC)
def test_a_refund_is_written_down_once(service, payment_id, shop_engine):
    service.receive(notice(), provider="vnpay")
    found = []
    for end in "rollback", "commit", "commit":
        with shop_engine.connect() as connection:
            found.append(service.joined(connection).refund(payment_id).command)
            getattr(connection, end)()
    assert len({command.command_id for command in found}) == 2  # the first one is forgotten
    assert found[1] == found[2]
    assert [command.amount.minor for command in found] == [150_000] * 3


@pytest.mark.parametrize("database_kind", SYNC)
def test_transfers_with_a_table_of_the_shops(ready_database, shop_engine):
    with PaymentService([vietqr()], database=ready_database, clock=Clock()) as service:
        lost = transfer(50_000, memo="", number=2)
        bank_request = PaymentRequest(reference=CODE, amount=Money(150_000, "VND"))
        with shop_engine.begin() as connection:
            joined = service.joined(connection)
            payment_id = joined.reserve(bank_request, provider="vietqr").payment_id
            assert joined.record_transfers([transfer(100_000), lost], provider="vietqr") == 1
            assert joined.assign(lost, payment_id=payment_id) == 1
            connection.execute(place())
        record = service.status(payment_id)
        assert (record.status, record.received.minor) == ("succeeded", 150_000)
        assert service.unmatched() == []


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "mariadb"])
def test_another_was_faster(service, payment_id, shop_engine):
    """It commits after our transaction has looked: ours sees that, or has to be done again."""
    with shop_engine.connect() as connection:
        assert placed(shop_engine) == []
        connection.execute(select(orders.c.id)).all()  # what REPEATABLE READ shows is fixed now
        assert service.receive(notice(), provider="vnpay").outcome is Outcome.ACCEPTED
        try:
            outcome = service.joined(connection).receive(notice(), provider="vnpay").outcome
        except DBAPIError:
            outcome = None
            connection.rollback()
        else:
            connection.commit()
    expected = None if shop_engine.dialect.name == "mysql" else Outcome.DUPLICATE
    assert outcome is expected
    assert state(service, payment_id) == ("succeeded", 1)


# The relay.


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_the_relay_hears_of_the_commit(ready_database, shop_engine, monkeypatch):
    """And not of the rollback: PostgreSQL tells when it is on disk."""
    monkeypatch.setattr(blocking, "POLL_SECONDS", 300)
    events, told = [], threading.Event()

    def handle(published):
        events.append(published.reference)
        told.set()

    with PaymentService([vnpay()], database=ready_database, clock=Clock()) as service:
        for name in ("ROLLED-BACK", "COMMITTED"):
            service.create(request(name), provider="vnpay")
        service.subscribe(handle)
        with shop_engine.connect() as connection:
            service.joined(connection).receive(notice("ROLLED-BACK", number="1"), provider="vnpay")
            connection.rollback()
            service.joined(connection).receive(notice("COMMITTED", number="2"), provider="vnpay")
            assert not told.wait(0.2)
            connection.commit()
        assert told.wait(20)
    assert events == ["COMMITTED"]


# Async.


@pytest.mark.parametrize("database_kind", ASYNC)
def test_async_connections(ready_database, shop_engine, database_kind):
    async def main():
        url = ready_database  # psycopg has an async face as well
        engine = create_async_engine(url)
        async with AsyncPaymentService(
            [vnpay()], database=ready_database, clock=Clock()
        ) as service:
            payment_id = (await service.create(request(), provider="vnpay")).payment_id
            async with engine.connect() as connection:
                joined = service.joined(connection)
                for end in (connection.rollback, connection.commit):
                    assert (await joined.status(payment_id)).status == "requires_action"
                    await connection.execute(place())
                    receipt = await joined.receive(notice(), provider="vnpay")
                    assert receipt.outcome is Outcome.ACCEPTED
                    assert (await service.status(payment_id)).status == "requires_action"
                    await end()
            assert (await service.status(payment_id)).status == "succeeded"
            async with AsyncSession(engine) as session, session.begin():
                joined = service.joined(await session.connection())
                record = await joined.reserve(request("ORDER-2"), provider="vnpay")
                await session.execute(place("ORDER-2"))
                with pytest.raises(InvalidRequest):
                    await joined.refund(record.payment_id)
            assert (await service.status(record.payment_id)).status == "pending"
        await engine.dispose()

    asyncio.run(main())
    assert placed(shop_engine) == ["ORDER-1", "ORDER-2"]


@pytest.mark.parametrize("database_kind", ["postgres-asyncpg"])
def test_async_commands(ready_database, shop_engine):
    async def main():
        engine = create_async_engine(ready_database)
        transport = AsyncAnswers(answer("authorized", id="psp-1"))
        async with AsyncPaymentService(
            [cards()], database=ready_database, transport=transport, clock=Clock()
        ) as service:
            payment_id = (await service.create(card_request(), provider="cards")).payment_id
            async with engine.begin() as connection:
                done = await service.joined(connection).capture(payment_id)
                assert done.command.state == "reserved"
            with pytest.raises(InvalidRequest, match="capture of it is under way"):
                async with engine.begin() as connection:
                    await service.joined(connection).void(payment_id)
        await engine.dispose()

    asyncio.run(main())


# Where there is no transaction to join.


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "mariadb"])
def test_a_connection_that_commits_by_itself_is_refused(service, payment_id, shop_engine):
    with shop_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for call in (
            lambda joined: joined.receive(notice(), provider="vnpay"),
            lambda joined: joined.status(payment_id),
        ):
            with pytest.raises(ConfigurationError, match="commits by itself"):
                call(service.joined(connection))
    assert state(service, payment_id) == ("requires_action", 0)


def recipe(engine):
    """How SQLAlchemy's documentation makes transactions begin when they are said to."""

    @event.listens_for(engine, "connect")
    def connect(connection, _record):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")


def by_itself(engine):
    """A driver that begins nothing."""

    @event.listens_for(engine, "connect")
    def connect(connection, _record):
        connection.isolation_level = None


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("settings", [recipe, by_itself, None], ids=["recipe", "none", "default"])
@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_however_a_file_is_opened_nothing_is_committed_early(
    service, payment_id, ready_database, settings, end
):
    engine = create_engine(ready_database)
    if settings is not None:
        settings(engine)
    with engine.connect() as connection:
        service.joined(connection).receive(notice(), provider="vnpay")
        if end != "close":
            getattr(connection, end)()
    engine.dispose()
    committed = end == "commit"
    assert state(service, payment_id) == (("succeeded", 1) if committed else ("requires_action", 0))


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_only_a_connection_can_be_joined(service, shop_engine):
    with Session(shop_engine) as session:
        for other in (session, shop_engine, "sqlite://", None):
            with pytest.raises(ConfigurationError, match=r"is no connection: .*session.connection"):
                service.joined(other)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_network_is_not_waited_for(ready_database, shop_engine):
    class Distant(type(vnpay())):
        def verify(self, delivery):
            yield "request"

    transport = Answers(NoAnswer("certificate host is down"))
    distant = Distant(vnpay().config)
    with (
        PaymentService([distant], database=ready_database, transport=transport) as service,
        shop_engine.begin() as connection,
    ):
        with pytest.raises(ConfigurationError, match="needs the network"):
            service.joined(connection).receive(notice(), provider="vnpay")
        assert transport.asked == []
        assert connection.scalar(text("SELECT count(*) FROM paykit_inbox")) == 0
