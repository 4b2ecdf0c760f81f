"""Workers whose clocks are ten minutes wrong: the same lives as with clocks that are right.

The same schedules are lived through twice by two workers, with right clocks and with one clock ten
minutes ahead and the other ten behind. Meanwhile two relays with such clocks publish.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from datetime import timedelta
from functools import partial

import attrs
import pytest

from paykit.provider import utc_now
from paykit.service import PaymentService, upgrade_database

from ...support.databases import KINDS, empty, fresh_database
from .schedules.verdict import Found
from .schedules.wave import KEPT, Outcome, Plan, live, plans

PAYMENTS = 150
TEN = timedelta(minutes=10)
RIGHT = (timedelta(0), timedelta(0))
WRONG = (TEN, -TEN)


class Listening:
    """A publisher that remembers what it was given."""

    is_async = False

    def __init__(self, heard: list) -> None:
        self.heard = heard

    def publish(self, messages):
        self.heard += [(message.key, message.sequence, message.id) for message in messages]
        return [None] * len(messages)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_clocks_change_nothing_but_timestamps(kind, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, logger="paykit.service")
    wanted = [_surely(plan) for plan in plans(seed=1, count=PAYMENTS)]
    with fresh_database(kind, folder=tmp_path) as database:
        if kind != "sqlite":
            upgrade_database(database)
        right = live(database, wanted, skews=RIGHT)
        empty(database, keep=KEPT)
        wrong, published = _live_and_publish(database, wanted)
    assert (right.failures, wrong.failures) == ({}, {})
    events = [event for found in wrong.found.values() for event in found.events]
    assert len(events) > PAYMENTS
    # The processes of a SQLite file are on one machine, and their leases are measured by its clock:
    # with two of these a command may be looked after sooner, and its end told before other news.
    told = _ends if kind == "sqlite" else _story
    assert {name: told(one) for name, one in wrong.found.items()} == {
        name: told(one) for name, one in right.found.items()
    }
    _check_order(published, events, once=kind != "sqlite")


def _surely(plan: Plan) -> Plan:
    """The same with deaths that hit no other payment, and with an order of its own."""
    steps = tuple(
        attrs.evolve(step, crash=attrs.evolve(step.crash, where="after"))
        if step.crash is not None and step.crash.where == "inside"
        else step
        for step in plan.steps
    )
    return attrs.evolve(plan, steps=steps, order=f"order-{plan.number}")


def _live_and_publish(database: str, wanted: list[Plan]) -> tuple[Outcome, list]:
    heard: list = []
    relays = [PaymentService([], database=database, clock=partial(_wrong, skew)) for skew in WRONG]
    try:
        for relay in relays:
            relay.publish_to(Listening(heard))
        outcome = live(database, wanted, skews=WRONG)
        deadline = time.monotonic() + 60
        while relays[0].outbox():
            assert time.monotonic() < deadline, "the relays do not get done"
            time.sleep(0.05)
    finally:
        for relay in relays:
            relay.close()
    return outcome, heard


def _wrong(skew: timedelta):
    return utc_now() + skew


def _ends(found: Found) -> tuple:
    row = found.payment
    return row.status, row.captured, row.refunded, row.discrepancy, row.sequence


def _story(found: Found) -> tuple:
    """All that is on record of a payment but times."""
    timeless = [
        {name: value for name, value in event.to_json().items() if name != "occurred_at"}
        for event in found.events
    ]
    asked = [
        (row.kind, row.idempotency_key, row.amount, row.state, row.reference)
        for row in found.commands
    ]
    return (*_ends(found), timeless, sorted(asked))


def _check_order(published: list, events: list, *, once: bool) -> None:
    """Each payment's events are first published in their order, and nothing is missing."""
    assert {name for _, _, name in published} == {event.event_id for event in events}
    by_payment = defaultdict(list)
    for payment, sequence, _ in published:
        if once or sequence not in by_payment[payment]:
            by_payment[payment].append(sequence)
    for sequences in by_payment.values():
        assert sequences == list(range(1, len(sequences) + 1))
