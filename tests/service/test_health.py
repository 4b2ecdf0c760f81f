"""How the service says it is: to probes, which ask often and do not wait, and to dashboards."""

import asyncio
import threading
import time
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, insert, update

from paykit import BrokerUnavailable
from paykit.service import AsyncPaymentService, Health, PaymentService
from paykit.service.health import MOST, PATIENCE
from paykit.service.schema import commands, outbox, payments

from ..support.outage import outage
from .everywhere import everywhere
from .shop import START, Awaiting, Blocking, notice, request, vnpay

WELL = Health(ready=True, database=True)
ILL = Health(ready=False, database=False)


def change(database, *statements):
    engine = create_engine(database.replace("+asyncpg", "+psycopg"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


def event(number, **more):
    return {
        "id": f"evt-{number}",
        "aggregatetype": "payment",
        "aggregateid": f"pay-{number}",
        "type": "t",
        "payload": "{}",
        "sequence": 1,
        "created_at": START + timedelta(seconds=number),
        "attempts": 0,
        "published_at": None,
        "dead_at": None,
        **more,
    }


def command(number, **more):
    return {
        "command_id": f"cmd-{number}",
        "payment_id": "pay_0001",
        "kind": "void",
        "idempotency_key": f"{number}",
        "amount": 1,
        "currency": "VND",
        "base": 0,
        "final": True,
        "description": "",
        "state": "waiting",
        "attempts": 1,
        "given_up_at": START,
        "created_at": START,
        "updated_at": START,
        **more,
    }


# What the database says.


@everywhere
def test_an_empty_service_is_well(open_service):
    assert open_service().health() == WELL


@everywhere
def test_what_waits_for_somebody_is_counted(open_service, database, clock):
    service = open_service()
    for number in (1, 2):
        service.create(request(f"ORDER-{number}"), provider="vnpay")
        service.receive(notice(f"ORDER-{number}", number=str(number)), provider="vnpay")
        clock.pass_(minutes=1)
    others = [
        event(1, published_at=START),
        event(2, dead_at=START),
        event(3, dead_at=START),
        event(4, dead_at=START, published_at=START),
    ]
    change(
        database,
        insert(outbox).values(others),
        update(payments).values(given_up_at=START, check_at=None, status="pending"),
        insert(commands).values([command(1), command(2, state="done")]),
    )
    assert service.health() == Health(
        ready=True,
        database=True,
        waiting=2,
        oldest_waiting=timedelta(minutes=2),
        dead=2,
        given_up=3,
    )


@everywhere
def test_counting_ends_somewhere(open_service, database, clock):
    service = open_service()
    many = [event(number) for number in range(MOST + 1)]
    dead = [event(number + 5000, dead_at=START) for number in range(MOST + 1)]
    left = [command(number) for number in range(MOST + 1)]
    change(database, insert(outbox).values(many + dead), insert(commands).values(left))
    clock.pass_(seconds=7)
    assert service.health() == Health(
        ready=True,
        database=True,
        waiting=MOST,
        oldest_waiting=timedelta(seconds=7),
        dead=MOST,
        given_up=MOST,
    )


def test_a_writer_whose_clock_is_ahead_waits_for_no_negative_time(service, database):
    change(database, insert(outbox).values([event(60)]))
    assert service.health().oldest_waiting == timedelta(0)


# Where it does not answer.

SERVERS = pytest.mark.parametrize(
    ("database_kind", "face"),
    [("postgres-psycopg", Blocking), ("postgres-asyncpg", Awaiting), ("mariadb", Blocking)],
)


def asking():
    return [thread for thread in threading.enumerate() if thread.name == "paykit-health"]


@SERVERS
def test_a_database_that_is_silent_makes_no_probe_wait(ready_database, face, clock):
    with outage(ready_database) as (cable, url), closing(face(url, clock=clock)) as service:
        assert service.health() == WELL
        cable.freeze()
        began = time.monotonic()
        assert [service.health(timeout=0.1) for _ in range(5)] == [ILL] * 5
        assert time.monotonic() - began < 3
        assert len(asking()) == 1  # however often it is asked
        cable.resume()
        assert service.health(timeout=10) == WELL


@SERVERS
def test_a_database_that_is_gone_is_told(ready_database, face, clock):
    with outage(ready_database) as (cable, url), closing(face(url, clock=clock)) as service:
        cable.refuse()
        assert service.health(timeout=10) == ILL
        cable.resume()
        assert service.health(timeout=10) == WELL


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_closing_waits_for_a_silent_database_but_not_for_long(ready_database, clock):
    with outage(ready_database) as (cable, url):
        service = Blocking(url, clock=clock)
        cable.freeze()
        assert service.health(timeout=0.01) == ILL
        began = time.monotonic()
        service.close()
        assert PATIENCE * 0.9 < time.monotonic() - began < PATIENCE + 3


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_a_loop_that_ends_before_the_answer_leaves_no_trouble(ready_database, clock):
    with outage(ready_database) as (cable, url):

        async def ask():
            service = AsyncPaymentService([vnpay()], database=url, clock=clock)
            cable.freeze()
            assert await service.health(timeout=0.01) == ILL
            return service

        service = asyncio.run(ask())
        (thread,) = asking()
        cable.resume()
        thread.join()
        asyncio.run(service.close())


def test_a_service_that_is_closed_is_not_ready(service):
    service.close()
    if isinstance(service, Blocking):
        assert service.health() == ILL
    else:
        assert asyncio.run(service.service.health()) == ILL


def test_without_a_thread_to_ask_in_it_is_not_ready(service, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert service.health() == ILL


# The relay.


class Broker:
    """One that can be away."""

    is_async = False

    def __init__(self):
        self.is_away = False

    def publish(self, messages):
        if self.is_away:
            raise BrokerUnavailable("away")
        return [None] * len(messages)

    def close(self):
        pass


def test_a_relay_that_cannot_publish_is_told_and_one_that_is_back(database):
    broker = Broker()
    with PaymentService([vnpay()], database=database) as service:
        service.publish_to(broker)
        assert service.health().relay is True
        broker.is_away = True
        service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
        until(lambda: service.health().relay is False)
        assert service.health().ready is True  # deliveries are taken all the same
        broker.is_away = False
        until(lambda: service.health().relay is True)
        assert service.health().waiting == 0


def test_so_it_is_for_async_code(database):
    async def go():
        broker = Broker()
        async with AsyncPaymentService([vnpay()], database=database) as service:
            await service.publish_to(broker)
            assert (await service.health()).relay is True
            broker.is_away = True
            await service.create(request(), provider="vnpay")
            await service.receive(notice(), provider="vnpay")
            await told(service, relay=False)
            broker.is_away = False
            await told(service, relay=True)

    asyncio.run(go())


def test_a_relay_that_somebody_else_runs_is_none_of_ours(service):
    service.publish_to(Broker(), background=False)
    assert service.health().relay is None


async def told(service, *, relay):
    async with asyncio.timeout(10):
        health = await service.health()
        while health.relay is not relay:
            await asyncio.sleep(0.01)
            health = await service.health()


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
