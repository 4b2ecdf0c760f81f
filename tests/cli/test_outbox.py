"""``paykit outbox``: list, replay, purge."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from paykit.service import PaymentService
from paykit.service.database import connect, parse
from paykit.service.schema import outbox

from ..service.shop import notice, request, vnpay
from .running import run

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "mariadb"])
DAY = datetime(2026, 3, 1, 9, 0, 0, 250, tzinfo=UTC)


@pytest.fixture
def events(database):
    """Four events: one waits, one failed once, one is out, one is dead. Their ids by that."""
    ids = {}
    with PaymentService([vnpay()], database=database, clock=lambda: DAY) as service:
        for number, kind in enumerate(["waits", "failed", "out", "dead"]):
            reference = f"ORDER-{kind}"
            session = service.create(request(reference), provider="vnpay")
            service.receive(notice(reference, number=str(number)), provider="vnpay")
            (entry,) = service.outbox(payment_id=session.payment_id)
            ids[kind] = entry.event_id
    at = DAY + timedelta(minutes=5)
    changes = {
        "failed": {"attempts": 1, "last_error": "NotPublished: too\nlarge"},
        "out": {"published_at": at, "attempts": 1},
        "dead": {"dead_at": at, "attempts": 7, "last_error": "MessageRefused: không"},
    }

    def change(conn):
        for kind, values in changes.items():
            conn.execute(update(outbox).where(outbox.c.id == ids[kind]).values(**values))

    connector = connect(parse(database))
    connector.run(change, writes=True)
    connector.close()
    return ids


def listed(database, *options):
    ended = run("outbox", "list", "--json", *options, "--database", database)
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


def kinds(database, events, *options):
    names = {event_id: kind for kind, event_id in events.items()}
    return sorted(names[one["event_id"]] for one in listed(database, *options))


def test_each_kind_is_listed(database, events):
    assert kinds(database, events) == ["failed", "waits"]
    assert kinds(database, events, "--published") == ["out"]
    assert kinds(database, events, "--dead") == ["dead"]
    assert len(listed(database, "--limit", "1")) == 1
    (dead,) = listed(database, "--dead")
    assert dead == {
        "event_id": events["dead"],
        "payment_id": dead["payment_id"],
        "sequence": 1,
        "status": "succeeded",
        "created_at": "2026-03-01T09:00:00.000250Z",
        "available_at": None,
        "attempts": 7,
        "last_error": "MessageRefused: không",
        "published_at": None,
        "dead_at": "2026-03-01T09:05:00.000250Z",
    }
    assert listed(database, "--dead", "--payment", dead["payment_id"]) == [dead]
    assert listed(database, "--dead", "--payment", "pay_other") == []


def test_people_get_a_table(database, events):
    ended = run("outbox", "list", "--database", database)
    head, *lines = ended.out.splitlines()
    assert head.split() == [
        "event",
        "payment",
        "no",
        "created",
        "tried",
        "out",
        "dead",
        "last",
        "error",
    ]
    (failed,) = [line.split() for line in lines if events["failed"] in line]
    assert failed[2:] == [
        "1",
        "2026-03-01T09:00:00Z",
        "1",
        "-",
        "-",
        "NotPublished:",
        "too",
        "large",
    ]
    assert len(lines) == 2
    nothing = run("outbox", "list", "--payment", "pay_other", "--database", database)
    assert (nothing.code, nothing.out) == (0, "There are none.\n")


def test_the_dead_are_replayed(database, events):
    ended = run("outbox", "replay", "--database", database)
    assert (ended.code, ended.out) == (0, "1 to be published again.\n")
    assert kinds(database, events) == ["dead", "failed", "waits"]
    assert kinds(database, events, "--dead") == []


def test_what_is_named_is_replayed(database, events):
    ended = run("outbox", "replay", events["out"], "--database", database)
    assert ended.out == "1 to be published again.\n"
    assert kinds(database, events, "--published") == []
    again = run(
        "outbox", "replay", events["dead"], "--payment", "pay_other", "--database", database
    )
    assert again.out == "0 to be published again.\n"
    since = run("outbox", "replay", "--since", "2026-03-01T16:00:00+07:00", "--database", database)
    assert since.out == "4 to be published again.\n"
    later = run("outbox", "replay", "--since", "2026-03-01T09:00:01", "--database", database)
    assert later.out == "0 to be published again.\n"


def test_what_is_old_and_out_is_purged(database, events):
    early = run("outbox", "purge", "--before", "2026-03-01T09:05:00Z", "--database", database)
    assert (early.code, early.out) == (0, "0 deleted.\n")
    ended = run("outbox", "purge", "--before", "1d", "--database", database)
    assert ended.out == "1 deleted.\n"
    assert kinds(database, events, "--published") == []
    dead = run("outbox", "purge", "--before", "1d", "--dead", "--database", database)
    assert dead.out == "1 deleted.\n"
    assert kinds(database, events) == ["failed", "waits"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--dead", "--published"], "--dead and --published are two kinds: name one"),
        (["list", "--limit", "0"], "0 is not in the range x>=1"),
        (["purge"], "Missing option '--before'"),
        (["purge", "--before", "soon"], "'soon' is neither a time in ISO 8601 nor 30d"),
        (["purge", "--before", "0d"], "'0d' is not a duration such as 90s, 15m, 12h, 30d"),
        (["replay", "--since", "2026-13-01"], "'2026-13-01' is neither a time in ISO 8601 nor 30d"),
    ],
    ids=str,
)
def test_wrong_usage(database, arguments, said):
    ended = run("outbox", *arguments, "--database", database)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
