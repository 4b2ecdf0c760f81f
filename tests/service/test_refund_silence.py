"""Refunds of which nobody knows whether they arrived: asked about, and never given back twice."""

import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from paykit import (
    AuthenticationFailed,
    Declined,
    DuplicateReference,
    IdempotencyConflict,
    InvalidRequest,
    MalformedResponse,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentStatus,
    ProviderUnavailable,
    RateLimited,
    RefundStatus,
    RequestInProgress,
    StoreUnavailable,
)
from paykit.provider import utc_now
from paykit.service import CommandState, PaymentService

from .cards import answer, cards, declined, no
from .refunding import KINDS, Asked, Named, Once, asked, paid
from .shop import Blocking, Clock
from .test_capture import held, part
from .test_crash import run_child
from .test_refund import commands, events, sums

S = PaymentStatus
SILENCE = OutcomeUnknown("silence")


@pytest.fixture
def shop(open_service, clock):
    shop = open_service(providers=[cards(kind) for kind in KINDS])
    shop.clock = clock
    return shop


def lose(shop, payment_id, amount=None, **more):
    """Ask for a refund, and get no answer."""
    shop.transport.answers.append(SILENCE)
    with pytest.raises(OutcomeUnknown):
        shop.refund(payment_id, amount, **more)
    shop.transport.asked.clear()


def states(shop, payment_id):
    return [state for _, state, _ in commands(shop, payment_id)]


# What a first call leaves behind.


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (NotSent("no route"), NotSent),
        (no(AuthenticationFailed), AuthenticationFailed),
        (no(NotFound), NotFound),
        (no(ProviderUnavailable), ProviderUnavailable),
        (no(RateLimited), RateLimited),
        (no(IdempotencyConflict), IdempotencyConflict),
    ],
)
def test_what_certainly_did_nothing_leaves_nothing(shop, says, error):
    payment_id = paid(shop, "once")
    shop.transport.answers += [says, answer()]
    with pytest.raises(error):
        shop.refund(payment_id)
    assert commands(shop, payment_id) == []
    assert shop.refund(payment_id).record.status is S.REFUNDED  # though it is no one to repeat
    assert len({(what, key) for _, what, key in asked(shop)}) == 1


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (SILENCE, OutcomeUnknown),
        (MalformedResponse("what?"), MalformedResponse),
        (no(RequestInProgress), RequestInProgress),
    ],
)
def test_what_may_have_arrived_stays_on_record(shop, says, error):
    payment_id = paid(shop, "once")
    shop.transport.answers.append(says)
    with pytest.raises(error):
        shop.refund(payment_id)
    assert states(shop, payment_id) == ["reserved"]
    assert events(shop) == [("succeeded", None, 0, 1)]


@pytest.mark.parametrize(
    ("finds", "state"),
    [
        (answer(id="re-1"), CommandState.DONE),
        (answer("pending", id="re-1"), CommandState.WAITING),
        (answer("failed"), CommandState.REFUSED),
        (answer("unknown"), None),
        (no(NotFound), None),
        (no(ProviderUnavailable), None),
    ],
)
def test_a_name_that_is_known_is_asked_about(shop, finds, state):
    payment_id = paid(shop, "named")
    shop.transport.answers += [no(DuplicateReference), finds]
    if state is None:
        with pytest.raises(OutcomeUnknown):
            shop.refund(payment_id)
        assert states(shop, payment_id) == ["reserved"]
    else:
        assert shop.refund(payment_id).command.state is state
    assert [where for where, _, _ in asked(shop)] == ["refund", "refunds/R-1-R1"]


# The same call again.


@pytest.mark.parametrize("provider", ["cards", "asked", "named", "totals"])
def test_where_a_repeat_is_harmless_the_same_is_sent_again(shop, provider):
    payment_id = paid(shop, provider)
    lose(shop, payment_id)
    shop.transport.answers.append(answer(id="re-1"))
    done = shop.refund(payment_id)
    assert asked(shop) == [("refund", "R-1-R1 150000 VND", f"{payment_id}-refund-150000-0")]
    assert (sums(done.record), done.published) == (("refunded", 150_000, 150_000), 1)


@pytest.mark.parametrize(
    ("finds", "state", "published"),
    [
        (answer(id="re-1"), "done", [("refunded", None, 150_000, 2)]),
        (answer("pending", id="re-1"), "waiting", []),
        (answer("failed"), "refused", [("succeeded", "refund_failed", 0, 2)]),
    ],
)
@pytest.mark.parametrize(("provider", "hours"), [("once", 0), ("asked", 25)])
def test_elsewhere_it_is_asked_about_and_not_sent(
    shop, clock, provider, hours, finds, state, published
):
    payment_id = paid(shop, provider)
    lose(shop, payment_id)
    clock.pass_(hours=hours)
    shop.transport.answers.append(finds)
    done = shop.refund(payment_id)
    assert [where for where, _, _ in asked(shop)] == ["refunds/R-1-R1"]
    assert (done.command.state, done.published) == (state, len(published))
    assert events(shop)[1:] == published


