"""Checks of what goes wrong: an error undoes its own, a lost connection is replaced."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import Connection, insert, text, update

from ...errors import InvalidRequest, StoreUnavailable
from ...provider import Outcome
from ...service.database import Database
from ...service.schema import inbox, payments
from .base import NOW, PATIENCE, Store, StoreChecks, held, news, payment, told


def _refuse(_conn: Connection) -> None:
    raise InvalidRequest("no")


def _fault(_conn: Connection) -> None:
    raise ValueError("a fault of ours")


def _twice(conn: Connection) -> None:
    names = ("provider", "account", "event_id", "source", "reference", "outcome", "fact", "digest")
    values = {**dict.fromkeys(names, "x"), "received_at": NOW}
    conn.execute(insert(inbox), [values, values])


def _nothing(conn: Connection) -> None:
    conn.execute(insert(inbox).values(provider="x", account="x", event_id="x"))


def _no_table(conn: Connection) -> None:
    conn.execute(text("SELECT * FROM paykit_no_such_table"))


def _no_sql(conn: Connection) -> None:
    conn.execute(text("INSERT NONSENSE"))


def _null(conn: Connection) -> None:
    conn.execute(update(payments).values(order_id=None))


_ERRORS: Final[dict[str, Callable[[Connection], None]]] = {
    "a refusal": _refuse,
    "a fault": _fault,
    "a key twice": _twice,
    "a value that is missing": _nothing,
    "a value that must not be": _null,
    "a table that is missing": _no_table,
    "no SQL": _no_sql,
}


class TroubleChecks(StoreChecks):
    """Nothing is half done, and nothing stays broken."""

    @pytest.mark.parametrize("what", _ERRORS)
    def test_an_error_undoes_its_transaction(self, store: Store, what: str) -> None:
        """All of it, nothing else, and the next one finds a sound connection."""
        store.reserve(payment("ONE"), payment("TWO"), payment("THREE"))
        broken = _after(news(told("ONE")), _ERRORS[what])
        gate, go = held(store.first, news(told("THREE")))
        sound, failing = store.first.transact(news(told("TWO"))), store.first.transact(broken)
        go.set()
        gate.result(PATIENCE)
        assert sound.result(PATIENCE).outcome is Outcome.ACCEPTED
        error = failing.exception(PATIENCE)
        expected = {"a refusal": InvalidRequest, "a fault": ValueError}
        assert type(error) is expected.get(what, StoreUnavailable)
        found = {row.reference: row.status for row in store.rows(payments)}
        assert found == {"ONE": "pending", "TWO": "succeeded", "THREE": "succeeded"}
        assert store.tell(told("ONE")) == [Outcome.ACCEPTED]

    def test_transactions_in_each_others_way_both_end(self, store: Store) -> None:
        """When the database has to break a deadlock, the one that lost is done again."""
        if store.one_writes:
            pytest.skip("one writes at a time here, so there is no deadlock")
        store.reserve(payment("ONE"), payment("TWO"))
        meet = threading.Barrier(2)
        tries = []

        def crossing(first: str, second: str) -> Callable[[Connection], None]:
            def body(conn: Connection) -> None:
                tries.append(first)
                conn.execute(_touch(first))
                if tries.count(first) == 1:
                    meet.wait(PATIENCE)
                conn.execute(_touch(second))

            return body

        beside = store.open()
        both = [
            store.first.transact(crossing("ONE", "TWO")),
            beside.transact(crossing("TWO", "ONE")),
        ]
        for future in both:
            future.result(PATIENCE)
        assert len(tries) > 2, "there was no deadlock"  # noqa: PLR2004 - the two of them
        assert {row.checks for row in store.rows(payments)} == {2}

    def test_a_connection_that_is_lost_in_the_middle_is_replaced(self, store: Store) -> None:
        """The transaction is done again on a new one, once."""
        kill = _killer(store)
        store.reserve(payment())
        tries = []

        def body(conn: Connection) -> Any:
            tries.append(1)
            done = news(told())(conn)
            if len(tries) == 1:
                kill(_number(conn))
                conn.execute(text("SELECT 1"))
            return done

        worker = store.open()
        assert worker.transact(body).result(PATIENCE).outcome is Outcome.ACCEPTED
        assert (len(tries), store.sequences()) == (2, [1])

    def test_a_connection_that_was_lost_while_idle_is_replaced(self, store: Store) -> None:
        """Nobody hears of it, whoever writes or reads."""
        kill = _killer(store)
        store.reserve(payment())
        worker = store.open()
        kill(worker.transact(_number).result(PATIENCE))
        assert worker.transact(news(told())).result(PATIENCE).outcome is Outcome.ACCEPTED
        kill(worker.read(_number))
        assert worker.read(_number)

    def test_a_commit_that_is_lost_is_told(self, store: Store) -> None:
        """Nobody knows then whether it is on disk: it is an error, and the same again is right."""
        kill = _killer(store)
        store.reserve(payment())
        worker = store.open()

        def body(conn: Connection) -> Any:
            done = news(told())(conn)
            kill(_number(conn))  # what is left is the commit
            return done

        assert isinstance(worker.transact(body).exception(PATIENCE), StoreUnavailable)
        again = worker.transact(news(told())).result(PATIENCE)
        assert again.outcome in {Outcome.ACCEPTED, Outcome.DUPLICATE}
        assert store.sequences() == [1]


def _after(
    first: Callable[[Connection], Any], then: Callable[[Connection], None]
) -> Callable[[Connection], None]:
    def body(conn: Connection) -> None:
        first(conn)
        then(conn)

    return body


def _touch(name: str) -> Any:
    mine = payments.c.payment_id == f"suite_{name}"
    return update(payments).where(mine).values(checks=payments.c.checks + 1)


def _number(conn: Connection) -> int:
    """The server's number of a connection."""
    name = "pg_backend_pid()" if conn.dialect.name == "postgresql" else "CONNECTION_ID()"
    number: int = conn.execute(text(f"SELECT {name}")).scalar_one()
    return number


def _killer(store: Store) -> Callable[[int], None]:
    """Ends another connection of the same user, as a restart of the server does."""
    if store.dialect == "sqlite":
        pytest.skip("a file has no connection to lose")
    admin: Database = store.open()

    def kill(number: int) -> None:
        if store.dialect == "postgresql":
            ended = text("SELECT pg_terminate_backend(:number, 5000)")
            admin.transact(lambda conn: conn.execute(ended, {"number": number})).result(PATIENCE)
        else:
            admin.transact(lambda conn: conn.execute(text(f"KILL {number:d}"))).result(PATIENCE)

    return kill
