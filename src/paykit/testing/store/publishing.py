"""Checks of the outbox: each event comes out, once for each claim, in order per payment."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, update

from ...events import MovementKind
from ...provider import utc_now
from ...service.database import Database
from ...service.dialects import lease_time
from ...service.outbox import Waiting, claim, postpone, purge, release, renew, replay, settle
from ...service.recording import Fact, News
from ...service.schema import outbox
from .base import NOW, PATIENCE, Store, StoreChecks, held, moved, names, payment, told

_MINUTE: Final = timedelta(minutes=1)
_WORKERS: Final = 4


def _claim(
    limit: int = 100, *, lease: timedelta = _MINUTE, behind_dead: bool = False
) -> Callable[[Connection], Sequence[Waiting]]:
    return partial(claim, clock=utc_now, lease=lease, limit=limit, behind_dead=behind_dead)


class OutboxChecks(StoreChecks):
    """Several relays share the events, and none is lost, doubled or overtaken."""

    def test_one_event_of_a_payment_at_a_time(self, store: Store) -> None:
        """The next one comes when the former is out, and not while it is under way."""
        _events(store, "ONE", 2)
        _events(store, "TWO", 1)
        first = store.do(_claim())
        assert sorted(names(first)) == ["ONE/1", "TWO/1"]
        assert store.do(_claim()) == []
        store.do(_settle(first))
        assert names(store.do(_claim())) == ["ONE/2"]

    def test_relays_do_not_wait_for_one_another(self, store: Store) -> None:
        """The second takes what the first has not, while that has not committed."""
        for number in range(6):
            _events(store, f"ORDER-{number}", 2)
        first, second = store.beside(_claim(4), _claim(4))
        assert sorted(names([*first, *second])) == [f"ORDER-{number}/1" for number in range(6)]

    def test_a_crowd_of_relays_keeps_every_order(self, store: Store) -> None:
        """Each event is taken once, and those of a payment one after the other."""
        payments = [f"ORDER-{number}" for number in range(8)]
        for name in payments:
            _events(store, name, 3)
        seen: dict[str, list[int | None]] = defaultdict(list)
        left = [len(payments) * 3]
        guard = threading.Lock()

        def work(database: Database) -> Callable[[], None]:
            def relay() -> None:
                while left[0] > 0:
                    waiting = database.transact(_claim(3)).result(PATIENCE)
                    with guard:
                        for one in waiting:
                            seen[one.message.key].append(one.message.sequence)
                            left[0] -= 1
                    database.transact(_settle(waiting)).result(PATIENCE)

            return relay

        store.together(*(work(store.open()) for _ in range(_WORKERS)))
        assert seen == {f"suite_{name}": [1, 2, 3] for name in payments}

    def test_what_a_dead_relay_took_comes_again(self, store: Store) -> None:
        """When its lease is over, and not before; a relay that is alive renews it."""
        _events(store, "LOST", 1)
        _events(store, "SLOW", 1)
        before, taken, after = store.do(_timed(_claim()))
        assert all(before + _MINUTE <= at <= after + _MINUTE for at in _available(store))
        assert store.do(_claim()) == []
        store.do(_let_lapse)
        slow = [one.message.id for one in taken if one.message.key == "suite_SLOW"]
        store.do(lambda conn: renew(conn, slow, clock=utc_now, lease=_MINUTE))
        assert names(store.do(_claim())) == ["LOST/1"]

    def test_what_is_committed_late_is_not_overlooked(self, store: Store) -> None:
        """An event is found though younger ones were published before it was there."""
        store.reserve(payment("EARLY"), payment("LATE"))
        beside = store.open()
        if store.one_writes:
            store.tell(told("LATE"))
            store.do(_settle(store.do(_claim())))
            store.tell(told("EARLY"))
        else:
            first, go = held(store.first, _record_at(told("EARLY"), -1))
            beside.transact(_record_at(told("LATE"), 0)).result(PATIENCE)
            out = beside.transact(_claim()).result(PATIENCE)
            assert names(out) == ["LATE/1"]
            beside.transact(_settle(out)).result(PATIENCE)
            go.set()
            first.result(PATIENCE)
        assert names(store.do(_claim())) == ["EARLY/1"]

    def test_the_oldest_go_first(self, store: Store) -> None:
        """By the microsecond."""
        for name, microseconds in {"B": 3, "C": 1, "A": 2}.items():
            store.reserve(payment(name))
            store.do(_record_at(told(name), microseconds))
        assert names(store.do(_claim(1))) == ["C/1"]
        assert names(store.do(_claim(1))) == ["A/1"]

    def test_failures_are_counted_until_an_event_is_dead(self, store: Store) -> None:
        """Its payment's others wait behind it, or not; replayed, it has the same id."""
        _events(store, "ORDER-1", 2)
        (one,) = store.do(_claim())
        for tried in (1, 2):
            store.do(_fail(one, max_attempts=2))
            (first, _) = store.rows(outbox, "sequence")
            assert (first.attempts, first.last_error) == (tried, "NotPublished: không 💳")
            assert (first.dead_at is not None) == (tried == 2)  # noqa: PLR2004
        assert store.do(_claim()) == []
        (behind,) = store.do(_claim(behind_dead=True))
        assert names([behind]) == ["ORDER-1/2"]
        assert store.do(replay) == 1
        (again,) = store.do(_claim())
        assert (again.message.id, again.message.payload, again.attempts) == (
            one.message.id,
            one.message.payload,
            0,
        )

    def test_a_broker_that_is_away_counts_against_none(self, store: Store) -> None:
        """What is put off comes again later, as if it had never been tried."""
        _events(store, "ORDER-1", 1)
        (one,) = store.do(_claim())
        ids = [one.message.id]
        store.do(lambda conn: release(conn, ids, clock=utc_now, pause=_MINUTE, reason="away"))
        assert store.do(_claim()) == []
        store.do(_let_lapse)
        (again,) = store.do(_claim())
        assert again.attempts == 0

    def test_old_events_are_purged_and_nothing_else(self, store: Store) -> None:
        """What waits and what is dead stays, however old it is; the dead go when that is said."""
        for name in ("OUT", "WAITS", "DEAD", "YOUNG"):
            _events(store, name, 1)
        for name, values in {
            "OUT": {"published_at": NOW},
            "DEAD": {"dead_at": NOW},
            "YOUNG": {"published_at": NOW + _MINUTE},
        }.items():
            store.do(_change(name, **values))
        later = NOW + timedelta(microseconds=1)
        assert store.do(lambda conn: purge(conn, before=NOW)) == 0
        assert store.do(lambda conn: purge(conn, before=later)) == 1
        assert store.do(lambda conn: purge(conn, before=later, dead=True)) == 1
        left = [row.aggregateid for row in store.rows(outbox, "aggregateid")]
        assert left == ["suite_WAITS", "suite_YOUNG"]


