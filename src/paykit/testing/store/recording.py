"""Checks of facts: one effect, whoever tells it, how often, and at the same time."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from ...events import MovementKind
from ...models import PaymentStatus
from ...money import Money
from ...provider import Outcome
from ...service import checks, recording, reserving
from ...service.database import Database
from ...service.recording import Fact
from ...service.schema import inbox, movements, outbox, payments
from .base import NOW, PATIENCE, PRICE, Store, StoreChecks, moved, news, payment, told
from .histories import History

#: So many workers tell at the same time.
_WORKERS: Final = 4
_DIGEST: Final = re.compile(r"\b[0-9a-f]{32,64}\b")


class RecordingChecks(StoreChecks):
    """The inbox takes a fact once; a payment changes once for it, and one event tells so."""

    def test_a_fact_counts_once(self, store: Store) -> None:
        """A repeat is a duplicate; one id that says something else is kept beside the first."""
        store.reserve(payment())
        again = told(occurred_at=NOW.replace(minute=30))  # a provider may tell another time
        other = told(amount=Money(1, "VND"))
        outcomes = store.tell(told(), told(), again, other, other, told())
        assert outcomes == [
            Outcome.ACCEPTED,
            Outcome.DUPLICATE,
            Outcome.DUPLICATE,
            Outcome.MISMATCH,
            Outcome.MISMATCH,
            Outcome.DUPLICATE,
        ]
        assert (store.row().status, store.row().captured, store.sequences()) == (
            "succeeded",
            PRICE.minor,
            [1],
        )
        assert [row.outcome for row in store.rows(inbox, "outcome")] == ["accepted", "mismatch"]

    @pytest.mark.parametrize("known", [True, False], ids=["of a payment", "of nobody"])
    def test_a_fact_counts_once_in_parallel(self, store: Store, known: bool) -> None:  # noqa: FBT001
        """A second transaction that cannot see the first yet adds nothing."""
        if known:
            store.reserve(payment())
        first, second = store.queued(news(told()), news(told()))
        ends = [first.result(0).outcome, second.result(0).outcome]
        if known:
            assert ends == [Outcome.ACCEPTED, Outcome.DUPLICATE]
            assert store.sequences() == [1]
        else:
            assert ends == [Outcome.UNKNOWN_REFERENCE] * 2
        assert len(store.rows(inbox)) == 1

    def test_many_tell_the_same(self, store: Store) -> None:
        """Of many workers that tell the same facts at once, each fact is one worker's."""
        store.reserve(payment(), payment("ORDER-2"))
        facts = [told(name, number=number) for name in ("ORDER-1", "ORDER-2") for number in (1, 2)]
        outcomes = store.together(*(_teller(store.open(), facts, turn) for turn in range(_WORKERS)))
        accepted = [one for ends in outcomes for one in ends if one is Outcome.ACCEPTED]
        assert len(accepted) == len(facts)
        assert len(store.rows(inbox)) == len(facts)
        assert [store.sequences("ORDER-1"), store.sequences("ORDER-2")] == [[1], [1]]

    def test_facts_of_one_payment_wait_for_one_another(self, store: Store) -> None:
        """The second of two parallel facts builds on the first: no total is lost."""
        store.reserve(payment())
        store.tell(told())
        refund = MovementKind.REFUND
        first, second = store.queued(
            news(moved(kind=refund, minor=1000, number=1)),
            news(moved(kind=refund, minor=200, number=2)),
        )
        assert first.result(0).outcome is Outcome.ACCEPTED
        assert second.result(0).outcome is Outcome.ACCEPTED
        assert (store.row().refunded, store.sequences()) == (1200, [1, 2, 3])

    def test_news_that_is_no_event_waits_as_well(self, store: Store) -> None:
        """What began before a success was committed does not undo it."""
        store.reserve(payment(status=PaymentStatus.REQUIRES_ACTION))
        store.queued(news(told()), news(told(status=PaymentStatus.PENDING, number=2)))
        assert (store.row().status, store.sequences()) == ("succeeded", [1])

    def test_no_total_is_lost_in_a_crowd(self, store: Store) -> None:
        """Many workers give back a part each, of one payment."""
        store.reserve(payment())
        store.tell(told())
        parts = range(5)
        refunds = [
            [
                moved(kind=MovementKind.REFUND, minor=1 + worker, number=f"{worker}-{part}")
                for part in parts
            ]
            for worker in range(_WORKERS)
        ]
        store.together(*(_teller(store.open(), mine) for mine in refunds))
        assert store.row().refunded == sum(1 + worker for worker in range(_WORKERS)) * len(parts)
        assert store.sequences() == list(range(1, 2 + _WORKERS * len(parts)))
        assert len(store.rows(movements)) == _WORKERS * len(parts)

    def test_an_order_is_paid_by_one_payment(self, store: Store) -> None:
        """Of two payments of one order that succeed at once, one is told to be the second."""
        store.reserve(payment("ONE", order_id="ORDER"), payment("TWO", order_id="ORDER"))
        for future in store.queued(news(told("ONE")), news(told("TWO"))):
            assert future.result(0).outcome is Outcome.ACCEPTED
        found = {row.reference: row for row in store.rows(payments)}
        assert [found[name].status for name in ("ONE", "TWO")] == ["succeeded"] * 2
        assert [found[name].pays_order for name in ("ONE", "TWO")] == ["ORDER", None]
        assert found["TWO"].discrepancy == "duplicate_payment"

    # What is of nobody yet.

    def test_an_orphan_is_joined(self, store: Store) -> None:
        """A fact that is quicker than its payment is applied when that is written down."""
        assert store.tell(told(), told()) == [Outcome.UNKNOWN_REFERENCE] * 2
        store.reserve(payment())
        assert (store.row().status, store.sequences()) == ("succeeded", [1])
        assert [row.payment_id for row in store.rows(inbox)] == ["suite_ORDER-1"]
        assert store.tell(told()) == [Outcome.DUPLICATE]

    def test_an_orphan_that_nobody_saw_is_joined_later(self, store: Store) -> None:
        """A fact and its payment that are written down at the same moment find each other."""
        tell: Callable[[Connection], object] = news(told())
        store.beside(tell, partial(reserving.reserve, record=payment()))
        assert store.do(checks.join_stranded) == (0 if store.one_writes else 1)
        assert (store.row().status, store.sequences()) == ("succeeded", [1])

    def test_one_reference_is_one_payment(self, store: Store) -> None:
        """Of workers that write down one reference at once, one makes the payment."""
        made = store.together(
            *(_reserver(store.open(), payment(payment_id=f"suite_{n}")) for n in range(_WORKERS))
        )
        assert [one.new for one in made].count(True) == 1
        assert len({one.record.payment_id for one in made}) == 1
        assert len(store.rows(payments)) == 1

    # Groups.

    @pytest.mark.parametrize("seed", range(2))
    def test_a_group_is_recorded_as_one_by_one(self, store: Store, seed: int) -> None:
        """The same facts, a few at a time or each by itself, leave the same rows behind."""
        single, grouped = History("a", seed), History("b", seed)
        store.reserve(*single.payments(), *grouped.payments())
        ends = [
            _record(store, [[fact] for fact in single.facts()]),
            _record(store, grouped.in_groups(grouped.facts())),
        ]
        assert ends[0] == ends[1]
        left = [_told_apart(store, prefix) for prefix in ("a", "b")]
        assert left[0] == left[1]
        assert left[0][outbox.name]

    def test_parallel_groups_do_not_block_one_another(self, store: Store) -> None:
        """Workers that lock the same payments in groups never wait in a circle.

        Here nothing repairs what goes wrong: a deadlock would be an error of the database's.
        """
        everything = [f"ORDER-{number}" for number in range(6)]
        store.reserve(*map(payment, everything))
        store.tell(*map(told, everything))

        def work(number: int) -> Callable[[], int]:
            run, chance = store.bare(), random.Random(number)  # noqa: S311

            def tell() -> int:
                for turn in range(5):
                    mine = [_refund(name, f"{number}-{turn}") for name in everything]
                    chance.shuffle(mine)
                    run(partial(recording.record, news=list(map(news, mine))))
                return turn

            return tell

        store.together(*map(work, range(_WORKERS)))
        total = _WORKERS * 5
        assert [row.refunded for row in store.rows(payments)] == [total] * len(everything)
        assert all(store.sequences(name) == list(range(1, total + 2)) for name in everything)


