"""The drivers: what they do with the effects of the endpoints when somebody leaves or nothing works."""

import asyncio
import threading
import time
import weakref

import pytest

from paykit.errors import StoreUnavailable
from paykit.models import PaymentStatus
from paykit.status import StatusKey, StatusView, Subject
from paykit.webhooks import MountOptions
from paykit.webhooks.driving import AsyncDriver, BlockingDriver, read_within
from paykit.webhooks.endpoints import Endpoints, EventStream, Problem
from paykit.webhooks.receiver import GONE, Head

KEY = StatusKey(Subject.PAYMENT, "pay_1")


def view(number, *, final=False):
    return StatusView(
        payment_id="pay_1",
        order_id="1",
        status=PaymentStatus.SUCCEEDED if final else PaymentStatus.PENDING,
        final=final,
        body=b"%d" % number,
        tag=f'"{number}"',
    )


class Statuses:
    """A feed that tells what it is told to."""

    def __init__(self, found=None):
        self.found, self.watches = found, []
        self.watched, self.seen = threading.Event(), asyncio.Event()

    def peek(self, key):
        return self.found

    def read(self, key):
        return self._found()

    def ask(self, key, loop):
        future = loop.create_future()
        try:
            future.set_result(self._found())
        except StoreUnavailable as error:
            future.set_exception(error)
        return future

    def _found(self):
        raise StoreUnavailable("the database is away")

    def watch(self, key, deliver, *, tag=None, loop=None):
        self.watches.append(deliver)
        self.watched.set()
        self.seen.set()
        return deliver

    def leave(self, watch):
        self.watches.remove(watch)


class Service:
    def __init__(self, statuses):
        self.providers, self.statuses = {}, statuses

    def receive(self):
        raise NotImplementedError


class Request:
    """A request without a body, whose client goes when it is told to."""

    def __init__(self, failure=None):
        self.gone, self.sent, self._failure = asyncio.Event(), [], failure

    async def emit(self, data):
        self.sent.append(data)
        if self._failure is not None:
            raise self._failure

    async def until_gone(self):
        await self.gone.wait()


def endpoints(statuses, **options):
    return Endpoints(
        Service(statuses), return_to="/thanks", options=MountOptions(**{"most_held": 1, **options})
    )


def asked(*headers):
    return Head("GET", "/payments/pay_1/status", b"", list(headers))


WAITING = asked((b"if-none-match", b'"1"'), (b"prefer", b"wait=20"))


def test_a_database_that_is_away():
    """Whoever asks may come again."""
    driver = AsyncDriver(endpoints(Statuses()))
    later = asyncio.run(driver.answer(asked(), None))
    at_once = BlockingDriver(endpoints(Statuses())).answer(asked(), None)
    for answer in (later, at_once):
        assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "5")
        assert answer.body == b'{"error": "this cannot be told just now"}'


async def leave(driver, statuses, request, waiting):
    """Wait until the watch is there, and then go; returns what became of the waiting."""
    task = asyncio.ensure_future(waiting)
    await statuses.seen.wait()
    request.gone.set()
    return await task


def test_nobody_is_told_who_has_gone():
    async def scenario():
        statuses, request = Statuses(view(1)), Request()
        driver = AsyncDriver(endpoints(statuses))
        answer = await leave(driver, statuses, request, driver.answer(WAITING, request))
        return answer, statuses.watches, await place(driver)

    assert asyncio.run(scenario()) == (GONE, [], True)


def test_a_stream_ends_when_the_client_has_gone():
    async def scenario():
        statuses, request = Statuses(view(1)), Request()
        driver = AsyncDriver(endpoints(statuses))
        stream = EventStream(KEY, view(1), is_told=False)
        refused = await leave(driver, statuses, request, driver.stream(stream, request))
        return refused, len(request.sent), statuses.watches, await place(driver)

    assert asyncio.run(scenario()) == (None, 1, [], True)


def test_who_stops_waiting_leaves_the_place():
    """A server that cancels what it no longer wants."""

    async def scenario():
        statuses, request = Statuses(view(1)), Request()
        driver = AsyncDriver(endpoints(statuses))
        task = asyncio.ensure_future(driver.answer(WAITING, request))
        await statuses.seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return statuses.watches, await place(driver)

    assert asyncio.run(scenario()) == ([], True)


async def place(driver):
    """Whether the only place is free: a stream of what is not final may begin."""
    request = Request(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await driver.stream(EventStream(KEY, view(1), is_told=False), request)
    return len(request.sent) == 1


def test_a_payment_that_is_no_more():
    async def scenario():
        statuses, request = Statuses(view(1)), Request()
        driver = AsyncDriver(endpoints(statuses))
        task = asyncio.ensure_future(driver.answer(WAITING, request))
        await statuses.seen.wait()
        statuses.watches[0](view(2))
        statuses.watches[0](None)  # of two that come at once the later one counts
        return await task

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body) == (404, b'{"error": "there is no such payment"}')


