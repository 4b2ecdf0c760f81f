"""Reconciling: asking providers about what stays open, and ending what can be ended.

A payment is never failed on silence. It is expired when the provider says so; or when it does not
know the payment, or cannot be asked, and the time that :class:`~paykit.info.Asking` grants is over.
What nobody can tell is left to a person, with the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import Connection

from ..errors import ConfigurationError, NotFound, PaykitError, RateLimited
from ..events import PaymentProcessed, Source
from ..info import Asking
from ..models import PaymentStatus
from ..provider import Capability, Provider
from ..signing import fingerprint
from . import checks, command_store, rows
from .accounts import answer_as_fact
from .checks import Due, GivenUp
from .commanding import Commanding
from .commands import Command, CommandState
from .effects import Operation, Read, Talk, Transact, log
from .receiving import Receiving
from .recording import News, Recorded
from .relay import spread
from .state import FINAL, FROM_THE_START, PaymentRecord

S = PaymentStatus

#: So long a payment is left to whoever has taken it up.
_LEASE: Final = timedelta(minutes=5)
_BATCH: Final = 50
_MINUTE: Final = timedelta(minutes=1)
#: The time to pay can run out for these, and only for these.
_MAY_EXPIRE: Final = frozenset({S.REQUIRES_ACTION, S.PENDING, S.UNKNOWN})

NOT_FOUND: Final = "not_found"
NO_NEWS: Final = "no_news"


@attrs.frozen(slots=True, kw_only=True)
class Change:
    """A payment that a sweep has changed."""

    payment_id: str
    order_id: str
    before: PaymentStatus
    after: PaymentStatus


@attrs.frozen(slots=True, kw_only=True)
class CommandEnd:
    """A command that a sweep has found the end of."""

    payment_id: str
    command_id: str
    kind: str
    state: CommandState


@attrs.frozen(slots=True, kw_only=True)
class Failure:
    """A payment or command of which a sweep found out nothing, and why."""

    payment_id: str
    error: str


@attrs.frozen(slots=True, kw_only=True)
class Report:
    """What a sweep did. ``limited`` payments wait because an account was asked enough."""

    asked: int = 0
    published: int = 0
    limited: int = 0
    changes: tuple[Change, ...] = ()
    commands: tuple[CommandEnd, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    failures: tuple[Failure, ...] = ()


@attrs.define(slots=True)
class _Sweep:
    """A sweep while it runs."""

    now: datetime
    asked: int = 0
    published: int = 0
    limited: int = 0
    changes: list[Change] = attrs.field(factory=list)
    commands: list[CommandEnd] = attrs.field(factory=list)
    given_up: list[GivenUp] = attrs.field(factory=list)
    failures: list[Failure] = attrs.field(factory=list)
    full: dict[str, datetime] = attrs.field(factory=dict)

    def report(self) -> Report:
        return Report(
            asked=self.asked,
            published=self.published,
            limited=self.limited,
            changes=tuple(self.changes),
            commands=tuple(self.commands),
            given_up=tuple(self.given_up),
            failures=tuple(self.failures),
        )


class Sweeping(Commanding, Receiving):
    """The sweep over a set of provider accounts."""

    def reconcile(self, *, limit: int, paid_within: timedelta | None = None) -> Operation[Report]:
        """Ask about what is due, at most ``limit`` payments and as many commands.

        ``paid_within``: ask also about payments that are over and not older than that, for news of
        them may have been lost (a refund made in the provider's console).
        """
        sweep = _Sweep(self._clock())
        left = limit
        while left > 0:
            due: Sequence[Due] = yield Transact(_claim(sweep.now, min(left, _BATCH)))
            for one in due:
                yield from self._sweep_one(sweep, one)
            left -= len(due)
            if not due:
                break
        yield from self._sweep_commands(sweep, limit)
        stranded: int = yield Transact(checks.join_stranded)
        sweep.published += stranded
        if paid_within is not None:
            yield from self._sweep_paid(sweep, sweep.now - paid_within, limit)
        return sweep.report()

    def given_up(self) -> Operation[list[GivenUp]]:
        """What nobody asks about any more, for a person to look at."""
        found: list[GivenUp] = yield Read(checks.given_up)
        left: Sequence[Command] = yield Read(command_store.given_up)
        for command in left:
            payment_id = command.payment_id
            record = yield Read(_load(payment_id))
            if record is not None:
                found.append(
                    GivenUp(
                        record=record,
                        checks=command.attempts,
                        note=command.note or "",
                        since=command.given_up_at or command.updated_at,
                        command_id=command.command_id,
                        kind=command.kind.value,
                    )
                )
        return found

    # Payments.

    def _sweep_one(self, sweep: _Sweep, due: Due) -> Operation[None]:
        record = due.record
        try:
            provider = self._provider_of(record)
        except ConfigurationError as error:
            # Another process has that account; it looks when its time comes again.
            yield from self._later(record, sweep.now + _LEASE, due.checks, str(error))
            return
        if Capability.FETCH_PAYMENT not in provider.capabilities:
            yield from self._wait_for_news(sweep, provider, due)
            return
        if not self._may_ask(sweep, provider):
            sweep.limited += 1
            wait = _MINUTE * (1 + spread(record.payment_id))
            until = max(sweep.now + wait, sweep.full.get(provider.key, sweep.now))
            yield from self._later(record, until, due.checks, "asked enough for now")
            return
        note = yield from self._question(sweep, provider, record)
        if note == NOT_FOUND and self._is_over(sweep, provider, record):
            yield from self._expire(sweep, record, NOT_FOUND)
            note = None
        yield from self._after_question(sweep, provider, due, note)

    def _question(
        self, sweep: _Sweep, provider: Provider, record: PaymentRecord
    ) -> Operation[str | None]:
        """Ask; what went wrong, or ``None``."""
        sweep.asked += 1
        try:
            sweep.published += yield from self._ask(provider, record)
            published, _onward = yield from self._complete(provider, record.reference)
            sweep.published += published
        except NotFound:
            return NOT_FOUND
        except RateLimited as error:
            wait = timedelta(seconds=error.retry_after or _MINUTE.total_seconds())
            sweep.full[provider.key] = sweep.now + wait
            note = f"RateLimited: {error}"
        except PaykitError as error:
            note = f"{type(error).__name__}: {error}"
        else:
            return None
        sweep.failures.append(Failure(payment_id=record.payment_id, error=note))
        log.warning("could not ask %s about %s: %s", provider.key, record.payment_id, note)
        return note

    def _after_question(
        self, sweep: _Sweep, provider: Provider, due: Due, note: str | None
    ) -> Operation[None]:
        after = yield from self._note_change(sweep, due.record)
        if after is None or after.status in FINAL or after.status is S.NEEDS_REVIEW:
            return
        times = due.checks + 1
        asking = provider.info.asking
        if sweep.now >= _given_up_from(after, asking):
            why = note or f"the provider still says {after.status}"
            yield from self._give_up(sweep, after, times, why)
            return
        pause = min(asking.at_most, asking.again_after * 2 ** min(due.checks, 16))
        # By its name each waits up to a tenth longer: what began together is not asked together.
        pause *= 1 + spread(f"{after.payment_id}|{times}") / 10
        yield from self._later(after, sweep.now + pause, times, note)

    def _wait_for_news(self, sweep: _Sweep, provider: Provider, due: Due) -> Operation[None]:
        """There is nobody to ask: news come by themselves, or not at all."""
        record, asking = due.record, provider.info.asking
        if record.status in _MAY_EXPIRE and self._is_over(sweep, provider, record):
            yield from self._expire(sweep, record, NO_NEWS)
            yield from self._note_change(sweep, record)
            return
        if sweep.now >= _given_up_from(record, asking):
            yield from self._give_up(sweep, record, due.checks, NO_NEWS)
            return
        ends = [(record.expires_at or record.created_at) + asking.grace]
        ends.append(_given_up_from(record, asking))
        until = min(end for end in ends if end > sweep.now)
        yield from self._later(record, until, due.checks, None)

    def _is_over(self, sweep: _Sweep, provider: Provider, record: PaymentRecord) -> bool:
        began = max(record.expires_at or record.created_at, record.created_at)
        may = record.status in _MAY_EXPIRE
        return may and sweep.now >= began + provider.info.asking.grace

    def _expire(self, sweep: _Sweep, record: PaymentRecord, reason: str) -> Operation[None]:
        name = f"expired|{record.payment_id}|{record.sequence}"
        fact = PaymentProcessed(
            event_id=fingerprint(name.encode()),
            provider=record.provider,
            account=record.account,
            reference=record.reference,
            status=S.EXPIRED,
            amount=record.amount,
            occurred_at=sweep.now,
            provider_id=record.provider_id,
            reason=reason,
            source=Source.POLL,
        )
        # Only as long as nothing was heard; and whatever is heard from now on is newer.
        sweep.published += yield from self._record(
            fact, sweep.now, as_of=record.sequence, told_at=FROM_THE_START
        )

    def _give_up(
        self, sweep: _Sweep, record: PaymentRecord, times: int, note: str
    ) -> Operation[None]:
        now = sweep.now
        yield Transact(
            lambda conn: checks.give_up(conn, record.payment_id, now=now, checks=times, note=note)
        )
        log.warning("%s is left to a person: %s", record.payment_id, note)
        sweep.given_up.append(GivenUp(record=record, checks=times, note=note, since=now))

    def _later(
        self, record: PaymentRecord, until: datetime, times: int, note: str | None
    ) -> Operation[None]:
        yield Transact(
            lambda conn: checks.schedule(
                conn, record.payment_id, check_at=until, checks=times, note=note
            )
        )

    def _note_change(self, sweep: _Sweep, before: PaymentRecord) -> Operation[PaymentRecord | None]:
        after: PaymentRecord | None = yield Read(_load(before.payment_id))
        if after is not None and after.status is not before.status:
            sweep.changes.append(
                Change(
                    payment_id=after.payment_id,
                    order_id=after.order_id,
                    before=before.status,
                    after=after.status,
                )
            )
        return after

    def _sweep_paid(self, sweep: _Sweep, since: datetime, limit: int) -> Operation[None]:
        """Ask about payments that are over, from where the sweep before has stopped."""
        while limit > 0:
            due: Sequence[Due] = yield Read(_paid(since, self._paid_up_to, min(limit, _BATCH)))
            if not due:
                self._paid_up_to = ""  # the next sweep begins anew
                return
            for one in due:
                self._paid_up_to = one.record.payment_id
                provider = self._find_provider(one.record)
                if provider is None or Capability.FETCH_PAYMENT not in provider.capabilities:
                    continue
                if not self._may_ask(sweep, provider):
                    sweep.limited += 1
                    continue
                yield from self._question_of_paid(sweep, provider, one.record)
                yield from self._note_change(sweep, one.record)
            limit -= len(due)

    def _question_of_paid(
        self, sweep: _Sweep, provider: Provider, record: PaymentRecord
    ) -> Operation[None]:
        sweep.asked += 1
        try:
            payment = yield Talk(provider, lambda: provider.fetch_payment(record.ref))
        except PaykitError as error:
            note = f"{type(error).__name__}: {error}"
            sweep.failures.append(Failure(payment_id=record.payment_id, error=note))
            return
        now = self._clock()
        fact = answer_as_fact(record, payment, now, source=Source.POLL)
        recorded: Recorded = yield Transact(News((fact,), "", now, record.sequence))
        sweep.published += recorded.events

    # Commands.

    def _sweep_commands(self, sweep: _Sweep, limit: int) -> Operation[None]:
        clock = self._clock
        reserved: Sequence[command_store.Reserved] = yield Transact(
            lambda conn: command_store.claim(conn, now=sweep.now, clock=clock, limit=limit)
        )
        for one in reserved:
            command = one.command
            if command is None:
                continue
            sweep.asked += 1
            try:
                done = yield from self.resolve(one)
            except PaykitError as error:
                note = f"{type(error).__name__}: {error}"
                sweep.failures.append(Failure(payment_id=one.record.payment_id, error=note))
                log.warning("could not end %s: %s", command.command_id, note)
                yield from self._look_at_failed(one)
                continue
            sweep.published += done.published
            yield from self._note_change(sweep, one.record)
            now = done.command
            if now is not None and now.state is not command.state:
                sweep.commands.append(
                    CommandEnd(
                        payment_id=one.record.payment_id,
                        command_id=command.command_id,
                        kind=command.kind.value,
                        state=now.state,
                    )
                )

    def _look_at_failed(self, reserved: command_store.Reserved) -> Operation[None]:
        """A command that could not be asked about is looked at later, if it is still there."""
        command = reserved.command
        if command is None:
            return
        now = yield from self._reload(command)
        if now is not None and now.lease_until is not None:
            provider = self._provider_of(reserved.record)
            yield from self._look_later(provider, reserved.record, now, now.note or "no answer")

    # How often.

    def _may_ask(self, sweep: _Sweep, provider: Provider) -> bool:
        """Whether the account was asked less in the last minute than it surely allows."""
        if sweep.full.get(provider.key, sweep.now) > sweep.now:
            return False
        now = self._clock()
        recent = [at for at in self._asked_at.get(provider.key, []) if now - at < _MINUTE]
        may = len(recent) < provider.info.asking.per_minute
        self._asked_at[provider.key] = [*recent, now] if may else recent
        return may


def _given_up_from(record: PaymentRecord, asking: Asking) -> datetime:
    """When nobody asks any more; never while the payer may still pay."""
    ends = record.created_at + asking.gives_up_after
    return ends if record.expires_at is None else max(ends, record.expires_at + asking.grace)


def _claim(now: datetime, limit: int) -> Callable[[Connection], Sequence[Due]]:
    return lambda conn: checks.claim(conn, now=now, lease=_LEASE, limit=limit)


def _paid(since: datetime, after: str, limit: int) -> Callable[[Connection], Sequence[Due]]:
    return lambda conn: checks.of_paid(conn, since=since, after=after, limit=limit)


def _load(payment_id: str) -> Callable[[Connection], PaymentRecord | None]:
    return lambda conn: rows.load(conn, payment_id)
