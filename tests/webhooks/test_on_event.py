"""Receivers for a handler of the shop's own: what a server does not show."""

import asyncio
import functools

import pytest

from paykit import ConfigurationError, Delivery, HttpResponse, NoAnswer, Outcome
from paykit.webhooks import AsyncEventReceiver, EventReceiver
from paykit.webhooks.on_event import SeenReturn
from tests.service.shop import Answers, AsyncAnswers, momo, notice, vnpay

from .senders import NOW, PAYER, SENDERS, dumps

BY = {sender.key: sender for sender in SENDERS}
CASSO = BY["casso-v1"]


def receiver(on_event, providers=(), *, answers=()):
    return EventReceiver(providers or [vnpay()], on_event=on_event, transport=Answers(*answers))


async def handle(event):
    raise AssertionError


@pytest.mark.parametrize(
    "handler", [handle, functools.partial(handle)], ids=["function", "partial"]
)
def test_an_async_handler_is_refused_where_nobody_awaits_it(handler):
    with pytest.raises(ConfigurationError, match="AsyncEventReceiver"):
        EventReceiver([vnpay()], on_event=handler)


class Disguised:
    """An async handler that does not look like one."""

    async def __call__(self, event):
        raise AssertionError


class Later:
    """What a handler may return that is not done yet."""

    def __init__(self, event):
        self.event = event

    def __await__(self):
        raise AssertionError


@pytest.mark.parametrize(
    "handler",
    [Disguised(), Later],
    ids=["a coroutine", "another awaitable"],
)
def test_one_that_does_not_look_like_one_has_done_nothing(handler, caplog):
    """Else the event would be acknowledged, and lost."""
    with receiver(handler) as opened:
        handled = opened.receive(notice(), provider="vnpay")
    assert handled.outcome is Outcome.TRY_AGAIN
    assert isinstance(handled.error, ConfigurationError)
    assert "the handler failed on event" in caplog.text


def test_an_account_is_configured_once():
    with pytest.raises(ConfigurationError, match="momo is configured twice"):
        EventReceiver([vnpay(), momo(), momo()], on_event=print)


def batch():
    """Casso's notice of two transfers."""
    rows = [CASSO.fields(CASSO.reference(number), 1_000, number) for number in (1, 2)]
    call = CASSO.call(dumps({"error": 0, "data": rows}).encode())
    return Delivery("POST", "/", b"", call.headers, call.body)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ([None, None], Outcome.ACCEPTED),
        ([Outcome.DUPLICATE, Outcome.DUPLICATE], Outcome.DUPLICATE),
        ([Outcome.DUPLICATE, None], Outcome.ACCEPTED),
        ([None, Outcome.UNKNOWN_REFERENCE], Outcome.UNKNOWN_REFERENCE),
        ([Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE], Outcome.MISMATCH),
        ([Outcome.TRY_AGAIN, Outcome.MISMATCH], Outcome.TRY_AGAIN),
        ([Outcome.BAD_SIGNATURE, Outcome.MISMATCH], Outcome.BAD_SIGNATURE),
        ([Outcome.STALE, None], Outcome.STALE),
        ([Outcome.MALFORMED, Outcome.DUPLICATE], Outcome.MALFORMED),
        (["accepted", True], Outcome.ACCEPTED),  # not an Outcome: it says nothing
    ],
)
def test_of_several_events_the_gravest_counts(said, outcome):
    left = list(said)
    with receiver(lambda event: left.pop(0), [CASSO.provider(lambda: NOW)]) as opened:
        handled = opened.receive(batch(), provider="casso-v1")
    assert (handled.outcome, len(handled.events), left) == (outcome, 2, [])


def next_of_nothing(event):
    return next(iter(()))


def cancelled(event):
    raise asyncio.CancelledError


async def next_later(event):
    return next(iter(()))


async def awaits_what_is_cancelled(event):
    task = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()
    await task


@pytest.mark.parametrize("handler", [next_of_nothing, cancelled])
def test_what_is_no_ordinary_error_is_a_failure_too(handler):
    with receiver(handler) as opened:
        assert opened.receive(notice(), provider="vnpay").outcome is Outcome.TRY_AGAIN


@pytest.mark.parametrize(
    "handler", [next_of_nothing, cancelled, next_later, awaits_what_is_cancelled]
)
def test_so_it_is_on_an_event_loop(handler):
    """A StopIteration out of a thread would never arrive, and the provider get no answer."""

    async def receive():
        async with AsyncEventReceiver(
            [vnpay()], on_event=handler, transport=AsyncAnswers()
        ) as opened:
            return await opened.receive(notice(), provider="vnpay")

    handled = asyncio.run(asyncio.wait_for(receive(), 20))
    assert handled.outcome is Outcome.TRY_AGAIN


def test_who_is_cancelled_from_outside_ends():
    begun = asyncio.Event()

    async def wait(event):
        begun.set()
        await asyncio.sleep(60)

    async def receive():
        async with AsyncEventReceiver([vnpay()], on_event=wait, transport=AsyncAnswers()) as opened:
            task = asyncio.ensure_future(opened.receive(notice(), provider="vnpay"))
            await begun.wait()
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(receive())


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_after_a_failure_the_rest_waits(kind):
    """It all comes again, so what was done already is told twice, and nothing is told out of turn."""
    seen = []

    def fail(event):
        seen.append(event)
        raise ValueError(PAYER)

    async def receive_later():
        async with AsyncEventReceiver(
            [CASSO.provider(lambda: NOW)], on_event=fail, transport=AsyncAnswers()
        ) as opened:
            return await opened.receive(batch(), provider="casso-v1")

    if kind == "blocking":
        with receiver(fail, [CASSO.provider(lambda: NOW)]) as opened:
            handled = opened.receive(batch(), provider="casso-v1")
    else:
        handled = asyncio.run(receive_later())
    assert (handled.outcome, len(seen), handled.events) == (Outcome.TRY_AGAIN, 1, ())


@pytest.mark.parametrize(
    ("answer", "verified"), [(NoAnswer("timed out"), False), (HttpResponse(500), False)], ids=str
)
def test_a_return_that_has_to_be_asked_about_and_cannot(answer, verified):
    """payOS signs no return; what it answers counts, and it does not answer."""
    payos = BY["payos"].provider(lambda: NOW)
    query = Delivery("GET", "/", b"orderCode=1&status=PAID&code=00&id=x&cancel=false")
    with receiver(print, [payos], answers=[answer] * 5) as opened:
        assert opened.receive_return(query, provider="payos") == SeenReturn(verified=verified)


def test_nothing_of_the_payer_is_logged(caplog):
    def fail(event):
        raise ValueError("no")

    with receiver(fail, [CASSO.provider(lambda: NOW)]) as opened:
        opened.receive(batch(), provider="casso-v1")
    (record,) = caplog.records
    assert record.getMessage().startswith("the handler failed on event ")
    assert PAYER not in caplog.text
    assert CASSO.secret not in caplog.text
