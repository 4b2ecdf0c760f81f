"""The relay outlives what publishers do to it, and loses and counts nothing because of it."""

import asyncio
import gc
import logging
import sys
import threading
import time
from datetime import timedelta

import pytest

from paykit import BrokerUnavailable, MessageRefused, NotPublished, StoreUnavailable
from paykit.provider import utc_now
from paykit.service import PaymentService, RelaySettings, outbox
from paykit.service.relay import rest

from ..shop import Awaiting, notice, request, vnpay


class Scripted:
    """Answers as it is told: an error to raise, or a function of the messages; then all is well."""

    is_async = False

    def __init__(self, *script, close=None, seconds=0):
        self.seconds = seconds
        self.script = list(script)
        self.calls = []
        self.closed = 0
        self.done = threading.Event()
        self._close_error = close

    def publish(self, messages):
        time.sleep(self.seconds)
        return self._publish(messages)

    def _publish(self, messages):
        self.calls.append([message.id for message in messages])
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            return step(messages)
        self.done.set()
        return [None] * len(messages)

    def close(self):
        self._closing()

    def _closing(self):
        self.closed += 1
        if self._close_error is not None:
            raise self._close_error


class ScriptedAsync(Scripted):
    is_async = True

    async def publish(self, messages):
        await asyncio.sleep(self.seconds)
        return self._publish(messages)

    async def close(self):
        self._closing()


@pytest.fixture(params=[Scripted, ScriptedAsync], ids=["plain", "awaited"])
def scripted(request):
    return request.param


def events(shop, *numbers):
    """One event for each payment of these numbers."""
    for number in numbers:
        shop.create(request(f"ORDER-{number}"), provider="vnpay")
        shop.receive(notice(f"ORDER-{number}", number=str(number)), provider="vnpay")


def states(shop):
    waiting = shop.outbox() + shop.outbox(dead=True)
    return sorted((one.attempts, one.last_error, one.dead_at is not None) for one in waiting)


def use(shop, publisher):
    """Publish to it, by ``relay`` only."""
    shop.service._publishers.append(publisher)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("out of order"), TimeoutError("too slow"), BrokerUnavailable("gone")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_puts_all_off_and_is_no_try(open_service, scripted, clock, error):
    shop = open_service()
    events(shop, 1, 2)
    publisher = scripted(error)
    use(shop, publisher)
    with pytest.raises(type(error), match=str(error)):
        shop.relay()
    assert states(shop) == [(0, f"{type(error).__name__}: {error}", False)] * 2
    assert shop.relay() == 0  # the pause is not over
    clock.pass_(seconds=1)
    assert shop.relay() == 2
    assert (len(publisher.calls), shop.outbox()) == (2, [])


def test_what_the_broker_did_not_take_is_no_try_and_what_it_refused_is(
    open_service, scripted, caplog
):
    shop = open_service(relay=RelaySettings(max_attempts=1))
    events(shop, 1, 2, 3, 4)
    refusals = [None, BrokerUnavailable("no leader"), MessageRefused("too long"), NotPublished("?")]
    publisher = scripted(lambda _messages: refusals)
    use(shop, publisher)
    with caplog.at_level(logging.WARNING, "paykit.service"):
        assert shop.relay() == 4
    (out,) = shop.outbox(published=True)
    assert out.event_id == publisher.calls[0][0]
    assert states(shop) == [
        (0, "BrokerUnavailable: no leader", False),
        (1, "MessageRefused: too long", True),
        (1, "NotPublished: ?", True),
    ]
    refused, unconfirmed = publisher.calls[0][2:]
    assert [record.getMessage() for record in caplog.records] == [
        f"event {refused} is dead after 1 tries: MessageRefused: too long",
        f"event {unconfirmed} is dead after 1 tries: NotPublished: ?",
        "1 events are not out yet: BrokerUnavailable: no leader",
    ]


