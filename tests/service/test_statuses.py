"""How payments stand, for browsers: what is shown, what is kept, and who is told of a change."""

import asyncio
import json
import queue
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from paykit import ConfigurationError, Money, StoreUnavailable
from paykit.models import (
    ConfirmInClient,
    FormPost,
    HandleInClient,
    Nothing,
    PaymentSession,
    PaymentStatus,
    Redirect,
    ShowQr,
)
from paykit.service import changes
from paykit.service.feed import StatusFeed
from paykit.service.redis_changes import RedisChanges
from paykit.service.schema import payments
from paykit.service.sessions import dump
from paykit.service.status import _as_json
from paykit.service.telling import Teller
from paykit.status import StatusKey, Subject, Waited

from .everywhere import everywhere
from .shop import START, notice, request

#: Long enough for whatever comes; a busy machine is no failure.
PATIENCE = 20


def of_payment(name):
    return StatusKey(Subject.PAYMENT, name)


def of_order(name):
    return StatusKey(Subject.ORDER, name)


def shown(view):
    return json.loads(view.body)


class Told:
    """A watcher: what it was told, in order."""

    def __init__(self, statuses, key, *, tag=None):
        self.views = queue.Queue()
        self.statuses = statuses
        self.watch = statuses.watch(key, self.views.put, tag=tag)

    def next(self, seconds=PATIENCE):
        return self.views.get(timeout=seconds)

    def leave(self):
        self.statuses.leave(self.watch)


class Bus:
    """Buses of one test: what one publishes, the others hear at once."""

    def __init__(self):
        self.ears = []

    def one(self):
        return _End(self)


class _End:
    is_heard = True

    def __init__(self, bus):
        self.bus, self.hear, self.sent, self.closed = bus, None, [], False

    def publish(self, text):
        self.sent.append(text)
        for ear in self.bus.ears:
            if ear is not self:
                ear.hear(text)

    def listen(self, hear):
        self.hear = hear
        self.bus.ears.append(self)
        hear(None)

    def close(self):
        self.closed = True


@everywhere
def test_what_is_shown_of_a_payment_and_of_its_order(open_service):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    action = {"type": "redirect", "url": session.next.url}
    open_ = {
        "status": "requires_action",
        "final": False,
        "amount": {"minor": 150_000, "currency": "VND", "text": "150.000\N{NO-BREAK SPACE}₫"},
        "next_action": action,
        "next_poll_seconds": 5,
    }
    paid = {**open_, "status": "succeeded", "final": True, "next_action": None, "next_poll_seconds": None}  # fmt: skip
    payment, order = {"payment_id": session.payment_id}, {"order_id": "ORDER-1"}
    mine, its = of_payment(session.payment_id), of_order("ORDER-1")
    assert shown(statuses.read(mine)) == payment | open_
    assert shown(statuses.read(its)) == payment | order | open_
    assert statuses.read(mine).tag != statuses.read(its).tag
    service.receive(notice(), provider="vnpay")
    assert shown(statuses.read(mine)) == payment | paid
    assert shown(statuses.read(its)) == payment | order | paid
    assert statuses.read(of_payment("nobody")) is None
    assert statuses.read(of_order("ORDER-1 ")) is None
    assert statuses.read(of_order("order-1")) is None


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5_000, "' OR 1=1 --", "%", "_"])
@everywhere
def test_any_name_may_be_asked_for(open_service, name):
    service = open_service()
    service.create(request(), provider="vnpay")
    assert service.service.statuses.read(of_payment(name)) is None
    assert service.service.statuses.read(of_order(name)) is None


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Nothing(), None),
        (Redirect("https://p.example/1"), {"type": "redirect", "url": "https://p.example/1"}),
        (
            Redirect("https://p.example/1", app_url="momo://1", qr_payload="00"),
            {"type": "redirect", "url": "https://p.example/1", "app_url": "momo://1", "qr_payload": "00"},
        ),
        (
            FormPost("https://p.example", (("a", "1"), ("a", "2"))),
            {"type": "form_post", "url": "https://p.example", "fields": [["a", "1"], ["a", "2"]]},
        ),
        (ShowQr("000201"), {"type": "show_qr", "payload": "000201"}),
        (ConfirmInClient("pi_1_secret"), {"type": "confirm_in_client", "client_secret": "pi_1_secret"}),
        (HandleInClient({"a": {"b": 1}}), {"type": "handle_in_client", "action": {"a": {"b": 1}}}),
    ],
)  # fmt: skip
def test_each_action_as_json(action, expected):
    assert _as_json(action) == expected
    session = PaymentSession(
        provider="vnpay", reference="R", status=PaymentStatus.REQUIRES_ACTION, next=action,
        amount=Money(1, "VND"), created_at=START,
    )  # fmt: skip
    assert json.loads(dump(session))["kind"] == type(action).__name__


