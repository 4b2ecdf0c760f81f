"""Recording facts: the one way in which a payment changes.

Inbox, lock, transition, update, outbox, in one transaction. Facts that wait beside each other are
recorded by the same few statements, whatever payments they are about; each is applied by itself,
in the order in which it came.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs
from sqlalchemy import Connection, func, select

from ..errors import InvalidRequest
from ..events import EVENT_TYPE, MovementKind, PaymentProcessed, Source, TransferReceived
from ..models import PaymentStatus
from ..provider import Outcome
from ..signing import fingerprint
from . import changes, command_store, ledger, lookups, rows
from .bulk import Many
from .fitting import fitting, fitting_id
from .lookups import Known, Payment
from .rows import Account
from .schema import inbox, outbox, payments
from .state import (
    FINAL,
    PAID,
    PaymentRecord,
    Transition,
    becomes_paid,
    is_paid,
    receive_transfer,
    remark,
)
from .tally import Entry

Fact: TypeAlias = lookups.Fact
_Key: TypeAlias = tuple[str, str, str]

#: The outcome of a delivery with several facts is the gravest of theirs.
_GRAVEST: Final = (
    Outcome.MISMATCH,
    Outcome.UNKNOWN_REFERENCE,
    Outcome.ACCEPTED,
    Outcome.DUPLICATE,
)
#: What one event id says once and for ever. Times and memos differ from list to notice.
_SAID: Final = ("reference", "status", "amount", "captured", "refunded", "movement")
#: No bank has a memo with room for more; databases limit what one question may name.
_MANY_CODES: Final = 100
_INBOX: Final = Many(
    inbox,
    "provider account event_id source reference payment_id outcome fact digest received_at".split(),
)
_OUTBOX: Final = Many(
    outbox,
    "id aggregatetype aggregateid type payload sequence occurred_at created_at attempts".split(),
)
#: Nothing is asked about it any more.
_AT_REST: Final = FINAL | {PaymentStatus.NEEDS_REVIEW}


@attrs.frozen(slots=True)
class Recorded:
    """What became of a delivery, and how many events wait for the relay because of it.

    ``payment_ids`` are those of the payments on record that it is about. ``is_overtaken``: it was
    an answer, and other news were quicker, so that it may be old and has to be asked for anew.
    ``timely`` are the facts that made an event and that the provider told with a time of its own.
    """

    outcome: Outcome
    events: int
    payment_ids: tuple[str, ...] = ()
    is_overtaken: bool = False
    timely: tuple[Fact, ...] = ()


def _with_fitting_ids(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts, with ids that a database can hold; nearly always they are these already."""
    if all(fact.event_id == fitting_id(fact.event_id) for fact in facts):
        return facts
    return tuple(attrs.evolve(fact, event_id=fitting_id(fact.event_id)) for fact in facts)


@attrs.frozen(slots=True)
class News:
    """The facts of one delivery, to be recorded together: a body for a transaction.

    What a provider was asked has no digest. ``as_of`` is the sequence of the payment's record at
    that time: if other news came in between, the answer may be older than these, and counts only as
    far as it tells of money. ``told_at``: as in :func:`~paykit.service.state.transition`.
    """

    facts: tuple[Fact, ...] = attrs.field(converter=_with_fitting_ids)
    digest: str  #: SHA-256 of the delivery, in hex
    now: datetime
    as_of: int | None = None
    told_at: datetime | None = None

    def __call__(self, conn: Connection) -> Recorded:
        """Record them by themselves."""
        return record(conn, (self,))[0]


def record(conn: Connection, news: Sequence[News]) -> list[Recorded]:
    """Record the facts of several deliveries; what became of each, in the same order.

    Raises :class:`~paykit.errors.InvalidRequest` for a fact whose event was published before,
    although the inbox does not know it; and an ``IntegrityError`` when another transaction was
    faster, after which the same call sees what that one did.
    """
    told = [fact for one in news for fact in one.facts]
    group = _Group(conn, told)
    ends = []
    for one in news:
        outcomes, events, timely = [], 0, []
        for fact in one.facts:
            outcome, published = group.take(fact, one)
            outcomes.append(outcome)
            events += published
            # What has no time of its own has that at which we heard of it.
            if published and fact.occurred_at != one.now:
                timely.append(fact)
        gravest = min(outcomes, key=_GRAVEST.index, default=Outcome.ACCEPTED)
        told_late = id(one) in group.overtaken
        ids = group.payment_ids(one.facts)
        ends.append(Recorded(gravest, events, ids, told_late, tuple(timely)))
    group.write()
    return ends


