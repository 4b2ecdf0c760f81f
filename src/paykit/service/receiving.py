"""Receiving: webhooks, browser returns, bank transfers, and answers to our questions."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from ..errors import InvalidRequest, PaykitError, WebhookError
from ..events import PaymentProcessed, Source, TransferReceived
from ..http import Delivery, Reply
from ..info import refusal
from ..metrics import DELIVERIES, VERIFICATION_FAILURES
from ..models import NextAction, Payment, PaymentStatus
from ..provider import Capability, Outcome, Provider
from . import recording, rows
from .accounts import Accounts, answer_as_fact
from .effects import Operation, Read, Talk, Transact, about, log
from .recording import News, Recorded
from .state import PaymentRecord


@attrs.frozen(slots=True)
class Receipt:
    """What became of a delivery: the reply for the provider, and what it meant.

    ``payment_ids`` are those of the payments on record that it is about.
    """

    outcome: Outcome
    reply: Reply
    error: PaykitError | None = None
    published: int = 0
    payment_ids: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class ReturnInfo:
    """What a browser's return tells: whether it is genuine, and the state in *our* record."""

    verified: bool
    record: PaymentRecord | None
    published: int = 0
    onward: NextAction | None = None  #: what the payer has to do once more
    reference: None = None  #: only told where there are no records

    @property
    def payment_id(self) -> str | None:
        """Our id of the payment, if it is on record."""
        return None if self.record is None else self.record.payment_id

    @property
    def status(self) -> PaymentStatus | None:
        """How it stands in our record."""
        return None if self.record is None else self.record.status


#: Why a delivery is not proven, as the metric tells it.
_REASONS: Final[Mapping[Outcome, str]] = {
    Outcome.BAD_SIGNATURE: "signature",
    Outcome.STALE: "stale",
    Outcome.MALFORMED: "malformed",
    Outcome.TRY_AGAIN: "unreachable",
}
_FACTS: Final = (PaymentProcessed, TransferReceived)
_FOR_A_PERSON: Final = frozenset({Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE})
#: Not decided yet, so an approval may still be waiting.
_OPEN: Final = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.UNKNOWN}
)