def _teller(database: Database, facts: list[Any], turn: int = 0) -> Callable[[], list[Outcome]]:
    turned = [*facts[turn:], *facts[:turn]]

    def tell() -> list[Outcome]:
        told_ = [database.transact(news(fact)) for fact in turned]
        return [future.result(PATIENCE).outcome for future in told_]

    return tell


def _reserver(database: Database, record: Any) -> Callable[[], reserving.Reserved]:
    return lambda: database.transact(lambda conn: reserving.reserve(conn, record)).result(PATIENCE)


def _refund(name: str, number: object) -> Fact:
    return moved(name, MovementKind.REFUND, 1, number)


def _record(store: Store, groups: list[list[Fact]]) -> list[Any]:
    ends: list[recording.Recorded] = []
    for group in groups:
        deliveries = list(map(news, group))
        ends += store.do(partial(recording.record, news=deliveries))
    return [(end.outcome, end.events) for end in ends]


def _told_apart(store: Store, prefix: str) -> dict[str, list[str]]:
    """The rows of one of two histories, without its name and what is computed from it."""
    found = {}
    for table in (payments, inbox, movements, outbox):
        texts = [str(tuple(row)) for row in store.rows(table)]
        mine = [text.replace(f"{prefix}:", "") for text in texts if f"{prefix}:" in text]
        found[table.name] = sorted(_DIGEST.sub("digest", text) for text in mine)
    return found
