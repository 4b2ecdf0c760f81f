"""Checks of commands: written down once before they are sent, and one worker's at a time."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, update

from ...errors import InvalidRequest, RequestInProgress
from ...models import PaymentStatus
from ...money import Money
from ...provider import utc_now
from ...service import checks, command_store
from ...service.command_store import Reserved
from ...service.commands import CommandKind, CommandState, Wanted
from ...service.database import Database
from ...service.dialects import lease_time
from ...service.schema import commands, payments
from .base import PATIENCE, PROVIDER, Store, StoreChecks, payment, told

_WORKERS: Final = 4


class CommandChecks(StoreChecks):
    """However many workers want the same, it is sent by one of them."""

    def test_a_command_is_one_workers(self, store: Store) -> None:
        """Of workers that ask for the same refund at once, one is to send it."""
        _paid(store)
        mine = store.together(*(_asking(store.open(), str(n)) for n in range(_WORKERS)))
        assert sorted(mine) == [False] * (_WORKERS - 1) + [True]
        assert len(store.rows(commands)) == 1

    def test_a_command_that_another_is_writing_down_is_waited_for(self, store: Store) -> None:
        """Who asks while the first has not committed yet hears that it is in progress."""
        _paid(store)
        first, second = store.queued(_refund("1"), _refund("2"))
        assert first.result(0).mine
        assert isinstance(second.exception(0), RequestInProgress)

    def test_together_they_give_back_no_more_than_was_taken(self, store: Store) -> None:
        """Refunds with keys of their own, of more than half each: one is refused."""
        _paid(store)
        most = Money(100_000, "VND")
        first, second = store.queued(
            _refund("1", amount=most, key="ONE"), _refund("2", amount=most, key="TWO")
        )
        assert first.result(0).mine
        assert isinstance(second.exception(0), InvalidRequest)
        assert [row.amount for row in store.rows(commands)] == [most.minor]

    def test_a_command_of_a_worker_that_died_is_taken_up(self, store: Store) -> None:
        """Once its time is over it is the next one's, who knows that it may have been sent."""
        _paid(store)
        first = store.do(_refund("1"))
        store.do(_let_lapse)
        second = store.do(_refund("2"))
        assert first.command is not None
        assert second.command is not None
        assert (second.mine, second.again) == (True, True)
        assert (second.command.key, second.command.attempts) == (first.command.key, 2)
        assert len(store.rows(commands)) == 1

    def test_what_is_done_stays_done(self, store: Store) -> None:
        """An end that is told later changes nothing, and the same again has its answer."""
        _paid(store)
        command = store.do(_refund("1")).command
        assert command is not None
        for state in CommandState.DONE, CommandState.REFUSED:
            end = partial(command_store.finish, command=command, state=state, clock=utc_now)
            store.do(end)
        again = store.do(_refund("2"))
        assert again.command is not None
        assert (again.mine, again.command.state) == (False, CommandState.DONE)

    def test_sweepers_take_different_commands(self, store: Store) -> None:
        """Two that look for commands at once take none twice, and do not wait for each other."""
        for number in range(6):
            _paid(store, f"ORDER-{number}")
            store.do(_refund(str(number), f"ORDER-{number}"))
        store.do(_let_lapse)
        taken = store.beside(_claim_commands, _claim_commands)
        assert sorted(name for names in taken for name in names) == [str(n) for n in range(6)]
        assert [len(names) for names in taken] == [4, 2]
        assert store.do(_claim_commands) == []

    def test_sweepers_take_different_payments(self, store: Store) -> None:
        """Likewise of payments that are to be asked about."""
        orders = [f"ORDER-{number}" for number in range(6)]
        store.reserve(*map(payment, orders))
        store.do(lambda conn: conn.execute(update(payments).values(check_at=utc_now())))
        taken = store.beside(_claim_payments, _claim_payments)
        assert sorted(name for names in taken for name in names) == orders
        assert [len(names) for names in taken] == [4, 2]
        assert store.do(_claim_payments) == []


def _paid(store: Store, name: str = "ORDER-1") -> None:
    store.reserve(payment(name))
    store.tell(told(name, PaymentStatus.SUCCEEDED))


def _refund(
    command_id: str, name: str = "ORDER-1", *, amount: Money | None = None, key: str | None = None
) -> Callable[[Connection], Reserved]:
    wanted = Wanted(
        kind=CommandKind.REFUND,
        payment_id=f"suite_{name}",
        amount=amount or Money(100_000, "VND"),
        key=key,
    )
    return lambda conn: command_store.reserve(
        conn, wanted, command_id=command_id, clock=utc_now, send=True
    )


def _asking(database: Database, command_id: str) -> Callable[[], bool]:
    def ask() -> bool:
        error = database.transact(_refund(command_id)).exception(PATIENCE)
        if error is not None and not isinstance(error, RequestInProgress):
            raise error
        return error is None

    return ask


def _let_lapse(conn: Connection) -> None:
    past = lease_time(conn, utc_now) - timedelta(seconds=1)
    conn.execute(update(commands).values(lease_until=past, check_at=past))


def _claim_commands(conn: Connection) -> list[str]:
    taken = command_store.claim(
        conn, accounts=[(PROVIDER, "default")], now=utc_now(), clock=utc_now, limit=4
    )
    return [one.command.command_id for one in taken if one.command is not None]


def _claim_payments(conn: Connection) -> list[str]:
    now = utc_now()
    until = now + timedelta(minutes=5)
    taken = checks.claim(conn, accounts=[(PROVIDER, "default")], now=now, until=until, limit=4)
    return [one.record.reference for one in taken]
