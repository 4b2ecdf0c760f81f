"""Refunds in all kinds of histories: by two processes, over a bad network, past somebody's desk.

Whatever happens, nothing is given back twice, nothing beyond what was taken, and in the end our
record says what the gateway's books say. ``PAYKIT_LONG=1000`` lives through more of them.
"""

import contextlib
import os
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paykit import (
    Declined,
    InvalidRequest,
    NotSent,
    OutcomeUnknown,
    PaymentStatus,
    RequestInProgress,
)
from paykit.service import CommandState, PaymentService, command_store

from .bank import PRICE, Bank
from .cards import cards, told
from .refunding import Asked, Named, Once, Refunding, Silent, Totals, whole
from .shop import Clock
from .test_capture import part

LONG = int(os.environ.get("PAYKIT_LONG", "0"))
REFUSALS = (Declined, InvalidRequest, NotSent, OutcomeUnknown, RequestInProgress)
S, C = PaymentStatus, CommandState

AMOUNTS = st.sampled_from([None, 50_000, 50_000, 60_000, 100_000])
OWN_KEYS = st.sampled_from([None, None, "a", "b"])
FAULTS = st.sampled_from(["", "", "unsent", "lost", "refused", "slow", "slow"])
MEANWHILE = st.sampled_from(["", "", "", "hear", "again", "sweep"])
WHO = st.sampled_from([0, 0, 1])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("refund"), WHO, AMOUNTS, OWN_KEYS, FAULTS, MEANWHILE),
        st.tuples(st.just("refund"), WHO, AMOUNTS, OWN_KEYS, FAULTS, MEANWHILE),
        st.tuples(st.just("desk"), st.sampled_from([50_000, 60_000, 20_000])),
        st.tuples(st.just("end"), st.sampled_from(["done", "done", "failed", "undone"])),
        st.tuples(st.just("hear"), WHO, st.integers(0, 3)),
        st.tuples(st.just("sweep"), WHO),
        st.tuples(st.just("wait"), st.sampled_from([1, 5, 30, 60 * 26])),
    ),
    min_size=1,
    max_size=12,
)


class Story:
    """Two processes with one database, and a gateway."""

    def __init__(self, kind, database):
        self.bank, self.clock = Bank(kind), Clock()
        self.kind = kind
        self.services = [self.open(kind, database, place) for place in (0, 1)]
        self.heard = set()
        session = self.services[0].create(whole(), provider=kind.name)
        self.payment_id = session.payment_id

    def open(self, kind, database, place):
        ids = count(1)
        return PaymentService(
            [cards(kind)],
            database=database,
            transport=self.bank,
            clock=self.clock,
            new_id=lambda: f"{place}{next(ids):04d}",
        )

    def close(self):
        for service in self.services:
            service.close()

    def step(self, name, *values):
        self.clock.pass_(seconds=1)
        getattr(self, name)(*values)
        self.look()

    def refund(self, who, amount, key, fault, meanwhile):
        def again():
            self.bank.meanwhile = lambda: None
            self.attempt(1 - who, amount, key)

        def sweep():
            self.bank.meanwhile = lambda: None
            self.sweep(1 - who)

        self.bank.fault = fault
        self.bank.meanwhile = {
            "hear": lambda: self.hear(1 - who, 0),
            "again": again,
            "sweep": sweep,
        }.get(meanwhile, lambda: None)
        self.attempt(who, amount, key and f"{key}-{amount}")
        self.bank.fault, self.bank.meanwhile = "", lambda: None

    def attempt(self, who, amount, key):
        money = None if amount is None else part(amount)
        with contextlib.suppress(*REFUSALS):
            self.services[who].refund(self.payment_id, money, idempotency_key=key)

    def desk(self, amount):
        self.bank.desk(amount)

    def end(self, state):
        self.bank.end(state)

    def hear(self, who, place):
        waiting = [one for one in self.bank.notices if one.event_id not in self.heard]
        if waiting:
            notice = waiting[place % len(waiting)]
            self.heard.add(notice.event_id)
            self.services[who].receive(told(notice), provider=self.kind.name)

    def sweep(self, who):
        self.services[who].reconcile()

    def wait(self, minutes):
        self.clock.pass_(minutes=minutes)

    @property
    def record(self):
        return self.services[0].status(self.payment_id)

    def look(self):
        """Nothing counts that was never given back."""
        ever = {"done", "undone"}
        given_back = sum(one.amount for one in self.bank.given if one.state in ever)
        assert self.record.refunded.minor <= given_back, (self.record, self.bank)
        assert self.bank.back() <= PRICE

    def settle(self):
        """All that takes its time comes to an end, and all that can be known is found out."""
        for _ in range(20):
            self.bank.end("done")
        for _ in range(len(self.bank.notices)):
            self.hear(0, 1)
        for _ in range(4):
            self.clock.pass_(hours=7)
            self.services[1].reconcile(paid_within=timedelta(days=30))

    def check(self):
        record = self.record
        assert record.refunded.minor == self.bank.back(), (record, self.bank)
        whole_, some = record.refunded.minor == PRICE, bool(record.refunded)
        status = S.REFUNDED if whole_ else S.PARTIALLY_REFUNDED if some else S.SUCCEEDED
        assert record.status is status
        self.check_commands()
        self.check_events(record)

    def check_commands(self):
        known = self.services[0]._database.read(
            lambda conn: command_store.of_payment(conn, self.payment_id)
        )
        assert all(one.lease_until is None for one in known)
        done = [one.amount.minor for one in known if one.state is C.DONE]
        assert sum(done) <= self.bank.back() + sum(
            one.amount for one in self.bank.given if one.state == "undone"
        )
        for one in known:
            given = [g for g in self.bank.given if g.reference == one.reference]
            if one.state is C.REFUSED:
                assert [g.state for g in given] in ([], ["failed"], ["undone"]), (one, self.bank)
            if one.state in {C.RESERVED, C.WAITING}:  # only where nobody can be asked
                assert self.kind in {Silent, Once, Refunding}, one
                assert given == [] or self.kind is not Once, (one, self.bank)

    def check_events(self, record):
        rows = self.services[0].outbox(payment_id=self.payment_id)
        assert [row.sequence for row in rows] == list(range(1, record.sequence + 1))


@pytest.mark.untraced
@pytest.mark.parametrize("kind", [Refunding, Asked, Once, Silent, Totals, Named])
def test_our_record_is_what_the_books_say(kind, tmp_path):
    database = tmp_path / "payments.db"

    @given(steps=STEPS)
    @settings(
        max_examples=LONG or 15,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def lives(steps):
        story = Story(kind, f"sqlite:///{database}")
        try:
            for step in steps:
                story.step(*step)
            story.settle()
            story.check()
        finally:
            story.close()
            for path in tmp_path.iterdir():
                path.unlink()

    lives()
