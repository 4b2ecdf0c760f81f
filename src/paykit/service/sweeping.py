"""Reconciling: asking providers about what stays open, and ending what can be ended.

A payment is never failed on silence. It is expired when the provider says so; or when it does not
know the payment, or cannot be asked, and the time that :class:`~paykit.info.Asking` grants is over.
What nobody can tell is left to a person, with the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from ..errors import InvalidRequest, NotFound, PaykitError, RateLimited, StoreUnavailable
from ..events import PaymentProcessed, Source
from ..info import Asking
from ..metrics import GIVEN_UP, REPAIRS
from ..models import PaymentStatus
from ..provider import Capability, Provider
from ..signing import fingerprint
from . import checks, command_store, rows
from .checks import Due, GivenUp
from .command_store import Reserved
from .commanding import Commanding
from .commands import Command
from .effects import Operation, Read, Transact, about, log
from .receiving import Receiving
from .relay import spread
from .reports import Change, CommandEnd, Failure, Report, Sweep
from .state import FINAL, FROM_THE_START, PaymentRecord

S = PaymentStatus

#: So long a payment is left to whoever has taken it up.
_LEASE: Final = timedelta(minutes=5)
_BATCH: Final = 50
#: A command is taken up shortly before it is seen to, for nobody else may have it meanwhile.
_COMMANDS: Final = 10
_MINUTE: Final = timedelta(minutes=1)
#: The time to pay can run out for these, and only for these. What a provider said in words that
#: nobody can read may have been a success: silence after that ends nothing.
_MAY_EXPIRE: Final = frozenset({S.REQUIRES_ACTION, S.PENDING})

NOT_FOUND: Final = "not_found"
NO_NEWS: Final = "no_news"


class Sweeping(Commanding, Receiving):
    """The sweep over a set of provider accounts."""

    def reconcile(self, *, limit: int, paid_within: timedelta | None = None) -> Operation[Report]:
        """Ask about what is due, at most ``limit`` payments and as many commands.

        ``paid_within``: ask also about payments that are over and not older than that, for news of
        them may have been lost (a refund made in the provider's console).
        """
        sweep = Sweep(self._clock())
        # What is here already need not be asked about.
        sweep.published += yield Transact(checks.join_stranded)
        yield from self._sweep_payments(sweep, limit)
        yield from self._sweep_commands(sweep, limit)
        if paid_within is not None:
            yield from self._sweep_paid(sweep, sweep.now - paid_within, limit)
        accounts = self._accounts
        sweep.elsewhere = yield Read(lambda conn: checks.count_elsewhere(conn, accounts, sweep.now))
        return sweep.report()

    def given_up(self) -> Operation[list[GivenUp]]:
        """What nobody asks about any more, for a person to look at."""
        found: list[GivenUp] = yield Read(checks.given_up)
        left: Sequence[Command] = yield Read(command_store.given_up)
        for command in left:
            record: PaymentRecord | None = yield Read(_load(command.payment_id))
            if record is not None:
                found.append(_as_given_up(record, command))
        return found

    # Payments.

    def _sweep_payments(self, sweep: Sweep, left: int) -> Operation[None]:
        while left > 0:
            began = self._clock()
            claim = _claim(self._accounts, sweep.now, began + _LEASE, min(left, _BATCH))
            due: Sequence[Due] = yield Transact(claim)
            if not due:
                return
            for one in due:
                if self._clock() - began < _LEASE:  # else somebody else may have them by now
                    yield from self._sweep_one(sweep, one)
            left -= len(due)

    def _sweep_one(self, sweep: Sweep, due: Due) -> Operation[None]:
        record = due.record
        provider = self._provider_of(record)
        if Capability.FETCH_PAYMENT not in provider.capabilities:
            yield from self._wait_for_news(sweep, provider, due, NO_NEWS)
            return
        if not self._pacing.take(provider):
            sweep.limited += 1
            until = self._pacing.again_at(provider) + _MINUTE * (1 + spread(record.payment_id))
            yield Transact(lambda conn: checks.put_off(conn, record.payment_id, check_at=until))
            return
        sweep.asked += 1
        try:
            sweep.published += yield from self._ask(provider, record)
            published, _onward = yield from self._complete(provider, record.reference)
            sweep.published += published
        except NotFound as error:
            yield from self._take_not_found(sweep, provider, due, error)
        except InvalidRequest as error:
            if record.provider_id is not None:
                yield from self._take_failure(sweep, provider, due, error)
                return
            # The provider finds a payment only by its own name of it, which nobody has told us.
            sweep.asked -= 1
            yield from self._wait_for_news(sweep, provider, due, str(error))
        except StoreUnavailable:
            raise
        except PaykitError as error:
            yield from self._take_failure(sweep, provider, due, error)
        else:
            yield from self._after_question(sweep, provider, due, None)

    def _take_not_found(
        self, sweep: Sweep, provider: Provider, due: Due, error: NotFound
    ) -> Operation[None]:
        if self._is_over(sweep, provider, due.record):
            yield from self._expire(sweep, due.record, NOT_FOUND)
        yield from self._after_question(sweep, provider, due, f"{NOT_FOUND}: {error}")

    def _take_failure(
        self, sweep: Sweep, provider: Provider, due: Due, error: PaykitError
    ) -> Operation[None]:
        if isinstance(error, RateLimited):
            self._pacing.refused(provider, error)
        note = f"{type(error).__name__}: {error}"
        sweep.failures.append(Failure(payment_id=due.record.payment_id, error=note))
        log.warning(
            "could not ask %s about %s: %s",
            provider.key,
            due.record.payment_id,
            note,
            extra={**about(provider, error), "payment_id": due.record.payment_id},
        )
        yield from self._after_question(sweep, provider, due, note)

    def _after_question(
        self, sweep: Sweep, provider: Provider, due: Due, note: str | None
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
        until = max(sweep.now + pause, self._pacing.again_at(provider))
        yield from self._later(after, until, times, note)

    def _wait_for_news(
        self, sweep: Sweep, provider: Provider, due: Due, note: str
    ) -> Operation[None]:
        """There is nobody to ask: news come by themselves, or not at all."""
        record, asking = due.record, provider.info.asking
        if self._is_over(sweep, provider, record):
            yield from self._expire(sweep, record, NO_NEWS)
            yield from self._note_change(sweep, record)
            return
        ends = [_given_up_from(record, asking)]
        if sweep.now >= ends[0]:
            yield from self._give_up(sweep, record, due.checks, note)
            return
        if record.status in _MAY_EXPIRE:
            ends.append((record.expires_at or record.created_at) + asking.grace)
        yield from self._later(record, min(ends), due.checks, note)

    def _is_over(self, sweep: Sweep, provider: Provider, record: PaymentRecord) -> bool:
        began = record.expires_at or record.created_at
        return record.status in _MAY_EXPIRE and sweep.now >= began + provider.info.asking.grace

    def _expire(self, sweep: Sweep, record: PaymentRecord, reason: str) -> Operation[None]:
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
        self, sweep: Sweep, record: PaymentRecord, times: int, note: str
    ) -> Operation[None]:
        now = sweep.now
        yield Transact(
            lambda conn: checks.give_up(conn, record.payment_id, now=now, checks=times, note=note)
        )
        log.warning(
            "%s is left to a person: %s",
            record.payment_id,
            note,
            extra={**about(record), "payment_id": record.payment_id},
        )
        self._leave(sweep, GivenUp(record=record, checks=times, note=note, since=now))

    def _leave(self, sweep: Sweep, left: GivenUp) -> None:
        sweep.given_up.append(left)
        self._telemetry.count(GIVEN_UP, left.record.provider)

    def _later(
        self, record: PaymentRecord, until: datetime, times: int, note: str | None
    ) -> Operation[None]:
        yield Transact(
            lambda conn: checks.schedule(
                conn, record.payment_id, check_at=until, checks=times, note=note
            )
        )

    def _note_change(self, sweep: Sweep, before: PaymentRecord) -> Operation[PaymentRecord | None]:
        after: PaymentRecord | None = yield Read(_load(before.payment_id))
        if after is not None and after.status is not before.status:
            self._telemetry.count(REPAIRS, after.provider, before.status.value, after.status.value)
            sweep.changes.append(
                Change(
                    payment_id=after.payment_id,
                    order_id=after.order_id,
                    before=before.status,
                    after=after.status,
                )
            )
        return after

    # Payments that are over.

    def _sweep_paid(self, sweep: Sweep, since: datetime, left: int) -> Operation[None]:
        """Ask about those that were asked least, account by account, as much as each allows."""
        for provider in self._providers.values():
            if Capability.FETCH_PAYMENT not in provider.capabilities:
                continue
            claim = _claim_paid(provider, since, min(left, self._pacing.room(provider)))
            due: Sequence[PaymentRecord] = yield Transact(claim)
            for record in due:
                if self._pacing.take(provider):
                    yield from self._sweep_one_paid(sweep, provider, record)
            left -= len(due)

    def _sweep_one_paid(
        self, sweep: Sweep, provider: Provider, record: PaymentRecord
    ) -> Operation[None]:
        sweep.asked += 1
        try:
            sweep.published += yield from self._ask(provider, record)
        except StoreUnavailable:
            raise
        except PaykitError as error:
            if isinstance(error, RateLimited):
                self._pacing.refused(provider, error)
            note = f"{type(error).__name__}: {error}"
            sweep.failures.append(Failure(payment_id=record.payment_id, error=note))
        yield from self._note_change(sweep, record)

    # Commands.

    def _sweep_commands(self, sweep: Sweep, left: int) -> Operation[None]:
        while left > 0:
            began = self._clock()
            claim = self._claim_commands(sweep, min(left, _COMMANDS))
            due: Sequence[Reserved] = yield Transact(claim)
            if not due:
                return
            for one in due:
                if one.command is not None and self._clock() - began < command_store.LEASE:
                    yield from self._sweep_command(sweep, one, one.command)
            left -= len(due)

    def _claim_commands(
        self, sweep: Sweep, limit: int
    ) -> Callable[[Connection], Sequence[Reserved]]:
        return lambda conn: command_store.claim(
            conn, accounts=self._accounts, now=sweep.now, clock=self._clock, limit=limit
        )

    def _sweep_command(self, sweep: Sweep, reserved: Reserved, command: Command) -> Operation[None]:
        record, provider = reserved.record, self._provider_of(reserved.record)
        if not self._pacing.take(provider):
            sweep.limited += 1
            wait = _MINUTE * (1 + spread(command.command_id))
            until = self._pacing.again_at(provider) - self._clock() + wait
            yield Transact(
                lambda conn: command_store.put_off(
                    conn, command, clock=self._clock, note=command.note or "", look_after=until
                )
            )
            return
        sweep.asked += 1
        try:
            done = yield from self.resolve(reserved)
            sweep.published += done.published
        except StoreUnavailable:
            raise
        except PaykitError as error:
            if isinstance(error, RateLimited):
                self._pacing.refused(provider, error)
            note = f"{type(error).__name__}: {error}"
            log.warning(
                "could not end %s: %s",
                command.command_id,
                note,
                extra={
                    **about(provider, error),
                    "payment_id": record.payment_id,
                    "command_id": command.command_id,
                },
            )
            sweep.failures.append(
                Failure(payment_id=record.payment_id, error=note, command_id=command.command_id)
            )
        yield from self._note_change(sweep, record)
        now = yield from self._reload(command)
        if now is not None and now.state is not command.state:
            sweep.commands.append(
                CommandEnd(
                    payment_id=record.payment_id,
                    command_id=command.command_id,
                    kind=command.kind.value,
                    state=now.state,
                )
            )
        if now is not None and now.given_up_at is not None:
            self._leave(sweep, _as_given_up(record, now))


def _as_given_up(record: PaymentRecord, command: Command) -> GivenUp:
    return GivenUp(
        record=record,
        checks=command.attempts,
        note=command.note or "",
        since=command.given_up_at or command.updated_at,
        command=command,
    )


def _given_up_from(record: PaymentRecord, asking: Asking) -> datetime:
    """When nobody asks any more; never while the payer may still pay."""
    ends = record.created_at + asking.gives_up_after
    return ends if record.expires_at is None else max(ends, record.expires_at + asking.grace)


def _claim(
    accounts: Sequence[rows.Account], now: datetime, until: datetime, limit: int
) -> Callable[[Connection], Sequence[Due]]:
    return lambda conn: checks.claim(conn, accounts=accounts, now=now, until=until, limit=limit)


def _claim_paid(
    provider: Provider, since: datetime, limit: int
) -> Callable[[Connection], Sequence[PaymentRecord]]:
    account = provider.name, provider.account
    return lambda conn: checks.claim_paid(conn, account=account, since=since, limit=limit)


def _load(payment_id: str) -> Callable[[Connection], PaymentRecord | None]:
    return lambda conn: rows.load(conn, payment_id)
