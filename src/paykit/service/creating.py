"""Creating payments: reserved with a row, asked of the provider, recorded with the session."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from ..errors import Declined, InvalidRequest, PaykitError
from ..events import PaymentProcessed, Source
from ..models import PaymentRequest, PaymentSession, PaymentStatus
from ..money import Money
from ..orders import OrderPlaced
from ..provider import Capability, Provider
from ..signing import fingerprint
from . import reserving, rows, sessions
from .commanding import Commanding
from .commands import Commanded, CommandKind, Wanted
from .effects import Operation, Read, Talk, Transact
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
                yield Transact(lambda conn: reserving.release(conn, payment_id))
            raise
        session = attrs.evolve(session, payment_id=payment_id)
        fact = self._fact(
            reserved.record, session.status, session.amount, now, provider_id=session.provider_id
        )
        saved = sessions.dump(session)
        yield Transact(
            lambda conn: reserving.record_session(
                conn, payment_id, saved, fact, now, expires_at=session.expires_at
            )
        )
        return session

    def reserve_payment(self, request: PaymentRequest, provider_key: str) -> Operation[Reserved]:
        """Write down a payment that :meth:`create` will ask for later, by the same request."""
        provider = self.provider(provider_key)
        return (yield from self._reserve_payment(request, provider, self._clock()))

    def handle_order_placed(self, event: OrderPlaced) -> Operation[Commanded]:
        """Take the money of an order: charge its token, capture its hold.

        Idempotent by the order: its payment is found by the id that it names, or by its reference.
        A payment that needs the payer, waits, or came to nothing, is left as it is.
        """
        provider = self.provider(event.provider)
        record = yield from self._payment_of(event, provider)
        published = 0
        if record is None:
            try:
                yield from self.create(_request_of(event), event.provider)
            except Declined:
                published = 1  # the event of it tells what the card said
            record = yield from self._payment_of(event, provider)
            if record is None:
                raise InvalidRequest("its payment is gone", field="order_id")
        if record.status is not S.AUTHORIZED:
            return Commanded(record, published=published)
        wanted = Wanted(kind=CommandKind.CAPTURE, payment_id=record.payment_id, amount=event.amount)
        try:
            return (yield from self.command(wanted))
        except Declined:
            after = yield from self._after(record)
            return Commanded(after, published=1)

    def _payment_of(
        self, event: OrderPlaced, provider: Provider
    ) -> Operation[PaymentRecord | None]:
        named = event.payment_id
        if named is not None:
            found: PaymentRecord | None = yield Read(lambda conn: rows.load(conn, named))
            if found is None or (found.order_id, found.provider, found.account) != (
                event.order_id,
                provider.name,
                provider.account,
            ):
                raise InvalidRequest("is no payment of this order", field="payment_id")
        else:
            kept: Reserved | None = yield Read(
                lambda conn: reserving.find(
                    conn, provider.name, provider.account, event.payment_reference
                )
            )
            if kept is None or (kept.session is None and kept.record.status is S.PENDING):
                return None  # nobody asked yet, or nobody knows: the same call again finds out
            found = kept.record
        if found is not None and found.amount != event.amount:
            raise InvalidRequest("is not what the payment is about", field="amount")
        return found

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