@everywhere
def test_the_best_of_an_orders_payments_tells(open_service):
    service = open_service()
    statuses = service.service.statuses

    def attempt(reference, **told):
        session = service.create(request(reference, order_id="O"), provider="vnpay")
        if told:
            service.receive(notice(reference, **told), provider="vnpay")
        view = shown(statuses.read(of_order("O")))
        return session.payment_id, view["payment_id"], view["status"]

    first, seen, status = attempt("A", code="51", number="1")
    assert (seen, status) == (first, "failed")
    second, seen, status = attempt("B")
    assert (seen, status) == (second, "requires_action")  # an open one before one that has failed
    third, seen, status = attempt("C", number="3", amount=1_000)
    assert (seen, status) == (third, "needs_review")
    fourth, seen, status = attempt("D", number="4")
    assert (seen, status) == (fourth, "succeeded")
    _fifth, seen, status = attempt("E", number="5")
    assert (seen, status) == (fourth, "succeeded")  # the one that pays it, and not a second one
    _sixth, seen, status = attempt("F", code="24", number="0")
    assert (seen, status) == (fourth, "succeeded")


@everywhere
def test_whoever_waits_is_told_once_for_each_change(open_service):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    key = of_payment(session.payment_id)
    known = Told(statuses, key, tag=statuses.read(key).tag)
    unknown = Told(statuses, key)
    order = Told(statuses, of_order("ORDER-1"))
    assert unknown.next().status == order.next().status == "requires_action"
    service.receive(notice(), provider="vnpay")
    assert [one.next().status for one in (known, unknown, order)] == ["succeeded"] * 3
    service.receive(notice(), provider="vnpay")
    service.create(request("ORDER-2"), provider="vnpay")
    assert known.views.empty()
    known.leave()
    known.leave()
    service.receive(notice("ORDER-2"), provider="vnpay")
    assert known.views.empty()


@everywhere
def test_after_a_commit_nobody_reads_what_was_before(open_service):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    key = of_payment(session.payment_id)
    assert statuses.read(key).status == "requires_action"
    service.receive(notice(), provider="vnpay")
    assert statuses.read(key).status == "succeeded"


@everywhere
def test_another_process_is_told_or_sees_it_by_itself(open_service):
    service, other = open_service(), open_service()
    session = service.create(request(), provider="vnpay")
    key = of_payment(session.payment_id)
    there = other.service.statuses
    told = Told(there, key)
    assert told.next().status == "requires_action"
    service.receive(notice(), provider="vnpay")
    assert told.next().status == "succeeded"
    assert there.read(key).status == "succeeded"


@everywhere
def test_another_process_is_told_over_a_bus(open_service):
    bus = Bus()
    one, two = bus.one(), bus.one()
    service, other = open_service(changes=one), open_service(changes=two)
    session = service.create(request(), provider="vnpay")
    key = of_payment(session.payment_id)
    told = Told(other.service.statuses, key)
    assert told.next().status == "requires_action"
    service.receive(notice(), provider="vnpay")
    assert told.next().status == "succeeded"
    assert changes.load(one.sent[-1]) == [(session.payment_id, "ORDER-1")]
    assert two.sent == []  # what was heard is not told again
    service.close()
    assert one.closed


def test_redis_tells_another_process(open_service, private_redis):
    url = private_redis.url
    service = open_service(changes=RedisChanges(url))
    other = open_service(changes=RedisChanges(url))
    session = service.create(request(), provider="vnpay")
    key = of_payment(session.payment_id)
    told = Told(other.service.statuses, key)
    assert told.next().status == "requires_action"
    service.receive(notice(), provider="vnpay")
    assert told.next().status == "succeeded"


def test_redis_may_go_and_come_back(open_service, private_redis, caplog):
    url = private_redis.url
    service = open_service(changes=RedisChanges(url))
    other = open_service(changes=RedisChanges(url))
    first = service.create(request(), provider="vnpay").payment_id
    told = Told(other.service.statuses, of_payment(first))
    assert told.next().status == "requires_action"
    private_redis.stop()
    service.receive(notice(), provider="vnpay")  # nothing of this waits for Redis
    assert told.next().status == "succeeded"  # seen, for nothing is heard
    private_redis.start()
    second = service.create(request("ORDER-2"), provider="vnpay").payment_id
    told = Told(other.service.statuses, of_payment(second))
    assert told.next().status == "requires_action"
    service.receive(notice("ORDER-2", number="2"), provider="vnpay")
    assert told.next().status == "succeeded"
    assert "not listening to Redis" in caplog.text


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", ""])
def test_what_is_no_redis_is_refused(url):
    with pytest.raises(ConfigurationError, match="redis://"):
        RedisChanges(url)


