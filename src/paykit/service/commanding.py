"""Capture, void and refund: written down, sent under one key, recorded once.

A crash or a silence in between leaves a command on record of which nobody knows whether it arrived.
:meth:`Commanding.resolve` finds out: by asking the provider, and by sending the same again only
where the provider surely does not act twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import Connection

from ..errors import (
    AuthenticationFailed,
    Declined,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    ProviderUnavailable,
    RateLimited,
)
from ..events import PaymentProcessed, Source
from ..models import Payment, Refund, RefundRef, RefundRequest, RefundStatus
from ..provider import Capability, Provider
from . import command_store, commands, recording, rows
from .accounts import Accounts
from .command_store import Reserved
from .commands import Command, Commanded, CommandKind, CommandState, Wanted
from .effects import Operation, Read, Talk, Transact, log
from .state import PaymentRecord

#: After these the provider has certainly done nothing.
_DID_NOTHING: Final = (AuthenticationFailed, NotFound, ProviderUnavailable, RateLimited)
_REFUND_STATES: Final = {
    RefundStatus.SUCCEEDED: CommandState.DONE,
    RefundStatus.PENDING: CommandState.WAITING,
    RefundStatus.FAILED: CommandState.REFUSED,
    RefundStatus.UNKNOWN: CommandState.RESERVED,
}


class Commanding(Accounts):
    """The commands over a set of provider accounts."""

    def command(self, wanted: Wanted) -> Operation[Commanded]:
        """Do what is wanted, unless our record has it as done."""
        _, provider = yield from self._to_command(wanted.payment_id, wanted.kind.capability)
        reserved = yield from self._reserve(provider, wanted, send=True)
        if reserved.command is None or not reserved.mine:
            return Commanded(reserved.record, command=reserved.command)
        if reserved.again and not self._may_repeat(provider, reserved.command):
            done = yield from self.resolve(reserved)
            if done.command is not None and done.command.state is CommandState.RESERVED:
                raise OutcomeUnknown(
                    f"{provider.info.title} may have got the {wanted.kind} before, and might act "
                    "twice on one more: it is asked again later what became of it"
                )
            return done
        return (yield from self._send(provider, reserved.record, reserved.command))

    def reserve_command(self, wanted: Wanted) -> Operation[Commanded]:
        """Write down what is wanted, to be sent later."""
        _, provider = yield from self._to_command(wanted.payment_id, wanted.kind.capability)
        reserved = yield from self._reserve(provider, wanted, send=False)
        return Commanded(reserved.record, command=reserved.command)

    def resolve(self, reserved: Reserved) -> Operation[Commanded]:
        """Find out what became of a command, and send it if it did not arrive.

        Raises :class:`PaykitError` when the provider cannot be asked at present.
        """
        command, record = reserved.command, reserved.record
        if command is None:
            return Commanded(record)
        provider = self._provider_of(record)
        if command.sent_at is None:
            now = self._clock()

            def name_it(number: int) -> str:
                return provider.refund_reference(record.ref, number, at=now)

            sent: Command = yield Transact(
                lambda conn: command_store.mark_sent(conn, command, name_it, clock=self._clock)
            )
            return (yield from self._send(provider, record, sent))
        done = yield from self._ask_about(provider, record, command)
        left = done.command
        if left is None or left.state is not CommandState.RESERVED:
            return done
        if self._may_repeat(provider, left):
            return (yield from self._send(provider, done.record, left))
        return done

    def _reserve(self, provider: Provider, wanted: Wanted, *, send: bool) -> Operation[Reserved]:
        command_id, now = f"cmd_{self._new_id()}", self._clock()
        if wanted.kind is CommandKind.REFUND:
            wanted = _named(wanted, provider, now)
        reserved: Reserved = yield Transact(
            lambda conn: command_store.reserve(
                conn, wanted, command_id=command_id, clock=self._clock, send=send
            )
        )
        return reserved

    def _may_repeat(self, provider: Provider, command: Command) -> bool:
        if command.sent_at is None:
            return True
        return provider.info.may_repeat(command.kind.capability, self._clock() - command.sent_at)

    # Sending.

    def _send(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Commanded]:
        try:
            match command.kind:
                case CommandKind.CAPTURE:
                    answer = yield Talk(
                        provider,
                        lambda: provider.capture(
                            record.ref,
                            command.amount,
                            idempotency_key=command.key,
                            final=command.final,
                        ),
                    )
                case CommandKind.VOID:
                    answer = yield Talk(
                        provider, lambda: provider.void(record.ref, idempotency_key=command.key)
                    )
                case CommandKind.REFUND:
                    asked = _refund_request(record, command)
                    answer = yield Talk(provider, lambda: provider.refund(asked))
        except Declined as error:
            if command.attempts > 1 and command.sent_at is not None:
                # What is refused now may be so because the first call succeeded.
                done = yield from self._ask_about(provider, record, command)
                if done.command is None or done.command.state is not CommandState.RESERVED:
                    return done
            yield from self._refused(provider, record, command, error)
            raise
        except PaykitError as error:
            yield from self._unanswered(provider, command, error)
            raise
        if isinstance(answer, Refund):
            return (yield from self._take_refund(provider, record, command, answer, Source.API))
        return (yield from self._take_payment(provider, record, command, answer))

    def _refused(
        self, provider: Provider, record: PaymentRecord, command: Command, error: Declined
    ) -> Operation[None]:
        now = self._clock()
        match command.kind:
            case CommandKind.CAPTURE:
                fact = commands.refused(record, error, command.amount, key=command.key, now=now)
            case CommandKind.VOID:
                fact = commands.refused_void(record, error, key=command.key, now=now)
            case CommandKind.REFUND:
                fact = commands.refund_failed(record, command, error.code, now, Source.API)
        yield from self._end(
            command, CommandState.REFUSED, fact, now, code=error.code, note=error.message
        )
        if command.kind is not CommandKind.REFUND:
            yield from self._ask_why(provider, record)

    def _unanswered(
        self, provider: Provider, command: Command, error: PaykitError
    ) -> Operation[None]:
        """Keep what may have arrived; forget what certainly did not."""
        first = command.attempts <= 1
        if first and (error.sent is False or isinstance(error, _DID_NOTHING)):
            yield Transact(lambda conn: command_store.forget(conn, command))
            return
        wait = provider.info.asking.first_after
        note = f"{type(error).__name__}: {error}"
        yield Transact(
            lambda conn: command_store.finish(
                conn, command, command.state, clock=self._clock, note=note, look_after=wait
            )
        )

    # Taking answers.

    def _take_payment(
        self, provider: Provider, record: PaymentRecord, command: Command, payment: Payment
    ) -> Operation[Commanded]:
        now = self._clock()
        if command.kind is CommandKind.CAPTURE:
            fact = commands.captured(record, payment, command.amount, key=command.key, now=now)
        else:
            fact = commands.voided(record, payment, key=command.key, now=now)
        published = yield from self._end(
            command,
            commands.state_of(command.kind, payment),
            fact,
            now,
            provider_id=payment.transaction_id,
            code=payment.code,
            look_after=provider.info.asking.first_after,
        )
        after = yield from self._after(record)
        return Commanded(after, payment, published, command=(yield from self._reload(command)))

    def _take_refund(
        self,
        provider: Provider,
        record: PaymentRecord,
        command: Command,
        refund: Refund,
        source: Source,
    ) -> Operation[Commanded]:
        now = self._clock()
        state = _REFUND_STATES[refund.status]
        if source is Source.POLL and (yield from self._may_be_another(provider, command)):
            state = CommandState.RESERVED
        fact = None
        if state is CommandState.DONE:
            fact = commands.refunded(record, refund, command, now, source)
        elif state is CommandState.REFUSED:
            fact = commands.refund_failed(record, command, refund.code, now, source)
        elif command.state is CommandState.WAITING:
            state = CommandState.WAITING  # what was taken on once is not sent anew
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
        after = yield from self._after(record)
        return Commanded(
            after, None, published, refund=refund, command=(yield from self._reload(command))
        )

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
        """Record an answer and what it says of the command, in one transaction."""

        def body(conn: Connection) -> recording.Recorded:
            # The payment before its commands, as everywhere, so that none wait in a circle.
            rows.lock(conn, command.payment_id)
            command_store.finish(
                conn,
                command,
                state,
                clock=self._clock,
                provider_id=provider_id,
                code=code,
                note=note,
                look_after=look_after,
            )
            facts = () if fact is None else (fact,)
            return recording.News(facts, "", now)(conn)

        recorded: recording.Recorded = yield Transact(body)
        return recorded.events

    # Asking.

    def _ask_about(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Commanded]:
        """What the provider says of a command, where it can be asked."""
        able = provider.capabilities
        if command.kind is CommandKind.REFUND and Capability.FETCH_REFUND in able:
            ref = _refund_ref(record, command)
            try:
                refund: Refund = yield Talk(provider, lambda: provider.fetch_refund(ref))
            except NotFound as error:
                return (yield from self._look_later(provider, record, command, str(error)))
            return (yield from self._take_refund(provider, record, command, refund, Source.POLL))
        if Capability.FETCH_PAYMENT in able:
            published = yield from self._ask(provider, record)
            after = yield from self._after(record)
            now = yield from self._reload(command)
            if now is None or now.state is not command.state:
                return Commanded(after, None, published, command=now)
            record = after
        return (yield from self._look_later(provider, record, command, "no news of it"))

    def _look_later(
        self, provider: Provider, record: PaymentRecord, command: Command, note: str
    ) -> Operation[Commanded]:
        """Wait for news, or leave it to a person when it is too old for any."""
        age = self._clock() - command.created_at
        clock = self._clock
        if age >= provider.info.asking.gives_up_after:
            yield Transact(
                lambda conn: command_store.give_up(conn, command, clock=clock, note=note)
            )
        else:
            wait = _pause(provider, command)
            yield Transact(
                lambda conn: command_store.finish(
                    conn, command, command.state, clock=clock, note=note, look_after=wait
                )
            )
        return Commanded(record, command=(yield from self._reload(command)))

    def _may_be_another(self, provider: Provider, command: Command) -> Operation[bool]:
        """Whether an answer about a refund may be about another one of the same payment."""
        if not provider.info.tells_last_refund_only:
            return False
        all_: Sequence[Command] = yield Read(
            lambda conn: command_store.of_payment(conn, command.payment_id)
        )
        return sum(one.kind is CommandKind.REFUND for one in all_) > 1

    def _ask_why(self, provider: Provider, record: PaymentRecord) -> Operation[None]:
        """After a refusal: what became of the hold, where the provider can be asked."""
        if Capability.FETCH_PAYMENT not in provider.capabilities:
            return
        now = yield from self._after(record)
        try:
            yield from self._ask(provider, now)
        except PaykitError as error:
            log.warning("could not ask %s after a refusal: %s", provider.key, error)

    def _after(self, record: PaymentRecord) -> Operation[PaymentRecord]:
        after: PaymentRecord = yield Read(lambda conn: rows.load(conn, record.payment_id))
        return after

    def _reload(self, command: Command) -> Operation[Command | None]:
        found: Command | None = yield Read(
            lambda conn: command_store.load(conn, command.command_id)
        )
        return found


def _pause(provider: Provider, command: Command) -> timedelta:
    asking = provider.info.asking
    doublings: int = 2 ** min(max(command.attempts - 1, 0), 16)
    return min(asking.at_most, asking.again_after * doublings)


def _named(wanted: Wanted, provider: Provider, now: datetime) -> Wanted:
    def name_it(record: PaymentRecord, number: int) -> str:
        return provider.refund_reference(record.ref, number, at=now)

    return attrs.evolve(wanted, name_it=name_it)


def _refund_request(record: PaymentRecord, command: Command) -> RefundRequest:
    if command.reference is None:
        raise InvalidRequest("a refund without a reference", field="reference")
    return RefundRequest(
        payment=record.ref,
        reference=command.reference,
        amount=command.amount,
        description=command.description,
        idempotency_key=command.key,
    )


def _refund_ref(record: PaymentRecord, command: Command) -> RefundRef:
    return RefundRef(
        reference=command.reference or command.key,
        payment=record.ref,
        provider_id=command.provider_id,
        amount=command.amount,
    )