def reapply(conn: Connection, payment_id: str, waiting: Iterable[tuple[Fact, datetime]]) -> int:
    """Apply facts that are in the inbox already, to the payment that they turned out to be about.

    Returns how many events that published.
    """
    told = list(waiting)
    if not told:
        return 0
    group = _Group(conn, [fact for fact, _ in told], payment_id=payment_id)
    events = sum(group.take_again(fact, now) for fact, now in told)
    group.write()
    return events


def count_answers(conn: Connection, payment_id: str) -> int:
    """How many answers of the provider's API to our commands are on record for a payment."""
    mine = (inbox.c.payment_id == payment_id, inbox.c.source == Source.API.value)
    return conn.execute(select(func.count()).select_from(inbox).where(*mine)).scalar_one()


def same_fact(fact: Fact) -> Any:
    """The row of the inbox that has this fact."""
    return (
        (inbox.c.provider == fact.provider)
        & (inbox.c.account == fact.account)
        & (inbox.c.event_id == fact.event_id)
    )


def source_of(fact: Fact) -> Source:
    """Where a fact came from."""
    return fact.source if isinstance(fact, PaymentProcessed) else Source.TRANSFER


class _Group:
    """The payments that some facts are about, locked, and what is to be written about them."""

    def __init__(
        self, conn: Connection, facts: Collection[Fact], *, payment_id: str | None = None
    ) -> None:
        self._conn = conn
        self._references = _references(conn, facts) if payment_id is None else {}
        self._by_reference: dict[_Key, Payment] = {}
        self._payments: dict[str, Payment] = {}
        self._lock(facts, payment_id)
        self._known: dict[_Key, Known] = {}
        self._owners: dict[_Key, set[str]] = {}  # the payments that have a provider's id
        self._paying: dict[str, str] = {}
        self._published: dict[str, str] = {}
        self._look_up(facts)
        self._movement_owners = self._load_movements(facts)
        self._inbox: dict[_Key, dict[str, Any]] = {}
        self._settled: list[tuple[Fact, Outcome, str]] = []
        self._outbox: list[dict[str, Any]] = []
        self.overtaken: set[int] = set()  #: the objects of the news with an answer that came late

    # Taking facts.

    def take(self, fact: Fact, news: News) -> tuple[Outcome, int]:
        """Record one fact: its outcome, and how many events it made."""
        key = (fact.provider, fact.account, fact.event_id)
        known = self._known.get(key)
        if known is not None:
            return self._repeated(fact, news, known), 0
        payment = self._payment_of(fact)
        outcome, events = Outcome.UNKNOWN_REFERENCE, 0
        if payment is not None:
            outcome, events = Outcome.ACCEPTED, 0
            if news.as_of in {None, payment.record.sequence} or _tells_money(fact):
                done = self._apply(payment, fact, news.now, told_at=news.told_at)
                outcome, events = done.outcome, int(done.event is not None)
            else:
                self.overtaken.add(id(news))
        payment_id = payment.record.payment_id if payment else None
        self._put_in(key, Known(payment_id, outcome.value, fact.to_text()), fact, news)
        return outcome, events

    def payment_ids(self, facts: Iterable[Fact]) -> tuple[str, ...]:
        """The payments that facts are about, each once."""
        found = {
            payment.record.payment_id: None
            for fact in facts
            if (payment := self._payment_of(fact)) is not None
        }
        return tuple(found)

    def take_again(self, fact: Fact, now: datetime) -> int:
        """Apply a fact that is in the inbox to the one payment of this group."""
        (payment,) = self._payments.values()
        done = self._apply(payment, fact, now)
        self._settled.append((fact, done.outcome, payment.record.payment_id))
        return int(done.event is not None)

    def _payment_of(self, fact: Fact) -> Payment | None:
        return self._by_reference.get((fact.provider, fact.account, self._references[id(fact)]))

    def _put_in(self, key: _Key, known: Known, fact: Fact, news: News) -> None:
        self._known[key] = known
        self._inbox[key] = {
            "provider": key[0],
            "account": key[1],
            "event_id": key[2],
            "source": source_of(fact).value,
            "reference": self._references[id(fact)],
            "payment_id": known.payment_id,
            "outcome": known.outcome,
            "fact": known.text,
            "digest": news.digest,
            "received_at": news.now,
        }

    def _repeated(self, fact: Fact, news: News, known: Known) -> Outcome:
        told, before = fact.to_json(), json.loads(known.text)
        if any(told.get(name) != before.get(name) for name in _SAID):
            # The first one stays. This one is kept beside it and belongs to nobody's list.
            self._keep_beside(fact, news, known.payment_id or "")
            return Outcome.MISMATCH
        outcome = Outcome(known.outcome)
        # A contradiction stays one however often it is told; anything else was handled before.
        return outcome if outcome is not Outcome.ACCEPTED else Outcome.DUPLICATE

    def _keep_beside(self, fact: Fact, news: News, payment_id: str) -> None:
        text = fact.to_text()
        key = (fact.provider, fact.account, fingerprint(text.encode()))
        there = select(inbox.c.event_id).where(
            inbox.c.provider == key[0], inbox.c.account == key[1], inbox.c.event_id == key[2]
        )
        if key not in self._known and self._conn.execute(there).first() is None:
            self._put_in(key, Known(payment_id, Outcome.MISMATCH.value, text), fact, news)

    def _apply(
        self, payment: Payment, fact: Fact, now: datetime, *, told_at: datetime | None = None
    ) -> Transition:
        before = payment.record
        id_taken = self._is_id_taken(before, fact)
        entry = None
        if isinstance(fact, TransferReceived):
            done = receive_transfer(before, fact, id_taken=id_taken)
        else:
            is_anothers = self._is_anothers(before, fact)
            done, entry = ledger.change(
                before,
                fact,
                payment.entries,
                id_taken=id_taken,
                is_anothers=is_anothers,
                told_at=told_at,
            )
        if becomes_paid(before, done.record):
            paying = self._paying.get(before.order_id)
            by_another = paying not in {None, before.payment_id}
            done = remark(before, done, fact=fact, order_is_paid=by_another)
            if paying is None:
                self._paying[before.order_id] = before.payment_id
                payment.pays_order = before.order_id
                payment.changed = True
        if payment.pays_order is not None and done.record.status is PaymentStatus.REFUNDED:
            # Its money is back with the payer: the next payment of the order is none too many.
            self._paying.pop(payment.pays_order, None)
            payment.pays_order = None
            payment.changed = True
        self._keep(payment, done, entry, now)
        payment.facts.append(fact)
        if done.event is not None:
            self._outbox.append(_to_publish(done.event, before, now))
        return done

    def _keep(self, payment: Payment, done: Transition, entry: Entry | None, now: datetime) -> None:
        if entry is not None:
            payment.entries[(entry.movement.kind, fitting(entry.movement.id))] = entry
            payment.moved.append(entry)
            payment.changed = payment.changed or not payment.has_movements
            payment.has_movements = True
        before, after = payment.record, done.record
        if before is after:
            return
        payment.record, payment.changed = after, True
        payment.given_up_at = None  # there is news of it
        if after.status in _AT_REST:
            payment.check_at, payment.checks = None, 0
        elif payment.check_at is None:
            payment.check_at = now  # it has come back to life: ask how it goes on
        self._own(after)

    def _is_id_taken(self, record: PaymentRecord, fact: Fact) -> bool:
        if fact.provider_id is None or fact.provider_id == record.provider_id:
            return False
        key = (fact.provider, fact.account, fitting(fact.provider_id))
        return any(owner != record.payment_id for owner in self._owners.get(key, ()))

    def _own(self, record: PaymentRecord) -> None:
        if record.provider_id is not None:
            key = (record.provider, record.account, fitting(record.provider_id))
            self._owners.setdefault(key, set()).add(record.payment_id)

    def _is_anothers(self, record: PaymentRecord, fact: PaymentProcessed) -> bool:
        if fact.movement is None:
            return False
        key = (*_account(fact), fact.movement.kind, fitting(fact.movement.id))
        return self._movement_owners.setdefault(key, record.payment_id) != record.payment_id

    # Reading what there is.

    def _lock(self, facts: Collection[Fact], payment_id: str | None) -> None:
        if payment_id is not None:
            found = lookups.lock_one(self._conn, payment_id)
        else:
            found = [
                payment
                for account, references in _by_account(facts, self._references)
                for payment in lookups.lock(self._conn, account, references)
            ]
        for payment in found:
            record = payment.record
            self._payments[record.payment_id] = payment
            self._by_reference[(record.provider, record.account, record.reference)] = payment

    def _look_up(self, facts: Iterable[Fact]) -> None:
        """Find what these facts could run into: themselves, and ids that belong to others."""
        by_account: dict[Account, list[Fact]] = {}
        for fact in facts:
            by_account.setdefault(_account(fact), []).append(fact)
        have = {one.record.provider_id for one in self._payments.values()}
        unpaid = [one.record for one in self._payments.values() if not is_paid(one.record)]
        for account in sorted(by_account):
            mine = by_account[account]
            bring = {fitting(fact.provider_id) for fact in mine if fact.provider_id is not None}
            may_pay = any(map(_may_pay, mine))
            found = lookups.look_up(
                self._conn,
                account,
                event_ids={fact.event_id for fact in mine},
                provider_ids=bring - have,
                orders={one.order_id for one in unpaid if may_pay and _account(one) == account},
            )
            for event_id, known in found.facts.items():
                self._known[(*account, event_id)] = known
            for provider_id, payment_id in found.owners:
                self._owners.setdefault((*account, provider_id), set()).add(payment_id)
            self._paying |= found.paying
            self._published |= found.published
        for payment in self._payments.values():
            self._own(payment.record)

    def _load_movements(
        self, facts: Collection[Fact]
    ) -> dict[tuple[str, str, MovementKind, str], str]:
        """Load the movements of the payments; returns whom those of these facts belong to."""
        moved = [one.record.payment_id for one in self._payments.values() if one.has_movements]
        if moved:
            for payment_id, entries in ledger.load_entries(self._conn, moved).items():
                self._payments[payment_id].entries = entries
        owners: dict[tuple[str, str, MovementKind, str], str] = {}
        named = (
            (_account(fact), fitting(fact.movement.id))
            for fact in facts
            if isinstance(fact, PaymentProcessed) and fact.movement is not None
        )
        for account, ids in _grouped(named):
            for key, owner in ledger.load_owners(self._conn, *account, ids).items():
                owners[(*account, *key)] = owner
        return owners

    # Writing what is new.

    def write(self) -> None:
        """Write it all down. An ``IntegrityError`` means that somebody else was faster."""
        conn = self._conn
        if self._inbox:
            # In one order for all transactions, as with the locks.
            _INBOX.write(conn, [self._inbox[key] for key in sorted(self._inbox)])
        changed = [one for one in self._payments.values() if one.changed]
        # What no longer pays an order comes first, for one payment at a time may do that.
        changed.sort(key=lambda one: one.pays_order is not None)
        rows.write(conn, [_changed(one) for one in changed])
        for payment in self._payments.values():
            for entry in payment.moved:
                ledger.keep(conn, payment.record, entry)
            if payment.has_commands and payment.facts:
                command_store.settle(conn, payment.record, payment.entries, payment.facts)
        for fact, outcome, payment_id in self._settled:
            conn.execute(
                inbox.update()
                .where(same_fact(fact))
                .values(outcome=outcome.value, payment_id=payment_id)
            )
        if self._outbox:
            self._put_out()
        changes.note(conn, [one.record for one in changed], events=bool(self._outbox))

    def _put_out(self) -> None:
        """Let the relay publish the events; under an id of ours if its own is taken elsewhere."""
        seen: set[str] = set()
        for event in self._outbox:
            if event["id"] in self._published:
                _rename(event, json.loads(self._published[event["id"]]))
            elif event["id"] in seen:  # two accounts, one id, one transaction
                _rename(event, {})
            seen.add(event["id"])
        _OUTBOX.write(self._conn, self._outbox)


