"""When all is quiet: our records and events, held against the books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import select

from paykit.events import PaymentProcessed
from paykit.service.schema import commands, outbox, payments

from .bank import json
from .book import UNPAID
from .knowledge import WAITING
from .life import Life
from .shops import Shop

MONEY = frozenset({"succeeded", "partially_refunded", "refunded"})
#: An event with such a reason tells that something came to nothing, and changes no total.
_REFUSED = frozenset({"capture_failed", "refund_failed", "void_failed"})


@attrs.frozen
class Found:
    """What the database has of one payment."""

    payment: Any
    events: list[PaymentProcessed]
    commands: list[Any]


def read(shop: Shop, lives: Sequence[Life]) -> dict[str, Found]:
    """All that is on record of these payments, by reference."""
    return look_up(shop.read, [life.payment_id for life in lives if life.payment_id])


def look_up(ask: Callable[[Any], Any], payment_ids: Iterable[str]) -> dict[str, Found]:
    """All that a database has of payments, by reference. ``ask`` runs a body that reads."""
    ids = sorted(payment_ids)

    def body(conn) -> tuple[list, list, list]:
        return (
            conn.execute(select(payments).where(payments.c.payment_id.in_(ids))).all(),
            conn.execute(
                select(outbox)
                .where(outbox.c.aggregateid.in_(ids))
                .order_by(outbox.c.aggregateid, outbox.c.sequence)
            ).all(),
            conn.execute(select(commands).where(commands.c.payment_id.in_(ids))).all(),
        )

    paid, out, asked = ask(body)
    events, wanted = defaultdict(list), defaultdict(list)
    for row in out:
        event = PaymentProcessed.from_json(json.loads(row.payload))
        told = (event.event_id, event.payment_id, event.sequence)
        assert told == (row.id, row.aggregateid, row.sequence)
        events[row.aggregateid].append(event)
    for row in asked:
        wanted[row.payment_id].append(row)
    return {
        row.reference: Found(row, events[row.payment_id], wanted[row.payment_id]) for row in paid
    }


def check_ids(shop: Shop) -> int:
    """No event id twice, in the whole outbox; how many there are."""
    ids = shop.read(lambda conn: conn.execute(select(outbox.c.id)).scalars().all())
    assert len(set(ids)) == len(ids)
    return len(ids)


def check(life: Life, found: Found | None) -> None:
    """One payment: its record, its events and what was asked of its provider."""
    if life.account is None:
        assert found is None or found.payment.status in WAITING | {"failed"}, found
        return
    assert found is not None, "the provider has a payment that we know nothing of"
    _check_record(life, found.payment)
    check_events(found.payment, found.events)
    _check_commands(life, found.commands)


def _check_record(life: Life, row: Any) -> None:
    status, captured, refunded = life.account.truth
    assert (row.captured, row.refunded) == (captured, refunded), row
    if life.kind == "transfer":
        status = life.knowledge.status  # what a sum means is for the shop to say
    assert is_alike(row.status, status), (row.status, status)


def is_alike(status: str, truth: str) -> bool:
    """Whether a status says the same as another one.

    Whether nobody paid because a try failed, or because time ran out, is told by whoever is first.
    """
    return status == truth or any({status, truth} <= same for same in (UNPAID, WAITING))


def check_events(row: Any, events: list[PaymentProcessed]) -> None:
    """Each event is news, in its place, and none takes money back."""
    assert [one.sequence for one in events] == list(range(1, row.sequence + 1))
    before: tuple[Any, int, int] = ("", 0, 0)
    for one in events:
        now = (one.status, one.captured.minor, one.refunded.minor)
        is_news = now != before or one.reason in _REFUSED or one.source == "transfer"
        assert is_news, f"nothing new in {one}"
        assert now[1] >= before[1] and now[2] >= before[2], f"a total went down: {one}"  # noqa: PT018
        if before[0] in MONEY:
            assert now[0] in MONEY | {"needs_review"}, f"money went back to {now[0]}"
        before = now
    if events:
        assert before == (row.status, row.captured, row.refunded)


def _check_commands(life: Life, rows: list[Any]) -> None:
    assert max(life.account.asks.values(), default=0) <= 1, "one wish, carried out twice"
    wished = Counter(kind for kind, _ in life.wishes)
    # One that came to nothing may have been tried anew.
    taken = [one for one in life.account.captures.values() if one.state == "done"]
    given = [one for one in life.account.refunds.values() if one.state == "done"]
    assert len([one for one in taken if not one.id.endswith("-paid")]) <= wished["capture"]
    assert len([one for one in given if "-desk-" not in one.id]) <= wished["refund"]
    left = [row for row in rows if row.state in {"reserved", "waiting"}]
    # Who acts as often as it is asked is never sent the same again: a person has to look.
    assert not left or life.provider == "forgetful", left


def check_orders(lives: Sequence[Life], found: dict[str, Found]) -> dict[Life, str]:
    """Of several payments of one order that are paid, all but one say that they are too much.

    One whose money went back pays nothing any more, so the next one is none too many. What is wrong
    with which payment.
    """
    orders = defaultdict(list)
    for life in lives:
        one = found.get(life.reference)
        if one is not None and one.payment.status in MONEY:
            orders[life.order].append((life, one))
    wrong = {}
    for order, paid in orders.items():
        first = [one for _, one in paid if one.payment.pays_order == order]
        pays = [one for _, one in paid if not _is_too_much(one)]
        kept = [one for one in pays if not _went_back(one)]
        if len(first) > 1 or kept not in ([], first):
            wrong[paid[0][0]] = f"{len(first)} payments pay {order}"
        if not pays:
            wrong[paid[0][0]] = f"every payment of {order} is too much"
        for life, one in paid:
            told = sum(event.discrepancy == "duplicate_payment" for event in one.events)
            if life.kind != "transfer" and told > 1:
                wrong[life] = f"{order} is told {told} times to be paid twice"
    return wrong


def _is_too_much(one: Found) -> bool:
    """Whether its first money was one too many; more of it is a matter of its own transfers."""
    first = next(event for event in one.events if event.status in MONEY and event.captured)
    return first.discrepancy == "duplicate_payment"


def _went_back(one: Found) -> bool:
    return any(event.status == "refunded" for event in one.events)