@pytest.mark.parametrize("finds", [answer("unknown"), no(NotFound), no(ProviderUnavailable)])
def test_as_long_as_nobody_can_tell_it_is_not_sent(shop, clock, finds):
    payment_id = paid(shop, "once")
    lose(shop, payment_id)
    for _ in range(3):
        clock.pass_(days=1)
        shop.transport.answers.append(finds)
        with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
            shop.refund(payment_id)
    assert [where for where, _, _ in asked(shop)] == ["refunds/R-1-R1"] * 3
    assert states(shop, payment_id) == ["reserved"]
    with pytest.raises(InvalidRequest, match="at most 0 VND is left"):
        shop.refund(payment_id, part(1))


def test_where_nobody_can_be_asked_either_only_a_notice_helps(shop):
    payment_id = paid(shop, "silent")
    lose(shop, payment_id)
    with pytest.raises(OutcomeUnknown, match="might act twice"):
        shop.refund(payment_id)
    assert shop.transport.asked == []
    assert states(shop, payment_id) == ["reserved"]


def test_an_answer_that_may_be_about_another_refund_is_none(shop):
    payment_id = paid(shop, "lastonly")
    shop.transport.answers += [SILENCE, answer(id="re-2"), answer()]
    with pytest.raises(OutcomeUnknown):
        shop.refund(payment_id, part(50_000))
    shop.refund(payment_id, part(60_000))
    with pytest.raises(OutcomeUnknown):
        shop.refund(payment_id, part(50_000))
    assert states(shop, payment_id) == ["reserved", "done"]
    assert shop.status(payment_id).refunded == part(60_000)


# A repeat that is refused.


@pytest.mark.parametrize(
    ("finds", "state", "published"),
    [
        (answer(id="re-1"), "done", [("refunded", None, 150_000, 2)]),
        (answer("pending", id="re-1"), "waiting", []),
        (answer("failed"), "refused", [("succeeded", "refund_failed", 0, 2)]),
    ],
)
def test_a_refusal_of_a_repeat_may_be_because_the_first_has_arrived(shop, finds, state, published):
    payment_id = paid(shop, "asked")
    lose(shop, payment_id)
    shop.transport.answers += [declined(), finds]
    assert shop.refund(payment_id).command.state == state
    assert events(shop)[1:] == published


@pytest.mark.parametrize("provider", ["asked", "cards"])
def test_it_is_believed_where_there_is_no_such_refund_or_nobody_to_ask(shop, provider):
    payment_id = paid(shop, provider)
    lose(shop, payment_id)
    shop.transport.answers += [declined(), *([no(NotFound)] if provider == "asked" else [])]
    with pytest.raises(Declined):
        shop.refund(payment_id)
    assert states(shop, payment_id) == ["refused"]
    assert events(shop)[1:] == [("succeeded", "refund_failed", 0, 2)]


@pytest.mark.parametrize("finds", [answer("unknown"), no(ProviderUnavailable)])
def test_it_is_not_believed_while_that_is_unclear(shop, finds):
    payment_id = paid(shop, "asked")
    lose(shop, payment_id)
    shop.transport.answers += [declined(), finds]
    with pytest.raises(OutcomeUnknown):
        shop.refund(payment_id)
    assert states(shop, payment_id) == ["reserved"]
    assert len(events(shop)) == 1


# Our own database fails, or this process dies.


def test_an_answer_that_cannot_be_stored_leaves_it_open(shop, database):
    payment_id = paid(shop, "named")

    def lose_the_table(_asked):
        rename(database, "paykit_inbox", "elsewhere")
        return answer(id="re-1")

    shop.transport.answers += [lose_the_table, no(DuplicateReference), answer(id="re-1")]
    with pytest.raises(OutcomeUnknown, match="not on record"):
        shop.refund(payment_id)
    rename(database, "elsewhere", "paykit_inbox")
    shop.clock.pass_(minutes=4)
    done = shop.refund(payment_id)
    assert (sums(done.record), done.published) == (("refunded", 150_000, 150_000), 1)


def test_nothing_is_sent_that_cannot_be_written_down(shop, database):
    payment_id = paid(shop, "named")
    rename(database, "paykit_commands", "elsewhere")
    with pytest.raises(StoreUnavailable):
        shop.refund(payment_id)
    rename(database, "elsewhere", "paykit_commands")
    assert shop.transport.asked == []


def rename(database, old, new):
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
    connection.close()


