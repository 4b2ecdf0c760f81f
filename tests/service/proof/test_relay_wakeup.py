"""How soon an idle relay hears of an event: at once in the same process, and by NOTIFY from others.

Without that it would look once a second, so half a second after a commit on average.
"""

import contextlib
import secrets
import statistics
import tempfile
import threading
import time

import pytest
from sqlalchemy import make_url

from paykit.publishing import publisher_from_url
from paykit.service import AsyncPaymentService, PaymentService
from paykit.service.relay import POLL_SECONDS

from ...support.services import require
from ..shop import notice, request, vnpay
from .live import roles
from .live.brokers import broker
from .live.places import database_in_memory
from .live.processes import Child
from .live.truth import Books, say, wait_until

POSTGRES = {"postgres-psycopg": PaymentService, "postgres-asyncpg": AsyncPaymentService}
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
#: Far below what looking once a second gives, and far above what a busy test machine takes.
SOON = 0.3 * POLL_SECONDS


class Reader:
    """Notes when each event arrives on a Redis stream."""

    def __init__(self, topic):
        import redis

        self.arrived = {}
        self._name = topic.url.partition("stream=")[2].partition("&")[0]
        self._client = redis.Redis.from_url(require("redis"), decode_responses=True)
        self._closing = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        last = "0"
        while not self._closing:
            for _, entries in self._client.xread({self._name: last}, block=100) or []:
                for last, fields in entries:  # noqa: B007 - the last one is where to go on
                    self.arrived[fields["id"]] = time.monotonic()

    def close(self):
        self._closing = True
        self._thread.join()
        self._client.close()


def measure(service, reader, *, names):
    """The seconds from the end of each commit to the event on the broker, one by one."""
    seconds = []
    for name in names:
        service.create(request(name), provider="vnpay")
        time.sleep(secrets.randbelow(60) / 1000)
        known = set(reader.arrived)
        receipt = service.receive(notice(name, number=name), provider="vnpay")
        committed = time.monotonic()
        assert receipt.published == 1
        wait_until(lambda known=known: len(reader.arrived) > len(known))
        (event_id,) = reader.arrived.keys() - known
        seconds.append(reader.arrived[event_id] - committed)
    return seconds


def told(seconds):
    return (
        f"median {1000 * statistics.median(seconds):.1f} ms, longest {1000 * max(seconds):.1f} ms"
        f" of {len(seconds)}"
    )


@pytest.fixture
def topic():
    with broker("redis") as made:
        yield made


@pytest.fixture
def reader(topic):
    with contextlib.closing(Reader(topic)) as made:
        yield made


@pytest.fixture
def start_relay(topic):
    """Starts relays in processes of their own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def start(database, face):
            more = {"gateway": "http://127.0.0.1:9", "broker": topic.url}
            child = Child(roles.relay, folder, face=face, database=database, **more)
            stack.callback(child.discard)
            child.wait_until_ready()
            return child

        yield start


@pytest.mark.parametrize("kind", POSTGRES)
def test_another_process_is_woken(kind, start_relay, reader):
    with (
        database_in_memory(kind) as database,
        PaymentService([vnpay()], database=database) as service,
        contextlib.closing(Books(database)) as books,
    ):
        start_relay(database, POSTGRES[kind])
        wait_until(lambda: books.query(f"SELECT pid {LISTENERS}"))
        first = measure(service, reader, names=[f"1{number}" for number in range(15)])
        assert statistics.median(first) < SOON
        # It connects again when it has lost its connection.
        ((lost,),) = books.query(f"SELECT pid {LISTENERS}")
        books.query("SELECT pg_terminate_backend(:pid)", pid=lost)
        wait_until(lambda: books.query(f"SELECT pid {LISTENERS} AND pid <> :pid", pid=lost))
        second = measure(service, reader, names=[f"2{number}" for number in range(15)])
        assert statistics.median(second) < SOON
        say(f"{kind}, commit to Redis by another process: {told(first)}; later {told(second)}")


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_where_nothing_tells_another_process_looks(kind, start_relay, reader):
    with (
        database_in_memory(kind) as database,
        PaymentService([vnpay()], database=database) as service,
    ):
        start_relay(database, PaymentService)
        seconds = measure(service, reader, names=["1", "2", "3"])
        assert max(seconds) < POLL_SECONDS + 2
        say(f"{kind}, commit to Redis by another process: {told(seconds)}")


@pytest.mark.parametrize("kind", ["sqlite", "postgres-psycopg", "postgres-asyncpg", "mariadb"])
def test_the_same_process_knows_at_once(kind, topic, reader):
    with (
        database_in_memory(kind) as database,
        PaymentService([vnpay()], database=database) as service,
    ):
        service.publish_to(publisher_from_url(topic.url))
        seconds = measure(service, reader, names=[f"{number}" for number in range(15)])
        assert statistics.median(seconds) < SOON
        say(f"{kind}, commit to Redis by the same process: {told(seconds)}")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("postgres-psycopg", {"sslmode": "disable"}),
        ("postgres-asyncpg", {"ssl": "disable", "prepared_statement_cache_size": "0"}),
    ],
)
def test_a_listener_understands_the_url_as_the_others_do(kind, settings):
    """Whatever SQLAlchemy's dialects take beside what the drivers do."""
    with database_in_memory(kind) as plain, contextlib.closing(Books(plain)) as books:
        url = make_url(plain).update_query_dict(settings).render_as_string(hide_password=False)
        with PaymentService([vnpay()], database=url) as service:
            service.subscribe(lambda event: None)
            wait_until(lambda: books.query(f"SELECT pid {LISTENERS}"))
            began = time.monotonic()
        wait_until(lambda: not books.query(f"SELECT pid {LISTENERS}"))
        say(f"{kind}: closed within {time.monotonic() - began:.2f} s")