def test_too_few_results_are_none(open_service, scripted, clock):
    shop = open_service()
    events(shop, 1, 2)
    use(shop, scripted(lambda messages: [None]))
    with pytest.raises(BrokerUnavailable, match="gave 1 results for 2 messages"):
        shop.relay()
    assert len(shop.outbox()) == 2
    clock.pass_(seconds=1)
    assert shop.relay() == 2


def wait_for(shop, happened):
    """Let the relay in the background work until then."""
    if isinstance(shop, Awaiting):
        assert shop.loop.run_until_complete(asyncio.to_thread(happened.wait, 10))
    else:
        assert happened.wait(10)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a bug"), BrokerUnavailable("gone")],
    ids=lambda error: type(error).__name__,
)
def test_the_relay_in_the_background_goes_on(open_service, caplog, error):
    shop = open_service(clock=utc_now)
    publisher = Scripted(error)
    shop.publish_to(publisher)
    events(shop, 1)
    wait_for(shop, publisher.done)
    shop.close()
    assert (len(publisher.calls), publisher.closed) == (2, 1)
    (told,) = [record for record in caplog.records if "will try again" in record.message]
    is_a_bug = isinstance(error, RuntimeError)
    assert (told.levelno, bool(told.exc_info)) == (
        (logging.ERROR, True) if is_a_bug else (logging.WARNING, False)
    )


def test_a_handler_cannot_end_the_thread_of_the_relay(database):
    handled, calls = threading.Event(), []

    def handler(event):
        calls.append(event.event_id)
        if len(calls) == 1:
            sys.exit(3)
        handled.set()

    # What it was given stays claimed, as if the process had ended.
    settings = RelaySettings(lease=timedelta(seconds=1))
    with PaymentService([vnpay()], database=database, relay=settings) as service:
        service.subscribe(handler)
        service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
        assert handled.wait(10)
    assert len(set(calls)) == 1


def test_a_slow_publish_is_not_repeated_because_the_database_was_away(
    open_service, scripted, monkeypatch
):
    renewed = []

    def renew(*args, **kwargs):
        renewed.append(1)
        raise StoreUnavailable("gone")

    monkeypatch.setattr(outbox, "renew", renew)
    shop = open_service(relay=RelaySettings(lease=timedelta(seconds=0.15)))
    events(shop, 1)

    publisher = scripted(seconds=0.4)
    use(shop, publisher)
    assert shop.relay() == 1
    assert len(renewed) >= 2
    assert (len(publisher.calls), shop.outbox()) == (1, [])


def test_what_cannot_be_closed_does_not_keep_the_rest_open(open_service, scripted, caplog):
    shop = open_service()
    broken, good = scripted(close=RuntimeError("stuck")), scripted()
    shop.publish_to(broken)
    shop.publish_to(good)
    shop.close()
    assert (broken.closed, good.closed) == (1, 1)
    assert "a publisher could not be closed" in caplog.text
    with pytest.raises(StoreUnavailable):
        shop.service._database.transact(lambda conn: None).result()


def test_a_blocking_service_leaves_no_loop_behind(database):
    def loops():
        return [one.name for one in threading.enumerate() if one.name == "paykit-broker"]

    service = PaymentService([vnpay()], database=database)
    service._publishers.append(ScriptedAsync())
    service.create(request(), provider="vnpay")
    service.receive(notice(), provider="vnpay")
    assert service.relay() == 1
    assert loops() == ["paykit-broker"]
    service.close()
    service.close()
    assert loops() == []
    gc.collect()  # a loop that is not closed says so now, and that is an error here


def test_relays_that_failed_together_do_not_come_back_together():
    rests = [rest(failures) for failures in range(8) for _ in range(20)]
    assert len(set(rests)) == len(rests)
    for failures in range(8):
        longest = min(2**failures, 30)
        mine = [one.total_seconds() for one in rests[failures * 20 : failures * 20 + 20]]
        assert all(0.9 * longest <= one <= longest for one in mine)