class Receiving(Accounts):
    """What comes in over a set of provider accounts."""

    def receive(self, delivery: Delivery, provider_key: str) -> Operation[Receipt]:
        """Verify, store, then acknowledge: a 2xx is given only for what is on disk."""
        provider = self.provider(provider_key)
        self.tell_left_out()
        receipt = yield from self._take(delivery, provider)
        self._telemetry.count(DELIVERIES, provider.name, receipt.outcome.value)
        return receipt

    def _take(self, delivery: Delivery, provider: Provider) -> Operation[Receipt]:
        try:
            verified = yield Talk(provider, lambda: provider.verify(delivery))
            events = provider.parse(verified)
        except WebhookError as error:
            outcome = refusal(error)
            return self._unproven("refused a delivery for %s: %s", provider, error, outcome)
        except PaykitError as error:
            # Verification itself needed the network, and that failed: let the provider come again.
            again = Outcome.TRY_AGAIN
            return self._unproven("could not verify a delivery for %s: %s", provider, error, again)
        # A grant for a stored token is not kept: it is secret, and can be asked for again.
        facts = tuple([event for event in events if isinstance(event, _FACTS)])
        digest = hashlib.sha256(delivery.query + b"\n" + delivery.body).hexdigest()
        now = self._clock()
        try:
            recorded: Recorded = yield Transact(News(facts, digest, now))
        except PaykitError as error:
            self._tell(logging.ERROR, "could not store a delivery for %s: %s", provider, error)
            return Receipt(Outcome.TRY_AGAIN, provider.reply(Outcome.TRY_AGAIN), error)
        published = recorded.events
        for fact in facts:
            if isinstance(fact, PaymentProcessed) and fact.status is PaymentStatus.PENDING:
                try:
                    more, _onward = yield from self._complete(provider, fact.reference)
                    published += more
                except PaykitError as error:
                    self._tell(
                        logging.WARNING, "could not complete a payment at %s: %s", provider, error
                    )
                    again = Outcome.TRY_AGAIN
                    ids = recorded.payment_ids
                    return Receipt(again, provider.reply(again), error, published, ids)
        if recorded.outcome in _FOR_A_PERSON:
            log.warning(
                "a delivery for %s needs a person: %s (its SHA-256 is %s)",
                provider.key,
                recorded.outcome,
                digest,
                extra={
                    **about(provider),
                    "outcome": recorded.outcome.value,
                    "digest": digest,
                    "payment_ids": recorded.payment_ids,
                },
            )
        reply = provider.reply(recorded.outcome)
        return Receipt(recorded.outcome, reply, None, published, recorded.payment_ids)

    def _unproven(
        self, what: str, provider: Provider, error: PaykitError, outcome: Outcome
    ) -> Receipt:
        self._tell(logging.WARNING, what, provider, error)
        self._telemetry.count(VERIFICATION_FAILURES, provider.name, _REASONS[outcome])
        return Receipt(outcome, provider.reply(outcome), error)

    def receive_return(self, delivery: Delivery, provider_key: str) -> Operation[ReturnInfo]:
        """Check a browser's return and look up our record.

        The return itself changes nothing. Where the payer's approval still has to be turned into a
        payment, this is the moment, and the provider's answer to that counts.
        """
        provider = self.provider(provider_key)
        self.tell_left_out()
        try:
            verified = yield Talk(provider, lambda: provider.verify_return(delivery))
            events = provider.parse(verified)
        except WebhookError as error:
            self._tell(logging.INFO, "an unproven browser return for %s: %s", provider, error)
            return ReturnInfo(verified=False, record=None)
        except PaykitError as error:
            # The provider had to be asked, and that failed; its notice will tell.
            self._tell(
                logging.WARNING, "could not check a browser return for %s: %s", provider, error
            )
            return ReturnInfo(verified=False, record=None)
        reference = (events[0].reference if events else None) or ""
        published, onward = 0, None
        try:
            published, onward = yield from self._complete(provider, reference)
            published += yield from self._ask_if_open(provider, reference)
        except PaykitError as error:
            self._tell(
                logging.WARNING, "could not ask %s after a browser return: %s", provider, error
            )
        record = yield Read(
            lambda conn: rows.find(conn, provider.name, provider.account, reference)
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
            lambda conn: rows.find(conn, provider.name, provider.account, reference)
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
            lambda conn: rows.find(conn, provider.name, provider.account, reference)
        )
        if record is None or record.status not in _OPEN:
            return 0, None
        found = record
        # The same key until there is an answer, however often it is asked; then a new one, for the
        # former would only repeat a decline.
        answers: int = yield Read(lambda conn: recording.count_answers(conn, found.payment_id))
        key = f"{found.payment_id}-complete-{answers}"
        payment: Payment = yield Talk(
            provider, lambda: provider.complete(found.ref, idempotency_key=key)
        )
        now = self._clock()
        fact = answer_as_fact(found, payment, now, source=Source.API, about=key)
        published = yield from self._record(fact, now, as_of=found.sequence)
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
        recorded: Recorded = yield Transact(News(mine, "", now))
        return recorded.events

    # Logging.

    def _tell(self, level: int, what: str, provider: Provider, error: PaykitError) -> None:
        """Log what is wrong with something that came in; of a flood, the first of each minute."""
        if self._throttle.allows((provider, level, what)):
            log.log(level, what, provider.key, error, extra=about(provider, error))

    def tell_left_out(self, *, at_once: bool = False) -> None:
        """Log how many lines of a flood were left out, once its minute is over, or ``at_once``."""
        for (provider, level, what), count in self._throttle.left_out(at_once=at_once):
            log.log(
                level,
                "and %d more of these: %s",
                count,
                what % (provider.key, "…"),
                extra={**about(provider), "left_out": count},
            )
