"""Brokers that go away under load, and come back.

Meanwhile webhooks are taken as ever, and their events wait without a try being counted; afterwards
all of them are published, in order per payment.
"""

import contextlib
import secrets
import time

import pytest

from ...support.kafka import mock_cluster
from ...support.outage import outage
from ...support.services import require
from .live import roles
from .live.brokers import broker
from .live.shop import shop
from .live.truth import check_acknowledged, check_publishing, say


@contextlib.contextmanager
def kafka(_private_servers):
    with mock_cluster() as cluster, broker("kafka", cluster) as topic:
        yield topic, cluster.down, cluster.up


@contextlib.contextmanager
def killed(kind, private_servers):
    server = private_servers(kind)
    with broker(kind, server.url) as topic:
        yield topic, server.kill9, server.start
        server.start()  # to remove the topic


@contextlib.contextmanager
def rabbitmq(_private_servers):
    with outage(require("rabbitmq")) as (cable, url), broker("rabbitmq", url) as topic:
        yield topic, cable.refuse, cable.resume
        cable.resume()


AWAY = {
    "kafka": kafka,
    "redis": lambda servers: killed("redis", servers),
    "nats": lambda servers: killed("nats", servers),
    "rabbitmq": rabbitmq,
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("sqlite", "redis"),
        ("postgres-psycopg", "kafka"),
        ("postgres-asyncpg", "nats"),
        ("mariadb", "rabbitmq"),
    ],
)
def test_a_broker_goes_and_comes(kind, name, private_servers):
    with (
        AWAY[name](private_servers) as (topic, go, come),
        shop(kind, name, seed=secrets.randbelow(2**32), topic=topic) as here,
    ):
        for role in (roles.intake, roles.relay, roles.relay):
            here.start(role)
        here.sell(10)
        for child in here.children:
            child.wait_until_ready()
        rests = []
        for seconds in (0.1, 2):
            here.sell(5)
            go()
            here.sell(10)
            assert here.load.wait_until_done(10) == 0  # all is taken, though nothing gets out
            time.sleep(seconds)
            assert here.books.waiting() >= 20
            come()
            back = time.monotonic()
            assert here.wait_until_published(20) == 0
            rests.append(round(time.monotonic() - back, 2))
        assert [child.name for child in here.children if not child.is_alive()] == []
        rows, entries = here.books.outbox(), here.topic.read()
        repeats = check_publishing(rows, entries)
        assert len(rows) == 2 * here.payments == 80
        assert check_acknowledged(here.books, here.load) == len(rows)
        say(
            f"{name}: all was out {rests} s after it was back; {len(rows)} events, {repeats} repeats"
        )
