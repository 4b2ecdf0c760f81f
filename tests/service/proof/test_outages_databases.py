"""Databases that are killed, cut off and locked under load.

Meanwhile nothing is acknowledged; afterwards the same processes go on by themselves, and nothing that
was acknowledged is missing.
"""

import contextlib
import secrets
import sqlite3
import time

import pytest
from sqlalchemy import make_url

from paykit import StoreUnavailable
from paykit.service import PaymentService

from ...support.outage import outage
from ..shop import request, vnpay
from .live import roles
from .live.places import database_in_memory
from .live.shop import shop
from .live.truth import check_acknowledged, check_publishing, say, wait_until

SERVERS = {"postgres-psycopg": "postgres", "postgres-asyncpg": "postgres", "mariadb": "mariadb"}


class Story:
    """A shop at work, whose database goes away now and then."""

    def __init__(self, here):
        self.here = here
        self.recoveries = []
        self.orders = 10
        here.start(roles.relay)
        here.start(roles.intake)
        here.start(roles.worker, orders=range(self.orders), seed=1)
        here.start(roles.sweeper)
        for child in here.children:
            child.wait_until_ready()

    @contextlib.contextmanager
    def away(self, seconds, *, answers=True):
        """While the database is away, so long; whether that is known, or only nobody answers."""
        began = time.monotonic()
        time.sleep(seconds)
        if answers:
            wait_until(lambda: any(one.is_refusal and one.ended > began for one in self.answers()))
        ended = time.monotonic()
        heard = [one for one in self.answers() if began < one.began and one.ended < ended]
        yield
        # What began earlier may have been committed in time.
        assert [one for one in heard if one.acknowledged] == []

    def answers(self):
        return list(self.here.load.answers)

    def recover(self):
        """Wait for the first acknowledgement after the database is back."""
        back = time.monotonic()
        while not any(one.acknowledged and one.began > back for one in self.here.load.answers):
            assert time.monotonic() < back + 20, [
                child.said()[-2000:] for child in self.here.children
            ]
            time.sleep(0.01)
        self.recoveries.append(round(time.monotonic() - back, 2))

    def end(self):
        """All is done in the end, and by the same processes."""
        here = self.here
        assert [child.name for child in here.children if not child.is_alive()] == []
        here.kill([child for child in here.children if child.name in {"worker", "sweeper"}])
        assert here.load.wait_until_done(30) == 0
        assert here.wait_until_published(30) == 0
        rows, entries = here.books.outbox(), here.topic.read()
        repeats = check_publishing(rows, entries)
        acknowledged = check_acknowledged(here.books, here.load)
        paid = here.books.query("SELECT status FROM paykit_payments WHERE provider = 'vnpay'")
        assert [one.status for one in paid] == ["succeeded"] * here.payments
        assert len(rows) >= 2 * here.payments
        for (kind, _), effects in here.gateway.effects.items():
            assert max(effects.values()) == 1, kind
        say(
            f"back after {self.recoveries} s; {acknowledged} facts in {len(here.load.acknowledged)}"
            f" acknowledged of {len(here.load.answers)} deliveries; {len(rows)} events,"
            f" {repeats} repeats"
        )


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_is_killed_and_started_again(kind, private_servers):
    server = private_servers(SERVERS[kind])
    with (
        database_in_memory(kind, at=server.url) as database,
        shop(kind, "kafka", seed=secrets.randbelow(2**32), database=database) as here,
    ):
        story = Story(here)
        for _ in range(3):
            here.sell(15)
            server.kill9()
            with story.away(0.4):
                server.start()
            story.recover()
        story.end()


@pytest.mark.parametrize("kind", SERVERS)
def test_connections_are_cut(kind):
    with (
        database_in_memory(kind) as direct,
        outage(direct) as (cable, database),
        shop(kind, "kafka", seed=secrets.randbelow(2**32), database=database, books=direct) as here,
    ):
        story = Story(here)
        here.sell(20)
        for _ in range(5):
            cable.reset()
            time.sleep(0.05)
        here.sell(10)
        # The transaction is committed, and the answer to COMMIT is lost with the connection.
        cable.lose_answers()
        time.sleep(0.2)
        cable.reset()
        cable.resume()
        story.recover()
        here.sell(10)
        cable.refuse()
        with story.away(0.4):
            cable.resume()
        story.recover()
        here.sell(10)
        cable.freeze()
        with story.away(0.4, answers=False):
            cable.resume()
        story.recover()
        story.end()


def test_sqlite_is_locked_for_longer_than_it_is_waited_for():
    with (
        database_in_memory() as database,
        shop("sqlite", "kafka", seed=secrets.randbelow(2**32), database=database) as here,
    ):
        story = Story(here)
        here.sell(20)
        path = make_url(database).database
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with story.away(6):
                other.execute("ROLLBACK")
        story.recover()
        story.end()


@pytest.mark.parametrize("kind", SERVERS)
def test_whoever_asks_is_told_and_the_first_question_afterwards_is_answered(kind, private_servers):
    server = private_servers(SERVERS[kind])
    with (
        database_in_memory(kind, at=server.url) as database,
        PaymentService([vnpay()], database=database) as service,
    ):
        session = service.create(request(), provider="vnpay")
        for _ in range(3):
            service.status(session.payment_id)
        server.kill9()
        for ask in (service.status, service.session):
            with pytest.raises(StoreUnavailable):
                ask(session.payment_id)
        with pytest.raises(StoreUnavailable):
            service.create(request("ORDER-2"), provider="vnpay")
        server.start()
        assert service.status(session.payment_id).payment_id == session.payment_id
        # Its connections died again, and nobody has noticed it yet.
        server.kill9()
        server.start()
        assert service.status(session.payment_id).payment_id == session.payment_id
        assert service.create(request("ORDER-2"), provider="vnpay").payment_id
