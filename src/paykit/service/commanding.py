"""Capture, void and refund: written down, sent under one key, recorded once.

A crash or a silence in between leaves a command on record of which nobody knows whether it arrived.
:meth:`Commanding.resolve` finds out: by asking the provider, and by sending the same again only
where the provider surely does not act twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import Connection

from ..errors import (
    AuthenticationFailed,
    Declined,
    DuplicateReference,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    ProviderUnavailable,
    RateLimited,
    RequestInProgress,
    StoreUnavailable,
    UnsupportedOperation,
)
from ..events import Source
from ..models import Payment, Refund, RefundRequest
from ..provider import Provider
from . import answers, command_store
from .answering import Answering, Finding, Found
from .command_store import Reserved
from .commands import Command, Commanded, CommandKind, CommandState, Wanted
from .effects import Operation, Talk, Transact
from .state import PaymentRecord

#: After these the provider has certainly done nothing.
_DID_NOTHING: Final = (
    AuthenticationFailed,
    IdempotencyConflict,
    NotFound,
    ProviderUnavailable,
    RateLimited,
)
#: It was refused for good, by the provider or before it was sent.
_REFUSALS: Final = (Declined, InvalidRequest, UnsupportedOperation)


@attrs.frozen(slots=True)
class _Sent:
    """What came of sending, and the refusal if it was that."""

    done: Commanded
    refusal: PaykitError | None = None


class Commanding(Answering):
    """The commands over a set of provider accounts."""

    def command(self, wanted: Wanted) -> Operation[Commanded]:
        """Do what is wanted, unless our record has it as done."""
        _, provider = yield from self._to_command(wanted.payment_id, wanted.kind.capability)
        reserved = yield from self._reserve(provider, wanted, send=True)
        command = reserved.command
        if command is None or not reserved.mine:
            return Commanded(reserved.record, command=command)
        if reserved.again and not self._may_repeat(provider, command):
            found = yield from self._ask_about(provider, reserved.record, command)
            if found.finding is not Finding.TOLD:
                raise OutcomeUnknown(
                    f"{provider.info.title} may have got the {wanted.kind} before, and might act "
                    "twice on one more: it is asked again later what became of it"
                )
            return found.done
        sent = yield from self._send(provider, reserved, command)
        if sent.refusal is not None:
            raise sent.refusal
        return sent.done

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
            return (yield from self._send_first(provider, reserved, command))
        found = yield from self._ask_about(provider, record, command)
        left = found.done.command
        is_open = left is not None and left.state is CommandState.RESERVED
        if left is None or not is_open or left.given_up_at is not None:
            return found.done
        if not self._may_repeat(provider, left):
            return found.done
        again = attrs.evolve(reserved, record=found.done.record, again=True)
        sent = yield from self._send(provider, again, left)
        published = found.done.published + sent.done.published
        return attrs.evolve(sent.done, published=published)

    def _send_first(
        self, provider: Provider, reserved: Reserved, command: Command
    ) -> Operation[Commanded]:
        """Send what was written down to be sent later, unless somebody else has done so by now."""
        now = self._clock()

        def body(conn: Connection) -> Reserved | None:
            is_refund = command.kind is CommandKind.REFUND
            name_it = _namer(provider, now) if is_refund else None
            return command_store.mark_sent(conn, command, name_it, clock=self._clock)

        try:
            marked: Reserved | None = yield Transact(body)
        except InvalidRequest as error:
            return (yield from self._refused(provider, reserved.record, command, error))
        if marked is None or marked.command is None:
            return Commanded(reserved.record, command=(yield from self._reload(command)))
        sent = yield from self._send(provider, marked, marked.command)
        return sent.done

    def _reserve(self, provider: Provider, wanted: Wanted, *, send: bool) -> Operation[Reserved]:
        command_id, now = f"cmd_{self._new_id()}", self._clock()
        if wanted.kind is CommandKind.REFUND:
            wanted = attrs.evolve(wanted, name_it=_namer(provider, now))
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

    def _send(self, provider: Provider, reserved: Reserved, command: Command) -> Operation[_Sent]:
        record = reserved.record
        try:
            answer = yield from self._say(provider, record, command)
        except _REFUSALS as error:
            return (yield from self._refusal(provider, reserved, command, error))
        except DuplicateReference as error:
            # It is there already, so the first call has arrived: what became of it?
            return (yield from self._look_up(provider, record, command, error))
        except PaykitError as error:
            yield from self._unanswered(provider, reserved, command, error)
            raise
        if isinstance(answer, Refund):
            taken = self._take_refund(provider, record, command, answer, Source.API)
        else:
            taken = self._take_payment(provider, record, command, answer)
        return _Sent((yield from taken))

    def _say(
        self, provider: Provider, record: PaymentRecord, command: Command
    ) -> Operation[Payment | Refund]:
        answer: Payment | Refund
        match command.kind:
            case CommandKind.CAPTURE:
                answer = yield Talk(
                    provider,
                    lambda: provider.capture(
                        record.ref, command.amount, idempotency_key=command.key, final=command.final
                    ),
                )
            case CommandKind.VOID:
                answer = yield Talk(
                    provider, lambda: provider.void(record.ref, idempotency_key=command.key)
                )
            case CommandKind.REFUND:
                asked = _refund_request(record, command)
                answer = yield Talk(provider, lambda: provider.refund(asked))
        return answer

    def _refusal(
        self, provider: Provider, reserved: Reserved, command: Command, error: PaykitError
    ) -> Operation[_Sent]:
        """Believe a refusal; of a repeat only after asking."""
        record, by_provider = reserved.record, isinstance(error, Declined)
        if reserved.new and not by_provider:
            # The caller hears of it, and nobody else waits for anything.
            yield Transact(lambda conn: command_store.forget(conn, command))
            raise error
        if reserved.again:
            # What is refused now may be so because the first call succeeded.
            found = yield from self._ask_why_refused(provider, record, command, error)
            if found.finding is Finding.TOLD:
                return _Sent(found.done)
            if found.finding is Finding.UNCLEAR or not (
                by_provider or found.finding is Finding.NOT_THERE
            ):
                raise OutcomeUnknown(
                    f"{provider.info.title} may have got the {command.kind} before: it is asked "
                    "again later what became of it"
                ) from error
        return _Sent((yield from self._refused(provider, record, command, error)), error)

    def _refused(
        self, provider: Provider, record: PaymentRecord, command: Command, error: PaykitError
    ) -> Operation[Commanded]:
        now = self._clock()
        code = error.code if isinstance(error, Declined) else None
        note = error.message if isinstance(error, Declined) else str(error)
        if command.kind is CommandKind.REFUND:
            fact = answers.refund_failed(record, command, code, now=now, source=Source.API)
        else:
            fact = answers.refused(record, command, code, now=now)
        published = yield from self._end(
            command, CommandState.REFUSED, fact, now, code=code, note=note
        )
        if command.kind is not CommandKind.REFUND and isinstance(error, Declined):
            published += yield from self._ask_why(provider, record)
        return (yield from self._done(record, command, published))

    def _ask_why_refused(
        self, provider: Provider, record: PaymentRecord, command: Command, error: PaykitError
    ) -> Operation[Found]:
        try:
            return (yield from self._ask_about(provider, record, command))
        except StoreUnavailable:
            raise
        except PaykitError as why:
            raise OutcomeUnknown(
                f"{provider.info.title} said {type(error).__name__} to a repeat of the "
                f"{command.kind}, and cannot be asked now what became of it: {why}"
            ) from error

    def _look_up(
        self, provider: Provider, record: PaymentRecord, command: Command, error: PaykitError
    ) -> Operation[_Sent]:
        found = yield from self._ask_why_refused(provider, record, command, error)
        if found.finding is not Finding.TOLD:
            raise OutcomeUnknown(
                f"{provider.info.title} knows the {command.kind} already: it is asked again later "
                "what became of it"
            ) from error
        return _Sent(found.done)

    def _unanswered(
        self, provider: Provider, reserved: Reserved, command: Command, error: PaykitError
    ) -> Operation[None]:
        """Keep what may have arrived; of what certainly did not, keep that it is to be sent."""
        at_work = isinstance(error, RequestInProgress)
        nothing = error.sent is False or (isinstance(error, _DID_NOTHING) and not at_work)
        if not nothing or reserved.again:
            yield from self._put_off(provider, command, error)
        elif reserved.new:
            yield Transact(lambda conn: command_store.forget(conn, command))
        else:
            yield from self._put_off(provider, command, error, unsent=True)


def _namer(provider: Provider, now: datetime) -> command_store.NameIt:
    def name_it(record: PaymentRecord, number: int) -> str:
        return provider.refund_reference(record.ref, number, at=now)

    return name_it


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
