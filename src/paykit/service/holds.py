"""Taking held funds and letting them go: asked by our record, sent under one key, recorded once."""

from __future__ import annotations

from datetime import datetime

from ..errors import Declined, PaykitError
from ..events import PaymentProcessed
from ..models import Payment
from ..money import Money
from ..provider import Capability, Provider
from . import commands, ledger, store
from .accounts import Accounts
from .commands import Commanded
from .effects import Operation, Read, Talk, log
from .state import PaymentRecord


class Holds(Accounts):
    """Capture and void."""

    def capture(
        self,
        payment_id: str,
        amount: Money | None,
        *,
        idempotency_key: str | None,
        final: bool,
    ) -> Operation[Commanded]:
        """Take held funds, unless our record has it as done."""
        record, provider = yield from self._to_command(payment_id, Capability.CAPTURE)
        refused: int = yield Read(lambda conn: ledger.count_refused(conn, record))
        # A key that has its answer is not sent again, whatever happened to the payment since.
        asked = idempotency_key or (
            None if amount is None else commands.capture_key(record, amount, refused)
        )
        if asked is not None and (yield from self._is_answered(record, asked)):
            return Commanded(record)
        money = commands.to_capture(record, amount)
        if money is None:
            return Commanded(record)
        key = asked or commands.capture_key(record, money, refused)
        if (yield from self._is_answered(record, key)):
            return Commanded(record)
        try:
            payment: Payment = yield Talk(
                provider,
                lambda: provider.capture(record.ref, money, idempotency_key=key, final=final),
            )
        except Declined as error:
            now = self._clock()
            yield from self._record(commands.refused(record, error, money, key=key, now=now), now)
            yield from self._ask_why(provider, record)
            raise
        now = self._clock()
        fact = commands.captured(record, payment, money, key=key, now=now)
        return (yield from self._commanded(record, payment, fact, now))

    def void(self, payment_id: str, *, idempotency_key: str | None) -> Operation[Commanded]:
        """Release held funds, unless our record has it as done."""
        record, provider = yield from self._to_command(payment_id, Capability.VOID)
        key = idempotency_key or commands.void_key(record)
        if (yield from self._is_answered(record, key)) or not commands.is_to_void(record):
            return Commanded(record)
        try:
            payment: Payment = yield Talk(
                provider, lambda: provider.void(record.ref, idempotency_key=key)
            )
        except Declined as error:
            now = self._clock()
            yield from self._record(commands.refused_void(record, error, key=key, now=now), now)
            yield from self._ask_why(provider, record)
            raise
        now = self._clock()
        fact = commands.voided(record, payment, key=key, now=now)
        return (yield from self._commanded(record, payment, fact, now))

    def _is_answered(self, record: PaymentRecord, key: str) -> Operation[bool]:
        answers = commands.answers_to(record, key)
        known: bool = yield Read(lambda conn: store.knows(conn, record, answers))
        return known

    def _commanded(
        self, record: PaymentRecord, payment: Payment, fact: PaymentProcessed, now: datetime
    ) -> Operation[Commanded]:
        published = yield from self._record(fact, now)
        after: PaymentRecord = yield Read(lambda conn: store.load(conn, record.payment_id))
        return Commanded(after, payment, published)

    def _ask_why(self, provider: Provider, record: PaymentRecord) -> Operation[None]:
        """After a refusal: what became of the hold, where the provider can be asked."""
        if Capability.FETCH_PAYMENT not in provider.capabilities:
            return
        try:
            yield from self._ask(provider, record)
        except PaykitError as error:
            log.warning("could not ask %s after a refusal: %s", provider.key, error)
