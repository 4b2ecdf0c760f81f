"""An answer to a command, and the notice of the same, do not wait for one another in a circle."""

import threading
import time

import pytest
from sqlalchemy import create_engine, make_url, text

from paykit.provider import utc_now
from paykit.service import PaymentService, upgrade_database

from .cards import answer, cards, request
from .shop import Answers


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_the_payment_is_locked_before_its_commands(any_database):
    upgrade_database(any_database)
    transport = Answers(answer("authorized", id="psp-1"), answer(captured=150_000, id="psp-1"))
    engine = create_engine(make_url(any_database))
    with PaymentService(
        [cards()], database=any_database, transport=transport, clock=utc_now
    ) as service:
        session = service.create(request(), provider="cards")
        with engine.connect() as notice:
            notice.execute(text("SET lock_timeout = '2s'"))
            notice.commit()
            # The command is on record, and its answer waits for the notice, which came first.
            transport.answers.insert(0, hold(notice, transport.answers.pop(0)))
            done = []
            thread = threading.Thread(
                target=lambda: done.append(service.capture(session.payment_id))
            )
            thread.start()
            wait_for_a_lock(engine)
            notice.execute(text("UPDATE paykit_commands SET note = 'told'"))
            notice.commit()
        thread.join(10)
        (captured,) = done
    engine.dispose()
    assert (captured.record.status, captured.published) == ("succeeded", 1)


def hold(connection, response):
    """An answer that comes when another transaction has just locked all payments."""

    def send(_request):
        connection.execute(text("SELECT 1 FROM paykit_payments FOR UPDATE"))
        return response

    return send


def wait_for_a_lock(engine):
    ends = time.monotonic() + 10
    with engine.connect() as connection:
        while time.monotonic() < ends:
            waiting = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar_one()
            connection.rollback()
            if waiting:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