CHILD = r"""
import os, signal, sys
from paykit.service import PaymentService, command_store
from tests.service import refunding
from tests.service.cards import cards
from tests.service.test_refund_silence import Book

database, point, name, book = sys.argv[1:]
kind = next(kind for kind in refunding.KINDS if kind.name == name)

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(function):
    def both(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return both

transport = Book(book)
service = PaymentService([cards(kind)], database=database, transport=transport)
session = service.create(refunding.whole(), provider=name)
match point:
    case "before it is sent":
        transport.send = die
    case "while it is sent":
        transport.send = then_die(transport.send)
    case "before the answer is stored":
        command_store.finish = die
    case "before the commit":
        command_store.settle_all = then_die(command_store.settle_all)
service.refund(session.payment_id)
die()
"""


class Book:
    """A gateway in a file, which remembers what it gave back, under which key and name."""

    def __init__(self, path):
        self.path, self.asked = Path(path), []

    def send(self, asked):
        self.asked.append(asked)
        given = self.read()
        where, body = asked.url.rpartition("/")[2], asked.body.decode()
        if where == "pay":
            return answer("succeeded", id="psp-1")
        if where == "refund":
            name, key = body.split()[0], asked.header("Key")
            if name in [known for known, _ in given]:
                return no(DuplicateReference)
            self.path.write_text(json.dumps([*given, [name, key]]))
            return answer(id=f"re-{name}")
        if where in [known for known, _ in given]:
            return answer(id=f"re-{where}")
        return no(NotFound)

    def read(self):
        return json.loads(self.path.read_text())

    def close(self):
        pass


POINTS = {
    "before it is sent": 0,
    "while it is sent": 1,
    "before the answer is stored": 1,
    "before the commit": 1,
    "after the commit": 1,
}


@pytest.mark.parametrize("kind", [Named, Once])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_around_a_refund_gives_the_money_back_once(tmp_path, point, kind):
    book = tmp_path / "book.json"
    book.write_text("[]")
    run_child(CHILD, f"sqlite:///{tmp_path}/payments.db", point, kind.name, str(book))
    assert len(Book(book).read()) == POINTS[point]
    for way in ("call", "sweep"):
        folder = tmp_path / way
        folder.mkdir()
        for name in ("payments.db", "book.json"):
            shutil.copy(tmp_path / name, folder / name)
        go_on(folder, way, kind, arrived=bool(POINTS[point]))


def go_on(folder, way, kind, *, arrived):
    """After the crash: nobody sends what may have arrived, until somebody has asked."""
    clock, transport = Clock(), Book(folder / "book.json")
    clock.now = utc_now() + timedelta(minutes=5)
    shop = PaymentService(
        [cards(kind)], database=f"sqlite:///{folder}/payments.db", transport=transport, clock=clock
    )
    with shop:
        payment_id = shop._database.read(
            lambda conn: conn.exec_driver_sql("SELECT payment_id FROM paykit_payments").scalar()
        )
        given_back = arrived or kind is Named
        if way == "sweep":
            shop.reconcile()
        elif given_back:
            shop.refund(payment_id)
        else:
            with pytest.raises(OutcomeUnknown):
                shop.refund(payment_id)
        record = shop.status(payment_id)
    assert len(transport.read()) == int(given_back)
    assert record.status is (S.REFUNDED if given_back else S.SUCCEEDED)


# What is written down in the caller's own transaction, to be sent later.


@pytest.fixture
def deferred(shop, database):
    """Write a command down in a transaction of one's own."""

    def defer(act, payment_id, *amount):
        engine = create_engine(database)
        accounts = [cards(kind) for kind in KINDS]
        worker = PaymentService(accounts, database=database, clock=shop.clock)
        with worker, engine.begin() as connection:
            getattr(worker.joined(connection), act)(payment_id, *amount)
        engine.dispose()

    return defer


def test_it_is_sent_by_the_next_sweep_or_by_the_same_call(shop, deferred):
    for place, way in enumerate(("sweep", "call")):
        payment_id = paid(shop, "once", reference=f"R-{place}")
        deferred("refund", payment_id)
        assert states(shop, payment_id) == ["reserved"]
        shop.transport.answers.append(answer())
        if way == "sweep":
            report = shop.reconcile()
            assert [one.state for one in report.commands] == [CommandState.DONE]
        else:
            assert shop.refund(payment_id).refund.status is RefundStatus.SUCCEEDED
        assert shop.status(payment_id).status is S.REFUNDED
        assert [where for where, _, _ in asked(shop)] == ["refund"]


