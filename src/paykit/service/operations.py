"""What the service does, written once: generators that yield effects.

An effect is a transaction, a read, or a provider's flow. The two facades perform them, one by
blocking and one by awaiting; nothing here knows which.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

import attrs
from sqlalchemy import Connection

from ..errors import (
    ConfigurationError,
    Declined,
    InvalidRequest,
    MalformedDelivery,
    PaykitError,
    SignatureError,
    StaleDelivery,
    UnsupportedOperation,
    WebhookError,
)
from ..events import PaymentProcessed, Source, TransferReceived
from ..flow import Flow
from ..http import Delivery, Reply
from ..models import (
    ConfirmInClient,
    FormPost,
    HandleInClient,
    NextAction,
    Nothing,
    Payment,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    Redirect,
    ShowQr,
)
from ..money import Money
from ..provider import Capability, Clock, IdFactory, Outcome, Provider
from ..signing import fingerprint
from . import commands, store
from .commands import Commanded
from .state import PaymentRecord

T = TypeVar("T")
log = logging.getLogger("paykit.service")


@attrs.frozen(slots=True)
class Transact:
    """Run ``body`` in a transaction that is on disk before the answer comes."""

    body: Callable[[Connection], Any]


@attrs.frozen(slots=True)
class Read:
    """Run ``body`` on a connection that only reads."""

    body: Callable[[Connection], Any]


@attrs.frozen(slots=True)
class Talk:
    """Drive a provider's flow over that provider's transport."""

    provider: Provider
    flow: Callable[[], Flow[Any]]


Effect: TypeAlias = Transact | Read | Talk
Operation: TypeAlias = Generator[Effect, Any, T]


@attrs.frozen(slots=True)
class Receipt:
    """What became of a delivery: the reply for the provider, and what it meant."""

    outcome: Outcome
    reply: Reply
    error: PaykitError | None = None
    published: int = 0


@attrs.frozen(slots=True)
class ReturnInfo:
    """What a browser's return tells: whether it is genuine, and the state in *our* record."""

    verified: bool
    record: PaymentRecord | None
    published: int = 0
    onward: NextAction | None = None  #: what the payer has to do once more


_OUTCOMES: Final[Mapping[type[WebhookError], Outcome]] = {
    SignatureError: Outcome.BAD_SIGNATURE,
    StaleDelivery: Outcome.STALE,
    MalformedDelivery: Outcome.MALFORMED,
}


