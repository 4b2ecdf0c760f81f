"""Several relays on one outbox: while nothing dies, no event goes out twice, and none out of turn."""

import tempfile
from datetime import timedelta

import pytest

from paykit.service import AsyncPaymentService, PaymentService, RelaySettings

from .live import roles
from .live.brokers import broker
from .live.events import make_events
from .live.places import database_in_memory
from .live.processes import Child
from .live.truth import Books, check_publishing, say, wait_until

#: Small batches, so that all have something to do; a lease that no noise of a test machine outlasts.
SETTINGS = RelaySettings(batch=10, lease=timedelta(minutes=1))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("sqlite", "redis"),
        ("postgres-psycopg", "kafka"),
        ("postgres-asyncpg", "rabbitmq"),
        ("mariadb", "kafka"),
    ],
)
def test_four_relays_share_the_work(kind, name):
    with (
        database_in_memory(kind) as database,
        broker(name) as topic,
        tempfile.TemporaryDirectory() as folder,
    ):
        make_events(database, range(100))
        books = Books(database)
        relays = []
        try:
            for face in (PaymentService, AsyncPaymentService) * 2:
                settings = {"settings": SETTINGS, "gateway": "http://127.0.0.1:9"}
                relays.append(
                    Child(
                        roles.relay,
                        folder,
                        face=face,
                        database=database,
                        broker=topic.url,
                        **settings,
                    )
                )
            make_events(database, range(100, 200))  # while they are at work
            wait_until(lambda: not books.waiting())
            rows = books.outbox()
            assert len(rows) == 400
            assert check_publishing(rows, topic.read(), once=True) == 0
            shares = [sum(_numbers(child.said())) for child in relays]
            assert sum(shares) == 400
            assert sum(share > 0 for share in shares) >= 2
            say(f"{kind}, {name}: the relays had {shares} of 400 events")
        finally:
            books.close()
            for child in relays:
                child.discard()


def _numbers(text):
    return [int(line) for line in text.splitlines() if line.isdigit()]
