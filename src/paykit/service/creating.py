"""Creating payments: reserved with a row, asked of the provider, recorded with the session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from ..errors import (
    Declined,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PaykitError,
    StoreUnavailable,
)
from ..events import PaymentProcessed, Source
from ..models import PaymentRequest, PaymentSession, PaymentStatus
from ..money import Money
from ..orders import OrderPlaced
from ..provider import Capability, Provider
from ..signing import fingerprint
from . import command_store, reserving, sessions
from .commanding import Commanding
from .commands import Command, Commanded, CommandKind, CommandState, Wanted
from .effects import Operation, Read, Talk, Transact, about, log
from .reserving import Reserved
from .schema import REFERENCE_LENGTH
from .state import PaymentRecord

S = PaymentStatus
_FIELD_LENGTHS: Final = {"reference": REFERENCE_LENGTH, "order_id": REFERENCE_LENGTH}


class Creating(Commanding):
    """New payments over a set of provider accounts."""

    def create(self, request: PaymentRequest, provider_key: str) -> Operation[PaymentSession]:
        """Reserve, ask the provider, record. A crash in between leaves a row to ask about."""
        provider = self.provider(provider_key)
        now = self._clock()
        reserved = yield from self._reserve_payment(request, provider, now)
        payment_id = reserved.record.payment_id
        if reserved.session is not None:
            return sessions.load(reserved.session, reserved.record)
        age = now - reserved.record.created_at
        again = request.token is not None and not reserved.new
        if again and not provider.info.may_repeat(Capability.CREATE_PAYMENT, age):
            raise InvalidRequest(
                f"{provider.info.title} may have forgotten the key of the first call, and would "
                "charge again: look there what became of it",
                field="reference",
            )
        asked = _with_payment_id(request, payment_id) if provider.info.keeps_metadata else request
        try:
            session: PaymentSession = yield Talk(provider, lambda: provider.create_payment(asked))
        except Declined as error:
            failed = self._fact(
                reserved.record,
                S.FAILED,
                request.amount,
                now,
                code=error.code,
                reason=error.reason,
            )
            yield Transact(lambda conn: reserving.record_answer(conn, payment_id, failed, now))
            raise
        except PaykitError as error:
            if error.sent is False and reserved.new:
                yield Transact(lambda conn: reserving.release(conn, reserved.record))
            raise
        session = attrs.evolve(session, payment_id=payment_id)
        fact = self._fact(
            reserved.record, session.status, session.amount, now, provider_id=session.provider_id
        )
        saved = sessions.dump(session)
        try:
            yield Transact(
                lambda conn: reserving.record_session(
                    conn, payment_id, saved, fact, now, expires_at=session.expires_at
                )
            )
        except StoreUnavailable as error:
            raise OutcomeUnknown(
                f"the provider has answered, and the answer is not on record: {error}"
            ) from error
        return session

    def reserve_payment(self, request: PaymentRequest, provider_key: str) -> Operation[Reserved]:
        """Write down a payment that :meth:`create` will ask for later, by the same request."""
        provider = self.provider(provider_key)
        return (yield from self._reserve_payment(request, provider, self._clock()))

    def handle_order_placed(self, event: OrderPlaced) -> Operation[Commanded]:
        """Take the money of an order: charge its token, capture its hold.

        Idempotent by the order: its payment is found by the id that it names, or by its reference.
        A payment that needs the payer, waits, or came to nothing, is left as it is, and so is a
        hold whose capture was refused.
        """
        provider = self.provider(event.provider)
        kept = yield from self._payment_of(event, provider)
        before = 0 if kept is None else kept.record.sequence
        if kept is None or (kept.session is None and kept.record.status is S.PENDING):
            kept = yield from self._charge(event, provider, kept)
        record = kept.record
        if record.status is S.AUTHORIZED:
            refused = yield from self._refused_capture(record)
            if refused is not None:
                return Commanded(record, published=record.sequence - before, command=refused)
            wanted = Wanted(
                kind=CommandKind.CAPTURE, payment_id=record.payment_id, amount=event.amount
            )
            try:
                done = yield from self.command(wanted)
            except Declined:
                command = yield from self._refused_capture(record)
                record = (yield from self._stored(record.payment_id)).record
                return Commanded(record, published=record.sequence - before, command=command)
            return attrs.evolve(done, published=done.record.sequence - before)
        return Commanded(record, published=record.sequence - before)

    def _payment_of(self, event: OrderPlaced, provider: Provider) -> Operation[Reserved | None]:
        """The payment of an order, if there is one. Raises :class:`InvalidRequest`."""
        named = event.payment_id
        kept: Reserved | None
        if named is not None:
            kept = yield Read(lambda conn: reserving.load_session(conn, named))
            if kept is None or not _is_of(kept.record, event, provider):
                raise InvalidRequest("is no payment of this order", field="payment_id")
        else:
            kept = yield Read(
                lambda conn: reserving.find(
                    conn, provider.name, provider.account, event.payment_reference
                )
            )
        if kept is not None and kept.record.amount != event.amount:
            raise InvalidRequest("is not what the payment is about", field="amount")
        return kept

    def _charge(
        self, event: OrderPlaced, provider: Provider, kept: Reserved | None
    ) -> Operation[Reserved]:
        """Charge the token of an order; what may have been charged before, only if that is safe."""
        if kept is not None:
            age = self._clock() - kept.record.created_at
            if event.token is None or not provider.info.may_repeat(Capability.CREATE_PAYMENT, age):
                return (yield from self._find_out(provider, kept.record))
        request = _request_of(event)
        try:
            session = yield from self.create(request, event.provider)
        except Declined:  # the event of it tells what the card said
            kept = yield Read(
                lambda conn: reserving.find(
                    conn, provider.name, provider.account, request.reference
                )
            )
            if kept is None:
                raise
            return kept
        return (yield from self._stored(session.payment_id or ""))

    def _find_out(self, provider: Provider, record: PaymentRecord) -> Operation[Reserved]:
        """What became of a charge that was never answered. Raises :class:`OutcomeUnknown`."""
        if Capability.FETCH_PAYMENT in provider.capabilities:
            try:
                yield from self._ask(provider, record)
            except (NotFound, InvalidRequest) as error:
                log.info(
                    "%s cannot tell of %s: %s",
                    provider.key,
                    record.payment_id,
                    error,
                    extra={**about(provider, error), "payment_id": record.payment_id},
                )
        kept = yield from self._stored(record.payment_id)
        if kept.record.status is S.PENDING:
            raise OutcomeUnknown(
                f"{provider.info.title} may have got the charge before, and might charge again: it "
                "is asked again later what became of it"
            )
        return kept

    def _refused_capture(self, record: PaymentRecord) -> Operation[Command | None]:
        """The capture of a hold that was refused, if one was."""
        known: Sequence[Command] = yield Read(
            lambda conn: command_store.of_payment(conn, record.payment_id)
        )
        refused = [
            one
            for one in known
            if one.kind is CommandKind.CAPTURE and one.state is CommandState.REFUSED
        ]
        return refused[-1] if refused else None

    def _stored(self, payment_id: str) -> Operation[Reserved]:
        kept: Reserved | None = yield Read(lambda conn: reserving.load_session(conn, payment_id))
        if kept is None:
            raise InvalidRequest("its payment is gone", field="order_id")
        return kept

    def _reserve_payment(
        self, request: PaymentRequest, provider: Provider, now: datetime
    ) -> Operation[Reserved]:
        if request.amount.currency not in provider.info.currencies:
            raise InvalidRequest(
                f"{provider.info.title} does not take {request.amount.currency}", field="currency"
            )
        draft = self._draft(request, provider, now)
        for name, length in _FIELD_LENGTHS.items():
            if len(getattr(draft, name)) > length:
                raise InvalidRequest(f"has at most {length} characters", field=name)
        charge, check_at = _charge_of(request), now + provider.info.asking.first_after
        reserved: Reserved = yield Transact(
            lambda conn: reserving.reserve(conn, draft, charge, check_at=check_at)
        )
        return reserved

    def _draft(self, request: PaymentRequest, provider: Provider, now: datetime) -> PaymentRecord:
        nothing = Money(0, request.amount.currency)
        return PaymentRecord(
            payment_id=f"pay_{self._new_id()}",
            order_id=request.order_id or request.reference,
            provider=provider.name,
            account=provider.account,
            reference=request.reference,
            amount=request.amount,
            capture=request.capture,
            status=S.PENDING,
            captured=nothing,
            refunded=nothing,
            received=nothing,
            created_at=now,
            updated_at=now,
        )

    def _fact(
        self,
        record: PaymentRecord,
        status: PaymentStatus,
        amount: Money,
        now: datetime,
        *,
        provider_id: str | None = None,
        code: str | None = None,
        reason: str | None = None,
    ) -> PaymentProcessed:
        """What the provider's own answer says, as a fact like any other."""
        name = f"api|{record.payment_id}|{status}"
        return PaymentProcessed(
            event_id=fingerprint(name.encode()),
            provider=record.provider,
            account=record.account,
            reference=record.reference,
            status=status,
            amount=amount,
            occurred_at=now,
            provider_id=provider_id,
            code=code,
            reason=reason,
            source=Source.API,
        )


def _is_of(record: PaymentRecord, event: OrderPlaced, provider: Provider) -> bool:
    mine = event.order_id, provider.name, provider.account
    return (record.order_id, record.provider, record.account) == mine


def _request_of(event: OrderPlaced) -> PaymentRequest:
    if event.token is None:
        raise InvalidRequest("names no payment and brings no token", field="token")
    return PaymentRequest(
        reference=event.payment_reference,
        order_id=event.order_id,
        amount=event.amount,
        token=event.token,
        description=event.description,
        return_url=event.return_url,
        off_session=event.off_session,
    )


def _charge_of(request: PaymentRequest) -> str | None:
    """What makes one charge another one; ``None`` where a page or a code is made to pay on."""
    if request.token is None:
        return None
    return fingerprint(f"{len(request.key)}|{request.key}|{request.token.value}".encode())


def _with_payment_id(request: PaymentRequest, payment_id: str) -> PaymentRequest:
    return attrs.evolve(request, metadata={**request.metadata, "payment_id": payment_id})
