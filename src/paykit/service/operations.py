"""What the service does with payments, written once: generators that yield effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ..errors import (
    Declined,
    InvalidRequest,
    MalformedDelivery,
    PaykitError,
    SignatureError,
    StaleDelivery,
    WebhookError,
)
from ..events import PaymentProcessed, Source, TransferReceived
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
from ..provider import Capability, Outcome, Provider
from ..signing import fingerprint
from . import store
from .accounts import answer_as_fact
from .effects import Operation, Read, Talk, Transact, log
from .holds import Holds
from .state import PaymentRecord


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


class Operations(Holds):
    """The operations over a set of provider accounts."""

    def create(self, request: PaymentRequest, provider_key: str) -> Operation[PaymentSession]:
        """Reserve, ask the provider, record. A crash in between leaves a row to ask about."""
        provider = self.provider(provider_key)
        if request.amount.currency not in provider.info.currencies:
            raise InvalidRequest(
                f"{provider.info.title} does not take {request.amount.currency}", field="currency"
            )
        now = self._clock()
        draft = self._draft(request, provider, now)
        charge = _charge_of(request)
        reserved: store.Reserved = yield Transact(lambda conn: store.reserve(conn, draft, charge))
        payment_id = reserved.record.payment_id
        if reserved.session is not None:
            return _load_session(reserved.session, reserved.record)
        age = now - reserved.record.created_at
        again = charge is not None and not reserved.new
        if again and not provider.info.may_repeat(Capability.CREATE_PAYMENT, age):
            raise InvalidRequest(
                f"{provider.info.title} may have forgotten the key of the first call, and would "
                "charge again: look there what became of it",
                field="reference",
            )
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
            log.error("could not store a delivery for %s: %s", provider.key, error)
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
        fact = answer_as_fact(found, payment, now, source=Source.API, about=key)
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
            capture=request.capture,
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


def _charge_of(request: PaymentRequest) -> str | None:
    """What makes one charge another one; ``None`` where a page or a code is made to pay on."""
    if request.token is None:
        return None
    return fingerprint(f"{len(request.key)}|{request.key}|{request.token.value}".encode())


def _with_payment_id(request: PaymentRequest, payment_id: str) -> PaymentRequest:
    return attrs.evolve(request, metadata={**request.metadata, "payment_id": payment_id})


#: Not decided yet, so an approval may still be waiting.
_OPEN: Final = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.UNKNOWN}
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