@pytest.mark.parametrize(
    "says", [NotSent("no route"), no(ProviderUnavailable), no(AuthenticationFailed)]
)
def test_it_is_not_forgotten_when_the_provider_is_away(shop, clock, deferred, says):
    payment_id = paid(shop, "once")
    deferred("refund", payment_id)
    shop.transport.answers.append(says)
    assert len(shop.reconcile().failures) == 1
    assert states(shop, payment_id) == ["reserved"]
    clock.pass_(hours=1)
    shop.transport.answers.append(answer())
    # It certainly was not sent, so it may be, by one that promises nothing about repeats.
    assert [one.state for one in shop.reconcile().commands] == [CommandState.DONE]
    assert len({(what, key) for _, what, key in asked(shop)}) == 1


def test_nor_when_the_caller_tries_it(shop, deferred):
    payment_id = paid(shop, "once")
    deferred("refund", payment_id)
    shop.transport.answers += [NotSent("no route"), answer()]
    with pytest.raises(NotSent):
        shop.refund(payment_id)
    assert states(shop, payment_id) == ["reserved"]
    assert shop.refund(payment_id).command.state is CommandState.DONE


def test_an_event_tells_when_it_is_refused(shop, deferred):
    payment_id = paid(shop, "once")
    deferred("refund", payment_id, part(50_000))
    shop.transport.answers.append(InvalidRequest("a refund is at least 100000", field="amount"))
    report = shop.reconcile()
    assert [(one.kind, one.state) for one in report.commands] == [("refund", CommandState.REFUSED)]
    assert (report.failures, report.published) == ((), 1)
    assert events(shop)[1:] == [("succeeded", "refund_failed", 0, 2)]


def test_what_was_never_sent_is_not_done_by_what_others_do(shop, deferred):
    payment_id = paid(shop, "totals")
    deferred("refund", payment_id, part(50_000))
    shop.transport.answers.append(
        answer("partially_refunded", amount=150_000, captured=150_000, refunded=50_000)
    )
    shop.refresh(payment_id)  # somebody gave as much back at the desk
    assert states(shop, payment_id) == ["reserved"]
    shop.transport.answers.append(answer(id="re-1"))
    shop.reconcile()
    assert shop.status(payment_id).refunded == part(100_000)


def test_what_is_left_by_then_counts(shop, deferred):
    payment_id = paid(shop, "totals")
    deferred("refund", payment_id, part(100_000))
    shop.transport.answers.append(
        answer("partially_refunded", amount=150_000, captured=150_000, refunded=60_000)
    )
    shop.refresh(payment_id)
    assert [one.state for one in shop.reconcile().commands] == [CommandState.REFUSED]
    assert events(shop)[2:] == [("partially_refunded", "refund_failed", 60_000, 3)]
    assert [where for where, _, _ in asked(shop)] == ["query"]


def test_a_capture_is_deferred_as_well(shop, deferred):
    payment_id = held(shop)
    deferred("capture", payment_id)
    shop.transport.answers.append(InvalidRequest("captures once", field="final"))
    shop.reconcile()
    assert events(shop)[1:] == [("authorized", "capture_failed", 0, 2)]
    deferred("capture", payment_id)
    shop.transport.answers.append(answer())
    shop.reconcile()
    assert [state for _, state, _ in commands(shop, payment_id)] == ["refused", "done"]
    assert shop.status(payment_id).status is S.SUCCEEDED


def test_who_comes_too_late_does_not_send_it(database, clock):
    """A sweep that was stopped for longer than its lease finds that another one has sent it."""
    first = Blocking(database, clock=clock, providers=[cards(Once)])
    second = Blocking(database, clock=clock, providers=[cards(Once)])
    payment_ids = [paid(first, "once", reference=f"R-{number}") for number in (1, 2)]
    engine = create_engine(database)
    with engine.begin() as connection:
        for payment_id in payment_ids:
            first.joined(connection).refund(payment_id)
            clock.pass_(seconds=1)
    engine.dispose()

    def stop_for_long(_asked):
        clock.pass_(minutes=4)
        # It finds that one may have been sent, and that the other one was not.
        second.transport.answers += [no(NotFound), answer()]
        second.reconcile()
        clock.now -= timedelta(minutes=4)  # and its own clock went wrong
        return answer()

    first.transport.answers.append(stop_for_long)
    first.reconcile()
    assert [one.body for one in first.transport.asked] == [b"R-1-R1 150000 VND"]
    assert [one.body for one in second.transport.asked if one.body] == [b"R-2-R1 150000 VND"]
    assert [first.status(one).status for one in payment_ids] == [S.REFUNDED] * 2
    for shop in (first, second):
        shop.close()


def test_kinds_are_what_they_say():
    promises = {kind.name: kind.info.may_repeat("refund", timedelta(hours=1)) for kind in KINDS}
    assert promises == {
        "cards": True,
        "asked": True,
        "once": False,
        "silent": False,
        "totals": True,
        "named": True,
        "lastonly": False,
    }
    assert Asked.info.may_repeat("refund", timedelta(hours=24)) is False