def _rename(event: dict[str, Any], other: Mapping[str, Any]) -> None:
    told = json.loads(event["payload"])
    if (other.get("provider"), other.get("account")) == (told["provider"], told["account"]):
        # The inbox has forgotten what was published: a transfer would count twice.
        raise InvalidRequest("was published before", field="event_id")
    name = f"{told['provider']}|{told['account']}|{told['event_id']}"
    told["event_id"] = event["id"] = fingerprint(name.encode())
    event["payload"] = PaymentProcessed.from_json(told).to_text()


def _tells_money(fact: Fact) -> bool:
    """Whether a fact tells of money that moved; that is true whenever it is told."""
    if isinstance(fact, TransferReceived):
        return True
    return fact.status in PAID or bool(fact.captured) or fact.movement is not None


def _to_publish(event: PaymentProcessed, record: PaymentRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "aggregatetype": "payment",
        "aggregateid": record.payment_id,
        "type": EVENT_TYPE,
        "payload": event.to_text(),
        "sequence": event.sequence,
        "occurred_at": event.occurred_at,
        "created_at": now,
        "attempts": 0,
    }


def _changed(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.record.payment_id,
        **rows.changes(payment.record),
        "pays_order": payment.pays_order,
        "has_movements": payment.has_movements,
        "check_at": payment.check_at,
        "checks": payment.checks,
        "given_up_at": payment.given_up_at,
    }