def test_words_that_nobody_can_read_make_it_read_anew(open_service, caplog):
    bus = Bus()
    end = bus.one()
    service = open_service(changes=end)
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    key = of_payment(session.payment_id)
    # Whoever is told of a state is told after the feed has begun to listen, which forgets them all.
    told = Told(statuses, key)
    assert told.next().status == "requires_action"
    told.leave()
    statuses.read(key)
    for text in ["", "{}", "[1]", '[["a"]]', "[" * 10_000, '[["a", 1]]']:
        assert statuses.read(key) is statuses.peek(key)
        end.hear(text)
        assert statuses.peek(key) is None
    assert "in words that nobody can read" in caplog.text


def test_what_changes_while_it_is_read_is_not_kept(open_service):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    key = of_payment(session.payment_id)
    database = service.service._database

    class Meanwhile:
        is_alone, tells_at = database.is_alone, database.tells_at

        def read(self, body):
            done = database.read(body)
            service.receive(notice(), provider="vnpay")
            return done

    statuses = StatusFeed(Meanwhile(), clock=service.service._clock)
    database.on_change = statuses.changed
    assert statuses.read(key).status == "requires_action"  # as it was when it was asked for
    assert statuses.peek(key) is None
    assert statuses.read(key).status == "succeeded"
    assert statuses.peek(key).status == "succeeded"


def test_a_joined_transaction_is_seen_once_it_is_committed(open_service, database):
    service = open_service(single_process=True)
    if not hasattr(service.service, "__enter__"):
        pytest.skip("an async connection is for the async face")
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    key = of_payment(session.payment_id)
    told = Told(statuses, key)
    assert told.next().status == "requires_action"
    engine = create_engine(database)
    with engine.connect() as connection, connection.begin():
        joined = service.service.joined(connection)
        assert joined.receive(notice(), provider="vnpay").outcome == "accepted"
    engine.dispose()
    assert told.next().status == "succeeded"
    assert statuses.read(key).status == "succeeded"
    assert statuses.peek(key) is None  # read anew for a while: nobody tells when it is committed


def test_an_action_is_over_when_its_time_is(open_service, clock):
    service = open_service(single_process=True)
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    key = of_payment(session.payment_id)
    assert shown(statuses.read(key))["next_action"] is not None
    clock.now = session.expires_at - timedelta(seconds=1)
    assert statuses.peek(key) is not None
    clock.now = session.expires_at
    assert statuses.peek(key) is None
    after = shown(statuses.read(key))
    assert (after["status"], after["next_action"], after["next_poll_seconds"]) == (
        "requires_action", None, 5,
    )  # fmt: skip


def test_many_ask_at_once_and_are_answered_by_few_questions(open_service):
    service = open_service()
    ids = [service.create(request(f"R-{n}"), provider="vnpay").payment_id for n in range(20)]
    reads = []
    database = service.service._database
    read = database.read
    database.read = lambda body: reads.append(1) or read(body)
    statuses = service.service.statuses

    async def ask():
        loop = asyncio.get_running_loop()
        asked = [statuses.ask(of_payment(one), loop) for one in [*ids, *ids, "nobody"]]
        return await asyncio.gather(*asked)

    views = asyncio.run(ask())
    assert [view and view.payment_id for view in views] == [*ids, *ids, None]
    assert len(reads) < 10


def test_a_database_that_fails_is_told_to_those_who_ask(open_service, caplog):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    database, statuses = service.service._database, service.service.statuses
    key = of_payment(session.payment_id)
    read, broken = database.read, threading.Event()
    broken.set()

    def sometimes(body):
        if broken.is_set():
            raise StoreUnavailable("the database is gone")
        return read(body)

    database.read = sometimes

    async def ask():
        return await statuses.ask(key, asyncio.get_running_loop())

    with pytest.raises(StoreUnavailable):
        statuses.read(key)
    with pytest.raises(StoreUnavailable):
        asyncio.run(ask())
    told = Told(statuses, key)
    broken.clear()
    assert told.next().status == "requires_action"  # whoever waits is told when it is back
    assert "could not read how payments stand" in caplog.text


UNREADABLE = {"status": "settling", "currency": "?", "session": '{"next":{"kind":"x"}}'}