def _events(store: Store, name: str, count: int) -> None:
    """Make a payment with so many events that wait."""
    store.reserve(payment(name))
    store.tell(told(name))
    store.tell(*(moved(name, MovementKind.REFUND, 1, number) for number in range(1, count)))


def _record_at(fact: Fact, microseconds: int) -> Callable[[Connection], None]:
    now = NOW + timedelta(microseconds=microseconds)

    def body(conn: Connection) -> None:
        News((fact,), "", now)(conn)

    return body


def _timed(
    body: Callable[[Connection], Sequence[Waiting]],
) -> Callable[[Connection], tuple[datetime, Sequence[Waiting], datetime]]:
    """Run ``body`` between two looks at the clock that leases are measured by."""
    return lambda conn: (lease_time(conn, utc_now), body(conn), lease_time(conn, utc_now))


def _available(store: Store) -> list[datetime]:
    return [row.available_at for row in store.rows(outbox)]


def _let_lapse(conn: Connection) -> None:
    conn.execute(update(outbox).values(available_at=lease_time(conn, utc_now)))


def _settle(waiting: Sequence[Waiting]) -> Callable[[Connection], None]:
    ids = [one.message.id for one in waiting]
    return lambda conn: settle(conn, ids, now=NOW)


def _fail(one: Waiting, *, max_attempts: int) -> Callable[[Connection], None]:
    return lambda conn: postpone(
        conn,
        one.message.id,
        clock=utc_now,
        pause=timedelta(0),
        error="NotPublished: không 💳",
        max_attempts=max_attempts,
    )


def _change(name: str, **values: object) -> Callable[[Connection], None]:
    def body(conn: Connection) -> None:
        mine = outbox.c.aggregateid == f"suite_{name}"
        conn.execute(update(outbox).where(mine).values(**values))

    return body