class Operations:
    """The operations over a set of provider accounts."""

    def __init__(self, providers: Iterable[Provider], clock: Clock, new_id: IdFactory) -> None:
        self._providers: dict[str, Provider] = {}
        for provider in providers:
            if provider.key in self._providers:
                raise ConfigurationError(f"the account {provider.key} is configured twice")
            for other in self._providers.values():
                if _same_but_for_its_name(provider, other):
                    # One notice would be genuine for both, and pay a payment of each.
                    raise ConfigurationError(f"{provider.key} and {other.key} are one account")
            self._providers[provider.key] = provider
        self._clock = clock
        self._new_id = new_id

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The accounts by key (``momo``, ``momo-eu``)."""
        return self._providers

    def provider(self, key: str) -> Provider:
        """One account; raises :class:`ConfigurationError`."""
        try:
            return self._providers[key]
        except KeyError:
            known = ", ".join(self._providers) or "none"
            raise ConfigurationError(f"no provider account {key!r:.60}; there is {known}") from None

    def create(self, request: PaymentRequest, provider_key: str) -> Operation[PaymentSession]:
        """Reserve, ask the provider, record. A crash in between leaves a row to ask about."""
        provider = self.provider(provider_key)
        if request.amount.currency not in provider.info.currencies:
            raise InvalidRequest(
                f"{provider.info.title} does not take {request.amount.currency}", field="currency"
            )
        now = self._clock()
        draft = self._draft(request, provider, now)
        reserved: store.Reserved = yield Transact(lambda conn: store.reserve(conn, draft))
        payment_id = reserved.record.payment_id
        if reserved.session is not None:
            return _load_session(reserved.session, reserved.record)
        try:
            asked = (
                _with_payment_id(request, payment_id) if provider.info.keeps_metadata else request
            )
            session: PaymentSession = yield Talk(provider, lambda: provider.create_payment(asked))
        except Declined as error:
            failed = self._fact(
                reserved.record,
                PaymentStatus.FAILED,
                request.amount,
                now,
                code=error.code,
                reason=error.reason,
            )
            yield from self._record(failed, now)
            raise
        except PaykitError as error:
            if error.sent is False and reserved.new:
                yield Transact(lambda conn: store.release(conn, payment_id))
            raise
        session = attrs.evolve(session, payment_id=payment_id)
        fact = self._fact(
            reserved.record, session.status, session.amount, now, provider_id=session.provider_id
        )
        saved = _dump_session(session)
        yield Transact(
            lambda conn: store.record_session(
                conn, payment_id, saved, fact, expires_at=session.expires_at
            )
        )
        return session

    def receive(self, delivery: Delivery, provider_key: str) -> Operation[Receipt]:
        """Verify, store, then acknowledge: a 2xx is given only for what is on disk."""
        provider = self.provider(provider_key)
        try:
            verified = yield Talk(provider, lambda: provider.verify(delivery))
            events = provider.parse(verified)
        except WebhookError as error:
            log.warning("refused a delivery for %s: %s", provider.key, error)
            outcome = _OUTCOMES.get(type(error), Outcome.MALFORMED)
            return Receipt(outcome, provider.reply(outcome), error)
        except PaykitError as error:
            # Verification itself needed the network, and that failed: let the provider come again.
            log.warning("could not verify a delivery for %s: %s", provider.key, error)
            return Receipt(Outcome.TRY_AGAIN, provider.reply(Outcome.TRY_AGAIN), error)
        # A grant for a stored token is not kept: it is secret, and can be asked for again.
        facts = tuple(
            event for event in events if isinstance(event, PaymentProcessed | TransferReceived)
        )
        digest = hashlib.sha256(delivery.query + b"\n" + delivery.body).hexdigest()
        now = self._clock()
        try:
            recorded: store.Recorded = yield Transact(
                lambda conn: store.record_facts(conn, facts, digest=digest, now=now)
            )
        except PaykitError as error:
            log.error("could not store a delivery for %s: %s", provider.key, error)  # noqa: TRY400
            return Receipt(Outcome.TRY_AGAIN, provider.reply(Outcome.TRY_AGAIN), error)
        published = recorded.events
        for fact in facts:
            if isinstance(fact, PaymentProcessed) and fact.status is PaymentStatus.PENDING:
                try:
                    more, _onward = yield from self._complete(provider, fact.reference)
                    published += more
                except PaykitError as error:
                    log.warning("could not complete a payment at %s: %s", provider.key, error)
                    again = Outcome.TRY_AGAIN
                    return Receipt(again, provider.reply(again), error, published)
        if recorded.outcome in {Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE}:
            log.warning(
                "a delivery for %s needs a person: %s (its SHA-256 is %s)",
                provider.key,
                recorded.outcome,
                digest,
            )
        return Receipt(recorded.outcome, provider.reply(recorded.outcome), None, published)

    def receive_return(self, delivery: Delivery, provider_key: str) -> Operation[ReturnInfo]:
        """Check a browser's return and look up our record.

        The return itself changes nothing. Where the payer's approval still has to be turned into a
        payment, this is the moment, and the provider's answer to that counts.
        """
        provider = self.provider(provider_key)
        try:
            verified = yield Talk(provider, lambda: provider.verify_return(delivery))
            events = provider.parse(verified)
        except WebhookError as error:
            log.info("an unproven browser return for %s: %s", provider.key, error)
            return ReturnInfo(verified=False, record=None)
        except PaykitError as error:
            # The provider had to be asked, and that failed; its notice will tell.
            log.warning("could not check a browser return for %s: %s", provider.key, error)
            return ReturnInfo(verified=False, record=None)
        reference = (events[0].reference if events else None) or ""
        published, onward = 0, None
        try:
            published, onward = yield from self._complete(provider, reference)
            published += yield from self._ask_if_open(provider, reference)
        except PaykitError as error:
            log.warning("could not ask %s after a browser return: %s", provider.key, error)
        record = yield Read(
            lambda conn: store.find(conn, provider.name, provider.account, reference)
        )
        return ReturnInfo(verified=True, record=record, published=published, onward=onward)

    def refresh(self, payment_id: str) -> Operation[int]:
        """Ask the provider how a payment stands; returns how many events that published.

        An approval that neither a notice nor a return told of is turned into a payment here.
        """
        record, provider = yield from self._to_command(payment_id, Capability.FETCH_PAYMENT)
        published = yield from self._ask(provider, record)
        completed, _onward = yield from self._complete(provider, record.reference)
        return published + completed

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
        refused: int = yield Read(lambda conn: store.count_refused(conn, record))
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

    def _to_command(
        self, payment_id: str, capability: Capability
    ) -> Operation[tuple[PaymentRecord, Provider]]:
        record: PaymentRecord | None = yield Read(lambda conn: store.load(conn, payment_id))
        if record is None:
            raise InvalidRequest("there is no such payment", field="payment_id")
        provider = self._provider_of(record)
        if capability not in provider.capabilities:
            raise UnsupportedOperation(provider.name, capability.value)
        return record, provider

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

    def _record(self, fact: PaymentProcessed, now: datetime) -> Operation[int]:
        recorded: store.Recorded = yield Transact(
            lambda conn: store.record_facts(conn, (fact,), digest="", now=now)
        )
        return recorded.events

    def _ask(self, provider: Provider, record: PaymentRecord) -> Operation[int]:
        payment: Payment = yield Talk(provider, lambda: provider.fetch_payment(record.ref))
        now = self._clock()
        return (yield from self._record(_answer(record, payment, now, source=Source.POLL), now))

    def _ask_if_open(self, provider: Provider, reference: str) -> Operation[int]:
        """Ask about a payment whose payer is back, where no webhook tells, or one comes later."""
        wanted = provider.info.silent_on or provider.info.ask_on_return
        if not wanted or Capability.FETCH_PAYMENT not in provider.capabilities:
            return 0
        record: PaymentRecord | None = yield Read(
            lambda conn: store.find(conn, provider.name, provider.account, reference)
        )
        if record is None or record.status not in _OPEN:
            return 0
        return (yield from self._ask(provider, record))

    def _provider_of(self, record: PaymentRecord) -> Provider:
        for provider in self._providers.values():
            if (provider.name, provider.account) == (record.provider, record.account):
                return provider
        raise ConfigurationError(
            f"the account {record.account!r:.60} of {record.provider} is not configured here"
        )

    def _complete(
        self, provider: Provider, reference: str
    ) -> Operation[tuple[int, NextAction | None]]:
        """Turn the payer's approval into a payment.

        Returns how many events that published, and what the payer has to do once more, if the
        provider sends back for another way to pay. It is for providers where approving moves no
        money. They are asked for the state first, so a webhook and a return that come together
        complete the payment once.
        """
        if Capability.COMPLETE not in provider.capabilities:
            return 0, None
        record: PaymentRecord | None = yield Read(
            lambda conn: store.find(conn, provider.name, provider.account, reference)
        )
        if record is None or record.status not in _OPEN:
            return 0, None
        found = record
        # The same key until there is an answer, however often it is asked; then a new one, for the
        # former would only repeat a decline.
        answers: int = yield Read(lambda conn: store.count_answers(conn, found.payment_id))
        key = f"{found.payment_id}-complete-{answers}"
        payment: Payment = yield Talk(
            provider, lambda: provider.complete(found.ref, idempotency_key=key)
        )
        now = self._clock()
        fact = _answer(found, payment, now, source=Source.API, about=key)
        published = yield from self._record(fact, now)
        return published, payment.next

    def record_transfers(
        self, transfers: Iterable[TransferReceived], provider_key: str
    ) -> Operation[int]:
        """Take transfers that were learnt of otherwise; returns how many events that published."""
        provider = self.provider(provider_key)
        mine = tuple(transfers)
        for transfer in mine:
            if (transfer.provider, transfer.account) != (provider.name, provider.account):
                raise InvalidRequest("is another account's transfer", field="transfers")
            if transfer.amount.minor <= 0:
                raise InvalidRequest("is more than nothing: money that came in", field="transfers")
        now = self._clock()
        recorded: store.Recorded = yield Transact(
            lambda conn: store.record_facts(conn, mine, digest="", now=now)
        )
        return recorded.events

    def unmatched(self, after: TransferReceived | None) -> Operation[list[TransferReceived]]:
        """Transfers that no payment is known for."""
        found: list[TransferReceived] = yield Read(lambda conn: store.unmatched(conn, after))
        return found

    def assign(self, transfer: TransferReceived, payment_id: str) -> Operation[int]:
        """Count an unmatched transfer for a payment; returns how many events that published."""
        recorded: store.Recorded = yield Transact(
            lambda conn: store.assign(
                conn, transfer.provider, transfer.account, transfer.event_id, payment_id
            )
        )
        return recorded.events

    def status(self, payment_id: str) -> Operation[PaymentRecord | None]:
        """The record of one payment, or ``None``."""
        record: PaymentRecord | None = yield Read(lambda conn: store.load(conn, payment_id))
        return record

    def session(self, payment_id: str) -> Operation[PaymentSession | None]:
        """What the payer was told to do, or ``None``."""
        found: store.Reserved | None = yield Read(lambda conn: store.load_session(conn, payment_id))
        if found is None or found.session is None:
            return None
        return _load_session(found.session, found.record)

    def orphans(self, after: PaymentProcessed | None) -> Operation[list[PaymentProcessed]]:
        """Authentic facts about payments that are not ours, for a person to look at."""
        found: list[PaymentProcessed] = yield Read(lambda conn: store.orphans(conn, after))
        return found

    def _draft(self, request: PaymentRequest, provider: Provider, now: datetime) -> PaymentRecord:
        nothing = Money(0, request.amount.currency)
        return PaymentRecord(
            payment_id=f"pay_{self._new_id()}",
            order_id=request.order_id or request.reference,
            provider=provider.name,
            account=provider.account,
            reference=request.reference,
            amount=request.amount,
            status=PaymentStatus.PENDING,
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


def _with_payment_id(request: PaymentRequest, payment_id: str) -> PaymentRequest:
    return attrs.evolve(request, metadata={**request.metadata, "payment_id": payment_id})


def _same_but_for_its_name(one: Provider, other: Provider) -> bool:
    renamed = one.config.model_copy(update={"account": other.account})
    return one.name == other.name and renamed == other.config


#: Not decided yet, so an approval may still be waiting.
_OPEN: Final = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.UNKNOWN}
)


def _answer(
    record: PaymentRecord, payment: Payment, now: datetime, *, source: Source, about: str = ""
) -> PaymentProcessed:
    """What the provider says of a payment when asked, as a fact like any other.

    The same answer again is the same fact: whoever asks every minute fills no inbox. After other
    news it is another one, as a payment may fail, be tried again, and fail in the same way.
    """
    said = (payment.status, payment.amount, payment.captured, payment.refunded, payment.code)
    name = "|".join(map(str, (source, record.payment_id, record.sequence, *said, about)))
    return PaymentProcessed(
        event_id=fingerprint(name.encode()),
        provider=record.provider,
        account=record.account,
        reference=record.reference,
        status=payment.status,
        amount=payment.amount or record.amount,
        occurred_at=payment.occurred_at or now,
        provider_id=commands.id_told(record, payment),
        code=payment.code,
        reason=payment.reason,
        captured=payment.captured,
        refunded=payment.refunded,
        source=source,
    )


_ACTIONS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (Redirect, FormPost, ShowQr, ConfirmInClient, HandleInClient, Nothing)
}


def _dump_session(session: PaymentSession) -> str:
    return json.dumps(
        {
            "status": session.status.value,
            "kind": type(session.next).__name__,
            "next": attrs.asdict(session.next),
            "provider_id": session.provider_id,
            "created_at": session.created_at.isoformat(),
            "expires_at": session.expires_at.isoformat() if session.expires_at else None,
        },
        ensure_ascii=False,
    )


def _load_session(text: str, record: PaymentRecord) -> PaymentSession:
    saved = json.loads(text)
    expires_at = saved["expires_at"]
    return PaymentSession(
        provider=record.provider,
        reference=record.reference,
        status=record.status,
        next=_load_action(saved["kind"], saved["next"]),
        amount=record.amount,
        created_at=datetime.fromisoformat(saved["created_at"]),
        provider_id=record.provider_id or saved["provider_id"],
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        payment_id=record.payment_id,
    )


def _load_action(kind: str, values: dict[str, Any]) -> NextAction:
    if kind == "FormPost":
        return FormPost(values["url"], tuple((name, value) for name, value in values["fields"]))
    action: NextAction = _ACTIONS[kind](**values)
    return action
