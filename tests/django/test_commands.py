"""``manage.py paykit_relay`` and ``manage.py paykit_reconcile``."""

import json
import signal
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from paykit.django import payment_processed, service
from tests.service.shop import notice, request

from ..support.markdown import ROOT
from ..support.servers import answer, loopback
from . import configuring
from .project.settings import PAYKIT
from .running import MANAGE, PATIENCE, surroundings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SUMS = (
    "asked 0, published 0, changed 0, ended 0, given up 0, unanswered 0, put off 0, elsewhere 0\n"
)


def pay(name="ORDER-1"):
    service().create(request(name), provider="vnpay")
    service().receive(notice(name, number=name), provider="vnpay")


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def heard():
    found = []

    def hear(event, **_more):
        found.append(event.order_id)
        if event.order_id == "BAD":
            raise RuntimeError("not this one")

    payment_processed.connect(hear)
    yield found
    payment_processed.disconnect(hear)


def test_what_waits_goes_to_the_receivers(file, heard):
    for name in ("ORDER-1", "ORDER-2"):
        pay(name)
    assert run("paykit_relay", "--once") == "Ended.\n"
    assert (heard, service().outbox()) == (["ORDER-1", "ORDER-2"], [])


def test_what_a_receiver_does_not_take_is_told(file, heard):
    pay("BAD")
    with pytest.raises(CommandError) as caught:
        run("paykit_relay", "--once")
    assert str(caught.value).endswith(
        " was not published, it will be tried again: RuntimeError: not this one"
    )


def test_after_some_tries_an_event_is_dead(file, heard):
    pay("BAD")
    assert run("paykit_relay", "--once", "--max-attempts", "1") == "Ended.\n"
    assert [entry.attempts for entry in service().outbox(dead=True)] == [1]


def test_events_go_to_targets_as_well(file, heard, monkeypatch):
    monkeypatch.setenv("PAYKIT_RELAY_SECRETS", SECRET)
    pay()
    with loopback(answer()) as server:
        run("paykit_relay", "--once", "--to", server.url, "--source", "//shop.example")
    (sent,) = server.requests
    assert json.loads(sent.body)["source"] == "//shop.example"
    assert "webhook-signature" in sent.headers
    assert heard == ["ORDER-1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nobody to publish to: connect a receiver, or give --to"),
        (("--to", "ftp://x"), "the URL of a broker begins with one of "),
        (("--to", "http://127.0.0.1:1", "--batch", "0"), "a relay needs a batch of 1"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(file, arguments, said):
    with pytest.raises(CommandError, match=said):
        run("paykit_relay", *arguments)


def test_it_publishes_until_it_is_told_to_stop(file):
    """As a process, on what another one commits."""
    with loopback(answer()) as server:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *MANAGE, "paykit_relay", "--to", server.url,
             "--source", "//shop.example"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=surroundings(file, PAYKIT_RELAY_SECRETS=SECRET),
        )  # fmt: skip
        assert process.stdout.readline() == "Publishing. Ctrl-C ends it.\n"
        pay()
        assert server.arrived.wait(PATIENCE)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "Ended.\n"), err


def test_a_sweep(file):
    assert run("paykit_reconcile") == SUMS
    (line,) = run("paykit_reconcile", "--json", "--limit", "5").splitlines()
    assert json.loads(line)["asked"] == 0


def test_sweeps_until_it_is_told_to_stop(file):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", *MANAGE, "paykit_reconcile", "--every", "1s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=surroundings(file),
    )
    assert [process.stdout.readline() for _ in range(2)] == [SUMS, SUMS]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def test_a_sweep_of_what_is_long_over(file):
    with pytest.raises(CommandError, match="is not a duration such as 90s, 15m, 12h, 30d"):
        run("paykit_reconcile", "--paid-within", "0d")
    assert run("paykit_reconcile", "--paid-within", "7d") == SUMS


@pytest.mark.parametrize("command", ["paykit_relay", "paykit_reconcile"])
def test_a_wrong_setting_is_said_in_a_line(file, command):
    with (
        override_settings(PAYKIT={**PAYKIT, "RETURN_TO": "thanks"}),
        pytest.raises(CommandError, match=r'^PAYKIT\["RETURN_TO"\] is neither a URL nor a path'),
    ):
        run(command)


def test_a_database_that_is_away_is_said_in_a_line():
    configuring.use("postgresql://nobody:none@127.0.0.1:1/none")
    with pytest.raises(CommandError, match=r"^the database cannot be read: "):
        run("paykit_reconcile")
    configuring.leave()