@everywhere
@pytest.mark.parametrize("column", UNREADABLE)
def test_a_record_that_cannot_be_read_concerns_nobody_else(open_service, caplog, column):
    """As one that a newer version has written, while this one still runs."""
    service = open_service()
    bad = service.create(request("R-1", order_id="ORDER-1"), provider="vnpay").payment_id
    good = service.create(request("R-2", order_id="ORDER-2"), provider="vnpay").payment_id
    statuses = service.service.statuses
    waiting = Told(statuses, of_payment(good))
    assert waiting.next().status == "requires_action"
    values = {column: UNREADABLE[column]}
    change = payments.update().where(payments.c.payment_id == bad).values(values)
    service.service._database.transact(lambda conn: conn.execute(change)).result()
    statuses._hear(None)  # whatever was kept may be old

    async def ask(*keys):
        asked = [statuses.ask(key, asyncio.get_running_loop()) for key in keys]
        return await asyncio.gather(*asked, return_exceptions=True)

    in_vain = Told(statuses, of_payment(bad))
    *wrong, right = asyncio.run(ask(of_payment(bad), of_order("ORDER-1"), of_payment(good)))
    assert [type(one) for one in wrong] == [StoreUnavailable, StoreUnavailable]
    assert right.status == "requires_action"
    with pytest.raises(StoreUnavailable, match=f"the record of payment {bad} cannot be read"):
        statuses.read(of_payment(bad))
    service.receive(notice("R-2"), provider="vnpay")
    assert waiting.next().status == "succeeded"
    assert in_vain.views.empty()
    # Once for the payment, and once for its order, however often they are asked about.
    assert caplog.text.count("cannot be read") == 2


def test_a_bus_that_hangs_keeps_nobody_waiting(open_service):
    class Frozen(_End):
        def publish(self, text):
            super().publish(text)
            frozen.wait(PATIENCE)

    frozen = threading.Event()
    service = open_service(changes=Frozen(Bus()))
    statuses = service.service.statuses
    ids = [service.create(request(f"R-{n}"), provider="vnpay").payment_id for n in range(3)]
    watches = [Told(statuses, of_payment(one)) for one in ids]
    assert [one.next().status for one in watches] == ["requires_action"] * 3
    for number, told in enumerate(watches):
        service.receive(notice(f"R-{number}", number=f"1{number}"), provider="vnpay")
        assert told.next(PATIENCE / 4).status == "succeeded"
    frozen.set()


def test_what_waits_for_a_bus_that_hangs_is_bounded():
    frozen, begun = threading.Event(), threading.Event()

    class Frozen(_End):
        def publish(self, text):
            super().publish(text)
            begun.set()
            frozen.wait(PATIENCE)

    end = Frozen(Bus())
    teller = Teller(end)
    teller.tell([("pay_first", "order")])
    assert begun.wait(PATIENCE)
    teller.tell([(f"pay_{number}", "order") for number in range(25_000)])
    teller.tell([("pay_24999", "order")])
    frozen.set()
    teller.close()
    told = [payment for text in end.sent for payment, _ in changes.load(text)]
    assert told == ["pay_first", *(f"pay_{number}" for number in range(15_000, 25_000))]


def test_a_closed_feed_answers_nobody(open_service):
    service = open_service()
    session = service.create(request(), provider="vnpay")
    statuses = service.service.statuses
    told = Told(statuses, of_payment(session.payment_id))
    assert told.next().status == "requires_action"
    service.close()
    assert told.next() is Waited.CLOSED  # so that nobody waits in vain
    assert Told(statuses, of_payment(session.payment_id)).next() is Waited.CLOSED

    async def ask():
        return await statuses.ask(of_payment("nobody"), asyncio.get_running_loop())

    with pytest.raises(StoreUnavailable):
        asyncio.run(ask())


def test_no_more_is_kept_than_was_said(open_service):
    service = open_service()
    ids = [service.create(request(f"R-{n}"), provider="vnpay").payment_id for n in range(9)]
    statuses = StatusFeed(service.service._database, clock=service.service._clock, kept=4)
    for one in ids:
        statuses.read(of_payment(one))
    assert [one for one in ids if statuses.peek(of_payment(one))] == ids[-4:]
    for number in range(40):
        statuses.changed([(f"other-{number}", f"order-{number}")])
    statuses.read(of_payment(ids[0]))
    assert statuses.peek(of_payment(ids[0]))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=255)


@given(st.lists(st.tuples(st.text("0123456789abcdef", max_size=64), TEXTS), max_size=80))
def test_changes_fit_into_notices(told):
    texts = list(changes.dump(told))
    assert [pair for text in texts for pair in changes.load(text)] == told
    assert all(len(text.encode()) < 8000 for text in texts)


@given(st.text() | st.lists(st.lists(st.text() | st.integers())).map(json.dumps))
def test_no_other_text_is_a_change(text):
    try:
        found = changes.load(text)
    except ValueError:
        return
    assert all(isinstance(part, str) for pair in found for part in pair)
