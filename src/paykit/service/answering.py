"""Taking a provider's answers to commands, and asking it what became of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import attrs
from sqlalchemy import Connection

from ..errors import (
    Declined,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    RateLimited,
    StoreUnavailable,
)
from ..events import PaymentProcessed, Source
from ..info import RefundNotices
from ..models import Payment, PaymentStatus, Refund, RefundRef
from ..provider import Capability, Provider
from . import answers, command_store, recording, rows
from .accounts import Accounts
from .commands import OPEN, Command, Commanded, CommandKind, CommandState
from .effects import Operation, Read, Talk, Transact, about, log
from .relay import spread
from .state import PaymentRecord


class Finding(StrEnum):
    """What came of asking about a command."""

    TOLD = "told"  #: its end, or that the provider has taken it on
    NOT_THERE = "not there"  #: the provider knows nothing of it
    UNCLEAR = "unclear"  #: the answer may be about it and says nothing that can be read
    NOBODY = "nobody"  #: there is nobody to ask


@attrs.frozen(slots=True)
class Found:
    """What came of asking, and what that changed."""

    finding: Finding
    done: Commanded
    note: str


class Answering(Accounts):
    """What providers say of commands, over a set of accounts."""

    # Taking answers.

    def _take_payment(
        self, provider: Provider, record: PaymentRecord, command: Command, payment: Payment
    ) -> Operation[Commanded]:
        now = self._clock()
        is_capture = command.kind is CommandKind.CAPTURE
        as_fact = answers.captured if is_capture else answers.voided
        published = yield from self._end(
            command,
            answers.state_of(command.kind, payment),
            as_fact(record, payment, command, now=now),
            now,
            provider_id=payment.transaction_id,
            code=payment.code,
            look_after=provider.info.asking.first_after,
        )
        return (yield from self._done(record, command, published, payment=payment))

    def _take_refund(
        self,
        provider: Provider,
        record: PaymentRecord,
        command: Command,
        refund: Refund,
        source: Source,
    ) -> Operation[Commanded]:
        now = self._clock()
        state, fact = answers.state_of_refund(refund), None
        if source is Source.POLL and (yield from self._may_be_another(provider, command)):
            state = CommandState.RESERVED
        if state is CommandState.RESERVED and command.state is CommandState.WAITING:
            state = CommandState.WAITING  # what was taken on once is not sent anew
        notices = provider.info.refund_notices
        if state is CommandState.DONE:
            fact = answers.refunded(record, refund, command, notices, now=now, source=source)
        elif state is CommandState.REFUSED:
            name = refund.provider_id if notices is RefundNotices.EACH else None
            fact = answers.refund_failed(
                record, command, refund.code, now=now, source=source, name=name
            )
        published = yield from self._end(
            command,
            state,
            fact,
            now,
            provider_id=refund.provider_id,
            code=refund.code,
            note=refund.message,
            look_after=_pause(provider, command),
        )
        return (yield from self._done(record, command, published, refund=refund))

    def _end(
        self,
        command: Command,
        state: CommandState,
        fact: PaymentProcessed | None,
        now: datetime,
        *,
        provider_id: str | None = None,
        code: str | None = None,
        note: str | None = None,
        look_after: timedelta | None = None,
    ) -> Operation[int]:
        """Record an answer and what it says of the command, in one transaction.

        Raises :class:`OutcomeUnknown` when the database does not take it: the provider has acted.
        """

        def body(conn: Connection) -> recording.Recorded:
            # The payment before its commands, as everywhere, so that none wait in a circle.
            rows.lock(conn, command.payment_id)
            new = command_store.finish(
                conn,
                command,
                state,
                clock=self._clock,
                provider_id=provider_id,
                code=code,
                note=note,
                look_after=look_after,
            )
            # That it came to nothing is told once, whoever hears of it first.
            told = fact is not None and answers.is_refusal(fact) and not new
            facts = () if fact is None or told else (fact,)
            recorded = recording.News(facts, "", now)(conn)
            # A notice may have been faster, when nobody knew yet what it was about.
            command_store.settle_all(conn, command.payment_id)
            return recorded

        try:
            recorded: recording.Recorded = yield Transact(body)
        except StoreUnavailable as error:
            raise OutcomeUnknown(
                f"the provider has answered, and the answer is not on record: {error}"
            ) from error
        return recorded.events

    # Asking.

    def _ask_about(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Found]:
        """What the provider says of a command, where it can be asked.

        What has no end by then is looked at later, also after a :class:`PaykitError`.
        """
        able = provider.capabilities
        try:
            if command.kind is CommandKind.REFUND and Capability.FETCH_REFUND in able:
                found = yield from self._ask_about_refund(provider, record, command)
            elif Capability.FETCH_PAYMENT in able:
                found = yield from self._ask_about_payment(provider, record, command)
            else:
                found = _nobody(record, command, "nobody can be asked")
        except PaykitError as error:
            yield from self._put_off(provider, command, error)
            raise
        if found.finding is Finding.TOLD and (found.done.command or command).state not in OPEN:
            return found
        left = yield from self._put_off(provider, command, found.note)
        return attrs.evolve(found, done=attrs.evolve(found.done, command=left))

    def _ask_about_refund(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Found]:
        ref = RefundRef(
            reference=command.reference or command.key,
            payment=record.ref,
            provider_id=command.provider_id,
            amount=command.amount,
        )
        try:
            refund: Refund = yield Talk(provider, lambda: provider.fetch_refund(ref))
        except (NotFound, Declined) as error:
            return _not_there(record, command, error)
        except InvalidRequest as error:
            return _nobody(record, command, str(error))
        done = yield from self._take_refund(provider, record, command, refund, Source.POLL)
        state = (done.command or command).state
        note = f"it is {refund.status}: {refund.message or refund.code or 'not a word more'}"
        finding = Finding.UNCLEAR if state is CommandState.RESERVED else Finding.TOLD
        return Found(finding, done, note)

    def _ask_about_payment(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Found]:
        try:
            payment, published = yield from self._ask_for(provider, record)
        except NotFound as error:
            return _not_there(record, command, error)
        except InvalidRequest as error:
            return _nobody(record, command, str(error))
        done = yield from self._done(record, command, published)
        note = f"the payment is {payment.status}, and nothing tells of it"
        if (done.command or command).state is not CommandState.RESERVED:
            return Found(Finding.TOLD, done, note)
        unclear = payment.status is PaymentStatus.UNKNOWN
        return Found(Finding.UNCLEAR if unclear else Finding.NOT_THERE, done, note)

    def _put_off(
        self,
        provider: Provider,
        command: Command,
        why: str | PaykitError,
        *,
        unsent: bool = False,
    ) -> Operation[Command | None]:
        """Look later what became of a command, or leave it to a person when it is too old.

        ``unsent``: it certainly did not arrive, and is still to be sent.
        """
        clock, asking = self._clock, provider.info.asking
        note = f"{type(why).__name__}: {why}" if isinstance(why, PaykitError) else why
        too_old = clock() - command.created_at >= asking.gives_up_after
        wait = _pause(provider, command, why)

        def body(conn: Connection) -> None:
            if unsent:
                command_store.take_back(conn, command)
            if too_old:
                command_store.give_up(conn, command, clock=clock, note=note)
            else:
                command_store.put_off(conn, command, clock=clock, note=note, look_after=wait)

        yield Transact(body)
        if too_old:
            log.warning(
                "the %s %s is left to a person: %s",
                command.kind,
                command.command_id,
                note,
                extra={
                    **about(provider),
                    "payment_id": command.payment_id,
                    "command_id": command.command_id,
                },
            )
        return (yield from self._reload(command))

    def _may_be_another(self, provider: Provider, command: Command) -> Operation[bool]:
        """Whether an answer about a refund may be about another one of the same payment."""
        if not provider.info.tells_last_refund_only:
            return False
        all_: Sequence[Command] = yield Read(
            lambda conn: command_store.of_payment(conn, command.payment_id)
        )
        return sum(one.kind is CommandKind.REFUND for one in all_) > 1

    def _ask_why(self, provider: Provider, record: PaymentRecord) -> Operation[int]:
        """After a refusal: what became of the hold, where the provider can be asked."""
        if Capability.FETCH_PAYMENT not in provider.capabilities:
            return 0
        now: PaymentRecord = yield Read(lambda conn: rows.load(conn, record.payment_id))
        try:
            return (yield from self._ask(provider, now))
        except PaykitError as error:
            log.warning(
                "could not ask %s after a refusal: %s",
                provider.key,
                error,
                extra={**about(provider, error), "payment_id": record.payment_id},
            )
            return 0

    def _done(
        self,
        record: PaymentRecord,
        command: Command,
        published: int,
        *,
        payment: Payment | None = None,
        refund: Refund | None = None,
    ) -> Operation[Commanded]:
        """What became of a command, with the record and the command as they are by now."""
        after: PaymentRecord = yield Read(lambda conn: rows.load(conn, record.payment_id))
        now = yield from self._reload(command)
        return Commanded(after, payment, published, refund=refund, command=now)

    def _reload(self, command: Command) -> Operation[Command | None]:
        found: Command | None = yield Read(_load(command.command_id))
        return found


def _load(command_id: str) -> Callable[[Connection], Command | None]:
    return lambda conn: command_store.load(conn, command_id)


def _not_there(record: PaymentRecord, command: Command, error: PaykitError) -> Found:
    return Found(Finding.NOT_THERE, Commanded(record, command=command), str(error))


def _nobody(record: PaymentRecord, command: Command, why: str) -> Found:
    return Found(Finding.NOBODY, Commanded(record, command=command), why)


def _pause(provider: Provider, command: Command, why: str | PaykitError | None = None) -> timedelta:
    asking = provider.info.asking
    wait: timedelta = asking.again_after * 2 ** min(max(command.attempts - 1, 0), 16)
    if isinstance(why, RateLimited) and why.retry_after is not None:
        wait = max(wait, timedelta(seconds=min(why.retry_after, asking.at_most.total_seconds())))
    # By its name each waits up to a tenth longer: what began together is not asked together.
    longer = 1 + spread(f"{command.command_id}|{command.attempts}") / 10
    return min(asking.at_most, wait) * longer
