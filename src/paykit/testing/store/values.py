"""Checks of values: what comes out is what was put in, to the letter, the unit, the microsecond."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Final

import attrs
import pytest
from sqlalchemy import Connection, func, select

from ...events import Movement, MovementKind, PaymentProcessed
from ...money import Money
from ...provider import Outcome, utc_now
from ...service import command_store, rows
from ...service.commands import to_refund
from ...service.dialects import lease_time
from ...service.schema import commands, inbox, movements, outbox, payments
from .base import (
    NOW,
    PATIENCE,
    PROVIDER,
    Store,
    StoreChecks,
    held,
    moved,
    news,
    payment,
    told,
    transfer,
)

_DECOMPOSED: Final = unicodedata.normalize("NFD", "Đặng Thị Huệ")
#: Each is another name, though collations like to take some of them for the same.
NAMES: Final = (
    *(
        "ORDER-1",
        "order-1",
        "Order-1",
        "ORDER-1 ",
        "ORDER-1  ",
        " ORDER-1",
        "ORDER-1\t",
        "ORDER-1\n",
    ),
    *("ORDER‑1", "ORDER-１", "ORDER-1\u200b", "ORDER_1", "ORDER%1"),
    *("Đặng Thị Huệ", _DECOMPOSED, "Dang Thi Hue", "ĐẶNG THỊ HUỆ", "Ðặng Thị Huệ"),
    *("STRASSE", "STRAßE", "straße", "ﬁ", "fi", "I", "ı", "İ", "i", "Æ", "AE", "Ⅷ", "VIII"),
    *("💳", "💴", "👩‍👩‍👧", "👩👩👧", "🇻🇳", "𝔘"),
)
#: More than any column has room for.
_LONG: Final = 300
_MOST: Final = 2**63 - 1
_HANOI: Final = timezone(timedelta(hours=7))


class ValueChecks(StoreChecks):
    """Texts, amounts and times."""

    def test_references_are_told_apart_to_the_letter(self, store: Store) -> None:
        """Case, marks, width, blanks at the end: another reference is another payment."""
        ids = {name: f"suite_{number}" for number, name in enumerate(NAMES)}
        store.reserve(*(payment(name, payment_id=ids[name]) for name in NAMES))
        facts = [told(name, provider_id=name) for name in NAMES]
        assert set(store.tell_at_once(*facts)) == {Outcome.ACCEPTED}
        assert set(store.tell_at_once(*facts)) == {Outcome.DUPLICATE}
        for name in NAMES:
            asked = partial(rows.find, provider=PROVIDER, account="default", reference=name)
            found = store.first.read(asked)
            assert found is not None
            assert (found.payment_id, found.reference) == (ids[name], name)
            assert (found.provider_id, found.sequence) == (name, 1)
        assert {row.pays_order for row in store.rows(payments)} == set(NAMES)

    def test_ids_are_told_apart_to_the_letter(self, store: Store) -> None:
        """Those of events, of single refunds, and keys of commands."""
        store.reserve(payment())
        store.tell(told())
        facts = [_refund_called(name) for name in NAMES]
        assert set(store.tell_at_once(*facts)) == {Outcome.ACCEPTED}
        assert set(store.tell_at_once(*facts)) == {Outcome.DUPLICATE}
        assert store.row().refunded == len(NAMES)
        assert {row.event_id for row in store.rows(inbox)} > set(NAMES)
        assert {row.movement_id for row in store.rows(movements)} == set(NAMES)
        assert {row.id for row in store.rows(outbox)} > set(NAMES)

        def reserve_all(conn: Connection) -> None:
            for number, name in enumerate(NAMES):
                wanted = to_refund("suite_ORDER-1", Money(1, "VND"), name, name)
                command_store.reserve(
                    conn, wanted, command_id=str(number), clock=utc_now, send=False
                )

        store.do(reserve_all)
        assert {row.idempotency_key for row in store.rows(commands)} == set(NAMES)
        assert {row.description for row in store.rows(commands)} == set(NAMES)

    def test_an_event_is_kept_to_the_letter(self, store: Store) -> None:
        """What goes out is what was put in, with whatever a name may hold."""
        name = "".join(NAMES) + "\\\"'`$%{}[]<>;--/*?:"
        store.reserve(payment("ODD", order_id=name[:255]))
        store.tell(told("ODD", reason="\u2028", code="%s %(x)s :x ?"))
        (row,) = store.rows(outbox)
        event = json.loads(row.payload)
        assert (event["order_id"], event["reason"], event["code"]) == (
            name[:255],
            "\u2028",
            "%s %(x)s :x ?",
        )

    def test_columns_have_room(self, store: Store) -> None:
        """For names of 255 characters of four bytes, and texts beyond 64 KiB."""
        name = "💳" * 255
        memo = "💳" * 20_000
        store.reserve(payment(name, payment_id="suite_1"))
        wide = attrs.evolve(transfer(name, 150_000), memo=memo, event_id="💳" * 160)
        assert store.tell(wide) == [Outcome.ACCEPTED]
        (kept,) = store.rows(inbox)
        assert (kept.reference, json.loads(kept.fact)["memo"]) == (name, memo)

    @pytest.mark.parametrize("end", ["", "\0"], ids=["long", "with NUL"])
    def test_what_no_column_can_hold_is_taken_all_the_same(self, store: Store, end: str) -> None:
        """Names that are too long, or hold a NUL, differ where they differed."""
        base = ("x" * _LONG if not end else "x") + end
        one, two = f"{base}1", f"{base}2"
        store.reserve(payment())
        store.tell(told())
        for name in (one, two):
            fact = attrs.evolve(_refund_called(name), code=name, reason=name)
            assert store.tell(fact, fact) == [Outcome.ACCEPTED, Outcome.DUPLICATE]
        assert store.row().refunded == 2  # noqa: PLR2004 - one of each
        assert store.sequences() == [1, 2, 3]
        stranger = told(one, number=one)
        assert store.tell(stranger, stranger) == [Outcome.UNKNOWN_REFERENCE] * 2
        odd = attrs.evolve(transfer("NOBODY"), memo=one, account_number=one)
        assert store.tell(odd) == [Outcome.UNKNOWN_REFERENCE]
        kept = {row.event_id: json.loads(row.fact) for row in store.rows(inbox)}
        assert kept[odd.event_id]["memo"] == one

    def test_amounts_of_64_bits(self, store: Store) -> None:
        """Exact up to the largest that there is."""
        most = Money(_MOST, "VND")
        store.reserve(payment(amount=most))
        assert store.tell(told(amount=most, captured=most)) == [Outcome.ACCEPTED]
        refund = moved(kind=MovementKind.REFUND, minor=_MOST)
        assert store.tell(refund) == [Outcome.ACCEPTED]
        row = store.row()
        assert (row.amount, row.captured, row.refunded) == (_MOST, _MOST, _MOST)
        (kept,) = store.rows(movements)
        assert kept.amount == _MOST
        last = json.loads(store.rows(outbox, "sequence")[-1].payload)
        assert last["refunded"] == {"minor": _MOST, "currency": "VND"}

    @pytest.mark.parametrize(
        "moment",
        [
            NOW,
            NOW.astimezone(_HANOI),
            datetime(2026, 3, 1, 0, 30, 0, 1, tzinfo=_HANOI),  # still February in UTC
            datetime(2026, 3, 1, 9, 0, 0, 999_999, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 3, 29, 2, 30, tzinfo=UTC),  # there is no such hour on clocks in Europe
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
        ids=str,
    )
    def test_times_are_moments(self, store: Store, moment: datetime) -> None:
        """Whatever zone they were told in, to the microsecond."""
        store.reserve(payment(created_at=moment, expires_at=moment))
        found = store.row()
        assert (found.created_at, found.expires_at) == (moment, moment)
        assert found.created_at.utcoffset() == timedelta(0)
        same = select(func.count()).where(payments.c.created_at == moment)
        later = select(func.count()).where(payments.c.created_at > moment)
        assert store.first.read(lambda conn: conn.execute(same).scalar_one()) == 1
        assert store.first.read(lambda conn: conn.execute(later).scalar_one()) == 0

    def test_the_clock_of_the_database_tells_the_time(self, store: Store) -> None:
        """In UTC, whatever the server's zone is, and it moves on within a transaction."""
        first, second = store.do(
            lambda conn: (lease_time(conn, utc_now), lease_time(conn, utc_now))
        )
        assert abs(first - utc_now()) < timedelta(minutes=10), "its clock is wrong, or its zone is"
        assert first <= second

    def test_nothing_is_seen_before_it_is_committed(self, store: Store) -> None:
        """Who reads sees the state before, and does not wait."""
        store.reserve(payment())
        first, go = held(store.open(), news(told()))
        try:
            assert store.row().status == "pending"
        finally:
            go.set()
        first.result(PATIENCE)
        assert store.row().status == "succeeded"


def _refund_called(name: str) -> PaymentProcessed:
    """A refund of 1 whose own id and event have this name."""
    refund = Movement(kind=MovementKind.REFUND, id=name, amount=Money(1, "VND"))
    return moved(kind=MovementKind.REFUND, minor=1, event_id=name, movement=refund)