def test_a_thread_that_waits_is_told_from_another():
    statuses = Statuses(view(1))
    driver = BlockingDriver(endpoints(statuses))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(driver.answer(WAITING, None)))
    thread.start()
    assert statuses.watched.wait(20)
    statuses.watches[0](view(2, final=True))
    thread.join()
    (answer,) = answers
    assert (answer.status, answer.body, statuses.watches) == (200, b"2", [])


def test_a_stream_in_a_thread_that_nobody_reads_on_leaves_the_place():
    """A server closes what it iterates, at the beginning or later."""
    driver = BlockingDriver(endpoints(Statuses(view(1)), ping_seconds=0.01))
    for read in range(3):
        parts = driver.stream(EventStream(KEY, view(1), is_told=False))
        for _ in range(read):
            next(parts)
        parts.close()
        del parts
    refused = [driver.stream(EventStream(KEY, view(1), is_told=False)) for _ in range(2)][1]
    assert refused.status == 503


def test_nobody_may_wait_in_threads_unless_it_is_said_how_many():
    statuses = Statuses(view(1))
    blocking = Endpoints(Service(statuses), return_to="/thanks", blocking=True)
    driver = BlockingDriver(blocking)
    at_once = driver.answer(WAITING, None)
    assert (at_once.status, "preference-applied" in dict(at_once.headers)) == (304, False)
    assert driver.stream(EventStream(KEY, view(1), is_told=False)).status == 503
    # What is over is told all the same.
    over = driver.stream(EventStream(KEY, view(2, final=True), is_told=False))
    assert b"".join(over) == b"retry: 3000\n\nid: 2\nevent: status\ndata: 2\n\n"


async def take(bodies, *, failing=None, cleaned=None):
    """Take what comes, as a body is read."""
    try:
        found = [await body for body in bodies]
        if failing is not None:
            raise failing
        return found
    finally:
        if cleaned is not None:
            cleaned.append(True)


def futures(*delays):
    """One for each: there at once for ``None``, else after so many seconds."""
    loop = asyncio.get_running_loop()
    made = []
    for number, delay in enumerate(delays):
        future = loop.create_future()
        if delay is None:
            future.set_result(number)
        else:
            loop.call_later(delay, future.set_result, number)
        made.append(future)
    return made


@pytest.mark.parametrize("delays", [(), (None,), (0.01,), (None, 0.01), (0.01, None, 0.01)])
def test_what_is_in_time(delays):
    """At once, or after some waiting, wherever that is."""

    async def scenario():
        return await read_within(20, take(futures(*delays)))

    assert asyncio.run(scenario()) == list(range(len(delays)))


@pytest.mark.parametrize("delays", [(60,), (None, 60), (0.01, 60)])
def test_what_takes_too_long(delays):
    async def scenario():
        cleaned = []
        found = await read_within(0.05, take(futures(*delays), cleaned=cleaned))
        return found, cleaned, asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == (Problem.TOO_SLOW, [True], 0)


@pytest.mark.parametrize("delays", [(), (0.01,)])
def test_a_failure_in_time_is_what_it_is(delays):
    async def scenario():
        with pytest.raises(ConnectionResetError):
            await read_within(20, take(futures(*delays), failing=ConnectionResetError()))

    asyncio.run(scenario())


def test_who_is_canceled_while_it_waits():
    async def scenario():
        cleaned = []
        task = asyncio.ensure_future(read_within(20, take(futures(60), cleaned=cleaned)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return cleaned

    assert asyncio.run(scenario()) == [True]


def test_a_loop_that_ends_while_something_is_read(recwarn):
    """Closing what waits runs what has to be cleaned up."""
    cleaned = []

    async def scenario():
        waiting = read_within(20, take(futures(60), cleaned=cleaned))
        waiting.send(None)
        waiting.close()

    asyncio.run(scenario())
    assert (cleaned, list(recwarn)) == ([True], [])


def test_who_is_told_is_forgotten_long_before_the_time_is_over():
    """A time that is left in the clock would keep all that waited until then."""

    async def scenario():
        statuses = Statuses(view(1))
        driver = AsyncDriver(endpoints(statuses))
        task = asyncio.ensure_future(driver.answer(WAITING, Request()))
        await statuses.seen.wait()
        news = view(2)
        kept = weakref.ref(news)
        statuses.watches[0](news)
        del news
        answer = await task
        return answer.body, kept()

    assert asyncio.run(scenario()) == (b"2", None)


def test_many_who_wait_equally_long_end_together_and_none_too_early():
    async def scenario():
        statuses = Statuses(view(1))
        driver = AsyncDriver(endpoints(statuses, most_held=100))
        head = asked((b"if-none-match", b'"1"'), (b"prefer", b"wait=1"))
        began = time.monotonic()
        answers = await asyncio.gather(*(driver.answer(head, Request()) for _ in range(100)))
        return {answer.status for answer in answers}, time.monotonic() - began >= 1

    assert asyncio.run(scenario()) == ({304}, True)
