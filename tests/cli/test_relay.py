"""``paykit relay``: to real targets, stopped by signals."""

import json
import signal
import threading
import time
from itertools import groupby

import pytest

from paykit.service import PaymentService

from ..support.servers import answer, loopback, unused_port
from .running import run, running, stop

SECRET = "whsec_bm90LWEtcmVhbC1zZWNyZXQtbm90LWEtcmVhbC0="
SIGNED = {"PAYKIT_RELAY_SECRETS": f"{SECRET}, ", "PAYKIT_RELAY_SOURCE": "//shop.example/payments"}


def told(target):
    """The payments that a target has heard of."""
    return sorted(json.loads(seen.body)["subject"] for seen in target.requests)


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "mariadb"])
def test_once_publishes_what_waits_to_every_target(database, shop):
    paid = sorted(shop(number) for number in range(5))
    with loopback(answer()) as one, loopback(answer()) as two:
        targets = ["--to", one.url, "--to", two.url]
        ended = run("relay", *targets, "--batch", "2", "--once", "--database", database, **SIGNED)
        assert (ended.code, ended.out, ended.err) == (0, "Ended.\n", "")
        assert told(one) == told(two) == paid
        again = run("relay", *targets, "--once", "--database", database, **SIGNED)
        assert again.code == 0
        assert len(one.requests) == 5
    (seen, *_) = one.requests
    assert json.loads(seen.body)["source"] == "//shop.example/payments"
    assert seen.headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_once_says_what_was_not_published(database, shop):
    shop(1)
    with loopback(answer(400, b"no")) as target:
        ended = run("relay", "--to", target.url, "--once", "--database", database, **SIGNED)
    assert ended.code == 1
    assert "was not published, it will be tried again: " in ended.err
    assert ended.err.count("\n") == 1
    with PaymentService([], database=database) as service:
        (entry,) = service.outbox()
        assert entry.attempts == 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_target_that_is_away_counts_against_no_event(database, shop):
    shop(1)
    away = f"http://127.0.0.1:{unused_port()}/"
    ended = run("relay", "--to", away, "--once", "--database", database, **SIGNED)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    with PaymentService([], database=database) as service:
        (entry,) = service.outbox()
        assert entry.attempts == 0
        assert entry.last_error.startswith("BrokerUnavailable: ")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_after_the_last_try_an_event_is_dead_and_others_wait_or_not(database, shop):
    payment = shop(1, failed_first=True)
    options = ["--once", "--max-attempts", "1", "--database", database]
    with loopback(answer(400, b"no")) as target:
        run("relay", "--to", target.url, *options, **SIGNED)
    with PaymentService([], database=database) as service:
        assert [one.sequence for one in service.outbox(dead=True)] == [1]
    with loopback(answer()) as target:
        run("relay", "--to", target.url, *options, **SIGNED)
        assert target.requests == []
        run("relay", "--to", target.url, *options, "--behind-dead", **SIGNED)
        assert told(target) == [payment]


@pytest.mark.parametrize(
    ("number", "database_kind"), [(signal.SIGTERM, "sqlite"), (signal.SIGINT, "postgres-asyncpg")]
)
def test_a_signal_ends_it_after_the_batch_it_is_at(database, shop, number):
    arrived, proceed = threading.Event(), threading.Event()

    def slow(connection, stopped):
        arrived.set()
        proceed.wait(10)
        return answer()(connection, stopped)

    shop(1)
    with (
        loopback(slow, answer()) as target,
        running("relay", "--to", target.url, "--database", database, **SIGNED) as process,
    ):
        assert process.stdout.readline() == "Publishing. Ctrl-C ends it.\n"
        assert arrived.wait(20)
        shop(2)
        timer = threading.Timer(0.3, proceed.set)
        timer.start()
        ended = stop(process, number)
        timer.join()
        assert (ended.code, ended.out, ended.err) == (0, "Ended.\n", "")
        assert len(target.requests) == 1
    with PaymentService([], database=database) as service:
        assert [len(service.outbox(published=True)), len(service.outbox())] == [1, 1]


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_several_relays_publish_each_event_once_and_in_order(database, shop):
    with loopback(answer()) as target:
        command = ["relay", "--to", target.url, "--batch", "3", "--database", database]
        with running(*command, **SIGNED) as one, running(*command, **SIGNED) as two:
            for process in one, two:
                process.stdout.readline()
            paid = [shop(number, failed_first=True) for number in range(6)]
            with PaymentService([], database=database) as service:
                until(lambda: not service.outbox())
            assert [stop(process, signal.SIGTERM).code for process in (one, two)] == [0, 0]
        bodies = [json.loads(seen.body) for seen in target.requests]
    pairs = sorted((body["subject"], body["sequence"]) for body in bodies)
    assert pairs == sorted((payment, f"{n:010d}") for payment in paid for n in (1, 2))
    for _, mine in groupby(
        sorted(bodies, key=lambda body: body["subject"]), lambda b: b["subject"]
    ):
        assert [body["sequence"] for body in mine] == ["0000000001", "0000000002"]


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "'--to' (env var: 'PAYKIT_RELAY_TO')"),
        (["--to", "ftp://x"], 1, "the URL of a broker begins with one of kafka://"),
        (["--to", "http://127.0.0.1:1/"], 1, "at least one signing secret"),
        (["--to", "redis://127.0.0.1/0?stream=s"], 1, "source names the service"),
        (["--to", "redis://127.0.0.1/0?stream=s", "--batch", "0"], 2, "0 is not in the range"),
    ],
)
def test_wrong_usage(database, arguments, code, said):
    ended = run("relay", *arguments, "--database", database)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
