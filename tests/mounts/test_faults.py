"""Our own faults: nothing is stored, the provider comes again, and the payer gets to the shop."""

import sqlite3

import pytest

from paykit.service import database as opening

from .callers import CALLERS, VNPAY
from .case import reply
from .frameworks import FRAMEWORKS
from .site import Site
from .table_browsers import UNVERIFIED, back
from .wire import Sent

EACH = pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def shaky(request, tmp_path_factory):
    """A shop that does not wait for a lock, and whose accounts can be broken."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(opening, "_LOCK_SECONDS", 0.02)
        folder = tmp_path_factory.mktemp("shaky")
        opened = Site(FRAMEWORKS[request.param], folder, name=request.param)
    yield opened
    opened.close()


def broken(_delivery):
    raise KeyError("a detail that is nobody's business")


@EACH
def test_a_bug_of_ours_makes_the_provider_come_again(shaky, caller, monkeypatch, caplog):
    order = shaky.order().create(caller.key)
    call, rows = caller.call(order.number), shaky.rows()
    with monkeypatch.context() as patched:
        patched.setattr(shaky.service.providers[caller.key], "verify", broken)
        reply(caller.come_again).check(shaky.ask(call))
    assert f"a delivery for {caller.key} failed inside" in caplog.text
    assert shaky.rows() == rows
    reply(caller.taken).check(shaky.ask(call))


@EACH
def test_a_locked_database_makes_the_provider_come_again(shaky, caller):
    order = shaky.order().create(caller.key)
    call, rows = caller.call(order.number), shaky.rows()
    other = sqlite3.connect(shaky.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        reply(caller.come_again).check(shaky.ask(call))
    finally:
        other.close()
    assert shaky.rows() == rows
    reply(caller.taken).check(shaky.ask(call))


def test_a_bug_of_ours_sends_the_payer_to_the_shop(shaky, monkeypatch, caplog):
    order = shaky.order().create().tell()
    monkeypatch.setattr(shaky.service.providers["vnpay"], "verify_return", broken)
    UNVERIFIED.check(shaky.ask(back(order)))
    assert "a browser return for vnpay failed inside" in caplog.text


def test_a_service_that_cannot_say_how_it_is_is_not_ready(shaky, monkeypatch, caplog):
    monkeypatch.setattr(type(shaky.service), "health", broken, raising=False)
    answer = shaky.ask(Sent("GET", "/ready"))
    assert (answer.status, answer.body) == (503, b'{"status":"unavailable"}')
    assert "the service cannot say how it is" in caplog.text
    # It lives all the same.
    assert shaky.ask(Sent("GET", "/health")).status == 200
    reply(VNPAY.unknown).check(shaky.ask(VNPAY.call(shaky.order().number)))