def _references(conn: Connection, facts: Iterable[Fact]) -> dict[int, str]:
    """Which payment each fact is for, by its reference; empty where that cannot be told.

    The keys are those of the objects, for one event id may be told twice, of two payments.
    """
    named: dict[int, str] = {}
    by_codes: list[TransferReceived] = []
    for fact in facts:
        if fact.reference is None and len(fact.codes) <= _MANY_CODES:
            by_codes.append(fact)
        else:
            named[id(fact)] = fitting(fact.reference or "")
    codes = ((_account(fact), code) for fact in by_codes for code in fact.codes)
    ours: set[tuple[str, str, str]] = set()
    for account, wanted in _grouped(codes):
        where = (payments.c.provider == account[0], payments.c.account == account[1])
        found = select(payments.c.reference).where(*where, payments.c.reference.in_(wanted))
        ours |= {(*account, reference) for reference in conn.execute(found).scalars()}
    for fact in by_codes:
        mine = [code for code in fact.codes if (*_account(fact), code) in ours]
        # A code that no payment has yet may get one: the notice can be quicker than our commit.
        mine = mine or list(fact.codes)
        named[id(fact)] = fitting(mine[0]) if len(mine) == 1 else ""
    return named


def _by_account(
    facts: Iterable[Fact], references: Mapping[int, str]
) -> Iterator[tuple[Account, list[str]]]:
    return _grouped((_account(fact), references[id(fact)]) for fact in facts)


def _grouped(pairs: Iterable[tuple[Account, str]]) -> Iterator[tuple[Account, list[str]]]:
    """The second ones of each first one, sorted and without repeats; one account after the other.

    Sorted, so that the same question has the same text for the database's cache of statements.
    """
    found: dict[Account, set[str]] = {}
    for account, value in pairs:
        found.setdefault(account, set()).add(value)
    for account in sorted(found):
        yield account, sorted(found[account])


def _may_pay(fact: Fact) -> bool:
    """Whether a payment may be paid after this fact."""
    return isinstance(fact, TransferReceived) or fact.status in PAID or fact.movement is not None


def _account(fact: Fact | PaymentRecord) -> Account:
    return fact.provider, fact.account
