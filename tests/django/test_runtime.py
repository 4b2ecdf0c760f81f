"""The service of a process: opened once, closed with the settings, and who hears of its events."""

import subprocess
import sys
import threading

import pytest
from django.test import override_settings

from paykit import ConfigurationError
from paykit.django import order_status_url, payment_processed, runtime, service
from tests.service.shop import notice, request

from ..support.markdown import ROOT
from .project.settings import PAYKIT
from .running import PATIENCE, surroundings


@pytest.fixture
def receiver():
    """Connect a receiver for one test."""
    connected = []

    def connect(function):
        payment_processed.connect(function)
        connected.append(function)

    yield connect
    for function in connected:
        payment_processed.disconnect(function)


def pay(name="ORDER-1"):
    service().create(request(name), provider="vnpay")
    return service().receive(notice(name, number=name), provider="vnpay")


def test_there_is_one_until_the_settings_change(file):
    first = service()
    assert service() is first
    with override_settings(RETURN_TO="/elsewhere"):
        assert service() is first
    with override_settings(PAYKIT={**PAYKIT, "RETURN_TO": "/elsewhere"}):
        second = service()
        assert second is not first
        assert runtime.current().settings.return_to == "/elsewhere"
    assert service() not in {first, second}


def test_all_threads_get_the_same(file):
    found = []
    start = threading.Barrier(8)

    def look():
        start.wait()
        found.append(service())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {service()}


def test_a_forked_process_has_its_own(file):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.django.forking"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env=surroundings(file),
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("another: True, empty: []\nthe same: True\n", "")


def test_a_database_of_its_own(file, tmp_path):
    with override_settings(PAYKIT={**PAYKIT, "DATABASE": f"sqlite:///{tmp_path}/own.db"}):
        pay()
        assert [entry.payment_id for entry in service().outbox()]
    assert service().outbox() == []


def test_orders_are_shown_if_there_are_keys(file):
    without = override_settings(PAYKIT={**PAYKIT, "ORDER_TOKEN_KEYS": []})
    with without, pytest.raises(ConfigurationError) as caught:
        order_status_url("ORDER-1")
    assert str(caught.value) == 'PAYKIT["ORDER_TOKEN_KEYS"] is empty: orders are not shown'


# Events.


def test_receivers_are_called_by_a_thread(file, receiver):
    heard, done = [], threading.Event()

    def hear(sender, event, **_more):
        from django.db import connections

        with connections["default"].cursor() as cursor:  # as an app of yours would
            cursor.execute("SELECT count(*) FROM paykit_payments")
        heard.append((sender, event.order_id, event.status, threading.current_thread().name))
        if len(heard) == 2:
            done.set()

    receiver(hear)
    with override_settings(PAYKIT={**PAYKIT, "RELAY": True}):
        pay("ORDER-1")
        pay("ORDER-2")
        assert done.wait(PATIENCE)
        service().close()
    assert heard == [
        ("vnpay", "ORDER-1", "succeeded", "paykit-relay"),
        ("vnpay", "ORDER-2", "succeeded", "paykit-relay"),
    ]


def test_events_wait_for_whoever_relays_them(file, receiver):
    heard = []

    def hear(event, **_more):
        heard.append(event.order_id)
        if len(heard) == 1:
            raise RuntimeError("not now")

    receiver(hear)
    pay()
    assert heard == []
    assert service().relay() == 1
    (waiting,) = service().outbox()
    assert (heard, waiting.last_error) == (["ORDER-1"], "RuntimeError: not now")
    assert service().relay() == 0  # in a second
    service().replay(payment_id=waiting.payment_id)
    assert service().relay() == 1
    assert (heard, service().outbox()) == (["ORDER-1", "ORDER-1"], [])


def test_a_relay_for_nobody_is_told_of(file, caplog):
    """Else events would wait, and nobody know why."""
    with override_settings(PAYKIT={**PAYKIT, "RELAY": True}), caplog.at_level("WARNING"):
        pay()
    assert "nothing is connected to payment_processed: events wait" in caplog.text


def test_without_receivers_nothing_is_lost(file):
    pay()
    with pytest.raises(ConfigurationError, match=r"^nobody to publish to"):
        service().relay()
    assert len(service().outbox()) == 1
